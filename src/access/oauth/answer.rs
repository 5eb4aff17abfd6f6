//! Answers of the token endpoint (RFC 6749 §5).

use super::error::{OAuthCode, allowed};
use crate::http::error::AsItIs;
use crate::kernel::secret::Secret;
use actix_web::HttpResponse;
use actix_web::http::header::{CACHE_CONTROL, CONTENT_TYPE, PRAGMA, WWW_AUTHENTICATE};
use serde::Serialize;

/// An access token.
#[derive(Serialize)]
pub struct AccessTokenOut {
    /// Send it as `Authorization: Bearer …`.
    access_token: String,
    /// Always `Bearer`.
    token_type: &'static str,
    /// Seconds for which it works.
    expires_in: u16,
    /// What it allows, with spaces between.
    scope: String,
}

impl std::fmt::Debug for AccessTokenOut {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AccessTokenOut").field("scope", &self.scope).finish_non_exhaustive()
    }
}

/// Why no token was issued (RFC 6749 §5.2).
#[derive(Debug, Serialize)]
pub struct OAuthErrorOut {
    /// `invalid_request`, `invalid_client`, `unauthorized_client`, `unsupported_grant_type` or
    /// `invalid_scope`.
    error: &'static str,
    /// What is wrong and what would be right.
    error_description: String,
    /// What it can be looked up by, at `/v1/refusals/{refusal_id}`; not where the request is at fault.
    #[serde(skip_serializing_if = "Option::is_none")]
    refusal_id: Option<String>,
}

/// Why no token is issued.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// The request is not what it should be.
    Request,
    /// The client has not proved itself.
    Client,
    /// It has, and may not be used now.
    Unauthorized,
    /// Another grant than ours.
    Grant,
    /// More than the client may have.
    Scope,
}

impl Refusal {
    /// The code of the standard.
    #[must_use]
    pub fn code(self) -> OAuthCode {
        match self {
            Self::Request => OAuthCode::InvalidRequest,
            Self::Client => OAuthCode::InvalidClient,
            Self::Unauthorized => OAuthCode::UnauthorizedClient,
            Self::Grant => OAuthCode::UnsupportedGrantType,
            Self::Scope => OAuthCode::InvalidScope,
        }
    }

    /// The status of the answer.
    #[must_use]
    pub fn status(self) -> u16 {
        self.code().status()
    }

    /// The word of the standard.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        self.code().as_str()
    }

    /// The answer.
    #[must_use]
    pub fn answer(self, description: &str, refusal_id: Option<String>) -> HttpResponse {
        let mut response = match self {
            Self::Client => HttpResponse::Unauthorized(),
            _ => HttpResponse::BadRequest(),
        };
        if self == Self::Client {
            response.insert_header((WWW_AUTHENTICATE, "Basic realm=\"comptoir\""));
        }
        let error_description = allowed(description.to_owned().into()).into_owned();
        let body = OAuthErrorOut { error: self.as_str(), error_description, refusal_id };
        finished(response, serde_json::to_vec(&body).unwrap_or_default())
    }
}

/// 200 with a token.
#[must_use]
pub fn issued(token: &Secret, life_s: u16, scope: String) -> HttpResponse {
    let access_token = token.reveal().to_owned();
    let body = AccessTokenOut { access_token, token_type: "Bearer", expires_in: life_s, scope };
    finished(HttpResponse::Ok(), serde_json::to_vec(&body).unwrap_or_default())
}

fn finished(mut response: actix_web::HttpResponseBuilder, body: Vec<u8>) -> HttpResponse {
    response.insert_header((CONTENT_TYPE, "application/json"));
    response.insert_header((CACHE_CONTROL, "no-store")).insert_header((PRAGMA, "no-cache"));
    let mut response = response.body(body);
    response.extensions_mut().insert(AsItIs);
    response
}
