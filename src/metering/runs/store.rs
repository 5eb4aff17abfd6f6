//! All SQL of the runs.

use super::super::seal::Sealed;
use super::super::store::big;
use super::{End, LONGEST_CALL, Run, Standing};
use crate::kernel::Micros;
use crate::kernel::id::NodeId;
use crate::kernel::word::Word as _;
use crate::storage::{Db, StoreError, Tx};
use crate::{on_db, on_tx};
use std::ops::RangeInclusive;

const RUNS: &str = "usage_runs";

pub(super) async fn begin(
    db: &Db,
    (node, epoch): (NodeId, u64),
    (boot, synced): (&str, bool),
    now: Micros,
) -> Result<(), StoreError> {
    const INSERT: &str = "INSERT INTO usage_runs (node, epoch, version, boot, started_at, through,
        told_at, next_seq, accounted, synced) VALUES ($1, $2, $3, $4, $5, $5, $5, 0, 0, $6)";
    on_db!(db, c => sqlx::query(INSERT)
        .bind(node.to_string())
        .bind(big(epoch))
        .bind(env!("CARGO_PKG_VERSION"))
        .bind(boot)
        .bind(now.0)
        .bind(synced)
        .execute(c).await.map(|_| ()))?;
    Ok(())
}

pub(super) async fn newest(db: &Db, node: NodeId) -> Result<u64, StoreError> {
    const FIND: &str = "SELECT COALESCE(MAX(epoch), 0) FROM usage_runs WHERE node = $1";
    let newest: i64 =
        on_db!(db, c => sqlx::query_scalar(FIND).bind(node.to_string()).fetch_one(c).await)?;
    Ok(newest.unsigned_abs())
}

/// Counts the numbers of a segment for its run, with the segment. A run of a version that kept none is begun here.
pub(in crate::metering) async fn count(
    tx: &mut Tx,
    sealed: &Sealed,
    missing: u64,
) -> Result<(), StoreError> {
    const COUNT: &str = "INSERT INTO usage_runs (node, epoch, version, boot, started_at, through,
        told_at, next_seq, accounted) VALUES ($1, $2, '', '', $3, $3, $3, $4, $5)
        ON CONFLICT (node, epoch) DO UPDATE SET
            next_seq = CASE WHEN usage_runs.next_seq < excluded.next_seq
                THEN excluded.next_seq ELSE usage_runs.next_seq END,
            accounted = usage_runs.accounted + excluded.accounted";
    let header = &sealed.header;
    let numbers = sealed.next_seq.saturating_sub(header.first_seq);
    on_tx!(tx, c => sqlx::query(COUNT)
        .bind(header.node.to_string())
        .bind(big(header.epoch))
        .bind(sealed.span.0.0)
        .bind(big(sealed.next_seq))
        .bind(big(numbers.saturating_sub(missing)))
        .execute(c).await.map(|_| ()))?;
    Ok(())
}

pub(super) async fn tell(
    db: &Db,
    (node, epoch): (NodeId, u64),
    (through, folded): (Micros, Micros),
) -> Result<(), StoreError> {
    // Neither goes back with a clock that is put back; but who ended it wrongly has said too much.
    const TELL: &str = "UPDATE usage_runs SET
            through = CASE WHEN ended_at IS NULL AND through > $3 THEN through ELSE $3 END,
            told_at = CASE WHEN told_at < $4 THEN $4 ELSE told_at END,
            ended_at = NULL, ended = NULL
        WHERE node = $1 AND epoch = $2 AND (ended_at IS NULL OR ended <> $5)";
    on_db!(db, c => sqlx::query(TELL)
        .bind(node.to_string()).bind(big(epoch)).bind(through.0).bind(folded.0)
        .bind(End::Drained.as_str())
        .execute(c).await.map(|_| ()))?;
    Ok(())
}

pub(super) async fn end_drained(
    db: &Db,
    (node, epoch): (NodeId, u64),
    now: Micros,
) -> Result<(), StoreError> {
    const END: &str = "UPDATE usage_runs SET ended_at = $3, ended = $4, through = $3, told_at = $3
        WHERE node = $1 AND epoch = $2";
    on_db!(db, c => sqlx::query(END)
        .bind(node.to_string()).bind(big(epoch)).bind(now.0).bind(End::Drained.as_str())
        .execute(c).await.map(|_| ()))?;
    Ok(())
}

/// Ends the runs of a node that its directory has held, also those that were thought to be lost. What they last said
/// stays.
pub(super) async fn end_recovered(
    db: &Db,
    (node, held): (NodeId, RangeInclusive<u64>),
    boot: &str,
    now: Micros,
) -> Result<(), StoreError> {
    const END: &str = "UPDATE usage_runs SET ended_at = $3, through = $3,
            ended = CASE WHEN synced OR (boot = $4 AND boot <> '') THEN $5 ELSE $6 END
        WHERE node = $1 AND epoch BETWEEN $8 AND $2 AND (ended_at IS NULL OR ended = $7)";
    on_db!(db, c => sqlx::query(END)
        .bind(node.to_string())
        .bind(big(*held.end()))
        .bind(now.0)
        .bind(boot)
        .bind(End::Recovered.as_str())
        .bind(End::TailUnsure.as_str())
        .bind(End::Lost.as_str())
        .bind(big(*held.start()))
        .execute(c).await.map(|_| ()))?;
    Ok(())
}

pub(super) async fn standing(db: &Db, silent_before: Micros) -> Result<Standing, StoreError> {
    const OPEN: &str = "SELECT COUNT(CASE WHEN told_at < $1 THEN 1 END),
            MIN(CASE WHEN told_at >= $1 THEN told_at END), MIN(told_at)
        FROM usage_runs WHERE ended_at IS NULL";
    const MISSING: &str = "SELECT CAST(COALESCE(SUM(next_seq - accounted), 0) AS BIGINT)
        FROM usage_runs WHERE next_seq <> accounted";
    type Open = (i64, Option<i64>, Option<i64>);
    let (silent, told, by_all): Open = on_db!(db, c => sqlx::query_as(OPEN)
        .bind(silent_before.0).fetch_one(c).await)?;
    let missing: i64 = on_db!(db, c => sqlx::query_scalar(MISSING).fetch_one(c).await)?;
    let (folded_through, complete_through) = (told.map(Micros), by_all.map(Micros));
    Ok(Standing { silent, missing, folded_through, complete_through })
}

#[derive(sqlx::FromRow)]
struct RunRow {
    node: String,
    epoch: i64,
    version: String,
    started_at: i64,
    through: i64,
    told_at: i64,
    next_seq: i64,
    missing: i64,
    ended_at: Option<i64>,
    ended: Option<String>,
}

impl TryFrom<RunRow> for Run {
    type Error = StoreError;

    fn try_from(row: RunRow) -> Result<Self, StoreError> {
        let ended = match (row.ended_at, row.ended.as_deref()) {
            (Some(at), Some(word)) => {
                Some((Micros(at), word.parse().map_err(|e| StoreError::corrupt(RUNS, e))?))
            }
            _ => None,
        };
        Ok(Self {
            node: row.node.parse().map_err(|e| StoreError::corrupt(RUNS, e))?,
            epoch: row.epoch.unsigned_abs(),
            version: row.version,
            started_at: Micros(row.started_at),
            through: Micros(row.through),
            told_at: Micros(row.told_at),
            next_seq: row.next_seq.unsigned_abs(),
            missing: u64::try_from(row.missing).unwrap_or(0),
            ended,
        })
    }
}

/// Finds runs: what is read of them, with the rest of the question.
macro_rules! runs {
    ($rest:literal) => {
        concat!(
            "SELECT node, epoch, version, started_at, through, told_at, next_seq,
                next_seq - accounted AS missing, ended_at, ended FROM usage_runs ",
            $rest
        )
    };
}

fn read(rows: Vec<RunRow>) -> Result<Vec<Run>, StoreError> {
    rows.into_iter().map(Run::try_from).collect()
}

pub(super) async fn noteworthy(db: &Db, most: u32) -> Result<Vec<Run>, StoreError> {
    const FIND: &str = runs!(
        "WHERE ended_at IS NULL OR next_seq <> accounted OR ended IN ($1, $2)
        ORDER BY CASE WHEN ended_at IS NULL THEN told_at END NULLS LAST,
            started_at DESC, node, epoch DESC LIMIT $3"
    );
    let rows = on_db!(db, c => sqlx::query_as(FIND)
        .bind(End::TailUnsure.as_str()).bind(End::Lost.as_str()).bind(i64::from(most))
        .fetch_all(c).await)?;
    read(rows)
}

/// The runs of a node up to a number that go on and have said something since.
pub(super) async fn speaking(
    db: &Db,
    (node, last): (NodeId, u64),
    since: Micros,
) -> Result<Vec<Run>, StoreError> {
    const FIND: &str = runs!(
        "WHERE node = $1 AND epoch <= $2 AND ended_at IS NULL AND told_at >= $3 ORDER BY epoch"
    );
    let rows = on_db!(db, c => sqlx::query_as(FIND)
        .bind(node.to_string()).bind(big(last)).bind(since.0).fetch_all(c).await)?;
    read(rows)
}

pub(super) async fn find(
    tx: &mut Tx,
    (node, epoch): (NodeId, u64),
) -> Result<Option<Run>, StoreError> {
    const FIND: &str = runs!("WHERE node = $1 AND epoch = $2");
    let row: Option<RunRow> = on_tx!(tx, c => sqlx::query_as(FIND)
        .bind(node.to_string()).bind(big(epoch)).fetch_optional(c).await)?;
    row.map(Run::try_from).transpose()
}

/// Of runs that tell of another last number than the ledger has, or that are not there: node, run, the number behind the
/// last in the ledger, and as they tell.
pub(super) async fn untrue(
    tx: &mut Tx,
) -> Result<Vec<(String, i64, i64, Option<i64>)>, StoreError> {
    const FIND: &str = "SELECT s.node, s.epoch, MAX(s.next_seq), MAX(r.next_seq)
        FROM usage_segments s LEFT JOIN usage_runs r ON r.node = s.node AND r.epoch = s.epoch
        GROUP BY s.node, s.epoch
        HAVING MAX(r.next_seq) IS NULL OR MAX(r.next_seq) <> MAX(s.next_seq)
        ORDER BY s.node, s.epoch";
    Ok(on_tx!(tx, c => sqlx::query_as(FIND).fetch_all(c).await)?)
}

/// Ends a silent run whose journal is gone; false where it is not silent any more.
pub(super) async fn end_lost(
    tx: &mut Tx,
    (node, epoch): (NodeId, u64),
    (gone_at, silent_before): (Micros, Micros),
) -> Result<bool, StoreError> {
    const END: &str = "UPDATE usage_runs SET ended_at = $3, ended = $4
        WHERE node = $1 AND epoch = $2 AND ended_at IS NULL AND told_at < $5";
    let ended = on_tx!(tx, c => sqlx::query(END)
        .bind(node.to_string())
        .bind(big(epoch))
        .bind(gone_at.0)
        .bind(End::Lost.as_str())
        .bind(silent_before.0)
        .execute(c).await.map(|done| done.rows_affected()))?;
    Ok(ended == 1)
}

/// The runs that may hold what calls accepted in `[from, to)` have left and the ledger has not.
pub(super) async fn unsure(
    tx: &mut Tx,
    (from, to): (Micros, Micros),
) -> Result<Vec<Run>, StoreError> {
    const FIND: &str = runs!(
        "WHERE started_at < $2 AND (
            (ended_at IS NULL AND through < $2)
            OR (ended = $3 AND through < $2 AND ended_at >= $1)
            OR (ended = $4 AND told_at - $5 < $2 AND ended_at >= $1))
        ORDER BY node, epoch"
    );
    let rows = on_tx!(tx, c => sqlx::query_as(FIND)
        .bind(from.0)
        .bind(to.0)
        .bind(End::Lost.as_str())
        .bind(End::TailUnsure.as_str())
        .bind(LONGEST_CALL)
        .fetch_all(c).await)?;
    read(rows)
}
