//! All SQL of freezes.

use super::{Freezable, Freeze};
use crate::access::store::stored;
use crate::access::text::Reason;
use crate::kernel::Micros;
use crate::kernel::id::{AppId, PartnerId};
use crate::storage::{Db, StoreError, Tx};
use crate::{on_db, on_tx};
use sqlx::FromRow;
use std::collections::HashMap;

#[derive(FromRow)]
struct Row {
    id: String,
    reason: String,
    tell_caller: bool,
    frozen_by: String,
    frozen_at: i64,
}

impl TryFrom<Row> for Freeze {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self, StoreError> {
        Ok(Self {
            reason: stored::<Reason>("freezes", &row.reason)?,
            tell_caller: row.tell_caller,
            by: row.frozen_by,
            at: Micros(row.frozen_at),
        })
    }
}

/// What is frozen of a partner, an app or a key: the thing itself, or what it belongs to.
pub(super) async fn frozen_part(tx: &mut Tx, id: &str) -> Result<Option<Freezable>, StoreError> {
    const FIND: &str = "SELECT id FROM freezes WHERE id = $1 \
                        OR id = (SELECT app_id FROM keys WHERE id = $1) \
                        OR id = (SELECT partner_id FROM apps WHERE id = $1) \
                        OR id = (SELECT a.partner_id FROM apps a JOIN keys k ON k.app_id = a.id \
                            WHERE k.id = $1) \
                        LIMIT 1";
    let id: Option<String> =
        on_tx!(tx, c => sqlx::query_scalar(FIND).bind(id).fetch_optional(c).await)?;
    id.map(|id| stored("freezes", &id)).transpose()
}

/// Freezes; false where it is frozen.
pub(super) async fn insert(tx: &mut Tx, id: &str, freeze: &Freeze) -> Result<bool, StoreError> {
    const INSERT: &str = "INSERT INTO freezes (id, reason, tell_caller, frozen_by, frozen_at) \
                          VALUES ($1, $2, $3, $4, $5) ON CONFLICT (id) DO NOTHING";
    let inserted = on_tx!(tx, c => {
        let insert = sqlx::query(INSERT).bind(id).bind(freeze.reason.as_str());
        let insert = insert.bind(freeze.tell_caller).bind(&freeze.by).bind(freeze.at.0);
        insert.execute(c).await?.rows_affected()
    });
    Ok(inserted > 0)
}

/// Unfreezes; false where it is not frozen.
pub(super) async fn delete(tx: &mut Tx, id: &str) -> Result<bool, StoreError> {
    const DELETE: &str = "DELETE FROM freezes WHERE id = $1";
    let deleted = on_tx!(tx, c => sqlx::query(DELETE).bind(id).execute(c).await?.rows_affected());
    Ok(deleted > 0)
}

/// The freeze of a thing itself.
pub(super) async fn find(db: &Db, id: &str) -> Result<Option<Freeze>, StoreError> {
    const FIND: &str = "SELECT * FROM freezes WHERE id = $1";
    let row: Option<Row> = on_db!(db, c => sqlx::query_as(FIND).bind(id).fetch_optional(c).await)?;
    row.map(Freeze::try_from).transpose()
}

/// Freezes behind an id, in the order of ids.
pub(super) async fn list(
    db: &Db,
    after: &str,
    limit: u32,
) -> Result<Vec<(Freezable, Freeze)>, StoreError> {
    const LIST: &str = "SELECT * FROM freezes WHERE id > $1 ORDER BY id LIMIT $2";
    let rows: Vec<Row> = on_db!(db, c => {
        sqlx::query_as(LIST).bind(after).bind(i64::from(limit)).fetch_all(c).await
    })?;
    rows.into_iter().map(|row| Ok((stored("freezes", &row.id)?, row.try_into()?))).collect()
}

const ALL: &str = "SELECT * FROM freezes";

fn by_id(rows: Vec<Row>) -> Result<HashMap<String, Freeze>, StoreError> {
    rows.into_iter().map(|row| Ok((row.id.clone(), row.try_into()?))).collect()
}

/// All freezes, by the id of what is frozen.
pub(in crate::access) async fn all(db: &Db) -> Result<HashMap<String, Freeze>, StoreError> {
    by_id(on_db!(db, c => sqlx::query_as(ALL).fetch_all(c).await)?)
}

/// The same as a transaction sees them.
pub(super) async fn all_in(tx: &mut Tx) -> Result<HashMap<String, Freeze>, StoreError> {
    by_id(on_tx!(tx, c => sqlx::query_as(ALL).fetch_all(c).await)?)
}

/// The apps of partners that are frozen.
pub(super) async fn apps_of_frozen(tx: &mut Tx) -> Result<HashMap<AppId, PartnerId>, StoreError> {
    const APPS: &str = "SELECT id, partner_id FROM apps \
                        WHERE partner_id IN (SELECT id FROM freezes)";
    let rows: Vec<(String, String)> = on_tx!(tx, c => sqlx::query_as(APPS).fetch_all(c).await)?;
    rows.iter().map(|(app, partner)| Ok((stored("apps", app)?, stored("apps", partner)?))).collect()
}
