//! Lists of scopes as they are on the wire (RFC 6749 §3.3). What a scope means is not known here.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// Most scopes of a list.
pub const SCOPES_MOST: usize = 64;
/// Most characters of a scope.
pub const SCOPE_MOST: usize = 100;
/// The scope for which there are refresh tokens (OpenID Connect Core §11).
pub const OFFLINE_ACCESS: &str = "offline_access";
/// The scope for which there are ID tokens (OpenID Connect Core §3.1.2.1).
pub const OPENID: &str = "openid";
/// How scopes begin that are about customers.
const CUSTOMER: &str = "customer.";

/// Scopes, each once, in the order in which they were given. As text they have a space between.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ScopeList(Vec<String>);

/// The text is no list of scopes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "scope is up to {SCOPES_MOST} words of up to {SCOPE_MOST} characters with one space between, without quotes and backslashes"
)]
pub struct InvalidScopeList;

impl FromStr for ScopeList {
    type Err = InvalidScopeList;

    fn from_str(text: &str) -> Result<Self, InvalidScopeList> {
        let mut list = Self::default();
        if text.is_empty() {
            return Ok(list);
        }
        for word in text.split(' ') {
            let is_word = (1..=SCOPE_MOST).contains(&word.len())
                && word.bytes().all(|b| b.is_ascii_graphic() && b != b'"' && b != b'\\');
            if !is_word {
                return Err(InvalidScopeList);
            }
            if !list.has(word) {
                list.0.push(word.to_owned());
            }
        }
        if list.0.len() > SCOPES_MOST { Err(InvalidScopeList) } else { Ok(list) }
    }
}

impl ScopeList {
    /// The scopes one by one.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether a scope is among them.
    #[must_use]
    pub fn has(&self, scope: &str) -> bool {
        self.0.iter().any(|known| known == scope)
    }

    /// Whether all of them are among others.
    #[must_use]
    pub fn within(&self, others: &Self) -> bool {
        self.iter().all(|scope| others.has(scope))
    }

    /// Those of them that are among others, too.
    #[must_use]
    pub fn shared_with(&self, others: &Self) -> Self {
        Self(self.0.iter().filter(|scope| others.has(scope)).cloned().collect())
    }

    /// Those of them for which no customer has to be asked.
    #[must_use]
    pub fn about_no_customers(&self) -> Self {
        let needs_none = |scope: &&String| {
            !scope.starts_with(CUSTOMER) && ![OFFLINE_ACCESS, OPENID].contains(&scope.as_str())
        };
        Self(self.0.iter().filter(needs_none).cloned().collect())
    }

    /// Whether one of them is about customers.
    #[must_use]
    pub fn is_about_customers(&self) -> bool {
        self.iter().any(|scope| scope.starts_with(CUSTOMER))
    }
}

impl fmt::Display for ScopeList {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join(" "))
    }
}

impl From<ScopeList> for String {
    fn from(list: ScopeList) -> Self {
        list.to_string()
    }
}

impl TryFrom<String> for ScopeList {
    type Error = InvalidScopeList;

    fn try_from(text: String) -> Result<Self, InvalidScopeList> {
        text.parse()
    }
}
