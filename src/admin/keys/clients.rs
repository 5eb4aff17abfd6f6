//! OAuth clients over HTTP: what they have beside other keys.

use super::actions;
use super::schema::{KeyIn, KeyOut};
use crate::access::Environment;
use crate::access::error::AccessError;
use crate::access::model::{Cidr, KeySpec, Name};
use crate::access::oauth::jwk;
use crate::access::scope::Scope;
use crate::admin::approvals::service::{Shown, answer, perform};
use crate::admin::approvals::{MayWait, respond};
use crate::admin::caller::AdminCaller;
use crate::admin::problems::{BodyProblems, Conflicts, Missing, Problems};
use crate::admin::state::{State, created, done};
use crate::http::{ApiPath, ApiResult, JsonBody};
use crate::kernel::Micros;
use crate::kernel::id::{AppId, KeyId};
use actix_web::{HttpResponse, post, put};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa_actix_web::service_config::ServiceConfig;

/// Mounts the operations on clients.
pub(super) fn configure(config: &mut ServiceConfig<'_>) {
    config.service(create_client).service(set_client_jwks);
}

/// A client to create.
#[derive(Debug, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ClientIn {
    /// The app that it is for.
    #[schema(value_type = String, example = "app_7nRy25kLmNo")]
    app_id: AppId,
    /// `live`, or `test` for calls that are never billed.
    #[schema(example = "live")]
    environment: Environment,
    /// What people call it.
    #[schema(value_type = String, min_length = 1, max_length = 100, example = "warehouse")]
    name: Name,
    /// What it may do; everything but what is about customers where it is left out.
    #[schema(value_type = Option<Vec<String>>, min_items = 1, example = json!(["catalog:read", "stock:read"]))]
    scopes: Option<Vec<Scope>>,
    /// Blocks of IPv4 or IPv6 addresses that it may be used from; anywhere where there is none.
    #[serde(default)]
    #[schema(value_type = Vec<String>, example = json!(["192.0.2.0/24", "2001:db8::/32"]))]
    cidrs: Vec<Cidr>,
    /// When it ends; never where it is left out.
    #[schema(value_type = Option<String>, format = DateTime, example = "2027-11-22T00:00:00Z")]
    expires_at: Option<Micros>,
    /// Public keys of its own (RFC 7517), for `private_key_jwt`: EC P-256, RSA from 2048 bits, or Ed25519.
    /// Where it is left out, the client gets a secret.
    #[schema(value_type = Option<Object>, example = json!({ "keys": [{ "kty": "OKP", "crv": "Ed25519", "kid": "2026", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo" }] }))]
    jwks: Option<Value>,
}

/// Other public keys of a client.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
struct JwksIn {
    /// All of them (RFC 7517).
    #[schema(value_type = Object, example = json!({ "keys": [{ "kty": "OKP", "crv": "Ed25519", "kid": "2026", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo" }] }))]
    jwks: Value,
}

/// A client, and its secret where it has one.
#[derive(Serialize, utoipa::ToSchema)]
pub(super) struct IssuedClientOut {
    /// The client; its `client_id` is the id here.
    pub(super) client: KeyOut,
    /// Its secret, this once; null for a client with keys of its own.
    #[schema(required = true, example = "cpt_client_0Ab12Cd34Ef_…")]
    pub(super) secret: Option<String>,
}

impl ClientIn {
    /// What the client shall be, and its public keys where it has its own.
    pub(super) fn read(self) -> Result<(KeySpec, Option<Vec<jwk::PublicJwk>>), AccessError> {
        let Self { app_id, environment, name, scopes, cidrs, expires_at, jwks } = self;
        let jwks = jwks.as_ref().map(read_jwks).transpose()?;
        Ok((KeyIn { app_id, environment, name, scopes, cidrs, expires_at }.into(), jwks))
    }
}

/// Public keys in the form of RFC 7517.
pub(super) fn read_jwks(jwks: &Value) -> Result<Vec<jwk::PublicJwk>, AccessError> {
    jwk::read_set(jwks).map_err(|message| AccessError::Field { field: "jwks", message })
}

/// Create an OAuth client
///
/// For partners that get access tokens (`POST /oauth/token` of the partner API) in place of sending a key. A
/// client is a key of another kind: all that can be done to keys can be done to it, by its id. A rotation
/// gives it another secret.
#[utoipa::path(
    tag = "keys", operation_id = "create_client", request_body = ClientIn,
    responses(
        (status = 201, description = "The client, at the place in `Location`", body = IssuedClientOut),
        MayWait, BodyProblems, Problems
    ),
    security(("admin_token" = []))
)]
#[post("/clients")]
async fn create_client(
    caller: AdminCaller,
    body: JsonBody<ClientIn>,
    state: State,
) -> ApiResult<HttpResponse> {
    let what = answer(&body.0)?;
    let outcome =
        perform(&state, &caller, &actions::CREATE_CLIENT, what, Shown::by_action()).await?;
    state.applied().await;
    respond(&state, outcome, |out| {
        created(&format!("keys/{}", out["client"]["id"].as_str().unwrap_or_default()), out)
    })
}

/// Give a client other public keys
///
/// In place of all that it has; send old and new ones together for as long as both are used. Where one goes,
/// the access tokens that the client has got so far end. To add one to a client with scopes that
/// `admin.guarded_scopes` names may take a second person.
#[utoipa::path(
    tag = "keys", operation_id = "set_client_jwks", request_body = JwksIn,
    params(("key_id" = String, Path, description = "Id of the client", example = "key_0Ab12Cd34Ef")),
    responses(
        (status = 200, description = "The client", body = KeyOut),
        MayWait, Missing, Conflicts, BodyProblems, Problems
    ),
    security(("admin_token" = []))
)]
#[put("/clients/{key_id}/jwks")]
async fn set_client_jwks(
    caller: AdminCaller,
    id: ApiPath<KeyId>,
    body: JsonBody<JwksIn>,
    state: State,
) -> ApiResult<HttpResponse> {
    let what = answer(&actions::SetJwks { id: id.0, jwks: body.0.jwks })?;
    let outcome = perform(&state, &caller, &actions::SET_JWKS, what, Shown::by_action()).await?;
    state.applied().await;
    respond(&state, outcome, done)
}
