//! How people come in and go: `POST /admin/v1/login`, `POST /admin/v1/logout`.

pub mod service;
mod store;
pub mod throttle;

use super::accounts::model::Setup;
use super::accounts::password::Password;
use super::caller::{AdminCaller, Proof};
use super::problems::{BodyProblems, Problems};
use super::sessions::cookie::{self, SESSION};
use super::state::State;
use crate::http::answer::JSON;
use crate::http::{ApiError, ApiResult, Code, JsonBody};
use crate::kernel::Micros;
use crate::kernel::id::AccountId;
use actix_web::http::header::{CONTENT_TYPE, SET_COOKIE, USER_AGENT};
use actix_web::{HttpRequest, HttpResponse, post};
use serde::{Deserialize, Serialize};
use service::{From, Shown};
use utoipa_actix_web::service_config::ServiceConfig;

/// Most characters that are kept of what a browser calls itself.
const AGENT_MOST: usize = 200;

/// Mounts coming in and going.
pub fn configure(config: &mut ServiceConfig<'_>) {
    config.service(log_in).service(log_out);
}

/// What somebody shows to come in.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct LoginIn {
    /// The login of the account: an e-mail address or a name.
    #[schema(max_length = 500, example = "claire@example.com")]
    pub login: String,
    /// The password.
    #[schema(value_type = String, format = Password, max_length = 500, example = "seven brown pears")]
    pub password: Password,
    /// A one-time code of the app that was enrolled, or a recovery code in its place. Left out where the
    /// account has none yet.
    #[schema(max_length = 100, example = "287082")]
    pub code: Option<String>,
}

/// A session that was begun. Its secret is in the cookie.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct EnteredOut {
    /// The account.
    #[schema(value_type = String, example = "acc_9pSz33qRsTu")]
    pub account_id: AccountId,
    /// When the session ends at the latest.
    #[schema(value_type = String, format = DateTime, example = "2026-11-22T21:41:07Z")]
    pub expires_at: Micros,
    /// What must be done before the account can be used: `POST /admin/v1/me/password` and
    /// `POST /admin/v1/me/totp`. Nothing else is answered before.
    #[schema(example = json!([]))]
    pub setup: Vec<Setup>,
}

/// From where a call comes.
pub fn from(request: &HttpRequest, state: &State) -> From {
    let agent = request.headers().get(USER_AGENT).and_then(|agent| agent.to_str().ok());
    let agent = agent.unwrap_or_default().chars().take(AGENT_MOST).collect();
    From { address: state.client_address(request), agent }
}

/// Log in
///
/// With login, password and one-time code. The session is in a cookie that only this host gets back; writes
/// that it makes carry `X-Comptoir-Request: 1`. Attempts in a row have to wait longer and longer.
#[utoipa::path(
    tag = "me", operation_id = "log_in", request_body = LoginIn,
    responses(
        (status = 200, description = "The session, in `Set-Cookie`", body = EnteredOut),
        (status = 403, description = "The call comes from the page of another site"),
        (status = 429, description = "Too many attempts"),
        BodyProblems, Problems
    ),
    security(())
)]
#[post("/login")]
async fn log_in(
    request: HttpRequest,
    body: JsonBody<LoginIn>,
    state: State,
) -> ApiResult<HttpResponse> {
    cookie::check_origin(&state.settings, request.headers())?;
    let LoginIn { login, password, code } = body.0;
    let entered =
        service::login(&state, Shown { login, password, code }, &from(&request, &state)).await?;
    let set = SESSION.set(&state.settings, &entered.secret, state.settings.session_most)?;
    let out = EnteredOut {
        account_id: entered.account.id,
        expires_at: entered.session.expires_at,
        setup: entered.account.setup(state.settings.second_factor),
    };
    let mut response = HttpResponse::Ok();
    response.insert_header((SET_COOKIE, set)).insert_header((CONTENT_TYPE, JSON));
    Ok(response.body(super::state::body(&out)?))
}

/// Log out
///
/// Ends the session of the call. A token has none: revoke it instead.
#[utoipa::path(
    tag = "me", operation_id = "log_out",
    responses((status = 204, description = "The session has ended"), super::problems::Conflicts, Problems),
    security(("admin_token" = []))
)]
#[post("/logout")]
async fn log_out(caller: AdminCaller, state: State) -> ApiResult<HttpResponse> {
    let Proof::Session(account, session) = caller.proof else {
        let detail =
            "The call was made with a token, which has no session; revoke the token instead.";
        return Err(ApiError::new(Code::Conflict, detail));
    };
    service::logout(&state, &caller.by(&state.clock), (account, session)).await?;
    let forget = SESSION.forget(&state.settings)?;
    Ok(HttpResponse::NoContent().insert_header((SET_COOKIE, forget)).finish())
}
