//! Edits of a key: name, scopes, addresses, end.

use super::model::{KeyPatch, KeyStatus};
use super::service::{check_bounds, check_scopes, get_key};
use super::store::{self, rotation};
use crate::access::Scopes;
use crate::access::error::{AccessError, Kind};
use crate::access::model::Key;
use crate::access::service::{By, change};
use crate::access::store::record;
use crate::kernel::id::KeyId;
use crate::storage::{Db, Tx};
use serde_json::json;

/// Edits a key. With the version that was `seen`, nothing is done where it has changed since.
pub async fn edit_key(
    db: &Db,
    by: &By<'_>,
    id: KeyId,
    seen: Option<i64>,
    patch: KeyPatch,
) -> Result<Key, AccessError> {
    let mut tx = db.begin().await?;
    let key = edit_key_in((&mut tx, db), by, (id, seen), patch).await?;
    tx.commit().await?;
    Ok(key)
}

/// The same in a transaction.
pub async fn edit_key_in(
    (tx, db): (&mut Tx, &Db),
    by: &By<'_>,
    (id, seen): (KeyId, Option<i64>),
    patch: KeyPatch,
) -> Result<Key, AccessError> {
    if patch == KeyPatch::default() {
        let message = "or another field: say what shall change".to_owned();
        return Err(AccessError::Field { field: "name", message });
    }
    check_bounds(patch.cidrs.as_deref().unwrap_or_default(), patch.expires_at.flatten(), by.now)?;
    if let Some(scopes) = patch.scopes {
        check_scopes(scopes)?;
        give(tx, by, id, scopes).await?;
    }
    if !rotation::edit_key(tx, id, &patch, seen, by.now).await? {
        // What others see: nothing was changed here.
        let key = get_key(db, id, by.now).await?;
        return Err(match key.status {
            KeyStatus::Revoked => AccessError::Revoked(Kind::Key),
            _ => AccessError::Outdated(key.version),
        });
    }
    let mut detail = json!({});
    if let Some(name) = &patch.name {
        detail["name"] = json!(name);
    }
    if let Some(scopes) = patch.scopes {
        detail["scopes"] = json!(scopes.to_string());
    }
    if let Some(cidrs) = &patch.cidrs {
        detail["cidrs"] = cidrs.iter().map(ToString::to_string).collect();
    }
    if let Some(end) = patch.expires_at {
        detail["expires_at"] = json!(end);
    }
    record(tx, by, change(Kind::Key, id, "update", detail)).await?;
    let found = store::find_key_in(tx, id, by.now).await?;
    found.ok_or_else(|| AccessError::not_found(Kind::Key, id))
}

/// Whether a key can be given these scopes; it is held until the end of the transaction.
pub(in crate::access) async fn give(
    tx: &mut Tx,
    by: &By<'_>,
    id: KeyId,
    scopes: Scopes,
) -> Result<(), AccessError> {
    match rotation::held_scopes(tx, id).await? {
        Some(had) => by.may_give(had, scopes),
        // That there is no such key is told by what goes on.
        None => Ok(()),
    }
}
