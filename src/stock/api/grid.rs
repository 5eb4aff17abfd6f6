//! Many products in many stores at once.

use super::lines;
use crate::access::resource::Kind;
use crate::access::{Caller, op};
use crate::catalog::api::Included;
use crate::catalog::view::{CatalogView, Lookup};
use crate::http::answer::Cache;
use crate::http::gtin::{self, Reason};
use crate::http::{Answer, ApiError, ApiResult, Code, FieldError, JsonBody, Params};
use crate::kernel::id::{ProductId, StoreId};
use crate::kernel::{Clock, Gtin, Micros};
use crate::stock::line::QuantityOut;
use crate::stock::model::Availability;
use crate::stock::view::StockView;
use crate::stores::view::StoresView;
use actix_web::{HttpRequest, post, web};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Most products, and most stores, of a grid.
const MOST: usize = 50;

/// What a grid is of.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct StockQueryIn {
    /// Products by GTIN in 8, 12, 13 or 14 digits; with `product_ids` 1 to 50.
    #[serde(default)]
    #[schema(example = json!(["3276550063551"]), max_items = 50)]
    gtins: Vec<String>,
    /// Products by id.
    #[serde(default)]
    #[schema(value_type = Vec<String>, example = json!(["prd_7HqK2mXw9Pz"]), max_items = 50)]
    product_ids: Vec<ProductId>,
    /// 1 to 50 stores.
    #[schema(value_type = Vec<String>, example = json!(["sto_4Fh2Lp8QaZs"]), min_items = 1, max_items = 50)]
    store_ids: Vec<StoreId>,
    /// A count older than this is stale for you; without it, what the retailer says of each count.
    #[serde(default)]
    #[schema(minimum = 1, maximum = 86400, example = 300)]
    max_age_s: Option<u32>,
}

/// A product in a store.
#[derive(Debug, Serialize, ToSchema)]
struct CellOut {
    /// The product; null where no product has the GTIN that was asked for. `not_found` says why.
    #[schema(required = true, value_type = Option<String>, example = "prd_7HqK2mXw9Pz")]
    product_id: Option<ProductId>,
    /// Its GTIN in 14 digits, where it has one; null also where what was asked for is no GTIN.
    #[schema(required = true, value_type = Option<String>, example = "03276550063551")]
    gtin: Option<Gtin>,
    /// The store.
    #[schema(value_type = String, example = "sto_4Fh2Lp8QaZs")]
    store_id: StoreId,
    /// Whether it can be had; `unknown` where the retailer has told nothing.
    availability: Availability,
    /// How many there are, as far as the key may know.
    quantity: QuantityOut,
    /// When the retailer counted; null where it never did.
    #[schema(required = true, value_type = Option<String>, format = DateTime, example = "2026-11-22T09:41:07Z")]
    as_of: Option<Micros>,
    /// After how many seconds the count was taken as stale; null where there is none.
    #[schema(required = true, example = 900)]
    max_age_s: Option<u32>,
    /// Whether the count is older than `max_age_s`; true where there is none.
    #[schema(example = false)]
    is_stale: bool,
}

/// What was asked for and is not there.
#[derive(Debug, Serialize, ToSchema)]
struct AbsentOut {
    /// A GTIN that no product has, in 14 digits; as it was asked for where it is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "05000112611861")]
    gtin: Option<String>,
    /// An id that no product has.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    product_id: Option<ProductId>,
    /// An id that no store has.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    store_id: Option<StoreId>,
    /// Why.
    reason: Reason,
    /// The code that was probably meant.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "3276550063551")]
    suggestion: Option<String>,
}

impl AbsentOut {
    fn of(reason: Reason) -> Self {
        Self { gtin: None, product_id: None, store_id: None, reason, suggestion: None }
    }
}

/// A grid of stock.
#[derive(Debug, Serialize, ToSchema)]
struct GridOut {
    /// A cell for every product in every store: the products as they were asked for, by GTIN first,
    /// and for each the stores in their order.
    items: Vec<CellOut>,
    /// What is not there; its cells are `unknown`.
    not_found: Vec<AbsentOut>,
    /// After how many seconds every count was taken as stale, as it was asked for; null where each cell has its
    /// own.
    #[schema(required = true, example = 900)]
    max_age_s: Option<u32>,
}

/// A product that was asked for.
#[derive(Default)]
struct Wanted {
    id: Option<ProductId>,
    gtin: Option<Gtin>,
    /// Why it leads to nothing, if it does.
    absent: Option<AbsentOut>,
}

/// Stock of many products in many stores
///
/// A grid of up to 50 products and 50 stores in one call. Every cell is answered, also where nothing is
/// known of it: what is no GTIN, or names what is not there, is in `not_found` with the reason, and the call
/// succeeds all the same. Exact quantities need the scope `stock:quantity`, other keys see bands. Each
/// ten cells cost a unit, begun ones too; the call takes its weight from the limits once, however many cells
/// it has.
#[utoipa::path(
    operation_id = "query_stock", tag = "stock", request_body = StockQueryIn,
    responses(
        (status = 200, description = "The grid.", body = GridOut),
        (status = 413, description = "The body is too large."),
        (status = 415, description = "The body is not JSON."),
    ),
)]
#[post("/v1/stock/query")]
pub(super) async fn query_stock(
    caller: Caller<op::QueryStock>,
    request: HttpRequest,
    body: JsonBody<StockQueryIn>,
    stock: web::Data<StockView>,
    catalog: web::Data<CatalogView>,
    stores: web::Data<StoresView>,
    clock: web::Data<Clock>,
) -> ApiResult<Answer> {
    Params::new(request.query_string()).finish()?;
    let asked = body.0;
    bounded(&asked)?;
    let included = Included::of(&caller, &catalog);
    let grant = included.grant();
    let mut products = products(&asked, &catalog, &included);
    let mut not_found: Vec<AbsentOut> =
        products.iter_mut().filter_map(|wanted| wanted.absent.take()).collect();
    not_found.extend(asked.store_ids.iter().filter_map(|id| {
        let reason = reason(&included.store(*id, stores.store(*id)))?;
        Some(AbsentOut { store_id: Some(*id), ..AbsentOut::of(reason) })
    }));

    let lines = lines(&caller, &clock, asked.max_age_s);
    let mut items = Vec::with_capacity(products.len() * asked.store_ids.len());
    let known = |wanted: &Wanted| wanted.id.filter(|id| catalog.includes(grant, *id));
    let ids: Vec<Option<ProductId>> = products.iter().map(known).collect();
    stock.grid(&ids, &asked.store_ids, |row, store, level| {
        let (wanted, level) = (&products[row], level.filter(|_| included.has_store(store)));
        items.push(CellOut {
            product_id: wanted.id,
            gtin: wanted.gtin,
            store_id: store,
            availability: level.as_ref().map_or(Availability::Unknown, |l| l.availability),
            quantity: QuantityOut::new(level.as_ref().and_then(|l| l.quantity), lines.disclosure),
            as_of: level.as_ref().map(|level| level.as_of),
            max_age_s: level.as_ref().map(|level| lines.max_age(level.detail)),
            is_stale: lines.is_stale(level.as_ref()),
        });
    });
    let cells = items.len() as u32;
    let out = GridOut { items, not_found, max_age_s: asked.max_age_s };
    let whole = Answer::json(&out, Cache::NoStore, cells)?;
    Ok(match included.fields(Kind::Stock) {
        None => whole,
        Some(fields) => {
            let fields = fields.clone().below("items", &["not_found", "max_age_s"]);
            Answer::new(fields.project(&whole.body), Cache::NoStore, cells)
        }
    })
}

fn refused(pointer: &str, code: &str, message: &str) -> ApiError {
    let fault = FieldError::pointer(pointer, code, message);
    ApiError::new(Code::InvalidBody, crate::kernel::sentence(format!("{pointer} {message}")))
        .errors(vec![fault])
}

fn bounded(asked: &StockQueryIn) -> ApiResult<()> {
    let products = asked.gtins.len() + asked.product_ids.len();
    if products == 0 || products > MOST {
        return Err(refused(
            "/gtins",
            "out_of_range",
            "and product_ids name 1 to 50 products together",
        ));
    }
    if asked.store_ids.is_empty() || asked.store_ids.len() > MOST {
        return Err(refused("/store_ids", "out_of_range", "names 1 to 50 stores"));
    }
    if asked.max_age_s.is_some_and(|age| !(1..=86_400).contains(&age)) {
        return Err(refused(
            "/max_age_s",
            "out_of_range",
            "must be a number of seconds from 1 to 86400",
        ));
    }
    Ok(())
}

fn products(asked: &StockQueryIn, catalog: &CatalogView, included: &Included) -> Vec<Wanted> {
    let grant = included.grant();
    let by_gtin = asked.gtins.iter().map(|text| match text.parse::<Gtin>() {
        Err(error) => {
            let (reason, suggestion) = gtin::reason(text, &error);
            let gtin = Some(text.clone());
            let absent = Some(AbsentOut { gtin, suggestion, ..AbsentOut::of(reason) });
            Wanted { absent, ..Wanted::default() }
        }
        Ok(gtin) => {
            let reason = reason(&catalog.product_by_gtin_within(grant, gtin));
            let absent =
                |reason| AbsentOut { gtin: Some(gtin.to_string()), ..AbsentOut::of(reason) };
            let id = catalog.id_of_within(grant, gtin);
            Wanted { id, gtin: Some(gtin), absent: reason.map(absent) }
        }
    });
    let by_id = asked.product_ids.iter().map(|id| {
        let reason = reason(&catalog.product_within(grant, *id));
        let gtin = reason.is_none().then(|| catalog.gtin_of(*id)).flatten().flatten();
        let absent = |reason| AbsentOut { product_id: Some(*id), ..AbsentOut::of(reason) };
        Wanted { id: Some(*id), gtin, absent: reason.map(absent) }
    });
    by_gtin.chain(by_id).collect()
}

/// Why what was looked for is not there; none where it is.
fn reason(found: &Lookup) -> Option<Reason> {
    match found {
        Lookup::Found { .. } => None,
        Lookup::Missing => Some(Reason::Unknown),
        Lookup::Gone { .. } => Some(Reason::Gone),
    }
}
