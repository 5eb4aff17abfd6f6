//! All SQL of budgets.

use super::model::Budget;
use crate::billing::model::Statement;
use crate::kernel::Micros;
use crate::kernel::clock::HOUR;
use crate::kernel::id::{AppId, BudgetId, PartnerId};
use crate::on_tx;
use crate::rating::Exact;
use crate::storage::{StoreError, Tx};
use sqlx::FromRow;

const BUDGETS: &str = "budgets";

#[derive(FromRow)]
struct Row {
    id: String,
    partner_id: String,
    app_id: String,
    currency: String,
    amount: String,
    thresholds: String,
    created_at: i64,
    projected_at: i64,
    closes_seen: i64,
}

impl TryFrom<Row> for Budget {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self, StoreError> {
        let corrupt = |error| StoreError::corrupt(BUDGETS, error);
        let app = Some(row.app_id).filter(|id| !id.is_empty());
        Ok(Self {
            id: row.id.parse().map_err(corrupt)?,
            partner_id: row.partner_id.parse().map_err(corrupt)?,
            app_id: app.map(|id| id.parse()).transpose().map_err(corrupt)?,
            amount: row.amount,
            currency: row.currency,
            thresholds: serde_json::from_str(&row.thresholds)
                .map_err(|error| StoreError::corrupt(BUDGETS, error))?,
            created_at: Micros(row.created_at),
        })
    }
}

fn app_text(app: Option<AppId>) -> String {
    app.map(|id| id.to_string()).unwrap_or_default()
}

/// Adds a budget, which has seen all closes that there are; false where there is one for the same.
pub(super) async fn insert(tx: &mut Tx, budget: &Budget) -> Result<bool, StoreError> {
    const INSERT: &str =
        "INSERT INTO budgets (id, partner_id, app_id, currency, amount, thresholds,
            created_at, looked_at, projected_at, closes_seen)
        VALUES ($1, $2, $3, $4, $5, $6, $7, 0, 0,
            (SELECT COALESCE(MAX(number), 0) FROM billing_closes))
        ON CONFLICT DO NOTHING";
    let thresholds = serde_json::to_string(&budget.thresholds)
        .map_err(|error| StoreError::corrupt(BUDGETS, error))?;
    let inserted = on_tx!(tx, c => sqlx::query(INSERT)
        .bind(budget.id.to_string())
        .bind(budget.partner_id.to_string())
        .bind(app_text(budget.app_id))
        .bind(&budget.currency)
        .bind(&budget.amount)
        .bind(thresholds)
        .bind(budget.created_at.0)
        .execute(c).await.map(|done| done.rows_affected()))?;
    Ok(inserted == 1)
}

/// A budget.
pub async fn find(tx: &mut Tx, id: BudgetId) -> Result<Option<Budget>, StoreError> {
    const FIND: &str = "SELECT * FROM budgets WHERE id = $1";
    let row: Option<Row> =
        on_tx!(tx, c => sqlx::query_as(FIND).bind(id.to_string()).fetch_optional(c).await)?;
    row.map(Budget::try_from).transpose()
}

/// Takes a budget away.
pub(super) async fn delete(tx: &mut Tx, id: BudgetId) -> Result<(), StoreError> {
    const DELETE: &str = "DELETE FROM budgets WHERE id = $1";
    on_tx!(tx, c => sqlx::query(DELETE).bind(id.to_string()).execute(c).await.map(|_| ()))?;
    Ok(())
}

/// Budgets behind an id, in the order of their ids: of a partner or an app, or all.
pub async fn page(
    tx: &mut Tx,
    (partner, app): (Option<PartnerId>, Option<AppId>),
    after: &str,
    limit: u32,
) -> Result<Vec<Budget>, StoreError> {
    const PAGE: &str = "SELECT * FROM budgets WHERE id > $1
            AND partner_id = COALESCE($2, partner_id) AND app_id = COALESCE($3, app_id)
        ORDER BY id LIMIT $4";
    let (partner, app) = (partner.map(|id| id.to_string()), app.map(|id| id.to_string()));
    let rows: Vec<Row> = on_tx!(tx, c => sqlx::query_as(PAGE)
        .bind(after).bind(partner).bind(app).bind(i64::from(limit)).fetch_all(c).await)?;
    rows.into_iter().map(Budget::try_from).collect()
}

/// A budget that is to be looked at.
#[derive(Debug)]
pub(super) struct Due {
    pub(super) budget: Budget,
    /// When its periods were last projected.
    pub(super) projected_at: Micros,
    /// The number of the last close that it has seen.
    pub(super) closes_seen: i64,
}

/// The budgets that are to be looked at, those first that nobody has looked at for longest: where a period was closed since;
/// where the last look was before `active` and somebody has called since; and all others where it was before `idle`.
pub(super) async fn due(
    tx: &mut Tx,
    last_close: i64,
    (active, idle): (Micros, Micros),
    most: u32,
) -> Result<Vec<Due>, StoreError> {
    const FIND: &str = "SELECT * FROM budgets b
        WHERE b.closes_seen < $1 OR b.looked_at <= $2 OR (b.looked_at <= $3 AND EXISTS (
            SELECT 1 FROM usage_hours u WHERE u.partner_id = b.partner_id
                AND u.hour > b.looked_at - $4 AND (b.app_id = '' OR u.app_id = b.app_id)))
        ORDER BY b.looked_at, b.id LIMIT $5";
    let rows: Vec<Row> = on_tx!(tx, c => sqlx::query_as(FIND)
        .bind(last_close).bind(idle.0).bind(active.0).bind(HOUR).bind(i64::from(most))
        .fetch_all(c).await)?;
    let each = |row: Row| {
        let (projected_at, closes_seen) = (Micros(row.projected_at), row.closes_seen);
        Ok(Due { budget: row.try_into()?, projected_at, closes_seen })
    };
    rows.into_iter().map(each).collect()
}

/// Notes that a budget was looked at.
pub(super) async fn looked(
    tx: &mut Tx,
    id: BudgetId,
    (looked_at, projected_at): (Micros, Micros),
    closes_seen: i64,
) -> Result<(), StoreError> {
    const NOTE: &str = "UPDATE budgets SET looked_at = $2, projected_at = $3, closes_seen = $4
        WHERE id = $1";
    on_tx!(tx, c => sqlx::query(NOTE)
        .bind(id.to_string()).bind(looked_at.0).bind(projected_at.0).bind(closes_seen)
        .execute(c).await.map(|_| ()))?;
    Ok(())
}

/// The number of the last close; 0 where there is none.
pub(super) async fn last_close(tx: &mut Tx) -> Result<i64, StoreError> {
    const FIND: &str = "SELECT COALESCE(MAX(number), 0) FROM billing_closes";
    Ok(on_tx!(tx, c => sqlx::query_scalar(FIND).fetch_one(c).await)?)
}

/// What was closed.
#[derive(Debug, FromRow)]
pub(super) struct Frozen {
    pub(super) period_id: String,
    pub(super) starts_at: i64,
    pub(super) ends_at: i64,
    pub(super) time_zone: String,
    document: String,
    digest: String,
}

impl Frozen {
    /// What it came to before credits.
    pub(super) fn subtotal(&self) -> Result<Exact, StoreError> {
        let statement = Statement::frozen(&self.document, &self.digest)?;
        statement.subtotal.parse().map_err(|e| StoreError::corrupt("statements", e))
    }
}

/// What was closed behind a close, up to another, by a partner in a currency: for an app, or for all.
pub(super) async fn frozen(
    tx: &mut Tx,
    budget: &Budget,
    (after, up_to): (i64, i64),
) -> Result<Vec<Frozen>, StoreError> {
    const FIND: &str =
        "SELECT s.period_id, s.starts_at, s.ends_at, c.time_zone, s.document, s.digest
        FROM billing_closes c JOIN statements s ON s.period_id = c.period_id
        WHERE c.number > $1 AND c.number <= $2 AND s.partner_id = $3 AND s.currency = $4
            AND ($5 = '' OR s.app_id = $5)";
    Ok(on_tx!(tx, c => sqlx::query_as(FIND)
        .bind(after).bind(up_to)
        .bind(budget.partner_id.to_string()).bind(&budget.currency)
        .bind(app_text(budget.app_id)).fetch_all(c).await)?)
}

/// The apps that a partner has, and those that it had.
pub(super) async fn apps(tx: &mut Tx, partner: PartnerId) -> Result<Vec<AppId>, StoreError> {
    const FIND: &str = "SELECT id FROM apps WHERE partner_id = $1
        UNION SELECT app_id FROM app_past_owners WHERE partner_id = $1";
    let ids: Vec<String> = on_tx!(tx, c => sqlx::query_scalar(FIND)
        .bind(partner.to_string()).fetch_all(c).await)?;
    ids.iter().map(|id| id.parse().map_err(|e| StoreError::corrupt("apps", e))).collect()
}
