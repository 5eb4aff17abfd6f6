//! The registration of an app, and what is decided about it.

use super::{CALLBACK, LOYALTY, SUMMARY, asking, call, place, registration, state_of, token};
use crate::support::schema::documented;
use crate::support::{TestApp, problem};
use serde_json::{Value, json};

#[tokio::test]
async fn nothing_counts_before_a_privacy_officer_has_approved_it() {
    let app = TestApp::start().await;
    let key = app.key(json!({})).await;
    problem(app.admin("GET", &place(&key, ""), None).await, 404, "not_found").await;
    let body = registration(&[SUMMARY, LOYALTY]);
    let managers = token(&app, "key_manager").await;
    let own = place(&key, "");
    let put = ("PUT", own.as_str());
    let answer = call(&app, &managers, put, body.clone()).await;
    assert_eq!(answer.status(), 200);
    let asked: Value = answer.json().await.unwrap();
    documented(&asked, "admin", "CustomerAccessOut");
    for value in [SUMMARY, LOYALTY, CALLBACK] {
        assert_eq!(state_of(&asked, value), "asked");
    }
    let waiting = app.admin_ok("GET", "/admin/v1/customer-access?asked=true", None).await;
    assert_eq!(waiting["items"], json!([asked]));

    // Who registers does not approve, and who approves does not register.
    let officer = token(&app, "privacy_officer").await;
    let decision =
        json!({ "scopes": [SUMMARY], "redirect_uris": [CALLBACK], "reason": "Totals only" });
    let approve = place(&key, "/approve");
    let refused = call(&app, &managers, ("POST", &approve), decision.clone()).await;
    problem(refused, 403, "insufficient_role").await;
    problem(call(&app, &officer, put, body).await, 403, "insufficient_role").await;
    let approved = call(&app, &officer, ("POST", &approve), decision).await;
    assert_eq!(approved.status(), 200);
    let refusal = json!({ "scopes": [LOYALTY], "reason": "Not needed for that" });
    let refused = call(&app, &officer, ("POST", &place(&key, "/refuse")), refusal).await;
    let decided: Value = refused.json().await.unwrap();
    documented(&decided, "admin", "CustomerAccessOut");
    let states = [SUMMARY, CALLBACK, LOYALTY].map(|value| state_of(&decided, value));
    assert_eq!(states, ["approved", "approved", "refused"]);
    let loyalty = decided["scopes"].as_array().unwrap().iter().find(|it| it["value"] == LOYALTY);
    assert_eq!(loyalty.unwrap()["reason"], "Not needed for that");
    let waiting = app.admin_ok("GET", "/admin/v1/customer-access?asked=true", None).await;
    assert_eq!(waiting["items"], json!([]));
    let trail = app.admin_ok("GET", "/admin/v1/audit", None).await.to_string();
    for action in ["register", "approve", "refuse"] {
        assert!(trail.contains(&format!("app.{action}_customer_access")), "{trail}");
    }
}

#[tokio::test]
async fn what_is_left_out_is_gone_and_another_name_asks_anew() {
    let app = TestApp::start().await;
    let key = asking(&app, &[SUMMARY, LOYALTY]).await;
    let all = json!({ "scopes": [SUMMARY, LOYALTY], "redirect_uris": [CALLBACK], "reason": "ok" });
    app.admin_ok("POST", &place(&key, "/approve"), Some(all)).await;
    let mut less = registration(&[SUMMARY]);
    less["redirect_uris"] = json!([CALLBACK, "https://coach.example/other"]);
    let after = app.admin_ok("PUT", &place(&key, ""), Some(less.clone())).await;
    let states = [SUMMARY, LOYALTY, CALLBACK, "https://coach.example/other"];
    let states = states.map(|value| state_of(&after, value));
    assert_eq!(states, ["approved", "none", "approved", "asked"]);
    // What was approved was approved of this name.
    less["legal_name"] = json!("Official Support");
    let other = app.admin_ok("PUT", &place(&key, ""), Some(less)).await;
    assert_eq!([SUMMARY, CALLBACK].map(|value| state_of(&other, value)), ["asked", "asked"]);
    assert_eq!(other["name_doubts"], json!(["posing"]));
}

#[tokio::test]
async fn a_suspension_is_said_lifted_and_stands_for_itself() {
    let app = TestApp::start().await;
    let key = asking(&app, &[SUMMARY]).await;
    let why = |reason: &str| Some(json!({ "reason": reason }));
    let officer = token(&app, "privacy_officer").await;
    let path = place(&key, "/suspend");
    let lost = json!({ "reason": "The partner has lost data" });
    let suspended = call(&app, &officer, ("POST", &path), lost).await;
    let suspended: Value = suspended.json().await.unwrap();
    documented(&suspended, "admin", "CustomerAccessOut");
    assert_eq!(suspended["suspended"]["reason"], "The partner has lost data");
    let again = app.admin_ok("POST", &path, why("once more")).await;
    assert_eq!(again, suspended, "the first reason stands");
    let listed = app.admin_ok("GET", &format!("/admin/v1/apps/{}", key.app_id), None).await;
    assert_eq!(listed["status"], "active", "its keys work for everything else");
    let lifted = app.admin_ok("POST", &place(&key, "/resume"), why("It was found")).await;
    assert_eq!(lifted["suspended"], Value::Null);
    let none = app.key(json!({})).await;
    let missing = app.admin("POST", &place(&none, "/suspend"), why("x")).await;
    problem(missing, 404, "not_found").await;
}

#[tokio::test]
async fn each_fault_of_a_registration_is_told_at_its_field() {
    let app = TestApp::start().await;
    let key = app.key(json!({})).await;
    for (field, value) in [
        ("redirect_uris", json!(["http://coach.example/callback"])),
        ("redirect_uris", json!(["http://127.0.0.1/callback"])),
        ("redirect_uris", json!(["https://coach.example/*"])),
        ("redirect_uris", json!([CALLBACK, CALLBACK])),
        ("redirect_uris", json!([])),
        ("scopes", json!([])),
        ("scopes", json!(["catalog:read"])),
        ("scopes", json!([SUMMARY, "openid"])),
        ("client_auth", json!("client_secret_basic")),
        ("contact", json!(" ")),
        ("privacy_url", json!("http://coach.example/privacy")),
    ] {
        let mut body = registration(&[SUMMARY]);
        body[field] = value;
        let refused = app.admin("PUT", &place(&key, ""), Some(body.clone())).await;
        let told = problem(refused, 400, "invalid_body").await;
        assert_eq!(told["errors"][0]["pointer"], format!("/{field}"), "{body}");
    }
    let mut native = registration(&[SUMMARY]);
    (native["native"], native["redirect_uris"]) = (json!(true), json!(["http://127.0.0.1/cb"]));
    app.admin_ok("PUT", &place(&key, ""), Some(native)).await;
    for decision in [
        json!({ "scopes": [LOYALTY], "reason": "not asked for" }),
        json!({ "redirect_uris": [CALLBACK], "reason": "not asked for" }),
        json!({ "reason": "nothing named" }),
    ] {
        let refused = app.admin("POST", &place(&key, "/approve"), Some(decision)).await;
        problem(refused, 400, "invalid_body").await;
    }
    let none = "/admin/v1/apps/app_00000000001/customer-access";
    let missing = app.admin("PUT", none, Some(registration(&[SUMMARY]))).await;
    problem(missing, 404, "not_found").await;
}
