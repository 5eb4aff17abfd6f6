//! The partner API of stores: where they are, whether they are open, and whether they have what a
//! customer wants to buy.

mod basket;
mod schema;

use crate::access::model::StockDisclosure;
use crate::access::resource::Kind;
use crate::access::{Caller, Scope, Scopes, op};
use crate::catalog::api::{Included, deleted, resource};
use crate::catalog::view::{CatalogView, Listed, Page};
use crate::http::answer::Cache;
use crate::http::form::Columns;
use crate::http::{Answer, ApiError, ApiResult, Code, PageRequest, Params, path};
use crate::kernel::id::StoreId;
use crate::kernel::{Clock, Micros};
use crate::stock::view::StockView;
use crate::stores::near::{Near, country};
use crate::stores::view::{Beside, StoreQuery, StoreRecord, StoresView};
use actix_web::{HttpRequest, get, web};
use basket::Basket;
use schema::{PageOfStores, StoreOut};
use std::sync::LazyLock;

/// The columns of the list as CSV.
static COLUMNS: LazyLock<Columns> = LazyLock::new(Columns::of::<StoreOut<'_>>);
static COLUMNS_WITH_DELETED: LazyLock<Columns> = LazyLock::new(deleted::columns::<StoreOut<'_>>);

/// Most codes, and most GLNs, that can be asked for.
const MOST_CODES: usize = 50;
/// Most services that can be asked for.
const MOST_SERVICES: usize = 20;
/// Most towns that can be asked for.
const MOST_TOWNS: usize = 50;
/// Most types of stores that can be asked for.
const MOST_TYPES: usize = 20;
/// Seconds for which a list may be kept that depends on what is open or in stock now.
const BRIEF_S: u32 = 30;

/// Stores
///
/// All stores in the order of their ids or, near a place, the nearest first. Filters hold together: in
/// one call you learn which stores near a customer are open and have the whole basket.
///
/// A place is `lat` and `lon`, or a postal code with its country and `radius_km`. Distances are those
/// of the great circle: no store beyond the radius is listed, and no web shop (`type` `online`).
#[utoipa::path(
    operation_id = "list_stores", tag = "stores",
    params(
        ("lat" = Option<f64>, Query, minimum = -90, maximum = 90, description = "Degrees north of the place to look around, with `lon`.", example = 43.61),
        ("lon" = Option<f64>, Query, minimum = -180, maximum = 180, description = "Degrees east of the place, with `lat`.", example = 1.49),
        ("radius_km" = Option<f64>, Query, exclusive_minimum = 0, maximum = 500, description = "Kilometres around the place, 10 where it is left out. With `postal_code` and `country` it makes the postal code the place.", example = 25),
        ("open_now" = Option<bool>, Query, description = "`true` for stores that are open now only; a store whose hours are not known is not listed then. `false` is as if it were left out.", example = true),
        ("open_at" = Option<String>, Query, format = DateTime, description = "Only stores that are open at this instant.", example = "2026-11-22T10:00:00Z"),
        ("items" = Option<String>, Query, description = "A basket: up to 20 products by GTIN or id, each with a colon and how many of it, 1 where that is left out; joined by commas. Only stores that have all of it are listed, each with a line of stock for every item. A quantity that the retailer has not told is taken to be enough; where your key sees bands, the least of the band counts, and where your plan tells no quantities, the availability alone. Needs the scope `stock:read`.", example = "3276550063551:2,prd_7HqK2mXw9Pz"),
        ("services" = Option<String>, Query, description = "Only stores with all of these services, up to 20 joined by commas; a comma of a service stands behind a backslash. The words are the retailer's own: one that no store has finds nothing.", example = "click_collect,drive"),
        ("store_code" = Option<String>, Query, description = "Only stores with one of these codes of the retailer, up to 50 joined by commas; a comma of a code stands behind a backslash.", example = "0261"),
        ("gln" = Option<String>, Query, description = "Only stores with one of these Global Location Numbers of 13 digits, up to 50 joined by commas.", example = "3020180000000"),
        ("country" = Option<String>, Query, description = "ISO 3166-1 code of two letters.", example = "FR"),
        ("city" = Option<String>, Query, description = "Only stores in one of these towns, up to 50 whatever their case and accents, joined by commas; a comma of a name stands behind a backslash.", example = "Toulouse,Balma"),
        ("postal_code" = Option<String>, Query, description = "The postal code: stores that have it or, with `radius_km`, the place to look around. One that is neither a store's nor known as a place is refused.", example = "31130"),
        ("type" = Option<String>, Query, description = "Only stores of one of these types, up to 20 whatever their case and accents, joined by commas. The words are the retailer's own: one that no store has finds nothing.", example = "hypermarket,supermarket"),
        ("updated_since" = Option<String>, Query, format = DateTime, description = "Only stores that changed at or after this instant. That one opens or closes for the day is no change. Let calls overlap by a minute: a change can be seen a little after its instant.", example = "2026-11-22T00:00:00Z"),
        ("include_deleted" = Option<bool>, Query, description = "Whether deleted stores come too, as `{\"id\", \"deleted\": true, \"deleted_at\", \"replaced_by\": null}` in the same order; as CSV in the columns `deleted` and `deleted_at`. With `updated_since`, and without other filters.", example = true),
        ("include_total" = Option<bool>, Query, description = "Whether to count all stores of the list, in `total`.", example = true),
        ("limit" = Option<u32>, Query, description = "Most stores in the page, 1 to 200.", example = 50),
        ("cursor" = Option<String>, Query, description = "Where the page begins: take it from `next`.", example = "c7HqK2mXw9Pz000000000001A2b3C"),
    ),
    responses(
        (status = 200, description = "A page of stores.", body = PageOfStores<'_>),
        (status = 304, description = "You hold this page already."),
        (status = 422, description = "`invalid_gtin`: a code of `items` is no GTIN, `errors` has the code that was probably meant. `in_store_code`: a code of restricted circulation."),
    ),
)]
#[get("/v1/stores")]
pub(super) async fn list_stores(
    caller: Caller<op::ListStores>,
    request: HttpRequest,
    stores: web::Data<StoresView>,
    catalog: web::Data<CatalogView>,
    stock: web::Data<StockView>,
    clock: web::Data<Clock>,
) -> ApiResult<Answer> {
    let mut params = Params::new(request.query_string());
    let now = clock.now();
    let mut query = query(&mut params, now);
    let code = (query.country.as_deref(), query.postal_code.as_deref());
    let included = Included::of(&caller, &catalog);
    let near = Near::read(&mut params, code, false, &stores, &included);
    // Whose plan tells no address is told that, and not which codes there are.
    if near.is_none() && permit_fields(&query, (false, false), &included).is_ok() {
        known(&mut params, code, &stores, &included);
    }
    let by_code = near.is_some() && !params.was_given("lat");
    let basket = Basket::read(&mut params, &catalog, &included);
    let deleted = deleted::read(&mut params, query.updated_since, &[]);
    let columns = if deleted.is_some() { &COLUMNS_WITH_DELETED } else { &COLUMNS };
    let page =
        PageRequest::read(&request, &mut params).with_columns(columns).with_total(&mut params);
    params.finish()?;
    if basket.is_some() {
        permit(caller.scopes())?;
    }
    permit_fields(&query, (near.is_some(), basket.is_some()), &included)?;
    if by_code {
        // The code is the place; the stores around it may have others.
        (query.country, query.postal_code) = (None, None);
    }
    let brief = basket.is_some() || query.open_at == Some(now);
    let mut keeps_s = if brief { BRIEF_S } else { u32::MAX };
    let shown = Shown { basket, included, stock: &stock, told: caller.stock_disclosure(), now };
    let mut document = |store: &StoreRecord, distance_m: Option<u32>| {
        let document = shown.document(store, distance_m)?;
        keeps_s = keeps_s.min(store.holds_for_s(now));
        Some(document)
    };
    let (items, next) = match (&near, deleted) {
        (Some(near), _) => {
            let found = stores.near(near, &query, page.after_pair()?, page.limit(), |s, metres| {
                document(s, Some(metres))
            });
            (found.items, found.next)
        }
        (None, Some(since)) => {
            let pick = |store: &StoreRecord| document(store, None);
            let mut found = stores.list_with_deleted(since, page.after()?, page.limit(), pick);
            let next = found.next_pair();
            found.items.retain(|item| shown.tells(item));
            (deleted::items(found.items, Ok)?, next)
        }
        (None, None) => {
            let found = stores.list(&query, page.after()?, page.limit(), |s| document(s, None));
            let next = found.next_pair();
            (found.items, next)
        }
    };
    let total = page
        .wants_total()
        .then(|| count(&stores, near.as_ref(), &query, |store| shown.takes(store)));
    page.answer_counted(&items, next, total, Cache::Seconds(keeps_s.min(3_600)))
}

/// What a list shows of its stores to a caller.
struct Shown<'a> {
    basket: Option<Basket>,
    included: Included,
    stock: &'a StockView,
    told: StockDisclosure,
    now: Micros,
}

impl Shown<'_> {
    /// A store's document, where it is included and has the basket.
    fn document(&self, store: &StoreRecord, distance_m: Option<u32>) -> Option<Vec<u8>> {
        if !self.included.has_store(store.id()) {
            return None;
        }
        let known = (self.told, self.now);
        let lines = match &self.basket {
            Some(basket) => Some(basket.lines(store.id(), self.stock, known, &self.included)?),
            None => None,
        };
        let beside = Beside { distance_m, basket: lines.as_deref() };
        Some(self.included.cut(Kind::Store, store.document(self.now, beside)))
    }

    /// Whether a store has such a document.
    fn takes(&self, store: &StoreRecord) -> bool {
        let has = |basket: &Basket| basket.is_in(store.id(), self.stock, self.told);
        self.included.has_store(store.id()) && self.basket.as_ref().is_none_or(has)
    }

    /// Whether an item may be told: of a deleted store, too, it is known whether it was included.
    fn tells(&self, item: &Listed<StoreId, Vec<u8>>) -> bool {
        match item {
            Listed::Present(_) => true,
            Listed::Deleted { id, .. } => self.included.has_store(*id),
        }
    }
}

/// Refuses a postal code as a filter that is no store's, and of no place that is known.
fn known(
    params: &mut Params,
    (country, code): (Option<&str>, Option<&str>),
    stores: &StoresView,
    included: &Included,
) {
    let is_known = code.is_none_or(|code| stores.knows_code(country, code, included));
    if !is_known && !params.has_faults() {
        let message = "is that of no store, and not known here as a place; look around a point with \
                       `lat`, `lon` and `radius_km`";
        params.fault("postal_code", "not_found", message);
    }
}

/// Refuses `items` to who may not read stock.
fn permit(scopes: Scopes) -> ApiResult<()> {
    let scope = Scope::StockRead.as_str();
    let detail = format!("`items` needs the scope `{scope}`.");
    let refused = || ApiError::new(Code::InsufficientScope, detail).required_scope(scope);
    scopes.has(Scope::StockRead).then_some(()).ok_or_else(refused)
}

/// Refuses filters by fields that the caller's plan leaves out: how far away a store is tells where it is,
/// and which baskets it has how much it has.
fn permit_fields(
    query: &StoreQuery,
    (is_near, has_basket): (bool, bool),
    included: &Included,
) -> ApiResult<()> {
    const OF: Kind = Kind::Store;
    included.need_all(&[
        (is_near, "lat", OF, "geo"),
        (has_basket, "items", Kind::Stock, "availability"),
        (has_basket, "items", Kind::Stock, "quantity"),
        (!query.codes.is_empty(), "store_code", OF, "store_code"),
        (!query.glns.is_empty(), "gln", OF, "gln"),
        (!query.services.is_empty(), "services", OF, "services"),
        (query.country.is_some(), "country", OF, "address"),
        (!query.cities.is_empty(), "city", OF, "address"),
        (query.postal_code.is_some(), "postal_code", OF, "address"),
        (!query.kinds.is_empty(), "type", OF, "type"),
        (query.open_at.is_some(), "open_now", OF, "open_now"),
    ])
}

/// How many stores a list has, of those that `takes` takes.
fn count(
    stores: &StoresView,
    near: Option<&Near>,
    query: &StoreQuery,
    takes: impl Fn(&StoreRecord) -> bool,
) -> u64 {
    let seen = |store: &StoreRecord| takes(store).then_some(());
    match near {
        Some(near) => {
            Page::count(|after, most| stores.near(near, query, after, most, |store, _| seen(store)))
        }
        None => Page::count(|after, most| stores.list(query, after, most, seen)),
    }
}

fn query(params: &mut Params, now: Micros) -> StoreQuery {
    let open_now = params.flag("open_now");
    let open_at: Option<Micros> = params.value("open_at");
    if open_now && open_at.is_some() {
        params.fault("open_at", "contradiction", "cannot stand beside `open_now`");
    }
    StoreQuery {
        codes: params.texts("store_code", MOST_CODES),
        glns: params.list("gln", MOST_CODES),
        services: params.texts("services", MOST_SERVICES),
        country: country(params),
        cities: params.texts("city", MOST_TOWNS),
        postal_code: params.text("postal_code"),
        kinds: params.texts("type", MOST_TYPES),
        open_at: open_at.or(open_now.then_some(now)),
        updated_since: params.value("updated_since"),
    }
}

/// A store
///
/// One store by its id, with its address, opening hours and services, and whether it is open now.
#[utoipa::path(
    operation_id = "get_store", tag = "stores",
    params(("store_id" = String, Path, description = "The store.", example = "sto_4Fh2Lp8QaZs")),
    responses(
        (status = 200, description = "The store.", body = StoreOut<'_>),
        (status = 304, description = "You hold this version already."),
        (status = 404, description = "There is no such store."),
        (status = 410, description = "The store was deleted."),
    ),
)]
#[get("/v1/stores/{store_id}")]
pub(super) async fn get_store(
    caller: Caller<op::GetStore>,
    request: HttpRequest,
    store: web::Path<String>,
    stores: web::Data<StoresView>,
    catalog: web::Data<CatalogView>,
    clock: web::Data<Clock>,
) -> ApiResult<Answer> {
    Params::new(request.query_string()).finish()?;
    let id: StoreId = path::id(&store, "store")?;
    let included = Included::of(&caller, &catalog);
    let Some(store) = stores.record(id).filter(|_| included.has_store(id)) else {
        return resource(included.store(id, stores.store(id)), "store", &id, Cache::Long);
    };
    let now = clock.now();
    let cache = Cache::Seconds(store.holds_for_s(now));
    let document = included.cut(Kind::Store, store.document(now, Beside::default()));
    Ok(Answer::new(document, cache, 1).of(Some("Store")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::testing::fields;

    #[test]
    fn the_schema_describes_the_document() {
        let stored = serde_json::json!({
            "id": StoreId::derived("0261"), "store_code": "0261", "gln": "3020180000000",
            "name": "Toulouse Balma", "type": "hypermarket", "address": null, "geo": null,
            "time_zone": "Europe/Paris", "telephone": null, "opening_hours": [],
            "special_opening_hours": [], "services": ["drive"],
            "updated_at": "2026-11-20T04:00:00Z", "version": 3,
        });
        let store = StoreRecord::read(StoreId::derived("0261"), &stored.to_string()).unwrap();
        let beside = Beside { distance_m: Some(812), basket: Some(b"[]") };
        let document = store.document(Micros(0), beside);
        let document: serde_json::Value = serde_json::from_slice(&document).unwrap();
        let mut keys: Vec<String> = document.as_object().unwrap().keys().cloned().collect();
        keys.sort_unstable();
        assert_eq!(fields::<StoreOut<'_>>(), keys);
    }
}
