//! What an application gives, and who may say that it is given.

use crate::registration::{apply, desk, follow, link, mails, plan, wish};
use crate::support::{NOON, TestApp, problem};
use comptoir::kernel::clock::SECOND;
use serde_json::{Value, json};

#[tokio::test]
async fn the_first_key_is_not_given_to_an_app_that_is_another_partners_now() {
    let app = desk().await;
    let plan = plan(&app, "auto", true).await;
    let email = "ann@nordlicht.example";
    apply(&app, &wish(&plan, email)).await;
    let mail = mails(&app, email, 1).await.remove(0);
    assert_eq!(follow(&app, &link(&mail, "verify"), "verify").await.status(), 200);
    let mails = mails(&app, email, 2).await;
    let claim = link(mails.iter().find(|mail| mail.contains("is approved")).unwrap(), "claim");
    let given = app.admin_ok("GET", &format!("/admin/v1/applications/{}", claim.0), None).await;
    let place = format!("/admin/v1/apps/{}/transfer", given["app_id"].as_str().unwrap());
    let to = app.admin_ok("POST", "/admin/v1/partners", Some(json!({ "name": "Other" }))).await;
    let move_to =
        |partner: &Value, dry_run: bool| json!({ "partner_id": partner, "dry_run": dry_run });
    // Who gives it away is told that a link to a key is under way.
    let seen = app.admin_ok("POST", &place, Some(move_to(&to["id"], true))).await;
    assert_eq!(seen["application_id"], given["id"], "{seen}");
    app.admin_ok("POST", &place, Some(move_to(&to["id"], false))).await;
    problem(follow(&app, &claim, "claim").await, 404, "not_found").await;
    let keys = format!("/admin/v1/keys?app_id={}", given["app_id"].as_str().unwrap());
    assert_eq!(app.admin_ok("GET", &keys, None).await["items"], json!([]));
    // Back with who applied, it is theirs.
    app.clock.advance(SECOND);
    app.admin_ok("POST", &place, Some(move_to(&given["partner_id"], false))).await;
    assert_eq!(follow(&app, &claim, "claim").await.status(), 200);
    let seen = app.admin_ok("POST", &place, Some(move_to(&to["id"], true))).await;
    assert_eq!(seen["application_id"], Value::Null, "{seen}");
}

#[tokio::test]
async fn who_looks_after_plans_alone_gives_none_out_unasked() {
    let app = TestApp::start().await;
    let plan = app.plan(json!([{ "name": "day", "quota": 100, "window_s": 86_400 }])).await;
    let place = format!("/admin/v1/plans/{plan}/offer");
    let put = async |roles: Value, approval: &str| {
        let body = json!({ "name": "plans", "roles": roles });
        let token = app.admin_ok("POST", "/admin/v1/tokens", Some(body)).await;
        let offer = json!({ "approval": approval, "public": true });
        let put = app.http.put(app.admin_url(&place)).json(&offer);
        put.bearer_auth(token["text"].as_str().unwrap()).send().await.unwrap()
    };
    let refused = problem(put(json!(["plan_manager"]), "auto").await, 403, "insufficient_role");
    assert!(refused.await["detail"].as_str().unwrap().contains("manage_partners"));
    assert_eq!(app.admin_ok("GET", &place, None).await["approval"], "manual");
    let trail = app.admin_ok("GET", "/admin/v1/audit?subject=set_plan_offer", None).await;
    assert_eq!(trail["items"][0]["detail"]["needed"], "manage_partners", "{trail}");
    assert_eq!(put(json!(["plan_manager"]), "manual").await.status(), 200);
    assert_eq!(put(json!(["plan_manager", "key_manager"]), "auto").await.status(), 200);
}

#[tokio::test]
async fn a_partner_that_is_there_keeps_its_name() {
    let app = desk().await;
    let plan = plan(&app, "manual", true).await;
    let email = "ann@nordlicht.example";
    apply(&app, &wish(&plan, email)).await;
    let verify = link(&mails(&app, email, 1).await[0], "verify");
    assert_eq!(follow(&app, &verify, "verify").await.status(), 200);
    let there = app.admin_ok("POST", "/admin/v1/partners", Some(json!({ "name": "There" }))).await;
    let place = format!("/admin/v1/applications/{}/approve", verify.0);
    let both = json!({ "partner_id": there["id"], "partner_name": "Other" });
    let refused = problem(app.admin("POST", &place, Some(both)).await, 400, "invalid_body").await;
    assert_eq!(refused["errors"][0]["pointer"], "/partner_name", "{refused}");
    let one = json!({ "partner_id": there["id"], "partner_name": null });
    let approved = app.admin_ok("POST", &place, Some(one)).await;
    assert_eq!(approved["partner_id"], there["id"]);
}

#[tokio::test]
async fn a_first_key_has_no_scope_that_two_people_give() {
    let app = TestApp::builder()
        .fixed_clock(NOON)
        .set("REGISTRATION__ENABLED", "true")
        .set("ADMIN__FOUR_EYES", "customer_scopes")
        .set("ADMIN__GUARDED_SCOPES", "stock:quantity")
        .start()
        .await;
    let plan = plan(&app, "auto", true).await;
    let email = "ann@nordlicht.example";
    apply(&app, &wish(&plan, email)).await;
    let mail = mails(&app, email, 1).await.remove(0);
    assert_eq!(follow(&app, &link(&mail, "verify"), "verify").await.status(), 200);
    let mails = mails(&app, email, 2).await;
    let approved = mails.iter().find(|mail| mail.contains("is approved")).unwrap();
    let taken = follow(&app, &link(approved, "claim"), "claim").await;
    assert_eq!(taken.status(), 200);
    let key: Value = taken.json().await.unwrap();
    let place = format!("/admin/v1/keys/{}", key["key_id"].as_str().unwrap());
    let scopes = app.admin_ok("GET", &place, None).await["scopes"].to_string();
    assert!(scopes.contains("stock:read") && !scopes.contains("stock:quantity"), "{scopes}");
}

#[tokio::test]
async fn a_closed_plan_that_is_shown_is_told_as_closed_and_a_hidden_one_as_none() {
    let app = desk().await;
    let (shown, hidden) = (plan(&app, "closed", true).await, plan(&app, "closed", false).await);
    let plans = app.http.get(app.public_url("/v1/plans")).send().await.unwrap();
    let plans: Value = plans.json().await.unwrap();
    assert_eq!(plans["items"].as_array().unwrap().len(), 1);
    assert_eq!(
        (&plans["items"][0]["id"], &plans["items"][0]["approval"]),
        (&json!(shown), &json!("closed"))
    );
    let refused = async |plan: &str| {
        let call = app.http.post(app.public_url("/v1/applications"));
        let answer = call.json(&wish(plan, "a@b.example")).send().await.unwrap();
        let said = problem(answer, 400, "invalid_body").await;
        let fault = &said["errors"][0];
        assert_eq!(fault["pointer"], "/plan_id");
        let (code, detail) = (fault["code"].as_str().unwrap(), said["detail"].as_str().unwrap());
        (code.to_owned(), detail.replace(plan, "X"))
    };
    let (code, detail) = refused(&shown).await;
    assert!(code == "not_allowed" && detail.contains("Write to the retailer"), "{code}: {detail}");
    let none = refused("pln_00000000000").await;
    assert_eq!(none.0, "not_found");
    assert_eq!(refused(&hidden).await, none);
}
