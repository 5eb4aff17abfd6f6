//! Opening hours: by day of the week, and for single dates.

use crate::catalog::{Fault, check};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Hours of a day of the week, in the store's own time.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct WeeklyHours {
    /// `monday` to `sunday`.
    #[schema(example = "monday")]
    day_of_week: String,
    /// `HH:MM`.
    #[schema(example = "08:30")]
    opens: String,
    /// `HH:MM`; `24:00` for midnight; before `opens` where it is after midnight.
    #[schema(example = "20:30")]
    closes: String,
}

/// Hours of one date, which replace those of its day of the week.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct SpecialHours {
    /// The date, `YYYY-MM-DD`.
    #[schema(format = Date, example = "2026-12-25")]
    date: String,
    /// Whether the store stays closed.
    #[serde(default)]
    #[schema(example = true)]
    closed: bool,
    /// `HH:MM`, where it opens.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = json!(null))]
    opens: Option<String>,
    /// `HH:MM`, where it opens.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = json!(null))]
    closes: Option<String>,
}

const DAYS: [&str; 7] =
    ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"];

/// The week's hours, or what is wrong with them.
pub(super) fn weekly(hours: Vec<WeeklyHours>) -> Result<Vec<WeeklyHours>, Fault> {
    const FIELD: &str = "opening_hours";
    for entry in &hours {
        check::word(FIELD, &entry.day_of_week, &DAYS)?;
        time(FIELD, &entry.opens)?;
        time(FIELD, &entry.closes)?;
    }
    check::list(FIELD, hours)
}

/// The hours of single dates, or what is wrong with them.
pub(super) fn special(hours: Vec<SpecialHours>) -> Result<Vec<SpecialHours>, Fault> {
    const FIELD: &str = "special_opening_hours";
    for entry in &hours {
        check::parsed::<jiff::civil::Date>(FIELD, &entry.date)?;
        match (entry.closed, &entry.opens, &entry.closes) {
            (true, None, None) => {}
            (false, Some(opens), Some(closes)) => {
                time(FIELD, opens)?;
                time(FIELD, closes)?;
            }
            _ => {
                let message = "says either closed: true, or opens and closes";
                return Err(Fault::new(FIELD, &entry.date, "contradiction", message));
            }
        }
    }
    check::list(FIELD, hours)
}

fn time(field: &'static str, text: &str) -> Result<(), Fault> {
    let minutes = |text: &str| -> Option<u32> {
        let (hours, minutes) = text.split_once(':')?;
        let digits = |part: &str| part.len() == 2 && part.bytes().all(|b| b.is_ascii_digit());
        if !digits(hours) || !digits(minutes) {
            return None;
        }
        let (hours, minutes): (u32, u32) = (hours.parse().ok()?, minutes.parse().ok()?);
        (minutes < 60).then_some(hours * 60 + minutes)
    };
    if minutes(text).is_some_and(|minutes| minutes <= 24 * 60) {
        return Ok(());
    }
    Err(Fault::new(field, text, "malformed", "is a time of day such as 08:30, at most 24:00"))
}
