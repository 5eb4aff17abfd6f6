//! Opening hours: by day of the week, and for single dates.

use crate::catalog::{Fault, check};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Hours of a day of the week, in the store's own time.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct WeeklyHours {
    /// `monday` to `sunday`.
    #[schema(example = "monday")]
    day_of_week: String,
    /// `HH:MM`.
    #[schema(example = "08:30")]
    opens: String,
    /// `HH:MM`; `24:00` for midnight; before `opens` where it is after midnight. The same as `opens`
    /// where the store does not open.
    #[schema(example = "20:30")]
    closes: String,
}

/// Hours of one date, which replace those of its day of the week.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SpecialHours {
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

/// The minute of the day that `HH:MM` names, up to 24:00.
fn minute(text: &str) -> Option<i64> {
    let (hours, minutes) = text.split_once(':')?;
    let digits = |part: &str| part.len() == 2 && part.bytes().all(|b| b.is_ascii_digit());
    if !digits(hours) || !digits(minutes) {
        return None;
    }
    let (hours, minutes): (i64, i64) = (hours.parse().ok()?, minutes.parse().ok()?);
    let minute = hours * 60 + minutes;
    (minutes < 60 && minute <= 24 * 60).then_some(minute)
}

fn time(field: &'static str, text: &str) -> Result<(), Fault> {
    if minute(text).is_some() {
        return Ok(());
    }
    Err(Fault::new(field, text, "malformed", "must be a time of day such as 08:30, at most 24:00"))
}

impl WeeklyHours {
    /// The day, Monday being 0, and the minutes of the day from opening to closing.
    pub(super) fn minutes(&self) -> Option<(usize, (i64, i64))> {
        let day = DAYS.iter().position(|day| *day == self.day_of_week)?;
        Some((day, (minute(&self.opens)?, minute(&self.closes)?)))
    }
}

impl SpecialHours {
    /// The date, and the minutes of the day from opening to closing where it opens.
    pub(super) fn minutes(&self) -> Option<(jiff::civil::Date, Option<(i64, i64)>)> {
        let date = self.date.parse().ok()?;
        let hours = match (&self.opens, &self.closes) {
            (Some(opens), Some(closes)) => Some((minute(opens)?, minute(closes)?)),
            _ => None,
        };
        Some((date, hours))
    }
}
