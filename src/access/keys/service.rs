//! What can be done to keys. A key's text is given out once, by what makes it.

pub use super::edit::{edit_key, edit_key_in};
pub use super::rotation::{Begun, finish_rotation, roll_back_rotation, rotate_key, rotate_key_in};

use super::model::{KeyFilter, KeyKind, KeyStatus, SecretForm};
use super::store;
use super::store::rotation::held_status;
use super::store::select;
use crate::access::Scopes;
use crate::access::error::{AccessError, Kind};
use crate::access::key::{self, Pepper};
use crate::access::model::{IssuedKey, Key, KeySecret, KeySpec};
use crate::access::service::{By, Switch, change};
use crate::access::store::{Change, Walk, hold_app, hold_app_of, record};
use crate::kernel::Micros;
use crate::kernel::id::{KeyId, PartnerId};
use crate::kernel::secret::Secret;
use crate::storage::{Db, Tx};
use serde_json::{Value, json};

/// Most blocks of addresses of one key: each of its calls looks through them.
pub const CIDRS_MOST: usize = 100;

/// Creates a key.
pub async fn create_key(
    db: &Db,
    by: &By<'_>,
    pepper: &Pepper,
    spec: KeySpec,
) -> Result<IssuedKey, AccessError> {
    let mut tx = db.begin().await?;
    let issued = create_key_in(&mut tx, by, pepper, spec).await?;
    tx.commit().await?;
    Ok(issued)
}

/// The same in a transaction.
pub async fn create_key_in(
    tx: &mut Tx,
    by: &By<'_>,
    pepper: &Pepper,
    spec: KeySpec,
) -> Result<IssuedKey, AccessError> {
    check(tx, &spec, by.now).await?;
    add_key(tx, by, pepper, spec).await
}

/// Creates a key in a transaction, of an app that exists and with what can be.
pub(in crate::access) async fn add_key(
    tx: &mut Tx,
    by: &By<'_>,
    pepper: &Pepper,
    spec: KeySpec,
) -> Result<IssuedKey, AccessError> {
    let (id, text) = key::generate(spec.environment)?;
    let hash = key::hash(pepper, text.reveal());
    let key = insert(tx, by, (id, KeyKind::Key, spec), vec![fresh(&text, &hash, by.now)]).await?;
    store::insert_secret(tx, id, &hash, &key.secrets[0]).await?;
    record(tx, by, change(Kind::Key, id, "create", told(&key))).await?;
    Ok(IssuedKey { key, text })
}

/// Whether a key can be made so. Its app is held, so that it is not given away meanwhile with a key that nobody
/// has seen.
pub(in crate::access) async fn check(
    tx: &mut Tx,
    spec: &KeySpec,
    now: Micros,
) -> Result<(), AccessError> {
    if hold_app(tx, spec.app).await?.is_none() {
        return Err(AccessError::reference("app_id", Kind::App, spec.app));
    }
    check_scopes(spec.scopes)?;
    check_bounds(&spec.cidrs, spec.expires_at, now)
}

/// Why a key has no scopes but by mistake.
pub(in crate::access) const NO_SCOPE: &str =
    "names no scope, and a key without one can do nothing: name what it may do, or suspend it";

/// Whether a key is given something that it may do.
pub(super) fn check_scopes(scopes: Scopes) -> Result<(), AccessError> {
    if scopes.is_empty() {
        return Err(AccessError::Field { field: "scopes", message: NO_SCOPE.to_owned() });
    }
    Ok(())
}

/// Whether a key can be used from these addresses until that end.
pub(super) fn check_bounds(
    cidrs: &[ipnet::IpNet],
    expires_at: Option<Micros>,
    now: Micros,
) -> Result<(), AccessError> {
    if expires_at.is_some_and(|at| at <= now) {
        let message = format!("lies in the past; give a time after {now}");
        return Err(AccessError::Field { field: "expires_at", message });
    }
    if cidrs.len() > CIDRS_MOST {
        let message = format!("takes at most {CIDRS_MOST} blocks, not {}", cidrs.len());
        return Err(AccessError::Field { field: "cidrs", message });
    }
    Ok(())
}

/// Adds a key, without its secrets.
pub(in crate::access) async fn insert(
    tx: &mut Tx,
    by: &By<'_>,
    (id, kind, spec): (KeyId, KeyKind, KeySpec),
    secrets: Vec<KeySecret>,
) -> Result<Key, AccessError> {
    by.may_give(Scopes::default(), spec.scopes)?;
    let (status, now) = (KeyStatus::Active, by.now);
    let key = Key {
        id,
        spec,
        kind,
        status,
        version: 1,
        secrets,
        last_used_at: None,
        created_at: now,
        updated_at: now,
    };
    store::insert_key(tx, &key).await?;
    Ok(key)
}

/// What the audit log tells of a new key.
pub(in crate::access) fn told(key: &Key) -> Value {
    let spec = &key.spec;
    json!({
        "app_id": spec.app,
        "kind": key.kind,
        "environment": spec.environment,
        "name": spec.name,
        "scopes": spec.scopes.to_string(),
        "cidrs": spec.cidrs.iter().map(ToString::to_string).collect::<Vec<_>>(),
        "expires_at": spec.expires_at,
    })
}

/// A secret of ours that begins at once.
pub(in crate::access) fn fresh(text: &Secret, hash: &[u8; 32], now: Micros) -> KeySecret {
    KeySecret {
        id: store::secret_id(hash),
        form: SecretForm::Text,
        hint: key::hint(text),
        created_at: now,
        starts_at: None,
        expires_at: None,
        last_used_at: None,
    }
}

/// A key with its secrets that are not over.
pub async fn get_key(db: &Db, id: KeyId, now: Micros) -> Result<Key, AccessError> {
    let found = store::find_key(db, id, now).await?;
    found.ok_or_else(|| AccessError::not_found(Kind::Key, id))
}

/// The same as a transaction sees it.
pub(in crate::access) async fn get_key_in(
    tx: &mut Tx,
    id: KeyId,
    now: Micros,
) -> Result<Key, AccessError> {
    let found = store::find_key_in(tx, id, now).await?;
    found.ok_or_else(|| AccessError::not_found(Kind::Key, id))
}

/// Whose a key is, and what it is; both are held until the end of the transaction.
pub async fn held_key(
    tx: &mut Tx,
    id: KeyId,
    now: Micros,
) -> Result<(PartnerId, Key), AccessError> {
    let partner = hold_app_of(tx, id).await?;
    held_status(tx, id).await?;
    let key = get_key_in(tx, id, now).await?;
    partner.map(|partner| (partner, key)).ok_or_else(|| AccessError::not_found(Kind::Key, id))
}

/// The keys that a filter means, in the order of their ids.
pub async fn list_keys(
    db: &Db,
    filter: &KeyFilter,
    walk: &Walk,
    now: Micros,
) -> Result<Vec<Key>, AccessError> {
    Ok(select::keys(&mut db.snapshot().await?, filter, walk, now).await?)
}

/// Suspends or resumes a key.
pub async fn set_key_status(
    db: &Db,
    by: &By<'_>,
    id: KeyId,
    switch: Switch,
) -> Result<Key, AccessError> {
    move_to(db, by, id, switch.into(), switch.op()).await
}

/// Puts a key in quarantine: it can look, once a second. Resuming it lifts that.
pub async fn quarantine_key(db: &Db, by: &By<'_>, id: KeyId) -> Result<Key, AccessError> {
    move_to(db, by, id, KeyStatus::Quarantined, "quarantine").await
}

/// Revokes a key for good.
pub async fn revoke_key(db: &Db, by: &By<'_>, id: KeyId) -> Result<Key, AccessError> {
    move_to(db, by, id, KeyStatus::Revoked, "revoke").await
}

async fn move_to(
    db: &Db,
    by: &By<'_>,
    id: KeyId,
    status: KeyStatus,
    op: &'static str,
) -> Result<Key, AccessError> {
    let mut tx = db.begin().await?;
    if move_in(&mut tx, by, id, (status, op)).await? {
        tx.commit().await?;
    } else {
        drop(tx);
    }
    let key = get_key(db, id, by.now).await?;
    if key.status == KeyStatus::Revoked && status != KeyStatus::Revoked {
        return Err(AccessError::Revoked(Kind::Key));
    }
    Ok(key)
}

/// Moves a key to another status in a transaction; false where it has that, or is revoked.
pub(in crate::access) async fn move_in(
    tx: &mut Tx,
    by: &By<'_>,
    id: KeyId,
    (status, op): (KeyStatus, &'static str),
) -> Result<bool, AccessError> {
    let before = held_status(tx, id).await?;
    if !store::set_key_status(tx, id, status, by.now).await? {
        return Ok(false);
    }
    let change = change(Kind::Key, id, op, json!({}));
    // A suspended key can do less than one in quarantine.
    let narrows = change.narrows
        && !(status == KeyStatus::Quarantined && before == Some(KeyStatus::Suspended));
    record(tx, by, Change { narrows, ..change }).await?;
    Ok(true)
}
