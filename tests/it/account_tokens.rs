//! Tokens of people: what becomes of them when their person loses a role or is suspended.

use crate::support::people::Browser;
use crate::support::{NOON, TestApp, problem};
use serde_json::{Value, json};

#[tokio::test]
async fn a_token_of_a_suspended_owner_is_no_way_in_that_is_left() {
    let app = TestApp::builder().fixed_clock(NOON).start().await;
    let claire = Browser::set_up(&app, "claire@example.com", &["owner"]).await;
    claire
        .ok("POST", "/admin/v1/tokens", Some(json!({ "name": "hers", "roles": ["owner"] })))
        .await;
    let tokens = app.admin_ok("GET", "/admin/v1/tokens", None).await;
    let first = tokens["items"].as_array().unwrap().iter().find(|token| token["name"] == "first");
    let first = format!("/admin/v1/tokens/{}/revoke", first.unwrap()["id"].as_str().unwrap());
    claire.ok("POST", &first, None).await;
    let account = format!("/admin/v1/accounts/{}/suspend", claire.account);
    problem(claire.call("POST", &account, None).await, 409, "conflict").await;
}

#[tokio::test]
async fn a_role_that_is_taken_away_is_gone_from_tokens_too() {
    let app = TestApp::builder().fixed_clock(NOON).start().await;
    let claire = Browser::set_up(&app, "claire@example.com", &["owner"]).await;
    let make = async |roles: Value| {
        let body = json!({ "name": "mine", "roles": roles });
        claire.ok("POST", "/admin/v1/tokens", Some(body)).await
    };
    let (owner, till) = (make(json!(["owner"])).await, make(json!(["feeds"])).await);
    let get = async |token: &Value, path: &str| {
        let call = app.http.get(app.admin_url(path)).bearer_auth(token["text"].as_str().unwrap());
        call.send().await.unwrap()
    };
    let roles = async |token: &Value| {
        get(token, "/admin/v1/me").await.json::<Value>().await.unwrap()["roles"].clone()
    };
    let account = format!("/admin/v1/accounts/{}", claire.account);
    let change = async |to: Value| {
        app.admin_ok("PATCH", &account, Some(json!({ "roles": to }))).await;
    };
    assert_eq!((roles(&owner).await, roles(&till).await), (json!(["owner"]), json!(["feeds"])));
    change(json!(["key_manager"])).await;
    assert_eq!(roles(&owner).await, json!(["key_manager"]));
    problem(get(&owner, "/admin/v1/accounts").await, 403, "insufficient_role").await;
    // Nothing is left of this one.
    problem(get(&till, "/admin/v1/me").await, 403, "suspended").await;
    let listed = app.admin_ok("GET", "/admin/v1/tokens", None).await;
    let listed = |token: &Value| {
        let all = listed["items"].as_array().unwrap();
        let found = all.iter().find(|it| it["id"] == token["token"]["id"]).unwrap();
        (found["status"].clone(), found["roles"].clone())
    };
    assert_eq!(listed(&owner), (json!("active"), json!(["key_manager"])));
    assert_eq!(listed(&till).0, json!("suspended"));
    // And what is given again is there again.
    change(json!(["owner"])).await;
    assert_eq!((roles(&owner).await, roles(&till).await), (json!(["owner"]), json!(["feeds"])));
    // A token that goes with its person is not the owner that stays.
    let first = app.admin_ok("GET", "/admin/v1/tokens", None).await;
    let first = first["items"].as_array().unwrap().iter().find(|it| it["made_by"].is_null());
    let first = format!("/admin/v1/tokens/{}", first.unwrap()["id"].as_str().unwrap());
    claire.ok("POST", &format!("{first}/revoke"), None).await;
    let last = claire.call("PATCH", &account, Some(json!({ "roles": ["auditor"] }))).await;
    problem(last, 409, "conflict").await;
}
