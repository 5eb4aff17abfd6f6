//! Stores: where they are, when they are open, what they do.

pub mod hours;
pub mod model;
pub mod store;
