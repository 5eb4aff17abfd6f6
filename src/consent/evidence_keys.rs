//! The life of the keys that sign receipts and checkpoints.
//!
//! What they sign is checked years later, by the published keys alone. So they stay published when others have taken
//! their place, unlike keys of tokens; only one that was stolen is taken out.

use crate::kernel::Micros;
use crate::kernel::clock::DAY;

/// How long a key is published before it signs, in microseconds.
const PUBLISHED_BEFORE: i64 = DAY;
/// How long a key signs, in microseconds: what it has signed is checked for ever, so there is no hurry.
const SIGNS_FOR: i64 = 365 * DAY;

/// A key that signs evidence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EvidenceKey<K> {
    /// The public key, as it is published.
    pub public: K,
    /// When it begins to sign. It is published before.
    pub active_from: Micros,
    /// When it was taken out, as somebody else had it.
    pub withdrawn_at: Option<Micros>,
}

impl<K> EvidenceKey<K> {
    /// Whether it was not taken out.
    fn is_good(&self, now: Micros) -> bool {
        self.withdrawn_at.is_none_or(|at| now < at)
    }
}

/// All keys that have ever signed evidence, and those that will.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EvidenceKeys<K> {
    /// In the order in which they begin to sign.
    keys: Vec<EvidenceKey<K>>,
}

impl<K> EvidenceKeys<K> {
    /// The keys, in any order.
    #[must_use]
    pub fn new(mut keys: Vec<EvidenceKey<K>>) -> Self {
        keys.sort_by_key(|key| key.active_from);
        Self { keys }
    }

    /// The key that signs now: the newest that has begun and is good. `None` where there is none, and nothing can be
    /// signed.
    #[must_use]
    pub fn active(&self, now: Micros) -> Option<&K> {
        let mut newest_first = self.keys.iter().rev();
        let active = newest_first.find(|key| key.active_from <= now && key.is_good(now));
        active.map(|key| &key.public)
    }

    /// When a key has to begin to sign that is to be made now; `None` where none is needed. Where none signs, it begins at
    /// once: as the first one, or in the place of one that was taken out.
    #[must_use]
    pub fn due(&self, now: Micros) -> Option<Micros> {
        if self.active(now).is_none() {
            return Some(now);
        }
        let newest = self.keys.iter().rev().find(|key| key.is_good(now))?.active_from;
        let end = newest.0.saturating_add(SIGNS_FOR);
        let is_due = now.0 >= end.saturating_sub(PUBLISHED_BEFORE);
        is_due.then(|| Micros(end.max(now.0.saturating_add(PUBLISHED_BEFORE))))
    }

    /// The keys that are published: all that are good, whether they sign now, will, or have.
    pub fn published(&self, now: Micros) -> impl Iterator<Item = &K> {
        self.keys.iter().filter(move |key| key.is_good(now)).map(|key| &key.public)
    }
}
