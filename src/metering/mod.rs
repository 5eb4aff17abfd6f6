//! Metering: every answered call is one event, recorded before its response is released.
//!
//! An [`event`] is appended to the node's [`journal`] (files that survive the process), sealed and
//! folded into the [`ledger`] in the database once a second, and read back by [`walk`] (event by
//! event) and [`usage`] (sums by hour). What costs money is decided by one table, [`billability`].
//!
//! Invariants: an event is in the ledger exactly once, however often its segment is folded; the
//! sums by hour are the sums of the events; a missing sequence number is reported, never papered
//! over; whatever is unclear after a crash is free for the partner.

pub mod api;
pub mod billability;
mod block;
pub mod event;
pub mod find;
pub mod gaps;
pub mod hours;
pub mod journal;
pub mod ledger;
pub mod period;
pub mod quotas;
pub mod recount;
pub mod runs;
mod seal;
pub mod sealed;
pub mod simulate;
pub mod standing;
mod store;
pub mod usage;
pub mod walk;

#[cfg(test)]
pub(crate) mod tests;

pub use event::{Event, Outcome};
pub use journal::{Journal, JournalFull, Receipt};
pub use ledger::{FoldReport, Folder};
pub use quotas::Quotas;
pub use seal::Sums;
