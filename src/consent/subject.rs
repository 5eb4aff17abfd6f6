//! Who a consent is about, without saying it: keyed references, and ids that no two partners share.

use super::hash::Hash32;
use super::uuid::Uuid4;
use crate::kernel::Micros;
use crate::kernel::hex;
use crate::kernel::mac::hmac_sha256;
use crate::kernel::word::{Word as _, read_words, words};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;
use std::str::FromStr;
use zeroize::Zeroizing;

/// What stands between the parts of a text that is hashed. No part but the last can hold it.
const UNIT: &str = "\u{1f}";
/// Bytes of a partner-scoped id: 128 bits.
const ID_BYTES: usize = 16;

/// HMAC-SHA256 over parts with [`UNIT`] between them.
fn mac(key: &[u8; 32], parts: &[&str]) -> [u8; 32] {
    hmac_sha256(key, &[parts.join(UNIT).as_bytes()])
}

macro_rules! secret_keys {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Clone)]
        pub struct $name(Zeroizing<[u8; 32]>);

        impl $name {
            /// The key of 32 random bytes.
            #[must_use]
            pub fn new(bytes: [u8; 32]) -> Self {
                Self(Zeroizing::new(bytes))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("[secret]")
            }
        }
    )*};
}

secret_keys! {
    /// The key of one customer. Whoever destroys it makes all that it referred to nobody's: what was
    /// written down stays as it was, and leads to no one.
    SubjectKey;
    /// The key of ids that an identity provider's names are made into.
    PairwiseKey;
    /// The key of all partners' ids, of which each sector's is derived.
    IdKey;
}

/// A customer, as records and the ledger name them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SubjectRef(pub Hash32);

impl SubjectKey {
    /// How the ledger names the customer that this key belongs to.
    #[must_use]
    pub fn refer(&self, customer: &str) -> SubjectRef {
        SubjectRef(Hash32(mac(&self.0, &["comptoir-subject-v1", customer])))
    }

    /// The key in hexadecimal digits, to be kept in the row that forgetting the customer deletes.
    pub(super) fn kept(&self) -> Zeroizing<String> {
        Zeroizing::new(hex(self.0.as_slice()))
    }
}

/// Partners that may know of each other that they speak of the same customer: an organisation's name of at
/// most 64 letters, digits, `.`, `_` and `-`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Sector(String);

/// The text names no sector.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be 1 to 64 letters, digits, dots, underscores and hyphens")]
pub struct InvalidSector;

impl Sector {
    /// Its name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Sector {
    type Err = InvalidSector;

    fn from_str(text: &str) -> Result<Self, InvalidSector> {
        let may_stand = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-');
        let is_name = (1..=64).contains(&text.len()) && text.bytes().all(may_stand);
        if is_name { Ok(Self(text.to_owned())) } else { Err(InvalidSector) }
    }
}

impl TryFrom<String> for Sector {
    type Error = InvalidSector;

    fn try_from(text: String) -> Result<Self, InvalidSector> {
        text.parse()
    }
}

impl From<Sector> for String {
    fn from(sector: Sector) -> Self {
        sector.0
    }
}

/// Characters of 32 bytes in base64url.
const DERIVED_WIDTH: usize = 43;

/// The `sub` that one sector knows a customer by (OpenID Connect Core §8.1): the text of a random UUID, or 32
/// bytes in base64url. Nodes keep one of each consent, so it has no memory of its own.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct PairwiseSub {
    /// The text, and zeros behind one that is shorter.
    text: [u8; DERIVED_WIDTH],
}

/// The text is no `sub` that is given out here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be a UUID of version 4 or 32 bytes in base64url")]
pub struct InvalidSub;

impl PairwiseSub {
    /// A text of ASCII that is not too long.
    fn of(short: &str) -> Self {
        let mut text = [0; DERIVED_WIDTH];
        text.iter_mut().zip(short.bytes()).for_each(|(to, byte)| *to = byte);
        Self { text }
    }

    /// A random one, to be kept with sector and customer: there is nothing to guess it from, and whoever
    /// deletes the row has forgotten it.
    #[must_use]
    pub fn random(bytes: [u8; 16]) -> Self {
        Self::of(&Uuid4::from_random(bytes).to_string())
    }

    /// One that is made again each time, where an identity provider of others names the customer. `None`
    /// where the issuer holds the character that stands between the parts: it is no address.
    #[must_use]
    pub fn derived(key: &PairwiseKey, sector: &Sector, issuer: &str, sub: &str) -> Option<Self> {
        if issuer.contains(UNIT) {
            return None;
        }
        Some(Self::of(&URL_SAFE_NO_PAD.encode(mac(&key.0, &["v1", &sector.0, issuer, sub]))))
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        let end = self.text.iter().position(|byte| *byte == 0).unwrap_or(DERIVED_WIDTH);
        std::str::from_utf8(&self.text[..end]).unwrap_or_default()
    }
}

impl FromStr for PairwiseSub {
    type Err = InvalidSub;

    fn from_str(text: &str) -> Result<Self, InvalidSub> {
        // Of this width, what is base64url without bits to spare is 32 bytes.
        let is_derived = || text.len() == DERIVED_WIDTH && URL_SAFE_NO_PAD.decode(text).is_ok();
        let is_sub = text.parse::<Uuid4>().is_ok() || is_derived();
        if is_sub { Ok(Self::of(text)) } else { Err(InvalidSub) }
    }
}

impl fmt::Display for PairwiseSub {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for PairwiseSub {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for PairwiseSub {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for PairwiseSub {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// The partner's name for a customer, as long as they are not forgotten.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KnownAs {
    /// By this name.
    Sub(PairwiseSub),
    /// The customer was forgotten then.
    Erased(Micros),
}

impl KnownAs {
    /// The name; `None` once the customer is forgotten.
    #[must_use]
    pub fn sub(self) -> Option<PairwiseSub> {
        match self {
            Self::Sub(sub) => Some(sub),
            Self::Erased(_) => None,
        }
    }
}

words! {
    /// What has an id of its own for each sector.
    pub enum ScopedKind {
        /// An order.
        Order = "order",
        /// A shopping list.
        List = "list",
        /// A receipt.
        Receipt = "receipt",
        /// A loyalty card.
        Card = "card",
        /// A movement of a loyalty account.
        Transaction = "transaction",
        /// An item of a list.
        Item = "item",
        /// A personal promotion.
        Offer = "offer",
    }
}
read_words!(ScopedKind);

/// Gives orders, lists, receipts and cards the ids that one sector sees, so that two partners cannot join
/// what they know.
#[derive(Debug, Clone)]
pub struct ScopedIds(PairwiseKey);

impl ScopedIds {
    /// The ids of a sector.
    #[must_use]
    pub fn of(key: &IdKey, sector: &Sector) -> Self {
        Self(PairwiseKey::new(mac(&key.0, &["comptoir-sector-v1", &sector.0])))
    }

    /// The id outside of what has this id inside: 22 characters.
    #[must_use]
    pub fn outside(&self, kind: ScopedKind, id: &str) -> String {
        URL_SAFE_NO_PAD.encode(&mac(&self.0.0, &[kind.as_str(), id])[..ID_BYTES])
    }

    /// The id inside, looked for among one customer's own: what is another's is not there.
    #[must_use]
    pub fn inside<'a>(
        &self,
        kind: ScopedKind,
        outside: &str,
        own: impl IntoIterator<Item = &'a str>,
    ) -> Option<&'a str> {
        own.into_iter().find(|id| self.outside(kind, id) == outside)
    }
}
