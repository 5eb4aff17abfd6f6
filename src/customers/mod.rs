//! Customers: profile, purchases, loyalty, lists.

pub mod store;
