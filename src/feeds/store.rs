//! The record of imports.

use super::{Feed, ImportError, Report};
use crate::kernel::{Micros, base62};
use crate::on_tx;
use crate::storage::{Db, StoreError, Tx};

/// Where an import came from and when it ran.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Run<'a> {
    /// The file's name, without its folder.
    pub file_name: &'a str,
    /// SHA-256 of the file in hex.
    pub sha256: &'a str,
    /// When the import began.
    pub started_at: Micros,
    /// When it ended.
    pub finished_at: Micros,
}

/// Lets batches of one feed follow each other: the row stays locked until the transaction ends, so
/// that the next batch sees the versions that this one writes. Without it two imports of the same
/// rows at once could give different content the same version. SQLite has one writer anyway.
pub(super) async fn one_at_a_time(tx: &mut Tx, feed: Feed) -> Result<(), StoreError> {
    const LOCK: &str = "INSERT INTO settings (name, value) VALUES ($1, '')
        ON CONFLICT (name) DO UPDATE SET value = excluded.value";
    let name = format!("import.{}", feed.as_str());
    on_tx!(tx, c => {
        sqlx::query(LOCK).bind(name).execute(c).await?;
    });
    Ok(())
}

/// Records an import that came to its end.
pub(super) async fn record(db: &Db, report: &Report, run: &Run<'_>) -> Result<(), ImportError> {
    const RECORD: &str = "INSERT INTO imports (id, feed, file_name, sha256, accepted, unchanged,
        rejected, started_at, finished_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)";
    let id = format!("imp_{}", base62::encode(getrandom::u64()?, base62::U64_WIDTH));
    let mut tx = db.begin().await?;
    let done: Result<(), StoreError> = on_tx!(&mut tx, c => {
        sqlx::query(RECORD)
            .bind(id)
            .bind(report.feed.as_str())
            .bind(run.file_name)
            .bind(run.sha256)
            .bind(report.accepted as i64)
            .bind(report.unchanged as i64)
            .bind(report.rejected as i64)
            .bind(run.started_at.0)
            .bind(run.finished_at.0)
            .execute(c)
            .await
            .map(|_| ())
            .map_err(Into::into)
    });
    done?;
    Ok(tx.commit().await?)
}
