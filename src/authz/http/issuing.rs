//! From a code, a refresh token or a client itself to tokens.

use super::answered::{Outcome, ProtocolFailed, json};
use super::found::FoundConsent;
use super::state::AuthzState;
use super::taking_back::{GivenBack, take_back};
use crate::access::oauth::error::{OAuthCode, OAuthError};
use crate::authz::access_token::AccessClaims;
use crate::authz::authenticate::ProvedClient;
use crate::authz::clients::Registered;
use crate::authz::dpop::ProvedKey;
use crate::authz::exchange::{CodeRecord, CodeRefused, CodeShown, exchange, of_client};
use crate::authz::grant::{Issue, TokenAnswer, TokenTexts};
use crate::authz::handles::{AuthorizationCode, Handle, HandleHash, RefreshToken};
use crate::authz::id_token::IdClaims;
use crate::authz::pkce::CodeVerifier;
use crate::authz::refresh::{RefreshRecord, RefreshShown, refresh};
use crate::authz::signing::SigningKey;
use crate::authz::store::{codes, refresh_tokens};
use crate::consent::ask::TokensRevokedFor;
use crate::consent::record::ConsentRecord;
use crate::consent::scope::OAuthScopes;
use crate::kernel::Micros;
use crate::kernel::secret::Secret;
use crate::storage::{StoreError, Tx};
use crate::telemetry::Tally;
use actix_web::HttpResponse;
use std::sync::Arc;

/// A client that asks for tokens.
#[derive(Debug, Clone, Copy)]
pub(super) struct Asker<'a> {
    /// It has proved itself.
    pub(super) client: ProvedClient<'a>,
    /// What is registered of it.
    pub(super) registered: &'a Registered,
    /// The key that it has proved.
    pub(super) key: Option<ProvedKey>,
}

/// A code as it is shown.
#[derive(Debug)]
pub(super) struct ShownCode {
    /// The code.
    pub(super) code: Handle<AuthorizationCode>,
    /// What it was bound to.
    pub(super) verifier: CodeVerifier,
    /// Where it was sent to, where the client says so.
    pub(super) redirect_uri: Option<String>,
}

/// The signed texts of one answer.
#[derive(Debug)]
struct SignedTexts {
    access: Secret,
    id: Option<Secret>,
}

impl AuthzState {
    /// The key that signs now. Where this node knows of none yet, it looks.
    async fn signer(&self) -> Result<Arc<SigningKey>, ProtocolFailed> {
        if let Some(key) = self.keys.signer(self.clock.now()) {
            return Ok(key);
        }
        if let Err(error) = self.keys.look().await {
            tracing::error!(%error, "there is no key to sign tokens with");
        }
        self.keys.signer(self.clock.now()).ok_or(OAuthCode::TemporarilyUnavailable.into())
    }

    fn sign(
        &self,
        key: &SigningKey,
        (issue, nonce): (&Issue, Option<&str>),
        now: Micros,
    ) -> Result<SignedTexts, ProtocolFailed> {
        let claims = AccessClaims::of(issue, self.between(), getrandom::fill, now)?;
        let id = IdClaims::of(issue, self.issuer(), nonce, now);
        let id = id.map(|claims| claims.sign(key)).transpose()?;
        Ok(SignedTexts { access: claims.sign(key)?, id })
    }

    fn issued(&self, issue: &Issue, signed: &SignedTexts, refresh: Option<&Secret>) -> Outcome {
        self.metrics.add(Tally::TokensIssued, 1);
        let texts = TokenTexts {
            access: signed.access.reveal(),
            refresh: refresh.map(Secret::reveal),
            id: signed.id.as_ref().map(Secret::reveal),
        };
        Ok(json(200, &TokenAnswer::new(issue, texts)))
    }
}

/// Exchanges a code. What was used before and is shown by its own client again takes back all that came of it: somebody
/// else has, or had, what only the client should have (OAuth 2.1 §4.1.3).
pub(super) async fn by_code(
    state: &AuthzState,
    asker: Asker<'_>,
    shown: &ShownCode,
    now: Micros,
) -> Outcome {
    let hash = shown.code.hash();
    let found = codes::find(&state.db, hash).await?;
    let code = found.ok_or_else(|| OAuthError::from(OAuthCode::InvalidGrant))?;
    match exchanged(state, asker, (&code, shown), now).await {
        Err(NotExchanged::Refused(CodeRefused::Replayed)) => {
            state.metrics.add(Tally::CodesReplayed, 1);
            let revoke = |record: &ConsentRecord| {
                // What came of a code that was issued until then has ended, or could not come of it any more.
                let is_over = record.tokens_since.is_some_and(|since| since >= code.to.issued_at);
                let revoked = || record.revoke_tokens(TokensRevokedFor::Compromised, now).ok();
                (!is_over).then(revoked).flatten()
            };
            take_back(state, GivenBack::Code(hash), revoke).await?;
            Err(OAuthError::from(CodeRefused::Replayed).into())
        }
        Err(NotExchanged::Refused(refused)) => Err(OAuthError::from(refused).into()),
        Err(NotExchanged::Failed(failed)) => Err(failed),
        Ok(response) => Ok(response),
    }
}

/// Why a code was not exchanged.
#[derive(Debug)]
enum NotExchanged {
    Refused(CodeRefused),
    Failed(ProtocolFailed),
}

impl From<ProtocolFailed> for NotExchanged {
    fn from(failed: ProtocolFailed) -> Self {
        Self::Failed(failed)
    }
}

impl From<StoreError> for NotExchanged {
    fn from(error: StoreError) -> Self {
        Self::Failed(error.into())
    }
}

async fn exchanged(
    state: &AuthzState,
    Asker { client, registered, key }: Asker<'_>,
    (code, shown): (&CodeRecord, &ShownCode),
    now: Micros,
) -> Result<HttpResponse, NotExchanged> {
    let signer = state.signer().await?;
    let consent = FoundConsent::of(state, code.to.consent.grant_id).await;
    let decided = consent.decided(state, (code.to.consent, registered), now);
    let redirect_uri = shown.redirect_uri.as_deref();
    let asked = CodeShown { client, verifier: &shown.verifier, redirect_uri, key };
    let untaken = exchange(code, asked, decided, state.issue_rules(), now);
    let untaken = untaken.map_err(NotExchanged::Refused)?;
    let hash = shown.code.hash();
    let mut tx = state.db.begin().await?;
    let rows = codes::take(&mut tx, hash, now).await?;
    let issue = untaken.taken(rows).map_err(NotExchanged::Refused)?;
    let signed = state.sign(&signer, (&issue, code.nonce.as_deref()), now)?;
    let token = match RefreshRecord::of(code, &issue, client, now) {
        Some(record) => Some(kept(&mut tx, hash, &record).await?),
        None => None,
    };
    tx.commit().await?;
    Ok(state.issued(&issue, &signed, token.as_ref().map(Handle::text))?)
}

/// Keeps a new refresh token. Where the customer is forgotten at this moment, nothing is issued.
async fn kept(
    tx: &mut Tx,
    code: HandleHash,
    record: &RefreshRecord,
) -> Result<Handle<RefreshToken>, ProtocolFailed> {
    let token = Handle::<RefreshToken>::random(getrandom::fill)?;
    match refresh_tokens::put(tx, token.hash(), code, record).await {
        Ok(true) => Ok(token),
        Ok(false) | Err(StoreError::Conflict(_)) => Err(OAuthCode::InvalidGrant.into()),
        Err(error) => Err(error.into()),
    }
}

/// Gives tokens for a refresh token, which is kept as it is.
pub(super) async fn by_refresh_token(
    state: &AuthzState,
    Asker { client, registered, key }: Asker<'_>,
    (token, scope): (&Handle<RefreshToken>, Option<OAuthScopes>),
    now: Micros,
) -> Outcome {
    let hash = token.hash();
    let found = refresh_tokens::find(&state.db, hash).await?;
    let record = found.ok_or_else(|| OAuthError::from(OAuthCode::InvalidGrant))?;
    let signer = state.signer().await?;
    let consent = FoundConsent::of(state, record.to.consent.grant_id).await;
    let decided = consent.decided(state, (record.to.consent, registered), now);
    let shown = RefreshShown { client, key, scope };
    let untaken = refresh(&record, shown, decided, state.issue_rules(), now)?;
    let mut tx = state.db.begin().await?;
    let rows = refresh_tokens::used(&mut tx, hash, now).await?;
    let issue = untaken.taken(rows)?;
    let signed = state.sign(&signer, (&issue, None), now)?;
    tx.commit().await?;
    state.issued(&issue, &signed, None)
}

/// Gives a client a token of its own.
pub(super) async fn by_client(
    state: &AuthzState,
    Asker { client, key, .. }: Asker<'_>,
    scope: Option<OAuthScopes>,
    now: Micros,
) -> Outcome {
    let issue = of_client(client, scope, key)?;
    let signer = state.signer().await?;
    let signed = state.sign(&signer, (&issue, None), now)?;
    state.issued(&issue, &signed, None)
}
