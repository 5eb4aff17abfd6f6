//! What a customer bought, in stores and online.

use super::guard::CustomerCall;
use super::range::{self, AskedPage};
use super::refused::of_source;
use super::schema::{CustomerPurchaseOut, PageOfCustomerPurchases, PageOfPurchaseSums};
use super::told::ToldPage;
use crate::access::op;
use crate::consent::subject::ScopedKind;
use crate::customers::model::CustomerDocument;
use crate::customers::source::PurchaseRange;
use crate::http::{ApiResult, Params};
use actix_web::{HttpRequest, HttpResponse, get, web};

/// What a customer spent
///
/// By month and category, the newest month first, within the time that the customer has agreed to. Categories that they keep
/// to themselves are in no sum, and goods that came back are taken off.
#[utoipa::path(
    operation_id = "get_customer_purchase_summary", tag = "customer",
    params(
        ("from" = Option<String>, Query, description = "The first instant (RFC 3339).", example = "2026-06-01T00:00:00Z"),
        ("to" = Option<String>, Query, description = "The instant behind the last.", example = "2026-12-01T00:00:00Z"),
    ),
    responses((status = 200, description = "The sums.", body = PageOfPurchaseSums)),
)]
#[get("/v1/customer/purchases/summary")]
pub(super) async fn get_customer_purchase_summary(
    call: CustomerCall<op::GetCustomerPurchaseSummary>,
    request: HttpRequest,
) -> ApiResult<HttpResponse> {
    let mut params = Params::new(request.query_string());
    let range = range::purchases(&call, &mut params);
    params.finish()?;
    let sums = call.api.source.summary(&call.whose.customer, range, call.read.excluded()).await;
    let sums = sums.map_err(|error| of_source(error, "customer"))?;
    let told = sums.iter().map(|sum| call.cut(CustomerDocument::MonthOfCategory, sum));
    let items = told.collect::<ApiResult<Vec<_>>>()?;
    let query = request.query_string();
    let separator = if query.is_empty() { "" } else { "?" };
    let own = format!("{}{separator}{query}", request.path());
    call.page(CustomerDocument::MonthOfCategory, &ToldPage { items, next: None, own })
}

/// A customer's purchases
///
/// Till receipts and online orders together, the newest first, within the time that the customer has agreed to. Date, store
/// and sums come by one scope, what was bought by another, receipts by a third. Where the customer keeps categories of goods
/// to themselves, lines of them are not there, sums are those of the lines that are, and purchases of which nothing is left
/// are not there either.
#[utoipa::path(
    operation_id = "list_customer_purchases", tag = "customer",
    params(
        ("from" = Option<String>, Query, description = "The first instant (RFC 3339).", example = "2026-06-01T00:00:00Z"),
        ("to" = Option<String>, Query, description = "The instant behind the last.", example = "2026-12-01T00:00:00Z"),
        ("limit" = Option<u32>, Query, description = "Purchases in a page.", example = 50),
        ("cursor" = Option<String>, Query, description = "Where the page begins; take it from `next`.", example = "5d41402abc4b2a76"),
    ),
    responses((status = 200, description = "A page of purchases.", body = PageOfCustomerPurchases)),
)]
#[get("/v1/customer/purchases")]
pub(super) async fn list_customer_purchases(
    call: CustomerCall<op::ListCustomerPurchases>,
    request: HttpRequest,
) -> ApiResult<HttpResponse> {
    let mut params = Params::new(request.query_string());
    let range = range::purchases(&call, &mut params);
    let asked = AskedPage::read(&request, &mut params);
    params.finish()?;
    let page = asked.page(&call)?;
    let (customer, excluded) = (&call.whose.customer, call.read.excluded());
    let found = call.api.source.purchases(customer, range, excluded, &page).await;
    let found = found.map_err(|error| of_source(error, "customer"))?;
    let told = found.rows.iter().map(|it| call.cut(CustomerDocument::Purchase, it));
    let items = told.collect::<ApiResult<Vec<_>>>()?;
    let told = asked.told(&call, items, found.next.as_ref())?;
    call.page(CustomerDocument::Purchase, &told)
}

/// One purchase of a customer
///
/// By the id that `/v1/customer/purchases` gives it. What is not this customer's, or from before the time that they have
/// agreed to, is not there.
#[utoipa::path(
    operation_id = "get_customer_purchase", tag = "customer",
    params(("purchase_id" = String, Path, description = "The id of the purchase, which is yours alone.", example = "R-uiRz0ntxgRxh8g0lRsJA")),
    responses(
        (status = 200, description = "The purchase.", body = CustomerPurchaseOut),
        (status = 404, description = "The customer has no such purchase."),
    ),
)]
#[get("/v1/customer/purchases/{purchase_id}")]
pub(super) async fn get_customer_purchase(
    call: CustomerCall<op::GetCustomerPurchase>,
    request: HttpRequest,
    purchase_id: web::Path<String>,
) -> ApiResult<HttpResponse> {
    Params::new(request.query_string()).finish()?;
    let range = PurchaseRange { from: Some(call.read.history_from()), to: None };
    let is_it = |id: &str| call.ids.outside(ScopedKind::Order, id) == *purchase_id;
    let (customer, excluded) = (&call.whose.customer, call.read.excluded());
    let found = call.api.source.purchase_that(customer, range, excluded, &is_it).await;
    let found = found.map_err(|error| of_source(error, "purchase"))?;
    let told = call.cut(CustomerDocument::Purchase, &found)?;
    call.one(CustomerDocument::Purchase, &told)
}
