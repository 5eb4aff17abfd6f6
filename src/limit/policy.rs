//! What a plan promises: its limits of three kinds, and the header that says so.

use super::name::LimitName;
use super::period::Cycle;
use crate::kernel::word::words;
use std::fmt::Write as _;
use std::ops::RangeInclusive;
use std::sync::Arc;

/// Most limits that one plan has.
pub const MOST_LIMITS: usize = 8;
/// Units that a rate or a quota may grant.
pub const UNITS: RangeInclusive<u64> = 1..=1_000_000_000;
/// Seconds that a rate may stretch over: up to a leap year.
pub const WINDOW: RangeInclusive<u64> = 1..=31_622_400;
/// Calls that may be under way at once.
pub const CONCURRENT: RangeInclusive<u64> = 1..=100_000;
/// Codes of operations are below this, and the last one is given to none.
pub const MOST_OPERATIONS: u16 = 256;

words! {
    /// Whose calls a limit counts together.
    pub enum Per {
        /// Those of all apps of the partner.
        Partner = "partner",
        /// Those of all keys of the app.
        App = "app",
        /// Those of the key alone.
        Key = "key",
    }
}

/// The operations that a limit counts, by their codes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Operations(Option<[u64; MOST_OPERATIONS as usize / 64]>);

impl Operations {
    /// Every operation.
    pub const ALL: Self = Self(None);

    /// Only those of these codes.
    #[must_use]
    pub fn only(codes: impl IntoIterator<Item = u16>) -> Self {
        let mut bits = [0; MOST_OPERATIONS as usize / 64];
        for code in codes.into_iter().map(usize::from) {
            if let Some(word) = bits.get_mut(code / 64) {
                *word |= 1 << (code % 64);
            }
        }
        Self(Some(bits))
    }

    /// All but those of these codes, later ones too.
    #[must_use]
    pub fn all_but(codes: impl IntoIterator<Item = u16>) -> Self {
        let Self(bits) = Self::only(codes);
        Self(bits.map(|bits| bits.map(|word| !word)))
    }

    /// Whether it is all but some: then it covers the last code, which no operation has.
    #[must_use]
    pub fn leaves_out(&self) -> bool {
        !self.is_all() && self.cover(MOST_OPERATIONS - 1)
    }

    /// Whether calls of an operation are counted.
    #[must_use]
    pub fn cover(&self, code: u16) -> bool {
        let code = usize::from(code);
        let set = |bits: &[u64; 4]| bits.get(code / 64).is_some_and(|w| w >> (code % 64) & 1 == 1);
        self.0.as_ref().is_none_or(set)
    }

    /// Whether every operation is counted.
    #[must_use]
    pub fn is_all(&self) -> bool {
        self.0.is_none()
    }
}

/// `quota` units may be taken at once; what was taken comes back evenly over `window_s` seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    /// Whole units that may be taken at once.
    pub quota: u32,
    /// Seconds in which a full quota comes back.
    pub window_s: u32,
}

/// `quota` units may be taken in each period; at its end all come back at once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Quota {
    /// Whole units in a period.
    pub quota: u32,
    /// When periods begin and end.
    pub cycle: Cycle,
}

/// So many calls may be under way at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Concurrency {
    /// Calls whose answer has not ended.
    pub most: u32,
}

/// What a limit counts, and how much of it is granted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    /// Units over a stretch of time that moves along.
    Rate(Rate),
    /// Units in a calendar or contract period.
    Quota(Quota),
    /// Calls under way.
    Concurrency(Concurrency),
}

/// One limit of a plan. Its counter is named by the id of whose calls it counts, their environment and
/// its name, and by nothing else: no edit of a plan and no change of plans makes a second one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limit {
    /// Its name in the headers, one limit's only within the plan.
    pub name: LimitName,
    /// Whose calls are counted together.
    pub per: Per,
    /// The operations whose calls are counted.
    pub operations: Operations,
    /// What is counted.
    pub kind: Kind,
}

impl Limit {
    /// A rate of an app over all operations.
    #[must_use]
    pub fn rate(name: LimitName, quota: u32, window_s: u32) -> Self {
        let kind = Kind::Rate(Rate { quota, window_s });
        Self { name, per: Per::App, operations: Operations::ALL, kind }
    }

    /// What is granted: units, or calls at once.
    #[must_use]
    pub fn granted(&self) -> u32 {
        match &self.kind {
            Kind::Rate(rate) => rate.quota,
            Kind::Quota(quota) => quota.quota,
            Kind::Concurrency(places) => places.most,
        }
    }

    /// Whether it is a quota, which counts what is billed.
    #[must_use]
    pub fn is_quota(&self) -> bool {
        matches!(self.kind, Kind::Quota(_))
    }

    /// Whether another counts the same calls over the same time: it is this one under another name. Calls under way need
    /// no name to be counted on by.
    #[must_use]
    pub fn counts_like(&self, other: &Self) -> bool {
        let same_time = match (&self.kind, &other.kind) {
            (Kind::Rate(own), Kind::Rate(other)) => own.window_s == other.window_s,
            (Kind::Quota(own), Kind::Quota(other)) => own.cycle == other.cycle,
            _ => false,
        };
        same_time && (self.per, self.operations) == (other.per, other.operations)
    }

    fn check(&self) -> Result<(), InvalidLimits> {
        match &self.kind {
            Kind::Rate(rate) => {
                checked(&UNITS, rate.quota.into(), InvalidLimits::Quota)?;
                checked(&WINDOW, rate.window_s.into(), InvalidLimits::Window)
            }
            Kind::Quota(quota) => checked(&UNITS, quota.quota.into(), InvalidLimits::Quota),
            Kind::Concurrency(Concurrency { most }) => {
                checked(&CONCURRENT, (*most).into(), InvalidLimits::Concurrent)
            }
        }
        .map(drop)
    }
}

/// The limits of a plan, in the order of the headers. Cheap to clone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits(Arc<[Limit]>);

/// Why limits make no plan.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidLimits {
    /// None, or more than eight.
    #[error("a plan must have 1 to 8 limits, not {0}")]
    Count(usize),
    /// A name that cannot stand in a header.
    #[error("`{0}` is no name for a limit: it must be 1 to 20 of a-z, 0-9, _ and -")]
    Name(String),
    /// Two limits of one name.
    #[error("two limits are called `{0}`; give each its own name")]
    Repeated(LimitName),
    /// Units out of range.
    #[error("a quota must be 1 to 1000000000 units, not {0}")]
    Quota(u64),
    /// Seconds out of range.
    #[error("a window must be 1 to 31622400 seconds, not {0}")]
    Window(u64),
    /// Calls out of range.
    #[error("1 to 100000 calls may be under way at once, not {0}")]
    Concurrent(u64),
}

impl Limits {
    /// The limits of a plan, if they can stand together.
    pub fn new(limits: Vec<Limit>) -> Result<Self, InvalidLimits> {
        if !(1..=MOST_LIMITS).contains(&limits.len()) {
            return Err(InvalidLimits::Count(limits.len()));
        }
        for (i, limit) in limits.iter().enumerate() {
            limit.check()?;
            if limits[..i].iter().any(|other| other.name == limit.name) {
                return Err(InvalidLimits::Repeated(limit.name));
            }
        }
        Ok(Self(limits.into()))
    }

    /// The limits, in the order of the headers.
    #[must_use]
    pub fn list(&self) -> &[Limit] {
        &self.0
    }

    /// What test keys are held to: the same, but for quotas. These count what is billed, which theirs are not; they get
    /// as much as a rate over the longest that a period lasts, or they would read without end what others pay for. As of
    /// any rate every call takes from it, and nothing is given back.
    #[must_use]
    pub fn for_tests(&self) -> Self {
        if !self.0.iter().any(Limit::is_quota) {
            return self.clone();
        }
        let as_rate = |limit: &Limit| match &limit.kind {
            Kind::Quota(Quota { quota, cycle }) => {
                let rate = Rate { quota: *quota, window_s: cycle.period.longest_s() };
                Limit { kind: Kind::Rate(rate), ..limit.clone() }
            }
            _ => limit.clone(),
        };
        Self(self.0.iter().map(as_rate).collect())
    }

    /// The value of `RateLimit-Policy`, `"burst";q=50;w=1, "month";q=100000;w=2592000`
    /// (draft-ietf-httpapi-ratelimit-headers-11 §3). `period_s` tells the seconds of the present period
    /// of the quota at a place; where there is no quota, the value is the same for every call.
    #[must_use]
    pub fn policy_header(&self, period_s: impl Fn(usize) -> u32) -> String {
        let mut out = String::with_capacity(48 * self.0.len());
        for (place, limit) in self.0.iter().enumerate() {
            let before = if place == 0 { "" } else { ", " };
            let (name, granted) = (limit.name, limit.granted());
            let window_s = match &limit.kind {
                Kind::Rate(rate) => Some(rate.window_s),
                Kind::Quota(_) => Some(period_s(place)),
                Kind::Concurrency(_) => None,
            };
            // Writing to a String cannot fail.
            let _ = match window_s {
                Some(seconds) => write!(out, "{before}\"{name}\";q={granted};w={seconds}"),
                None => write!(out, "{before}\"{name}\";q={granted};qu=\"concurrent-requests\""),
            };
        }
        out
    }
}

/// A value in its range, as the smaller number that it is kept as.
pub fn checked(
    range: &RangeInclusive<u64>,
    value: u64,
    error: fn(u64) -> InvalidLimits,
) -> Result<u32, InvalidLimits> {
    let fits = u32::try_from(value).ok().filter(|_| range.contains(&value));
    fits.ok_or_else(|| error(value))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rate(name: &str) -> Limit {
        Limit::rate(name.parse().unwrap(), 50, 1)
    }

    #[test]
    fn what_is_no_plan_says_what_is() {
        let nine: Vec<Limit> = (0..9).map(|n| rate(&format!("l{n}"))).collect();
        let nothing = Limit::rate("a".parse().unwrap(), 0, 1);
        for (limits, says) in [
            (vec![], "1 to 8 limits, not 0"),
            (nine, "1 to 8 limits, not 9"),
            (vec![rate("a"), rate("a")], "two limits are called `a`"),
            (vec![nothing], "1 to 1000000000 units, not 0"),
        ] {
            let error = Limits::new(limits).unwrap_err().to_string();
            assert!(error.contains(says), "{error}");
        }
        for name in ["Day", "", "a b", "aaaaaaaaaaaaaaaaaaaaa"] {
            assert!(name.parse::<LimitName>().is_err(), "{name}");
        }
    }

    #[test]
    fn operations_are_covered_by_code() {
        let some = Operations::only([0, 63, 64, 255, 300]);
        let covered: Vec<u16> = (0..400).filter(|code| some.cover(*code)).collect();
        assert_eq!(covered, [0, 63, 64, 255]);
        assert!(Operations::ALL.cover(9_999) && Operations::ALL.is_all() && !some.is_all());
    }

    #[test]
    fn the_header_names_units_and_windows() {
        let most = Kind::Concurrency(Concurrency { most: 4 });
        let cycle = Cycle::default();
        let month = Limit { kind: Kind::Quota(Quota { quota: 9, cycle }), ..rate("month") };
        let limits =
            Limits::new(vec![rate("burst"), month, Limit { kind: most, ..rate("at-once") }]);
        let limits = limits.unwrap();
        let header = limits.policy_header(|place| 100 + place as u32);
        let expected =
            r#""burst";q=50;w=1, "month";q=9;w=101, "at-once";q=4;qu="concurrent-requests""#;
        assert_eq!(header, expected);
        let of_tests = limits.for_tests().policy_header(|_| 0);
        assert_eq!(of_tests, expected.replace("w=101", "w=2678400"));
    }
}
