//! Errors as partners see them: RFC 9457 problem documents, from one table of codes.
//!
//! Inside, domains fail with their own enums that know no HTTP. At the edge each becomes an
//! [`ApiError`] with a [`Code`]. The `detail` says what to do; a 5xx says nothing of the inside.

use crate::kernel::Money;
use actix_web::http::StatusCode;
use actix_web::http::header::{CONTENT_TYPE, HeaderValue, LINK};
use actix_web::{HttpResponse, ResponseError};
use serde::Serialize;
use std::fmt;

/// Media type of a problem document.
pub const PROBLEM_JSON: HeaderValue = HeaderValue::from_static("application/problem+json");

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident = $status:literal $code:literal $title:literal;)*) => {
        /// Every error code of the APIs. The text is a contract: it never changes its meaning.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Code { $($(#[$doc])* $name,)* }

        impl Code {
            /// All codes, for the documents and the tests.
            pub const ALL: &'static [Self] = &[$(Self::$name),*];

            /// The stable text in `code`.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$name => $code),* }
            }

            /// The HTTP status.
            #[must_use]
            pub fn status(self) -> u16 {
                match self { $(Self::$name => $status),* }
            }

            /// The human title, the same for every occurrence.
            #[must_use]
            pub fn title(self) -> &'static str {
                match self { $(Self::$name => $title),* }
            }
        }
    };
}

codes! {
    /// A parameter is unknown, malformed or out of range; `errors` names each.
    InvalidParameter = 400 "invalid_parameter" "A parameter is not valid";
    /// The body is not what the operation takes; `errors` points at each fault.
    InvalidBody = 400 "invalid_body" "The body is not valid";
    /// The cursor is not one of this list with these filters.
    InvalidCursor = 400 "invalid_cursor" "The cursor is not valid here";
    /// No key came with the call.
    MissingKey = 401 "missing_key" "A key is required";
    /// The key is not one of ours, or its text was damaged on the way.
    InvalidKey = 401 "invalid_key" "The key is not valid";
    /// The key was valid until its expiry.
    ExpiredKey = 401 "expired_key" "The key has expired";
    /// The key was revoked.
    RevokedKey = 401 "revoked_key" "The key has been revoked";
    /// The access token is not one of ours, is over, or was damaged on the way.
    InvalidToken = 401 "invalid_token" "The access token is not valid";
    /// The key is in quarantine, and the operation is not for looking.
    Quarantined = 403 "quarantined" "The key is in quarantine";
    /// The session has ended, or never was.
    SessionEnded = 401 "session_ended" "The session has ended";
    /// Login, password or code is not right.
    InvalidLogin = 401 "invalid_login" "The login is not right";
    /// The account has one-time codes, and none came with the login.
    SecondFactorRequired = 401 "second_factor_required" "A code is required";
    /// The key, its app or its partner is suspended.
    Suspended = 403 "suspended" "Access is suspended";
    /// The key, its app or its partner is frozen.
    Frozen = 403 "frozen" "Access is frozen";
    /// The partner's contract has not begun, or is over.
    NoContract = 403 "no_contract" "There is no contract at present";
    /// The call came from an address that the key does not allow.
    AddressNotAllowed = 403 "address_not_allowed" "The key may not be used from this address";
    /// The signed address is not as it was given out.
    InvalidSignature = 403 "invalid_signature" "The address is not signed by this server";
    /// The signed address worked for a time that is over.
    ExpiredSignature = 403 "expired_signature" "The address has expired";
    /// The report is not signed by a key that is trusted, or was changed on the way.
    UnsignedReport = 403 "unsigned_report" "The report is not signed";
    /// The key lacks the operation's scope, named in `required_scope`.
    InsufficientScope = 403 "insufficient_scope" "The key lacks a scope";
    /// The roles of the admin who called have not the right that the operation needs.
    InsufficientRole = 403 "insufficient_role" "Your roles do not allow this";
    /// The account must be set up before it can be used.
    SetupRequired = 403 "setup_required" "The account must be set up first";
    /// Another person has to decide, and in a session.
    SecondPersonRequired = 403 "second_person_required" "A second person is required";
    /// The call comes from the page of another site, or does not show that it does not.
    CrossSite = 403 "cross_site" "The call comes from another site";
    /// The app's plan does not include the data that was asked for.
    NotInPlan = 403 "not_in_plan" "The plan does not include this";
    /// There is no such path.
    UnknownPath = 404 "unknown_path" "There is nothing at this path";
    /// The resource does not exist.
    NotFound = 404 "not_found" "There is no such resource";
    /// The path exists, but not with this method.
    MethodNotAllowed = 405 "method_not_allowed" "The method is not allowed here";
    /// The write contradicts what is there.
    Conflict = 409 "conflict" "The request conflicts with what is there";
    /// The resource existed and was deleted.
    Gone = 410 "gone" "The resource has been deleted";
    /// The position is older than what the change log holds.
    PositionExpired = 410 "position_expired" "The position is too old";
    /// What was to be changed has changed since it was looked at.
    PreconditionFailed = 412 "precondition_failed" "It has changed since";
    /// The body is larger than the operation takes.
    BodyTooLarge = 413 "body_too_large" "The body is too large";
    /// The body's media type is not one that the operation takes.
    UnsupportedMediaType = 415 "unsupported_media_type" "The media type is not supported";
    /// The range lies behind the end of the file.
    RangeNotSatisfiable = 416 "range_not_satisfiable" "The range is not satisfiable";
    /// The code is not a GTIN; `errors` says which digit would be right.
    InvalidGtin = 422 "invalid_gtin" "The GTIN is not valid";
    /// The code is an in-store code and names no product outside one retailer.
    InStoreCode = 422 "in_store_code" "The code is an in-store code";
    /// A rate or quota of the plan is used up for now.
    QuotaExceeded = 429 "quota_exceeded" "The plan's limit is reached";
    /// Too many attempts to log in; the next one has to wait.
    TooManyAttempts = 429 "too_many_attempts" "Too many attempts";
    /// Too much was asked for without a key from one address.
    TooManyRequests = 429 "too_many_requests" "Too many requests from this address";
    /// Limits are counted with less than full capacity, and the call is more than is granted meanwhile; the
    /// plan is not exceeded.
    ReducedCapacity = 429 "temporary_reduced_capacity" "The service has less capacity for a moment";
    /// A defect on our side.
    Internal = 500 "internal" "Something went wrong on our side";
    /// A part that the call needs is away; it may be tried again.
    Unavailable = 503 "unavailable" "The service cannot answer now";
    /// This node has not heard of changes to keys for too long, so it says neither yes nor no.
    AccessStale = 503 "access_stale" "Access cannot be judged now";
    /// The search index is being made; everything else is answered meanwhile.
    SearchNotReady = 503 "search_not_ready" "Search is not ready yet";
    /// The call could not be recorded, so it was not served.
    MeteringUnavailable = 503 "metering_unavailable" "The call cannot be metered now";
}

impl Code {
    /// The problem type: a stable URI for each code.
    #[must_use]
    pub fn type_uri(self) -> String {
        match self {
            // The type that draft-ietf-httpapi-ratelimit-headers-11 §5 registers.
            Self::QuotaExceeded => {
                "https://iana.org/assignments/http-problem-types#quota-exceeded".into()
            }
            Self::ReducedCapacity => {
                "https://iana.org/assignments/http-problem-types#temporary-reduced-capacity".into()
            }
            _ => format!("urn:comptoir:problem:{}", self.as_str().replace('_', "-")),
        }
    }
}

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
    /// What the refusal can be looked up by, at `/v1/refusals/{refusal_id}` (401, 403 and 429 of the partner API).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refusal_id: Option<String>,
    /// Each fault of the input, where the input was at fault; of parameters the first 20.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<FieldError>,
    /// The scope that the key lacks (`insufficient_scope` only).
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
    /// The limits that the call would have broken (`quota_exceeded` only).
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
            StoreError::Unavailable(_) | StoreError::Full(_) => {
                tracing::error!(error = %error, "database unavailable");
                Self::new(
                    Code::Unavailable,
                    "A part of the service is away. Try again in a moment.",
                )
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
