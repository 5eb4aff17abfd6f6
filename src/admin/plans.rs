//! Plans over HTTP.

use super::caller::AdminCaller;
use super::page::{self, PageOut, PageQuery};
use super::problems::{BodyProblems, Conflicts, Missing, Problems};
use super::state::{State, created, done};
use crate::access::history::PricesFrom;
use crate::access::model::{Definition, DefinitionPatch, Name, Plan, StockDisclosure};
use crate::access::plan::{
    DataDoc, LimitDoc, NeverFits, PlanData, PlanLimits, PlanPrices, PlanWeights, PricesDoc, data,
    data_change, prices_change, share, when_degraded, when_degraded_change,
};
use crate::access::service;
use crate::catalog::store::absent;
use crate::http::answer::Cache;
use crate::http::{Answer, ApiError, ApiPath, ApiResult, Code, FieldError, JsonBody, Params};
use crate::kernel::Micros;
use crate::kernel::id::PlanId;
use crate::limit::{LimitName, WhenDegraded};
use actix_web::{HttpRequest, HttpResponse, get, patch, post};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use utoipa_actix_web::service_config::ServiceConfig;

/// Mounts the operations on plans.
pub fn configure(config: &mut ServiceConfig<'_>) {
    config.service(list_plans).service(create_plan).service(get_plan).service(update_plan);
    super::plan_versions::configure(config);
}

/// A plan to create.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PlanIn {
    /// Name of the plan, unlike that of any other plan.
    #[schema(value_type = String, min_length = 1, max_length = 100, example = "Standard")]
    pub name: Name,
    /// One to eight limits; a call must be within all of them that count it.
    #[schema(value_type = Vec<LimitDoc>, min_items = 1, max_items = 8)]
    pub limits: PlanLimits,
    /// How much of a quantity in stock its apps may know: `exact` (for keys with the scope
    /// `stock:quantity`), `band` or `none`.
    #[serde(default = "exact")]
    #[schema(default = "exact", example = "exact")]
    pub stock_disclosure: StockDisclosure,
    /// Units that calls weigh in the limits and on the bill, by operation id, with up to three decimals;
    /// for an operation that costs by what it brings, what each of its units weighs. Others weigh what
    /// `x-cost` of the partner API says.
    #[serde(default)]
    #[schema(value_type = HashMap<String, f64>, example = json!({"list_products": 2.5}))]
    pub weights: PlanWeights,
    /// What its apps meet while several nodes cannot count together: each node grants its `share` of
    /// the limits, or calls are refused (`refuse`).
    #[serde(default = "share", deserialize_with = "when_degraded")]
    #[schema(default = "share", example = "share")]
    pub when_degraded: WhenDegraded,
    /// What the use of its apps costs in a period; nothing where it is left out.
    #[serde(default)]
    #[schema(value_type = Option<PricesDoc>)]
    pub prices: Option<PlanPrices>,
    /// What of the data its apps may read: products, stores and fields; everything where it is left out. What it names
    /// may come into the catalog later: `absent` of the answer says what is not there.
    #[serde(default, deserialize_with = "data")]
    #[schema(value_type = Option<DataDoc>)]
    pub data: Arc<PlanData>,
}

fn exact() -> StockDisclosure {
    StockDisclosure::Exact
}

/// A change to a plan. What is left out stays as it is.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PlanPatch {
    /// Another name, unlike that of any other plan. It makes no new version.
    #[serde(default)]
    #[schema(value_type = Option<String>, min_length = 1, max_length = 100, example = "Standard")]
    pub name: Option<Name>,
    /// The limits that shall hold in place of all, one to eight. What was counted under a name that stays
    /// goes on.
    #[serde(default)]
    #[schema(value_type = Option<Vec<LimitDoc>>, min_items = 1, max_items = 8)]
    pub limits: Option<PlanLimits>,
    /// How much of a quantity in stock its apps may know.
    #[serde(default)]
    #[schema(example = "band")]
    pub stock_disclosure: Option<StockDisclosure>,
    /// The weights that shall hold in place of all.
    #[serde(default)]
    #[schema(value_type = Option<HashMap<String, f64>>, example = json!({"list_products": 2.5}))]
    pub weights: Option<PlanWeights>,
    /// What its apps shall meet while several nodes cannot count together.
    #[serde(default, deserialize_with = "when_degraded_change")]
    #[schema(example = "refuse")]
    pub when_degraded: Option<WhenDegraded>,
    /// The price list that shall hold in place of the whole one; `null` for none any more.
    #[serde(default, deserialize_with = "prices_change")]
    #[schema(value_type = Option<PricesDoc>)]
    pub prices: Option<Option<PlanPrices>>,
    /// From when on the prices hold for who is on the plan: from the next period on, or at once.
    #[serde(default)]
    #[schema(default = "next_period", example = "next_period")]
    pub prices_from: PricesFrom,
    /// What of the data its apps may read, in place of all that was said; `null` for everything. What it names may come
    /// into the catalog later: `absent` of the answer says what is not there.
    #[serde(default, deserialize_with = "data_change")]
    #[schema(value_type = Option<DataDoc>)]
    pub data: Option<Arc<PlanData>>,
}

/// A plan at its current version.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct PlanOut {
    /// Id of the plan.
    #[schema(value_type = String, example = "pln_2mQx17fGhIj")]
    pub id: PlanId,
    /// Name of the plan.
    #[schema(value_type = String, example = "Standard")]
    pub name: Name,
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
    /// What the use of its apps costs in a period; left out where it costs nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<PricesDoc>)]
    pub prices: Option<PlanPrices>,
    /// What of the data its apps may read; an empty object is everything.
    #[schema(value_type = DataDoc)]
    pub data: Arc<PlanData>,
    /// Operations that its limits can never admit, because a call weighs more than the whole of one: a warning
    /// where its keys are to call them.
    pub never_admitted: Vec<NeverAdmittedOut>,
    /// What `data` names and the catalog does not have (yet), so that the plan includes nothing by it: a warning. Left
    /// out where there is nothing of the kind, and in lists of plans, for which it is not looked up.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub absent: Vec<PlanAbsentOut>,
    /// When it was created.
    #[schema(value_type = String, format = DateTime, example = "2026-11-22T09:41:07Z")]
    pub created_at: Micros,
    /// When it last changed.
    #[schema(value_type = String, format = DateTime, example = "2026-11-22T09:41:07Z")]
    pub updated_at: Micros,
}

/// What a plan names of the catalog that is not there.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct PlanAbsentOut {
    /// `category`, `brand` or `store`. A brand is there where a product is of it.
    #[schema(example = "brand")]
    pub kind: &'static str,
    /// Its id.
    #[schema(example = "brd_6mWx02TzqKe")]
    pub id: String,
}

/// An operation that a limit can never admit: give the plan a greater limit, or the operation a smaller weight.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct NeverAdmittedOut {
    /// The operation.
    #[schema(example = "list_products")]
    pub operation_id: &'static str,
    /// The limit.
    #[schema(value_type = String, example = "burst")]
    pub limit: LimitName,
    /// Units that a call takes.
    #[schema(example = 10.0)]
    pub taken: f64,
    /// Units that the limit grants at most.
    #[schema(example = 5)]
    pub granted: u32,
}

impl From<NeverFits> for NeverAdmittedOut {
    fn from(NeverFits { operation: operation_id, limit, taken, granted }: NeverFits) -> Self {
        Self { operation_id, limit, taken, granted }
    }
}

impl From<Plan> for PlanOut {
    fn from(plan: Plan) -> Self {
        let never = plan.definition.never_admitted();
        let never_admitted = never.into_iter().map(NeverAdmittedOut::from).collect();
        let Plan { id, name, version, definition, created_at, updated_at } = plan;
        let Definition { limits, stock_disclosure, weights, when_degraded, prices, data } =
            definition;
        Self {
            id,
            name,
            version,
            limits,
            stock_disclosure,
            weights,
            when_degraded,
            prices,
            data,
            never_admitted,
            absent: Vec::new(),
            created_at,
            updated_at,
        }
    }
}

impl PlanOut {
    /// The same with what the plan names and the catalog does not have.
    async fn looked_up(state: &State, plan: Plan) -> ApiResult<Self> {
        let absent = absent(&state.db, &plan.definition.data).await?;
        let absent = absent.into_iter().map(|(kind, id)| PlanAbsentOut { kind, id }).collect();
        Ok(Self { absent, ..Self::from(plan) })
    }
}

/// A page of plans
///
/// In the order of their ids, each at its current version.
#[utoipa::path(
    tag = "plans", operation_id = "list_plans", params(PageQuery),
    responses((status = 200, description = "The page", body = PageOut<PlanOut>), Problems),
    security(("admin_token" = []))
)]
#[get("/plans")]
async fn list_plans(_caller: AdminCaller, request: HttpRequest, state: State) -> ApiResult<Answer> {
    let page = page::read(&request, Params::new(request.query_string()))?;
    let rows = service::list_plans(&state.db, &page::walk(&page, PlanId)?).await?;
    page::answer(&page, rows, |plan| plan.id.0, PlanOut::from)
}

/// Create a plan
///
/// At version 1. Apps subscribe to it by its id.
#[utoipa::path(
    tag = "plans", operation_id = "create_plan", request_body = PlanIn,
    responses(
        (status = 201, description = "The plan, at the place in `Location`", body = PlanOut),
        Conflicts, BodyProblems, Problems
    ),
    security(("admin_token" = []))
)]
#[post("/plans")]
async fn create_plan(
    caller: AdminCaller,
    body: JsonBody<PlanIn>,
    state: State,
) -> ApiResult<HttpResponse> {
    let by = caller.by(&state.clock);
    let PlanIn { name, limits, stock_disclosure, weights, when_degraded, prices, data } = body.0;
    let definition = Definition { limits, stock_disclosure, weights, when_degraded, prices, data };
    let plan = service::create_plan(&state.db, &by, name, definition).await?;
    state.applied().await;
    created(&format!("plans/{}", plan.id), &PlanOut::looked_up(&state, plan).await?)
}

/// A plan
///
/// By its id, at its current version.
#[utoipa::path(
    tag = "plans", operation_id = "get_plan",
    params(("plan_id" = String, Path, description = "Id of the plan", example = "pln_2mQx17fGhIj")),
    responses((status = 200, description = "The plan", body = PlanOut), Missing, Problems),
    security(("admin_token" = []))
)]
#[get("/plans/{plan_id}")]
async fn get_plan(_caller: AdminCaller, id: ApiPath<PlanId>, state: State) -> ApiResult<Answer> {
    let plan = service::get_plan(&state.db, id.0).await?;
    Answer::json(&PlanOut::looked_up(&state, plan).await?, Cache::NoStore, 1)
}

/// Change what a plan grants
///
/// A new definition is a new version, in force at once for all apps on the plan; usage is
/// recorded with the version that held. No counter is reset: counters go by the names of limits, and a limit that would
/// only be called otherwise is refused (`renamed_limit`). The same definition again changes nothing.
#[utoipa::path(
    tag = "plans", operation_id = "update_plan", request_body = PlanPatch,
    params(("plan_id" = String, Path, description = "Id of the plan", example = "pln_2mQx17fGhIj")),
    responses(
        (status = 200, description = "The plan", body = PlanOut),
        Missing, Conflicts, BodyProblems, Problems
    ),
    security(("admin_token" = []))
)]
#[patch("/plans/{plan_id}")]
async fn update_plan(
    caller: AdminCaller,
    id: ApiPath<PlanId>,
    body: JsonBody<PlanPatch>,
    state: State,
) -> ApiResult<HttpResponse> {
    let by = caller.by(&state.clock);
    let PlanPatch {
        name,
        limits,
        stock_disclosure,
        weights,
        when_degraded,
        prices,
        prices_from,
        data,
    } = body.0;
    let patch = DefinitionPatch {
        limits,
        stock_disclosure,
        weights,
        when_degraded,
        prices,
        prices_from,
        data,
    };
    if name.is_none() && patch.is_empty() {
        let detail = "The body changes nothing: give name, limits, stock_disclosure, weights, when_degraded, \
                      prices or data.";
        let fault = FieldError::pointer("", "empty", "names nothing to change");
        return Err(ApiError::new(Code::InvalidBody, detail).errors(vec![fault]));
    }
    let plan = service::update_named_plan(&state.db, &by, id.0, (name, patch)).await?;
    state.applied().await;
    done(&PlanOut::looked_up(&state, plan).await?)
}
