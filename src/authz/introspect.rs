//! What a client is told about a token of its own (RFC 7662).
//!
//! Of a token that is not known, has ended, was revoked or is another client's there is one answer, `{"active":false}`.
//! Who asks has to have proved itself before: otherwise the answer would tell a stranger whether a token works.

use super::access_token::{AccessClaims, Confirmation};
use super::authenticate::ProvedClient;
use super::grant::{Decided, InForce, token_type};
use super::presented::{TokenAbout, asked};
use super::refresh::{IDLE_MOST, RefreshRecord};
use super::scopes::claim;
use crate::access::oauth::error::{OAuthCode, OAuthError};
use crate::consent::decide::ReadRefused;
use crate::consent::details::CustomerDataDetails;
use crate::consent::record::GrantId;
use crate::consent::scope::{OAuthScope, OAuthScopes};
use crate::kernel::Micros;
use crate::kernel::clock::SECOND;
use serde::Serialize;

/// The answer: `active`, and of an active token what it says.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Introspection {
    /// Whether it works.
    pub active: bool,
    /// What it says, where it does.
    #[serde(flatten)]
    pub token: Option<ActiveToken>,
}

/// What a token says that works. Times are in seconds since 1970.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ActiveToken {
    #[serde(serialize_with = "claim::serialize")]
    scope: OAuthScopes,
    client_id: String,
    sub: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    token_type: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    iss: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    aud: Option<String>,
    exp: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    iat: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cnf: Option<Confirmation>,
    #[serde(skip_serializing_if = "Option::is_none")]
    grant_id: Option<GrantId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    acr: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    auth_time: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    authorization_details: Option<[CustomerDataDetails; 1]>,
}

impl Introspection {
    /// The answer about anything that does not work for who asks.
    #[must_use]
    pub fn inactive() -> Self {
        Self { active: false, token: None }
    }

    fn active(token: ActiveToken) -> Self {
        Self { active: true, token: Some(token) }
    }

    /// About an access token that was verified; `consent` is what was decided about the consent that it points to, and
    /// says nothing of a token without one. It tells what the token allows now, not what it was issued for. Where that
    /// cannot be known, it is an error.
    pub fn of_access(
        claims: &AccessClaims,
        consent: Decided<'_>,
        client: ProvedClient<'_>,
        now: Micros,
    ) -> Result<Self, OAuthError> {
        let is_over = claims.exp <= now.0.div_euclid(SECOND);
        let Ok(asked) = asked(claims, client.record()) else { return Ok(Self::inactive()) };
        if is_over || client.is_confidential().is_err() {
            return Ok(Self::inactive());
        }
        let (scope, details) = match asked.about {
            TokenAbout::Client => (asked.scopes, None),
            TokenAbout::Grant(pointer) => {
                let is_its = |consent: &InForce<'_>| {
                    consent.is_of(&pointer) && consent.grant.accepts(asked.issued_at)
                };
                let consent = known(consent)?.filter(is_its);
                let Some(consent) = consent else { return Ok(Self::inactive()) };
                let scope = asked.scopes.and(consent.grant.scopes());
                (scope, consent.details(scope))
            }
            // Another issuer is asked about its own.
            TokenAbout::Foreign { .. } => return Ok(Self::inactive()),
        };
        Ok(Self::active(ActiveToken {
            scope,
            client_id: claims.client_id.clone(),
            sub: claims.sub.clone(),
            token_type: Some(token_type(claims.cnf.is_some())),
            iss: Some(claims.iss.clone()),
            aud: Some(claims.aud.clone()),
            exp: claims.exp,
            iat: Some(claims.iat),
            cnf: claims.cnf,
            grant_id: claims.grant_id,
            acr: claims.acr.clone(),
            auth_time: claims.auth_time,
            authorization_details: details.map(|details| [details]),
        }))
    }

    /// About a refresh token that is stored; `consent` is what was decided about the consent behind it.
    pub fn of_refresh(
        token: &RefreshRecord,
        consent: Decided<'_>,
        client: ProvedClient<'_>,
        now: Micros,
    ) -> Result<Self, OAuthError> {
        let is_its = token.to.client_id == client.record().id && client.is_confidential().is_ok();
        if !is_its || token.is_idle(now) {
            return Ok(Self::inactive());
        }
        let consent = known(consent)?.filter(|consent| token.to.is_by(consent));
        let Some(consent) = consent else { return Ok(Self::inactive()) };
        let scope = consent.scopes_of(client.record());
        if !consent.grant.has_refresh() || !scope.has(OAuthScope::OfflineAccess) {
            return Ok(Self::inactive());
        }
        let idle_end = token.used_at.0.saturating_add(IDLE_MOST);
        Ok(Self::active(ActiveToken {
            scope,
            client_id: token.to.client_id.clone(),
            sub: token.to.consent.sub.as_str().to_owned(),
            token_type: None,
            iss: None,
            aud: None,
            exp: consent.grant.ends_at().0.min(idle_end).div_euclid(SECOND),
            iat: None,
            cnf: token.to.key.map(|jkt| Confirmation { jkt }),
            grant_id: Some(consent.grant.grant_id()),
            acr: token.login.acr.clone(),
            auth_time: Some(token.login.auth_time),
            authorization_details: consent.details(scope).map(|details| [details]),
        }))
    }
}

/// The consent, where it is in force; an error where that cannot be known.
fn known(consent: Decided<'_>) -> Result<Option<InForce<'_>>, OAuthError> {
    match consent {
        Err(ReadRefused::Unknown) => Err(OAuthCode::TemporarilyUnavailable.into()),
        decided => Ok(decided.ok()),
    }
}
