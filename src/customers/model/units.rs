//! Days and decimals as the documents write them.

use crate::kernel::money::InvalidAmount;
use crate::kernel::{Amount, Micros};
use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;
use std::str::FromStr;

/// A day of the calendar, in the years 1900 to 2199.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct CalendarDay(Date);

/// The text is no such day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be a day such as 1987-04-30, of the years 1900 to 2199")]
pub struct InvalidCalendarDay;

impl CalendarDay {
    /// The day that an instant lies in, by UTC.
    #[must_use]
    pub fn of(at: Micros) -> Self {
        Self(at.timestamp().to_zoned(TimeZone::UTC).date())
    }

    /// Birthdays that somebody born on this day has had on another; 0 where there was none.
    #[must_use]
    pub fn years_until(self, day: Self) -> u16 {
        let had = (day.0.month(), day.0.day()) >= (self.0.month(), self.0.day());
        let years = day.0.year() - self.0.year() - i16::from(!had);
        u16::try_from(years).unwrap_or(0)
    }
}

impl FromStr for CalendarDay {
    type Err = InvalidCalendarDay;

    fn from_str(text: &str) -> Result<Self, InvalidCalendarDay> {
        let day: Date = text.parse().map_err(|_| InvalidCalendarDay)?;
        let is_day = text.len() == 10 && (1900..2200).contains(&day.year());
        if is_day { Ok(Self(day)) } else { Err(InvalidCalendarDay) }
    }
}

impl TryFrom<String> for CalendarDay {
    type Error = InvalidCalendarDay;

    fn try_from(text: String) -> Result<Self, InvalidCalendarDay> {
        text.parse()
    }
}

impl From<CalendarDay> for String {
    fn from(day: CalendarDay) -> Self {
        day.0.to_string()
    }
}

/// A quantity or a number of points: an exact decimal of at most four decimals, as text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct ExactDecimal(pub Amount);

impl FromStr for ExactDecimal {
    type Err = InvalidAmount;

    fn from_str(text: &str) -> Result<Self, InvalidAmount> {
        text.parse().map(Self)
    }
}

impl fmt::Display for ExactDecimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.write(f, 0)
    }
}

impl Serialize for ExactDecimal {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for ExactDecimal {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}
