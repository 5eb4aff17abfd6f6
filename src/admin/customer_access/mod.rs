//! Which apps may ask customers for their data, and for what, over HTTP.

mod actions;
mod schema;

pub use actions::APPROVE;

use super::approvals::service::{answer, perform};
use super::approvals::{MayWait, respond};
use super::caller::AdminCaller;
use super::page::{self, PageOut, PageQuery};
use super::problems::{BodyProblems, Conflicts, Missing, Problems};
use super::state::{State, done};
use super::subscriptions::ReasonIn;
use crate::authz::clients::model::CustomerAccess;
use crate::authz::clients::service::{self, AccessVerdict};
use crate::authz::clients::store;
use crate::http::answer::Cache;
use crate::http::{Answer, ApiPath, ApiResult, JsonBody, Params};
use crate::kernel::id::AppId;
use actix_web::{HttpRequest, HttpResponse, get, post, put};
use schema::{AccessDecisionIn, CustomerAccessIn, CustomerAccessOut};
use utoipa_actix_web::service_config::ServiceConfig;

/// Mounts the operations.
pub fn configure(config: &mut ServiceConfig<'_>) {
    config
        .service(list_customer_access)
        .service(get_customer_access)
        .service(register_customer_access)
        .service(approve_customer_access)
        .service(refuse_customer_access)
        .service(suspend_customer_access)
        .service(resume_customer_access);
}

fn told(state: &State, access: CustomerAccess) -> ApiResult<HttpResponse> {
    done(&CustomerAccessOut::of(access, &state.retailer))
}

/// A page of apps that ask customers for their data
///
/// In the order of their ids; with `asked=true` those alone of which something waits for a decision.
#[utoipa::path(
    tag = "customer-access", operation_id = "list_customer_access",
    params(
        ("asked" = Option<bool>, Query, description = "Whether only those are listed of which something waits for a decision", example = true),
        PageQuery
    ),
    responses((status = 200, description = "The page", body = PageOut<CustomerAccessOut>), Problems),
    security(("admin_token" = []))
)]
#[get("/customer-access")]
async fn list_customer_access(
    _caller: AdminCaller,
    request: HttpRequest,
    state: State,
) -> ApiResult<Answer> {
    let mut params = Params::new(request.query_string());
    let is_open = params.flag("asked");
    let page = page::read(&request, params)?;
    let rows = store::list(&state.db, is_open, &page::walk(&page, AppId)?).await?;
    let out = |access| CustomerAccessOut::of(access, &state.retailer);
    page::answer(&page, rows, |access| access.app.0, out)
}

/// What an app is registered with to ask customers for their data
///
/// With what was decided about each scope and each address, by whom and why.
#[utoipa::path(
    tag = "customer-access", operation_id = "get_customer_access",
    params(("app_id" = String, Path, description = "Id of the app", example = "app_7nRy25kLmNo")),
    responses((status = 200, description = "The registration", body = CustomerAccessOut), Missing, Problems),
    security(("admin_token" = []))
)]
#[get("/apps/{app_id}/customer-access")]
async fn get_customer_access(
    _caller: AdminCaller,
    id: ApiPath<AppId>,
    state: State,
) -> ApiResult<Answer> {
    let access = service::get(&state.db, id.0).await?;
    Answer::json(&CustomerAccessOut::of(access, &state.retailer), Cache::NoStore, 1)
}

/// Register an app to ask customers for their data
///
/// In place of what is registered. A scope or an address that is new waits until somebody with the right `manage_privacy`
/// approves it, and one that is left out is gone at once. With another `legal_name`, `privacy_url`, `client_auth`, `profile`
/// or `native` than before, all of it waits anew. The app's OAuth clients (`POST /admin/v1/clients`) are what it proves itself
/// as, with the secret or the public keys that they have: those that `client_auth` is not about do not work here.
#[utoipa::path(
    tag = "customer-access", operation_id = "register_customer_access", request_body = CustomerAccessIn,
    params(("app_id" = String, Path, description = "Id of the app", example = "app_7nRy25kLmNo")),
    responses(
        (status = 200, description = "The registration", body = CustomerAccessOut),
        Missing, Conflicts, BodyProblems, Problems
    ),
    security(("admin_token" = []))
)]
#[put("/apps/{app_id}/customer-access")]
async fn register_customer_access(
    caller: AdminCaller,
    id: ApiPath<AppId>,
    body: JsonBody<CustomerAccessIn>,
    state: State,
) -> ApiResult<HttpResponse> {
    let (by, spec) = (caller.by(&state.clock), body.0.read()?);
    told(&state, service::register(&state.db, &by, id.0, &spec).await?)
}

/// Approve what an app asks for
///
/// Scopes and addresses that it asks for, also such as were refused before. To approve a scope that can reveal health or
/// belief (`takes_two`) always takes a second person; to approve another does where `admin.four_eyes` has
/// `customer_scopes` and `admin.guarded_scopes` names it.
#[utoipa::path(
    tag = "customer-access", operation_id = "approve_customer_access", request_body = AccessDecisionIn,
    params(("app_id" = String, Path, description = "Id of the app", example = "app_7nRy25kLmNo")),
    responses(
        (status = 200, description = "The registration", body = CustomerAccessOut),
        MayWait, Missing, Conflicts, BodyProblems, Problems
    ),
    security(("admin_token" = []))
)]
#[post("/apps/{app_id}/customer-access/approve")]
async fn approve_customer_access(
    caller: AdminCaller,
    id: ApiPath<AppId>,
    body: JsonBody<AccessDecisionIn>,
    state: State,
) -> ApiResult<HttpResponse> {
    let guarded = &state.settings.guarded_scopes;
    let is_guarded = |scope: &str| guarded.iter().any(|pattern| pattern.covers(scope));
    let matters = body.0.scope_words().any(is_guarded);
    let what = answer(&actions::ToApprove { app_id: id.0, decision: body.0 })?;
    let shown = (matters, serde_json::Value::Null);
    let outcome = perform(&state, &caller, &APPROVE, what, shown).await?;
    respond(&state, outcome, done)
}

/// Refuse what an app asks for
///
/// Scopes and addresses that it asks for, also such as were approved before: what customers have let it read by them ends
/// at once.
#[utoipa::path(
    tag = "customer-access", operation_id = "refuse_customer_access", request_body = AccessDecisionIn,
    params(("app_id" = String, Path, description = "Id of the app", example = "app_7nRy25kLmNo")),
    responses(
        (status = 200, description = "The registration", body = CustomerAccessOut),
        Missing, Conflicts, BodyProblems, Problems
    ),
    security(("admin_token" = []))
)]
#[post("/apps/{app_id}/customer-access/refuse")]
async fn refuse_customer_access(
    caller: AdminCaller,
    id: ApiPath<AppId>,
    body: JsonBody<AccessDecisionIn>,
    state: State,
) -> ApiResult<HttpResponse> {
    let (by, reason) = (caller.by(&state.clock), body.0.reason.clone());
    let decision = body.0.read();
    let what = (AccessVerdict::Refuse, &decision);
    told(&state, service::decide(&state.db, &by, id.0, what, &reason).await?)
}

/// Suspend an app's access to customers' data
///
/// Nothing about customers is handed to it until that is lifted, whatever they have let it read; their consents stay. Its keys
/// go on working for everything else. Suspending it again changes nothing.
#[utoipa::path(
    tag = "customer-access", operation_id = "suspend_customer_access", request_body = ReasonIn,
    params(("app_id" = String, Path, description = "Id of the app", example = "app_7nRy25kLmNo")),
    responses(
        (status = 200, description = "The registration", body = CustomerAccessOut), Missing, BodyProblems, Problems
    ),
    security(("admin_token" = []))
)]
#[post("/apps/{app_id}/customer-access/suspend")]
async fn suspend_customer_access(
    caller: AdminCaller,
    id: ApiPath<AppId>,
    body: JsonBody<ReasonIn>,
    state: State,
) -> ApiResult<HttpResponse> {
    let by = caller.by(&state.clock);
    let how = (true, &body.0.reason);
    told(&state, service::set_suspended(&state.db, &by, id.0, how).await?)
}

/// Lift the suspension of an app's access to customers' data
///
/// What customers have let it read is handed to it again, where their consents have not ended meanwhile.
#[utoipa::path(
    tag = "customer-access", operation_id = "resume_customer_access", request_body = ReasonIn,
    params(("app_id" = String, Path, description = "Id of the app", example = "app_7nRy25kLmNo")),
    responses(
        (status = 200, description = "The registration", body = CustomerAccessOut),
        Missing, Conflicts, BodyProblems, Problems
    ),
    security(("admin_token" = []))
)]
#[post("/apps/{app_id}/customer-access/resume")]
async fn resume_customer_access(
    caller: AdminCaller,
    id: ApiPath<AppId>,
    body: JsonBody<ReasonIn>,
    state: State,
) -> ApiResult<HttpResponse> {
    let by = caller.by(&state.clock);
    let how = (false, &body.0.reason);
    told(&state, service::set_suspended(&state.db, &by, id.0, how).await?)
}
