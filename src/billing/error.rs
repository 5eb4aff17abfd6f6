//! Why something of billing cannot be done.

use super::adjustments::AdjustmentError;
use super::close::Exception;
use super::credits::CreditError;
use crate::access::error::AccessError;
use crate::http::{ApiError, Code, FieldError};
use crate::kernel::Micros;
use crate::kernel::id::{AppId, BillingPeriodId, StatementId};
use crate::kernel::word::Word;
use crate::metering::recount::Differences;
use crate::metering::runs::Lack;
use crate::rating::TooLarge;
use crate::storage::StoreError;

/// Why something of billing cannot be done.
#[derive(Debug, thiserror::Error)]
pub enum BillingError {
    /// There is no such period.
    #[error(
        "There is no period `{0}`, or no plan asks anything in it: `GET /admin/v1/billing/periods` lists all."
    )]
    UnknownPeriod(BillingPeriodId),
    /// There is no such statement.
    #[error("There is no statement `{0}`; list them to see which exist.")]
    UnknownStatement(StatementId),
    /// The period is closed.
    #[error(
        "The period was closed at {0}, and what is closed is never changed. What is late or wrong is corrected in a later period."
    )]
    Closed(Micros),
    /// The period has not ended for long enough.
    #[error("The period can be closed from {0} on: until then calls of it may come in.")]
    Early(Micros),
    /// An app has an earlier period that is not closed.
    #[error("Periods close in their order: `{0}` ends earlier and is open.")]
    EarlierOpen(BillingPeriodId),
    /// Something may be missing.
    #[error("Of {} processes calls of this period may be missing; `errors` names them. {}", .0.len(), advice(.0))]
    Incomplete(Vec<Exception>),
    /// The sums by hour are not those of the events.
    #[error(
        "The sums by hour that the statements of this period are made of are not those of its events, so nobody can close it: {told}. \
         Something other than Comptoir has changed the database: `comptoir usage reconcile --period {0}` names all that differs. \
         Put the rows that it names back as a backup has them, or as the events say, and close again.",
        told = told(.1)
    )]
    Differs(BillingPeriodId, Differences),
    /// No statement is in the currency of the prices.
    #[error(
        "No statement of `{0}` that is asked for is in {1}, the currency of these prices: try prices in theirs."
    )]
    OtherCurrency(BillingPeriodId, String),
    /// The periods of the prices are shorter.
    #[error(
        "The periods of these prices are shorter than `{0}`, and what was counted in it cannot be told apart by them: try prices \
         whose periods are as long or longer."
    )]
    ShorterPeriods(BillingPeriodId),
    /// An adjustment cannot be made.
    #[error(transparent)]
    Adjustment(#[from] AdjustmentError),
    /// A grant of credit cannot be made or ended.
    #[error(transparent)]
    Credit(#[from] CreditError),
    /// An amount cannot be held.
    #[error("What app {0} owes cannot be told: {1}")]
    TooLarge(AppId, TooLarge),
    /// Who asks may not.
    #[error(transparent)]
    Access(#[from] AccessError),
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What to do where something may be missing: processes that go on say by themselves when a period is complete.
fn advice(missing: &[Exception]) -> &'static str {
    if missing.iter().all(|exception| exception.kind == Lack::Running) {
        return "They go on, and say within 15 minutes of its end, as long as a call may take, that the period is complete: \
                ask again then.";
    }
    "Start the node again, `comptoir usage recover` its data directory, or close with these exceptions, which takes a \
     second person."
}

/// Most differences that a refusal names.
const NAMED: usize = 3;

/// The first differences, and how many more there are.
fn told(found: &Differences) -> String {
    let mut told = found.first.iter().take(NAMED).cloned().collect::<Vec<_>>().join("; ");
    let more = found.count.saturating_sub(NAMED as u64);
    if more > 0 {
        told.push_str(&format!("; and {more} more"));
    }
    told
}

impl From<BillingError> for ApiError {
    fn from(error: BillingError) -> Self {
        let detail = error.to_string();
        match error {
            BillingError::UnknownPeriod(_) | BillingError::UnknownStatement(_) => {
                Self::new(Code::NotFound, detail)
            }
            BillingError::Incomplete(exceptions) => {
                let named = exceptions.iter().enumerate().map(|(n, exception)| {
                    let pointer = format!("/exceptions/{n}");
                    FieldError::pointer(
                        &pointer,
                        Word::as_str(exception.kind),
                        exception.to_string(),
                    )
                });
                Self::new(Code::Conflict, detail).errors(named.collect())
            }
            BillingError::ShorterPeriods(_) => Self::new(Code::InvalidBody, detail),
            BillingError::Closed(_)
            | BillingError::Early(_)
            | BillingError::EarlierOpen(_)
            | BillingError::Differs(..)
            | BillingError::OtherCurrency(..)
            | BillingError::TooLarge(..) => Self::new(Code::Conflict, detail),
            BillingError::Adjustment(error) => error.into(),
            BillingError::Credit(error) => error.into(),
            BillingError::Access(error) => error.into(),
            BillingError::Store(error) => error.into(),
        }
    }
}
