//! Operations on offers.

use super::{Included, existing};
use crate::access::resource::Kind;
use crate::access::{Caller, op};
use crate::catalog::check::{Decimal, Measure};
use crate::catalog::offers::{Channel, PriceType};
use crate::catalog::view::{CatalogView, OfferRecord};
use crate::http::answer::Cache;
use crate::http::form::Columns;
use crate::http::{Answer, ApiError, ApiResult, Code, PageRequest, Params, path};
use crate::kernel::id::{ProductId, PromotionId, StoreId};
use crate::kernel::page::MAX_LIMIT;
use crate::kernel::word::Word as _;
use crate::kernel::{Amount, Clock, Currency, Micros, Money};
use actix_web::{HttpRequest, get, web};
use serde::Serialize;
use serde_json::value::RawValue;
use std::sync::LazyLock;
use utoipa::ToSchema;

/// The columns of the list as CSV.
static COLUMNS: LazyLock<Columns> = LazyLock::new(Columns::of::<OfferOut>);

/// An amount of a currency.
#[derive(Debug, ToSchema)]
#[expect(dead_code, reason = "describes how `Money` is written")]
pub(crate) struct MoneyOut {
    /// The amount as an exact decimal.
    #[schema(example = "2.39")]
    amount: String,
    /// ISO 4217 code.
    #[schema(example = "EUR")]
    currency: String,
}

/// The price of a measure, to compare packs of different sizes.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct UnitPriceOut {
    /// The amount and its currency.
    #[serde(flatten)]
    #[schema(value_type = MoneyOut)]
    price: Money,
    /// What the price is for.
    #[schema(required = true)]
    reference: Option<Measure>,
}

/// Who sells, where it is not the retailer.
#[derive(Debug, ToSchema)]
#[expect(dead_code, reason = "describes a seller, which is served as it is stored")]
pub(super) struct SellerOut {
    /// The retailer's code for the seller.
    #[schema(example = "M-17")]
    id: String,
    /// The seller's name.
    #[schema(example = "Maison Delorme")]
    name: String,
}

/// What a product costs in a store through a channel.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct OfferOut {
    /// The product.
    #[schema(value_type = String, example = "prd_7HqK2mXw9Pz")]
    product_id: ProductId,
    /// The store.
    #[schema(value_type = String, example = "sto_4Fh2Lp8QaZs")]
    store_id: StoreId,
    /// Where it holds.
    channel: Channel,
    /// What it costs now.
    #[schema(value_type = MoneyOut)]
    price: Money,
    /// What it cost before, where the price is reduced.
    #[schema(required = true, value_type = Option<MoneyOut>)]
    list_price: Option<Money>,
    /// What kind of price it is.
    price_type: PriceType,
    /// What members of the loyalty programme pay.
    #[schema(required = true, value_type = Option<MoneyOut>)]
    member_price: Option<Money>,
    /// The price of a litre, a kilogram or whatever `reference` says.
    #[schema(required = true)]
    unit_price: Option<UnitPriceOut>,
    /// Where the price is reduced, the lowest price of the 30 days before the reduction began
    /// (Directive 98/6/EC, Art. 6a); null where it is not reduced or no price before is known.
    #[schema(required = true, value_type = Option<MoneyOut>)]
    lowest_price_30d: Option<Money>,
    /// What of the price is a contribution for disposal.
    #[schema(required = true, value_type = Option<MoneyOut>)]
    eco_contribution: Option<Money>,
    /// Who sells it; null where the retailer does.
    #[schema(required = true, value_type = Option<SellerOut>)]
    seller: Option<Box<RawValue>>,
    /// Whether the amounts include tax.
    #[schema(example = true)]
    tax_included: bool,
    /// From when the offer holds.
    #[schema(required = true, value_type = Option<String>, format = DateTime, example = "2026-11-20T23:00:00Z")]
    valid_from: Option<Micros>,
    /// Until when the offer holds.
    #[schema(required = true, value_type = Option<String>, format = DateTime, example = "2026-11-30T23:00:00Z")]
    valid_through: Option<Micros>,
    /// The promotions that the offer is part of: those that are known and not one customer's own.
    #[schema(value_type = Vec<String>, example = json!(["prm_2bN6yHs0KfW"]))]
    promotion_ids: Vec<PromotionId>,
    /// When the retailer said so first; told again as it is, it keeps this instant.
    #[schema(value_type = String, format = DateTime, example = "2026-11-22T04:00:00Z")]
    as_of: Micros,
}

/// Offers, a page of them.
#[derive(Debug, ToSchema)]
#[expect(dead_code, reason = "describes a page, which is put together from finished offers")]
pub(crate) struct PageOfOffers {
    /// The offers.
    items: Vec<OfferOut>,
    /// Where the next page is; null on the last.
    #[schema(
        required = true,
        example = "/v1/products/prd_7HqK2mXw9Pz/offers?limit=50&cursor=c7HqK2mXw9Pz000000000001A2b3C"
    )]
    next: Option<String>,
    /// Where this page is.
    #[schema(rename = "self", example = "/v1/products/prd_7HqK2mXw9Pz/offers?limit=50")]
    own: String,
    /// How many offers the list has, with `include_total`.
    #[schema(example = 128)]
    total: Option<u64>,
}

/// `1 LTR` as a measure.
fn measure(text: &str) -> Option<Measure> {
    let (value, unit_code) = text.split_once(' ')?;
    Some(Measure { value: Decimal(value.to_owned()), unit_code: unit_code.to_owned() })
}

impl From<OfferRecord> for OfferOut {
    fn from(offer: OfferRecord) -> Self {
        let currency: Currency = offer.currency;
        let money = |amount: Amount| Money { amount, currency };
        let reference = offer.unit_reference.as_deref().and_then(measure);
        Self {
            product_id: offer.product,
            store_id: offer.store,
            channel: offer.channel,
            price: money(offer.price),
            list_price: offer.list_price.map(money),
            price_type: offer.price_type,
            member_price: offer.member_price.map(money),
            unit_price: offer.unit_price.map(|a| UnitPriceOut { price: money(a), reference }),
            lowest_price_30d: offer.lowest_price_30d.map(money),
            eco_contribution: offer.eco_contribution.map(money),
            seller: offer.seller.and_then(|text| RawValue::from_string(text).ok()),
            tax_included: offer.tax_included,
            valid_from: offer.valid_from,
            valid_through: offer.valid_through,
            promotion_ids: offer.promotions,
            as_of: offer.as_of,
        }
    }
}

/// Offers of a product
///
/// What a product costs now, store by store and channel by channel, in the store's own currency. Only offers that
/// hold at this moment are listed: what has ended or is still to come is not, and in a sale the price of the sale
/// is told. `/v1/changes` and exports tell each offer with its `sale`, `valid_from` and `valid_through`.
#[utoipa::path(
    operation_id = "list_product_offers", tag = "offers",
    params(
        ("product_id" = String, Path, description = "The product.", example = "prd_7HqK2mXw9Pz"),
        ("store_id" = Option<String>, Query, description = "Only these stores, up to 200 joined by commas.", example = "sto_4Fh2Lp8QaZs"),
        ("channel" = Option<Channel>, Query, description = "`in_store` or `online`.", example = "in_store"),
        ("include_total" = Option<bool>, Query, description = "Whether to count all offers of the list, in `total`.", example = true),
        ("limit" = Option<u32>, Query, description = "Most offers in the page, 1 to 200.", example = 50),
        ("cursor" = Option<String>, Query, description = "Where the page begins: take it from `next`.", example = "c7HqK2mXw9Pz000000000001A2b3C"),
    ),
    responses(
        (status = 200, description = "A page of offers, by store and channel.", body = PageOfOffers),
        (status = 304, description = "You hold this page already."),
        (status = 404, description = "There is no such product."),
        (status = 410, description = "The product was deleted; `replaced_by` and the `Link` header name what replaces it."),
    ),
)]
#[get("/v1/products/{product_id}/offers")]
pub(super) async fn list_product_offers(
    caller: Caller<op::ListProductOffers>,
    request: HttpRequest,
    product: web::Path<String>,
    (view, clock): (web::Data<CatalogView>, web::Data<Clock>),
) -> ApiResult<Answer> {
    let mut params = Params::new(request.query_string());
    let stores: Vec<StoreId> = params.list("store_id", MAX_LIMIT as usize);
    let channel = params.one_of("channel", Channel::WORDS);
    let page =
        PageRequest::read(&request, &mut params).with_columns(&COLUMNS).with_total(&mut params);
    params.finish()?;
    let id: ProductId = path::id(&product, "product")?;
    let included = Included::of(&caller, &view);
    let grant = included.grant();
    existing(view.product_within(grant, id), "product", &id)?;
    let place = (page.after_pair()?, page.limit());
    let now = clock.now();
    let wanted = (&*stores, channel, now);
    let found = view.offers(grant, id, wanted, place.0, place.1);
    let items = documents(found.items, &included)?;
    let total = page.wants_total().then(|| view.count_offers(grant, id, wanted));
    page.answer_counted(&items, found.next, total, view.cache_of_prices(Cache::Short, now))
}

/// Offers as they are sent to a caller.
pub(crate) fn documents(offers: Vec<OfferRecord>, included: &Included) -> ApiResult<Vec<Vec<u8>>> {
    let documents = offers.into_iter().map(document);
    documents.map(|document| Ok(included.cut(Kind::Offer, document?))).collect()
}

fn document(offer: OfferRecord) -> ApiResult<Vec<u8>> {
    serde_json::to_vec(&OfferOut::from(offer)).map_err(|error| {
        tracing::error!(%error, "an offer could not be serialised");
        ApiError::new(Code::Internal, "The failure has been recorded; quote the request id.")
    })
}
