//! What a customer has in loyalty programs.

use super::guard::CustomerCall;
use super::range::AskedPage;
use super::refused::of_source;
use super::schema::{PageOfCustomerLoyalty, PageOfLoyaltyMoves};
use super::told::ToldPage;
use crate::access::op;
use crate::consent::subject::ScopedKind;
use crate::customers::model::{CustomerDocument, LoyaltyAccount};
use crate::http::{ApiError, ApiResult, Code, Params};
use actix_web::{HttpRequest, HttpResponse, get};

/// A customer's loyalty accounts
///
/// Programs, tiers and balances, in the order of the retailer's own ids. Numbers of cards have a scope of their own. `id` is
/// yours alone: no other partner knows the account by it.
#[utoipa::path(
    operation_id = "list_customer_loyalty", tag = "customer",
    responses((status = 200, description = "The accounts.", body = PageOfCustomerLoyalty)),
)]
#[get("/v1/customer/loyalty")]
pub(super) async fn list_customer_loyalty(
    call: CustomerCall<op::ListCustomerLoyalty>,
    request: HttpRequest,
) -> ApiResult<HttpResponse> {
    Params::new(request.query_string()).finish()?;
    let accounts = call.api.source.loyalty(&call.whose.customer).await;
    let accounts = accounts.map_err(|error| of_source(error, "customer"))?;
    let told = accounts.iter().map(|account| call.cut(CustomerDocument::LoyaltyAccount, account));
    let items = told.collect::<ApiResult<Vec<_>>>()?;
    let page = ToldPage { items, next: None, own: request.path().to_owned() };
    call.page(CustomerDocument::LoyaltyAccount, &page)
}

/// Movements of a loyalty account
///
/// What was earned and spent, the newest first, from the time on that the customer has agreed to. Without `account_id` those
/// of the first account. Where the customer keeps categories of goods to themselves, no movement names its purchase.
#[utoipa::path(
    operation_id = "list_customer_loyalty_transactions", tag = "customer",
    params(
        ("account_id" = Option<String>, Query, description = "The account, by the id that `/v1/customer/loyalty` gives it.", example = "R-uiRz0ntxgRxh8g0lRsJA"),
        ("limit" = Option<u32>, Query, description = "Movements in a page.", example = 50),
        ("cursor" = Option<String>, Query, description = "Where the page begins; take it from `next`.", example = "5d41402abc4b2a76"),
    ),
    responses(
        (status = 200, description = "A page of movements.", body = PageOfLoyaltyMoves),
        (status = 404, description = "The customer has no such account."),
    ),
)]
#[get("/v1/customer/loyalty/transactions")]
pub(super) async fn list_customer_loyalty_transactions(
    call: CustomerCall<op::ListCustomerLoyaltyTransactions>,
    request: HttpRequest,
) -> ApiResult<HttpResponse> {
    let mut params = Params::new(request.query_string());
    let wanted = params.text("account_id");
    let asked = AskedPage::read(&request, &mut params);
    params.finish()?;
    let page = asked.page(&call)?;
    let accounts = call.api.source.loyalty(&call.whose.customer).await;
    let accounts = accounts.map_err(|error| of_source(error, "customer"))?;
    let is_it = |account: &&LoyaltyAccount| match &wanted {
        Some(id) => call.ids.outside(ScopedKind::Card, &account.id) == *id,
        None => true,
    };
    let Some(account) = accounts.iter().find(is_it) else {
        return Err(ApiError::new(Code::NotFound, "There is no such account."));
    };
    let (customer, excluded) = (&call.whose.customer, call.read.excluded());
    let found = call.api.source.transactions(customer, &account.id, excluded, &page).await;
    let mut found = found.map_err(|error| of_source(error, "account"))?;
    let all = found.rows.len();
    found.rows.retain(|it| it.occurred_at >= call.read.history_from());
    // They come the newest first: behind the first one that is too old all are.
    let next = found.next.filter(|_| found.rows.len() == all);
    let told = found.rows.iter().map(|it| call.cut(CustomerDocument::LoyaltyTransaction, it));
    let items = told.collect::<ApiResult<Vec<_>>>()?;
    let told = asked.told(&call, items, next.as_ref())?;
    call.page(CustomerDocument::LoyaltyTransaction, &told)
}
