//! The tree of categories in one answer.

use super::Included;
use crate::access::resource::Kind;
use crate::access::{Caller, op};
use crate::catalog::view::{CatalogView, TreeNode, TreeRequest};
use crate::http::answer::Cache;
use crate::http::path::not_found;
use crate::http::{Answer, ApiError, ApiResult, Code, Params};
use crate::kernel::id::CategoryId;
use actix_web::{HttpRequest, get, web};
use serde::Serialize;
use serde_json::{Value, json};
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
    caller: Caller<op::GetCategoryTree>,
    request: HttpRequest,
    view: web::Data<CatalogView>,
) -> ApiResult<Answer> {
    let mut params = Params::new(request.query_string());
    let root: Option<CategoryId> = params.value("root");
    let depth = params.whole("depth", 1..=DEEPEST);
    params.finish()?;
    let included = Included::of(&caller, &view);
    let request = TreeRequest { root, depth, grant: included.grant() };
    let items = match (view.category_tree(&request), root) {
        (Some(items), _) => items,
        (None, Some(root)) => return Err(not_found("category", &root)),
        (None, None) => Vec::new(),
    };
    let records = items.iter().map(size).sum();
    let tree = TreeOut { items };
    if included.fields(Kind::Category).is_none() {
        return Ok(Answer::json(&tree, Cache::Long, records)?.with_texts());
    }
    let items = serde_json::to_value(&tree.items).map_err(|error| {
        tracing::error!(%error, "a tree could not be serialised");
        ApiError::new(Code::Internal, "The failure has been recorded; quote the request id.")
    })?;
    let tree = json!({ "items": cut(items, &included) });
    Ok(Answer::json(&tree, Cache::Long, records)?.with_texts())
}

/// A level of the tree without the fields that are left out, and those below it.
fn cut(mut nodes: Value, included: &Included) -> Value {
    let is_left = |name: &str| match name {
        "translations" => included.has_field(Kind::Category, "name"),
        "total_count" => included.has_field(Kind::Category, "product_count"),
        "name" | "level" | "product_count" => included.has_field(Kind::Category, name),
        _ => true,
    };
    for node in nodes.as_array_mut().into_iter().flatten().filter_map(Value::as_object_mut) {
        node.retain(|name, _| is_left(name));
        if let Some(children) = node.get_mut("children") {
            *children = cut(children.take(), included);
        }
    }
    nodes
}

fn size(node: &TreeNode) -> u32 {
    1 + node.children.iter().map(size).sum::<u32>()
}
