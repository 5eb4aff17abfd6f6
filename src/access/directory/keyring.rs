//! The directory in force, and how it is kept current.

use super::make::Maker;
use super::touched::{self, Touched};
use super::{Directory, KeyRecord};
use crate::access::Pepper;
use crate::access::freshness::Freshness;
use crate::access::imported::ImportedHasher;
use crate::access::keys::model::SecretUse;
use crate::access::service::{KeyRow, PlanNow, load_directory, load_keys, load_plans};
use crate::access::skew::ClockSkew;
use crate::kernel::Micros;
use crate::kernel::id::{KeyId, PlanId};
use crate::limit::Limiter;
use crate::storage::{Db, Log, StoreError, log};
use arc_swap::ArcSwap;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::Mutex;

/// The directory in force, and how it is kept current.
#[derive(Debug)]
pub struct Keyring {
    current: ArcSwap<Directory>,
    /// Held while the next directory is made, so that none is made from one that is over.
    turn: Mutex<()>,
    limiter: Limiter,
    pepper: Arc<Pepper>,
    imported: ImportedHasher,
    freshness: Freshness,
    skew: ClockSkew,
    /// Uses that no record holds, by the secret.
    uses: parking_lot::Mutex<HashMap<[u8; 32], SecretUse>>,
}

impl Keyring {
    /// An empty keyring, which judges for `stale_after` without having read the control log, and by a clock that is off by
    /// no more than `max_skew`.
    #[must_use]
    pub fn new(
        limiter: Limiter,
        pepper: Arc<Pepper>,
        stale_after: Duration,
        max_skew: Duration,
    ) -> Self {
        let imported = ImportedHasher::new(&pepper);
        let (freshness, skew) = (Freshness::new(stale_after), ClockSkew::new(max_skew));
        let (current, turn, uses) = Default::default();
        Self { current, turn, limiter, pepper, imported, freshness, skew, uses }
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

    /// How far this node's clock is off.
    #[must_use]
    pub fn skew(&self) -> &ClockSkew {
        &self.skew
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

    /// Follows the control log from `now` on, if it has moved on; whether it had.
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
        let turn = self.turn.lock().await;
        let before = self.current.load_full();
        // Another has read the head later and was first. What is before the head of now, though, is not of this log.
        let is_ahead = before.position > position;
        let position = if is_ahead { log::head(db, Log::Control).await? } else { position };
        match touched::behind(db, (before.position, position), before.len()).await? {
            Some(Touched { keys, plans }) => {
                // The plans first, so that no key is read under an older version than these.
                let plans = load_plans(db, &plans).await?;
                let rows = load_keys(db, &keys, now).await?;
                let keys = keys.iter().filter_map(|id| id.parse().ok()).collect();
                self.change(&before, (keys, rows, plans), (position, now)).await;
            }
            None => self.replace(load_directory(db, now).await?, position, now),
        }
        drop(turn);
        self.freshness.read_at(at);
        Ok(())
    }

    fn maker<'a>(&'a self, before: &'a Directory, now: Micros) -> Maker<'a> {
        let mut plans = before.plans.clone();
        plans.retain(|_, granted| granted.strong_count() > 0);
        Maker { limiter: &self.limiter, before, now, plans }
    }

    /// Puts a directory of these keys in force.
    pub(in crate::access) fn replace(&self, rows: Vec<KeyRow>, position: i64, now: Micros) {
        let before = self.current.load_full();
        let mut maker = self.maker(&before, now);
        let mut next = Directory { position, ..Directory::default() };
        for row in rows {
            next.put(&maker.records(&row));
        }
        next.plans = maker.plans;
        self.put_in_force(next, before.keys.values());
    }

    /// Puts the directory in force that comes of another where some keys were touched and these are the rows of all of
    /// them that there are, and where plans are as these say.
    async fn change(
        &self,
        before: &Directory,
        (mut touched, rows, plans): (Vec<KeyId>, Vec<KeyRow>, HashMap<PlanId, PlanNow>),
        (position, now): (i64, Micros),
    ) {
        let mut maker = self.maker(before, now);
        let mut next = Directory { position, ..before.clone() };
        touched.iter().for_each(|key| next.take(*key));
        for row in rows {
            next.put(&maker.records(&row));
        }
        touched.extend(maker.edit(&mut next, &plans).await);
        next.plans = maker.plans;
        self.put_in_force(next, touched.iter().filter_map(|key| before.keys.get(key)));
    }

    /// Puts a directory in force. Uses that were noted where records `were` are noted in the new ones.
    fn put_in_force<'a>(&self, next: Directory, were: impl Iterator<Item = &'a Arc<KeyRecord>>) {
        let next = Arc::new(next);
        self.current.store(Arc::clone(&next));
        let kept =
            |used: &SecretUse| next.keys.get(&used.key).is_some_and(|key| key.keep_use(used));
        self.put_back(were.flat_map(|was| was.take_uses()).filter(|used| !kept(used)));
    }

    /// The uses of secrets since the last time they were asked for, the last one of each.
    #[must_use]
    pub fn take_uses(&self) -> Vec<SecretUse> {
        let directory = self.current.load();
        self.put_back(directory.keys.values().flat_map(|key| key.take_uses()));
        std::mem::take(&mut *self.uses.lock()).into_values().collect()
    }

    /// Keeps uses for the next time: those that could not be stored, and of secrets that no record has any more.
    pub fn put_back(&self, uses: impl IntoIterator<Item = SecretUse>) {
        let mut kept = self.uses.lock();
        for used in uses {
            let last = kept.entry(used.hash).or_insert(used);
            last.at = last.at.max(used.at);
        }
    }
}
