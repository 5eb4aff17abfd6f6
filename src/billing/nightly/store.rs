//! All SQL of nightly recounts.

use super::Recounting;
use crate::kernel::Micros;
use crate::kernel::clock::DAY;
use crate::storage::{Db, StoreError, Tx, parsed};
use crate::{on_db, on_tx};
use sqlx::FromRow;

const RECOUNTS: &str = "usage_recounts";
/// How long it is known what came of one.
const KEPT: i64 = 400 * DAY;

#[derive(FromRow)]
struct RecountRow {
    due_at: i64,
    node: String,
    begun_at: i64,
    ended_at: i64,
    from_at: i64,
    to_at: i64,
    segments: i64,
    events: i64,
    hours: i64,
    differences: i64,
    first: String,
}

impl TryFrom<RecountRow> for Recounting {
    type Error = StoreError;

    fn try_from(row: RecountRow) -> Result<Self, StoreError> {
        Ok(Self {
            due_at: Micros(row.due_at),
            node: parsed(RECOUNTS, &row.node)?,
            begun_at: Micros(row.begun_at),
            ended_at: Micros(row.ended_at),
            from: Micros(row.from_at),
            to: Micros(row.to_at),
            segments: row.segments,
            events: row.events,
            hours: row.hours,
            differences: row.differences,
            first: serde_json::from_str(&row.first)
                .map_err(|error| StoreError::corrupt(RECOUNTS, error))?,
        })
    }
}

/// The one that was due last; none where there was none.
pub(super) async fn last(db: &Db) -> Result<Option<Recounting>, StoreError> {
    const FIND: &str = "SELECT * FROM usage_recounts ORDER BY due_at DESC LIMIT 1";
    let row: Option<RecountRow> = on_db!(db, c => sqlx::query_as(FIND).fetch_optional(c).await)?;
    row.map(Recounting::try_from).transpose()
}

/// Whether the ledger has calls from before an instant.
pub(super) async fn has_before(db: &Db, at: Micros) -> Result<bool, StoreError> {
    const FIND: &str = "SELECT min_at FROM usage_segments WHERE min_at < $1 AND events > 0 LIMIT 1";
    let found: Option<i64> =
        on_db!(db, c => sqlx::query_scalar(FIND).bind(at.0).fetch_optional(c).await)?;
    Ok(found.is_some())
}

/// Notes what came of one, and forgets those of long ago. What was noted first stays.
pub(super) async fn note(tx: &mut Tx, done: &Recounting) -> Result<(), StoreError> {
    const FORGET: &str = "DELETE FROM usage_recounts WHERE due_at < $1";
    const INSERT: &str = "INSERT INTO usage_recounts (due_at, node, begun_at, ended_at, from_at,
        to_at, segments, events, hours, differences, first)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) ON CONFLICT (due_at) DO NOTHING";
    let first =
        serde_json::to_string(&done.first).map_err(|error| StoreError::corrupt(RECOUNTS, error))?;
    let before = done.due_at.0.saturating_sub(KEPT);
    on_tx!(tx, c => {
        sqlx::query(FORGET).bind(before).execute(&mut *c).await?;
        sqlx::query(INSERT)
            .bind(done.due_at.0)
            .bind(done.node.to_string())
            .bind(done.begun_at.0)
            .bind(done.ended_at.0)
            .bind(done.from.0)
            .bind(done.to.0)
            .bind(done.segments)
            .bind(done.events)
            .bind(done.hours)
            .bind(done.differences)
            .bind(first)
            .execute(c)
            .await?;
    });
    Ok(())
}
