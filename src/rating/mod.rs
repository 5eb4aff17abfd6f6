//! What use costs: the price list of a plan, and the arithmetic that makes lines of a bill of quantities.
//!
//! Pure and exact: integers only, no quantity and no amount is ever a float. A [`PriceList`] that exists
//! is valid; a [`Sheet`] turns what was counted for its charges into lines, in one order that never changes:
//! quantity, the part of the period, included units, tiers or packages, discount, cap, minimum. Every line is
//! rounded once, and what the roundings leave stands in a line of its own. For a part of a period the list itself is
//! made smaller ([`PriceList::prorated`]), prices to the nearest 10⁻¹²; there is no other rounding.

mod charge;
mod exact;
mod list;
mod position;
mod rate;
mod share;
#[cfg(test)]
mod tests;

pub use charge::{
    Charge, ChargeName, Filter, InvalidPrices, MOST_CHARGES, MOST_TIERS, MOST_UNITS, Meter, Model,
    Tier, Tiers,
};
pub use exact::{Exact, Percent, Price, Rounding, TooLarge};
pub use list::{BillingPeriod, FixedAmount, Periods, PriceList, Proration};
pub use position::{Position, Step};
pub use rate::{Bill, Line, LineKind, Sheet, draw, rate};
pub use share::Share;
