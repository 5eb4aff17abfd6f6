//! All SQL of keys and their secrets.

use crate::access::model::{Definition, Key, KeySecret, KeySpec, Status};
use crate::access::store::{Walk, definition, stored, version};
use crate::access::{Environment, Scopes};
use crate::kernel::Micros;
use crate::kernel::id::{AppId, KeyId, PartnerId, PlanId};
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

fn hex(hash: &[u8; 32]) -> String {
    blake3::Hash::from_bytes(*hash).to_string()
}

/// Adds a key, without its secret.
pub(super) async fn insert_key(tx: &mut Tx, key: &Key) -> Result<(), StoreError> {
    const INSERT: &str = "INSERT INTO keys (id, app_id, environment, name, scopes, cidrs, status, \
                          expires_at, created_at, updated_at) \
                          VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)";
    let spec = &key.spec;
    let cidrs: Vec<String> = spec.cidrs.iter().map(ToString::to_string).collect();
    on_tx!(tx, c => {
        let insert = sqlx::query(INSERT).bind(key.id.to_string()).bind(spec.app.to_string());
        let insert = insert.bind(spec.environment.as_str()).bind(spec.name.as_str());
        let insert = insert.bind(spec.scopes.to_string()).bind(cidrs.join(" "));
        let insert = insert.bind(key.status.as_str()).bind(spec.expires_at.map(|at| at.0));
        insert.bind(key.created_at.0).bind(key.updated_at.0).execute(c).await?;
    });
    Ok(())
}

/// Adds a secret to a key.
pub(super) async fn insert_secret(
    tx: &mut Tx,
    key: KeyId,
    hash: &[u8; 32],
    secret: &KeySecret,
) -> Result<(), StoreError> {
    const INSERT: &str = "INSERT INTO key_secrets (key_id, hash, hint, created_at, expires_at) \
                          VALUES ($1, $2, $3, $4, $5)";
    on_tx!(tx, c => {
        let insert = sqlx::query(INSERT).bind(key.to_string()).bind(hex(hash));
        let insert = insert.bind(&secret.hint).bind(secret.created_at.0);
        insert.bind(secret.expires_at.map(|at| at.0)).execute(c).await?;
    });
    Ok(())
}

/// Holds a key until the transaction ends, so that two rotations queue: its environment and end;
/// `None` where it does not exist or is revoked.
pub(super) async fn lock_key(
    tx: &mut Tx,
    id: KeyId,
    now: Micros,
) -> Result<Option<(Environment, Option<Micros>)>, StoreError> {
    const LOCK: &str = "UPDATE keys SET updated_at = $2 WHERE id = $1 AND status <> 'revoked' \
                        RETURNING environment, expires_at";
    let row: Option<(String, Option<i64>)> = on_tx!(tx, c => {
        sqlx::query_as(LOCK).bind(id.to_string()).bind(now.0).fetch_optional(c).await
    })?;
    row.map(|(environment, end)| Ok((stored("keys", &environment)?, end.map(Micros)))).transpose()
}

/// Deletes the secrets of a key that are over.
pub(super) async fn forget_secrets(tx: &mut Tx, key: KeyId, now: Micros) -> Result<(), StoreError> {
    const DELETE: &str = "DELETE FROM key_secrets WHERE key_id = $1 AND expires_at <= $2";
    on_tx!(tx, c => {
        sqlx::query(DELETE).bind(key.to_string()).bind(now.0).execute(c).await?;
    });
    Ok(())
}

/// When the overlap of a key's two valid secrets ends; `None` where one is valid.
pub(super) async fn overlap_until(
    tx: &mut Tx,
    key: KeyId,
    now: Micros,
) -> Result<Option<Micros>, StoreError> {
    const UNTIL: &str = "SELECT MAX(expires_at) FROM key_secrets \
                         WHERE key_id = $1 AND expires_at > $2";
    let until: Option<i64> = on_tx!(tx, c => {
        sqlx::query_scalar(UNTIL).bind(key.to_string()).bind(now.0).fetch_one(c).await
    })?;
    Ok(until.map(Micros))
}

/// Ends all secrets of a key at `end`, or before where that is set already.
pub(super) async fn end_secrets(tx: &mut Tx, key: KeyId, end: Micros) -> Result<(), StoreError> {
    const END: &str = "UPDATE key_secrets SET expires_at = $2 \
                       WHERE key_id = $1 AND (expires_at IS NULL OR expires_at > $2)";
    on_tx!(tx, c => {
        sqlx::query(END).bind(key.to_string()).bind(end.0).execute(c).await?;
    });
    Ok(())
}

/// Changes a key's status; false where there is no such key, it has that status, or it is revoked.
pub(super) async fn set_key_status(
    tx: &mut Tx,
    id: KeyId,
    status: Status,
    now: Micros,
) -> Result<bool, StoreError> {
    const UPDATE: &str = "UPDATE keys SET status = $2, updated_at = $3 \
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
            status: stored("keys", &self.status)?,
            secrets,
            created_at: Micros(self.created_at),
            updated_at: Micros(self.updated_at),
        })
    }
}

#[derive(FromRow)]
struct SecretRow {
    key_id: String,
    hint: String,
    created_at: i64,
    expires_at: Option<i64>,
    last_used_at: Option<i64>,
}

/// Keys with the secrets that belong to them.
fn joined(rows: Vec<Row>, secrets: Vec<SecretRow>) -> Result<Vec<Key>, StoreError> {
    let mut of: HashMap<String, Vec<KeySecret>> = HashMap::new();
    for row in secrets {
        of.entry(row.key_id).or_default().push(KeySecret {
            hint: row.hint,
            created_at: Micros(row.created_at),
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

/// A key with its secrets that are not over at `now`.
pub(super) async fn find_key(db: &Db, id: KeyId, now: Micros) -> Result<Option<Key>, StoreError> {
    const FIND: &str = "SELECT * FROM keys WHERE id = $1";
    const SECRETS: &str = "SELECT * FROM key_secrets WHERE key_id = $1 \
                           AND (expires_at IS NULL OR expires_at > $2) ORDER BY created_at";
    let id = id.to_string();
    let (row, secrets): (Option<Row>, Vec<SecretRow>) = on_db!(db, c => {
        let row = sqlx::query_as(FIND).bind(&id).fetch_optional(c).await?;
        (row, sqlx::query_as(SECRETS).bind(&id).bind(now.0).fetch_all(c).await?)
    });
    Ok(joined(row.into_iter().collect(), secrets)?.pop())
}

/// Keys in the order of their ids, of one app or of all.
pub(super) async fn list_keys(
    db: &Db,
    of: Option<AppId>,
    walk: &Walk,
    now: Micros,
) -> Result<Vec<Key>, StoreError> {
    const LIST: &str = "SELECT * FROM keys WHERE id > $1 AND app_id = COALESCE($2, app_id) \
                        ORDER BY id LIMIT $3";
    const SECRETS: &str = "SELECT * FROM key_secrets WHERE key_id IN ( \
                               SELECT id FROM keys WHERE id > $1 \
                               AND app_id = COALESCE($2, app_id) ORDER BY id LIMIT $3) \
                           AND (expires_at IS NULL OR expires_at > $4) ORDER BY created_at";
    let of = of.map(|app| app.to_string());
    let limit = i64::from(walk.limit);
    let (rows, secrets): (Vec<Row>, Vec<SecretRow>) = on_db!(db, c => {
        let list = sqlx::query_as(LIST).bind(&walk.after).bind(&of).bind(limit);
        let rows = list.fetch_all(c).await?;
        let list = sqlx::query_as(SECRETS).bind(&walk.after).bind(&of).bind(limit).bind(now.0);
        (rows, list.fetch_all(c).await?)
    });
    joined(rows, secrets)
}

/// One secret of a key as the directory needs it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeySecretRow {
    /// Keyed BLAKE3 of the key's text.
    pub hash: [u8; 32],
    /// When a rotation ends it.
    pub expires_at: Option<Micros>,
}

/// A key with all that decides about its calls.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyRow {
    /// The key.
    pub key: KeyId,
    /// Live or test.
    pub environment: Environment,
    /// The key's own status.
    pub key_status: Status,
    /// What it may do.
    pub scopes: Scopes,
    /// Where it may be used from; empty means anywhere.
    pub cidrs: Vec<IpNet>,
    /// When it ends.
    pub expires_at: Option<Micros>,
    /// The app it belongs to.
    pub app: AppId,
    /// The app's status.
    pub app_status: Status,
    /// When its contract began.
    pub app_since: Micros,
    /// The partner that the app belongs to.
    pub partner: PartnerId,
    /// The partner's status.
    pub partner_status: Status,
    /// When its contract began.
    pub partner_since: Micros,
    /// The plan in force.
    pub plan: PlanId,
    /// Its version.
    pub plan_version: u32,
    /// What it grants.
    pub definition: Definition,
    /// The secrets on record: those that are valid, and the last ones that are over, so that their
    /// holder can be told.
    pub secrets: Vec<KeySecretRow>,
}

#[derive(FromRow)]
struct DirectoryRow {
    id: String,
    environment: String,
    status: String,
    scopes: String,
    cidrs: String,
    expires_at: Option<i64>,
    app_id: String,
    app_status: String,
    app_since: i64,
    partner_id: String,
    partner_status: String,
    partner_since: i64,
    plan_id: String,
    version: i64,
    definition: String,
}

impl DirectoryRow {
    fn with(self, secrets: Vec<KeySecretRow>) -> Result<KeyRow, StoreError> {
        Ok(KeyRow {
            key: stored("keys", &self.id)?,
            environment: stored("keys", &self.environment)?,
            key_status: stored("keys", &self.status)?,
            scopes: stored("keys", &self.scopes)?,
            cidrs: cidrs(&self.cidrs)?,
            expires_at: self.expires_at.map(Micros),
            app: stored("apps", &self.app_id)?,
            app_status: stored("apps", &self.app_status)?,
            app_since: Micros(self.app_since),
            partner: stored("partners", &self.partner_id)?,
            partner_since: Micros(self.partner_since),
            partner_status: stored("partners", &self.partner_status)?,
            plan: stored("plans", &self.plan_id)?,
            plan_version: version(self.version)?,
            definition: definition(&self.definition)?,
            secrets,
        })
    }
}

#[derive(FromRow)]
struct HashRow {
    key_id: String,
    hash: String,
    expires_at: Option<i64>,
}

/// Every key with all that decides about its calls, one row for each.
pub async fn load_directory(db: &Db) -> Result<Vec<KeyRow>, StoreError> {
    const KEYS: &str = "SELECT k.id, k.environment, k.status, k.scopes, k.cidrs, k.expires_at, \
                            a.id AS app_id, a.status AS app_status, a.created_at AS app_since, \
                            p.id AS partner_id, p.status AS partner_status, \
                            p.created_at AS partner_since, \
                            l.id AS plan_id, l.version, v.definition \
                        FROM keys k \
                        JOIN apps a ON a.id = k.app_id \
                        JOIN partners p ON p.id = a.partner_id \
                        JOIN plans l ON l.id = a.plan_id \
                        JOIN plan_versions v ON v.plan_id = l.id AND v.version = l.version";
    const SECRETS: &str = "SELECT key_id, hash, expires_at FROM key_secrets";
    let (rows, secrets): (Vec<DirectoryRow>, Vec<HashRow>) = on_db!(db, c => {
        (sqlx::query_as(KEYS).fetch_all(c).await?, sqlx::query_as(SECRETS).fetch_all(c).await?)
    });
    let mut of: HashMap<String, Vec<KeySecretRow>> = HashMap::new();
    for HashRow { key_id, hash, expires_at } in secrets {
        let hash =
            blake3::Hash::from_hex(hash).map_err(|e| StoreError::corrupt("key_secrets", e))?;
        let secret = KeySecretRow { hash: *hash.as_bytes(), expires_at: expires_at.map(Micros) };
        of.entry(key_id).or_default().push(secret);
    }
    let mut keys = Vec::with_capacity(rows.len());
    for row in rows {
        let secrets = of.remove(&row.id).unwrap_or_default();
        keys.push(row.with(secrets)?);
    }
    Ok(keys)
}

/// Stores when secrets were last used. An older time never replaces a newer one.
pub async fn touch_secrets(tx: &mut Tx, uses: &[([u8; 32], Micros)]) -> Result<(), StoreError> {
    const TOUCH: &str = "UPDATE key_secrets SET last_used_at = $2 \
                         WHERE hash = $1 AND (last_used_at IS NULL OR last_used_at < $2)";
    // In one order on all nodes, so that two of them never wait for each other.
    let mut uses = uses.to_vec();
    uses.sort_unstable();
    for (hash, at) in &uses {
        on_tx!(&mut *tx, c => {
            sqlx::query(TOUCH).bind(hex(hash)).bind(at.0).execute(c).await?;
        });
    }
    Ok(())
}
