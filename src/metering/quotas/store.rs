//! What quotas ask the ledger for, in one state of the database.

use crate::kernel::Micros;
use crate::limit::{Bounds, Per};
use crate::on_tx;
use crate::storage::{StoreError, Tx};
use sqlx::QueryBuilder;

/// A segment as quotas read it.
#[derive(Debug, sqlx::FromRow)]
pub(super) struct Segment {
    pub(super) position: i64,
    pub(super) node: String,
    pub(super) epoch: i64,
    pub(super) segment: i64,
    pub(super) block: Vec<u8>,
}

/// Billed units of one operation.
#[derive(Debug, sqlx::FromRow)]
pub(super) struct BilledHours {
    pub(super) id: String,
    pub(super) operation: String,
    pub(super) milli: i64,
}

/// The head of the ledger.
pub(super) async fn head(tx: &mut Tx) -> Result<i64, StoreError> {
    const HEAD: &str = "SELECT position FROM log_heads WHERE log = 'usage'";
    Ok(on_tx!(tx, c => sqlx::query_scalar(HEAD).fetch_one(c).await)?)
}

/// The last segment of a run that is in the ledger.
pub(super) async fn last_segment(
    tx: &mut Tx,
    node: &str,
    epoch: u64,
) -> Result<Option<u32>, StoreError> {
    const LAST: &str = "SELECT MAX(segment) FROM usage_segments WHERE node = $1 AND epoch = $2";
    let epoch = i64::try_from(epoch).unwrap_or(i64::MAX);
    let last: Option<i64> =
        on_tx!(tx, c => sqlx::query_scalar(LAST).bind(node).bind(epoch).fetch_one(c).await)?;
    let number = |last| u32::try_from(last).map_err(|e| StoreError::corrupt("usage_segments", e));
    last.map(number).transpose()
}

/// The next segment behind `after`, up to `head`.
pub(super) async fn next_segment(
    tx: &mut Tx,
    after: i64,
    head: i64,
) -> Result<Option<Segment>, StoreError> {
    const NEXT: &str = "SELECT position, node, epoch, segment, block FROM usage_segments \
                        WHERE position > $1 AND position <= $2 ORDER BY position LIMIT 1";
    Ok(on_tx!(tx, c => {
        sqlx::query_as(NEXT).bind(after).bind(head).fetch_optional(c).await
    })?)
}

/// The next segment behind `after`, up to `head`, that may have events of a span.
pub(super) async fn next_segment_in(
    tx: &mut Tx,
    after: i64,
    head: i64,
    span: Bounds,
) -> Result<Option<Segment>, StoreError> {
    const NEXT: &str = "SELECT position, node, epoch, segment, block FROM usage_segments \
                        WHERE position > $1 AND position <= $2 AND max_at >= $3 AND min_at < $4 \
                        AND events > 0 ORDER BY position LIMIT 1";
    let Bounds { start: Micros(start), end: Micros(end) } = span;
    Ok(on_tx!(tx, c => {
        let next = sqlx::query_as(NEXT).bind(after).bind(head).bind(start).bind(end);
        next.fetch_optional(c).await
    })?)
}

/// The billed units of some partners, apps or keys in the hours that start in a span, by operation.
pub(super) async fn billed_hours(
    tx: &mut Tx,
    per: Per,
    ids: &[&str],
    span: Bounds,
) -> Result<Vec<BilledHours>, StoreError> {
    // The index of hours is by app.
    let (column, of_apps) = match per {
        Per::Partner => ("partner_id", ""),
        Per::App => ("app_id", ""),
        Per::Key => ("key_id", "app_id IN (SELECT app_id FROM keys WHERE id IN ("),
    };
    Ok(on_tx!(tx, c => {
        // PostgreSQL sums BIGINT as NUMERIC, hence the cast.
        let mut sum = QueryBuilder::new(format!(
            "SELECT {column} AS id, operation, CAST(SUM(weight_milli) AS BIGINT) AS milli \
             FROM usage_hours WHERE billable AND environment = 'live' AND hour >= "
        ));
        sum.push_bind(span.start.0).push(" AND hour < ").push_bind(span.end.0);
        for (before, after) in [(of_apps, ")) "), (&*format!("{column} IN ("), ") ")] {
            if before.is_empty() {
                continue;
            }
            sum.push(" AND ").push(before);
            let mut list = sum.separated(", ");
            for id in ids {
                list.push_bind(*id);
            }
            sum.push(after);
        }
        sum.push(format!("GROUP BY {column}, operation"));
        sum.build_query_as().fetch_all(c).await
    })?)
}
