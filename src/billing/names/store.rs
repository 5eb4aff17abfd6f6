//! All SQL of the names that closed periods keep.

use super::{ISSUER, given_away};
use crate::billing::model::Statement;
use crate::kernel::id::BillingPeriodId;
use crate::storage::dialect::ROWS_PER_STATEMENT;
use crate::storage::{Db, StoreError, Tx};
use crate::{on_db, on_tx};
use std::collections::BTreeMap;

/// The names of partners and apps as they are now, by their ids.
pub(in crate::billing) async fn now(
    tx: &mut Tx,
    ids: &[String],
) -> Result<BTreeMap<String, String>, StoreError> {
    const FIND: &str = "SELECT id, name FROM (SELECT id, name FROM partners
        UNION ALL SELECT id, name FROM apps) AS named WHERE id IN (";
    pairs(tx, FIND, ids).await
}

/// Whose apps are, by their ids.
pub(super) async fn owners(
    tx: &mut Tx,
    ids: &[String],
) -> Result<BTreeMap<String, String>, StoreError> {
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
pub(in crate::billing) async fn kept(
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
pub(super) async fn kept_of(
    db: &Db,
    of: &Statement,
) -> Result<BTreeMap<String, String>, StoreError> {
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
pub(in crate::billing) async fn keep(
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
