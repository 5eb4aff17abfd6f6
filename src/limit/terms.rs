//! What one version of a plan asks of its callers, made ready for the hot path.

use super::name::LimitName;
use super::policy::{Concurrency, Kind, Limits, Operations, Per, Quota, Rate};
use crate::kernel::word::words;

words! {
    /// What a plan's callers meet while the limits cannot be counted together.
    pub enum WhenDegraded {
        /// Each node grants its share of the limits.
        Share = "share",
        /// They are refused.
        Refuse = "refuse",
    }
}

/// What calls weigh under a plan where it differs from the table of operations.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Weights(Box<[(u16, u32)]>);

impl Weights {
    /// The weights of some operations by their codes, in thousandths of a unit. Of several for one
    /// operation the last holds.
    #[must_use]
    pub fn new(weights: impl IntoIterator<Item = (u16, u32)>) -> Self {
        let sorted: std::collections::BTreeMap<u16, u32> = weights.into_iter().collect();
        Self(sorted.into_iter().collect())
    }

    /// The weight of an operation, where the plan names one.
    #[must_use]
    pub fn of(&self, code: u16) -> Option<u32> {
        let place = self.0.binary_search_by_key(&code, |(code, _)| *code).ok()?;
        self.0.get(place).map(|(_, milli)| *milli)
    }

    /// All of them, by code.
    pub fn iter(&self) -> impl Iterator<Item = (u16, u32)> {
        self.0.iter().copied()
    }

    /// Whether the plan names none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// A limit of one kind with its place in the plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Placed<T> {
    /// Its place among all limits of the plan.
    pub place: usize,
    /// Its name.
    pub name: LimitName,
    /// The operations whose calls it counts.
    pub operations: Operations,
    /// How much is granted.
    pub grant: T,
}

/// The limits of one level, by kind.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Level {
    /// Units over a moving stretch of time.
    pub rates: Box<[Placed<Rate>]>,
    /// Units in a period.
    pub quotas: Box<[Placed<Quota>]>,
    /// Calls under way.
    pub places: Box<[Placed<Concurrency>]>,
}

impl Level {
    fn of(limits: &Limits, per: Per) -> Self {
        let (mut rates, mut quotas, mut places) = (Vec::new(), Vec::new(), Vec::new());
        for (place, limit) in limits.list().iter().enumerate().filter(|(_, l)| l.per == per) {
            let (name, operations) = (limit.name, limit.operations);
            match limit.kind.clone() {
                Kind::Rate(grant) => rates.push(Placed { place, name, operations, grant }),
                Kind::Quota(grant) => quotas.push(Placed { place, name, operations, grant }),
                Kind::Concurrency(grant) => places.push(Placed { place, name, operations, grant }),
            }
        }
        Self { rates: rates.into(), quotas: quotas.into(), places: places.into() }
    }

    /// Whether nothing is limited here.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rates.is_empty() && self.quotas.is_empty() && self.places.is_empty()
    }

    /// Whether what is taken here is given back or settled when the call has ended.
    #[must_use]
    pub fn ends(&self) -> bool {
        !self.quotas.is_empty() || !self.places.is_empty()
    }
}

/// The limits and weights that the keys of a plan version are held to on one side of the counter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Terms {
    /// The limits, in the order of the headers.
    pub limits: Limits,
    /// What calls weigh where the plan says so.
    pub weights: Weights,
    /// What holds while limits cannot be counted together.
    pub when_degraded: WhenDegraded,
    levels: [Level; 3],
    ends: bool,
}

impl Terms {
    /// The terms for the live keys of a plan, or for its test keys, which [`Limits::for_tests`] holds.
    #[must_use]
    pub fn new(
        limits: &Limits,
        weights: &Weights,
        when_degraded: WhenDegraded,
        live: bool,
    ) -> Self {
        let limits = if live { limits.clone() } else { limits.for_tests() };
        let levels = [Per::Partner, Per::App, Per::Key].map(|per| Level::of(&limits, per));
        let ends = levels.iter().any(Level::ends);
        Self { levels, ends, limits, weights: weights.clone(), when_degraded }
    }

    /// The limits that count the calls of `per` together.
    #[must_use]
    pub fn level(&self, per: Per) -> &Level {
        match per {
            Per::Partner => &self.levels[0],
            Per::App => &self.levels[1],
            Per::Key => &self.levels[2],
        }
    }

    /// Whether a limit holds something of a call until it has ended.
    #[must_use]
    pub fn ends(&self) -> bool {
        self.ends
    }
}

impl From<Limits> for Terms {
    /// Limits without anything else, for live keys.
    fn from(limits: Limits) -> Self {
        Self::new(&limits, &Weights::default(), WhenDegraded::Share, true)
    }
}

#[cfg(test)]
mod tests {
    use super::super::policy::Limit;
    use super::*;

    #[test]
    fn the_last_weight_of_an_operation_holds() {
        let weights = Weights::new([(9, 1), (2, 5), (9, 3)]);
        assert_eq!((weights.of(9), weights.of(2), weights.of(3)), (Some(3), Some(5), None));
        assert_eq!(weights.iter().collect::<Vec<_>>(), [(2, 5), (9, 3)]);
    }

    #[test]
    fn each_level_has_its_limits_with_their_places() {
        let rate = |name: &str, per| Limit { per, ..Limit::rate(name.parse().unwrap(), 1, 1) };
        let all = vec![rate("a", Per::Key), rate("b", Per::Partner), rate("c", Per::Key)];
        let terms = Terms::from(Limits::new(all).unwrap());
        let places = |per| terms.level(per).rates.iter().map(|r| r.place).collect::<Vec<_>>();
        assert_eq!((places(Per::Partner), places(Per::Key)), (vec![1], vec![0, 2]));
        assert!(terms.level(Per::App).is_empty() && !terms.ends());
    }
}
