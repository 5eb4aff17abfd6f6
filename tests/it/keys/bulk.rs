//! One change to many keys.

use super::{place, shop, status};
use crate::support::{TestApp, TestKey, problem};
use serde_json::{Value, json};

async fn preview(app: &TestApp, request: &Value) -> Value {
    app.admin_ok("POST", "/admin/v1/keys/bulk/preview", Some(request.clone())).await
}

async fn apply(app: &TestApp, request: &Value, token: &Value) -> reqwest::Response {
    let run = json!({ "request": request, "token": token });
    app.admin("POST", "/admin/v1/keys/bulk", Some(run)).await
}

/// The lines of an answer.
async fn lines(answer: reqwest::Response) -> Vec<Value> {
    assert_eq!(answer.status(), 200);
    assert_eq!(answer.headers()["content-type"], "application/x-ndjson");
    let text = answer.text().await.unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// Three keys of one app, and one of another.
async fn keys(app: &TestApp) -> (Vec<TestKey>, TestKey) {
    let first = app.key(json!({})).await;
    let mut keys = Vec::new();
    for name in ["second", "third"] {
        let body = json!({ "app_id": first.app_id, "name": name, "environment": "live" });
        let made = app.admin_ok("POST", "/admin/v1/keys", Some(body)).await;
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        keys.push(TestKey {
            id: text(&made["key"]["id"]),
            text: text(&made["text"]),
            app_id: first.app_id.clone(),
            partner_id: first.partner_id.clone(),
        });
    }
    keys.push(first);
    keys.sort_by(|a, b| a.id.cmp(&b.id));
    (keys, app.key(json!({})).await)
}

#[tokio::test]
async fn many_keys_are_rotated_and_their_texts_told_once() {
    let app = shop().await;
    let (keys, other) = keys(&app).await;
    app.admin_ok("POST", &format!("{}/revoke", place(&keys[0])), None).await;
    let filter = json!({ "app_id": keys[0].app_id });
    let request = json!({ "action": "rotate", "filter": filter, "overlap_s": 60 });
    let seen = preview(&app, &request).await;
    assert_eq!(seen["count"], 2);
    assert_eq!(seen["skipped"], json!([{ "id": keys[0].id, "reason": "revoked" }]));
    let changed = lines(apply(&app, &request, &seen["token"]).await).await;
    assert_eq!(changed.len(), 2);
    for (line, key) in changed.iter().zip(&keys[1..]) {
        assert_eq!(line["id"], key.id.as_str());
        assert_eq!(status(&app, line["text"].as_str().unwrap()).await, 200);
        assert_eq!(status(&app, &key.text).await, 200, "it overlaps");
    }
    assert_eq!(status(&app, &other.text).await, 200);
    // The same token does it no second time: the keys are other ones now.
    problem(apply(&app, &request, &seen["token"]).await, 409, "conflict").await;
    let again = preview(&app, &request).await;
    assert_eq!((&again["count"], &again["skipped"][1]["reason"]), (&json!(0), &json!("rotating")));
}

#[tokio::test]
async fn what_was_not_seen_is_not_changed() {
    let app = shop().await;
    let (keys, other) = keys(&app).await;
    let request =
        |action: &str| json!({ "action": action, "filter": { "partner_id": keys[0].partner_id } });
    let seen = preview(&app, &request("suspend")).await;
    // Another request, another key that fits, another state of one of them.
    problem(apply(&app, &request("revoke"), &seen["token"]).await, 409, "conflict").await;
    for wrong in ["", "x", "ffffffffffffffff.00", "-1.00"] {
        problem(apply(&app, &request("suspend"), &json!(wrong)).await, 409, "conflict").await;
    }
    let body = json!({ "app_id": keys[0].app_id, "name": "new", "environment": "live" });
    let new = app.admin_ok("POST", "/admin/v1/keys", Some(body)).await;
    problem(apply(&app, &request("suspend"), &seen["token"]).await, 409, "conflict").await;
    let seen = preview(&app, &request("suspend")).await;
    assert_eq!(seen["count"], 4);
    app.admin_ok("PATCH", &place(&keys[0]), Some(json!({ "name": "renamed" }))).await;
    problem(apply(&app, &request("suspend"), &seen["token"]).await, 409, "conflict").await;
    for key in &keys {
        assert_eq!(status(&app, &key.text).await, 200);
    }
    // Too late, too.
    let seen = preview(&app, &request("suspend")).await;
    app.clock.advance(86_401_000_000);
    problem(apply(&app, &request("suspend"), &seen["token"]).await, 409, "conflict").await;

    let seen = preview(&app, &request("suspend")).await;
    assert_eq!(lines(apply(&app, &request("suspend"), &seen["token"]).await).await.len(), 4);
    for key in &keys {
        problem(app.get(&key.text, &super::path()).await, 403, "suspended").await;
    }
    problem(app.get(new["text"].as_str().unwrap(), &super::path()).await, 403, "suspended").await;
    assert_eq!(status(&app, &other.text).await, 200);
    let quarantine = preview(&app, &request("quarantine")).await;
    assert_eq!(quarantine["count"], 0, "what is suspended is not let loose");
    let resume = preview(&app, &request("resume")).await;
    lines(apply(&app, &request("resume"), &resume["token"]).await).await;
    assert_eq!(status(&app, &keys[0].text).await, 200);
    let audit = app.admin_ok("GET", "/admin/v1/audit?limit=200", None).await.to_string();
    assert_eq!(audit.matches("key.suspend").count(), 4);
}

#[tokio::test]
async fn filters_name_exactly_what_they_say() {
    let app = shop().await;
    let (keys, other) = keys(&app).await;
    let count = async |filter: Value| {
        preview(&app, &json!({ "action": "revoke", "filter": filter })).await["count"].clone()
    };
    assert_eq!(count(json!({ "ids": [keys[0].id, other.id] })).await, 2);
    assert_eq!(count(json!({ "ids": [keys[0].id, other.id], "app_id": other.app_id })).await, 1);
    assert_eq!(count(json!({ "environment": "live" })).await, 4);
    assert_eq!(count(json!({ "environment": "test" })).await, 0);
    let hint = &keys[1].text[keys[1].text.len() - 4..];
    assert_eq!(count(json!({ "hint": hint, "ids": [keys[1].id] })).await, 1);
    assert_eq!(count(json!({ "hint": "none" })).await, 0);
    assert_eq!(count(json!({ "scope": "stock:read" })).await, 4);
    app.admin_ok("PATCH", &place(&other), Some(json!({ "scopes": ["catalog:read"] }))).await;
    assert_eq!(count(json!({ "scope": "stock:read" })).await, 3);
    assert_eq!(count(json!({ "created_before": crate::support::NOON })).await, 0);
    assert_eq!(count(json!({ "created_before": "2026-11-22T12:00:01Z" })).await, 4);
    assert_eq!(count(json!({ "used_before": "2026-11-22T12:00:01Z" })).await, 4);
    // Nobody has used any, and they are not old.
    assert_eq!(count(json!({ "attention": "unused", "within_days": 1 })).await, 0);
    assert_eq!(count(json!({ "attention": "expiring" })).await, 0);
    let soon = json!({ "expires_at": "2026-11-25T12:00:00Z" });
    app.admin_ok("PATCH", &place(&keys[1]), Some(soon)).await;
    assert_eq!(count(json!({ "attention": "expiring" })).await, 1);
    assert_eq!(count(json!({ "attention": "expiring", "within_days": 2 })).await, 0);
    assert_eq!(count(json!({ "attention": "expiring", "app_id": other.app_id })).await, 0);
    for odd in [
        json!({ "within_days": 2 }),
        json!({ "attention": "expiring", "within_days": 0 }),
        json!({ "attention": "soon" }),
    ] {
        let odd = json!({ "action": "revoke", "filter": odd });
        let odd = app.admin("POST", "/admin/v1/keys/bulk/preview", Some(odd)).await;
        problem(odd, 400, "invalid_body").await;
    }
    let bare = json!({ "action": "revoke", "filter": {} });
    let bare = app.admin("POST", "/admin/v1/keys/bulk/preview", Some(bare)).await;
    problem(bare, 400, "invalid_body").await;
    for hint in ["", "x\0y", "thirteen_long"] {
        let odd = json!({ "action": "revoke", "filter": { "hint": hint } });
        let odd = app.admin("POST", "/admin/v1/keys/bulk/preview", Some(odd)).await;
        problem(odd, 400, "invalid_body").await;
    }
}

#[tokio::test]
async fn ids_that_fit_no_key_are_named_and_nothing_is_no_change() {
    let app = shop().await;
    let (keys, other) = keys(&app).await;
    let filter = json!({ "ids": ["key_00000000000", keys[0].id], "app_id": keys[0].app_id });
    let request = json!({ "action": "suspend", "filter": filter });
    let seen = preview(&app, &request).await;
    assert_eq!((&seen["count"], seen["token"].is_string()), (&json!(1), true));
    assert_eq!(seen["skipped"], json!([{ "id": "key_00000000000", "reason": "unknown" }]));

    let filter = json!({ "ids": ["key_00000000000", other.id], "app_id": keys[0].app_id });
    let request = json!({ "action": "suspend", "filter": filter });
    let seen = preview(&app, &request).await;
    assert_eq!(
        (&seen["count"], &seen["token"], &seen["expires_at"]),
        (&json!(0), &Value::Null, &Value::Null)
    );
    let mut skipped = [("key_00000000000", "unknown"), (&*other.id, "not_in_filter")];
    skipped.sort_unstable();
    let skipped: Vec<Value> =
        skipped.iter().map(|(id, reason)| json!({ "id": id, "reason": reason })).collect();
    assert_eq!(seen["skipped"], json!(skipped));
    let token = json!("7fffffff.0000000000000000000000000000000000000000000000000000000000000000");
    problem(apply(&app, &request, &token).await, 409, "conflict").await;
}
