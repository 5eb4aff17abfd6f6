//! What use costs: the price list of a plan, and the arithmetic that makes lines of a bill of quantities.
//!
//! Pure and exact: integers only, no quantity and no amount is ever a float. A [`PriceList`] that exists
//! is valid; [`rate()`] turns what was counted for its charges into lines, in one order that never changes:
//! quantity, included units, tiers or packages, discount, cap, minimum. Every line is rounded once, and
//! what the roundings leave stands in a line of its own.

mod exact;
mod list;
mod rate;
#[cfg(test)]
mod tests;

pub use exact::{Exact, Percent, Price, Rounding, TooLarge};
pub use list::{
    Charge, ChargeName, Filter, InvalidPrices, MOST_CHARGES, MOST_TIERS, MOST_UNITS, Meter, Model,
    PriceList, Tier, Tiers,
};
pub use rate::{Bill, Line, LineKind, rate};
