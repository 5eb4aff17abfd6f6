//! Operations on products.

use super::resource;
use super::schema::{PageOfProducts, ProductOut};
use crate::access::{Caller, op};
use crate::catalog::model::Status;
use crate::catalog::view::{CatalogView, ProductQuery};
use crate::http::answer::Cache;
use crate::http::path;
use crate::http::{Answer, ApiError, ApiResult, Code, FieldError, PageRequest, Params};
use crate::kernel::Gtin;
use crate::kernel::gtin::{InvalidGtin, check_digit};
use crate::kernel::id::{BrandId, ProductId};
use crate::kernel::word::Word as _;
use actix_web::{HttpRequest, get, web};
use std::convert::Infallible;
use std::str::FromStr;

/// Most identifiers in a list.
const MOST_IDENTIFIERS: usize = 50;

/// Products
///
/// All products in the order of their ids, 50 to a page. Filters hold together; values joined by
/// commas are alternatives. Walk to the end by following `next`: a product that is there throughout
/// comes exactly once, whatever is added or deleted meanwhile.
#[utoipa::path(
    operation_id = "list_products", tag = "products",
    params(
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
        ("limit" = Option<u32>, Query, description = "Most products in the page, 1 to 200. A page can be shorter although `next` is set: filters that match rarely are walked in steps.", example = 50),
        ("cursor" = Option<String>, Query, description = "Where the page begins: take it from `next`.", example = "c7HqK2mXw9Pz000000000001A2b3C"),
    ),
    responses(
        (status = 200, description = "A page of products.", body = PageOfProducts),
        (status = 304, description = "You hold this page already."),
    ),
)]
#[get("/v1/products")]
pub(super) async fn list_products(
    _caller: Caller<op::ListProducts>,
    request: HttpRequest,
    view: web::Data<CatalogView>,
) -> ApiResult<Answer> {
    let mut params = Params::new(request.query_string());
    let query = query(&mut params, &view);
    let page = PageRequest::read(&request, &mut params);
    params.finish()?;
    let found = view.list(&query, page.after()?, page.limit());
    page.answer(&found.items, found.next_pair(), Cache::Short)
}

/// A brand by its id or its name in any case.
struct Brand(BrandId);

impl FromStr for Brand {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        Ok(Self(text.parse().unwrap_or_else(|_| BrandId::derived(&text.to_lowercase()))))
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

/// A product
///
/// One product by its id. The answer's ETag changes exactly when the product does.
#[utoipa::path(
    operation_id = "get_product", tag = "products",
    params(("product_id" = String, Path, description = "The product.", example = "prd_7HqK2mXw9Pz")),
    responses(
        (status = 200, description = "The product.", body = ProductOut),
        (status = 304, description = "You hold this version already."),
        (status = 404, description = "There is no such product."),
        (status = 410, description = "The product was deleted; `detail` names what replaces it."),
    ),
)]
#[get("/v1/products/{product_id}")]
pub(super) async fn get_product(
    _caller: Caller<op::GetProduct>,
    request: HttpRequest,
    product: web::Path<String>,
    view: web::Data<CatalogView>,
) -> ApiResult<Answer> {
    Params::new(request.query_string()).finish()?;
    let id: ProductId = path::id(&product, "product")?;
    resource(view.product(id), "product", &id, Cache::Short)
}

/// A product by its sku
///
/// One product by the retailer's own article number.
#[utoipa::path(
    operation_id = "get_product_by_sku", tag = "products",
    params(("sku" = String, Path, description = "The retailer's article number.", example = "82311569")),
    responses(
        (status = 200, description = "The product.", body = ProductOut),
        (status = 304, description = "You hold this version already."),
        (status = 404, description = "No product has this sku."),
        (status = 410, description = "The product was deleted; `detail` names what replaces it."),
    ),
)]
#[get("/v1/products/sku/{sku}")]
pub(super) async fn get_product_by_sku(
    _caller: Caller<op::GetProductBySku>,
    request: HttpRequest,
    sku: web::Path<String>,
    view: web::Data<CatalogView>,
) -> ApiResult<Answer> {
    Params::new(request.query_string()).finish()?;
    resource(view.product_by_sku(&sku), "product with the sku", &*sku, Cache::Short)
}

/// A product by its GTIN
///
/// One product by the number in its bar code. All forms of a code are one: 8, 12, 13 or 14 digits.
/// A wrong check digit is named with the right one. Codes of restricted circulation (leading 2)
/// name a product inside one retailer's stores only and are refused.
#[utoipa::path(
    operation_id = "get_product_by_gtin", tag = "products",
    params(("gtin" = String, Path, description = "EAN-8, UPC-A, EAN-13 or GTIN-14.", example = "3276550063551")),
    responses(
        (status = 200, description = "The product.", body = ProductOut),
        (status = 304, description = "You hold this version already."),
        (status = 404, description = "No product has this GTIN."),
        (status = 410, description = "The product with this GTIN was deleted; `detail` names what replaces it."),
        (status = 422, description = "`invalid_gtin`: the code is no GTIN, `errors` has the code that was probably meant. `in_store_code`: a code of restricted circulation."),
    ),
)]
#[get("/v1/products/gtin/{gtin}")]
pub(super) async fn get_product_by_gtin(
    _caller: Caller<op::GetProductByGtin>,
    request: HttpRequest,
    gtin: web::Path<String>,
    view: web::Data<CatalogView>,
) -> ApiResult<Answer> {
    Params::new(request.query_string()).finish()?;
    let code: Gtin = gtin.parse().map_err(|error| refused(&gtin, &error))?;
    resource(view.product_by_gtin(code), "product with the GTIN", &code, Cache::Short)
}

/// Why a code names no product, and which code was probably meant.
fn refused(text: &str, error: &InvalidGtin) -> ApiError {
    let complete = || format!("{text}{}", check_digit(text.as_bytes()));
    let (code, fault, message, suggestion) = match error {
        InvalidGtin::InStore => (Code::InStoreCode, "in_store", error.to_string(), None),
        InvalidGtin::CheckDigit { .. } => {
            (Code::InvalidGtin, "check_digit", error.to_string(), error.suggestion())
        }
        InvalidGtin::Length(length @ (7 | 11)) => {
            let form = if *length == 7 { "EAN-8" } else { "UPC" };
            let message = format!("looks like a {form} code without its check digit");
            (Code::InvalidGtin, "check_digit", message, Some(complete()))
        }
        _ => (Code::InvalidGtin, "malformed", error.to_string(), None),
    };
    let detail = match &suggestion {
        Some(suggestion) => format!("`{text}` {message}. Did you mean `{suggestion}`?"),
        None => format!("`{text}` {message}."),
    };
    ApiError::new(code, detail)
        .errors(vec![FieldError::parameter("gtin", fault, message).suggest(suggestion)])
}
