//! Refusals of calls about customers: problem documents with the headers of the standards.

use super::state::CustomerApi;
use crate::access::oauth::error::{OAuthCode, OAuthError};
use crate::authz::http::answered::ProtocolFailed;
use crate::authz::metadata::RESOURCE_PATH;
use crate::authz::presented::{ChallengeWants, Scheme, challenge};
use crate::consent::scope::OAuthScope;
use crate::customers::source::SourceError;
use crate::http::{ApiError, Code};
use crate::kernel::word::Word as _;
use crate::kernel::{Micros, sentence};
use crate::storage::StoreError;

/// Seconds after which what cannot be known now may be known.
const BACK_IN: u64 = 1;

/// The header of a refusal.
fn header(api: &CustomerApi, error: Option<&OAuthError>, wants: ChallengeWants<'_>) -> String {
    let metadata = format!("{}{RESOURCE_PATH}", api.authz.issuer());
    challenge(Scheme::Dpop, error, wants, &metadata)
}

/// The refusal of a call that shows no token.
pub(super) fn no_token(api: &CustomerApi) -> ApiError {
    let detail = "Send an access token that a customer's consent has given you, as `Authorization: DPoP …` with a \
                  proof of its key in `DPoP`.";
    ApiError::new(Code::MissingToken, detail).challenge(header(
        api,
        None,
        ChallengeWants::default(),
    ))
}

/// The refusal that a standard has a word for.
pub(super) fn of_oauth(api: &CustomerApi, error: &OAuthError, now: Micros) -> ApiError {
    let code = match error.code {
        OAuthCode::InvalidDpopProof => Code::InvalidDpopProof,
        OAuthCode::UseDpopNonce => Code::UseDpopNonce,
        OAuthCode::InvalidToken => Code::InvalidToken,
        _ => Code::InvalidParameter,
    };
    let refusal = ApiError::new(code, said(error.description()));
    let refusal = match code {
        Code::InvalidParameter => refusal,
        _ => refusal.challenge(header(api, Some(error), ChallengeWants::default())),
    };
    match code {
        Code::UseDpopNonce => refusal.dpop_nonce(api.authz.nonces.issue(now)),
        _ => refusal,
    }
}

/// The refusal where the use of a proof could not be noted, or it was used before.
pub(super) fn of_protocol(api: &CustomerApi, failed: &ProtocolFailed, now: Micros) -> ApiError {
    match failed {
        ProtocolFailed::Protocol(error) if error.code != OAuthCode::TemporarilyUnavailable => {
            of_oauth(api, error, now)
        }
        ProtocolFailed::Protocol(_) | ProtocolFailed::Api(_) => unsure(),
    }
}

/// The refusal of a token for a reason of ours.
pub(super) fn invalid_token(api: &CustomerApi, code: Code, why: &'static str) -> ApiError {
    let error = OAuthError::new(OAuthCode::InvalidToken, why);
    let wants = ChallengeWants::default();
    ApiError::new(code, said(why)).challenge(header(api, Some(&error), wants))
}

/// The refusal of a call by a consent that has ended. One that never was, and one of another, is told the same.
pub(super) fn ended(api: &CustomerApi) -> ApiError {
    invalid_token(api, Code::ConsentEnded, "the consent has ended: ask the customer again")
}

/// The refusal of a call that none of the scopes has come with that would open it.
pub(super) fn scope(api: &CustomerApi, any_of: &[OAuthScope]) -> ApiError {
    let names: Vec<&'static str> = any_of.iter().map(|scope| scope.as_str()).collect();
    let wanted = names.first().copied().unwrap_or_default();
    let error = OAuthError::from(OAuthCode::InsufficientScope);
    let wants = ChallengeWants { scope: Some(wanted), ..ChallengeWants::default() };
    let which = match names.as_slice() {
        [one] => format!("the scope `{one}`"),
        several => format!("one of the scopes `{}`", several.join("`, `")),
    };
    let detail = format!("Token, consent and client do not together have {which}.");
    ApiError::new(Code::InsufficientScope, detail).required_scope(wanted).challenge(header(
        api,
        Some(&error),
        wants,
    ))
}

/// The refusal where it cannot be known how a consent stands.
pub(super) fn unsure() -> ApiError {
    let detail =
        "How the consent stands cannot be known now, so nothing is told. Try again in a second.";
    ApiError::new(Code::Unavailable, detail).limited(Vec::new(), Some(BACK_IN))
}

/// The same where the database is away that says so.
pub(super) fn unknown(error: &StoreError) -> ApiError {
    tracing::error!(%error, "a token could not be judged");
    unsure()
}

/// What the source of customers' data has said, as partners are told it.
pub(super) fn of_source(error: SourceError, what: &str) -> ApiError {
    let detail = sentence(error.to_string());
    match error {
        SourceError::NotFound => ApiError::new(Code::NotFound, format!("There is no such {what}.")),
        SourceError::Unavailable { retry_after } => {
            let seconds = retry_after.as_secs().max(1);
            let detail =
                "The retailer's customer data cannot be reached now. Try again in a moment.";
            ApiError::new(Code::Unavailable, detail).limited(Vec::new(), Some(seconds))
        }
        SourceError::Changed => {
            let detail =
                "It has changed since it was looked at. Read it again, and repeat the change.";
            ApiError::new(Code::PreconditionFailed, detail)
        }
        SourceError::Full { .. } => ApiError::new(Code::Conflict, upper(&detail)),
        SourceError::TooMuch { .. } => ApiError::new(Code::InvalidParameter, upper(&detail)),
        SourceError::Failed(error) => error.into(),
    }
}

/// A message as a sentence.
fn said(message: &str) -> String {
    sentence(upper(message))
}

fn upper(message: &str) -> String {
    let mut letters = message.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}
