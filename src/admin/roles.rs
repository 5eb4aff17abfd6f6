//! Roles: what people and tokens are to the gateway. What each may do is in [`super::rights`].

use super::rights::Right;
use crate::kernel::word::{Word as _, words};
use serde::{Deserialize, Deserializer, Serialize};
use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

words! {
    /// What somebody is to the gateway.
    pub enum Role {
        /// May do everything.
        Owner = "owner",
        /// Looks after partners, apps and their keys.
        KeyManager = "key_manager",
        /// Looks after plans.
        PlanManager = "plan_manager",
        /// Sees usage, and what plans make of it, to bill it; closes periods; writes notes about partners.
        Billing = "billing",
        /// Looks after customers' data and what was consented to.
        PrivacyOfficer = "privacy_officer",
        /// Helps partners: sees what they have used and were refused, and why; writes notes about them.
        Support = "support",
        /// Sees who did what, and changes nothing.
        Auditor = "auditor",
        /// Sees partners, apps, keys, plans and feeds, and changes nothing.
        ReadOnly = "read_only",
        /// Sends feeds and stock levels: for tills and other systems.
        Feeds = "feeds",
    }
}

impl Role {
    /// What the role may do.
    #[must_use]
    pub fn rights(self) -> &'static [Right] {
        use Right::{
            ManageBilling, ManageFeeds, ManageKeys, ManagePartners, ManagePeople, ManagePlans,
            ManagePrivacy, Read, ReadAudit, ReadRefusals, ReadUsage, WriteNotes,
        };
        match self {
            Self::Owner => &[
                Read,
                ReadAudit,
                ReadUsage,
                ReadRefusals,
                WriteNotes,
                ManagePartners,
                ManageKeys,
                ManagePlans,
                ManageBilling,
                ManageFeeds,
                ManagePrivacy,
                ManagePeople,
            ],
            Self::KeyManager => {
                &[Read, ReadUsage, ReadRefusals, WriteNotes, ManagePartners, ManageKeys]
            }
            Self::PlanManager => &[Read, ReadUsage, ReadRefusals, WriteNotes, ManagePlans],
            // A refusal is what a partner does not pay for, and so asks about.
            Self::Billing => &[Read, ReadUsage, ManageBilling, ReadRefusals, WriteNotes],
            Self::PrivacyOfficer => &[Read, ReadAudit, ManagePrivacy],
            Self::Support => &[Read, ReadUsage, ReadRefusals, WriteNotes],
            Self::Auditor => &[Read, ReadAudit, ReadUsage, ReadRefusals],
            Self::ReadOnly => &[Read],
            Self::Feeds => &[ManageFeeds],
        }
    }
}

/// One role or several.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Roles(BTreeSet<Role>);

/// The text is no list of roles.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidRoles {
    /// None is named.
    #[error("name at least one role of {}", Role::all())]
    None,
    /// One is not known.
    #[error("`{0}` is no role; there are {all}", all = Role::all())]
    Unknown(String),
}

impl Roles {
    /// These roles, if there are any.
    pub fn new(roles: impl IntoIterator<Item = Role>) -> Result<Self, InvalidRoles> {
        let roles: BTreeSet<Role> = roles.into_iter().collect();
        if roles.is_empty() { Err(InvalidRoles::None) } else { Ok(Self(roles)) }
    }

    /// The role that may do everything.
    #[must_use]
    pub fn owner() -> Self {
        Self(BTreeSet::from([Role::Owner]))
    }

    /// Whether the role that may do everything is among them.
    #[must_use]
    pub fn is_owner(&self) -> bool {
        self.0.contains(&Role::Owner)
    }

    /// The others than the role that may do everything; where there are none, the one that changes nothing.
    #[must_use]
    pub fn without_owner(&self) -> Self {
        let others = self.0.iter().copied().filter(|role| *role != Role::Owner);
        Self::new(others).unwrap_or_else(|_| Self(BTreeSet::from([Role::ReadOnly])))
    }

    /// What is left of them for somebody who has others: the roles of either that the other ones cover. `None`
    /// where nothing is.
    #[must_use]
    pub fn left_to(&self, other: &Self) -> Option<Self> {
        let covered = |role: &Role, by: &Self| role.rights().iter().all(|right| by.have(*right));
        if self.0.iter().all(|role| covered(role, other)) {
            return Some(self.clone());
        }
        let ours = self.0.iter().filter(|role| covered(role, other));
        let theirs = other.0.iter().filter(|role| covered(role, self));
        Self::new(ours.chain(theirs).copied()).ok()
    }

    /// All that several name, at least one.
    pub fn joined(all: Vec<Self>) -> Result<Self, InvalidRoles> {
        Self::new(all.into_iter().flat_map(|roles| roles.0))
    }

    /// Whether one of them has a right.
    #[must_use]
    pub fn have(&self, right: Right) -> bool {
        self.0.iter().any(|role| role.rights().contains(&right))
    }

    /// What they may do together.
    #[must_use]
    pub fn rights(&self) -> BTreeSet<Right> {
        self.0.iter().flat_map(|role| role.rights()).copied().collect()
    }
}

impl fmt::Display for Roles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words: Vec<&str> = self.0.iter().map(|role| role.as_str()).collect();
        f.write_str(&words.join(","))
    }
}

impl FromStr for Roles {
    type Err = InvalidRoles;

    fn from_str(text: &str) -> Result<Self, InvalidRoles> {
        let words = text.split(',').map(str::trim).filter(|word| !word.is_empty());
        let role = |word: &str| {
            Role::of(word).ok_or_else(|| InvalidRoles::Unknown(word.chars().take(40).collect()))
        };
        Self::new(words.map(role).collect::<Result<Vec<_>, _>>()?)
    }
}

impl<'de> Deserialize<'de> for Roles {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Vec::<String>::deserialize(deserializer)?
            .join(",")
            .parse()
            .map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roles_are_read_as_they_are_written() {
        let roles: Roles = "billing, owner,billing".parse().unwrap();
        assert_eq!(roles.to_string(), "owner,billing");
        assert_eq!(roles.to_string().parse(), Ok(roles.clone()));
        assert_eq!(serde_json::to_value(&roles).unwrap(), serde_json::json!(["owner", "billing"]));
        assert_eq!("".parse::<Roles>(), Err(InvalidRoles::None));
        let error = "boss".parse::<Roles>().unwrap_err().to_string();
        assert!(error.contains("`boss`") && error.contains("key_manager"), "{error}");
    }

    #[test]
    fn what_is_left_of_roles_is_never_more_than_either() {
        let left = |ours: &str, theirs: &str| {
            let (ours, theirs): (Roles, Roles) = (ours.parse().unwrap(), theirs.parse().unwrap());
            let left = ours.left_to(&theirs);
            let both = &ours.rights() & &theirs.rights();
            assert!(left.as_ref().is_none_or(|left| left.rights().is_subset(&both)));
            left.map(|left| left.to_string())
        };
        let is = |roles: &str| Some(roles.to_owned());
        assert_eq!(left("key_manager", "owner"), is("key_manager"));
        assert_eq!(left("owner", "owner"), is("owner"));
        assert_eq!(left("owner", "key_manager,auditor"), is("key_manager,auditor"));
        assert_eq!(left("key_manager,feeds", "support"), is("support"));
        assert_eq!(left("key_manager", "billing"), None);
        assert_eq!(left("feeds", "auditor"), None);
        for (_, one) in Role::WORDS {
            for (_, other) in Role::WORDS {
                left(one.as_str(), other.as_str());
            }
        }
    }

    #[test]
    fn the_owner_may_do_what_anybody_may() {
        for (_, role) in Role::WORDS {
            assert!(!role.rights().is_empty(), "{role}");
            for right in role.rights() {
                assert!(Roles::owner().have(*right), "{role} has {right}");
            }
        }
        for (_, right) in Right::WORDS {
            assert!(Roles::owner().have(*right), "{right}");
        }
    }
}
