//! The life of the keys that sign access tokens, as it follows from times alone.
//!
//! A key is published a day before it signs, so that whoever caches the set has it by then; it signs until the next one
//! does; and it stays published until no token that it has signed can work. All nodes see the same, whatever they did
//! before, for nothing but the instants at which keys begin to sign is stored.

use super::jwk::EcJwk;
use crate::kernel::Micros;
use crate::kernel::clock::{DAY, HOUR, SECOND};
use serde::Serialize;

/// How long a key is published before it signs, in microseconds.
pub const PREPUBLISHED: i64 = 24 * HOUR;
/// How long a key signs, in microseconds.
pub const SIGNS: i64 = 90 * DAY;

/// A key and when it begins to sign.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeyTimes {
    /// The key.
    pub public: EcJwk,
    /// When it begins to sign.
    pub active_from: Micros,
}

/// Where a key stands in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyStage {
    /// It is published and does not sign yet.
    Prepublished,
    /// It signs.
    Active,
    /// It signs no more; tokens that it has signed may still work.
    Retiring,
    /// Nothing that it has signed works any more.
    Gone,
}

/// The keys that there are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyRing {
    /// In the order in which they begin to sign.
    keys: Vec<KeyTimes>,
    /// How long a key is published after the next one has begun to sign.
    retiring: i64,
}

impl KeyRing {
    /// The keys of an issuer whose access tokens work for `access_life_most_s` seconds at the most.
    #[must_use]
    pub fn new(mut keys: Vec<KeyTimes>, access_life_most_s: u16) -> Self {
        keys.sort_by_key(|key| key.active_from);
        Self { keys, retiring: 2 * i64::from(access_life_most_s) * SECOND }
    }

    /// The keys with their stages at an instant.
    pub fn stages(&self, now: Micros) -> impl Iterator<Item = (&KeyTimes, KeyStage)> {
        let next = self.keys.iter().skip(1).map(|key| Some(key.active_from)).chain([None]);
        self.keys.iter().zip(next).map(move |(key, next)| {
            let stage = match next {
                _ if now < key.active_from => KeyStage::Prepublished,
                Some(next) if now.0 >= next.0.saturating_add(self.retiring) => KeyStage::Gone,
                Some(next) if now >= next => KeyStage::Retiring,
                _ => KeyStage::Active,
            };
            (key, stage)
        })
    }

    /// The key that signs now; none where the first one has not begun.
    #[must_use]
    pub fn active(&self, now: Micros) -> Option<&EcJwk> {
        let mut stages = self.stages(now);
        stages.find(|(_, stage)| *stage == KeyStage::Active).map(|(key, _)| &key.public)
    }

    /// When a key has to begin to sign that is to be made now; `None` where none is needed. The first one begins at
    /// once: nobody has cached a set without it.
    #[must_use]
    pub fn due(&self, now: Micros) -> Option<Micros> {
        let Some(newest) = self.keys.last() else { return Some(now) };
        let end = newest.active_from.0.saturating_add(SIGNS);
        let from = end.max(now.0.saturating_add(PREPUBLISHED));
        (now.0 >= end.saturating_sub(PREPUBLISHED)).then_some(Micros(from))
    }

    /// The public keys of all tokens that can work now or soon, as they are published (RFC 7517 §5).
    #[must_use]
    pub fn published(&self, now: Micros) -> PublishedKeys {
        let live = self.stages(now).filter(|(_, stage)| *stage != KeyStage::Gone);
        PublishedKeys { keys: live.map(|(key, _)| key.public).collect() }
    }
}

/// A JWK Set.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PublishedKeys {
    /// The keys.
    pub keys: Vec<EcJwk>,
}
