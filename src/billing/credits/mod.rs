//! Credits: what a partner was given, or has paid in advance, and what of its statements is paid out of that.
//!
//! The rules:
//!
//! - A grant is of one partner, or of one app of it, and of one currency. It pays for statements in that currency.
//! - It pays for periods that begin before it expires and end after it takes effect, whole: no amount is split by time.
//! - A statement draws when all its other lines are there and rounded, at most what it comes to. One that comes to
//!   nothing or less draws nothing, and gives nothing back: what a correction takes off stays what is owed less.
//! - Of the grants that pay for a statement, those of the lowest `priority` go first, then what expires first, then the
//!   lowest id. What never expires goes last of its priority.
//! - The open statements of a partner draw in the order in which their periods end (then begin, then by the period's id),
//!   within a period in the order of the apps' ids, then of currencies. So all that is shown at a time never comes to more
//!   than the grant, and a close draws what its provisional statement has shown, whichever period is closed first: what
//!   earlier ones draw is left to them.
//! - What was drawn is booked with the close, and never given back. A grant that has ended pays for nothing any more.

mod apply;
pub mod asked;
mod draw;
pub mod entries;
pub mod error;
pub mod make;
pub mod model;
mod purchase;
pub mod standing;
pub mod store;
#[cfg(test)]
mod tests;

pub(super) use apply::{Seen, apply};
pub use error::CreditError;
pub use model::Grant;
pub(super) use purchase::prepaid;
