//! What clients read about the server and the API, and the keys.

use super::answered::published;
use super::documents::SigningKeysOut;
use super::state::AuthzState;
use crate::access::oauth::{OAuth, api};
use crate::authz::metadata::{ResourceMetadata, ServerMetadata};
use crate::http::ApiResult;
use actix_web::{HttpResponse, get, web};

/// Seconds for which the metadata may be kept.
const METADATA_S: u32 = 3_600;
/// Seconds for which the keys may be kept: they are published a day before they sign.
const KEYS_S: u32 = 300;

/// About the authorization server
///
/// What OAuth libraries want to know of it (RFC 8414). Where it issues no tokens about customers, it is about those of
/// clients themselves alone.
#[utoipa::path(
    tag = "oauth", operation_id = "get_oauth_metadata",
    responses((status = 200, description = "The metadata.", body = ServerMetadata<'_>)),
    security(()),
)]
#[get("/.well-known/oauth-authorization-server")]
pub(super) async fn get_oauth_metadata(
    state: web::Data<AuthzState>,
    oauth: web::Data<OAuth>,
) -> HttpResponse {
    if !state.is_embedded() {
        return published(&api::metadata(&oauth), METADATA_S);
    }
    state.with_facts(|facts| published(&facts.server(), METADATA_S))
}

/// About the authorization server, for OpenID Connect
///
/// The same for libraries of OpenID Connect (Discovery 1.0 §4).
#[utoipa::path(
    tag = "oauth", operation_id = "get_openid_metadata",
    responses(
        (status = 200, description = "The metadata.", body = ServerMetadata<'_>),
        (status = 404, description = "No tokens about customers are issued here."),
    ),
    security(()),
)]
#[get("/.well-known/openid-configuration")]
pub(super) async fn get_openid_metadata(state: web::Data<AuthzState>) -> ApiResult<HttpResponse> {
    state.embedded()?;
    Ok(state.with_facts(|facts| published(&facts.server(), METADATA_S)))
}

/// About this API
///
/// Which authorization servers issue tokens for it, and how they are shown (RFC 9728).
#[utoipa::path(
    tag = "oauth", operation_id = "get_resource_metadata",
    responses(
        (status = 200, description = "The metadata.", body = ResourceMetadata<'_>),
        (status = 404, description = "There is nothing about customers here."),
    ),
    security(()),
)]
#[get("/.well-known/oauth-protected-resource")]
pub(super) async fn get_resource_metadata(state: web::Data<AuthzState>) -> ApiResult<HttpResponse> {
    state.on()?;
    let external = state.settings.authz.external.as_ref().filter(|_| !state.is_embedded());
    let server = external.map_or(state.issuer(), |external| external.issuer.as_str());
    Ok(state.with_facts(|facts| published(&facts.resource().of_server(server), METADATA_S)))
}

/// The keys of tokens and evidence
///
/// The public keys that access tokens, ID tokens, receipts and checkpoints are signed with (RFC 7517). A key is here a day
/// before it signs, so this may be kept for some minutes. A token with another `kid` is none that was issued here, or the
/// set is to be asked for again.
#[utoipa::path(
    tag = "oauth", operation_id = "get_signing_keys",
    responses(
        (status = 200, description = "The keys.", body = SigningKeysOut),
        (status = 404, description = "There is nothing about customers here."),
    ),
    security(()),
)]
#[get("/oauth/jwks.json")]
pub(super) async fn get_signing_keys(state: web::Data<AuthzState>) -> ApiResult<HttpResponse> {
    state.on()?;
    Ok(published(&state.keys.published(state.clock.now()), KEYS_S))
}
