//! All SQL of customers in the embedded store.
//!
//! A customer's rows are documents beside what they are found by. None is read, changed or replaced but under the customer
//! whose it is. A forgotten customer has no rows; what is left is a mark, by which no feed brings them back.

pub mod lists;
pub mod read;
mod seed;

pub use seed::{SeedError, put_seed};

const CUSTOMERS: &str = "customers";
const PURCHASES: &str = "purchases";
const ACCOUNTS: &str = "loyalty_accounts";
const LISTS: &str = "customer_lists";
const PROMOTIONS: &str = "customer_promotions";
