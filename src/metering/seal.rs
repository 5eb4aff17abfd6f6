//! Sealing: a segment's events with the rules that decide them, hashed onto the segment before.
//!
//! `hash = BLAKE3(hash of the segment before ‖ record ‖ record ‖ …)`, a record being the 80 bytes of
//! `journal/record.rs` with the final outcome and the rule. The first segment of a run stands on a
//! hash of node and run. The hash can be made again from the block, so a changed byte shows.

use super::billability::{self, Rule};
use super::block::{self, Recorded};
use super::event::{Event, Outcome};
use super::journal::{Harvest, Header, record};
use crate::access::Environment;
use crate::kernel::Micros;
use crate::kernel::id::{AppId, KeyId, NodeId, PartnerId, PlanId};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// What the sums of an hour are kept apart by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct HourKey {
    pub(super) hour: Micros,
    pub(super) app: AppId,
    pub(super) partner: PartnerId,
    pub(super) key: KeyId,
    pub(super) live: bool,
    pub(super) operation: u16,
    pub(super) status: u16,
    pub(super) outcome: Outcome,
    pub(super) rule: u8,
    pub(super) plan: PlanId,
    pub(super) plan_version: u32,
}

impl HourKey {
    /// What an event is summed under, by the rule that decided about it.
    pub(super) fn of(event: &Event, rule: &Rule) -> Self {
        Self {
            hour: event.started_at.hour(),
            app: event.app,
            partner: event.partner,
            key: event.key,
            live: event.environment == Environment::Live,
            operation: event.operation,
            status: event.status,
            outcome: event.outcome,
            rule: rule.code,
            plan: event.plan,
            plan_version: event.plan_version,
        }
    }
}

/// What is summed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(title = "Sums")]
pub struct Sums {
    /// Calls.
    #[schema(example = 184_211)]
    pub requests: i64,
    /// Resources in the answers.
    #[schema(example = 3_402_117)]
    pub records: i64,
    /// Bytes of the bodies.
    #[schema(example = 1_482_336_400)]
    pub bytes: i64,
    /// Weight in thousandths of a unit.
    #[schema(example = 184_211_000)]
    pub weight_milli: i64,
}

impl std::fmt::Display for Sums {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { requests, records, bytes, weight_milli } = self;
        write!(
            f,
            "{requests} calls, {records} records, {bytes} bytes, {weight_milli} thousandths of a unit"
        )
    }
}

impl Sums {
    /// What one event comes to.
    #[must_use]
    pub fn of(event: &Event) -> Self {
        let mut sums = Self::default();
        sums.add(event);
        sums
    }

    /// The same taken away.
    #[must_use]
    pub fn negated(self) -> Self {
        Self {
            requests: self.requests.saturating_neg(),
            records: self.records.saturating_neg(),
            bytes: self.bytes.saturating_neg(),
            weight_milli: self.weight_milli.saturating_neg(),
        }
    }

    /// Adds one event.
    pub(super) fn add(&mut self, event: &Event) {
        self.requests += 1;
        self.records = self.records.saturating_add(event.records.into());
        self.bytes = self.bytes.saturating_add(i64::try_from(event.bytes).unwrap_or(i64::MAX));
        self.weight_milli = self.weight_milli.saturating_add(event.weight_milli.into());
    }

    /// Adds other sums.
    pub fn plus(&mut self, other: &Self) {
        self.requests = self.requests.saturating_add(other.requests);
        self.records = self.records.saturating_add(other.records);
        self.bytes = self.bytes.saturating_add(other.bytes);
        self.weight_milli = self.weight_milli.saturating_add(other.weight_milli);
    }
}

/// A segment ready to be folded.
#[derive(Debug)]
pub(super) struct Sealed {
    pub(super) header: Header,
    pub(super) next_seq: u64,
    pub(super) events: u64,
    /// Numbers without an event for which no answer was released. Not in the hash, which says what
    /// was recorded: whether this is known depends on when the segment is read.
    pub(super) unreleased: Vec<u64>,
    /// Earliest and latest start of an event; both 0 where there is none.
    pub(super) span: (Micros, Micros),
    pub(super) prev_hash: blake3::Hash,
    pub(super) hash: blake3::Hash,
    pub(super) block: Vec<u8>,
    /// In one order everywhere, so that nodes that fold at once cannot wait for each other in a ring.
    pub(super) hours: BTreeMap<HourKey, Sums>,
}

impl Sealed {
    /// Decides, hashes, compresses and sums a segment: work for a thread that may be busy.
    pub(super) fn new(harvest: Harvest, prev_hash: blake3::Hash) -> std::io::Result<Self> {
        let decide = |(seq, event): (u64, Event)| {
            let rule = billability::rule((&event).into());
            Recorded { seq, event, rule }
        };
        let events: Vec<Recorded> = harvest.events.into_iter().map(decide).collect();
        let mut hours: BTreeMap<HourKey, Sums> = BTreeMap::new();
        for recorded in &events {
            hours
                .entry(HourKey::of(&recorded.event, recorded.rule))
                .or_default()
                .add(&recorded.event);
        }
        let times = || events.iter().map(|recorded| recorded.event.started_at);
        Ok(Self {
            header: harvest.header,
            next_seq: harvest.next_seq,
            events: events.len() as u64,
            unreleased: harvest.unreleased,
            span: (times().min().unwrap_or_default(), times().max().unwrap_or_default()),
            prev_hash,
            hash: chain(prev_hash, &events),
            block: block::encode(&events)?,
            hours,
        })
    }
}

/// What the first segment of a run stands on.
pub(super) fn genesis(node: NodeId, epoch: u64) -> blake3::Hash {
    blake3::Hasher::new_derive_key("comptoir usage chain")
        .update(&node.0.to_le_bytes())
        .update(&epoch.to_le_bytes())
        .finalize()
}

/// The hash of some events that stand on `prev`.
pub(super) fn chain(prev: blake3::Hash, events: &[Recorded]) -> blake3::Hash {
    let mut hasher = blake3::Hasher::new();
    hasher.update(prev.as_bytes());
    for recorded in events {
        hasher.update(&record::body(&recorded.event, recorded.seq, recorded.rule.code));
    }
    hasher.finalize()
}
