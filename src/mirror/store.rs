//! SQL of the mirror: the change log.

use crate::on_db;
use crate::storage::{Db, StoreError};
use sqlx::FromRow;

pub(super) use crate::storage::changes::floor as change_floor;

/// What changed, without how.
#[derive(Debug, FromRow)]
pub(super) struct Change {
    pub(super) position: i64,
    pub(super) kind: String,
    pub(super) id: String,
}

/// The changes behind a position, in order.
pub(super) async fn changes_after(
    db: &Db,
    position: i64,
    most: i64,
) -> Result<Vec<Change>, StoreError> {
    const AFTER: &str =
        "SELECT position, kind, id FROM change_log WHERE position > $1 ORDER BY position LIMIT $2";
    Ok(on_db!(db, c => sqlx::query_as(AFTER).bind(position).bind(most).fetch_all(c).await)?)
}

/// How many levels have changed behind a position.
pub(super) async fn levels_after(db: &Db, position: i64) -> Result<i64, StoreError> {
    const COUNT: &str = "SELECT COUNT(*) FROM stock_levels WHERE seq > $1";
    Ok(on_db!(db, c => sqlx::query_scalar(COUNT).bind(position).fetch_one(c).await)?)
}
