//! A product by its id, its sku or its GTIN.

use super::gtin;
use super::schema::ProductOut;
use super::shape::{Shape, Views};
use crate::access::operation::Op;
use crate::access::{Caller, op};
use crate::catalog::api::{Included, resource};
use crate::catalog::view::CatalogView;
use crate::http::answer::Cache;
use crate::http::path;
use crate::http::{Answer, ApiResult, Params};
use crate::kernel::id::ProductId;
use actix_web::{HttpRequest, get, web};

/// A product
///
/// One product by its id. The answer's ETag changes exactly when the product does.
#[utoipa::path(
    operation_id = "get_product", tag = "products",
    params(
        ("product_id" = String, Path, description = "The product.", example = "prd_7HqK2mXw9Pz"),
        ("fields" = Option<String>, Query, description = "Only these fields, joined by commas; dots lead inwards.", example = "id,name,brand.name"),
        ("embed" = Option<String>, Query, description = "What to add: `offers` (scope `prices:read`), `stock` (scope `stock:read`), `category`, `variants`, joined by commas. At most 50 lines of each; `more_offers`, `more_stock` and `more_variants` lead to the whole list.", example = "offers,category"),
        ("store_id" = Option<String>, Query, description = "Embed offers and stock of these stores only, up to 50 joined by commas.", example = "sto_4Fh2Lp8QaZs"),
    ),
    responses(
        (status = 200, description = "The product.", body = ProductOut),
        (status = 304, description = "You hold this version already."),
        (status = 404, description = "There is no such product."),
        (status = 410, description = "The product was deleted; `replaced_by` and the `Link` header name what replaces it."),
    ),
)]
#[get("/v1/products/{product_id}")]
pub(super) async fn get_product(
    caller: Caller<op::GetProduct>,
    request: HttpRequest,
    product: web::Path<String>,
    views: Views,
) -> ApiResult<Answer> {
    let shape = shape(&request, &caller, &views.0)?;
    let id: ProductId = path::id(&product, "product")?;
    let found = views.0.product_within(shape.included().grant(), id);
    let plain = resource(found, "product", &id, Cache::Short)?;
    shape.answer(plain, caller.stock_disclosure(), &views)
}

/// A product by its sku
///
/// One product by the retailer's own article number.
#[utoipa::path(
    operation_id = "get_product_by_sku", tag = "products",
    params(
        ("sku" = String, Path, description = "The retailer's article number.", example = "82311569"),
        ("fields" = Option<String>, Query, description = "Only these fields, joined by commas; dots lead inwards.", example = "id,name,brand.name"),
        ("embed" = Option<String>, Query, description = "What to add: `offers` (scope `prices:read`), `stock` (scope `stock:read`), `category`, `variants`, joined by commas. At most 50 lines of each; `more_offers`, `more_stock` and `more_variants` lead to the whole list.", example = "offers,category"),
        ("store_id" = Option<String>, Query, description = "Embed offers and stock of these stores only, up to 50 joined by commas.", example = "sto_4Fh2Lp8QaZs"),
    ),
    responses(
        (status = 200, description = "The product.", body = ProductOut),
        (status = 304, description = "You hold this version already."),
        (status = 404, description = "No product has this sku."),
        (status = 410, description = "The product was deleted; `replaced_by` and the `Link` header name what replaces it."),
    ),
)]
#[get("/v1/products/sku/{sku}")]
pub(super) async fn get_product_by_sku(
    caller: Caller<op::GetProductBySku>,
    request: HttpRequest,
    sku: web::Path<String>,
    views: Views,
) -> ApiResult<Answer> {
    let shape = shape(&request, &caller, &views.0)?;
    let found = views.0.product_within(shape.included().grant(), ProductId::derived(&sku));
    let plain = resource(found, "product with the sku", &*sku, Cache::Short)?;
    shape.answer(plain, caller.stock_disclosure(), &views)
}

/// A product by its GTIN
///
/// One product by the number in its bar code. All forms of a code are one: 8, 12, 13 or 14 digits.
/// A wrong check digit is named with the right one. Codes of restricted circulation (leading 2)
/// name a product inside one retailer's stores only and are refused.
#[utoipa::path(
    operation_id = "get_product_by_gtin", tag = "products",
    params(
        ("gtin" = String, Path, description = "EAN-8, UPC-A, EAN-13 or GTIN-14.", example = "3276550063551"),
        ("fields" = Option<String>, Query, description = "Only these fields, joined by commas; dots lead inwards.", example = "id,name,brand.name"),
        ("embed" = Option<String>, Query, description = "What to add: `offers` (scope `prices:read`), `stock` (scope `stock:read`), `category`, `variants`, joined by commas. At most 50 lines of each; `more_offers`, `more_stock` and `more_variants` lead to the whole list.", example = "offers,category"),
        ("store_id" = Option<String>, Query, description = "Embed offers and stock of these stores only, up to 50 joined by commas.", example = "sto_4Fh2Lp8QaZs"),
    ),
    responses(
        (status = 200, description = "The product.", body = ProductOut),
        (status = 304, description = "You hold this version already."),
        (status = 404, description = "No product has this GTIN."),
        (status = 410, description = "The product with this GTIN was deleted; `replaced_by` and the `Link` header name what replaces it."),
        (status = 422, description = "`invalid_gtin`: the code is no GTIN, `errors` has the code that was probably meant. `in_store_code`: a code of restricted circulation."),
    ),
)]
#[get("/v1/products/gtin/{gtin}")]
pub(super) async fn get_product_by_gtin(
    caller: Caller<op::GetProductByGtin>,
    request: HttpRequest,
    gtin: web::Path<String>,
    views: Views,
) -> ApiResult<Answer> {
    let shape = shape(&request, &caller, &views.0)?;
    let grant = shape.included().grant();
    let code = gtin::parse(&gtin, &request, &views.0, grant)?;
    let found = views.0.product_by_gtin_within(grant, code);
    let plain = resource(found, "product with the GTIN", &code, Cache::Short)?;
    shape.answer(plain, caller.stock_disclosure(), &views)
}

/// What the caller wants of the product, as far as its key may read it.
fn shape<O: Op>(request: &HttpRequest, caller: &Caller<O>, view: &CatalogView) -> ApiResult<Shape> {
    let mut params = Params::of(request);
    let shape = Shape::read(&mut params);
    params.finish()?;
    shape.within(caller.scopes(), Included::of(caller, view))
}
