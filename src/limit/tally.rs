//! What a quota has counted in one period.

use super::period::Bounds;
use crate::kernel::Micros;
use crate::kernel::clock::SECOND;

/// How long after it was heard the use that the shared counter told counts, where the ledger is followed: longer
/// than any interval of folding. What was used by then is in the ledger, and what was given back is not.
pub(super) const HEARD_FOR: i64 = 120 * SECOND;

/// By how much an answer of the shared counter may seem older than the last one and be so. One that seems older still
/// was given after Redis's clock was put back.
const LATE: i64 = 60 * SECOND;

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
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Heard {
    /// The beginning of the period: with the quota's name, that of the shared counter.
    start: Micros,
    milli: u64,
    /// When it was heard.
    at: Micros,
    /// When it was so, by Redis's clock.
    told: Micros,
}

impl Heard {
    fn nothing(start: Micros) -> Self {
        Self { start, milli: 0, at: Micros(0), told: Micros(0) }
    }
}

impl Tally {
    pub(super) fn new(bounds: Bounds) -> Self {
        let heard = Heard::nothing(bounds.start);
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

    /// Takes in the use that the shared counter tells, with what it has granted, at `told` by Redis's clock.
    ///
    /// Answers come out of order. A newer one counts, and may be lower: nodes give back what calls do not cost. Of one
    /// that is older, only what is more.
    pub(super) fn hear(&mut self, milli: u64, told: Micros, now: Micros) {
        let Heard { milli: last, told: before, .. } = self.heard;
        let is_older = (1..LATE).contains(&before.0.saturating_sub(told.0));
        self.heard.at = now;
        (self.heard.milli, self.heard.told) =
            if is_older { (milli.max(last), before) } else { (milli, told) };
    }

    /// Goes on with what another tally has heard, where that is of the same counter and newer; of whichever counter,
    /// where this one is of no period yet.
    pub(super) fn go_on_hearing(&mut self, other: &Self, has_period: bool) {
        let is_same = self.heard.start == other.heard.start && self.heard.at < other.heard.at;
        if is_same || !has_period {
            self.heard = other.heard;
        }
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
