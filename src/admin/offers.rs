//! How plans are offered, over HTTP.

use super::caller::AdminCaller;
use super::problems::{BodyProblems, Missing, Problems};
use super::rights::Right;
use super::state::{State, done};
use crate::access::offers::{self, Approval, Description, Offer};
use crate::http::answer::Cache;
use crate::http::{Answer, ApiPath, ApiResult, JsonBody};
use crate::kernel::id::PlanId;
use actix_web::{HttpResponse, get, put};
use serde::{Deserialize, Serialize};
use utoipa_actix_web::service_config::ServiceConfig;

/// Mounts the operations on offers.
pub fn configure(config: &mut ServiceConfig<'_>) {
    config.service(get_plan_offer).service(set_plan_offer);
}

/// How a plan is offered.
#[derive(Debug, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PlanOffer {
    /// What becomes of who asks for it: `auto` gives it at once, `manual` waits for a decision, `closed` gives
    /// it to nobody who asks.
    #[schema(example = "manual")]
    pub approval: Approval,
    /// Whether everybody may see it, in `GET /v1/plans`, and apply for it.
    #[schema(example = true)]
    pub public: bool,
    /// What everybody may read of it.
    #[serde(default)]
    #[schema(value_type = Option<String>, min_length = 1, max_length = 1_000, example = "For comparison sites")]
    pub description: Option<Description>,
}

impl From<Offer> for PlanOffer {
    fn from(offer: Offer) -> Self {
        let Offer { approval, public, description } = offer;
        Self { approval, public, description }
    }
}

/// How a plan is offered
///
/// As long as nobody has said it: not in public, and somebody decides.
#[utoipa::path(
    tag = "plans", operation_id = "get_plan_offer",
    params(("plan_id" = String, Path, description = "Id of the plan", example = "pln_2mQx17fGhIj")),
    responses((status = 200, description = "The offer", body = PlanOffer), Missing, Problems),
    security(("admin_token" = []))
)]
#[get("/plans/{plan_id}/offer")]
async fn get_plan_offer(
    _caller: AdminCaller,
    id: ApiPath<PlanId>,
    state: State,
) -> ApiResult<Answer> {
    let offer = offers::get_offer(&state.db, id.0).await?;
    Answer::json(&PlanOffer::from(offer), Cache::NoStore, 1)
}

/// Say how a plan is offered
///
/// It holds for those who ask from now on, and makes no new version of the plan. `auto` gives partners, apps and first
/// keys to whoever applies, so to say it needs the right `manage_partners` too.
#[utoipa::path(
    tag = "plans", operation_id = "set_plan_offer", request_body = PlanOffer,
    params(("plan_id" = String, Path, description = "Id of the plan", example = "pln_2mQx17fGhIj")),
    responses((status = 200, description = "The offer", body = PlanOffer), Missing, BodyProblems, Problems),
    security(("admin_token" = []))
)]
#[put("/plans/{plan_id}/offer")]
async fn set_plan_offer(
    caller: AdminCaller,
    id: ApiPath<PlanId>,
    body: JsonBody<PlanOffer>,
    state: State,
) -> ApiResult<HttpResponse> {
    let PlanOffer { approval, public, description } = body.0;
    if approval == Approval::Auto {
        caller.must_have(&state, ("set_plan_offer", Right::ManagePartners)).await?;
    }
    let offer = Offer { approval, public, description };
    offers::set_offer(&state.db, &caller.by(&state.clock), id.0, &offer).await?;
    done(&PlanOffer::from(offers::get_offer(&state.db, id.0).await?))
}
