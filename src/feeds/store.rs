//! The record of imports, and what a full one has named.

pub(super) mod cascade;
pub mod held;
pub(super) mod moved;
pub mod old;
pub mod sources;
pub(super) mod sweep;

use super::kinds::Mark;
use super::report::{self, Rejected};
use super::{Feed, ImportError, Mode, Report};
use crate::kernel::Micros;
use crate::kernel::id::ImportId;
use crate::on_tx;
use crate::storage::bulk::{self, Cell, Statement};
use crate::storage::{Db, StoreError, Tx, one_at_a_time};

static MARK: Statement = Statement::new(
    "INSERT INTO feed_marks (import_id, key) VALUES",
    2,
    "ON CONFLICT (import_id, key) DO NOTHING",
);
static SCOPE: Statement = Statement::new(
    "INSERT INTO feed_scopes (import_id, scope) VALUES",
    2,
    "ON CONFLICT (import_id, scope) DO NOTHING",
);
static KEEP: Statement =
    Statement::new("DELETE FROM import_deletions WHERE key IN (VALUES", 1, ")");
static FAULT: Statement = Statement::new(
    "INSERT INTO import_faults (import_id, number, line, field, value, code, message) VALUES",
    7,
    "",
);

/// Where an import comes from and when it began.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Run {
    /// Its id.
    pub(super) id: String,
    /// What it is about.
    pub(super) feed: Feed,
    /// How the file is laid out.
    pub(super) format: &'static str,
    /// Whether the file says all there is.
    pub(super) mode: Mode,
    /// The file's name, without its folder.
    pub(super) file_name: String,
    /// SHA-256 of the file in hex.
    pub(super) sha256: String,
    /// Where the file comes from: the name of a source, or the way by which it was handed over.
    pub(super) source: String,
    /// How it is read: a hash over what the options say of that.
    pub(super) read_as: String,
    /// When the import began.
    pub(super) started_at: Micros,
    /// When the file was imported first of the times that nothing else came under its name and read as it is: what it
    /// does not date was so then. A file that says nothing is nothing else.
    pub(super) told_at: Micros,
}

/// A new import's id.
pub fn new_id() -> Result<String, ImportError> {
    Ok(ImportId::random()?.to_string())
}

/// Records an import that begins; returns when its file was told first. One of the very same file that is under way, here or elsewhere, is
/// superseded: it cannot be told from one that was cut off, so what it has named is dropped, and it
/// deletes nothing (see [`sweep::stage`]).
pub(super) async fn begin(db: &Db, run: &Run) -> Result<Micros, StoreError> {
    const BEGIN: &str = "INSERT INTO imports (id, feed, file_name, sha256, accepted, unchanged,
        rejected, started_at, finished_at, mode, format, status, read_as, source)
        VALUES ($1, $2, $3, $4, 0, 0, 0, $5, $5, $6, $7, 'running', $8, $9)";
    const KEEP_TOLD: &str = "UPDATE imports SET told_at = $1 WHERE id = $2";
    const TOLD_AT: &str = "SELECT MIN(COALESCE(told_at, started_at)) FROM imports WHERE feed = $1 AND file_name = $2
        AND read_as = $3 AND sha256 = $4 AND started_at > COALESCE((SELECT MAX(started_at) FROM imports
          WHERE feed = $1 AND file_name = $2 AND read_as = $3 AND sha256 <> $4
            AND NOT (status = 'done' AND accepted = 0 AND unchanged = 0 AND deleted = 0)), 0)";
    let mut tx = db.begin().await?;
    one_at_a_time(&mut tx, run.feed.as_str()).await?;
    supersede(&mut tx, run).await?;
    on_tx!(&mut tx, c => {
        sqlx::query(BEGIN)
            .bind(&run.id)
            .bind(run.feed.as_str())
            .bind(&run.file_name)
            .bind(&run.sha256)
            .bind(run.started_at.0)
            .bind(run.mode.as_str())
            .bind(run.format)
            .bind(&run.read_as)
            .bind(&run.source)
            .execute(c)
            .await?;
    });
    let told_at: Option<i64> = on_tx!(&mut tx, c => {
        sqlx::query_scalar(TOLD_AT)
            .bind(run.feed.as_str())
            .bind(&run.file_name)
            .bind(&run.read_as)
            .bind(&run.sha256)
            .fetch_one(c)
            .await?
    });
    let told_at = told_at.unwrap_or(run.started_at.0);
    on_tx!(&mut tx, c => {
        sqlx::query(KEEP_TOLD).bind(told_at).bind(&run.id).execute(c).await?;
    });
    tx.commit().await?;
    Ok(Micros(told_at))
}

/// Ends imports of this very file that came to no end, and drops what they have named.
async fn supersede(tx: &mut Tx, run: &Run) -> Result<(), StoreError> {
    const SUPERSEDE: [&str; 3] = [
        "DELETE FROM feed_marks WHERE import_id IN (SELECT id FROM imports
           WHERE feed = $1 AND sha256 = $2 AND status = 'running')",
        "DELETE FROM feed_scopes WHERE import_id IN (SELECT id FROM imports
           WHERE feed = $1 AND sha256 = $2 AND status = 'running')",
        "UPDATE imports SET status = 'failed'
         WHERE feed = $1 AND sha256 = $2 AND status = 'running'",
    ];
    for statement in SUPERSEDE {
        on_tx!(&mut *tx, c => {
            sqlx::query(statement).bind(run.feed.as_str()).bind(&run.sha256).execute(c).await?;
        });
    }
    Ok(())
}

/// Records that an import broke off. What it has staged for deletion can still be approved.
pub(super) async fn fail(db: &Db, run: &Run) -> Result<(), StoreError> {
    const FAIL: [&str; 3] = [
        "DELETE FROM feed_marks WHERE import_id = $1",
        "DELETE FROM feed_scopes WHERE import_id = $1",
        "UPDATE imports SET status = 'failed' WHERE id = $1 AND status = 'running'",
    ];
    let mut tx = db.begin().await?;
    for statement in FAIL {
        on_tx!(&mut tx, c => {
            sqlx::query(statement).bind(&run.id).execute(c).await?;
        });
    }
    tx.commit().await
}

/// Notes what the rows of a batch are about: in a full import, so that it is not deleted at the end;
/// in every import, so that no deletion that is held for approval takes it.
pub(super) async fn mark(tx: &mut Tx, run: &Run, marks: &[Mark]) -> Result<(), StoreError> {
    let keys: Vec<Cell<'_>> = marks.iter().map(|mark| mark.key.as_str().into()).collect();
    bulk::write(tx, &KEEP, &keys).await?;
    if run.mode == Mode::Incremental {
        return Ok(());
    }
    let id: Cell<'_> = run.id.as_str().into();
    let cells: Vec<Cell<'_>> = keys.into_iter().flat_map(|key| [id.clone(), key]).collect();
    bulk::write(tx, &MARK, &cells).await?;
    let mut scopes: Vec<&str> = marks.iter().filter_map(|mark| mark.scope.as_deref()).collect();
    scopes.sort_unstable();
    scopes.dedup();
    let cells: Vec<Cell<'_>> =
        scopes.into_iter().flat_map(|scope| [id.clone(), scope.into()]).collect();
    bulk::write(tx, &SCOPE, &cells).await
}

/// Newest imports of a feed of which all refused rows are kept; of older ones the first few are.
const KEEP_REFUSED_OF: i64 = 10;

/// Records how an import ended, with the rows that were refused.
pub(super) async fn finish(
    db: &Db,
    run: &Run,
    (report, refused): (&Report, &[Rejected]),
    status: &'static str,
    now: Micros,
) -> Result<(), StoreError> {
    const FINISH: &str = "UPDATE imports SET accepted = $1, unchanged = $2, rejected = $3,
        held = $4, finished_at = $5, status = $6, unread = $7 WHERE id = $8";
    let unread = report.unread.join("\n");
    let mut tx = db.begin().await?;
    on_tx!(&mut tx, c => {
        sqlx::query(FINISH)
            .bind(report.accepted as i64)
            .bind(report.unchanged as i64)
            .bind(report.rejected as i64)
            .bind(report.held as i64)
            .bind(now.0)
            .bind(status)
            .bind(&unread)
            .bind(&run.id)
            .execute(c)
            .await?;
    });
    let mut cells: Vec<Cell<'_>> = Vec::new();
    for (number, rejected) in refused.iter().enumerate() {
        cells.extend([
            run.id.as_str().into(),
            (number as i64).into(),
            (rejected.line as i64).into(),
            rejected.fault.field.as_ref().into(),
            rejected.fault.value.as_str().into(),
            rejected.fault.code.into(),
            rejected.fault.message.as_str().into(),
        ]);
    }
    // What stood in a refused row may be anything.
    bulk::without_nul(&mut cells);
    bulk::write(&mut tx, &FAULT, &cells).await?;
    forget_refused(&mut tx, run.feed).await?;
    // A file without rows is rather a failed export than news.
    let is_news = status == "done" || report.accepted + report.unchanged > 0;
    if run.mode == Mode::Full && is_news {
        held::supersede_held(&mut tx, &run.id).await?;
    }
    tx.commit().await
}

/// Forgets most refused rows of imports that newer ones have followed.
async fn forget_refused(tx: &mut Tx, feed: Feed) -> Result<(), StoreError> {
    const FORGET: &str = "DELETE FROM import_faults WHERE number >= $1
        AND import_id IN (SELECT id FROM imports WHERE feed = $2)
        AND import_id NOT IN
          (SELECT id FROM imports WHERE feed = $2 ORDER BY started_at DESC, id LIMIT $3)";
    on_tx!(tx, c => {
        sqlx::query(FORGET)
            .bind(report::SHOWN as i64)
            .bind(feed.as_str())
            .bind(KEEP_REFUSED_OF)
            .execute(c)
            .await?;
    });
    Ok(())
}
