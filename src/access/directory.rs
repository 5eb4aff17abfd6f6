//! Every key with all that a call needs to be judged, in memory.
//!
//! The directory is built whole from the database and swapped in; a call reads it without a lock.
//! Limiter state lives outside it, in [`crate::limit`], so a rebuild resets no counter.

use super::Pepper;
use super::freshness::Freshness;
use super::model::{Status, StockDisclosure};
use super::service::{KeyRow, load_directory};
use super::{Environment, Scope, Scopes};
use crate::kernel::Micros;
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
    /// The key, its app or its partner is suspended.
    Suspended,
    /// The key is revoked for good.
    Revoked,
}

impl Standing {
    fn of(row: &KeyRow) -> Self {
        let all = [row.key_status, row.app_status, row.partner_status];
        if all.contains(&Status::Revoked) {
            Self::Revoked
        } else if all.contains(&Status::Suspended) {
            Self::Suspended
        } else {
            Self::Good
        }
    }
}

/// What plan and scopes agree on.
fn disclosure(row: &KeyRow) -> StockDisclosure {
    let by_scope = match row.scopes.has(Scope::StockQuantity) {
        true => StockDisclosure::Exact,
        false => StockDisclosure::Band,
    };
    by_scope.min(row.definition.stock_disclosure)
}

/// One secret of a key.
#[derive(Debug)]
pub struct SecretRecord {
    /// Keyed BLAKE3 of the key's text.
    pub hash: [u8; 32],
    /// When a rotation ends its life.
    pub expires_at: Option<Micros>,
    /// Last use on this node in microseconds, 0 for none since the last time it was stored.
    pub last_used: AtomicI64,
}

/// A key and all that decides about its calls.
#[derive(Debug)]
pub struct KeyRecord {
    /// The key.
    pub key: KeyId,
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
    /// Its secrets, one or two.
    pub secrets: Box<[SecretRecord]>,
    /// How much of a quantity in stock the plan and the scopes together let it know.
    pub stock_disclosure: StockDisclosure,
    /// The limits and weights of the plan.
    pub terms: Arc<Terms>,
    /// Their header, `RateLimit-Policy`, where it is the same for every call.
    pub policy_header: HeaderValue,
    /// The counters of the key, its app and its partner, each shared by all that count on it.
    pub subject: Subject,
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

type Keys = HashMap<u64, Arc<KeyRecord>, BuildHasherDefault<IdHasher>>;

/// The keys as they stand at one position of the control log.
#[derive(Debug, Default)]
pub struct Directory {
    keys: Keys,
    position: i64,
}

impl Directory {
    /// The record of a key.
    #[must_use]
    pub fn get(&self, key: KeyId) -> Option<&Arc<KeyRecord>> {
        self.keys.get(&key.0)
    }

    /// All keys.
    pub fn keys(&self) -> impl Iterator<Item = &Arc<KeyRecord>> {
        self.keys.values()
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

/// The partners whose apps are on several plans with limits for the partner.
fn mixed(rows: &[KeyRow], terms: &mut KnownTerms) -> HashSet<PartnerId> {
    let mut plans: HashMap<PartnerId, PlanId> = HashMap::new();
    let mut mixed = HashSet::new();
    for row in rows {
        let limited = !terms.get(row).level(Per::Partner).is_empty();
        if limited && *plans.entry(row.partner).or_insert(row.plan) != row.plan {
            mixed.insert(row.partner);
        }
    }
    mixed
}

/// The terms of plan versions, made once for all keys that are held to them, and kept from one directory
/// to the next.
struct KnownTerms(HashMap<(PlanId, u32, bool), Arc<Terms>>);

impl KnownTerms {
    fn of(directory: &Directory) -> Self {
        let known = directory.keys().map(|key| {
            let live = key.environment == Environment::Live;
            ((key.plan, key.plan_version, live), Arc::clone(&key.terms))
        });
        Self(known.collect())
    }

    fn get(&mut self, row: &KeyRow) -> Arc<Terms> {
        let live = row.environment == Environment::Live;
        let known = self.0.entry((row.plan, row.plan_version, live));
        Arc::clone(known.or_insert_with(|| Arc::new(row.definition.terms(live))))
    }
}

/// The directory in force, and how it is kept current.
#[derive(Debug)]
pub struct Keyring {
    current: ArcSwap<Directory>,
    limiter: Limiter,
    pepper: Arc<Pepper>,
    freshness: Freshness,
}

impl Keyring {
    /// An empty keyring, which judges for `stale_after` without having read the control log.
    #[must_use]
    pub fn new(limiter: Limiter, pepper: Arc<Pepper>, stale_after: Duration) -> Self {
        let freshness = Freshness::new(stale_after);
        Self { current: ArcSwap::default(), limiter, pepper, freshness }
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

    /// Reads the directory anew if the control log has moved on; whether it had.
    pub async fn follow(&self, db: &Db) -> Result<bool, StoreError> {
        let at = Instant::now();
        let moved = self.moved(db).await?;
        if let Some(position) = moved {
            self.load(db, position, at).await?;
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

    /// Puts the directory in force as it stands at a position or later. The head was read at `at`, before
    /// the rows: what is written in between is read twice, never missed.
    pub async fn load(&self, db: &Db, position: i64, at: Instant) -> Result<(), StoreError> {
        self.replace(load_directory(db).await?, position);
        self.freshness.read_at(at);
        Ok(())
    }

    /// Puts a directory of these keys in force.
    pub(super) fn replace(&self, rows: Vec<KeyRow>, position: i64) {
        let mut terms = KnownTerms::of(&self.current.load());
        let mixed = mixed(&rows, &mut terms);
        let record = |row: KeyRow| {
            let (terms, mixed) = (terms.get(&row), mixed.contains(&row.partner));
            (row.key.0, Arc::new(self.record(row, terms, mixed)))
        };
        let keys = rows.into_iter().map(record).collect();
        self.current.store(Arc::new(Directory { keys, position }));
    }

    fn record(&self, row: KeyRow, terms: Arc<Terms>, mixed: bool) -> KeyRecord {
        let standing = Standing::of(&row);
        let stock_disclosure = disclosure(&row);
        let id = subject_id(&row);
        let known = self.current.load();
        let known = known.get(row.key);
        let secrets = row.secrets.into_iter().map(|secret| {
            let used = known.and_then(|k| k.secrets.iter().find(|s| s.hash == secret.hash));
            let last_used = used.map_or(0, |s| s.last_used.load(Ordering::Relaxed));
            SecretRecord {
                hash: secret.hash,
                expires_at: secret.expires_at,
                last_used: AtomicI64::new(last_used),
            }
        });
        KeyRecord {
            key: row.key,
            environment: row.environment,
            app: row.app,
            partner: row.partner,
            plan: row.plan,
            plan_version: row.plan_version,
            scopes: row.scopes,
            cidrs: row.cidrs.into(),
            expires_at: row.expires_at,
            standing,
            secrets: secrets.collect(),
            subject: self.limiter.subject(id, &terms, |per| mixed && per == Per::Partner),
            policy_header: HeaderValue::from_str(&terms.limits.policy_header(|_| 0))
                .unwrap_or(HeaderValue::from_static("")),
            stock_disclosure,
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
