//! How the lines of a charge are spread over the days on which it was used.
//!
//! Units are taken by the lines of a charge in their order, as rating takes them: the included ones first, then each tier. So
//! the units of a day are those between what was counted before it and with it, and each line has of them what lies in its
//! own. Of the rounded amount of a line a day has the running difference: what the units (or packages) up to its end are of
//! the amount, rounded half up to what the currency has, less the same up to its beginning. So the days come to the line
//! exactly, and none is off by a whole smallest coin.

use super::super::days::OfDay;
use crate::limit::Bounds;
use crate::rating::TooLarge;

/// Thousandths in a unit.
const MILLI: u128 = 1_000;

/// What a line has of a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Part {
    /// The day.
    pub(super) day: Bounds,
    /// Thousandths of units used.
    pub(super) consumed: u128,
    /// Thousandths of what the price is asked for.
    pub(super) priced: u128,
    /// What is billed, in the currency's smallest unit.
    pub(super) billed: i128,
    /// Calls of the day, with the first line that has units of it.
    pub(super) calls: Option<i64>,
}

/// What a price is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Asks {
    /// Each unit.
    Unit,
    /// Each package of so many units that is begun.
    Package(u64),
    /// The first unit, once.
    Once,
}

impl Asks {
    /// Thousandths of times that a price is asked for thousandths of units.
    fn times(self, milli: u128) -> Result<u128, TooLarge> {
        match self {
            Self::Unit => Ok(milli),
            Self::Package(size) => {
                let packages = milli.div_ceil((u128::from(size) * MILLI).max(1));
                packages.checked_mul(MILLI).ok_or(TooLarge)
            }
            Self::Once => Ok(if milli > 0 { MILLI } else { 0 }),
        }
    }
}

/// The days of a charge, which its lines take one after the other.
#[derive(Debug)]
pub(super) struct Spread {
    days: Vec<OfDay>,
    /// Thousandths of units that lines before have taken.
    taken: u128,
}

impl Spread {
    pub(super) fn new(days: Vec<OfDay>) -> Self {
        Self { days, taken: 0 }
    }

    /// The day on which the next unit was used; none where all were taken.
    pub(super) fn next_day(&self) -> Option<Bounds> {
        let mut counted = 0_u128;
        let reaches = |day: &&OfDay| {
            counted = counted.saturating_add(day.milli);
            counted > self.taken
        };
        self.days.iter().find(reaches).map(|day| day.day)
    }

    /// Thousandths of units that no line has taken.
    pub(super) fn left(&self) -> u128 {
        let all = self.days.iter().map(|day| day.milli).fold(0, u128::saturating_add);
        all.saturating_sub(self.taken)
    }

    /// What a line of so many thousandths of units and such an amount has of each day.
    pub(super) fn take(
        &mut self,
        milli: u128,
        asks: Asks,
        amount: i128,
    ) -> Result<Vec<Part>, TooLarge> {
        let (from, to) = (self.taken, self.taken.checked_add(milli).ok_or(TooLarge)?);
        let (all, mut parts, mut counted) = (asks.times(milli)?, Vec::new(), 0_u128);
        for day in &self.days {
            let before = counted;
            counted = counted.checked_add(day.milli).ok_or(TooLarge)?;
            let (start, end) = (before.clamp(from, to) - from, counted.clamp(from, to) - from);
            if start == end {
                continue;
            }
            let (first, last) = (asks.times(start)?, asks.times(end)?);
            parts.push(Part {
                day: day.day,
                consumed: end - start,
                priced: last - first,
                billed: share(amount, last, all)? - share(amount, first, all)?,
                calls: (before >= from).then_some(day.calls),
            });
        }
        self.taken = to;
        Ok(parts)
    }
}

/// A part of an amount, rounded half up, away from zero.
fn share(amount: i128, part: u128, all: u128) -> Result<i128, TooLarge> {
    if all == 0 {
        return Ok(0);
    }
    let size = amount.unsigned_abs().checked_mul(part).and_then(|size| size.checked_mul(2));
    let size = size.and_then(|size| size.checked_add(all)).ok_or(TooLarge)?;
    let size = i128::try_from(size / all / 2).map_err(|_| TooLarge)?;
    Ok(size * amount.signum())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::Micros;
    use proptest::prelude::*;

    fn days(units: &[u128]) -> Vec<OfDay> {
        let of_day = |(n, milli): (i64, &u128)| OfDay {
            day: Bounds { start: Micros(n), end: Micros(n + 1) },
            milli: *milli,
            calls: n + 1,
        };
        (0..).zip(units).filter(|(_, milli)| **milli > 0).map(of_day).collect()
    }

    #[test]
    fn a_package_is_of_the_day_that_it_was_begun_on() {
        let mut spread = Spread::new(days(&[1_000, 1_500, 500, 4_000]));
        assert_eq!(spread.next_day().unwrap().start, Micros(0));
        let included = spread.take(1_000, Asks::Unit, 0).unwrap();
        assert_eq!((included.len(), included[0].calls), (1, Some(1)));
        let parts = spread.take(6_000, Asks::Package(2), 900).unwrap();
        let told: Vec<_> =
            parts.iter().map(|p| (p.consumed, p.priced, p.billed, p.calls)).collect();
        let expected =
            [(1_500, 1_000, 300, Some(2)), (500, 0, 0, Some(3)), (4_000, 2_000, 600, Some(4))];
        assert_eq!((told.as_slice(), spread.left()), (&expected[..], 0));
        assert_eq!(spread.next_day(), None);
    }

    proptest! {
        #[test]
        fn days_come_to_the_line(
            units in prop::collection::vec(0..5_000_u128, 1..40), cut in 0..100_u128,
            amount in -1_000_000..1_000_000_i128, size in 1..4_u64, how in 0..3_usize,
        ) {
            let asks = [Asks::Unit, Asks::Package(size), Asks::Once][how];
            let all: u128 = units.iter().sum();
            let first = all * cut / 100;
            let mut spread = Spread::new(days(&units));
            let mut parts = spread.take(first, Asks::Unit, 0).unwrap();
            let second = spread.take(all - first, asks, amount).unwrap();
            if all > first {
                prop_assert_eq!(second.iter().map(|part| part.billed).sum::<i128>(), amount);
                let priced: u128 = second.iter().map(|part| part.priced).sum();
                prop_assert_eq!(priced, asks.times(all - first).unwrap());
            }
            let sign = amount.signum();
            prop_assert!(second.iter().all(|part| part.billed.signum() * sign >= 0));
            parts.extend(second);
            prop_assert_eq!(parts.iter().map(|part| part.consumed).sum::<u128>(), all);
            let calls: i64 = parts.iter().filter_map(|part| part.calls).sum();
            prop_assert_eq!(calls, days(&units).iter().map(|day| day.calls).sum::<i64>());
            prop_assert_eq!(spread.left(), 0);
        }
    }
}
