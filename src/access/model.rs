//! Partners, apps, plans and keys as values that cannot be wrong.

use super::keys::model::{KeyKind, KeyStatus, SecretForm};
use super::partners::Profile;
pub use super::plan::{Definition, DefinitionPatch};
use super::{Environment, Scopes};
use crate::kernel::Micros;
use crate::kernel::id::{AppId, KeyId, PartnerId, PlanId};
use crate::kernel::secret::Secret;
use crate::kernel::word::words;
use ipnet::IpNet;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

/// Most characters in a name.
const NAME_MOST: usize = 100;

/// A name that people gave: 1 to 100 characters, none of them a control character or one that is not
/// seen, so that two names that look the same are the same and none turns its surroundings around.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String")]
pub struct Name(String);

/// The text is no name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a name must be 1 to 100 characters without control characters and invisible ones")]
pub struct InvalidName;

impl Name {
    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Name {
    type Err = InvalidName;

    /// Space around the name is dropped.
    fn from_str(text: &str) -> Result<Self, InvalidName> {
        let text = text.trim();
        let hidden = |c: char| c.is_control() || is_invisible(c);
        let valid = (1..=NAME_MOST).contains(&text.chars().count()) && !text.chars().any(hidden);
        if valid { Ok(Self(text.to_owned())) } else { Err(InvalidName) }
    }
}

/// Marks of direction, separators of lines, and spaces of no width. The joiners U+200C and U+200D
/// stay: scripts and emoji need them.
pub(super) fn is_invisible(c: char) -> bool {
    matches!(c, '\u{ad}' | '\u{61c}' | '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}')
}

impl TryFrom<String> for Name {
    type Error = InvalidName;

    fn try_from(text: String) -> Result<Self, InvalidName> {
        text.parse()
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

words! {
    /// Whether something may be used.
    pub enum Status {
        /// It may.
        Active = "active",
        /// Not until it is resumed.
        Suspended = "suspended",
        /// Never again.
        Revoked = "revoked",
    }
}

/// A block of addresses, IPv4 or IPv6; a single address is a block of one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Cidr(pub IpNet);

/// Why a text is no block of addresses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidCidr {
    /// Neither an address nor a block.
    #[error("must be a block of addresses such as 192.0.2.0/24 or 2001:db8::/32")]
    Form,
    /// Bits are set behind the prefix, so the block meant is in doubt.
    #[error("has address bits behind its prefix; write {0}")]
    HostBits(IpNet),
    /// IPv4 written as IPv6: no connection would ever match it.
    #[error("is IPv4 inside IPv6; write it as an IPv4 block")]
    Mapped,
}

impl FromStr for Cidr {
    type Err = InvalidCidr;

    fn from_str(text: &str) -> Result<Self, InvalidCidr> {
        let single = || text.parse::<IpAddr>().map(IpNet::from);
        let net = text.parse::<IpNet>().or_else(|_| single()).map_err(|_| InvalidCidr::Form)?;
        match net {
            IpNet::V6(v6) if v6.addr().to_ipv4_mapped().is_some() => Err(InvalidCidr::Mapped),
            net if net.trunc() != net => Err(InvalidCidr::HostBits(net.trunc())),
            net => Ok(Self(net)),
        }
    }
}

impl Serialize for Cidr {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

impl TryFrom<String> for Cidr {
    type Error = InvalidCidr;

    fn try_from(text: String) -> Result<Self, InvalidCidr> {
        text.parse()
    }
}

/// An organisation that takes data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Partner {
    /// Its id.
    pub id: PartnerId,
    /// Its name, one partner's only.
    pub name: Name,
    /// Active or suspended; holds for all its apps and keys.
    pub status: Status,
    /// Contacts and contract.
    pub profile: Profile,
    /// When it was created.
    pub created_at: Micros,
    /// When it last changed.
    pub updated_at: Micros,
}

/// A partner's software, subscribed to a plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct App {
    /// Its id.
    pub id: AppId,
    /// Whose it is.
    pub partner: PartnerId,
    /// The plan in force when it was looked at.
    pub plan: PlanId,
    /// Its name, one app's only within the partner.
    pub name: Name,
    /// Active or suspended; holds for all its keys.
    pub status: Status,
    /// When it was created.
    pub created_at: Micros,
    /// When it last changed.
    pub updated_at: Micros,
}

words! {
    /// How much of a quantity in stock an app may know, least first. A key sees no more than its
    /// scopes allow, whatever the plan says.
    pub enum StockDisclosure {
        /// The availability, and no quantity.
        None = "none",
        /// The band that holds the quantity.
        Band = "band",
        /// The quantity, for keys with the scope `stock:quantity`; the band for others.
        Exact = "exact",
    }
}

impl<'de> Deserialize<'de> for StockDisclosure {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let word = String::deserialize(deserializer)?;
        word.parse().map_err(serde::de::Error::custom)
    }
}

/// A plan at its current version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// Its id.
    pub id: PlanId,
    /// Its name, one plan's only.
    pub name: Name,
    /// Counts its definitions from 1.
    pub version: u32,
    /// What it grants.
    pub definition: Definition,
    /// When it was created.
    pub created_at: Micros,
    /// When it last changed.
    pub updated_at: Micros,
}

/// What a plan granted from one edit to the next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlanVersion {
    /// The plan.
    pub plan: PlanId,
    /// Counts its definitions from 1.
    pub version: u32,
    /// What it granted.
    pub definition: Definition,
    /// From when it held.
    pub created_at: Micros,
}

/// What a new key shall be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeySpec {
    /// The app it is for.
    pub app: AppId,
    /// Live or test.
    pub environment: Environment,
    /// What people call it.
    pub name: Name,
    /// What it may do.
    pub scopes: Scopes,
    /// Where it may be used from; empty means anywhere.
    pub cidrs: Vec<IpNet>,
    /// When it ends, if it does.
    pub expires_at: Option<Micros>,
}

impl KeySpec {
    /// Whether it could be used from an address, or at a time, at which another could not.
    #[must_use]
    pub fn reaches_beyond(&self, other: &Self) -> bool {
        let within = |block: &IpNet| other.cidrs.iter().any(|wider| wider.contains(block));
        let anywhere = self.cidrs.is_empty();
        let farther = !other.cidrs.is_empty() && (anywhere || !self.cidrs.iter().all(within));
        let longer = other.expires_at.is_some_and(|end| self.expires_at.is_none_or(|at| at > end));
        farther || longer
    }
}

/// A key without its secrets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key {
    /// Its id.
    pub id: KeyId,
    /// What it is.
    pub spec: KeySpec,
    /// How its holder shows it.
    pub kind: KeyKind,
    /// Active, quarantined, suspended or, for good, revoked.
    pub status: KeyStatus,
    /// Counts its changes from 1.
    pub version: i64,
    /// Its secrets that are not over, oldest first: one or, during a rotation, two. A client that signs
    /// has one for each of its public keys.
    pub secrets: Vec<KeySecret>,
    /// When it was last used, with any secret that it ever had.
    pub last_used_at: Option<Micros>,
    /// When it was created.
    pub created_at: Micros,
    /// When it last changed.
    pub updated_at: Micros,
}

/// What may be shown of a secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeySecret {
    /// Tells it apart from the other secrets.
    pub id: String,
    /// What it is checked by.
    pub form: SecretForm,
    /// The last characters of its text, or the id that a public key has.
    pub hint: String,
    /// When it was made.
    pub created_at: Micros,
    /// When it begins to work, where that is not at once.
    pub starts_at: Option<Micros>,
    /// When a rotation ends it.
    pub expires_at: Option<Micros>,
    /// When it was last used.
    pub last_used_at: Option<Micros>,
}

/// A key and the text that is shown this once.
#[derive(Debug, Clone)]
pub struct IssuedKey {
    /// The key.
    pub key: Key,
    /// Its text.
    pub text: Secret,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_trimmed_and_bounded() {
        assert_eq!(" Épicerie ".parse::<Name>().unwrap().as_str(), "Épicerie");
        assert!("é".repeat(100).parse::<Name>().is_ok());
        assert!("👩\u{200d}🔧 Outils".parse::<Name>().is_ok());
        let unseen = ["\u{200b}", "\u{feff}", "a\u{202e}b", "a\u{2028}b"];
        for bad in ["", "  ", "a\nb", "a\u{0}", &"é".repeat(101)].into_iter().chain(unseen) {
            assert_eq!(bad.parse::<Name>(), Err(InvalidName), "{bad:?}");
        }
    }

    #[test]
    fn a_block_says_what_it_means() {
        for good in ["192.0.2.0/24", "2001:db8::/32", "::/0"] {
            assert_eq!(good.parse::<Cidr>().unwrap().0.to_string(), good);
        }
        assert_eq!("192.0.2.7".parse::<Cidr>().unwrap().0.to_string(), "192.0.2.7/32");
        assert_eq!("2001:db8::1".parse::<Cidr>().unwrap().0.to_string(), "2001:db8::1/128");
        for bad in ["", "x", "192.0.2.0/33", "192.0.2/24"] {
            assert_eq!(bad.parse::<Cidr>(), Err(InvalidCidr::Form), "{bad}");
        }
        let hint = "192.0.2.7/24".parse::<Cidr>().unwrap_err().to_string();
        assert!(hint.ends_with("write 192.0.2.0/24"), "{hint}");
        assert_eq!("::ffff:192.0.2.7".parse::<Cidr>(), Err(InvalidCidr::Mapped));
    }
}
