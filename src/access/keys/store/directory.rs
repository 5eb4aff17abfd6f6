//! The rows that the directory of keys is made of: of all keys, or of some.

use super::cidrs;
use crate::access::freezes::{self, Freeze};
use crate::access::keys::model::{KeyKind, KeyStatus, SecretForm};
use crate::access::model::{Definition, Status};
use crate::access::plan::store::{definition, version};
use crate::access::store::stored;
use crate::access::subscriptions::State;
use crate::access::subscriptions::store::{Ending, endings};
use crate::access::terms::{self, Terms, Window};
use crate::access::{Environment, Scopes};
use crate::kernel::Micros;
use crate::kernel::id::{AppId, KeyId, PartnerId, PlanId};
use crate::on_db;
use crate::storage::fetch::{self, Columns};
use crate::storage::{Db, StoreError};
use ipnet::IpNet;
use sqlx::FromRow;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

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
    /// Whether that rotation was taken back.
    pub taken_back: bool,
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
    /// What it grants; shared by all rows of the plan.
    pub definition: Arc<Definition>,
    /// What holds for it beside: subscription, contract, freezes.
    pub terms: Terms,
    /// The secrets on record: those that are valid, and the last ones that are over, so that their
    /// holder can be told.
    pub secrets: Vec<KeySecretRow>,
}

/// A plan at its current version, read once for all that is on it.
#[derive(Debug)]
pub struct PlanNow {
    /// The version.
    pub version: u32,
    /// What it grants.
    pub definition: Arc<Definition>,
}

/// What all keys of an app have in common.
struct App {
    status: Status,
    since: Micros,
    partner: PartnerId,
    partner_status: Status,
    partner_since: Micros,
    plan: PlanId,
    plan_version: u32,
    definition: Arc<Definition>,
    terms: Terms,
}

/// A statement for all rows, and how it goes on before a list of ids where only some are wanted.
struct Select {
    all: &'static str,
    some: &'static str,
}

/// The rows of a statement: all, or those of some ids.
async fn read<C: Columns>(
    db: &Db,
    Select { all, some }: Select,
    ids: Option<&[String]>,
) -> Result<Vec<C>, StoreError> {
    match ids {
        None => Ok(on_db!(db, c => sqlx::query_as(all).fetch_all(c).await)?),
        Some(ids) => fetch::by_many_ids(db, some, ids, usize::MAX).await,
    }
}

macro_rules! select {
    ($all:literal, $some:literal) => {
        Select { all: $all, some: concat!($all, $some) }
    };
}

/// Every key with all that decides about its calls from `now` on, one row for each. The plan is that of the
/// app's last subscription; those that are in force before are in [`Terms::before`].
pub async fn load_directory(db: &Db, now: Micros) -> Result<Vec<KeyRow>, StoreError> {
    load(db, None, now).await
}

/// The same of the keys of some ids. What is no key has no row.
pub async fn load_keys(db: &Db, ids: &[String], now: Micros) -> Result<Vec<KeyRow>, StoreError> {
    load(db, Some(ids), now).await
}

async fn load(db: &Db, ids: Option<&[String]>, now: Micros) -> Result<Vec<KeyRow>, StoreError> {
    const KEYS: Select = select!(
        "SELECT id, kind, token_generation, environment, status, scopes, cidrs, expires_at, app_id FROM keys",
        " WHERE id IN ("
    );
    const SECRETS: Select = select!(
        "SELECT key_id, hash, form, starts_at, expires_at, taken_back, jwk FROM key_secrets",
        " WHERE key_id IN ("
    );
    let rows: Vec<Row> = read(db, KEYS, ids).await?;
    let mut of: HashMap<KeyId, Vec<KeySecretRow>> = HashMap::new();
    for row in read::<SecretRow>(db, SECRETS, ids).await? {
        of.entry(stored("key_secrets", &row.key_id)?).or_default().push(row.read()?);
    }
    let freezes = freezes::store::all(db).await?;
    let apps = apps(db, ids.map(|_| &rows[..]), now).await?;
    let mut keys = Vec::with_capacity(rows.len());
    for row in rows {
        // What came after the keys were read is behind the position that is read for, and read again.
        if let Some(app) = apps.get(&stored("keys", &row.app_id)?) {
            let mut key = row.with(app, &freezes)?;
            key.secrets = of.remove(&key.key).unwrap_or_default();
            keys.push(key);
        }
    }
    Ok(keys)
}

#[derive(FromRow)]
struct Row {
    id: String,
    kind: String,
    token_generation: i64,
    environment: String,
    status: String,
    scopes: String,
    cidrs: String,
    expires_at: Option<i64>,
    app_id: String,
}

impl Row {
    fn with(self, app: &App, freezes: &HashMap<String, Freeze>) -> Result<KeyRow, StoreError> {
        let mut terms = app.terms.clone();
        if !freezes.is_empty() {
            let partner = app.partner.to_string();
            terms.frozen = terms::frozen(freezes, [&partner, &self.app_id, &self.id]);
        }
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
            app: stored("keys", &self.app_id)?,
            app_status: app.status,
            app_since: app.since,
            partner: app.partner,
            partner_since: app.partner_since,
            partner_status: app.partner_status,
            plan: app.plan,
            plan_version: app.plan_version,
            definition: Arc::clone(&app.definition),
            secrets: Vec::new(),
        })
    }
}

#[derive(FromRow)]
struct SecretRow {
    key_id: String,
    hash: String,
    form: String,
    starts_at: Option<i64>,
    expires_at: Option<i64>,
    taken_back: bool,
    jwk: Option<String>,
}

impl SecretRow {
    fn read(self) -> Result<KeySecretRow, StoreError> {
        let hash = blake3::Hash::from_hex(self.hash);
        let hash = hash.map_err(|error| StoreError::corrupt("key_secrets", error))?;
        Ok(KeySecretRow {
            hash: *hash.as_bytes(),
            form: stored("key_secrets", &self.form)?,
            starts_at: self.starts_at.map(Micros),
            expires_at: self.expires_at.map(Micros),
            taken_back: self.taken_back,
            jwk: self.jwk,
        })
    }
}

#[derive(FromRow)]
struct AppRow {
    id: String,
    status: String,
    since: i64,
    partner_id: String,
    partner_status: String,
    partner_since: i64,
    contract_from: Option<i64>,
    contract_until: Option<i64>,
    plan_id: String,
    state: String,
}

/// All apps, or those that these keys belong to with all others of their partners: whether the apps of a partner are
/// on several plans is a matter of all of them.
async fn app_rows(db: &Db, of: Option<&[Row]>) -> Result<Vec<AppRow>, StoreError> {
    macro_rules! apps {
        ($some:literal) => {
            select!(
                "SELECT a.id, a.status, p.id AS partner_id, p.status AS partner_status, \
                    COALESCE(p.contract_from, p.created_at) AS partner_since, \
                    p.contract_from, p.contract_until, s.plan_id, s.state, \
                    COALESCE(p.contract_from, (SELECT MIN(f.starts_at) \
                        FROM app_subscriptions f WHERE f.app_id = a.id)) AS since \
                FROM apps a \
                JOIN partners p ON p.id = a.partner_id \
                JOIN app_subscriptions s ON s.app_id = a.id \
                    AND s.starts_at IS NOT NULL AND s.ends_at IS NULL",
                $some
            )
        };
    }
    const OWN: Select = apps!(" WHERE a.id IN (");
    const OF_PARTNERS: Select = apps!(" WHERE a.partner_id IN (");
    let Some(keys) = of else { return read(db, OWN, None).await };
    let own: HashSet<String> = keys.iter().map(|row| row.app_id.clone()).collect();
    let mut rows: Vec<AppRow> = read(db, OWN, Some(&Vec::from_iter(own))).await?;
    let known: HashSet<String> = rows.iter().map(|row| row.id.clone()).collect();
    let partners: HashSet<String> = rows.iter().map(|row| row.partner_id.clone()).collect();
    // One that moves meanwhile is there all the same.
    let others: Vec<AppRow> = read(db, OF_PARTNERS, Some(&Vec::from_iter(partners))).await?;
    rows.extend(others.into_iter().filter(|row| !known.contains(&row.id)));
    Ok(rows)
}

async fn apps(db: &Db, of: Option<&[Row]>, now: Micros) -> Result<HashMap<AppId, App>, StoreError> {
    let of_some = of.is_some();
    let rows = app_rows(db, of).await?;
    let ids: Vec<String> = rows.iter().map(|row| row.id.clone()).collect();
    let mut ends = endings(db, of_some.then_some(&ids[..]), now).await?;
    let named = rows.iter().map(|row| &row.plan_id);
    let named = named.chain(ends.values().flatten().map(|ending| &ending.plan_id));
    let plans = plans(db, of_some.then(|| named.collect())).await?;
    let mut apps = HashMap::with_capacity(rows.len());
    for row in rows {
        let before = ends.remove(&row.id).unwrap_or_default();
        let before = before.into_iter().filter_map(|ending| {
            let plan = plans.get(&ending.plan_id)?;
            Some(ending.under(plan.version, &plan.definition))
        });
        let before = before.collect::<Result<_, _>>()?;
        if let Some(plan) = plans.get(&row.plan_id) {
            apps.insert(stored("apps", &row.id)?, row.on(plan, before)?);
        }
    }
    mark_mixed(&mut apps, &plans)?;
    Ok(apps)
}

impl AppRow {
    fn on(self, plan: &PlanNow, before: Vec<Ending>) -> Result<App, StoreError> {
        let state: State = stored("app_subscriptions", &self.state)?;
        let terms = Terms {
            suspended: state == State::Suspended,
            before,
            contract: Window {
                from: Micros(self.contract_from.unwrap_or(i64::MIN)),
                until: Micros(self.contract_until.unwrap_or(i64::MAX)),
            },
            ..Terms::default()
        };
        Ok(App {
            terms,
            status: stored("apps", &self.status)?,
            since: Micros(self.since),
            partner: stored("partners", &self.partner_id)?,
            partner_since: Micros(self.partner_since),
            partner_status: stored("partners", &self.partner_status)?,
            plan: stored("plans", &self.plan_id)?,
            plan_version: plan.version,
            definition: Arc::clone(&plan.definition),
        })
    }
}

#[derive(FromRow)]
struct PlanRow {
    id: String,
    version: i64,
    definition: String,
}

/// Plans of some ids at their current versions.
pub async fn load_plans(db: &Db, ids: &[String]) -> Result<HashMap<PlanId, PlanNow>, StoreError> {
    let plans = plans(db, Some(ids.iter().collect())).await?;
    plans.into_iter().map(|(id, plan)| Ok((stored("plans", &id)?, plan))).collect()
}

/// Plans at their current versions, all or those of some ids.
async fn plans(
    db: &Db,
    ids: Option<HashSet<&String>>,
) -> Result<HashMap<String, PlanNow>, StoreError> {
    const PLANS: Select = select!(
        "SELECT l.id, l.version, v.definition FROM plans l \
        JOIN plan_versions v ON v.plan_id = l.id AND v.version = l.version",
        " WHERE l.id IN ("
    );
    let ids: Option<Vec<String>> = ids.map(|ids| ids.into_iter().cloned().collect());
    let mut plans = HashMap::new();
    for row in read::<PlanRow>(db, PLANS, ids.as_deref()).await? {
        let definition = Arc::new(definition(&row.definition)?);
        plans.insert(row.id, PlanNow { version: version(row.version)?, definition });
    }
    Ok(plans)
}

/// Marks the apps of partners whose apps are, or will be, on several plans with limits for the partner.
fn mark_mixed(
    apps: &mut HashMap<AppId, App>,
    plans: &HashMap<String, PlanNow>,
) -> Result<(), StoreError> {
    let mut limiting = HashSet::new();
    for (id, _) in plans.iter().filter(|(_, plan)| plan.definition.limits.of_partner()) {
        limiting.insert(stored::<PlanId>("plans", id)?);
    }
    if limiting.len() < 2 {
        return Ok(());
    }
    let mut first: HashMap<PartnerId, PlanId> = HashMap::new();
    let mut mixed: HashSet<PartnerId> = HashSet::new();
    for app in apps.values() {
        let before = app.terms.before.iter().map(|ending| ending.plan);
        for plan in before.chain([app.plan]).filter(|plan| limiting.contains(plan)) {
            if *first.entry(app.partner).or_insert(plan) != plan {
                mixed.insert(app.partner);
            }
        }
    }
    for app in apps.values_mut() {
        app.terms.mixed = mixed.contains(&app.partner);
    }
    Ok(())
}

/// The ids of the keys of some apps and of some partners; where they are more than `most`, some of them and more
/// than that.
pub async fn keys_of(
    db: &Db,
    (apps, partners): (&[String], &[String]),
    most: usize,
) -> Result<Vec<String>, StoreError> {
    const OF_APPS: &str = "SELECT id FROM keys WHERE app_id IN (";
    const OF_PARTNERS: &str = "SELECT k.id FROM keys k JOIN apps a ON a.id = k.app_id \
                               WHERE a.partner_id IN (";
    let mut found = Vec::new();
    for (select, ids) in [(OF_APPS, apps), (OF_PARTNERS, partners)] {
        let some: Vec<(String,)> = fetch::by_many_ids(db, select, ids, most + 1).await?;
        found.extend(some.into_iter().map(|(id,)| id));
    }
    Ok(found)
}
