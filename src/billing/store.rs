//! All SQL of billing.

use super::as_of::AsOf;
use super::close::{Close, Exception};
use super::model::{Statement, digest};
use crate::kernel::Micros;
use crate::kernel::id::{AppId, BillingPeriodId, PartnerId, StatementId};
use crate::storage::dialect::ROWS_PER_STATEMENT;
use crate::storage::{Db, StoreError, Tx};
use crate::{on_db, on_tx};
use sqlx::FromRow;
use std::collections::HashMap;

const STATEMENTS: &str = "statements";
const CLOSES: &str = "billing_closes";

/// Up to where the periods of an app are closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Shut {
    /// The last position of the ledger that counts in them: what is folded behind it is late.
    pub(super) position: i64,
    /// Where the last one ended.
    pub(super) until: Micros,
}

/// Up to where the periods of one app, or of all, are closed.
pub(super) async fn shut(
    tx: &mut Tx,
    app: Option<AppId>,
    as_of: AsOf,
) -> Result<HashMap<AppId, Shut>, StoreError> {
    const FIND: &str = "SELECT s.app_id, MAX(s.ends_at), MAX(c.position) FROM statements s \
                        JOIN billing_closes c ON c.period_id = s.period_id \
                        WHERE ($1 IS NULL OR s.app_id = $1) AND c.number < $2 GROUP BY s.app_id";
    let app = app.map(|app| app.to_string());
    let rows: Vec<(String, i64, i64)> =
        on_tx!(tx, c => sqlx::query_as(FIND).bind(&app).bind(as_of.close).fetch_all(c).await)?;
    let each = |(app, end, position): (String, i64, i64)| {
        let app = app.parse().map_err(|e| StoreError::corrupt(STATEMENTS, e))?;
        Ok((app, Shut { position, until: Micros(end) }))
    };
    rows.into_iter().map(each).collect()
}

/// The frozen statements of an app whose periods end after an instant, oldest first.
pub(super) async fn frozen_since(
    tx: &mut Tx,
    app: AppId,
    since: Micros,
    as_of: AsOf,
) -> Result<Vec<Statement>, StoreError> {
    const FIND: &str = "SELECT s.document, s.digest FROM statements s
        JOIN billing_closes c ON c.period_id = s.period_id
        WHERE s.app_id = $1 AND s.ends_at > $2 AND c.number < $3 ORDER BY s.ends_at, s.id";
    let rows: Vec<(String, String)> = on_tx!(tx, c => sqlx::query_as(FIND)
        .bind(app.to_string()).bind(since.0).bind(as_of.close).fetch_all(c).await)?;
    rows.iter().map(|(text, digest)| Statement::frozen(text, digest)).collect()
}

/// A closed period of an app.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct ShutPeriod {
    pub(super) id: BillingPeriodId,
    pub(super) from: Micros,
    pub(super) to: Micros,
}

/// The closed periods of an app, oldest first.
pub(super) async fn shut_periods(
    tx: &mut Tx,
    app: AppId,
    as_of: AsOf,
) -> Result<Vec<ShutPeriod>, StoreError> {
    const FIND: &str = "SELECT DISTINCT s.period_id, s.starts_at, s.ends_at FROM statements s
        JOIN billing_closes c ON c.period_id = s.period_id
        WHERE s.app_id = $1 AND c.number < $2 ORDER BY s.starts_at, s.ends_at";
    let rows: Vec<(String, i64, i64)> = on_tx!(tx, c => sqlx::query_as(FIND)
        .bind(app.to_string()).bind(as_of.close).fetch_all(c).await)?;
    let each = |(id, from, to): (String, i64, i64)| {
        let id = id.parse().map_err(|e| StoreError::corrupt(STATEMENTS, e))?;
        Ok(ShutPeriod { id, from: Micros(from), to: Micros(to) })
    };
    rows.into_iter().map(each).collect()
}

/// Freezes statements; returns their digests in the same order.
pub(super) async fn insert_statements(
    tx: &mut Tx,
    statements: &[Statement],
) -> Result<Vec<String>, StoreError> {
    const INSERT: &str = "INSERT INTO statements (id, period_id, partner_id, app_id, currency,
        starts_at, ends_at, total, document, digest) ";
    let mut digests = Vec::with_capacity(statements.len());
    for some in statements.chunks(ROWS_PER_STATEMENT) {
        let mut rows = Vec::with_capacity(some.len());
        for statement in some {
            let text = statement.document().map_err(|e| StoreError::corrupt(STATEMENTS, e))?;
            let hash = digest(&text);
            digests.push(hash.clone());
            rows.push((statement, text, hash));
        }
        on_tx!(&mut *tx, c => {
            let mut insert = sqlx::QueryBuilder::new(INSERT);
            insert.push_values(&rows, |mut row, (statement, text, hash)| {
                row.push_bind(statement.id.to_string())
                    .push_bind(statement.period_id.to_string())
                    .push_bind(statement.partner_id.to_string())
                    .push_bind(statement.app_id.to_string())
                    .push_bind(&statement.currency)
                    .push_bind(statement.from.0)
                    .push_bind(statement.to.0)
                    .push_bind(&statement.total)
                    .push_bind(text)
                    .push_bind(hash);
            });
            insert.build().execute(c).await.map(|_| ())
        })?;
    }
    Ok(digests)
}

/// Adds a close.
pub(super) async fn insert_close(tx: &mut Tx, close: &Close) -> Result<(), StoreError> {
    const INSERT: &str =
        "INSERT INTO billing_closes (number, period_id, starts_at, ends_at, time_zone,
        position, closed_at, closed_by, exceptions, evidence, statements, prev_hash, hash)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)";
    let exceptions =
        serde_json::to_string(&close.exceptions).map_err(|e| StoreError::corrupt(CLOSES, e))?;
    let evidence = close.evidence.as_ref().map(serde_json::to_string).transpose();
    let evidence = evidence.map_err(|e| StoreError::corrupt(CLOSES, e))?;
    on_tx!(tx, c => sqlx::query(INSERT)
        .bind(close.number)
        .bind(close.period_id.to_string())
        .bind(close.from.0)
        .bind(close.to.0)
        .bind(&close.time_zone)
        .bind(close.position)
        .bind(close.closed_at.0)
        .bind(&close.closed_by)
        .bind(exceptions)
        .bind(evidence)
        .bind(close.statements)
        .bind(&close.prev_hash)
        .bind(&close.hash)
        .execute(c).await.map(|_| ()))?;
    Ok(())
}

#[derive(FromRow)]
struct CloseRow {
    number: i64,
    period_id: String,
    starts_at: i64,
    ends_at: i64,
    time_zone: String,
    position: i64,
    closed_at: i64,
    closed_by: String,
    exceptions: String,
    evidence: Option<String>,
    statements: i64,
    prev_hash: String,
    hash: String,
}

impl TryFrom<CloseRow> for Close {
    type Error = StoreError;

    fn try_from(row: CloseRow) -> Result<Self, StoreError> {
        Ok(Self {
            number: row.number,
            period_id: row.period_id.parse().map_err(|e| StoreError::corrupt(CLOSES, e))?,
            from: Micros(row.starts_at),
            to: Micros(row.ends_at),
            time_zone: row.time_zone,
            position: row.position,
            closed_at: Micros(row.closed_at),
            closed_by: row.closed_by,
            exceptions: serde_json::from_str(&row.exceptions)
                .map_err(|e| StoreError::corrupt(CLOSES, e))?,
            evidence: row
                .evidence
                .map(|evidence| serde_json::from_str(&evidence))
                .transpose()
                .map_err(|e| StoreError::corrupt(CLOSES, e))?,
            statements: row.statements,
            prev_hash: row.prev_hash,
            hash: row.hash,
        })
    }
}

/// The newest close.
pub(super) async fn last_close(tx: &mut Tx) -> Result<Option<Close>, StoreError> {
    const FIND: &str = "SELECT * FROM billing_closes ORDER BY number DESC LIMIT 1";
    let row: Option<CloseRow> = on_tx!(tx, c => sqlx::query_as(FIND).fetch_optional(c).await)?;
    row.map(Close::try_from).transpose()
}

/// The close of a period.
pub async fn close_of(tx: &mut Tx, period: BillingPeriodId) -> Result<Option<Close>, StoreError> {
    const FIND: &str = "SELECT * FROM billing_closes WHERE period_id = $1";
    let row: Option<CloseRow> =
        on_tx!(tx, c => sqlx::query_as(FIND).bind(period.to_string()).fetch_optional(c).await)?;
    row.map(Close::try_from).transpose()
}

/// What periods were closed without, of those that were closed with exceptions.
pub(super) async fn excepted(
    tx: &mut Tx,
) -> Result<HashMap<BillingPeriodId, Vec<Exception>>, StoreError> {
    const FIND: &str = "SELECT period_id, exceptions FROM billing_closes WHERE exceptions <> '[]'";
    let rows: Vec<(String, String)> = on_tx!(tx, c => sqlx::query_as(FIND).fetch_all(c).await)?;
    let each = |(period, exceptions): (String, String)| {
        let period = period.parse().map_err(|e| StoreError::corrupt(CLOSES, e))?;
        let exceptions = serde_json::from_str(&exceptions);
        Ok((period, exceptions.map_err(|e| StoreError::corrupt(CLOSES, e))?))
    };
    rows.into_iter().map(each).collect()
}

/// The first close behind a number.
pub(super) async fn close_behind(tx: &mut Tx, number: i64) -> Result<Option<Close>, StoreError> {
    const FIND: &str = "SELECT * FROM billing_closes WHERE number > $1 ORDER BY number LIMIT 1";
    let row: Option<CloseRow> =
        on_tx!(tx, c => sqlx::query_as(FIND).bind(number).fetch_optional(c).await)?;
    row.map(Close::try_from).transpose()
}

/// A statement as it is stored.
#[derive(Debug, FromRow)]
pub(super) struct Frozen {
    pub(super) id: String,
    period_id: String,
    partner_id: String,
    app_id: String,
    currency: String,
    starts_at: i64,
    ends_at: i64,
    total: String,
    pub(super) document: String,
    pub(super) digest: String,
}

impl Frozen {
    /// Whether its columns are those of a statement.
    pub(super) fn is_of(&self, statement: &Statement) -> bool {
        let named = (&self.currency, self.starts_at, self.ends_at, &self.total);
        named == (&statement.currency, statement.from.0, statement.to.0, &statement.total)
            && self.id == statement.id.to_string()
            && self.period_id == statement.period_id.to_string()
            && self.partner_id == statement.partner_id.to_string()
            && self.app_id == statement.app_id.to_string()
    }
}

/// The frozen statements of a period as they are stored.
pub(super) async fn frozen_of(
    tx: &mut Tx,
    period: BillingPeriodId,
) -> Result<Vec<Frozen>, StoreError> {
    const FIND: &str = "SELECT * FROM statements WHERE period_id = $1 ORDER BY id";
    Ok(on_tx!(tx, c => sqlx::query_as(FIND).bind(period.to_string()).fetch_all(c).await)?)
}

/// Id and digest of each frozen statement of a period, in the order of a close.
pub(super) async fn digests_of(
    tx: &mut Tx,
    period: BillingPeriodId,
) -> Result<Vec<(String, String)>, StoreError> {
    const FIND: &str = "SELECT id, digest FROM statements WHERE period_id = $1";
    let mut found: Vec<(String, String)> =
        on_tx!(tx, c => sqlx::query_as(FIND).bind(period.to_string()).fetch_all(c).await)?;
    // The order of the database may be that of a language.
    found.sort_unstable();
    Ok(found)
}

/// Closes before one, newest first.
pub async fn closes(db: &Db, before: i64, limit: u32) -> Result<Vec<Close>, StoreError> {
    const LIST: &str =
        "SELECT * FROM billing_closes WHERE number < $1 ORDER BY number DESC LIMIT $2";
    let rows: Vec<CloseRow> = on_db!(db, c => {
        sqlx::query_as(LIST).bind(before).bind(i64::from(limit)).fetch_all(c).await
    })?;
    rows.into_iter().map(Close::try_from).collect()
}

/// Which frozen statements are wanted.
#[derive(Debug, Clone, Default)]
pub struct StatementFilter {
    /// Those of a period.
    pub period: Option<BillingPeriodId>,
    /// Those of a partner.
    pub partner: Option<PartnerId>,
    /// Those of an app.
    pub app: Option<AppId>,
}

/// The documents of frozen statements behind an id, in the order of their ids.
pub(super) async fn documents(
    tx: &mut Tx,
    filter: &StatementFilter,
    after: &str,
    limit: u32,
) -> Result<Vec<(String, String)>, StoreError> {
    Ok(on_tx!(tx, c => {
        let mut list =
            sqlx::QueryBuilder::new("SELECT document, digest FROM statements WHERE id > ");
        list.push_bind(after);
        if let Some(period) = filter.period {
            list.push(" AND period_id = ").push_bind(period.to_string());
        }
        if let Some(partner) = filter.partner {
            list.push(" AND partner_id = ").push_bind(partner.to_string());
        }
        if let Some(app) = filter.app {
            list.push(" AND app_id = ").push_bind(app.to_string());
        }
        list.push(" ORDER BY id LIMIT ").push_bind(i64::from(limit));
        list.build_query_as().fetch_all(c).await
    })?)
}

/// Currency and total of each frozen statement of a period.
pub async fn totals(
    tx: &mut Tx,
    period: BillingPeriodId,
) -> Result<Vec<(String, String)>, StoreError> {
    const FIND: &str = "SELECT currency, total FROM statements WHERE period_id = $1";
    Ok(on_tx!(tx, c => sqlx::query_as(FIND).bind(period.to_string()).fetch_all(c).await)?)
}

/// The newest frozen statements of a partner's app.
pub(super) async fn newest_documents(
    tx: &mut Tx,
    (partner, app): (PartnerId, AppId),
    limit: u32,
) -> Result<Vec<(String, String)>, StoreError> {
    const FIND: &str =
        "SELECT document, digest FROM statements WHERE app_id = $1 AND partner_id = $2
        ORDER BY ends_at DESC, id LIMIT $3";
    Ok(on_tx!(tx, c => sqlx::query_as(FIND)
        .bind(app.to_string()).bind(partner.to_string()).bind(i64::from(limit))
        .fetch_all(c).await)?)
}

/// The document of a frozen statement with its digest.
pub(super) async fn document(
    tx: &mut Tx,
    id: StatementId,
) -> Result<Option<(String, String)>, StoreError> {
    const FIND: &str = "SELECT document, digest FROM statements WHERE id = $1";
    Ok(on_tx!(tx, c => sqlx::query_as(FIND).bind(id.to_string()).fetch_optional(c).await)?)
}
