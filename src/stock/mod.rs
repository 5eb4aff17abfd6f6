//! Stock levels: how much of a product a store has, and how old that knowledge is.
//!
//! A level is state, not history: the view holds the newest per product and store.

pub mod api;
mod line;
pub mod store;
pub mod view;
