//! All SQL of adjustments.

use super::model::Adjustment;
use crate::billing::as_of::AsOf;
use crate::billing::model::{Statement, digest, sealed};
use crate::kernel::Micros;
use crate::kernel::clock::SECOND;
use crate::kernel::id::{AdjustmentId, AppId, PartnerId, StatementId};
use crate::on_tx;
use crate::storage::dialect::ROWS_PER_STATEMENT;
use crate::storage::{StoreError, Tx};
use std::collections::{BTreeSet, HashSet};

const ADJUSTMENTS: &str = "adjustments";

/// A document as it was written, if it still is.
fn read((text, kept): &(String, String)) -> Result<Adjustment, StoreError> {
    sealed(ADJUSTMENTS, (text, kept))
}

/// Adds an adjustment with the calls that it takes out of the bill.
pub(super) async fn insert(
    tx: &mut Tx,
    adjustment: &Adjustment,
    voided: &[String],
) -> Result<(), StoreError> {
    const INSERT: &str = "INSERT INTO adjustments (id, operation_key, app_id, partner_id,
        closed_until, last_at, books, reverses, made_at, document, digest)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)";
    let text =
        serde_json::to_string(adjustment).map_err(|e| StoreError::corrupt(ADJUSTMENTS, e))?;
    let last_at = adjustment.effect.usage.iter().map(|delta| delta.at.0).max();
    on_tx!(&mut *tx, c => sqlx::query(INSERT)
        .bind(adjustment.id.to_string())
        .bind(&adjustment.operation_key)
        .bind(adjustment.app_id.to_string())
        .bind(adjustment.partner_id.to_string())
        .bind(adjustment.closed_until.0)
        .bind(last_at.unwrap_or(i64::MIN))
        .bind(adjustment.books())
        .bind(adjustment.reverses.map(|id| id.to_string()))
        .bind(adjustment.made_at.0)
        .bind(&text)
        .bind(digest(&text))
        .execute(c).await.map(|_| ()))?;
    let id = adjustment.id.to_string();
    for some in voided.chunks(ROWS_PER_STATEMENT) {
        on_tx!(&mut *tx, c => {
            let mut insert = sqlx::QueryBuilder::new(
                "INSERT INTO voided_events (event_id, adjustment_id) ");
            insert.push_values(some, |mut row, event| {
                row.push_bind(event).push_bind(&id);
            });
            insert.build().execute(c).await.map(|_| ())
        })?;
    }
    Ok(())
}

/// When an adjustment is made that is made now: behind those of the same second, so that the order of their instants is that in
/// which they were made.
pub(super) async fn instant(tx: &mut Tx, now: Micros) -> Result<Micros, StoreError> {
    const LAST: &str = "SELECT MAX(made_at) FROM adjustments WHERE made_at >= $1 AND made_at < $2";
    let second = now.0.saturating_add(SECOND);
    let last: Option<i64> =
        on_tx!(tx, c => sqlx::query_scalar(LAST).bind(now.0).bind(second).fetch_one(c).await)?;
    Ok(last.map_or(now, |last| Micros(last.saturating_add(1))))
}

/// An adjustment.
pub async fn find(tx: &mut Tx, id: AdjustmentId) -> Result<Option<Adjustment>, StoreError> {
    const FIND: &str = "SELECT document, digest FROM adjustments WHERE id = $1";
    let row: Option<(String, String)> =
        on_tx!(tx, c => sqlx::query_as(FIND).bind(id.to_string()).fetch_optional(c).await)?;
    row.as_ref().map(read).transpose()
}

/// The adjustment of a key.
pub(super) async fn of_key(tx: &mut Tx, key: &str) -> Result<Option<Adjustment>, StoreError> {
    const FIND: &str = "SELECT document, digest FROM adjustments WHERE operation_key = $1";
    let row: Option<(String, String)> =
        on_tx!(tx, c => sqlx::query_as(FIND).bind(key).fetch_optional(c).await)?;
    row.as_ref().map(read).transpose()
}

/// What takes an adjustment back.
pub async fn reversal_of(
    tx: &mut Tx,
    id: AdjustmentId,
) -> Result<Option<AdjustmentId>, StoreError> {
    const FIND: &str = "SELECT id FROM adjustments WHERE reverses = $1";
    let found: Option<String> =
        on_tx!(tx, c => sqlx::query_scalar(FIND).bind(id.to_string()).fetch_optional(c).await)?;
    found.map(|id| id.parse().map_err(|e| StoreError::corrupt(ADJUSTMENTS, e))).transpose()
}

/// The statements in which an adjustment was booked.
pub async fn bookings(tx: &mut Tx, id: AdjustmentId) -> Result<Vec<StatementId>, StoreError> {
    const FIND: &str = "SELECT statement_id FROM adjustment_bookings \
                        WHERE adjustment_id = $1 ORDER BY statement_id";
    let found: Vec<String> =
        on_tx!(tx, c => sqlx::query_scalar(FIND).bind(id.to_string()).fetch_all(c).await)?;
    let id = |id: String| id.parse().map_err(|e| StoreError::corrupt(ADJUSTMENTS, e));
    found.into_iter().map(id).collect()
}

/// The adjustments of one app, or of all, that a statement of an open period can show, in the order in which they were
/// made: those that are to be booked, and those that change what is counted there. With each, whether it was booked.
pub(in crate::billing) async fn pending(
    tx: &mut Tx,
    app: Option<AppId>,
    as_of: AsOf,
) -> Result<Vec<(Adjustment, bool)>, StoreError> {
    const FIND: &str = "WITH frozen AS (SELECT s.id, s.app_id, s.ends_at FROM statements s
            JOIN billing_closes c ON c.period_id = s.period_id WHERE c.number < $2)
        SELECT document, digest, booked FROM (
            SELECT a.*, s.ended, EXISTS (SELECT 1 FROM adjustment_bookings b
                JOIN frozen ON frozen.id = b.statement_id
                WHERE b.adjustment_id = a.id) AS booked
            FROM adjustments a
            LEFT JOIN (SELECT app_id, MAX(ends_at) AS ended FROM frozen GROUP BY app_id) s
                ON s.app_id = a.app_id
            WHERE $1 IS NULL OR a.app_id = $1) AS made
        WHERE ended IS NULL OR last_at >= ended OR books AND NOT booked
        ORDER BY made_at, id";
    let app = app.map(|app| app.to_string());
    let rows: Vec<(String, String, bool)> = on_tx!(tx, c => {
        sqlx::query_as(FIND).bind(&app).bind(as_of.close).fetch_all(c).await
    })?;
    let each = |(text, kept, booked)| Ok((read(&(text, kept))?, booked));
    let mut found: Vec<(Adjustment, bool)> =
        rows.into_iter().map(each).collect::<Result<_, StoreError>>()?;
    found.retain(|(adjustment, _)| as_of.has(adjustment));
    Ok(found)
}

/// Notes which adjustments are booked in statements that are frozen.
pub(in crate::billing) async fn book(
    tx: &mut Tx,
    statements: &[Statement],
) -> Result<(), StoreError> {
    let mut rows = BTreeSet::new();
    for statement in statements {
        let adjusted = statement.lines.iter().filter_map(|line| line.adjustment_id);
        rows.extend(adjusted.map(|id| (id.to_string(), statement.id.to_string())));
    }
    let rows: Vec<(String, String)> = rows.into_iter().collect();
    for some in rows.chunks(ROWS_PER_STATEMENT) {
        on_tx!(&mut *tx, c => {
            let mut insert = sqlx::QueryBuilder::new(
                "INSERT INTO adjustment_bookings (adjustment_id, statement_id) ");
            insert.push_values(some, |mut row, (adjustment, statement)| {
                row.push_bind(adjustment).push_bind(statement);
            });
            insert.build().execute(c).await.map(|_| ())
        })?;
    }
    Ok(())
}

/// The calls of an app that are void.
pub(super) async fn voided(tx: &mut Tx, app: AppId) -> Result<HashSet<String>, StoreError> {
    const FIND: &str = "SELECT v.event_id FROM voided_events v
        JOIN adjustments a ON a.id = v.adjustment_id
        WHERE a.app_id = $1
            AND NOT EXISTS (SELECT 1 FROM adjustments r WHERE r.reverses = v.adjustment_id)";
    let found: Vec<String> =
        on_tx!(tx, c => sqlx::query_scalar(FIND).bind(app.to_string()).fetch_all(c).await)?;
    Ok(found.into_iter().collect())
}

/// Which adjustments are wanted.
#[derive(Debug, Clone, Copy, Default)]
pub struct AdjustmentFilter {
    /// Those of a partner.
    pub partner: Option<PartnerId>,
    /// Those of an app.
    pub app: Option<AppId>,
}

/// Adjustments before one, by when they were made and their id, the newest first.
pub async fn list(
    tx: &mut Tx,
    filter: AdjustmentFilter,
    before: Option<(Micros, AdjustmentId)>,
    limit: u32,
) -> Result<Vec<Adjustment>, StoreError> {
    let rows: Vec<(String, String)> = on_tx!(tx, c => {
        let mut list = sqlx::QueryBuilder::new("SELECT document, digest FROM adjustments WHERE TRUE");
        if let Some(partner) = filter.partner {
            list.push(" AND partner_id = ").push_bind(partner.to_string());
        }
        if let Some(app) = filter.app {
            list.push(" AND app_id = ").push_bind(app.to_string());
        }
        if let Some((at, id)) = before {
            list.push(" AND (made_at < ").push_bind(at.0);
            list.push(" OR made_at = ").push_bind(at.0);
            list.push(" AND id < ").push_bind(id.to_string()).push(")");
        }
        list.push(" ORDER BY made_at DESC, id DESC LIMIT ").push_bind(i64::from(limit));
        list.build_query_as().fetch_all(c).await
    })?;
    rows.iter().map(read).collect()
}

/// The adjustments that have rated a period of an app again and were not reversed.
pub(super) async fn rerated(tx: &mut Tx, app: AppId) -> Result<Vec<Adjustment>, StoreError> {
    const FIND: &str = "SELECT a.document, a.digest FROM adjustments a
        WHERE a.app_id = $1 AND a.reverses IS NULL
            AND NOT EXISTS (SELECT 1 FROM adjustments r WHERE r.reverses = a.id)";
    let rows: Vec<(String, String)> =
        on_tx!(tx, c => sqlx::query_as(FIND).bind(app.to_string()).fetch_all(c).await)?;
    rows.iter().map(read).collect()
}
