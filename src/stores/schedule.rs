//! Whether a store is open at an instant, and until when that holds.
//!
//! Hours are times of day where the store is. Where clocks are put forward a time that does not exist
//! stands for the same time behind the gap; where they are put back a time that comes twice is the
//! first one (RFC 5545 §3.3.5).

use super::hours::{SpecialHours, WeeklyHours};
use crate::kernel::Micros;
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Span, ToSpan as _};
use std::collections::BTreeMap;

/// Days for which a next change is looked for.
const AHEAD: i64 = 8;

/// Minutes of a day from opening to closing; closing lies behind 1,440 where it is after midnight.
type Hours = (i64, i64);

/// When a store is open.
#[derive(Debug)]
pub(super) struct Schedule {
    zone: TimeZone,
    weekly: [Vec<Hours>; 7],
    special: BTreeMap<Date, Vec<Hours>>,
}

/// A stretch of time in which a store does not open or close.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Stretch {
    /// Whether it is open.
    pub(super) open: bool,
    /// Its beginning, as far as it was looked for.
    pub(super) from: Micros,
    /// Its end.
    pub(super) until: Micros,
    /// Whether the store opens or closes at the end; otherwise nothing more is known from there on.
    pub(super) changes: bool,
}

impl Stretch {
    /// Whether an instant lies in it.
    pub(super) fn holds(&self, at: Micros) -> bool {
        self.from <= at && at < self.until
    }
}

/// What is no time as long as it is short: hours that close when they open.
fn lasting((opens, closes): Hours) -> Option<Hours> {
    match closes {
        _ if closes > opens => Some((opens, closes)),
        _ if closes < opens => Some((opens, closes + 24 * 60)),
        _ => None,
    }
}

impl Schedule {
    /// The schedule of hours in a zone; `None` where there are no hours or the zone is unknown.
    pub(super) fn new(
        zone: &str,
        weekly: &[WeeklyHours],
        special: &[SpecialHours],
    ) -> Option<Self> {
        if weekly.is_empty() && special.is_empty() {
            return None;
        }
        let zone = TimeZone::get(zone).ok()?;
        let mut days: [Vec<Hours>; 7] = Default::default();
        for entry in weekly {
            let (day, hours) = entry.minutes()?;
            days.get_mut(day)?.extend(lasting(hours));
        }
        let mut dates: BTreeMap<Date, Vec<Hours>> = BTreeMap::new();
        for entry in special {
            let (date, hours) = entry.minutes()?;
            dates.entry(date).or_default().extend(hours.and_then(lasting));
        }
        Some(Self { zone, weekly: days, special: dates })
    }

    fn of_day(&self, date: Date) -> &[Hours] {
        let weekday = date.weekday().to_monday_zero_offset();
        let ordinary = || usize::try_from(weekday).ok().and_then(|day| self.weekly.get(day));
        self.special.get(&date).or_else(ordinary).map_or(&[], Vec::as_slice)
    }

    /// The instant `minutes` after midnight of a date, which may lie on the next day.
    fn instant(&self, date: Date, minutes: i64) -> Option<Micros> {
        let span: Span = minutes.minutes();
        let local = date.at(0, 0, 0, 0).checked_add(span).ok()?;
        self.zone.to_timestamp(local).ok().map(|at| Micros(at.as_microsecond()))
    }

    /// The stretch that holds an instant; `None` at the ends of time.
    pub(super) fn at(&self, at: Micros) -> Option<Stretch> {
        let today = Timestamp::from_microsecond(at.0).ok()?.to_zoned(self.zone.clone()).date();
        let mut date = today.checked_sub(1.day()).ok()?;
        let horizon = today.checked_add(AHEAD.days()).ok()?;
        let mut open: Vec<(Micros, Micros)> = Vec::with_capacity(2 * AHEAD as usize);
        while date < horizon {
            for (opens, closes) in self.of_day(date) {
                let hours = (self.instant(date, *opens)?, self.instant(date, *closes)?);
                // A gap of the clock can swallow short hours.
                if hours.0 < hours.1 {
                    open.push(hours);
                }
            }
            date = date.checked_add(1.day()).ok()?;
        }
        open.sort_unstable();
        let end = self.instant(horizon, 0)?;
        let mut stretch = Stretch {
            open: false,
            from: self.instant(today, 0)?.min(at),
            until: end,
            changes: false,
        };
        for (opens, closes) in open {
            if stretch.open && opens <= stretch.until {
                stretch.until = stretch.until.max(closes);
            } else if closes <= at {
                stretch.from = stretch.from.max(closes).min(at);
            } else if opens <= at {
                stretch = Stretch { open: true, from: opens, until: closes, changes: true };
            } else {
                if !stretch.open {
                    stretch = Stretch { until: opens, changes: true, ..stretch };
                }
                break;
            }
        }
        if stretch.open && stretch.until >= end {
            stretch = Stretch { until: end, changes: false, ..stretch };
        }
        Some(stretch)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::{Value, json};

    fn schedule(zone: &str, weekly: &Value, special: &Value) -> Schedule {
        let weekly: Vec<WeeklyHours> = serde_json::from_value(weekly.clone()).unwrap();
        let special: Vec<SpecialHours> = serde_json::from_value(special.clone()).unwrap();
        Schedule::new(zone, &weekly, &special).unwrap()
    }

    fn micros(text: &str) -> Micros {
        text.parse().unwrap()
    }

    fn seen(schedule: &Schedule, at: &str) -> (bool, Option<String>) {
        let stretch = schedule.at(micros(at)).unwrap();
        assert!(stretch.holds(micros(at)), "{stretch:?}");
        (stretch.open, stretch.changes.then(|| stretch.until.to_string()))
    }

    fn day(name: &str, opens: &str, closes: &str) -> Value {
        json!({"day_of_week": name, "opens": opens, "closes": closes})
    }

    #[test]
    fn hours_are_local_and_special_days_replace_them() {
        let weekly = json!([
            day("monday", "08:30", "12:00"),
            day("monday", "14:00", "20:00"),
            day("friday", "08:30", "20:00"),
        ]);
        let special = json!([
            {"date": "2026-11-27", "closed": true},
            {"date": "2026-11-28", "opens": "10:00", "closes": "11:00"},
        ]);
        let store = schedule("Europe/Paris", &weekly, &special);
        let until = |text: &str| Some(text.to_owned());
        // Monday 23 November, 12:30 in Paris.
        assert_eq!(seen(&store, "2026-11-23T11:30:00Z"), (false, until("2026-11-23T13:00:00Z")));
        assert_eq!(seen(&store, "2026-11-23T10:59:59Z"), (true, until("2026-11-23T11:00:00Z")));
        assert_eq!(seen(&store, "2026-11-23T11:00:00Z"), (false, until("2026-11-23T13:00:00Z")));
        // Closed on its Friday, open on a Saturday.
        assert_eq!(seen(&store, "2026-11-27T10:00:00Z"), (false, until("2026-11-28T09:00:00Z")));
        assert_eq!(seen(&store, "2026-11-28T09:30:00Z"), (true, until("2026-11-28T10:00:00Z")));
    }

    #[test]
    fn hours_go_past_midnight_and_around_the_clock() {
        let bar = schedule("Europe/Paris", &json!([day("saturday", "18:00", "02:00")]), &json!([]));
        let until = |text: &str| Some(text.to_owned());
        assert_eq!(seen(&bar, "2026-11-22T00:30:00Z"), (true, until("2026-11-22T01:00:00Z")));
        assert_eq!(seen(&bar, "2026-11-22T01:00:00Z"), (false, until("2026-11-28T17:00:00Z")));
        let days = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"];
        let always: Vec<Value> = days.iter().map(|name| day(name, "00:00", "24:00")).collect();
        let always = schedule("Europe/Paris", &json!(always), &json!([]));
        assert_eq!(seen(&always, "2026-11-22T12:00:00Z"), (true, None));
        let never = schedule("Europe/Paris", &json!([day("monday", "00:00", "00:00")]), &json!([]));
        assert_eq!(seen(&never, "2026-11-23T12:00:00Z"), (false, None));
    }

    #[test]
    fn hours_follow_the_clock_where_it_is_changed() {
        let night = schedule("Europe/Paris", &json!([day("sunday", "02:30", "04:00")]), &json!([]));
        // 29 March 2026: 02:30 does not exist and is 03:30, UTC 01:30.
        assert!(!seen(&night, "2026-03-29T01:29:59Z").0);
        assert!(seen(&night, "2026-03-29T01:30:00Z").0);
        // 25 October 2026: 02:30 comes twice, the first is UTC 00:30; 04:00 is UTC 03:00.
        let until = Some("2026-10-25T03:00:00Z".to_owned());
        assert_eq!(seen(&night, "2026-10-25T00:30:00Z"), (true, until));
    }

    proptest! {
        #[test]
        fn a_stretch_is_one_state_between_others(
            hours in proptest::collection::vec((0usize..7, 0u32..=24, 0u32..=24), 0..12),
            start in 1_767_225_600i64..1_830_297_600,
        ) {
            const DAYS: [&str; 7] =
                ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"];
            let weekly: Vec<Value> = hours
                .iter()
                .map(|(at, opens, closes)| {
                    day(DAYS[*at], &format!("{opens:02}:00"), &format!("{closes:02}:00"))
                })
                .collect();
            prop_assume!(!weekly.is_empty());
            let store = schedule("America/New_York", &json!(weekly), &json!([]));
            let mut at = Micros(start * 1_000_000);
            let mut before: Option<bool> = None;
            for _ in 0..20 {
                let stretch = store.at(at).unwrap();
                prop_assert!(stretch.holds(at));
                prop_assert!(before.is_none_or(|open| open != stretch.open));
                // Every instant of the stretch tells the same.
                let middle = Micros((at.0 + stretch.until.0 - 1) / 2);
                let inner = store.at(middle).unwrap();
                prop_assert_eq!((inner.open, inner.changes || !stretch.changes), (stretch.open, true));
                if !stretch.changes {
                    break;
                }
                prop_assert_eq!(inner.until, stretch.until);
                (before, at) = (Some(stretch.open), stretch.until);
            }
        }
    }
}
