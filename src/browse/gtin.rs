//! The GTIN that a caller gives, or why it names no product.

use crate::catalog::view::{CatalogView, Grant};
use crate::http::ApiResult;
use crate::http::error::InStoreItem;
use crate::http::gtin::refused;
use crate::kernel::Gtin;
use crate::kernel::gtin::InvalidGtin;
use crate::kernel::id::ProductId;
use crate::kernel::in_store::Pattern;
use actix_web::{HttpRequest, web};

/// The GTIN that a text is, asked by who has a grant.
pub fn parse(
    text: &str,
    request: &HttpRequest,
    view: &CatalogView,
    grant: Option<&Grant>,
) -> ApiResult<Gtin> {
    text.parse().map_err(|error| {
        let refusal = refused(text, &error);
        if error == InvalidGtin::InStore {
            refusal.in_store(item(text, request, view, grant))
        } else {
            refusal
        }
    })
}

/// What an in-store code says by the retailer's patterns, and the product that it is about. The
/// product is named and never answered: the code may carry a price or a weight of its own.
fn item(
    text: &str,
    request: &HttpRequest,
    view: &CatalogView,
    grant: Option<&Grant>,
) -> Option<InStoreItem> {
    let patterns = request.app_data::<web::Data<Vec<Pattern>>>()?;
    let item = patterns.iter().find_map(|pattern| pattern.read(text))?;
    let id = ProductId::derived(&item.reference);
    let is_there = view.has_product_within(grant, id);
    Some(InStoreItem {
        item_reference: item.reference,
        price: item.price,
        weight_kg: item.weight_kg,
        product_id: is_there.then(|| id.to_string()),
        link: is_there.then(|| format!("/v1/products/{id}")),
    })
}
