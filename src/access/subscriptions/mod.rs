//! Subscriptions of apps to plans: asked for, decided, and in force one after the other.

pub mod model;
pub mod service;
pub mod store;

pub use model::{State, Subscription};
