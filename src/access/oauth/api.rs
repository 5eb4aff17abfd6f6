//! What the token endpoint does for clients that are keys of another kind. It is mounted where all grants are known.

use super::OAuth;
use super::answer::{Refusal, issued};
use super::grant::{Proved, Refused, Request};
use super::refusal::{TokenRefusal, Why};
use crate::access::authenticate::can_judge;
use crate::access::directory::KeyRecord;
use crate::access::policy::Gate;
use crate::access::throttle::{Throttle, asker};
use crate::access::{Scope, caller};
use crate::http::{ApiError, ApiResult, Code};
use crate::kernel::Micros;
use crate::kernel::clock::SECOND;
use crate::telemetry::Tally;
use actix_web::http::header::{CONTENT_TYPE, HeaderValue};
use actix_web::{HttpRequest, HttpResponse};
use serde::Serialize;
use std::hash::Hash;
use std::net::IpAddr;

/// Where tokens are issued.
pub const TOKEN_PATH: &str = "/oauth/token";
/// How assertions may be signed at the token endpoint: clients that are keys have these.
pub const ALGORITHMS: [&str; 4] = ["ES256", "PS256", "RS256", "EdDSA"];
/// Most bytes of a token request.
pub const FORM_MOST: usize = 16 * 1024;

/// Lets pass who has not asked too often from one address.
pub fn admitted(oauth: &OAuth, gate: &Gate, request: &HttpRequest, now: Micros) -> ApiResult<()> {
    let address = gate.client_of(request);
    Desk { oauth, address, now }.admit(&oauth.by_address, asker(address), None)
}

/// Answers a request for a token of a client that is a key of another kind. Its address was [`admitted`].
pub async fn answer_key(
    oauth: &OAuth,
    gate: &Gate,
    (request, body): (&HttpRequest, &[u8]),
    now: Micros,
) -> ApiResult<HttpResponse> {
    let peer = request.peer_addr().map(|address| address.ip());
    let view = caller::view(gate, request.headers(), peer);
    let desk = Desk { oauth, address: gate.client_address(&view), now };
    if !is_form(request.headers().get(CONTENT_TYPE)) {
        let why = "the body must be a form: Content-Type: application/x-www-form-urlencoded";
        return Ok(desk.refuse((Refusal::Request, why.into()), None));
    }
    let asked = match Request::read(body) {
        Ok(asked) => asked,
        Err(why) => return Ok(desk.refuse(why, None)),
    };
    // What this node knows of secrets may be over.
    can_judge(gate.keyring())?;
    let proved = match asked.client(oauth, gate.keyring(), view.authorization, now) {
        Ok(proved) => proved,
        Err(why) => return Ok(desk.refuse(why, None)),
    };
    if let Some(error) = gate.barred(&proved.client, &view, now) {
        return Ok(desk.bar(&error, &proved.client));
    }
    desk.issue(gate, &asked, &proved).await
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

/// What a client needs to know (RFC 8414), where another server issues all other tokens.
#[derive(Debug, Serialize)]
pub struct KeyTokensMetadata<'a> {
    issuer: &'a str,
    token_endpoint: String,
    service_documentation: String,
    grant_types_supported: [&'static str; 1],
    /// None: nobody is sent here to consent.
    response_types_supported: [&'static str; 0],
    token_endpoint_auth_methods_supported: [&'static str; 2],
    token_endpoint_auth_signing_alg_values_supported: [&'static str; 4],
    scopes_supported: Vec<&'static str>,
}

/// What a client that is a key of another kind needs to know.
#[must_use]
pub fn metadata(oauth: &OAuth) -> KeyTokensMetadata<'_> {
    let issuer = oauth.issuer.as_str();
    KeyTokensMetadata {
        issuer,
        token_endpoint: format!("{issuer}{TOKEN_PATH}"),
        service_documentation: format!("{issuer}/docs/"),
        grant_types_supported: ["client_credentials"],
        response_types_supported: [],
        token_endpoint_auth_methods_supported: ["client_secret_basic", "private_key_jwt"],
        token_endpoint_auth_signing_alg_values_supported: ALGORITHMS,
        scopes_supported: Scope::ALL.iter().map(|scope| scope.as_str()).collect(),
    }
}
