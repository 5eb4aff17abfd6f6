//! All SQL of accesses.

use super::{LoggedAccess, ToldFields};
use crate::consent::record::GrantId;
use crate::consent::scope::OAuthScopes;
use crate::consent::subject::SubjectRef;
use crate::kernel::Micros;
use crate::kernel::id::PartnerId;
use crate::storage::{Db, StoreError, parsed};
use crate::{on_db, on_tx};
use sqlx::FromRow;

const ACCESSES: &str = "customer_accesses";

/// Writes what was told under the id of its call. It is refused where the customer was forgotten meanwhile.
pub async fn put(db: &Db, call_id: &str, told: &ToldFields) -> Result<(), StoreError> {
    const PUT: &str = "INSERT INTO customer_accesses (id, subject_ref, grant_id, version, partner_id, app_id,
        operation, scopes, fields, records, at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)";
    let mut tx = db.begin().await?;
    on_tx!(&mut tx, c => {
        let put = sqlx::query(PUT).bind(call_id).bind(told.subject.0.to_string());
        let put = put.bind(told.grant_id.to_string()).bind(i64::from(told.version));
        let put = put.bind(told.partner.to_string()).bind(told.app.to_string());
        let put = put.bind(told.operation).bind(told.scopes.to_string());
        let put = put.bind(told.fields.join(" ")).bind(i64::from(told.records)).bind(told.at.0);
        put.execute(c).await?;
    });
    tx.commit().await
}

#[derive(Debug, FromRow)]
struct AccessRow {
    id: String,
    grant_id: String,
    version: i64,
    partner_id: String,
    app_id: String,
    operation: String,
    scopes: String,
    fields: String,
    records: i64,
    at: i64,
}

fn number(number: i64) -> Result<u32, StoreError> {
    u32::try_from(number).map_err(|error| StoreError::corrupt(ACCESSES, error))
}

impl TryFrom<AccessRow> for LoggedAccess {
    type Error = StoreError;

    fn try_from(row: AccessRow) -> Result<Self, StoreError> {
        let scopes = match row.scopes.as_str() {
            "" => OAuthScopes::NONE,
            text => {
                OAuthScopes::parse(text).map_err(|error| StoreError::corrupt(ACCESSES, error))?
            }
        };
        Ok(Self {
            grant_id: parsed(ACCESSES, &row.grant_id)?,
            version: number(row.version)?,
            partner: parsed(ACCESSES, &row.partner_id)?,
            app: parsed(ACCESSES, &row.app_id)?,
            operation: row.operation,
            scopes,
            fields: row.fields.split_whitespace().map(str::to_owned).collect(),
            records: number(row.records)?,
            at: Micros(row.at),
            call_id: row.id,
        })
    }
}

/// Which accesses are asked for: those of a customer, the newest first.
#[derive(Debug, Clone, Copy)]
pub struct AccessesOf<'a> {
    /// The customer.
    pub subject: SubjectRef,
    /// Those by one consent alone.
    pub grant_id: Option<GrantId>,
    /// Those of one partner alone.
    pub partner: Option<PartnerId>,
    /// The first instant.
    pub from: Micros,
    /// The instant behind the last.
    pub to: Micros,
    /// The last one of the page before: its instant and call.
    pub after: Option<(Micros, &'a str)>,
    /// Most of them.
    pub limit: u32,
}

/// A page of a customer's accesses, the newest first.
pub async fn list(db: &Db, of: &AccessesOf<'_>) -> Result<Vec<LoggedAccess>, StoreError> {
    // An empty text stands for any consent and any partner.
    const LIST: &str =
        "SELECT id, grant_id, version, partner_id, app_id, operation, scopes, fields, records, at
        FROM customer_accesses WHERE subject_ref = $1 AND at >= $2 AND at < $3
            AND (at < $4 OR (at = $4 AND id < $5))
            AND ($6 = '' OR grant_id = $6) AND ($7 = '' OR partner_id = $7)
        ORDER BY at DESC, id DESC LIMIT $8";
    let (at, id) = of.after.map_or((i64::MAX, ""), |(at, id)| (at.0, id));
    let grant = of.grant_id.map(|id| id.to_string()).unwrap_or_default();
    let partner = of.partner.map(|id| id.to_string()).unwrap_or_default();
    let rows: Vec<AccessRow> = on_db!(db, c => {
        let list = sqlx::query_as(LIST).bind(of.subject.0.to_string()).bind(of.from.0);
        let list = list.bind(of.to.0).bind(at).bind(id).bind(&grant).bind(&partner);
        list.bind(i64::from(of.limit)).fetch_all(c).await
    })?;
    rows.into_iter().map(LoggedAccess::try_from).collect()
}

/// Forgets accesses from before an instant, at most so many, so that nobody waits for long. How many there were.
pub async fn expire(db: &Db, before: Micros, limit: u32) -> Result<u64, StoreError> {
    const EXPIRE: &str = "DELETE FROM customer_accesses WHERE id IN
        (SELECT id FROM customer_accesses WHERE at < $1 ORDER BY at LIMIT $2)";
    let mut tx = db.begin().await?;
    let gone = on_tx!(&mut tx, c => {
        sqlx::query(EXPIRE).bind(before.0).bind(i64::from(limit)).execute(c).await?.rows_affected()
    });
    tx.commit().await?;
    Ok(gone)
}
