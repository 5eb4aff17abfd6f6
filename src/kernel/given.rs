//! Members that are left out, told from those that are null: in a patch the one keeps, the other clears.

use serde::{Deserialize, Deserializer};

/// A member that is there, be it null. For fields with `#[serde(default)]`.
pub fn given<'de, T: Deserialize<'de>, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Option<T>>, D::Error> {
    Option::deserialize(deserializer).map(Some)
}
