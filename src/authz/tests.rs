//! The rules, one by one, and what is tried against them.

mod assertions;
mod attacks;
mod attacks_on_tokens;
mod clients;
mod consents;
mod forms;
mod grants;
mod handles;
mod keys;
mod logins;
mod proofs;
mod published;
mod redirects;
mod refreshes;
mod requests;
mod store;
mod tokens;

use super::access_token::{AccessClaims, Between};
use super::authenticate::{
    ClientCredential, ClientShown, ProvedClient, RegisteredClient, authenticate,
};
use super::bits;
use super::client::{AuthzClient, ClientAuth, SecurityProfile};
use super::dpop::{ProofFor, ProvedKey};
use super::exchange::{CodeRecord, CodeRefused, CodeShown, exchange};
use super::grant::{CustomerLogin, Issue, IssueRules};
use super::handles::{Handle, HandleKind};
use super::htu::Htu;
use super::issued::IssuedTo;
use super::jwk::Thumbprint;
use super::nonce::Nonces;
use super::once::Unspent;
use super::pkce::{Challenge, CodeVerifier};
use super::redirect::RedirectUri;
use super::refresh::{RefreshRecord, RefreshShown, refresh};
use super::request::{AuthorizationRequest, RequestRules, pushed};
use super::signing::SigningKey;
use crate::access::oauth::assertion;
use crate::access::oauth::error::OAuthError;
use crate::access::oauth::form::Parameters;
use crate::access::oauth::jwk::Verifier;
use crate::consent::category::SensitiveCategories;
use crate::consent::record::ConsentRecord;
use crate::consent::scope::OAuthScopes;
use crate::consent::subject::PairwiseSub;
use crate::kernel::Micros;
use crate::kernel::clock::SECOND;
use crate::kernel::id::AppId;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use consents::{decided, grant, pointer};
use serde_json::{Value, json};

/// The second at which all tests are.
const NOW_S: i64 = 1_800_000_000;
const NOW: Micros = Micros(NOW_S * SECOND);
const ISSUER: &str = "https://gw.example";
const API: &str = "https://gw.example/v1";
const BETWEEN: Between<'static> = Between { issuer: ISSUER, audience: API };
const RULES: RequestRules<'static> = RequestRules {
    customers: SecurityProfile::Fapi2,
    resource: API,
    sensitive: SensitiveCategories::NONE,
};
const SANDBOX: RequestRules<'static> =
    RequestRules { customers: SecurityProfile::Baseline, ..RULES };
const ISSUE: IssueRules<'static> = IssueRules { issuer: ISSUER, life_most_s: 300 };
/// RFC 7636 appendix B.
const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
const SUMMARY: &str = "customer.purchases.summary:read";
const GRANT_ID: &str = "5b0c2f6e-8a1d-4c3b-9e7f-0a1b2c3d4e5f";
const OTHER_GRANT: &str = "00000000-0000-4000-8000-000000000000";
/// The secret of clients that have one.
const SECRET: &str = "s3cret";

/// The instant so many seconds later.
fn later(seconds: i64) -> Micros {
    Micros(NOW.0 + seconds * SECOND)
}

fn scopes(text: &str) -> OAuthScopes {
    super::scopes::read(text).unwrap()
}

fn handle<K: HandleKind>(byte: u8) -> Handle<K> {
    Handle::random(|bytes| filled(byte, bytes)).unwrap()
}

/// Fills with a byte what wants to be random.
fn filled(byte: u8, bytes: &mut [u8]) -> Result<(), ()> {
    bytes.fill(byte);
    Ok(())
}

fn subject(byte: u8) -> PairwiseSub {
    PairwiseSub::random([byte; 16])
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
        app: AppId(2),
        auth: ClientAuth::PrivateKeyJwt,
        profile: SecurityProfile::Fapi2,
        redirect_uris: vec![RedirectUri::register("https://app.example/cb", false).unwrap()],
        scopes: scopes(&format!(
            "{SUMMARY} customer.loyalty.basic:read offline_access openid catalog:read"
        )),
    }
}

/// The secret and the key that all clients have.
fn credentials() -> [ClientCredential; 2] {
    let signs = ClientCredential { hash: [4; 32], key: key(4).public().verifier() };
    [ClientCredential { hash: bits::sha256(SECRET), key: None }, signs]
}

/// What a client shows that proves itself as it is registered.
fn proof_of(client: &AuthzClient) -> Result<ClientShown, OAuthError> {
    let id = client.id.as_str();
    let basic = format!("Basic {}", STANDARD.encode(format!("{id}:{SECRET}")));
    let claims = json!({ "iss": id, "sub": id, "aud": ISSUER, "jti": "a1", "exp": NOW_S + 60 });
    let signed = signed(&key(4), &json!({ "alg": "ES256" }), &claims);
    let asserted = [("client_assertion_type", assertion::TYPE), ("client_assertion", &signed)];
    match client.auth {
        ClientAuth::PrivateKeyJwt => ClientShown::read(&form(&asserted, &[]), &[]),
        ClientAuth::ClientSecretBasic => ClientShown::read(&form(&[], &[]), &[basic.as_bytes()]),
        ClientAuth::None => ClientShown::read(&form(&[("client_id", id)], &[]), &[]),
    }
}

/// Judges what a client shows as that of one that is registered.
fn authenticated<'a>(
    shown: &ClientShown,
    client: &'a AuthzClient,
) -> Result<Unspent<ProvedClient<'a>>, OAuthError> {
    let registered = RegisteredClient { client, credentials: &credentials() };
    authenticate(shown, Some(registered), (ISSUER, |text: &str| bits::sha256(text)), NOW)
}

/// A client that has proved itself as it is registered.
fn proved(client: &AuthzClient) -> ProvedClient<'_> {
    authenticated(&proof_of(client).unwrap(), client).unwrap().noted(true).unwrap()
}

/// A key that was proved.
fn proved_key(number: u8) -> ProvedKey {
    prove(&proof(number, json!({}), json!({})), None, false).unwrap().noted(true).unwrap()
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
    pushed(&asked(changes), proved(&client()), RULES, None)
}

fn login() -> CustomerLogin {
    CustomerLogin { auth_time: NOW_S - 60, acr: Some("urn:loa:2".into()) }
}

fn issued_to() -> IssuedTo {
    IssuedTo {
        client_id: "c_7f".into(),
        profile: SecurityProfile::Fapi2,
        key: Some(thumbprint(1)),
        consent: pointer(&grant()),
        issued_at: NOW,
    }
}

fn code() -> CodeRecord {
    CodeRecord {
        to: issued_to(),
        redirect_uri: RedirectUri::register("https://app.example/cb", false).unwrap(),
        challenge: CHALLENGE.parse::<Challenge>().unwrap(),
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
    let key = Some(proved_key(1));
    CodeShown { client: proved(client), verifier, redirect_uri: None, key }
}

/// What a code gives that is taken at once.
fn redeem(
    code: &CodeRecord,
    shown: CodeShown<'_>,
    grant: Option<&ConsentRecord>,
) -> Result<Issue, CodeRefused> {
    exchange(code, shown, decided(grant), ISSUE, NOW)?.taken(1)
}

fn refresh_record() -> RefreshRecord {
    RefreshRecord { to: issued_to(), login: login(), used_at: NOW }
}

fn refreshing(client: &AuthzClient) -> RefreshShown<'_> {
    RefreshShown { client: proved(client), key: Some(proved_key(1)), scope: None }
}

/// What a refresh token gives whose use is noted at once.
fn renew(
    token: &RefreshRecord,
    shown: RefreshShown<'_>,
    grant: Option<&ConsentRecord>,
) -> Result<Issue, OAuthError> {
    refresh(token, shown, decided(grant), ISSUE, NOW)?.taken(1)
}

/// What the code gives.
fn issue() -> Issue {
    let (client, verifier) = (client(), verifier());
    redeem(&code(), shown(&client, &verifier), Some(&grant())).unwrap()
}

fn claims() -> AccessClaims {
    AccessClaims::of(&issue(), BETWEEN, |bytes| filled(0, bytes), NOW).unwrap()
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
) -> Result<Unspent<ProvedKey>, OAuthError> {
    let address = Htu::of(ISSUER, "/oauth/token").unwrap();
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
