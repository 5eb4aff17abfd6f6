//! SQL of the catalog.

pub mod read;
