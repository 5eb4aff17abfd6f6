//! All SQL of keys and their secrets. What rotations need is in [`rotation`],
//! what is asked of them in [`select`].

pub mod import;
pub mod leak;
pub mod rotation;
pub mod select;

use super::model::{KeyKind, KeyStatus, SecretForm};
use crate::access::freezes::{self, Freeze};
use crate::access::model::{Definition, Key, KeySecret, KeySpec, Status};
use crate::access::store::{definition, stored, version};
use crate::access::subscriptions::State;
use crate::access::subscriptions::store::{Ending, endings};
use crate::access::terms::{self, Terms, Window};
use crate::access::{Environment, Scopes};
use crate::kernel::Micros;
use crate::kernel::id::{AppId, KeyId, PartnerId, PlanId};
use crate::kernel::word::Word as _;
use crate::storage::{Db, StoreError, Tx};
use crate::{on_db, on_tx};
use ipnet::IpNet;
use sqlx::FromRow;
use std::collections::HashMap;
use std::collections::hash_map::Entry;

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

const FIND: &str = "SELECT * FROM keys WHERE id = $1";
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

/// One secret of a key as the directory needs it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeySecretRow {
    /// What is compared, by the form.
    pub hash: [u8; 32],
    /// What it is checked by.
    pub form: SecretForm,
    /// When it begins, where that is not at once.
    pub starts_at: Option<Micros>,
    /// When a rotation ends it.
    pub expires_at: Option<Micros>,
    /// The public key of a client that signs.
    pub jwk: Option<String>,
}

/// A key with all that decides about its calls.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyRow {
    /// The key.
    pub key: KeyId,
    /// How its holder shows it.
    pub kind: KeyKind,
    /// Live or test.
    pub environment: Environment,
    /// The key's own status.
    pub key_status: KeyStatus,
    /// The generation of its access tokens: those of others work no more.
    pub token_generation: u32,
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
    /// When it first subscribed to a plan.
    pub app_since: Micros,
    /// The partner that the app belongs to.
    pub partner: PartnerId,
    /// The partner's status.
    pub partner_status: Status,
    /// When its contract began, or it was created where none is known.
    pub partner_since: Micros,
    /// The plan in force.
    pub plan: PlanId,
    /// Its version.
    pub plan_version: u32,
    /// What it grants.
    pub definition: Definition,
    /// What holds for it beside: subscription, contract, freezes.
    pub terms: Terms,
    /// The secrets on record: those that are valid, and the last ones that are over, so that their
    /// holder can be told.
    pub secrets: Vec<KeySecretRow>,
}

#[derive(FromRow)]
struct DirectoryRow {
    id: String,
    kind: String,
    token_generation: i64,
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
    subscription_state: String,
    contract_from: Option<i64>,
    contract_until: Option<i64>,
}

impl DirectoryRow {
    fn with(
        self,
        (secrets, definition): (Vec<KeySecretRow>, Definition),
        (endings, freezes): (&HashMap<String, Vec<Ending>>, &HashMap<String, Freeze>),
    ) -> Result<KeyRow, StoreError> {
        let state: State = stored("app_subscriptions", &self.subscription_state)?;
        let terms = Terms {
            suspended: state == State::Suspended,
            before: endings.get(&self.app_id).cloned().unwrap_or_default(),
            contract: Window {
                from: Micros(self.contract_from.unwrap_or(i64::MIN)),
                until: Micros(self.contract_until.unwrap_or(i64::MAX)),
            },
            frozen: terms::frozen(freezes, [&self.id, &self.app_id, &self.partner_id]),
        };
        Ok(KeyRow {
            terms,
            key: stored("keys", &self.id)?,
            kind: stored("keys", &self.kind)?,
            token_generation: version(self.token_generation)?,
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
            definition,
            secrets,
        })
    }
}

#[derive(FromRow)]
struct HashRow {
    key_id: String,
    hash: String,
    form: String,
    starts_at: Option<i64>,
    expires_at: Option<i64>,
    jwk: Option<String>,
}

impl HashRow {
    fn read(self) -> Result<KeySecretRow, StoreError> {
        let hash = blake3::Hash::from_hex(self.hash);
        let hash = hash.map_err(|error| StoreError::corrupt("key_secrets", error))?;
        Ok(KeySecretRow {
            hash: *hash.as_bytes(),
            form: stored("key_secrets", &self.form)?,
            starts_at: self.starts_at.map(Micros),
            expires_at: self.expires_at.map(Micros),
            jwk: self.jwk,
        })
    }
}

/// Every key with all that decides about its calls from `now` on, one row for each. The plan is that of the
/// app's last subscription; those that are in force before are in [`Terms::before`].
pub async fn load_directory(db: &Db, now: Micros) -> Result<Vec<KeyRow>, StoreError> {
    const KEYS: &str = "SELECT k.id, k.kind, k.token_generation, k.environment, k.status, k.scopes, k.cidrs, k.expires_at, \
                            a.id AS app_id, a.status AS app_status, \
                            p.id AS partner_id, p.status AS partner_status, \
                            COALESCE(p.contract_from, p.created_at) AS partner_since, \
                            p.contract_from, p.contract_until, \
                            l.id AS plan_id, l.version, v.definition, \
                            s.state AS subscription_state, \
                            COALESCE(p.contract_from, (SELECT MIN(f.starts_at) \
                                FROM app_subscriptions f WHERE f.app_id = a.id)) AS app_since \
                        FROM keys k \
                        JOIN apps a ON a.id = k.app_id \
                        JOIN partners p ON p.id = a.partner_id \
                        JOIN app_subscriptions s ON s.app_id = a.id \
                            AND s.starts_at IS NOT NULL AND s.ends_at IS NULL \
                        JOIN plans l ON l.id = s.plan_id \
                        JOIN plan_versions v ON v.plan_id = l.id AND v.version = l.version";
    const SECRETS: &str = "SELECT key_id, hash, form, starts_at, expires_at, jwk FROM key_secrets";
    let (rows, secrets): (Vec<DirectoryRow>, Vec<HashRow>) = on_db!(db, c => {
        (sqlx::query_as(KEYS).fetch_all(c).await?, sqlx::query_as(SECRETS).fetch_all(c).await?)
    });
    let mut of: HashMap<String, Vec<KeySecretRow>> = HashMap::new();
    for mut row in secrets {
        let key = std::mem::take(&mut row.key_id);
        of.entry(key).or_default().push(row.read()?);
    }
    let (endings, freezes) = (endings(db, now).await?, freezes::store::all(db).await?);
    let mut keys = Vec::with_capacity(rows.len());
    // Many keys have one plan: it is read once.
    let mut plans: HashMap<(String, i64), Definition> = HashMap::new();
    for row in rows {
        let secrets = of.remove(&row.id).unwrap_or_default();
        let plan = match plans.entry((row.plan_id.clone(), row.version)) {
            Entry::Occupied(known) => known.get().clone(),
            Entry::Vacant(new) => new.insert(definition(&row.definition)?).clone(),
        };
        keys.push(row.with((secrets, plan), (&endings, &freezes))?);
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
