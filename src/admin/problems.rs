//! The problems that admin operations can answer with, as the documents describe them. The answers
//! themselves are made from [`crate::http::ApiError`].

use crate::http::error::Problem;

/// The thing named in the path does not exist.
#[derive(Debug, utoipa::IntoResponses)]
pub enum Missing {
    /// There is no such resource.
    #[response(status = 404, content_type = "application/problem+json")]
    NotFound(Problem),
}

/// The change contradicts what is there.
#[derive(Debug, utoipa::IntoResponses)]
pub enum Conflicts {
    /// A taken name, or a state that does not allow the change; `detail` says which.
    #[response(status = 409, content_type = "application/problem+json")]
    Conflict(Problem),
}

/// What was to be changed has changed since it was looked at.
#[derive(Debug, utoipa::IntoResponses)]
pub enum Outdated {
    /// `If-Match` names another version than there is.
    #[response(status = 412, content_type = "application/problem+json")]
    PreconditionFailed(Problem),
}

/// The body cannot be read.
#[derive(Debug, utoipa::IntoResponses)]
pub enum BodyProblems {
    /// The body is larger than the operation takes.
    #[response(status = 413, content_type = "application/problem+json")]
    TooLarge(Problem),
    /// The body is not `application/json`.
    #[response(status = 415, content_type = "application/problem+json")]
    MediaType(Problem),
}

/// Problem documents (RFC 9457), told apart by `code`.
#[derive(Debug, utoipa::IntoResponses)]
pub enum Problems {
    /// The input is at fault; `errors` names each fault.
    #[response(status = 400, content_type = "application/problem+json")]
    BadRequest(Problem),
    /// No admin token, or one that is not valid.
    #[response(status = 401, content_type = "application/problem+json")]
    Unauthorized(Problem),
    /// A defect of the service; it has been recorded.
    #[response(status = 500, content_type = "application/problem+json")]
    Internal(Problem),
    /// The database is away; try again.
    #[response(status = 503, content_type = "application/problem+json")]
    Unavailable(Problem),
}
