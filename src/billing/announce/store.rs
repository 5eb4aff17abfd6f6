//! All SQL of what is told of closes.

use crate::hooks::event::PERIOD_CLOSED;
use crate::kernel::id::BillingPeriodId;
use crate::storage::{Db, StoreError, Tx};
use crate::{on_db, on_tx};
use sqlx::FromRow;

/// The number of the last close that was told, where there is one behind it.
pub(super) async fn behind(db: &Db) -> Result<Option<i64>, StoreError> {
    const FIND: &str = "SELECT number FROM closes_told
        WHERE EXISTS (SELECT 1 FROM billing_closes c WHERE c.number > closes_told.number)";
    Ok(on_db!(db, c => sqlx::query_scalar(FIND).fetch_optional(c).await)?)
}

/// Notes that a close is told; false where another node has done so, and then this one tells nothing.
pub(super) async fn advance(tx: &mut Tx, (from, to): (i64, i64)) -> Result<bool, StoreError> {
    const MOVE: &str = "UPDATE closes_told SET number = $2 WHERE number = $1";
    let moved = on_tx!(tx, c => sqlx::query(MOVE).bind(from).bind(to).execute(c).await
        .map(|done| done.rows_affected()))?;
    Ok(moved == 1)
}

/// A statement of which somebody wants to be told.
#[derive(Debug, FromRow)]
pub(super) struct ToldStatement {
    pub(super) app_id: String,
    pub(super) id: String,
    pub(super) currency: String,
    pub(super) total: String,
    pub(super) digest: String,
}

/// The statements of a closed period, those of an app together, where subscriptions of the app may want to be told, and the app is
/// still with the partner that owes them.
pub(super) async fn wanted(
    tx: &mut Tx,
    period: BillingPeriodId,
) -> Result<Vec<ToldStatement>, StoreError> {
    const FIND: &str = "SELECT s.app_id, s.id, s.currency, s.total, s.digest FROM statements s
        JOIN apps a ON a.id = s.app_id AND a.partner_id = s.partner_id
        WHERE s.period_id = $1 AND EXISTS (SELECT 1 FROM subscriptions h
            WHERE h.app_id = s.app_id AND ' ' || h.events || ' ' LIKE '% ' || $2 || ' %')
        ORDER BY s.app_id, s.id";
    Ok(on_tx!(tx, c => sqlx::query_as(FIND)
        .bind(period.to_string()).bind(PERIOD_CLOSED).fetch_all(c).await)?)
}
