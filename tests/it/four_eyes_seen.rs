//! What two people agree on is done to what they have seen, and as long as both still want it.

use crate::four_eyes::{self, claimed, path};
use crate::one_connection::jwks;
use crate::support::people::Browser;
use crate::support::{TestApp, TestKey, problem};
use serde_json::{Value, json};

async fn desk() -> (TestApp, Browser, Browser) {
    four_eyes::desk(TestApp::builder(), "customer_scopes").await
}

/// Gives the app of a key to a new partner, by one person.
async fn give_away(app: &TestApp, who: &Browser, key: &TestKey) {
    let name = format!("New owner of {}", key.app_id);
    let to = app.admin_ok("POST", "/admin/v1/partners", Some(json!({ "name": name }))).await;
    let place = format!("/admin/v1/apps/{}/transfer", key.app_id);
    let moved = who.ok("POST", &place, Some(json!({ "partner_id": to["id"] }))).await;
    assert_eq!(moved["transferred"], json!(true));
}

/// Refused because what was seen is not so any more, and left as it was.
async fn changed(who: &Browser, asked: &Value, verb: &str) {
    let refused = who.call("POST", &path(asked, verb), None).await;
    let refused = problem(refused, 409, "conflict").await;
    assert!(refused["detail"].as_str().unwrap().contains("preview"), "{refused}");
}

#[tokio::test]
async fn a_key_is_made_for_the_partner_that_was_seen() {
    let (app, one, other) = desk().await;
    let key = app.key(json!({ "scopes": ["catalog:read"] })).await;
    let new = |name: &str| json!({ "app_id": key.app_id, "name": name, "environment": "live", "scopes": ["stock:quantity"] });
    let mut signs = new("signs");
    signs["jwks"] = jwks(&[0]);
    let waits = [("keys", new("early")), ("keys", new("late")), ("clients", signs)];
    let mut asked = Vec::new();
    for (place, body) in waits {
        let wish = one.ok("POST", &format!("/admin/v1/{place}"), Some(body)).await;
        let shown = &wish["preview"];
        assert_eq!(shown["partner_id"], json!(key.partner_id), "{wish}");
        assert_eq!(shown["scopes"], json!(["stock:quantity"]), "{wish}");
        asked.push(wish);
    }
    // One is approved already when the app goes to somebody else, who has nothing guarded so far.
    other.ok("POST", &path(&asked[0], "approve"), None).await;
    give_away(&app, &one, &key).await;
    changed(&one, &asked[0], "claim").await;
    changed(&other, &asked[1], "approve").await;
    changed(&other, &asked[2], "approve").await;
    let keys = app.admin_ok("GET", &format!("/admin/v1/keys?app_id={}", key.app_id), None).await;
    assert_eq!(keys["items"].as_array().unwrap().len(), 1, "{keys}");
    // Asked for anew, it is shown whose it will be.
    let again = one.ok("POST", "/admin/v1/keys", Some(new("anew"))).await;
    assert_ne!(again["preview"]["partner_id"], json!(key.partner_id));
    claimed(&again, &one, &other).await;
}

#[tokio::test]
async fn a_key_is_changed_as_it_was_seen() {
    let (app, one, other) = desk().await;
    let bound = json!({ "scopes": ["catalog:read"], "cidrs": ["192.0.2.0/24"] });
    let key = app.key(bound.clone()).await;
    let place = format!("/admin/v1/keys/{}", key.id);
    let more = json!({ "scopes": ["catalog:read", "stock:quantity"] });
    let asked = one.ok("PATCH", &place, Some(more.clone())).await;
    let shown = &asked["preview"];
    assert_eq!(
        (&shown["partner_id"], &shown["app_id"]),
        (&json!(key.partner_id), &json!(key.app_id))
    );
    let seen = &shown["key"];
    assert_eq!((&seen["scopes"], &seen["cidrs"]), (&bound["scopes"], &bound["cidrs"]));
    // One person takes the bounds away that the other has seen: nothing guarded is in the key yet.
    one.ok("PATCH", &place, Some(json!({ "cidrs": [] }))).await;
    changed(&other, &asked, "approve").await;
    // And the same where the app is another partner's meanwhile, which is no change of the key.
    let asked = one.ok("PATCH", &place, Some(more.clone())).await;
    give_away(&app, &one, &key).await;
    changed(&other, &asked, "approve").await;
    let now = app.admin_ok("GET", &place, None).await;
    assert_eq!(now["scopes"], bound["scopes"]);

    let asked = one.ok("PATCH", &place, Some(more)).await;
    other.ok("POST", &path(&asked, "approve"), None).await;
    // A new secret of what it is now, too.
    let asked = one.ok("POST", &format!("{place}/rotate"), None).await;
    assert!(asked["preview"]["key"]["scopes"].to_string().contains("stock:quantity"), "{asked}");
    one.ok("PATCH", &place, Some(json!({ "name": "renamed" }))).await;
    changed(&other, &asked, "approve").await;
}

#[tokio::test]
async fn many_keys_are_changed_for_the_partner_that_was_seen() {
    let (app, one, _) = desk().await;
    let key = app.key(json!({ "scopes": ["catalog:read"] })).await;
    let request = json!({ "action": "rotate", "filter": { "ids": [key.id] } });
    let seen = one.ok("POST", "/admin/v1/keys/bulk/preview", Some(request.clone())).await;
    give_away(&app, &one, &key).await;
    let run = json!({ "request": request, "token": seen["token"] });
    let refused = one.call("POST", "/admin/v1/keys/bulk", Some(run)).await;
    problem(refused, 409, "conflict").await;
}
