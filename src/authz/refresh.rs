//! From a refresh token to access tokens (RFC 6749 §6).
//!
//! A refresh token is kept, not replaced: one that is bound to the client and its key gains nothing by rotation, and
//! an answer that is lost on the way would cost the customer's consent (FAPI 2.0 Security Profile §5.3.2.1).

use super::authenticate::ProvedClient;
use super::dpop::ProvedKey;
use super::exchange::CodeRecord;
use super::grant::{CustomerLogin, Decided, Issue, IssueRules, has_refresh_token};
use super::issued::IssuedTo;
use super::once::Untaken;
use crate::access::oauth::error::{OAuthCode, OAuthError};
use crate::consent::scope::{OAuthScope, OAuthScopes};
use crate::kernel::Micros;
use crate::kernel::clock::DAY;

/// How long a refresh token works that is not used, in microseconds.
pub const IDLE_MOST: i64 = 90 * DAY;

/// What is stored of a refresh token. It ends with the consent; one that is revoked is not stored any more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefreshRecord {
    /// What it is bound to.
    pub to: IssuedTo,
    /// How the customer had logged in.
    pub login: CustomerLogin,
    /// When it was used last, or issued.
    pub used_at: Micros,
}

/// What a client shows with a refresh token.
#[derive(Debug, Clone, Copy)]
pub struct RefreshShown<'a> {
    /// The client.
    pub client: ProvedClient<'a>,
    /// The key of its DPoP proof.
    pub key: Option<ProvedKey>,
    /// What it wants, where that is less than what was granted.
    pub scope: Option<OAuthScopes>,
}

impl RefreshRecord {
    /// The refresh token that goes with what a code has given, where one does. It is bound to the key of the access
    /// token.
    #[must_use]
    pub fn of(
        code: &CodeRecord,
        issue: &Issue,
        client: ProvedClient<'_>,
        now: Micros,
    ) -> Option<Self> {
        let to = IssuedTo { key: issue.key, issued_at: now, ..code.to.clone() };
        has_refresh_token(client.by(), issue.key, issue.scopes).then(|| Self {
            to,
            login: code.login.clone(),
            used_at: now,
        })
    }

    /// Whether it was not used for too long.
    pub(super) fn is_idle(&self, now: Micros) -> bool {
        now.0.saturating_sub(self.used_at.0) >= IDLE_MOST
    }
}

/// What a refresh token gives once its use is noted, which finds no row where it was revoked meanwhile; `consent` is
/// what was decided about the consent behind it. The scopes are those that the consent has now, and without
/// `offline_access` among them it gives nothing.
pub fn refresh(
    token: &RefreshRecord,
    shown: RefreshShown<'_>,
    consent: Decided<'_>,
    rules: IssueRules<'_>,
    now: Micros,
) -> Result<Untaken<Issue, OAuthError>, OAuthError> {
    let other = || OAuthError::from(OAuthCode::InvalidGrant);
    let RefreshShown { client, key, scope } = shown;
    token.to.is_shown_by(&client, key)?;
    // A token of a public client that is bound to no key is none that was given out here.
    let is_bound = client.by().is_confidential() || token.to.key.is_some();
    if !is_bound || token.is_idle(now) {
        return Err(other());
    }
    let consent = token.to.decided(consent, rules)?;
    let granted = consent.scopes_of(client.record());
    if !consent.grant.has_refresh() || !granted.has(OAuthScope::OfflineAccess) {
        return Err(other());
    }
    let scopes = scope.unwrap_or(granted);
    if scopes.is_empty() || !scopes.within(granted) {
        return Err(OAuthCode::InvalidScope.into());
    }
    let issue = rules.issue(&consent, (client, &token.login), (scopes, key), now)?;
    Ok(Untaken::new(issue, other()))
}
