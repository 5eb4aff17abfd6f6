//! The list of products: filters and the page that they give.

use super::deleted;
use super::schema::PageOfProducts;
use super::shape::{Shape, Views};
use crate::access::{Caller, op};
use crate::catalog::model::Status;
use crate::catalog::search::Search;
use crate::catalog::view::{CatalogView, ProductQuery};
use crate::http::{Answer, ApiError, ApiResult, Code, PageRequest, Params};
use crate::kernel::id::{BrandId, ProductId};
use crate::kernel::word::Word as _;
use actix_web::{HttpRequest, get, web};
use std::convert::Infallible;
use std::str::FromStr;

/// Most identifiers in a list.
const MOST_IDENTIFIERS: usize = 50;
/// Most characters of a search.
const LONGEST_SEARCH: usize = 200;
/// Seconds after which a search is worth trying again while there is no index.
const RETRY_S: u64 = 2;

/// Products
///
/// All products, 50 to a page: in the order of their ids, or, with `q`, the best match first. Filters hold together; values joined by
/// commas are alternatives. Walk to the end by following `next`: a product that is there throughout
/// comes exactly once, whatever is added or deleted meanwhile.
#[utoipa::path(
    operation_id = "list_products", tag = "products",
    params(
        ("q" = Option<String>, Query, max_length = 200, description = "Words to search for in names, brands, categories, properties and descriptions, or a code. Accents, case and plural make no difference; the last word may be unfinished. All words must be found; where nothing has them all, typing errors are forgiven, and then words left out. Products that are sold come first.", example = "enduit lissage"),
        ("brand" = Option<String>, Query, description = "Brands by name or id, joined by commas.", example = "Bosch,Makita"),
        ("category_id" = Option<String>, Query, description = "Categories, joined by commas.", example = "cat_5tR81kQmZx2"),
        ("include_descendants" = Option<bool>, Query, description = "Whether products in categories below those of `category_id` count.", example = true),
        ("gtin" = Option<String>, Query, description = "Up to 50 GTINs of 8, 12, 13 or 14 digits, joined by commas.", example = "3276550063551,5000112611861"),
        ("sku" = Option<String>, Query, description = "Up to 50 skus, joined by commas.", example = "82311569,82311570"),
        ("item_group_id" = Option<String>, Query, description = "Variants of one item group.", example = "grp_9"),
        ("status" = Option<Status>, Query, description = "`active`, `discontinued` or `recalled`.", example = "active"),
        ("is_sold_by_weight" = Option<bool>, Query, description = "Whether the product is sold by weight.", example = false),
        ("store_id" = Option<String>, Query, description = "Only products with an offer in this store.", example = "sto_4Fh2Lp8QaZs"),
        ("updated_since" = Option<String>, Query, format = DateTime, description = "Only products that changed at or after this instant.", example = "2026-11-22T00:00:00Z"),
        ("fields" = Option<String>, Query, description = "Only these fields, joined by commas; dots lead inwards.", example = "id,name,brand.name"),
        ("embed" = Option<String>, Query, description = "What to add to each product: `offers` (scope `prices:read`), `stock` (scope `stock:read`), `category`, `variants`, joined by commas. At most 50 lines of each in a product, and at most 50 products in the page; `store_id` chooses the store of offers and stock.", example = "offers,category"),
        ("include_deleted" = Option<bool>, Query, description = "Whether deleted products come too, as `{\"id\", \"deleted\": true, \"deleted_at\", \"replaced_by\"}` in the same order; with `updated_since`, and without other filters.", example = true),
        ("limit" = Option<u32>, Query, description = "Most products in the page, 1 to 200. A page can be shorter although `next` is set: filters that match rarely are walked in steps.", example = 50),
        ("cursor" = Option<String>, Query, description = "Where the page begins: take it from `next`.", example = "c7HqK2mXw9Pz000000000001A2b3C"),
    ),
    responses(
        (status = 200, description = "A page of products.", body = PageOfProducts),
        (status = 304, description = "You hold this page already."),
        (status = 503, description = "`search_not_ready`: `q` was given while this node makes its search index. Try again after `Retry-After`."),
    ),
)]
#[get("/v1/products")]
pub(super) async fn list_products(
    caller: Caller<op::ListProducts>,
    request: HttpRequest,
    views: Views,
    search: web::Data<Search>,
) -> ApiResult<Answer> {
    let mut params = Params::new(request.query_string());
    let text = words(&mut params);
    let query = query(&mut params, &views.0);
    let deleted = deleted::read(&mut params, query.updated_since);
    let page = PageRequest::read(&request, &mut params);
    let shape = Shape::read_in_list(&mut params, query.store.into_iter().collect());
    shape.bound(page.limit(), &mut params);
    params.finish()?;
    shape.permit(caller.scopes())?;
    if let Some(since) = deleted {
        return deleted::list(since, &page, &shape, caller.stock_disclosure(), &views);
    }
    let (items, next) = match text {
        None => {
            let found = views.0.list(&query, page.after()?, page.limit());
            let next = found.next_pair();
            (found.items, next)
        }
        Some(text) => {
            let hits = search.find(&text, page.after_pair()?).ok_or_else(not_ready)?;
            let found = views.0.list_hits(&query, &hits, page.limit());
            (found.items, found.next)
        }
    };
    let items = shape.items(items, caller.stock_disclosure(), &views)?;
    page.answer(&items, next, shape.cache())
}

fn not_ready() -> ApiError {
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

/// A brand by its id or its name in any case.
struct Brand(BrandId);

impl FromStr for Brand {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        Ok(Self(BrandId::named(text)))
    }
}

fn query(params: &mut Params, view: &CatalogView) -> ProductQuery {
    let brands = params.list("brand", MOST_IDENTIFIERS);
    let categories = params.list("category_id", MOST_IDENTIFIERS);
    let descend = params.flag("include_descendants");
    let skus: Vec<String> = params.list("sku", MOST_IDENTIFIERS);
    ProductQuery {
        brands: brands.into_iter().map(|Brand(id)| id).collect(),
        categories: if descend { view.with_descendants(&categories) } else { categories },
        gtins: params.list("gtin", MOST_IDENTIFIERS),
        ids: skus.iter().map(|sku| ProductId::derived(sku)).collect(),
        item_group: params.text("item_group_id"),
        status: params.one_of("status", Status::WORDS),
        sold_by_weight: params.one_of("is_sold_by_weight", &[("true", true), ("false", false)]),
        store: params.value("store_id"),
        updated_since: params.value("updated_since"),
    }
}
