//! The rules, one by one, and what is tried against them.

mod assertions;
mod attacks;
mod attacks_on_tokens;
mod forms;
mod grants;
mod handles;
mod keys;
mod proofs;
mod published;
mod redirects;
mod requests;
mod tokens;

use super::access_token::{AccessClaims, Between};
use super::bits;
use super::client::{AuthzClient, ClientAuth, SecurityProfile};
use super::dpop::{ProofFor, ProvedKey};
use super::error::OAuthError;
use super::exchange::{CodeRecord, CodeShown};
use super::form::Parameters;
use super::grant::{CustomerLogin, Issue, IssueRules, LiveGrant};
use super::htu::Htu;
use super::jwk::Thumbprint;
use super::nonce::Nonces;
use super::pkce::{Challenge, CodeVerifier};
use super::redirect::RedirectUri;
use super::refresh::{RefreshRecord, RefreshRotation};
use super::request::{AuthorizationRequest, RequestRules, pushed};
use super::scopes::ScopeList;
use super::signing::SigningKey;
use crate::access::oauth::jwk::Verifier;
use crate::kernel::Micros;
use crate::kernel::clock::{DAY, SECOND};
use serde_json::{Value, json};

/// The second at which all tests are.
const NOW_S: i64 = 1_800_000_000;
const NOW: Micros = Micros(NOW_S * SECOND);
const ISSUER: &str = "https://gw.example";
const API: &str = "https://gw.example/v1";
const BETWEEN: Between<'static> = Between { issuer: ISSUER, audience: API };
const RULES: RequestRules<'static> =
    RequestRules { customers: SecurityProfile::Fapi2, resource: API };
const ISSUE: IssueRules<'static> =
    IssueRules { issuer: ISSUER, life_most_s: 300, rotation: RefreshRotation::None };
const ROTATES: IssueRules<'static> = IssueRules { rotation: RefreshRotation::Legacy, ..ISSUE };
/// RFC 7636 appendix B.
const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
const SUMMARY: &str = "customer.purchases.summary:read";
const GRANT_ID: &str = "5b0c2f6e-8a1d-4c3b-9e7f-0a1b2c3d4e5f";

/// The instant so many seconds later.
fn later(seconds: i64) -> Micros {
    Micros(NOW.0 + seconds * SECOND)
}

fn scopes(text: &str) -> ScopeList {
    text.parse().unwrap()
}

/// A key from a number.
fn key(number: u8) -> SigningKey {
    SigningKey::of_scalar(&[number; 32]).unwrap()
}

fn thumbprint(number: u8) -> Thumbprint {
    key(number).public().thumbprint()
}

fn client() -> AuthzClient {
    AuthzClient {
        id: "c_7f".into(),
        auth: ClientAuth::PrivateKeyJwt,
        profile: SecurityProfile::Fapi2,
        redirect_uris: vec![RedirectUri::register("https://app.example/cb", false).unwrap()],
        scopes: scopes(&format!(
            "{SUMMARY} customer.loyalty.basic:read offline_access openid catalog:read"
        )),
    }
}

/// A form, in which a pair takes the place of one with its name, or one without a value takes it out.
fn form(pairs: &[(&str, &str)], changes: &[(&str, &str)]) -> Parameters {
    let kept = pairs.iter().filter(|(name, _)| changes.iter().all(|(other, _)| other != name));
    let all = kept.chain(changes.iter().filter(|(_, value)| !value.is_empty()));
    let text = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(all).finish();
    Parameters::read(text.as_bytes()).unwrap()
}

/// A request as it should be, but for some changes.
fn asked(changes: &[(&str, &str)]) -> Parameters {
    let pairs = [
        ("client_id", "c_7f"),
        ("response_type", "code"),
        ("redirect_uri", "https://app.example/cb"),
        ("scope", "customer.purchases.summary:read offline_access"),
        ("state", "s1"),
        ("code_challenge", CHALLENGE),
        ("code_challenge_method", "S256"),
    ];
    form(&pairs, changes)
}

/// The same, pushed.
fn push(changes: &[(&str, &str)]) -> Result<AuthorizationRequest, OAuthError> {
    pushed(&asked(changes), &client(), RULES, None)
}

fn grant() -> LiveGrant {
    LiveGrant {
        grant_id: GRANT_ID.into(),
        version: 3,
        scopes: scopes(&format!("{SUMMARY} offline_access")),
        authorization_details: Some(
            json!([{ "type": "retail_customer_data", "duration_days": 30 }]),
        ),
        ends_at: Micros(NOW.0 + 30 * DAY),
    }
}

fn login() -> CustomerLogin {
    CustomerLogin { auth_time: NOW_S - 60, acr: Some("urn:loa:2".into()) }
}

fn code() -> CodeRecord {
    CodeRecord {
        client_id: "c_7f".into(),
        profile: SecurityProfile::Fapi2,
        redirect_uri: RedirectUri::register("https://app.example/cb", false).unwrap(),
        challenge: CHALLENGE.parse::<Challenge>().unwrap(),
        key: Some(thumbprint(1)),
        subject: "9d0c".into(),
        login: login(),
        nonce: None,
        expires_at: later(60),
        used: false,
    }
}

fn verifier() -> CodeVerifier {
    CodeVerifier::read(Some(VERIFIER)).unwrap()
}

fn shown<'a>(client: &'a AuthzClient, verifier: &'a CodeVerifier) -> CodeShown<'a> {
    CodeShown { client, verifier, redirect_uri: None, key: Some(thumbprint(1)) }
}

fn refresh_record() -> RefreshRecord {
    RefreshRecord {
        client_id: "c_7f".into(),
        key: Some(thumbprint(1)),
        subject: "9d0c".into(),
        login: login(),
        used_at: NOW,
        successor: None,
    }
}

/// What the code gives.
fn issue() -> Issue {
    let (client, verifier) = (client(), verifier());
    super::exchange::exchange(&code(), shown(&client, &verifier), Some(&grant()), ISSUE, NOW)
        .unwrap()
}

fn claims() -> AccessClaims {
    AccessClaims::of(&issue(), BETWEEN, "jti-1".into(), NOW)
}

/// The key with which the server signs, and how that is checked.
fn server_key() -> (SigningKey, Vec<Verifier>) {
    let key = key(9);
    let verifier = key.public().verifier().unwrap();
    (key, vec![verifier])
}

/// A token with this header and these claims, signed by a key.
fn signed(key: &SigningKey, header: &Value, claims: &Value) -> String {
    key.compact(&header.to_string(), claims.to_string().as_bytes()).unwrap()
}

/// `object` with the members of `changes`; those that are null there are taken out.
fn with(mut object: Value, changes: Value) -> Value {
    let Value::Object(changes) = changes else { panic!("changes are members") };
    for (name, value) in changes {
        if value.is_null() {
            object.as_object_mut().unwrap().remove(&name);
        } else {
            object[name] = value;
        }
    }
    object
}

fn nonces() -> Nonces {
    Nonces::new([5; 32])
}

/// A proof for `POST /oauth/token`, but for changes in header and claims.
fn proof(by: u8, header: Value, claims: Value) -> String {
    let key = key(by);
    let jwk = with(json!(key.public()), json!({ "kid": null, "use": null, "alg": null }));
    let header = with(json!({ "alg": "ES256", "typ": "dpop+jwt", "jwk": jwk }), header);
    let usual = json!({ "jti": "j1", "htm": "POST", "htu": "https://gw.example/oauth/token", "iat": NOW_S });
    signed(&key, &header, &with(usual, claims))
}

/// Checks a proof as one for that request.
fn prove(
    proof: &str,
    access_token: Option<&str>,
    needs_nonce: bool,
) -> Result<ProvedKey, OAuthError> {
    let address = Htu::read("https://gw.example/oauth/token").unwrap();
    let nonces = nonces();
    let made_for =
        ProofFor { method: "POST", address: &address, access_token, nonces: &nonces, needs_nonce };
    super::dpop::check(proof, &made_for, NOW).map_err(Into::into)
}

/// The word of an error.
fn word<T: std::fmt::Debug, E: Into<OAuthError>>(refused: Result<T, E>) -> &'static str {
    refused.map_err(Into::into).unwrap_err().code.as_str()
}

/// SHA-256 of a token as a proof has it.
fn ath(token: &str) -> String {
    bits::encode(bits::sha256(token))
}
