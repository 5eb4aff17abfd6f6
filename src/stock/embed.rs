//! The stock of a product as a part of another document.

use super::line::Lines;
use super::view::StockView;
use crate::access::{Scope, Scopes};
use crate::kernel::id::{ProductId, StoreId};
use crate::kernel::{Gtin, Micros};

/// The first `most` lines of a product's stock, as finished JSON, and whether there are more. With
/// stores given there is a line for each.
pub fn lines(
    view: &StockView,
    (product, gtin): (ProductId, Option<Gtin>),
    stores: &[StoreId],
    (scopes, now): (Scopes, Micros),
    most: usize,
) -> (Vec<Vec<u8>>, bool) {
    let lines = Lines { exact: scopes.has(Scope::StockQuantity), now };
    let page = view.of_product(product, stores, None, most, |store, level| {
        serde_json::to_vec(&lines.line((product, gtin), store, level.as_ref())).ok()
    });
    (page.items, page.next.is_some())
}
