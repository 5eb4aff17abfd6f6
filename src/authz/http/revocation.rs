//! Giving tokens back (RFC 7009).

use super::answered::{Outcome, empty};
use super::arrived::Arrived;
use super::documents::{AskedTokenIn, ProtocolErrorOut};
use super::state::AuthzState;
use super::taking_back::{GivenBack, take_back};
use crate::access::oauth::error::OAuthCode;
use crate::access::oauth::form::BYTES_MOST;
use crate::access::policy::Gate;
use crate::authz::access_token::verify;
use crate::authz::authenticate::ProvedClient;
use crate::authz::clients;
use crate::authz::presented::{TokenAbout, asked};
use crate::authz::token_request::AskedToken;
use crate::consent::own::OwnedByClient;
use crate::consent::record::ConsentRecord;
use crate::http::ApiResult;
use crate::http::body::RawBody;
use crate::kernel::Micros;
use actix_web::{HttpRequest, HttpResponse, post, web};

/// Give a token back
///
/// Takes back a refresh token or an access token about a customer (RFC 7009), and with it all tokens of its consent. The
/// consent holds on: other tokens can be had by it, until it is ended at `/oauth/grants/{grant_id}`. A token that is not
/// known, does not work or is another client's is answered as one that was taken back. `unsupported_token_type`: an
/// access token of the client itself, which ends by itself.
#[utoipa::path(
    tag = "oauth", operation_id = "revoke_token",
    request_body(content = AskedTokenIn, content_type = "application/x-www-form-urlencoded"),
    responses(
        (status = 200, description = "The token does not work, whatever it was"),
        (status = 400, description = "The request is at fault", body = ProtocolErrorOut, content_type = "application/json"),
        (status = 401, description = "The client has not proved itself", body = ProtocolErrorOut, content_type = "application/json"),
    ),
    security(("client" = []))
)]
#[post("/oauth/revoke")]
pub(super) async fn revoke_token(
    request: HttpRequest,
    body: RawBody<BYTES_MOST>,
    state: web::Data<AuthzState>,
    gate: web::Data<Gate>,
) -> ApiResult<HttpResponse> {
    state.embedded()?;
    let now = state.clock.now();
    state.admit_address(&request, &gate, now)?;
    let outcome = revoke(&state, (&request, &*body.0), now).await;
    state.answer(outcome, now)
}

async fn revoke(
    state: &AuthzState,
    (request, body): (&HttpRequest, &[u8]),
    now: Micros,
) -> Outcome {
    let Arrived { form, shown } = Arrived::read(request, body)?;
    let registered = clients::find(&state.db, shown.client_id(), now).await?;
    let client = state.prove_client(&shown, registered.as_ref(), now).await?;
    let given = match AskedToken::read(&form)? {
        AskedToken::Refresh(token) => {
            Some(GivenBack::RefreshToken(token.hash(), &client.record().id))
        }
        AskedToken::Access(text) => of_access(state, text.reveal(), client, now)?,
    };
    if let Some(given) = given {
        let app = client.record().app;
        let revoke =
            |record: &ConsentRecord| OwnedByClient::of(record, app)?.revoke_tokens(now).ok();
        take_back(state, given, revoke).await?;
    }
    Ok(empty(200))
}

/// The consent of an access token, where it is one of the client's own that works.
fn of_access(
    state: &AuthzState,
    text: &str,
    client: ProvedClient<'_>,
    now: Micros,
) -> Result<Option<GivenBack<'static>>, OAuthCode> {
    let Ok(claims) = verify(text, &state.keys.verifiers(), state.between(), now) else {
        return Ok(None);
    };
    match asked(&claims, client.record()).map(|asked| asked.about) {
        Ok(TokenAbout::Grant(pointer)) => Ok(Some(GivenBack::Grant(pointer.grant_id))),
        Ok(TokenAbout::Client) => Err(OAuthCode::UnsupportedTokenType),
        Ok(TokenAbout::Foreign { .. }) | Err(_) => Ok(None),
    }
}
