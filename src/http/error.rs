//! Errors as partners see them: RFC 9457 problem documents.
//!
//! Inside, domains fail with their own enums that know no HTTP. At the edge each becomes an
//! [`ApiError`] with a [`Code`]. The `detail` says what to do; a 5xx says nothing of the inside.

use super::Code;
use crate::kernel::Money;
use actix_web::http::StatusCode;
use actix_web::http::header::{CONTENT_TYPE, HeaderValue, LINK, WWW_AUTHENTICATE};
use actix_web::{HttpResponse, ResponseError};
use serde::Serialize;
use std::fmt;

/// Media type of a problem document.
pub const PROBLEM_JSON: HeaderValue = HeaderValue::from_static("application/problem+json");

/// What is said where the database cannot be reached; of the inside, partners are told no more.
pub const AWAY: &str = "A part of the service is away. Try again in a moment.";
/// The same where its disk is full.
pub const FULL: &str = "A part of the service can store nothing now. Try again in a moment.";
/// Seconds after which it may be there again.
const BACK_IN: u64 = 2;

/// One fault of an input, in a problem's `errors`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct FieldError {
    /// The query or path parameter or header at fault.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parameter: Option<String>,
    /// JSON Pointer (RFC 6901) to the fault in the body.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pointer: Option<String>,
    /// What kind of fault, stable.
    pub code: String,
    /// What is wrong and what would be right.
    pub message: String,
    /// A value that would be right, where one is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub suggestion: Option<String>,
}

impl FieldError {
    /// A fault of a parameter.
    pub fn parameter(name: &str, code: &str, message: impl Into<String>) -> Self {
        Self {
            parameter: Some(name.to_owned()),
            pointer: None,
            code: code.to_owned(),
            message: message.into(),
            suggestion: None,
        }
    }

    /// A fault at a place in the body.
    pub fn pointer(pointer: &str, code: &str, message: impl Into<String>) -> Self {
        Self {
            parameter: None,
            pointer: Some(pointer.to_owned()),
            code: code.to_owned(),
            message: message.into(),
            suggestion: None,
        }
    }

    /// Adds the value that would be right.
    #[must_use]
    pub fn suggest(mut self, suggestion: Option<String>) -> Self {
        self.suggestion = suggestion;
        self
    }
}

/// A problem document (RFC 9457 §3) as it is sent.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct Problem {
    /// A URI that names the kind of problem.
    #[serde(rename = "type")]
    pub type_uri: String,
    /// The kind of problem in words, the same each time.
    pub title: String,
    /// The HTTP status.
    pub status: u16,
    /// What happened this time and what to do about it.
    pub detail: String,
    /// The path that was called.
    pub instance: String,
    /// The kind of problem as a stable word.
    pub code: String,
    /// The id of this call; quote it when asking for help.
    pub request_id: String,
    /// What a refusal (401, 403 and 429) can be looked up by, at `/v1/refusals/{refusal_id}`; of the admin API at
    /// `/admin/v1/refusals/{refusal_id}`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refusal_id: Option<String>,
    /// Each fault of the input, where the input was at fault; of parameters the first 20.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<FieldError>,
    /// The scope that the key or the token lacks (`insufficient_scope` only).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub required_scope: Option<String>,
    /// The check digit that would be right (`invalid_gtin` only).
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 0, maximum = 9)]
    pub expected_check_digit: Option<u8>,
    /// The oldest position that can be read after (`position_expired` only).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub oldest_position: Option<String>,
    /// Where to take a snapshot to start from (`position_expired` only).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub restart_from: Option<String>,
    /// The limits that the call would have broken, of the plan or of the operation itself (429 only).
    #[serde(rename = "violated-policies", skip_serializing_if = "Vec::is_empty")]
    pub violated_policies: Vec<String>,
    /// The id of what stands in the place of the deleted resource (`gone` only).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub replaced_by: Option<String>,
    /// What the code says by the retailer's own pattern (`in_store_code` only).
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(inline)]
    pub in_store: Option<InStoreItem>,
}

/// What an in-store code says by the pattern that the retailer has given.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct InStoreItem {
    /// The retailer's number for the item.
    pub item_reference: String,
    /// The price in the code.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub price: Option<Money>,
    /// The weight in the code, in kilograms.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub weight_kg: Option<String>,
    /// The product whose sku is the item reference, where there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub product_id: Option<String>,
    /// Where that product is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub link: Option<String>,
}

/// An error on its way to the client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiError(Box<Parts>);

#[derive(Debug, Clone, PartialEq, Eq)]
struct Parts {
    code: Code,
    detail: String,
    errors: Vec<FieldError>,
    required_scope: Option<&'static str>,
    restart: Option<(i64, &'static str)>,
    file_length: Option<u64>,
    violated: Vec<String>,
    retry_after: Option<u64>,
    successor: Option<Successor>,
    in_store: Option<InStoreItem>,
    refusal_id: Option<String>,
    challenge: Option<String>,
    dpop_nonce: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Successor {
    id: String,
    path: String,
}

/// Marks an error that has a document of its own, by the standard that it follows: it is sent as it is.
#[derive(Debug, Clone, Copy)]
pub struct AsItIs;

/// What a handler returns.
pub type ApiResult<T> = Result<T, ApiError>;

impl ApiError {
    /// An error with a code and what to do about it.
    pub fn new(code: Code, detail: impl Into<String>) -> Self {
        Self(Box::new(Parts {
            code,
            detail: detail.into(),
            errors: Vec::new(),
            required_scope: None,
            restart: None,
            file_length: None,
            violated: Vec::new(),
            retry_after: None,
            successor: None,
            in_store: None,
            refusal_id: None,
            challenge: None,
            dpop_nonce: None,
        }))
    }

    /// Adds the faults of the input.
    #[must_use]
    pub fn errors(mut self, errors: Vec<FieldError>) -> Self {
        self.0.errors = errors;
        self
    }

    /// Names the scope that is missing.
    #[must_use]
    pub fn required_scope(mut self, scope: &'static str) -> Self {
        self.0.required_scope = Some(scope);
        self
    }

    /// Names the oldest position that can be read after, and where a snapshot is.
    #[must_use]
    pub fn restart(mut self, oldest: i64, from: &'static str) -> Self {
        self.0.restart = Some((oldest, from));
        self
    }

    /// Names the length of the file that a range lies behind.
    #[must_use]
    pub fn file_length(mut self, bytes: u64) -> Self {
        self.0.file_length = Some(bytes);
        self
    }

    /// Names the limits that were violated and when a call will be admitted again, in seconds;
    /// `None` where waiting does not help.
    #[must_use]
    pub fn limited(mut self, violated: Vec<String>, retry_after: Option<u64>) -> Self {
        self.0.violated = violated;
        self.0.retry_after = retry_after;
        self
    }

    /// Names what stands in the place of a deleted resource, and the path where it is.
    #[must_use]
    pub fn replaced_by(mut self, id: impl fmt::Display, path: String) -> Self {
        self.0.successor = Some(Successor { id: id.to_string(), path });
        self
    }

    /// Says what an in-store code holds.
    #[must_use]
    pub fn in_store(mut self, item: Option<InStoreItem>) -> Self {
        self.0.in_store = item;
        self
    }

    /// Names what the refusal can be looked up by.
    #[must_use]
    pub fn refusal_id(mut self, id: Option<String>) -> Self {
        self.0.refusal_id = id;
        self
    }

    /// Says how the call is to be proved: the header `WWW-Authenticate`, in the place of that of the code.
    #[must_use]
    pub fn challenge(mut self, challenge: String) -> Self {
        self.0.challenge = Some(challenge);
        self
    }

    /// Whether it says itself how the call is to be proved.
    #[must_use]
    pub fn has_challenge(&self) -> bool {
        self.0.challenge.is_some()
    }

    /// Gives the nonce that the next proof is to hold (RFC 9449 §9).
    #[must_use]
    pub fn dpop_nonce(mut self, nonce: String) -> Self {
        self.0.dpop_nonce = Some(nonce);
        self
    }

    /// Whether it names what the refusal can be looked up by.
    #[must_use]
    pub fn is_explained(&self) -> bool {
        self.0.refusal_id.is_some()
    }

    /// The detail, without the rest of the problem.
    #[must_use]
    pub fn detail(&self) -> &str {
        &self.0.detail
    }

    /// The scope that is missing.
    #[must_use]
    pub fn missing_scope(&self) -> Option<&'static str> {
        self.0.required_scope
    }

    /// The faults of the input.
    #[must_use]
    pub fn faults(&self) -> &[FieldError] {
        &self.0.errors
    }

    /// The code.
    #[must_use]
    pub fn code(&self) -> Code {
        self.0.code
    }

    /// Seconds after which the call may be repeated, where that is known.
    #[must_use]
    pub fn retry_after(&self) -> Option<u64> {
        self.0.retry_after
    }

    /// The document for a call with this id to this path.
    #[must_use]
    pub fn problem(&self, instance: &str, request_id: &str) -> Problem {
        let parts = &*self.0;
        Problem {
            type_uri: parts.code.type_uri(),
            title: parts.code.title().to_owned(),
            status: parts.code.status(),
            detail: parts.detail.clone(),
            instance: instance.to_owned(),
            code: parts.code.as_str().to_owned(),
            request_id: request_id.to_owned(),
            refusal_id: parts.refusal_id.clone(),
            errors: parts.errors.clone(),
            required_scope: parts.required_scope.map(str::to_owned),
            expected_check_digit: parts.errors.iter().find_map(expected_check_digit),
            oldest_position: parts.restart.map(|(oldest, _)| oldest.to_string()),
            restart_from: parts.restart.map(|(_, from)| from.to_owned()),
            violated_policies: parts.violated.clone(),
            replaced_by: parts.successor.as_ref().map(|successor| successor.id.clone()),
            in_store: parts.in_store.clone(),
        }
    }
}

/// The check digit that would be right for a code that was wrong in it.
fn expected_check_digit(fault: &FieldError) -> Option<u8> {
    let suggestion = fault.suggestion.as_deref().filter(|_| fault.code == "check_digit")?;
    suggestion.chars().last()?.to_digit(10).and_then(|digit| u8::try_from(digit).ok())
}

impl fmt::Display for ApiError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.0.code.as_str(), self.0.detail)
    }
}

impl std::error::Error for ApiError {}

impl From<crate::storage::StoreError> for ApiError {
    fn from(error: crate::storage::StoreError) -> Self {
        use crate::storage::StoreError;
        match error {
            StoreError::Unavailable(_) | StoreError::Unreached { .. } | StoreError::Full(_) => {
                tracing::error!(error = %error, "database unavailable");
                let said = if matches!(error, StoreError::Full(_)) { FULL } else { AWAY };
                Self::new(Code::Unavailable, said).limited(Vec::new(), Some(BACK_IN))
            }
            StoreError::Conflict(_) => {
                Self::new(Code::Conflict, "It contradicts something that exists already.")
            }
            _ => {
                tracing::error!(error = %error, "database failure");
                Self::new(Code::Internal, "The failure has been recorded; quote the request id.")
            }
        }
    }
}

impl ResponseError for ApiError {
    fn status_code(&self) -> StatusCode {
        StatusCode::from_u16(self.0.code.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    /// The response carries the error itself; the outermost layer writes the document, because only
    /// it knows the call's id.
    fn error_response(&self) -> HttpResponse {
        let mut response = HttpResponse::build(self.status_code());
        response.insert_header((CONTENT_TYPE, PROBLEM_JSON));
        if let Some(seconds) = self.0.retry_after {
            response.insert_header(("retry-after", seconds.to_string()));
        }
        if let Some(bytes) = self.0.file_length {
            response.insert_header(("content-range", format!("bytes */{bytes}")));
        }
        if let Some(challenge) = &self.0.challenge {
            response.insert_header((WWW_AUTHENTICATE, challenge.as_str()));
        }
        if let Some(nonce) = &self.0.dpop_nonce {
            response.insert_header(("dpop-nonce", nonce.as_str()));
        }
        if let Some(successor) = &self.0.successor {
            // RFC 5829 §3.4.
            let link = format!("<{}>; rel=\"successor-version\"", successor.path);
            response.insert_header((LINK, link));
        }
        let mut response = response.finish();
        response.extensions_mut().insert(self.clone());
        response
    }
}
