//! What a quota has counted, period by period.
//!
//! The ledger is the truth: `used` is what the ledger has of the period, as far as it was followed, and
//! what this process has taken since. What is taken at admission is settled when the call has ended; what
//! is settled waits by the journal's segment until that segment was followed, so that nothing is counted
//! twice and nothing is missed, whatever order these come in.

use super::decision::{Standing, Verdict, whole_seconds};
use super::name::LimitName;
use super::period::{Anchor, Bounds, Cycle};
use super::policy::{Operations, Quota};
use super::tally::Tally;
use super::terms::Placed;
use crate::kernel::Micros;
use crate::kernel::clock::DAY;

/// Holds no instant: the first use of a counter finds the period.
const NEVER: Bounds = Bounds { start: Micros(i64::MIN), end: Micros(i64::MIN) };

/// Microseconds after its end for which a new counter asks for the period before.
const ENDED: i64 = 2 * DAY;

/// A billed event as the ledger has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Billed {
    /// When the call was accepted.
    pub at: Micros,
    /// The operation's code.
    pub operation: u16,
    /// Its weight on the bill, in thousandths of a unit.
    pub milli: u32,
}

/// The present period of a quota and the one before, for one partner, app or key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Counter {
    name: LimitName,
    operations: Operations,
    cycle: Cycle,
    since: Micros,
    current: Tally,
    before: Option<Tally>,
    /// Billed by a node whose clock is ahead, in a period that has not begun here.
    ahead: u64,
    /// Whether `current.ledger` began with what the ledger had.
    seeded: bool,
}

impl Counter {
    /// A counter that knows nothing of the ledger yet.
    #[must_use]
    pub fn new(quota: &Placed<Quota>, since: Micros) -> Self {
        Self {
            name: quota.name,
            operations: quota.operations,
            cycle: quota.grant.cycle.clone(),
            since,
            current: Tally::new(NEVER),
            before: None,
            ahead: 0,
            seeded: false,
        }
    }

    /// The quota's name.
    #[must_use]
    pub fn name(&self) -> LimitName {
        self.name
    }

    /// Whether it counts what this quota counts, in the same periods.
    #[must_use]
    pub fn counts(&self, quota: &Placed<Quota>, since: Micros) -> bool {
        let from = |counter: &Self| match counter.cycle.anchor {
            Anchor::Calendar => true,
            Anchor::Contract => counter.since == since,
        };
        (self.name, self.operations) == (quota.name, quota.operations)
            && self.cycle == quota.grant.cycle
            && from(self)
    }

    /// Goes on from the counter of this name before an edit of the plan changed what it counts: what is on
    /// its way to the ledger counts meanwhile, and where the ledger was not asked yet, all. The shared counter of a
    /// period that begins when it did is the same one.
    pub fn go_on_from(&mut self, old: &Self) {
        self.current.go_on_hearing(&old.current, self.current.bounds != NEVER);
        if self.idle() {
            self.current.pending.clone_from(&old.current.pending);
            if !self.seeded {
                self.current.ledger = self.current.ledger.max(old.current.ledger);
            }
        }
    }

    /// Goes to the period that holds `now`. A clock that is stepped back finds the period before as it
    /// was left; further back, what was used stays used until the ledger was asked.
    #[inline]
    pub fn roll(&mut self, now: Micros) {
        if !self.current.bounds.hold(now) {
            self.turn(now);
        }
    }

    fn turn(&mut self, now: Micros) {
        if self.before.as_ref().is_some_and(|before| before.bounds.hold(now)) {
            return;
        }
        let bounds = self.cycle.around(now, self.since);
        let mut next = Tally::new(bounds);
        next.go_on_hearing(&self.current, true);
        let (ended, began) = (self.current.bounds.end, self.current.bounds.start);
        if now < began || self.current.bounds == NEVER {
            next.ledger = self.current.ledger.saturating_add(self.current.taken);
            next.pending.clone_from(&self.current.pending);
        } else {
            next.ledger = std::mem::take(&mut self.ahead);
        }
        self.current.seeded = self.seeded;
        // The ledger was followed up to here, so the next period begins with what is ahead, which is
        // nearly always nothing. Of any other the ledger has to be asked.
        self.seeded &= bounds.start == ended && next.ledger == 0;
        let last = std::mem::replace(&mut self.current, next);
        self.before = Some(last).filter(|last| last.bounds != NEVER);
    }

    fn tally(&mut self, at: Micros) -> Option<&mut Tally> {
        if self.current.bounds.hold(at) {
            return Some(&mut self.current);
        }
        self.before.as_mut().filter(|before| before.bounds.hold(at))
    }

    fn present(&self, now: Micros) -> &Tally {
        let before = self.before.as_ref().filter(|before| before.bounds.hold(now));
        if self.current.bounds.hold(now) { &self.current } else { before.unwrap_or(&self.current) }
    }

    /// Why a call of this weight does not fit now, by the ledger and by what this process has taken; `None` where
    /// it does. Nothing is taken yet.
    pub fn refuses(&mut self, quota: u32, now: Micros, weight_milli: u32) -> Option<Verdict> {
        self.roll(now);
        self.is_over(quota, now, weight_milli)
    }

    /// The same of a counter that was rolled to `now`.
    pub(super) fn is_over(&self, quota: u32, now: Micros, weight_milli: u32) -> Option<Verdict> {
        let tally = self.present(now);
        why(tally, tally.used(), (quota, weight_milli), now)
    }

    /// The same by the shared counter, too.
    pub(super) fn is_known_over(
        &self,
        quota: u32,
        now: Micros,
        weight_milli: u32,
    ) -> Option<Verdict> {
        let tally = self.present(now);
        why(tally, tally.known(), (quota, weight_milli), now)
    }

    /// Takes a call's weight until it is settled.
    pub fn take(&mut self, now: Micros, weight_milli: u32) {
        if let Some(tally) = self.tally(now) {
            tally.take(weight_milli.into());
        }
    }

    /// The same where the shared counter has granted it, and so has told of it.
    pub(super) fn take_told(&mut self, now: Micros, weight_milli: u32) {
        if let Some(tally) = self.tally(now) {
            tally.take_told(weight_milli.into());
        }
    }

    /// Gives back what was taken by a call that was accepted at `at`.
    pub fn give_back(&mut self, at: Micros, weight_milli: u32) {
        if let Some(tally) = self.tally(at) {
            tally.give_back(weight_milli.into());
        }
    }

    /// Units of the period that begins at `start` are given back to the shared counter that were taken for no call.
    pub(super) fn return_told(&mut self, start: Micros, milli: u64) {
        if let Some(tally) = self.tally(start) {
            tally.return_told(milli);
        }
    }

    /// Takes in what the shared counter of a period has told; see [`Tally::hear`].
    pub(super) fn hear(&mut self, start: Micros, (milli, told): (u64, Micros), now: Micros) {
        if let Some(tally) = self.tally(start) {
            tally.hear(milli, told, now);
        }
    }

    /// Counts what a call costs whose event is in a segment of this process's journal; in none where
    /// there is no journal.
    pub fn settle(&mut self, at: Micros, segment: Option<u32>, milli: u32) {
        if let Some(tally) = self.tally(at) {
            tally.settle(segment, milli.into());
        }
    }

    /// Takes a settlement back that came too late for the segment.
    pub fn unsettle(&mut self, at: Micros, segment: u32, milli: u32) {
        if let Some(tally) = self.tally(at) {
            tally.unsettle(segment, milli.into());
        }
    }

    /// Takes in what the ledger has got. `own` is the last segment of this process among it: what was
    /// settled up to it is in the ledger now.
    pub fn follow(&mut self, billed: &[Billed], own: Option<u32>, now: Micros) {
        self.roll(now);
        for tally in [Some(&mut self.current), self.before.as_mut()].into_iter().flatten() {
            tally.pending.retain(|(segment, _)| own.is_none_or(|own| *segment > own));
            tally.forget_heard(now);
        }
        let operations = self.operations;
        let covered = billed.iter().filter(|billed| operations.cover(billed.operation));
        covered.for_each(|billed| self.add(*billed));
    }

    fn add(&mut self, billed: Billed) {
        if billed.at >= self.current.bounds.end {
            self.ahead = self.ahead.saturating_add(billed.milli.into());
        } else if let Some(tally) = self.tally(billed.at) {
            tally.ledger = tally.ledger.saturating_add(billed.milli.into());
        }
    }

    /// The present period, where the ledger is to be asked what it has of it.
    #[must_use]
    pub fn wants(&mut self, now: Micros) -> Option<Bounds> {
        self.roll(now);
        (!self.seeded).then_some(self.current.bounds)
    }

    /// The period before, where the ledger is to be asked what it has of it: for a while after its end, if this
    /// counter was not there yet. Only of one that ended with an hour, by which the ledger sums.
    #[must_use]
    pub fn wants_ended(&self, now: Micros) -> Option<Bounds> {
        let ended = self.current.bounds.start;
        let is_wanted = self.before.is_none() && now.0.saturating_sub(ended.0) < ENDED;
        (is_wanted && ended == ended.hour()).then(|| self.period_before())
    }

    fn period_before(&self) -> Bounds {
        self.cycle.around(Micros(self.current.bounds.start.0.saturating_sub(1)), self.since)
    }

    /// Lets it begin anew with what the ledger has.
    pub fn unseed(&mut self) {
        self.seeded = false;
        self.before.iter_mut().for_each(|before| before.seeded = false);
    }

    /// Begins with what the ledger has of a period, by operation.
    pub fn seed(&mut self, bounds: Bounds, sums: &[(u16, u64)]) {
        let covered = sums.iter().filter(|(operation, _)| self.operations.cover(*operation));
        let ledger = covered.fold(0, |sum: u64, (_, milli)| sum.saturating_add(*milli));
        if self.current.bounds == bounds && !self.seeded {
            self.current.ledger = ledger;
            self.seeded = true;
        } else if self.before.is_none() && self.period_before() == bounds {
            self.before = Some(Tally::of_ledger(bounds, ledger));
        }
    }

    /// How the quota stands.
    #[must_use]
    pub fn standing(&self, quota: u32, now: Micros) -> Standing {
        let tally = self.present(now);
        let left = (u64::from(quota) * 1_000).saturating_sub(tally.used()) / 1_000;
        Standing {
            remaining: u32::try_from(left).unwrap_or(u32::MAX),
            reset_s: whole_seconds(tally.left_us(now)),
            period_s: tally.bounds.seconds(),
        }
    }

    /// Thousandths of a unit that are used in the present period by the ledger and by what this process has taken,
    /// and the period.
    #[must_use]
    pub fn used(&self, now: Micros) -> (u64, Bounds) {
        let tally = self.present(now);
        (tally.used(), tally.bounds)
    }

    /// The same by the shared counter, too.
    pub(super) fn known(&self, now: Micros) -> u64 {
        self.present(now).known()
    }

    /// What the ledger has of the period before and of the present one, as far as it was followed, in thousandths
    /// of a unit; nothing of one that it was not asked for.
    #[must_use]
    pub fn in_ledger(&self) -> [Option<(Bounds, u64)>; 2] {
        let before = self.before.as_ref().filter(|before| before.seeded);
        let current = Some(&self.current).filter(|_| self.seeded);
        [before, current].map(|tally| tally.map(|tally| (tally.bounds, tally.ledger)))
    }

    /// Whether no call is under way or not yet followed, so that the ledger alone knows as much.
    #[must_use]
    pub fn idle(&self) -> bool {
        let idle = |tally: &Tally| tally.taken == 0 && tally.pending.is_empty();
        idle(&self.current) && self.before.as_ref().is_none_or(idle)
    }
}

/// Why a call of a weight does not fit a quota of which so much is used.
fn why(tally: &Tally, used: u64, (quota, weight): (u32, u32), now: Micros) -> Option<Verdict> {
    let (full, weight) = (u64::from(quota) * 1_000, u64::from(weight));
    if weight == 0 || used.saturating_add(weight) <= full {
        None
    } else if weight > full {
        Some(Verdict::Never)
    } else {
        Some(Verdict::Wait { micros: tally.left_us(now) })
    }
}
