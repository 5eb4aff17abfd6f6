//! SQL that only a file of access needs: names and keys' metadata in place.

use crate::access::model::KeySpec;
use crate::access::store::stored;
use crate::kernel::Micros;
use crate::kernel::id::{AppId, KeyId, PartnerId};
use crate::storage::{Db, Log, StoreError, Tx, advance};
use crate::{on_db, on_tx};
use std::collections::HashMap;

/// Takes the control log for the transaction; the position that it stands at.
pub(super) async fn hold_log(tx: &mut Tx) -> Result<i64, StoreError> {
    advance(tx, Log::Control, 0).await
}

/// Stores a key's name, scopes, blocks of addresses and end.
pub(super) async fn update_key(
    tx: &mut Tx,
    id: KeyId,
    spec: &KeySpec,
    now: Micros,
) -> Result<(), StoreError> {
    const UPDATE: &str = "UPDATE keys SET name = $2, scopes = $3, cidrs = $4, expires_at = $5, \
                          updated_at = $6, version = version + 1 WHERE id = $1";
    let cidrs: Vec<String> = spec.cidrs.iter().map(ToString::to_string).collect();
    on_tx!(tx, c => {
        let update = sqlx::query(UPDATE).bind(id.to_string()).bind(spec.name.as_str());
        let update = update.bind(spec.scopes.to_string()).bind(cidrs.join(" "));
        let update = update.bind(spec.expires_at.map(|at| at.0)).bind(now.0);
        update.execute(c).await?;
    });
    Ok(())
}

/// The public keys of clients as they are stored.
pub(super) async fn jwks(db: &Db) -> Result<HashMap<KeyId, Vec<String>>, StoreError> {
    const LIST: &str = "SELECT key_id, jwk FROM key_secrets WHERE jwk IS NOT NULL ORDER BY jwk";
    let rows: Vec<(String, String)> = on_db!(db, c => sqlx::query_as(LIST).fetch_all(c).await)?;
    let mut jwks: HashMap<KeyId, Vec<String>> = HashMap::new();
    for (key, jwk) in rows {
        jwks.entry(stored("key_secrets", &key)?).or_default().push(jwk);
    }
    Ok(jwks)
}

/// The apps that partners have given away.
pub(super) async fn given(db: &Db) -> Result<HashMap<PartnerId, Vec<AppId>>, StoreError> {
    const LIST: &str = "SELECT DISTINCT partner_id, app_id FROM app_past_owners";
    let rows: Vec<(String, String)> = on_db!(db, c => sqlx::query_as(LIST).fetch_all(c).await)?;
    let mut given: HashMap<PartnerId, Vec<AppId>> = HashMap::new();
    for (partner, app) in rows {
        let of = given.entry(stored("app_past_owners", &partner)?).or_default();
        of.push(stored("app_past_owners", &app)?);
    }
    Ok(given)
}
