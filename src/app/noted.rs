//! Between the record of a call and its answer: what it tells of a customer is written down for them.

use super::finish::Recorded;
use super::request_cost;
use crate::customers::accesses::AccessNote;
use crate::http::{ApiError, Code};

/// Writes for a customer what a call tells of them, before the answer leaves and its event is closed. Where that cannot be
/// written nothing leaves: the event is closed as aborted, and never billed.
pub(super) async fn told(
    access: Option<&AccessNote>,
    (recorded, error): (Recorded, Option<ApiError>),
) -> (Recorded, Option<ApiError>) {
    let Some(access) = access.filter(|_| error.is_none()) else { return (recorded, error) };
    match access.keep(recorded.id.as_str()).await {
        Ok(()) => (recorded, None),
        Err(reason) => {
            tracing::error!(error = %reason, "an access could not be written down, so nothing was told");
            let id = recorded.id;
            drop(recorded.receipt);
            let detail = "The access cannot be written down now, so nothing was told. Try again in a moment.";
            let error = ApiError::new(Code::MeteringUnavailable, detail);
            let cost = request_cost::FREE;
            (Recorded { receipt: None, id, cost, cost_milli: 0 }, Some(error))
        }
    }
}
