//! What goes wrong before a customer, as they are told: a page, and nothing of the inside.

use crate::access::oauth::error::OAuthError;
use crate::consent::store::NotWritten;
use crate::customers::source::SourceError;
use crate::http::{ApiError, Code};
use crate::outbound::oidc::ProviderError;
use crate::storage::StoreError;

/// Why a page is not the one that was asked for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum PageError {
    /// The request of the partner is none that can be answered, for this reason.
    #[error("the request of the partner cannot be answered: {0}")]
    Request(String),
    /// The login cannot be ended: another browser has begun it, or too long ago, or another provider answers.
    #[error("the login cannot be ended: {0}")]
    Login(String),
    /// A form that was not sent from its page.
    #[error("the form was not sent from its page")]
    Forged,
    /// An answer that the page does not allow.
    #[error("the answer is none that the page allows")]
    Tampered,
    /// It was answered before.
    #[error("it was answered before")]
    Answered,
    /// There is nothing here, or it is somebody else's.
    #[error("there is nothing of this name")]
    NotFound,
    /// It stands otherwise than who would change it has seen.
    #[error("{0}")]
    NotNow(String),
    /// Something that is needed is away.
    #[error("something that is needed is away: {0}")]
    Away(String),
    /// A defect.
    #[error("{0}")]
    Inside(String),
}

impl From<StoreError> for PageError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Unavailable(_) | StoreError::Unreached { .. } | StoreError::Full(_) => {
                Self::Away(error.to_string())
            }
            StoreError::Conflict(_) => Self::NotNow(error.to_string()),
            other => Self::Inside(other.to_string()),
        }
    }
}

impl From<NotWritten> for PageError {
    fn from(error: NotWritten) -> Self {
        match error {
            NotWritten::Store(error) => error.into(),
            NotWritten::Moved | NotWritten::Forgotten => Self::NotNow(error.to_string()),
            NotWritten::NotCanonical(error) => Self::Inside(error.to_string()),
        }
    }
}

impl From<SourceError> for PageError {
    fn from(error: SourceError) -> Self {
        match error {
            SourceError::NotFound => Self::NotFound,
            SourceError::Unavailable { .. } => Self::Away(error.to_string()),
            SourceError::Changed | SourceError::Full { .. } | SourceError::TooMuch { .. } => {
                Self::NotNow(error.to_string())
            }
            SourceError::Failed(error) => error.into(),
        }
    }
}

impl From<ProviderError> for PageError {
    fn from(error: ProviderError) -> Self {
        match error {
            ProviderError::Away(why) => Self::Away(why),
            ProviderError::Refused(_) | ProviderError::Untrue(_) => Self::Login(error.to_string()),
        }
    }
}

impl From<OAuthError> for PageError {
    fn from(error: OAuthError) -> Self {
        Self::Request(error.description().to_owned())
    }
}

impl From<getrandom::Error> for PageError {
    fn from(error: getrandom::Error) -> Self {
        Self::Inside(format!("the system gives no randomness: {error}"))
    }
}

impl From<ApiError> for PageError {
    fn from(error: ApiError) -> Self {
        match error.code() {
            Code::CrossSite => Self::Forged,
            _ => Self::Inside(error.detail().to_owned()),
        }
    }
}

impl From<&PageError> for ApiError {
    /// The same for who has asked for JSON.
    fn from(error: &PageError) -> Self {
        match error {
            PageError::Request(why) | PageError::Login(why) => {
                Self::new(Code::InvalidParameter, why.clone())
            }
            PageError::Tampered => Self::new(Code::InvalidBody, "The page allows no such answer."),
            PageError::Forged => {
                Self::new(Code::CrossSite, "Send the form from its own page, with its `csrf`.")
            }
            PageError::Answered => Self::new(Code::Conflict, "It was answered before."),
            PageError::NotFound => Self::new(Code::NotFound, "There is nothing of this name."),
            PageError::NotNow(why) => Self::new(Code::Conflict, why.clone()),
            PageError::Away(_) => Self::new(Code::Unavailable, "Try again in a moment."),
            PageError::Inside(_) => {
                Self::new(Code::Internal, "The failure has been recorded; quote the request id.")
            }
        }
    }
}
