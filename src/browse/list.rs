//! The list of products: filters and the page that they give.

mod counted;
mod facets;
mod look;
mod order;
mod permit;
mod select;

use super::schema::PageOfProducts;
use super::schema::ProductOut;
use super::shape::{Shape, Views};
use crate::access::{Caller, op};
use crate::catalog::api::{Included, deleted};
use crate::catalog::model::Status;
use crate::catalog::offers::Channel;
use crate::catalog::search::Search;
use crate::catalog::view::{CatalogView, Grant, ProductQuery};
use crate::http::answer::Cache;
use crate::http::form::Columns;
use crate::http::{Answer, ApiError, ApiResult, Code, PageRequest, Params, Turns};
use crate::kernel::Amount;
use crate::kernel::id::{CategoryId, ProductId};
use crate::kernel::word::Word as _;
use crate::stock::model::Availability;
use actix_web::{HttpRequest, get, web};
pub(super) use facets::FacetValueOut;
pub(super) use permit::search as permit_search;
use select::{Request, select};
use std::str::FromStr;
use std::sync::LazyLock;

/// The columns of the list as CSV.
static COLUMNS: LazyLock<Columns> = LazyLock::new(Columns::of::<ProductOut>);
static COLUMNS_WITH_DELETED: LazyLock<Columns> = LazyLock::new(deleted::columns::<ProductOut>);

/// Most identifiers in a list.
const MOST_IDENTIFIERS: usize = 50;
/// Most properties that can be asked for, and most values of one.
const MOST_ATTRIBUTES: usize = 8;
/// Most characters of a search.
const LONGEST_SEARCH: usize = 200;
/// Seconds after which a search is worth trying again while there is no index.
const RETRY_S: u64 = 2;

/// Products
///
/// All products, 50 to a page: in the order of their ids, with `q` the best match first, or as `sort`
/// says. Filters hold together; values joined by commas are alternatives. Walk to the end by following
/// `next`: a product that is there throughout and keeps its place in the order comes exactly once,
/// whatever is added or deleted meanwhile.
///
/// `attr.<property>` filters by a property of `additional_property` or `variant_attributes`; case
/// and accents make no difference: `attr.energy_class=A,B` (or `attr[energy_class]=A,B`). A comma that belongs to a value stands
/// behind a backslash: `attr.length=1\\,5 m`. The words are the catalog's own, which its facets tell: a
/// property or value that no product has finds nothing. Properties are those of the search index, which follows a
/// change within about a second.
///
/// Facets count, value by value, the products that the list would have with that value alone in the
/// place of the facet's own filter: of `category_id`, with `include_descendants`, those in categories
/// below too. A property comes once, as it is written first. A range of prices ends before `to`, and
/// `max_price` takes its price in: 20 to 50 is `min_price=20&max_price=49.9999`. `total` and `facets` are
/// in JSON and JSON-LD only: CSV and NDJSON have room for products alone.
#[utoipa::path(
    operation_id = "list_products", tag = "products",
    params(
        ("q" = Option<String>, Query, max_length = 200, description = "Words to search for in names, brands, categories, properties and descriptions, or a code. Accents, case and plural make no difference; the last word may be unfinished. All words must be found; where nothing has them all, typing errors are forgiven, and then words left out. Where up to 5 products have them all and ten times as many have words like them, those follow, typing errors forgiven. Products that are sold come first, among them those whose name begins with a word or whose category is called so.", example = "enduit lissage"),
        ("brand" = Option<String>, Query, description = "Up to 50 brands by name or id, joined by commas; a comma of a name stands behind a backslash. Case and accents of a name make no difference.", example = "Bosch,Makita"),
        ("category_id" = Option<String>, Query, description = "Up to 50 categories, joined by commas.", example = "cat_5tR81kQmZx2"),
        ("include_descendants" = Option<bool>, Query, description = "Whether products in categories below those of `category_id` count, in its facet too. With one of the two.", example = true),
        ("gtin" = Option<String>, Query, description = "Up to 50 GTINs of 8, 12, 13 or 14 digits, joined by commas.", example = "3276550063551,5000112611861"),
        ("sku" = Option<String>, Query, description = "Up to 50 skus, joined by commas; a comma of a sku stands behind a backslash.", example = "82311569,82311570"),
        ("item_group_id" = Option<String>, Query, description = "Variants of up to 50 item groups, joined by commas; a comma of a group stands behind a backslash.", example = "grp_9"),
        ("status" = Option<Vec<Status>>, Query, style = Form, explode = false, max_items = 3, description = "Only products with one of these states, joined by commas.", example = json!(["active", "discontinued"])),
        ("is_sold_by_weight" = Option<bool>, Query, description = "Whether the product is sold by weight.", example = false),
        ("store_id" = Option<String>, Query, description = "Only products with an offer in this store that holds now.", example = "sto_4Fh2Lp8QaZs"),
        ("updated_since" = Option<String>, Query, format = DateTime, description = "Only products that changed at or after this instant. Let calls overlap by a minute: a change can be seen a little after its instant.", example = "2026-11-22T00:00:00Z"),
        ("min_price" = Option<String>, Query, description = "Only products that cost at least this much: the lowest price that holds now, in the store and channel where they are named.", example = "20.00"),
        ("max_price" = Option<String>, Query, description = "Only products that cost at most this much.", example = "90.00"),
        ("channel" = Option<Channel>, Query, description = "Only products with an offer through this channel that holds now, in the store where one is named.", example = "in_store"),
        ("availability" = Option<Vec<Availability>>, Query, style = Form, explode = false, description = "Only products with one of these availabilities, joined by commas: in the store that is named, or in any.", example = json!(["in_stock", "low_stock"])),
        ("condition" = Option<String>, Query, description = "Only products in one of these conditions, up to 3 of `new`, `refurbished` and `used`, joined by commas.", example = "new,refurbished"),
        ("attr" = Option<HashMap<String, String>>, Query, style = DeepObject, description = "Only products whose properties have these values; a property's alternatives joined by commas. At most 8 properties with 8 values each.", example = json!({"energy_class": "A,B"})),
        ("sort" = Option<String>, Query, description = "The order, up to 5 steps joined by commas: `relevance` (with `q`), `name`, `price`, `updated_at`, `id`; a minus sign before one turns it around. What has no price comes last. Ids decide among equals.", example = "-price,name"),
        ("facets" = Option<String>, Query, description = "What to count beside the page, up to 12 joined by commas: `brand`, `category_id`, `price`, `availability`, `condition`, `status`, `attr.<property>`.", example = "brand,price,attr.energy_class"),
        ("facet_limit" = Option<u32>, Query, minimum = 1, maximum = 100, description = "Most values of a facet, 20 where it is left out; those with the most products. With `facets`.", example = 10),
        ("include_total" = Option<bool>, Query, description = "Whether to count all products of the list, in `total`.", example = true),
        ("fields" = Option<String>, Query, description = "Only these fields, joined by commas; dots lead inwards.", example = "id,name,brand.name"),
        ("embed" = Option<String>, Query, description = "What to add to each product: `offers` (scope `prices:read`), `stock` (scope `stock:read`), `category`, `variants`, joined by commas. At most 50 lines of each in a product, and at most 50 products in the page; `store_id` chooses the store of offers and stock.", example = "offers,category"),
        ("include_deleted" = Option<bool>, Query, description = "Whether deleted products come too, as `{\"id\", \"deleted\": true, \"deleted_at\", \"replaced_by\"}` in the same order; as CSV in the columns `deleted`, `deleted_at` and `replaced_by`. With `updated_since`, and without other filters.", example = true),
        ("limit" = Option<u32>, Query, description = "Most products in the page, 1 to 200. A page can be shorter although `next` is set: filters that match rarely are walked in steps.", example = 50),
        ("cursor" = Option<String>, Query, description = "Where the page begins: take it from `next`.", example = "c7HqK2mXw9Pz000000000001A2b3C"),
    ),
    responses(
        (status = 200, description = "A page of products.", body = PageOfProducts),
        (status = 304, description = "You hold this page already."),
        (status = 422, description = "`invalid_gtin`: a code of `gtin` is no GTIN, `errors` has the code that was probably meant. `in_store_code`: a code of restricted circulation."),
        (status = 503, description = "`search_not_ready`: `q`, `attr` or a facet of it was given while this node makes its search index. Try again after `Retry-After`. `unavailable`, with `Retry-After`: too many searches and counts wait on this node."),
    ),
)]
#[get("/v1/products")]
pub(super) async fn list_products(
    caller: Caller<op::ListProducts>,
    request: HttpRequest,
    views: Views,
    search: web::Data<Search>,
    turns: web::Data<Turns>,
) -> ApiResult<Answer> {
    let mut params = Params::of(&request);
    let included = Included::of(&caller, &views.0);
    let mut wanted = wanted(&mut params, &views.0, included.grant());
    let deleted = deleted::read(&mut params, wanted.query.updated_since, &["fields", "embed"]);
    let columns = if deleted.is_some() { &COLUMNS_WITH_DELETED } else { &COLUMNS };
    let page = PageRequest::read(&request, &mut params).with_columns(columns);
    let shape = Shape::read_in_list(&mut params, wanted.query.store.into_iter().collect());
    let page = page.with_fields(shape.fields());
    shape.bound(page.limit(), &mut params);
    params.finish()?;
    let shape = shape.within(caller.scopes(), included)?;
    permit::permit(&wanted, shape.included())?;
    let told = caller.stock_disclosure();
    if let Some(since) = deleted {
        let grant = shape.included().grant();
        let found = views.0.list_with_deleted(grant, since, page.after()?, page.limit());
        let next = found.next_pair();
        let items = deleted::items(found.items, |body| shape.apply(&body, told, &views))?;
        return page.answer(&items, next, shape.cache(&views));
    }
    wanted.now = views.2.now();
    let cache = cache(&wanted, &shape, &views);
    if !wanted.is_selection() {
        let found = views.0.list(&wanted.query, Some(wanted.now), page.after()?, page.limit());
        let next = found.next_pair();
        let items = shape.items(found.items, told, &views)?;
        return page.answer(&items, next, cache);
    }
    wanted.permit(caller.scopes())?;
    wanted.settle();
    (wanted.after, wanted.limit) = (page.after_key()?, page.limit());
    let (catalog, stock) = (views.0.clone(), views.1.clone());
    // It may take some milliseconds, for which a worker would answer nobody else.
    let (selected, wanted) =
        turns.run(move || (select(&wanted, &catalog, &stock, &search), wanted)).await?;
    let selected = selected.ok_or_else(not_ready)?;
    let mut beside = Vec::new();
    if wanted.wants_total {
        beside.push(("total", selected.total.to_string().into_bytes()));
    }
    if !wanted.facets.is_empty() {
        beside.push(("facets", selected.facets));
    }
    let items = shape.items(selected.items, told, &views)?;
    page.answer_beside(&items, selected.next, &beside, cache)
}

/// How long a page may be kept: what decides about it must hold as long as what stands in it.
fn cache(wanted: &Request, shape: &Shape, views: &Views) -> Cache {
    let cache = if wanted.looks_at_stock() { Cache::Brief } else { shape.cache(views) };
    let by_offers = wanted.looks_at_prices() || wanted.query.store.is_some();
    if by_offers { views.0.cache_of_prices(cache, wanted.now) } else { cache }
}

pub(super) fn not_ready() -> ApiError {
    let detail = "The search index is being made. Try again in a moment, or leave `q` out.";
    ApiError::new(Code::SearchNotReady, detail).limited(Vec::new(), Some(RETRY_S))
}

/// What is searched for. Its length bounds what a search costs.
fn words(params: &mut Params) -> Option<String> {
    let text = params.text("q")?;
    if text.chars().count() > LONGEST_SEARCH {
        params.fault("q", "too_long", format!("has at most {LONGEST_SEARCH} characters"));
    }
    Some(text)
}

/// A bound of prices: as many digits as the highest prices have.
struct Price(Amount);

/// A text is no bound of prices.
#[derive(Debug, thiserror::Error)]
#[error("must be up to 11 digits, with a point before up to 4 decimals, such as 12.90")]
struct NoPrice;

impl FromStr for Price {
    type Err = NoPrice;

    fn from_str(text: &str) -> Result<Self, NoPrice> {
        let (whole, decimals) = text.split_once('.').unwrap_or((text, ""));
        let fits = !text.starts_with('-') && whole.len() <= 11 && decimals.len() <= 4;
        text.parse().ok().filter(|_| fits).map(Self).ok_or(NoPrice)
    }
}

/// What the parameters ask for, but for the page.
fn wanted(params: &mut Params, view: &CatalogView, grant: Option<&Grant>) -> Request {
    let text = words(params);
    let descend = params.one_of("include_descendants", &[("true", true), ("false", false)]);
    let says_descend = descend.is_some();
    let descend = descend.unwrap_or(false);
    let query = query(params, descend, view, grant);
    let attributes = params.family("attr", ("attr.", "attr["), MOST_ATTRIBUTES);
    let (facets, facet_limit) = facets::read(params, &attributes);
    let of_categories = !query.categories.is_empty() || facets.contains(&facets::Facet::Category);
    let is_wrong = params.has_fault("category_id") || params.has_fault("facets");
    if says_descend && !of_categories && !is_wrong {
        let message = "needs `category_id` beside it, as a filter or among `facets`";
        params.fault("include_descendants", "incomplete", message);
    }
    Request {
        order: order::read(params, text.is_some()),
        availability: params.words("availability"),
        wants_total: params.flag("include_total"),
        query,
        text,
        attributes,
        facets,
        facet_limit,
        descend,
        ..Request::default()
    }
}

/// The categories that are asked for, with those below where these are. One that is not included is as one
/// that has none below.
fn categories(
    asked: Vec<CategoryId>,
    descend: bool,
    view: &CatalogView,
    grant: Option<&Grant>,
) -> Vec<CategoryId> {
    if !descend {
        return asked;
    }
    let is_there = |id: &CategoryId| grant.is_none_or(|grant| grant.includes_category(*id));
    let (known, mut others): (Vec<_>, Vec<_>) = asked.into_iter().partition(is_there);
    others.extend(view.with_descendants(&known));
    others
}

fn query(
    params: &mut Params,
    descend: bool,
    view: &CatalogView,
    grant: Option<&Grant>,
) -> ProductQuery {
    let brands = params.texts("brand", MOST_IDENTIFIERS);
    let asked = params.list("category_id", MOST_IDENTIFIERS);
    let skus = params.texts("sku", MOST_IDENTIFIERS);
    let mut price = |name| params.value(name).map(|Price(amount)| amount);
    let (min_price, max_price) = (price("min_price"), price("max_price"));
    if min_price.zip(max_price).is_some_and(|(min, max)| min > max) {
        params.fault("max_price", "out_of_range", "is below `min_price`");
    }
    ProductQuery {
        brands: view.brands_called(&brands),
        categories: categories(asked, descend, view, grant),
        gtins: params.gtins("gtin", MOST_IDENTIFIERS),
        ids: skus.iter().map(|sku| ProductId::derived(sku)).collect(),
        item_groups: params.texts("item_group_id", MOST_IDENTIFIERS),
        statuses: params.words("status"),
        sold_by_weight: params.one_of("is_sold_by_weight", &[("true", true), ("false", false)]),
        store: params.value("store_id"),
        updated_since: params.value("updated_since"),
        conditions: params.words("condition"),
        channel: params.one_of("channel", Channel::WORDS),
        min_price,
        max_price,
        wants_prices: false,
        grant: grant.cloned(),
    }
}

#[cfg(test)]
mod tests;
