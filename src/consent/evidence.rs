//! The ledger of consents: entries whose hashes stand on each other, and checkpoints that are kept elsewhere.
//!
//! An entry's hash is over its place, its time, the hash before it and the hash of its payload, which is
//! canonical JSON and says all else that the entry does. Nothing in it leads to a customer but a keyed
//! reference: once its key is destroyed, the chain still holds and leads to nobody.

use super::change::{ConsentActor, ConsentEvent, ConsentEventKind};
use super::hash::Hash32;
use super::jcs::{self, NotCanonical};
use super::record::{ConsentRecord, GrantId};
use crate::access::audit::{Break, Chain, Chained};
use crate::kernel::Micros;
use crate::kernel::clock::MINUTE;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use std::borrow::Cow;
use std::collections::BTreeMap;

/// What all hashes of entries begin with, so that they are nothing else's.
const DOMAIN: &str = "comptoir-consent-v1\n";
/// Entries after which a checkpoint is due.
pub const CHECKPOINT_ENTRIES: i64 = 1_000;
/// Microseconds after which a checkpoint is due, if there is an entry that it does not cover.
pub const CHECKPOINT_AFTER: i64 = MINUTE;

/// One entry, as it is exported: a line of JSON with these members.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LedgerEntry {
    /// Its place in the ledger; the first is 1.
    pub seq: i64,
    /// The consent; the payload says it, too, and so it is with the next three.
    pub grant_id: GrantId,
    /// The consent's version.
    pub version: u32,
    /// What has happened.
    #[serde(rename = "type")]
    pub kind: ConsentEventKind,
    /// Who did it.
    pub actor: ConsentActor,
    /// When, in milliseconds since 1970.
    pub at_ms: i64,
    /// All of it, as canonical JSON (RFC 8785) in a text: the hash is over this text.
    pub payload: String,
    /// SHA-256 of the payload.
    pub payload_hash: Hash32,
    /// The hash of the entry before; zeros for the first.
    pub prev_hash: Hash32,
    /// SHA-256 of `comptoir-consent-v1` and a newline, place and time as 8 bytes each with the greatest first,
    /// the hash before, and that of the payload.
    pub entry_hash: Hash32,
}

impl LedgerEntry {
    /// The entry of an event behind the one with this place and hash; 0 and zeros for the first.
    pub fn behind(
        (seq, prev_hash): (i64, Hash32),
        event: &ConsentEvent,
    ) -> Result<Self, NotCanonical> {
        let payload = jcs::canonical(&payload(event))?;
        let mut entry = Self {
            seq: seq.saturating_add(1),
            grant_id: event.grant_id,
            version: event.version,
            kind: event.kind,
            actor: event.actor,
            at_ms: event.at.0.div_euclid(1_000),
            payload_hash: Hash32::of(&payload),
            payload,
            prev_hash,
            entry_hash: Hash32::ZERO,
        };
        entry.entry_hash = entry.expected_hash();
        Ok(entry)
    }

    /// The hash that the entry must have.
    #[must_use]
    pub fn expected_hash(&self) -> Hash32 {
        let mut hasher = Sha256::new();
        hasher.update(DOMAIN);
        hasher.update(self.seq.to_be_bytes());
        hasher.update(self.at_ms.to_be_bytes());
        hasher.update(self.prev_hash.0);
        hasher.update(Hash32::of(&self.payload).0);
        Hash32(hasher.finalize().into())
    }

    /// Whether it is unchanged in itself and says how a record came to be, or where that has ended, how it ended.
    #[must_use]
    pub fn proves(&self, record: &ConsentRecord) -> bool {
        let is_whole = self.flaw().is_none() && self.expected_hash() == self.entry_hash;
        if !is_whole || (self.grant_id, self.version) != (record.grant_id, record.version) {
            return false;
        }
        let said = serde_json::from_str::<Value>(&self.payload).unwrap_or_default();
        let (fact, expected) = match record.end {
            Some(end) => ("end", json!(end)),
            None => ("consent", record.evidence()),
        };
        said.get("subject_ref") == Some(&json!(record.parties.subject_ref))
            && said.get("facts").and_then(|facts| facts.get(fact)) == Some(&expected)
    }
}

/// All that an event says, for its hash. What the entry says beside the payload is in it, so that it cannot be
/// changed alone.
fn payload(event: &ConsentEvent) -> Value {
    json!({
        "grant_id": event.grant_id,
        "version": event.version,
        "type": event.kind,
        "actor": event.actor,
        "subject_ref": event.subject_ref,
        "facts": event.facts,
    })
}

impl Chained for LedgerEntry {
    fn position(&self) -> i64 {
        self.seq
    }

    fn previous(&self) -> Cow<'_, str> {
        self.prev_hash.to_string().into()
    }

    fn hash(&self) -> Cow<'_, str> {
        self.entry_hash.to_string().into()
    }

    fn digest(&self) -> String {
        self.expected_hash().to_string()
    }

    fn flaw(&self) -> Option<&'static str> {
        if Hash32::of(&self.payload) != self.payload_hash {
            return Some("it was changed: the hash of its payload does not fit");
        }
        let said = serde_json::from_str::<Value>(&self.payload).unwrap_or_default();
        let own = [
            ("grant_id", json!(self.grant_id)),
            ("version", json!(self.version)),
            ("type", json!(self.kind)),
            ("actor", json!(self.actor)),
        ];
        let agrees = own.iter().all(|(name, value)| said.get(name) == Some(value));
        (!agrees).then_some("it was changed: it says other than its payload")
    }
}

/// Place and hash of an entry, signed and kept elsewhere: the claims of a `consent-checkpoint+jwt`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LedgerCheckpoint {
    /// Who signs it: the address of the authorization server.
    pub iss: String,
    /// The entry's place.
    pub seq: i64,
    /// Its hash.
    pub entry_hash: Hash32,
    /// When it was signed, in seconds since 1970.
    pub iat: i64,
}

impl LedgerCheckpoint {
    /// The `typ` of its header (RFC 7515 §4.1.9).
    pub const TYP: &'static str = "consent-checkpoint+jwt";

    /// The checkpoint of an entry.
    #[must_use]
    pub fn of(entry: &LedgerEntry, issuer: &str, now: Micros) -> Self {
        Self {
            iss: issuer.to_owned(),
            seq: entry.seq,
            entry_hash: entry.entry_hash,
            iat: now.0.div_euclid(crate::kernel::clock::SECOND),
        }
    }
}

/// Whether a checkpoint is due: the place and time of the last one, the last entry's place, and now.
#[must_use]
pub fn checkpoint_due(last: (i64, Micros), head: i64, now: Micros) -> bool {
    let (seq, at) = last;
    let open = head.saturating_sub(seq);
    open > 0 && (open >= CHECKPOINT_ENTRIES || now.0.saturating_sub(at.0) >= CHECKPOINT_AFTER)
}

/// Checks a ledger from its first entry on, in as many parts as it takes.
#[derive(Debug)]
pub struct LedgerCheck {
    chain: Chain,
    checkpoints: BTreeMap<i64, Hash32>,
}

impl LedgerCheck {
    /// A check against checkpoints whose signatures hold. Two that say different things of one place were signed for
    /// two ledgers: that is a break, whichever of them is shown. So is one of a place that no ledger has.
    pub fn against<'a>(
        checkpoints: impl IntoIterator<Item = &'a LedgerCheckpoint>,
    ) -> Result<Self, Break> {
        let mut places = BTreeMap::new();
        for LedgerCheckpoint { seq, entry_hash, .. } in checkpoints {
            let broken = |what: &str| Break { position: *seq, what: what.to_owned() };
            if *seq < 1 {
                return Err(broken("it has a checkpoint, and there is no such entry"));
            }
            if places.insert(*seq, *entry_hash).is_some_and(|before| before != *entry_hash) {
                return Err(broken("it has two checkpoints that say different things"));
            }
        }
        Ok(Self { chain: Chain::from_the_start(), checkpoints: places })
    }

    /// Checks the next entry.
    pub fn check(&mut self, entry: &LedgerEntry) -> Result<(), Break> {
        self.chain.check(entry)?;
        match self.checkpoints.get(&entry.seq) {
            Some(hash) if *hash != entry.entry_hash => Err(Break {
                position: entry.seq,
                what: "it is another than its checkpoint says, or stands behind one".to_owned(),
            }),
            _ => Ok(()),
        }
    }

    /// The chain after the last entry, if no entry is missing that has a checkpoint.
    pub fn end(self) -> Result<Chain, Break> {
        match self.checkpoints.last_key_value() {
            Some((seq, _)) if *seq > self.chain.position => {
                Err(Break::cut(self.chain.position, *seq))
            }
            _ => self.chain.end(),
        }
    }
}
