//! Operations on categories.

use super::schema::{CategoryOut, PageOfCategories};
use super::{Included, deleted, resource};
use crate::access::resource::Kind;
use crate::access::{Caller, op};
use crate::catalog::view::{CatalogView, CategoryQuery};
use crate::http::answer::Cache;
use crate::http::fields::Known;
use crate::http::form::Columns;
use crate::http::{Answer, ApiResult, PageRequest, Params, path};
use crate::kernel::id::CategoryId;
use actix_web::{HttpRequest, get, web};
use bytes::Bytes;
use std::sync::LazyLock;

/// The columns of the list as CSV.
static COLUMNS: LazyLock<Columns> = LazyLock::new(Columns::of::<CategoryOut>);
static COLUMNS_WITH_DELETED: LazyLock<Columns> = LazyLock::new(deleted::columns::<CategoryOut>);

static KNOWN: LazyLock<Known> = LazyLock::new(Known::of::<CategoryOut>);
static KNOWN_WITH_DELETED: LazyLock<Known> = LazyLock::new(deleted::known::<CategoryOut>);

/// Categories
///
/// All categories in the order of their ids, or the children of one. Each names its path from the
/// root and how many products it has itself.
#[utoipa::path(
    operation_id = "list_categories", tag = "categories",
    params(
        ("parent_id" = Option<String>, Query, description = "Only the children of this category.", example = "cat_1mV0cT7dYq4"),
        ("updated_since" = Option<String>, Query, format = DateTime, description = "Only categories that changed at or after this instant. What follows from others, `path`, `level` and `product_count`, is no change. Let calls overlap by a minute: a change can be seen a little after its instant.", example = "2026-11-22T00:00:00Z"),
        ("include_deleted" = Option<bool>, Query, description = "Whether deleted categories come too, as `{\"id\", \"deleted\": true, \"deleted_at\", \"replaced_by\": null}` in the same order; as CSV in the columns `deleted` and `deleted_at`. With `updated_since`, and without other filters.", example = true),
        ("fields" = Option<String>, Query, description = "Only these fields, joined by commas; dots lead inwards.", example = "id,name,path.name"),
        ("include_total" = Option<bool>, Query, description = "Whether to count all categories of the list, in `total`.", example = true),
        ("limit" = Option<u32>, Query, description = "Most categories in the page, 1 to 200.", example = 50),
        ("cursor" = Option<String>, Query, description = "Where the page begins: take it from `next`.", example = "c7HqK2mXw9Pz000000000001A2b3C"),
    ),
    responses(
        (status = 200, description = "A page of categories.", body = PageOfCategories),
        (status = 304, description = "You hold this page already."),
    ),
)]
#[get("/v1/categories")]
pub(super) async fn list_categories(
    caller: Caller<op::ListCategories>,
    request: HttpRequest,
    view: web::Data<CatalogView>,
) -> ApiResult<Answer> {
    let mut params = Params::of(&request);
    let included = Included::of(&caller, &view);
    let query = CategoryQuery {
        parent: params.value("parent_id"),
        updated_since: params.value("updated_since"),
        grant: included.grant(),
    };
    let deleted = deleted::read(&mut params, query.updated_since, &["fields"]);
    let columns = if deleted.is_some() { &COLUMNS_WITH_DELETED } else { &COLUMNS };
    let page =
        PageRequest::read(&request, &mut params).with_columns(columns).with_total(&mut params);
    let fields = params.fields(if deleted.is_some() { &KNOWN_WITH_DELETED } else { &KNOWN });
    let page = page.with_fields(fields.as_ref());
    params.finish()?;
    if query.parent.is_some() {
        included.need("parent_id", Kind::Category, "parent_id")?;
    }
    let shown = |body: Bytes| {
        let body = included.cut(Kind::Category, body);
        match &fields {
            Some(fields) => fields.project(&body).into(),
            None => body,
        }
    };
    let (items, next) = match deleted {
        Some(since) => {
            let found =
                view.categories_with_deleted(query.grant, since, page.after()?, page.limit());
            let next = found.next_pair();
            (deleted::items(found.items, |body| Ok(shown(body)))?, next)
        }
        None => {
            let found = view.categories(&query, page.after()?, page.limit());
            let next = found.next_pair();
            (found.items.into_iter().map(shown).collect(), next)
        }
    };
    let total = page.wants_total().then(|| view.count_categories(&query));
    page.answer_counted::<Bytes>(&items, next, total, Cache::Long)
}

/// A category
///
/// One category by its id.
#[utoipa::path(
    operation_id = "get_category", tag = "categories",
    params(
        ("category_id" = String, Path, description = "The category.", example = "cat_5tR81kQmZx2"),
        ("fields" = Option<String>, Query, description = "Only these fields, joined by commas; dots lead inwards.", example = "id,name,path.name"),
    ),
    responses(
        (status = 200, description = "The category.", body = CategoryOut),
        (status = 304, description = "You hold this version already."),
        (status = 404, description = "There is no such category."),
        (status = 410, description = "The category was deleted."),
    ),
)]
#[get("/v1/categories/{category_id}")]
pub(super) async fn get_category(
    caller: Caller<op::GetCategory>,
    request: HttpRequest,
    category: web::Path<String>,
    view: web::Data<CatalogView>,
) -> ApiResult<Answer> {
    let mut params = Params::of(&request);
    let fields = params.fields(&KNOWN);
    params.finish()?;
    let id: CategoryId = path::id(&category, "category")?;
    let included = Included::of(&caller, &view);
    let found = view.category_within(included.grant(), id);
    let whole = resource(found, "category", &id, Cache::Long)?;
    let whole = included.answer(Kind::Category, whole);
    Ok(match fields {
        Some(fields) => {
            Answer::new(fields.project(&whole.body), Cache::Long, whole.records).of(whole.kind)
        }
        None => whole,
    })
}
