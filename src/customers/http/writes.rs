//! Lists of a customer, changed. Each change is made from a version that was seen.

use super::guard::{CustomerCall, CustomerOp, CustomerWrite};
use super::lists::{named, seen};
use super::refused::of_source;
use super::schema::{
    CustomerListIn, CustomerListOut, CustomerListPutIn, ListItemIn, ScannedItemIn,
};
use crate::access::op;
use crate::browse::gtin;
use crate::catalog::view::{CatalogView, Lookup};
use crate::consent::subject::ScopedKind;
use crate::customers::model::{
    CustomerDocument, CustomerList, CustomerListKind, ListItem, ListItemSource,
};
use crate::customers::source::{KeptList, MOST_ITEMS, ScannedItem};
use crate::http::{ApiError, ApiResult, Code, FieldError, Params};
use crate::kernel::{Gtin, base62, sentence};
use actix_web::http::header::IF_MATCH;
use actix_web::{HttpRequest, HttpResponse, post, put, web};
use std::collections::{HashMap, HashSet};

/// Most characters of a name, a note or a code.
const TEXT_MOST: usize = 200;
/// Most pieces of an item.
const PIECES_MOST: u32 = 9_999;

/// Make a list for a customer
///
/// A list of what is to be bought, wished for, saved, liked or compared. What was looked at is the retailer's to keep.
/// With `customer.lists:write` alone the answer holds the id, by which it can be changed.
#[utoipa::path(
    operation_id = "create_customer_list", tag = "customer", request_body = CustomerListIn,
    responses(
        (status = 201, description = "The list.", body = CustomerListOut, headers(
            ("Location" = String, description = "Where it is."),
            ("ETag" = String, description = "Its version in quotes, for `If-Match`."),
        )),
        (status = 409, description = "The customer has as many lists as there may be."),
        (status = 413, description = "The body is too large."),
        (status = 415, description = "The body is not JSON."),
        (status = 422, description = "`invalid_gtin`: an item has what is no GTIN. `in_store_code`: a code of restricted circulation."),
    ),
)]
#[post("/v1/customer/lists")]
pub(super) async fn create_customer_list(
    write: CustomerWrite<op::CreateCustomerList, CustomerListIn>,
    request: HttpRequest,
) -> ApiResult<HttpResponse> {
    let CustomerWrite { call, body } = write;
    Params::new(request.query_string()).finish()?;
    let CustomerListIn { kind, name, items } = body;
    may_be_kept(kind, "/type")?;
    let id = format!("lst_{}{}", random()?, random()?);
    let empty = CustomerList { id, kind, name: None, items: Vec::new() };
    let list = changed(&call, empty, (name, items))?;
    put(&call, list, None).await
}

/// Change a list of a customer
///
/// Puts name and items in the place of those that there are. `If-Match` names the version that was seen, from the `ETag` of
/// the list. Items that you name by their `item_id` keep when and how they came in; others are new. Items that the customer
/// keeps to themselves stay.
#[utoipa::path(
    operation_id = "update_customer_list", tag = "customer", request_body = CustomerListPutIn,
    params(
        ("list_id" = String, Path, description = "The id of the list, which is yours alone.", example = "R-uiRz0ntxgRxh8g0lRsJA"),
        ("If-Match" = String, Header, description = "The version that was seen, in quotes.", example = "\"3\""),
    ),
    responses(
        (status = 200, description = "The list.", body = CustomerListOut, headers(("ETag" = String, description = "Its version in quotes, for `If-Match`."))),
        (status = 404, description = "The customer has no such list."),
        (status = 409, description = "The list is the retailer's to keep, or full."),
        (status = 412, description = "It has changed since."),
        (status = 413, description = "The body is too large."),
        (status = 415, description = "The body is not JSON."),
        (status = 422, description = "`invalid_gtin`: an item has what is no GTIN. `in_store_code`: a code of restricted circulation."),
        (status = 428, description = "`If-Match` is missing."),
    ),
)]
#[put("/v1/customer/lists/{list_id}")]
pub(super) async fn update_customer_list(
    write: CustomerWrite<op::UpdateCustomerList, CustomerListPutIn>,
    request: HttpRequest,
    list_id: web::Path<String>,
) -> ApiResult<HttpResponse> {
    let CustomerWrite { call, body } = write;
    Params::new(request.query_string()).finish()?;
    let version = version_seen(&request)?.ok_or_else(|| {
        let detail = "Send the list's `ETag` as `If-Match`, so that no change of others is lost.";
        ApiError::new(Code::PreconditionRequired, detail)
    })?;
    let KeptList { list, .. } = named(&call, &list_id).await?;
    may_be_changed(&list)?;
    let CustomerListPutIn { name, items } = body;
    let list = changed(&call, list, (name, items))?;
    put(&call, list, Some(version)).await
}

/// Add what was scanned to a list
///
/// Puts the product of a barcode into a list; more of it where it is there already. The code is read as
/// `/v1/products/gtin/{gtin}` reads it: EAN-8, UPC-A, EAN-13 or GTIN-14 of a product of the catalog. With `If-Match` only
/// into the version that was seen.
#[utoipa::path(
    operation_id = "add_customer_list_item", tag = "customer", request_body = ScannedItemIn,
    params(
        ("list_id" = String, Path, description = "The id of the list, which is yours alone.", example = "R-uiRz0ntxgRxh8g0lRsJA"),
        ("If-Match" = Option<String>, Header, description = "The version that was seen, in quotes.", example = "\"3\""),
    ),
    responses(
        (status = 200, description = "The list.", body = CustomerListOut, headers(("ETag" = String, description = "Its version in quotes, for `If-Match`."))),
        (status = 404, description = "The customer has no such list, or no product has this code."),
        (status = 409, description = "The list is the retailer's to keep, or full."),
        (status = 410, description = "The product was deleted."),
        (status = 412, description = "It has changed since."),
        (status = 413, description = "The body is too large."),
        (status = 415, description = "The body is not JSON."),
        (status = 422, description = "`invalid_gtin`: the code is no GTIN. `in_store_code`: a code of restricted circulation."),
    ),
)]
#[post("/v1/customer/lists/{list_id}/items")]
pub(super) async fn add_customer_list_item(
    write: CustomerWrite<op::AddCustomerListItem, ScannedItemIn>,
    request: HttpRequest,
    list_id: web::Path<String>,
    catalog: web::Data<CatalogView>,
) -> ApiResult<HttpResponse> {
    let CustomerWrite { call, body } = write;
    Params::new(request.query_string()).finish()?;
    let version = version_seen(&request)?;
    let ScannedItemIn { code, quantity, note, store_code } = body;
    let gtin = gtin::parse(&code, &request, &catalog, None)?;
    match catalog.product_by_gtin(gtin) {
        Lookup::Found { .. } => {}
        Lookup::Gone { .. } => {
            return Err(ApiError::new(Code::Gone, "The product with this code was deleted."));
        }
        Lookup::Missing => {
            return Err(ApiError::new(Code::NotFound, "No product has this code."));
        }
    }
    let item = ScannedItem {
        gtin,
        quantity: pieces(quantity, "/quantity")?,
        note: text(note, "/note")?,
        source: ListItemSource::Partner,
        store_code: text(store_code, "/store_code")?,
        at: call.at,
    };
    let KeptList { list, .. } = named(&call, &list_id).await?;
    may_be_changed(&list)?;
    let (customer, excluded) = (&call.whose.customer, call.read.excluded());
    let added = call.api.source.add_scanned(customer, &list.id, &item, version, excluded).await;
    told(&call, added.map_err(|error| of_source(error, "list"))?, None)
}

/// Writes a list and answers with it.
async fn put<O: CustomerOp>(
    call: &CustomerCall<O>,
    list: CustomerList,
    version: Option<i64>,
) -> ApiResult<HttpResponse> {
    let place = ScopedKind::List;
    let made_at = match version {
        Some(_) => None,
        None => Some(format!("/v1/customer/lists/{}", call.ids.outside(place, &list.id))),
    };
    let (customer, excluded) = (&call.whose.customer, call.read.excluded());
    let written = call.api.source.put_list(customer, list, version, excluded).await;
    told(call, written.map_err(|error| of_source(error, "list"))?, made_at)
}

fn told<O: CustomerOp>(
    call: &CustomerCall<O>,
    KeptList { version, list }: KeptList,
    made_at: Option<String>,
) -> ApiResult<HttpResponse> {
    let told = call.cut(CustomerDocument::List, &seen(call, list))?;
    call.version(&told, version, made_at)
}

/// A list with another name and other items.
fn changed<O>(
    call: &CustomerCall<O>,
    before: CustomerList,
    (name, items): (Option<String>, Vec<ListItemIn>),
) -> ApiResult<CustomerList> {
    if items.len() > MOST_ITEMS {
        let message = format!("takes at most {MOST_ITEMS} items");
        return Err(refused("/items", "too_many", message));
    }
    let CustomerList { id, kind, items: there, .. } = before;
    let outside = |item: &ListItem| call.ids.outside(ScopedKind::Item, &item.item_id);
    let known: HashMap<String, ListItem> =
        there.into_iter().map(|item| (outside(&item), item)).collect();
    let mut named = HashSet::new();
    let mut all = Vec::with_capacity(items.len());
    for (at, item) in items.into_iter().enumerate() {
        if let Some(id) = &item.item_id
            && !named.insert(id.clone())
        {
            let message = "names an item that is named before";
            return Err(refused(&format!("/items/{at}/item_id"), "repeated", message));
        }
        all.push(item_of(call, &known, (at, item))?);
    }
    Ok(CustomerList { id, kind, name: text(name, "/name")?, items: all })
}

/// An item as it will stand in the list.
fn item_of<O>(
    call: &CustomerCall<O>,
    known: &HashMap<String, ListItem>,
    (at, item): (usize, ListItemIn),
) -> ApiResult<ListItem> {
    let place = |field: &str| format!("/items/{at}/{field}");
    let before = match &item.item_id {
        Some(id) => Some(known.get(id).ok_or_else(|| {
            refused(
                &place("item_id"),
                "not_found",
                "is no item of this list; leave it out for a new one",
            )
        })?),
        None => None,
    };
    let gtin = item.gtin.map(|text| gtin_of(&text, &place("gtin"))).transpose()?;
    let sku = text(item.sku, &place("sku"))?;
    if gtin.is_none() && sku.is_none() {
        return Err(refused(
            &place("gtin"),
            "missing",
            "is missing, and so is `sku`; give one of them",
        ));
    }
    let item_id = match before {
        Some(before) => before.item_id.clone(),
        None => format!("itm_{}{}", random()?, random()?),
    };
    Ok(ListItem {
        item_id,
        sku,
        gtin,
        // What a product can reveal is the retailer's to say.
        sensitive: None,
        quantity: pieces(item.quantity, &place("quantity"))?,
        note: text(item.note, &place("note"))?,
        added_at: before.map_or(call.at, |before| before.added_at),
        source: before.map_or(Some(ListItemSource::Partner), |before| before.source),
        store_code: text(item.store_code, &place("store_code"))?,
    })
}

fn gtin_of(text: &str, place: &str) -> ApiResult<Gtin> {
    text.parse().map_err(|error| {
        let (code, fault) = crate::http::gtin::fault_at(place, text, &error);
        let detail = sentence(format!("{place}: {}", fault.message));
        ApiError::new(code, detail).errors(vec![fault])
    })
}

fn refused(pointer: &str, code: &str, message: impl Into<String>) -> ApiError {
    let message = message.into();
    let fault = FieldError::pointer(pointer, code, message.clone());
    ApiError::new(Code::InvalidBody, sentence(format!("{pointer} {message}"))).errors(vec![fault])
}

/// How many pieces: one where that is not said.
fn pieces(quantity: Option<u32>, pointer: &str) -> ApiResult<u32> {
    let quantity = quantity.unwrap_or(1);
    if (1..=PIECES_MOST).contains(&quantity) {
        return Ok(quantity);
    }
    Err(refused(pointer, "out_of_range", format!("must be 1 to {PIECES_MOST}")))
}

/// A text without control characters, as long as it may be; none where it is empty.
fn text(text: Option<String>, pointer: &str) -> ApiResult<Option<String>> {
    let Some(text) = text.filter(|text| !text.is_empty()) else { return Ok(None) };
    if text.chars().count() > TEXT_MOST {
        return Err(refused(pointer, "too_long", format!("has at most {TEXT_MOST} characters")));
    }
    if text.chars().any(char::is_control) {
        return Err(refused(pointer, "control_character", "has no control characters"));
    }
    Ok(Some(text))
}

fn may_be_kept(kind: CustomerListKind, pointer: &str) -> ApiResult<()> {
    if kind == CustomerListKind::Viewed {
        let message = "must not be viewed: the retailer keeps that list";
        return Err(refused(pointer, "not_allowed", message));
    }
    Ok(())
}

fn may_be_changed(list: &CustomerList) -> ApiResult<()> {
    if list.kind == CustomerListKind::Viewed {
        let detail = "The retailer keeps the list of what was looked at.";
        return Err(ApiError::new(Code::Conflict, detail));
    }
    Ok(())
}

/// The version in `If-Match`, where a call has one.
fn version_seen(request: &HttpRequest) -> ApiResult<Option<i64>> {
    let Some(value) = request.headers().get(IF_MATCH) else { return Ok(None) };
    let tag = value.to_str().unwrap_or_default().trim();
    let version = tag.strip_prefix('"').and_then(|tag| tag.strip_suffix('"'));
    version.and_then(|version| version.parse().ok()).map(Some).ok_or_else(|| {
        let message = "must be the list's version in quotes, such as \"3\"";
        let fault = FieldError::parameter("If-Match", "malformed", message);
        ApiError::new(Code::InvalidParameter, sentence(format!("`If-Match` {message}")))
            .errors(vec![fault])
    })
}

/// 64 random bits as text.
fn random() -> ApiResult<String> {
    match getrandom::u64() {
        Ok(bits) => Ok(base62::encode(bits, base62::U64_WIDTH)),
        Err(error) => {
            tracing::error!(%error, "no randomness for an id");
            let detail = "The failure has been recorded; quote the request id.";
            Err(ApiError::new(Code::Internal, detail))
        }
    }
}
