//! The life of the keys that sign, as it follows from times alone.
//!
//! A key is published a day before it signs, so that whoever caches the set has it by then; it signs until the next one
//! does; and it stays published until no token that it has signed can work. One that is withdrawn is published and
//! signs no more from then on. All nodes see the same, whatever they did before, for nothing but these instants is
//! stored. The keys of evidence live longer ([`crate::consent::evidence_keys`]), and are published beside these.

use super::exchange::CLIENT_LIFE_S;
use super::jwk::EcJwk;
use crate::consent::evidence_keys::EvidenceKeys;
use crate::kernel::Micros;
use crate::kernel::clock::{DAY, HOUR, SECOND};
use serde::Serialize;

/// How long a key is published before it signs, in microseconds.
pub const PREPUBLISHED: i64 = 24 * HOUR;
/// How long a key signs, in microseconds.
pub const SIGNS: i64 = 90 * DAY;

/// A key and its instants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeyTimes {
    /// The key.
    pub public: EcJwk,
    /// When it begins to sign.
    pub active_from: Micros,
    /// When it was withdrawn: somebody else has it, or may have.
    pub withdrawn_at: Option<Micros>,
}

/// Where a key stands in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyStage {
    /// It is published and does not sign yet.
    Prepublished,
    /// It signs.
    Active,
    /// It signs no more; what it has signed is still believed.
    Retiring,
    /// Nothing that it has signed works any more, or is believed.
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
    /// The keys of an issuer whose access tokens about customers work for `access_life_most_s` seconds at the most, and
    /// those of clients themselves for [`CLIENT_LIFE_S`].
    #[must_use]
    pub fn new(mut keys: Vec<KeyTimes>, access_life_most_s: u16) -> Self {
        keys.sort_by_key(|key| key.active_from);
        Self { keys, retiring: 2 * i64::from(access_life_most_s.max(CLIENT_LIFE_S)) * SECOND }
    }

    /// The keys with their stages at an instant.
    pub fn stages(&self, now: Micros) -> impl Iterator<Item = (&KeyTimes, KeyStage)> {
        let next = self.keys.iter().skip(1).map(|key| Some(key.active_from)).chain([None]);
        self.keys.iter().zip(next).map(move |(key, next)| {
            let is_over = |next: Micros| now.0 >= next.0.saturating_add(self.retiring);
            let stage = match next {
                _ if key.withdrawn_at.is_some_and(|at| now >= at) => KeyStage::Gone,
                _ if now < key.active_from => KeyStage::Prepublished,
                Some(next) if is_over(next) => KeyStage::Gone,
                Some(next) if now >= next => KeyStage::Retiring,
                _ => KeyStage::Active,
            };
            (key, stage)
        })
    }

    /// The key that signs now; none where the first one has not begun, or the one that did is withdrawn.
    #[must_use]
    pub fn active(&self, now: Micros) -> Option<&EcJwk> {
        let mut stages = self.stages(now);
        stages.find(|(_, stage)| *stage == KeyStage::Active).map(|(key, _)| &key.public)
    }

    /// When a key has to begin to sign that is to be made now; `None` where none is needed. Where none signs, it begins
    /// at once: as the first one, whose set nobody has cached, or in the place of one that was withdrawn.
    #[must_use]
    pub fn due(&self, now: Micros) -> Option<Micros> {
        if self.active(now).is_none() {
            return Some(now);
        }
        let lives = self.stages(now).filter(|(_, stage)| *stage != KeyStage::Gone);
        let newest = lives.map(|(key, _)| key.active_from).last()?;
        let end = newest.0.saturating_add(SIGNS);
        let from = end.max(now.0.saturating_add(PREPUBLISHED));
        (now.0 >= end.saturating_sub(PREPUBLISHED)).then_some(Micros(from))
    }

    /// The public keys of all tokens that can work now or soon, and of all evidence, as they are published (RFC 7517
    /// §5).
    #[must_use]
    pub fn published(&self, evidence: &EvidenceKeys<EcJwk>, now: Micros) -> PublishedKeys {
        let live = self.stages(now).filter(|(_, stage)| *stage != KeyStage::Gone);
        let live = live.map(|(key, _)| key.public);
        PublishedKeys { keys: live.chain(evidence.published(now).copied()).collect() }
    }
}

/// A JWK Set.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PublishedKeys {
    /// The keys.
    pub keys: Vec<EcJwk>,
}
