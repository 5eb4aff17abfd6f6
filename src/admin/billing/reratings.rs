//! A period at other prices, over HTTP.

use crate::access::plan::{PlanPrices, PricesDoc};
use crate::admin::caller::AdminCaller;
use crate::admin::problems::{BodyProblems, Conflicts, Missing, Problems};
use crate::admin::state::{State, done};
use crate::billing::BillingError;
use crate::billing::rerate::{Change, Prices, rerated};
use crate::billing::view::Whose;
use crate::http::{ApiError, ApiResult, Code, FieldError, JsonBody};
use crate::kernel::id::{AppId, BillingPeriodId, PartnerId, PlanId};
use actix_web::{HttpResponse, post};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use utoipa_actix_web::service_config::ServiceConfig;

/// Mounts the operation.
pub(super) fn configure(config: &mut ServiceConfig<'_>) {
    config.service(preview_rerating);
}

/// A period, and the prices that it is tried out with: those of a plan, or others.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "period_id": "per_2mQx17fGhIj", "plan_id": "pln_2mQx17fGhIj", "plan_version": 3 }))]
struct RerateIn {
    /// The period, open or closed.
    #[schema(value_type = String, example = "per_2mQx17fGhIj")]
    period_id: BillingPeriodId,
    /// The plan whose prices are to hold for all of it.
    #[serde(default)]
    #[schema(value_type = Option<String>, example = "pln_2mQx17fGhIj")]
    plan_id: Option<PlanId>,
    /// The version of it; the newest where it is left out.
    #[serde(default)]
    #[schema(minimum = 1, example = 3)]
    plan_version: Option<u32>,
    /// A price list in place of a plan's.
    #[serde(default)]
    #[schema(value_type = Option<PricesDoc>)]
    prices: Option<PlanPrices>,
    /// Only statements of this partner.
    #[serde(default)]
    #[schema(value_type = Option<String>, example = "prt_4kPz09aBcDe")]
    partner_id: Option<PartnerId>,
    /// Only statements of this app.
    #[serde(default)]
    #[schema(value_type = Option<String>, example = "app_7nRy25kLmNo")]
    app_id: Option<AppId>,
}

/// What a period would come to at other prices.
#[derive(Debug, Serialize, utoipa::ToSchema)]
struct RerateOut {
    /// The statements, in the order of their ids. Adjustments and credits are left out: they stay as they are.
    items: Vec<Change>,
}

/// Try a period at other prices
///
/// What each statement of an open or closed period would come to if one price list had held for all of it, and the
/// difference. Nothing is changed: `create_adjustment` with `rerate` books the difference of a closed period. Of a list with
/// longer periods, as a year's for a month, it is what is asked for the part that the period is of the list's own in which it
/// begins: of fees, minimums, caps, flat amounts, included units and the ends of tiers. One with shorter periods is refused,
/// unless the period lies in one of them. Statements in another currency than that of the list are left out; where all are,
/// that is a `conflict`.
#[utoipa::path(
    tag = "billing", operation_id = "preview_rerating", request_body = RerateIn,
    responses(
        (status = 200, description = "The statements", body = RerateOut),
        Missing, Conflicts, BodyProblems, Problems
    ),
    security(("admin_token" = []))
)]
#[post("/billing/reratings")]
async fn preview_rerating(
    _caller: AdminCaller,
    body: JsonBody<RerateIn>,
    state: State,
) -> ApiResult<HttpResponse> {
    let RerateIn { period_id, plan_id, plan_version, prices, partner_id, app_id } = body.0;
    let fault = |pointer: &str, code: &str, why: &str| {
        let fault = FieldError::pointer(pointer, code, why);
        let detail = crate::kernel::sentence(format!("{pointer}: {why}"));
        ApiError::new(Code::InvalidBody, detail).errors(vec![fault])
    };
    let pointer = if prices.is_some() { "/prices" } else { "/plan_id" };
    let prices = match (plan_id, prices) {
        (Some(plan), None) => Prices::OfPlan(plan, plan_version),
        (None, Some(PlanPrices(list))) if plan_version.is_none() => Prices::List(Arc::new(list)),
        _ => {
            let why = "either it or `prices` is given, and `plan_version` with it alone";
            return Err(fault("/plan_id", "required", why));
        }
    };
    let whose = Whose { partner: partner_id, app: app_id };
    let found = rerated(&state.db, (period_id, whose), prices, state.clock.now()).await;
    let found = found.map_err(|error| match error {
        BillingError::ShorterPeriods(_) => {
            let why = "has periods that are shorter than this one, and what was counted in it cannot be told apart by them: \
                       try prices whose periods are as long or longer";
            fault(pointer, "not_allowed", why)
        }
        error => error.into(),
    })?;
    let why = "there is no such plan or version, or it asks nothing";
    let items = found.ok_or_else(|| fault("/plan_id", "not_found", why))?;
    done(&RerateOut { items })
}
