//! Every key with all that a call needs to be judged, in memory.
//!
//! The directory is built whole from the database and swapped in; a call reads it without a lock.
//! Limiter state lives outside it, in [`crate::limit`], so a rebuild resets no counter.

use super::Pepper;
use super::freshness::Freshness;
use super::imported::ImportedHasher;
use super::keys::model::{KeyKind, SecretForm};
use super::model::{Definition, StockDisclosure};
use super::plan::PlanData;
use super::service::{KeyRow, load_directory};
use super::terms::{PlanAt, Told, Window};
use super::{Environment, Scope, Scopes};
use crate::kernel::Micros;
use crate::kernel::clock::SECOND;
use crate::kernel::id::{AppId, KeyId, PartnerId, PlanId};
use crate::limit::{Limiter, Per, Subject, SubjectId, Terms};
use crate::storage::{Db, Log, StoreError, log};
use actix_web::http::header::HeaderValue;
use arc_swap::ArcSwap;
use ipnet::IpNet;
use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasherDefault, Hasher};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant};

/// Whether a key may be used at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// It may.
    Good,
    /// The key is in quarantine: it may look, once a second.
    Quarantined,
    /// The key, its app or its partner is suspended.
    Suspended,
    /// The key, its app or its partner is frozen.
    Frozen,
    /// The partner's contract has not begun.
    BeforeContract,
    /// The partner's contract is over.
    AfterContract,
    /// The key is revoked for good.
    Revoked,
}

/// What plan and scopes agree on.
fn disclosure(scopes: Scopes, plan: &Definition) -> StockDisclosure {
    let by_scope = match scopes.has(Scope::StockQuantity) {
        true => StockDisclosure::Exact,
        false => StockDisclosure::Band,
    };
    by_scope.min(plan.stock_disclosure)
}

/// One secret of a key.
#[derive(Debug)]
pub struct SecretRecord {
    /// What is compared, by the form.
    pub hash: [u8; 32],
    /// What it is checked by.
    pub form: SecretForm,
    /// When it begins, where that is not at once.
    pub starts_at: Option<Micros>,
    /// When a rotation ends its life.
    pub expires_at: Option<Micros>,
    /// Last use on this node in microseconds, 0 for none since the last time it was stored.
    pub last_used: AtomicI64,
    /// The public key of a client that signs, as JSON.
    pub jwk: Option<Box<str>>,
}

impl SecretRecord {
    /// Whether it works at an instant.
    #[must_use]
    pub fn works(&self, now: Micros) -> bool {
        self.starts_at.is_none_or(|at| at <= now) && self.expires_at.is_none_or(|at| at > now)
    }

    /// Notes a use. Once a second is enough to show the last one, and keeps the line out of the writers'
    /// way.
    pub fn note_use(&self, now: Micros) {
        if now.0 - self.last_used.load(Ordering::Relaxed) > SECOND {
            self.last_used.store(now.0, Ordering::Relaxed);
        }
    }
}

/// A key and all that decides about its calls.
#[derive(Debug)]
pub struct KeyRecord {
    /// The key.
    pub key: KeyId,
    /// How its holder shows it.
    pub kind: KeyKind,
    /// Live or test.
    pub environment: Environment,
    /// The app it belongs to.
    pub app: AppId,
    /// The partner that the app belongs to.
    pub partner: PartnerId,
    /// The plan in force.
    pub plan: PlanId,
    /// Its version.
    pub plan_version: u32,
    /// What the key may do.
    pub scopes: Scopes,
    /// Where it may be used from; empty means anywhere.
    pub cidrs: Box<[IpNet]>,
    /// When it ends.
    pub expires_at: Option<Micros>,
    /// Whether it may be used.
    pub standing: Standing,
    /// When the partner's contract holds.
    pub contract: Window,
    /// What the caller is told of a freeze.
    pub frozen: Told,
    /// Until when this record holds: then `next` does.
    pub until: Micros,
    /// What holds from `until` on, known already.
    pub next: Option<Arc<KeyRecord>>,
    /// Its secrets, one or two; the same ones in every record of the key.
    pub secrets: Arc<[SecretRecord]>,
    /// The generation of its access tokens: those of others work no more.
    pub token_generation: u32,
    /// In quarantine or barred: when the next call may come, on this node.
    pub next_at: Arc<AtomicI64>,
    /// How much of a quantity in stock the plan and the scopes together let it know.
    pub stock_disclosure: StockDisclosure,
    /// What of the retailer's data the plan includes; none where that is everything.
    pub data: Option<Arc<PlanData>>,
    /// The limits and weights of the plan.
    pub terms: Arc<Terms>,
    /// Their header, `RateLimit-Policy`, where it is the same for every call.
    pub policy_header: HeaderValue,
    /// The counters of the key, its app and its partner, each shared by all that count on it.
    pub subject: Subject,
}

impl KeyRecord {
    /// Takes the one call a second that is left to a key in quarantine or barred; the seconds to wait where it is taken.
    pub fn pace(&self, now: Micros) -> Result<(), u64> {
        let next = |at: i64| {
            // A clock that was set back makes nobody wait longer than a second.
            (at <= now.0 || at > now.0 + SECOND).then_some(now.0 + SECOND)
        };
        match self.next_at.fetch_update(Ordering::Relaxed, Ordering::Relaxed, next) {
            Ok(_) => Ok(()),
            Err(_) => Err(1),
        }
    }
}

/// Key ids are uniformly random already: hashing them again would only cost time.
#[derive(Debug, Default)]
pub struct IdHasher(u64);

impl Hasher for IdHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }

    fn write_u64(&mut self, id: u64) {
        self.0 = id;
    }
}

fn record_at(mut record: &Arc<KeyRecord>, now: Micros) -> &Arc<KeyRecord> {
    while record.until <= now
        && let Some(next) = &record.next
    {
        record = next;
    }
    record
}

type Keys = HashMap<u64, Arc<KeyRecord>, BuildHasherDefault<IdHasher>>;
/// Keys by the hash of their texts, where those are not ours and so name no key.
type ByText = HashMap<[u8; 32], KeyId, BuildHasherDefault<IdHasher>>;

/// The keys as they stand at one position of the control log.
#[derive(Debug, Default)]
pub struct Directory {
    keys: Keys,
    imported: ByText,
    position: i64,
}

impl Directory {
    /// The record of a key that holds at an instant. One comparison, where nothing has turned since this
    /// directory was built.
    #[must_use]
    pub fn at(&self, key: KeyId, now: Micros) -> Option<&Arc<KeyRecord>> {
        self.keys.get(&key.0).map(|record| record_at(record, now))
    }

    /// Whether any key came from another gateway: otherwise a text that is not ours names none.
    #[must_use]
    pub fn has_imported(&self) -> bool {
        !self.imported.is_empty()
    }

    /// The record of a key from another gateway that holds at an instant, by the hash of its text.
    #[must_use]
    pub fn imported(&self, hash: &[u8; 32], now: Micros) -> Option<&Arc<KeyRecord>> {
        self.at(*self.imported.get(hash)?, now)
    }

    /// All keys, as they are at an instant.
    pub fn keys_at(&self, now: Micros) -> impl Iterator<Item = &Arc<KeyRecord>> {
        self.keys.values().map(move |record| record_at(record, now))
    }

    /// The position of the control log that this directory reflects.
    #[must_use]
    pub fn position(&self) -> i64 {
        self.position
    }

    /// How many keys there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.keys.len()
    }

    /// Whether there is no key yet.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }
}

fn subject_id(row: &KeyRow) -> SubjectId {
    SubjectId {
        partner: row.partner,
        app: row.app,
        key: row.key,
        live: row.environment == Environment::Live,
        partner_since: row.partner_since,
        app_since: row.app_since,
    }
}

/// The partners whose apps are on several plans with limits for the partner, from `now` on.
fn mixed(rows: &[KeyRow], terms: &mut KnownTerms, now: Micros) -> HashSet<PartnerId> {
    let mut plans: HashMap<PartnerId, PlanId> = HashMap::new();
    let mut mixed = HashSet::new();
    for row in rows {
        for at in std::iter::once(now).chain(row.turns(now)) {
            let plan = row.plan_at(at).plan;
            let limited = !terms.get(row, at).level(Per::Partner).is_empty();
            if limited && *plans.entry(row.partner).or_insert(plan) != plan {
                mixed.insert(row.partner);
            }
        }
    }
    mixed
}

/// The terms of plan versions, made once for all keys that are held to them, and kept from one directory
/// to the next.
struct KnownTerms(HashMap<(PlanId, u32, bool), Arc<Terms>>);

impl KnownTerms {
    fn of(directory: &Directory) -> Self {
        let chain =
            |first| std::iter::successors(Some(first), |key: &&Arc<KeyRecord>| key.next.as_ref());
        let known = directory.keys.values().flat_map(chain).map(|key| {
            let live = key.environment == Environment::Live;
            ((key.plan, key.plan_version, live), Arc::clone(&key.terms))
        });
        Self(known.collect())
    }

    /// Those that a key is held to at an instant.
    fn get(&mut self, row: &KeyRow, at: Micros) -> Arc<Terms> {
        let live = row.environment == Environment::Live;
        let PlanAt { plan, version, definition, .. } = row.plan_at(at);
        let known = self.0.entry((plan, version, live));
        Arc::clone(known.or_insert_with(|| Arc::new(definition.terms(live))))
    }
}

/// The directory in force, and how it is kept current.
#[derive(Debug)]
pub struct Keyring {
    current: ArcSwap<Directory>,
    limiter: Limiter,
    pepper: Arc<Pepper>,
    imported: ImportedHasher,
    freshness: Freshness,
}

impl Keyring {
    /// An empty keyring, which judges for `stale_after` without having read the control log.
    #[must_use]
    pub fn new(limiter: Limiter, pepper: Arc<Pepper>, stale_after: Duration) -> Self {
        let imported = ImportedHasher::new(&pepper);
        let freshness = Freshness::new(stale_after);
        Self { current: ArcSwap::default(), limiter, pepper, imported, freshness }
    }

    /// Hashes texts that other gateways gave out.
    #[must_use]
    pub fn imported_hasher(&self) -> &ImportedHasher {
        &self.imported
    }

    /// How long ago it was known that the directory holds all that the control log says.
    #[must_use]
    pub fn freshness(&self) -> &Freshness {
        &self.freshness
    }

    /// The directory in force.
    pub fn current(&self) -> arc_swap::Guard<Arc<Directory>> {
        self.current.load()
    }

    /// The pepper that keys are hashed with.
    #[must_use]
    pub fn pepper(&self) -> &Arc<Pepper> {
        &self.pepper
    }

    /// The limiter that holds the counters.
    #[must_use]
    pub fn limiter(&self) -> &Limiter {
        &self.limiter
    }

    /// Reads the directory anew, as it is from `now` on, if the control log has moved on; whether it had.
    pub async fn follow(&self, db: &Db, now: Micros) -> Result<bool, StoreError> {
        let at = Instant::now();
        let moved = self.moved(db).await?;
        if let Some(position) = moved {
            self.load(db, position, (at, now)).await?;
        }
        Ok(moved.is_some())
    }

    /// The head of the control log, where the directory is not of that position.
    pub async fn moved(&self, db: &Db) -> Result<Option<i64>, StoreError> {
        let at = Instant::now();
        let position = log::head(db, Log::Control).await?;
        if position == self.current.load().position && position != 0 {
            self.freshness.read_at(at);
            return Ok(None);
        }
        Ok(Some(position))
    }

    /// Puts the directory in force, from `now` on, as it stands at a position or later. The head was read at `at`, before
    /// the rows: what is written in between is read twice, never missed.
    pub async fn load(
        &self,
        db: &Db,
        position: i64,
        (at, now): (Instant, Micros),
    ) -> Result<(), StoreError> {
        self.replace(load_directory(db, now).await?, position, now);
        self.freshness.read_at(at);
        Ok(())
    }

    /// Puts a directory of these keys in force.
    pub(super) fn replace(&self, rows: Vec<KeyRow>, position: i64, now: Micros) {
        let mut terms = KnownTerms::of(&self.current.load());
        let mixed = mixed(&rows, &mut terms, now);
        let records = |row: KeyRow| {
            let mixed = mixed.contains(&row.partner);
            (row.key.0, self.records(row, now, (&mut terms, mixed)))
        };
        let keys: Keys = rows.into_iter().map(records).collect();
        let of_another = |secret: &&SecretRecord| secret.form == SecretForm::Sha256;
        let imported = keys.values().flat_map(|key| {
            key.secrets.iter().filter(of_another).map(|secret| (secret.hash, key.key))
        });
        let imported = imported.collect();
        self.current.store(Arc::new(Directory { keys, imported, position }));
    }

    /// The records of a key from `now` on, each with the one behind it.
    fn records(
        &self,
        mut row: KeyRow,
        now: Micros,
        (terms, mixed): (&mut KnownTerms, bool),
    ) -> Arc<KeyRecord> {
        let secrets = self.secrets(&mut row);
        let turns = row.turns(now);
        let mut until = Micros(i64::MAX);
        let mut next = None;
        for at in turns.into_iter().rev() {
            let held = (terms.get(&row, at), mixed);
            next = Some(Arc::new(self.record(&row, at, (until, next.take()), held, &secrets)));
            until = at;
        }
        let held = (terms.get(&row, now), mixed);
        Arc::new(self.record(&row, now, (until, next), held, &secrets))
    }

    fn secrets(&self, row: &mut KeyRow) -> Arc<[SecretRecord]> {
        let known = self.current.load();
        let known = known.keys.get(&row.key.0);
        let secrets = std::mem::take(&mut row.secrets).into_iter().map(|secret| {
            let used = known.and_then(|k| k.secrets.iter().find(|s| s.hash == secret.hash));
            let last_used = used.map_or(0, |s| s.last_used.load(Ordering::Relaxed));
            SecretRecord {
                hash: secret.hash,
                form: secret.form,
                starts_at: secret.starts_at,
                expires_at: secret.expires_at,
                last_used: AtomicI64::new(last_used),
                jwk: secret.jwk.map(String::into_boxed_str),
            }
        });
        secrets.collect()
    }

    fn record(
        &self,
        row: &KeyRow,
        at: Micros,
        (until, next): (Micros, Option<Arc<KeyRecord>>),
        (terms, mixed): (Arc<Terms>, bool),
        secrets: &Arc<[SecretRecord]>,
    ) -> KeyRecord {
        let known = self.current.load();
        let known = known.keys.get(&row.key.0);
        let next_at = known.map_or_else(Arc::default, |key| Arc::clone(&key.next_at));
        let PlanAt { plan, version, definition, .. } = row.plan_at(at);
        KeyRecord {
            key: row.key,
            kind: row.kind,
            token_generation: row.token_generation,
            next_at,
            environment: row.environment,
            app: row.app,
            partner: row.partner,
            plan,
            plan_version: version,
            scopes: row.scopes,
            cidrs: row.cidrs.as_slice().into(),
            expires_at: row.expires_at,
            standing: row.standing_at(at),
            contract: row.terms.contract,
            frozen: row.terms.frozen.clone().unwrap_or_default(),
            until,
            next,
            secrets: Arc::clone(secrets),
            subject: self
                .limiter
                .subject(subject_id(row), &terms, |per| mixed && per == Per::Partner),
            policy_header: HeaderValue::from_str(&terms.limits.policy_header(|_| 0))
                .unwrap_or(HeaderValue::from_static("")),
            stock_disclosure: disclosure(row.scopes, definition),
            data: Some(&definition.data).filter(|data| !data.is_everything()).cloned(),
            terms,
        }
    }

    /// The secrets used since the last time they were asked for, with the time of use.
    #[must_use]
    pub fn take_uses(&self) -> Vec<([u8; 32], Micros)> {
        let directory = self.current.load();
        let secrets = directory.keys.values().flat_map(|key| key.secrets.iter());
        secrets
            .filter_map(|secret| match secret.last_used.swap(0, Ordering::Relaxed) {
                0 => None,
                at => Some((secret.hash, Micros(at))),
            })
            .collect()
    }
}
