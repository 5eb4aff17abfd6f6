//! The change log of catalog data: what partners and every node's read model follow.

use super::bulk::{self, Cell, Statement};
use super::{Db, Log, StoreError, Tx, advance};
use crate::kernel::Micros;
use crate::on_db;

/// The reason of entries about what has not changed itself, but may be in other plans than before: they are
/// for plans that include a part of the data alone.
pub const MOVED: &str = "moved";

/// One entry to come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// `product`, `category`, `store`, `offer`, `promotion` or `stock`.
    pub kind: &'static str,
    /// The resource's id; for offers `product/store/channel`, for stock `product/store`.
    pub id: String,
    /// Whether it is gone.
    pub deleted: bool,
    /// Why, in one stable word.
    pub reason: &'static str,
    /// The resource's version from now on.
    pub version: i64,
}

static APPEND: Statement = Statement::new(
    "INSERT INTO change_log (position, kind, id, op, reason, version, occurred_at) VALUES",
    7,
    "",
);

/// The position up to which the log was pruned.
pub async fn floor(db: &Db) -> Result<i64, StoreError> {
    const FLOOR: &str = "SELECT position FROM log_heads WHERE log = 'change_floor'";
    Ok(on_db!(db, c => sqlx::query_scalar(FLOOR).fetch_one(c).await)?)
}

/// Appends entries in their order. Takes the log's positions, so it comes last in a transaction.
pub async fn append(tx: &mut Tx, changes: &[Change], now: Micros) -> Result<(), StoreError> {
    if changes.is_empty() {
        return Ok(());
    }
    let count = changes.len() as i64;
    let last = advance(tx, Log::Change, count).await?;
    let mut cells: Vec<Cell<'_>> = Vec::with_capacity(changes.len() * 7);
    for (position, change) in (last - count + 1..).zip(changes) {
        let op = if change.deleted { "delete" } else { "upsert" };
        cells.extend([
            position.into(),
            change.kind.into(),
            change.id.as_str().into(),
            op.into(),
            change.reason.into(),
            change.version.into(),
            now.0.into(),
        ]);
    }
    bulk::write(tx, &APPEND, &cells).await
}
