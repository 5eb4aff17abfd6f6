//! Partners over HTTP.

use super::caller::AdminCaller;
use super::page::{self, PageOut, PageQuery};
use super::problems::{BodyProblems, Conflicts, Missing, Problems};
use super::state::{State, created, done};
use crate::access::model::{Name, Partner, Status};
use crate::access::service::{self, Switch};
use crate::http::answer::Cache;
use crate::http::{Answer, ApiPath, ApiResult, JsonBody, Params};
use crate::kernel::Micros;
use crate::kernel::id::PartnerId;
use actix_web::{HttpRequest, HttpResponse, get, post};
use serde::{Deserialize, Serialize};
use utoipa_actix_web::service_config::ServiceConfig;

/// Mounts the operations on partners.
pub fn configure(config: &mut ServiceConfig<'_>) {
    config
        .service(list_partners)
        .service(create_partner)
        .service(get_partner)
        .service(suspend_partner)
        .service(resume_partner);
}

/// A partner to create.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PartnerIn {
    /// Name of the organisation, unlike that of any other partner.
    #[schema(value_type = String, min_length = 1, max_length = 100, example = "Ateliers Vaugirard")]
    pub name: Name,
}

/// An organisation that takes data.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct PartnerOut {
    /// Id of the partner.
    #[schema(value_type = String, example = "prt_4kPz09aBcDe")]
    pub id: PartnerId,
    /// Name of the organisation.
    #[schema(value_type = String, example = "Ateliers Vaugirard")]
    pub name: Name,
    /// `active` or `suspended`; a suspended partner's keys are refused.
    #[schema(example = "active")]
    pub status: Status,
    /// When it was created.
    #[schema(value_type = String, format = DateTime, example = "2026-11-22T09:41:07Z")]
    pub created_at: Micros,
    /// When it last changed.
    #[schema(value_type = String, format = DateTime, example = "2026-11-22T09:41:07Z")]
    pub updated_at: Micros,
}

impl From<Partner> for PartnerOut {
    fn from(partner: Partner) -> Self {
        let Partner { id, name, status, created_at, updated_at } = partner;
        Self { id, name, status, created_at, updated_at }
    }
}

/// A page of partners
///
/// In the order of their ids.
#[utoipa::path(
    tag = "partners", operation_id = "list_partners", params(PageQuery),
    responses((status = 200, description = "The page", body = PageOut<PartnerOut>), Problems),
    security(("admin_token" = []))
)]
#[get("/partners")]
async fn list_partners(
    _caller: AdminCaller,
    request: HttpRequest,
    state: State,
) -> ApiResult<Answer> {
    let page = page::read(&request, Params::new(request.query_string()))?;
    let rows = service::list_partners(&state.db, &page::walk(&page, PartnerId)?).await?;
    page::answer(&page, rows, |partner| partner.id.0, PartnerOut::from)
}

/// Create a partner
///
/// It starts active. Give it an app, and the app a key, and it can call.
#[utoipa::path(
    tag = "partners", operation_id = "create_partner", request_body = PartnerIn,
    responses(
        (status = 201, description = "The partner, at the place in `Location`", body = PartnerOut),
        Conflicts, BodyProblems, Problems
    ),
    security(("admin_token" = []))
)]
#[post("/partners")]
async fn create_partner(
    caller: AdminCaller,
    body: JsonBody<PartnerIn>,
    state: State,
) -> ApiResult<HttpResponse> {
    let by = caller.by(&state.clock);
    let partner = service::create_partner(&state.db, &by, body.0.name).await?;
    state.applied().await;
    created(&format!("partners/{}", partner.id), &PartnerOut::from(partner))
}

/// A partner
///
/// By its id.
#[utoipa::path(
    tag = "partners", operation_id = "get_partner",
    params(("partner_id" = String, Path, description = "Id of the partner", example = "prt_4kPz09aBcDe")),
    responses((status = 200, description = "The partner", body = PartnerOut), Missing, Problems),
    security(("admin_token" = []))
)]
#[get("/partners/{partner_id}")]
async fn get_partner(
    _caller: AdminCaller,
    id: ApiPath<PartnerId>,
    state: State,
) -> ApiResult<Answer> {
    let partner = service::get_partner(&state.db, id.0).await?;
    Answer::json(&PartnerOut::from(partner), Cache::NoStore, 1)
}

/// Suspend a partner
///
/// All keys of all its apps are refused until it is resumed. Suspending it again changes nothing.
#[utoipa::path(
    tag = "partners", operation_id = "suspend_partner",
    params(("partner_id" = String, Path, description = "Id of the partner", example = "prt_4kPz09aBcDe")),
    responses((status = 200, description = "The partner", body = PartnerOut), Missing, Problems),
    security(("admin_token" = []))
)]
#[post("/partners/{partner_id}/suspend")]
async fn suspend_partner(
    caller: AdminCaller,
    id: ApiPath<PartnerId>,
    state: State,
) -> ApiResult<HttpResponse> {
    switch(&caller, id.0, &state, Switch::Suspend).await
}

/// Resume a partner
///
/// Its keys work again, but for those that are suspended, revoked or expired themselves.
#[utoipa::path(
    tag = "partners", operation_id = "resume_partner",
    params(("partner_id" = String, Path, description = "Id of the partner", example = "prt_4kPz09aBcDe")),
    responses((status = 200, description = "The partner", body = PartnerOut), Missing, Problems),
    security(("admin_token" = []))
)]
#[post("/partners/{partner_id}/resume")]
async fn resume_partner(
    caller: AdminCaller,
    id: ApiPath<PartnerId>,
    state: State,
) -> ApiResult<HttpResponse> {
    switch(&caller, id.0, &state, Switch::Resume).await
}

async fn switch(
    caller: &AdminCaller,
    id: PartnerId,
    state: &State,
    switch: Switch,
) -> ApiResult<HttpResponse> {
    let by = caller.by(&state.clock);
    let partner = service::set_partner_status(&state.db, &by, id, switch).await?;
    state.applied().await;
    done(&PartnerOut::from(partner))
}
