//! OAuth clients: tokens for secrets and for signatures, and everything that is tried to get one without.

use crate::support::{NOON, TestApp, data, problem};
use aws_lc_rs::encoding::{AsDer as _, Pkcs8V1Der};
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _, RsaKeyPair,
};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use serde_json::{Value, json};

const SECOND: i64 = 1_000_000;
const ISSUER: &str = "https://api.example.test";
const BEARER: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

async fn shop() -> TestApp {
    let app = TestApp::builder().fixed_clock(NOON).set("SERVER__PUBLIC_URL", ISSUER).start().await;
    app.stock_shelves(2, 1).await;
    app
}

fn path() -> String {
    format!("/v1/products/{}", data::product_id(0))
}

/// A client of a new app.
struct Client {
    id: String,
    secret: String,
    app_id: String,
    partner_id: String,
}

async fn client(app: &TestApp, fields: Value) -> Client {
    let key = app.key(json!({})).await;
    let mut body = json!({ "app_id": key.app_id, "name": "client", "environment": "live" });
    for (name, value) in fields.as_object().unwrap() {
        body[name] = value.clone();
    }
    let made = app.admin_ok("POST", "/admin/v1/clients", Some(body)).await;
    Client {
        id: made["client"]["id"].as_str().unwrap().to_owned(),
        secret: made["secret"].as_str().unwrap_or_default().to_owned(),
        app_id: key.app_id,
        partner_id: key.partner_id,
    }
}

fn form(pairs: &[(&str, &str)]) -> String {
    url::form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish()
}

/// Posts a form to the token endpoint, with a header where one is given.
async fn ask(
    app: &TestApp,
    basic: Option<(&str, &str)>,
    pairs: &[(&str, &str)],
) -> reqwest::Response {
    let mut request = app.http.post(app.public_url("/oauth/token"));
    request = request.header("Content-Type", "application/x-www-form-urlencoded");
    if let Some((id, secret)) = basic {
        request = request.header(
            "Authorization",
            format!("Basic {}", STANDARD.encode(format!("{id}:{secret}"))),
        );
    }
    request.body(form(pairs)).send().await.unwrap()
}

const GRANT: (&str, &str) = ("grant_type", "client_credentials");

/// A token for a secret.
async fn token(app: &TestApp, client: &Client) -> String {
    let answer = ask(app, Some((&client.id, &client.secret)), &[GRANT]).await;
    let (status, text) = (answer.status(), answer.text().await.unwrap());
    assert_eq!(status, 200, "{text}");
    let told: Value = serde_json::from_str(&text).unwrap();
    told["access_token"].as_str().unwrap().to_owned()
}

/// What a refusal says, checked for what all refusals have (RFC 6749 §5.2).
async fn refusal(answer: reqwest::Response) -> String {
    let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
    assert_eq!(headers["content-type"], "application/json");
    assert_eq!(headers["cache-control"], "no-store");
    let told: Value = answer.json().await.unwrap();
    let error = told["error"].as_str().unwrap().to_owned();
    assert_eq!(status, if error == "invalid_client" { 401 } else { 400 }, "{told}");
    assert_eq!(headers.contains_key("www-authenticate"), status == 401, "{told}");
    assert!(!told["error_description"].as_str().unwrap().is_empty());
    error
}

#[tokio::test]
async fn a_token_for_a_secret_opens_what_the_client_may() {
    let app = shop().await;
    let client = client(&app, json!({ "scopes": ["catalog:read", "stock:read"] })).await;
    let answer = ask(&app, Some((&client.id, &client.secret)), &[GRANT]).await;
    assert_eq!(
        (answer.status().as_u16(), answer.headers()["cache-control"].to_str().unwrap()),
        (200, "no-store")
    );
    let told: Value = answer.json().await.unwrap();
    assert_eq!((&told["token_type"], &told["expires_in"]), (&json!("Bearer"), &json!(600)));
    assert_eq!(told["scope"], "catalog:read stock:read");
    let token = told["access_token"].as_str().unwrap();
    assert_eq!(app.get(token, &path()).await.status(), 200);
    problem(app.get(token, "/v1/stores").await, 403, "insufficient_scope").await;

    let narrow =
        [GRANT, ("scope", "stock:read"), ("resource", "passed over"), ("client_id", &client.id)];
    let narrow = ask(&app, Some((&client.id, &client.secret)), &narrow).await;
    let narrow: Value = narrow.json().await.unwrap();
    assert_eq!(narrow["scope"], "stock:read");
    let refused = app.get(narrow["access_token"].as_str().unwrap(), &path()).await;
    let challenge = refused.headers()["www-authenticate"].to_str().unwrap().to_owned();
    assert_eq!(
        challenge,
        "Bearer realm=\"comptoir\", error=\"insufficient_scope\", scope=\"catalog:read\""
    );
    problem(refused, 403, "insufficient_scope").await;

    // Neither the secret nor the id is a key, and a key is no secret of a client.
    for text in [client.secret.as_str(), &client.id] {
        problem(app.get(text, &path()).await, 401, "invalid_key").await;
    }
    app.clock.advance(600 * SECOND - 1);
    assert_eq!(app.get(token, &path()).await.status(), 200);
    app.clock.advance(1);
    let over = app.get(token, &path()).await;
    assert_eq!(
        over.headers()["www-authenticate"],
        "Bearer realm=\"comptoir\", error=\"invalid_token\""
    );
    problem(over, 401, "invalid_token").await;
}

#[tokio::test]
async fn a_damaged_or_changed_token_is_refused() {
    let app = shop().await;
    let client = client(&app, json!({})).await;
    let token = token(&app, &client).await;
    for at in [8, 20, 40, 70, 85, token.len() - 1] {
        let mut damaged = token.clone().into_bytes();
        damaged[at] = if damaged[at] == b'x' { b'y' } else { b'x' };
        let damaged = String::from_utf8(damaged).unwrap();
        problem(app.get(&damaged, &path()).await, 401, "invalid_token").await;
    }
    for odd in ["cpt_at_", &token[..50], &format!("{token}0")] {
        problem(app.get(odd, &path()).await, 401, "invalid_token").await;
    }
}

#[tokio::test]
async fn tokens_end_with_what_they_rest_on() {
    let app = shop().await;
    let client = client(&app, json!({})).await;
    let place = format!("/admin/v1/keys/{}", client.id);
    let token1 = token(&app, &client).await;
    for place in [
        place.clone(),
        format!("/admin/v1/apps/{}", client.app_id),
        format!("/admin/v1/partners/{}", client.partner_id),
    ] {
        app.admin_ok("POST", &format!("{place}/suspend"), None).await;
        problem(app.get(&token1, &path()).await, 403, "suspended").await;
        let refused = ask(&app, Some((&client.id, &client.secret)), &[GRANT]).await;
        assert_eq!(refusal(refused).await, "unauthorized_client");
        app.admin_ok("POST", &format!("{place}/resume"), None).await;
        assert_eq!(app.get(&token1, &path()).await.status(), 200);
    }
    // Fewer scopes hold for tokens that are out, too.
    app.admin_ok("PATCH", &place, Some(json!({ "scopes": ["stock:read"] }))).await;
    problem(app.get(&token1, &path()).await, 403, "insufficient_scope").await;
    app.admin_ok("PATCH", &place, Some(json!({ "scopes": ["catalog:read"] }))).await;

    // A secret is rotated as a key's is; to end the old one ends the tokens.
    let rotated =
        app.admin_ok("POST", &format!("{place}/rotate"), Some(json!({ "overlap_s": 60 }))).await;
    let new = Client {
        secret: rotated["text"].as_str().unwrap().to_owned(),
        id: client.id.clone(),
        ..client
    };
    let old = Client {
        id: client.id.clone(),
        secret: client.secret.clone(),
        app_id: String::new(),
        partner_id: String::new(),
    };
    assert!(new.secret.starts_with("cpt_client_"));
    let (token2, token3) = (token(&app, &old).await, token(&app, &new).await);
    app.clock.advance(1);
    app.admin_ok("POST", &format!("{place}/rotation/finish"), None).await;
    for ended in [&token1, &token2, &token3] {
        problem(app.get(ended, &path()).await, 401, "invalid_token").await;
    }
    let refused = ask(&app, Some((&old.id, &old.secret)), &[GRANT]).await;
    assert_eq!(refusal(refused).await, "invalid_client");
    let token4 = token(&app, &new).await;
    assert_eq!(app.get(&token4, &path()).await.status(), 200);
    app.admin_ok("POST", &format!("{place}/revoke"), None).await;
    problem(app.get(&token4, &path()).await, 401, "revoked_key").await;
    let refused = ask(&app, Some((&new.id, &new.secret)), &[GRANT]).await;
    assert_eq!(refusal(refused).await, "invalid_client");
}

#[tokio::test]
async fn a_client_is_held_to_addresses_limits_and_its_end_and_is_metered_as_a_key() {
    let app = shop().await;
    let away = client(&app, json!({ "cidrs": ["192.0.2.0/24", "2001:db8::/32"] })).await;
    let refused = ask(&app, Some((&away.id, &away.secret)), &[GRANT]).await;
    assert_eq!(refusal(refused).await, "unauthorized_client");
    let ending = client(&app, json!({ "expires_at": "2026-11-22T12:00:30Z" })).await;
    let told = ask(&app, Some((&ending.id, &ending.secret)), &[GRANT]).await;
    assert_eq!(told.json::<Value>().await.unwrap()["expires_in"], 30);

    let metered = client(&app, json!({})).await;
    let token = token(&app, &metered).await;
    let answer = app.get(&token, &path()).await;
    for name in ["ratelimit", "ratelimit-policy", "usage-event-id", "x-request-cost"] {
        assert!(answer.headers().contains_key(name), "{name}");
    }
    let subscription = json!({ "url": "https://example.com/x", "events": ["price_changed"] });
    let made = app.http.post(app.public_url("/v1/subscriptions")).bearer_auth(&token);
    let made: Value = made.json(&subscription).send().await.unwrap().json().await.unwrap();
    assert!(made["id"].is_string() || made["code"].is_string(), "{made}");
    app.admin_ok("POST", &format!("/admin/v1/keys/{}/quarantine", metered.id), None).await;
    assert_eq!(app.get(&token, &path()).await.status(), 200);
    assert_eq!(app.get(&token, &path()).await.status(), 429);
}

/// A header, a form, and the word of the refusal.
type Case<'a> = (Option<(&'a str, &'a str)>, Vec<(&'a str, &'a str)>, &'static str);

#[tokio::test]
async fn requests_that_are_not_right_are_told_by_the_standards_words() {
    let app = shop().await;
    let one = client(&app, json!({ "scopes": ["catalog:read"] })).await;
    let other = client(&app, json!({})).await;
    let key = app.key(json!({})).await;
    let basic = Some((one.id.as_str(), one.secret.as_str()));
    let cases: Vec<Case<'_>> = vec![
        (basic, vec![], "invalid_request"),
        (basic, vec![GRANT, GRANT], "invalid_request"),
        (basic, vec![("grant_type", "password")], "unsupported_grant_type"),
        (basic, vec![GRANT, ("scope", "everything")], "invalid_scope"),
        (basic, vec![GRANT, ("scope", "catalog:read stock:read")], "invalid_scope"),
        (basic, vec![GRANT, ("scope", "customer.profile:read")], "invalid_scope"),
        (basic, vec![GRANT, ("client_id", &other.id)], "invalid_request"),
        (basic, vec![GRANT, ("client_secret", &one.secret)], "invalid_request"),
        (basic, vec![GRANT, ("client_assertion", "a.b.c")], "invalid_request"),
        (None, vec![GRANT], "invalid_client"),
        (None, vec![GRANT, ("client_id", &one.id)], "invalid_client"),
        (Some((&one.id, &other.secret)), vec![GRANT], "invalid_client"),
        (Some((&one.id, "")), vec![GRANT], "invalid_client"),
        (Some((&one.id, &key.text)), vec![GRANT], "invalid_client"),
        (Some((&key.id, &key.text)), vec![GRANT], "invalid_client"),
        (Some(("nobody", "x")), vec![GRANT], "invalid_client"),
    ];
    for (basic, pairs, error) in cases {
        assert_eq!(refusal(ask(&app, basic, &pairs).await).await, error, "{pairs:?}");
    }
    for header in ["Basic", "Basic !", "Basic bm8=", "Bearer x", "Digest x"] {
        let request = app.http.post(app.public_url("/oauth/token")).header("Authorization", header);
        let request = request.header("Content-Type", "application/x-www-form-urlencoded");
        let answer = request.body(form(&[GRANT])).send().await.unwrap();
        assert_eq!(refusal(answer).await, "invalid_client", "{header}");
    }
    let json = app.http.post(app.public_url("/oauth/token")).json(&json!({})).send().await.unwrap();
    assert_eq!(refusal(json).await, "invalid_request");
    let get = app.http.get(app.public_url("/oauth/token")).send().await.unwrap();
    assert_eq!(get.headers()["allow"], "POST");
    problem(get, 405, "method_not_allowed").await;
    let long = app.http.post(app.public_url("/oauth/token")).body("x".repeat(20_000));
    problem(long.send().await.unwrap(), 413, "body_too_large").await;
}

#[tokio::test]
async fn tokens_are_asked_for_in_bounds() {
    let app = TestApp::builder()
        .fixed_clock(NOON)
        .set("OAUTH__PER_CLIENT_PER_MINUTE", "2")
        .set("OAUTH__PER_ADDRESS_PER_MINUTE", "5")
        .set("OAUTH__TOKEN_LIFE_S", "60")
        .start()
        .await;
    let (one, other) = (client(&app, json!({})).await, client(&app, json!({})).await);
    let told = ask(&app, Some((&one.id, &one.secret)), &[GRANT]).await;
    assert_eq!(told.json::<Value>().await.unwrap()["expires_in"], 60);
    token(&app, &one).await;
    let often = ask(&app, Some((&one.id, &one.secret)), &[GRANT]).await;
    assert_eq!(often.headers()["retry-after"], "30");
    problem(often, 429, "quota_exceeded").await;
    token(&app, &other).await;
    assert_eq!(
        refusal(ask(&app, Some((&one.id, "wrong")), &[GRANT]).await).await,
        "invalid_client"
    );
    let often = ask(&app, Some((&other.id, &other.secret)), &[GRANT]).await;
    assert_eq!(often.headers()["retry-after"], "12");
    problem(often, 429, "quota_exceeded").await;
    app.clock.advance(60 * SECOND);
    token(&app, &other).await;
    let metrics = app.admin_text("/metrics").await;
    assert!(metrics.contains("comptoir_tokens_issued_total 4"), "{metrics}");
    assert!(metrics.contains("comptoir_tokens_refused_total 1"), "{metrics}");
}

#[tokio::test]
async fn a_library_can_set_itself_up() {
    let app = shop().await;
    let path = "/.well-known/oauth-authorization-server";
    let told: Value =
        app.http.get(app.public_url(path)).send().await.unwrap().json().await.unwrap();
    assert_eq!(told["issuer"], ISSUER);
    assert_eq!(told["token_endpoint"], format!("{ISSUER}/oauth/token"));
    assert_eq!(told["grant_types_supported"], json!(["client_credentials"]));
    assert_eq!(
        told["token_endpoint_auth_signing_alg_values_supported"],
        json!(["ES256", "RS256", "EdDSA"])
    );
}

/// A pair of keys that a client signs with.
struct Pair {
    algorithm: Algorithm,
    signs: EncodingKey,
    jwk: Value,
}

fn b64(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

fn es256(kid: &str) -> Pair {
    let key = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
    let point = key.public_key().as_ref().to_vec();
    let jwk = json!({ "kty": "EC", "crv": "P-256", "kid": kid, "x": b64(&point[1..33]), "y": b64(&point[33..]) });
    let der = key.to_pkcs8v1().unwrap();
    Pair { algorithm: Algorithm::ES256, signs: EncodingKey::from_ec_der(der.as_ref()), jwk }
}

fn eddsa(kid: &str) -> Pair {
    let key = Ed25519KeyPair::generate().unwrap();
    let jwk = json!({ "kty": "OKP", "crv": "Ed25519", "kid": kid, "x": b64(key.public_key().as_ref()), "alg": "EdDSA", "use": "sig" });
    let der = key.to_pkcs8v1().unwrap();
    Pair { algorithm: Algorithm::EdDSA, signs: EncodingKey::from_ed_der(der.as_ref()), jwk }
}

fn rs256(kid: &str) -> Pair {
    let key = RsaKeyPair::generate(KeySize::Rsa2048).unwrap();
    let public = key.public_key();
    let (n, e) = (
        public.modulus().big_endian_without_leading_zero().to_vec(),
        public.exponent().big_endian_without_leading_zero().to_vec(),
    );
    let jwk = json!({ "kty": "RSA", "kid": kid, "n": b64(&n), "e": b64(&e) });
    let der: Pkcs8V1Der<'_> = key.as_der().unwrap();
    // The library takes PKCS#1: the octet string at the end of PKCS#8.
    let pkcs1 = &der.as_ref()[26..];
    Pair { algorithm: Algorithm::RS256, signs: EncodingKey::from_rsa_der(pkcs1), jwk }
}

/// The claims of a good assertion.
fn claims(client: &Client, jti: &str) -> Value {
    let now = NOON.parse::<comptoir::kernel::Micros>().unwrap().0 / SECOND;
    json!({ "iss": client.id, "sub": client.id, "aud": ISSUER, "jti": jti, "iat": now, "exp": now + 120 })
}

fn signed(pair: &Pair, kid: Option<&str>, claims: &Value) -> String {
    let header = Header { kid: kid.map(str::to_owned), ..Header::new(pair.algorithm) };
    encode(&header, claims, &pair.signs).unwrap()
}

async fn assert_with(app: &TestApp, assertion: &str) -> reqwest::Response {
    let pairs = [GRANT, ("client_assertion_type", BEARER), ("client_assertion", assertion)];
    ask(app, None, &pairs).await
}

#[tokio::test]
async fn a_client_signs_with_a_key_of_its_own() {
    let app = shop().await;
    let pairs = [es256("ec"), rs256("rsa"), eddsa("ed")];
    let jwks = json!({ "keys": pairs.iter().map(|pair| pair.jwk.clone()).collect::<Vec<_>>() });
    let client = client(&app, json!({ "jwks": jwks })).await;
    assert_eq!(client.secret, "", "a client that signs has no secret");
    for (n, pair) in pairs.iter().enumerate() {
        for kid in [None, pair.jwk["kid"].as_str()] {
            let claims = claims(&client, &format!("{n} {kid:?}"));
            let answer = assert_with(&app, &signed(pair, kid, &claims)).await;
            let (status, text) = (answer.status(), answer.text().await.unwrap());
            assert_eq!(status, 200, "{n} {kid:?}: {text}");
            let told: Value = serde_json::from_str(&text).unwrap();
            assert_eq!(
                app.get(told["access_token"].as_str().unwrap(), &path()).await.status(),
                200
            );
        }
    }
    let place = format!("/admin/v1/keys/{}", client.id);
    let shown = app.admin_ok("GET", &place, None).await;
    let hints: Vec<&str> =
        shown["secrets"].as_array().unwrap().iter().map(|s| s["hint"].as_str().unwrap()).collect();
    assert_eq!((hints.len(), shown["secrets"][0]["form"].clone()), (3, json!("jwk")));
    let rotate =
        app.admin("POST", &format!("{place}/rotate"), Some(json!({ "overlap_s": 0 }))).await;
    problem(rotate, 409, "conflict").await;

    // A key that goes takes the tokens with it; one that stays goes on.
    let answer = assert_with(&app, &signed(&pairs[0], None, &claims(&client, "before"))).await;
    let before: Value = answer.json().await.unwrap();
    app.clock.advance(1);
    let left = json!({ "jwks": { "keys": [pairs[2].jwk] } });
    app.admin_ok("PUT", &format!("/admin/v1/clients/{}/jwks", client.id), Some(left)).await;
    problem(app.get(before["access_token"].as_str().unwrap(), &path()).await, 401, "invalid_token")
        .await;
    let gone = assert_with(&app, &signed(&pairs[0], None, &claims(&client, "gone"))).await;
    assert_eq!(refusal(gone).await, "invalid_client");
    let stays = assert_with(&app, &signed(&pairs[2], None, &claims(&client, "stays"))).await;
    assert_eq!(stays.status(), 200);
}

/// Three clients, and the pairs of keys of two of them.
struct Clients {
    one: Client,
    pair: Pair,
    other: Client,
    stranger: Pair,
    with_secret: Client,
}

impl Clients {
    async fn of(app: &TestApp) -> Self {
        let (pair, stranger) = (es256("k"), es256("k"));
        let one = client(app, json!({ "jwks": { "keys": [pair.jwk] } })).await;
        let other = client(app, json!({ "jwks": { "keys": [stranger.jwk] } })).await;
        Self { one, pair, other, stranger, with_secret: client(app, json!({})).await }
    }

    /// The claims of the first client's assertion with another value.
    fn with(&self, name: &str, value: Value) -> String {
        let mut claims = claims(&self.one, &format!("{name} {value}"));
        claims[name] = value;
        signed(&self.pair, None, &claims)
    }

    fn without(&self, name: &str) -> String {
        let mut claims = claims(&self.one, name);
        claims.as_object_mut().unwrap().remove(name);
        signed(&self.pair, None, &claims)
    }

    /// The old mistake: a signature by the public key, taken for a shared secret.
    fn confused(&self, secret: &[u8]) -> String {
        let claims = claims(&self.one, "hs");
        encode(&Header::new(Algorithm::HS256), &claims, &EncodingKey::from_secret(secret)).unwrap()
    }

    /// Assertions with another signature, or none.
    fn forged(&self, good: &str) -> Vec<String> {
        let parts: Vec<&str> = good.split('.').collect();
        let none = b64(br#"{"alg":"none"}"#);
        let crit = b64(br#"{"alg":"ES256","crit":["exp"],"exp":1}"#);
        let public = self.pair.jwk.to_string();
        vec![
            format!("{none}.{}.", parts[1]),
            format!("{none}.{}.{}", parts[1], parts[2]),
            format!("{}.{}.", parts[0], parts[1]),
            format!("{crit}.{}.{}", parts[1], parts[2]),
            self.confused(public.as_bytes()),
            self.confused(self.pair.jwk["x"].as_str().unwrap().as_bytes()),
            signed(&self.stranger, None, &claims(&self.one, "stranger")),
            signed(&self.pair, Some("unknown kid"), &claims(&self.one, "kid")),
            signed(&self.pair, None, &claims(&self.other, "another client's key")),
            signed(&self.pair, None, &claims(&self.with_secret, "a client with a secret")),
            "a.b.c".to_owned(),
            "..".to_owned(),
            "x".repeat(10_000),
        ]
    }

    /// Assertions that say what they should not.
    fn untrue(&self) -> Vec<String> {
        let now = claims(&self.one, "")["iat"].as_i64().unwrap();
        let mut all = vec![
            self.with("iss", json!(self.other.id)),
            self.with("sub", json!("key_00000000001")),
            self.with("aud", json!("https://elsewhere.example")),
            self.with("aud", json!([ISSUER])),
            self.with("aud", json!([ISSUER, "https://elsewhere.example"])),
            self.with("aud", json!(format!("{ISSUER}/oauth/token"))),
            self.with("aud", Value::Null),
            self.with("exp", json!("soon")),
            self.with("exp", json!(1e300)),
            self.with("iat", json!(now + 11)),
            self.with("nbf", json!(now + 11)),
            self.with("jti", json!("")),
            self.with("jti", json!("x".repeat(129))),
            self.with("jti", json!(7)),
        ];
        all.extend([now, now - 1, now + 301].map(|at| self.with("exp", json!(at))));
        all.extend(["iss", "sub", "aud", "exp", "jti"].map(|name| self.without(name)));
        all
    }
}

#[tokio::test]
async fn an_assertion_that_is_not_the_clients_own_and_new_and_for_us_is_refused() {
    let app = shop().await;
    let clients = Clients::of(&app).await;
    let (one, pair) = (&clients.one, &clients.pair);
    let good = signed(pair, None, &claims(one, "good"));
    for attack in clients.forged(&good).iter().chain(&clients.untrue()) {
        assert_eq!(refusal(assert_with(&app, attack).await).await, "invalid_client", "{attack}");
    }
    let wrong_type = [GRANT, ("client_assertion_type", "jwt"), ("client_assertion", &good)];
    assert_eq!(refusal(ask(&app, None, &wrong_type).await).await, "invalid_request");

    // What is a little ahead is not from the future, and none of this has used the good one up.
    let now = claims(one, "")["iat"].as_i64().unwrap();
    let ahead = clients.with("iat", json!(now + 10));
    assert_eq!(assert_with(&app, &ahead).await.status(), 200);
    assert_eq!(assert_with(&app, &good).await.status(), 200);
    for _ in 0..2 {
        assert_eq!(refusal(assert_with(&app, &good).await).await, "invalid_client", "used twice");
    }
    let again = signed(pair, None, &claims(one, "good"));
    assert_eq!(refusal(assert_with(&app, &again).await).await, "invalid_client", "the same id");
}

#[tokio::test]
async fn a_forged_header_brings_a_client_nowhere() {
    let app = TestApp::builder()
        .fixed_clock(NOON)
        .set("SERVER__TRUSTED_PROXIES", "127.0.0.1/32")
        .start()
        .await;
    app.stock_shelves(1, 1).await;
    let client = client(&app, json!({ "cidrs": ["2001:db8::/32", "192.0.2.0/24"] })).await;
    let ask = async |hops: &str| {
        let request = app.http.post(app.public_url("/oauth/token"));
        let request = request.basic_auth(&client.id, Some(&client.secret));
        let request = request.header("X-Forwarded-For", hops);
        let request = request.header("Content-Type", "application/x-www-form-urlencoded");
        request.body(form(&[GRANT])).send().await.unwrap()
    };
    for hops in ["2001:db8::7, 2001:db9::1", "192.0.2.7, 198.51.100.1", "2001:db8::7, x", "x"] {
        assert_eq!(refusal(ask(hops).await).await, "unauthorized_client", "{hops}");
    }
    let told = ask("198.51.100.1, 2001:db8:0:1::7").await;
    assert_eq!(told.status(), 200);
    let told: Value = told.json().await.unwrap();
    let call = async |hops: &str| {
        let request = app.http.get(app.public_url(&path())).header("X-Forwarded-For", hops);
        request.bearer_auth(told["access_token"].as_str().unwrap()).send().await.unwrap()
    };
    assert_eq!(call("2001:db8::9").await.status(), 200);
    assert_eq!(call("::ffff:192.0.2.9").await.status(), 200);
    problem(call("2001:db8::9, 2001:db9::1").await, 403, "address_not_allowed").await;
}

#[tokio::test]
async fn an_assertion_that_was_used_on_one_node_is_used_on_all() {
    let app = shop().await;
    let pair = eddsa("k");
    let client = client(&app, json!({ "jwks": { "keys": [pair.jwk] } })).await;
    let used = signed(&pair, None, &claims(&client, "once"));
    assert_eq!(assert_with(&app, &used).await.status(), 200);
    // A node of its own would know it from the database alone: so does one that has just started.
    let hash = blake3::hash(format!("{}\nonce", client.id).as_bytes());
    let at = |seconds: i64| comptoir::kernel::Micros(app.clock.now().0 + seconds * SECOND);
    let use_again = comptoir::access::oauth::store::use_assertion;
    assert!(!use_again(&app.db, hash.as_bytes(), at(120), at(0)).await.unwrap());
    assert!(use_again(&app.db, &[7; 32], at(1), at(0)).await.unwrap());
    // What has ended is refused for its time, and need not be remembered.
    assert!(use_again(&app.db, hash.as_bytes(), at(400), at(200)).await.unwrap());
    assert!(!use_again(&app.db, hash.as_bytes(), at(400), at(300)).await.unwrap());
    assert!(use_again(&app.db, &[64; 32], at(700), at(500)).await.unwrap());
    let count = "SELECT COUNT(*) FROM oauth_assertions";
    let left: i64 =
        comptoir::on_db!(&app.db, c => sqlx::query_scalar(count).fetch_one(c).await).unwrap();
    assert_eq!(left, 1, "what has ended is taken out");
}

#[tokio::test]
async fn only_public_keys_that_are_safe_are_taken() {
    let app = shop().await;
    let key = app.key(json!({})).await;
    let good = es256("k").jwk;
    let changed = |name: &str, value: Value| {
        let mut jwk = good.clone();
        jwk[name] = value;
        json!({ "keys": [jwk] })
    };
    let short = b64(&[0xff; 128]);
    let many: Vec<Value> = (0..11).map(|n| eddsa(&n.to_string()).jwk).collect();
    for jwks in [
        json!({}),
        json!({ "keys": [] }),
        json!({ "keys": many }),
        json!({ "keys": [good, good] }),
        json!({ "keys": [good, eddsa("k").jwk] }),
        json!({ "keys": [{ "kty": "oct", "k": "c2VjcmV0" }] }),
        json!({ "keys": [{ "kty": "RSA", "n": short, "e": "AQAB" }] }),
        json!({ "keys": [{ "kty": "OKP", "crv": "Ed25519", "x": "AAAA" }] }),
        json!({ "keys": [{ "kty": "OKP", "crv": "X25519", "x": b64(&[1; 32]) }] }),
        json!({ "keys": ["x"] }),
        changed("d", json!("cHJpdmF0ZQ")),
        changed("crv", json!("P-384")),
        changed("alg", json!("RS256")),
        changed("use", json!("enc")),
        changed("x", json!("AAAA")),
        changed("y", good["x"].clone()),
    ] {
        let body =
            json!({ "app_id": key.app_id, "name": "c", "environment": "live", "jwks": jwks });
        let refused = app.admin("POST", "/admin/v1/clients", Some(body)).await;
        let refused = problem(refused, 400, "invalid_body").await;
        assert_eq!(refused["errors"][0]["pointer"], "/jwks", "{jwks}");
    }
    let none = json!({ "jwks": { "keys": [good] } });
    let not_one = app.admin("PUT", &format!("/admin/v1/clients/{}/jwks", key.id), Some(none)).await;
    problem(not_one, 409, "conflict").await;
}
