//! Stores: where they are, when they are open, what they do.

pub mod geo;
pub mod hours;
pub mod model;
pub mod near;
pub mod postal_codes;
mod record;
mod schedule;
pub mod store;
mod swapped;
pub mod view;
