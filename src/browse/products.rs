//! A product by its id, its sku or its GTIN.

use super::schema::ProductOut;
use crate::access::{Caller, op};
use crate::catalog::api::resource;
use crate::catalog::view::CatalogView;
use crate::http::answer::Cache;
use crate::http::path;
use crate::http::{Answer, ApiError, ApiResult, Code, FieldError, Params};
use crate::kernel::Gtin;
use crate::kernel::gtin::{InvalidGtin, check_digit};
use crate::kernel::id::ProductId;
use actix_web::{HttpRequest, get, web};

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
