//! `GET /v1/usage/events/{event_id}/proof`: that the close of a period counts one of the caller's own events.

use crate::access::caller::Caller;
use crate::access::op;
use crate::billing::proof::{EventProof, Proving, prove};
use crate::http::answer::Cache;
use crate::http::{Answer, ApiPath, ApiResult, Params, Turns};
use crate::metering::api::UsageState;
use crate::metering::journal::EventId;
use actix_web::{HttpRequest, get, web};
use utoipa_actix_web::service_config::ServiceConfig;

pub(super) fn configure(config: &mut ServiceConfig<'_>) {
    config.service(get_usage_event_proof);
}

/// The proof of one of your calls
///
/// That a call of your app, billed or not, is among those that the close of its period counts, for who holds its
/// `Usage-Event-Id`: what was sealed of it, and the hashes between that and the signed root of the close. It is checked without
/// this server, with the keys of `GET /.well-known/comptoir-usage-keys.json`, by `comptoir usage verify-proof` or in the steps
/// that the fields tell, and tells nothing of other calls but how many there are. A period that is open has no proofs yet,
/// and a call that came in behind the close of its period has none: both are a 409 that says so. All calls of the day are
/// read for it, hence what it takes from the limits. Never billed.
#[utoipa::path(
    operation_id = "get_usage_event_proof", tag = "usage",
    params(("event_id" = String, Path, description = "Id of the call, as `Usage-Event-Id` of its answer named it", example = "HOejHiaGSWO.2.1")),
    responses(
        (status = 200, description = "The proof.", body = EventProof),
        (status = 304, description = "Not changed since the `ETag` in `If-None-Match`"),
        (status = 404, description = "No event of yours in the ledger has this id."),
        (status = 409, description = "No close counts the event: its period is open, or it came in behind the close."),
    )
)]
#[get("/v1/usage/events/{event_id}/proof")]
async fn get_usage_event_proof(
    caller: Caller<op::GetUsageEventProof>,
    request: HttpRequest,
    id: ApiPath<EventId>,
    state: web::Data<UsageState>,
    turns: web::Data<Turns>,
) -> ApiResult<Answer> {
    Params::new(request.query_string()).finish()?;
    let with = Proving {
        db: &state.db,
        turns: &turns,
        pepper: state.keyring.pepper(),
        now: state.clock.now(),
        grace: state.grace,
    };
    let proof = prove(&with, id.0, caller.whose()).await?;
    Answer::json(&proof, Cache::NoStore, 1)
}
