//! Grants: what a consent allows now, and what follows from it for the tokens of a client.

use super::authenticate::ProvedClient;
use super::client::{AuthzClient, ClientAuth};
use super::dpop::ProvedKey;
use super::jwk::Thumbprint;
use super::scopes::claim;
use crate::access::oauth::error::{OAuthCode, OAuthError};
use crate::consent::decide::ReadRefused;
use crate::consent::details::CustomerDataDetails;
use crate::consent::live::{GrantPointer, LiveGrant};
use crate::consent::record::{ConsentRecord, GrantId};
use crate::consent::scope::{OAuthScope, OAuthScopes};
use crate::kernel::Micros;
use crate::kernel::clock::SECOND;
use serde::Serialize;

/// Where it is explained that a consent has ended.
pub const ENDED_PATH: &str = "/docs/errors/consent-ended";

/// A consent that is in force, and the record of its version.
#[derive(Debug, Clone, Copy)]
pub struct InForce<'a> {
    /// What was decided about it.
    pub grant: LiveGrant,
    /// The record, for what was agreed to in detail.
    pub record: &'a ConsentRecord,
}

/// The consent behind a code or token, as [`LiveGrant::of`] has decided about it, or why it allows nothing.
pub type Decided<'a> = Result<InForce<'a>, ReadRefused>;

/// How a customer has logged in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CustomerLogin {
    /// When, in seconds since 1970.
    pub auth_time: i64,
    /// How strongly, in the words of who has seen it.
    pub acr: Option<String>,
}

/// The version of a consent that a token is issued by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ConsentRef {
    /// Names the consent.
    pub grant_id: GrantId,
    /// Its version.
    pub version: u32,
}

/// What tokens are issued.
#[derive(Debug, Clone, PartialEq)]
pub struct Issue {
    /// To whom.
    pub client_id: String,
    /// About whom.
    pub subject: String,
    /// For what.
    pub scopes: OAuthScopes,
    /// The same in detail.
    pub authorization_details: Option<CustomerDataDetails>,
    /// By which consent.
    pub consent: Option<ConsentRef>,
    /// How the customer had logged in.
    pub login: Option<CustomerLogin>,
    /// The key that the access token is bound to.
    pub key: Option<Thumbprint>,
    /// Seconds for which it works.
    pub life_s: u16,
}

impl InForce<'_> {
    /// Whether it is the consent that a code or token points at, of that client and that customer, and no other that a
    /// caller may have found.
    pub(super) fn is_of(&self, pointer: &GrantPointer) -> bool {
        let Self { grant, .. } = self;
        (grant.grant_id(), grant.client()) == (pointer.grant_id, pointer.client)
            && *grant.subject() == pointer.sub
    }

    /// What a client may do by it: what the consent allows and the client may still ask for.
    pub(super) fn scopes_of(&self, client: &AuthzClient) -> OAuthScopes {
        self.grant.scopes().and(client.scopes)
    }

    /// The same as some of these scopes in detail (RFC 9396).
    pub(super) fn details(&self, scopes: OAuthScopes) -> Option<CustomerDataDetails> {
        self.grant.details(self.record, scopes)
    }

    /// For how many seconds a token may work that is issued now: `most`, and no longer than the consent. None where
    /// that is less than one.
    fn life_s(&self, most: u16, now: Micros) -> Option<u16> {
        let left = self.grant.ends_at().0.saturating_sub(now.0).div_euclid(SECOND);
        (left > 0).then(|| u16::try_from(left).unwrap_or(most).min(most))
    }
}

/// How tokens are issued.
#[derive(Debug, Clone, Copy)]
pub struct IssueRules<'a> {
    /// The issuer.
    pub issuer: &'a str,
    /// Seconds for which an access token works at the most.
    pub life_most_s: u16,
}

impl IssueRules<'_> {
    /// What is issued to a client by a consent.
    pub(super) fn issue(
        &self,
        consent: &InForce<'_>,
        (client, login): (ProvedClient<'_>, &CustomerLogin),
        (scopes, key): (OAuthScopes, Option<ProvedKey>),
        now: Micros,
    ) -> Result<Issue, OAuthError> {
        let InForce { grant, .. } = consent;
        Ok(Issue {
            client_id: client.record().id.clone(),
            subject: grant.subject().as_str().to_owned(),
            scopes,
            authorization_details: consent.details(scopes),
            consent: Some(ConsentRef { grant_id: grant.grant_id(), version: grant.version() }),
            login: Some(login.clone()),
            key: key.map(ProvedKey::thumbprint),
            life_s: consent.life_s(self.life_most_s, now).ok_or_else(|| self.ended())?,
        })
    }

    /// The answer to a code or refresh token whose consent has ended.
    #[must_use]
    pub fn ended(&self) -> OAuthError {
        let why = "the consent has ended: ask the customer again";
        let page = format!("{}{ENDED_PATH}", self.issuer);
        OAuthError::new(OAuthCode::InvalidGrant, why).with_uri(page)
    }
}

/// Whether there is a refresh token beside the access token. One that is bound to nothing would work for whoever finds
/// it: a public client has to bind it to a key (RFC 9700 §4.14.2).
#[must_use]
pub fn has_refresh_token(auth: ClientAuth, key: Option<Thumbprint>, scopes: OAuthScopes) -> bool {
    scopes.has(OAuthScope::OfflineAccess) && (auth.is_confidential() || key.is_some())
}

/// The texts of the tokens of one answer.
#[derive(Clone, Copy)]
pub struct TokenTexts<'a> {
    /// The access token.
    pub access: &'a str,
    /// The refresh token, where there is one.
    pub refresh: Option<&'a str>,
    /// The ID token, where there is one.
    pub id: Option<&'a str>,
}

impl std::fmt::Debug for TokenTexts<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("[tokens]")
    }
}

/// The answer of the token endpoint (RFC 6749 §5.1, RFC 9396 §7, Grant Management §6.1). It always says what was
/// granted, which may be less than was asked for. `Debug` shows no token.
#[derive(Serialize)]
pub struct TokenAnswer<'a> {
    access_token: &'a str,
    token_type: &'static str,
    expires_in: u16,
    #[serde(skip_serializing_if = "Option::is_none")]
    refresh_token: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    id_token: Option<&'a str>,
    #[serde(serialize_with = "claim::serialize")]
    scope: OAuthScopes,
    #[serde(skip_serializing_if = "Option::is_none")]
    authorization_details: Option<[&'a CustomerDataDetails; 1]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    grant_id: Option<GrantId>,
}

impl<'a> TokenAnswer<'a> {
    /// The answer with these tokens.
    #[must_use]
    pub fn new(issue: &'a Issue, tokens: TokenTexts<'a>) -> Self {
        Self {
            access_token: tokens.access,
            token_type: token_type(issue.key.is_some()),
            expires_in: issue.life_s,
            refresh_token: tokens.refresh,
            id_token: tokens.id,
            scope: issue.scopes,
            authorization_details: issue.authorization_details.as_ref().map(|details| [details]),
            grant_id: issue.consent.map(|consent| consent.grant_id),
        }
    }
}

impl std::fmt::Debug for TokenAnswer<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TokenAnswer").field("scope", &self.scope).finish_non_exhaustive()
    }
}

/// The word for tokens that are bound to a key (RFC 9449 §5), and for those that are not (RFC 6750 §4).
#[must_use]
pub fn token_type(is_bound: bool) -> &'static str {
    if is_bound { "DPoP" } else { "Bearer" }
}
