//! Pushed authorization requests (RFC 9126).

use super::answered::{Outcome, ProtocolFailed, json};
use super::arrived::Arrived;
use super::documents::{ProtocolErrorOut, PushedIn, PushedOut};
use super::registered::is_open;
use super::state::AuthzState;
use crate::access::oauth::error::OAuthCode;
use crate::access::oauth::form::BYTES_MOST;
use crate::access::policy::Gate;
use crate::authz::client::AuthzClient;
use crate::authz::clients;
use crate::authz::handles::{Handle, RequestUri};
use crate::authz::par::{CREATED, PushedAnswer, PushedRequest};
use crate::authz::request::{AuthorizationRequest, GrantAction, pushed};
use crate::authz::store::requests::{self, RequestNotKept};
use crate::consent::own::OwnedByClient;
use crate::consent::status::ConsentStatus;
use crate::consent::store::read;
use crate::http::ApiResult;
use crate::http::body::RawBody;
use crate::kernel::Micros;
use crate::kernel::clock::SECOND;
use actix_web::{HttpRequest, HttpResponse, post, web};

/// Push an authorization request
///
/// Keeps what a customer is to be asked (RFC 9126), and gives a `request_uri` for it that works for some minutes: send the
/// customer to `/oauth/authorize` with it and `client_id`, and nothing else. The client proves itself with
/// `client_assertion` (`private_key_jwt`) or, in the baseline profile, as `Authorization: Basic`. With a proof in `DPoP`
/// the code is bound to that key. PKCE with `S256` is required. An error says `error` and `error_description`:
/// `invalid_request` (a parameter is missing, is there twice or is not what it should be), `invalid_scope`,
/// `invalid_authorization_details`, `invalid_grant_id`, `invalid_target`, `unauthorized_client` (the client has to sign),
/// `invalid_dpop_proof`, or `use_dpop_nonce`: repeat it with the nonce of the header `DPoP-Nonce`.
#[utoipa::path(
    tag = "oauth", operation_id = "push_authorization_request",
    request_body(content = PushedIn, content_type = "application/x-www-form-urlencoded"),
    responses(
        (status = 201, description = "The request is kept", body = PushedOut),
        (status = 400, description = "The request is at fault, or asks for what the client may not have", body = ProtocolErrorOut, content_type = "application/json"),
        (status = 401, description = "The client has not proved itself", body = ProtocolErrorOut, content_type = "application/json"),
    ),
    security(("client" = []))
)]
#[post("/oauth/par")]
pub(super) async fn push_authorization_request(
    request: HttpRequest,
    body: RawBody<BYTES_MOST>,
    state: web::Data<AuthzState>,
    gate: web::Data<Gate>,
) -> ApiResult<HttpResponse> {
    state.embedded()?;
    let now = state.clock.now();
    state.admit_address(&request, &gate, now)?;
    let outcome = push(&state, (&request, &*body.0), now).await;
    state.answer(outcome, now)
}

async fn push(state: &AuthzState, (request, body): (&HttpRequest, &[u8]), now: Micros) -> Outcome {
    let Arrived { form, shown } = Arrived::read(request, body)?;
    let registered = clients::find(&state.db, shown.client_id(), now).await?;
    let client = state.prove_client(&shown, registered.as_ref(), now).await?;
    let key = state.prove_key(request, now).await?;
    is_open(registered.as_ref().ok_or(OAuthCode::InvalidClient)?)?;
    let asked = pushed(&form, client, state.request_rules(), key)?;
    replaceable(state, &asked, client.record()).await?;
    let life_s = state.settings.authz.par_ttl_s;
    let expires_at = Micros(now.0.saturating_add(i64::from(life_s) * SECOND));
    let reference = Handle::<RequestUri>::random(getrandom::fill)?;
    let kept = PushedRequest { request: asked, expires_at, decided: false };
    keep(state, &reference, &kept).await?;
    Ok(json(CREATED, &PushedAnswer::new(&reference, life_s)))
}

/// Whether the grant that is to be replaced is one that the client has: otherwise the customer would be asked for nothing.
async fn replaceable(
    state: &AuthzState,
    asked: &AuthorizationRequest,
    client: &AuthzClient,
) -> Result<(), ProtocolFailed> {
    let Some(GrantAction::Replace { grant_id }) = &asked.grant else { return Ok(()) };
    let record = read::current(&state.db, *grant_id).await?;
    let own = record.as_ref().and_then(|record| OwnedByClient::of(record, client.app));
    match own {
        Some(own) if own.record().status == ConsentStatus::Active => Ok(()),
        _ => Err(OAuthCode::InvalidGrantId.into()),
    }
}

async fn keep(
    state: &AuthzState,
    reference: &Handle<RequestUri>,
    kept: &PushedRequest,
) -> Result<(), ProtocolFailed> {
    let mut tx = state.db.begin().await?;
    match requests::put(&mut tx, &state.sealer, reference.hash(), kept).await {
        Ok(()) => {
            tx.commit().await?;
            Ok(())
        }
        Err(RequestNotKept::Store(error)) => Err(error.into()),
        Err(error @ RequestNotKept::Unsealed) => {
            tracing::error!(%error, "a pushed request could not be kept");
            Err(OAuthCode::ServerError.into())
        }
    }
}
