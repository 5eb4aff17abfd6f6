//! What a limiter answers, and the headers that tell the caller.

use super::policy::{Kind, Limits, MOST_LIMITS};
use smallvec::SmallVec;
use std::cmp::Reverse;

/// Where the value of `RateLimit` is written: on the stack, where it is no longer than those of most plans.
pub type LeftText = SmallVec<[u8; 128]>;

/// Whether the call may go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It may; its weight was taken.
    Admitted,
    /// Not now: the same call is admitted after exactly this many microseconds of quiet.
    Wait {
        /// Microseconds, at least 1.
        micros: u64,
    },
    /// Not now: as soon as one of the calls under way has ended. Nobody knows when that is.
    Busy,
    /// Not ever: it weighs more than a whole quota.
    Never,
}

/// How one limit stands after a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Standing {
    /// Whole units that are left, or calls that may begin.
    pub remaining: u32,
    /// Seconds until the whole quota is there again; where the limit refused this call, seconds until
    /// it admits the same call. 0 for limits of concurrency, whose end is not known.
    pub reset_s: u32,
    /// Seconds of the present period of a quota; 0 for other kinds.
    pub period_s: u32,
}

/// The answer to one call over all limits of the plan, those of partner, app and key together. It lives
/// on the stack. A limiter begins with [`Decision::default`], which admits and has asked nothing, and
/// fills in limit by limit, by their places in the plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Decision {
    verdict: Verdict,
    asked: u8,
    violated: u8,
    /// Whether it was made from a share of the limits.
    degraded: bool,
    /// Whether the plan grants nothing while the nodes cannot count together.
    by_plan: bool,
    /// The limits that refused for lack of what this node may grant.
    reduced: u8,
    /// The limits that grant nothing for a fixed time, and the seconds of it.
    shut: u8,
    shut_s: u32,
    standings: [Standing; MOST_LIMITS],
}

impl Default for Decision {
    fn default() -> Self {
        let standings = [Standing::default(); MOST_LIMITS];
        Self {
            verdict: Verdict::Admitted,
            asked: 0,
            violated: 0,
            degraded: false,
            by_plan: false,
            reduced: 0,
            shut: 0,
            shut_s: 0,
            standings,
        }
    }
}

impl Decision {
    /// Notes that the limit at `place` refuses the call, and when it would not. The worst of all
    /// refusals is the verdict.
    pub fn refuse(&mut self, place: usize, why: Verdict) {
        self.violated |= 1 << place;
        self.verdict = worse(self.verdict, why);
    }

    /// Notes how the limit at `place` stands after the call.
    pub fn stand(&mut self, place: usize, standing: Standing) {
        if let Some(slot) = self.standings.get_mut(place) {
            self.asked |= 1 << place;
            *slot = match self.shut & (1 << place) {
                0 => standing,
                _ => Standing { remaining: 0, reset_s: self.shut_s, ..standing },
            };
        }
    }

    /// Notes how the limit at `place` stands that does not count the call.
    pub fn stand_aside(&mut self, place: usize, standing: Standing) {
        if let Some(slot) = self.standings.get_mut(place) {
            *slot = standing;
        }
    }

    /// Notes that the nodes could not count together, so that this one granted from its share.
    pub fn degrade(&mut self) {
        self.degraded = true;
    }

    /// Notes that what this node may grant refuses the call, and not the limit at `place` itself.
    pub fn reduce(&mut self, place: usize, why: Verdict) {
        self.reduced |= 1 << place;
        self.refuse(place, why);
    }

    /// Notes that this node grants nothing of the limit at `place` for a time. However it stands by what is
    /// known, that is what the caller is told.
    pub fn shut(&mut self, place: usize, seconds: u32) {
        self.reduce(place, Verdict::Wait { micros: u64::from(seconds) * 1_000_000 });
        self.shut |= 1 << place;
        self.shut_s = self.shut_s.max(seconds);
    }

    /// Notes that this node grants nothing of the limit at `place` for a time because the plan asks for that where the
    /// nodes cannot count together.
    pub fn shut_by_plan(&mut self, place: usize, seconds: u32) {
        self.by_plan = true;
        self.shut(place, seconds);
    }

    /// Whether the plan grants nothing while the nodes cannot count together.
    #[must_use]
    pub fn is_by_plan(&self) -> bool {
        self.by_plan
    }

    /// Whether this node granted from its share.
    #[must_use]
    pub fn is_degraded(&self) -> bool {
        self.degraded
    }

    /// Whether the call was refused for lack of what this node may grant, and no limit is known to be reached.
    #[must_use]
    pub fn is_reduced(&self) -> bool {
        self.reduced != 0 && self.reduced == self.violated
    }

    /// Whether the call may go on.
    #[must_use]
    pub fn allowed(&self) -> bool {
        self.verdict == Verdict::Admitted
    }

    /// Admitted, to wait, or too heavy.
    #[must_use]
    pub fn verdict(&self) -> Verdict {
        self.verdict
    }

    /// Whether the limit at `place` counts calls of this operation.
    #[must_use]
    pub fn asked(&self, place: usize) -> bool {
        place < MOST_LIMITS && self.asked & (1 << place) != 0
    }

    /// Whether the limit at `place` refused the call.
    #[must_use]
    pub fn violates(&self, place: usize) -> bool {
        place < MOST_LIMITS && self.violated & (1 << place) != 0
    }

    /// The names of the limits that refused the call: those that are reached, where there are any.
    pub fn violated<'a>(&self, limits: &'a Limits) -> impl Iterator<Item = &'a str> + use<'a> {
        let violated =
            if self.is_reduced() { self.violated } else { self.violated & !self.reduced };
        let limits = limits.list().iter().enumerate();
        limits.filter(move |(i, _)| violated & (1 << i) != 0).map(|(_, limit)| limit.name.as_str())
    }

    /// How the limit at `place` stands; all zero where it was not asked.
    #[must_use]
    pub fn standing(&self, place: usize) -> Standing {
        self.standings.get(place).copied().unwrap_or_default()
    }

    /// The place of the limit that has the smallest share left; of equals, the one that takes longest.
    #[must_use]
    pub fn tightest(&self, limits: &Limits) -> usize {
        let share = |place: usize, granted: u32| {
            let left = u64::from(self.standing(place).remaining);
            left * u64::from(u32::MAX) / u64::from(granted.max(1))
        };
        let asked = limits.list().iter().enumerate().filter(|(place, _)| self.asked(*place));
        let least = asked.min_by_key(|(place, limit)| {
            let length = match &limit.kind {
                Kind::Rate(rate) => rate.window_s,
                Kind::Quota(_) => self.standing(*place).period_s,
                Kind::Concurrency(_) => 0,
            };
            (!self.violates(*place), share(*place, limit.granted()), Reverse(length))
        });
        least.map_or(0, |(place, _)| place)
    }

    /// Seconds after which the same call is admitted, at least 1; where calls under way have to end
    /// first, 1; `None` where it was admitted, or where waiting does not help.
    #[must_use]
    pub fn retry_after_s(&self) -> Option<u32> {
        match self.verdict {
            Verdict::Wait { micros } => Some(whole_seconds(micros)),
            Verdict::Busy => Some(1),
            Verdict::Admitted | Verdict::Never => None,
        }
    }

    /// Appends the value of `RateLimit`, `"burst";r=49;t=1, "day";r=99999;t=1`
    /// (draft-ietf-httpapi-ratelimit-headers-11 §4), of the limits that were asked. Limits of
    /// concurrency have a `t` only where they refused the call.
    pub fn write_header(&self, limits: &Limits, out: &mut LeftText) {
        let mut digits = itoa::Buffer::new();
        let mut before: &[u8] = b"\"";
        for (place, limit) in limits.list().iter().enumerate() {
            if !self.asked(place) {
                continue;
            }
            let Standing { remaining, reset_s, .. } = self.standings[place];
            out.extend_from_slice(before);
            out.extend_from_slice(limit.name.as_bytes());
            out.extend_from_slice(b"\";r=");
            out.extend_from_slice(digits.format(remaining).as_bytes());
            if !matches!(limit.kind, Kind::Concurrency(_)) || self.violates(place) {
                out.extend_from_slice(b";t=");
                out.extend_from_slice(digits.format(reset_s).as_bytes());
            }
            before = b", \"";
        }
    }
}

/// The verdict that keeps a caller waiting longer. The end of a call under way may come at once, so a
/// wait that is known is the longer one.
fn worse(a: Verdict, b: Verdict) -> Verdict {
    let rank = |verdict: Verdict| match verdict {
        Verdict::Admitted => (0, 0),
        Verdict::Busy => (1, 0),
        Verdict::Wait { micros } => (2, micros),
        Verdict::Never => (3, 0),
    };
    if rank(b) > rank(a) { b } else { a }
}

/// Microseconds as seconds, rounded up, at least 1.
#[must_use]
pub fn whole_seconds(micros: u64) -> u32 {
    u32::try_from(micros.div_ceil(1_000_000)).unwrap_or(u32::MAX).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worst_refusal_is_the_verdict() {
        let mut decision = Decision::default();
        assert!(decision.allowed() && decision.retry_after_s().is_none());
        decision.refuse(3, Verdict::Busy);
        assert_eq!(decision.retry_after_s(), Some(1));
        decision.refuse(0, Verdict::Wait { micros: 1_500_000 });
        decision.refuse(1, Verdict::Wait { micros: 10 });
        assert_eq!(
            (decision.verdict(), decision.retry_after_s()),
            (Verdict::Wait { micros: 1_500_000 }, Some(2))
        );
        decision.refuse(2, Verdict::Never);
        assert_eq!(decision.retry_after_s(), None);
        assert!((0..4).all(|place| decision.violates(place)) && !decision.violates(4));
    }

    #[test]
    fn a_limit_that_is_shut_grants_nothing_until_it_is_tried_again() {
        let mut decision = Decision::default();
        decision.shut(1, 5);
        for place in 0..2 {
            decision.stand(place, Standing { remaining: 10, reset_s: 0, period_s: 60 });
        }
        assert!(decision.is_reduced() && decision.retry_after_s() == Some(5));
        assert_eq!(decision.standing(1), Standing { remaining: 0, reset_s: 5, period_s: 60 });
        assert_eq!(decision.standing(0).remaining, 10);
    }
}
