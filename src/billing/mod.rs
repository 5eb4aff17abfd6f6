//! Billing: from the ledger of calls to statements that finance can sign.
//!
//! `metering` says what was counted and `rating` what a quantity costs. Here stand the periods, the
//! statements of what is owed, their close and what corrects them later, and the files in which usage and
//! statements leave the house, signed.

pub mod adjustments;
pub mod api;
mod base;
pub mod books;
pub mod close;
mod correct;
pub mod credits;
mod error;
pub mod export;
pub mod keys;
mod late;
mod lines;
mod lookups;
pub mod manifest;
pub mod merkle;
pub mod model;
mod money;
mod rate;
mod render;
pub mod rerate;
pub mod store;
#[cfg(test)]
mod tests;
pub mod timeline;
pub mod view;

pub use error::BillingError;
