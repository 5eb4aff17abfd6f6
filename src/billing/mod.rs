//! Billing: from the ledger of calls to statements that finance can sign.
//!
//! `metering` says what was counted and `rating` what a quantity costs. Here stand the periods, the
//! statements of what is owed, their close and what corrects them later, and the files in which usage and
//! statements leave the house, signed.

pub mod adjustments;
pub mod announce;
pub mod api;
mod as_of;
mod base;
pub mod books;
pub mod breakdown;
pub mod budgets;
pub mod close;
mod correct;
pub mod credits;
pub mod current;
mod error;
pub mod evidence;
pub mod export;
pub mod handoff;
pub mod keys;
mod late;
mod lines;
mod lookups;
pub mod manifest;
pub mod merkle;
pub mod model;
mod money;
mod names;
pub mod nightly;
pub mod page;
pub mod periods;
pub mod projection;
pub mod proof;
mod rate;
pub mod reconcile;
pub mod recounted;
mod render;
pub mod rerate;
pub mod store;
#[cfg(test)]
mod tests;
pub mod timeline;
pub mod view;

pub use error::BillingError;
