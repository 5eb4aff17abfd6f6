//! Promotions that are one customer's own.

use super::guard::CustomerCall;
use super::range::AskedPage;
use super::refused::of_source;
use super::schema::PageOfCustomerPromotions;
use crate::access::op;
use crate::customers::model::CustomerDocument;
use crate::http::{ApiResult, Params};
use actix_web::{HttpRequest, HttpResponse, get};

/// A customer's own promotions
///
/// Those that count now or later, in an order that stays. What is for everybody is at `/v1/promotions`.
#[utoipa::path(
    operation_id = "list_customer_promotions", tag = "customer",
    params(
        ("limit" = Option<u32>, Query, description = "Promotions in a page.", example = 50),
        ("cursor" = Option<String>, Query, description = "Where the page begins; take it from `next`.", example = "5d41402abc4b2a76"),
    ),
    responses((status = 200, description = "A page of promotions.", body = PageOfCustomerPromotions)),
)]
#[get("/v1/customer/promotions")]
pub(super) async fn list_customer_promotions(
    call: CustomerCall<op::ListCustomerPromotions>,
    request: HttpRequest,
) -> ApiResult<HttpResponse> {
    let mut params = Params::new(request.query_string());
    let asked = AskedPage::read(&request, &mut params);
    params.finish()?;
    let page = asked.page(&call)?;
    let found = call.api.source.promotions(&call.whose.customer, call.at, &page).await;
    let found = found.map_err(|error| of_source(error, "customer"))?;
    let told = found.rows.iter().map(|it| call.cut(CustomerDocument::Promotion, it));
    let items = told.collect::<ApiResult<Vec<_>>>()?;
    let told = asked.told(&call, items, found.next.as_ref())?;
    call.page(CustomerDocument::Promotion, &told)
}
