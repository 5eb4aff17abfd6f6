//! The prices that a product has had.

use super::offers::MoneyOut;
use super::{Included, existing};
use crate::access::resource::Kind;
use crate::access::{Caller, op};
use crate::catalog::offers::Channel;
use crate::catalog::store::history::{HistoryQuery, Place, Priced, prices};
use crate::catalog::view::CatalogView;
use crate::http::answer::Cache;
use crate::http::fields::Fields;
use crate::http::form::Columns;
use crate::http::{Answer, ApiError, ApiResult, Code, PageRequest, Params, path};
use crate::kernel::id::{ProductId, StoreId};
use crate::kernel::word::Word as _;
use crate::kernel::{Clock, Micros, Money};
use crate::storage::Db;
use actix_web::{HttpRequest, get, web};
use serde::Serialize;
use std::sync::LazyLock;
use utoipa::ToSchema;

/// The columns of the list as CSV.
static COLUMNS: LazyLock<Columns> = LazyLock::new(Columns::of::<PricedOut>);

/// Prices that are read at once where some are left out.
const AT_ONCE: usize = 1_000;

/// A price that an offer has had.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct PricedOut {
    /// In which store.
    #[schema(value_type = String, example = "sto_4Fh2Lp8QaZs")]
    store_id: StoreId,
    /// Through which channel.
    channel: Channel,
    /// The price.
    #[schema(value_type = MoneyOut)]
    price: Money,
    /// The price that a reduction was measured from.
    #[schema(required = true, value_type = Option<MoneyOut>)]
    list_price: Option<Money>,
    /// From when it held.
    #[schema(value_type = String, format = DateTime, example = "2026-11-01T05:00:00Z")]
    since: Micros,
    /// Until when; null for the last price that was told.
    #[schema(required = true, value_type = Option<String>, format = DateTime, example = "2026-11-15T05:00:00Z")]
    until: Option<Micros>,
}

/// Prices, a page of them.
#[derive(Debug, ToSchema)]
#[expect(dead_code, reason = "describes a page, which is put together from finished prices")]
pub(super) struct PageOfPrices {
    /// The prices.
    items: Vec<PricedOut>,
    /// Where the next page is; null on the last.
    #[schema(
        required = true,
        example = "/v1/products/prd_7HqK2mXw9Pz/price-history?limit=50&cursor=c7HqK2mXw9Pz000000000001A2b3C"
    )]
    next: Option<String>,
    /// Where this page is.
    #[schema(rename = "self", example = "/v1/products/prd_7HqK2mXw9Pz/price-history?limit=50")]
    own: String,
}

impl From<Priced> for PricedOut {
    fn from(priced: Priced) -> Self {
        let Priced { place, currency, price, list_price, until } = priced;
        let money = |amount| Money { amount, currency };
        Self {
            store_id: place.store,
            channel: place.channel,
            price: money(price),
            list_price: list_price.map(money),
            since: place.since,
            until,
        }
    }
}

/// Prices that a product has had
///
/// Every price of a product, store by store, from the oldest on: the proof of `lowest_price_30d`. A
/// price held until the next was told, its offer was over (`valid_through`) or it was withdrawn; with
/// `from` and `to` you get those that held at any time between.
#[utoipa::path(
    operation_id = "list_price_history", tag = "offers",
    params(
        ("product_id" = String, Path, description = "The product.", example = "prd_7HqK2mXw9Pz"),
        ("store_id" = Option<String>, Query, description = "Only this store.", example = "sto_4Fh2Lp8QaZs"),
        ("channel" = Option<Channel>, Query, description = "`in_store` or `online`.", example = "in_store"),
        ("from" = Option<String>, Query, format = DateTime, description = "Only prices that held at or after this instant.", example = "2026-10-01T00:00:00Z"),
        ("to" = Option<String>, Query, format = DateTime, description = "Only prices that held before this instant.", example = "2026-11-01T00:00:00Z"),
        ("limit" = Option<u32>, Query, description = "Most prices in the page, 1 to 200.", example = 50),
        ("cursor" = Option<String>, Query, description = "Where the page begins: take it from `next`.", example = "c7HqK2mXw9Pz000000000001A2b3C"),
    ),
    responses(
        (status = 200, description = "A page of prices, by store, time and channel.", body = PageOfPrices),
        (status = 304, description = "You hold this page already."),
        (status = 404, description = "There is no such product."),
        (status = 410, description = "The product was deleted; `replaced_by` and the `Link` header name what replaces it."),
    ),
)]
#[get("/v1/products/{product_id}/price-history")]
pub(super) async fn list_price_history(
    caller: Caller<op::ListPriceHistory>,
    request: HttpRequest,
    product: web::Path<String>,
    view: web::Data<CatalogView>,
    (db, clock): (web::Data<Db>, web::Data<Clock>),
) -> ApiResult<Answer> {
    let mut params = Params::new(request.query_string());
    let (from, to): (Option<Micros>, Option<Micros>) = (params.value("from"), params.value("to"));
    if from.is_some() && to.is_some() && from >= to {
        params.fault("to", "out_of_range", "must be after `from`");
    }
    let query = HistoryQuery {
        store: params.value("store_id"),
        channel: params.one_of("channel", Channel::WORDS),
        from,
        to,
    };
    let page = PageRequest::read(&request, &mut params).with_columns(&COLUMNS);
    params.finish()?;
    let id: ProductId = path::id(&product, "product")?;
    let included = Included::of(&caller, &view);
    existing(view.product_within(included.grant(), id), "product", &id)?;
    included.need("price-history", Kind::Offer, "price")?;
    let (after, now) = (page.after_pair()?.map(Place::from_pair), clock.now());
    let mut rows = told(&db, id, &query, (after, page.limit() + 1), (&included, now)).await?;
    let more = rows.len() > page.limit();
    rows.truncate(page.limit());
    let next = rows.last().filter(|_| more).map(|row| row.place.pair());
    let items = rows
        .into_iter()
        .map(|row| document(row, &included))
        .collect::<Result<Vec<_>, _>>()
        .map_err(|error| {
            tracing::error!(%error, "a price could not be serialised");
            ApiError::new(Code::Internal, "The failure has been recorded; quote the request id.")
        })?;
    page.answer(&items, next, view.cache_of_prices(Cache::Short, now))
}

/// The prices behind a place in stores that are included, `most` at most.
async fn told(
    db: &Db,
    product: ProductId,
    query: &HistoryQuery,
    (mut after, most): (Option<Place>, usize),
    (included, now): (&Included, Micros),
) -> ApiResult<Vec<Priced>> {
    // Where stores are left out, most of what is read may be of these.
    let at_once = if included.grant().is_some() { most.max(AT_ONCE) } else { most };
    let mut told = Vec::new();
    loop {
        let rows = prices(db, product, query, (after, at_once), now).await?;
        let is_last = rows.len() < at_once;
        after = rows.last().map(|row| row.place);
        told.extend(rows.into_iter().filter(|row| included.has_store(row.place.store)));
        if is_last || told.len() >= most {
            return Ok(told);
        }
    }
}

/// A price as it is sent to a caller.
fn document(priced: Priced, included: &Included) -> serde_json::Result<Vec<u8>> {
    const ALWAYS: [&str; 5] = ["store_id", "channel", "price", "since", "until"];
    let whole = serde_json::to_vec(&PricedOut::from(priced))?;
    Ok(match included.has_field(Kind::Offer, "list_price") {
        true => whole,
        false => Fields::of_paths(ALWAYS).project(&whole),
    })
}
