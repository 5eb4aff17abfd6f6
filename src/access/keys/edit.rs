//! Edits of a key: name, scopes, addresses, end.

use super::model::{KeyPatch, KeyStatus};
use super::service::{check_bounds, check_scopes, get_key_in};
use super::store::rotation;
use crate::access::error::{AccessError, Kind};
use crate::access::model::{Key, KeySpec};
use crate::access::service::{By, change};
use crate::access::store::{hold_app_of, record};
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
    let key = edit_key_in(&mut tx, by, (id, seen), patch).await?;
    tx.commit().await?;
    Ok(key)
}

/// The same in a transaction.
pub async fn edit_key_in(
    tx: &mut Tx,
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
    }
    // So that the app is not given away meanwhile with scopes that nobody has seen.
    hold_app_of(tx, id).await?;
    may_change(tx, by, id, |old| patch.of(old)).await?;
    if !rotation::edit_key(tx, id, &patch, seen, by.now).await? {
        // What others see: nothing was changed here.
        let key = get_key_in(tx, id, by.now).await?;
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
    get_key_in(tx, id, by.now).await
}

/// Whether a key can become another by one person; it is held until the end of the transaction.
pub(in crate::access) async fn may_change(
    tx: &mut Tx,
    by: &By<'_>,
    id: KeyId,
    new: impl FnOnce(&KeySpec) -> KeySpec,
) -> Result<(), AccessError> {
    match rotation::held_spec(tx, id).await? {
        Some(old) => by.may_change(&old, &new(&old)),
        // That there is no such key is told by what goes on.
        None => Ok(()),
    }
}
