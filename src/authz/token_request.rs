//! Requests to the token endpoint, and to those that are asked about tokens: read before anything is judged.

use super::handles::{AuthorizationCode, Handle, HandleKind, RefreshToken};
use super::pkce::CodeVerifier;
use super::request::target;
use super::scopes;
use crate::access::oauth::error::{OAuthCode, OAuthError};
use crate::access::oauth::form::Parameters;
use crate::consent::scope::OAuthScopes;
use crate::kernel::secret::Secret;

/// The grants that there are (RFC 8414 §2, `grant_types_supported`).
pub const GRANT_TYPES: [&str; 3] = ["authorization_code", "refresh_token", "client_credentials"];

/// What a client wants tokens for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TokenRequest {
    /// A code (RFC 6749 §4.1.3).
    Code {
        /// The code.
        code: Handle<AuthorizationCode>,
        /// What it was bound to.
        verifier: CodeVerifier,
        /// Where it was sent to, where the client says so.
        redirect_uri: Option<String>,
    },
    /// A refresh token (RFC 6749 §6).
    Refresh {
        /// The token.
        token: Handle<RefreshToken>,
        /// Less than what was granted, where the client wants no more.
        scope: Option<OAuthScopes>,
    },
    /// Itself (RFC 6749 §4.4).
    Client {
        /// Less than all that it may have.
        scope: Option<OAuthScopes>,
    },
}

impl TokenRequest {
    /// Reads the body. `resource` is the base address of the API.
    pub fn read(form: &Parameters, resource: &str) -> Result<Self, OAuthError> {
        let wrong = |why: &'static str| OAuthError::new(OAuthCode::InvalidRequest, why);
        target(form.get("resource"), resource)?;
        match form.get("grant_type") {
            Some("authorization_code") => {
                let code = form.get("code").ok_or_else(|| wrong("code is missing"))?;
                let verifier = CodeVerifier::read(form.get("code_verifier"));
                let verifier = verifier.map_err(|error| {
                    OAuthError::new(OAuthCode::InvalidRequest, error.to_string())
                })?;
                let redirect_uri = form.get("redirect_uri").map(str::to_owned);
                Ok(Self::Code { code: handle(code)?, verifier, redirect_uri })
            }
            Some("refresh_token") => {
                let token = form.get("refresh_token");
                let token = token.ok_or_else(|| wrong("refresh_token is missing"))?;
                Ok(Self::Refresh { token: handle(token)?, scope: scope(form)? })
            }
            Some("client_credentials") => Ok(Self::Client { scope: scope(form)? }),
            Some(_) => Err(OAuthCode::UnsupportedGrantType.into()),
            None => Err(wrong("grant_type is missing")),
        }
    }
}

/// A handle. One that is damaged stands for nothing, and needs no words of its own.
fn handle<K: HandleKind>(text: &str) -> Result<Handle<K>, OAuthError> {
    Handle::read(text).map_err(|_| OAuthCode::InvalidGrant.into())
}

fn scope(form: &Parameters) -> Result<Option<OAuthScopes>, OAuthError> {
    scopes::given(form.get("scope"))
}

/// A token that its client asks about (RFC 7662 §2.1) or gives back (RFC 7009 §2.1). What form it has says which it
/// is, so that a wrong `token_type_hint` leads nowhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AskedToken {
    /// A refresh token.
    Refresh(Handle<RefreshToken>),
    /// What may be an access token.
    Access(Secret),
}

impl AskedToken {
    /// Reads `token`.
    pub fn read(form: &Parameters) -> Result<Self, OAuthError> {
        let missing = || OAuthError::new(OAuthCode::InvalidRequest, "token is missing");
        let text = form.get("token").ok_or_else(missing)?;
        Ok(Handle::read(text)
            .map_or_else(|_| Self::Access(Secret::new(text.to_owned())), Self::Refresh))
    }
}
