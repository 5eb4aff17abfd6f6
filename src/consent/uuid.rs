//! Random UUIDs (RFC 9562 §5.4): unguessable names that say nothing of what they name.

use crate::kernel::hex;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;
use std::str::FromStr;

/// Where hyphens stand in the text.
const HYPHENS: [usize; 4] = [8, 13, 18, 23];

/// A UUID of version 4.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Uuid4([u8; 16]);

/// The text is no UUID of version 4 as it is written here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be a UUID of version 4 in small letters")]
pub struct InvalidUuid;

impl Uuid4 {
    /// The UUID of 16 random bytes; six of their bits are replaced by version and variant.
    #[must_use]
    pub fn from_random(mut bytes: [u8; 16]) -> Self {
        bytes[6] = bytes[6] & 0x0f | 0x40;
        bytes[8] = bytes[8] & 0x3f | 0x80;
        Self(bytes)
    }

    /// Its bytes.
    #[must_use]
    pub fn bytes(&self) -> &[u8; 16] {
        &self.0
    }
}

impl fmt::Display for Uuid4 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = hex(self.0);
        for at in HYPHENS {
            text.insert(at, '-');
        }
        f.write_str(&text)
    }
}

impl FromStr for Uuid4 {
    type Err = InvalidUuid;

    fn from_str(text: &str) -> Result<Self, InvalidUuid> {
        let digits: String = text.chars().filter(|c| *c != '-').collect();
        if digits.len() != 32 {
            return Err(InvalidUuid);
        }
        let number = u128::from_str_radix(&digits, 16).map_err(|_| InvalidUuid)?;
        let uuid = Self(number.to_be_bytes());
        // One text each: capitals, other places of hyphens and other versions are none.
        let is_version_4 = Self::from_random(uuid.0) == uuid;
        if is_version_4 && uuid.to_string() == text { Ok(uuid) } else { Err(InvalidUuid) }
    }
}

impl Serialize for Uuid4 {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Uuid4 {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}
