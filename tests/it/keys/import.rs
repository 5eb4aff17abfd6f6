//! Keys that another gateway gave out.

use super::{SECOND, path, place, rotate, shop, status};
use crate::support::{TestApp, TestKey, problem};
use base64::Engine as _;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

const OLD: &str = "kong-7f1c9b2e-old gateway!";

fn digest(text: &str) -> [u8; 32] {
    Sha256::digest(text.as_bytes()).into()
}

fn hex(text: &str) -> String {
    digest(text).iter().map(|byte| format!("{byte:02x}")).collect()
}

async fn send(app: &TestApp, kind: &str, query: &str, body: String) -> Value {
    let request = app.http.post(app.admin_url(&format!("/admin/v1/keys/import{query}")));
    let request = request.bearer_auth(&app.admin_token).header("Content-Type", kind.to_owned());
    let answer = request.body(body).send().await.unwrap();
    assert_eq!(answer.status(), 200);
    answer.json().await.unwrap()
}

async fn import(app: &TestApp, rows: &[Value]) -> Value {
    let body: String = rows.iter().map(|row| format!("{row}\n")).collect();
    send(app, "application/x-ndjson", "", body).await
}

/// An app that keys are imported for, and a key of ours.
async fn owner(app: &TestApp) -> TestKey {
    app.key(json!({})).await
}

#[tokio::test]
async fn a_partner_goes_on_with_the_key_of_the_old_gateway() {
    let app = shop().await;
    let ours = owner(&app).await;
    assert_eq!(status(&app, OLD).await, 401);
    let base64 = base64::engine::general_purpose::STANDARD.encode(digest("second"));
    let rows = [
        json!({ "app_id": ours.app_id, "name": "old", "sha256": hex(OLD), "hint": "way!",
                "scopes": ["catalog:read"], "cidrs": ["127.0.0.0/8"],
                "expires_at": "2026-11-22T12:05:00Z" }),
        json!({ "app_id": ours.app_id, "name": "older", "sha256": base64, "environment": "test" }),
    ];
    let preview: String = rows.iter().map(|row| format!("{row}\n")).collect();
    let preview = send(&app, "application/x-ndjson", "?dry_run=true", preview).await;
    assert_eq!((&preview["stored"], &preview["accepted"]), (&json!(false), &json!(2)));
    assert_eq!((status(&app, OLD).await, preview["keys"][0]["id"].clone()), (401, Value::Null));

    let report = import(&app, &rows).await;
    assert_eq!((&report["stored"], &report["accepted"]), (&json!(true), &json!(2)), "{report}");
    assert_eq!((status(&app, OLD).await, status(&app, "second").await), (200, 200));
    let by_header = app.http.get(app.public_url(&path())).header("X-API-Key", OLD);
    assert_eq!(by_header.send().await.unwrap().status(), 200);
    problem(app.get(OLD, "/v1/stores").await, 403, "insufficient_scope").await;
    assert_eq!(status(&app, "kong-7f1c9b2e-old gateway?").await, 401);
    assert_eq!(status(&app, &"x".repeat(5_000)).await, 401);
    // What is stored is no text that opens: a stolen hash is not a key.
    assert_eq!(status(&app, &hex(OLD)).await, 401);

    let id = report["keys"][0]["id"].as_str().unwrap();
    let told = app.admin_ok("GET", &format!("/admin/v1/keys/{id}"), None).await;
    assert_eq!(
        (&told["secrets"][0]["form"], &told["secrets"][0]["hint"]),
        (&json!("sha256"), &json!("way!"))
    );
    // A rotation brings a text of ours, and the old one works on for a while.
    let imported = TestKey { id: id.to_owned(), text: OLD.to_owned(), ..ours };
    let new = rotate(&app, &imported, json!({ "overlap_s": 60 })).await;
    assert!(new.starts_with("cpt_live_"), "a live key");
    assert_eq!((status(&app, OLD).await, status(&app, &new).await), (200, 200));
    app.clock.advance(60 * SECOND);
    problem(app.get(OLD, &path()).await, 401, "expired_key").await;
    assert_eq!(status(&app, &new).await, 200);
    app.clock.advance(240 * SECOND);
    problem(app.get(&new, &path()).await, 401, "expired_key").await;
    app.admin_ok("POST", &format!("{}/revoke", place(&imported)), None).await;
    problem(app.get(&new, &path()).await, 401, "revoked_key").await;
    let audit = app.admin_ok("GET", "/admin/v1/audit", None).await.to_string();
    assert!(audit.contains("key.import") && !audit.contains(&hex(OLD)), "{audit}");
}

#[tokio::test]
async fn a_batch_is_stored_whole_or_not_at_all() {
    let app = shop().await;
    let ours = owner(&app).await;
    let row = |name: &str, text: &str| json!({ "app_id": ours.app_id, "name": name, "sha256": hex(text) });
    let bad = [
        row("right", "one"),
        row("again", "one"),
        json!({ "app_id": "app_00000000001", "name": "nowhere", "sha256": hex("two") }),
        json!({ "app_id": ours.app_id, "name": "late", "sha256": hex("three"),
                "expires_at": "2020-01-01T00:00:00Z" }),
        json!({ "app_id": ours.app_id, "name": "x", "sha256": "S3CRET" }),
    ];
    let report = import(&app, &bad).await;
    assert_eq!(
        (&report["stored"], &report["accepted"], &report["rejected"]),
        (&json!(false), &json!(1), &json!(4))
    );
    let faults: Vec<(u64, &str, &str)> = report["faults"]
        .as_array()
        .unwrap()
        .iter()
        .map(|f| {
            (f["line"].as_u64().unwrap(), f["field"].as_str().unwrap(), f["code"].as_str().unwrap())
        })
        .collect();
    assert_eq!(
        faults,
        [
            (2, "sha256", "duplicate"),
            (3, "app_id", "not_found"),
            (4, "expires_at", "not_allowed"),
            (5, "sha256", "malformed"),
        ]
    );
    assert!(!report.to_string().contains("S3CRET"));
    assert_eq!(status(&app, "one").await, 401);
    let csv = format!("app_id,name,sha256\n{},one,{}\n", ours.app_id, hex("one"));
    assert_eq!(send(&app, "text/csv", "", csv).await["stored"], true);
    assert_eq!(status(&app, "one").await, 200);
    // The hash is taken, whoever has it, in whatever spelling.
    let again = import(&app, &[row("again", "one")]).await;
    assert_eq!(
        (&again["stored"], &again["faults"][0]["code"]),
        (&json!(false), &json!("duplicate"))
    );
    let other = app.http.post(app.admin_url("/admin/v1/keys/import")).bearer_auth(&app.admin_token);
    problem(other.json(&json!([])).send().await.unwrap(), 415, "unsupported_media_type").await;
}
