//! Stock levels: how much of a product a store has, and how old that knowledge is.
//!
//! A level is state, not history: the newest of a product in a store holds, whatever the order in
//! which levels arrive. What a line says beside its count is laid over what is stored.

pub mod api;
pub mod embed;
pub(crate) mod line;
pub mod model;
pub mod store;
pub mod told;
pub mod view;
