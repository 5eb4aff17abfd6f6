//! Times as people read them, in a time zone that is named, and numbers.

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

/// `1,234,567.5` for a decimal such as `1234567.500`.
#[must_use]
pub fn number_in_english(decimal: &str) -> String {
    number(decimal, ',', '.')
}

/// The same as it is written in French: narrow spaces, which break no line, and a comma.
#[must_use]
pub fn number_in_french(decimal: &str) -> String {
    number(decimal, '\u{202f}', ',')
}

/// A decimal with its digits in groups, and without zeros at the end of its fraction.
fn number(decimal: &str, group: char, point: char) -> String {
    let (whole, fraction) = decimal.split_once('.').unwrap_or((decimal, ""));
    let mut written = String::with_capacity(decimal.len() * 2);
    for (n, digit) in whole.chars().enumerate() {
        let behind = whole.len() - n;
        if n > 0 && behind.is_multiple_of(3) && written.ends_with(|c: char| c.is_ascii_digit()) {
            written.push(group);
        }
        written.push(digit);
    }
    let fraction = fraction.trim_end_matches('0');
    if !fraction.is_empty() {
        written.push(point);
        written.push_str(fraction);
    }
    written
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
    fn a_number_is_written_as_in_its_language() {
        for (decimal, english, french) in [
            ("5.000", "5", "5"),
            ("0.500", "0.5", "0,5"),
            ("999.001", "999.001", "999,001"),
            ("1000.000", "1,000", "1\u{202f}000"),
            ("-1234567.250", "-1,234,567.25", "-1\u{202f}234\u{202f}567,25"),
            ("-100", "-100", "-100"),
            ("800412", "800,412", "800\u{202f}412"),
        ] {
            assert_eq!(number_in_english(decimal), english);
            assert_eq!(number_in_french(decimal), french);
        }
    }

    #[test]
    fn no_time_is_out_of_reach() {
        for at in [Micros(i64::MIN), Micros(i64::MAX)] {
            assert!(in_english(at, &TimeZone::UTC).ends_with("UTC"));
            assert!(in_french(at, &TimeZone::UTC).ends_with("(UTC)"));
        }
    }
}
