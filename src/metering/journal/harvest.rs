//! What a closed segment holds, however its process ended.

use super::record::{Payload, State, decode};
use super::{Header, Segment};
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
}

impl Harvest {
    /// Reads a segment of this process, closed and settled.
    pub(crate) fn of_segment(segment: &Segment) -> Self {
        Self::gather(segment.header, (0..segment.used()).map(|slot| segment.read(slot)))
    }

    pub(super) fn gather(
        header: Header,
        slots: impl Iterator<Item = (u8, Option<Payload>)>,
    ) -> Self {
        let mut harvest =
            Self { header, events: Vec::new(), next_seq: header.first_seq, unconfirmed: 0 };
        for (state, payload) in slots {
            let seq = harvest.next_seq;
            harvest.next_seq = seq.saturating_add(1);
            let Some(mut event) = payload.and_then(|payload| event_at(seq, &payload)) else {
                continue;
            };
            match State::from_byte(state) {
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

    /// Sequence numbers that were claimed and hold no whole event.
    ///
    /// After a power cut these may have been answered calls. After a mere crash they are slots that
    /// a thread had claimed and not yet published, whose calls were never answered; the file does not
    /// tell the two apart, so both are shown.
    pub(crate) fn missing(&self) -> u64 {
        self.next_seq - self.header.first_seq - self.events.len() as u64
    }
}

/// The event of a record, if it is whole and stands where it was written.
fn event_at(seq: u64, payload: &Payload) -> Option<Event> {
    decode(payload).ok().filter(|(written_as, _)| *written_as == seq).map(|(_, event)| event)
}
