//! Amounts of money that people write.

use crate::kernel::Currency;
use crate::rating::{Exact, Price};

/// What an amount must be.
pub(super) const AMOUNT: &str =
    "is a number above zero, at most 1000000000, with no more decimals than the currency has";

/// An amount above zero that can be paid in a currency.
pub(super) fn payable(text: &str, currency: Currency) -> Option<Exact> {
    let decimals = text.split_once('.').map_or(0, |(_, decimals)| decimals.len());
    let price: Price = text.parse().ok()?;
    (!price.is_zero() && decimals <= usize::from(currency.decimals())).then(|| price.once())
}
