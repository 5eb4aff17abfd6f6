//! What partners' apps may ask customers for: the settings, the registration, its approval, and the words.

mod access;
mod found;
mod settings;
mod shell;
mod two;
mod words;

use crate::support::{TestApp, TestKey};
use serde_json::{Value, json};

const SUMMARY: &str = "customer.purchases.summary:read";
const LOYALTY: &str = "customer.loyalty.basic:read";
/// A scope that can reveal health or belief.
const SPECIAL: &str = "customer.preferences:read";
const CALLBACK: &str = "https://coach.example/callback";

fn place(key: &TestKey, behind: &str) -> String {
    format!("/admin/v1/apps/{}/customer-access{behind}", key.app_id)
}

/// A registration that asks for these scopes.
fn registration(scopes: &[&str]) -> Value {
    json!({
        "client_auth": "private_key_jwt", "profile": "fapi2", "legal_name": "Budget Coach SAS",
        "contact": "privacy@coach.example", "privacy_url": "https://coach.example/privacy",
        "redirect_uris": [CALLBACK],
        "scopes": scopes,
    })
}

/// An app that asks for these scopes.
async fn asking(app: &TestApp, scopes: &[&str]) -> TestKey {
    let key = app.key(json!({ "scopes": ["catalog:read"] })).await;
    app.admin_ok("PUT", &place(&key, ""), Some(registration(scopes))).await;
    key
}

/// How it stands with something that an app asks for.
fn state_of<'a>(access: &'a Value, value: &str) -> &'a str {
    let all = ["scopes", "redirect_uris"].map(|list| access[list].as_array().unwrap());
    let found = all.into_iter().flatten().find(|ask| ask["value"] == value);
    found.map_or("none", |ask| ask["state"].as_str().unwrap())
}

/// A token of the admin API with a role.
async fn token(app: &TestApp, role: &str) -> String {
    let body = json!({ "name": role, "roles": [role] });
    let issued = app.admin_ok("POST", "/admin/v1/tokens", Some(body)).await;
    issued["text"].as_str().unwrap().to_owned()
}

/// A call with another token than the owner's.
async fn call(
    app: &TestApp,
    token: &str,
    (method, path): (&str, &str),
    body: Value,
) -> reqwest::Response {
    let method: reqwest::Method = method.parse().unwrap();
    let request = app.http.request(method, app.admin_url(path)).bearer_auth(token);
    request.json(&body).send().await.unwrap()
}
