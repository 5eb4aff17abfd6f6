//! Edits of a key: name, scopes, addresses, end.

use super::model::{KeyPatch, KeyStatus};
use super::service::{check_bounds, get_key};
use super::store::rotation;
use crate::access::error::{AccessError, Kind};
use crate::access::model::Key;
use crate::access::service::{By, change};
use crate::access::store::record;
use crate::kernel::id::KeyId;
use crate::storage::Db;
use serde_json::json;

/// Edits a key. With the version that was `seen`, nothing is done where it has changed since.
pub async fn edit_key(
    db: &Db,
    by: &By<'_>,
    id: KeyId,
    seen: Option<i64>,
    patch: KeyPatch,
) -> Result<Key, AccessError> {
    if patch == KeyPatch::default() {
        let message = "or another field: say what shall change".to_owned();
        return Err(AccessError::Field { field: "name", message });
    }
    check_bounds(patch.cidrs.as_deref().unwrap_or_default(), patch.expires_at.flatten(), by.now)?;
    let mut tx = db.begin().await?;
    if !rotation::edit_key(&mut tx, id, &patch, seen, by.now).await? {
        drop(tx);
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
    record(&mut tx, by, change(Kind::Key, id, "update", detail)).await?;
    tx.commit().await?;
    get_key(db, id, by.now).await
}
