//! Why an adjustment cannot be made.

use crate::http::{ApiError, Code, FieldError};
use crate::kernel::Micros;
use crate::kernel::id::{AdjustmentId, AppId, BillingPeriodId};

/// Why an adjustment cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum AdjustmentError {
    /// There is no such adjustment.
    #[error("There is no adjustment `{0}`; list them to see which exist.")]
    Unknown(AdjustmentId),
    /// Something of what is asked for is at fault.
    #[error("{0}: {2}")]
    Fault(&'static str, &'static str, String),
    /// The key was used for another one.
    #[error("The key `{0}` was used for `{1}`, which is another adjustment. Give each its own.")]
    KeyTaken(String, AdjustmentId),
    /// A call is void already.
    #[error("The call `{0}` is void already. A void is taken back by reversing its adjustment.")]
    VoidAlready(String),
    /// It was reversed.
    #[error("`{0}` was reversed by `{1}`.")]
    Reversed(AdjustmentId, AdjustmentId),
    /// It is a reversal itself.
    #[error("`{0}` is a reversal, and is not reversed: make the adjustment anew.")]
    IsReversal(AdjustmentId),
    /// There is no period to book it in.
    #[error("App `{0}` owes nothing and never has: there is no period to book it in.")]
    NothingToBookIn(AppId),
    /// The period was rated again.
    #[error("The period `{0}` was rated again by `{1}`: reverse that first.")]
    RatedAgain(BillingPeriodId, AdjustmentId),
    /// What was seen has changed.
    #[error(
        "The calls that it is about have changed since it was asked for, at {0}: ask for it anew."
    )]
    Changed(Micros),
}

impl AdjustmentError {
    /// A fault at a place of what was asked for.
    pub(super) fn fault(pointer: &'static str, code: &'static str, why: impl Into<String>) -> Self {
        Self::Fault(pointer, code, why.into())
    }
}

impl From<AdjustmentError> for ApiError {
    fn from(error: AdjustmentError) -> Self {
        let detail = error.to_string();
        match error {
            AdjustmentError::Unknown(_) => Self::new(Code::NotFound, detail),
            AdjustmentError::Fault(pointer, code, why) => {
                let fault = FieldError::pointer(pointer, code, why);
                Self::new(Code::InvalidBody, crate::kernel::sentence(detail)).errors(vec![fault])
            }
            _ => Self::new(Code::Conflict, detail),
        }
    }
}
