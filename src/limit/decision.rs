//! What a limiter answers, and the headers that tell the caller.

use super::policy::{Limits, MOST_POLICIES};
use std::cmp::Reverse;

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
    /// Not ever: it weighs more than a whole quota.
    Never,
}

/// The answer to one call, with the state of each policy after it. It lives on the stack.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Decision {
    pub(super) verdict: Verdict,
    pub(super) violated: u8,
    pub(super) remaining: [u32; MOST_POLICIES],
    pub(super) reset_s: [u32; MOST_POLICIES],
}

impl Decision {
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

    /// Whether the policy at `index` refused the call.
    #[must_use]
    pub fn violates(&self, index: usize) -> bool {
        index < MOST_POLICIES && self.violated & (1 << index) != 0
    }

    /// The names of the policies that refused the call.
    pub fn violated<'a>(&self, limits: &'a Limits) -> impl Iterator<Item = &'a str> + use<'a> {
        let violated = self.violated;
        let policies = limits.policies().iter().enumerate();
        policies.filter(move |(i, _)| violated & (1 << i) != 0).map(|(_, p)| p.name.as_str())
    }

    /// Whole units that the policy at `index` has left; 0 where there is no such policy.
    #[must_use]
    pub fn remaining(&self, index: usize) -> u32 {
        self.remaining.get(index).copied().unwrap_or(0)
    }

    /// Seconds until the policy at `index` has its whole quota again; where it refused this call,
    /// seconds until it admits the same call.
    #[must_use]
    pub fn reset_s(&self, index: usize) -> u32 {
        self.reset_s.get(index).copied().unwrap_or(0)
    }

    /// The index of the policy that has the smallest share left; of equals, the one that takes longest.
    #[must_use]
    pub fn tightest(&self, limits: &Limits) -> usize {
        let share = |i: usize, quota: u32| {
            u64::from(self.remaining[i]) * u64::from(u32::MAX) / u64::from(quota.max(1))
        };
        let policies = limits.policies().iter().enumerate();
        let least = policies.min_by_key(|(i, policy)| {
            (!self.violates(*i), share(*i, policy.quota), Reverse(policy.window_s))
        });
        least.map_or(0, |(i, _)| i)
    }

    /// Seconds after which the same call is admitted, at least 1; `None` where it was admitted, or
    /// where waiting does not help.
    #[must_use]
    pub fn retry_after_s(&self) -> Option<u32> {
        match self.verdict {
            Verdict::Wait { micros } => Some(whole_seconds(micros)),
            Verdict::Admitted | Verdict::Never => None,
        }
    }

    /// Appends the value of `RateLimit`, `"burst";r=49;t=1, "day";r=99999;t=1`
    /// (draft-ietf-httpapi-ratelimit-headers-11): `r` is [`Self::remaining`], `t` [`Self::reset_s`].
    pub fn write_header(&self, limits: &Limits, out: &mut Vec<u8>) {
        let mut digits = itoa::Buffer::new();
        for (i, policy) in limits.policies().iter().enumerate() {
            out.extend_from_slice(if i == 0 { b"\"" } else { b", \"" });
            out.extend_from_slice(policy.name.as_bytes());
            out.extend_from_slice(b"\";r=");
            out.extend_from_slice(digits.format(self.remaining[i]).as_bytes());
            out.extend_from_slice(b";t=");
            out.extend_from_slice(digits.format(self.reset_s[i]).as_bytes());
        }
    }
}

/// Microseconds as seconds, rounded up, at least 1.
pub(super) fn whole_seconds(micros: u64) -> u32 {
    u32::try_from(micros.div_ceil(1_000_000)).unwrap_or(u32::MAX).max(1)
}
