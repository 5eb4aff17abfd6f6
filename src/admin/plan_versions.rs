//! The versions of a plan over HTTP: what held when, for the bills and the disputes.

use super::caller::AdminCaller;
use super::page::{self, PageOut, PageQuery};
use super::problems::{Missing, Problems};
use super::state::State;
use crate::access::AccessError;
use crate::access::error::Kind;
use crate::access::model::{Definition, PlanVersion, StockDisclosure};
use crate::access::plan::{
    DataDoc, LimitDoc, PlanData, PlanLimits, PlanPrices, PlanWeights, PricesDoc,
};
use crate::access::service;
use crate::http::answer::Cache;
use crate::http::{Answer, ApiPath, ApiResult, Params};
use crate::kernel::Micros;
use crate::kernel::id::PlanId;
use crate::limit::WhenDegraded;
use actix_web::{HttpRequest, get};
use serde::Serialize;
use std::sync::Arc;
use utoipa_actix_web::service_config::ServiceConfig;

/// Mounts the operations on the versions of plans.
pub fn configure(config: &mut ServiceConfig<'_>) {
    config.service(list_plan_versions).service(get_plan_version);
}

/// What a plan granted from one edit to the next. It never changes.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct PlanVersionOut {
    /// Id of the plan.
    #[schema(value_type = String, example = "pln_2mQx17fGhIj")]
    pub plan_id: PlanId,
    /// Counts the plan's definitions from 1.
    #[schema(example = 1)]
    pub version: u32,
    /// One to eight limits; a call must be within all of them that count it.
    #[schema(value_type = Vec<LimitDoc>)]
    pub limits: PlanLimits,
    /// How much of a quantity in stock its apps may know.
    #[schema(example = "exact")]
    pub stock_disclosure: StockDisclosure,
    /// Units that calls weigh, by operation id, where they differ from `x-cost` of the partner API.
    #[schema(value_type = HashMap<String, f64>, example = json!({"list_products": 2.5}))]
    pub weights: PlanWeights,
    /// What its apps meet while several nodes cannot count together.
    #[schema(example = "share")]
    pub when_degraded: WhenDegraded,
    /// What the use of its apps cost in a period; left out where it cost nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<PricesDoc>)]
    pub prices: Option<PlanPrices>,
    /// What of the data its apps might read; an empty object is everything.
    #[schema(value_type = DataDoc)]
    pub data: Arc<PlanData>,
    /// From when it held; the next version ended it.
    #[schema(value_type = String, format = DateTime, example = "2026-11-22T09:41:07Z")]
    pub created_at: Micros,
}

impl From<PlanVersion> for PlanVersionOut {
    fn from(version: PlanVersion) -> Self {
        let PlanVersion { plan: plan_id, version, definition, created_at } = version;
        let Definition { limits, stock_disclosure, weights, when_degraded, prices, data } =
            definition;
        Self {
            plan_id,
            version,
            limits,
            stock_disclosure,
            weights,
            when_degraded,
            prices,
            data,
            created_at,
        }
    }
}

/// The versions of a plan
///
/// Oldest first. Each event of the usage names the version that held.
#[utoipa::path(
    tag = "plans", operation_id = "list_plan_versions",
    params(
        ("plan_id" = String, Path, description = "Id of the plan", example = "pln_2mQx17fGhIj"),
        PageQuery
    ),
    responses(
        (status = 200, description = "The page", body = PageOut<PlanVersionOut>), Missing, Problems
    ),
    security(("admin_token" = []))
)]
#[get("/plans/{plan_id}/versions")]
async fn list_plan_versions(
    _caller: AdminCaller,
    id: ApiPath<PlanId>,
    request: HttpRequest,
    state: State,
) -> ApiResult<Answer> {
    let page = page::read(&request, Params::new(request.query_string()))?;
    service::get_plan(&state.db, id.0).await?;
    let after = page.after()?.and_then(|after| u32::try_from(after).ok()).unwrap_or(0);
    let rows = service::list_plan_versions(&state.db, id.0, after, page::rows(&page)).await?;
    page::answer(&page, rows, |version| version.version.into(), PlanVersionOut::from)
}

/// A version of a plan
///
/// As it held, and as usage that names it was counted.
#[utoipa::path(
    tag = "plans", operation_id = "get_plan_version",
    params(
        ("plan_id" = String, Path, description = "Id of the plan", example = "pln_2mQx17fGhIj"),
        ("version" = u32, Path, description = "Number of the version", minimum = 1, example = 1),
    ),
    responses((status = 200, description = "The version", body = PlanVersionOut), Missing, Problems),
    security(("admin_token" = []))
)]
#[get("/plans/{plan_id}/versions/{version}")]
async fn get_plan_version(
    _caller: AdminCaller,
    id: ApiPath<PlanId>,
    request: HttpRequest,
    state: State,
) -> ApiResult<Answer> {
    let number = request.match_info().query("version");
    service::get_plan(&state.db, id.0).await?;
    let version = match number.parse().ok().filter(|number| *number > 0) {
        Some(number) => service::find_plan_version(&state.db, id.0, number).await?,
        None => None,
    };
    let missing = || AccessError::not_found(Kind::PlanVersion, number);
    Answer::json(&PlanVersionOut::from(version.ok_or_else(missing)?), Cache::NoStore, 1)
}
