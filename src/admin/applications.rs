//! Applications of who wants to become a partner, over HTTP.

use super::caller::AdminCaller;
use super::page::{self, PageOut, PageQuery};
use super::problems::{BodyProblems, Conflicts, Missing, Problems};
use super::state::{State, done};
use super::subscriptions::ReasonIn;
use crate::access::applications::model::{Application, Purpose, State as Stage};
use crate::access::applications::service::{self, Target};
use crate::access::model::Name;
use crate::access::partners::model::Email;
use crate::http::answer::Cache;
use crate::http::{Answer, ApiPath, ApiResult, JsonBody, OptionalBody, Params};
use crate::kernel::Micros;
use crate::kernel::id::{AppId, ApplicationId, KeyId, PartnerId, PlanId};
use crate::kernel::language::LanguageTag;
use actix_web::{HttpRequest, HttpResponse, get, post};
use serde::{Deserialize, Serialize};
use utoipa_actix_web::service_config::ServiceConfig;

/// Mounts the operations on applications.
pub fn configure(config: &mut ServiceConfig<'_>) {
    config
        .service(list_applications)
        .service(get_application)
        .service(approve_application)
        .service(reject_application);
}

/// Which partner an approved application becomes.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ApplicationApprovalIn {
    /// One that exists; null, or left out, makes a new one.
    #[serde(default)]
    #[schema(value_type = Option<String>, example = "prt_4kPz09aBcDe")]
    pub partner_id: Option<PartnerId>,
    /// The name of a new one, where it is not that of the organisation.
    #[serde(default)]
    #[schema(value_type = Option<String>, min_length = 1, max_length = 100, example = "Ateliers Vaugirard (site)")]
    pub partner_name: Option<Name>,
    /// The name of the app, where it is not what was asked for.
    #[serde(default)]
    #[schema(value_type = Option<String>, min_length = 1, max_length = 100, example = "Price comparator 2")]
    pub app_name: Option<Name>,
}

/// An application.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct ApplicationOut {
    /// Id of the application.
    #[schema(value_type = String, example = "apl_6rTb92uVwXy")]
    pub id: ApplicationId,
    /// `pending`, `approved`, `rejected` or `withdrawn`.
    #[schema(example = "pending")]
    pub state: Stage,
    /// The organisation that applies.
    #[schema(value_type = String, example = "Ateliers Vaugirard")]
    pub organisation: Name,
    /// Who writes for it.
    #[schema(value_type = String, example = "Camille Robin")]
    pub contact_name: Name,
    /// Where mails go; verified.
    #[schema(value_type = String, example = "camille.robin@example.com")]
    pub email: Email,
    /// The language of the mails; null where nobody has said.
    #[schema(required = true, value_type = Option<String>, example = "fr")]
    pub language: Option<LanguageTag>,
    /// The app.
    #[schema(value_type = String, example = "Price comparator")]
    pub app_name: Name,
    /// What it is for.
    #[schema(value_type = String, example = "Compares prices of tools between shops.")]
    pub purpose: Purpose,
    /// The plan that it asks for.
    #[schema(value_type = String, example = "pln_2mQx17fGhIj")]
    pub plan_id: PlanId,
    /// Why it was rejected or, where it is pending although its plan is given at once, why it waits; null where
    /// there is nothing to say.
    #[schema(required = true, example = "The purpose is not clear")]
    pub reason: Option<String>,
    /// The partner that it became; null where it is not approved.
    #[schema(required = true, value_type = Option<String>, example = "prt_4kPz09aBcDe")]
    pub partner_id: Option<PartnerId>,
    /// The app that it became; null where it is not approved.
    #[schema(required = true, value_type = Option<String>, example = "app_7nRy25kLmNo")]
    pub app_id: Option<AppId>,
    /// The first key; null where it was not claimed.
    #[schema(required = true, value_type = Option<String>, example = "key_0Ab12Cd34Ef")]
    pub key_id: Option<KeyId>,
    /// Who decided; null while nobody has.
    #[schema(required = true, example = "adm_5pLw38mNoPq")]
    pub decided_by: Option<String>,
    /// When; null while nobody has.
    #[schema(required = true, value_type = Option<String>, format = DateTime)]
    pub decided_at: Option<Micros>,
    /// When it was written.
    #[schema(value_type = String, format = DateTime, example = "2026-11-22T09:41:07Z")]
    pub created_at: Micros,
    /// When it last changed.
    #[schema(value_type = String, format = DateTime, example = "2026-11-22T09:41:07Z")]
    pub updated_at: Micros,
}

impl From<Application> for ApplicationOut {
    fn from(application: Application) -> Self {
        let Application { id, state, wish, reason, partner, app, key, .. } = application;
        let Application { decided_by, decided_at, created_at, updated_at, .. } = application;
        Self {
            id,
            state,
            organisation: wish.organisation,
            contact_name: wish.contact_name,
            email: wish.email,
            language: wish.language,
            app_name: wish.app_name,
            purpose: wish.purpose,
            plan_id: wish.plan,
            reason,
            partner_id: partner,
            app_id: app,
            key_id: key,
            decided_by,
            decided_at,
            created_at,
            updated_at,
        }
    }
}

/// A page of applications
///
/// In the order of their ids, in one state or in all. Those whose address is not verified are not shown.
#[utoipa::path(
    tag = "applications", operation_id = "list_applications",
    params(
        ("state" = Option<Stage>, Query, description = "Only applications in this state", example = "pending"),
        PageQuery
    ),
    responses((status = 200, description = "The page", body = PageOut<ApplicationOut>), Problems),
    security(("admin_token" = []))
)]
#[get("/applications")]
async fn list_applications(
    _caller: AdminCaller,
    request: HttpRequest,
    state: State,
) -> ApiResult<Answer> {
    let mut params = Params::new(request.query_string());
    let stage: Option<Stage> = params.value("state");
    let page = page::read(&request, params)?;
    let rows = service::list(&state.db, stage, &page::walk(&page, ApplicationId)?).await?;
    page::answer(&page, rows, |application| application.id.0, ApplicationOut::from)
}

/// An application
///
/// By its id, once its address is verified.
#[utoipa::path(
    tag = "applications", operation_id = "get_application",
    params(("application_id" = String, Path, description = "Id of the application", example = "apl_6rTb92uVwXy")),
    responses((status = 200, description = "The application", body = ApplicationOut), Missing, Problems),
    security(("admin_token" = []))
)]
#[get("/applications/{application_id}")]
async fn get_application(
    _caller: AdminCaller,
    id: ApiPath<ApplicationId>,
    state: State,
) -> ApiResult<Answer> {
    let application = service::get(&state.db, id.0).await?;
    Answer::json(&ApplicationOut::from(application), Cache::NoStore, 1)
}

/// Approve an application
///
/// Partner, app and subscription are made at once, and a mail brings the applicant the link to the first key.
/// Without a body, a new partner is made with the name of the organisation. 409 where a name is taken: then name
/// the partner that it is, or another name.
#[utoipa::path(
    tag = "applications", operation_id = "approve_application", request_body = Option<ApplicationApprovalIn>,
    params(("application_id" = String, Path, description = "Id of the application", example = "apl_6rTb92uVwXy")),
    responses(
        (status = 200, description = "The application", body = ApplicationOut),
        Missing, Conflicts, BodyProblems, Problems
    ),
    security(("admin_token" = []))
)]
#[post("/applications/{application_id}/approve")]
async fn approve_application(
    caller: AdminCaller,
    id: ApiPath<ApplicationId>,
    body: OptionalBody<ApplicationApprovalIn>,
    state: State,
) -> ApiResult<HttpResponse> {
    let by = caller.by(&state.clock);
    let ApplicationApprovalIn { partner_id, partner_name, app_name } = body.0;
    let target = Target { partner: partner_id, partner_name, app_name };
    let approved = service::approve(&state.db, &by, id.0, target).await?;
    state.applied().await;
    done(&ApplicationOut::from(approved))
}

/// Reject an application
///
/// A mail tells the applicant the reason.
#[utoipa::path(
    tag = "applications", operation_id = "reject_application", request_body = ReasonIn,
    params(("application_id" = String, Path, description = "Id of the application", example = "apl_6rTb92uVwXy")),
    responses(
        (status = 200, description = "The application", body = ApplicationOut),
        Missing, Conflicts, BodyProblems, Problems
    ),
    security(("admin_token" = []))
)]
#[post("/applications/{application_id}/reject")]
async fn reject_application(
    caller: AdminCaller,
    id: ApiPath<ApplicationId>,
    body: JsonBody<ReasonIn>,
    state: State,
) -> ApiResult<HttpResponse> {
    let by = caller.by(&state.clock);
    let rejected = service::reject(&state.db, &by, id.0, &body.0.reason).await?;
    done(&ApplicationOut::from(rejected))
}
