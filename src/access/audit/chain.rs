//! Entries of the audit log and how their hashes are made and checked; the check is that of any chain.

use crate::kernel::Micros;
use crate::kernel::hex;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use std::borrow::Cow;
use std::str::FromStr;

/// What stands for the hash before the first entry.
pub const GENESIS: &str = "0000000000000000000000000000000000000000000000000000000000000000";

/// An entry of a chain in which each stands on the hash of the one before.
pub trait Chained {
    /// Its place; the first is 1.
    fn position(&self) -> i64;
    /// The hash that it says the entry before has; [`GENESIS`] for the first.
    fn previous(&self) -> Cow<'_, str>;
    /// The hash that it says it has.
    fn hash(&self) -> Cow<'_, str>;
    /// The hash that it must have.
    fn digest(&self) -> String;
    /// What else does not fit in it, where its hash does not cover all of it.
    fn flaw(&self) -> Option<&'static str> {
        None
    }
}

/// One entry, as it is exported: a line of JSON with these members.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// Its place in the log; the first is 1.
    #[schema(minimum = 1, example = 71)]
    pub position: i64,
    /// When it was done.
    #[schema(value_type = String, format = DateTime, example = "2026-11-22T09:41:07Z")]
    pub occurred_at: Micros,
    /// Who did it.
    #[schema(example = "acc_9pSz33qRsTu")]
    pub actor: String,
    /// What was done.
    #[schema(example = "key.revoke")]
    pub action: String,
    /// Id of what it was done to.
    #[schema(example = "key_0Ab12Cd34Ef")]
    pub subject: String,
    /// What it became, as JSON in a text: the hash is over this text.
    #[schema(example = "{}")]
    pub detail: String,
    /// The hash of the entry before; zeros for the first.
    #[schema(example = "0000000000000000000000000000000000000000000000000000000000000000")]
    pub previous: String,
    /// SHA-256 in hex over the other members, in this order, each as `LENGTH:TEXT,` with its length in
    /// bytes.
    #[schema(example = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08")]
    pub hash: String,
}

impl Entry {
    /// The hash that the entry must have. Lengths keep a character from moving from one field into the
    /// next.
    #[must_use]
    pub fn digest(&self) -> String {
        let (position, at) = (self.position.to_string(), self.occurred_at.to_string());
        let fields = [
            &position,
            &at,
            &self.actor,
            &self.action,
            &self.subject,
            &self.detail,
            &self.previous,
        ];
        let mut hasher = Sha256::new();
        for field in fields {
            hasher.update(format!("{}:", field.len()));
            hasher.update(field);
            hasher.update(",");
        }
        hex(hasher.finalize())
    }
}

impl Chained for Entry {
    fn position(&self) -> i64 {
        self.position
    }

    fn previous(&self) -> Cow<'_, str> {
        Cow::Borrowed(&self.previous)
    }

    fn hash(&self) -> Cow<'_, str> {
        Cow::Borrowed(&self.hash)
    }

    fn digest(&self) -> String {
        Self::digest(self)
    }
}

/// Position and hash of an entry, as they were written down elsewhere: `71:9f86…`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pin {
    position: i64,
    hash: String,
}

/// The text is no position with a hash.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("is POSITION:HASH, as `comptoir audit head` prints it")]
pub struct InvalidPin;

impl FromStr for Pin {
    type Err = InvalidPin;

    fn from_str(text: &str) -> Result<Self, InvalidPin> {
        let (position, hash) = text.split_once(':').ok_or(InvalidPin)?;
        let position = position.parse().ok().filter(|at| *at > 0).ok_or(InvalidPin)?;
        let is_hash = hash.len() == 64 && hash.bytes().all(|b| b.is_ascii_hexdigit());
        is_hash.then(|| Self { position, hash: hash.to_lowercase() }).ok_or(InvalidPin)
    }
}

/// Where a chain is broken, and how.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("entry {position}: {what}")]
pub struct Break {
    /// The first entry that does not fit.
    pub position: i64,
    /// What does not fit.
    pub what: String,
}

impl Break {
    fn at(position: i64, what: impl Into<String>) -> Self {
        Self { position, what: what.into() }
    }

    /// An entry without a hash.
    #[must_use]
    pub fn unchained(position: i64) -> Self {
        Self::at(position, "it has no hash: it was not written by this program")
    }

    /// Entries are missing at the end.
    #[must_use]
    pub fn cut(last: i64, head: i64) -> Self {
        Self::at(last + 1, format!("it is missing, and so is all behind it up to {head}"))
    }
}

/// A chain as far as it was checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chain {
    /// The position of the last entry.
    pub position: i64,
    /// Its hash; before the first, that of the entry behind which the chain begins.
    pub hash: String,
    /// How many entries were checked.
    pub entries: u64,
    /// An entry that must be among them.
    pin: Option<Pin>,
}

impl Chain {
    /// A chain that begins with the first entry.
    #[must_use]
    pub fn from_the_start() -> Self {
        Self { position: 0, hash: GENESIS.to_owned(), entries: 0, pin: None }
    }

    /// A part of a chain, which begins behind an entry that was written down.
    #[must_use]
    pub fn behind(Pin { position, hash }: Pin) -> Self {
        Self { position, hash, entries: 0, pin: None }
    }

    /// The position of the first entry that was checked; of none, that which would be the next.
    #[must_use]
    pub fn first(&self) -> i64 {
        (self.position + 1).saturating_sub_unsigned(self.entries)
    }

    /// The chain with an entry that must be in it.
    #[must_use]
    pub fn pinned(mut self, pin: Option<Pin>) -> Self {
        self.pin = pin;
        self
    }

    /// The chain after its last entry, if nothing that must be in it is missing.
    pub fn end(self) -> Result<Self, Break> {
        match &self.pin {
            Some(pin) if pin.position > self.position => {
                Err(Break::cut(self.position, pin.position))
            }
            _ => Ok(self),
        }
    }

    /// Checks the next entry.
    pub fn check(&mut self, entry: &impl Chained) -> Result<(), Break> {
        let (position, hash) = (entry.position(), entry.hash());
        let broken = |what: &str| Err(Break::at(position, what));
        let expected = self.position + 1;
        if position > expected {
            return Err(Break::at(expected, "it is missing"));
        }
        if position < expected {
            return broken("it stands out of its order");
        }
        if self.hash != entry.previous() {
            return broken("it was made behind another entry than the one before it");
        }
        if entry.digest() != hash {
            return broken("it was changed: its hash does not fit");
        }
        if let Some(flaw) = entry.flaw() {
            return broken(flaw);
        }
        if self.pin.as_ref().is_some_and(|pin| pin.position == position && pin.hash != hash) {
            return broken(
                "it is another than the one that was written down, or stands behind one",
            );
        }
        self.position = position;
        self.hash = hash.into_owned();
        self.entries += 1;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entries() -> Vec<Entry> {
        let mut previous = GENESIS.to_owned();
        let entry = |position: i64| {
            let mut entry = Entry {
                position,
                occurred_at: Micros(1_800_000_000_000_000 + position),
                actor: "adm_1".into(),
                action: "key.create".into(),
                subject: format!("key_{position}"),
                detail: "{}".into(),
                previous: previous.clone(),
                hash: String::new(),
            };
            entry.hash = entry.digest();
            previous.clone_from(&entry.hash);
            entry
        };
        (1..=5).map(entry).collect()
    }

    fn check(mut chain: Chain, entries: &[Entry]) -> Result<(), i64> {
        entries.iter().try_for_each(|entry| chain.check(entry).map_err(|broken| broken.position))
    }

    #[test]
    fn a_whole_chain_and_a_part_of_one_hold() {
        let entries = entries();
        assert_eq!(check(Chain::from_the_start(), &entries), Ok(()));
        let behind = |entry: &Entry| {
            Chain::behind(format!("{}:{}", entry.position, entry.hash).parse().unwrap())
        };
        assert_eq!(check(behind(&entries[1]), &entries[2..]), Ok(()));
        assert_eq!(check(behind(&entries[0]), &entries[2..]), Err(2));
        assert_eq!(check(behind(&entries[1]), &entries[1..]), Err(2));
        let mut chain = behind(&entries[1]);
        assert_eq!(chain.first(), 3);
        entries[2..].iter().for_each(|entry| chain.check(entry).unwrap());
        assert_eq!((chain.first(), chain.position, chain.entries), (3, 5, 3));
        assert_eq!(check(Chain::from_the_start(), &entries[2..]), Err(1));
    }

    #[test]
    fn the_first_entry_that_does_not_fit_is_named() {
        type Change = fn(&mut Vec<Entry>);
        let changes: [(Change, i64); 7] = [
            (|all| all[2].actor.push('x'), 3),
            (|all| all[2].occurred_at.0 += 1, 3),
            (|all| drop(all.remove(2)), 3),
            (|all| all.swap(2, 3), 3),
            (|all| all.insert(2, all[1].clone()), 2),
            // With a hash that fits, the next entry is the one that does not.
            (
                |all| {
                    all[2].detail = "{\"x\":1}".into();
                    all[2].hash = all[2].digest();
                },
                4,
            ),
            // A character that moves from one field into the next.
            (
                |all| {
                    all[2].actor.push('k');
                    all[2].action.remove(0);
                },
                3,
            ),
        ];
        for (n, (change, at)) in changes.into_iter().enumerate() {
            let mut entries = entries();
            change(&mut entries);
            assert_eq!(check(Chain::from_the_start(), &entries), Err(at), "change {n}");
        }
    }

    #[test]
    fn the_hash_is_what_its_description_says() {
        // printf '1:1,20:2027-01-15T08:00:00Z,1:a,3:b.c,1:d,2:{},64:000…,' | sha256sum
        let mut entry = entries().remove(0);
        entry.occurred_at = Micros(1_800_000_000_000_000);
        (entry.actor, entry.action, entry.subject) = ("a".into(), "b.c".into(), "d".into());
        assert_eq!(
            entry.digest(),
            "72f43d16a422063cba8184aa86b7c578bab1b1afe5c4bfc0ad20b69f8c5e2437"
        );
    }
}
