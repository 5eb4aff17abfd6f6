//! The GTIN that a caller gives, or why it names no product.

use crate::catalog::view::{CatalogView, Lookup};
use crate::http::error::InStoreItem;
use crate::http::{ApiError, ApiResult, Code, FieldError};
use crate::kernel::Gtin;
use crate::kernel::gtin::{InvalidGtin, check_digit};
use crate::kernel::id::ProductId;
use crate::kernel::in_store::Pattern;
use actix_web::{HttpRequest, web};

/// The GTIN in a path.
pub(super) fn parse(text: &str, request: &HttpRequest, view: &CatalogView) -> ApiResult<Gtin> {
    text.parse().map_err(|error| {
        let refusal = refused(text, &error);
        if error == InvalidGtin::InStore {
            refusal.in_store(item(text, request, view))
        } else {
            refusal
        }
    })
}

/// What an in-store code says by the retailer's patterns, and the product that it is about. The
/// product is named and never answered: the code may carry a price or a weight of its own.
fn item(text: &str, request: &HttpRequest, view: &CatalogView) -> Option<InStoreItem> {
    let patterns = request.app_data::<web::Data<Vec<Pattern>>>()?;
    let item = patterns.iter().find_map(|pattern| pattern.read(text))?;
    let id = ProductId::derived(&item.reference);
    let is_there = matches!(view.product(id), Lookup::Found { .. });
    Some(InStoreItem {
        item_reference: item.reference,
        price: item.price,
        weight_kg: item.weight_kg,
        product_id: is_there.then(|| id.to_string()),
        link: is_there.then(|| format!("/v1/products/{id}")),
    })
}

/// Why a code names no product, and which code was probably meant.
pub(super) fn refused(text: &str, error: &InvalidGtin) -> ApiError {
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
