//! A product's stock near a place.

use super::{COLUMNS, Wanted, lines, max_age};
use crate::access::resource::Kind;
use crate::access::{Caller, op};
use crate::catalog::api::{Included, existing};
use crate::catalog::view::{CatalogView, Lookup, Page};
use crate::http::answer::Cache;
use crate::http::gtin::refused;
use crate::http::path::not_found;
use crate::http::{Answer, ApiError, ApiResult, Code, PageRequest, Params};
use crate::kernel::gtin::InvalidGtin;
use crate::kernel::id::ProductId;
use crate::kernel::{Clock, Gtin, Micros};
use crate::stock::line::PageOfStockLevels;
use crate::stock::model::Availability;
use crate::stock::view::{Level, StockView};
use crate::stores::near::{Near, country};
use crate::stores::view::{StoreQuery, StoresView};
use actix_web::{HttpRequest, get, web};

/// Stock near a place
///
/// How a product stands in every store around a place, the nearest first: `unknown` where the retailer
/// has told nothing, so that no store is missing. A place is `lat` and `lon`, or a postal code with
/// its country. No store beyond the radius is listed, and no web shop (`type` `online`).
#[utoipa::path(
    operation_id = "list_stock", tag = "stock",
    params(
        ("product_id" = Option<String>, Query, description = "The product; or name it by `gtin`.", example = "prd_7HqK2mXw9Pz"),
        ("gtin" = Option<String>, Query, description = "The product's GTIN of 8, 12, 13 or 14 digits.", example = "3276550063551"),
        ("lat" = Option<f64>, Query, minimum = -90, maximum = 90, description = "Degrees north of the place, with `lon`.", example = 43.61),
        ("lon" = Option<f64>, Query, minimum = -180, maximum = 180, description = "Degrees east of the place, with `lat`.", example = 1.49),
        ("postal_code" = Option<String>, Query, description = "A postal code as the place, with `country`.", example = "31130"),
        ("country" = Option<String>, Query, description = "The ISO 3166-1 code of the postal code's country.", example = "FR"),
        ("radius_km" = Option<f64>, Query, exclusive_minimum = 0, maximum = 500, description = "Kilometres around the place, 10 where it is left out.", example = 25),
        ("open_now" = Option<bool>, Query, description = "Only stores that are open now.", example = true),
        ("availability" = Option<Vec<Availability>>, Query, style = Form, explode = false, description = "Only these availabilities, joined by commas.", example = json!(["in_stock", "low_stock"])),
        ("updated_since" = Option<String>, Query, format = DateTime, description = "Only levels that arrived at or after this instant. Let calls overlap by a minute: a level can be seen a little after its instant.", example = "2026-11-22T09:00:00Z"),
        ("max_age_s" = Option<u32>, Query, minimum = 1, maximum = 86400, description = "Seconds after which you hold a count for stale; without it, what the retailer says of each count.", example = 300),
        ("include_total" = Option<bool>, Query, description = "Whether to count all lines of the list, in `total`.", example = true),
        ("limit" = Option<u32>, Query, description = "Most lines in the page, 1 to 200.", example = 50),
        ("cursor" = Option<String>, Query, description = "Where the page begins: take it from `next`.", example = "c7HqK2mXw9Pz000000000001A2b3C"),
    ),
    responses(
        (status = 200, description = "A page of stock levels with `distance_m`, by distance.", body = PageOfStockLevels<'_>),
        (status = 304, description = "You hold this page already."),
        (status = 404, description = "There is no such product."),
        (status = 410, description = "The product was deleted; `replaced_by` and the `Link` header name what replaces it."),
        (status = 422, description = "`invalid_gtin` or `in_store_code`: `errors` names the code and, where it can, what was meant."),
    ),
)]
#[get("/v1/stock")]
pub(super) async fn list_stock(
    caller: Caller<op::ListStock>,
    request: HttpRequest,
    views: (web::Data<StockView>, web::Data<CatalogView>, web::Data<StoresView>),
    clock: web::Data<Clock>,
) -> ApiResult<Answer> {
    let (stock, catalog, stores) = views;
    let mut params = Params::new(request.query_string());
    let by_id: Option<ProductId> = params.value("product_id");
    let by_gtin = params.text("gtin");
    let country = country(&mut params);
    let code = params.text("postal_code");
    let included = Included::of(&caller, &catalog);
    let code = (country.as_deref(), code.as_deref());
    let near = Near::read(&mut params, code, true, &stores, &included);
    let open_at: Option<Micros> = params.flag("open_now").then(|| clock.now());
    let wanted = Wanted::read(&mut params);
    let max_age_s = max_age(&mut params);
    let page =
        PageRequest::read(&request, &mut params).with_columns(&COLUMNS).with_total(&mut params);
    if by_id.is_some() == by_gtin.is_some() && !params.has_fault("product_id") {
        params.fault("product_id", "incomplete", "or `gtin` names the product, one of the two");
    }
    if near.is_none() && !params.has_faults() {
        let message = "and `lon` name a place, or `postal_code` and `country` do";
        params.fault("lat", "incomplete", message);
    }
    params.finish()?;
    let Some(near) = near else { return Err(ApiError::new(Code::InvalidParameter, "No place.")) };
    let id = product(by_id, by_gtin.as_deref(), &catalog, &included)?;
    wanted.permit(&included)?;
    included.need_all(&[
        (true, "lat", Kind::Store, "geo"),
        (open_at.is_some(), "open_now", Kind::Store, "open_now"),
    ])?;
    let (gtin, lines) = (catalog.gtin_of(id).flatten(), lines(&caller, &clock, max_age_s));
    let query = StoreQuery { open_at, ..StoreQuery::default() };
    let found = stores.near(&near, &query, page.after_pair()?, page.limit(), |store, metres| {
        stock.at(id, store.id(), |level| {
            if !included.has_store(store.id()) || !wanted.takes_level(level.as_ref()) {
                return None;
            }
            let mut line = lines.line((id, gtin), store.id(), level.as_ref());
            line.distance_m = Some(metres);
            Some(included.cut(Kind::Stock, serde_json::to_vec(&line).ok()?))
        })
    });
    let total = page.wants_total().then(|| {
        Page::count(|after, most| {
            stores.near(&near, &query, after, most, |store, _| {
                let takes = |level: Option<Level<'_>>| wanted.takes_level(level.as_ref());
                let is_told = included.has_store(store.id());
                (is_told && stock.at(id, store.id(), takes)).then_some(())
            })
        })
    });
    page.answer_counted(&found.items, found.next, total, Cache::Brief)
}

/// The product that is named, by id or by GTIN.
fn product(
    by_id: Option<ProductId>,
    by_gtin: Option<&str>,
    catalog: &CatalogView,
    included: &Included,
) -> ApiResult<ProductId> {
    let grant = included.grant();
    if let Some(id) = by_id {
        existing(catalog.product_within(grant, id), "product", &id)?;
        return Ok(id);
    }
    let text = by_gtin.unwrap_or_default();
    let gtin: Gtin = text.parse().map_err(|error: InvalidGtin| refused(text, &error))?;
    match catalog.product_by_gtin_within(grant, gtin) {
        found @ Lookup::Gone { .. } => {
            existing(found, "product with the GTIN", &gtin)?;
            Err(not_found("product with the GTIN", &gtin))
        }
        _ => {
            let found = catalog.id_of_within(grant, gtin);
            found.ok_or_else(|| not_found("product with the GTIN", &gtin))
        }
    }
}
