//! Times as people read them, in a time zone that is named.

use super::Micros;
use jiff::Zoned;
use jiff::tz::TimeZone;

const MONTHS: [&str; 12] = [
    "janvier",
    "février",
    "mars",
    "avril",
    "mai",
    "juin",
    "juillet",
    "août",
    "septembre",
    "octobre",
    "novembre",
    "décembre",
];

fn in_zone(at: Micros, zone: &TimeZone) -> Zoned {
    at.timestamp().to_zoned(zone.clone())
}

/// `25 November 2026, 10:41 CET`.
#[must_use]
pub fn in_english(at: Micros, zone: &TimeZone) -> String {
    in_zone(at, zone).strftime("%-d %B %Y, %H:%M %Z").to_string()
}

/// `25 novembre 2026 à 10 h 41 (CET)`, to stand behind `le`, `du` or `jusqu'au`.
#[must_use]
pub fn in_french(at: Micros, zone: &TimeZone) -> String {
    let at = in_zone(at, zone);
    let day = if at.day() == 1 { "1er".to_owned() } else { at.day().to_string() };
    let month = usize::try_from(at.month() - 1).ok().and_then(|month| MONTHS.get(month));
    let (month, zone) = (month.copied().unwrap_or_default(), at.strftime("%Z"));
    format!("{day} {month} {} à {} h {:02} ({zone})", at.year(), at.hour(), at.minute())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_said_with_its_zone() {
        let at: Micros = "2026-11-25T09:41:07Z".parse().unwrap();
        let paris = TimeZone::get("Europe/Paris").unwrap();
        assert_eq!(in_english(at, &paris), "25 November 2026, 10:41 CET");
        assert_eq!(in_french(at, &paris), "25 novembre 2026 à 10 h 41 (CET)");
        assert_eq!(in_english(at, &TimeZone::UTC), "25 November 2026, 09:41 UTC");
        let first: Micros = "2026-07-31T22:05:00Z".parse().unwrap();
        assert_eq!(in_french(first, &paris), "1er août 2026 à 0 h 05 (CEST)");
    }

    #[test]
    fn no_time_is_out_of_reach() {
        for at in [Micros(i64::MIN), Micros(i64::MAX)] {
            assert!(in_english(at, &TimeZone::UTC).ends_with("UTC"));
            assert!(in_french(at, &TimeZone::UTC).ends_with("(UTC)"));
        }
    }
}
