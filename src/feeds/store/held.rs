//! Imports as they are looked at, and the approval of deletions that are held.

use super::sweep;
use crate::feeds::Feed;
use crate::feeds::report::SHOWN;
use crate::kernel::word::{Word as _, words};
use crate::kernel::{Clock, Micros};
use crate::storage::{Db, StoreError, Tx};
use crate::{on_db, on_tx};
use serde::{Serialize, Serializer};

/// Keys shown of the deletions that an import holds.
const SAMPLE: i64 = 20;

/// An import as it is recorded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, sqlx::FromRow)]
pub struct Import {
    /// Its id.
    pub id: String,
    /// What it was about.
    pub feed: String,
    /// How the file was laid out.
    pub format: String,
    /// `full` or `incremental`.
    pub mode: String,
    /// `running`, `done`, `sweeping`, `held`, `approved`, `rejected`, `superseded` or `failed`.
    pub status: String,
    /// Where the file came from: a source by its name, `upload` or `cli`; none where it was not recorded yet.
    pub source: Option<String>,
    /// The file's name.
    pub file_name: String,
    /// SHA-256 of the file in hex.
    pub sha256: String,
    /// Rows that were stored.
    pub accepted: i64,
    /// Rows that changed nothing.
    pub unchanged: i64,
    /// Rows that were refused.
    pub rejected: i64,
    /// Resources that were deleted because the file did not name them.
    pub deleted: i64,
    /// Deletions that wait for approval.
    pub held: i64,
    /// What the file says that its format has no use for: names of columns or fields.
    #[sqlx(try_from = "String")]
    pub unread: Names,
    /// When it began, in microseconds.
    #[serde(serialize_with = "instant")]
    pub started_at: i64,
    /// When it ended, in microseconds.
    #[serde(serialize_with = "instant")]
    pub finished_at: i64,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it so")]
fn instant<S: Serializer>(at: &i64, to: S) -> Result<S::Ok, S::Error> {
    Micros(*at).serialize(to)
}

/// Names that are stored with a line for each.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Names(pub Vec<String>);

impl From<String> for Names {
    fn from(lines: String) -> Self {
        Self(lines.lines().map(str::to_owned).collect())
    }
}

/// A refused row of an import.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, sqlx::FromRow)]
pub struct Refused {
    /// Its line.
    pub line: i64,
    /// The field at fault.
    pub field: String,
    /// What stood there.
    pub value: String,
    /// What kind of fault.
    pub code: String,
    /// What is wrong and what would be right.
    pub message: String,
}

/// A refused row with its place among them.
#[derive(Debug, sqlx::FromRow)]
struct Placed {
    number: i64,
    #[sqlx(flatten)]
    refused: Refused,
}

/// An import with its first refused rows and some of the deletions that it holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Shown {
    /// The import.
    pub import: Import,
    /// Its first refused rows.
    pub refused: Vec<Refused>,
    /// Ids of resources that would be deleted.
    pub sample: Vec<String>,
}

/// Why a held import could not be decided.
#[derive(Debug, thiserror::Error)]
pub enum DecisionError {
    /// There is no such import, or nothing of it is held.
    #[error("{0} holds nothing for approval; `comptoir feed list` shows the imports")]
    NotHeld(String),
    /// The database failed; what is left can be approved again.
    #[error(transparent)]
    Store(#[from] StoreError),
}

words! {
    /// How an import stands.
    pub enum ImportStatus {
        /// Under way.
        Running = "running",
        /// All of it is done.
        Done = "done",
        /// Deletions that were approved are being carried out.
        Sweeping = "sweeping",
        /// Deletions wait for approval.
        Held = "held",
        /// Deletions that waited were approved and carried out.
        Approved = "approved",
        /// Deletions that waited were rejected.
        Rejected = "rejected",
        /// Deletions waited until a newer full file of the same name and source came.
        Superseded = "superseded",
        /// It broke off.
        Failed = "failed",
    }
}

/// Which imports are wanted. All must hold.
#[derive(Debug, Default, Clone)]
pub struct ImportQuery {
    /// Those that stand so.
    pub status: Option<ImportStatus>,
    /// Those about this.
    pub feed: Option<Feed>,
    /// Those behind the one that began then and has this id.
    pub behind: Option<(i64, String)>,
}

/// The newest imports of those that are wanted.
pub async fn list(db: &Db, query: &ImportQuery, most: u32) -> Result<Vec<Import>, StoreError> {
    // An absent filter is an empty text, which is no status and no feed, so that there is one statement.
    const LIST: &str =
        "SELECT id, feed, format, mode, status, source, file_name, sha256, accepted, unchanged,
        rejected, deleted, held, unread, started_at, finished_at
        FROM imports WHERE ($2 = '' OR status = $2) AND ($3 = '' OR feed = $3)
          AND (started_at < $4 OR (started_at = $4 AND id > $5))
        ORDER BY started_at DESC, id LIMIT $1";
    let (at, id) = query.behind.clone().unwrap_or((i64::MAX, String::new()));
    Ok(on_db!(db, c => {
        sqlx::query_as(LIST)
            .bind(i64::from(most))
            .bind(query.status.map_or("", |status| status.as_str()))
            .bind(query.feed.map_or("", Feed::as_str))
            .bind(at)
            .bind(id)
            .fetch_all(c)
            .await
    })?)
}

/// The refused rows of an import behind a place in their order, with their places, as far as they are kept.
pub async fn refused(
    db: &Db,
    id: &str,
    after: Option<u64>,
    most: u32,
) -> Result<Vec<(i64, Refused)>, StoreError> {
    const REFUSED: &str = "SELECT number, line, field, value, code, message FROM import_faults
        WHERE import_id = $1 AND number > $2 ORDER BY number LIMIT $3";
    let after = after.map_or(-1, |after| i64::try_from(after).unwrap_or(i64::MAX));
    let rows: Vec<Placed> = on_db!(db, c => {
        let query = sqlx::query_as(REFUSED).bind(id).bind(after).bind(i64::from(most));
        query.fetch_all(c).await
    })?;
    Ok(rows.into_iter().map(|row| (row.number, row.refused)).collect())
}

/// How many refused rows of an import are kept.
pub async fn count_refused(db: &Db, id: &str) -> Result<i64, StoreError> {
    const COUNT: &str = "SELECT COUNT(*) FROM import_faults WHERE import_id = $1";
    Ok(on_db!(db, c => sqlx::query_scalar(COUNT).bind(id).fetch_one(c).await)?)
}

/// One import, where there is one.
pub async fn show(db: &Db, id: &str) -> Result<Option<Shown>, StoreError> {
    const SHOW: &str =
        "SELECT id, feed, format, mode, status, source, file_name, sha256, accepted, unchanged,
        rejected, deleted, held, unread, started_at, finished_at FROM imports WHERE id = $1";
    const REFUSED: &str = "SELECT line, field, value, code, message FROM import_faults
        WHERE import_id = $1 ORDER BY number LIMIT $2";
    const HELD: &str =
        "SELECT key FROM import_deletions WHERE import_id = $1 ORDER BY key LIMIT $2";
    Ok(on_db!(db, c => {
        let import: Option<Import> = sqlx::query_as(SHOW).bind(id).fetch_optional(c).await?;
        let Some(import) = import else { return Ok(None) };
        let refused = sqlx::query_as(REFUSED).bind(id).bind(SHOWN as i64).fetch_all(c).await?;
        let sample = sqlx::query_scalar(HELD).bind(id).bind(SAMPLE).fetch_all(c).await?;
        Some(Shown { import, refused, sample })
    }))
}

/// Deletions that were approved and are to be carried out.
#[derive(Debug, Clone, Copy)]
pub struct Approved {
    feed: Feed,
    until: Micros,
}

/// Approves the deletions that an import holds, in a transaction with what else is written of that:
/// they are carried out from here on, by [`carry_out`] or by a call again.
pub async fn begin(tx: &mut Tx, id: &str) -> Result<Approved, DecisionError> {
    let (feed, until) = decide(tx, id, "sweeping").await?;
    Ok(Approved { feed, until })
}

/// Carries out deletions that were approved, but for what was named again since; how many there were.
pub async fn carry_out(
    db: &Db,
    clock: &Clock,
    id: &str,
    approved: Approved,
) -> Result<u64, DecisionError> {
    let Approved { feed, until } = approved;
    let removed = sweep::carry_out(db, clock, feed, id, until).await?;
    let mut tx = db.begin().await?;
    decide(&mut tx, id, "approved").await?;
    supersede_held(&mut tx, id).await?;
    tx.commit().await?;
    Ok(removed)
}

/// Approves the deletions that an import holds and carries them out; how many there were. Can be
/// called again where it was cut off.
pub async fn approve(db: &Db, clock: &Clock, id: &str) -> Result<u64, DecisionError> {
    let mut tx = db.begin().await?;
    let approved = begin(&mut tx, id).await?;
    tx.commit().await?;
    carry_out(db, clock, id, approved).await
}

/// Drops the deletions that an import holds: what it did not name stays.
pub async fn reject(tx: &mut Tx, id: &str) -> Result<(), DecisionError> {
    const DROP: &str = "DELETE FROM import_deletions WHERE import_id = $1";
    decide(tx, id, "rejected").await?;
    on_tx!(tx, c => {
        sqlx::query(DROP).bind(id).execute(c).await.map_err(StoreError::from)?;
    });
    Ok(())
}

macro_rules! of_older {
    ($what:literal) => {
        concat!(
            $what,
            " IN (SELECT older.id FROM imports older, imports newer
              WHERE newer.id = $1 AND newer.mode = 'full' AND older.status = 'held'
                AND older.feed = newer.feed AND older.file_name = newer.file_name
                AND older.read_as = newer.read_as AND older.started_at < newer.started_at)"
        )
    };
}
const SUPERSEDE: [&str; 2] = [
    of_older!("DELETE FROM import_deletions WHERE import_id"),
    of_older!("UPDATE imports SET status = 'superseded', held = 0 WHERE id"),
];

/// Drops what older imports of the same full file hold for approval, where a newer one has come: what that did not name
/// either it has deleted itself, or holds.
pub(in crate::feeds) async fn supersede_held(tx: &mut Tx, newer: &str) -> Result<(), StoreError> {
    for statement in SUPERSEDE {
        on_tx!(&mut *tx, c => {
            sqlx::query(statement).bind(newer).execute(c).await?;
        });
    }
    Ok(())
}

/// Moves an import that holds deletions on; its feed, and when it began.
async fn decide(
    tx: &mut Tx,
    id: &str,
    status: &'static str,
) -> Result<(Feed, Micros), DecisionError> {
    const DECIDE: &str = "UPDATE imports SET status = $1, held = 0
        WHERE id = $2 AND status IN ('held', 'sweeping') RETURNING feed, started_at";
    let found: Option<(String, i64)> = on_tx!(tx, c => {
        sqlx::query_as(DECIDE).bind(status).bind(id).fetch_optional(c).await
    })
    .map_err(StoreError::from)?;
    let Some((feed, began_at)) = found else {
        return Err(DecisionError::NotHeld(id.to_owned()));
    };
    let feed = feed.parse().map_err(|error| StoreError::corrupt("imports", error))?;
    Ok((feed, Micros(began_at)))
}
