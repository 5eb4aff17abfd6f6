//! From a refresh token to access tokens (RFC 6749 §6).
//!
//! A refresh token is kept, not replaced: one that is bound to the client and its key gains nothing by rotation, and
//! an answer that is lost on the way would cost the customer's consent (FAPI 2.0 Security Profile §5.3.2.1). Where an
//! installation wants rotation all the same, the successor can be had again for a minute, as long as nothing that came
//! with it was used; the next use of a replaced token then means that two have it.

use super::client::AuthzClient;
use super::error::{OAuthCode, OAuthError};
use super::exchange::by_consent;
use super::grant::{CustomerLogin, Issue, IssueRules, LiveGrant};
use super::jwk::Thumbprint;
use super::scopes::ScopeList;
use crate::kernel::Micros;
use crate::kernel::clock::{DAY, SECOND};
use crate::kernel::word::{read_words, words};

/// How long a refresh token works that is not used, in microseconds.
pub const IDLE_MOST: i64 = 90 * DAY;
/// For how long the successor of a token is given again, in microseconds.
pub const AGAIN_MOST: i64 = 60 * SECOND;

words! {
    /// What becomes of a refresh token that is used.
    pub enum RefreshRotation {
        /// It is kept.
        None = "none",
        /// Another takes its place.
        Legacy = "legacy",
    }
}

read_words!(RefreshRotation);

/// The token that has taken the place of another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RefreshSuccessor {
    /// Since when.
    pub since: Micros,
    /// Whether it, or the access token that came with it, was used.
    pub used: bool,
}

/// What is stored of a refresh token. It ends with the consent; one that is revoked is not stored any more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefreshRecord {
    /// Who it was issued to.
    pub client_id: String,
    /// The key that it is bound to.
    pub key: Option<Thumbprint>,
    /// The customer, by the name that this partner alone knows.
    pub subject: String,
    /// How the customer had logged in.
    pub login: CustomerLogin,
    /// When it was used last, or issued.
    pub used_at: Micros,
    /// What has taken its place.
    pub successor: Option<RefreshSuccessor>,
}

/// What a client shows with a refresh token.
#[derive(Debug, Clone, Copy)]
pub struct RefreshShown<'a> {
    /// The client, which has proved itself.
    pub client: &'a AuthzClient,
    /// The key of its DPoP proof.
    pub key: Option<Thumbprint>,
    /// What it wants, where that is less than what was granted.
    pub scope: Option<&'a ScopeList>,
}

/// Which refresh token goes with the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NextToken {
    /// The same.
    Same,
    /// [`Handle::successor`](super::handles::Handle::successor), which is to be stored now.
    New,
    /// The same, which was stored before.
    Again,
}

/// Why a refresh token gives nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RefreshRefused {
    /// For this.
    #[error(transparent)]
    Error(#[from] OAuthError),
    /// It was replaced, and what has replaced it is in use: two have it. All tokens of the grant are to be revoked
    /// (RFC 9700 §4.14.2). The answer is `invalid_grant`.
    #[error("the refresh token was replaced and is used again")]
    Compromised,
}

impl From<RefreshRefused> for OAuthError {
    fn from(refused: RefreshRefused) -> Self {
        match refused {
            RefreshRefused::Error(error) => error,
            RefreshRefused::Compromised => OAuthCode::InvalidGrant.into(),
        }
    }
}

/// What a refresh token gives; `grant` is the consent behind it, where that is in force. The scopes are those that the
/// consent has now.
pub fn refresh(
    token: &RefreshRecord,
    shown: RefreshShown<'_>,
    grant: Option<&LiveGrant>,
    rules: IssueRules<'_>,
    now: Micros,
) -> Result<(Issue, NextToken), RefreshRefused> {
    let other = || OAuthError::from(OAuthCode::InvalidGrant);
    let RefreshShown { client, key, scope } = shown;
    // A token of a public client that is bound to no key is none that was given out here.
    let is_bound = client.auth.is_confidential() || token.key.is_some();
    let is_ours = client.id == token.client_id
        && is_bound
        && token.key.is_none_or(|bound| key == Some(bound));
    if !is_ours {
        return Err(other().into());
    }
    let next = next(token, rules.rotation, now)?;
    if now.0.saturating_sub(token.used_at.0) >= IDLE_MOST {
        return Err(other().into());
    }
    let grant = grant.filter(|grant| grant.is_live(now)).ok_or_else(|| rules.ended())?;
    let granted = grant.scopes_of(client);
    if scope.is_some_and(|asked| !asked.within(&granted)) {
        return Err(OAuthError::from(OAuthCode::InvalidScope).into());
    }
    let scopes = scope.cloned().unwrap_or(granted);
    let to = (client, token.subject.as_str(), Some(&token.login));
    let issue =
        by_consent(grant, to, scopes, key, rules.life_most_s, now).ok_or_else(|| rules.ended())?;
    Ok((issue, next))
}

fn next(
    token: &RefreshRecord,
    rotation: RefreshRotation,
    now: Micros,
) -> Result<NextToken, RefreshRefused> {
    match (token.successor, rotation) {
        (None, RefreshRotation::None) => Ok(NextToken::Same),
        (None, RefreshRotation::Legacy) => Ok(NextToken::New),
        // One that was replaced stays so where the setting is another by now.
        (Some(successor), _) => {
            let is_late = now.0.saturating_sub(successor.since.0) >= AGAIN_MOST;
            if successor.used || is_late {
                return Err(RefreshRefused::Compromised);
            }
            Ok(NextToken::Again)
        }
    }
}
