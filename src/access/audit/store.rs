//! All SQL of the audit log.

use super::chain::{Entry, GENESIS};
use crate::kernel::Micros;
use crate::storage::{Db, StoreError, Tx};
use crate::{on_db, on_tx};
use sqlx::FromRow;

/// Entries that are read at once.
pub const BATCH: u32 = 500;

#[derive(FromRow)]
struct EntryRow {
    position: i64,
    actor: String,
    action: String,
    subject: String,
    detail: String,
    occurred_at: i64,
    hash: Option<String>,
}

impl EntryRow {
    /// The entry behind one with the hash `previous`.
    fn entry(self, previous: String) -> Entry {
        Entry {
            position: self.position,
            occurred_at: Micros(self.occurred_at),
            actor: self.actor,
            action: self.action,
            subject: self.subject,
            detail: self.detail,
            previous,
            hash: self.hash.unwrap_or_default(),
        }
    }
}

/// Adds an entry.
pub(super) async fn insert(tx: &mut Tx, entry: &Entry) -> Result<(), StoreError> {
    const INSERT: &str = "INSERT INTO audit_log \
                          (position, actor, action, subject, detail, occurred_at, hash) \
                          VALUES ($1, $2, $3, $4, $5, $6, $7)";
    on_tx!(tx, c => {
        let insert = sqlx::query(INSERT).bind(entry.position).bind(&entry.actor);
        let insert = insert.bind(&entry.action).bind(&entry.subject).bind(&entry.detail);
        insert.bind(entry.occurred_at.0).bind(&entry.hash).execute(c).await?;
    });
    Ok(())
}

/// Position and hash of the last entry.
pub(super) async fn last(tx: &mut Tx) -> Result<(i64, String), StoreError> {
    const LAST: &str =
        "SELECT position, COALESCE(hash, '') FROM audit_log ORDER BY position DESC LIMIT 1";
    let last = on_tx!(tx, c => sqlx::query_as(LAST).fetch_optional(c).await)?;
    Ok(last.unwrap_or_else(|| (0, GENESIS.to_owned())))
}

/// Position and hash of the last entry that has one.
pub(super) async fn last_chained(tx: &mut Tx) -> Result<(i64, String), StoreError> {
    const LAST: &str = "SELECT position, hash FROM audit_log WHERE hash IS NOT NULL \
                        ORDER BY position DESC LIMIT 1";
    let last = on_tx!(tx, c => sqlx::query_as(LAST).fetch_optional(c).await)?;
    Ok(last.unwrap_or_else(|| (0, GENESIS.to_owned())))
}

/// Some entries without a hash behind a position, the first ones first.
pub(super) async fn unchained_after(tx: &mut Tx, after: i64) -> Result<Vec<Entry>, StoreError> {
    const LIST: &str = "SELECT * FROM audit_log WHERE hash IS NULL AND position > $1 \
                        ORDER BY position LIMIT $2";
    let rows: Vec<EntryRow> = on_tx!(tx, c => {
        sqlx::query_as(LIST).bind(after).bind(i64::from(BATCH)).fetch_all(c).await
    })?;
    Ok(rows.into_iter().map(|row| row.entry(String::new())).collect())
}

/// Gives an entry its hash.
pub(super) async fn set_hash(tx: &mut Tx, position: i64, hash: &str) -> Result<(), StoreError> {
    const SET: &str = "UPDATE audit_log SET hash = $2 WHERE position = $1";
    on_tx!(tx, c => { sqlx::query(SET).bind(position).bind(hash).execute(c).await?; });
    Ok(())
}

/// Whether there is an entry without a hash.
pub(super) async fn has_unchained(db: &Db) -> Result<bool, StoreError> {
    const FIND: &str = "SELECT position FROM audit_log WHERE hash IS NULL LIMIT 1";
    let found: Option<i64> = on_db!(db, c => sqlx::query_scalar(FIND).fetch_optional(c).await)?;
    Ok(found.is_some())
}

/// Entries behind a position up to another, each with whether it has a hash of its own.
pub async fn range(
    db: &Db,
    after: i64,
    to: i64,
    limit: u32,
) -> Result<Vec<(Entry, Option<String>)>, StoreError> {
    const BEFORE: &str = "SELECT hash FROM audit_log WHERE position <= $1 AND hash IS NOT NULL \
                          ORDER BY position DESC LIMIT 1";
    const LIST: &str = "SELECT * FROM audit_log WHERE position > $1 AND position <= $2 \
                        ORDER BY position LIMIT $3";
    let (mut previous, rows): (String, Vec<EntryRow>) = on_db!(db, c => {
        let before = sqlx::query_scalar(BEFORE).bind(after).fetch_optional(c).await?;
        let list = sqlx::query_as(LIST).bind(after).bind(to).bind(i64::from(limit));
        (before.unwrap_or_else(|| GENESIS.to_owned()), list.fetch_all(c).await?)
    });
    let entry = |row: EntryRow| {
        let stored = row.hash.clone();
        let entry = row.entry(previous.clone());
        previous.clone_from(&entry.hash);
        (entry, stored)
    };
    Ok(rows.into_iter().map(entry).collect())
}

/// Who did something to something last, up to an instant, what it became as JSON, and when.
pub async fn last_of(
    db: &Db,
    subject: &str,
    action: &str,
    until: Micros,
) -> Result<Option<(String, String, Micros)>, StoreError> {
    const LAST: &str = "SELECT actor, detail, occurred_at FROM audit_log \
                        WHERE subject = $1 AND action = $2 AND occurred_at <= $3 \
                        ORDER BY position DESC LIMIT 1";
    let found: Option<(String, String, i64)> = on_db!(db, c => {
        let last = sqlx::query_as(LAST).bind(subject).bind(action).bind(until.0);
        last.fetch_optional(c).await
    })?;
    Ok(found.map(|(actor, detail, at)| (actor, detail, Micros(at))))
}

/// Position and hash of the last entry; `None` while there is none.
pub async fn head(db: &Db) -> Result<Option<(i64, String, Micros)>, StoreError> {
    const HEAD: &str = "SELECT position, COALESCE(hash, ''), occurred_at FROM audit_log \
                        ORDER BY position DESC LIMIT 1";
    let head: Option<(i64, String, i64)> =
        on_db!(db, c => sqlx::query_as(HEAD).fetch_optional(c).await)?;
    Ok(head.map(|(position, hash, at)| (position, hash, Micros(at))))
}
