//! What a quota has counted in one period.

use super::period::Bounds;
use crate::kernel::Micros;
use crate::kernel::clock::SECOND;

/// How long after it was heard the use that the shared counter told counts, where the ledger is followed: longer
/// than any interval of folding. What was used by then is in the ledger, and what was given back is not.
pub(super) const HEARD_FOR: i64 = 120 * SECOND;

/// Units of one period, in thousandths.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Tally {
    pub(super) bounds: Bounds,
    /// In the ledger, as far as it was followed.
    pub(super) ledger: u64,
    /// Settled and not followed yet, by segment.
    pub(super) pending: Vec<(u32, u64)>,
    /// Taken by calls that have not ended.
    pub(super) taken: u64,
    /// Of a period that is over: whether `ledger` began with what the ledger had.
    pub(super) seeded: bool,
    heard: Heard,
}

/// What all nodes have used together, as their shared counter last told it, and what this process has taken and
/// given back since.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Heard {
    milli: u64,
    at: Micros,
    /// How often the shared counter was heard.
    times: u32,
}

impl Tally {
    pub(super) fn new(bounds: Bounds) -> Self {
        let heard = Heard::default();
        Self { bounds, ledger: 0, pending: Vec::new(), taken: 0, seeded: false, heard }
    }

    /// That of a period that is over, of which the ledger was asked.
    pub(super) fn of_ledger(bounds: Bounds, ledger: u64) -> Self {
        Self { ledger, seeded: true, ..Self::new(bounds) }
    }

    /// What is used by the ledger and by what this process has taken.
    pub(super) fn used(&self) -> u64 {
        let pending = self.pending.iter().map(|(_, milli)| milli);
        pending
            .fold(self.ledger.saturating_add(self.taken), |sum, milli| sum.saturating_add(*milli))
    }

    /// What is used by all that this process knows: the shared counter is a fold interval ahead of the ledger.
    pub(super) fn known(&self) -> u64 {
        self.used().max(self.heard.milli)
    }

    /// Takes units of which the shared counter does not know.
    pub(super) fn take(&mut self, milli: u64) {
        self.take_told(milli);
        self.heard.milli = self.heard.milli.saturating_add(milli);
    }

    /// Takes units that are in what the shared counter has told.
    pub(super) fn take_told(&mut self, milli: u64) {
        self.taken = self.taken.saturating_add(milli);
    }

    pub(super) fn give_back(&mut self, milli: u64) {
        self.taken = self.taken.saturating_sub(milli);
        self.return_told(milli);
    }

    /// The shared counter is given back so much, which was not taken for a call.
    pub(super) fn return_told(&mut self, milli: u64) {
        self.heard.milli = self.heard.milli.saturating_sub(milli);
    }

    pub(super) fn settle(&mut self, segment: Option<u32>, milli: u64) {
        self.heard.milli = self.heard.milli.saturating_add(milli);
        let Some(segment) = segment else {
            self.ledger = self.ledger.saturating_add(milli);
            return;
        };
        match self.pending.iter_mut().find(|(known, _)| *known == segment) {
            Some((_, sum)) => *sum = sum.saturating_add(milli),
            None => self.pending.push((segment, milli)),
        }
    }

    pub(super) fn unsettle(&mut self, segment: u32, milli: u64) {
        self.return_told(milli);
        if let Some((_, sum)) = self.pending.iter_mut().find(|(known, _)| *known == segment) {
            *sum = sum.saturating_sub(milli);
        }
    }

    /// How often the shared counter was heard before a question that is made now.
    pub(super) fn times_heard(&self) -> u32 {
        self.heard.times
    }

    /// Takes in the use that the shared counter tells, with what it has granted, in answer to a question before
    /// which it was heard `before` times.
    ///
    /// Answers come out of order. One to a question that was made when the last answer was known is newer than
    /// that, and may be lower: nodes give back what calls do not cost. Of others the highest counts.
    pub(super) fn hear(&mut self, milli: u64, before: u32, now: Micros) {
        let Heard { milli: last, times, .. } = self.heard;
        let milli = if before == times { milli } else { milli.max(last) };
        self.heard = Heard { milli, at: now, times: times.wrapping_add(1) };
    }

    /// Forgets what was heard so long ago that the ledger, which was just followed, knows better.
    pub(super) fn forget_heard(&mut self, now: Micros) {
        if now.0.abs_diff(self.heard.at.0) >= HEARD_FOR.unsigned_abs() {
            self.heard.milli = 0;
        }
    }

    /// Microseconds until the period ends.
    pub(super) fn left_us(&self, now: Micros) -> u64 {
        self.bounds.end.0.saturating_sub(now.0).max(1).unsigned_abs()
    }
}
