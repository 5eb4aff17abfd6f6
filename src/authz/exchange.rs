//! From a code to tokens (RFC 6749 §4.1.3), and from a client to tokens of its own (§4.4).
//!
//! A code is judged before it is taken: one that another client, key or verifier is shown with stays usable by its own
//! client. What it gives is had only by taking it, by one statement that works once.

use super::authenticate::ProvedClient;
use super::dpop::ProvedKey;
use super::grant::{CustomerLogin, Decided, Issue, IssueRules};
use super::issued::IssuedTo;
use super::once::Untaken;
use super::pkce::{Challenge, CodeVerifier};
use super::redirect::RedirectUri;
use super::scopes::of_machines;
use crate::access::oauth::error::{OAuthCode, OAuthError};
use crate::consent::scope::OAuthScopes;
use crate::kernel::Micros;

/// For how many seconds an access token of a client itself works.
pub const CLIENT_LIFE_S: u16 = 900;

/// What is stored of a code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CodeRecord {
    /// What it is bound to.
    pub to: IssuedTo,
    /// Where it was sent to.
    pub redirect_uri: RedirectUri,
    /// What it is bound to by the browser that has begun.
    pub challenge: Challenge,
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
    /// The client.
    pub client: ProvedClient<'a>,
    /// The verifier.
    pub verifier: &'a CodeVerifier,
    /// Where the code was sent to, as the client says.
    pub redirect_uri: Option<&'a str>,
    /// The key of its DPoP proof.
    pub key: Option<ProvedKey>,
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

/// What a code gives once it is taken; `consent` is what was decided about the consent behind it. All that is wrong
/// with what is shown is answered alike: who does not have what the client has learns nothing of the code.
pub fn exchange(
    code: &CodeRecord,
    shown: CodeShown<'_>,
    consent: Decided<'_>,
    rules: IssueRules<'_>,
    now: Micros,
) -> Result<Untaken<Issue, CodeRefused>, CodeRefused> {
    let other = || OAuthError::from(OAuthCode::InvalidGrant);
    let CodeShown { client, verifier, redirect_uri, key } = shown;
    // The verifier is hashed and compared whatever the rest is, so that the time tells nothing of it.
    let fits = code.challenge.fits(verifier);
    code.to.is_shown_by(&client, key)?;
    if !fits || redirect_uri.is_some_and(|uri| uri != code.redirect_uri.as_str()) {
        return Err(other().into());
    }
    if code.used {
        return Err(CodeRefused::Replayed);
    }
    if now >= code.expires_at {
        return Err(other().into());
    }
    let consent = code.to.decided(consent, rules)?;
    let scopes = consent.scopes_of(client.record());
    let issue = rules.issue(&consent, (client, &code.login), (scopes, key), now)?;
    Ok(Untaken::new(issue, CodeRefused::Replayed))
}

/// What a client gets for itself: something, and nothing about customers, who have not been asked.
pub fn of_client(
    client: ProvedClient<'_>,
    asked: Option<OAuthScopes>,
    key: Option<ProvedKey>,
) -> Result<Issue, OAuthError> {
    client.is_confidential()?;
    let record = client.record();
    client.has_key(record.profile, key)?;
    client.fits(record.profile)?;
    let most = of_machines(record.scopes);
    let scopes = asked.unwrap_or(most);
    if scopes.is_empty() || !scopes.within(most) {
        return Err(OAuthCode::InvalidScope.into());
    }
    Ok(Issue {
        client_id: record.id.clone(),
        subject: record.id.clone(),
        scopes,
        authorization_details: None,
        consent: None,
        login: None,
        key: key.map(ProvedKey::thumbprint),
        life_s: CLIENT_LIFE_S,
    })
}
