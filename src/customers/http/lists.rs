//! Lists of a customer, read.

use super::guard::{CustomerCall, CustomerOp};
use super::range::AskedPage;
use super::refused::of_source;
use super::schema::{CustomerListOut, PageOfCustomerLists};
use crate::access::op;
use crate::consent::subject::ScopedKind;
use crate::customers::model::{CustomerDocument, CustomerList, CustomerListKind};
use crate::customers::source::{KeptList, PageOf, SourceError};
use crate::http::{ApiResult, Params};
use crate::kernel::page::MAX_LIMIT;
use actix_web::{HttpRequest, HttpResponse, get, web};

/// A customer's lists
///
/// What they want to buy, have saved for later or like, and what they have looked at, with the items of each. The retailer
/// keeps the list of what was looked at, and tells nothing of it from before the time that the customer has agreed to.
/// Items of categories that they keep to themselves are not there. With `type` only lists of these kinds: a page may then
/// hold fewer than `limit`, and is the last where `next` is null.
#[utoipa::path(
    operation_id = "list_customer_lists", tag = "customer",
    params(
        ("type" = Option<String>, Query, description = "Kinds of lists, joined by commas: `shopping`, `wishlist`, `saved`, `favourite`, `viewed`, `compare`.", example = "shopping,saved"),
        ("limit" = Option<u32>, Query, description = "Lists in a page.", example = 50),
        ("cursor" = Option<String>, Query, description = "Where the page begins; take it from `next`.", example = "5d41402abc4b2a76"),
    ),
    responses((status = 200, description = "A page of lists.", body = PageOfCustomerLists)),
)]
#[get("/v1/customer/lists")]
pub(super) async fn list_customer_lists(
    call: CustomerCall<op::ListCustomerLists>,
    request: HttpRequest,
) -> ApiResult<HttpResponse> {
    let mut params = Params::new(request.query_string());
    let kinds: Vec<CustomerListKind> = params.words("type");
    let asked = AskedPage::read(&request, &mut params);
    params.finish()?;
    let page = asked.page(&call)?;
    let found = call.api.source.lists(&call.whose.customer, call.read.excluded(), &page).await;
    let found = found.map_err(|error| of_source(error, "customer"))?;
    let wanted = |kept: &KeptList| kinds.is_empty() || kinds.contains(&kept.list.kind);
    let lists = found.rows.into_iter().filter(wanted);
    let told = lists.map(|kept| call.cut(CustomerDocument::List, &seen(&call, kept.list)));
    let items = told.collect::<ApiResult<Vec<_>>>()?;
    let told = asked.told(&call, items, found.next.as_ref())?;
    call.page(CustomerDocument::List, &told)
}

/// One list of a customer
///
/// Its `ETag` is what a change of it has to name in `If-Match`.
#[utoipa::path(
    operation_id = "get_customer_list", tag = "customer",
    params(("list_id" = String, Path, description = "The id of the list, which is yours alone.", example = "R-uiRz0ntxgRxh8g0lRsJA")),
    responses(
        (status = 200, description = "The list.", body = CustomerListOut, headers(("ETag" = String, description = "Its version in quotes, for `If-Match`."))),
        (status = 404, description = "The customer has no such list."),
    ),
)]
#[get("/v1/customer/lists/{list_id}")]
pub(super) async fn get_customer_list(
    call: CustomerCall<op::GetCustomerList>,
    request: HttpRequest,
    list_id: web::Path<String>,
) -> ApiResult<HttpResponse> {
    Params::new(request.query_string()).finish()?;
    let KeptList { version, list } = named(&call, &list_id).await?;
    let told = call.cut(CustomerDocument::List, &seen(&call, list))?;
    call.version(&told, version, None)
}

/// The list that the partner knows by an id, looked for among the customer's own.
pub(super) async fn named<O: CustomerOp>(call: &CustomerCall<O>, id: &str) -> ApiResult<KeptList> {
    let mut page = PageOf::first(MAX_LIMIT);
    loop {
        let found = call.api.source.lists(&call.whose.customer, call.read.excluded(), &page).await;
        let found = found.map_err(|error| of_source(error, "list"))?;
        let next = page.next(&found);
        let is_it = |kept: &KeptList| call.ids.outside(ScopedKind::List, &kept.list.id) == id;
        if let Some(kept) = found.rows.into_iter().find(is_it) {
            return Ok(kept);
        }
        match next {
            Some(next) => page = next,
            None => return Err(of_source(SourceError::NotFound, "list")),
        }
    }
}

/// A list as far as the consent reaches back: what was looked at is history, what is to be bought is not.
pub(super) fn seen<O>(call: &CustomerCall<O>, mut list: CustomerList) -> CustomerList {
    if list.kind == CustomerListKind::Viewed {
        list.items.retain(|item| item.added_at >= call.read.history_from());
    }
    list
}
