//! Products, categories and offers.
//!
//! Invariants: a product's id is derived from its sku; the view holds exactly the rows that are not
//! deleted, as of its position in the change log; bodies are served as they are stored.

pub mod api;
pub mod store;
pub mod view;
