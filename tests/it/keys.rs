//! The life of a key: rotation as a workflow, quarantine, edits, and what wants to be looked at.

mod bulk;
mod elsewhere;
mod garbage;
mod import;
mod leaks;

use crate::support::{NOON, TestApp, TestKey, data, problem};
use serde_json::{Value, json};

async fn shop() -> TestApp {
    let app = TestApp::builder().fixed_clock(NOON).start().await;
    app.stock_shelves(2, 1).await;
    app
}

fn path() -> String {
    format!("/v1/products/{}", data::product_id(0))
}

fn place(key: &TestKey) -> String {
    format!("/admin/v1/keys/{}", key.id)
}

async fn rotate(app: &TestApp, key: &TestKey, how: Value) -> String {
    let rotated = app.admin_ok("POST", &format!("{}/rotate", place(key)), Some(how)).await;
    rotated["text"].as_str().unwrap().to_owned()
}

async fn status(app: &TestApp, text: &str) -> u16 {
    app.get(text, &path()).await.status().as_u16()
}

const SECOND: i64 = 1_000_000;

#[tokio::test]
async fn a_cut_over_happens_at_the_second_that_was_set() {
    let app = shop().await;
    let key = app.key(json!({})).await;
    let how = json!({ "starts_at": "2026-11-22T12:01:00Z", "cut_over_at": "2026-11-22T12:02:00Z" });
    let new = rotate(&app, &key, how).await;
    let told = app.admin_ok("GET", &place(&key), None).await;
    assert_eq!(told["rotation"]["starts_at"], "2026-11-22T12:01:00Z");
    assert_eq!(told["rotation"]["ends_at"], "2026-11-22T12:02:00Z");
    assert_eq!(told["secrets"][1]["id"], told["rotation"]["new_secret"]);

    assert_eq!(status(&app, &key.text).await, 200);
    let early = problem(app.get(&new, &path()).await, 401, "invalid_key").await;
    assert!(early["detail"].as_str().unwrap().contains("2026-11-22T12:01:00Z"), "{early}");
    app.clock.advance(60 * SECOND - 1);
    assert_eq!((status(&app, &key.text).await, status(&app, &new).await), (200, 401));
    app.clock.advance(1);
    assert_eq!((status(&app, &key.text).await, status(&app, &new).await), (200, 200));
    app.clock.advance(60 * SECOND - 1);
    assert_eq!((status(&app, &key.text).await, status(&app, &new).await), (200, 200));
    app.clock.advance(1);
    assert_eq!((status(&app, &key.text).await, status(&app, &new).await), (401, 200));
    assert_eq!(app.admin_ok("GET", &place(&key), None).await["rotation"], Value::Null);
}

#[tokio::test]
async fn a_rotation_can_be_taken_back_or_finished_while_both_secrets_are_there() {
    let app = shop().await;
    let key = app.key(json!({})).await;
    let finish = format!("{}/rotation/finish", place(&key));
    let back = format!("{}/rotation/roll-back", place(&key));
    for way in [&finish, &back] {
        problem(app.admin("POST", way, None).await, 409, "conflict").await;
    }
    let taken_back = rotate(&app, &key, json!({ "overlap_s": 600 })).await;
    let again = json!({ "overlap_s": 600 });
    let again = app.admin("POST", &format!("{}/rotate", place(&key)), Some(again)).await;
    problem(again, 409, "conflict").await;
    assert_eq!(status(&app, &taken_back).await, 200);
    let told = app.admin_ok("POST", &back, None).await;
    assert_eq!(
        (told["rotation"].clone(), told["secrets"][0]["expires_at"].clone()),
        (Value::Null, Value::Null)
    );
    assert_eq!((status(&app, &key.text).await, status(&app, &taken_back).await), (200, 401));
    app.clock.advance(1_200 * SECOND);
    assert_eq!(status(&app, &key.text).await, 200, "the old secret is whole again");

    let refused = problem(app.get(&taken_back, &path()).await, 401, "expired_key").await;
    let detail = refused["detail"].as_str().unwrap();
    assert!(detail.contains("taken back: use the secret before it"), "{detail}");

    // Finishing brings a secret forward that was to begin later, where that is said.
    let how = json!({ "starts_at": "2026-11-22T13:00:00Z", "overlap_s": 60 });
    let new = rotate(&app, &key, how).await;
    assert_eq!(status(&app, &new).await, 401);
    let refused = problem(app.admin("POST", &finish, None).await, 409, "conflict").await;
    let detail = refused["detail"].as_str().unwrap();
    assert!(detail.contains("2026-11-22T13:00:00Z") && detail.contains("`now`"), "{detail}");
    assert_eq!((status(&app, &key.text).await, status(&app, &new).await), (200, 401));
    app.admin_ok("POST", &finish, Some(json!({ "now": true }))).await;
    let refused = problem(app.get(&key.text, &path()).await, 401, "expired_key").await;
    assert!(refused["detail"].as_str().unwrap().contains("use the new one"), "{refused}");
    assert_eq!((status(&app, &key.text).await, status(&app, &new).await), (401, 200));
    problem(app.admin("POST", &back, None).await, 409, "conflict").await;
}

#[tokio::test]
async fn a_rotation_that_cannot_be_meant_is_refused() {
    let app = shop().await;
    let key = app.key(json!({})).await;
    for how in [
        json!({ "overlap_s": 1, "cut_over_at": "2026-11-22T12:02:00Z" }),
        json!({ "overlap_s": 1, "starts_at": "2026-11-22T11:00:00Z" }),
        json!({ "starts_at": "2026-11-22T12:02:00Z", "cut_over_at": "2026-11-22T12:01:00Z" }),
        json!({ "cut_over_at": "2030-11-22T12:01:00Z" }),
    ] {
        let refused = app.admin("POST", &format!("{}/rotate", place(&key)), Some(how)).await;
        problem(refused, 400, "invalid_body").await;
    }
    assert_eq!(status(&app, &key.text).await, 200);
}

#[tokio::test]
async fn quarantine_lets_a_key_look_once_a_second_until_it_is_lifted() {
    let app = shop().await;
    let key = app.key(json!({})).await;
    let other = app.key(json!({})).await;
    let told = app.admin_ok("POST", &format!("{}/quarantine", place(&key)), None).await;
    assert_eq!(told["status"], "quarantined");
    assert_eq!(status(&app, &key.text).await, 200);
    let fast = app.get(&key.text, &path()).await;
    assert_eq!(fast.headers()["retry-after"], "1");
    let fast = problem(fast, 429, "key_slowed").await;
    assert_eq!(fast["violated-policies"], json!(["quarantine"]));
    assert_eq!(fast["title"], "The key is answered once a second");
    assert_eq!(status(&app, &other.text).await, 200);
    // Another change of access brings a new directory, and no call for free.
    app.admin_ok("POST", &format!("{}/suspend", place(&other)), None).await;
    assert_eq!(status(&app, &key.text).await, 429);
    app.clock.advance(SECOND);
    assert_eq!(status(&app, &key.text).await, 200);
    app.clock.advance(SECOND);
    let write = app.http.post(app.public_url("/v1/products/lookup")).bearer_auth(&key.text);
    let write = write.json(&json!({ "identifiers": [] })).send().await.unwrap();
    problem(write, 403, "quarantined").await;
    assert_eq!(status(&app, &key.text).await, 200, "a refused write takes nothing");
    app.admin_ok("POST", &format!("{}/resume", place(&key)), None).await;
    assert_eq!((status(&app, &key.text).await, status(&app, &key.text).await), (200, 200));
    let audit = app.admin_ok("GET", "/admin/v1/audit", None).await.to_string();
    assert!(audit.contains("key.quarantine"), "{audit}");
}

#[tokio::test]
async fn a_key_is_edited_by_who_has_seen_it() {
    let app = shop().await;
    let key = app.key(json!({})).await;
    let seen = app.admin("GET", &place(&key), None).await;
    let tag = seen.headers()["etag"].to_str().unwrap().to_owned();
    let edit = |tag: String, body: Value| {
        let request = app.http.patch(app.admin_url(&place(&key))).bearer_auth(&app.admin_token);
        request.header("If-Match", tag).json(&body).send()
    };
    let body = json!({ "name": "other", "scopes": ["stock:read"], "cidrs": ["127.0.0.0/8"] });
    let edited = edit(tag.clone(), body).await.unwrap();
    assert_eq!(edited.status(), 200);
    assert_ne!(edited.headers()["etag"], tag.as_str());
    let edited: Value = edited.json().await.unwrap();
    assert_eq!((&edited["name"], &edited["scopes"]), (&json!("other"), &json!(["stock:read"])));
    problem(app.get(&key.text, &path()).await, 403, "insufficient_scope").await;

    let late = edit(tag, json!({ "name": "late" })).await.unwrap();
    problem(late, 412, "precondition_failed").await;
    problem(app.admin("PATCH", &place(&key), Some(json!({}))).await, 400, "invalid_body").await;
    problem(edit("3".into(), json!({})).await.unwrap(), 400, "invalid_parameter").await;
    let patch = async |body| app.admin_ok("PATCH", &place(&key), Some(body)).await;
    let ends =
        patch(json!({ "expires_at": "2026-11-22T12:00:01Z", "scopes": ["catalog:read"] })).await;
    assert_eq!(ends["expires_at"], "2026-11-22T12:00:01Z");
    app.clock.advance(SECOND);
    assert_eq!(status(&app, &key.text).await, 401);
    assert_eq!(patch(json!({ "expires_at": null })).await["expires_at"], Value::Null);
    assert_eq!(status(&app, &key.text).await, 200);
    let past = json!({ "expires_at": "2026-11-22T11:00:00Z" });
    problem(app.admin("PATCH", &place(&key), Some(past)).await, 400, "invalid_body").await;
    app.admin_ok("POST", &format!("{}/revoke", place(&key)), None).await;
    let dead = app.admin("PATCH", &place(&key), Some(json!({ "name": "x" }))).await;
    problem(dead, 409, "conflict").await;
}

/// The ids that a list of keys holds.
async fn ids(app: &TestApp, query: &str) -> Vec<String> {
    let page = app.admin_ok("GET", &format!("/admin/v1/keys?{query}"), None).await;
    let items = page["items"].as_array().unwrap().iter();
    items.map(|key| key["id"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn keys_that_want_to_be_looked_at_are_listed() {
    let app = shop().await;
    let quiet = app.key(json!({})).await;
    let used = app.key(json!({})).await;
    let ending = app.key(json!({ "expires_at": "2026-11-30T00:00:00Z" })).await;
    for key in [&quiet, &used] {
        rotate(&app, key, json!({ "overlap_s": 7 * 86_400 })).await;
    }
    assert_eq!(status(&app, &used.text).await, 200);
    let until = std::time::Instant::now() + crate::support::PATIENCE;
    while ids(&app, "attention=old_secret_used").await.is_empty() {
        assert!(std::time::Instant::now() < until, "the last use was not stored");
        crate::support::pause().await;
    }
    assert_eq!(ids(&app, "attention=old_secret_used").await, [used.id.as_str()]);
    assert_eq!(ids(&app, "attention=old_secret_quiet").await, [quiet.id.as_str()]);
    let told = app.admin_ok("GET", &place(&used), None).await;
    assert_eq!(told["rotation"]["old_quiet_since"], NOON);
    assert_eq!(told["secrets"][0]["last_used_at"], NOON);
    assert_eq!(told["secrets"][1]["last_used_at"], Value::Null);

    assert_eq!(ids(&app, "attention=expiring").await, [ending.id.as_str()]);
    assert!(ids(&app, "attention=expiring&within_days=7").await.is_empty());
    app.clock.advance(2 * 86_400 * SECOND);
    assert!(ids(&app, "attention=old_secret_used").await.is_empty());
    let mut both = vec![used.id.clone(), quiet.id.clone()];
    both.sort();
    assert_eq!(ids(&app, "attention=old_secret_quiet").await, both);
    assert_eq!(ids(&app, "attention=unused&within_days=1").await.len(), 3);
    assert!(ids(&app, "attention=unused").await.is_empty());
    assert_eq!(ids(&app, &format!("partner_id={}", used.partner_id)).await, [used.id.as_str()]);
    assert!(ids(&app, "status=quarantined").await.is_empty());
    let wrong = app.admin("GET", "/admin/v1/keys?attention=boredom&within_days=0", None).await;
    problem(wrong, 400, "invalid_parameter").await;
}

#[tokio::test]
async fn a_rotation_without_a_body_overlaps_for_a_day() {
    let app = shop().await;
    let key = app.key(json!({})).await;
    let rotated = app.admin_ok("POST", &format!("{}/rotate", place(&key)), None).await;
    let ends = rotated["key"]["secrets"].to_string();
    assert!(ends.contains("2026-11-23T12:00:00Z"), "{rotated}");
    assert_eq!(status(&app, &key.text).await, 200);
    assert_eq!(status(&app, rotated["text"].as_str().unwrap()).await, 200);
    let wrong = app.http.post(app.admin_url(&format!("{}/rotate", place(&key))));
    let wrong = wrong.bearer_auth(&app.admin_token).body("{}").send().await.unwrap();
    problem(wrong, 415, "unsupported_media_type").await;
}

/// Waits until a node has reported the last use of a key.
async fn until_used(app: &TestApp, key: &TestKey) {
    let until = std::time::Instant::now() + crate::support::PATIENCE;
    while app.admin_ok("GET", &place(key), None).await["last_used_at"].is_null() {
        assert!(std::time::Instant::now() < until, "the last use was not stored");
        crate::support::pause().await;
    }
}

#[tokio::test]
async fn the_last_use_of_a_key_outlives_its_secrets() {
    let app = shop().await;
    let (key, idle) = (app.key(json!({})).await, app.key(json!({})).await);
    app.clock.advance(10 * 86_400 * SECOND);
    assert_eq!(status(&app, &key.text).await, 200);
    until_used(&app, &key).await;
    // The second one forgets the secret that was used.
    for _ in 0..2 {
        app.clock.advance(SECOND);
        rotate(&app, &key, json!({ "overlap_s": 0 })).await;
    }
    let told = app.admin_ok("GET", &place(&key), None).await;
    assert_eq!(told["secrets"].as_array().unwrap().len(), 1);
    assert_eq!(told["secrets"][0]["last_used_at"], Value::Null);
    assert_eq!(told["last_used_at"], "2026-12-02T12:00:00Z");

    let preview = async |before: &str| {
        let request = json!({ "action": "revoke", "filter": { "used_before": before } });
        app.admin_ok("POST", "/admin/v1/keys/bulk/preview", Some(request)).await
    };
    let seen = preview("2026-12-02T12:00:00Z").await;
    assert_eq!(seen["keys"].as_array().unwrap().len(), 1, "{seen}");
    assert_eq!(seen["keys"][0]["id"], idle.id.as_str());
    let seen = preview("2026-12-02T12:00:01Z").await;
    let of_key = seen["keys"].as_array().unwrap().iter().find(|it| it["id"] == key.id.as_str());
    assert_eq!(of_key.unwrap()["last_used_at"], "2026-12-02T12:00:00Z");
    assert_eq!(ids(&app, "attention=unused&within_days=7").await, [idle.id.as_str()]);
    app.clock.advance(8 * 86_400 * SECOND);
    assert_eq!(ids(&app, "attention=unused&within_days=7").await.len(), 2);
}
