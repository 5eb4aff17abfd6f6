//! The generic cell rate algorithm, in its continuous-state form (the leaky bucket of ITU-T I.371):
//! pure, exact, integers only.
//!
//! A bucket holds a debt that drains with time. To need no rounding, the debt of a rate is counted
//! in milliunits times milliseconds of its window: a call adds `weight_milli * window_ms`, a
//! microsecond drains `quota`, and `quota * window_us` is a full bucket. The largest of these,
//! 2^32 * 2^32 s, needs 85 bits; no product here exceeds 2^127.

use super::decision::{Standing, Verdict, whole_seconds};
use super::policy::Rate;
use crate::kernel::Micros;

/// How far back a reading of the clock may lie and still count as merely late. Threads that race for
/// a bucket bring readings out of order by less; clocks that are stepped move by more.
pub(super) const LATE_US: i64 = 100_000;

/// What one rate has against one subject.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bucket {
    debt: u128,
    at: Micros,
}

impl Default for Bucket {
    fn default() -> Self {
        Self { debt: 0, at: Micros(i64::MIN) }
    }
}

impl Rate {
    fn window_ms(self) -> u128 {
        u128::from(self.window_s) * 1_000
    }

    fn window_us(self) -> u128 {
        u128::from(self.window_s) * 1_000_000
    }

    fn full(self) -> u128 {
        u128::from(self.quota) * self.window_us()
    }

    fn cost(self, weight_milli: u32) -> u128 {
        u128::from(weight_milli) * self.window_ms()
    }
}

impl Bucket {
    /// Lets the time since the last call drain the debt. A late reading drains nothing. After a step
    /// back the bucket goes by the new time with the debt it has: nothing is forgiven, and since a
    /// debt is at most one window's, nobody waits longer than that.
    pub(super) fn drain(&mut self, rate: Rate, now: Micros) {
        let elapsed = now.0.saturating_sub(self.at.0);
        if elapsed >= 0 {
            let drained = u128::from(elapsed.unsigned_abs()) * u128::from(rate.quota);
            self.debt = self.debt.saturating_sub(drained);
            self.at = now;
        } else if elapsed < -LATE_US {
            self.at = now;
        }
    }

    /// Microseconds after `now` at which the debt will be `excess` less.
    fn wait_us(&self, rate: Rate, now: Micros, excess: u128) -> u64 {
        let late = self.at.0.saturating_sub(now.0).max(0).unsigned_abs();
        let drain = excess.div_ceil(u128::from(rate.quota));
        u64::try_from(drain).unwrap_or(u64::MAX).saturating_add(late)
    }

    /// What is too much if a call of this weight is let in; 0 where it fits.
    fn excess(&self, rate: Rate, weight_milli: u32) -> u128 {
        (self.debt + rate.cost(weight_milli)).saturating_sub(rate.full())
    }

    /// Why a call of this weight does not fit now; `None` where it does. Nothing is taken yet.
    #[inline]
    pub fn refuses(&mut self, rate: Rate, now: Micros, weight_milli: u32) -> Option<Verdict> {
        self.drain(rate, now);
        let excess = self.excess(rate, weight_milli);
        if excess == 0 {
            None
        } else if rate.cost(weight_milli) > rate.full() {
            Some(Verdict::Never)
        } else {
            Some(Verdict::Wait { micros: self.wait_us(rate, now, excess) })
        }
    }

    /// Takes a call's weight.
    #[inline]
    pub fn take(&mut self, rate: Rate, weight_milli: u32) {
        self.debt += rate.cost(weight_milli);
    }

    /// How the rate stands, and when it is whole again; where it keeps a call of the weight `waiting`
    /// waiting, when it lets it in.
    #[inline]
    #[must_use]
    pub fn standing(&self, rate: Rate, now: Micros, waiting: Option<u32>) -> Standing {
        let left = rate.full().saturating_sub(self.debt) / rate.window_us();
        let debt = waiting.map_or(self.debt, |weight_milli| self.excess(rate, weight_milli));
        let reset_s = if debt == 0 { 0 } else { whole_seconds(self.wait_us(rate, now, debt)) };
        Standing { remaining: u32::try_from(left).unwrap_or(u32::MAX), reset_s, period_s: 0 }
    }

    /// Thousandths of a unit that are owed at `now`, rounded up.
    pub fn used_milli(&mut self, rate: Rate, now: Micros) -> u64 {
        self.drain(rate, now);
        u64::try_from(self.debt.div_ceil(rate.window_ms())).unwrap_or(u64::MAX)
    }

    /// The same use under an edited rate: units taken stay taken, up to the new quota. Where the
    /// bucket is `shared` by plans that differ, also above it: one of them would forgive what the
    /// others have taken.
    #[must_use]
    pub fn carried(mut self, from: Rate, to: Rate, now: Micros, shared: bool) -> Self {
        self.drain(from, now);
        let debt = (self.debt * to.window_ms()).div_ceil(from.window_ms());
        Self { debt: if shared { debt } else { debt.min(to.full()) }, ..self }
    }

    /// Whether nothing is owed at `now`.
    #[must_use]
    pub fn settled(mut self, rate: Rate, now: Micros) -> bool {
        self.drain(rate, now);
        self.debt == 0
    }
}

/// A debt as whole microseconds in which it drains and, over the quota, what is left of one: how it is
/// counted where other nodes count, too.
pub(super) type Limbs = (u64, u64);

fn limbs(debt: u128, rate: Rate) -> Limbs {
    let quota = u128::from(rate.quota);
    (u64::try_from(debt / quota).unwrap_or(u64::MAX), (debt % quota) as u64)
}

impl Rate {
    /// The debt of a call of this weight.
    pub(super) fn cost_limbs(self, weight_milli: u32) -> Limbs {
        limbs(self.cost(weight_milli), self)
    }
}

impl Bucket {
    /// A bucket with a debt at an instant.
    pub(super) fn of_limbs((whole, rest): Limbs, at: Micros, rate: Rate) -> Self {
        Self { debt: u128::from(whole) * u128::from(rate.quota) + u128::from(rest), at }
    }

    /// The debt at `now`.
    pub(super) fn limbs(&mut self, rate: Rate, now: Micros) -> Limbs {
        self.drain(rate, now);
        limbs(self.debt, rate)
    }

    /// Adds a debt of `now`.
    pub(super) fn owe(&mut self, more: Limbs, rate: Rate, now: Micros) {
        self.drain(rate, now);
        self.debt += Self::of_limbs(more, now, rate).debt;
    }

    /// One of `n` equal parts of the debt, rounded up.
    pub(super) fn part(self, n: u32) -> Self {
        Self { debt: self.debt.div_ceil(u128::from(n.max(1))), ..self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Takes a call, or says why not.
    fn call(bucket: &mut Bucket, rate: Rate, now: i64, weight: u32) -> Option<Verdict> {
        let why = bucket.refuses(rate, Micros(now), weight);
        if why.is_none() {
            bucket.take(rate, weight);
        }
        why
    }

    proptest! {
        /// Takes at any times: in no stretch of time is more admitted than the quota and what it
        /// refills, to the last thousandth of a unit.
        #[test]
        fn never_above_quota_and_refill(
            quota in 1u32..40, window_s in 1u32..4,
            calls in prop::collection::vec((0i64..400_000, 1u32..5_000), 1..120),
        ) {
            let (rate, mut bucket) = (Rate { quota, window_s }, Bucket::default());
            let (mut now, mut admitted) = (0i64, Vec::new());
            for (pause, weight) in calls {
                now += pause;
                if call(&mut bucket, rate, now, weight).is_none() {
                    admitted.push((now, i128::from(weight)));
                }
            }
            let window_us = i128::from(window_s) * 1_000_000;
            for (i, (from, _)) in admitted.iter().enumerate() {
                let mut taken = 0;
                for (to, weight) in &admitted[i..] {
                    taken += weight;
                    let bound = i128::from(quota) * 1_000 * (window_us + i128::from(to - from));
                    prop_assert!(taken * window_us <= bound, "{taken} in {} us", to - from);
                }
            }
        }

        /// What a refusal promises is true to the microsecond.
        #[test]
        fn the_wait_is_exact(
            quota in 1u32..2_000_000, window_s in 1u32..100_000, weight in 1u32..3_000, start: u32,
        ) {
            prop_assume!(weight <= quota * 1_000);
            let (rate, mut bucket) = (Rate { quota, window_s }, Bucket::default());
            let now = i64::from(start);
            prop_assert_eq!(call(&mut bucket, rate, now, quota * 1_000), None);
            let Some(Verdict::Wait { micros }) = call(&mut bucket, rate, now, weight) else {
                return Err(TestCaseError::fail("a full bucket admits nothing"));
            };
            let after = |us: u64| {
                let at = now + i64::try_from(us).unwrap();
                call(&mut bucket.clone(), rate, at, weight).is_none()
            };
            prop_assert!(!after(micros - 1));
            prop_assert!(after(micros));
            let seconds = bucket.standing(rate, Micros(now), Some(weight)).reset_s;
            prop_assert!(seconds >= 1 && u64::from(seconds) * 1_000_000 >= micros);
        }

        /// However the clock jumps, a call that fits the quota is admitted one window after the
        /// last reading (and the time by which a reading may be late).
        #[test]
        fn nobody_waits_longer_than_a_window(
            quota in 1u32..50, window_s in 1u32..50,
            readings in prop::collection::vec(-100_000_000i64..100_000_000, 1..60),
        ) {
            let (rate, mut bucket) = (Rate { quota, window_s }, Bucket::default());
            for reading in &readings {
                call(&mut bucket, rate, *reading, 1_000);
            }
            let last = readings.last().copied().unwrap_or(0);
            let later = last + i64::from(window_s) * 1_000_000 + LATE_US;
            prop_assert_eq!(call(&mut bucket, rate, later, quota * 1_000), None);
        }

        /// Readings that only ever go back admit one quota, not more.
        #[test]
        fn time_going_back_admits_nothing_extra(
            quota in 1u32..20, steps in prop::collection::vec(0i64..10_000_000, 30..60),
        ) {
            let (rate, mut bucket) = (Rate { quota, window_s: 1 }, Bucket::default());
            let (mut now, mut admitted) = (0, 0);
            for step in steps {
                now -= step;
                admitted += u32::from(call(&mut bucket, rate, now, 1_000).is_none());
            }
            prop_assert_eq!(admitted, quota);
        }

        /// Readings out of order admit no more than the latest of them alone would.
        #[test]
        fn late_readings_admit_nothing_extra(lateness in prop::collection::vec(0i64..LATE_US, 200)) {
            let (rate, mut bucket) = (Rate { quota: 10, window_s: 1 }, Bucket::default());
            let mut admitted = 0;
            for (i, late) in lateness.iter().enumerate() {
                let at = i as i64 * 1_000 - late;
                admitted += u32::from(call(&mut bucket, rate, at, 1_000).is_none());
            }
            // 10 at once, and at most what 200 ms refill, counted from the earliest reading.
            prop_assert!(admitted <= 10 + 3, "{admitted}");
        }

        /// No input overflows or panics.
        #[test]
        fn extremes_hold(
            calls in prop::collection::vec((any::<i64>(), any::<u32>()), 1..20),
            quota in 1u32..=1_000_000_000, window_s in 1u32..=31_622_400,
            edited in 1u32..=31_622_400,
        ) {
            for shared in [false, true] {
                let (mut bucket, mut before) = (Bucket::default(), Rate { quota, window_s });
                for (now, weight) in &calls {
                    for (quota, window_s) in [(quota, window_s), (edited, window_s), (quota, edited)] {
                        let rate = Rate { quota, window_s };
                        bucket = bucket.carried(before, rate, Micros(*now), shared);
                        call(&mut bucket, rate, *now, *weight);
                        let left = bucket.standing(rate, Micros(*now), Some(*weight)).remaining;
                        prop_assert!(left <= quota);
                        let _ = bucket.settled(rate, Micros(i64::MAX));
                        before = rate;
                    }
                }
            }
        }
    }
}
