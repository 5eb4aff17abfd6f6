//! Calendar and contract periods in a time zone.
//!
//! A period is half-open and begins at the start of a day in its zone, whatever daylight saving does
//! there. Contract periods count from the day on which the contract began; where a month has no such
//! day, its last day stands for it, and the next period is counted from the contract's day again.

use crate::kernel::Micros;
use crate::kernel::word::words;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Span, ToSpan as _};

words! {
    /// How long the periods of a quota are.
    pub enum Period {
        /// A day.
        Day = "day",
        /// Seven days; the calendar's begin on Monday.
        Week = "week",
        /// A month.
        Month = "month",
        /// Three months; the calendar's begin in January, April, July and October.
        Quarter = "quarter",
        /// A year.
        Year = "year",
    }
}

impl Period {
    /// Seconds of the longest, but for an hour that a change of the clocks adds.
    #[must_use]
    pub fn longest_s(self) -> u32 {
        let days = match self {
            Self::Day => 1,
            Self::Week => 7,
            Self::Month => 31,
            Self::Quarter => 92,
            Self::Year => 366,
        };
        days * 86_400
    }
}

words! {
    /// Where the periods of a quota are counted from.
    pub enum Anchor {
        /// The calendar.
        Calendar = "calendar",
        /// The day on which the contract began.
        Contract = "contract",
    }
}

/// The periods of a quota.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cycle {
    /// How long they are.
    pub period: Period,
    /// Where they are counted from.
    pub anchor: Anchor,
    /// Whose days they are made of.
    pub zone: TimeZone,
}

impl Default for Cycle {
    /// Calendar months in UTC.
    fn default() -> Self {
        Self { period: Period::Month, anchor: Anchor::Calendar, zone: TimeZone::UTC }
    }
}

/// `[start, end)`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Bounds {
    /// The first instant.
    pub start: Micros,
    /// The first instant after.
    pub end: Micros,
}

impl Bounds {
    /// Whether an instant lies within.
    #[must_use]
    pub fn hold(&self, at: Micros) -> bool {
        self.start <= at && at < self.end
    }

    /// The seconds of it.
    #[must_use]
    pub fn seconds(&self) -> u32 {
        u32::try_from((self.end.0 - self.start.0) / 1_000_000).unwrap_or(u32::MAX)
    }
}

impl Cycle {
    /// The period that holds an instant, for a contract that began at `since`. An instant beyond the
    /// calendar lies in a day of UTC.
    #[must_use]
    pub fn around(&self, at: Micros, since: Micros) -> Bounds {
        let day = self.date(at);
        let of = |day: Date| match self.anchor {
            Anchor::Calendar => self.calendar(day),
            Anchor::Contract => self.contract(day, self.date(since)),
        };
        // A clock that is put back across midnight shows the old date in the new day.
        let next = || of(day.tomorrow().ok()?);
        let holds = |bounds: &Bounds| bounds.hold(at);
        let found = of(day).filter(holds).or_else(|| next().filter(holds));
        found.unwrap_or_else(|| day_of(at))
    }

    fn calendar(&self, day: Date) -> Option<Bounds> {
        let first = match self.period {
            Period::Day => day,
            Period::Week => {
                day.checked_sub(i64::from(day.weekday().to_monday_zero_offset()).days()).ok()?
            }
            Period::Month => day.first_of_month(),
            Period::Quarter => Date::new(day.year(), (day.month() - 1) / 3 * 3 + 1, 1).ok()?,
            Period::Year => day.first_of_year(),
        };
        self.between(first, first.checked_add(self.span(1)?).ok()?)
    }

    fn contract(&self, day: Date, first: Date) -> Option<Bounds> {
        // One off at most, for days that a month does not have: the loop settles it.
        let mut n = match self.period {
            Period::Day => days_between(first, day)?,
            Period::Week => days_between(first, day)?.div_euclid(7),
            Period::Month => months_between(first, day),
            Period::Quarter => months_between(first, day).div_euclid(3),
            Period::Year => months_between(first, day).div_euclid(12),
        };
        let nth = |n: i64| first.checked_add(self.span(n)?).ok();
        while nth(n)? > day {
            n -= 1;
        }
        while nth(n + 1)? <= day {
            n += 1;
        }
        self.between(nth(n)?, nth(n + 1)?)
    }

    /// The span of `n` periods; none where it is longer than the calendar.
    fn span(&self, n: i64) -> Option<Span> {
        let span = Span::new();
        match self.period {
            Period::Day => span.try_days(n),
            Period::Week => span.try_weeks(n),
            Period::Month => span.try_months(n),
            Period::Quarter => span.try_months(n.checked_mul(3)?),
            Period::Year => span.try_years(n),
        }
        .ok()
    }

    fn date(&self, at: Micros) -> Date {
        at.timestamp().to_zoned(self.zone.clone()).date()
    }

    fn between(&self, first: Date, after: Date) -> Option<Bounds> {
        Some(Bounds { start: self.start_of(first)?, end: self.start_of(after)? })
    }

    /// The first instant of a day. Where midnight is skipped, it is the one after; where there are two,
    /// the first.
    fn start_of(&self, day: Date) -> Option<Micros> {
        let midnight =
            self.zone.to_ambiguous_timestamp(day.to_datetime(jiff::civil::Time::midnight()));
        Some(midnight.compatible().ok()?.into())
    }
}

fn days_between(first: Date, day: Date) -> Option<i64> {
    Some(i64::from(day.since(first).ok()?.get_days()))
}

/// Months from one date's month to the other's.
fn months_between(first: Date, day: Date) -> i64 {
    let months = |date: Date| i64::from(date.year()) * 12 + i64::from(date.month());
    months(day) - months(first)
}

fn day_of(at: Micros) -> Bounds {
    use crate::kernel::clock::DAY;
    let start = Micros(at.0.saturating_sub(at.0.rem_euclid(DAY)));
    Bounds { start, end: Micros(start.0.saturating_add(DAY)) }
}
