//! What can be done to keys. A key's text is given out once, by what makes it.

use super::store;
use crate::access::error::{AccessError, Kind};
use crate::access::key::{self, Pepper};
use crate::access::model::{IssuedKey, Key, KeySecret, KeySpec, Status};
use crate::access::service::{By, Switch, change};
use crate::access::store::{Walk, app_exists, record};
use crate::kernel::Micros;
use crate::kernel::clock::SECOND;
use crate::kernel::id::{AppId, KeyId};
use crate::kernel::secret::Secret;
use crate::storage::{Db, Tx};
use serde_json::json;

/// Longest overlap of two secrets in seconds: 90 days.
const OVERLAP_MOST: u32 = 90 * 86_400;
/// Most blocks of addresses of one key: each of its calls looks through them.
pub const CIDRS_MOST: usize = 100;

/// Creates a key.
pub async fn create_key(
    db: &Db,
    by: &By<'_>,
    pepper: &Pepper,
    spec: KeySpec,
) -> Result<IssuedKey, AccessError> {
    if !app_exists(db, spec.app).await? {
        return Err(AccessError::reference("app_id", Kind::App, spec.app));
    }
    if spec.expires_at.is_some_and(|at| at <= by.now) {
        let message = format!("lies in the past; give a time after {}", by.now);
        return Err(AccessError::Field { field: "expires_at", message });
    }
    if spec.cidrs.len() > CIDRS_MOST {
        let message = format!("takes at most {CIDRS_MOST} blocks, not {}", spec.cidrs.len());
        return Err(AccessError::Field { field: "cidrs", message });
    }
    let mut tx = db.begin().await?;
    let issued = add_key(&mut tx, by, pepper, spec).await?;
    tx.commit().await?;
    Ok(issued)
}

/// Creates a key in a transaction, of an app that exists and with what can be.
pub(in crate::access) async fn add_key(
    tx: &mut Tx,
    by: &By<'_>,
    pepper: &Pepper,
    spec: KeySpec,
) -> Result<IssuedKey, AccessError> {
    let (id, text) = key::generate(spec.environment)?;
    let key = Key {
        id,
        spec,
        status: Status::Active,
        secrets: vec![fresh(&text, by.now)],
        created_at: by.now,
        updated_at: by.now,
    };
    store::insert_key(tx, &key).await?;
    store::insert_secret(tx, id, &key::hash(pepper, text.reveal()), &key.secrets[0]).await?;
    let spec = &key.spec;
    let detail = json!({
        "app_id": spec.app,
        "environment": spec.environment,
        "name": spec.name,
        "scopes": spec.scopes.to_string(),
        "cidrs": spec.cidrs.iter().map(ToString::to_string).collect::<Vec<_>>(),
        "expires_at": spec.expires_at,
    });
    record(tx, by, change(Kind::Key, id, "create", detail)).await?;
    Ok(IssuedKey { key, text })
}

fn fresh(text: &Secret, now: Micros) -> KeySecret {
    KeySecret { hint: key::hint(text), created_at: now, expires_at: None, last_used_at: None }
}

/// A key with its secrets that are not over.
pub async fn get_key(db: &Db, id: KeyId, now: Micros) -> Result<Key, AccessError> {
    let found = store::find_key(db, id, now).await?;
    found.ok_or_else(|| AccessError::not_found(Kind::Key, id))
}

/// Keys in the order of their ids, of one app or of all.
pub async fn list_keys(
    db: &Db,
    of: Option<AppId>,
    walk: &Walk,
    now: Micros,
) -> Result<Vec<Key>, AccessError> {
    Ok(store::list_keys(db, of, walk, now).await?)
}

/// Suspends or resumes a key.
pub async fn set_key_status(
    db: &Db,
    by: &By<'_>,
    id: KeyId,
    switch: Switch,
) -> Result<Key, AccessError> {
    move_to(db, by, id, switch.status(), switch.op()).await
}

/// Revokes a key for good.
pub async fn revoke_key(db: &Db, by: &By<'_>, id: KeyId) -> Result<Key, AccessError> {
    move_to(db, by, id, Status::Revoked, "revoke").await
}

async fn move_to(
    db: &Db,
    by: &By<'_>,
    id: KeyId,
    status: Status,
    op: &'static str,
) -> Result<Key, AccessError> {
    let mut tx = db.begin().await?;
    if store::set_key_status(&mut tx, id, status, by.now).await? {
        record(&mut tx, by, change(Kind::Key, id, op, json!({}))).await?;
        tx.commit().await?;
    } else {
        drop(tx);
    }
    let key = get_key(db, id, by.now).await?;
    if key.status == Status::Revoked && status != Status::Revoked {
        return Err(AccessError::Revoked(Kind::Key));
    }
    Ok(key)
}

/// Gives a key a new secret. The old one stays valid for `overlap_s` seconds; with 0, every older
/// secret ends at once. At most two are ever valid together.
pub async fn rotate_key(
    db: &Db,
    by: &By<'_>,
    pepper: &Pepper,
    id: KeyId,
    overlap_s: u32,
) -> Result<IssuedKey, AccessError> {
    if overlap_s > OVERLAP_MOST {
        let message = format!("is at most {OVERLAP_MOST} seconds");
        return Err(AccessError::Field { field: "overlap_s", message });
    }
    let mut tx = db.begin().await?;
    let spec = store::lock_key(&mut tx, id, by.now).await?;
    let Some((environment, expires_at)) = spec else {
        drop(tx);
        // Either it does not exist or it is revoked.
        get_key(db, id, by.now).await?;
        return Err(AccessError::Revoked(Kind::Key));
    };
    if let Some(at) = expires_at.filter(|at| *at <= by.now) {
        return Err(AccessError::Expired(at));
    }
    end_older(&mut tx, by, id, overlap_s).await?;
    let text = key::another(environment, id)?;
    let hash = key::hash(pepper, text.reveal());
    store::insert_secret(&mut tx, id, &hash, &fresh(&text, by.now)).await?;
    let detail = json!({ "overlap_s": overlap_s });
    record(&mut tx, by, change(Kind::Key, id, "rotate", detail)).await?;
    tx.commit().await?;
    Ok(IssuedKey { key: get_key(db, id, by.now).await?, text })
}

async fn end_older(tx: &mut Tx, by: &By<'_>, id: KeyId, overlap_s: u32) -> Result<(), AccessError> {
    store::forget_secrets(tx, id, by.now).await?;
    if overlap_s > 0
        && let Some(until) = store::overlap_until(tx, id, by.now).await?
    {
        return Err(AccessError::Rotating(until));
    }
    let end = Micros(by.now.0.saturating_add(i64::from(overlap_s) * SECOND));
    store::end_secrets(tx, id, end).await?;
    Ok(())
}
