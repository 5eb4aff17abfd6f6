//! Which day's snapshot is due.

use crate::kernel::Micros;
use jiff::civil::Time;
use jiff::tz::TimeZone;

/// The local date of the newest time at which a snapshot was due.
pub(super) fn day_due(now: Micros, at: Time, zone: &TimeZone) -> String {
    let local = now.timestamp().to_zoned(zone.clone());
    let today = local.date();
    let day = if local.time() >= at { today } else { today.yesterday().unwrap_or(today) };
    day.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_begins_at_its_time_in_its_zone() {
        let at = jiff::civil::time(2, 30, 0, 0);
        let paris = TimeZone::fixed(jiff::tz::offset(1));
        for (now, zone, day) in [
            ("2026-11-22T02:29:59Z", TimeZone::UTC, "2026-11-21"),
            ("2026-11-22T02:30:00Z", TimeZone::UTC, "2026-11-22"),
            ("2026-11-22T01:30:00Z", paris.clone(), "2026-11-22"),
            ("2026-11-21T23:30:00Z", paris, "2026-11-21"),
        ] {
            assert_eq!(day_due(now.parse().unwrap(), at, &zone), day, "{now}");
        }
    }
}
