//! What partners, apps and the retailer are called in a closed period. Names change, and what is closed does not: its close
//! keeps those of that moment, which its printed statements and its exports have from then on.

use super::model::Statement;
use super::view::Shown;
use crate::access::service::{get_app, get_partner};
use crate::http::ApiResult;
use crate::kernel::Micros;
use crate::kernel::id::{AppId, BillingPeriodId, PartnerId};
use crate::storage::dialect::ROWS_PER_STATEMENT;
use crate::storage::{Db, StoreError, Tx};
use crate::{on_db, on_tx};
use std::collections::{BTreeMap, BTreeSet};

/// What the issuer of printed statements is kept under.
const ISSUER: &str = "issuer";

/// Whom a printed statement names.
#[derive(Debug)]
pub(super) struct Parties {
    /// Who bills, in lines; empty where that is not said.
    pub(super) issuer: String,
    /// The partner.
    pub(super) partner: String,
    /// The app; empty where it is another partner's, who has named it since.
    pub(super) app: String,
}

impl Parties {
    /// Those of a statement: of a final one as its close has kept them, of another as they are now.
    pub(super) async fn of(
        db: &Db,
        (shown, issuer): (&Shown, &str),
        now: Micros,
    ) -> ApiResult<Self> {
        let Statement { partner_id, app_id, .. } = shown.statement;
        let mut kept = kept_of(db, &shown.statement).await?;
        let (partner, app) = (partner_id.to_string(), app_id.to_string());
        let is_of_close = kept.contains_key(ISSUER);
        let named = kept.remove(&given_away(app_id, partner_id)).or_else(|| kept.remove(&app));
        let app = match named {
            Some(name) if is_of_close => name,
            named => {
                let app = get_app(db, app_id, now).await?;
                // The name that an app has had since it was given away is its present partner's.
                let is_own = app.partner == partner_id;
                let named = named.unwrap_or_else(|| app.name.to_string());
                if is_own { named } else { String::new() }
            }
        };
        let partner = match kept.remove(&partner) {
            Some(name) => name,
            None => get_partner(db, partner_id).await?.name.to_string(),
        };
        let issuer = kept.remove(ISSUER).unwrap_or_else(|| issuer.to_owned());
        Ok(Self { issuer, partner, app })
    }
}

/// What the name of an app is kept under for a partner whose it is not any more.
fn given_away(app: AppId, partner: PartnerId) -> String {
    format!("{app} {partner}")
}

/// Keeps the names of a period that is being closed, for whom its statements are.
pub(super) async fn freeze(
    tx: &mut Tx,
    period: BillingPeriodId,
    (statements, issuer): (&[Statement], &str),
) -> Result<(), StoreError> {
    let of = |it: &Statement| [it.partner_id.to_string(), it.app_id.to_string()];
    let ids: BTreeSet<String> = statements.iter().flat_map(of).collect();
    let ids: Vec<String> = ids.into_iter().collect();
    let mut kept = now(tx, &ids).await?;
    let owners = owners(tx, &ids).await?;
    for Statement { partner_id, app_id, .. } in statements {
        let owner = owners.get(&app_id.to_string());
        if owner.is_some_and(|owner| *owner != partner_id.to_string()) {
            kept.insert(given_away(*app_id, *partner_id), String::new());
        }
    }
    kept.insert(ISSUER.to_owned(), issuer.to_owned());
    keep(tx, period, &kept).await
}

/// The names of partners and apps as they are now, by their ids.
pub(super) async fn now(
    tx: &mut Tx,
    ids: &[String],
) -> Result<BTreeMap<String, String>, StoreError> {
    const FIND: &str = "SELECT id, name FROM (SELECT id, name FROM partners
        UNION ALL SELECT id, name FROM apps) AS named WHERE id IN (";
    pairs(tx, FIND, ids).await
}

/// Whose apps are, by their ids.
async fn owners(tx: &mut Tx, ids: &[String]) -> Result<BTreeMap<String, String>, StoreError> {
    pairs(tx, "SELECT id, partner_id FROM apps WHERE id IN (", ids).await
}

/// What a query finds for some ids, which it ends with.
async fn pairs(
    tx: &mut Tx,
    query: &'static str,
    ids: &[String],
) -> Result<BTreeMap<String, String>, StoreError> {
    let mut found = BTreeMap::new();
    for some in ids.chunks(ROWS_PER_STATEMENT) {
        let rows: Vec<(String, String)> = on_tx!(&mut *tx, c => {
            let mut find = sqlx::QueryBuilder::new(query);
            let mut list = find.separated(", ");
            some.iter().for_each(|id| { list.push_bind(id); });
            find.push(")");
            find.build_query_as().fetch_all(c).await
        })?;
        found.extend(rows);
    }
    Ok(found)
}

/// The names that a closed period has.
pub(super) async fn kept(
    tx: &mut Tx,
    period: BillingPeriodId,
) -> Result<BTreeMap<String, String>, StoreError> {
    const FIND: &str = "SELECT subject_id, name FROM billing_names WHERE period_id = $1";
    let rows: Vec<(String, String)> =
        on_tx!(tx, c => sqlx::query_as(FIND).bind(period.to_string()).fetch_all(c).await)?;
    Ok(rows.into_iter().collect())
}

/// Those of them that a statement names; none of an open period, and of one that was closed before names were kept, those
/// that it was exported with.
async fn kept_of(db: &Db, of: &Statement) -> Result<BTreeMap<String, String>, StoreError> {
    const FIND: &str = "SELECT subject_id, name FROM billing_names
        WHERE period_id = $1 AND subject_id IN ($2, $3, $4, $5)";
    let rows: Vec<(String, String)> = on_db!(db, c => sqlx::query_as(FIND)
        .bind(of.period_id.to_string())
        .bind(of.partner_id.to_string())
        .bind(of.app_id.to_string())
        .bind(given_away(of.app_id, of.partner_id))
        .bind(ISSUER)
        .fetch_all(c).await)?;
    Ok(rows.into_iter().collect())
}

/// Keeps names for a closed period. One that is kept already stays.
pub(super) async fn keep(
    tx: &mut Tx,
    period: BillingPeriodId,
    names: &BTreeMap<String, String>,
) -> Result<(), StoreError> {
    // Asked for before: the database takes no name in the place of another, on SQLite not even to leave it as it is.
    let there = kept(tx, period).await?;
    let rows: Vec<(&String, &String)> =
        names.iter().filter(|(id, _)| !there.contains_key(*id)).collect();
    for some in rows.chunks(ROWS_PER_STATEMENT) {
        on_tx!(&mut *tx, c => {
            let mut keep = sqlx::QueryBuilder::new(
                "INSERT INTO billing_names (period_id, subject_id, name) ");
            keep.push_values(some, |mut row, (id, name)| {
                row.push_bind(period.to_string()).push_bind(*id).push_bind(*name);
            });
            keep.push(" ON CONFLICT DO NOTHING");
            keep.build().execute(c).await.map(|_| ())
        })?;
    }
    Ok(())
}
