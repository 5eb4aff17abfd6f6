//! Operations on promotions.

use super::schema::{PageOfPromotions, PromotionOut};
use super::{Included, deleted, resource};
use crate::access::resource::Kind;
use crate::access::{Caller, op};
use crate::catalog::offers::Channel;
use crate::catalog::view::{Audience, CatalogView, PromotionQuery};
use crate::http::answer::Cache;
use crate::http::form::Columns;
use crate::http::{Answer, ApiResult, PageRequest, Params, path};
use crate::kernel::id::{ProductId, PromotionId};
use crate::kernel::word::Word as _;
use crate::kernel::{Clock, Micros};
use actix_web::{HttpRequest, get, web};
use bytes::Bytes;
use std::sync::LazyLock;

/// The columns of the list as CSV.
static COLUMNS: LazyLock<Columns> = LazyLock::new(Columns::of::<PromotionOut>);
static COLUMNS_WITH_DELETED: LazyLock<Columns> = LazyLock::new(deleted::columns::<PromotionOut>);

/// Most brands, and most categories, that can be asked for.
const MOST_NAMED: usize = 50;

/// Promotions
///
/// Promotions that hold now or will, in the order of their ids. Filters hold together. Ask with
/// `active_at` for those that hold at an instant. Promotions of one customer are not listed: they
/// are that customer's data.
#[utoipa::path(
    operation_id = "list_promotions", tag = "promotions",
    params(
        ("store_id" = Option<String>, Query, description = "Only promotions that hold in this store.", example = "sto_4Fh2Lp8QaZs"),
        ("product_id" = Option<String>, Query, description = "Only promotions that this product is part of, by itself, its brand or its categories.", example = "prd_7HqK2mXw9Pz"),
        ("category_id" = Option<String>, Query, description = "Only promotions that name one of these categories, up to 50 joined by commas.", example = "cat_5tR81kQmZx2"),
        ("brand" = Option<String>, Query, description = "Only promotions that name one of these brands, up to 50 by name or id, joined by commas; a comma of a name stands behind a backslash. Case and accents of a name make no difference.", example = "Bosch,Makita"),
        ("channel" = Option<Channel>, Query, description = "`in_store` or `online`.", example = "in_store"),
        ("audience" = Option<Vec<Audience>>, Query, style = Form, explode = false, max_items = 2, description = "Only promotions for one of these, joined by commas.", example = json!(["public", "member"])),
        ("active_at" = Option<String>, Query, format = DateTime, description = "Only promotions that hold at this instant, past ones included.", example = "2026-11-27T09:00:00Z"),
        ("updated_since" = Option<String>, Query, format = DateTime, description = "Only promotions that changed at or after this instant. Let calls overlap by a minute: a change can be seen a little after its instant.", example = "2026-11-22T00:00:00Z"),
        ("include_deleted" = Option<bool>, Query, description = "Whether deleted promotions come too, as `{\"id\", \"deleted\": true, \"deleted_at\", \"replaced_by\": null}` in the same order, and those that changed and are over; as CSV in the columns `deleted` and `deleted_at`. With `updated_since`, and without other filters.", example = true),
        ("include_total" = Option<bool>, Query, description = "Whether to count all promotions of the list, in `total`.", example = true),
        ("limit" = Option<u32>, Query, description = "Most promotions in the page, 1 to 200.", example = 50),
        ("cursor" = Option<String>, Query, description = "Where the page begins: take it from `next`.", example = "c7HqK2mXw9Pz000000000001A2b3C"),
    ),
    responses(
        (status = 200, description = "A page of promotions.", body = PageOfPromotions),
        (status = 304, description = "You hold this page already."),
    ),
)]
#[get("/v1/promotions")]
pub(super) async fn list_promotions(
    caller: Caller<op::ListPromotions>,
    request: HttpRequest,
    view: web::Data<CatalogView>,
    clock: web::Data<Clock>,
) -> ApiResult<Answer> {
    let mut params = Params::new(request.query_string());
    let product: Option<ProductId> = params.value("product_id");
    let (active_at, now): (Option<Micros>, _) = (params.value("active_at"), clock.now());
    let query = PromotionQuery {
        store: params.value("store_id"),
        subject: None,
        categories: params.list("category_id", MOST_NAMED),
        brands: view.brands_called(&params.texts("brand", MOST_NAMED)),
        channel: params.one_of("channel", Channel::WORDS),
        audiences: params.words("audience"),
        active_at,
        not_ended_at: active_at.is_none().then_some(now),
        updated_since: params.value("updated_since"),
        grant: None,
    };
    let deleted = deleted::read(&mut params, query.updated_since, &[]);
    let columns = if deleted.is_some() { &COLUMNS_WITH_DELETED } else { &COLUMNS };
    let page =
        PageRequest::read(&request, &mut params).with_columns(columns).with_total(&mut params);
    params.finish()?;
    let included = Included::of(&caller, &view);
    let shown = |body: Bytes| included.cut(Kind::Promotion, body);
    if let Some(since) = deleted {
        let grant = included.grant();
        let found = view.promotions_with_deleted(grant, since, page.after()?, page.limit());
        let next = found.next_pair();
        let items = deleted::items(found.items, |body| Ok(shown(body)))?;
        return page.answer::<Bytes>(&items, next, Cache::Short);
    }
    permit(&query, product, &included)?;
    let subject = product.map(|id| view.subject_within(included.grant(), id));
    let query = PromotionQuery { subject, grant: included.grant().cloned(), ..query };
    let found = view.promotions(&query, page.after()?, page.limit());
    let (next, total) =
        (found.next_pair(), page.wants_total().then(|| view.count_promotions(&query)));
    let items: Vec<Bytes> = found.items.into_iter().map(shown).collect();
    page.answer_counted(&items, next, total, view.cache_of_promotions(&query, now))
}

/// Refuses filters by fields that the caller's plan leaves out.
fn permit(
    query: &PromotionQuery,
    product: Option<ProductId>,
    included: &Included,
) -> ApiResult<()> {
    const OF: Kind = Kind::Promotion;
    included.need_all(&[
        (query.store.is_some(), "store_id", OF, "store_ids"),
        (product.is_some(), "product_id", OF, "applies_to"),
        (!query.categories.is_empty(), "category_id", OF, "applies_to"),
        (!query.brands.is_empty(), "brand", OF, "applies_to"),
        (query.channel.is_some(), "channel", OF, "channels"),
        (!query.audiences.is_empty(), "audience", OF, "audience"),
        (query.active_at.is_some(), "active_at", OF, "valid_from"),
        (query.active_at.is_some(), "active_at", OF, "valid_through"),
    ])
}

/// A promotion
///
/// One promotion by its id, also when it is over.
#[utoipa::path(
    operation_id = "get_promotion", tag = "promotions",
    params(("promotion_id" = String, Path, description = "The promotion.", example = "prm_2bN6yHs0KfW")),
    responses(
        (status = 200, description = "The promotion.", body = PromotionOut),
        (status = 304, description = "You hold this version already."),
        (status = 404, description = "There is no such promotion."),
        (status = 410, description = "The promotion was deleted."),
    ),
)]
#[get("/v1/promotions/{promotion_id}")]
pub(super) async fn get_promotion(
    caller: Caller<op::GetPromotion>,
    request: HttpRequest,
    promotion: web::Path<String>,
    view: web::Data<CatalogView>,
) -> ApiResult<Answer> {
    Params::new(request.query_string()).finish()?;
    let id: PromotionId = path::id(&promotion, "promotion")?;
    let included = Included::of(&caller, &view);
    let found = view.promotion_within(included.grant(), id);
    let whole = resource(found, "promotion", &id, Cache::Short)?;
    Ok(included.answer(Kind::Promotion, whole))
}
