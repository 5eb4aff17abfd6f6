//! All SQL of the simulator: the ledger in the order of time, read only.

use crate::kernel::Micros;
use crate::metering::period::Period;
use crate::metering::store::StoredSegment;
use crate::on_db;
use crate::storage::{Db, StoreError};
use sqlx::FromRow;

/// A segment with the start of its first event.
#[derive(Debug, FromRow)]
pub(super) struct Timed {
    pub(super) min_at: i64,
    #[sqlx(flatten)]
    pub(super) stored: StoredSegment,
}

/// Where a walk through the segments in the order of time is: the start and the position of the last.
pub(super) type Place = (i64, i64);
/// Before all of them.
pub(super) const START: Place = (i64::MIN, 0);

/// The next segment behind `after` with events that may have started in a span.
pub(super) async fn next_in_time(
    db: &Db,
    after: Place,
    head: i64,
    span: Period,
) -> Result<Option<Timed>, StoreError> {
    const NEXT: &str = "SELECT min_at, node, epoch, segment, position, prev_hash, hash, folded_at,
            block
        FROM usage_segments
        WHERE (min_at, position) > ($1, $2) AND min_at < $5 AND max_at >= $4 AND position <= $3
            AND events > 0
        ORDER BY min_at, position LIMIT 1";
    Ok(on_db!(db, c => {
        let next = sqlx::query_as(NEXT).bind(after.0).bind(after.1).bind(head);
        next.bind(span.from.0).bind(span.to.0).fetch_optional(c).await
    })?)
}

/// How many events there are in those segments.
pub(super) async fn events(db: &Db, head: i64, span: Period) -> Result<u64, StoreError> {
    // PostgreSQL sums BIGINT as NUMERIC, hence the cast.
    const SUM: &str = "SELECT CAST(COALESCE(SUM(events), 0) AS BIGINT) FROM usage_segments
        WHERE position <= $1 AND max_at >= $2 AND min_at < $3";
    let Period { from: Micros(from), to: Micros(to) } = span;
    let events: i64 = on_db!(db, c => {
        sqlx::query_scalar(SUM).bind(head).bind(from).bind(to).fetch_one(c).await
    })?;
    Ok(u64::try_from(events).unwrap_or(0))
}
