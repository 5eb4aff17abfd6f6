//! SQL of stock.

pub mod read;
