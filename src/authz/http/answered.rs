//! Answers, as RFC 6749 §5 has them: JSON that nobody keeps.

use super::state::AuthzState;
use crate::access::oauth::error::{OAuthCode, OAuthError};
use crate::authz::dpop::DpopError;
use crate::authz::signing::CannotSign;
use crate::http::error::AsItIs;
use crate::http::{ApiError, ApiResult};
use crate::kernel::Micros;
use crate::storage::StoreError;
use actix_web::http::header::{
    CACHE_CONTROL, CONTENT_TYPE, HeaderName, HeaderValue, PRAGMA, RETRY_AFTER, WWW_AUTHENTICATE,
};
use actix_web::{HttpResponse, HttpResponseBuilder};
use serde::Serialize;

/// The nonce for the next proof (RFC 9449 §8).
pub const DPOP_NONCE: HeaderName = HeaderName::from_static("dpop-nonce");
/// How a client is asked to prove itself (RFC 6749 §5.2).
const PROVE_YOURSELF: &str = "Basic realm=\"comptoir\"";

/// Why a request came to nothing.
#[derive(Debug, thiserror::Error)]
pub enum ProtocolFailed {
    /// The protocol has a word for it.
    #[error(transparent)]
    Protocol(#[from] OAuthError),
    /// It has none: the database is away, or too much was asked.
    #[error(transparent)]
    Api(#[from] ApiError),
}

impl From<OAuthCode> for ProtocolFailed {
    fn from(code: OAuthCode) -> Self {
        Self::Protocol(code.into())
    }
}

impl From<DpopError> for ProtocolFailed {
    fn from(error: DpopError) -> Self {
        Self::Protocol(error.into())
    }
}

impl From<StoreError> for ProtocolFailed {
    fn from(error: StoreError) -> Self {
        Self::Api(error.into())
    }
}

impl From<CannotSign> for ProtocolFailed {
    fn from(error: CannotSign) -> Self {
        tracing::error!(%error, "a token could not be signed");
        OAuthCode::ServerError.into()
    }
}

impl From<getrandom::Error> for ProtocolFailed {
    fn from(error: getrandom::Error) -> Self {
        tracing::error!(%error, "the system gives no randomness");
        OAuthCode::ServerError.into()
    }
}

/// What an endpoint has come to.
pub type Outcome = Result<HttpResponse, ProtocolFailed>;

/// An answer with this status and body.
#[must_use]
pub fn json(status: u16, body: &impl Serialize) -> HttpResponse {
    let mut response = builder(status);
    response.insert_header((CONTENT_TYPE, "application/json"));
    kept_by_nobody(&mut response);
    let mut response = response.body(serde_json::to_vec(body).unwrap_or_default());
    response.extensions_mut().insert(AsItIs);
    response
}

/// An answer with this status and no body.
#[must_use]
pub fn empty(status: u16) -> HttpResponse {
    let mut response = builder(status);
    kept_by_nobody(&mut response);
    response.finish()
}

/// A document that everybody may read and keep for so many seconds.
#[must_use]
pub fn published(body: &impl Serialize, seconds: u32) -> HttpResponse {
    HttpResponse::Ok()
        .insert_header((CONTENT_TYPE, "application/json"))
        .insert_header((CACHE_CONTROL, format!("public, max-age={seconds}")))
        .body(serde_json::to_vec(body).unwrap_or_default())
}

fn builder(status: u16) -> HttpResponseBuilder {
    match status {
        200 => HttpResponse::Ok(),
        201 => HttpResponse::Created(),
        204 => HttpResponse::NoContent(),
        400 => HttpResponse::BadRequest(),
        401 => HttpResponse::Unauthorized(),
        403 => HttpResponse::Forbidden(),
        404 => HttpResponse::NotFound(),
        413 => HttpResponse::PayloadTooLarge(),
        503 => HttpResponse::ServiceUnavailable(),
        _ => HttpResponse::InternalServerError(),
    }
}

fn kept_by_nobody(response: &mut HttpResponseBuilder) {
    response.insert_header((CACHE_CONTROL, "no-store")).insert_header((PRAGMA, "no-cache"));
}

/// The refusal of an authorization server.
fn refused(error: &OAuthError) -> HttpResponse {
    let mut response = json(error.code.status(), error);
    if error.code == OAuthCode::InvalidClient {
        let challenge = HeaderValue::from_static(PROVE_YOURSELF);
        response.headers_mut().insert(WWW_AUTHENTICATE, challenge);
    }
    may_come_back(&mut response, error.code);
    response
}

/// The refusal of an API that is called with a token, with its challenge.
#[must_use]
pub fn refused_token(error: &OAuthError, challenge: &str) -> HttpResponse {
    let mut response = json(error.code.status_at_resource(), error);
    if let Ok(challenge) = HeaderValue::from_str(challenge) {
        response.headers_mut().insert(WWW_AUTHENTICATE, challenge);
    }
    may_come_back(&mut response, error.code);
    response
}

fn may_come_back(response: &mut HttpResponse, code: OAuthCode) {
    if code == OAuthCode::TemporarilyUnavailable {
        response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("1"));
    }
}

impl AuthzState {
    /// The answer to what an endpoint has come to.
    pub(super) fn answer(&self, outcome: Outcome, now: Micros) -> ApiResult<HttpResponse> {
        let (response, wants_nonce) = match outcome {
            Ok(response) => (response, false),
            Err(ProtocolFailed::Protocol(error)) => {
                (refused(&error), error.code == OAuthCode::UseDpopNonce)
            }
            Err(ProtocolFailed::Api(error)) => return Err(error),
        };
        Ok(self.with_nonce(response, wants_nonce, now))
    }

    /// The same with a nonce for the next proof, where proofs need one or this answer asks for it (RFC 9449 §8.2).
    pub(super) fn with_nonce(
        &self,
        mut response: HttpResponse,
        wants_nonce: bool,
        now: Micros,
    ) -> HttpResponse {
        if (self.needs_nonce || wants_nonce)
            && let Ok(nonce) = HeaderValue::from_str(&self.nonces.issue(now))
        {
            response.headers_mut().insert(DPOP_NONCE, nonce);
        }
        response
    }
}
