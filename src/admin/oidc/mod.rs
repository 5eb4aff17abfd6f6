//! Coming in by the retailer's OpenID provider: authorization code with PKCE.
//!
//! What a login must remember is derived from one random value in a short-lived cookie: state, nonce and
//! verifier. So nothing is stored, any node can end what another began, and only the browser that began a
//! login can end it.

pub mod identity;
pub mod provider;
mod service;

use super::login::from;
use super::login::throttle::{Counted, network};
use super::problems::{Missing, Problems};
use super::sessions::cookie::{LOGIN, SESSION};
use super::state::State;
use crate::access::Pepper;
use crate::http::{ApiError, ApiResult, Code, Params};
use crate::kernel::Micros;
use crate::kernel::clock::SECOND;
use crate::kernel::secret::{self, Secret};
use crate::outbound::oidc::{LoginAsked, ProviderError, is_error_word};
use actix_web::http::header::{LOCATION, SET_COOKIE};
use actix_web::{HttpRequest, HttpResponse, get};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use provider::Provider;
use std::time::Duration;
use utoipa_actix_web::service_config::ServiceConfig;

/// How long a login may take at the provider.
const LIFE: Duration = Duration::from_secs(600);

/// Mounts the way to the provider and back.
pub fn configure(config: &mut ServiceConfig<'_>) {
    config.service(begin_oidc_login).service(end_oidc_login);
}

/// A login that is under way.
struct Flow<'p> {
    pepper: &'p Pepper,
    /// When it began, and what is random.
    cookie: Secret,
}

impl<'p> Flow<'p> {
    fn begin(pepper: &'p Pepper, now: Micros) -> Result<Self, getrandom::Error> {
        let mut random = zeroize::Zeroizing::new([0u8; 32]);
        getrandom::fill(&mut random[..])?;
        let random = URL_SAFE_NO_PAD.encode(&random[..]);
        let cookie = Secret::new(format!("{}.{random}", now.0 / SECOND));
        Ok(Self { pepper, cookie })
    }

    /// The login of a cookie, if it has not taken too long.
    fn of(pepper: &'p Pepper, cookie: Secret, now: Micros) -> Option<Self> {
        let (began, random) = cookie.reveal().split_once('.')?;
        let age = (now.0 / SECOND).checked_sub(began.parse().ok()?)?;
        let fits = (0..=LIFE.as_secs().cast_signed()).contains(&age) && random.len() == 43;
        fits.then_some(Self { pepper, cookie })
    }

    fn derived(&self, purpose: &str) -> [u8; 32] {
        self.pepper.derive(purpose, self.cookie.reveal())
    }

    fn state(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.derived("comptoir oidc state"))
    }

    fn nonce(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.derived("comptoir oidc nonce"))
    }

    fn verifier(&self) -> Secret {
        Secret::new(URL_SAFE_NO_PAD.encode(self.derived("comptoir oidc verifier")))
    }

    /// Whether a state is that of this login.
    fn is_state(&self, state: &str) -> bool {
        let mut given = [0; 32];
        let read = URL_SAFE_NO_PAD.decode_slice(state, &mut given);
        read == Ok(32) && secret::same(&given, &self.derived("comptoir oidc state"))
    }
}

fn provider(state: &State) -> ApiResult<&Provider> {
    state.provider.as_ref().ok_or_else(|| {
        let detail = "No OpenID provider is set (`admin.oidc.issuer`); use POST /admin/v1/login.";
        ApiError::new(Code::NotFound, detail)
    })
}

/// A provider that does not answer as one: for operators to see, and no more than that for who comes in.
fn away(error: &ProviderError) -> ApiError {
    let error = error.to_string();
    tracing::warn!(error, "nobody can come in by the OpenID provider now");
    let detail = "The OpenID provider cannot be reached now. Try again in a moment.";
    ApiError::new(Code::Unavailable, detail)
}

/// Log in by the OpenID provider
///
/// For a browser: leads to the provider, which leads back.
#[utoipa::path(
    tag = "me", operation_id = "begin_oidc_login",
    responses((status = 303, description = "The way to the provider, in `Location`"), Missing, Problems),
    security(())
)]
#[get("/login/oidc")]
async fn begin_oidc_login(state: State) -> ApiResult<HttpResponse> {
    let provider = provider(&state)?;
    let now = state.clock.now();
    let flow = Flow::begin(&state.pepper, now).map_err(crate::access::AccessError::from)?;
    let (answered, nonce, verifier) = (flow.state(), flow.nonce(), flow.verifier());
    let asked =
        LoginAsked { state: &answered, nonce: &nonce, verifier: verifier.reveal(), further: &[] };
    let place = provider.client.place(&asked, now).await.map_err(|error| away(&error))?;
    let set = LOGIN.set(&state.settings, &flow.cookie, LIFE)?;
    let mut response = HttpResponse::SeeOther();
    response.insert_header((LOCATION, place.as_str())).insert_header((SET_COOKIE, set));
    Ok(response.finish())
}

/// Come back from the OpenID provider
///
/// The provider leads here. Somebody who has a role here (`admin.oidc.roles`) gets a session, as by
/// `POST /admin/v1/login`. What comes back from a login that was begun counts as an attempt of its address, as one
/// does there; anything else is refused and written down nowhere.
#[utoipa::path(
    tag = "me", operation_id = "end_oidc_login",
    params(
        ("code" = Option<String>, Query, description = "What the provider gives for an ID token", example = "SplxlOBeZQQYbYS6WxSbIA"),
        ("state" = Option<String>, Query, description = "That of the login which this ends", example = "af0ifjsldkj"),
        ("iss" = Option<String>, Query, description = "The provider", example = "https://id.shop.example"),
        ("error" = Option<String>, Query, description = "Why the provider lets nobody in", example = "access_denied")
    ),
    responses(
        (status = 303, description = "The session, in `Set-Cookie`"),
        (status = 429, description = "Too many attempts"),
        Missing, Problems
    ),
    security(())
)]
#[get("/login/oidc/callback")]
async fn end_oidc_login(request: HttpRequest, state: State) -> ApiResult<HttpResponse> {
    let provider = provider(&state)?;
    let mut params = Params::new(request.query_string());
    let [code, answered, issuer, refused] =
        ["code", "state", "iss", "error"].map(|name| params.text(name));
    // A provider may add what it likes.
    params.finish_with_others()?;
    let from = from(&request, &state);
    let refuse = async |wrong: &str| service::refuse(&state, &from, wrong).await;
    let cookie = LOGIN.read(&state.settings, request.headers());
    let flow = cookie.and_then(|cookie| Flow::of(&state.pepper, cookie, state.clock.now()));
    let flow = flow.filter(|flow| answered.as_deref().is_some_and(|state| flow.is_state(state)));
    // Written down nowhere: anybody may send that, as often as they like.
    let Some(flow) = flow else {
        let wrong = "this browser has not begun the login, or too long ago";
        return Err(service::not_let_in(wrong));
    };
    let answers = provider.client.is_answer(issuer.as_deref(), state.clock.now()).await;
    let is_answer = answers.map_err(|error| away(&error))?;
    let counted = Counted::of_address(&network(from.address));
    counted.begin(&state.db, state.clock.now()).await?;
    if !is_answer {
        return Err(refuse("another provider has answered").await);
    }
    if let Some(word) = refused.as_deref() {
        let word = if is_error_word(word) { word } else { "for a reason of its own" };
        return Err(refuse(&format!("the provider lets nobody in ({word})")).await);
    }
    let code = code.unwrap_or_default();
    let (verifier, nonce) = (flow.verifier(), flow.nonce());
    let found = provider.identify((&code, verifier.reveal(), &nonce), state.clock.now()).await;
    let identity = match found {
        Ok(identity) => identity,
        Err(error @ ProviderError::Away(_)) => {
            counted.not_judged(&state.db).await?;
            return Err(away(&error));
        }
        Err(error) => return Err(refuse(&error.to_string()).await),
    };
    let entered =
        service::enter(&state, &provider.settings.issuer, identity, (&from, &counted)).await?;
    let set = SESSION.set(&state.settings, &entered.secret, state.settings.session_most)?;
    let mut response = HttpResponse::SeeOther();
    response.insert_header((LOCATION, "/")).append_header((SET_COOKIE, set));
    response.append_header((SET_COOKIE, LOGIN.forget(&state.settings)?));
    Ok(response.finish())
}
