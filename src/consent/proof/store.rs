//! All SQL of the proof that the ledger's own store does not have.

use crate::consent::record::GrantId;
use crate::on_db;
use crate::storage::{Db, StoreError, parsed};

/// Ids of consents behind one, in their order.
pub(super) async fn ids(
    db: &Db,
    after: Option<GrantId>,
    limit: u32,
) -> Result<Vec<GrantId>, StoreError> {
    const LIST: &str = "SELECT id FROM consents WHERE id > $1 ORDER BY id LIMIT $2";
    let after = after.map(|id| id.to_string()).unwrap_or_default();
    let ids: Vec<String> = on_db!(db, c => {
        sqlx::query_scalar(LIST).bind(after).bind(i64::from(limit)).fetch_all(c).await
    })?;
    ids.iter().map(|id| parsed("consents", id)).collect()
}

/// The place of the first entry whose consent is not there; `None` where each is.
pub(super) async fn first_without_consent(db: &Db) -> Result<Option<i64>, StoreError> {
    const FIND: &str = "SELECT e.seq FROM consent_events e WHERE NOT EXISTS
        (SELECT 1 FROM consents c WHERE c.id = e.grant_id) ORDER BY e.seq LIMIT 1";
    Ok(on_db!(db, c => sqlx::query_scalar(FIND).fetch_optional(c).await)?)
}
