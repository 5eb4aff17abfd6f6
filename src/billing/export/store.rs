//! All SQL of exports.

use crate::kernel::Micros;
use crate::kernel::id::{AppId, BillingPeriodId};
use crate::storage::{Db, Log, StoreError, Tx, advance};
use crate::{on_db, on_tx};
use std::collections::HashMap;

const CLOSES: &str = "billing_closes";

/// A closed period of an app, and what its close stands on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Shutting {
    pub(super) id: BillingPeriodId,
    pub(super) from: Micros,
    pub(super) to: Micros,
    /// The last position of the ledger that counts in it.
    pub(super) position: i64,
}

/// The closed periods of one app, or of all, in the order in which they were closed.
pub(super) async fn shuttings(
    tx: &mut Tx,
    app: Option<AppId>,
) -> Result<HashMap<AppId, Vec<Shutting>>, StoreError> {
    const FIND: &str =
        "SELECT DISTINCT s.app_id, c.period_id, c.starts_at, c.ends_at, c.position, c.number
        FROM statements s JOIN billing_closes c ON c.period_id = s.period_id
        WHERE $1 IS NULL OR s.app_id = $1 ORDER BY c.number";
    let app = app.map(|app| app.to_string());
    let rows: Vec<(String, String, i64, i64, i64, i64)> =
        on_tx!(tx, c => sqlx::query_as(FIND).bind(&app).fetch_all(c).await)?;
    let mut found: HashMap<AppId, Vec<Shutting>> = HashMap::new();
    for (app, id, from, to, position, _) in rows {
        let app = app.parse().map_err(|e| StoreError::corrupt("statements", e))?;
        let id = id.parse().map_err(|e| StoreError::corrupt(CLOSES, e))?;
        let shutting = Shutting { id, from: Micros(from), to: Micros(to), position };
        found.entry(app).or_default().push(shutting);
    }
    Ok(found)
}

/// The lowest position behind which a call can be that is booked late in a period: that of the close before of an app in
/// it. Of an open period that is any app. None where nothing was closed before.
pub(super) async fn earliest_late(
    tx: &mut Tx,
    closed: Option<(BillingPeriodId, i64)>,
) -> Result<Option<i64>, StoreError> {
    const FIND: &str = "SELECT MIN(last) FROM (
        SELECT MAX(c.position) AS last
        FROM statements s JOIN billing_closes c ON c.period_id = s.period_id
        WHERE c.number < $1
            AND ($2 IS NULL OR s.app_id IN (SELECT app_id FROM statements WHERE period_id = $2))
        GROUP BY s.app_id) AS before";
    let (period, number) = closed.unzip();
    let period = period.map(|period| period.to_string());
    Ok(on_tx!(tx, c => sqlx::query_scalar(FIND)
        .bind(number.unwrap_or(i64::MAX)).bind(&period).fetch_one(c).await)?)
}

/// What exports of one thing share.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Subject {
    pub(super) layout: &'static str,
    pub(super) period: BillingPeriodId,
    pub(super) partner: Option<String>,
    pub(super) app: Option<String>,
}

/// The newest export of something: its id, and the root of its tree.
pub(super) async fn last_export(
    db: &Db,
    of: &Subject,
) -> Result<Option<(String, String)>, StoreError> {
    const FIND: &str = "SELECT export_id, merkle_root FROM usage_exports
        WHERE layout = $1 AND period_id = $2 AND partner_id = $3 AND app_id = $4
        ORDER BY number DESC LIMIT 1";
    let (partner, app) = of.whose();
    Ok(on_db!(db, c => sqlx::query_as(FIND)
        .bind(of.layout).bind(of.period.to_string()).bind(partner).bind(app)
        .fetch_optional(c).await)?)
}

/// Notes an export that was written.
pub(super) async fn note_export(
    db: &Db,
    of: &Subject,
    (id, root): (&str, &str),
    now: Micros,
) -> Result<(), StoreError> {
    const INSERT: &str = "INSERT INTO usage_exports
            (number, export_id, layout, period_id, partner_id, app_id, merkle_root, made_at)
        SELECT COALESCE(MAX(number), 0) + 1, $1, $2, $3, $4, $5, $6, $7 FROM usage_exports";
    let (partner, app) = of.whose();
    let mut tx = db.begin().await?;
    // Held until the end, so that no two take one number.
    advance(&mut tx, Log::Control, 0).await?;
    on_tx!(&mut tx, c => sqlx::query(INSERT)
        .bind(id).bind(of.layout).bind(of.period.to_string()).bind(partner).bind(app)
        .bind(root).bind(now.0)
        .execute(c).await.map(|_| ()))?;
    tx.commit().await
}

impl Subject {
    /// Of all partners or apps, an empty text, so that equal is equal.
    fn whose(&self) -> (&str, &str) {
        (self.partner.as_deref().unwrap_or_default(), self.app.as_deref().unwrap_or_default())
    }
}
