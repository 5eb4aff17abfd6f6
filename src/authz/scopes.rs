//! Scopes on the wire (RFC 6749 §3.3): one text with spaces between. What they mean is told by
//! [`crate::consent::scope`].

use crate::access::oauth::error::{OAuthCode, OAuthError};
use crate::consent::scope::{OAuthScope, OAuthScopes, ScopeHolder};
use crate::kernel::word::Word as _;

/// The scopes of a parameter `scope`; none where it is empty. One that is not known here is refused.
pub fn read(text: &str) -> Result<OAuthScopes, OAuthError> {
    if text.is_empty() {
        return Ok(OAuthScopes::NONE);
    }
    let read = OAuthScopes::parse(text);
    read.map_err(|error| OAuthError::new(OAuthCode::InvalidScope, error.to_string()))
}

/// The same of a parameter that may be left out.
pub(super) fn given(text: Option<&str>) -> Result<Option<OAuthScopes>, OAuthError> {
    text.map(read).transpose()
}

/// Those for which no customer is asked and nobody logs in.
#[must_use]
pub fn of_machines(scopes: OAuthScopes) -> OAuthScopes {
    scopes.that(|scope| scope.holder() == ScopeHolder::Machine)
}

/// Whether one of them is about customers.
#[must_use]
pub fn is_about_customers(scopes: OAuthScopes) -> bool {
    !scopes.of_customers().is_empty()
}

/// Scopes as a claim `scope` (RFC 9068 §2.2.3). Another issuer may have words that mean nothing here: they give
/// nothing.
pub mod claim {
    use super::{OAuthScope, OAuthScopes};
    use crate::kernel::word::Word as _;
    use serde::{Deserialize as _, Deserializer, Serializer};

    /// Writes the text.
    pub fn serialize<S: Serializer>(scopes: &OAuthScopes, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(scopes)
    }

    /// Reads the text.
    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<OAuthScopes, D::Error> {
        let text = String::deserialize(from)?;
        Ok(text.split(' ').filter_map(OAuthScope::of).collect())
    }
}

/// The scopes that there are, as they are published (RFC 8414 §2).
#[must_use]
pub fn published() -> Vec<&'static str> {
    OAuthScopes::all().iter().map(OAuthScope::as_str).collect()
}
