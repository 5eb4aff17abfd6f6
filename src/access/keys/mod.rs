//! The life of keys: made or imported, rotated, quarantined, suspended, and in the end revoked, which is
//! final.

pub mod bulk;
pub mod edit;
pub mod import;
pub mod model;
pub mod rotation;
pub mod service;
pub mod store;

#[cfg(test)]
mod tests;
