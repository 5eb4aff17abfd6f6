//! All SQL of the proofs of events: the days of closes, and which close counts an event.

use crate::billing::close::Close;
use crate::billing::manifest::Day;
use crate::billing::store::close_of;
use crate::kernel::Micros;
use crate::kernel::id::BillingPeriodId;
use crate::on_tx;
use crate::storage::dialect::ROWS_PER_STATEMENT;
use crate::storage::{StoreError, Tx, parsed};

const DAYS: &str = "billing_close_days";

/// Keeps the days of a period; its close is written behind them.
pub(in crate::billing) async fn insert_days(
    tx: &mut Tx,
    period: BillingPeriodId,
    days: &[Day],
) -> Result<(), StoreError> {
    const INSERT: &str = "INSERT INTO billing_close_days (period_id, day, events, root) ";
    for some in days.chunks(ROWS_PER_STATEMENT) {
        on_tx!(&mut *tx, c => {
            let mut insert = sqlx::QueryBuilder::new(INSERT);
            insert.push_values(some, |mut row, day| {
                row.push_bind(period.to_string())
                    .push_bind(&day.day)
                    .push_bind(i64::try_from(day.events).unwrap_or(i64::MAX))
                    .push_bind(&day.root);
            });
            insert.build().execute(c).await.map(|_| ())
        })?;
    }
    Ok(())
}

/// The days of a closed period in their order; none where its close has kept none.
pub(in crate::billing) async fn days_of(
    tx: &mut Tx,
    period: BillingPeriodId,
) -> Result<Vec<Day>, StoreError> {
    const FIND: &str =
        "SELECT day, events, root FROM billing_close_days WHERE period_id = $1 ORDER BY day";
    let rows: Vec<(String, i64, String)> =
        on_tx!(tx, c => sqlx::query_as(FIND).bind(period.to_string()).fetch_all(c).await)?;
    let day = |(day, events, root): (String, i64, String)| {
        let events = u64::try_from(events).map_err(|e| StoreError::corrupt(DAYS, e))?;
        Ok(Day { day, events, root })
    };
    rows.into_iter().map(day).collect()
}

/// The first close that counts an event of an instant with a position in the ledger, of whatever period.
pub(super) async fn counting(
    tx: &mut Tx,
    at: Micros,
    position: i64,
) -> Result<Option<Close>, StoreError> {
    const FIND: &str = "SELECT period_id FROM billing_closes
        WHERE starts_at <= $1 AND ends_at > $1 AND position >= $2 ORDER BY number LIMIT 1";
    let period: Option<String> = on_tx!(&mut *tx, c => sqlx::query_scalar(FIND)
        .bind(at.0).bind(position).fetch_optional(c).await)?;
    let Some(period) = period else { return Ok(None) };
    close_of(tx, parsed("billing_closes", &period)?).await
}
