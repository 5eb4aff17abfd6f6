//! Writers of the same rows, one after the other.

use super::{StoreError, Tx};
use crate::on_tx;

/// Lets transactions that write what a feed tells follow each other: the row stays locked until the
/// transaction ends, so that the next one sees the versions that this one writes. Without it two that write
/// the same rows at once could give different content the same version, or wait for each other. SQLite has
/// one writer anyway.
pub async fn one_at_a_time(tx: &mut Tx, feed: &str) -> Result<(), StoreError> {
    const LOCK: &str = "INSERT INTO settings (name, value) VALUES ($1, '')
        ON CONFLICT (name) DO UPDATE SET value = excluded.value";
    let name = format!("import.{feed}");
    on_tx!(tx, c => {
        sqlx::query(LOCK).bind(name).execute(c).await?;
    });
    Ok(())
}
