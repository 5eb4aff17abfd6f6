//! All SQL of keys and their secrets. What rotations need is in [`rotation`], what is asked of them in
//! [`select`], what calls are judged by in [`directory`], when they were used in [`uses`].

pub mod directory;
pub mod import;
pub mod leak;
pub mod rotation;
pub mod select;
pub mod uses;

use super::model::KeyStatus;
use crate::access::model::{Key, KeySecret, KeySpec};
use crate::access::store::stored;
use crate::kernel::Micros;
use crate::kernel::id::KeyId;
use crate::kernel::word::Word as _;
use crate::storage::{Db, StoreError, Tx};
use crate::{on_db, on_tx};
use ipnet::IpNet;
use sqlx::FromRow;
use std::collections::HashMap;

/// Blocks of addresses are stored with a space between.
fn cidrs(text: &str) -> Result<Vec<IpNet>, StoreError> {
    text.split_whitespace().map(|cidr| stored("keys", cidr)).collect()
}

/// Blocks of addresses as they are stored.
fn joined_cidrs(cidrs: &[IpNet]) -> String {
    cidrs.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
}

/// Characters of a hash that name a secret: they tell nothing of it.
const ID: usize = 12;

/// What a secret is called.
pub(in crate::access) fn secret_id(hash: &[u8; 32]) -> String {
    let mut id = hex(hash);
    id.truncate(ID);
    id
}

pub(super) fn hex(hash: &[u8; 32]) -> String {
    blake3::Hash::from_bytes(*hash).to_string()
}

/// Adds a key, without its secret.
pub(super) async fn insert_key(tx: &mut Tx, key: &Key) -> Result<(), StoreError> {
    const INSERT: &str = "INSERT INTO keys (id, app_id, environment, name, scopes, cidrs, status, \
                          expires_at, created_at, updated_at, kind) \
                          VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)";
    let spec = &key.spec;
    on_tx!(tx, c => {
        let insert = sqlx::query(INSERT).bind(key.id.to_string()).bind(spec.app.to_string());
        let insert = insert.bind(spec.environment.as_str()).bind(spec.name.as_str());
        let insert = insert.bind(spec.scopes.to_string()).bind(joined_cidrs(&spec.cidrs));
        let insert = insert.bind(key.status.as_str()).bind(spec.expires_at.map(|at| at.0));
        let insert = insert.bind(key.created_at.0).bind(key.updated_at.0);
        insert.bind(key.kind.as_str()).execute(c).await?;
    });
    Ok(())
}

/// Whether there is such a key.
pub(in crate::access) async fn key_exists(db: &Db, id: KeyId) -> Result<bool, StoreError> {
    const COUNT: &str = "SELECT COUNT(*) FROM keys WHERE id = $1";
    let count: i64 =
        on_db!(db, c => sqlx::query_scalar(COUNT).bind(id.to_string()).fetch_one(c).await)?;
    Ok(count > 0)
}

/// Adds a secret to a key. A secret that is there already is a conflict.
pub(in crate::access) async fn insert_secret(
    tx: &mut Tx,
    key: KeyId,
    hash: &[u8; 32],
    secret: &KeySecret,
) -> Result<(), StoreError> {
    const INSERT: &str = "INSERT INTO key_secrets \
                          (key_id, hash, hint, created_at, expires_at, form, starts_at) \
                          VALUES ($1, $2, $3, $4, $5, $6, $7)";
    on_tx!(tx, c => {
        let insert = sqlx::query(INSERT).bind(key.to_string()).bind(hex(hash));
        let insert = insert.bind(&secret.hint).bind(secret.created_at.0);
        let insert = insert.bind(secret.expires_at.map(|at| at.0)).bind(secret.form.as_str());
        insert.bind(secret.starts_at.map(|at| at.0)).execute(c).await?;
    });
    Ok(())
}

/// Changes a key's status; false where there is no such key, it has that status, or it is revoked.
pub(in crate::access) async fn set_key_status(
    tx: &mut Tx,
    id: KeyId,
    status: KeyStatus,
    now: Micros,
) -> Result<bool, StoreError> {
    const UPDATE: &str = "UPDATE keys SET status = $2, updated_at = $3, version = version + 1 \
                          WHERE id = $1 AND status <> $2 AND status <> 'revoked'";
    let changed = on_tx!(tx, c => {
        let update = sqlx::query(UPDATE).bind(id.to_string()).bind(status.as_str());
        update.bind(now.0).execute(c).await?.rows_affected()
    });
    Ok(changed > 0)
}

#[derive(FromRow)]
struct Row {
    id: String,
    app_id: String,
    environment: String,
    name: String,
    scopes: String,
    cidrs: String,
    status: String,
    expires_at: Option<i64>,
    created_at: i64,
    updated_at: i64,
    kind: String,
    version: i64,
    #[sqlx(default)]
    last_used_at: Option<i64>,
}

impl Row {
    fn with(self, secrets: Vec<KeySecret>) -> Result<Key, StoreError> {
        Ok(Key {
            id: stored("keys", &self.id)?,
            spec: KeySpec {
                app: stored("keys", &self.app_id)?,
                environment: stored("keys", &self.environment)?,
                name: stored("keys", &self.name)?,
                scopes: stored("keys", &self.scopes)?,
                cidrs: cidrs(&self.cidrs)?,
                expires_at: self.expires_at.map(Micros),
            },
            kind: stored("keys", &self.kind)?,
            status: stored("keys", &self.status)?,
            version: self.version,
            secrets,
            last_used_at: self.last_used_at.map(Micros),
            created_at: Micros(self.created_at),
            updated_at: Micros(self.updated_at),
        })
    }
}

#[derive(FromRow)]
struct SecretRow {
    key_id: String,
    hash: String,
    form: String,
    hint: String,
    created_at: i64,
    starts_at: Option<i64>,
    expires_at: Option<i64>,
    last_used_at: Option<i64>,
}

/// Keys with the secrets that belong to them.
fn joined(rows: Vec<Row>, secrets: Vec<SecretRow>) -> Result<Vec<Key>, StoreError> {
    let mut of: HashMap<String, Vec<KeySecret>> = HashMap::new();
    for row in secrets {
        of.entry(row.key_id).or_default().push(KeySecret {
            id: row.hash.chars().take(ID).collect(),
            form: stored("key_secrets", &row.form)?,
            hint: row.hint,
            created_at: Micros(row.created_at),
            starts_at: row.starts_at.map(Micros),
            expires_at: row.expires_at.map(Micros),
            last_used_at: row.last_used_at.map(Micros),
        });
    }
    let mut keys = Vec::with_capacity(rows.len());
    for row in rows {
        let secrets = of.remove(&row.id).unwrap_or_default();
        keys.push(row.with(secrets)?);
    }
    Ok(keys)
}

const FIND: &str = "SELECT k.*, u.last_used_at FROM keys k \
                    LEFT JOIN key_uses u ON u.key_id = k.id WHERE k.id = $1";
const SECRETS: &str = "SELECT * FROM key_secrets WHERE key_id = $1 \
                       AND (expires_at IS NULL OR expires_at > $2) ORDER BY created_at, expires_at IS NULL";

/// A key as a transaction sees it, with its secrets that are not over at `now`.
pub(in crate::access) async fn find_key_in(
    tx: &mut Tx,
    id: KeyId,
    now: Micros,
) -> Result<Option<Key>, StoreError> {
    let id = id.to_string();
    let (row, secrets): (Option<Row>, Vec<SecretRow>) = on_tx!(tx, c => {
        let row = sqlx::query_as(FIND).bind(&id).fetch_optional(&mut *c).await?;
        (row, sqlx::query_as(SECRETS).bind(&id).bind(now.0).fetch_all(c).await?)
    });
    Ok(joined(row.into_iter().collect(), secrets)?.pop())
}

/// A key with its secrets that are not over at `now`.
pub async fn find_key(db: &Db, id: KeyId, now: Micros) -> Result<Option<Key>, StoreError> {
    let id = id.to_string();
    let (row, secrets): (Option<Row>, Vec<SecretRow>) = on_db!(db, c => {
        let row = sqlx::query_as(FIND).bind(&id).fetch_optional(c).await?;
        (row, sqlx::query_as(SECRETS).bind(&id).bind(now.0).fetch_all(c).await?)
    });
    Ok(joined(row.into_iter().collect(), secrets)?.pop())
}
