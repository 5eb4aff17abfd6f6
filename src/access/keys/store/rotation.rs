//! What a rotation and an edit change in keys and their secrets.

use super::hex;
use crate::access::keys::model::{KeyKind, KeyPatch, KeyStatus, SecretForm};
use crate::access::model::{KeySpec, Name};
use crate::access::store::stored;
use crate::access::{Environment, Scopes};
use crate::kernel::Micros;
use crate::kernel::id::KeyId;
use crate::on_tx;
use crate::storage::{StoreError, Tx};
use sqlx::FromRow;

/// A key that is held until the transaction ends.
#[derive(Debug, Clone, Copy)]
pub struct Held {
    /// How its holder shows it.
    pub kind: KeyKind,
    /// Live or test.
    pub environment: Environment,
    /// What it may do.
    pub scopes: Scopes,
    /// When it ends.
    pub expires_at: Option<Micros>,
}

#[derive(FromRow)]
struct HeldRow {
    kind: String,
    environment: String,
    scopes: String,
    expires_at: Option<i64>,
}

/// Holds a key, so that two rotations queue; `None` where it does not exist, is revoked, or is not of the
/// version that was seen.
pub async fn hold_key(
    tx: &mut Tx,
    id: KeyId,
    seen: Option<i64>,
    now: Micros,
) -> Result<Option<Held>, StoreError> {
    const HOLD: &str = "UPDATE keys SET updated_at = $2, version = version + 1 \
                        WHERE id = $1 AND status <> 'revoked' \
                        AND version = COALESCE($3, version) \
                        RETURNING kind, environment, scopes, expires_at";
    let row: Option<HeldRow> = on_tx!(tx, c => {
        let hold = sqlx::query_as(HOLD).bind(id.to_string()).bind(now.0).bind(seen);
        hold.fetch_optional(c).await
    })?;
    let held = row.map(|row| -> Result<Held, StoreError> {
        Ok(Held {
            kind: stored("keys", &row.kind)?,
            environment: stored("keys", &row.environment)?,
            scopes: stored("keys", &row.scopes)?,
            expires_at: row.expires_at.map(Micros),
        })
    });
    held.transpose()
}

/// Holds the secrets of a key, before any of them is changed, in the order in which who notes their uses does. Of several
/// keys, call it in the order of their ids.
pub async fn hold_secrets(tx: &mut Tx, key: KeyId) -> Result<(), StoreError> {
    const HOLD: &str =
        "SELECT hash FROM key_secrets WHERE key_id = $1 ORDER BY hash COLLATE \"C\" FOR UPDATE";
    if let Tx::Postgres(held) = tx {
        sqlx::query(HOLD).bind(key.to_string()).execute(&mut **held).await?;
    }
    Ok(())
}

/// What a key is, which is held until the transaction ends.
pub async fn held_spec(tx: &mut Tx, id: KeyId) -> Result<Option<KeySpec>, StoreError> {
    const HOLD: &str = "UPDATE keys SET id = id WHERE id = $1 RETURNING *";
    let row: Option<super::Row> =
        on_tx!(tx, c => sqlx::query_as(HOLD).bind(id.to_string()).fetch_optional(c).await)?;
    row.map(|row| Ok(row.with(Vec::new())?.spec)).transpose()
}

/// The status of a key, which is held until the transaction ends.
pub async fn held_status(tx: &mut Tx, id: KeyId) -> Result<Option<KeyStatus>, StoreError> {
    const HOLD: &str = "UPDATE keys SET id = id WHERE id = $1 RETURNING status";
    let status: Option<String> =
        on_tx!(tx, c => sqlx::query_scalar(HOLD).bind(id.to_string()).fetch_optional(c).await)?;
    status.map(|status| stored("keys", &status)).transpose()
}

/// A secret as a rotation sees it.
#[derive(Debug, Clone)]
pub struct Turn {
    /// Its hash as it is stored.
    pub hash: String,
    /// What it is checked by.
    pub form: SecretForm,
    /// When it begins.
    pub starts_at: Option<Micros>,
    /// When it ends.
    pub expires_at: Option<Micros>,
}

#[derive(FromRow)]
struct TurnRow {
    hash: String,
    form: String,
    starts_at: Option<i64>,
    expires_at: Option<i64>,
}

/// The secrets of a key that are not over, oldest first.
pub async fn turns(tx: &mut Tx, key: KeyId, now: Micros) -> Result<Vec<Turn>, StoreError> {
    const TURNS: &str = "SELECT hash, form, starts_at, expires_at FROM key_secrets \
                         WHERE key_id = $1 AND (expires_at IS NULL OR expires_at > $2) \
                         ORDER BY created_at, expires_at IS NULL";
    let rows: Vec<TurnRow> = on_tx!(tx, c => {
        sqlx::query_as(TURNS).bind(key.to_string()).bind(now.0).fetch_all(c).await
    })?;
    let turn = |row: TurnRow| {
        Ok(Turn {
            hash: row.hash,
            form: stored("key_secrets", &row.form)?,
            starts_at: row.starts_at.map(Micros),
            expires_at: row.expires_at.map(Micros),
        })
    };
    rows.into_iter().map(turn).collect()
}

/// Deletes the secrets of a key that are over.
pub async fn forget_secrets(tx: &mut Tx, key: KeyId, now: Micros) -> Result<(), StoreError> {
    const DELETE: &str = "DELETE FROM key_secrets WHERE key_id = $1 AND expires_at <= $2";
    on_tx!(tx, c => {
        sqlx::query(DELETE).bind(key.to_string()).bind(now.0).execute(c).await?;
    });
    Ok(())
}

/// Ends all secrets of a key at `end`, or before where that is set already.
pub async fn end_secrets(tx: &mut Tx, key: KeyId, end: Micros) -> Result<(), StoreError> {
    const END: &str = "UPDATE key_secrets SET expires_at = $2 \
                       WHERE key_id = $1 AND (expires_at IS NULL OR expires_at > $2)";
    on_tx!(tx, c => {
        sqlx::query(END).bind(key.to_string()).bind(end.0).execute(c).await?;
    });
    Ok(())
}

/// Notes of a secret that the rotation that made it was taken back: so its holder can be told.
pub async fn take_back(tx: &mut Tx, hash: &str) -> Result<(), StoreError> {
    const NOTE: &str = "UPDATE key_secrets SET taken_back = TRUE WHERE hash = $1";
    on_tx!(tx, c => { sqlx::query(NOTE).bind(hash).execute(c).await?; });
    Ok(())
}

/// Gives a secret other times.
pub async fn set_times(
    tx: &mut Tx,
    hash: &str,
    starts_at: Option<Micros>,
    expires_at: Option<Micros>,
) -> Result<(), StoreError> {
    const SET: &str = "UPDATE key_secrets SET starts_at = $2, expires_at = $3 WHERE hash = $1";
    on_tx!(tx, c => {
        let set = sqlx::query(SET).bind(hash).bind(starts_at.map(|at| at.0));
        set.bind(expires_at.map(|at| at.0)).execute(c).await?;
    });
    Ok(())
}

/// Ends the access tokens that a client has got so far, and those that it gets from a node that has not followed
/// yet.
pub async fn end_tokens(tx: &mut Tx, key: KeyId) -> Result<(), StoreError> {
    const END: &str = "UPDATE keys SET token_generation = token_generation + 1 WHERE id = $1";
    on_tx!(tx, c => {
        sqlx::query(END).bind(key.to_string()).execute(c).await?;
    });
    Ok(())
}

/// Replaces the public keys of a client by these: hash, id, JWK. Whether one came, and whether one went.
pub async fn replace_jwks(
    tx: &mut Tx,
    key: KeyId,
    jwks: &[([u8; 32], String, String)],
    now: Micros,
) -> Result<(bool, bool), StoreError> {
    const KNOWN: &str = "SELECT hash FROM key_secrets WHERE key_id = $1";
    const DELETE: &str = "DELETE FROM key_secrets WHERE hash = $1";
    const INSERT: &str = "INSERT INTO key_secrets (key_id, hash, hint, created_at, form, jwk) \
                          VALUES ($1, $2, $3, $4, 'jwk', $5)";
    hold_secrets(tx, key).await?;
    let known: Vec<String> = on_tx!(&mut *tx, c => {
        sqlx::query_scalar(KNOWN).bind(key.to_string()).fetch_all(c).await
    })?;
    let stays = |hash: &String| jwks.iter().any(|(stays, ..)| hex(stays) == *hash);
    let (stay, go): (Vec<String>, Vec<String>) = known.into_iter().partition(stays);
    for hash in &go {
        on_tx!(&mut *tx, c => sqlx::query(DELETE).bind(hash).execute(c).await.map(drop))?;
    }
    let new: Vec<_> = jwks.iter().filter(|(hash, ..)| !stay.contains(&hex(hash))).collect();
    for (hash, kid, jwk) in &new {
        on_tx!(&mut *tx, c => {
            let insert = sqlx::query(INSERT).bind(key.to_string()).bind(hex(hash)).bind(kid);
            insert.bind(now.0).bind(jwk).execute(c).await?;
        });
    }
    Ok((!new.is_empty(), !go.is_empty()))
}

/// Edits a key; false where there is none, it is revoked, or it is not of the version that was seen.
pub async fn edit_key(
    tx: &mut Tx,
    id: KeyId,
    patch: &KeyPatch,
    seen: Option<i64>,
    now: Micros,
) -> Result<bool, StoreError> {
    const EDIT: &str = "UPDATE keys SET name = COALESCE($2, name), scopes = COALESCE($3, scopes), \
                            cidrs = COALESCE($4, cidrs), \
                            expires_at = CASE WHEN $5 THEN $6 ELSE expires_at END, \
                            updated_at = $7, version = version + 1 \
                        WHERE id = $1 AND status <> 'revoked' AND version = COALESCE($8, version)";
    let cidrs = patch.cidrs.as_ref().map(|cidrs| super::joined_cidrs(cidrs));
    let end = patch.expires_at.flatten().map(|at| at.0);
    let changed = on_tx!(tx, c => {
        let edit = sqlx::query(EDIT).bind(id.to_string());
        let edit = edit.bind(patch.name.as_ref().map(Name::as_str));
        let edit = edit.bind(patch.scopes.map(|scopes| scopes.to_string())).bind(cidrs);
        let edit = edit.bind(patch.expires_at.is_some()).bind(end).bind(now.0).bind(seen);
        edit.execute(c).await?.rows_affected()
    });
    Ok(changed == 1)
}
