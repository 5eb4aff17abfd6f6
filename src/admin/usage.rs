//! What an app has used and owes by now, for the retailer.

use super::caller::AdminCaller;
use super::problems::{Missing, Problems};
use super::state::State;
use crate::access::service;
use crate::billing::api::current::{self, CurrentUsageOut};
use crate::http::{Answer, ApiPath, ApiResult, Params};
use crate::kernel::Micros;
use crate::kernel::id::{AppId, PartnerId};
use crate::metering::api::{UsageItemOut, answer, span};
use crate::metering::usage::{By, Granularity, usage};
use actix_web::{HttpRequest, get};
use serde::Serialize;
use utoipa_actix_web::service_config::ServiceConfig;

/// Mounts the operations.
pub fn configure(config: &mut ServiceConfig<'_>) {
    config.service(get_app_usage).service(get_current_app_usage);
}

/// What an app has used in a span of time.
#[derive(Debug, Serialize, utoipa::ToSchema)]
struct AppUsageOut {
    /// Start of the span, inclusive: a full hour.
    #[schema(value_type = String, format = DateTime, example = "2026-11-01T00:00:00Z")]
    from: Micros,
    /// End of the span, exclusive: a full hour.
    #[schema(value_type = String, format = DateTime, example = "2026-12-01T00:00:00Z")]
    to: Micros,
    /// Everything answered up to about this instant is counted; null before the first call.
    #[schema(required = true, value_type = Option<String>, format = DateTime, example = "2026-11-22T09:41:07Z")]
    as_of: Option<Micros>,
    /// The partner that the app belongs to.
    #[schema(value_type = String, example = "prt_4kPz09aBcDe")]
    partner_id: PartnerId,
    /// The app.
    #[schema(value_type = String, example = "app_7nRy25kLmNo")]
    app_id: AppId,
    /// One row for each bucket of time, environment, operation and status, and for each key where `by` asks for it.
    items: Vec<UsageItemOut>,
}

/// What an app has used
///
/// By time, operation and status, from the same ledger that is billed and as the partner sees it: as long as the app has
/// been this partner's. As JSON; the rows alone as `text/csv` or `application/x-ndjson`. `comptoir usage export` has a row
/// for each call.
#[utoipa::path(
    tag = "usage", operation_id = "get_app_usage",
    params(
        ("app_id" = String, Path, description = "Id of the app", example = "app_7nRy25kLmNo"),
        ("from" = Option<String>, Query, format = DateTime, description = "Start of the span, inclusive: a full hour (UTC). The start of this month (UTC) where it is left out", example = "2026-11-01T00:00:00Z"),
        ("to" = Option<String>, Query, format = DateTime, description = "End of the span, exclusive: a full hour (UTC). The end of the present hour where it is left out", example = "2026-12-01T00:00:00Z"),
        ("granularity" = inline(Option<Granularity>), Query, description = "Length of a row's bucket: `hour` (up to 31 days), `day` or `month`, in UTC. `day` where it is left out", example = "day"),
        ("by" = inline(Option<By>), Query, description = "`key`: rows are kept apart by key, too, so that `key_id` is told", example = "key"),
    ),
    responses(
        (status = 200, description = "The usage; `Accept` says in which form", content((AppUsageOut = "application/json"), (String = "application/x-ndjson"), (String = "text/csv"))),
        Missing, Problems
    ),
    security(("admin_token" = []))
)]
#[get("/apps/{app_id}/usage")]
async fn get_app_usage(
    _caller: AdminCaller,
    request: HttpRequest,
    id: ApiPath<AppId>,
    state: State,
) -> ApiResult<Answer> {
    let now = state.clock.now();
    let (from, to, shape) = span(request.query_string(), now)?;
    let app = service::get_app(&state.db, id.0, now).await?;
    let used = usage(&state.db, (app.partner, app.id), from, to, shape).await?;
    let items: Vec<UsageItemOut> = used.rows.into_iter().map(Into::into).collect();
    let (partner_id, app_id, as_of) = (app.partner, app.id, used.as_of);
    let out = AppUsageOut { from, to, as_of, partner_id, app_id, items };
    answer(&request, &out, &out.items)
}

/// The open period of an app
///
/// What the app owes by now for the period that is open, where its charges stand, and what the period is expected to come to:
/// as its partner sees it, by the same function as the statement that will be frozen.
#[utoipa::path(
    tag = "usage", operation_id = "get_current_app_usage",
    params(("app_id" = String, Path, description = "Id of the app", example = "app_7nRy25kLmNo")),
    responses((status = 200, description = "What the open period has come to", body = CurrentUsageOut), Missing, Problems),
    security(("admin_token" = []))
)]
#[get("/apps/{app_id}/usage/current")]
async fn get_current_app_usage(
    _caller: AdminCaller,
    request: HttpRequest,
    id: ApiPath<AppId>,
    state: State,
) -> ApiResult<Answer> {
    Params::new(request.query_string()).finish()?;
    let now = state.clock.now();
    let app = service::get_app(&state.db, id.0, now).await?;
    current::answer(&state.db, (app.partner, app.id), now).await
}
