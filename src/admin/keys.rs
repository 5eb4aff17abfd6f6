//! Keys over HTTP. A key's text is in the answer to its creation or rotation and nowhere else.

use super::caller::AdminCaller;
use super::page::{self, PageOut, PageQuery};
use super::problems::{BodyProblems, Conflicts, Missing, Problems};
use super::state::{State, created, done};
use crate::access::Environment;
use crate::access::model::{Cidr, IssuedKey, Key, KeySecret, KeySpec, Name, Status};
use crate::access::scope::{Scope, Scopes};
use crate::access::service::{self, Switch};
use crate::http::answer::Cache;
use crate::http::{Answer, ApiPath, ApiResult, JsonBody, Params};
use crate::kernel::Micros;
use crate::kernel::id::{AppId, KeyId};
use actix_web::{HttpRequest, HttpResponse, get, post};
use serde::{Deserialize, Serialize};
use utoipa_actix_web::service_config::ServiceConfig;

/// Mounts the operations on keys.
pub fn configure(config: &mut ServiceConfig<'_>) {
    config
        .service(list_keys)
        .service(create_key)
        .service(get_key)
        .service(rotate_key)
        .service(suspend_key)
        .service(resume_key)
        .service(revoke_key);
}

/// A key to create.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct KeyIn {
    /// The app that it is for.
    #[schema(value_type = String, example = "app_7nRy25kLmNo")]
    pub app_id: AppId,
    /// `live`, or `test` for calls that are never billed.
    #[schema(example = "live")]
    pub environment: Environment,
    /// What people call it.
    #[schema(value_type = String, min_length = 1, max_length = 100, example = "production")]
    pub name: Name,
    /// What it may do; everything where it is left out.
    #[schema(value_type = Option<Vec<String>>, example = json!(["catalog:read", "stock:read"]))]
    pub scopes: Option<Vec<Scope>>,
    /// Blocks of IPv4 or IPv6 addresses that it may be used from; anywhere where there is none.
    #[serde(default)]
    #[schema(value_type = Vec<String>, example = json!(["192.0.2.0/24", "2001:db8::/32"]))]
    pub cidrs: Vec<Cidr>,
    /// When it ends; never where it is left out.
    #[schema(value_type = Option<String>, format = DateTime, example = "2027-11-22T00:00:00Z")]
    pub expires_at: Option<Micros>,
}

impl From<KeyIn> for KeySpec {
    fn from(key: KeyIn) -> Self {
        Self {
            app: key.app_id,
            environment: key.environment,
            name: key.name,
            scopes: key.scopes.map_or_else(Scopes::all, |scopes| scopes.into_iter().collect()),
            cidrs: key.cidrs.into_iter().map(|cidr| cidr.0).collect(),
            expires_at: key.expires_at,
        }
    }
}

/// How a key's secret is changed.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RotationIn {
    /// Seconds for which the old secret stays valid; 0 ends every older secret at once.
    #[schema(minimum = 0, maximum = 7_776_000, example = 86_400)]
    pub overlap_s: u32,
}

/// A secret of a key, without its text.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct SecretOut {
    /// The last characters of the key's text.
    #[schema(example = "x7Qa")]
    pub hint: String,
    /// When it was made.
    #[schema(value_type = String, format = DateTime, example = "2026-11-22T09:41:07Z")]
    pub created_at: Micros,
    /// When a rotation ends it; null where none does.
    #[schema(required = true, value_type = Option<String>, format = DateTime)]
    pub expires_at: Option<Micros>,
    /// When it was last used, as far as nodes have reported; null where it never was.
    #[schema(required = true, value_type = Option<String>, format = DateTime)]
    pub last_used_at: Option<Micros>,
}

impl From<KeySecret> for SecretOut {
    fn from(secret: KeySecret) -> Self {
        let KeySecret { hint, created_at, expires_at, last_used_at } = secret;
        Self { hint, created_at, expires_at, last_used_at }
    }
}

/// A key, without its text.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct KeyOut {
    /// Id of the key; its digits also stand in the key's text.
    #[schema(value_type = String, example = "key_0Ab12Cd34Ef")]
    pub id: KeyId,
    /// The app that it is for.
    #[schema(value_type = String, example = "app_7nRy25kLmNo")]
    pub app_id: AppId,
    /// `live` or `test`.
    #[schema(example = "live")]
    pub environment: Environment,
    /// What people call it.
    #[schema(value_type = String, example = "production")]
    pub name: Name,
    /// What it may do.
    #[schema(value_type = Vec<String>, example = json!(["catalog:read", "stock:read"]))]
    pub scopes: Vec<Scope>,
    /// Where it may be used from; empty for anywhere.
    #[schema(example = json!(["192.0.2.0/24", "2001:db8::/32"]))]
    pub cidrs: Vec<String>,
    /// `active`, `suspended` or, for good, `revoked`.
    #[schema(example = "active")]
    pub status: Status,
    /// When it ends; null for never.
    #[schema(required = true, value_type = Option<String>, format = DateTime)]
    pub expires_at: Option<Micros>,
    /// Its valid secrets, oldest first: one or, during a rotation, two.
    pub secrets: Vec<SecretOut>,
    /// When it was created.
    #[schema(value_type = String, format = DateTime, example = "2026-11-22T09:41:07Z")]
    pub created_at: Micros,
    /// When it last changed.
    #[schema(value_type = String, format = DateTime, example = "2026-11-22T09:41:07Z")]
    pub updated_at: Micros,
}

impl From<Key> for KeyOut {
    fn from(key: Key) -> Self {
        Self {
            id: key.id,
            app_id: key.spec.app,
            environment: key.spec.environment,
            name: key.spec.name,
            scopes: key.spec.scopes.iter().collect(),
            cidrs: key.spec.cidrs.iter().map(ToString::to_string).collect(),
            status: key.status,
            expires_at: key.spec.expires_at,
            secrets: key.secrets.into_iter().map(SecretOut::from).collect(),
            created_at: key.created_at,
            updated_at: key.updated_at,
        }
    }
}

/// A key and its text, which is shown this once.
#[derive(Serialize, utoipa::ToSchema)]
pub struct IssuedKeyOut {
    /// The key.
    pub key: KeyOut,
    /// The text to send as `Authorization: Bearer …`. It cannot be shown again.
    #[schema(example = "cpt_live_0Ab12Cd34Ef_…")]
    pub text: String,
}

impl From<IssuedKey> for IssuedKeyOut {
    fn from(issued: IssuedKey) -> Self {
        Self { text: issued.text.reveal().to_owned(), key: issued.key.into() }
    }
}

impl std::fmt::Debug for IssuedKeyOut {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("IssuedKeyOut").field("key", &self.key).finish_non_exhaustive()
    }
}

/// A page of keys
///
/// In the order of their ids, of one app or of all.
#[utoipa::path(
    tag = "keys", operation_id = "list_keys",
    params(
        ("app_id" = Option<String>, Query, description = "Only keys of this app", example = "app_7nRy25kLmNo"),
        PageQuery
    ),
    responses((status = 200, description = "The page", body = PageOut<KeyOut>), Problems),
    security(("admin_token" = []))
)]
#[get("/keys")]
async fn list_keys(_caller: AdminCaller, request: HttpRequest, state: State) -> ApiResult<Answer> {
    let mut params = Params::new(request.query_string());
    let of: Option<AppId> = params.value("app_id");
    let page = page::read(&request, params)?;
    let rows =
        service::list_keys(&state.db, of, &page::walk(&page, KeyId)?, state.clock.now()).await?;
    page::answer(&page, rows, |key| key.id.0, KeyOut::from)
}

/// Create a key
///
/// The answer holds the key's text, this once.
#[utoipa::path(
    tag = "keys", operation_id = "create_key", request_body = KeyIn,
    responses(
        (status = 201, description = "The key, at the place in `Location`, and its text", body = IssuedKeyOut),
        BodyProblems, Problems
    ),
    security(("admin_token" = []))
)]
#[post("/keys")]
async fn create_key(
    caller: AdminCaller,
    body: JsonBody<KeyIn>,
    state: State,
) -> ApiResult<HttpResponse> {
    let by = caller.by(&state.clock);
    let issued = service::create_key(&state.db, &by, &state.pepper, body.0.into()).await?;
    state.applied().await;
    created(&format!("keys/{}", issued.key.id), &IssuedKeyOut::from(issued))
}

/// A key
///
/// By its id, with when each of its secrets was last used.
#[utoipa::path(
    tag = "keys", operation_id = "get_key",
    params(("key_id" = String, Path, description = "Id of the key", example = "key_0Ab12Cd34Ef")),
    responses((status = 200, description = "The key", body = KeyOut), Missing, Problems),
    security(("admin_token" = []))
)]
#[get("/keys/{key_id}")]
async fn get_key(_caller: AdminCaller, id: ApiPath<KeyId>, state: State) -> ApiResult<Answer> {
    let key = service::get_key(&state.db, id.0, state.clock.now()).await?;
    Answer::json(&KeyOut::from(key), Cache::NoStore, 1)
}

/// Give a key a new secret
///
/// The answer holds the key's new text, this once. The old text works until the overlap is over,
/// so that it can be replaced without a gap. At most two texts work at a time.
#[utoipa::path(
    tag = "keys", operation_id = "rotate_key", request_body = RotationIn,
    params(("key_id" = String, Path, description = "Id of the key", example = "key_0Ab12Cd34Ef")),
    responses(
        (status = 200, description = "The key and its new text", body = IssuedKeyOut),
        Missing, Conflicts, BodyProblems, Problems
    ),
    security(("admin_token" = []))
)]
#[post("/keys/{key_id}/rotate")]
async fn rotate_key(
    caller: AdminCaller,
    id: ApiPath<KeyId>,
    body: JsonBody<RotationIn>,
    state: State,
) -> ApiResult<HttpResponse> {
    let by = caller.by(&state.clock);
    let (pepper, overlap_s) = (&state.pepper, body.0.overlap_s);
    let issued = service::rotate_key(&state.db, &by, pepper, id.0, overlap_s).await?;
    state.applied().await;
    done(&IssuedKeyOut::from(issued))
}

/// Suspend a key
///
/// It is refused until it is resumed. Suspending it again changes nothing.
#[utoipa::path(
    tag = "keys", operation_id = "suspend_key",
    params(("key_id" = String, Path, description = "Id of the key", example = "key_0Ab12Cd34Ef")),
    responses((status = 200, description = "The key", body = KeyOut), Missing, Conflicts, Problems),
    security(("admin_token" = []))
)]
#[post("/keys/{key_id}/suspend")]
async fn suspend_key(
    caller: AdminCaller,
    id: ApiPath<KeyId>,
    state: State,
) -> ApiResult<HttpResponse> {
    let by = caller.by(&state.clock);
    let key = service::set_key_status(&state.db, &by, id.0, Switch::Suspend).await?;
    state.applied().await;
    done(&KeyOut::from(key))
}

/// Resume a key
///
/// It works again, unless its app or partner is suspended or it has expired.
#[utoipa::path(
    tag = "keys", operation_id = "resume_key",
    params(("key_id" = String, Path, description = "Id of the key", example = "key_0Ab12Cd34Ef")),
    responses((status = 200, description = "The key", body = KeyOut), Missing, Conflicts, Problems),
    security(("admin_token" = []))
)]
#[post("/keys/{key_id}/resume")]
async fn resume_key(
    caller: AdminCaller,
    id: ApiPath<KeyId>,
    state: State,
) -> ApiResult<HttpResponse> {
    let by = caller.by(&state.clock);
    let key = service::set_key_status(&state.db, &by, id.0, Switch::Resume).await?;
    state.applied().await;
    done(&KeyOut::from(key))
}

/// Revoke a key
///
/// All its secrets are refused at once and for good. Revoking it again changes nothing.
#[utoipa::path(
    tag = "keys", operation_id = "revoke_key",
    params(("key_id" = String, Path, description = "Id of the key", example = "key_0Ab12Cd34Ef")),
    responses((status = 200, description = "The key", body = KeyOut), Missing, Problems),
    security(("admin_token" = []))
)]
#[post("/keys/{key_id}/revoke")]
async fn revoke_key(
    caller: AdminCaller,
    id: ApiPath<KeyId>,
    state: State,
) -> ApiResult<HttpResponse> {
    let by = caller.by(&state.clock);
    let key = service::revoke_key(&state.db, &by, id.0).await?;
    state.applied().await;
    done(&KeyOut::from(key))
}
