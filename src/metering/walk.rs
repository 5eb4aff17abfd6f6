//! The events of the ledger one after another, each with its place: what exports, closes and recounts read.
//!
//! Events come in the order of the ledger (position, place in the segment), a segment at a time, so that memory does
//! not grow with the ledger. Every segment is checked against its hash before its events are seen.

use super::billability::Rule;
use super::block::{self, Recorded};
use super::event::Event;
use super::journal::{EventId, record};
use super::period::Period;
use super::seal::{Sums, chain};
use super::store::{self, SEGMENTS, StoredSegment};
use crate::kernel::Micros;
use crate::kernel::id::NodeId;
use crate::storage::{StoreError, Tx};
use std::borrow::Cow;

/// Bits of an export's number that say the place in the segment: a segment has no more events.
const INDEX_BITS: u32 = 20;

/// The number of an event in the order of the ledger, given once and for ever: its segment's position, and its place in
/// it. Numbers rise, and leave some out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct ExportSeq(pub i64);

impl ExportSeq {
    fn new(position: i64, index: u32) -> Self {
        Self(position.saturating_mul(1 << INDEX_BITS).saturating_add(index.into()))
    }

    /// The highest number that an event up to a position can have. What is folded later has higher ones.
    #[must_use]
    pub fn last_of(position: i64) -> Self {
        Self::new(position, (1 << INDEX_BITS) - 1)
    }

    /// The position of the segment.
    #[must_use]
    pub fn position(self) -> i64 {
        self.0 >> INDEX_BITS
    }
}

/// An event with its place in the ledger.
#[derive(Debug)]
pub struct Placed<'a> {
    /// Its number.
    pub export_seq: ExportSeq,
    /// Its id, which the caller got with the answer.
    pub id: EventId,
    /// The version of the program that recorded it; empty where it was not kept.
    pub version: &'a str,
    /// What was recorded.
    pub event: &'a Event,
    /// What decided whether it is billed.
    pub rule: &'static Rule,
    /// When it came into the ledger.
    pub recorded_at: Micros,
}

impl Placed<'_> {
    /// The name of its operation.
    #[must_use]
    pub fn operation_id(&self) -> Cow<'static, str> {
        store::operation_id(self.event.operation)
    }

    /// What was sealed of it: the 80 bytes of a record, as `seal` hashes them.
    pub(crate) fn sealed(&self) -> [u8; record::BODY] {
        record::body(self.event, self.id.seq, self.rule.code)
    }

    /// What it adds to sums.
    #[must_use]
    pub fn sums(&self) -> Sums {
        Sums::of(self.event)
    }
}

/// Which events are walked through.
#[derive(Debug, Clone, Copy)]
pub struct Walk {
    /// When they started; none for all.
    pub span: Option<Period>,
    /// Those with higher numbers only. Moves on with each segment.
    pub after: ExportSeq,
    /// The last position.
    pub through: i64,
}

/// A segment of which every event is as it was sealed.
#[derive(Debug)]
pub struct Opened {
    walk: Walk,
    position: i64,
    node: NodeId,
    epoch: u64,
    version: String,
    folded_at: Micros,
    events: Vec<Recorded>,
}

/// A segment as the ledger has it, not yet looked into: that is work for a thread that may be busy.
#[derive(Debug)]
pub struct Fetched {
    walk: Walk,
    segment: StoredSegment,
}

impl Walk {
    /// The same, from the first position of the ledger that may have such events to the last; none where there is none. It
    /// reads an index alone, where looking for the first one and behind the last one passes all other segments.
    pub async fn within(self, tx: &mut Tx) -> Result<Option<Self>, StoreError> {
        let Some(span) = self.span else { return Ok(Some(self)) };
        let Some((first, last)) = store::positions(tx, span, self.through).await? else {
            return Ok(None);
        };
        let after = self.after.max(ExportSeq::last_of(first.saturating_sub(1)));
        Ok(Some(Self { after, through: last, ..self }))
    }

    /// The next segment that may have such events, opened.
    pub async fn next(&mut self, tx: &mut Tx) -> Result<Option<Opened>, StoreError> {
        self.fetch(tx).await?.map(|fetched| fetched.open()).transpose()
    }

    /// The next segment that may have such events.
    pub async fn fetch(&mut self, tx: &mut Tx) -> Result<Option<Fetched>, StoreError> {
        let (from, to) = match self.span {
            Some(Period { from, to }) => (from, to),
            None => (Micros(i64::MIN), Micros(i64::MAX)),
        };
        // What the number before stands for may have others behind it in its segment.
        let after = self.after.position() - 1;
        let after = if self.after == ExportSeq::last_of(after + 1) { after + 1 } else { after };
        let found = store::next_segment(tx, (after, self.through), (from, to)).await?;
        let Some(segment) = found else { return Ok(None) };
        let walk = *self;
        self.after = ExportSeq::last_of(segment.position);
        Ok(Some(Fetched { walk, segment }))
    }
}

impl Fetched {
    /// A segment of which all events are asked for.
    pub(super) fn whole(segment: StoredSegment) -> Self {
        let walk = Walk { span: None, after: ExportSeq::default(), through: i64::MAX };
        Self { walk, segment }
    }

    /// The segment as it is stored.
    pub(super) fn segment(&self) -> &StoredSegment {
        &self.segment
    }

    /// Its events, if they are as they were sealed.
    pub fn open(&self) -> Result<Opened, StoreError> {
        Opened::new(self.walk, &self.segment)
    }
}

impl Opened {
    fn new(walk: Walk, segment: &StoredSegment) -> Result<Self, StoreError> {
        Ok(Self {
            walk,
            position: segment.position,
            node: segment.node.parse().map_err(|e| damaged(segment, &e))?,
            epoch: u64::try_from(segment.epoch).map_err(|e| damaged(segment, &e))?,
            version: segment.version.clone(),
            folded_at: Micros(segment.folded_at),
            events: opened(segment)?,
        })
    }

    /// One of its events.
    #[must_use]
    pub fn event(&self, id: EventId) -> Option<Placed<'_>> {
        let is_of = (id.node, id.epoch) == (self.node, self.epoch);
        let mut all = (0..).zip(&self.events).filter(|_| is_of);
        let found = all.find(|(_, recorded)| recorded.seq == id.seq);
        found.map(|(index, recorded)| self.placed(index, recorded))
    }

    /// Those of its events that are asked for, in their order.
    pub fn events(&self) -> impl Iterator<Item = Placed<'_>> {
        let Walk { span, after, .. } = self.walk;
        let asked = move |placed: &Placed<'_>| {
            let at = placed.event.started_at;
            placed.export_seq > after && span.is_none_or(|span| (span.from..span.to).contains(&at))
        };
        (0..).zip(&self.events).map(|(index, recorded)| self.placed(index, recorded)).filter(asked)
    }

    fn placed<'a>(&'a self, index: u32, recorded: &'a Recorded) -> Placed<'a> {
        Placed {
            export_seq: ExportSeq::new(self.position, index),
            id: EventId { node: self.node, epoch: self.epoch, seq: recorded.seq },
            version: &self.version,
            event: &recorded.event,
            rule: recorded.rule,
            recorded_at: self.folded_at,
        }
    }
}

fn damaged(segment: &StoredSegment, what: &dyn std::fmt::Display) -> StoreError {
    StoreError::corrupt(SEGMENTS, format!("{segment}: {what}"))
}

impl std::fmt::Display for StoredSegment {
    /// Which it is.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { node, epoch, segment, .. } = self;
        write!(f, "{node} epoch {epoch} segment {segment}")
    }
}

/// The events of a segment, if they are as they were sealed.
pub(super) fn opened(segment: &StoredSegment) -> Result<Vec<Recorded>, StoreError> {
    let events = block::decode(&segment.block).map_err(|e| damaged(segment, &e))?;
    let prev = blake3::Hash::from_hex(&segment.prev_hash).map_err(|e| damaged(segment, &e))?;
    if chain(prev, &events).to_hex().as_str() != segment.hash {
        return Err(damaged(segment, &"the events do not have the hash they were sealed with"));
    }
    Ok(events)
}

/// The earliest start, not before `since`, that an event behind a number and up to a position can have; none where there is
/// no such event.
pub async fn first_since(
    tx: &mut Tx,
    (after, through): (ExportSeq, i64),
    since: Micros,
) -> Result<Option<Micros>, StoreError> {
    let earliest = store::earliest(tx, (after.position() - 1, through), since).await?;
    Ok(earliest.map(|earliest| earliest.max(since)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metering::journal::MAX_RECORDS;
    use crate::metering::tests::{Bench, sample};

    fn everything(after: i64, through: i64) -> Walk {
        Walk { span: None, after: ExportSeq(after), through }
    }

    #[test]
    fn a_segment_has_no_more_events_than_numbers() {
        const { assert!(MAX_RECORDS <= 1 << INDEX_BITS) };
        assert_eq!(ExportSeq::last_of(3).0 + 1, ExportSeq::new(4, 0).0);
        assert_eq!(ExportSeq::new(4, 7).position(), 4);
    }

    #[tokio::test]
    async fn a_flipped_bit_is_named() {
        let bench = Bench::new().await;
        bench.record(&[sample(0), sample(1)]).await;
        let mut tx = bench.db.snapshot().await.unwrap();
        let all = (Micros(i64::MIN), Micros(i64::MAX));
        let whole = store::next_segment(&mut tx, (0, 1), all).await.unwrap().unwrap();
        assert!(opened(&whole).is_ok());
        let mut events = block::decode(&whole.block).unwrap();
        events[1].event.bytes ^= 1;
        let block = block::encode(&events).unwrap();
        let error = opened(&StoredSegment { block, ..whole }).unwrap_err().to_string();
        assert!(error.contains("segment 0: the events do not have the hash"), "{error}");
    }

    #[tokio::test]
    async fn a_walk_goes_on_behind_any_number() {
        let bench = Bench::new().await;
        let events: Vec<Event> = (0..8).map(sample).collect();
        bench.record(&events).await;
        let numbers = async |after: i64| {
            let (mut walk, mut found) = (everything(after, i64::MAX), Vec::new());
            let mut tx = bench.db.snapshot().await.unwrap();
            while let Some(opened) = walk.next(&mut tx).await.unwrap() {
                found.extend(opened.events().map(|placed| placed.export_seq.0));
            }
            found
        };
        let all = numbers(0).await;
        assert_eq!(all.len(), 8);
        assert!(all.is_sorted_by(|a, b| a < b));
        for (n, after) in all.iter().enumerate() {
            assert_eq!(numbers(*after).await, all[n + 1..], "behind {after}");
        }
    }
}
