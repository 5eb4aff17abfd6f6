//! A node with one connection to its database: what asks for a second one within a transaction stands still, and
//! would with any number of connections when as many do it at once.

use crate::four_eyes::{self, claimed, path};
use crate::support::TestApp;
use crate::support::people::Browser;
use serde_json::{Value, json};

const JWKS: [&str; 2] =
    ["11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo", "PUAXw-hDiVqStwqnTRt-vJyYLM8uxJaMwM1V8Sr0Zgw"];

pub(crate) fn jwks(which: &[usize]) -> Value {
    let key = |at: &usize| json!({ "kty": "OKP", "crv": "Ed25519", "kid": at.to_string(), "x": JWKS[*at] });
    json!({ "keys": which.iter().map(key).collect::<Vec<_>>() })
}

async fn desk(four_eyes: &str) -> (TestApp, Browser, Browser) {
    four_eyes::desk(TestApp::builder().set("DATABASE__MAX_CONNECTIONS", "1"), four_eyes).await
}

/// An app with nothing in it.
async fn empty_app(app: &TestApp) -> String {
    let partner = app.admin_ok("POST", "/admin/v1/partners", Some(json!({ "name": "P" }))).await;
    let plan = app.plan(json!([{ "name": "day", "quota": 5, "window_s": 60 }])).await;
    let body = json!({ "partner_id": partner["id"], "plan_id": plan, "name": "A" });
    let made = app.admin_ok("POST", "/admin/v1/apps", Some(body)).await;
    made["id"].as_str().unwrap().to_owned()
}

/// What a person does, at once or when another has agreed.
struct Does<'a> {
    one: &'a Browser,
    other: &'a Browser,
    waits: bool,
}

impl Does<'_> {
    /// Something that makes a secret; what the operation answers.
    async fn secret(&self, method: &str, place: &str, body: Value) -> Value {
        let answer = self.one.ok(method, place, Some(body)).await;
        match self.waits {
            true => claimed(&answer, self.one, self.other).await["result"].clone(),
            false => answer,
        }
    }

    /// Something that makes none.
    async fn plain(&self, method: &str, place: &str, body: Option<Value>) -> Value {
        let answer = self.one.ok(method, place, body).await;
        match self.waits {
            true => self.other.ok("POST", &path(&answer, "approve"), None).await["result"].clone(),
            false => answer,
        }
    }
}

/// Does each action that can wait for a second person.
async fn each_action(app: &TestApp, does: &Does<'_>) {
    let app_id = empty_app(app).await;
    let new = |name: &str, more: Value| {
        let mut body = json!({ "app_id": app_id, "name": name, "environment": "live" });
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        body
    };
    let made = does.secret("POST", "/admin/v1/keys", new("k", json!({}))).await;
    let key = format!("/admin/v1/keys/{}", made["key"]["id"].as_str().unwrap());
    does.one.ok("PATCH", &key, Some(json!({ "scopes": ["catalog:read"] }))).await;
    let more = json!({ "scopes": ["catalog:read", "stock:quantity"] });
    does.plain("PATCH", &key, Some(more)).await;
    does.secret("POST", &format!("{key}/rotate"), json!({ "overlap_s": 0 })).await;
    let signs = new("signs", json!({ "jwks": jwks(&[0]) }));
    let made = does.secret("POST", "/admin/v1/clients", signs).await;
    let client = format!("/admin/v1/clients/{}", made["client"]["id"].as_str().unwrap());
    let both = json!({ "jwks": jwks(&[0, 1]) });
    does.plain("PUT", &format!("{client}/jwks"), Some(both)).await;
    let to = app.admin_ok("POST", "/admin/v1/partners", Some(json!({ "name": "Q" }))).await;
    let move_to = json!({ "partner_id": to["id"] });
    does.plain("POST", &format!("/admin/v1/apps/{app_id}/transfer"), Some(move_to)).await;
    let request = json!({ "action": "revoke", "filter": { "app_id": app_id } });
    let seen = does.one.ok("POST", "/admin/v1/keys/bulk/preview", Some(request.clone())).await;
    let run = json!({ "request": request, "token": seen["token"] });
    does.plain("POST", "/admin/v1/keys/bulk", Some(run)).await;

    let body = json!({ "name": "t", "roles": ["owner"] });
    let made = does.secret("POST", "/admin/v1/tokens", body).await;
    let token = format!("/admin/v1/tokens/{}", made["token"]["id"].as_str().unwrap());
    for verb in ["suspend", "resume", "revoke"] {
        does.plain("POST", &format!("{token}/{verb}"), None).await;
    }
    let body = json!({ "login": "third", "name": "Third", "roles": ["owner"] });
    let made = does.secret("POST", "/admin/v1/accounts", body).await;
    let account = format!("/admin/v1/accounts/{}", made["account"]["id"].as_str().unwrap());
    does.secret("POST", &format!("{account}/reset"), Value::Null).await;
    for verb in ["suspend", "resume"] {
        does.plain("POST", &format!("{account}/{verb}"), None).await;
    }
    does.plain("PATCH", &account, Some(json!({ "roles": ["auditor"] }))).await;
}

#[tokio::test]
async fn each_action_is_done_with_one_connection() {
    let (app, one, other) = desk("").await;
    each_action(&app, &Does { one: &one, other: &other, waits: false }).await;
}

#[tokio::test]
async fn each_action_that_waits_is_done_with_one_connection() {
    let (app, one, other) = desk("owners, bulk, customer_scopes").await;
    each_action(&app, &Does { one: &one, other: &other, waits: true }).await;
}
