//! Apps over HTTP.

use super::caller::AdminCaller;
use super::freezes::{FrozenOut, WhyIn};
use super::page::{self, PageOut, PageQuery};
use super::problems::{BodyProblems, Conflicts, Missing, Problems};
use super::state::{State, created, done};
use crate::access::freezes::Frozen;
use crate::access::model::{App, Name, Status};
use crate::access::service::{self, AppFilter, Switch};
use crate::http::answer::Cache;
use crate::http::{
    Answer, ApiError, ApiPath, ApiResult, Code, FieldError, JsonBody, OptionalBody, Params,
};
use crate::kernel::Micros;
use crate::kernel::id::{AppId, PartnerId, PlanId};
use actix_web::{HttpRequest, HttpResponse, get, patch, post};
use serde::{Deserialize, Serialize};
use utoipa_actix_web::service_config::ServiceConfig;

/// Mounts the operations on apps.
pub fn configure(config: &mut ServiceConfig<'_>) {
    config
        .service(list_apps)
        .service(create_app)
        .service(get_app)
        .service(update_app)
        .service(suspend_app)
        .service(resume_app);
}

/// An app to create.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AppIn {
    /// The partner whose software it is.
    #[schema(value_type = String, example = "prt_4kPz09aBcDe")]
    pub partner_id: PartnerId,
    /// The plan that it subscribes to.
    #[schema(value_type = String, example = "pln_2mQx17fGhIj")]
    pub plan_id: PlanId,
    /// Name of the app, unlike that of any other app of the partner.
    #[schema(value_type = String, min_length = 1, max_length = 100, example = "Price comparator")]
    pub name: Name,
}

/// A change to an app. What is left out stays as it is.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AppPatch {
    /// Another name, unlike that of any other app of the partner.
    #[serde(default)]
    #[schema(value_type = Option<String>, min_length = 1, max_length = 100, example = "Price comparator")]
    pub name: Option<Name>,
    /// The plan that it shall subscribe to.
    #[serde(default)]
    #[schema(value_type = Option<String>, example = "pln_2mQx17fGhIj")]
    pub plan_id: Option<PlanId>,
}

/// A partner's software.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct AppOut {
    /// Id of the app.
    #[schema(value_type = String, example = "app_7nRy25kLmNo")]
    pub id: AppId,
    /// The partner whose software it is.
    #[schema(value_type = String, example = "prt_4kPz09aBcDe")]
    pub partner_id: PartnerId,
    /// The plan that it subscribes to.
    #[schema(value_type = String, example = "pln_2mQx17fGhIj")]
    pub plan_id: PlanId,
    /// Name of the app.
    #[schema(value_type = String, example = "Price comparator")]
    pub name: Name,
    /// `active` or `suspended`; a suspended app's keys are refused.
    #[schema(example = "active")]
    pub status: Status,
    /// By what it is frozen, whatever its status; null where it is not.
    #[schema(required = true)]
    pub frozen: Option<FrozenOut>,
    /// When it was created.
    #[schema(value_type = String, format = DateTime, example = "2026-11-22T09:41:07Z")]
    pub created_at: Micros,
    /// When it last changed.
    #[schema(value_type = String, format = DateTime, example = "2026-11-22T09:41:07Z")]
    pub updated_at: Micros,
}

impl AppOut {
    fn of(app: App, frozen: &Frozen) -> Self {
        let frozen = FrozenOut::of(frozen.app(app.id));
        let App { id, partner, plan, name, status, created_at, updated_at } = app;
        let (partner_id, plan_id) = (partner, plan);
        Self { id, partner_id, plan_id, name, status, frozen, created_at, updated_at }
    }

    /// An app as it is now.
    async fn now(state: &State, app: App) -> ApiResult<Self> {
        Ok(Self::of(app, &Frozen::read(&state.db).await?))
    }
}

/// A page of apps
///
/// In the order of their ids, of those that fit all that is asked for.
#[utoipa::path(
    tag = "apps", operation_id = "list_apps",
    params(
        ("partner_id" = Option<String>, Query, description = "Only apps of this partner", example = "prt_4kPz09aBcDe"),
        ("plan_id" = Option<String>, Query, description = "Only apps on this plan", example = "pln_2mQx17fGhIj"),
        ("status" = Option<Status>, Query, description = "Only apps in this state", example = "active"),
        PageQuery
    ),
    responses((status = 200, description = "The page", body = PageOut<AppOut>), Problems),
    security(("admin_token" = []))
)]
#[get("/apps")]
async fn list_apps(_caller: AdminCaller, request: HttpRequest, state: State) -> ApiResult<Answer> {
    let mut params = Params::new(request.query_string());
    let filter = AppFilter {
        partner: params.value("partner_id"),
        plan: params.value("plan_id"),
        status: params.value("status"),
    };
    let page = page::read(&request, params)?;
    let rows =
        service::list_apps(&state.db, &filter, &page::walk(&page, AppId)?, state.clock.now())
            .await?;
    let frozen = Frozen::read(&state.db).await?;
    page::answer(&page, rows, |app| app.id.0, |app| AppOut::of(app, &frozen))
}

/// Create an app
///
/// It starts active, on the plan given. Its keys share the plan's limits.
#[utoipa::path(
    tag = "apps", operation_id = "create_app", request_body = AppIn,
    responses(
        (status = 201, description = "The app, at the place in `Location`", body = AppOut),
        Conflicts, BodyProblems, Problems
    ),
    security(("admin_token" = []))
)]
#[post("/apps")]
async fn create_app(
    caller: AdminCaller,
    body: JsonBody<AppIn>,
    state: State,
) -> ApiResult<HttpResponse> {
    let by = caller.by(&state.clock);
    let AppIn { partner_id, plan_id, name } = body.0;
    let app = service::create_app(&state.db, &by, partner_id, plan_id, name).await?;
    state.applied().await;
    created(&format!("apps/{}", app.id), &AppOut::now(&state, app).await?)
}

/// An app
///
/// By its id.
#[utoipa::path(
    tag = "apps", operation_id = "get_app",
    params(("app_id" = String, Path, description = "Id of the app", example = "app_7nRy25kLmNo")),
    responses((status = 200, description = "The app", body = AppOut), Missing, Problems),
    security(("admin_token" = []))
)]
#[get("/apps/{app_id}")]
async fn get_app(_caller: AdminCaller, id: ApiPath<AppId>, state: State) -> ApiResult<Answer> {
    let app = service::get_app(&state.db, id.0, state.clock.now()).await?;
    Answer::json(&AppOut::now(&state, app).await?, Cache::NoStore, 1)
}

/// Rename an app, or put it on another plan
///
/// The limits of another plan hold at once. What the app has used already stays counted. Of name and plan both are
/// changed or none.
#[utoipa::path(
    tag = "apps", operation_id = "update_app", request_body = AppPatch,
    params(("app_id" = String, Path, description = "Id of the app", example = "app_7nRy25kLmNo")),
    responses(
        (status = 200, description = "The app", body = AppOut),
        Missing, Conflicts, BodyProblems, Problems
    ),
    security(("admin_token" = []))
)]
#[patch("/apps/{app_id}")]
async fn update_app(
    caller: AdminCaller,
    id: ApiPath<AppId>,
    body: JsonBody<AppPatch>,
    state: State,
) -> ApiResult<HttpResponse> {
    let by = caller.by(&state.clock);
    let AppPatch { name, plan_id } = body.0;
    if name.is_none() && plan_id.is_none() {
        let detail = "The body changes nothing: give name or plan_id.";
        let fault = FieldError::pointer("", "empty", "names nothing to change");
        return Err(ApiError::new(Code::InvalidBody, detail).errors(vec![fault]));
    }
    let app = service::change_app(&state.db, &by, id.0, (name, plan_id)).await?;
    state.applied().await;
    done(&AppOut::now(&state, app).await?)
}

/// Suspend an app
///
/// All its keys are refused until it is resumed. Suspending it again changes nothing.
#[utoipa::path(
    tag = "apps", operation_id = "suspend_app", request_body = Option<WhyIn>,
    params(("app_id" = String, Path, description = "Id of the app", example = "app_7nRy25kLmNo")),
    responses((status = 200, description = "The app", body = AppOut), Missing, BodyProblems, Problems),
    security(("admin_token" = []))
)]
#[post("/apps/{app_id}/suspend")]
async fn suspend_app(
    caller: AdminCaller,
    id: ApiPath<AppId>,
    body: OptionalBody<WhyIn>,
    state: State,
) -> ApiResult<HttpResponse> {
    switch((&caller, &state), id.0, Switch::Suspend, body.0).await
}

/// Resume an app
///
/// Its keys work again, but for those that are suspended, revoked or expired themselves.
#[utoipa::path(
    tag = "apps", operation_id = "resume_app", request_body = Option<WhyIn>,
    params(("app_id" = String, Path, description = "Id of the app", example = "app_7nRy25kLmNo")),
    responses((status = 200, description = "The app", body = AppOut), Missing, BodyProblems, Problems),
    security(("admin_token" = []))
)]
#[post("/apps/{app_id}/resume")]
async fn resume_app(
    caller: AdminCaller,
    id: ApiPath<AppId>,
    body: OptionalBody<WhyIn>,
    state: State,
) -> ApiResult<HttpResponse> {
    switch((&caller, &state), id.0, Switch::Resume, body.0).await
}

async fn switch(
    (caller, state): (&AdminCaller, &State),
    id: AppId,
    switch: Switch,
    why: WhyIn,
) -> ApiResult<HttpResponse> {
    let by = caller.by(&state.clock).because(why.reason.as_ref());
    let app = service::set_app_status(&state.db, &by, id, switch).await?;
    state.applied().await;
    done(&AppOut::now(state, app).await?)
}
