//! What a closed segment holds, however its process ended.

use super::record::{Payload, State, decode};
use super::{Boot, Header, Segment};
use crate::metering::event::{Event, Outcome};
use std::collections::HashSet;

/// The events of a closed segment with their final outcomes.
#[derive(Debug, Clone)]
pub(crate) struct Harvest {
    pub(crate) header: Header,
    /// In order of the sequence number.
    pub(crate) events: Vec<(u64, Event)>,
    /// The sequence number after the last that was claimed.
    pub(crate) next_seq: u64,
    /// Events whose process ended before they did.
    pub(crate) unconfirmed: u64,
    /// Numbers that hold no event and hide none: no answer was released for them, or the event of the answer
    /// has moved to a later segment, or one that has moved here from an earlier one has their place. In order.
    pub(crate) unreleased: Vec<u64>,
    /// Numbers that hold no whole event and may have been answered calls.
    pub(crate) missing: u64,
}

impl Harvest {
    /// Reads a segment of this process, closed and settled.
    pub(crate) fn of_segment(segment: &Segment) -> Self {
        let slots = (0..segment.used()).map(|slot| segment.read(slot));
        Self::gather(segment.header, slots, segment.header.boot)
    }

    /// The events of `slots`, read in the boot `now`.
    ///
    /// An answer is released after its record is published. A slot that was never published is
    /// therefore no lost event, as long as the file is what its process left: given up in its
    /// lifetime, or claimed by a thread that was killed. A power cut may have taken a published record
    /// out of the file, so in another boot an empty slot counts as missing, unless answers have waited for
    /// the disk; a damaged one always does.
    pub(super) fn gather(
        header: Header,
        slots: impl Iterator<Item = (u8, Option<Payload>)>,
        now: Boot,
    ) -> Self {
        let mut harvest = Self {
            header,
            events: Vec::new(),
            next_seq: header.first_seq,
            unconfirmed: 0,
            unreleased: Vec::new(),
            missing: 0,
        };
        let intact = header.synced || header.boot.is(now);
        for (state, payload) in slots {
            let seq = harvest.next_seq;
            harvest.next_seq = seq.saturating_add(1);
            let state = State::from_byte(state);
            let hides_none = matches!(state, Some(State::Void | State::Moved));
            if hides_none || (intact && state == Some(State::Empty)) {
                harvest.unreleased.push(seq);
                continue;
            }
            match payload.and_then(|payload| ended(header, seq, state, &payload)) {
                Some(found) => harvest.add(seq, found),
                None => harvest.missing += 1,
            }
        }
        // What has moved here is older than all that was written here first.
        harvest.events.sort_by_key(|(seq, _)| *seq);
        harvest
    }

    fn add(&mut self, place: u64, (seq, event): (u64, Event)) {
        if seq != place {
            self.unreleased.push(place);
        }
        self.unconfirmed += u64::from(event.outcome == Outcome::CrashUnconfirmed);
        self.events.push((seq, event));
    }

    /// The numbers of the events that have moved here from earlier segments.
    pub(crate) fn moved_here(&self) -> impl Iterator<Item = u64> {
        self.events.iter().map(|(seq, _)| *seq).take_while(|seq| *seq < self.header.first_seq)
    }

    /// Leaves out events that have moved here, because an earlier segment has them too: the process was killed
    /// between the two records.
    pub(crate) fn leave_out(&mut self, twice: &HashSet<u64>) {
        if twice.is_empty() {
            return;
        }
        self.events.retain(|(seq, _)| !twice.contains(seq));
        let open = |(_, event): &&(u64, Event)| event.outcome == Outcome::CrashUnconfirmed;
        self.unconfirmed = self.events.iter().filter(open).count() as u64;
    }
}

/// The event of a record with its final outcome and its number, if the record is whole and stands where it was
/// written, or where it moved to.
fn ended(
    header: Header,
    place: u64,
    state: Option<State>,
    payload: &Payload,
) -> Option<(u64, Event)> {
    let (seq, mut event) = decode(payload).ok()?;
    match state? {
        State::Complete => {}
        State::Aborted => event.outcome = Outcome::ClientAborted,
        State::Written => event.outcome = Outcome::CrashUnconfirmed,
        State::Empty | State::Void | State::Moved => return None,
    }
    (seq == place || seq < header.first_seq).then_some((seq, event))
}
