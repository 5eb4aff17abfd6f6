//! The problems that every admin operation can answer with, for the documents.

use crate::http::error::Problem;

/// The thing named in the path does not exist.
#[derive(Debug, utoipa::IntoResponses)]
#[expect(dead_code, reason = "only describes answers; the answers are made by `ApiError`")]
pub enum Missing {
    /// There is no such resource.
    #[response(status = 404, content_type = "application/problem+json")]
    NotFound(#[to_schema] Problem),
}

/// The change contradicts what is there.
#[derive(Debug, utoipa::IntoResponses)]
#[expect(dead_code, reason = "only describes answers; the answers are made by `ApiError`")]
pub enum Conflicts {
    /// A taken name, or a state that does not allow the change; `detail` says which.
    #[response(status = 409, content_type = "application/problem+json")]
    Conflict(#[to_schema] Problem),
}

/// The body cannot be read.
#[derive(Debug, utoipa::IntoResponses)]
#[expect(dead_code, reason = "only describes answers; the answers are made by `ApiError`")]
pub enum BodyProblems {
    /// The body is larger than the operation takes.
    #[response(status = 413, content_type = "application/problem+json")]
    TooLarge(#[to_schema] Problem),
    /// The body is not `application/json`.
    #[response(status = 415, content_type = "application/problem+json")]
    MediaType(#[to_schema] Problem),
}

/// Problem documents (RFC 9457), told apart by `code`.
#[derive(Debug, utoipa::IntoResponses)]
#[expect(dead_code, reason = "only describes answers; the answers are made by `ApiError`")]
pub enum Problems {
    /// The input is at fault; `errors` names each fault.
    #[response(status = 400, content_type = "application/problem+json")]
    BadRequest(#[to_schema] Problem),
    /// No admin token, or one that is not valid.
    #[response(status = 401, content_type = "application/problem+json")]
    Unauthorized(#[to_schema] Problem),
    /// A defect of the service; it has been recorded.
    #[response(status = 500, content_type = "application/problem+json")]
    Internal(#[to_schema] Problem),
    /// The database is away; try again.
    #[response(status = 503, content_type = "application/problem+json")]
    Unavailable(#[to_schema] Problem),
}
