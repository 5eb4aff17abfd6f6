//! Why something of budgets cannot be done.

use super::model::MOST_THRESHOLDS;
use crate::access::AccessError;
use crate::http::{ApiError, Code, FieldError};
use crate::kernel::id::BudgetId;
use crate::storage::StoreError;

/// Why something of budgets cannot be done.
#[derive(Debug, thiserror::Error)]
pub enum BudgetError {
    /// There is no such budget.
    #[error("There is no budget `{0}`: `GET /admin/v1/budgets` lists all.")]
    Unknown(BudgetId),
    /// There is one for the same.
    #[error(
        "There is a budget in this currency for this app, or for all apps of this partner: delete it first. What was told of it \
         in this period is not told again."
    )]
    Taken,
    /// A field is at fault.
    #[error("{0}: {1}")]
    Field(String, String),
    /// Who asks may not, or there is no such app or partner.
    #[error(transparent)]
    Access(#[from] AccessError),
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl BudgetError {
    pub(super) fn field(pointer: impl Into<String>, why: impl Into<String>) -> Self {
        Self::Field(pointer.into(), why.into())
    }

    pub(super) fn whose() -> Self {
        Self::field("/app_id", "name either an app or, for all of its apps together, a partner")
    }

    pub(super) fn thresholds() -> Self {
        let why = format!("`percents` and `amounts` must name 1 to {MOST_THRESHOLDS} amounts");
        Self::field("/percents", why)
    }
}

impl From<BudgetError> for ApiError {
    fn from(error: BudgetError) -> Self {
        let detail = crate::kernel::sentence(error.to_string());
        match error {
            BudgetError::Unknown(_) => Self::new(Code::NotFound, detail),
            BudgetError::Taken => Self::new(Code::Conflict, detail),
            BudgetError::Field(pointer, why) => {
                let fault = FieldError::pointer(&pointer, "out_of_range", why);
                Self::new(Code::InvalidBody, detail).errors(vec![fault])
            }
            BudgetError::Access(error) => error.into(),
            BudgetError::Store(error) => error.into(),
        }
    }
}
