//! Where a quantity stands in a charge: what is still included, the tier or the package, and what comes next.

use super::charge::{Charge, Model, Tier, Tiers};
use super::exact::Price;
use super::rate::{MILLI, end, holding};
use std::num::NonZeroU64;

/// Where a quantity stands in a charge. All quantities are thousandths of a unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Position {
    /// Units that are included and not used yet.
    pub included_left: u128,
    /// Units that are charged: those beyond the included ones.
    pub charged: u128,
    /// What these have come to; none of a charge that asks the same whatever is counted.
    pub step: Option<Step>,
}

/// What the charged units have come to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Each unit has this price.
    Unit(Price),
    /// A tier.
    Tier {
        /// The tier of the last unit, or the first one where none is charged yet.
        now: (u64, Tier),
        /// Units that are left in it; none in the last one.
        left: Option<u128>,
        /// The tier behind it.
        next: Option<(u64, Tier)>,
    },
    /// Packages.
    Package {
        /// Units in a package.
        size: NonZeroU64,
        /// Its price.
        price: Price,
        /// Packages that were begun.
        begun: u128,
        /// Units that are left in the last of them.
        left: u128,
    },
}

impl Charge {
    /// Where so many thousandths of a unit stand.
    #[must_use]
    pub fn position(&self, milli: u128) -> Position {
        let included = u128::from(self.included) * MILLI;
        let charged = milli.saturating_sub(included);
        let step = match &self.model {
            Model::Flat(_) => None,
            Model::PerUnit(price) => Some(Step::Unit(*price)),
            Model::Graduated(tiers) | Model::Volume(tiers) => tier(tiers, charged),
            Model::Package { size, price } => {
                let whole = u128::from(size.get()) * MILLI;
                let begun = charged.div_ceil(whole);
                let left = begun.saturating_mul(whole).saturating_sub(charged);
                Some(Step::Package { size: *size, price: *price, begun, left })
            }
        };
        Position { included_left: included.saturating_sub(milli), charged, step }
    }
}

fn tier(tiers: &Tiers, charged: u128) -> Option<Step> {
    let (from, now) = holding(tiers, charged)?;
    let next = tiers.spans().find(|(start, _)| now.up_to.is_some_and(|end| end.get() == *start));
    Some(Step::Tier {
        now: (from, *now),
        left: now.up_to.map(|_| end(now).saturating_sub(charged)),
        next: next.map(|(from, tier)| (from, *tier)),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rating::{ChargeName, Filter, Meter};

    fn price(text: &str) -> Price {
        text.parse().unwrap()
    }

    fn charge(model: Model) -> Charge {
        Charge {
            name: "calls".parse::<ChargeName>().unwrap(),
            meter: Meter::Requests,
            filter: Filter::ALL,
            included: 2,
            model,
            min: Price::ZERO,
            max: None,
        }
    }

    fn tiers() -> Tiers {
        let tier = |up_to, unit| Tier {
            up_to: NonZeroU64::new(up_to),
            unit: price(unit),
            flat: Price::ZERO,
        };
        Tiers::new(vec![tier(3, "3"), tier(5, "2"), tier(0, "1")]).unwrap()
    }

    #[test]
    fn a_tier_holds_its_last_unit_and_begins_behind_the_one_before() {
        for model in [Model::Graduated(tiers()), Model::Volume(tiers())] {
            let charge = charge(model);
            // Two are included, so tiers end with the fifth and the seventh unit.
            for (milli, included_left, from, left, next) in [
                (0, 2_000, 0, Some(3_000), Some(3)),
                (1_999, 1, 0, Some(3_000), Some(3)),
                (4_000, 0, 0, Some(1_000), Some(3)),
                (5_000, 0, 0, Some(0), Some(3)),
                (5_001, 0, 3, Some(1_999), Some(5)),
                (7_000, 0, 3, Some(0), Some(5)),
                (8_000, 0, 5, None, None),
            ] {
                let position = charge.position(milli);
                assert_eq!(position.included_left, included_left, "{milli}");
                let Some(Step::Tier { now, left: units, next: behind }) = position.step else {
                    panic!("{milli}: {position:?}");
                };
                assert_eq!((now.0, units, behind.map(|(from, _)| from)), (from, left, next));
            }
        }
    }

    #[test]
    fn a_package_is_begun_by_its_first_thousandth() {
        let size = NonZeroU64::new(10).unwrap();
        let charge = charge(Model::Package { size, price: price("5") });
        for (milli, expected) in
            [(2_000, (0, 0)), (2_001, (1, 9_999)), (12_000, (1, 0)), (12_001, (2, 9_999))]
        {
            let Some(Step::Package { begun, left, .. }) = charge.position(milli).step else {
                panic!("no package");
            };
            assert_eq!((begun, left), expected, "{milli}");
        }
    }

    #[test]
    fn what_asks_the_same_for_each_unit_or_for_all_has_no_tier() {
        let position = charge(Model::PerUnit(price("2"))).position(3_000);
        assert_eq!((position.charged, position.step), (1_000, Some(Step::Unit(price("2")))));
        assert_eq!(charge(Model::Flat(price("2"))).position(3_000).step, None);
    }
}
