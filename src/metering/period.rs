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
#[error("a period must be a month such as 2026-11, or a day such as 2026-11-22, in UTC")]
pub struct InvalidPeriod;

impl std::str::FromStr for Period {
    type Err = InvalidPeriod;

    fn from_str(text: &str) -> Result<Self, InvalidPeriod> {
        Self::in_zone(text, &TimeZone::UTC)
    }
}

impl Period {
    /// The month or day that a text names, as it is in a time zone.
    pub fn in_zone(text: &str, zone: &TimeZone) -> Result<Self, InvalidPeriod> {
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
        period(first, length, zone).ok_or(InvalidPeriod)
    }

    /// The month before the one that holds an instant, as it is in a time zone.
    #[must_use]
    pub fn month_before(at: Micros, zone: &TimeZone) -> Option<Self> {
        let this = at.timestamp().to_zoned(zone.clone()).date().first_of_month();
        period(this.checked_sub(1.month()).ok()?, 1.month(), zone)
    }
}

fn period(first: Date, length: Span, zone: &TimeZone) -> Option<Period> {
    let after = first.checked_add(length).ok()?;
    Some(Period { from: start_of(first, zone)?, to: start_of(after, zone)? })
}

/// The first instant of a day.
fn start_of(date: Date, zone: &TimeZone) -> Option<Micros> {
    Some(date.to_zoned(zone.clone()).ok()?.timestamp().into())
}

fn midnight(date: Date) -> Option<Micros> {
    start_of(date, &TimeZone::UTC)
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

    #[test]
    fn a_month_has_the_days_of_its_zone() {
        let paris = TimeZone::get("Europe/Paris").unwrap();
        let march = Period::in_zone("2026-03", &paris).unwrap();
        let bounds = (march.from.to_string(), march.to.to_string());
        assert_eq!(bounds, ("2026-02-28T23:00:00Z".into(), "2026-03-31T22:00:00Z".into()));
        let before = |at: Micros| Period::month_before(at, &paris);
        assert_eq!(before(march.to), Some(march));
        assert_ne!(before(Micros(march.to.0 - 1)), Some(march));
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
