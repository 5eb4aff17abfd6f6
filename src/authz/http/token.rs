//! The token endpoint: one for all grants and both kinds of client.

use super::answered::Outcome;
use super::arrived::{Arrived, is_form, values};
use super::documents::{IssuedTokensOut, ProtocolErrorOut, TokenRequestIn};
use super::issuing::{Asker, ShownCode, by_client, by_code, by_refresh_token};
use super::registered::is_open;
use super::state::AuthzState;
use crate::access::Scope;
use crate::access::oauth::OAuth;
use crate::access::oauth::api::{FORM_MOST, admitted, answer_key};
use crate::access::oauth::error::OAuthCode;
use crate::access::oauth::form::Parameters;
use crate::access::policy::Gate;
use crate::authz::authenticate::ClientShown;
use crate::authz::clients::{self, Registered};
use crate::authz::token_request::TokenRequest;
use crate::consent::scope::OAuthScope;
use crate::http::ApiResult;
use crate::http::body::RawBody;
use crate::kernel::word::Word as _;
use crate::kernel::{Clock, Micros};
use crate::storage::StoreError;
use crate::telemetry::Tally;
use actix_web::http::header::AUTHORIZATION;
use actix_web::{HttpRequest, HttpResponse, post, web};

/// Get an access token
///
/// OAuth 2 (RFC 6749). With `grant_type=client_credentials` a client gets a token of its own: one with a secret sends its
/// id and secret as `Authorization: Basic`, one with keys of its own sends `client_assertion` (`private_key_jwt`). The
/// token works in place of a key until it ends, which is no later than the secret that it was got for. Nothing is counted
/// or billed here; how often it may be asked is bounded by client and by address. The `refusal_id` of a client that was
/// refused is looked up by another key of its app, or by the retailer.
///
/// Clients that are registered for customers' data exchange a code (`authorization_code`, with `code_verifier`) and use
/// the refresh token that came of it (`refresh_token`). What is asked for by FAPI 2.0 needs `private_key_jwt` and a proof in
/// `DPoP` (RFC 9449); the token is bound to its key. The answer says what was granted: less than was asked for, where the
/// customer wants it so. A refresh token stays the same, ends with the consent, and `scope` may ask for less. Errors:
/// `invalid_grant` (the code or refresh token is not known, was used, has ended or is another's; with `error_uri` where
/// the consent has ended: ask the customer again), `invalid_dpop_proof`, `use_dpop_nonce` (repeat it with the nonce of the
/// header `DPoP-Nonce`), `invalid_scope`, `invalid_target`, `unauthorized_client`.
#[utoipa::path(
    tag = "oauth", operation_id = "create_access_token",
    request_body(content = TokenRequestIn, content_type = "application/x-www-form-urlencoded"),
    responses(
        (status = 200, description = "The token", body = IssuedTokensOut),
        (status = 400, description = "The request is at fault, or asks for what the client may not have", body = ProtocolErrorOut, content_type = "application/json"),
        (status = 401, description = "The client has not proved itself", body = ProtocolErrorOut, content_type = "application/json"),
    ),
    security(("client" = []))
)]
#[post("/oauth/token")]
pub(super) async fn create_access_token(
    request: HttpRequest,
    body: RawBody<FORM_MOST>,
    oauth: web::Data<OAuth>,
    state: web::Data<AuthzState>,
    gate: web::Data<Gate>,
    clock: web::Data<Clock>,
) -> ApiResult<HttpResponse> {
    let now = clock.now();
    let body = &*body.0;
    admitted(&oauth, &gate, &request, now)?;
    match server(&state, (&request, body), now).await? {
        Server::OfKeys => answer_key(&oauth, &gate, (&request, body), now).await,
        Server::Here(registered) => {
            let outcome = tokens(&state, (&request, body), registered.as_deref(), now).await;
            if outcome.is_err() {
                state.metrics.add(Tally::TokensRefused, 1);
            }
            state.answer(outcome, now)
        }
    }
}

/// Who answers a request.
#[derive(Debug)]
enum Server {
    /// What gives tokens to clients as keys of another kind: these need no look into the database.
    OfKeys,
    /// This, for a client that may be registered for customers' data.
    Here(Option<Box<Registered>>),
}

/// Who answers a request: this, where it is about a customer, or a client that is registered for customers' data asks for
/// what no key opens.
async fn server(
    state: &AuthzState,
    (request, body): (&HttpRequest, &[u8]),
    now: Micros,
) -> Result<Server, StoreError> {
    if !state.is_embedded() || !is_form(request) {
        return Ok(Server::OfKeys);
    }
    let Ok(form) = Parameters::read(body) else { return Ok(Server::OfKeys) };
    let is_about_customer =
        matches!(form.get("grant_type"), Some("authorization_code" | "refresh_token"));
    let is_ours = is_about_customer || opens_no_key(form.get("scope").unwrap_or_default());
    let shown = ClientShown::read(&form, &values(request, &AUTHORIZATION));
    let registered = match shown {
        Ok(shown) if is_ours => clients::find(&state.db, shown.client_id(), now).await?,
        _ => None,
    };
    let is_here = is_about_customer || registered.is_some();
    Ok(if is_here { Server::Here(registered.map(Box::new)) } else { Server::OfKeys })
}

/// Whether a client asks for a scope that a key cannot have: to look at grants, say.
fn opens_no_key(scope: &str) -> bool {
    let is_it = |word: &str| OAuthScope::of(word).is_some() && word.parse::<Scope>().is_err();
    scope.split(' ').any(is_it)
}

async fn tokens(
    state: &AuthzState,
    (request, body): (&HttpRequest, &[u8]),
    registered: Option<&Registered>,
    now: Micros,
) -> Outcome {
    let Arrived { form, shown } = Arrived::read(request, body)?;
    let client = state.prove_client(&shown, registered, now).await?;
    let registered = registered.ok_or(OAuthCode::InvalidClient)?;
    let key = state.prove_key(request, now).await?;
    is_open(registered)?;
    let asker = Asker { client, registered, key };
    match TokenRequest::read(&form, state.resource())? {
        TokenRequest::Code { code, verifier, redirect_uri } => {
            by_code(state, asker, &ShownCode { code, verifier, redirect_uri }, now).await
        }
        TokenRequest::Refresh { token, scope } => {
            by_refresh_token(state, asker, (&token, scope), now).await
        }
        TokenRequest::Client { scope } => by_client(state, asker, scope, now).await,
    }
}
