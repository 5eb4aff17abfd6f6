//! `Retry-After` (RFC 9110 §10.2.3).

use crate::kernel::Micros;
use crate::kernel::clock::SECOND;
use std::time::UNIX_EPOCH;

/// When whoever was called wants to be called again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RetryAfter {
    /// After so many seconds.
    Seconds(u64),
    /// Not before an instant.
    At(Micros),
}

impl RetryAfter {
    /// Reads the header: seconds, or a date in any of the three forms of HTTP. What is neither says
    /// nothing.
    pub(super) fn read(text: &str) -> Option<Self> {
        let text = text.trim();
        if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
            // More seconds than a number holds are as many as it holds.
            return Some(Self::Seconds(text.parse().unwrap_or(u64::MAX)));
        }
        let since = httpdate::parse_http_date(text).ok()?.duration_since(UNIX_EPOCH).ok()?;
        i64::try_from(since.as_micros()).ok().map(|micros| Self::At(Micros(micros)))
    }

    /// The same from now on, in microseconds; 0 for an instant that is past.
    #[must_use]
    pub fn from_now(self, now: Micros) -> i64 {
        match self {
            Self::Seconds(seconds) => {
                i64::try_from(seconds).unwrap_or(i64::MAX).saturating_mul(SECOND)
            }
            Self::At(at) => at.0.saturating_sub(now.0).max(0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn seconds_and_dates_are_read_and_anything_else_is_not() {
        let now: Micros = "1994-11-06T08:49:07Z".parse().unwrap();
        let wait = |text: &str| RetryAfter::read(text).map(|wait| wait.from_now(now) / SECOND);
        for (text, seconds) in [
            ("120", 120),
            (" 0 ", 0),
            ("99999999999999999999", i64::MAX / SECOND),
            ("Sun, 06 Nov 1994 08:49:37 GMT", 30),
            ("Sunday, 06-Nov-94 08:49:37 GMT", 30),
            ("Sun Nov  6 08:49:37 1994", 30),
            ("Sun, 06 Nov 1994 08:49:06 GMT", 0),
        ] {
            assert_eq!(wait(text), Some(seconds), "{text}");
        }
        for text in ["", "-1", "1.5", "soon", "1994-11-06T08:49:37Z"] {
            assert_eq!(wait(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_header_panics(text: String, now: i64) {
            let wait = RetryAfter::read(&text).map(|wait| wait.from_now(Micros(now)));
            prop_assert!(wait.is_none_or(|wait| wait >= 0));
        }
    }
}
