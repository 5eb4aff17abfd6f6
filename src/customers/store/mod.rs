//! All SQL of customers in the embedded store.
//!
//! A customer's rows are documents beside what they are found by. None is read, changed or replaced but under the customer
//! whose it is. A forgotten customer has no rows; what is left is a mark, by which no feed brings them back.

pub mod feed;
pub mod forget;
pub mod lists;
pub mod read;
mod seed;

pub use seed::{SeedError, put_seed};

use crate::on_tx;
use crate::storage::{StoreError, Tx};

const CUSTOMERS: &str = "customers";
const PURCHASES: &str = "purchases";
const ACCOUNTS: &str = "loyalty_accounts";
const LISTS: &str = "customer_lists";
const PROMOTIONS: &str = "customer_promotions";

/// Keeps the row of a customer until the end of the transaction from who would forget them, or make something for them
/// that counts; false where there is no such customer.
async fn hold_customer(tx: &mut Tx, customer: &str) -> Result<bool, StoreError> {
    // Both engines know it, and it changes nothing.
    const HOLD: &str = "UPDATE customers SET body = body WHERE id = $1";
    let held = on_tx!(tx, c => {
        sqlx::query(HOLD).bind(customer).execute(c).await.map(|done| done.rows_affected())
    })?;
    Ok(held > 0)
}
