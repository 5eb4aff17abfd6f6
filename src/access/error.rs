//! What can be wrong with a change to access, and how it is told over HTTP.

use crate::http::{ApiError, Code, FieldError};
use crate::kernel::Micros;
use crate::storage::StoreError;
use std::fmt;

/// A kind of thing that access is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A partner.
    Partner,
    /// An app.
    App,
    /// A plan.
    Plan,
    /// A version of a plan.
    PlanVersion,
    /// A key.
    Key,
    /// An admin token.
    AdminToken,
    /// An import of a feed.
    Import,
    /// A source of feeds.
    Source,
}

impl Kind {
    /// The word in logs and actions.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Partner => "partner",
            Self::App => "app",
            Self::Plan => "plan",
            Self::PlanVersion => "plan_version",
            Self::Key => "key",
            Self::AdminToken => "admin_token",
            Self::Import => "import",
            Self::Source => "source",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::AdminToken => "admin token",
            Self::PlanVersion => "plan version",
            other => other.as_str(),
        })
    }
}

/// Why a change or a look at access failed.
#[derive(Debug, thiserror::Error)]
pub enum AccessError {
    /// The thing asked for does not exist.
    #[error("There is no {kind} `{id}`; list them to see which exist.")]
    NotFound {
        /// What it would be.
        kind: Kind,
        /// The id asked for.
        id: String,
    },
    /// The thing that the input refers to does not exist.
    #[error("there is no {kind} `{id}`; create it first")]
    Reference {
        /// The field that refers to it.
        field: &'static str,
        /// What it would be.
        kind: Kind,
        /// The id given.
        id: String,
    },
    /// A field holds a value that cannot be meant.
    #[error("{message}")]
    Field {
        /// The field.
        field: &'static str,
        /// What is wrong and what would be right.
        message: String,
    },
    /// The name belongs to another.
    #[error("The name `{name}` belongs to another {kind}; choose another name.")]
    NameTaken {
        /// What has the name.
        kind: Kind,
        /// The name.
        name: String,
    },
    /// Revocation is final.
    #[error("The {0} is revoked, and revocation is final; create a new one.")]
    Revoked(Kind),
    /// The key has expired.
    #[error("The key expired at {0}; create a new one.")]
    Expired(Micros),
    /// Two secrets of the key are valid already.
    #[error(
        "The last rotation is under way until {0}: wait for its end, or rotate with \
         `overlap_s` 0 to end both older secrets at once."
    )]
    Rotating(Micros),
    /// Revoking it would lock everybody out.
    #[error("This is the last active admin token; create another before you revoke it.")]
    LastToken,
    /// The system gave no randomness.
    #[error("no randomness for a new secret: {0}")]
    Randomness(#[from] getrandom::Error),
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl AccessError {
    /// The thing asked for does not exist.
    pub fn not_found(kind: Kind, id: impl fmt::Display) -> Self {
        Self::NotFound { kind, id: id.to_string() }
    }

    /// The thing that `field` refers to does not exist.
    pub fn reference(field: &'static str, kind: Kind, id: impl fmt::Display) -> Self {
        Self::Reference { field, kind, id: id.to_string() }
    }
}

impl From<AccessError> for ApiError {
    fn from(error: AccessError) -> Self {
        let detail = error.to_string();
        match error {
            AccessError::NotFound { .. } => Self::new(Code::NotFound, detail),
            AccessError::Reference { field, .. } => at_field(field, "not_found", &detail),
            AccessError::Field { field, .. } => at_field(field, "not_allowed", &detail),
            AccessError::NameTaken { .. }
            | AccessError::Revoked(_)
            | AccessError::Expired(_)
            | AccessError::Rotating(_)
            | AccessError::LastToken => Self::new(Code::Conflict, detail),
            AccessError::Randomness(cause) => {
                tracing::error!(%cause, "no randomness");
                Self::new(Code::Internal, "The failure has been recorded; quote the request id.")
            }
            AccessError::Store(error) => error.into(),
        }
    }
}

fn at_field(field: &str, code: &str, message: &str) -> ApiError {
    let fault = FieldError::pointer(&format!("/{field}"), code, message);
    ApiError::new(Code::InvalidBody, format!("`{field}`: {message}.")).errors(vec![fault])
}
