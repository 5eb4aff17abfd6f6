//! Keys over HTTP. A key's text is in the answer to its creation or rotation and nowhere else.

pub mod actions;
pub mod bulk;
mod clients;
mod import;
pub mod leaks;
mod rotation;
pub mod schema;
mod shown;

use super::approvals::service::{Shown, answer, perform};
use super::approvals::{MayWait, respond};
use super::caller::AdminCaller;
use super::freezes::WhyIn;
use super::page::{self, PageOut, PageQuery};
use super::problems::{BodyProblems, Conflicts, Missing, Outdated, Problems};
use super::state::{State, created, done};
use crate::access::Environment;
use crate::access::freezes::Frozen;
use crate::access::keys::model::{Attention, DAYS_MOST, KeyFilter, KeyKind, KeyStatus};
use crate::access::service::{self, Switch};
use crate::http::{
    Answer, ApiError, ApiPath, ApiResult, Code, FieldError, JsonBody, OptionalBody, Params,
};
use crate::kernel::Micros;
use crate::kernel::id::KeyId;
use actix_web::http::header::{ETAG, HeaderValue, IF_MATCH};
use actix_web::{HttpRequest, HttpResponse, get, patch, post};
use schema::{IssuedKeyOut, KeyIn, KeyOut, KeyPatchIn};
use serde_json::Value;
use utoipa_actix_web::service_config::ServiceConfig;

/// Mounts the operations on keys.
pub fn configure(config: &mut ServiceConfig<'_>) {
    config
        .service(list_keys)
        .service(create_key)
        .service(get_key)
        .service(update_key)
        .service(quarantine_key)
        .service(suspend_key)
        .service(resume_key)
        .service(revoke_key)
        .configure(rotation::configure)
        .configure(bulk::configure)
        .configure(import::configure)
        .configure(clients::configure)
        .configure(leaks::configure);
}

/// A page of keys
///
/// In the order of their ids, of those that fit all that is asked for. `attention` names what wants to be
/// looked at: `expiring` (ends within so many days), `old_secret_used` and `old_secret_quiet` (a rotation is
/// under way, and the old secret was or was not used within so many days), `unused` (for so many days) and
/// `leaked` (found where everybody can read it, within so many days).
#[utoipa::path(
    tag = "keys", operation_id = "list_keys",
    params(
        ("app_id" = Option<String>, Query, description = "Only keys of this app", example = "app_7nRy25kLmNo"),
        ("partner_id" = Option<String>, Query, description = "Only keys of this partner's apps", example = "prt_7nRy25kLmNo"),
        ("plan_id" = Option<String>, Query, description = "Only keys of apps on this plan", example = "pln_2mQx17fGhIj"),
        ("environment" = Option<Environment>, Query, description = "Only live or only test keys", example = "live"),
        ("scope" = Option<String>, Query, description = "Only keys that hold this scope", example = "stock:read"),
        ("hint" = Option<String>, Query, description = "Only keys with a secret that ends so", example = "Zz90"),
        ("kind" = Option<KeyKind>, Query, description = "Only keys, or only clients", example = "client"),
        ("status" = Option<KeyStatus>, Query, description = "Only keys in this state", example = "quarantined"),
        ("attention" = Option<String>, Query, description = "Only keys that want to be looked at for this: `expiring`, `old_secret_used`, `old_secret_quiet`, `unused` or `leaked`", example = "expiring"),
        ("within_days" = Option<u32>, Query, minimum = 1, maximum = 3650, description = "The days of `attention`: 14 for what ends, 1 for old secrets and 90 for the rest, where it is left out", example = 14),
        PageQuery
    ),
    responses((status = 200, description = "The page", body = PageOut<KeyOut>), Problems),
    security(("admin_token" = []))
)]
#[get("/keys")]
async fn list_keys(_caller: AdminCaller, request: HttpRequest, state: State) -> ApiResult<Answer> {
    let mut params = Params::new(request.query_string());
    let now = state.clock.now();
    let filter = KeyFilter {
        app: params.value("app_id"),
        partner: params.value("partner_id"),
        plan: params.value("plan_id"),
        environment: params.value("environment"),
        scope: params.value("scope"),
        hint: params.text("hint"),
        kind: params.value("kind"),
        status: params.value("status"),
        attention: attention(&mut params, now),
        ..KeyFilter::default()
    };
    let page = page::read(&request, params)?;
    let rows = service::list_keys(&state.db, &filter, &page::walk(&page, KeyId)?, now).await?;
    let frozen = Frozen::read(&state.db).await?;
    page::answer(&page, rows, |key| key.id.0, |key| KeyOut::of(key, &frozen))
}

/// What wants to be looked at, with the time that it is about.
fn attention(params: &mut Params, now: Micros) -> Option<(Attention, Micros)> {
    let attention: Option<Attention> = params.value("attention");
    let days = params.whole("within_days", 1..=DAYS_MOST);
    attention.map(|attention| (attention, attention.time(days, now)))
}

/// Create a key
///
/// The answer holds the key's text, this once. Scopes that `admin.guarded_scopes` names may take a second person.
#[utoipa::path(
    tag = "keys", operation_id = "create_key", request_body = KeyIn,
    responses(
        (status = 201, description = "The key, at the place in `Location`, and its text", body = IssuedKeyOut),
        MayWait, BodyProblems, Problems
    ),
    security(("admin_token" = []))
)]
#[post("/keys")]
async fn create_key(
    caller: AdminCaller,
    body: JsonBody<KeyIn>,
    state: State,
) -> ApiResult<HttpResponse> {
    let what = answer(&body.0)?;
    let outcome = perform(&state, &caller, &actions::CREATE, what, Shown::by_action()).await?;
    state.applied().await;
    respond(&state, outcome, |out| {
        created(&format!("keys/{}", out["key"]["id"].as_str().unwrap_or_default()), out)
    })
}

/// A key
///
/// By its id, with when each of its secrets was last used.
#[utoipa::path(
    tag = "keys", operation_id = "get_key",
    params(("key_id" = String, Path, description = "Id of the key", example = "key_0Ab12Cd34Ef")),
    responses(
        (status = 200, description = "The key", body = KeyOut, headers(("ETag" = String, description = "Its version in quotes, for `If-Match`"))),
        Missing, Problems
    ),
    security(("admin_token" = []))
)]
#[get("/keys/{key_id}")]
async fn get_key(
    _caller: AdminCaller,
    id: ApiPath<KeyId>,
    state: State,
) -> ApiResult<HttpResponse> {
    let key = service::get_key(&state.db, id.0, state.clock.now()).await?;
    versioned(&answer(&KeyOut::now(&state.db, key).await?)?)
}

/// A key with its version as the validator of the answer.
fn versioned(key: &Value) -> ApiResult<HttpResponse> {
    let version = HeaderValue::from_str(&format!("\"{}\"", key["version"]));
    let mut response = done(key)?;
    if let Ok(version) = version {
        response.headers_mut().insert(ETAG, version);
    }
    Ok(response)
}

/// The version in `If-Match`, where a call has one.
fn seen(request: &HttpRequest) -> ApiResult<Option<i64>> {
    let Some(value) = request.headers().get(IF_MATCH) else { return Ok(None) };
    let text = value.to_str().unwrap_or_default().trim();
    if text == "*" {
        return Ok(None);
    }
    let version = text.strip_prefix('"').and_then(|text| text.strip_suffix('"'));
    version.and_then(|version| version.parse().ok()).map(Some).ok_or_else(|| {
        let message = "must be the key's version in quotes, such as \"3\"";
        let fault = FieldError::parameter("If-Match", "malformed", message);
        ApiError::new(
            Code::InvalidParameter,
            crate::kernel::sentence(format!("`If-Match` {message}")),
        )
        .errors(vec![fault])
    })
}

/// Edit a key
///
/// Name, scopes, addresses, end. To give it scopes that `admin.guarded_scopes` names may take a second person, and so
/// may letting a key that has such be used from more addresses or for longer. With `If-Match` (the `ETag` of the key,
/// its version in quotes) it is edited only where nobody else has changed it meanwhile.
#[utoipa::path(
    tag = "keys", operation_id = "update_key", request_body = KeyPatchIn,
    params(
        ("key_id" = String, Path, description = "Id of the key", example = "key_0Ab12Cd34Ef"),
        ("If-Match" = Option<String>, Header, description = "The version that was seen, in quotes", example = "\"3\"")
    ),
    responses(
        (status = 200, description = "The key", body = KeyOut, headers(("ETag" = String, description = "Its version in quotes, for `If-Match`"))),
        MayWait, Missing, Conflicts, Outdated, BodyProblems, Problems
    ),
    security(("admin_token" = []))
)]
#[patch("/keys/{key_id}")]
async fn update_key(
    caller: AdminCaller,
    id: ApiPath<KeyId>,
    body: JsonBody<KeyPatchIn>,
    request: HttpRequest,
    state: State,
) -> ApiResult<HttpResponse> {
    let seen = seen(&request)?;
    let what = answer(&actions::Update { id: id.0, seen, change: body.0 })?;
    let outcome = perform(&state, &caller, &actions::UPDATE, what, Shown::by_action()).await?;
    state.applied().await;
    respond(&state, outcome, versioned)
}

/// Suspend a key
///
/// It is refused until it is resumed. Suspending it again changes nothing.
#[utoipa::path(
    tag = "keys", operation_id = "suspend_key", request_body = Option<WhyIn>,
    params(("key_id" = String, Path, description = "Id of the key", example = "key_0Ab12Cd34Ef")),
    responses((status = 200, description = "The key", body = KeyOut), Missing, Conflicts, BodyProblems, Problems),
    security(("admin_token" = []))
)]
#[post("/keys/{key_id}/suspend")]
async fn suspend_key(
    caller: AdminCaller,
    id: ApiPath<KeyId>,
    body: OptionalBody<WhyIn>,
    state: State,
) -> ApiResult<HttpResponse> {
    let by = caller.by(&state.clock).because(body.0.reason.as_ref());
    let key = service::set_key_status(&state.db, &by, id.0, Switch::Suspend).await?;
    state.applied().await;
    done(&KeyOut::now(&state.db, key).await?)
}

/// Put a key in quarantine
///
/// It can read (operations with GET), and is answered once a second on each node, until it is resumed: for
/// a key that may be in wrong hands, while its holder still needs it. Doing it again changes nothing.
#[utoipa::path(
    tag = "keys", operation_id = "quarantine_key", request_body = Option<WhyIn>,
    params(("key_id" = String, Path, description = "Id of the key", example = "key_0Ab12Cd34Ef")),
    responses((status = 200, description = "The key", body = KeyOut), Missing, Conflicts, BodyProblems, Problems),
    security(("admin_token" = []))
)]
#[post("/keys/{key_id}/quarantine")]
async fn quarantine_key(
    caller: AdminCaller,
    id: ApiPath<KeyId>,
    body: OptionalBody<WhyIn>,
    state: State,
) -> ApiResult<HttpResponse> {
    let by = caller.by(&state.clock).because(body.0.reason.as_ref());
    let key = service::quarantine_key(&state.db, &by, id.0).await?;
    state.applied().await;
    done(&KeyOut::now(&state.db, key).await?)
}

/// Resume a key
///
/// Lifts a suspension or a quarantine: it works again, unless its app or partner is suspended or it has
/// expired.
#[utoipa::path(
    tag = "keys", operation_id = "resume_key", request_body = Option<WhyIn>,
    params(("key_id" = String, Path, description = "Id of the key", example = "key_0Ab12Cd34Ef")),
    responses((status = 200, description = "The key", body = KeyOut), Missing, Conflicts, BodyProblems, Problems),
    security(("admin_token" = []))
)]
#[post("/keys/{key_id}/resume")]
async fn resume_key(
    caller: AdminCaller,
    id: ApiPath<KeyId>,
    body: OptionalBody<WhyIn>,
    state: State,
) -> ApiResult<HttpResponse> {
    let by = caller.by(&state.clock).because(body.0.reason.as_ref());
    let key = service::set_key_status(&state.db, &by, id.0, Switch::Resume).await?;
    state.applied().await;
    done(&KeyOut::now(&state.db, key).await?)
}

/// Revoke a key
///
/// All its secrets are refused at once and for good. Revoking it again changes nothing.
#[utoipa::path(
    tag = "keys", operation_id = "revoke_key", request_body = Option<WhyIn>,
    params(("key_id" = String, Path, description = "Id of the key", example = "key_0Ab12Cd34Ef")),
    responses((status = 200, description = "The key", body = KeyOut), Missing, BodyProblems, Problems),
    security(("admin_token" = []))
)]
#[post("/keys/{key_id}/revoke")]
async fn revoke_key(
    caller: AdminCaller,
    id: ApiPath<KeyId>,
    body: OptionalBody<WhyIn>,
    state: State,
) -> ApiResult<HttpResponse> {
    let by = caller.by(&state.clock).because(body.0.reason.as_ref());
    let key = service::revoke_key(&state.db, &by, id.0).await?;
    state.applied().await;
    done(&KeyOut::now(&state.db, key).await?)
}
