//! What a closed segment holds, however its process ended.

use super::record::{Payload, State, decode};
use super::{Boot, Header, Segment};
use crate::metering::event::{Event, Outcome};

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
    /// Numbers that were claimed, but for which no answer was ever released. In order.
    pub(crate) unreleased: Vec<u64>,
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
    /// out of the file, so in another boot an empty slot counts as missing; a damaged one always does.
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
        };
        let intact = header.boot.is(now);
        for (state, payload) in slots {
            let seq = harvest.next_seq;
            harvest.next_seq = seq.saturating_add(1);
            let state = State::from_byte(state);
            if state == Some(State::Void) || (intact && state == Some(State::Empty)) {
                harvest.unreleased.push(seq);
                continue;
            }
            let Some(mut event) = payload.and_then(|payload| event_at(seq, &payload)) else {
                continue;
            };
            match state {
                Some(State::Complete) => {}
                Some(State::Aborted) => event.outcome = Outcome::ClientAborted,
                Some(State::Written) => {
                    event.outcome = Outcome::CrashUnconfirmed;
                    harvest.unconfirmed += 1;
                }
                Some(State::Empty | State::Void) | None => continue,
            }
            harvest.events.push((seq, event));
        }
        harvest
    }

    /// Sequence numbers that hold no whole event and may have been answered calls.
    pub(crate) fn missing(&self) -> u64 {
        let accounted = (self.events.len() + self.unreleased.len()) as u64;
        self.next_seq - self.header.first_seq - accounted
    }
}

/// The event of a record, if it is whole and stands where it was written.
fn event_at(seq: u64, payload: &Payload) -> Option<Event> {
    decode(payload).ok().filter(|(written_as, _)| *written_as == seq).map(|(_, event)| event)
}
