//! Why there is no proof of an event.

use crate::billing::BillingError;
use crate::billing::keys::KeyError;
use crate::http::{ApiError, Code};
use crate::kernel::Micros;
use crate::kernel::id::BillingPeriodId;
use crate::metering::journal::EventId;
use crate::storage::StoreError;

/// Why there is no proof of an event.
#[derive(Debug, thiserror::Error)]
pub enum NoEventProof {
    /// The ledger has no such event of the caller.
    #[error(
        "There is no event `{0}` of yours in the ledger: an event comes into it about a second after its answer, and \
         `GET /v1/usage/events` lists yours."
    )]
    Unknown(EventId),
    /// Its period goes on, or is not closed yet.
    #[error(
        "The period `{period}` of this event is open: its proof can be had once the period is closed, which can be \
         from {from} on."
    )]
    Open {
        /// The period.
        period: BillingPeriodId,
        /// From when on it can be closed.
        from: Micros,
    },
    /// It came into the ledger behind the close.
    #[error(
        "This event came into the ledger after its period `{period}` was closed at {closed_at}, so that the close does \
         not count it and there is no proof of it{}.",
        paid_for(.booked.as_ref())
    )]
    Late {
        /// The period.
        period: BillingPeriodId,
        /// When it was closed.
        closed_at: Micros,
        /// The later period that it is paid for in, where one is known.
        booked: Option<BillingPeriodId>,
    },
    /// The plan asked nothing for its time.
    #[error(
        "The plan asked nothing when this event was made, and no period that holds it was closed so far: until one is, \
         there is no proof of it."
    )]
    NoPeriod,
    /// The close was made before evidence was kept.
    #[error(
        "The period `{0}` of this event was closed by a version of the program that kept no tree of its events, so that \
         there are no proofs of them."
    )]
    NoEvidence(BillingPeriodId),
    /// Too many wait, or the node is stopping.
    #[error("{0}")]
    NoTurn(ApiError),
    /// Nothing can be signed.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// The books cannot be read.
    #[error(transparent)]
    Billing(#[from] BillingError),
}

fn paid_for(period: Option<&BillingPeriodId>) -> String {
    period.map_or_else(String::new, |period| format!("; it is paid for in the period `{period}`"))
}

impl From<StoreError> for NoEventProof {
    fn from(error: StoreError) -> Self {
        BillingError::from(error).into()
    }
}

impl From<NoEventProof> for ApiError {
    fn from(error: NoEventProof) -> Self {
        let detail = error.to_string();
        match error {
            NoEventProof::Unknown(_) => Self::new(Code::NotFound, detail),
            NoEventProof::Open { .. }
            | NoEventProof::Late { .. }
            | NoEventProof::NoPeriod
            | NoEventProof::NoEvidence(_) => Self::new(Code::Conflict, detail),
            NoEventProof::NoTurn(error) => error,
            NoEventProof::Billing(error) => error.into(),
            NoEventProof::Key(KeyError::Store(error)) => error.into(),
            NoEventProof::Key(error) => {
                tracing::error!(%error, "a proof of an event could not be signed");
                let detail = "The failure has been recorded; quote the request id.";
                Self::new(Code::Internal, detail)
            }
        }
    }
}
