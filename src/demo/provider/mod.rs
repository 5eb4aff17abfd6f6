//! An OpenID provider for trying: a server of its own, which the gateway asks as it asks any other (authorization code with
//! PKCE), where made-up customers log in by a button.
//!
//! It lets anybody in as any of them. So it listens on this machine alone, says on each page what it is, and does not start
//! where customers are real.

mod pages;
mod people;

pub use people::{DemoPerson, PEOPLE, seed_people};

use crate::access::oauth::form::Parameters;
use crate::authz::bits;
use crate::authz::pkce::{Challenge, CodeVerifier};
use crate::authz::signing::SigningKey;
use crate::kernel::clock::{MINUTE, SECOND};
use crate::kernel::{Clock, Micros};
use actix_web::dev::Server;
use actix_web::http::header::{CACHE_CONTROL, LOCATION};
use actix_web::web::{self, Bytes, Data};
use actix_web::{App, HttpRequest, HttpResponse, HttpServer};
use parking_lot::Mutex;
use serde_json::{Value, json};
use std::collections::HashMap;
use std::net::TcpListener;
use url::form_urlencoded;
use zeroize::Zeroizing;

/// What the gateway is to the provider: a public client.
pub const CLIENT_ID: &str = "comptoir";
/// How strongly somebody logs in who is asked for no more.
pub const PLAIN_ACR: &str = "urn:comptoir:demo:plain";
/// How strongly somebody logs in who is asked for it.
pub const STRONG_ACR: &str = "urn:comptoir:demo:strong";
/// How long a code works.
const CODE_LIFE: i64 = MINUTE;
/// How long an ID token works.
const TOKEN_LIFE_S: i64 = 300;
/// Most codes that wait to be exchanged: those that have waited longest go.
const CODES_MOST: usize = 1_000;
/// How often a key is tried to be made.
const TRIES: usize = 4;

/// What a code stands for.
#[derive(Debug, Clone)]
struct DemoCode {
    person: &'static DemoPerson,
    challenge: Challenge,
    nonce: Option<String>,
    acr: &'static str,
    at: Micros,
}

/// What the provider works with.
struct DemoState {
    issuer: String,
    /// The only address that it sends people back to.
    redirect_uri: String,
    key: SigningKey,
    clock: Clock,
    codes: Mutex<HashMap<String, DemoCode>>,
}

/// A login that is asked for.
#[derive(Debug)]
struct DemoAsked {
    challenge: Challenge,
    state: Option<String>,
    nonce: Option<String>,
    acr: &'static str,
}

/// Serves the provider for a gateway that people come back to at an address; beside the server, the issuer.
pub fn serve(
    listener: TcpListener,
    redirect_uri: String,
    in_production: bool,
    clock: Clock,
) -> anyhow::Result<(Server, String)> {
    anyhow::ensure!(
        !in_production,
        "the demo's OpenID provider lets anybody in as any customer: it does not start where authz.customers is production"
    );
    let at = listener.local_addr()?;
    anyhow::ensure!(
        at.ip().is_loopback(),
        "the demo's OpenID provider listens on this machine alone, and not on {at}"
    );
    let issuer = format!("http://{at}");
    let state = Data::new(DemoState {
        issuer: issuer.clone(),
        redirect_uri,
        key: key()?,
        clock,
        codes: Mutex::default(),
    });
    let server = HttpServer::new(move || {
        App::new()
            .app_data(state.clone())
            .route("/", web::get().to(welcome))
            .route("/.well-known/openid-configuration", web::get().to(metadata))
            .route("/keys", web::get().to(keys))
            .route("/authorize", web::get().to(ask))
            .route("/authorize", web::post().to(log_in))
            .route("/token", web::post().to(token))
    });
    let server = server.workers(1).disable_signals().shutdown_timeout(1).listen(listener)?;
    Ok((server.run(), issuer))
}

/// A key that signs until the provider stops.
fn key() -> anyhow::Result<SigningKey> {
    for _ in 0..TRIES {
        let mut scalar = Zeroizing::new([0u8; 32]);
        getrandom::fill(&mut scalar[..])?;
        if let Ok(key) = SigningKey::of_scalar(&scalar) {
            return Ok(key);
        }
    }
    anyhow::bail!("the library makes no key for the demo's OpenID provider")
}

async fn welcome(state: Data<DemoState>) -> HttpResponse {
    pages::welcome(&state.issuer)
}

/// What the provider says of itself (OpenID Connect Discovery §3).
async fn metadata(state: Data<DemoState>) -> HttpResponse {
    let issuer = &state.issuer;
    HttpResponse::Ok().json(json!({
        "issuer": issuer,
        "authorization_endpoint": format!("{issuer}/authorize"),
        "token_endpoint": format!("{issuer}/token"),
        "jwks_uri": format!("{issuer}/keys"),
        "response_types_supported": ["code"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["ES256"],
        "code_challenge_methods_supported": ["S256"],
        "token_endpoint_auth_methods_supported": ["none"],
        "scopes_supported": ["openid"],
        "acr_values_supported": [PLAIN_ACR, STRONG_ACR],
        "claims_supported": ["sub", "auth_time", "acr", "name", "account_status", "age_band"],
        "authorization_response_iss_parameter_supported": true,
    }))
}

async fn keys(state: Data<DemoState>) -> HttpResponse {
    HttpResponse::Ok().json(json!({ "keys": [state.key.public()] }))
}

impl DemoState {
    /// The login that parameters ask for; otherwise what is wrong with them.
    fn asked(&self, given: &Parameters) -> Result<DemoAsked, String> {
        let is = |name: &str, value: &str| {
            let wrong = || format!("{name} must be {value}");
            (given.get(name) == Some(value)).then_some(()).ok_or_else(wrong)
        };
        is("client_id", CLIENT_ID)?;
        is("redirect_uri", &self.redirect_uri)?;
        is("response_type", "code")?;
        let challenge = (given.get("code_challenge"), given.get("code_challenge_method"));
        let challenge = Challenge::read(challenge.0, challenge.1).map_err(|it| it.to_string())?;
        let scopes = given.get("scope").unwrap_or_default();
        if !scopes.split(' ').any(|scope| scope == "openid") {
            return Err("scope must have openid".to_owned());
        }
        let acrs = given.get("acr_values").unwrap_or_default();
        let is_strong = acrs.split(' ').any(|acr| acr == STRONG_ACR);
        Ok(DemoAsked {
            challenge,
            state: given.get("state").map(str::to_owned),
            nonce: given.get("nonce").map(str::to_owned),
            acr: if is_strong { STRONG_ACR } else { PLAIN_ACR },
        })
    }

    /// A code for somebody who has logged in.
    fn code(&self, person: &'static DemoPerson, asked: &DemoAsked) -> anyhow::Result<String> {
        let mut random = [0u8; 32];
        getrandom::fill(&mut random)?;
        let (code, at) = (bits::encode(random), self.clock.now());
        let mut codes = self.codes.lock();
        codes.retain(|_, code| at.0.saturating_sub(code.at.0) <= CODE_LIFE);
        anyhow::ensure!(codes.len() < CODES_MOST, "too many codes wait to be exchanged");
        let (challenge, nonce) = (asked.challenge, asked.nonce.clone());
        codes.insert(code.clone(), DemoCode { person, challenge, nonce, acr: asked.acr, at });
        Ok(code)
    }

    /// The claims of an ID token.
    fn claims(&self, code: &DemoCode) -> Value {
        let (person, now) = (code.person, self.clock.now().0.div_euclid(SECOND));
        let mut claims = json!({
            "iss": self.issuer, "aud": CLIENT_ID, "sub": person.id(), "name": person.name,
            "iat": now, "exp": now + TOKEN_LIFE_S, "auth_time": code.at.0.div_euclid(SECOND),
            "acr": code.acr, "account_status": person.account_status,
        });
        if let Some(nonce) = &code.nonce {
            claims["nonce"] = json!(nonce);
        }
        if let Some(band) = person.age_band {
            claims["age_band"] = json!(band);
        }
        claims
    }
}

/// Shows who can be logged in as.
async fn ask(request: HttpRequest, state: Data<DemoState>) -> HttpResponse {
    let given = Parameters::read(request.query_string().as_bytes());
    let asked = given.map_err(|error| error.to_string());
    let asked = asked.and_then(|given| state.asked(&given).map(|asked| (given, asked)));
    match asked {
        Ok((given, asked)) => pages::choice(&given, asked.acr == STRONG_ACR),
        Err(why) => pages::wrong(&why),
    }
}

/// Logs somebody in, and leads back with a code.
async fn log_in(state: Data<DemoState>, body: Bytes) -> HttpResponse {
    match logged_in(&state, &body) {
        Ok(place) => HttpResponse::SeeOther()
            .insert_header((LOCATION, place))
            .insert_header((CACHE_CONTROL, "no-store"))
            .finish(),
        Err(why) => pages::wrong(&why),
    }
}

fn logged_in(state: &DemoState, body: &[u8]) -> Result<String, String> {
    let given = Parameters::read(body).map_err(|error| error.to_string())?;
    let asked = state.asked(&given)?;
    let person = given.get("person").and_then(|key| PEOPLE.iter().find(|it| it.key == key));
    let person = person.ok_or("person is nobody of these")?;
    let code = state.code(person, &asked).map_err(|error| error.to_string())?;
    let mut answer = form_urlencoded::Serializer::new(String::new());
    answer.append_pair("code", &code).append_pair("iss", &state.issuer);
    if let Some(state) = &asked.state {
        answer.append_pair("state", state);
    }
    Ok(format!("{}?{}", state.redirect_uri, answer.finish()))
}

/// Gives an ID token for a code (OpenID Connect Core §3.1.3).
async fn token(state: Data<DemoState>, body: Bytes) -> HttpResponse {
    let refused = |word: &str| HttpResponse::BadRequest().json(json!({ "error": word }));
    let Ok(given) = Parameters::read(&body) else { return refused("invalid_request") };
    if given.get("grant_type") != Some("authorization_code") {
        return refused("unsupported_grant_type");
    }
    let is_its = given.get("client_id") == Some(CLIENT_ID)
        && given.get("redirect_uri") == Some(state.redirect_uri.as_str());
    // Whatever comes of it, a code works once.
    let code = given.get("code").and_then(|code| state.codes.lock().remove(code));
    let verifier = CodeVerifier::read(given.get("code_verifier"));
    let (Some(code), Ok(verifier), true) = (code, verifier, is_its) else {
        return refused("invalid_grant");
    };
    let is_late = state.clock.now().0.saturating_sub(code.at.0) > CODE_LIFE;
    if is_late || !code.challenge.fits(&verifier) {
        return refused("invalid_grant");
    }
    match state.key.sign("JWT", &state.claims(&code)) {
        Ok(token) => HttpResponse::Ok().insert_header((CACHE_CONTROL, "no-store")).json(json!({
            "id_token": token, "access_token": code.person.key, "token_type": "Bearer", "expires_in": TOKEN_LIFE_S,
        })),
        Err(error) => {
            tracing::error!(%error, "the demo's OpenID provider cannot sign");
            HttpResponse::InternalServerError().json(json!({ "error": "server_error" }))
        }
    }
}
