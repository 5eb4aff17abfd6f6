//! Purposes and notices over HTTP: what data is for, and what customers are told, in versions that never change.

mod schema;

use super::caller::AdminCaller;
use super::problems::{BodyProblems, Missing, Problems};
use super::state::{State, created, done};
use super::subscriptions::ReasonIn;
use crate::access::error::{AccessError, Kind};
use crate::consent::purpose::{NoticeDocument, PurposeId};
use crate::consent::words;
use crate::http::answer::Cache;
use crate::http::{Answer, ApiPath, ApiResult, JsonBody};
use crate::kernel::id::AppId;
use actix_web::{HttpRequest, HttpResponse, get, post};
use schema::{NoticeIn, NoticeOut, NoticesOut, PurposeIn, PurposeOut, PurposesOut};
use utoipa_actix_web::service_config::ServiceConfig;

/// Mounts the operations.
pub fn configure(config: &mut ServiceConfig<'_>) {
    config
        .service(list_purposes)
        .service(publish_purpose)
        .service(get_purpose)
        .service(withdraw_purpose)
        .service(list_notices)
        .service(publish_notice)
        .service(get_notice)
        .service(withdraw_notice);
}

fn records<T>(items: &[T]) -> u32 {
    u32::try_from(items.len()).unwrap_or(u32::MAX)
}

/// The purpose that the path of a call names behind the app.
fn named(request: &HttpRequest) -> ApiResult<PurposeId> {
    let text = request.match_info().query("purpose_id");
    Ok(text.parse::<PurposeId>().map_err(|_| AccessError::not_found(Kind::Purpose, text))?)
}

/// The purposes of an app
///
/// All versions of all of them, those that are withdrawn too: consents may have been given to them.
#[utoipa::path(
    tag = "consent-words", operation_id = "list_purposes",
    params(("app_id" = String, Path, description = "Id of the app", example = "app_7nRy25kLmNo")),
    responses((status = 200, description = "The purposes", body = PurposesOut), Missing, Problems),
    security(("admin_token" = []))
)]
#[get("/apps/{app_id}/purposes")]
async fn list_purposes(
    _caller: AdminCaller,
    id: ApiPath<AppId>,
    state: State,
) -> ApiResult<Answer> {
    let all = words::purposes(&state.db, id.0).await?;
    let items: Vec<PurposeOut> = all.into_iter().map(PurposeOut::from).collect();
    let records = records(&items);
    Answer::json(&PurposesOut { items }, Cache::NoStore, records)
}

/// Publish a purpose of an app
///
/// Its first version, or the next one: customers who decide from now on are shown this one, and consents that were given
/// keep the words that they were given to. A version never changes, and is found by the hash of its document. What the last
/// version says already is no new one.
#[utoipa::path(
    tag = "consent-words", operation_id = "publish_purpose", request_body = PurposeIn,
    params(("app_id" = String, Path, description = "Id of the app", example = "app_7nRy25kLmNo")),
    responses(
        (status = 200, description = "The last version, which says the same", body = PurposeOut),
        (status = 201, description = "The version, at the place in `Location`", body = PurposeOut),
        Missing, BodyProblems, Problems
    ),
    security(("admin_token" = []))
)]
#[post("/apps/{app_id}/purposes")]
async fn publish_purpose(
    caller: AdminCaller,
    id: ApiPath<AppId>,
    body: JsonBody<PurposeIn>,
    state: State,
) -> ApiResult<HttpResponse> {
    let by = caller.by(&state.clock);
    let document = body.0.of(id.0);
    let (published, is_new) = words::add_purpose(&state.db, &by, &document).await?;
    let place = format!("apps/{}/purposes/{}", id.0, document.purpose_id);
    let out = PurposeOut::from(published);
    if is_new { created(&place, &out) } else { done(&out) }
}

/// A purpose of an app
///
/// Its last version.
#[utoipa::path(
    tag = "consent-words", operation_id = "get_purpose",
    params(
        ("app_id" = String, Path, description = "Id of the app", example = "app_7nRy25kLmNo"),
        ("purpose_id" = String, Path, description = "Name of the purpose", example = "budget-coach"),
    ),
    responses((status = 200, description = "The purpose", body = PurposeOut), Missing, Problems),
    security(("admin_token" = []))
)]
#[get("/apps/{app_id}/purposes/{purpose_id}")]
async fn get_purpose(
    _caller: AdminCaller,
    id: ApiPath<AppId>,
    request: HttpRequest,
    state: State,
) -> ApiResult<Answer> {
    let purpose = words::purpose(&state.db, id.0, &named(&request)?).await?;
    Answer::json(&PurposeOut::from(purpose), Cache::NoStore, 1)
}

/// Withdraw a purpose of an app
///
/// With all versions that it has so far: no customer is asked for it any more. Consents that were given to it hold on until
/// they end. A version that is published later is in force again.
#[utoipa::path(
    tag = "consent-words", operation_id = "withdraw_purpose", request_body = ReasonIn,
    params(
        ("app_id" = String, Path, description = "Id of the app", example = "app_7nRy25kLmNo"),
        ("purpose_id" = String, Path, description = "Name of the purpose", example = "budget-coach"),
    ),
    responses(
        (status = 200, description = "The purpose", body = PurposeOut),
        Missing, BodyProblems, Problems
    ),
    security(("admin_token" = []))
)]
#[post("/apps/{app_id}/purposes/{purpose_id}/withdraw")]
async fn withdraw_purpose(
    caller: AdminCaller,
    id: ApiPath<AppId>,
    request: HttpRequest,
    body: JsonBody<ReasonIn>,
    state: State,
) -> ApiResult<HttpResponse> {
    let (by, name) = (caller.by(&state.clock), named(&request)?);
    let what = (id.0, &name);
    let purpose = words::withdraw_purpose(&state.db, &by, what, &body.0.reason).await?;
    done(&PurposeOut::from(purpose))
}

/// The notices
///
/// All versions of all of them, those that are withdrawn too: consents may have been given to them.
#[utoipa::path(
    tag = "consent-words", operation_id = "list_notices",
    responses((status = 200, description = "The notices", body = NoticesOut), Problems),
    security(("admin_token" = []))
)]
#[get("/notices")]
async fn list_notices(_caller: AdminCaller, state: State) -> ApiResult<Answer> {
    let all = words::notices(&state.db).await?;
    let items: Vec<NoticeOut> = all.into_iter().map(NoticeOut::from).collect();
    let records = records(&items);
    Answer::json(&NoticesOut { items }, Cache::NoStore, records)
}

/// Publish a notice
///
/// What customers are told before they decide (GDPR Art. 13), whoever asks them. `version` is the one behind the last, so that
/// two people do not publish over each other. A version never changes, and is found by the hash of its document.
#[utoipa::path(
    tag = "consent-words", operation_id = "publish_notice", request_body = NoticeIn,
    responses(
        (status = 200, description = "The last version, which says the same", body = NoticeOut),
        (status = 201, description = "The version, at the place in `Location`", body = NoticeOut),
        BodyProblems, Problems
    ),
    security(("admin_token" = []))
)]
#[post("/notices")]
async fn publish_notice(
    caller: AdminCaller,
    body: JsonBody<NoticeIn>,
    state: State,
) -> ApiResult<HttpResponse> {
    let by = caller.by(&state.clock);
    let document = NoticeDocument::from(body.0);
    let (published, is_new) = words::add_notice(&state.db, &by, &document).await?;
    let out = NoticeOut::from(published);
    if is_new { created(&format!("notices/{}", document.notice_id), &out) } else { done(&out) }
}

/// A notice
///
/// Its last version.
#[utoipa::path(
    tag = "consent-words", operation_id = "get_notice",
    params(("notice_id" = String, Path, description = "Name of the notice", example = "sharing")),
    responses((status = 200, description = "The notice", body = NoticeOut), Missing, Problems),
    security(("admin_token" = []))
)]
#[get("/notices/{notice_id}")]
async fn get_notice(_caller: AdminCaller, id: ApiPath<String>, state: State) -> ApiResult<Answer> {
    let notice = words::notice(&state.db, &id.0).await?;
    Answer::json(&NoticeOut::from(notice), Cache::NoStore, 1)
}

/// Withdraw a notice
///
/// With all versions that it has so far: no customer is shown it any more. Consents that were given to it hold on. A version
/// that is published later is in force again.
#[utoipa::path(
    tag = "consent-words", operation_id = "withdraw_notice", request_body = ReasonIn,
    params(("notice_id" = String, Path, description = "Name of the notice", example = "sharing")),
    responses(
        (status = 200, description = "The notice", body = NoticeOut),
        Missing, BodyProblems, Problems
    ),
    security(("admin_token" = []))
)]
#[post("/notices/{notice_id}/withdraw")]
async fn withdraw_notice(
    caller: AdminCaller,
    id: ApiPath<String>,
    body: JsonBody<ReasonIn>,
    state: State,
) -> ApiResult<HttpResponse> {
    let by = caller.by(&state.clock);
    done(&NoticeOut::from(words::withdraw_notice(&state.db, &by, &id.0, &body.0.reason).await?))
}
