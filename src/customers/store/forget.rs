//! Forgetting a customer.

use super::{CUSTOMERS, hold_customer};
use crate::consent::change::ConsentActor;
use crate::consent::record::GrantId;
use crate::consent::store::{NotWritten, erase};
use crate::kernel::Micros;
use crate::on_tx;
use crate::storage::{StoreError, Tx, one_at_a_time};

/// What a forgotten customer is known by: a hash of the id, of which no other use is made.
pub(super) fn mark(customer: &str) -> String {
    let mut hasher = blake3::Hasher::new_derive_key("comptoir forgotten customer");
    hasher.update(customer.as_bytes());
    hasher.finalize().to_hex().to_string()
}

/// Forgets a customer: all documents are deleted, all consents end and lead to nobody, and no feed brings the customer back.
/// The consents that were so. A customer whom nobody knows is forgotten, too: a file may come with them later.
pub async fn forget(
    tx: &mut Tx,
    customer: &str,
    by: ConsentActor,
    now: Micros,
) -> Result<Vec<GrantId>, NotWritten> {
    const DELETES: [&str; 5] = [
        "DELETE FROM customer_promotions WHERE customer_id = $1",
        "DELETE FROM customer_lists WHERE customer_id = $1",
        "DELETE FROM loyalty_accounts WHERE customer_id = $1",
        "DELETE FROM purchases WHERE customer_id = $1",
        "DELETE FROM customers WHERE id = $1",
    ];
    const MARK: &str = "INSERT INTO customers_forgotten (mark, forgotten_at) VALUES ($1, $2)
        ON CONFLICT (mark) DO NOTHING";
    // No feed is in between: one that has read that the customer is not forgotten has written before, or reads again.
    one_at_a_time(tx, CUSTOMERS).await?;
    // Who makes something of this customer's holds their row, or finds none.
    hold_customer(tx, customer).await?;
    for statement in DELETES {
        on_tx!(tx, c => sqlx::query(statement).bind(customer).execute(c).await.map(|_| ()))
            .map_err(StoreError::from)?;
    }
    on_tx!(tx, c => {
        sqlx::query(MARK).bind(mark(customer)).bind(now.0).execute(c).await.map(|_| ())
    })
    .map_err(StoreError::from)?;
    erase::forget(tx, customer, by, now).await
}
