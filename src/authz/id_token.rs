//! ID tokens (OpenID Connect Core §2): that a customer has logged in, and nothing about them.

use super::grant::Issue;
use super::signing::{CannotSign, SigningKey};
use crate::consent::scope::OAuthScope;
use crate::kernel::Micros;
use crate::kernel::clock::SECOND;
use crate::kernel::secret::Secret;
use serde::Serialize;

/// The type. Access tokens have another.
pub const TYPE: &str = "JWT";
/// For how many seconds one is taken.
pub const LIFE_S: i64 = 300;

/// What an ID token says. Times are in seconds since 1970.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct IdClaims<'a> {
    iss: &'a str,
    /// The client.
    aud: &'a str,
    sub: &'a str,
    exp: i64,
    iat: i64,
    auth_time: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    acr: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    nonce: Option<&'a str>,
}

impl<'a> IdClaims<'a> {
    /// The claims of one that goes with these tokens; none where the client has not asked for `openid`, or no customer
    /// has logged in.
    #[must_use]
    pub fn of(
        issue: &'a Issue,
        issuer: &'a str,
        nonce: Option<&'a str>,
        now: Micros,
    ) -> Option<Self> {
        let login = issue.login.as_ref().filter(|_| issue.scopes.has(OAuthScope::OpenId))?;
        let iat = now.0.div_euclid(SECOND);
        Some(Self {
            iss: issuer,
            aud: &issue.client_id,
            sub: &issue.subject,
            exp: iat.saturating_add(LIFE_S),
            iat,
            auth_time: login.auth_time,
            acr: login.acr.as_deref(),
            nonce,
        })
    }

    /// The token.
    pub fn sign(&self, key: &SigningKey) -> Result<Secret, CannotSign> {
        key.sign(TYPE, self).map(Secret::new)
    }
}
