//! Runs that are given up.

use super::caller::AdminCaller;
use super::problems::{BodyProblems, Conflicts, Missing, Problems};
use super::state::{State, done};
use super::usage_health::RunOut;
use crate::access::error::{AccessError, Kind};
use crate::access::text::Reason;
use crate::http::{ApiPath, ApiResult, JsonBody};
use crate::kernel::Micros;
use crate::kernel::id::NodeId;
use crate::metering::gaps::gaps_of;
use crate::metering::runs::{self, Loss};
use actix_web::{HttpRequest, HttpResponse, post};
use serde::Deserialize;
use utoipa_actix_web::service_config::ServiceConfig;

/// Mounts the operation.
pub fn configure(config: &mut ServiceConfig<'_>) {
    config.service(lose_usage_run);
}

/// Why a run counts as lost.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
struct LossIn {
    /// Why nobody can bring in what it had recorded; for the audit log.
    #[schema(value_type = String, min_length = 1, max_length = 500, example = "The machine was taken away with its disk")]
    reason: Reason,
    /// A time at which its process was surely gone: billing periods that begin later are not touched. Not before the run's
    /// `folded_through`, and not in the future. Now, where it is left out.
    #[serde(default)]
    #[schema(value_type = Option<String>, format = DateTime, example = "2026-11-22T09:41:07Z")]
    gone_at: Option<Micros>,
}

/// Give up a silent run
///
/// For a run whose journal is gone: its disk is lost, or was restored from an older copy. What it had recorded and the
/// ledger has not is never billed, and is named by the close of each period that it may touch. A run that says something
/// after all goes on; where the data directory is found, `comptoir usage recover` brings it in as before.
#[utoipa::path(
    tag = "usage", operation_id = "lose_usage_run", request_body = LossIn,
    params(
        ("node_id" = String, Path, description = "The node", example = "nod_4fT0mQ2rXc9"),
        ("epoch" = u64, Path, description = "The number of the run on that node", example = 17),
    ),
    responses((status = 200, description = "The run", body = RunOut), Missing, Conflicts, BodyProblems, Problems),
    security(("admin_token" = []))
)]
#[post("/usage/runs/{node_id}/{epoch}/lose")]
async fn lose_usage_run(
    caller: AdminCaller,
    node: ApiPath<NodeId>,
    request: HttpRequest,
    body: JsonBody<LossIn>,
    state: State,
) -> ApiResult<HttpResponse> {
    let (node, epoch) = (node.0, request.match_info().query("epoch"));
    let missing = || AccessError::not_found(Kind::UsageRun, format!("{node}/{epoch}"));
    let epoch: u64 = epoch.parse().map_err(|_| missing())?;
    let LossIn { reason, gone_at } = body.0;
    let by = caller.by(&state.clock);
    let run = runs::lose(&state.db, &by, (node, epoch), Loss { reason, gone_at }).await?;
    let gaps = gaps_of(&state.db, node, epoch).await?;
    done(&RunOut::new(run, gaps, by.now))
}
