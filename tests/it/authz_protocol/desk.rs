//! A gateway with customers' data on, and partners that call it as they should, but for what a test changes.

use crate::support::{NOON, TestApp};
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use comptoir::access::Pepper;
use comptoir::authz::jwk::EcJwk;
use jsonwebtoken::crypto::sign;
use jsonwebtoken::{Algorithm, EncodingKey};
use reqwest::header::HeaderMap;
use serde_json::{Value, json};
use std::sync::atomic::{AtomicU64, Ordering};

pub(super) const ISSUER: &str = "https://api.example.test";
pub(super) const CALLBACK: &str = "https://app.example.test/cb";
pub(super) const SUMMARY: &str = "customer.purchases.summary:read";
pub(super) const LOYALTY: &str = "customer.loyalty.basic:read";
/// RFC 7636 appendix B.
pub(super) const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
pub(super) const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
const ASSERTION: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
const FORM: &str = "application/x-www-form-urlencoded";

/// A gateway.
pub(super) struct Desk {
    pub(super) app: TestApp,
    drawn: AtomicU64,
}

/// A pair of keys of P-256.
pub(super) struct Signer {
    pub(super) key: EncodingKey,
    pub(super) jwk: Value,
}

/// A partner's client, with the key that it proves itself with and the one that its tokens are bound to.
pub(super) struct Partner {
    pub(super) id: String,
    /// Whether it proves itself by nothing but its key.
    pub(super) is_public: bool,
    pub(super) secret: String,
    pub(super) app_id: String,
    pub(super) partner_id: String,
    pub(super) signs: Signer,
    pub(super) dpop: Signer,
}

/// An answer.
#[derive(Debug)]
pub(super) struct Reply {
    pub(super) status: u16,
    pub(super) headers: HeaderMap,
    pub(super) body: Value,
}

pub(super) fn b64(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// `object` with the members of `changes`; those that are null there are taken out.
pub(super) fn with(mut object: Value, changes: Value) -> Value {
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

impl Signer {
    pub(super) fn new() -> Self {
        Self::of(&EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap())
    }

    pub(super) fn of(pair: &EcdsaKeyPair) -> Self {
        let point = pair.public_key().as_ref();
        let jwk =
            json!({ "kty": "EC", "crv": "P-256", "x": b64(&point[1..33]), "y": b64(&point[33..]) });
        let der = pair.to_pkcs8v1().unwrap();
        Self { key: EncodingKey::from_ec_der(der.as_ref()), jwk }
    }

    /// A text of this header and these claims that the key has signed.
    pub(super) fn jws(&self, header: &Value, claims: &Value) -> String {
        let signed = format!("{}.{}", b64(header.to_string()), b64(claims.to_string()));
        let signature = sign(signed.as_bytes(), &self.key, Algorithm::ES256).unwrap();
        format!("{signed}.{signature}")
    }

    pub(super) fn thumbprint(&self) -> String {
        EcJwk::read(&self.jwk).unwrap().thumbprint().to_string()
    }
}

impl Reply {
    pub(super) fn text(&self, name: &str) -> &str {
        self.body[name].as_str().unwrap_or_else(|| panic!("no {name}: {self:?}"))
    }

    /// The status and the code of a refusal, which nobody keeps.
    pub(super) fn refusal(&self) -> (u16, &str) {
        assert_eq!(self.headers["cache-control"], "no-store", "{self:?}");
        assert!(!self.headers.contains_key("location"), "{self:?}");
        assert!(!self.text("error_description").is_empty());
        (self.status, self.text("error"))
    }

    pub(super) fn ok(self) -> Self {
        assert_eq!(self.status, 200, "{self:?}");
        assert_eq!(self.headers["cache-control"], "no-store", "{self:?}");
        self
    }
}

impl Desk {
    /// One where requests about customers keep to FAPI 2.0.
    pub(super) async fn open() -> Self {
        Self::open_with("fapi2").await
    }

    /// One where they keep to a profile.
    pub(super) async fn open_with(profile: &str) -> Self {
        Self::open_as(profile, &[]).await
    }

    /// The same with further settings.
    pub(super) async fn open_as(profile: &str, further: &[(&str, &str)]) -> Self {
        let settings = [
            ("SERVER__PUBLIC_URL", ISSUER),
            ("OAUTH__PER_CLIENT_PER_MINUTE", "10000"),
            ("OAUTH__PER_ADDRESS_PER_MINUTE", "100000"),
            ("AUTHZ__CUSTOMERS", "sandbox"),
            ("AUTHZ__CUSTOMER_PROFILE", profile),
            ("CONSENT__CONTROLLER_NAME", "Maison Exemple"),
            ("CONSENT__CONTROLLER_ADDRESS", "1 rue du Marché, Lyon"),
            ("CONSENT__CONTROLLER_CONTACT", "dpo@maison.example"),
            ("CONSENT__JURISDICTION", "FR"),
            ("CONSENT__RIGHTS_URL", "https://maison.example/rights"),
            ("LOGIN__IDP__SHOP__ISSUER", "https://login.example.test"),
            ("LOGIN__IDP__SHOP__CLIENT_ID", "comptoir"),
        ];
        let builder = TestApp::builder().fixed_clock(NOON);
        let settings = settings.iter().chain(further);
        let builder = settings.fold(builder, |builder, (key, value)| builder.set(key, value));
        Self { app: builder.start().await, drawn: AtomicU64::new(0) }
    }

    /// A client that signs, of a new app of a new partner.
    pub(super) async fn partner(&self) -> Partner {
        self.partner_with("private_key_jwt", "fapi2").await
    }

    /// One that proves itself so and keeps to that profile.
    pub(super) async fn partner_with(&self, auth: &str, profile: &str) -> Partner {
        let (signs, dpop) = (Signer::new(), Signer::new());
        let key = self.app.key(json!({})).await;
        let mut body = json!({ "app_id": key.app_id, "name": "client", "environment": "live", "scopes": ["catalog:read"] });
        if auth == "private_key_jwt" {
            body["jwks"] = json!({ "keys": [signs.jwk] });
        }
        let made = self.app.admin_ok("POST", "/admin/v1/clients", Some(body)).await;
        let place = format!("/admin/v1/apps/{}/customer-access", key.app_id);
        let asked = json!({ "scopes": [SUMMARY, LOYALTY], "redirect_uris": [CALLBACK] });
        let spec = with(
            asked.clone(),
            json!({
                "client_auth": auth, "profile": profile, "legal_name": "Budget Coach SAS",
                "contact": "privacy@coach.example", "privacy_url": "https://coach.example/privacy",
            }),
        );
        self.app.admin_ok("PUT", &place, Some(spec)).await;
        let approved = with(asked, json!({ "reason": "The purpose needs it" }));
        self.app.admin_ok("POST", &format!("{place}/approve"), Some(approved)).await;
        Partner {
            id: made["client"]["id"].as_str().unwrap().to_owned(),
            is_public: auth == "none",
            secret: made["secret"].as_str().unwrap_or_default().to_owned(),
            app_id: key.app_id,
            partner_id: key.partner_id,
            signs,
            dpop,
        }
    }

    pub(super) fn pepper(&self) -> Pepper {
        Pepper::load_or_create(&self.app.config.server.data_dir.join("pepper")).unwrap()
    }

    pub(super) fn now_s(&self) -> i64 {
        self.app.clock.now().0 / 1_000_000
    }

    /// A text that was not there before.
    pub(super) fn draw(&self) -> String {
        format!("id-{}", self.drawn.fetch_add(1, Ordering::Relaxed))
    }

    /// An assertion of a client, but for changes in its claims.
    pub(super) fn assertion(&self, partner: &Partner, changes: Value) -> String {
        let now = self.now_s();
        let claims = json!({
            "iss": partner.id, "sub": partner.id, "aud": ISSUER, "jti": self.draw(), "iat": now, "exp": now + 60,
        });
        partner.signs.jws(&json!({ "alg": "ES256", "typ": "JWT" }), &with(claims, changes))
    }

    /// A proof for a request, but for changes in header and claims.
    pub(super) fn proof(
        &self,
        signer: &Signer,
        (method, path): (&str, &str),
        (header, claims): (Value, Value),
    ) -> String {
        let usual = json!({ "alg": "ES256", "typ": "dpop+jwt", "jwk": signer.jwk });
        let said = json!({
            "jti": self.draw(), "htm": method, "htu": format!("{ISSUER}{path}"), "iat": self.now_s(),
        });
        signer.jws(&with(usual, header), &with(said, claims))
    }

    /// A nonce of the gateway, as it gives it to who shows one that was made up.
    pub(super) async fn nonce(&self, partner: &Partner) -> String {
        let made_up = (json!({}), json!({ "nonce": "made-up" }));
        let proof = self.proof(&partner.dpop, ("POST", "/oauth/par"), made_up);
        let form = [("client_id", partner.id.as_str())];
        let reply = self.prove(partner, "/oauth/par", &form, Some(&proof)).await;
        assert_eq!(reply.refusal(), (400, "use_dpop_nonce"));
        reply.headers["dpop-nonce"].to_str().unwrap().to_owned()
    }

    /// Posts a form with the assertion of its client, or the secret of one that has one.
    pub(super) async fn prove(
        &self,
        partner: &Partner,
        path: &str,
        pairs: &[(&str, &str)],
        proof: Option<&str>,
    ) -> Reply {
        let assertion = self.assertion(partner, json!({}));
        let mut form = pairs.to_vec();
        let basic = format!(
            "Basic {}",
            base64::engine::general_purpose::STANDARD
                .encode(format!("{}:{}", partner.id, partner.secret))
        );
        let mut headers = Vec::new();
        if partner.is_public {
            form.retain(|(name, _)| *name != "client_id");
            form.push(("client_id", &partner.id));
        } else if partner.secret.is_empty() {
            form.extend([("client_assertion_type", ASSERTION), ("client_assertion", &assertion)]);
        } else {
            headers.push(("Authorization", basic.as_str()));
        }
        headers.extend(proof.map(|proof| ("DPoP", proof)));
        self.post(path, &form, &headers).await
    }

    /// The same with a proof of a key.
    pub(super) async fn call(
        &self,
        (partner, dpop): (&Partner, &Signer),
        path: &str,
        pairs: &[(&str, &str)],
    ) -> Reply {
        let nonce = self.nonce(partner).await;
        let proof = self.proof(dpop, ("POST", path), (json!({}), json!({ "nonce": nonce })));
        self.prove(partner, path, pairs, Some(&proof)).await
    }

    /// Posts a form as it is.
    pub(super) async fn post(
        &self,
        path: &str,
        pairs: &[(&str, &str)],
        headers: &[(&str, &str)],
    ) -> Reply {
        let form =
            url::form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish();
        self.post_bytes(path, form.into_bytes(), headers).await
    }

    /// Posts bytes as a form.
    pub(super) async fn post_bytes(
        &self,
        path: &str,
        body: Vec<u8>,
        headers: &[(&str, &str)],
    ) -> Reply {
        let request = self.app.http.post(self.app.public_url(path)).header("Content-Type", FORM);
        let request =
            headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
        reply(request.body(body)).await
    }

    /// Calls a grant with a token of a scheme and, where one is given, a proof for it.
    pub(super) async fn grant(
        &self,
        (method, id): (&str, &str),
        (scheme, token): (&str, &str),
        proof: Option<&str>,
    ) -> Reply {
        let url = self.app.public_url(&format!("/oauth/grants/{id}"));
        let request = self.app.http.request(method.parse().unwrap(), url);
        let request = request.header("Authorization", format!("{scheme} {token}"));
        reply(proof.into_iter().fold(request, |request, proof| request.header("DPoP", proof))).await
    }

    /// A token of the client itself, bound to its key.
    pub(super) async fn own_token(&self, partner: &Partner, scope: &str) -> String {
        let form = [("grant_type", "client_credentials"), ("scope", scope)];
        let reply = self.call((partner, &partner.dpop), "/oauth/token", &form).await.ok();
        assert_eq!(reply.body["token_type"], "DPoP");
        reply.text("access_token").to_owned()
    }

    /// A proof for a call of a grant with a token.
    pub(super) async fn token_proof(
        &self,
        partner: &Partner,
        (method, id): (&str, &str),
        (token, changes): (&str, Value),
    ) -> String {
        let ath = comptoir::authz::bits::encode(comptoir::authz::bits::sha256(token));
        let claims = json!({ "ath": ath, "nonce": self.nonce(partner).await });
        let path = format!("/oauth/grants/{id}");
        self.proof(&partner.dpop, (method, &path), (json!({}), with(claims, changes)))
    }
}

async fn reply(request: reqwest::RequestBuilder) -> Reply {
    let answer = request.send().await.unwrap();
    let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
    let text = answer.text().await.unwrap();
    let body = if text.is_empty() { Value::Null } else { serde_json::from_str(&text).unwrap() };
    Reply { status, headers, body }
}
