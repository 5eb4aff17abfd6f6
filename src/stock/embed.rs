//! The stock of a product as a part of another document.

use super::line::{Lines, is_enough};
use super::view::StockView;
use crate::access::model::StockDisclosure;
use crate::access::resource::Kind;
use crate::catalog::api::Included;
use crate::kernel::id::{ProductId, StoreId};
use crate::kernel::{Gtin, Micros};

/// The line of a product in a store as finished JSON, if the store has `wanted` thousandths of it as
/// far as the caller may know.
pub fn line_of_enough(
    view: &StockView,
    (product, gtin): (ProductId, Option<Gtin>),
    store: StoreId,
    (disclosure, now): (StockDisclosure, Micros),
    wanted: i64,
) -> Option<Vec<u8>> {
    let lines = Lines { disclosure, now, max_age_s: None };
    view.at(product, store, |level| {
        let level = level.filter(|level| is_enough(level, wanted, disclosure))?;
        lines.document((product, gtin), store, Some(&level))
    })
}

/// Whether a store has `wanted` thousandths of a product, as far as the caller may know.
pub fn has_enough(
    view: &StockView,
    product: ProductId,
    store: StoreId,
    told: StockDisclosure,
    wanted: i64,
) -> bool {
    view.at(product, store, |level| level.is_some_and(|level| is_enough(&level, wanted, told)))
}

/// The first `most` lines of a product's stock, as finished JSON for a caller, and whether there are more. With
/// stores given there is a line for each.
pub fn lines(
    view: &StockView,
    (product, gtin): (ProductId, Option<Gtin>),
    stores: &[StoreId],
    (disclosure, now): (StockDisclosure, Micros),
    most: usize,
    included: &Included,
) -> (Vec<Vec<u8>>, bool) {
    let lines = Lines { disclosure, now, max_age_s: None };
    let page = view.of_product_within(included, (product, stores), None, most, |store, level| {
        let line = lines.document((product, gtin), store, level.as_ref())?;
        Some(included.cut(Kind::Stock, line))
    });
    (page.items, page.next.is_some())
}
