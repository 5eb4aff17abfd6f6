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
use super::terms::Placed;
use crate::kernel::Micros;
use crate::kernel::clock::DAY;

/// Holds no instant: the first use of a counter finds the period.
const NEVER: Bounds = Bounds { start: Micros(i64::MIN), end: Micros(i64::MIN) };

/// Microseconds after its end for which a new counter asks for the period before.
const ENDED: i64 = 2 * DAY;

/// Units of one period, in thousandths.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Tally {
    bounds: Bounds,
    /// In the ledger, as far as it was followed.
    ledger: u64,
    /// Settled and not followed yet, by segment.
    pending: Vec<(u32, u64)>,
    /// Taken by calls that have not ended.
    taken: u64,
    /// Of a period that is over: whether `ledger` began with what the ledger had.
    seeded: bool,
}

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

impl Tally {
    fn new(bounds: Bounds) -> Self {
        Self { bounds, ledger: 0, pending: Vec::new(), taken: 0, seeded: false }
    }

    fn used(&self) -> u64 {
        let pending = self.pending.iter().map(|(_, milli)| milli);
        pending
            .fold(self.ledger.saturating_add(self.taken), |sum, milli| sum.saturating_add(*milli))
    }

    fn settle(&mut self, segment: Option<u32>, milli: u64) {
        let Some(segment) = segment else {
            self.ledger = self.ledger.saturating_add(milli);
            return;
        };
        match self.pending.iter_mut().find(|(known, _)| *known == segment) {
            Some((_, sum)) => *sum = sum.saturating_add(milli),
            None => self.pending.push((segment, milli)),
        }
    }

    fn unsettle(&mut self, segment: u32, milli: u64) {
        if let Some((_, sum)) = self.pending.iter_mut().find(|(known, _)| *known == segment) {
            *sum = sum.saturating_sub(milli);
        }
    }

    /// Microseconds until the period ends.
    fn left_us(&self, now: Micros) -> u64 {
        self.bounds.end.0.saturating_sub(now.0).max(1).unsigned_abs()
    }
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
    /// its way to the ledger counts meanwhile, and where the ledger was not asked yet, all.
    pub fn go_on_from(&mut self, old: &Self) {
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

    /// Why a call of this weight does not fit now; `None` where it does. Nothing is taken yet.
    pub fn refuses(&mut self, quota: u32, now: Micros, weight_milli: u32) -> Option<Verdict> {
        self.roll(now);
        let (full, weight) = (u64::from(quota) * 1_000, u64::from(weight_milli));
        let tally = self.present(now);
        if weight == 0 || tally.used().saturating_add(weight) <= full {
            None
        } else if weight > full {
            Some(Verdict::Never)
        } else {
            Some(Verdict::Wait { micros: tally.left_us(now) })
        }
    }

    /// Takes a call's weight until it is settled.
    pub fn take(&mut self, now: Micros, weight_milli: u32) {
        if let Some(tally) = self.tally(now) {
            tally.taken = tally.taken.saturating_add(weight_milli.into());
        }
    }

    /// Gives back what was taken by a call that was accepted at `at`.
    pub fn give_back(&mut self, at: Micros, weight_milli: u32) {
        if let Some(tally) = self.tally(at) {
            tally.taken = tally.taken.saturating_sub(weight_milli.into());
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
            self.before = Some(Tally { ledger, seeded: true, ..Tally::new(bounds) });
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

    /// Thousandths of a unit that are used in the present period, and the period.
    #[must_use]
    pub fn used(&self, now: Micros) -> (u64, Bounds) {
        let tally = self.present(now);
        (tally.used(), tally.bounds)
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

#[cfg(test)]
mod tests {
    use super::super::policy::Operations;
    use super::*;

    const START: Micros = Micros(1_795_341_600_000_000);

    fn counter() -> Counter {
        let cycle = Cycle { period: super::super::Period::Day, ..Cycle::default() };
        let quota = Quota { quota: 10, cycle };
        let name = "day".parse().unwrap();
        let mut counter = Counter::new(
            &Placed { place: 0, name, operations: Operations::ALL, grant: quota },
            START,
        );
        let bounds = counter.wants(START).unwrap();
        counter.seed(bounds, &[(1, 2_000)]);
        counter
    }

    fn left(counter: &Counter, now: Micros) -> u32 {
        counter.standing(10, now).remaining
    }

    fn billed(at: Micros, milli: u32) -> Billed {
        Billed { at, operation: 1, milli }
    }

    #[test]
    fn a_call_is_taken_settled_and_followed_and_counted_once() {
        let mut counter = counter();
        assert_eq!((counter.refuses(10, START, 1_000), left(&counter, START)), (None, 8));
        counter.take(START, 1_000);
        assert_eq!(left(&counter, START), 7);
        counter.settle(START, Some(4), 3_000);
        counter.give_back(START, 1_000);
        assert_eq!(left(&counter, START), 5);
        counter.follow(&[billed(START, 500)], Some(3), START);
        assert_eq!(left(&counter, START), 4);
        counter.follow(&[billed(START, 3_000)], Some(4), START);
        assert_eq!((left(&counter, START), counter.idle()), (4, true));
        // What comes too late for its segment is taken back.
        counter.settle(START, Some(4), 1_000);
        counter.unsettle(START, 4, 1_000);
        assert_eq!(left(&counter, START), 4);
        assert_eq!(counter.refuses(10, START, 11_000), Some(Verdict::Never));
        assert!(matches!(counter.refuses(10, START, 5_000), Some(Verdict::Wait { .. })));
        assert_eq!(counter.refuses(10, START, 0), None);
    }

    #[test]
    fn a_new_period_begins_whole_and_a_clock_stepped_back_finds_the_old_one() {
        let mut counter = counter();
        let tomorrow = Micros(START.0 + DAY);
        // Another node's clock is ahead: counted when the period begins here.
        counter.follow(&[billed(tomorrow, 1_000)], None, START);
        assert_eq!(left(&counter, START), 8);
        counter.roll(tomorrow);
        assert_eq!((left(&counter, tomorrow), left(&counter, START)), (9, 8));
        counter.roll(START);
        counter.take(START, 1_000);
        assert_eq!((left(&counter, tomorrow), left(&counter, START)), (9, 7));
        // It may not be all that is ahead, so the ledger is asked.
        let bounds = counter.wants(tomorrow).unwrap();
        counter.seed(bounds, &[(1, 1_000)]);
        assert_eq!((left(&counter, tomorrow), counter.wants(tomorrow)), (9, None));
        // Far back nothing is given back, and the ledger is asked.
        let past = Micros(START.0 - 30 * DAY);
        counter.roll(past);
        assert_eq!(left(&counter, past), 9);
        let bounds = counter.wants(past).unwrap();
        counter.seed(bounds, &[(1, 4_000)]);
        assert_eq!(left(&counter, past), 6);
        // When the clock is right again, the day is as it was; of the next the ledger is asked again.
        counter.roll(tomorrow);
        assert_eq!(left(&counter, tomorrow), 9);
        assert!(counter.wants(Micros(tomorrow.0 + DAY)).is_some());
    }

    #[test]
    fn what_is_in_the_ledger_is_told_of_both_periods_and_only_as_far_as_it_was_asked() {
        let mut counter = counter();
        let (today, tomorrow) = (counter.used(START).1, Micros(START.0 + DAY));
        counter.take(START, 1_000);
        counter.settle(START, Some(4), 3_000);
        assert_eq!(counter.in_ledger(), [None, Some((today, 2_000))]);
        counter.roll(tomorrow);
        let next = counter.used(tomorrow).1;
        // What comes late counts where it belongs.
        counter.follow(&[billed(START, 3_000), billed(tomorrow, 500)], Some(4), tomorrow);
        assert_eq!(counter.in_ledger(), [Some((today, 5_000)), Some((next, 500))]);
        counter.unseed();
        assert_eq!(counter.in_ledger(), [None, None]);
        counter.seed(next, &[(1, 700)]);
        assert_eq!(counter.in_ledger(), [None, Some((next, 700))]);
    }

    #[test]
    fn a_new_counter_asks_for_the_period_before_for_a_while() {
        let mut counter = counter();
        let today = counter.used(START).1;
        let yesterday = counter.wants_ended(START).unwrap();
        assert_eq!((yesterday.end, yesterday.seconds()), (today.start, 86_400));
        counter.seed(yesterday, &[(1, 9_000)]);
        assert_eq!(counter.in_ledger(), [Some((yesterday, 9_000)), Some((today, 2_000))]);
        assert_eq!(counter.wants_ended(START), None);
        counter.follow(&[billed(Micros(today.start.0 - 1), 500)], None, START);
        assert_eq!(counter.in_ledger()[0], Some((yesterday, 9_500)));
    }

    #[test]
    fn the_reset_is_the_end_of_the_period() {
        let counter = counter();
        // 10:00 of a day in UTC.
        assert_eq!(counter.standing(10, START).reset_s, 14 * 3_600);
        assert_eq!(counter.standing(10, Micros(START.0 + 1)).reset_s, 14 * 3_600);
        assert_eq!(counter.standing(10, START).period_s, 86_400);
    }
}
