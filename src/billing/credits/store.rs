//! All SQL of credits.

use super::draw::{Pot, Purse};
use super::model::{End, Grant};
use crate::billing::adjustments::asked::Mark;
use crate::billing::as_of::AsOf;
use crate::billing::model::{Statement, digest, sealed};
use crate::kernel::Micros;
use crate::kernel::id::{AppId, BillingPeriodId, CreditGrantId, PartnerId, StatementId};
use crate::on_tx;
use crate::rating::Exact;
use crate::storage::dialect::ROWS_PER_STATEMENT;
use crate::storage::{StoreError, Tx, parsed};
use std::collections::{BTreeMap, BTreeSet, HashMap};

const GRANTS: &str = "credit_grants";
const DRAWS: &str = "credit_draws";
const ENDS: &str = "credit_ends";

/// A document with its digest.
type Sealed = (String, String);

fn read((text, kept): &Sealed) -> Result<Grant, StoreError> {
    sealed(GRANTS, (text, kept))
}

fn amount(text: &str) -> Result<Exact, StoreError> {
    text.parse().map_err(|e| StoreError::corrupt(DRAWS, e))
}

fn added(table: &'static str, sum: Exact, more: Exact) -> Result<Exact, StoreError> {
    sum.plus(more).map_err(|e| StoreError::corrupt(table, e))
}

/// Adds a grant behind the last close.
pub(super) async fn insert(tx: &mut Tx, grant: &Grant) -> Result<(), StoreError> {
    const INSERT: &str = "INSERT INTO credit_grants
        (id, partner_id, app_id, reference, made_at, document, digest, closes)
        VALUES ($1, $2, $3, $4, $5, $6, $7, (SELECT COALESCE(MAX(number), 0) FROM billing_closes))";
    let text = serde_json::to_string(grant).map_err(|e| StoreError::corrupt(GRANTS, e))?;
    let asked = &grant.asked;
    on_tx!(tx, c => sqlx::query(INSERT)
        .bind(grant.id.to_string())
        .bind(asked.partner_id.to_string())
        .bind(asked.app_id.map(|app| app.to_string()))
        .bind(asked.reference.as_ref().map(Mark::as_str))
        .bind(grant.made_at.0)
        .bind(&text)
        .bind(digest(&text))
        .execute(c).await.map(|_| ()))?;
    Ok(())
}

/// A grant.
pub async fn find(tx: &mut Tx, id: CreditGrantId) -> Result<Option<Grant>, StoreError> {
    const FIND: &str = "SELECT document, digest FROM credit_grants WHERE id = $1";
    let row: Option<Sealed> =
        on_tx!(tx, c => sqlx::query_as(FIND).bind(id.to_string()).fetch_optional(c).await)?;
    row.as_ref().map(read).transpose()
}

/// The grant of a partner's reference.
pub(super) async fn of_reference(
    tx: &mut Tx,
    partner: PartnerId,
    reference: &str,
) -> Result<Option<Grant>, StoreError> {
    const FIND: &str =
        "SELECT document, digest FROM credit_grants WHERE partner_id = $1 AND reference = $2";
    let row: Option<Sealed> = on_tx!(tx, c => sqlx::query_as(FIND)
        .bind(partner.to_string()).bind(reference).fetch_optional(c).await)?;
    row.as_ref().map(read).transpose()
}

/// Ends a grant, behind the last close.
pub(super) async fn insert_end(
    tx: &mut Tx,
    id: CreditGrantId,
    end: &End,
) -> Result<(), StoreError> {
    const INSERT: &str = "INSERT INTO credit_ends
        (grant_id, ended_at, ended_by, reason, voided, closes)
        VALUES ($1, $2, $3, $4, $5, (SELECT COALESCE(MAX(number), 0) FROM billing_closes))";
    on_tx!(tx, c => sqlx::query(INSERT)
        .bind(id.to_string())
        .bind(end.at.0)
        .bind(&end.by)
        .bind(end.reason.as_str())
        .bind(&end.voided)
        .execute(c).await.map(|_| ()))?;
    Ok(())
}

/// Which grants are wanted.
#[derive(Debug, Clone, Copy, Default)]
pub struct CreditFilter {
    /// Those of a partner.
    pub partner: Option<PartnerId>,
    /// Those that pay for an app's statements.
    pub app: Option<AppId>,
}

/// Grants before one, by when they were made and their id, the newest first.
pub async fn list(
    tx: &mut Tx,
    filter: CreditFilter,
    before: Option<(Micros, CreditGrantId)>,
    limit: u32,
) -> Result<Vec<Grant>, StoreError> {
    let rows: Vec<Sealed> = on_tx!(tx, c => {
        let mut list =
            sqlx::QueryBuilder::new("SELECT document, digest FROM credit_grants WHERE TRUE");
        if let Some(partner) = filter.partner {
            list.push(" AND partner_id = ").push_bind(partner.to_string());
        }
        if let Some(app) = filter.app {
            list.push(" AND (app_id = ").push_bind(app.to_string());
            list.push(" OR app_id IS NULL AND partner_id = (SELECT partner_id FROM apps WHERE id = ");
            list.push_bind(app.to_string()).push("))");
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

/// What is left, or was once, of the grants of one partner, or of all, that have not ended. What was made before a close
/// is told by numbers of closes, not by clocks: grants, ends and closes wait for one another, clocks go wrong.
pub(super) async fn purses(
    tx: &mut Tx,
    partner: Option<PartnerId>,
    as_of: AsOf,
) -> Result<BTreeMap<PartnerId, Purse>, StoreError> {
    const LIVE: &str = "SELECT g.document, g.digest FROM credit_grants g
        WHERE ($1 IS NULL OR g.partner_id = $1) AND g.closes < $2
            AND NOT EXISTS (SELECT 1 FROM credit_ends e WHERE e.grant_id = g.id AND e.closes < $2)";
    const DRAWN: &str = "SELECT d.grant_id, d.amount FROM credit_draws d
        JOIN credit_grants g ON g.id = d.grant_id
        JOIN statements s ON s.id = d.statement_id
        JOIN billing_closes c ON c.period_id = s.period_id
        WHERE ($1 IS NULL OR g.partner_id = $1) AND c.number < $2";
    let partner = partner.map(|partner| partner.to_string());
    let grants: Vec<Sealed> = on_tx!(&mut *tx, c => sqlx::query_as(LIVE).bind(&partner).bind(as_of.close).fetch_all(c).await)?;
    if grants.is_empty() {
        return Ok(BTreeMap::new());
    }
    let rows: Vec<(String, String)> =
        on_tx!(tx, c => sqlx::query_as(DRAWN).bind(&partner).bind(as_of.close).fetch_all(c).await)?;
    let mut drawn: HashMap<String, Exact> = HashMap::new();
    for (grant, text) in rows {
        let sum = drawn.entry(grant).or_default();
        *sum = added(DRAWS, *sum, amount(&text)?)?;
    }
    let mut pots: BTreeMap<PartnerId, Vec<Pot>> = BTreeMap::new();
    for row in &grants {
        let grant = read(row)?;
        let drawn = drawn.get(&grant.id.to_string()).copied().unwrap_or_default();
        let left = grant.amount()?.minus(drawn).map_err(|e| StoreError::corrupt(DRAWS, e))?;
        pots.entry(grant.asked.partner_id).or_default().push(Pot { grant, left });
    }
    Ok(pots.into_iter().map(|(partner, pots)| (partner, Purse::of(pots))).collect())
}

/// The apps that are, or were once, a partner's.
pub(super) async fn apps(tx: &mut Tx, partner: PartnerId) -> Result<BTreeSet<AppId>, StoreError> {
    const FIND: &str = "SELECT id FROM apps WHERE partner_id = $1
        UNION SELECT app_id FROM app_past_owners WHERE partner_id = $1";
    let rows: Vec<String> =
        on_tx!(tx, c => sqlx::query_scalar(FIND).bind(partner.to_string()).fetch_all(c).await)?;
    rows.iter().map(|id| parsed("apps", id)).collect()
}

/// What a frozen statement has drawn of a grant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Booked {
    /// The statement.
    pub statement: StatementId,
    /// Its app.
    pub app: AppId,
    /// When its period was closed.
    pub at: Micros,
    /// How much.
    pub amount: Exact,
}

/// What frozen statements have drawn of some grants, in the order of their periods, and which of these have ended.
pub(super) async fn booked(
    tx: &mut Tx,
    grants: &[Grant],
) -> Result<HashMap<CreditGrantId, (Vec<Booked>, Option<End>)>, StoreError> {
    let mut found: HashMap<CreditGrantId, (Vec<Booked>, Option<End>)> = HashMap::new();
    for some in grants.chunks(ROWS_PER_STATEMENT) {
        let ids: Vec<String> = some.iter().map(|grant| grant.id.to_string()).collect();
        for (grant, statement, app, at, text) in draw_rows(tx, &ids).await? {
            let booked = Booked {
                statement: parsed(DRAWS, &statement)?,
                app: parsed(DRAWS, &app)?,
                at: Micros(at),
                amount: amount(&text)?,
            };
            found.entry(parsed(DRAWS, &grant)?).or_default().0.push(booked);
        }
        for (grant, at, by, reason, voided) in end_rows(tx, &ids).await? {
            let reason = parsed(ENDS, &reason)?;
            let end = End { at: Micros(at), by, reason, voided };
            found.entry(parsed(ENDS, &grant)?).or_default().1 = Some(end);
        }
    }
    Ok(found)
}

/// Grant, statement, app, time and amount of draws.
async fn draw_rows(
    tx: &mut Tx,
    grants: &[String],
) -> Result<Vec<(String, String, String, i64, String)>, StoreError> {
    Ok(on_tx!(tx, c => {
        let mut list = sqlx::QueryBuilder::new(
            "SELECT d.grant_id, d.statement_id, s.app_id, c.closed_at, d.amount FROM credit_draws d \
            JOIN statements s ON s.id = d.statement_id \
            JOIN billing_closes c ON c.period_id = s.period_id WHERE d.grant_id IN (");
        let mut ids = list.separated(", ");
        for id in grants {
            ids.push_bind(id);
        }
        list.push(") ORDER BY s.ends_at, s.starts_at, s.period_id, s.app_id, s.id");
        list.build_query_as().fetch_all(c).await
    })?)
}

/// Grant, time, actor, reason and what was left, of ends.
async fn end_rows(
    tx: &mut Tx,
    grants: &[String],
) -> Result<Vec<(String, i64, String, String, String)>, StoreError> {
    Ok(on_tx!(tx, c => {
        let mut list = sqlx::QueryBuilder::new(
            "SELECT grant_id, ended_at, ended_by, reason, voided FROM credit_ends WHERE grant_id IN (");
        let mut ids = list.separated(", ");
        for id in grants {
            ids.push_bind(id);
        }
        list.push(")");
        list.build_query_as().fetch_all(c).await
    })?)
}

/// Books what statements that are frozen have drawn, before the close of their period.
pub(in crate::billing) async fn book(
    tx: &mut Tx,
    statements: &[Statement],
) -> Result<(), StoreError> {
    let of = |statement: &Statement| {
        let id = statement.id.to_string();
        let row = move |drawn: &crate::billing::model::Drawn| {
            (drawn.grant_id.to_string(), id.clone(), drawn.amount.clone())
        };
        statement.credits.iter().map(row).collect::<Vec<_>>()
    };
    let rows: Vec<(String, String, String)> = statements.iter().flat_map(of).collect();
    for some in rows.chunks(ROWS_PER_STATEMENT) {
        on_tx!(&mut *tx, c => {
            let mut insert = sqlx::QueryBuilder::new(
                "INSERT INTO credit_draws (grant_id, statement_id, amount) ");
            insert.push_values(some, |mut row, (grant, statement, amount)| {
                row.push_bind(grant).push_bind(statement).push_bind(amount);
            });
            insert.build().execute(c).await.map(|_| ())
        })?;
    }
    Ok(())
}

/// Statement, grant and amount of each draw of a closed period.
pub(in crate::billing) async fn draws_in(
    tx: &mut Tx,
    period: BillingPeriodId,
) -> Result<BTreeSet<(String, String, String)>, StoreError> {
    const FIND: &str = "SELECT d.statement_id, d.grant_id, d.amount FROM credit_draws d
        JOIN statements s ON s.id = d.statement_id WHERE s.period_id = $1";
    let rows: Vec<(String, String, String)> =
        on_tx!(tx, c => sqlx::query_as(FIND).bind(period.to_string()).fetch_all(c).await)?;
    Ok(rows.into_iter().collect())
}

/// The frozen statement that has drawn on a grant first.
pub(super) async fn first_draw(
    tx: &mut Tx,
    grant: CreditGrantId,
) -> Result<Option<StatementId>, StoreError> {
    const FIND: &str = "SELECT d.statement_id FROM credit_draws d
        JOIN statements s ON s.id = d.statement_id
        JOIN billing_closes c ON c.period_id = s.period_id
        WHERE d.grant_id = $1 ORDER BY c.number, s.app_id LIMIT 1";
    let found: Option<String> =
        on_tx!(tx, c => sqlx::query_scalar(FIND).bind(grant.to_string()).fetch_optional(c).await)?;
    found.map(|id| parsed(DRAWS, &id)).transpose()
}

/// Currency and amount of what the frozen statements of a period have drawn.
pub async fn of_period(
    tx: &mut Tx,
    period: BillingPeriodId,
) -> Result<Vec<(String, String)>, StoreError> {
    const FIND: &str = "SELECT s.currency, d.amount FROM credit_draws d
        JOIN statements s ON s.id = d.statement_id WHERE s.period_id = $1";
    Ok(on_tx!(tx, c => sqlx::query_as(FIND).bind(period.to_string()).fetch_all(c).await)?)
}
