//! The logs: ordered lists whose positions are given in commit order.
//!
//! A writer takes its positions from a one-row counter inside its own transaction. The row stays
//! locked until commit, so positions become visible in order and a reader that has seen position
//! `n` will never find a new row at or below `n`.

use super::{Db, StoreError, Tx};
use crate::kernel::Micros;
use crate::{on_db, on_tx};

/// One of the ordered lists.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Log {
    /// What changed in catalog data; partners and nodes follow it.
    Change,
    /// What changed in partners, apps, keys and plans; nodes follow it.
    Control,
    /// Who did what; a chain of hashes.
    Audit,
    /// Batches of stock levels; nodes follow it.
    Stock,
    /// Ledger segments; exports page by it.
    Usage,
    /// What has happened to consents; a chain of hashes, and nodes follow it.
    Consent,
}

impl Log {
    fn name(self) -> &'static str {
        match self {
            Self::Change => "change",
            Self::Control => "control",
            Self::Audit => "audit",
            Self::Stock => "stock",
            Self::Usage => "usage",
            Self::Consent => "consent",
        }
    }
}

/// Takes the next `by` positions of a log for this transaction and returns the last of them.
/// Later writers of the same log wait until this transaction ends, so take them last.
pub async fn advance(tx: &mut Tx, log: Log, by: i64) -> Result<i64, StoreError> {
    const ADVANCE: &str =
        "UPDATE log_heads SET position = position + $1 WHERE log = $2 RETURNING position";
    Ok(on_tx!(tx, c => sqlx::query_scalar(ADVANCE).bind(by).bind(log.name()).fetch_one(c).await)?)
}

/// The last committed position of a log.
pub async fn head(db: &Db, log: Log) -> Result<i64, StoreError> {
    const HEAD: &str = "SELECT position FROM log_heads WHERE log = $1";
    Ok(on_db!(db, c => sqlx::query_scalar(HEAD).bind(log.name()).fetch_one(c).await)?)
}

/// The same as a transaction sees it.
pub async fn head_in(tx: &mut Tx, log: Log) -> Result<i64, StoreError> {
    const HEAD: &str = "SELECT position FROM log_heads WHERE log = $1";
    Ok(on_tx!(tx, c => sqlx::query_scalar(HEAD).bind(log.name()).fetch_one(c).await)?)
}

/// The entries of the control log behind one position up to another, in their order: kind and id of what each
/// is about, and what was done.
pub async fn control_entries(
    db: &Db,
    after: i64,
    up_to: i64,
) -> Result<Vec<(String, String, String)>, StoreError> {
    const ENTRIES: &str = "SELECT kind, id, op FROM control_log \
        WHERE position > $1 AND position <= $2 ORDER BY position";
    Ok(on_db!(db, c => sqlx::query_as(ENTRIES).bind(after).bind(up_to).fetch_all(c).await)?)
}

/// When the entries of the control log behind one position up to another were written, by the clock
/// that all nodes share.
pub async fn control_written(db: &Db, after: i64, up_to: i64) -> Result<Vec<Micros>, StoreError> {
    const WRITTEN: &str = "SELECT written_at FROM control_log \
        WHERE position > $1 AND position <= $2 AND written_at IS NOT NULL ORDER BY position";
    let rows: Vec<i64> = on_db!(db, c => {
        sqlx::query_scalar(WRITTEN).bind(after).bind(up_to).fetch_all(c).await
    })?;
    Ok(rows.into_iter().map(Micros).collect())
}
