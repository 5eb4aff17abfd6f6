//! Subscriptions of apps to plans over HTTP.

use super::caller::AdminCaller;
use super::freezes::WhyIn;
use super::page::{self, PageOut, PageQuery};
use super::problems::{BodyProblems, Conflicts, Missing, Problems};
use super::state::{State, created, done};
use crate::access::service::app_exists;
use crate::access::subscriptions::{State as Stage, Subscription, service};
use crate::access::text::Reason;
use crate::access::{AccessError, error::Kind};
use crate::http::{Answer, ApiPath, ApiResult, JsonBody, OptionalBody, Params};
use crate::kernel::Micros;
use crate::kernel::id::{AppId, AppSubscriptionId, PlanId};
use actix_web::{HttpRequest, HttpResponse, get, post};
use serde::{Deserialize, Serialize};
use utoipa_actix_web::service_config::ServiceConfig;

/// Mounts the operations on subscriptions to plans.
pub fn configure(config: &mut ServiceConfig<'_>) {
    config
        .service(list_app_subscriptions)
        .service(request_plan)
        .service(list_requested_subscriptions)
        .service(approve_subscription)
        .service(reject_subscription)
        .service(cancel_subscription)
        .service(suspend_subscription)
        .service(resume_subscription);
}

/// A plan that is asked for.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PlanRequestIn {
    /// The plan.
    #[schema(value_type = String, example = "pln_2mQx17fGhIj")]
    pub plan_id: PlanId,
    /// From when on, at most five years ahead; at its approval where it is left out.
    #[schema(value_type = Option<String>, format = DateTime, example = "2027-01-01T00:00:00Z")]
    pub starts_at: Option<Micros>,
}

/// An approval.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ApprovalIn {
    /// From when on; as it was asked for where it is null or left out. What lies in the past is at once.
    #[schema(value_type = Option<String>, format = DateTime, example = "2027-01-01T00:00:00Z")]
    #[serde(default)]
    pub starts_at: Option<Micros>,
}

/// Why something is done to a subscription.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ReasonIn {
    /// Why.
    #[schema(value_type = String, min_length = 1, max_length = 500, example = "The purpose is not clear")]
    pub reason: Reason,
}

/// A subscription of an app to a plan.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct AppSubscriptionOut {
    /// Id of the subscription.
    #[schema(value_type = String, example = "aps_3nQr81sTuVw")]
    pub id: AppSubscriptionId,
    /// The app.
    #[schema(value_type = String, example = "app_7nRy25kLmNo")]
    pub app_id: AppId,
    /// Counts the app's subscriptions from 1.
    #[schema(example = 2)]
    pub number: u32,
    /// The plan.
    #[schema(value_type = String, example = "pln_2mQx17fGhIj")]
    pub plan_id: PlanId,
    /// `requested`; `scheduled`, `active`, `suspended`, `ended`; `rejected` or `cancelled`.
    #[schema(example = "active")]
    pub state: Stage,
    /// Who asked for it: an admin, a command, or an application.
    #[schema(example = "adm_5pLw38mNoPq")]
    pub requested_by: String,
    /// When.
    #[schema(value_type = String, format = DateTime, example = "2026-11-22T09:41:07Z")]
    pub requested_at: Micros,
    /// From when on it was asked for; null for at once.
    #[schema(required = true, value_type = Option<String>, format = DateTime)]
    pub wanted_at: Option<Micros>,
    /// Whether it still waits for a decision after `wanted_at`: once approved, it begins then.
    #[schema(example = false)]
    pub overdue: bool,
    /// Who decided; null while nobody has.
    #[schema(required = true, example = "adm_5pLw38mNoPq")]
    pub decided_by: Option<String>,
    /// When; null while nobody has.
    #[schema(required = true, value_type = Option<String>, format = DateTime)]
    pub decided_at: Option<Micros>,
    /// Why it was rejected, cancelled or suspended; null where nobody said.
    #[schema(required = true, example = "The purpose is not clear")]
    pub reason: Option<String>,
    /// From when on it is in force; null where it is not approved.
    #[schema(required = true, value_type = Option<String>, format = DateTime)]
    pub starts_at: Option<Micros>,
    /// Until when: then the next one begins. Null where none is known.
    #[schema(required = true, value_type = Option<String>, format = DateTime)]
    pub ends_at: Option<Micros>,
}

impl AppSubscriptionOut {
    fn at(subscription: Subscription, now: Micros) -> Self {
        let (state, overdue) = (subscription.state_at(now), subscription.is_overdue(now));
        let Subscription { id, app, number, plan, requested_by, requested_at, .. } = subscription;
        let Subscription { wanted_at, decided_by, decided_at, reason, .. } = subscription;
        let Subscription { starts_at, ends_at, .. } = subscription;
        Self {
            id,
            app_id: app,
            number,
            plan_id: plan,
            state,
            requested_by,
            requested_at,
            wanted_at,
            overdue,
            decided_by,
            decided_at,
            reason,
            starts_at,
            ends_at,
        }
    }
}

/// The subscriptions of an app
///
/// Newest first, with those that ended, were rejected or cancelled. Exactly one is in force at any time: each
/// ends at the instant at which the next begins.
#[utoipa::path(
    tag = "subscriptions", operation_id = "list_app_subscriptions",
    params(("app_id" = String, Path, description = "Id of the app", example = "app_7nRy25kLmNo"), PageQuery),
    responses((status = 200, description = "The page", body = PageOut<AppSubscriptionOut>), Missing, Problems),
    security(("admin_token" = []))
)]
#[get("/apps/{app_id}/subscriptions")]
async fn list_app_subscriptions(
    _caller: AdminCaller,
    id: ApiPath<AppId>,
    request: HttpRequest,
    state: State,
) -> ApiResult<Answer> {
    let page = page::read(&request, Params::new(request.query_string()))?;
    if !app_exists(&state.db, id.0).await? {
        return Err(AccessError::not_found(Kind::App, id.0).into());
    }
    let before = page.after()?.and_then(|after| i64::try_from(after).ok()).unwrap_or(i64::MAX);
    let rows = service::history(&state.db, id.0, before, page::rows(&page)).await?;
    let now = state.clock.now();
    page::answer(&page, rows, |s| s.number.into(), |s| AppSubscriptionOut::at(s, now))
}

/// Ask for a plan
///
/// Where the plan is given without asking anybody (`approval` of its offer is `auto`), the app has it at once,
/// or from `starts_at` on. Otherwise it waits to be approved. A plan that is `closed` cannot be asked for. To
/// put an app on a plan by your own hand, change the app.
#[utoipa::path(
    tag = "subscriptions", operation_id = "request_plan", request_body = PlanRequestIn,
    params(("app_id" = String, Path, description = "Id of the app", example = "app_7nRy25kLmNo")),
    responses(
        (status = 201, description = "The subscription, at the place in `Location`", body = AppSubscriptionOut),
        Missing, Conflicts, BodyProblems, Problems
    ),
    security(("admin_token" = []))
)]
#[post("/apps/{app_id}/subscriptions")]
async fn request_plan(
    caller: AdminCaller,
    id: ApiPath<AppId>,
    body: JsonBody<PlanRequestIn>,
    state: State,
) -> ApiResult<HttpResponse> {
    let by = caller.by(&state.clock);
    let PlanRequestIn { plan_id, starts_at } = body.0;
    let new = service::request(&state.db, &by, (id.0, plan_id), starts_at).await?;
    state.applied().await;
    created(&format!("apps/{}/subscriptions", id.0), &AppSubscriptionOut::at(new, by.now))
}

/// Subscriptions that wait for a decision
///
/// Of all apps, in the order of their ids.
#[utoipa::path(
    tag = "subscriptions", operation_id = "list_requested_subscriptions", params(PageQuery),
    responses((status = 200, description = "The page", body = PageOut<AppSubscriptionOut>), Problems),
    security(("admin_token" = []))
)]
#[get("/subscriptions")]
async fn list_requested_subscriptions(
    _caller: AdminCaller,
    request: HttpRequest,
    state: State,
) -> ApiResult<Answer> {
    let page = page::read(&request, Params::new(request.query_string()))?;
    let rows = service::requested(&state.db, &page::walk(&page, AppSubscriptionId)?).await?;
    let now = state.clock.now();
    page::answer(&page, rows, |s| s.id.0, |s| AppSubscriptionOut::at(s, now))
}

async fn told(state: &State, changed: Subscription) -> ApiResult<HttpResponse> {
    state.applied().await;
    done(&AppSubscriptionOut::at(changed, state.clock.now()))
}

/// Approve a subscription
///
/// The plan is the app's at once or from `starts_at` on; the one before ends at that instant. Limits of the same name go
/// on with what was counted, and quotas of other names with what the ledger has of the period. Without a body, it begins as it was asked for.
#[utoipa::path(
    tag = "subscriptions", operation_id = "approve_subscription", request_body = Option<ApprovalIn>,
    params(("subscription_id" = String, Path, description = "Id of the subscription", example = "aps_3nQr81sTuVw")),
    responses(
        (status = 200, description = "The subscription", body = AppSubscriptionOut),
        Missing, Conflicts, BodyProblems, Problems
    ),
    security(("admin_token" = []))
)]
#[post("/subscriptions/{subscription_id}/approve")]
async fn approve_subscription(
    caller: AdminCaller,
    id: ApiPath<AppSubscriptionId>,
    body: OptionalBody<ApprovalIn>,
    state: State,
) -> ApiResult<HttpResponse> {
    let by = caller.by(&state.clock);
    told(&state, service::approve(&state.db, &by, id.0, body.0.starts_at).await?).await
}

/// Reject a subscription
///
/// What was asked for is not given.
#[utoipa::path(
    tag = "subscriptions", operation_id = "reject_subscription", request_body = ReasonIn,
    params(("subscription_id" = String, Path, description = "Id of the subscription", example = "aps_3nQr81sTuVw")),
    responses(
        (status = 200, description = "The subscription", body = AppSubscriptionOut),
        Missing, Conflicts, BodyProblems, Problems
    ),
    security(("admin_token" = []))
)]
#[post("/subscriptions/{subscription_id}/reject")]
async fn reject_subscription(
    caller: AdminCaller,
    id: ApiPath<AppSubscriptionId>,
    body: JsonBody<ReasonIn>,
    state: State,
) -> ApiResult<HttpResponse> {
    let by = caller.by(&state.clock);
    told(&state, service::reject(&state.db, &by, id.0, &body.0.reason).await?).await
}

/// Cancel a subscription
///
/// What was asked for, or what is to begin later, is taken back: the plan in force goes on.
#[utoipa::path(
    tag = "subscriptions", operation_id = "cancel_subscription", request_body = ReasonIn,
    params(("subscription_id" = String, Path, description = "Id of the subscription", example = "aps_3nQr81sTuVw")),
    responses(
        (status = 200, description = "The subscription", body = AppSubscriptionOut),
        Missing, Conflicts, BodyProblems, Problems
    ),
    security(("admin_token" = []))
)]
#[post("/subscriptions/{subscription_id}/cancel")]
async fn cancel_subscription(
    caller: AdminCaller,
    id: ApiPath<AppSubscriptionId>,
    body: JsonBody<ReasonIn>,
    state: State,
) -> ApiResult<HttpResponse> {
    let by = caller.by(&state.clock);
    told(&state, service::cancel(&state.db, &by, id.0, Some(&body.0.reason)).await?).await
}

/// Suspend a subscription
///
/// The one in force: all keys of its app are refused until it is resumed.
#[utoipa::path(
    tag = "subscriptions", operation_id = "suspend_subscription", request_body = Option<WhyIn>,
    params(("subscription_id" = String, Path, description = "Id of the subscription", example = "aps_3nQr81sTuVw")),
    responses(
        (status = 200, description = "The subscription", body = AppSubscriptionOut),
        Missing, Conflicts, BodyProblems, Problems
    ),
    security(("admin_token" = []))
)]
#[post("/subscriptions/{subscription_id}/suspend")]
async fn suspend_subscription(
    caller: AdminCaller,
    id: ApiPath<AppSubscriptionId>,
    body: OptionalBody<WhyIn>,
    state: State,
) -> ApiResult<HttpResponse> {
    let by = caller.by(&state.clock);
    told(&state, service::suspend(&state.db, &by, id.0, body.0.reason.as_ref()).await?).await
}

/// Resume a subscription
///
/// The keys of its app work again, but for those that are refused for another reason.
#[utoipa::path(
    tag = "subscriptions", operation_id = "resume_subscription",
    params(("subscription_id" = String, Path, description = "Id of the subscription", example = "aps_3nQr81sTuVw")),
    responses(
        (status = 200, description = "The subscription", body = AppSubscriptionOut),
        Missing, Conflicts, Problems
    ),
    security(("admin_token" = []))
)]
#[post("/subscriptions/{subscription_id}/resume")]
async fn resume_subscription(
    caller: AdminCaller,
    id: ApiPath<AppSubscriptionId>,
    state: State,
) -> ApiResult<HttpResponse> {
    let by = caller.by(&state.clock);
    told(&state, service::resume(&state.db, &by, id.0).await?).await
}
