//! A stretch of time in UTC, half-open: a month or a day.

use crate::kernel::Micros;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Span, ToSpan as _};

/// `[from, to)`: an event at `to` belongs to the next period.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Period {
    /// The first instant of it.
    pub from: Micros,
    /// The first instant after it.
    pub to: Micros,
}

/// The text names no period.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a period is a month such as 2026-11, or a day such as 2026-11-22, in UTC")]
pub struct InvalidPeriod;

impl std::str::FromStr for Period {
    type Err = InvalidPeriod;

    fn from_str(text: &str) -> Result<Self, InvalidPeriod> {
        let shape = |form: &[u8]| {
            let fits = |(a, b): (u8, &u8)| if *b == b'0' { a.is_ascii_digit() } else { a == *b };
            text.len() == form.len() && text.bytes().zip(form).all(fits)
        };
        let (first, length) = if shape(b"0000-00") {
            (format!("{text}-01"), 1.month())
        } else if shape(b"0000-00-00") {
            (text.to_owned(), 1.day())
        } else {
            return Err(InvalidPeriod);
        };
        let first: Date = first.parse().map_err(|_| InvalidPeriod)?;
        period(first, length).ok_or(InvalidPeriod)
    }
}

fn period(first: Date, length: Span) -> Option<Period> {
    let after = first.checked_add(length).ok()?;
    Some(Period { from: midnight(first)?, to: midnight(after)? })
}

fn midnight(date: Date) -> Option<Micros> {
    Some(date.to_zoned(TimeZone::UTC).ok()?.timestamp().into())
}

/// The start of the day in UTC that holds `at`.
pub(super) fn day_of(at: Micros) -> Micros {
    midnight(date(at)).unwrap_or(at)
}

/// The start of the month in UTC that holds `at`.
pub(super) fn month_of(at: Micros) -> Micros {
    midnight(date(at).first_of_month()).unwrap_or(at)
}

fn date(at: Micros) -> Date {
    at.timestamp().to_zoned(TimeZone::UTC).date()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn bounds(text: &str) -> (String, String) {
        let period: Period = text.parse().unwrap();
        (period.from.to_string(), period.to.to_string())
    }

    #[test]
    fn months_and_days_are_half_open() {
        let expect = |from: &str, to: &str| (from.to_owned(), to.to_owned());
        assert_eq!(bounds("2026-11"), expect("2026-11-01T00:00:00Z", "2026-12-01T00:00:00Z"));
        assert_eq!(bounds("2026-12"), expect("2026-12-01T00:00:00Z", "2027-01-01T00:00:00Z"));
        assert_eq!(bounds("2028-02-29"), expect("2028-02-29T00:00:00Z", "2028-03-01T00:00:00Z"));
        for wrong in ["", "2026", "2026-13", "2026-02-30", "2026-1", "26-11", "2026-11-", "+026-11"]
        {
            assert_eq!(wrong.parse::<Period>(), Err(InvalidPeriod), "{wrong}");
        }
    }

    proptest! {
        #[test]
        fn parse_never_panics(text: String, digits in "[0-9]{4}-[0-9]{2}(-[0-9]{2})?") {
            let _ = text.parse::<Period>();
            let _ = digits.parse::<Period>();
        }

        #[test]
        fn an_instant_lies_in_its_day_and_month(at in 0i64..4_000_000_000_000_000) {
            let at = Micros(at);
            prop_assert!(day_of(at) <= at && at.0 - day_of(at).0 < 24 * crate::kernel::clock::HOUR);
            prop_assert!(month_of(at) <= day_of(at));
        }
    }
}
