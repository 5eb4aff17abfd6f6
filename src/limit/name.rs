//! The name of a limit, as it stands in headers.

use super::policy::InvalidLimits;
use serde::{Deserialize, Serialize};
use std::fmt;

/// Most characters of a limit's name.
const LONGEST: usize = 20;

/// The name of a limit: 1 to 20 of `a-z`, `0-9`, `_`, `-`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct LimitName {
    length: u8,
    bytes: [u8; LONGEST],
}

impl LimitName {
    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(self.as_bytes()).unwrap_or_default()
    }

    /// The name as ASCII.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes[..usize::from(self.length)]
    }
}

impl TryFrom<String> for LimitName {
    type Error = InvalidLimits;

    fn try_from(text: String) -> Result<Self, InvalidLimits> {
        text.parse()
    }
}

impl std::str::FromStr for LimitName {
    type Err = InvalidLimits;

    fn from_str(text: &str) -> Result<Self, InvalidLimits> {
        let token = |b: u8| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'-');
        if !(1..=LONGEST).contains(&text.len()) || !text.bytes().all(token) {
            return Err(InvalidLimits::Name(text.chars().take(40).collect()));
        }
        let mut bytes = [0; LONGEST];
        bytes[..text.len()].copy_from_slice(text.as_bytes());
        Ok(Self { length: text.len() as u8, bytes })
    }
}

impl From<LimitName> for String {
    fn from(name: LimitName) -> Self {
        name.as_str().to_owned()
    }
}

impl fmt::Display for LimitName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for LimitName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}
