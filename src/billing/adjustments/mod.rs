//! Adjustments: what two people agree to correct in what an app owes.
//!
//! An adjustment is never changed, and changes nothing that is closed. What it corrects of closed periods becomes a line of
//! the app's first open period; what it corrects of open ones is counted otherwise there.

pub mod asked;
pub mod error;
pub mod make;
pub mod model;
pub mod store;
mod targets;

pub use error::AdjustmentError;
pub use model::Adjustment;

/// The rule of calls that an adjustment has taken out of the bill.
pub const VOIDED: &str = "adjusted.voided";
/// The rule of use that an adjustment has added.
pub const BACKFILLED: &str = "adjusted.backfilled";

/// What a rule of adjustments says.
#[must_use]
pub fn because(rule: &str) -> Option<&'static str> {
    match rule {
        VOIDED => Some("It was agreed that it does not count"),
        BACKFILLED => Some("It was agreed that it was used"),
        _ => None,
    }
}
