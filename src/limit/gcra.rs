//! The generic cell rate algorithm, in its continuous-state form (the leaky bucket of ITU-T I.371):
//! pure, exact, integers only.
//!
//! A bucket holds a debt that drains with time. To need no rounding, the debt of a policy is counted
//! in milliunits times milliseconds of its window: a call adds `weight_milli * window_ms`, a
//! microsecond drains `quota`, and `quota * window_us` is a full bucket. The largest of these,
//! 2^32 * 2^32 s, needs 85 bits; no product here exceeds 2^127.

use super::decision::{Decision, Verdict, whole_seconds};
use super::policy::{Limits, MOST_POLICIES, Policy};
use crate::kernel::Micros;

/// How far back a reading of the clock may lie and still count as merely late. Threads that race for
/// a bucket bring readings out of order by less; clocks that are stepped move by more.
const LATE_US: i64 = 100_000;

/// What one policy has against one subject.
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

impl Policy {
    fn window_ms(&self) -> u128 {
        u128::from(self.window_s) * 1_000
    }

    fn window_us(&self) -> u128 {
        u128::from(self.window_s) * 1_000_000
    }

    fn full(&self) -> u128 {
        u128::from(self.quota) * self.window_us()
    }
}

impl Bucket {
    /// Lets the time since the last call drain the debt. A late reading drains nothing. After a step
    /// back the bucket goes by the new time with the debt it has: nothing is forgiven, and since a
    /// debt is at most one window's, nobody waits longer than that.
    fn drain(&mut self, policy: &Policy, now: Micros) {
        let elapsed = now.0.saturating_sub(self.at.0);
        if elapsed >= 0 {
            let drained = u128::from(elapsed.unsigned_abs()) * u128::from(policy.quota);
            self.debt = self.debt.saturating_sub(drained);
            self.at = now;
        } else if elapsed < -LATE_US {
            self.at = now;
        }
    }

    /// Microseconds after `now` at which the debt will be `excess` less.
    fn wait_us(&self, policy: &Policy, now: Micros, excess: u128) -> u64 {
        let late = self.at.0.saturating_sub(now.0).max(0).unsigned_abs();
        let drain = excess.div_ceil(u128::from(policy.quota));
        u64::try_from(drain).unwrap_or(u64::MAX).saturating_add(late)
    }

    /// The same use under an edited policy: units taken stay taken, up to the new quota.
    fn carried(mut self, from: &Policy, to: &Policy, now: Micros) -> Self {
        self.drain(from, now);
        let debt = (self.debt * to.window_ms()).div_ceil(from.window_ms());
        Self { debt: debt.min(to.full()), ..self }
    }
}

/// Takes `weight_milli` from the bucket of every policy, or from none. `buckets` are in the order of
/// the policies.
pub fn check(buckets: &mut [Bucket], limits: &Limits, now: Micros, weight_milli: u32) -> Decision {
    let mut decision = Decision {
        verdict: Verdict::Admitted,
        violated: 0,
        remaining: [0; MOST_POLICIES],
        reset_s: [0; MOST_POLICIES],
    };
    let (mut wait_us, mut never) = (0, false);
    for (i, (bucket, policy)) in buckets.iter_mut().zip(limits.policies()).enumerate() {
        bucket.drain(policy, now);
        let cost = u128::from(weight_milli) * policy.window_ms();
        let excess = (bucket.debt + cost).saturating_sub(policy.full());
        if excess > 0 {
            let wait = bucket.wait_us(policy, now, excess);
            decision.violated |= 1 << i;
            decision.reset_s[i] = whole_seconds(wait);
            wait_us = wait.max(wait_us);
            never |= cost > policy.full();
        }
    }
    if decision.violated != 0 {
        decision.verdict = if never { Verdict::Never } else { Verdict::Wait { micros: wait_us } };
    }
    for (i, (bucket, policy)) in buckets.iter_mut().zip(limits.policies()).enumerate() {
        if decision.violated == 0 {
            bucket.debt += u128::from(weight_milli) * policy.window_ms();
        }
        let left = policy.full().saturating_sub(bucket.debt) / policy.window_us();
        decision.remaining[i] = u32::try_from(left).unwrap_or(u32::MAX);
        if !decision.violates(i) || never {
            let wait = bucket.wait_us(policy, now, bucket.debt);
            decision.reset_s[i] = if bucket.debt == 0 { 0 } else { whole_seconds(wait) };
        }
    }
    decision
}

/// The buckets of one subject with the limits they were last used under.
#[derive(Debug, Clone, Copy, Default)]
pub struct Account {
    limits: Option<Limits>,
    buckets: [Bucket; MOST_POLICIES],
}

impl Account {
    /// [`check`] under `limits`. Where they were edited since the last call, each policy goes on
    /// with the use that the policy of its name had.
    pub fn take(&mut self, limits: &Limits, now: Micros, weight_milli: u32) -> Decision {
        if self.limits.as_ref() != Some(limits) {
            self.follow(limits, now);
        }
        check(&mut self.buckets, limits, now, weight_milli)
    }

    /// Whether nothing is owed any more, so that forgetting this account changes nothing.
    #[must_use]
    pub fn settled(&self, now: Micros) -> bool {
        let policies = self.limits.as_ref().map_or(&[][..], Limits::policies);
        self.buckets.iter().zip(policies).all(|(bucket, policy)| {
            let mut bucket = *bucket;
            bucket.drain(policy, now);
            bucket.debt == 0
        })
    }

    fn follow(&mut self, limits: &Limits, now: Micros) {
        let old = self.limits.as_ref().map_or(&[][..], Limits::policies);
        let mut buckets = [Bucket::default(); MOST_POLICIES];
        for (bucket, policy) in buckets.iter_mut().zip(limits.policies()) {
            let before = old.iter().zip(self.buckets).find(|(p, _)| p.name == policy.name);
            if let Some((from, was)) = before {
                *bucket = was.carried(from, policy, now);
            }
        }
        *self = Self { limits: Some(*limits), buckets };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn one(quota: u32, window_s: u32) -> Limits {
        Limits::new(&[Policy { name: "p".parse().unwrap(), quota, window_s }]).unwrap()
    }

    proptest! {
        /// Takes at any times: in no stretch of time is more admitted than the quota and what it
        /// refills, to the last thousandth of a unit.
        #[test]
        fn never_above_quota_and_refill(
            quota in 1u32..40, window_s in 1u32..4,
            calls in prop::collection::vec((0i64..400_000, 1u32..5_000), 1..120),
        ) {
            let (limits, mut buckets) = (one(quota, window_s), [Bucket::default()]);
            let (mut now, mut admitted) = (0i64, Vec::new());
            for (pause, weight) in calls {
                now += pause;
                if check(&mut buckets, &limits, Micros(now), weight).allowed() {
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
            let (limits, mut buckets) = (one(quota, window_s), [Bucket::default()]);
            let now = Micros(i64::from(start));
            prop_assert!(check(&mut buckets, &limits, now, quota * 1_000).allowed());
            let decision = check(&mut buckets, &limits, now, weight);
            let Verdict::Wait { micros } = decision.verdict() else {
                return Err(TestCaseError::fail("a full bucket admits nothing"));
            };
            let after = |us: u64| {
                let at = Micros(now.0 + i64::try_from(us).unwrap());
                check(&mut buckets.clone(), &limits, at, weight).allowed()
            };
            prop_assert!(!after(micros - 1));
            prop_assert!(after(micros));
            let seconds = decision.retry_after_s().unwrap();
            prop_assert!(seconds >= 1 && u64::from(seconds) * 1_000_000 >= micros);
            prop_assert_eq!(seconds, decision.reset_s(0));
        }

        /// However the clock jumps, a call that fits the quota is admitted one window after the
        /// last reading (and the time by which a reading may be late).
        #[test]
        fn nobody_waits_longer_than_a_window(
            quota in 1u32..50, window_s in 1u32..50,
            readings in prop::collection::vec(-100_000_000i64..100_000_000, 1..60),
        ) {
            let (limits, mut buckets) = (one(quota, window_s), [Bucket::default()]);
            for reading in &readings {
                check(&mut buckets, &limits, Micros(*reading), 1_000);
            }
            let last = readings.last().copied().unwrap_or(0);
            let later = Micros(last + i64::from(window_s) * 1_000_000 + LATE_US);
            prop_assert!(check(&mut buckets, &limits, later, quota * 1_000).allowed());
        }

        /// Readings that only ever go back admit one quota, not more.
        #[test]
        fn time_going_back_admits_nothing_extra(
            quota in 1u32..20, steps in prop::collection::vec(0i64..10_000_000, 30..60),
        ) {
            let (limits, mut buckets) = (one(quota, 1), [Bucket::default()]);
            let (mut now, mut admitted) = (0, 0);
            for step in steps {
                now -= step;
                admitted += u32::from(check(&mut buckets, &limits, Micros(now), 1_000).allowed());
            }
            prop_assert_eq!(admitted, quota);
        }

        /// Readings out of order admit no more than the latest of them alone would.
        #[test]
        fn late_readings_admit_nothing_extra(lateness in prop::collection::vec(0i64..LATE_US, 200)) {
            let (limits, mut buckets) = (one(10, 1), [Bucket::default()]);
            let mut admitted = 0;
            for (i, late) in lateness.iter().enumerate() {
                let at = Micros(i as i64 * 1_000 - late);
                admitted += u32::from(check(&mut buckets, &limits, at, 1_000).allowed());
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
            let mut account = Account::default();
            for (now, weight) in calls {
                for limits in [one(quota, window_s), one(edited, window_s), one(quota, edited)] {
                    let decision = account.take(&limits, Micros(now), weight);
                    prop_assert!(decision.remaining(0) <= limits.policies()[0].quota);
                    let _ = account.settled(Micros(i64::MAX));
                }
            }
        }
    }
}
