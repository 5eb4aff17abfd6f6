//! The offers of a store.

use crate::access::{Caller, op};
use crate::catalog::api::offers::OfferOut;
use crate::catalog::api::offers::{PageOfOffers, documents};
use crate::catalog::api::{Included, existing};
use crate::catalog::offers::Channel;
use crate::catalog::view::CatalogView;
use crate::http::answer::Cache;
use crate::http::form::Columns;
use crate::http::{Answer, ApiResult, PageRequest, Params, Turns, path};
use crate::kernel::Clock;
use crate::kernel::id::StoreId;
use crate::kernel::word::Word as _;
use crate::stores::view::StoresView;
use actix_web::{HttpRequest, get, web};
use std::sync::LazyLock;

/// The columns of the list as CSV.
static COLUMNS: LazyLock<Columns> = LazyLock::new(Columns::of::<OfferOut>);

/// Offers of a store
///
/// What a store sells now and for how much, by product and channel. Only offers that hold at this moment are
/// listed, each with the price that it asks now.
#[utoipa::path(
    operation_id = "list_store_offers", tag = "offers",
    params(
        ("store_id" = String, Path, description = "The store.", example = "sto_4Fh2Lp8QaZs"),
        ("channel" = Option<Channel>, Query, description = "`in_store` or `online`.", example = "in_store"),
        ("include_total" = Option<bool>, Query, description = "Whether to count all offers of the list, in `total`.", example = true),
        ("limit" = Option<u32>, Query, description = "Most offers in the page, 1 to 200.", example = 50),
        ("cursor" = Option<String>, Query, description = "Where the page begins: take it from `next`.", example = "c7HqK2mXw9Pz000000000001A2b3C"),
    ),
    responses(
        (status = 200, description = "A page of offers, by product and channel.", body = PageOfOffers),
        (status = 304, description = "You hold this page already."),
        (status = 404, description = "There is no such store."),
        (status = 410, description = "The store was deleted."),
    ),
)]
#[get("/v1/stores/{store_id}/offers")]
pub(super) async fn list_store_offers(
    caller: Caller<op::ListStoreOffers>,
    request: HttpRequest,
    store: web::Path<String>,
    (view, clock): (web::Data<CatalogView>, web::Data<Clock>),
    stores: web::Data<StoresView>,
    turns: web::Data<Turns>,
) -> ApiResult<Answer> {
    let mut params = Params::new(request.query_string());
    let channel = params.one_of("channel", Channel::WORDS);
    let page =
        PageRequest::read(&request, &mut params).with_columns(&COLUMNS).with_total(&mut params);
    params.finish()?;
    let id: StoreId = path::id(&store, "store")?;
    let included = Included::of(&caller, &view);
    existing(included.store(id, stores.store(id)), "store", &id)?;
    let (grant, after) = (included.grant(), page.after_pair()?);
    let now = clock.now();
    let found = view.store_offers(grant, id, (channel, now), after, page.limit());
    let (items, cache) =
        (documents(found.items, &included)?, view.cache_of_prices(Cache::Short, now));
    // A store may have an offer of every product, and each is looked at.
    let count = move || view.count_store_offers(included.grant(), id, (channel, now));
    let total = if page.wants_total() { Some(turns.run(count).await?) } else { None };
    page.answer_counted(&items, found.next, total, cache)
}
