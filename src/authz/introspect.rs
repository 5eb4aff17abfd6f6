//! What a client is told about a token of its own (RFC 7662).
//!
//! Of a token that is not known, has ended, was revoked or is another client's there is one answer, `{"active":false}`.
//! Who asks has to have proved itself before: otherwise the answer would tell a stranger whether a token works.

use super::access_token::{AccessClaims, Confirmation};
use super::grant::{LiveGrant, token_type};
use super::refresh::{IDLE_MOST, RefreshRecord};
use super::scopes::ScopeList;
use crate::kernel::Micros;
use crate::kernel::clock::SECOND;
use serde::Serialize;
use serde_json::Value;

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
    scope: ScopeList,
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
    grant_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    acr: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    auth_time: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    authorization_details: Option<Value>,
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

    /// About an access token that was verified; `grant` is the consent that it points to, where that is in force.
    #[must_use]
    pub fn of_access(
        claims: &AccessClaims,
        grant: Option<&LiveGrant>,
        client_id: &str,
        now: Micros,
    ) -> Self {
        let grant = grant.filter(|grant| grant.is_live(now));
        let lacks_consent = claims.grant_id.as_deref() != grant.map(|grant| &*grant.grant_id);
        let is_over = claims.exp <= now.0.div_euclid(SECOND);
        if claims.client_id != client_id || lacks_consent || is_over {
            return Self::inactive();
        }
        let scope = grant.map(|grant| claims.scope.shared_with(&grant.scopes));
        Self::active(ActiveToken {
            scope: scope.unwrap_or_else(|| claims.scope.clone()),
            client_id: claims.client_id.clone(),
            sub: claims.sub.clone(),
            token_type: Some(token_type(claims.cnf.is_some())),
            iss: Some(claims.iss.clone()),
            aud: Some(claims.aud.clone()),
            exp: claims.exp,
            iat: Some(claims.iat),
            cnf: claims.cnf,
            grant_id: claims.grant_id.clone(),
            acr: claims.acr.clone(),
            auth_time: claims.auth_time,
            authorization_details: grant.and_then(|grant| grant.authorization_details.clone()),
        })
    }

    /// About a refresh token that is stored; `grant` is the consent behind it, where that is in force.
    #[must_use]
    pub fn of_refresh(
        token: &RefreshRecord,
        grant: Option<&LiveGrant>,
        client_id: &str,
        now: Micros,
    ) -> Self {
        let idle_end = token.used_at.0.saturating_add(IDLE_MOST);
        let works = token.client_id == client_id && token.successor.is_none() && now.0 < idle_end;
        let Some(grant) = grant.filter(|grant| works && grant.is_live(now)) else {
            return Self::inactive();
        };
        Self::active(ActiveToken {
            scope: grant.scopes.clone(),
            client_id: token.client_id.clone(),
            sub: token.subject.clone(),
            token_type: None,
            iss: None,
            aud: None,
            exp: grant.ends_at.0.min(idle_end).div_euclid(SECOND),
            iat: None,
            cnf: token.key.map(|jkt| Confirmation { jkt }),
            grant_id: Some(grant.grant_id.clone()),
            acr: token.login.acr.clone(),
            auth_time: Some(token.login.auth_time),
            authorization_details: grant.authorization_details.clone(),
        })
    }
}
