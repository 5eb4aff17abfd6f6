//! Stores: where the retailer sells.

pub mod api;
pub mod store;
pub mod view;
