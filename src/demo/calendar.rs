//! French public holidays.

use crate::kernel::Micros;
use jiff::ToSpan;
use jiff::civil::{Date, date};
use jiff::tz::TimeZone;

/// A public holiday.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Holiday {
    pub(super) date: Date,
    /// Whether every store closes, not only the department stores.
    pub(super) all_close: bool,
}

/// Easter Sunday of a year in the Gregorian calendar (Gauss' method in Butcher's form).
fn easter(year: i16) -> Date {
    let y = i32::from(year);
    let (a, b, c) = (y % 19, y / 100, y % 100);
    let g = (8 * b + 13) / 25;
    let h = (19 * a + b - b / 4 - g + 15) % 30;
    let l = (32 + 2 * (b % 4) + 2 * (c / 4) - h - c % 4) % 7;
    let m = (a + 11 * h + 22 * l) / 451;
    let days = h + l - 7 * m + 114;
    date(year, (days / 31) as i8, (days % 31 + 1) as i8)
}

/// The holidays of the year that begins on the day after `now`.
pub(super) fn holidays(now: Micros) -> Vec<Holiday> {
    let today = now.timestamp().to_zoned(TimeZone::UTC).date();
    let fixed = [
        (1, 1, true),
        (5, 1, true),
        (5, 8, false),
        (7, 14, false),
        (8, 15, false),
        (11, 1, false),
        (11, 11, false),
        (12, 25, true),
    ];
    let mut holidays = Vec::new();
    for year in [today.year(), today.year().saturating_add(1).min(9_999)] {
        for (month, day, all_close) in fixed {
            holidays.push(Holiday { date: date(year, month, day), all_close });
        }
        // Easter Monday, Ascension, Whit Monday.
        for days in [1, 39, 50] {
            let date = easter(year).saturating_add(days.days());
            holidays.push(Holiday { date, all_close: false });
        }
    }
    let last = today.saturating_add(1.year());
    holidays.retain(|holiday| holiday.date > today && holiday.date <= last);
    holidays.sort_by_key(|holiday| (holiday.date, !holiday.all_close));
    holidays.dedup_by_key(|holiday| holiday.date);
    holidays
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn easter_falls_where_the_tables_say() {
        let known = [(2024, 3, 31), (2025, 4, 20), (2026, 4, 5), (2027, 3, 28), (2038, 4, 25)];
        for (year, month, day) in known {
            assert_eq!(easter(year), date(year, month, day));
        }
    }

    #[test]
    fn a_year_has_eleven_holidays() {
        let now: Micros = "2026-11-22T10:00:00Z".parse().unwrap();
        let found = holidays(now);
        assert_eq!(found.len(), 11);
        assert_eq!(found[0], Holiday { date: date(2026, 12, 25), all_close: true });
        assert!(found.iter().any(|h| h.date == date(2027, 5, 6)), "Ascension");
    }
}
