//! Usage event by event.

use super::caller::AdminCaller;
use super::problems::Problems;
use super::state::State;
use crate::billing::api::events::{answer, place};
use crate::billing::api::schema::PageOfEvents;
use crate::billing::export::Asked;
use crate::http::{Answer, ApiResult, Params};
use crate::kernel::Micros;
use crate::metering::period::Period;
use actix_web::{HttpRequest, get};
use utoipa_actix_web::service_config::ServiceConfig;

/// Mounts the operation.
pub fn configure(config: &mut ServiceConfig<'_>) {
    config.service(list_usage_events);
}

/// Usage, call by call
///
/// A row for each answered call, as `comptoir usage export` writes it, in the order in which calls came into the ledger.
/// `after` goes on where the last page ended: nothing is missed and nothing comes twice, whatever is recorded meanwhile. A
/// page may have few rows or none although more follow, as long as `next` is below `stable_high_water`; in lines and tables,
/// as long as there is a `Link` to the next page.
#[utoipa::path(
    tag = "usage", operation_id = "list_usage_events",
    params(
        ("after" = Option<i64>, Query, minimum = 0, description = "Only events behind this number: `next` of the page before, the `export_seq` of its last row, or the `stable_high_water` of an export. 0 where it is left out", example = 4_194_303),
        ("limit" = Option<u32>, Query, minimum = 1, maximum = 10000, description = "Most rows in the page; 1,000 where it is left out", example = 50),
        ("partner_id" = Option<String>, Query, description = "Only events of this partner", example = "prt_4kPz09aBcDe"),
        ("app_id" = Option<String>, Query, description = "Only events of this app", example = "app_7nRy25kLmNo"),
        ("from" = Option<String>, Query, format = DateTime, description = "Only calls that were made at or after this time", example = "2026-11-01T00:00:00Z"),
        ("to" = Option<String>, Query, format = DateTime, description = "Only calls that were made before this time", example = "2026-12-01T00:00:00Z"),
    ),
    responses(
        (status = 200, description = "The page; `Accept` says in which form", content((PageOfEvents = "application/json"), (String = "application/x-ndjson"), (String = "text/csv"))),
        Problems
    ),
    security(("admin_token" = []))
)]
#[get("/usage/events")]
async fn list_usage_events(
    _caller: AdminCaller,
    request: HttpRequest,
    state: State,
) -> ApiResult<Answer> {
    let mut params = Params::new(request.query_string());
    let (after, limit) = place(&mut params);
    let (partner, app) = (params.value("partner_id"), params.value("app_id"));
    let (from, to): (Option<Micros>, Option<Micros>) = (params.value("from"), params.value("to"));
    if from.zip(to).is_some_and(|(from, to)| to < from) {
        params.fault("to", "out_of_range", "is before `from`");
    }
    params.finish()?;
    let span =
        || Period { from: from.unwrap_or(Micros(i64::MIN)), to: to.unwrap_or(Micros(i64::MAX)) };
    let period = (from.is_some() || to.is_some()).then(span);
    answer(&request, &state.db, Asked { period, after, partner, app, booked: None }, limit).await
}
