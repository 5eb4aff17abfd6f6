//! Customers: profile, purchases, loyalty, lists.

pub mod import;
pub mod model;
pub mod source;
pub mod store;
#[cfg(test)]
mod tests;
