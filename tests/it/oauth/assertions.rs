//! Clients that sign with keys of their own, and what is tried with signatures that are not theirs.

use super::{Client, GRANT, ISSUER, SECOND, ask, client, path, refusal, shop};
use crate::support::{NOON, TestApp, problem};
use aws_lc_rs::encoding::{AsDer as _, Pkcs8V1Der};
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _, RsaKeyPair,
};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use serde_json::{Value, json};

const BEARER: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

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
    // RFC 7523 §3: the endpoint's URL names who it is meant for, too. Nothing else does.
    let endpoint = format!("{ISSUER}/oauth/token");
    for (aud, status) in [
        (json!(endpoint), 200),
        (json!(format!("{endpoint}/")), 401),
        (json!([endpoint]), 401),
        (json!(format!("{ISSUER}/oauth")), 401),
    ] {
        let mut claims = claims(&client, &format!("for {aud}"));
        claims["aud"] = aud.clone();
        let answer = assert_with(&app, &signed(&pairs[0], None, &claims)).await;
        let (got, text) = (answer.status().as_u16(), answer.text().await.unwrap());
        assert_eq!(got, status, "{aud}: {text}");
        let names_both = text.contains(&format!("{ISSUER},")) && text.contains(&endpoint);
        assert!(status == 200 || names_both, "{text}");
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
            self.with("aud", json!(format!("{ISSUER}/oauth/token/"))),
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
async fn the_id_of_one_that_is_over_may_be_used_again_on_every_node() {
    let app = shop().await;
    let pair = eddsa("k");
    let client = client(&app, json!({ "jwks": { "keys": [pair.jwk] } })).await;
    let mut claims = claims(&client, "again");
    let first = signed(&pair, None, &claims);
    assert_eq!(assert_with(&app, &first).await.status(), 200);
    app.clock.advance(600 * SECOND);
    let now = app.clock.now().0 / SECOND;
    (claims["iat"], claims["exp"]) = (json!(now), json!(now + 120));
    let second = signed(&pair, None, &claims);
    assert_eq!(assert_with(&app, &second).await.status(), 200);
    assert_eq!(refusal(assert_with(&app, &second).await).await, "invalid_client");
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
