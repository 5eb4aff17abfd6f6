//! Why a grant of credit cannot be made or ended.

use crate::http::{ApiError, Code, FieldError};
use crate::kernel::Micros;
use crate::kernel::id::CreditGrantId;

/// Why a grant of credit cannot be made or ended.
#[derive(Debug, thiserror::Error)]
pub enum CreditError {
    /// There is no such grant.
    #[error("There is no grant of credit `{0}`; list them to see which exist.")]
    Unknown(CreditGrantId),
    /// Something of what is asked for is at fault.
    #[error("{0}: {2}")]
    Fault(&'static str, &'static str, String),
    /// The reference was used for another one.
    #[error(
        "The reference `{0}` was used for `{1}`, which is another grant of this partner. Give each its own."
    )]
    ReferenceTaken(String, CreditGrantId),
    /// It has ended.
    #[error("`{0}` was ended at {1}.")]
    Ended(CreditGrantId, Micros),
    /// Nothing is left of it.
    #[error("Nothing is left of `{0}`: closed periods have drawn all of it.")]
    Spent(CreditGrantId),
}

impl CreditError {
    /// A fault at a place of what was asked for.
    pub(super) fn fault(pointer: &'static str, code: &'static str, why: impl Into<String>) -> Self {
        Self::Fault(pointer, code, why.into())
    }
}

impl From<CreditError> for ApiError {
    fn from(error: CreditError) -> Self {
        let detail = error.to_string();
        match error {
            CreditError::Unknown(_) => Self::new(Code::NotFound, detail),
            CreditError::Fault(pointer, code, why) => {
                let fault = FieldError::pointer(pointer, code, why);
                Self::new(Code::InvalidBody, crate::kernel::sentence(detail)).errors(vec![fault])
            }
            _ => Self::new(Code::Conflict, detail),
        }
    }
}
