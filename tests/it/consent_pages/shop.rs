//! A gateway whose partner asks customers, and the provider at which these log in.

use crate::support::provider::{CLIENT, FakeProvider, Key, query};
use crate::support::{NOON, TestApp};
use comptoir::access::service::{By, Walk};
use comptoir::authz::clients::service::{AccessDecision, AccessVerdict, decide};
use comptoir::consent::record::ConsentRecord;
use comptoir::consent::scope::OAuthScopes;
use comptoir::consent::store::{read, subjects};
use comptoir::kernel::clock::SECOND;
use serde_json::{Value, json};
use std::cell::Cell;
use url::{Url, form_urlencoded};

pub(super) const SUMMARY: &str = "customer.purchases.summary:read";
pub(super) const BASKET: &str = "customer.profile.basic:read";
pub(super) const LOYALTY: &str = "customer.loyalty.basic:read";
/// A scope that can reveal health or belief.
pub(super) const PREFERENCES: &str = "customer.preferences:read";
pub(super) const CALLBACK: &str = "https://coach.example/callback";
/// What the gateway calls itself: its cookies and its issuer follow from it.
pub(super) const ISSUER: &str = "http://127.0.0.1:8080";
/// A strong login.
pub(super) const STRONG: &str = "urn:shop:strong";

/// All of it.
pub(super) struct Shop {
    pub(super) app: TestApp,
    pub(super) provider: FakeProvider,
    pub(super) key: Key,
    pub(super) client: String,
    codes: Cell<u32>,
}

/// A customer's line.
fn customer(id: &str, name: &str, born: &str) -> Value {
    json!({
        "id": id, "given_name": name, "locale": "fr-FR", "birth_date": born,
        "preferences": { "diets": ["vegan"], "allergens": [] },
    })
}

/// Registers an app for customers' data, approves all of it, and makes a client of it; its id.
pub(super) async fn register(app: &TestApp, legal_name: &str) -> String {
    let key = app.key(json!({})).await;
    let scopes = [SUMMARY, BASKET, LOYALTY, PREFERENCES];
    let own = format!("/admin/v1/apps/{}/customer-access", key.app_id);
    let registration = json!({
        "client_auth": "private_key_jwt", "profile": "baseline", "legal_name": legal_name,
        "contact": "privacy@coach.example", "privacy_url": "https://coach.example/privacy",
        "redirect_uris": [CALLBACK],
        "scopes": scopes,
    });
    app.admin_ok("PUT", &own, Some(registration)).await;
    // As two people do, whom it takes for what can reveal health or belief.
    let all = AccessDecision {
        scopes: OAuthScopes::parse(&scopes.join(" ")).unwrap(),
        redirect_uris: vec![CALLBACK.to_owned()],
    };
    let (by, why) = (By::new("two people", app.clock.now()), "as agreed".parse().unwrap());
    let verdict = (AccessVerdict::Approve, &all);
    decide(&app.db, &by, key.app_id.parse().unwrap(), verdict, &why).await.unwrap();
    let x = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo";
    let client = json!({
        "app_id": key.app_id, "name": "front", "environment": "live",
        "jwks": { "keys": [{ "kty": "OKP", "crv": "Ed25519", "x": x }] },
    });
    let made = app.admin_ok("POST", "/admin/v1/clients", Some(client)).await;
    let purpose = json!({
        "purpose_id": "budget-coach", "code": "https://w3id.org/dpv#ServicePersonalisation",
        "text": { "fr": "Suivre vos dépenses", "en": "Follow what you spend" },
        "legal_basis": "gdpr-9-2-a", "scopes": scopes, "required": [SUMMARY],
        "max_history_months": 12, "retention_days": 30, "max_duration_days": 180,
    });
    let purposes = format!("/admin/v1/apps/{}/purposes", key.app_id);
    app.admin_ok("POST", &purposes, Some(purpose)).await;
    made["client"]["id"].as_str().unwrap().to_owned()
}

impl Shop {
    pub(super) async fn open() -> Self {
        Self::open_as("Budget Coach SAS").await
    }

    /// With a partner of this name.
    pub(super) async fn open_as(legal_name: &str) -> Self {
        Self::open_with(legal_name, &[]).await
    }

    /// With further settings.
    pub(super) async fn open_with(legal_name: &str, further: &[(&str, &str)]) -> Self {
        let provider = FakeProvider::start();
        let key = Key::ec("k1");
        provider.show(&[key.jwk()]);
        let mut builder = TestApp::builder()
            .fixed_clock(NOON)
            .set("SERVER__PUBLIC_URL", ISSUER)
            .set("AUTHZ__CUSTOMERS", "sandbox")
            .set("CONSENT__CONTROLLER_NAME", "Maison Aubier")
            .set("CONSENT__CONTROLLER_ADDRESS", "1 rue des Halles, Toulouse")
            .set("CONSENT__CONTROLLER_CONTACT", "dpo@aubier.example")
            .set("CONSENT__JURISDICTION", "FR")
            .set("CONSENT__RIGHTS_URL", "https://aubier.example/rights")
            .set("LOGIN__IDP__SHOP__ISSUER", &provider.issuer)
            .set("LOGIN__IDP__SHOP__CLIENT_ID", CLIENT.0)
            .set("LOGIN__IDP__SHOP__CLIENT_SECRET", CLIENT.1)
            .set("LOGIN__IDP__SHOP__STEP_UP_ACR", STRONG);
        for (name, value) in further {
            builder = builder.set(name, value);
        }
        let app = builder.start().await;
        let client = register(&app, legal_name).await;
        let notice = json!({
            "notice_id": "sharing", "version": 1,
            "title": { "fr": "Partage", "en": "Sharing" },
            "text": { "fr": "Ce qui est partagé", "en": "What is shared" },
        });
        app.admin_ok("POST", "/admin/v1/notices", Some(notice)).await;
        let shop = Self { app, provider, key, client, codes: Cell::new(0) };
        let lines = [
            customer("C1", "Camille", "1990-04-01"),
            customer("C2", "Inès", "1985-05-02"),
            customer("C3", "Zoé", "2014-06-03"),
        ];
        shop.import(&lines).await;
        shop
    }

    async fn import(&self, lines: &[Value]) {
        let body: String = lines.iter().map(|line| format!("{line}\n")).collect();
        let request = self.app.http.post(self.app.admin_url("/admin/v1/customers/customers"));
        let request = request.bearer_auth(&self.app.admin_token);
        let request = request.header("content-type", "application/octet-stream").body(body);
        assert_eq!(request.send().await.unwrap().status(), 200);
    }

    /// A request of the partner in the address, with some parameters changed; those that are empty are left out.
    pub(super) fn request(&self, changes: &[(&str, &str)]) -> String {
        let scope = format!("{SUMMARY} {BASKET} {LOYALTY} {PREFERENCES} openid offline_access");
        let usual = [
            ("client_id", self.client.as_str()),
            ("response_type", "code"),
            ("redirect_uri", CALLBACK),
            ("scope", scope.as_str()),
            ("purpose_id", "budget-coach"),
            ("state", "s1"),
            ("code_challenge", "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"),
            ("code_challenge_method", "S256"),
        ];
        let mut form = form_urlencoded::Serializer::new(String::new());
        for (name, value) in usual {
            let changed = changes.iter().find(|(changed, _)| *changed == name);
            let value = changed.map_or(value, |(_, value)| *value);
            if !value.is_empty() {
                form.append_pair(name, value);
            }
        }
        let further = |it: &&(&str, &str)| usual.iter().all(|(name, _)| name != &it.0);
        form.extend_pairs(changes.iter().filter(further));
        format!("/oauth/authorize?{}", form.finish())
    }

    /// What the provider says of Camille in answer to a login.
    pub(super) fn claims(&self, place: &Url, further: &[(&str, Value)]) -> Value {
        let now = self.app.clock.now().0 / SECOND;
        let mut claims = json!({
            "iss": self.provider.issuer, "aud": CLIENT.0, "sub": "C1", "sid": "sid-1",
            "iat": now - 5, "exp": now + 300, "auth_time": now - 5, "nonce": query(place, "nonce"),
        });
        for (name, value) in further {
            claims[*name] = value.clone();
        }
        claims
    }

    /// Lets a customer in who was led to a place; the path by which they come back.
    pub(super) fn let_in(&self, place: &Url, further: &[(&str, Value)]) -> String {
        let token = self.key.token(&self.claims(place, further));
        self.codes.set(self.codes.get() + 1);
        let code = format!("c0de-{}", self.codes.get());
        self.provider.give(place, &code, token);
        self.back(place, &code)
    }

    /// The path by which somebody comes back with a code.
    pub(super) fn back(&self, place: &Url, code: &str) -> String {
        let redirect: Url = query(place, "redirect_uri").parse().unwrap();
        format!("{}?code={code}&state={}", redirect.path(), query(place, "state"))
    }

    /// The consents of a customer.
    pub(super) async fn consents(&self, customer: &str) -> Vec<ConsentRecord> {
        let db = &self.app.db;
        let Some(subject) = subjects::reference_of(db, customer).await.unwrap() else {
            return Vec::new();
        };
        let walk = Walk { after: String::new(), limit: 50 };
        read::of_subject(db, subject, &walk).await.unwrap()
    }

    /// How many entries the ledger has.
    pub(super) async fn entries(&self) -> i64 {
        use comptoir::storage::{Log, log};
        log::head(&self.app.db, Log::Consent).await.unwrap()
    }
}
