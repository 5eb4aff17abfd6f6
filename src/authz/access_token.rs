//! Access tokens: signed JSON Web Tokens of RFC 9068, bound to a key of the client (RFC 9449 §6).
//!
//! A token points to the consent that it was issued by (`grant_id`) and holds nothing about a person. What it allows is
//! what that consent allows now ([`super::presented`]).

use super::bits;
use super::grant::Issue;
use super::jwk::Thumbprint;
use super::scopes::claim;
use super::signing::{CannotSign, SigningKey};
use crate::access::oauth::jwk::Verifier;
use crate::access::oauth::jws::{Jws, JwsError, JwsRules};
use crate::consent::record::GrantId;
use crate::consent::scope::OAuthScopes;
use crate::kernel::Micros;
use crate::kernel::clock::SECOND;
use crate::kernel::secret::Secret;
use serde::{Deserialize, Serialize};

/// The type (RFC 9068 §2.1).
pub const TYPE: &str = "at+jwt";
/// How far the clock of the node that has issued a token may be ahead of ours, in seconds.
const AHEAD_S: i64 = 60;

const RULES: JwsRules = JwsRules {
    types: &[TYPE, "application/at+jwt"],
    may_lack_type: false,
    has_key: false,
    length_most: 8_192,
};

/// The key that a token is bound to (RFC 7800 §3.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Confirmation {
    /// Its thumbprint.
    pub jkt: Thumbprint,
}

/// What a token says. Times are in whole seconds since 1970.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccessClaims {
    /// Who has issued it.
    pub iss: String,
    /// The API that it is meant for.
    pub aud: String,
    /// When it ends.
    pub exp: i64,
    /// When it was issued.
    pub iat: i64,
    /// Names it.
    pub jti: String,
    /// The customer, by the name that this partner alone knows; of a token without one, the client.
    pub sub: String,
    /// The client that it was issued to.
    pub client_id: String,
    /// What it was issued for.
    #[serde(default, with = "claim")]
    pub scope: OAuthScopes,
    /// The consent; none of a token without a customer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grant_id: Option<GrantId>,
    /// The version of the consent that was in force then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cver: Option<u32>,
    /// The key that must be shown with it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cnf: Option<Confirmation>,
    /// When the customer has logged in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub auth_time: Option<i64>,
    /// How strongly.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub acr: Option<String>,
    /// Before when it does not work; none of ours has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nbf: Option<i64>,
}

/// Who issues tokens, and for which API.
#[derive(Debug, Clone, Copy)]
pub struct Between<'a> {
    /// The issuer.
    pub issuer: &'a str,
    /// The base address of the API.
    pub audience: &'a str,
}

/// Why a token is not believed: 401 `invalid_token`, whichever it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TokenFlaw {
    /// It is no such token, or not signed with a key of the issuer.
    #[error("the token {0}")]
    Jws(#[from] JwsError),
    /// It was issued by another.
    #[error("the token is of another issuer")]
    Issuer,
    /// It is meant for another API.
    #[error("the token is meant for another API")]
    Audience,
    /// A text that must say something is empty, or a consent has no version.
    #[error("the token lacks a claim")]
    Incomplete,
    /// It has ended.
    #[error("the token has expired")]
    Expired,
    /// It has not begun.
    #[error("the token begins in the future")]
    Early,
}

impl AccessClaims {
    /// The claims of a token that is issued now. Its name is of the randomness of `fill`, such as `getrandom::fill`.
    pub fn of<E>(
        issue: &Issue,
        between: Between<'_>,
        fill: impl FnOnce(&mut [u8]) -> Result<(), E>,
        now: Micros,
    ) -> Result<Self, E> {
        let mut jti = [0u8; 16];
        fill(&mut jti)?;
        let iat = now.0.div_euclid(SECOND);
        Ok(Self {
            iss: between.issuer.to_owned(),
            aud: between.audience.to_owned(),
            exp: iat.saturating_add(i64::from(issue.life_s)),
            iat,
            jti: bits::encode(jti),
            sub: issue.subject.clone(),
            client_id: issue.client_id.clone(),
            scope: issue.scopes,
            grant_id: issue.consent.map(|consent| consent.grant_id),
            cver: issue.consent.map(|consent| consent.version),
            cnf: issue.key.map(|jkt| Confirmation { jkt }),
            auth_time: issue.login.as_ref().map(|login| login.auth_time),
            acr: issue.login.as_ref().and_then(|login| login.acr.clone()),
            nbf: None,
        })
    }

    /// The token.
    pub fn sign(&self, key: &SigningKey) -> Result<Secret, CannotSign> {
        key.sign(TYPE, self).map(Secret::new)
    }
}

/// What a token says, where it is one of the issuer's, meant for this API, and of now (RFC 9068 §4). Times have to be
/// whole numbers: a reader that takes `"9999999999"` for no end at all has let tokens live for ever.
pub fn verify(
    token: &str,
    keys: &[Verifier],
    between: Between<'_>,
    now: Micros,
) -> Result<AccessClaims, TokenFlaw> {
    let jws = Jws::read(token, &RULES)?;
    let key = keys.iter().find(|key| key.kid.is_some() && key.kid == jws.kid);
    jws.check(key.ok_or(JwsError::Key)?)?;
    let claims: AccessClaims = jws.claims()?;
    if claims.iss != between.issuer {
        return Err(TokenFlaw::Issuer);
    }
    if claims.aud != between.audience {
        return Err(TokenFlaw::Audience);
    }
    let lacks = [&claims.jti, &claims.sub, &claims.client_id].iter().any(|text| text.is_empty());
    if lacks || claims.grant_id.is_some() != claims.cver.is_some() {
        return Err(TokenFlaw::Incomplete);
    }
    let second = now.0.div_euclid(SECOND);
    if claims.exp <= second {
        return Err(TokenFlaw::Expired);
    }
    let latest = second.saturating_add(AHEAD_S);
    if claims.iat > latest || claims.nbf.is_some_and(|nbf| nbf > latest) {
        return Err(TokenFlaw::Early);
    }
    Ok(claims)
}
