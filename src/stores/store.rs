//! SQL of stores.

pub mod read;
