//! Time as an argument: microseconds of UTC, from a clock that tests can set.

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

/// An instant: microseconds since 1970-01-01T00:00:00Z.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Micros(pub i64);

/// Microseconds in a second.
pub const SECOND: i64 = 1_000_000;
/// Microseconds in an hour.
pub const HOUR: i64 = 3_600 * SECOND;
/// Microseconds in a minute.
pub const MINUTE: i64 = 60 * SECOND;
/// Microseconds in a day of 24 hours.
pub const DAY: i64 = 24 * HOUR;

/// Earliest and latest instants that have an RFC 3339 text (years 1 to 9999).
const RANGE: std::ops::RangeInclusive<i64> = -62_135_596_800_000_000..=253_402_207_200_000_000;

/// The text is no RFC 3339 instant.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("is not RFC 3339 with a zone, such as 2026-11-22T10:00:00Z")]
pub struct InvalidTime;

impl Micros {
    /// The start of the hour that holds this instant.
    #[must_use]
    pub fn hour(self) -> Self {
        Self(self.0 - self.0.rem_euclid(HOUR))
    }

    /// The same instant in `jiff`'s terms; out-of-range values are clamped.
    #[must_use]
    pub fn timestamp(self) -> jiff::Timestamp {
        let clamped = self.0.clamp(*RANGE.start(), *RANGE.end());
        jiff::Timestamp::from_microsecond(clamped).unwrap_or(jiff::Timestamp::UNIX_EPOCH)
    }
}

impl From<jiff::Timestamp> for Micros {
    fn from(timestamp: jiff::Timestamp) -> Self {
        Self(timestamp.as_microsecond())
    }
}

impl std::str::FromStr for Micros {
    type Err = InvalidTime;

    fn from_str(text: &str) -> Result<Self, InvalidTime> {
        let micros = text.parse::<jiff::Timestamp>().map_err(|_| InvalidTime)?.as_microsecond();
        if RANGE.contains(&micros) { Ok(Self(micros)) } else { Err(InvalidTime) }
    }
}

impl fmt::Display for Micros {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.timestamp())
    }
}

impl Serialize for Micros {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Micros {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// Where the time comes from: the system, or a hand that a test moves.
#[derive(Debug, Clone)]
pub enum Clock {
    /// The system's wall clock.
    System,
    /// A clock that stands still until it is set.
    Fixed(Arc<AtomicI64>),
    /// The system's clock, off by so many microseconds.
    Shifted(Arc<AtomicI64>),
}

impl Clock {
    /// A clock that stands at `at`.
    #[must_use]
    pub fn fixed(at: Micros) -> Self {
        Self::Fixed(Arc::new(AtomicI64::new(at.0)))
    }

    /// The system's clock, right until it is moved.
    #[must_use]
    pub fn shifted() -> Self {
        Self::Shifted(Arc::default())
    }

    /// Whether it goes by itself, so that it can be held against others.
    #[must_use]
    pub fn goes(&self) -> bool {
        !matches!(self, Self::Fixed(_))
    }

    /// The time now.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "the one place that reads the system clock")]
    pub fn now(&self) -> Micros {
        match self {
            Self::System => {
                let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
                // Not `as_micros`, whose 128 bits cost more than the reading itself.
                let micros = |d: std::time::Duration| {
                    let seconds = i64::try_from(d.as_secs()).unwrap_or(i64::MAX);
                    seconds.saturating_mul(SECOND).saturating_add(d.subsec_micros().into())
                };
                Micros(since.map_or(0, micros))
            }
            Self::Fixed(at) => Micros(at.load(Ordering::SeqCst)),
            Self::Shifted(off) => Micros(Self::System.now().0 + off.load(Ordering::SeqCst)),
        }
    }

    /// Moves a fixed or shifted clock forward; the system's clock is not ours to move.
    pub fn advance(&self, micros: i64) {
        if let Self::Fixed(at) | Self::Shifted(at) = self {
            at.fetch_add(micros, Ordering::SeqCst);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_round_trip() {
        let at: Micros = "2026-11-22T09:41:07Z".parse().unwrap();
        assert_eq!(at.to_string(), "2026-11-22T09:41:07Z");
        assert_eq!(at.hour().to_string(), "2026-11-22T09:00:00Z");
        assert!("2026-11-22".parse::<Micros>().is_err());
        let _ = Micros(i64::MIN).to_string();
        let _ = Micros(i64::MAX).to_string();
    }
}
