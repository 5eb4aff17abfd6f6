//! Freezes over HTTP.

use super::caller::AdminCaller;
use super::page::{self, PageOut, PageQuery};
use super::problems::{BodyProblems, Conflicts, Missing, Problems};
use super::state::{State, done};
use crate::access::freezes::{self, Freezable, Freeze};
use crate::access::text::Reason;
use crate::http::{Answer, ApiPath, ApiResult, JsonBody, Params};
use crate::kernel::Micros;
use crate::kernel::id::{AppId, KeyId, PartnerId};
use actix_web::{HttpRequest, HttpResponse, get, post};
use serde::{Deserialize, Serialize};
use utoipa_actix_web::service_config::ServiceConfig;

/// Mounts the operations on freezes.
pub fn configure(config: &mut ServiceConfig<'_>) {
    config
        .service(list_freezes)
        .service(freeze_partner)
        .service(unfreeze_partner)
        .service(freeze_app)
        .service(unfreeze_app)
        .service(freeze_key)
        .service(unfreeze_key);
}

/// Why something is frozen.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct FreezeIn {
    /// Why.
    #[schema(value_type = String, min_length = 1, max_length = 500, example = "The key was found in a public repository")]
    pub reason: Reason,
    /// Whether who calls is told the reason.
    #[serde(default)]
    #[schema(default = false, example = false)]
    pub tell_caller: bool,
}

/// Why a freeze is taken off.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct UnfreezeIn {
    /// Why.
    #[schema(value_type = String, min_length = 1, max_length = 500, example = "The partner has rotated its keys")]
    pub reason: Reason,
}

/// Why something is suspended, resumed or ended.
#[derive(Debug, Default, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct WhyIn {
    /// Why, for the audit log.
    #[schema(value_type = Option<String>, min_length = 1, max_length = 500, example = "The invoice of October is not paid")]
    pub reason: Option<Reason>,
}

/// Whether something is frozen, and why.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct FreezeOut {
    /// Id of the partner, app or key.
    #[schema(example = "prt_4kPz09aBcDe")]
    pub id: String,
    /// Whether it is frozen.
    #[schema(example = true)]
    pub frozen: bool,
    /// Why; null where it is not frozen.
    #[schema(required = true, value_type = Option<String>, example = "The key was found in a public repository")]
    pub reason: Option<Reason>,
    /// Whether who calls is told the reason.
    #[schema(example = false)]
    pub tell_caller: bool,
    /// Who froze it; null where it is not frozen.
    #[schema(required = true, example = "adm_5pLw38mNoPq")]
    pub frozen_by: Option<String>,
    /// When it was frozen; null where it is not.
    #[schema(required = true, value_type = Option<String>, format = DateTime)]
    pub frozen_at: Option<Micros>,
}

impl FreezeOut {
    fn new(id: String, freeze: Option<Freeze>) -> Self {
        let Some(Freeze { reason, tell_caller, by, at }) = freeze else {
            let (reason, frozen_by, frozen_at) = (None, None, None);
            return Self { id, frozen: false, reason, tell_caller: false, frozen_by, frozen_at };
        };
        let (reason, frozen_by, frozen_at) = (Some(reason), Some(by), Some(at));
        Self { id, frozen: true, reason, tell_caller, frozen_by, frozen_at }
    }
}

/// By what something is frozen, and why.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct FrozenOut {
    /// Id of what is frozen: the thing itself, or the app or the partner that it belongs to.
    #[schema(example = "prt_4kPz09aBcDe")]
    pub id: String,
    /// Why.
    #[schema(value_type = String, example = "The key was found in a public repository")]
    pub reason: Reason,
    /// Since when.
    #[schema(value_type = String, format = DateTime, example = "2026-11-22T09:41:07Z")]
    pub since: Micros,
}

impl FrozenOut {
    /// By what something is frozen, where it is.
    pub fn of(frozen: Option<(Freezable, &Freeze)>) -> Option<Self> {
        let (what, freeze) = frozen?;
        Some(Self { id: what.to_string(), reason: freeze.reason.clone(), since: freeze.at })
    }
}

/// A page of what is frozen
///
/// Partners, apps and keys that are frozen themselves, in the order of their ids.
#[utoipa::path(
    tag = "freezes", operation_id = "list_freezes", params(PageQuery),
    responses((status = 200, description = "The page", body = PageOut<FreezeOut>), Problems),
    security(("admin_token" = []))
)]
#[get("/freezes")]
async fn list_freezes(
    _caller: AdminCaller,
    request: HttpRequest,
    state: State,
) -> ApiResult<Answer> {
    let page = page::read(&request, Params::new(request.query_string()))?;
    let after = page.after_pair()?.and_then(Freezable::of_pair);
    let rows = freezes::list(&state.db, after, page::rows(&page)).await?;
    let out = |(what, freeze): (Freezable, _)| FreezeOut::new(what.to_string(), Some(freeze));
    page::answer_by(&page, rows, |(what, _)| what.pair(), out)
}

async fn freeze(
    (caller, state): (&AdminCaller, &State),
    what: Freezable,
    body: FreezeIn,
) -> ApiResult<HttpResponse> {
    let by = caller.by(&state.clock);
    let freeze = freezes::freeze(&state.db, &by, what, (body.reason, body.tell_caller)).await?;
    state.applied().await;
    done(&FreezeOut::new(what.to_string(), Some(freeze)))
}

async fn unfreeze(
    (caller, state): (&AdminCaller, &State),
    what: Freezable,
    body: UnfreezeIn,
) -> ApiResult<HttpResponse> {
    let by = caller.by(&state.clock);
    freezes::unfreeze(&state.db, &by, what, &body.reason).await?;
    state.applied().await;
    done(&FreezeOut::new(what.to_string(), freezes::get(&state.db, what).await?))
}

/// Freeze a partner
///
/// All keys of all its apps are refused, and nothing of the partner can be changed until it is unfrozen but what takes access away: suspend,
/// quarantine, revoke, and rotations that end the old secret at once. Its status stays what it is, beneath. Freezing it again is refused, unless with the same reason.
#[utoipa::path(
    tag = "freezes", operation_id = "freeze_partner", request_body = FreezeIn,
    params(("partner_id" = String, Path, description = "Id of the partner", example = "prt_4kPz09aBcDe")),
    responses((status = 200, description = "The freeze", body = FreezeOut), Missing, Conflicts, BodyProblems, Problems),
    security(("admin_token" = []))
)]
#[post("/partners/{partner_id}/freeze")]
async fn freeze_partner(
    caller: AdminCaller,
    id: ApiPath<PartnerId>,
    body: JsonBody<FreezeIn>,
    state: State,
) -> ApiResult<HttpResponse> {
    freeze((&caller, &state), Freezable::Partner(id.0), body.0).await
}

/// Unfreeze a partner
///
/// It is again what its status says. The reason is kept in the audit log.
#[utoipa::path(
    tag = "freezes", operation_id = "unfreeze_partner", request_body = UnfreezeIn,
    params(("partner_id" = String, Path, description = "Id of the partner", example = "prt_4kPz09aBcDe")),
    responses((status = 200, description = "That it is not frozen", body = FreezeOut), Missing, BodyProblems, Problems),
    security(("admin_token" = []))
)]
#[post("/partners/{partner_id}/unfreeze")]
async fn unfreeze_partner(
    caller: AdminCaller,
    id: ApiPath<PartnerId>,
    body: JsonBody<UnfreezeIn>,
    state: State,
) -> ApiResult<HttpResponse> {
    unfreeze((&caller, &state), Freezable::Partner(id.0), body.0).await
}

/// Freeze an app
///
/// All its keys are refused, and nothing of the app can be changed until it is unfrozen but what takes access away: suspend,
/// quarantine, revoke, and rotations that end the old secret at once. Its status stays what it is, beneath. Freezing it again is refused, unless with the same reason.
#[utoipa::path(
    tag = "freezes", operation_id = "freeze_app", request_body = FreezeIn,
    params(("app_id" = String, Path, description = "Id of the app", example = "app_7nRy25kLmNo")),
    responses((status = 200, description = "The freeze", body = FreezeOut), Missing, Conflicts, BodyProblems, Problems),
    security(("admin_token" = []))
)]
#[post("/apps/{app_id}/freeze")]
async fn freeze_app(
    caller: AdminCaller,
    id: ApiPath<AppId>,
    body: JsonBody<FreezeIn>,
    state: State,
) -> ApiResult<HttpResponse> {
    freeze((&caller, &state), Freezable::App(id.0), body.0).await
}

/// Unfreeze an app
///
/// It is again what its status says. The reason is kept in the audit log.
#[utoipa::path(
    tag = "freezes", operation_id = "unfreeze_app", request_body = UnfreezeIn,
    params(("app_id" = String, Path, description = "Id of the app", example = "app_7nRy25kLmNo")),
    responses((status = 200, description = "That it is not frozen", body = FreezeOut), Missing, BodyProblems, Problems),
    security(("admin_token" = []))
)]
#[post("/apps/{app_id}/unfreeze")]
async fn unfreeze_app(
    caller: AdminCaller,
    id: ApiPath<AppId>,
    body: JsonBody<UnfreezeIn>,
    state: State,
) -> ApiResult<HttpResponse> {
    unfreeze((&caller, &state), Freezable::App(id.0), body.0).await
}

/// Freeze a key
///
/// It is refused, and nothing of the key can be changed until it is unfrozen but what takes access away: suspend,
/// quarantine, revoke, and rotations that end the old secret at once. Its status stays what it is, beneath. Freezing it again is refused, unless with the same reason.
#[utoipa::path(
    tag = "freezes", operation_id = "freeze_key", request_body = FreezeIn,
    params(("key_id" = String, Path, description = "Id of the key", example = "key_0Ab12Cd34Ef")),
    responses((status = 200, description = "The freeze", body = FreezeOut), Missing, Conflicts, BodyProblems, Problems),
    security(("admin_token" = []))
)]
#[post("/keys/{key_id}/freeze")]
async fn freeze_key(
    caller: AdminCaller,
    id: ApiPath<KeyId>,
    body: JsonBody<FreezeIn>,
    state: State,
) -> ApiResult<HttpResponse> {
    freeze((&caller, &state), Freezable::Key(id.0), body.0).await
}

/// Unfreeze a key
///
/// It is again what its status says. The reason is kept in the audit log.
#[utoipa::path(
    tag = "freezes", operation_id = "unfreeze_key", request_body = UnfreezeIn,
    params(("key_id" = String, Path, description = "Id of the key", example = "key_0Ab12Cd34Ef")),
    responses((status = 200, description = "That it is not frozen", body = FreezeOut), Missing, BodyProblems, Problems),
    security(("admin_token" = []))
)]
#[post("/keys/{key_id}/unfreeze")]
async fn unfreeze_key(
    caller: AdminCaller,
    id: ApiPath<KeyId>,
    body: JsonBody<UnfreezeIn>,
    state: State,
) -> ApiResult<HttpResponse> {
    unfreeze((&caller, &state), Freezable::Key(id.0), body.0).await
}
