//! The tree of categories in one answer.

use crate::access::{Caller, op};
use crate::catalog::view::{CatalogView, TreeNode, TreeRequest};
use crate::http::answer::Cache;
use crate::http::path::not_found;
use crate::http::{Answer, ApiResult, Params};
use crate::kernel::id::CategoryId;
use actix_web::{HttpRequest, get, web};
use serde::Serialize;
use utoipa::ToSchema;

/// Deepest tree that can be asked for.
const DEEPEST: u32 = 32;

/// The tree of categories.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct TreeOut {
    /// The roots, by name; the one category that was asked for with `root`.
    items: Vec<TreeNode>,
}

/// The tree of categories
///
/// All categories in one answer, each below its parent, with the products in it and in all below
/// it. Ask for the first levels with `depth`, and for a part with `root`.
#[utoipa::path(
    operation_id = "get_category_tree", tag = "categories",
    params(
        ("root" = Option<String>, Query, description = "Begin with this category.", example = "cat_5tR81kQmZx2"),
        ("depth" = Option<u32>, Query, minimum = 1, maximum = 32, description = "How many levels, 1 to 32; all where it is left out.", example = 2),
    ),
    responses(
        (status = 200, description = "The tree.", body = TreeOut),
        (status = 304, description = "You hold this tree already."),
        (status = 404, description = "There is no such category."),
    ),
)]
#[get("/v1/categories/tree")]
pub(super) async fn get_category_tree(
    _caller: Caller<op::GetCategoryTree>,
    request: HttpRequest,
    view: web::Data<CatalogView>,
) -> ApiResult<Answer> {
    let mut params = Params::new(request.query_string());
    let root: Option<CategoryId> = params.value("root");
    let depth: Option<u32> = params.value("depth");
    if depth.is_some_and(|depth| !(1..=DEEPEST).contains(&depth)) {
        params.fault("depth", "out_of_range", format!("is a whole number from 1 to {DEEPEST}"));
    }
    params.finish()?;
    let request = TreeRequest { root, depth };
    let items = match (view.category_tree(&request), root) {
        (Some(items), _) => items,
        (None, Some(root)) => return Err(not_found("category", &root)),
        (None, None) => Vec::new(),
    };
    let records = items.iter().map(size).sum();
    Ok(Answer::json(&TreeOut { items }, Cache::Long, records)?.with_texts())
}

fn size(node: &TreeNode) -> u32 {
    1 + node.children.iter().map(size).sum::<u32>()
}
