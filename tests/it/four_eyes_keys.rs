//! Many keys at once, and the scopes that two people give.

use crate::four_eyes::{self, claimed, path};
use crate::one_connection::jwks;
use crate::support::people::Browser;
use crate::support::{TestApp, TestKey, problem};
use comptoir::kernel::clock::{DAY, HOUR};
use reqwest::Response;
use serde_json::{Value, json};

/// A gateway on which a setting asks for two people, and two of them.
async fn desk(four_eyes: &str) -> (TestApp, Browser, Browser) {
    four_eyes::desk(TestApp::builder(), four_eyes).await
}

async fn waits(answer: Response) -> Value {
    let (status, text) = (answer.status().as_u16(), answer.text().await.unwrap());
    assert_eq!(status, 202, "{text}");
    serde_json::from_str(&text).unwrap()
}

fn key_path(key: &TestKey) -> String {
    format!("/admin/v1/keys/{}", key.id)
}

/// Previews a change to all keys of a key's app, and asks for it.
async fn ask(who: &Browser, key: &TestKey, action: &str) -> Response {
    let request = json!({ "action": action, "filter": { "app_id": key.app_id } });
    let preview = Some(request.clone());
    let seen = who.ok("POST", "/admin/v1/keys/bulk/preview", preview).await;
    let run = json!({ "request": request, "token": seen["token"] });
    who.call("POST", "/admin/v1/keys/bulk", Some(run)).await
}

#[tokio::test]
async fn many_keys_are_revoked_when_another_person_agrees() {
    let (app, one, other) = desk("bulk").await;
    let key = app.key(json!({})).await;
    let asked = waits(ask(&one, &key, "revoke").await).await;
    assert_eq!(
        (&asked["preview"]["count"], &asked["preview"]["keys"][0]["id"]),
        (&json!(1), &json!(key.id))
    );
    // No longer than the token of the preview.
    let until = comptoir::kernel::Micros(app.clock.now().0 + DAY).to_string();
    assert_eq!(asked["expires_at"], json!(until));
    let status = async || app.admin_ok("GET", &key_path(&key), None).await["status"].clone();
    assert_eq!(status().await, "active", "nothing was done");
    let refused = one.call("POST", &path(&asked, "approve"), None).await;
    problem(refused, 403, "second_person_required").await;
    let refused = app.admin("POST", &path(&asked, "approve"), None).await;
    problem(refused, 403, "second_person_required").await;
    assert_eq!(status().await, "active");
    let done = other.ok("POST", &path(&asked, "approve"), None).await;
    assert_eq!(
        done["result"],
        json!([{
            "id": key.id, "app_id": key.app_id, "name": done["result"][0]["name"], "status": "revoked",
        }])
    );
    assert_eq!(status().await, "revoked");

    // New texts are told to who has asked, once.
    let key = app.key(json!({})).await;
    let asked = waits(ask(&one, &key, "rotate").await).await;
    let done = claimed(&asked, &one, &other).await;
    let text = done["result"][0]["text"].as_str().unwrap();
    assert!(text.starts_with("cpt_live_"), "{text}");
    let shown = one.ok("GET", path(&asked, "").trim_end_matches('/'), None).await;
    assert!(!shown.to_string().contains(text));
    // What only stops keys is done at once.
    let stopped = ask(&one, &key, "suspend").await;
    assert_eq!((stopped.status().as_u16(), status().await), (200, json!("revoked")));
    waits(ask(&one, &key, "resume").await).await;
}

#[tokio::test]
async fn a_change_to_other_keys_than_were_seen_is_not_approved() {
    let (app, one, other) = desk("bulk").await;
    let key = app.key(json!({})).await;
    let forged = json!({
        "request": { "action": "revoke", "filter": { "app_id": key.app_id } }, "token": "0.0",
    });
    let refused = one.call("POST", "/admin/v1/keys/bulk", Some(forged)).await;
    problem(refused, 409, "conflict").await;
    let asked = waits(ask(&one, &key, "revoke").await).await;
    app.admin_ok("PATCH", &key_path(&key), Some(json!({ "name": "renamed" }))).await;
    let refused = other.call("POST", &path(&asked, "approve"), None).await;
    let refused = problem(refused, 409, "conflict").await;
    assert!(refused["detail"].as_str().unwrap().contains("have changed"), "{refused}");

    let asked = waits(ask(&one, &key, "revoke").await).await;
    let new = json!({ "app_id": key.app_id, "name": "new", "environment": "live" });
    app.admin_ok("POST", "/admin/v1/keys", Some(new)).await;
    let refused = other.call("POST", &path(&asked, "approve"), None).await;
    problem(refused, 409, "conflict").await;

    let mut other = other;
    let asked = waits(ask(&one, &key, "revoke").await).await;
    app.clock.advance(DAY + HOUR);
    other.log_in_again().await;
    let late = other.call("POST", &path(&asked, "approve"), None).await;
    let late = problem(late, 409, "conflict").await;
    assert!(late["detail"].as_str().unwrap().contains("expired"), "{late}");
    assert_eq!(app.admin_ok("GET", &key_path(&key), None).await["status"], "active");
}

#[tokio::test]
async fn a_guarded_scope_is_given_by_two_whatever_the_way() {
    let (app, one, other) = desk("customer_scopes").await;
    let key = app.key(json!({ "scopes": ["catalog:read"] })).await;
    let new = |scopes: Value| json!({ "app_id": key.app_id, "name": "new", "environment": "live", "scopes": scopes });
    // By a new key; also one of which nobody says what it may do.
    for scopes in [json!(["stock:quantity"]), Value::Null] {
        let asked = one.call("POST", "/admin/v1/keys", Some(new(scopes))).await;
        let asked = waits(asked).await;
        let refused = one.call("POST", &path(&asked, "approve"), None).await;
        problem(refused, 403, "second_person_required").await;
        let done = claimed(&asked, &one, &other).await;
        assert!(done["result"]["text"].as_str().unwrap().starts_with("cpt_live_"));
        assert!(done["result"]["key"]["scopes"].to_string().contains("stock:quantity"));
    }
    // By an edit; what a key has already is not given again.
    let add = json!({ "scopes": ["catalog:read", "stock:quantity"] });
    let asked = waits(one.call("PATCH", &key_path(&key), Some(add.clone())).await).await;
    let scopes = async || app.admin_ok("GET", &key_path(&key), None).await["scopes"].clone();
    assert_eq!(scopes().await, json!(["catalog:read"]));
    other.ok("POST", &path(&asked, "approve"), None).await;
    assert_eq!(scopes().await, add["scopes"]);
    one.ok("PATCH", &key_path(&key), Some(add)).await;
    let less = json!({ "scopes": ["stock:quantity"], "expires_at": null });
    one.ok("PATCH", &key_path(&key), Some(less.clone())).await;
    assert_eq!(scopes().await, less["scopes"]);
    // By a client.
    let asked = waits(one.call("POST", "/admin/v1/clients", Some(new(Value::Null))).await).await;
    let done = claimed(&asked, &one, &other).await;
    assert!(done["result"]["secret"].as_str().unwrap().starts_with("cpt_client_"));
    // By an import, which says so of the row.
    let row = json!({ "app_id": key.app_id, "name": "old", "sha256": "0".repeat(64) });
    let import = app.http.post(app.admin_url("/admin/v1/keys/import"));
    let import =
        import.bearer_auth(&app.admin_token).header("content-type", "application/x-ndjson");
    let report: Value = import.body(row.to_string()).send().await.unwrap().json().await.unwrap();
    assert_eq!(
        (&report["stored"], &report["faults"][0]["code"]),
        (&json!(false), &json!("second_person_required"))
    );
    // Everything else one person gives.
    one.ok("POST", "/admin/v1/keys", Some(new(json!(["catalog:read", "stock:read"])))).await;
    let audit = app.admin_ok("GET", &format!("/admin/v1/audit?subject={}", key.id), None).await;
    let both = format!("{} approved by {}", one.account, other.account);
    assert!(audit.to_string().contains(&both), "{audit}");
}

#[tokio::test]
async fn an_edit_that_waits_is_of_the_key_that_was_seen() {
    let (app, one, other) = desk("customer_scopes").await;
    let key = app.key(json!({ "scopes": ["catalog:read"] })).await;
    let url = app.admin_url(&key_path(&key));
    let patch = app.http.patch(url).header("cookie", one.cookie()).header("if-match", "\"1\"");
    let patch = patch.header("x-comptoir-request", "1");
    let asked = patch.json(&json!({ "scopes": ["stock:quantity"] })).send().await.unwrap();
    let asked = waits(asked).await;
    app.admin_ok("PATCH", &key_path(&key), Some(json!({ "name": "renamed" }))).await;
    let refused = other.call("POST", &path(&asked, "approve"), None).await;
    problem(refused, 409, "conflict").await;
    let shown = one.ok("GET", path(&asked, "").trim_end_matches('/'), None).await;
    assert_eq!(shown["status"], "waiting");
}

#[tokio::test]
async fn what_somebody_wanted_who_is_suspended_is_not_done() {
    let (app, one, other) = desk("bulk").await;
    let key = app.key(json!({})).await;
    let asked = waits(ask(&one, &key, "revoke").await).await;
    let account = format!("/admin/v1/accounts/{}", one.account);
    app.admin_ok("POST", &format!("{account}/suspend"), None).await;
    let refused = other.call("POST", &path(&asked, "approve"), None).await;
    let refused = problem(refused, 409, "conflict").await;
    assert!(refused["detail"].as_str().unwrap().contains("suspended"), "{refused}");
    app.admin_ok("POST", &format!("{account}/resume"), None).await;
    other.ok("POST", &path(&asked, "approve"), None).await;
}

#[tokio::test]
async fn where_nothing_asks_for_it_one_person_gives_any_scope() {
    let (app, one, _) = desk("owners").await;
    let key = app.key(json!({ "scopes": ["catalog:read"] })).await;
    let add = json!({ "scopes": ["stock:quantity"] });
    assert_eq!(one.call("PATCH", &key_path(&key), Some(add)).await.status(), 200);
    assert_eq!(ask(&one, &key, "revoke").await.status(), 200);
}

#[tokio::test]
async fn an_app_whose_keys_have_guarded_scopes_is_moved_by_two() {
    let (app, one, other) = desk("customer_scopes").await;
    let to = app.admin_ok("POST", "/admin/v1/partners", Some(json!({ "name": "New" }))).await;
    let move_to = json!({ "partner_id": to["id"] });
    // The token of the start gives any scope where nothing asks for two: here it was asked for the key, too.
    let plain = app.key(json!({ "scopes": ["catalog:read"] })).await;
    let place = |key: &TestKey| format!("/admin/v1/apps/{}/transfer", key.app_id);
    let moved = one.ok("POST", &place(&plain), Some(move_to.clone())).await;
    assert_eq!((&moved["transferred"], &moved["scopes"]), (&json!(true), &json!(["catalog:read"])));
    app.admin_ok(
        "PATCH",
        &format!("/admin/v1/partners/{}", to["id"].as_str().unwrap()),
        Some(json!({ "name": "Newer" })),
    )
    .await;

    let to = app.admin_ok("POST", "/admin/v1/partners", Some(json!({ "name": "Other" }))).await;
    let move_to = json!({ "partner_id": to["id"] });
    let key = app.key(json!({ "scopes": ["catalog:read"] })).await;
    let add = json!({ "scopes": ["catalog:read", "stock:quantity"] });
    let asked = waits(one.call("PATCH", &key_path(&key), Some(add)).await).await;
    other.ok("POST", &path(&asked, "approve"), None).await;
    let whose = async || {
        let app = app.admin_ok("GET", &format!("/admin/v1/apps/{}", key.app_id), None).await;
        app["partner_id"].clone()
    };
    // To look is free.
    let look = json!({ "partner_id": to["id"], "dry_run": true });
    let seen = one.ok("POST", &place(&key), Some(look)).await;
    assert_eq!(seen["scopes"], json!(["catalog:read", "stock:quantity"]));
    let asked = waits(one.call("POST", &place(&key), Some(move_to.clone())).await).await;
    assert_eq!(
        (&asked["action"], &asked["preview"]["key_ids"]),
        (&json!("transfer_app"), &json!([key.id]))
    );
    assert_eq!(whose().await, json!(key.partner_id), "nothing was done");
    let refused = one.call("POST", &path(&asked, "approve"), None).await;
    problem(refused, 403, "second_person_required").await;

    // It is of the keys that were seen.
    let new = json!({ "app_id": key.app_id, "name": "new", "environment": "live", "scopes": ["catalog:read"] });
    one.ok("POST", "/admin/v1/keys", Some(new)).await;
    let refused = other.call("POST", &path(&asked, "approve"), None).await;
    problem(refused, 409, "conflict").await;
    let asked = waits(one.call("POST", &place(&key), Some(move_to)).await).await;
    let done = other.ok("POST", &path(&asked, "approve"), None).await;
    assert_eq!((&done["result"]["transferred"], whose().await), (&json!(true), to["id"].clone()));
}

#[tokio::test]
async fn what_two_have_given_one_does_not_take() {
    let (app, one, other) = desk("customer_scopes").await;
    let plain = app.key(json!({ "scopes": ["catalog:read"] })).await;
    let new = json!({
        "app_id": plain.app_id, "name": "new", "environment": "live", "scopes": ["stock:quantity"],
    });
    let asked = waits(one.call("POST", "/admin/v1/keys", Some(new)).await).await;
    let key = claimed(&asked, &one, &other).await["result"]["key"].clone();
    let place = format!("/admin/v1/keys/{}", key["id"].as_str().unwrap());
    // Another secret of it.
    let rotate = Some(json!({ "overlap_s": 0 }));
    let asked = waits(one.call("POST", &format!("{place}/rotate"), rotate.clone()).await).await;
    assert_eq!(one.ok("GET", &place, None).await["secrets"], key["secrets"]);
    let done = claimed(&asked, &one, &other).await;
    assert!(done["result"]["text"].as_str().unwrap().starts_with("cpt_live_"), "{done}");
    let request = json!({ "action": "rotate", "filter": { "ids": [key["id"]] } });
    let seen = one.ok("POST", "/admin/v1/keys/bulk/preview", Some(request.clone())).await;
    let run = json!({ "request": request, "token": seen["token"] });
    let asked = waits(one.call("POST", "/admin/v1/keys/bulk", Some(run)).await).await;
    assert_eq!(asked["preview"]["keys"][0]["id"], key["id"]);
    let done = claimed(&asked, &one, &other).await;
    assert!(done["result"][0]["text"].is_string(), "{done}");
    // More places to use it from, and more time; less of both is for one person.
    for (less, more) in [
        (json!({ "cidrs": ["192.0.2.0/24"] }), json!({ "cidrs": ["192.0.0.0/16"] })),
        (json!({ "cidrs": ["192.0.2.0/25"] }), json!({ "cidrs": [] })),
        (json!({ "expires_at": "2026-12-01T00:00:00Z" }), json!({ "expires_at": null })),
    ] {
        one.ok("PATCH", &place, Some(less)).await;
        waits(one.call("PATCH", &place, Some(more)).await).await;
    }
    let gone = json!({ "scopes": ["catalog:read"], "cidrs": [], "expires_at": null });
    one.ok("PATCH", &place, Some(gone)).await;
    // A key without such scopes is for one person, as before.
    one.ok("POST", &format!("{}/rotate", key_path(&plain)), rotate).await;
}

#[tokio::test]
async fn another_key_of_a_client_is_given_by_two_and_taken_by_one() {
    let (app, one, other) = desk("customer_scopes").await;
    let key = app.key(json!({ "scopes": ["catalog:read"] })).await;
    let new = json!({
        "app_id": key.app_id, "name": "signs", "environment": "live", "scopes": ["stock:quantity"],
        "jwks": jwks(&[0]),
    });
    let asked = waits(one.call("POST", "/admin/v1/clients", Some(new)).await).await;
    let client = claimed(&asked, &one, &other).await["result"]["client"].clone();
    let place = format!("/admin/v1/clients/{}/jwks", client["id"].as_str().unwrap());
    let both = Some(json!({ "jwks": jwks(&[0, 1]) }));
    let asked = waits(one.call("PUT", &place, both).await).await;
    let done = other.ok("POST", &path(&asked, "approve"), None).await;
    assert_eq!(done["result"]["secrets"].as_array().unwrap().len(), 2);
    let left = one.ok("PUT", &place, Some(json!({ "jwks": jwks(&[1]) }))).await;
    assert_eq!(left["secrets"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn what_a_token_wanted_that_is_stopped_is_not_done() {
    let (app, _, other) = desk("bulk").await;
    let key = app.key(json!({})).await;
    let body = json!({ "name": "deploy", "roles": ["key_manager"] });
    let made = app.admin_ok("POST", "/admin/v1/tokens", Some(body)).await;
    let token = format!("/admin/v1/tokens/{}", made["token"]["id"].as_str().unwrap());
    let send = async |place: &str, body: &Value| {
        let call = app.http.post(app.admin_url(place)).bearer_auth(made["text"].as_str().unwrap());
        call.json(body).send().await.unwrap()
    };
    let request = json!({ "action": "revoke", "filter": { "app_id": key.app_id } });
    let seen: Value = send("/admin/v1/keys/bulk/preview", &request).await.json().await.unwrap();
    let run = json!({ "request": request, "token": seen["token"] });
    let asked = waits(send("/admin/v1/keys/bulk", &run).await).await;
    app.admin_ok("POST", &format!("{token}/suspend"), None).await;
    let refused = other.call("POST", &path(&asked, "approve"), None).await;
    let refused = problem(refused, 409, "conflict").await;
    assert!(refused["detail"].as_str().unwrap().contains("suspended"), "{refused}");
    assert_eq!(app.admin_ok("GET", &key_path(&key), None).await["status"], "active");
    app.admin_ok("POST", &format!("{token}/resume"), None).await;
    other.ok("POST", &path(&asked, "approve"), None).await;
}
