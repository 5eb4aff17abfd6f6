//! What a client is told about its own tokens (RFC 7662).

use super::answered::{Outcome, ProtocolFailed, json};
use super::arrived::Arrived;
use super::documents::{AskedTokenIn, IntrospectionOut, ProtocolErrorOut};
use super::found::FoundConsent;
use super::state::AuthzState;
use crate::access::oauth::error::OAuthCode;
use crate::access::oauth::form::BYTES_MOST;
use crate::access::policy::Gate;
use crate::authz::access_token::verify;
use crate::authz::authenticate::ProvedClient;
use crate::authz::clients::{self, Registered};
use crate::authz::handles::{Handle, RefreshToken};
use crate::authz::introspect::Introspection;
use crate::authz::presented::{TokenAbout, asked};
use crate::authz::store::refresh_tokens;
use crate::authz::token_request::AskedToken;
use crate::consent::decide::ReadRefused;
use crate::http::ApiResult;
use crate::http::body::RawBody;
use crate::kernel::Micros;
use actix_web::{HttpRequest, HttpResponse, post, web};

/// Ask about a token
///
/// Says of a refresh token or an access token of the client that asks whether it works now, and what it allows by the
/// consent as it stands (RFC 7662). Of one that is not known, has ended, was revoked or is another client's it says
/// `{"active":false}` and nothing else. Only clients that can keep a secret may ask.
#[utoipa::path(
    tag = "oauth", operation_id = "introspect_token",
    request_body(content = AskedTokenIn, content_type = "application/x-www-form-urlencoded"),
    responses(
        (status = 200, description = "What is known of the token", body = IntrospectionOut),
        (status = 400, description = "The request is at fault", body = ProtocolErrorOut, content_type = "application/json"),
        (status = 401, description = "The client has not proved itself", body = ProtocolErrorOut, content_type = "application/json"),
    ),
    security(("client" = []))
)]
#[post("/oauth/introspect")]
pub(super) async fn introspect_token(
    request: HttpRequest,
    body: RawBody<BYTES_MOST>,
    state: web::Data<AuthzState>,
    gate: web::Data<Gate>,
) -> ApiResult<HttpResponse> {
    state.embedded()?;
    let now = state.clock.now();
    state.admit_address(&request, &gate, now)?;
    let outcome = introspect(&state, (&request, &*body.0), now).await;
    state.answer(outcome, now)
}

async fn introspect(
    state: &AuthzState,
    (request, body): (&HttpRequest, &[u8]),
    now: Micros,
) -> Outcome {
    let Arrived { form, shown } = Arrived::read(request, body)?;
    let registered = clients::find(&state.db, shown.client_id(), now).await?;
    let client = state.prove_client(&shown, registered.as_ref(), now).await?;
    let registered = registered.as_ref().ok_or(OAuthCode::InvalidClient)?;
    // Whoever has proved nothing learns nothing.
    client.is_confidential().map_err(|_| OAuthCode::InvalidClient)?;
    let by = (client, registered);
    let told = match AskedToken::read(&form)? {
        AskedToken::Refresh(token) => of_refresh(state, &token, by, now).await?,
        AskedToken::Access(text) => of_access(state, text.reveal(), by, now).await?,
    };
    Ok(json(200, &told))
}

async fn of_refresh(
    state: &AuthzState,
    token: &Handle<RefreshToken>,
    (client, registered): (ProvedClient<'_>, &Registered),
    now: Micros,
) -> Result<Introspection, ProtocolFailed> {
    let Some(record) = refresh_tokens::find(&state.db, token.hash()).await? else {
        return Ok(Introspection::inactive());
    };
    let consent = FoundConsent::of(state, record.to.consent.grant_id).await;
    let decided = consent.decided(state, (record.to.consent, registered), now);
    Ok(Introspection::of_refresh(&record, decided, client, now)?)
}

async fn of_access(
    state: &AuthzState,
    text: &str,
    (client, registered): (ProvedClient<'_>, &Registered),
    now: Micros,
) -> Result<Introspection, ProtocolFailed> {
    let Ok(claims) = verify(text, &state.keys.verifiers(), state.between(), now) else {
        return Ok(Introspection::inactive());
    };
    let about = asked(&claims, client.record()).map(|asked| asked.about);
    let Ok(TokenAbout::Grant(pointer)) = about else {
        let none = Err(ReadRefused::NoConsent);
        return Ok(Introspection::of_access(&claims, none, client, now)?);
    };
    let consent = FoundConsent::of(state, pointer.grant_id).await;
    let decided = consent.decided(state, (pointer, registered), now);
    Ok(Introspection::of_access(&claims, decided, client, now)?)
}
