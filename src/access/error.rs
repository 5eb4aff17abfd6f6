//! What can be wrong with a change to access, and how it is told over HTTP.

use super::Scopes;
use super::plan::{NeverFits, NoSuccessor, Renamed};
use crate::http::{ApiError, Code, FieldError};
use crate::kernel::Micros;
use crate::kernel::id::PlanId;
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
    /// A subscription of an app to a plan.
    Subscription,
    /// An application of who wants to become a partner.
    Application,
    /// An import of a feed.
    Import,
    /// A source of feeds.
    Source,
    /// A person of the admin API.
    Account,
    /// A session of a person.
    Session,
    /// An action that waits for a second person.
    Approval,
    /// A run of a node that records usage.
    UsageRun,
    /// What an app is registered with to ask customers for their data.
    CustomerAccess,
    /// What partners want customers' data for.
    Purpose,
    /// What customers are told before they decide.
    Notice,
}

impl Kind {
    const ALL: [Self; 17] = [
        Self::Partner,
        Self::App,
        Self::Plan,
        Self::PlanVersion,
        Self::Key,
        Self::AdminToken,
        Self::Subscription,
        Self::Application,
        Self::Import,
        Self::Source,
        Self::Account,
        Self::Session,
        Self::Approval,
        Self::UsageRun,
        Self::CustomerAccess,
        Self::Purpose,
        Self::Notice,
    ];

    /// What a word in the logs stands for; none for one that this version does not know.
    #[must_use]
    pub fn of(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == word)
    }

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
            Self::Subscription => "subscription",
            Self::Application => "application",
            Self::Import => "import",
            Self::Source => "source",
            Self::Account => "account",
            Self::Session => "session",
            Self::Approval => "approval",
            Self::UsageRun => "usage_run",
            Self::CustomerAccess => "customer_access",
            Self::Purpose => "purpose",
            Self::Notice => "notice",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::AdminToken => "admin token",
            Self::PlanVersion => "plan version",
            Self::UsageRun => "run",
            Self::CustomerAccess => "registration for customers' data of",
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
    /// A plan that is not offered, or that does not exist: which of the two is not said.
    #[error("no plan `{0}` is offered; `GET /v1/plans` lists those that are")]
    NotOffered(PlanId),
    /// A field holds a value that cannot be meant.
    #[error("{message}")]
    Field {
        /// The field.
        field: &'static str,
        /// What is wrong and what would be right.
        message: String,
    },
    /// A weight of a plan is more than a whole limit of it.
    #[error(transparent)]
    NeverFits(#[from] NeverFits),
    /// A limit of a plan would be called otherwise, and what was counted granted again.
    #[error(transparent)]
    Renamed(#[from] Renamed),
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
    /// What is there does not allow the change.
    #[error("{0}")]
    Conflict(String),
    /// A link of a mail is of no use. Why is not said.
    #[error("The link is not right, was used, or its time is over.")]
    Link,
    /// No more can be taken in at present.
    #[error("{0}")]
    Full(&'static str),
    /// Of what is frozen only access can be taken away.
    #[error(
        "The {kind} `{id}` is frozen: suspend, quarantine and revoke are allowed, and to rotate keys so that the \
         old secret ends at once (`overlap_s` 0); for anything else unfreeze it first."
    )]
    Frozen {
        /// What is frozen.
        kind: Kind,
        /// Its id.
        id: String,
    },
    /// The key has expired.
    #[error("The key expired at {0}; create a new one.")]
    Expired(Micros),
    /// Two secrets of the key are valid already.
    #[error(
        "The last rotation is under way until {0}: wait for its end, finish it or roll it back, or \
         rotate with `overlap_s` 0 to end both older secrets at once."
    )]
    Rotating(Micros),
    /// There is no second secret.
    #[error("No rotation of this key is under way: it has one secret.")]
    NotRotating,
    /// The change cannot be made to a thing of this kind.
    #[error("{0}")]
    Unfit(String),
    /// It has changed since it was looked at.
    #[error(
        "It has changed since: it is at version {0} now. Look at it again, then repeat the change."
    )]
    Outdated(i64),
    /// These scopes are given by two people.
    #[error(
        "It takes a second person to give `{0}`, and so to give another secret of a key that has it or to let \
         that be used from more addresses or for longer (`admin.four_eyes`): ask for it over the admin API, \
         where another person can approve it."
    )]
    SecondPerson(Scopes),
    /// Owners are made and unmade by two people.
    #[error(
        "It takes a second person to make or unmake an owner (`admin.four_eyes`): ask for it over the admin API, \
         where another person can approve it."
    )]
    SecondOwner,
    /// Many keys are rotated, resumed or revoked by two people.
    #[error(
        "It takes a second person to rotate, resume or revoke many keys (`admin.four_eyes`): ask for it over the \
         admin API, where another person can approve it."
    )]
    SecondPersonForMany,
    /// What one person never does, whatever the settings.
    #[error(
        "This takes a second person: ask for it over the admin API, where another person can approve it."
    )]
    SecondPersonAlways,
    /// Revoking it would lock everybody out.
    #[error("This is the last way in for an owner; make another owner's account or token before.")]
    LastOwner,
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
            AccessError::NotOffered(_) => at_field("plan_id", "not_found", &detail),
            AccessError::Field { field, .. } => at_field(field, "not_allowed", &detail),
            AccessError::NeverFits(why) => {
                at_field(&format!("weights/{}", why.operation), "not_allowed", &detail)
            }
            AccessError::Renamed(_) => at_field("limits", "renamed_limit", &detail),
            AccessError::NameTaken { .. }
            | AccessError::Revoked(_)
            | AccessError::Conflict(_)
            | AccessError::Frozen { .. }
            | AccessError::Expired(_)
            | AccessError::Rotating(_)
            | AccessError::NotRotating
            | AccessError::Unfit(_)
            | AccessError::LastOwner => Self::new(Code::Conflict, detail),
            AccessError::SecondPerson(_)
            | AccessError::SecondOwner
            | AccessError::SecondPersonForMany
            | AccessError::SecondPersonAlways => Self::new(Code::SecondPersonRequired, detail),
            AccessError::Outdated(_) => Self::new(Code::PreconditionFailed, detail),
            AccessError::Link => Self::new(Code::NotFound, detail),
            AccessError::Full(_) => Self::new(Code::Unavailable, detail),
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
    ApiError::new(Code::InvalidBody, crate::kernel::sentence(format!("`{field}`: {message}")))
        .errors(vec![fault])
}

impl From<NoSuccessor> for AccessError {
    fn from(why: NoSuccessor) -> Self {
        match why {
            NoSuccessor::NeverFits(why) => why.into(),
            NoSuccessor::Renamed(why) => why.into(),
        }
    }
}
