//! A part of a period.

use crate::limit::Bounds;
use std::num::NonZeroU64;

/// How much of a period something was in force: its microseconds of the period's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Share {
    part: u64,
    whole: NonZeroU64,
}

impl Share {
    /// All of it.
    pub const WHOLE: Self = Self { part: 1, whole: NonZeroU64::MIN };

    /// So many microseconds of a period. A period without length, and more than all of one, count as whole.
    #[must_use]
    pub fn of(part: u64, period: Bounds) -> Self {
        let length = u64::try_from(period.end.0.saturating_sub(period.start.0)).ok();
        match length.and_then(NonZeroU64::new) {
            Some(whole) if part < whole.get() => Self { part, whole },
            _ => Self::WHOLE,
        }
    }

    /// Whether it is all of the period.
    #[must_use]
    pub fn is_whole(self) -> bool {
        self.part == self.whole.get()
    }

    /// So many units, rounded up: a part of a period never leaves less than its share.
    pub(super) fn of_units(self, units: u64) -> u64 {
        let (part, whole) = (u128::from(self.part), u128::from(self.whole.get()));
        // Never more than `units`, so it fits.
        u64::try_from((u128::from(units) * part).div_ceil(whole)).unwrap_or(units)
    }

    /// A number of 10⁻¹² of the currency's unit, to the nearest, halves to the even neighbour.
    pub(super) fn of_price(self, value: i128) -> i128 {
        // At most 10^21 * 3.2 * 10^13, the microseconds of a year: far from the end.
        let (product, whole) = (value * i128::from(self.part), i128::from(self.whole.get()));
        let (quotient, twice) = (product / whole, product % whole * 2);
        match twice.cmp(&whole) {
            std::cmp::Ordering::Less => quotient,
            std::cmp::Ordering::Greater => quotient + 1,
            std::cmp::Ordering::Equal => quotient + quotient % 2,
        }
    }
}
