//! Partners over HTTP.

use super::caller::AdminCaller;
use super::freezes::{FrozenOut, WhyIn};
use super::page::{self, PageOut, PageQuery};
use super::problems::{BodyProblems, Conflicts, Missing, Problems};
use super::state::{State, created, done};
use crate::access::freezes::Frozen;
use crate::access::model::{Name, Partner, Status};
use crate::access::partners::model::PartnerPatch;
use crate::access::partners::service::update_partner as update;
use crate::access::partners::{Contact, Contract, Profile};
use crate::access::service::{self, PartnerFilter, Switch};
use crate::http::answer::Cache;
use crate::http::{
    Answer, ApiError, ApiPath, ApiResult, Code, FieldError, JsonBody, OptionalBody, Params,
};
use crate::kernel::id::PartnerId;
use crate::kernel::{Micros, given};
use actix_web::{HttpRequest, HttpResponse, get, patch, post};
use serde::{Deserialize, Serialize};
use utoipa_actix_web::service_config::ServiceConfig;

/// Mounts the operations on partners.
pub fn configure(config: &mut ServiceConfig<'_>) {
    config
        .service(list_partners)
        .service(create_partner)
        .service(get_partner)
        .service(update_partner)
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
    /// What your own system calls it, unlike any other partner.
    #[serde(default)]
    #[schema(value_type = Option<String>, min_length = 1, max_length = 100, example = "C-1042")]
    pub external_ref: Option<Name>,
    /// Whom to talk to.
    #[serde(default)]
    #[schema(max_items = 20)]
    pub contacts: Vec<Contact>,
    /// The contract: outside its days the partner's keys are refused.
    #[serde(default)]
    pub contract: Option<Contract>,
}

/// A change to a partner. What is left out stays as it is; null takes away.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PartnerPatchIn {
    /// Another name.
    #[serde(default)]
    #[schema(value_type = Option<String>, min_length = 1, max_length = 100, example = "Ateliers Vaugirard")]
    pub name: Option<Name>,
    /// What your own system calls it.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<String>, min_length = 1, max_length = 100, example = "C-1042")]
    pub external_ref: Option<Option<Name>>,
    /// Whom to talk to, in place of all contacts.
    #[serde(default)]
    #[schema(max_items = 20)]
    pub contacts: Option<Vec<Contact>>,
    /// The contract.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<Contract>)]
    pub contract: Option<Option<Contract>>,
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
    /// What the retailer's own system calls it; null where nobody has said.
    #[schema(required = true, value_type = Option<String>, example = "C-1042")]
    pub external_ref: Option<Name>,
    /// Whom to talk to.
    pub contacts: Vec<Contact>,
    /// The contract; null where there is none on record: then no day is outside it.
    #[schema(required = true)]
    pub contract: Option<Contract>,
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

impl PartnerOut {
    fn of(partner: Partner, frozen: &Frozen) -> Self {
        let frozen = FrozenOut::of(frozen.partner(partner.id));
        let Partner { id, name, status, profile, created_at, updated_at } = partner;
        let Profile { external_ref, contacts, contract } = profile;
        Self { id, name, status, external_ref, contacts, contract, frozen, created_at, updated_at }
    }

    /// A partner as it is now.
    async fn now(state: &State, partner: Partner) -> ApiResult<Self> {
        Ok(Self::of(partner, &Frozen::read(&state.db).await?))
    }
}

/// A page of partners
///
/// In the order of their ids, of those that fit all that is asked for.
#[utoipa::path(
    tag = "partners", operation_id = "list_partners",
    params(
        ("q" = Option<String>, Query, description = "Only partners that have this in their name, in what your system calls them, or in name or address of a contact, whatever the case and the accents", example = "vaugirard"),
        ("status" = Option<Status>, Query, description = "Only partners in this state", example = "active"),
        PageQuery
    ),
    responses((status = 200, description = "The page", body = PageOut<PartnerOut>), Problems),
    security(("admin_token" = []))
)]
#[get("/partners")]
async fn list_partners(
    _caller: AdminCaller,
    request: HttpRequest,
    state: State,
) -> ApiResult<Answer> {
    let mut params = Params::new(request.query_string());
    let filter = PartnerFilter { text: params.text("q"), status: params.value("status") };
    let page = page::read(&request, params)?;
    let rows = service::find_partners(&state.db, &filter, &page::walk(&page, PartnerId)?).await?;
    let frozen = Frozen::read(&state.db).await?;
    page::answer(&page, rows, |partner| partner.id.0, |partner| PartnerOut::of(partner, &frozen))
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
    let PartnerIn { name, external_ref, contacts, contract } = body.0;
    let profile = Profile { external_ref, contacts, contract };
    let partner = service::create_partner_with(&state.db, &by, name, profile).await?;
    state.applied().await;
    created(&format!("partners/{}", partner.id), &PartnerOut::now(&state, partner).await?)
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
    Answer::json(&PartnerOut::now(&state, partner).await?, Cache::NoStore, 1)
}

/// Change a partner
///
/// Name, reference, contacts and contract. The keys follow the contract on every node at its instants, without
/// anything to be done then.
#[utoipa::path(
    tag = "partners", operation_id = "update_partner", request_body = PartnerPatchIn,
    params(("partner_id" = String, Path, description = "Id of the partner", example = "prt_4kPz09aBcDe")),
    responses(
        (status = 200, description = "The partner", body = PartnerOut),
        Missing, Conflicts, BodyProblems, Problems
    ),
    security(("admin_token" = []))
)]
#[patch("/partners/{partner_id}")]
async fn update_partner(
    caller: AdminCaller,
    id: ApiPath<PartnerId>,
    body: JsonBody<PartnerPatchIn>,
    state: State,
) -> ApiResult<HttpResponse> {
    let by = caller.by(&state.clock);
    let PartnerPatchIn { name, external_ref, contacts, contract } = body.0;
    let patch = PartnerPatch { name, external_ref, contacts, contract };
    if patch == PartnerPatch::default() {
        let detail = "The body changes nothing: give name, external_ref, contacts or contract.";
        let fault = FieldError::pointer("", "empty", "names nothing to change");
        return Err(ApiError::new(Code::InvalidBody, detail).errors(vec![fault]));
    }
    let partner = update(&state.db, &by, id.0, patch).await?;
    state.applied().await;
    done(&PartnerOut::now(&state, partner).await?)
}

/// Suspend a partner
///
/// All keys of all its apps are refused until it is resumed. Suspending it again changes nothing.
#[utoipa::path(
    tag = "partners", operation_id = "suspend_partner", request_body = Option<WhyIn>,
    params(("partner_id" = String, Path, description = "Id of the partner", example = "prt_4kPz09aBcDe")),
    responses((status = 200, description = "The partner", body = PartnerOut), Missing, BodyProblems, Problems),
    security(("admin_token" = []))
)]
#[post("/partners/{partner_id}/suspend")]
async fn suspend_partner(
    caller: AdminCaller,
    id: ApiPath<PartnerId>,
    body: OptionalBody<WhyIn>,
    state: State,
) -> ApiResult<HttpResponse> {
    switch((&caller, &state), id.0, Switch::Suspend, body.0).await
}

/// Resume a partner
///
/// Its keys work again, but for those that are suspended, revoked or expired themselves.
#[utoipa::path(
    tag = "partners", operation_id = "resume_partner", request_body = Option<WhyIn>,
    params(("partner_id" = String, Path, description = "Id of the partner", example = "prt_4kPz09aBcDe")),
    responses((status = 200, description = "The partner", body = PartnerOut), Missing, BodyProblems, Problems),
    security(("admin_token" = []))
)]
#[post("/partners/{partner_id}/resume")]
async fn resume_partner(
    caller: AdminCaller,
    id: ApiPath<PartnerId>,
    body: OptionalBody<WhyIn>,
    state: State,
) -> ApiResult<HttpResponse> {
    switch((&caller, &state), id.0, Switch::Resume, body.0).await
}

async fn switch(
    (caller, state): (&AdminCaller, &State),
    id: PartnerId,
    switch: Switch,
    why: WhyIn,
) -> ApiResult<HttpResponse> {
    let by = caller.by(&state.clock).because(why.reason.as_ref());
    let partner = service::set_partner_status(&state.db, &by, id, switch).await?;
    state.applied().await;
    done(&PartnerOut::now(state, partner).await?)
}
