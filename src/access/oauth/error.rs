//! The error codes of OAuth 2.0 and its extensions: one table of them.

use super::form::FormError;
use serde::Serialize;
use serde::ser::{SerializeMap as _, Serializer};
use std::borrow::Cow;

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident = $word:literal $status:literal $what:literal;)*) => {
        /// A code of the standards.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum OAuthCode { $($(#[$doc])* $name,)* }

        impl OAuthCode {
            /// All codes.
            pub const ALL: &'static [Self] = &[$(Self::$name),*];

            /// The word on the wire.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$name => $word),* }
            }

            /// The HTTP status of an answer of the authorization server that carries it. At a resource,
            /// [`Self::status_at_resource`] is the one.
            #[must_use]
            pub fn status(self) -> u16 {
                match self { $(Self::$name => $status),* }
            }

            /// What it means, where there is nothing more particular to say.
            #[must_use]
            pub fn description(self) -> &'static str {
                match self { $(Self::$name => $what),* }
            }
        }
    };
}

codes! {
    /// RFC 6749 §4.1.2.1 and §5.2.
    InvalidRequest = "invalid_request" 400 "a parameter is missing, is there twice or is not what it should be";
    /// The same of a body that is too long to be read (RFC 9110 §15.5.14).
    TooLarge = "invalid_request" 413 "the request is too long";
    /// RFC 6749 §5.2.
    InvalidClient = "invalid_client" 401 "the client has not proved itself";
    /// RFC 6749 §5.2: for a code and for a refresh token alike.
    InvalidGrant = "invalid_grant" 400 "the code or refresh token is not known, has ended or is of another client";
    /// RFC 6749 §4.1.2.1 and §5.2.
    UnauthorizedClient = "unauthorized_client" 400 "the client may not do this";
    /// RFC 6749 §5.2.
    UnsupportedGrantType = "unsupported_grant_type" 400 "grant_type is none that there is here";
    /// RFC 7009 §2.2.1.
    UnsupportedTokenType = "unsupported_token_type" 400 "a token of this kind cannot be taken back: it ends by itself";
    /// RFC 6749 §4.1.2.1.
    UnsupportedResponseType = "unsupported_response_type" 400 "response_type must be code";
    /// RFC 6749 §4.1.2.1 and §5.2.
    InvalidScope = "invalid_scope" 400 "scope asks for what there is not, or for more than the client may have";
    /// RFC 6749 §4.1.2.1.
    AccessDenied = "access_denied" 400 "the request was denied";
    /// RFC 6749 §4.1.2.1.
    ServerError = "server_error" 500 "something failed here";
    /// RFC 6749 §4.1.2.1.
    TemporarilyUnavailable = "temporarily_unavailable" 503 "try again in a moment";
    /// OpenID Connect Core §3.1.2.6.
    LoginRequired = "login_required" 400 "the customer has to log in, and the request forbids to ask for it";
    /// OpenID Connect Core §3.1.2.6.
    InteractionRequired = "interaction_required" 400 "the customer has to be asked, and the request forbids it";
    /// OpenID Connect Core §3.1.2.6.
    ConsentRequired = "consent_required" 400 "the customer has to consent, and the request forbids to ask for it";
    /// OpenID Connect Core Unmet Authentication Requirements 1.0 §2.
    UnmetAuthentication = "unmet_authentication_requirements" 400 "the customer cannot log in as the request requires";
    /// RFC 8707 §2.
    InvalidTarget = "invalid_target" 400 "resource names another API than this one";
    /// RFC 9396 §5.
    InvalidAuthorizationDetails = "invalid_authorization_details" 400 "authorization_details are not what they should be";
    /// Grant Management for OAuth 2.0 §5.3.
    InvalidGrantId = "invalid_grant_id" 400 "grant_id names no grant of this client and customer";
    /// RFC 9449 §5 and §7.1.
    InvalidDpopProof = "invalid_dpop_proof" 400 "the DPoP proof does not hold";
    /// RFC 9449 §8 and §9.
    UseDpopNonce = "use_dpop_nonce" 400 "the DPoP proof needs the nonce of the header DPoP-Nonce";
    /// RFC 6750 §3.1.
    InvalidToken = "invalid_token" 401 "the access token does not work, or not any more";
    /// RFC 6750 §3.1.
    InsufficientScope = "insufficient_scope" 403 "the access token does not allow this";
    /// RFC 9470 §3.
    InsufficientUserAuthentication = "insufficient_user_authentication" 401 "the customer has to log in again, or by stronger means";
}

impl OAuthCode {
    /// The HTTP status of an answer of an API that is called with an access token (RFC 6750 §3.1, RFC 9449 §7.1).
    #[must_use]
    pub fn status_at_resource(self) -> u16 {
        match self {
            Self::InvalidDpopProof | Self::UseDpopNonce => 401,
            other => other.status(),
        }
    }
}

/// Why the authorization server says no. As JSON: `{"error", "error_description", "error_uri"?}`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}: {description}", code.as_str())]
pub struct OAuthError {
    /// The code.
    pub code: OAuthCode,
    description: Cow<'static, str>,
    uri: Option<String>,
}

impl OAuthError {
    /// An error that says what is wrong in particular.
    #[must_use]
    pub fn new(code: OAuthCode, description: impl Into<Cow<'static, str>>) -> Self {
        Self { code, description: allowed(description.into()), uri: None }
    }

    /// The same with the address of a page that explains it.
    #[must_use]
    pub fn with_uri(self, uri: String) -> Self {
        Self { uri: Some(uri), ..self }
    }

    /// What is wrong, in the characters that the standard allows.
    #[must_use]
    pub fn description(&self) -> &str {
        &self.description
    }

    /// The page that explains it.
    #[must_use]
    pub fn uri(&self) -> Option<&str> {
        self.uri.as_deref()
    }
}

impl From<OAuthCode> for OAuthError {
    fn from(code: OAuthCode) -> Self {
        Self::new(code, code.description())
    }
}

impl From<FormError> for OAuthError {
    fn from(error: FormError) -> Self {
        let code = match error {
            FormError::TooLarge => OAuthCode::TooLarge,
            _ => OAuthCode::InvalidRequest,
        };
        Self::new(code, error.to_string())
    }
}

impl Serialize for OAuthError {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut body = serializer.serialize_map(None)?;
        body.serialize_entry("error", self.code.as_str())?;
        body.serialize_entry("error_description", &self.description)?;
        if let Some(uri) = &self.uri {
            body.serialize_entry("error_uri", uri)?;
        }
        body.end()
    }
}

/// A description in printable ASCII without quotes and backslashes (RFC 6749 §5.2): what is not of these may have been
/// sent to us, and would end a quoted text of a header.
pub(super) fn allowed(description: Cow<'static, str>) -> Cow<'static, str> {
    let is_allowed = |c: char| matches!(c, ' '..='~') && c != '"' && c != '\\';
    if description.chars().all(is_allowed) {
        return description;
    }
    let replaced = |c| match c {
        '"' | '\\' => '\'',
        c if is_allowed(c) => c,
        _ => '?',
    };
    description.chars().map(replaced).collect::<String>().into()
}
