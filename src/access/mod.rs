//! Who may call: partners, apps, keys, plans and scopes.

pub mod applications;
pub mod applied;
pub mod apply;
pub mod audit;
mod authenticate;
pub mod caller;
pub mod deprecation;
pub mod directory;
pub mod error;
pub mod freezes;
pub mod freshness;
pub mod history;
pub mod imported;
pub mod key;
pub mod keys;
pub mod leaks;
pub mod mails;
pub mod model;
pub mod oauth;
pub mod offers;
pub mod operation;
pub mod partners;
pub mod pepper;
pub mod plan;
pub mod policy;
pub mod resource;
pub mod scope;
pub mod service;
pub mod signed;
pub mod skew;
pub mod store;
pub mod subscriptions;
pub mod terms;
pub mod text;
pub mod throttle;
pub mod token;
pub mod transfers;

#[cfg(test)]
pub(crate) mod tests;

pub use caller::Caller;
pub use error::AccessError;
pub use operation::{Op, Operation, op};
pub use pepper::Pepper;
pub use scope::{Scope, Scopes};

use std::fmt;
use std::str::FromStr;

/// Which side of the counter a key stands on: `test` sees the same data and costs nothing.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize, utoipa::ToSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum Environment {
    /// Real use, billed by the plan.
    Live,
    /// Trying out, never billed.
    Test,
}

impl Environment {
    /// The word in keys, ledgers and exports.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Live => "live",
            Self::Test => "test",
        }
    }
}

impl fmt::Display for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The word is neither `live` nor `test`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an environment must be live or test")]
pub struct UnknownEnvironment;

impl FromStr for Environment {
    type Err = UnknownEnvironment;

    fn from_str(text: &str) -> Result<Self, UnknownEnvironment> {
        match text {
            "live" => Ok(Self::Live),
            "test" => Ok(Self::Test),
            _ => Err(UnknownEnvironment),
        }
    }
}
