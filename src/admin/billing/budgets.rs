//! Budgets over HTTP.

use crate::admin::caller::AdminCaller;
use crate::admin::page::{self, PageOut, PageQuery};
use crate::admin::problems::{BodyProblems, Conflicts, Missing, Problems};
use crate::admin::state::{State, created, done};
use crate::billing::budgets::{self, Asked, Budget, BudgetError, store};
use crate::http::answer::Cache;
use crate::http::{Answer, ApiPath, ApiResult, JsonBody, Params};
use crate::kernel::id::BudgetId;
use actix_web::{HttpRequest, HttpResponse, delete, get, post};
use utoipa_actix_web::service_config::ServiceConfig;

/// Mounts the operations on budgets.
pub(super) fn configure(config: &mut ServiceConfig<'_>) {
    config.service(list_budgets).service(create_budget).service(get_budget).service(delete_budget);
}

/// A page of the budgets
///
/// In the order of their ids. `GET /admin/v1/alerts?kind=spend` lists what was told of them.
#[utoipa::path(
    tag = "billing", operation_id = "list_budgets",
    params(
        ("partner_id" = Option<String>, Query, description = "Only those of this partner and its apps", example = "prt_4kPz09aBcDe"),
        ("app_id" = Option<String>, Query, description = "Only those of this app", example = "app_7nRy25kLmNo"),
        PageQuery
    ),
    responses((status = 200, description = "The page", body = PageOut<Budget>), Problems),
    security(("admin_token" = []))
)]
#[get("/budgets")]
async fn list_budgets(
    _caller: AdminCaller,
    request: HttpRequest,
    state: State,
) -> ApiResult<Answer> {
    let mut params = Params::new(request.query_string());
    let whose = (params.value("partner_id"), params.value("app_id"));
    let page = page::read(&request, params)?;
    let after = page.after()?.map(|after| BudgetId(after).to_string()).unwrap_or_default();
    let mut tx = state.db.snapshot().await?;
    let found = store::page(&mut tx, whose, &after, page::rows(&page)).await?;
    page::answer(&page, found, |budget| budget.id.0, |budget| budget)
}

/// Set a budget
///
/// Up to how much a partner, or one of its apps, means to spend in each billing period. The partner's contacts and the
/// retailer's people are told by mail, subscriptions to `usage.spend` and the retailer's own receiver by a message, and
/// `list_alerts` lists it: when the period has come to one of the amounts, each once in a period, and when it is expected to come
/// to more than the budget, once. Nothing is refused because of it. What a period had come to before is told, too. Of all
/// apps of a partner together, those are added up whose periods have the same bounds and time zone.
#[utoipa::path(
    tag = "billing", operation_id = "create_budget", request_body = Asked,
    responses(
        (status = 201, description = "The budget", body = Budget),
        Missing, Conflicts, BodyProblems, Problems
    ),
    security(("admin_token" = []))
)]
#[post("/budgets")]
async fn create_budget(
    caller: AdminCaller,
    body: JsonBody<Asked>,
    state: State,
) -> ApiResult<HttpResponse> {
    let by = caller.by(&state.clock);
    let budget = budgets::create(&state.db, &by, &body.0).await?;
    created(&format!("budgets/{}", budget.id), &budget)
}

/// A budget
///
/// How much it is, and at which amounts it is told.
#[utoipa::path(
    tag = "billing", operation_id = "get_budget",
    params(("budget_id" = String, Path, description = "Id of the budget", example = "bud_4kPz09aBcDe")),
    responses((status = 200, description = "The budget", body = Budget), Missing, Problems),
    security(("admin_token" = []))
)]
#[get("/budgets/{budget_id}")]
async fn get_budget(
    _caller: AdminCaller,
    id: ApiPath<BudgetId>,
    state: State,
) -> ApiResult<Answer> {
    let mut tx = state.db.snapshot().await?;
    let found = store::find(&mut tx, id.0).await?.ok_or(BudgetError::Unknown(id.0))?;
    Answer::json(&found, Cache::NoStore, 1)
}

/// Take a budget away
///
/// Nothing more is told of it. To change one, take it away and set another: an amount that was told of in a period is not told
/// of again in it.
#[utoipa::path(
    tag = "billing", operation_id = "delete_budget",
    params(("budget_id" = String, Path, description = "Id of the budget", example = "bud_4kPz09aBcDe")),
    responses((status = 200, description = "The budget that was taken away", body = Budget), Missing, Problems),
    security(("admin_token" = []))
)]
#[delete("/budgets/{budget_id}")]
async fn delete_budget(
    caller: AdminCaller,
    id: ApiPath<BudgetId>,
    state: State,
) -> ApiResult<HttpResponse> {
    let by = caller.by(&state.clock);
    done(&budgets::delete(&state.db, &by, id.0).await?)
}
