//! Leases: what one node at a time does.

use super::{Db, StoreError};
use crate::kernel::Micros;
use crate::on_tx;

/// Takes or keeps a lease until an instant; whether it is this node's now.
pub async fn hold(
    db: &Db,
    (name, node): (&str, &str),
    now: Micros,
    until: Micros,
) -> Result<bool, StoreError> {
    const HOLD: &str = "INSERT INTO leases (name, node, held_until) VALUES ($1, $2, $3)
        ON CONFLICT (name) DO UPDATE SET node = excluded.node, held_until = excluded.held_until
        WHERE leases.node = excluded.node OR leases.held_until < $4";
    let mut tx = db.begin().await?;
    let held = on_tx!(&mut tx, c => {
        let hold = sqlx::query(HOLD).bind(name).bind(node).bind(until.0).bind(now.0);
        hold.execute(c).await?.rows_affected()
    });
    tx.commit().await?;
    Ok(held == 1)
}

/// Gives up a lease before its time, if it is this node's.
pub async fn release(db: &Db, name: &str, node: &str) -> Result<(), StoreError> {
    const RELEASE: &str = "DELETE FROM leases WHERE name = $1 AND node = $2";
    let mut tx = db.begin().await?;
    on_tx!(&mut tx, c => sqlx::query(RELEASE).bind(name).bind(node).execute(c).await.map(|_| ()))?;
    tx.commit().await
}
