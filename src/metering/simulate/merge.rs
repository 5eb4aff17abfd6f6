//! Events of many segments in the order of time.
//!
//! Segments come by the start of their first event, so whatever started before the first event of the
//! next segment can go: nothing that comes later is earlier. What has to wait are the events of segments
//! that overlap, a second or two of a ledger that is well.

use crate::kernel::Micros;
use crate::metering::block::Recorded;
use std::cmp::{Ordering, Reverse};
use std::collections::BinaryHeap;

/// Most events that wait for others.
pub(super) const MOST_WAITING: usize = 1 << 21;

/// Too many segments overlap.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct TooWide;

/// An event with its place in the ledger, which decides between events of the same instant.
#[derive(Debug)]
struct Waiting {
    position: i64,
    recorded: Recorded,
}

impl Waiting {
    fn place(&self) -> (Micros, i64, u64) {
        (self.recorded.event.started_at, self.position, self.recorded.seq)
    }
}

impl PartialEq for Waiting {
    fn eq(&self, other: &Self) -> bool {
        self.place() == other.place()
    }
}

impl Eq for Waiting {}

impl PartialOrd for Waiting {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Waiting {
    fn cmp(&self, other: &Self) -> Ordering {
        self.place().cmp(&other.place())
    }
}

/// The events that wait.
#[derive(Debug)]
pub(super) struct Merge {
    waiting: BinaryHeap<Reverse<Waiting>>,
    most: usize,
}

impl Merge {
    /// Nothing waits yet, and never more than `most`.
    pub(super) fn new(most: usize) -> Self {
        Self { waiting: BinaryHeap::new(), most }
    }

    /// Takes the events of the segment at a position.
    pub(super) fn add(
        &mut self,
        position: i64,
        events: impl Iterator<Item = Recorded>,
    ) -> Result<(), TooWide> {
        for recorded in events {
            if self.waiting.len() >= self.most {
                return Err(TooWide);
            }
            self.waiting.push(Reverse(Waiting { position, recorded }));
        }
        Ok(())
    }

    /// The earliest event, where it started before `until`, the start of the first event of the next
    /// segment; where there is no next segment, whenever it started.
    pub(super) fn next_before(&mut self, until: Option<Micros>) -> Option<Recorded> {
        let Reverse(first) = self.waiting.peek()?;
        let goes = until.is_none_or(|until| first.recorded.event.started_at < until);
        if goes { self.waiting.pop().map(|Reverse(first)| first.recorded) } else { None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metering::billability::RULES;
    use crate::metering::tests::sample;
    use proptest::prelude::*;

    fn at(seq: u64, at: i64) -> Recorded {
        let mut event = sample(0);
        event.started_at = Micros(at);
        Recorded { seq, event, rule: &RULES[0] }
    }

    fn places(events: impl Iterator<Item = Recorded>) -> Vec<(i64, u64)> {
        events.map(|recorded| (recorded.event.started_at.0, recorded.seq)).collect()
    }

    proptest! {
        /// However segments overlap, events come in the order of time, those of an instant in the order
        /// of the ledger, and none is lost.
        #[test]
        fn the_order_is_that_of_all_events_sorted(
            segments in prop::collection::vec(prop::collection::vec(0i64..60, 1..12), 0..12),
        ) {
            let mut seq = 0;
            let mut next = || { seq += 1; seq };
            // By position; the number is unique over all of them, so that places can be compared.
            let segments: Vec<(i64, Vec<(u64, i64)>)> = (1..)
                .zip(segments)
                .map(|(position, times)| {
                    (position, times.into_iter().map(|time| (next(), time)).collect())
                })
                .collect();
            let mut expected: Vec<(i64, i64, u64)> = segments
                .iter()
                .flat_map(|(p, events)| events.iter().map(move |(seq, time)| (*time, *p, *seq)))
                .collect();
            expected.sort_unstable();
            let first = |events: &[(u64, i64)]| events.iter().map(|(_, time)| *time).min();
            let mut in_time = segments;
            in_time.sort_by_key(|(position, events)| (first(events), *position));

            let (mut merge, mut out) = (Merge::new(1_000), Vec::new());
            for (n, (position, events)) in in_time.iter().enumerate() {
                merge.add(*position, events.iter().map(|(seq, time)| at(*seq, *time))).unwrap();
                let until = in_time.get(n + 1).and_then(|(_, events)| first(events)).map(Micros);
                out.extend(places(std::iter::from_fn(|| merge.next_before(until))));
            }
            let expected: Vec<_> = expected.into_iter().map(|(time, _, seq)| (time, seq)).collect();
            prop_assert_eq!(out, expected);
        }
    }

    #[test]
    fn what_waits_is_bounded() {
        let mut merge = Merge::new(2);
        assert_eq!(merge.add(1, [at(1, 5), at(2, 6)].into_iter()), Ok(()));
        assert_eq!(merge.add(2, [at(3, 5)].into_iter()), Err(TooWide));
    }
}
