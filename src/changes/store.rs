//! SQL of the change log.

pub mod rows;

pub use crate::storage::changes::floor;

use super::Kind;
use crate::kernel::Micros;
use crate::kernel::id::StoreId;
use crate::kernel::word::Word as _;
use crate::storage::changes::MOVED;
use crate::storage::{Db, Log, StoreError, log};
use crate::{on_db, on_tx};
use sqlx::FromRow;

/// Positions looked at by one statement.
const WINDOW: i64 = 20_000;
/// Statements of one call: filters that match rarely are walked in steps.
const MOST_WINDOWS: usize = 10;
/// Entries taken out at a time.
const PRUNE_BATCH: i64 = 2_000;

/// An entry of the log.
#[derive(Debug, Clone, PartialEq, Eq, FromRow)]
pub struct Entry {
    /// Its place.
    pub position: i64,
    /// The word of a [`Kind`].
    pub kind: String,
    /// The resource; `product/store/channel` for an offer, `product/store` for a stock level.
    pub id: String,
    /// `upsert` or `delete`.
    pub op: String,
    /// Why.
    pub reason: Option<String>,
    /// The resource's version from then on.
    pub version: i64,
    /// When.
    pub occurred_at: i64,
}

/// Which entries are wanted.
#[derive(Debug, Clone)]
pub struct Wanted {
    /// Of these kinds.
    pub kinds: Vec<Kind>,
    /// Of what belongs to a store, that of this one only.
    pub store: Option<StoreId>,
    /// For a plan that includes a part of the data: what has moved comes too ([`MOVED`]), and the log ends at
    /// this position, up to which the node has in memory what the plan is held against.
    pub limited_to: Option<i64>,
}

/// A stretch of the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stretch {
    /// The entries wanted.
    pub entries: Vec<Entry>,
    /// Everything wanted up to here is in `entries`.
    pub reached: i64,
    /// The end of the log, as far as it may be read.
    pub head: i64,
    /// The end of the log.
    pub end: i64,
}

impl Stretch {
    /// Whether there is nothing yet.
    #[must_use]
    pub fn is_end(&self) -> bool {
        self.entries.is_empty() && self.reached >= self.head
    }
}

/// The entries behind a position, at most `most` of them.
pub async fn read(
    db: &Db,
    after: i64,
    wanted: &Wanted,
    most: usize,
) -> Result<Stretch, StoreError> {
    let end = log::head(db, Log::Change).await?;
    let head = wanted.limited_to.map_or(end, |known| end.min(known).max(after));
    let mut stretch = Stretch { entries: Vec::new(), reached: after, head, end };
    if wanted.kinds.is_empty() {
        stretch.reached = head.max(after);
        return Ok(stretch);
    }
    let words: Vec<&str> = wanted.kinds.iter().map(|kind| kind.as_str()).collect();
    let kinds = format!(" {} ", words.join(" "));
    let store = wanted.store.map(|id| id.to_string()).unwrap_or_default();
    for _ in 0..MOST_WINDOWS {
        let room = most - stretch.entries.len();
        if room == 0 || stretch.reached >= head {
            break;
        }
        let through = head.min(stretch.reached + WINDOW);
        let moved = wanted.limited_to.is_some();
        let found = window(db, (stretch.reached, through), (&kinds, &store, moved), room).await?;
        stretch.reached = match found.last() {
            Some(last) if found.len() == room => last.position,
            _ => through,
        };
        stretch.entries.extend(found);
    }
    Ok(stretch)
}

// Not by LIKE, to which the ids of two stores may be one: SQLite's folds case.
async fn window(
    db: &Db,
    (after, through): (i64, i64),
    (kinds, store, moved): (&str, &str, bool),
    most: usize,
) -> Result<Vec<Entry>, StoreError> {
    const READ: &str = "SELECT position, kind, id, op, reason, version, occurred_at FROM change_log
        WHERE position > $1 AND position <= $2 AND $3 LIKE '% ' || kind || ' %'
          AND ($4 = '' OR kind NOT IN ('store', 'offer', 'stock') OR replace(id, $4, '') <> id)
          AND ($6 OR reason IS NULL OR reason <> $7)
        ORDER BY position LIMIT $5";
    Ok(on_db!(db, c => {
        sqlx::query_as(READ)
            .bind(after)
            .bind(through)
            .bind(kinds)
            .bind(store)
            .bind(most as i64)
            .bind(moved)
            .bind(MOVED)
            .fetch_all(c)
            .await
    })?)
}

/// Takes out the oldest entries, as far as they happened before an instant; how many those were.
pub(super) async fn prune_batch(db: &Db, before: Micros) -> Result<u64, StoreError> {
    const OLDEST: &str = "SELECT position, occurred_at FROM change_log ORDER BY position LIMIT $1";
    const DELETE: &str = "DELETE FROM change_log WHERE position <= $1";
    const RAISE: &str =
        "UPDATE log_heads SET position = $1 WHERE log = 'change_floor' AND position < $1";
    let oldest: Vec<(i64, i64)> =
        on_db!(db, c => sqlx::query_as(OLDEST).bind(PRUNE_BATCH).fetch_all(c).await)?;
    let old = oldest.iter().take_while(|(_, at)| *at < before.0);
    let Some((through, _)) = old.last() else { return Ok(0) };
    let mut tx = db.begin().await?;
    let pruned = on_tx!(&mut tx, c => {
        let deleted = sqlx::query(DELETE).bind(through).execute(&mut *c).await?.rows_affected();
        sqlx::query(RAISE).bind(through).execute(c).await?;
        deleted
    });
    tx.commit().await?;
    Ok(pruned)
}
