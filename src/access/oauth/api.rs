//! The token endpoint and what a client can read about it.

use super::OAuth;
use super::answer::{AccessTokenOut, OAuthErrorOut, Refusal, issued};
use super::grant::{Proved, Refused, Request};
use super::refusal::{TokenRefusal, Why};
use crate::access::authenticate::can_judge;
use crate::access::directory::KeyRecord;
use crate::access::policy::Gate;
use crate::access::throttle::{Throttle, asker};
use crate::access::{Scope, caller};
use crate::http::body::RawBody;
use crate::http::{ApiError, ApiResult, Code};
use crate::kernel::clock::SECOND;
use crate::kernel::{Clock, Micros};
use crate::telemetry::Tally;
use actix_web::http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderValue};
use actix_web::{HttpRequest, HttpResponse, get, post, web};
use serde::{Deserialize, Serialize};
use std::hash::Hash;
use std::net::IpAddr;
use utoipa_actix_web::service_config::ServiceConfig;

/// Where tokens are issued.
pub const TOKEN_PATH: &str = "/oauth/token";
/// Where a client learns about it.
pub const METADATA_PATH: &str = "/.well-known/oauth-authorization-server";
/// Most bytes of a token request.
const FORM_MOST: usize = 16 * 1024;

/// Mounts the token endpoint, and what libraries read about it.
pub fn configure(config: &mut ServiceConfig<'_>) {
    config.service(create_access_token).service(get_oauth_metadata);
}

/// A token request.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[expect(
    dead_code,
    reason = "read by hand, so that a repetition is seen; this is for the document"
)]
struct AccessTokenIn {
    /// Always `client_credentials`.
    #[schema(example = "client_credentials")]
    grant_type: String,
    /// Some of the client's scopes, with spaces between; all where it is left out.
    #[schema(example = "catalog:read stock:read")]
    scope: Option<String>,
    /// The client's id, where it is not said otherwise.
    #[schema(example = "key_0Ab12Cd34Ef")]
    client_id: Option<String>,
    /// `urn:ietf:params:oauth:client-assertion-type:jwt-bearer`, for clients that sign.
    #[schema(example = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer")]
    client_assertion_type: Option<String>,
    /// The signed assertion (RFC 7523): `iss` and `sub` the client's id, `aud` the issuer or this endpoint's URL as a text,
    /// `jti` used once, `exp` at most five minutes ahead.
    #[schema(example = "eyJhbGciOiJFUzI1NiJ9.e30.c2ln")]
    client_assertion: Option<String>,
}

/// Get an access token
///
/// OAuth 2 client credentials (RFC 6749 §4.4). A client with a secret sends its id and secret as
/// `Authorization: Basic`; a client with keys of its own sends `client_assertion` (`private_key_jwt`). The
/// token works in place of a key until it ends, which is no later than the secret that it was got for. Nothing
/// is counted or billed here; how often it may be asked is bounded by client and by address. The `refusal_id` of a
/// client that was refused is looked up by another key of its app, or by the retailer.
#[utoipa::path(
    tag = "oauth", operation_id = "create_access_token",
    request_body(content = AccessTokenIn, content_type = "application/x-www-form-urlencoded"),
    responses(
        (status = 200, description = "The token", body = AccessTokenOut),
        (status = 400, description = "The request is at fault, or asks for what the client may not have", body = OAuthErrorOut, content_type = "application/json"),
        (status = 401, description = "The client has not proved itself", body = OAuthErrorOut, content_type = "application/json"),
    ),
    security(("client" = []))
)]
#[post("/oauth/token")]
async fn create_access_token(
    request: HttpRequest,
    body: RawBody<FORM_MOST>,
    oauth: web::Data<OAuth>,
    gate: web::Data<Gate>,
    clock: web::Data<Clock>,
) -> ApiResult<HttpResponse> {
    let now = clock.now();
    let peer = request.peer_addr().map(|address| address.ip());
    let view = caller::view(&gate, request.headers(), peer);
    let address = gate.client_address(&view);
    let desk = Desk { oauth: &oauth, address, now };
    desk.admit(&oauth.by_address, asker(address), None)?;
    if !is_form(request.headers().get(CONTENT_TYPE)) {
        let why = "the body must be a form: Content-Type: application/x-www-form-urlencoded";
        return Ok(desk.refuse((Refusal::Request, why.into()), None));
    }
    let asked = match Request::read(&body.0) {
        Ok(asked) => asked,
        Err(why) => return Ok(desk.refuse(why, None)),
    };
    // What this node knows of secrets may be over.
    can_judge(gate.keyring())?;
    let proved = match asked.client(&oauth, gate.keyring(), view.authorization, now) {
        Ok(proved) => proved,
        Err(why) => return Ok(desk.refuse(why, None)),
    };
    if let Some(error) = gate.barred(&proved.client, &view, now) {
        return Ok(desk.bar(&error, &proved.client));
    }
    desk.issue(&gate, &asked, &proved).await
}

/// What stands still while one request is judged.
struct Desk<'a> {
    oauth: &'a OAuth,
    address: Option<IpAddr>,
    now: Micros,
}

impl Desk<'_> {
    /// A token for a client that has proved itself.
    async fn issue(
        &self,
        gate: &Gate,
        asked: &Request,
        proved: &Proved,
    ) -> ApiResult<HttpResponse> {
        let Self { oauth, now, .. } = *self;
        let client = &*proved.client;
        let scopes = match asked.scopes(client) {
            Ok(scopes) => scopes,
            Err(why) => return Ok(self.refuse(why, Some(client))),
        };
        self.admit(&oauth.by_client, client.key, Some(client))?;
        if let Some(assertion) = &proved.assertion
            && !oauth.is_new(assertion.hash, assertion.expires_at, now).await?
        {
            let why = "the assertion was used before: make a new one";
            return Ok(self.refuse((Refusal::Client, why.into()), Some(client)));
        }
        // A token ends no later than its client and the secret that it was got for.
        let end = [client.expires_at, proved.until].into_iter().flatten().min();
        let left = end.map_or(i64::MAX, |end| (end.0 - now.0).div_euclid(SECOND));
        if left < 1 {
            let why = "the secret ends within a second: use the new one";
            return Ok(self.refuse((Refusal::Client, why.into()), Some(client)));
        }
        let life_s = u16::try_from(left).unwrap_or(u16::MAX).min(oauth.life_s);
        let generation = (client.key, client.token_generation);
        let token = gate.tokens().issue(generation, scopes, now, life_s);
        oauth.metrics.add(Tally::TokensIssued, 1);
        Ok(issued(&token, life_s, scopes.to_string()))
    }

    /// Lets pass who has not asked too often.
    fn admit<K: Eq + Hash>(
        &self,
        throttle: &Throttle<K>,
        who: K,
        client: Option<&KeyRecord>,
    ) -> ApiResult<()> {
        let Err(wait_s) = throttle.take(who, self.now) else { return Ok(()) };
        let detail = format!(
            "Tokens are asked for too often. Use the one that you have, and wait {wait_s} s."
        );
        let why = Why::Limited { granted: throttle.per_minute(), wait_s };
        Err(ApiError::new(Code::OperationLimited, detail)
            .limited(vec!["tokens".to_owned()], Some(wait_s))
            .refusal_id(self.id(why, client)))
    }

    /// The answer to a request that is refused.
    fn refuse(&self, (why, description): Refused, client: Option<&KeyRecord>) -> HttpResponse {
        self.oauth.metrics.add(Tally::TokensRefused, 1);
        // A request that is at fault says so itself, and who sends it is none that calls.
        let id = (why == Refusal::Client).then(|| self.id(Why::Client, client)).flatten();
        why.answer(&description, id)
    }

    /// The answer to a client that may not be used now.
    fn bar(&self, error: &ApiError, client: &KeyRecord) -> HttpResponse {
        self.oauth.metrics.add(Tally::TokensRefused, 1);
        let word = match error.code().status() {
            401 => Refusal::Client,
            _ => Refusal::Unauthorized,
        };
        word.answer(error.detail(), self.id(Why::Barred(word, error.code()), Some(client)))
    }

    fn id(&self, why: Why, client: Option<&KeyRecord>) -> Option<String> {
        let (at, address) = (self.now, self.address);
        self.oauth.explain.refusal_id(&TokenRefusal { at, why, client, address })
    }
}

fn is_form(media_type: Option<&HeaderValue>) -> bool {
    let text = media_type.and_then(|value| value.to_str().ok()).unwrap_or_default();
    let essence = text.split(';').next().unwrap_or_default().trim();
    essence.eq_ignore_ascii_case("application/x-www-form-urlencoded")
}

/// What a client needs to know (RFC 8414).
#[derive(Debug, Serialize, utoipa::ToSchema)]
struct MetadataOut<'a> {
    /// Who issues the tokens: `aud` of a signed assertion.
    #[schema(example = "https://api.example.com")]
    issuer: &'a str,
    /// Where tokens are issued.
    #[schema(example = "https://api.example.com/oauth/token")]
    token_endpoint: String,
    /// Where this is explained to people.
    #[schema(example = "https://api.example.com/docs/")]
    service_documentation: String,
    /// `client_credentials`.
    grant_types_supported: [&'static str; 1],
    /// None: nobody is sent here to consent.
    response_types_supported: [&'static str; 0],
    /// How clients prove themselves.
    token_endpoint_auth_methods_supported: [&'static str; 2],
    /// How assertions are signed.
    token_endpoint_auth_signing_alg_values_supported: [&'static str; 4],
    /// The scopes that there are.
    scopes_supported: Vec<&'static str>,
}

/// About the token endpoint
///
/// What OAuth libraries want to know of it (RFC 8414).
#[utoipa::path(
    tag = "oauth", operation_id = "get_oauth_metadata",
    responses((status = 200, description = "The metadata.", body = MetadataOut<'_>)),
    security(()),
)]
#[get("/.well-known/oauth-authorization-server")]
async fn get_oauth_metadata(oauth: web::Data<OAuth>) -> HttpResponse {
    let issuer = oauth.issuer.as_str();
    let metadata = MetadataOut {
        issuer,
        token_endpoint: format!("{issuer}{TOKEN_PATH}"),
        service_documentation: format!("{issuer}/docs/"),
        grant_types_supported: ["client_credentials"],
        response_types_supported: [],
        token_endpoint_auth_methods_supported: ["client_secret_basic", "private_key_jwt"],
        token_endpoint_auth_signing_alg_values_supported: ["ES256", "PS256", "RS256", "EdDSA"],
        scopes_supported: Scope::ALL.iter().map(|scope| scope.as_str()).collect(),
    };
    let body = serde_json::to_vec(&metadata).unwrap_or_default();
    HttpResponse::Ok()
        .insert_header((CONTENT_TYPE, "application/json"))
        .insert_header((CACHE_CONTROL, "public, max-age=3600"))
        .body(body)
}
