//! Who a customer is.

use super::guard::CustomerCall;
use super::refused::of_source;
use super::schema::CustomerProfileOut;
use super::told::unwritten;
use crate::access::op;
use crate::customers::model::{CalendarDay, CustomerDocument};
use crate::http::{ApiResult, Params};
use actix_web::{HttpRequest, HttpResponse, get};

/// A customer's profile
///
/// Who the customer is, as far as their consent goes: each field says by `x-scope` which scopes release it, and those that
/// none of the token, the consent and the client withholds are there. The customer's own id at the retailer, their family
/// name and their day of birth are never told; `sub` of the token names them to you alone.
#[utoipa::path(
    operation_id = "get_customer_profile", tag = "customer",
    responses((status = 200, description = "The profile.", body = CustomerProfileOut)),
)]
#[get("/v1/customer/profile")]
pub(super) async fn get_customer_profile(
    call: CustomerCall<op::GetCustomerProfile>,
    request: HttpRequest,
) -> ApiResult<HttpResponse> {
    Params::new(request.query_string()).finish()?;
    let profile = call.api.source.profile(&call.whose.customer).await;
    let profile = profile.map_err(|error| of_source(error, "customer"))?;
    let whole = profile.told_on(CalendarDay::of(call.at)).map_err(|error| unwritten(&error))?;
    let told = call.cut(CustomerDocument::Profile, &whole)?;
    call.one(CustomerDocument::Profile, &told)
}
