//! All SQL of the ledger.

mod billed;

pub(super) use billed::{BilledHour, billed_hours, first_billed_hour, group_sums};

use super::billability;
use super::period::Period;
use super::seal::{HourKey, Sealed, Sums};
use crate::access::{Environment, operation};
use crate::kernel::Micros;
use crate::kernel::id::{AppId, NodeId, PartnerId};
use crate::storage::dialect::ROWS_PER_STATEMENT;
use crate::storage::{Db, StoreError, Tx};
use crate::{on_db, on_tx};
use std::borrow::Cow;

pub(super) const SEGMENTS: &str = "usage_segments";

/// The ledger's numbers are `BIGINT`. What does not fit (after 292,000 years of microseconds, or
/// 9 exabytes in a body) is held at the edge.
pub(super) fn big(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

/// The name of an operation; one that this version does not know keeps its number.
pub(super) fn operation_id(code: u16) -> Cow<'static, str> {
    operation::by_code(code).map_or_else(|| format!("operation_{code}").into(), |o| o.id.into())
}

/// Finds the hash of the newest segment of a run before another.
const BEFORE: &str = "SELECT hash FROM usage_segments
    WHERE node = $1 AND epoch = $2 AND segment < $3 ORDER BY segment DESC LIMIT 1";

/// The hash of the newest segment of a run before `segment`.
pub(super) async fn hash_before(
    db: &Db,
    node: &str,
    epoch: u64,
    segment: u32,
) -> Result<Option<blake3::Hash>, StoreError> {
    let found: Option<String> = on_db!(db, c => sqlx::query_scalar(BEFORE)
        .bind(node).bind(big(epoch)).bind(i64::from(segment)).fetch_optional(c).await)?;
    found.as_deref().map(parse_hash).transpose()
}

/// The text of the hash that a segment of the ledger has to stand on; none for the first of its run.
pub(super) async fn hash_below(
    tx: &mut Tx,
    segment: &StoredSegment,
) -> Result<Option<String>, StoreError> {
    Ok(on_tx!(tx, c => sqlx::query_scalar(BEFORE)
        .bind(&segment.node).bind(segment.epoch).bind(segment.segment).fetch_optional(c).await)?)
}

/// The hash of a segment that is in the ledger.
pub(super) async fn hash_of(
    db: &Db,
    node: &str,
    epoch: u64,
    segment: u32,
) -> Result<Option<blake3::Hash>, StoreError> {
    const FIND: &str =
        "SELECT hash FROM usage_segments WHERE node = $1 AND epoch = $2 AND segment = $3";
    let found: Option<String> = on_db!(db, c => sqlx::query_scalar(FIND)
        .bind(node).bind(big(epoch)).bind(i64::from(segment)).fetch_optional(c).await)?;
    found.as_deref().map(parse_hash).transpose()
}

fn parse_hash(hex: &str) -> Result<blake3::Hash, StoreError> {
    blake3::Hash::from_hex(hex).map_err(|e| StoreError::corrupt(SEGMENTS, e))
}

/// Numbers in order as text: `3,5-9`.
fn ranges(numbers: &[u64]) -> String {
    let runs = numbers.chunk_by(|before, next| before.checked_add(1) == Some(*next));
    let texts = runs.map(|run| match run {
        [first, .., last] => format!("{first}-{last}"),
        _ => run.iter().map(u64::to_string).collect(),
    });
    texts.collect::<Vec<_>>().join(",")
}

/// The numbers of such a text, of at most so many.
fn numbers(text: &str, most: u64) -> Result<Vec<u64>, StoreError> {
    let mut numbers = Vec::new();
    for run in text.split(',').filter(|run| !run.is_empty()) {
        let (first, last) = run.split_once('-').unwrap_or((run, run));
        let number = |text: &str| text.parse().map_err(|e| StoreError::corrupt(SEGMENTS, e));
        let (first, last): (u64, u64) = (number(first)?, number(last)?);
        if last.saturating_sub(first) >= most {
            let why = format!("{run} is more than the segment has");
            return Err(StoreError::corrupt(SEGMENTS, why));
        }
        numbers.extend(first..=last);
    }
    Ok(numbers)
}

/// Adds a segment; false if it is there already, and then the transaction must not be committed.
pub(super) async fn insert_segment(
    tx: &mut Tx,
    sealed: &Sealed,
    position: i64,
    folded_at: Micros,
) -> Result<bool, StoreError> {
    const INSERT: &str = "INSERT INTO usage_segments (node, epoch, segment, position, first_seq,
        next_seq, events, unreleased, min_at, max_at, prev_hash, hash, folded_at, block)
        SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14
        WHERE NOT EXISTS
            (SELECT 1 FROM usage_segments WHERE node = $1 AND epoch = $2 AND segment = $3)
        ON CONFLICT (node, epoch, segment) DO NOTHING";
    // What keeps the ledger refuses to add what is there on SQLite, so that is not tried; on PostgreSQL another node may add
    // it meanwhile.
    let header = &sealed.header;
    let inserted = on_tx!(tx, c => sqlx::query(INSERT)
        .bind(header.node.to_string())
        .bind(big(header.epoch))
        .bind(i64::from(header.segment))
        .bind(position)
        .bind(big(header.first_seq))
        .bind(big(sealed.next_seq))
        .bind(big(sealed.events))
        .bind(ranges(&sealed.unreleased))
        .bind(sealed.span.0.0)
        .bind(sealed.span.1.0)
        .bind(sealed.prev_hash.to_hex().to_string())
        .bind(sealed.hash.to_hex().to_string())
        .bind(folded_at.0)
        .bind(&sealed.block)
        .execute(c).await.map(|done| done.rows_affected()))?;
    Ok(inserted == 1)
}

/// What a row of the sums by hour is of.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, sqlx::FromRow)]
pub(super) struct HourNames {
    pub(super) hour: i64,
    pub(super) app_id: String,
    pub(super) partner_id: String,
    pub(super) key_id: String,
    pub(super) environment: String,
    pub(super) operation: String,
    pub(super) status: i64,
    pub(super) outcome: String,
    pub(super) rule: String,
    pub(super) plan_id: String,
    pub(super) plan_version: i64,
}

/// A row of the sums by hour.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub(super) struct HourRow {
    #[sqlx(flatten)]
    pub(super) key: HourNames,
    pub(super) billable: bool,
    pub(super) requests: i64,
    pub(super) records: i64,
    pub(super) bytes: i64,
    pub(super) weight_milli: i64,
}

impl HourRow {
    /// The row of some sums.
    pub(super) fn of(key: &HourKey, sums: &Sums) -> Self {
        let rule = billability::by_code(key.rule);
        let environment = if key.live { Environment::Live } else { Environment::Test };
        let Sums { requests, records, bytes, weight_milli } = *sums;
        let names = HourNames {
            hour: key.hour.0,
            app_id: key.app.to_string(),
            partner_id: key.partner.to_string(),
            key_id: key.key.to_string(),
            environment: environment.as_str().to_owned(),
            operation: operation_id(key.operation).into_owned(),
            status: key.status.into(),
            outcome: key.outcome.as_str().to_owned(),
            rule: rule.map_or("", |rule| rule.id).to_owned(),
            plan_id: key.plan.to_string(),
            plan_version: key.plan_version.into(),
        };
        let billable = rule.is_some_and(|rule| rule.billable);
        Self { key: names, billable, requests, records, bytes, weight_milli }
    }

    /// Its sums.
    pub(super) fn sums(&self) -> Sums {
        let Self { requests, records, bytes, weight_milli, .. } = *self;
        Sums { requests, records, bytes, weight_milli }
    }
}

/// The sums of the hours that start in `[from, to)`, as they are stored.
pub(super) async fn hour_rows(
    tx: &mut Tx,
    (from, to): (Micros, Micros),
) -> Result<Vec<HourRow>, StoreError> {
    const FIND: &str = "SELECT * FROM usage_hours WHERE hour >= $1 AND hour < $2 ORDER BY hour";
    Ok(on_tx!(tx, c => sqlx::query_as(FIND).bind(from.0).bind(to.0).fetch_all(c).await)?)
}

/// Adds a segment's sums to those of the hours.
pub(super) async fn add_hours(tx: &mut Tx, sealed: &Sealed) -> Result<(), StoreError> {
    const INSERT: &str = "INSERT INTO usage_hours (hour, partner_id, app_id, key_id, environment,
        operation, status, outcome, billable, rule, plan_id, plan_version,
        requests, records, bytes, weight_milli) ";
    const ADD: &str = " ON CONFLICT (hour, app_id, partner_id, key_id, environment, operation,
            status, outcome, rule, plan_id, plan_version) DO UPDATE SET
        requests = usage_hours.requests + excluded.requests,
        records = usage_hours.records + excluded.records,
        bytes = usage_hours.bytes + excluded.bytes,
        weight_milli = usage_hours.weight_milli + excluded.weight_milli";
    let rows: Vec<(&HourKey, &Sums)> = sealed.hours.iter().collect();
    for rows in rows.chunks(ROWS_PER_STATEMENT) {
        on_tx!(&mut *tx, c => {
            let mut insert = sqlx::QueryBuilder::new(INSERT);
            insert.push_values(rows, |mut row, (key, sums)| {
                let HourRow { key, billable, requests, records, bytes, weight_milli } =
                    HourRow::of(key, sums);
                row.push_bind(key.hour)
                    .push_bind(key.partner_id)
                    .push_bind(key.app_id)
                    .push_bind(key.key_id)
                    .push_bind(key.environment)
                    .push_bind(key.operation)
                    .push_bind(key.status)
                    .push_bind(key.outcome)
                    .push_bind(billable)
                    .push_bind(key.rule)
                    .push_bind(key.plan_id)
                    .push_bind(key.plan_version)
                    .push_bind(requests)
                    .push_bind(records)
                    .push_bind(bytes)
                    .push_bind(weight_milli);
            });
            insert.push(ADD).build().execute(c).await.map(|_| ())
        })?;
    }
    Ok(())
}

/// A segment as the ledger keeps it.
#[derive(Debug, sqlx::FromRow)]
pub(super) struct StoredSegment {
    pub(super) node: String,
    pub(super) epoch: i64,
    pub(super) segment: i64,
    pub(super) position: i64,
    pub(super) prev_hash: String,
    pub(super) hash: String,
    pub(super) folded_at: i64,
    pub(super) block: Vec<u8>,
    #[sqlx(default)]
    pub(super) version: String,
    /// Start of the earliest event, where it was asked for.
    #[sqlx(default)]
    pub(super) min_at: i64,
}

/// The next segment behind `after`, up to `head`, with events that started in `[from, to)`.
pub(super) async fn next_segment(
    tx: &mut Tx,
    (after, head): (i64, i64),
    (from, to): (Micros, Micros),
) -> Result<Option<StoredSegment>, StoreError> {
    const NEXT: &str = "SELECT s.node, s.epoch, s.segment, s.position, s.prev_hash, s.hash,
            s.folded_at, s.block, s.min_at, COALESCE(r.version, '') AS version
        FROM usage_segments s LEFT JOIN usage_runs r ON r.node = s.node AND r.epoch = s.epoch
        WHERE s.position > $1 AND s.position <= $2 AND s.max_at >= $3 AND s.min_at < $4
            AND s.events > 0
        ORDER BY s.position LIMIT 1";
    Ok(on_tx!(tx, c => sqlx::query_as(NEXT)
        .bind(after).bind(head).bind(from.0).bind(to.0).fetch_optional(c).await)?)
}

/// The earliest start of the segments behind `after`, up to `head`, that have events since an instant.
pub(super) async fn earliest(
    tx: &mut Tx,
    (after, head): (i64, i64),
    since: Micros,
) -> Result<Option<Micros>, StoreError> {
    const FIND: &str = "SELECT MIN(min_at) FROM usage_segments
        WHERE position > $1 AND position <= $2 AND max_at >= $3 AND events > 0";
    let first: Option<i64> = on_tx!(tx, c => sqlx::query_scalar(FIND)
        .bind(after).bind(head).bind(since.0).fetch_one(c).await)?;
    Ok(first.map(Micros))
}

/// A segment that does not begin where the one before ended, or that has fewer events than numbers.
#[derive(Debug, sqlx::FromRow)]
pub(super) struct Uneven {
    pub(super) node: String,
    pub(super) epoch: i64,
    pub(super) segment: i64,
    pub(super) expected: i64,
    pub(super) first_seq: i64,
    pub(super) next_seq: i64,
    pub(super) events: i64,
    /// Start of the latest event in the segments before; none where they have none.
    pub(super) before_at: Option<i64>,
    /// When the run began; none where that was not written down.
    pub(super) run_at: Option<i64>,
    /// Start of the earliest event.
    pub(super) min_at: i64,
    pub(super) folded_at: i64,
    unreleased: String,
}

impl Uneven {
    /// The numbers that hold no event and hide none.
    pub(super) fn unreleased(&self) -> Result<Vec<u64>, StoreError> {
        numbers(&self.unreleased, self.next_seq.saturating_sub(self.first_seq).unsigned_abs())
    }
}

/// Finds the uneven segments among those that a condition takes.
macro_rules! uneven {
    ($of:literal) => {
        concat!(
            "SELECT spans.*, (SELECT started_at FROM usage_runs AS run
                WHERE run.node = spans.node AND run.epoch = spans.epoch) AS run_at FROM (
                SELECT node, epoch, segment, first_seq, next_seq, events, unreleased, min_at, folded_at,
                    COALESCE(LAG(next_seq) OVER run, 0) AS expected,
                    MAX(CASE WHEN events > 0 THEN max_at END)
                        OVER (run ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS before_at
                FROM usage_segments WHERE ",
            $of,
            " WINDOW run AS (PARTITION BY node, epoch ORDER BY segment)) AS spans
            WHERE first_seq <> expected OR next_seq - first_seq <> events
            ORDER BY node, epoch, segment"
        )
    };
}

/// Every uneven segment up to `head`.
pub(super) async fn uneven_segments(tx: &mut Tx, head: i64) -> Result<Vec<Uneven>, StoreError> {
    const FIND: &str = uneven!("position <= $1");
    Ok(on_tx!(tx, c => sqlx::query_as(FIND).bind(head).fetch_all(c).await)?)
}

/// Every uneven segment of a run.
pub(super) async fn uneven_segments_of(
    tx: &mut Tx,
    node: NodeId,
    epoch: u64,
) -> Result<Vec<Uneven>, StoreError> {
    const FIND: &str = uneven!("node = $1 AND epoch = $2");
    Ok(on_tx!(tx, c => sqlx::query_as(FIND)
        .bind(node.to_string()).bind(big(epoch)).fetch_all(c).await)?)
}

/// Every uneven segment of the runs that have not accounted for all their numbers, or of which that was not kept.
pub(super) async fn uneven_segments_of_lacking(tx: &mut Tx) -> Result<Vec<Uneven>, StoreError> {
    const FIND: &str = uneven!(
        "(node, epoch) IN (SELECT node, epoch FROM usage_runs
            WHERE next_seq <> accounted OR ended = 'before')"
    );
    Ok(on_tx!(tx, c => sqlx::query_as(FIND).fetch_all(c).await)?)
}

/// The first segment of a run behind another that may hold the event of a number: the one with that number, or a later one
/// in which an event may have taken the place of another number.
pub(super) async fn segment_with(
    tx: &mut Tx,
    (node, epoch): (NodeId, u64),
    seq: u64,
    behind: i64,
) -> Result<Option<StoredSegment>, StoreError> {
    const FIND: &str = "SELECT node, epoch, segment, position, prev_hash, hash, folded_at, block
        FROM usage_segments WHERE node = $1 AND epoch = $2 AND next_seq > $3 AND segment > $4
            AND events > 0 AND (first_seq <= $3 OR unreleased <> '')
        ORDER BY segment LIMIT 1";
    Ok(on_tx!(tx, c => sqlx::query_as(FIND)
        .bind(node.to_string()).bind(big(epoch)).bind(big(seq)).bind(behind)
        .fetch_optional(c).await)?)
}

/// The first and the last position, up to `through`, of segments that may have events of a span.
pub(super) async fn positions(
    tx: &mut Tx,
    span: Period,
    through: i64,
) -> Result<Option<(i64, i64)>, StoreError> {
    const FIND: &str = "SELECT MIN(position), MAX(position) FROM usage_segments
        WHERE min_at < $1 AND max_at >= $2 AND position <= $3";
    let (first, last): (Option<i64>, Option<i64>) = on_tx!(tx, c => sqlx::query_as(FIND)
        .bind(span.to.0).bind(span.from.0).bind(through).fetch_one(c).await)?;
    Ok(first.zip(last))
}

/// The block of one segment.
pub(super) async fn block_of(
    tx: &mut Tx,
    node: &str,
    epoch: i64,
    segment: i64,
) -> Result<Vec<u8>, StoreError> {
    const FIND: &str =
        "SELECT block FROM usage_segments WHERE node = $1 AND epoch = $2 AND segment = $3";
    Ok(on_tx!(tx, c => sqlx::query_scalar(FIND)
        .bind(node).bind(epoch).bind(segment).fetch_one(c).await)?)
}

/// Sums of an app's hours in `[from, to)`, by what partners are shown.
#[derive(Debug, sqlx::FromRow)]
pub(super) struct HourSums {
    pub(super) hour: i64,
    pub(super) key_id: String,
    pub(super) environment: String,
    pub(super) operation: String,
    pub(super) status: i64,
    pub(super) billable: bool,
    pub(super) requests: i64,
    pub(super) records: i64,
    pub(super) bytes: i64,
    pub(super) weight_milli: i64,
}

/// The sums of the hours of a partner's app that start in `[from, to)`.
pub(super) async fn hour_sums(
    db: &Db,
    (partner, app): (PartnerId, AppId),
    from: Micros,
    to: Micros,
) -> Result<Vec<HourSums>, StoreError> {
    // PostgreSQL sums BIGINT as NUMERIC, hence the casts.
    const SUM: &str = "SELECT hour, key_id, environment, operation, status, billable,
            CAST(SUM(requests) AS BIGINT) AS requests, CAST(SUM(records) AS BIGINT) AS records,
            CAST(SUM(bytes) AS BIGINT) AS bytes, CAST(SUM(weight_milli) AS BIGINT) AS weight_milli
        FROM usage_hours WHERE app_id = $1 AND partner_id = $2 AND hour >= $3 AND hour < $4
        GROUP BY hour, key_id, environment, operation, status, billable";
    Ok(on_db!(db, c => sqlx::query_as(SUM)
        .bind(app.to_string()).bind(partner.to_string())
        .bind(from.0).bind(to.0).fetch_all(c).await)?)
}

/// When the newest segment came into the ledger.
pub(super) async fn newest_fold(db: &Db) -> Result<Option<Micros>, StoreError> {
    const FIND: &str = "SELECT folded_at FROM usage_segments ORDER BY position DESC LIMIT 1";
    let at: Option<i64> = on_db!(db, c => sqlx::query_scalar(FIND).fetch_optional(c).await)?;
    Ok(at.map(Micros))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    #[test]
    fn runs_of_numbers_are_short() {
        assert_eq!(ranges(&[3, 5, 6, 7, 9, 10]), "3,5-7,9-10");
        assert_eq!(numbers("3,5,6", 10).unwrap(), [3, 5, 6]);
        assert!(numbers("1-9000000000", 32_767).is_err());
        assert!(numbers("1-x", 10).is_err());
    }

    proptest! {
        #[test]
        fn numbers_come_back(some: BTreeSet<u16>) {
            let some: Vec<u64> = some.into_iter().map(u64::from).collect();
            prop_assert_eq!(numbers(&ranges(&some), 1 << 16).unwrap(), some);
        }
    }
}
