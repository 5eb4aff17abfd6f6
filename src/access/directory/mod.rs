//! Every key with all that a call needs to be judged, in memory.
//!
//! A directory never changes: a change makes the next one, which shares with it all that stayed as it was, and is
//! swapped in. So a call reads it without a lock, and sees the state of one position of the control log. What an
//! entry of the log touches (`touched`) is read from the database and put in place; of a plan that is edited only the
//! plan is, and what it grants now is put before its keys (`edit`). All is read at the start and where it cannot be told. Limiter state lives outside, in [`crate::limit`], so neither resets a counter.

mod edit;
mod keyring;
mod make;
mod parts;
mod record;
#[cfg(test)]
mod tests;
mod touched;

pub use keyring::Keyring;
pub use record::{Granted, KeyRecord, SecretRecord, Standing, Unusable};

use super::Environment;
use super::keys::model::SecretForm;
use crate::kernel::Micros;
use crate::kernel::id::{KeyId, PlanId};
use parts::{Parted, TextHash};
use std::collections::HashMap;
use std::sync::{Arc, Weak};

/// What versions of plans grant each side of the counter, as long as any key is held to it.
type Plans = HashMap<(PlanId, u32, Environment), Weak<Granted>>;

/// The keys as they stand at one position of the control log.
#[derive(Debug, Clone, Default)]
pub struct Directory {
    keys: Parted<KeyId, Arc<KeyRecord>>,
    /// Keys by the hash of their texts, where those are not ours and so name no key.
    imported: Parted<TextHash, Arc<KeyRecord>>,
    plans: Plans,
    position: i64,
}

fn record_at(mut record: &Arc<KeyRecord>, now: Micros) -> &Arc<KeyRecord> {
    while record.until <= now
        && let Some(next) = &record.next
    {
        record = next;
    }
    record
}

impl Directory {
    /// The record of a key that holds at an instant. One comparison, where nothing has turned since it was made.
    #[must_use]
    pub fn at(&self, key: KeyId, now: Micros) -> Option<&Arc<KeyRecord>> {
        self.keys.get(&key).map(|record| record_at(record, now))
    }

    /// Whether any key came from another gateway: otherwise a text that is not ours names none.
    #[must_use]
    pub fn has_imported(&self) -> bool {
        self.imported.len() > 0
    }

    /// The record of a key from another gateway that holds at an instant, by the hash of its text.
    #[must_use]
    pub fn imported(&self, hash: &[u8; 32], now: Micros) -> Option<&Arc<KeyRecord>> {
        self.imported.get(&TextHash(*hash)).map(|record| record_at(record, now))
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
        self.keys.len() == 0
    }

    /// Puts a key in the place of what it was.
    fn put(&mut self, record: &Arc<KeyRecord>) {
        self.take(record.key);
        for hash in foreign(record) {
            self.imported.insert(hash, Arc::clone(record));
        }
        self.keys.insert(record.key, Arc::clone(record));
    }

    /// Takes a key out.
    fn take(&mut self, key: KeyId) {
        if let Some(was) = self.keys.remove(&key) {
            for hash in foreign(&was) {
                // Its text may be another key's by now.
                if self.imported.get(&hash).is_some_and(|held| held.key == key) {
                    self.imported.remove(&hash);
                }
            }
        }
    }
}

/// The hashes of a key's texts that other gateways gave out.
fn foreign(record: &KeyRecord) -> impl Iterator<Item = TextHash> + use<'_> {
    let of_another = |secret: &&SecretRecord| secret.form == SecretForm::Sha256;
    record.secrets.iter().filter(of_another).map(|secret| TextHash(secret.hash))
}
