//! Refusals over HTTP: what was refused to whom, and why.

use super::caller::AdminCaller;
use super::page::PageQuery;
use super::problems::{Missing, Problems};
use super::rights::Right;
use crate::explain::api::{Explainer, PageOfRefusals, RefusalOut};
use crate::explain::query::RefusalsQuery;
use crate::explain::stop;
use crate::explain::store::Asked;
use crate::http::answer::Cache;
use crate::http::{Answer, ApiResult, PageRequest, Params};
use crate::kernel::id::{AppId, KeyId, PartnerId};
use actix_web::{HttpRequest, get, web};
use utoipa_actix_web::service_config::ServiceConfig;

/// Mounts the operations on refusals.
pub fn configure(config: &mut ServiceConfig<'_>) {
    config.service(list_refusals).service(get_refusal);
}

/// A page of refusals
///
/// Calls of the partner API that were refused with 401, 403 or 429, counted by minute, key, operation, code and
/// limits, newest first: the last 24 hours where no span is given. Calls without a proved key are among them, without
/// ids.
#[utoipa::path(
    tag = "refusals", operation_id = "list_refusals",
    params(
        ("partner_id" = Option<String>, Query, description = "Only refusals of this partner", example = "prt_4kPz09aBcDe"),
        ("app_id" = Option<String>, Query, description = "Only refusals of this app", example = "app_7nRy25kLmNo"),
        ("key_id" = Option<String>, Query, description = "Only refusals of this key", example = "key_0Ab12Cd34Ef"),
        RefusalsQuery, PageQuery
    ),
    responses((status = 200, description = "The page", body = PageOfRefusals), Problems),
    security(("admin_token" = []))
)]
#[get("/refusals")]
async fn list_refusals(
    _caller: AdminCaller,
    request: HttpRequest,
    explainer: web::Data<Explainer>,
) -> ApiResult<Answer> {
    let mut params = Params::new(request.query_string());
    let partner = params.value("partner_id").map(|id: PartnerId| id.to_string());
    let app = params.value("app_id").map(|id: AppId| id.to_string());
    let key = params.value("key_id").map(|id: KeyId| id.to_string());
    let asked = explainer.asked(&mut params);
    let page = PageRequest::read(&request, &mut params);
    params.finish()?;
    explainer.page(&page, Asked { partner, app, key, ..asked }).await
}

/// Why a call was refused
///
/// The rule that refused a call of the partner API, what of the key it was, and how each limit stood at that
/// moment, for the `refusal_id` of its problem document. The address of a call is in that id alone, not in
/// those of the history. Of a call of the admin API it is what its caller was told; the history has none of
/// those, and the audit log has each 403, close ones of the same caller as one entry. `stop` says who suspended or froze it and why: of suspensions of keys, apps and partners, which
/// only the audit log tells, to who may read that (`read_audit`).
#[utoipa::path(
    tag = "refusals", operation_id = "get_refusal",
    params(("refusal_id" = String, Path, max_length = 800, description = "`refusal_id` of the problem document", example = "ref_AbCd")),
    responses((status = 200, description = "The refusal", body = RefusalOut), Missing, Problems),
    security(("admin_token" = []))
)]
#[get("/refusals/{refusal_id}")]
async fn get_refusal(
    caller: AdminCaller,
    id: web::Path<String>,
    explainer: web::Data<Explainer>,
) -> ApiResult<Answer> {
    let refusal = explainer.open(&id)?;
    let may_see = stop::is_open(&refusal) || caller.roles.have(Right::ReadAudit);
    let stop = if may_see { stop::find(&explainer.db, &refusal).await? } else { None };
    Answer::json(&RefusalOut::for_retailer(refusal, stop), Cache::NoStore, 1)
}
