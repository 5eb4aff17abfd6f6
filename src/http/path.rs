//! Path segments: a malformed id names nothing, so it is a 404 that says what an id looks like.

use super::{ApiError, ApiResult, Code};
use std::fmt::Display;
use std::str::FromStr;

/// Most characters of a segment that an error repeats.
const ECHO_MOST: usize = 100;

/// The id in a path segment; `what` names the resource in the error.
pub fn id<T>(segment: &str, what: &str) -> ApiResult<T>
where
    T: FromStr,
    T::Err: Display,
{
    segment.parse().map_err(|error| {
        let segment: String = segment.chars().take(ECHO_MOST).collect();
        ApiError::new(
            Code::NotFound,
            crate::kernel::sentence(format!("There is no {what} `{segment}`: it {error}")),
        )
    })
}

/// The error for an id that is well formed and names nothing.
pub fn not_found(what: &str, id: &impl Display) -> ApiError {
    ApiError::new(Code::NotFound, format!("There is no {what} `{id}`."))
}
