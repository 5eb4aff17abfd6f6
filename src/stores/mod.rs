//! Stores: where they are, when they are open, what they do.

pub mod api;
pub mod hours;
pub mod model;
pub mod store;
pub mod view;
