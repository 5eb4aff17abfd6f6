//! Periods against a slow computation of their own: the date of each quarter of an hour, and which dates
//! belong together by counting.

use super::{Anchor, Bounds, Cycle, Period};
use crate::kernel::Micros;
use crate::kernel::clock::MINUTE;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use proptest::prelude::*;

const QUARTER: i64 = 15 * MINUTE;
const ZONES: [&str; 6] = [
    "UTC",
    "Europe/Paris",
    "America/New_York",
    "Asia/Kathmandu",
    "Australia/Lord_Howe",
    // Its clocks change at midnight.
    "America/Havana",
];
const PERIODS: [Period; 5] =
    [Period::Day, Period::Week, Period::Month, Period::Quarter, Period::Year];

fn zone(name: &str) -> TimeZone {
    TimeZone::get(name).unwrap()
}

fn date(zone: &TimeZone, at: i64) -> (i64, i64, i64) {
    let date: Date = Micros(at).timestamp().to_zoned(zone.clone()).date();
    (date.year().into(), date.month().into(), date.day().into())
}

fn is_leap(year: i64) -> bool {
    year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
}

fn month_length(year: i64, month: i64) -> i64 {
    match month {
        2 => 28 + i64::from(is_leap(year)),
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days since the first of January 2000, a Saturday.
fn days((year, month, day): (i64, i64, i64)) -> i64 {
    let years: i64 = (2000..year).map(|year| 365 + i64::from(is_leap(year))).sum();
    let months: i64 = (1..month).map(|month| month_length(year, month)).sum();
    years + months + day - 1
}

/// A number that is the same for all dates of a period, and another for those of the next.
fn label(cycle: &Cycle, since: (i64, i64, i64), day: (i64, i64, i64)) -> i64 {
    let (year, month, _) = day;
    let step = match (cycle.anchor, cycle.period) {
        (Anchor::Calendar, Period::Day) => return days(day),
        (Anchor::Calendar, Period::Week) => return (days(day) + 5).div_euclid(7),
        (Anchor::Calendar, Period::Month) => return year * 12 + month,
        (Anchor::Calendar, Period::Quarter) => return year * 4 + (month - 1) / 3,
        (Anchor::Calendar, Period::Year) => return year,
        (Anchor::Contract, Period::Day) => return days(day),
        (Anchor::Contract, Period::Week) => return (days(day) - days(since)).div_euclid(7),
        (Anchor::Contract, Period::Month) => 1,
        (Anchor::Contract, Period::Quarter) => 3,
        (Anchor::Contract, Period::Year) => 12,
    };
    if day < since {
        return -1;
    }
    // Anniversaries are counted one by one.
    let mut passed = 0;
    loop {
        let months = since.1 - 1 + (passed + 1) * step;
        let (year, month) = (since.0 + months / 12, months % 12 + 1);
        let anniversary = (year, month, since.2.min(month_length(year, month)));
        if anniversary > day {
            return passed;
        }
        passed += 1;
    }
}

/// The bounds of the period that holds `at`, found by steps down to a quarter of an hour.
fn slowly(cycle: &Cycle, at: i64, since: i64) -> Bounds {
    let first = date(&cycle.zone, since);
    let of = |at: i64| label(cycle, first, date(&cycle.zone, at));
    let (own, mut start) = (of(at), at.div_euclid(QUARTER) * QUARTER);
    let mut end = start + QUARTER;
    // Labels only ever grow, so what lies between two of one label has it too.
    for step in [20 * 96 * QUARTER, 96 * QUARTER, QUARTER] {
        while of(start - step) == own {
            start -= step;
        }
        while of(end + step - QUARTER) == own {
            end += step;
        }
    }
    Bounds { start: Micros(start), end: Micros(end) }
}

/// An instant within two hours of a midnight at the end of a month, or any other, in 2023 to 2028.
fn instant() -> impl Strategy<Value = i64> {
    let text = |year: i64, month: i64| format!("{year}-{month:02}-01T00:00:00Z");
    let ends = (2023i64..2029, 1i64..13, -120 * MINUTE..120 * MINUTE)
        .prop_map(move |(y, m, off)| text(y, m).parse::<Micros>().unwrap().0 + off);
    prop_oneof![ends, 1_672_531_200_000_000i64..1_861_920_000_000_000]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_period_is_what_counting_finds(
        at in instant(), zone_of in 0..ZONES.len(), period in 0..5usize, contract: bool,
        before in 0i64..900, day in 1i64..=31,
    ) {
        // A contract that began before, on a day that not every month has.
        let anchor = if contract { Anchor::Contract } else { Anchor::Calendar };
        let cycle = Cycle { period: PERIODS[period], anchor, zone: zone(ZONES[zone_of]) };
        let mut since = at - before * 24 * 60 * MINUTE;
        while date(&cycle.zone, since).2 != day && contract {
            since -= 60 * MINUTE;
        }
        let found = cycle.around(Micros(at), Micros(since));
        prop_assert_eq!(found, slowly(&cycle, at, since), "{:?} at {} since {}", cycle, Micros(at), Micros(since));
        // Periods meet: none is missing between, none counts twice.
        let next = cycle.around(found.end, Micros(since));
        prop_assert_eq!(next.start, found.end);
    }

    #[test]
    fn no_instant_panics(at: i64, since: i64, zone_of in 0..ZONES.len(), period in 0..5usize) {
        for anchor in [Anchor::Calendar, Anchor::Contract] {
            let cycle = Cycle { period: PERIODS[period], anchor, zone: zone(ZONES[zone_of]) };
            let _ = cycle.around(Micros(at), Micros(since)).seconds();
        }
    }
}

#[test]
fn ends_of_months_leap_days_and_clock_changes() {
    for (zone_of, period, anchor, since, at, start, end) in [
        (
            "Europe/Paris",
            Period::Month,
            Anchor::Calendar,
            "2026-01-01T00:00:00Z",
            "2026-01-31T22:59:59Z",
            "2025-12-31T23:00:00Z",
            "2026-01-31T23:00:00Z",
        ),
        (
            "Europe/Paris",
            Period::Month,
            Anchor::Calendar,
            "2026-01-01T00:00:00Z",
            "2026-10-31T23:00:00Z",
            "2026-10-31T23:00:00Z",
            "2026-11-30T23:00:00Z",
        ),
        (
            "America/New_York",
            Period::Day,
            Anchor::Calendar,
            "2026-01-01T00:00:00Z",
            "2026-11-01T12:00:00Z",
            "2026-11-01T04:00:00Z",
            "2026-11-02T05:00:00Z",
        ),
        (
            "Asia/Kathmandu",
            Period::Day,
            Anchor::Calendar,
            "2026-01-01T00:00:00Z",
            "2026-11-01T18:15:00Z",
            "2026-11-01T18:15:00Z",
            "2026-11-02T18:15:00Z",
        ),
        (
            "UTC",
            Period::Month,
            Anchor::Contract,
            "2027-10-31T09:00:00Z",
            "2028-02-29T12:00:00Z",
            "2028-02-29T00:00:00Z",
            "2028-03-31T00:00:00Z",
        ),
        (
            "UTC",
            Period::Month,
            Anchor::Contract,
            "2026-10-31T09:00:00Z",
            "2027-02-28T12:00:00Z",
            "2027-02-28T00:00:00Z",
            "2027-03-31T00:00:00Z",
        ),
        (
            "UTC",
            Period::Year,
            Anchor::Contract,
            "2024-02-29T09:00:00Z",
            "2027-03-01T00:00:00Z",
            "2027-02-28T00:00:00Z",
            "2028-02-29T00:00:00Z",
        ),
        (
            "UTC",
            Period::Quarter,
            Anchor::Contract,
            "2026-11-30T09:00:00Z",
            "2027-02-28T00:00:00Z",
            "2027-02-28T00:00:00Z",
            "2027-05-30T00:00:00Z",
        ),
        (
            "UTC",
            Period::Week,
            Anchor::Contract,
            "2026-11-25T09:00:00Z",
            "2026-11-24T00:00:00Z",
            "2026-11-18T00:00:00Z",
            "2026-11-25T00:00:00Z",
        ),
    ] {
        let cycle = Cycle { period, anchor, zone: zone(zone_of) };
        let [since, at, start, end] = [since, at, start, end].map(|t| t.parse::<Micros>().unwrap());
        assert_eq!(cycle.around(at, since), Bounds { start, end }, "{cycle:?} at {at}");
    }
}
