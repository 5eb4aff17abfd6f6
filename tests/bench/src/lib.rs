//! What the benchmark programs are made of.

pub mod args;
pub mod load;
pub mod rng;
