//! From a code to tokens (RFC 6749 §4.1.3), and from a client to tokens of its own (§4.4).
//!
//! A code is judged before it is taken: one that another client, key or verifier is shown with stays usable by its own
//! client. Whoever calls then takes it, by one statement that works once, and judges it as used where that has taken
//! nothing.

use super::client::{AuthzClient, SecurityProfile};
use super::dpop::DpopError;
use super::error::{OAuthCode, OAuthError};
use super::grant::{ConsentRef, CustomerLogin, Issue, IssueRules, LiveGrant};
use super::jwk::Thumbprint;
use super::pkce::{Challenge, CodeVerifier};
use super::redirect::RedirectUri;
use super::scopes::ScopeList;
use crate::kernel::Micros;

/// For how many seconds an access token of a client itself works.
pub const CLIENT_LIFE_S: u16 = 900;

/// What is stored of a code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CodeRecord {
    /// Who it was issued to.
    pub client_id: String,
    /// What its request had to keep to.
    pub profile: SecurityProfile,
    /// Where it was sent to.
    pub redirect_uri: RedirectUri,
    /// What it is bound to.
    pub challenge: Challenge,
    /// The key that it is bound to, where it was asked for with one.
    pub key: Option<Thumbprint>,
    /// The customer, by the name that this partner alone knows.
    pub subject: String,
    /// How the customer had logged in.
    pub login: CustomerLogin,
    /// What the client wants to find in the ID token.
    pub nonce: Option<String>,
    /// When it ends.
    pub expires_at: Micros,
    /// Whether it was taken.
    pub used: bool,
}

/// What a client shows with a code.
#[derive(Debug, Clone, Copy)]
pub struct CodeShown<'a> {
    /// The client, which has proved itself.
    pub client: &'a AuthzClient,
    /// The verifier.
    pub verifier: &'a CodeVerifier,
    /// Where the code was sent to, as the client says.
    pub redirect_uri: Option<&'a str>,
    /// The key of its DPoP proof.
    pub key: Option<Thumbprint>,
}

/// Why a code gives no tokens.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CodeRefused {
    /// For this.
    #[error(transparent)]
    Error(#[from] OAuthError),
    /// It was taken before, and all else is right: somebody else has, or had, what only the client should have. The
    /// tokens that it gave are to be revoked (OAuth 2.1 §4.1.3). The answer is `invalid_grant`.
    #[error("the code was used before")]
    Replayed,
}

impl From<CodeRefused> for OAuthError {
    fn from(refused: CodeRefused) -> Self {
        match refused {
            CodeRefused::Error(error) => error,
            CodeRefused::Replayed => OAuthCode::InvalidGrant.into(),
        }
    }
}

/// What a code gives; `grant` is the consent behind it, where that is in force. All that is wrong with what is shown is
/// answered alike: who does not have what the client has learns nothing of the code.
pub fn exchange(
    code: &CodeRecord,
    shown: CodeShown<'_>,
    grant: Option<&LiveGrant>,
    rules: IssueRules<'_>,
    now: Micros,
) -> Result<Issue, CodeRefused> {
    let other = || OAuthError::from(OAuthCode::InvalidGrant);
    let CodeShown { client, verifier, redirect_uri, key } = shown;
    if code.profile == SecurityProfile::Fapi2 && key.is_none() {
        return Err(OAuthError::from(DpopError::Missing).into());
    }
    let is_ours = client.id == code.client_id
        && code.key.is_none_or(|bound| key == Some(bound))
        && redirect_uri.is_none_or(|uri| uri == code.redirect_uri.as_str());
    // The verifier is hashed and compared whatever the rest is, so that the time tells nothing of it.
    if !(code.challenge.fits(verifier) && is_ours) {
        return Err(other().into());
    }
    client.fits(code.profile)?;
    if code.used {
        return Err(CodeRefused::Replayed);
    }
    if now >= code.expires_at {
        return Err(other().into());
    }
    let grant = grant.filter(|grant| grant.is_live(now)).ok_or_else(|| rules.ended())?;
    let to = (client, code.subject.as_str(), Some(&code.login));
    let issue = by_consent(grant, to, grant.scopes_of(client), key, rules.life_most_s, now);
    Ok(issue.ok_or_else(|| rules.ended())?)
}

/// What is issued to a client about a subject by a consent; none where that ends within a second.
pub(super) fn by_consent(
    grant: &LiveGrant,
    (client, subject, login): (&AuthzClient, &str, Option<&CustomerLogin>),
    scopes: ScopeList,
    key: Option<Thumbprint>,
    life_most_s: u16,
    now: Micros,
) -> Option<Issue> {
    Some(Issue {
        client_id: client.id.clone(),
        subject: subject.to_owned(),
        scopes,
        authorization_details: grant.authorization_details.clone(),
        consent: Some(ConsentRef { grant_id: grant.grant_id.clone(), version: grant.version }),
        login: login.cloned(),
        key,
        life_s: grant.life_s(life_most_s, now)?,
    })
}

/// What a client gets for itself: nothing about customers, who have not been asked.
pub fn of_client(
    client: &AuthzClient,
    asked: Option<&ScopeList>,
    key: Option<Thumbprint>,
) -> Result<Issue, OAuthError> {
    if !client.auth.is_confidential() {
        return Err(OAuthCode::UnauthorizedClient.into());
    }
    if client.profile == SecurityProfile::Fapi2 && key.is_none() {
        return Err(DpopError::Missing.into());
    }
    client.fits(client.profile)?;
    let scopes = asked.cloned().unwrap_or_else(|| client.scopes.about_no_customers());
    if !scopes.within(&client.scopes.about_no_customers()) {
        return Err(OAuthCode::InvalidScope.into());
    }
    Ok(Issue {
        client_id: client.id.clone(),
        subject: client.id.clone(),
        scopes,
        authorization_details: None,
        consent: None,
        login: None,
        key,
        life_s: CLIENT_LIFE_S,
    })
}
