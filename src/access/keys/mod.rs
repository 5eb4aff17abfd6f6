//! The life of keys: made, rotated, suspended, and in the end revoked, which is final.

pub mod service;
pub mod store;

#[cfg(test)]
mod tests;
