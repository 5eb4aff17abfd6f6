//! What bills are made of: live calls, summed from the hours.

use crate::kernel::Micros;
use crate::kernel::id::{AppId, PartnerId};
use crate::on_tx;
use crate::storage::{StoreError, Tx};

/// Sums of live calls by all that a bill tells apart.
#[derive(Debug, sqlx::FromRow)]
pub(in crate::metering) struct GroupSums {
    pub(in crate::metering) partner_id: String,
    pub(in crate::metering) app_id: String,
    pub(in crate::metering) plan_id: String,
    pub(in crate::metering) plan_version: i64,
    pub(in crate::metering) operation: String,
    pub(in crate::metering) status: i64,
    pub(in crate::metering) outcome: String,
    pub(in crate::metering) rule: String,
    pub(in crate::metering) billable: bool,
    pub(in crate::metering) requests: i64,
    pub(in crate::metering) records: i64,
    pub(in crate::metering) bytes: i64,
    pub(in crate::metering) weight_milli: i64,
}

/// The sums of the live calls of one app, or of all, in the hours that start in `[from, to)`.
pub(in crate::metering) async fn group_sums(
    tx: &mut Tx,
    app: Option<AppId>,
    from: Micros,
    to: Micros,
) -> Result<Vec<GroupSums>, StoreError> {
    const SUM: &str =
        "SELECT partner_id, app_id, plan_id, plan_version, operation, status, outcome,
            rule, billable,
            CAST(SUM(requests) AS BIGINT) AS requests, CAST(SUM(records) AS BIGINT) AS records,
            CAST(SUM(bytes) AS BIGINT) AS bytes, CAST(SUM(weight_milli) AS BIGINT) AS weight_milli
        FROM usage_hours WHERE environment = 'live' AND hour >= ";
    const GROUPS: &str =
        " GROUP BY partner_id, app_id, plan_id, plan_version, operation, status, outcome,
            rule, billable";
    Ok(on_tx!(tx, c => {
        let mut sum = sqlx::QueryBuilder::new(SUM);
        sum.push_bind(from.0).push(" AND hour < ").push_bind(to.0);
        if let Some(app) = app {
            sum.push(" AND app_id = ").push_bind(app.to_string());
        }
        sum.push(GROUPS).build_query_as().fetch_all(c).await
    })?)
}

/// Billed calls of an operation in an hour.
#[derive(Debug, sqlx::FromRow)]
pub(in crate::metering) struct BilledHour {
    pub(in crate::metering) hour: i64,
    pub(in crate::metering) operation: String,
    pub(in crate::metering) requests: i64,
    pub(in crate::metering) records: i64,
    pub(in crate::metering) bytes: i64,
    pub(in crate::metering) weight_milli: i64,
}

/// The billed calls of a partner's app in the hours that start in `[from, to)`.
pub(in crate::metering) async fn billed_hours(
    tx: &mut Tx,
    (partner, app): (PartnerId, AppId),
    from: Micros,
    to: Micros,
) -> Result<Vec<BilledHour>, StoreError> {
    const SUM: &str = "SELECT hour, operation,
            CAST(SUM(requests) AS BIGINT) AS requests, CAST(SUM(records) AS BIGINT) AS records,
            CAST(SUM(bytes) AS BIGINT) AS bytes, CAST(SUM(weight_milli) AS BIGINT) AS weight_milli
        FROM usage_hours WHERE app_id = $1 AND partner_id = $2 AND hour >= $3 AND hour < $4
            AND environment = 'live' AND billable
        GROUP BY hour, operation";
    Ok(on_tx!(tx, c => sqlx::query_as(SUM)
        .bind(app.to_string()).bind(partner.to_string())
        .bind(from.0).bind(to.0).fetch_all(c).await)?)
}

/// The first hour in which a partner's app made a billed call.
pub(in crate::metering) async fn first_billed_hour(
    tx: &mut Tx,
    (partner, app): (PartnerId, AppId),
) -> Result<Option<Micros>, StoreError> {
    const FIRST: &str = "SELECT hour FROM usage_hours
        WHERE app_id = $1 AND partner_id = $2 AND environment = 'live' AND billable
        ORDER BY hour LIMIT 1";
    let at: Option<i64> = on_tx!(tx, c => sqlx::query_scalar(FIRST)
        .bind(app.to_string()).bind(partner.to_string()).fetch_optional(c).await)?;
    Ok(at.map(Micros))
}
