//! An OpenID provider that tests may have say what they like. It signs with keys of its own, by another
//! library's means than those that check.

use actix_web::dev::ServerHandle;
use actix_web::{App, HttpRequest, HttpResponse, HttpServer, web};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _, RSA_PKCS1_SHA256, RsaKeyPair,
};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use hmac::{Hmac, KeyInit as _, Mac as _};
use parking_lot::Mutex;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use std::collections::HashMap;
use std::sync::Arc;
use url::{Url, form_urlencoded};

/// A key pair.
enum Pair {
    Rsa(RsaKeyPair),
    Ec(EcdsaKeyPair),
}

/// A key with its name.
pub(crate) struct Key {
    name: String,
    pair: Pair,
}

fn b64(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

impl Key {
    pub(crate) fn rsa(name: &str) -> Self {
        Self { name: name.into(), pair: Pair::Rsa(RsaKeyPair::generate(KeySize::Rsa2048).unwrap()) }
    }

    pub(crate) fn ec(name: &str) -> Self {
        let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
        Self { name: name.into(), pair: Pair::Ec(pair) }
    }

    fn algorithm(&self) -> &'static str {
        match &self.pair {
            Pair::Rsa(_) => "RS256",
            Pair::Ec(_) => "ES256",
        }
    }

    /// The public half.
    pub(crate) fn jwk(&self) -> Value {
        let mut jwk = match &self.pair {
            Pair::Rsa(pair) => {
                let public = pair.public_key();
                let n = b64(public.modulus().big_endian_without_leading_zero());
                let e = b64(public.exponent().big_endian_without_leading_zero());
                json!({ "kty": "RSA", "n": n, "e": e })
            }
            Pair::Ec(pair) => {
                let point = pair.public_key().as_ref();
                json!({ "kty": "EC", "crv": "P-256", "x": b64(&point[1..33]), "y": b64(&point[33..]) })
            }
        };
        jwk["kid"] = json!(self.name);
        jwk["use"] = json!("sig");
        jwk
    }

    fn sign(&self, text: &str) -> String {
        let random = SystemRandom::new();
        match &self.pair {
            Pair::Rsa(pair) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(&RSA_PKCS1_SHA256, &random, text.as_bytes(), &mut signature).unwrap();
                b64(signature)
            }
            Pair::Ec(pair) => b64(pair.sign(&random, text.as_bytes()).unwrap()),
        }
    }

    /// A token with these claims.
    pub(crate) fn token(&self, claims: &Value) -> String {
        self.token_named(&json!({ "alg": self.algorithm(), "kid": self.name }), claims)
    }

    /// The same with a header of its own.
    pub(crate) fn token_named(&self, header: &Value, claims: &Value) -> String {
        let text = format!("{}.{}", b64(header.to_string()), b64(claims.to_string()));
        format!("{text}.{}", self.sign(&text))
    }
}

/// A token that is signed by nobody.
pub(crate) fn unsigned(claims: &Value) -> String {
    format!("{}.{}.", b64(r#"{"alg":"none"}"#), b64(claims.to_string()))
}

/// A token that is signed with a secret that everybody has: the public key.
pub(crate) fn by_public_key(key: &Key, claims: &Value) -> String {
    let header = json!({ "alg": "HS256", "kid": key.name }).to_string();
    let text = format!("{}.{}", b64(header), b64(claims.to_string()));
    let secret = URL_SAFE_NO_PAD.decode(key.jwk()["n"].as_str().unwrap()).unwrap();
    let mut mac = Hmac::<Sha256>::new_from_slice(&secret).unwrap();
    mac.update(text.as_bytes());
    format!("{text}.{}", b64(mac.finalize().into_bytes()))
}

/// What the provider says.
#[derive(Default)]
struct Says {
    metadata: Value,
    keys: Vec<Value>,
    /// The token and the challenge of each code that was given out.
    codes: HashMap<String, (String, String)>,
    looks_at_keys: u32,
}

/// A running provider.
pub(crate) struct FakeProvider {
    pub(crate) issuer: String,
    says: Arc<Mutex<Says>>,
    handle: ServerHandle,
}

/// Name and secret of the client, with what a form must encode.
pub(crate) const CLIENT: (&str, &str) = ("comptoir", "s3cret:/+ %");

async fn token(
    request: HttpRequest,
    body: web::Bytes,
    says: web::Data<Mutex<Says>>,
) -> HttpResponse {
    let form: HashMap<String, String> = form_urlencoded::parse(&body).into_owned().collect();
    let encode = |text: &str| form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
    let client = STANDARD.encode(format!("{}:{}", encode(CLIENT.0), encode(CLIENT.1)));
    let shown = request.headers().get("authorization").map(|v| v.to_str().unwrap().to_owned());
    if shown != Some(format!("Basic {client}")) || form["grant_type"] != "authorization_code" {
        return HttpResponse::Unauthorized().json(json!({ "error": "invalid_client" }));
    }
    // A code works once, and only with its verifier.
    let given = says.lock().codes.remove(&form["code"]);
    let challenge = b64(Sha256::digest(&form["code_verifier"]));
    match given.filter(|(_, expected)| *expected == challenge) {
        Some((token, _)) => {
            HttpResponse::Ok().json(json!({ "id_token": token, "token_type": "Bearer" }))
        }
        None => HttpResponse::BadRequest().json(json!({ "error": "invalid_grant" })),
    }
}

impl FakeProvider {
    pub(crate) fn start() -> Self {
        let says = web::Data::new(Mutex::new(Says::default()));
        let held = Arc::clone(&says);
        let server = HttpServer::new(move || {
            let metadata = |says: web::Data<Mutex<Says>>| async move {
                HttpResponse::Ok().json(says.lock().metadata.clone())
            };
            let keys = |says: web::Data<Mutex<Says>>| async move {
                let mut says = says.lock();
                says.looks_at_keys += 1;
                HttpResponse::Ok().json(json!({ "keys": says.keys }))
            };
            App::new()
                .app_data(says.clone())
                .route("/.well-known/openid-configuration", web::get().to(metadata))
                .route("/keys", web::get().to(keys))
                .route("/token", web::post().to(token))
        });
        let server = server.workers(1).disable_signals().bind("127.0.0.1:0").unwrap();
        let issuer = format!("http://{}", server.addrs()[0]);
        let server = server.run();
        let provider = Self { issuer: issuer.clone(), says: held, handle: server.handle() };
        tokio::spawn(server);
        provider.says.lock().metadata = json!({
            "issuer": issuer,
            "authorization_endpoint": format!("{issuer}/authorize?tenant=1"),
            "token_endpoint": format!("{issuer}/token"),
            "jwks_uri": format!("{issuer}/keys"),
        });
        provider
    }

    /// Changes what it says of itself.
    pub(crate) fn say(&self, member: &str, value: Value) {
        self.says.lock().metadata[member] = value;
    }

    /// Shows these keys.
    pub(crate) fn show(&self, keys: &[Value]) {
        self.says.lock().keys = keys.to_vec();
    }

    /// How often its keys were asked for.
    pub(crate) fn looks_at_keys(&self) -> u32 {
        self.says.lock().looks_at_keys
    }

    /// Gives a code for a token to whoever was led to a place.
    pub(crate) fn give(&self, place: &Url, code: &str, token: String) {
        let challenge = query(place, "code_challenge");
        self.says.lock().codes.insert(code.to_owned(), (token, challenge));
    }
}

impl Drop for FakeProvider {
    fn drop(&mut self) {
        drop(self.handle.stop(false));
    }
}

/// A parameter of a place.
pub(crate) fn query(place: &Url, name: &str) -> String {
    let found = place.query_pairs().find(|(found, _)| found == name);
    found.unwrap_or_else(|| panic!("{place} has no {name}")).1.into_owned()
}
