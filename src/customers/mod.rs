//! Customers: profile, purchases, loyalty, lists.

pub mod accesses;
pub mod erase;
pub mod http;
pub mod import;
pub mod model;
pub mod source;
pub mod store;
#[cfg(test)]
mod tests;
