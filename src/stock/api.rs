//! The partner API of stock.

mod grid;
mod near;

use super::line::StockLevelOut;
use super::line::{Lines, PageOfStockLevels};
use super::model::Availability;
use super::view::{Level, StockView};
use crate::access::operation::Op;
use crate::access::resource::Kind;
use crate::access::{Caller, op};
use crate::catalog::api::{Included, existing};
use crate::catalog::view::{CatalogView, Page};
use crate::http::answer::Cache;
use crate::http::form::Columns;
use crate::http::{Answer, ApiResult, PageRequest, Params, Turns, path};
use crate::kernel::id::{ProductId, StoreId};
use crate::kernel::page::MAX_LIMIT;
use crate::kernel::{Clock, Micros};
use crate::stores::view::StoresView;
use actix_web::{HttpRequest, get, web};
use std::sync::LazyLock;
use utoipa_actix_web::service_config::ServiceConfig;

/// The columns of the list as CSV.
pub(super) static COLUMNS: LazyLock<Columns> = LazyLock::new(Columns::of::<StockLevelOut<'_>>);

/// Mounts the operations of stock.
pub fn configure(config: &mut ServiceConfig<'_>) {
    config
        .service(near::list_stock)
        .service(list_product_stock)
        .service(list_store_stock)
        .service(grid::query_stock);
}

/// What the lines of an answer to `caller` share.
fn lines<O: Op>(caller: &Caller<O>, clock: &Clock, max_age_s: Option<u32>) -> Lines {
    Lines { disclosure: caller.stock_disclosure(), now: clock.now(), max_age_s }
}

/// Stock of a product
///
/// How a product stands in the stores, with the age of that knowledge in each line. Name stores to
/// get a line for every one of them, `unknown` where the retailer has told nothing; without names
/// you get the stores that have told something. Exact quantities need the scope `stock:quantity`,
/// other keys see bands.
#[utoipa::path(
    operation_id = "list_product_stock", tag = "stock",
    params(
        ("product_id" = String, Path, description = "The product.", example = "prd_7HqK2mXw9Pz"),
        ("store_id" = Option<String>, Query, description = "Only these stores, up to 200 joined by commas.", example = "sto_4Fh2Lp8QaZs,sto_0Kd83bVnM1c"),
        ("availability" = Option<Vec<Availability>>, Query, style = Form, explode = false, description = "Only these availabilities, joined by commas.", example = json!(["in_stock", "low_stock"])),
        ("updated_since" = Option<String>, Query, format = DateTime, description = "Only levels that arrived at or after this instant. Let calls overlap by a minute: a level can be seen a little after its instant.", example = "2026-11-22T09:00:00Z"),
        ("max_age_s" = Option<u32>, Query, minimum = 1, maximum = 86400, description = "Seconds after which you hold a count for stale; without it, what the retailer says of each count.", example = 300),
        ("include_total" = Option<bool>, Query, description = "Whether to count all lines of the list, in `total`.", example = true),
        ("limit" = Option<u32>, Query, description = "Most lines in the page, 1 to 200.", example = 50),
        ("cursor" = Option<String>, Query, description = "Where the page begins: take it from `next`.", example = "c7HqK2mXw9Pz000000000001A2b3C"),
    ),
    responses(
        (status = 200, description = "A page of stock levels, by store.", body = PageOfStockLevels<'_>),
        (status = 304, description = "You hold this page already."),
        (status = 404, description = "There is no such product."),
        (status = 410, description = "The product was deleted; `replaced_by` and the `Link` header name what replaces it."),
    ),
)]
#[get("/v1/products/{product_id}/stock")]
async fn list_product_stock(
    caller: Caller<op::ListProductStock>,
    request: HttpRequest,
    product: web::Path<String>,
    stock: web::Data<StockView>,
    catalog: web::Data<CatalogView>,
    clock: web::Data<Clock>,
) -> ApiResult<Answer> {
    let mut params = Params::new(request.query_string());
    let stores: Vec<StoreId> = params.list("store_id", MAX_LIMIT as usize);
    let wanted = Wanted::read(&mut params);
    let max_age_s = max_age(&mut params);
    let page =
        PageRequest::read(&request, &mut params).with_columns(&COLUMNS).with_total(&mut params);
    params.finish()?;
    let id: ProductId = path::id(&product, "product")?;
    let included = Included::of(&caller, &catalog);
    existing(catalog.product_within(included.grant(), id), "product", &id)?;
    wanted.permit(&included)?;
    let (gtin, lines) = (catalog.gtin_of(id).flatten(), lines(&caller, &clock, max_age_s));
    let (which, after) = ((id, stores.as_slice()), page.after()?);
    let found = stock.of_product_within(&included, which, after, page.limit(), |store, level| {
        let line = || lines.document((id, gtin), store, level.as_ref());
        wanted.takes_level(level.as_ref()).then(line)?.map(|line| included.cut(Kind::Stock, line))
    });
    let total = page.wants_total().then(|| {
        Page::count(|after, most| {
            stock.of_product_within(&included, which, after, most, |_, level| {
                wanted.takes_level(level.as_ref()).then_some(())
            })
        })
    });
    page.answer_counted(&found.items, found.next_pair(), total, Cache::Brief)
}

/// Stock of a store
///
/// What a store has, by product. Ask with `updated_since` for what arrived since your last call.
#[utoipa::path(
    operation_id = "list_store_stock", tag = "stock",
    params(
        ("store_id" = String, Path, description = "The store.", example = "sto_4Fh2Lp8QaZs"),
        ("availability" = Option<Vec<Availability>>, Query, style = Form, explode = false, description = "Only these availabilities, joined by commas.", example = json!(["in_stock", "low_stock"])),
        ("updated_since" = Option<String>, Query, format = DateTime, description = "Only levels that arrived at or after this instant. Let calls overlap by a minute: a level can be seen a little after its instant.", example = "2026-11-22T09:00:00Z"),
        ("max_age_s" = Option<u32>, Query, minimum = 1, maximum = 86400, description = "Seconds after which you hold a count for stale; without it, what the retailer says of each count.", example = 300),
        ("include_total" = Option<bool>, Query, description = "Whether to count all lines of the list, in `total`.", example = true),
        ("limit" = Option<u32>, Query, description = "Most lines in the page, 1 to 200. A page can be shorter although `next` is set: filters that match rarely are walked in steps.", example = 50),
        ("cursor" = Option<String>, Query, description = "Where the page begins: take it from `next`.", example = "c7HqK2mXw9Pz000000000001A2b3C"),
    ),
    responses(
        (status = 200, description = "A page of stock levels, by product.", body = PageOfStockLevels<'_>),
        (status = 304, description = "You hold this page already."),
        (status = 404, description = "There is no such store."),
        (status = 410, description = "The store was deleted."),
    ),
)]
#[get("/v1/stores/{store_id}/stock")]
async fn list_store_stock(
    caller: Caller<op::ListStoreStock>,
    request: HttpRequest,
    store: web::Path<String>,
    views: (web::Data<StockView>, web::Data<CatalogView>, web::Data<StoresView>),
    clock: web::Data<Clock>,
    turns: web::Data<Turns>,
) -> ApiResult<Answer> {
    let mut params = Params::new(request.query_string());
    let wanted = Wanted::read(&mut params);
    let max_age_s = max_age(&mut params);
    let page =
        PageRequest::read(&request, &mut params).with_columns(&COLUMNS).with_total(&mut params);
    params.finish()?;
    let (stock, catalog, stores) = views;
    let id: StoreId = path::id(&store, "store")?;
    let included = Included::of(&caller, &catalog);
    existing(included.store(id, stores.store(id)), "store", &id)?;
    wanted.permit(&included)?;
    let lines = lines(&caller, &clock, max_age_s);
    let (after, limit) = (page.after()?, page.limit());
    let takes = move |level: &Level<'_>| wanted.takes_level(Some(level));
    let found = catalog.with_gtins(included.grant(), |gtin_of| {
        stock.of_store(id, after, limit, |product, level| {
            let gtin = takes(&level).then(|| gtin_of(product))??;
            let line = lines.document((product, gtin), id, Some(&level))?;
            Some(included.cut(Kind::Stock, line))
        })
    });
    let count = move || {
        Page::count(|after, most| {
            catalog.with_gtins(included.grant(), |gtin_of| {
                stock.of_store(id, after, most, |product, level| {
                    (takes(&level) && gtin_of(product).is_some()).then_some(())
                })
            })
        })
    };
    // A store may have every product, and each is looked at.
    let total = if page.wants_total() { Some(turns.run(count).await?) } else { None };
    page.answer_counted(&found.items, found.next_pair(), total, Cache::Brief)
}

/// Which levels are asked for.
struct Wanted {
    /// Of these availabilities; of all where none is named.
    availabilities: Vec<Availability>,
    /// That arrived at or after this instant.
    since: Option<Micros>,
}

impl Wanted {
    fn read(params: &mut Params) -> Self {
        Self { availabilities: params.words("availability"), since: params.value("updated_since") }
    }

    /// Refuses to choose by what the caller's plan leaves out.
    fn permit(&self, included: &Included) -> ApiResult<()> {
        included.need_all(&[
            (!self.availabilities.is_empty(), "availability", Kind::Stock, "availability"),
            (self.since.is_some(), "updated_since", Kind::Stock, "received_at"),
        ])
    }

    /// Whether a level is. One that no store has told is unknown, and never arrived.
    fn takes_level(&self, level: Option<&Level<'_>>) -> bool {
        let availability = level.map_or(Availability::Unknown, |level| level.availability);
        let recent = |since: Micros| level.is_some_and(|level| level.received_at >= since);
        (self.availabilities.is_empty() || self.availabilities.contains(&availability))
            && self.since.is_none_or(recent)
    }
}

/// Seconds after which the caller holds a count for stale.
fn max_age(params: &mut Params) -> Option<u32> {
    params.whole("max_age_s", 1..=86_400)
}

#[cfg(test)]
mod tests;
