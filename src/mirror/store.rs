//! SQL of the mirror: the change log.

use crate::on_db;
use crate::storage::{Db, Log, StoreError, log};
use sqlx::FromRow;

pub(super) use crate::storage::changes::floor as change_floor;

/// What changed, without how.
#[derive(Debug, FromRow)]
pub(super) struct Change {
    pub(super) position: i64,
    pub(super) kind: String,
    pub(super) id: String,
}

/// Positions looked through at a time, so that no reading lasts long where all is passed over.
const WINDOW: i64 = 100_000;

/// A part of the change log.
#[derive(Debug)]
pub(super) struct Stretch {
    /// What changed, in order.
    pub(super) changes: Vec<Change>,
    /// The position up to which that is all.
    pub(super) reached: i64,
    /// Whether there is more behind it.
    pub(super) more: bool,
}

/// At most `most` changes behind a position, but for those of the kinds that are `passed_over`: their names
/// between spaces.
pub(super) async fn changes_after(
    db: &Db,
    position: i64,
    passed_over: &str,
    most: i64,
) -> Result<Stretch, StoreError> {
    const AFTER: &str = "SELECT position, kind, id FROM change_log
        WHERE position > $1 AND position <= $2 AND $3 NOT LIKE '% ' || kind || ' %'
        ORDER BY position LIMIT $4";
    let head = log::head(db, Log::Change).await?;
    let through = head.min(position + WINDOW);
    if through <= position {
        return Ok(Stretch { changes: Vec::new(), reached: position, more: false });
    }
    let changes: Vec<Change> = on_db!(db, c => {
        sqlx::query_as(AFTER)
            .bind(position)
            .bind(through)
            .bind(passed_over)
            .bind(most)
            .fetch_all(c)
            .await
    })?;
    let reached = match changes.last() {
        Some(last) if changes.len() as i64 == most => last.position,
        _ => through,
    };
    Ok(Stretch { changes, reached, more: reached < head })
}

/// How many levels have changed behind a position.
pub(super) async fn levels_after(db: &Db, position: i64) -> Result<i64, StoreError> {
    const COUNT: &str = "SELECT COUNT(*) FROM stock_levels WHERE seq > $1";
    Ok(on_db!(db, c => sqlx::query_scalar(COUNT).bind(position).fetch_one(c).await)?)
}
