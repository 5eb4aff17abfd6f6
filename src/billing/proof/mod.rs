//! A proof that one event is among those that the close of its period counts, for who holds the event's id.
//!
//! It has what was sealed of the event, the hashes beside its way up to the root of its day (`merkle`, `evidence`), those of
//! the day's way up to the root of the close, and that root as it is signed. Whoever has the published keys needs nothing
//! else to check it, and it tells nothing of other events but how many each tree has.

mod error;
mod make;
pub(super) mod store;
#[cfg(test)]
mod tests;
mod told;

pub use error::NoEventProof;
pub use make::{Proving, prove};
pub use told::EventTold;

use super::keys::Jwks;
use super::manifest::tally::{day_leaf, day_of, day_text};
use super::manifest::{Day, NotSigned, attached};
use super::merkle::{self, Node};
use crate::kernel::id::BillingPeriodId;
use crate::kernel::{Micros, hex};
use crate::metering::sealed::SealedEvent;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What the format of proofs is called.
pub const EVENT_PROOF: &str = "comptoir-event-proof/1";
/// What the format of signed roots is called.
pub const CLOSE_ROOT: &str = "comptoir-close-root/1";

/// A proof that a call is among those that the close of its period counts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct EventProof {
    /// Always `comptoir-event-proof/1`.
    #[schema(example = "comptoir-event-proof/1")]
    pub format: String,
    /// The call's id, as `Usage-Event-Id` of the answer named it.
    #[schema(example = "HOejHiaGSWO.2.1")]
    pub event_id: String,
    /// What was sealed of it, 96 bytes in hexadecimal: its node and its run, 8 bytes each, and its record of 80 bytes,
    /// numbers with their lowest byte first. Its leaf is the SHA-256 of a zero byte and these.
    #[schema(
        min_length = 192,
        max_length = 192,
        pattern = "^[0-9a-f]{192}$",
        example = "48d28ed59045a4ca0200000000000000010000000000000040388dbb2a5f06005a000000e80300002eb2d5bdf59c4f379c02ca68b8cdd25a75023fb6d4a5fd012f72f5440cb5e254030000000100000068100000000000000200c80001010b00"
    )]
    pub sealed: String,
    /// What these bytes say.
    pub event: EventTold,
    /// The day of UTC that it was made on.
    #[schema(format = Date, example = "2026-10-31")]
    pub day: String,
    /// Which of the day's events it is, in the order of the ledger, from 0.
    #[schema(example = 3)]
    pub index: u64,
    /// How many events of the period the day has, whoever made them.
    #[schema(minimum = 1, example = 5)]
    pub events: u64,
    /// The hashes beside the way from its leaf up to the day's root (RFC 6962, section 2.1.1).
    #[schema(max_items = 64, example = json!(["9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"]))]
    pub path: Vec<String>,
    /// Which day of the period it is, of those that have events, from 0.
    #[schema(example = 30)]
    pub day_index: u64,
    /// How many days of the period have events.
    #[schema(minimum = 1, example = 31)]
    pub days: u64,
    /// The hashes beside the way from the day's leaf up to the root of the close. A day's leaf is the SHA-256 of a zero byte
    /// and its date, the number of its events and its root in hexadecimal, between commas.
    #[schema(max_items = 64, example = json!(["9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"]))]
    pub day_path: Vec<String>,
    /// The root of the close, signed: a JWS in compact form with EdDSA, by one of the keys of
    /// `GET /.well-known/comptoir-usage-keys.json`, over a document with `format` (`comptoir-close-root/1`), `period_id`,
    /// `from`, `to`, `closed_at`, `days`, `events` and `merkle_root`.
    #[schema(
        example = "eyJhbGciOiJFZERTQSJ9.eyJmb3JtYXQiOiJjb21wdG9pci1jbG9zZS1yb290LzEifQ.c2lnbmF0dXJl"
    )]
    pub root: String,
}

/// What of a close proofs stand on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CloseRoot {
    /// Always `comptoir-close-root/1`.
    pub format: String,
    /// The period.
    pub period_id: BillingPeriodId,
    /// Its start, inclusive.
    pub from: Micros,
    /// Its end, exclusive.
    pub to: Micros,
    /// When it was closed.
    pub closed_at: Micros,
    /// How many days have events.
    pub days: u64,
    /// How many events they have.
    pub events: u64,
    /// The root of the tree whose leaves are the days: `root` of the evidence of the close.
    pub merkle_root: String,
}

/// Why a proof does not hold: what of it is not as it was given out.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotProved {
    /// It is something else.
    #[error("it is no {EVENT_PROOF}")]
    Format,
    /// The signature of its root does not hold.
    #[error("its `root`: {0}")]
    Root(#[from] NotSigned),
    /// What is signed is no root of a close.
    #[error("its `root` is none of a close")]
    NoRoot,
    /// It names what this program does not know.
    #[error("a newer program has made it")]
    Newer,
    /// A text is not in its form.
    #[error("its `{0}` is not written in small hexadecimal digits of the right number")]
    Digits(&'static str),
    /// A number does not fit the others.
    #[error("its `{0}` is not that of the signed root")]
    Count(&'static str),
    /// A way is too short or too long.
    #[error("its `{0}` is not as long as the way from that place to the top")]
    Length(&'static str),
    /// The ways lead elsewhere.
    #[error(
        "the event is not in the close whose root is signed: `sealed`, or one of `day`, `index`, `events`, `path`, \
         `day_index` and `day_path`, was changed"
    )]
    NotCounted,
    /// What it says of the event is something else.
    #[error("its `{0}` is not what was sealed")]
    Told(String),
    /// The event is of another time than the period.
    #[error("the event is not of the period whose root is signed")]
    OtherTime,
}

impl EventProof {
    /// Checks that the event is among those of the close whose root is signed, and is what it is said to be; that root.
    pub fn check(&self, keys: &Jwks) -> Result<CloseRoot, NotProved> {
        if self.format != EVENT_PROOF {
            return Err(NotProved::Format);
        }
        let root = attached(&self.root, CLOSE_ROOT, keys)?;
        let root: CloseRoot = serde_json::from_slice(&root).map_err(|_| NotProved::NoRoot)?;
        if root.format != CLOSE_ROOT {
            return Err(NotProved::NoRoot);
        }
        if self.days != root.days {
            return Err(NotProved::Count("days"));
        }
        let sealed = SealedEvent::parse(&self.sealed).ok_or(NotProved::Digits("sealed"))?;
        let way = (self.index, self.events, "path");
        let of_day = climbed(merkle::leaf(sealed.bytes()), way, &self.path)?;
        let day = Day { day: self.day.clone(), events: self.events, root: hex(of_day) };
        let way = (self.day_index, root.days, "day_path");
        if hex(climbed(day_leaf(&day), way, &self.day_path)?) != root.merkle_root {
            return Err(NotProved::NotCounted);
        }
        // Only now is it known what was sealed.
        self.told(&sealed, &root)?;
        Ok(root)
    }

    /// Checks that what it says of the event is what was sealed.
    fn told(&self, sealed: &SealedEvent, root: &CloseRoot) -> Result<(), NotProved> {
        let facts = sealed.facts().ok_or(NotProved::Newer)?;
        let at = facts.event.started_at;
        if facts.id.to_string() != self.event_id {
            return Err(NotProved::Told("event_id".to_owned()));
        }
        if let Some(name) = EventTold::of(&facts).differs(&self.event) {
            return Err(NotProved::Told(format!("event.{name}")));
        }
        let is_in = (root.from..root.to).contains(&at);
        if is_in && day_text(day_of(at)) == self.day { Ok(()) } else { Err(NotProved::OtherTime) }
    }
}

/// The top of a way, which is named, from a leaf at a place of so many.
fn climbed(
    leaf: Node,
    (index, count, name): (u64, u64, &'static str),
    path: &[String],
) -> Result<Node, NotProved> {
    let path = path.iter().map(|text| node(text)).collect::<Option<Vec<Node>>>();
    let path = path.ok_or(NotProved::Digits(name))?;
    merkle::root_of(leaf, index, count, &path).ok_or(NotProved::Length(name))
}

/// A hash, in the one way in which it is written.
fn node(text: &str) -> Option<Node> {
    let node = *blake3::Hash::from_hex(text).ok()?.as_bytes();
    (hex(node) == text).then_some(node)
}
