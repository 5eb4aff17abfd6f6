//! The end of the record of imports: what ended long ago is forgotten, with what it named and what it refused.

use crate::kernel::Micros;
use crate::storage::{Db, StoreError};
use crate::{on_db, on_tx};

/// Imports forgotten in one transaction.
const BATCH: i64 = 200;

/// Forgets imports that ended before an instant, or began before it and came to no end; how many. What waits
/// for approval stays.
pub async fn forget(db: &Db, before: Micros) -> Result<u64, StoreError> {
    const OLD: &str = "SELECT id FROM imports WHERE finished_at < $1
        AND status NOT IN ('held', 'sweeping') ORDER BY finished_at LIMIT $2";
    const FORGET: [&str; 5] = [
        "DELETE FROM import_faults WHERE import_id = $1",
        "DELETE FROM feed_marks WHERE import_id = $1",
        "DELETE FROM feed_scopes WHERE import_id = $1",
        "DELETE FROM import_deletions WHERE import_id = $1",
        "DELETE FROM imports WHERE id = $1",
    ];
    let mut forgotten = 0;
    loop {
        let ids: Vec<String> = on_db!(db, c => {
            sqlx::query_scalar(OLD).bind(before.0).bind(BATCH).fetch_all(c).await
        })?;
        if ids.is_empty() {
            return Ok(forgotten);
        }
        let mut tx = db.begin().await?;
        for (id, statement) in ids.iter().flat_map(|id| FORGET.map(|statement| (id, statement))) {
            on_tx!(&mut tx, c => {
                sqlx::query(statement).bind(id).execute(c).await?;
            });
        }
        tx.commit().await?;
        forgotten += ids.len() as u64;
    }
}
