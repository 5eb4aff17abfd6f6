//! Apps are renamed and put on other plans: both at once or neither, and what they have used stays theirs.

use crate::support::{NOON, TestApp, data, problem};
use comptoir::feeds::Feed;
use comptoir::kernel::clock::SECOND;
use serde_json::{Value, json};

async fn entries(app: &TestApp, action: &str) -> Vec<Value> {
    let log = app.admin("GET", "/admin/v1/audit/export", None).await.text().await.unwrap();
    let lines = log.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    lines.filter(|entry| entry["action"] == action).collect()
}

#[tokio::test]
async fn an_app_takes_another_name_and_its_keys_and_counters_go_on() {
    let app = TestApp::builder().fixed_clock(NOON).start().await;
    let plan = app.plan(json!([{ "name": "year", "quota": 100, "period": "year" }])).await;
    let key = app.key_under(&plan, json!({})).await;
    let place = format!("/admin/v1/apps/{}", key.app_id);
    assert_eq!(app.import(Feed::Products, &[data::product(0)]).await.rejected, 0);
    let product = format!("/v1/products/{}", data::product_id(0));
    assert_eq!(app.get(&key.text, &product).await.status(), 200);
    let used = async || {
        let usage: Value = app.get(&key.text, "/v1/usage").await.json().await.unwrap();
        usage["limits"][0]["used"].as_str().unwrap().to_owned()
    };
    assert_eq!(used().await, "1.000");
    let before = app.admin_ok("GET", &place, None).await;

    app.clock.advance(SECOND);
    let renamed = app.admin_ok("PATCH", &place, Some(json!({ "name": "Comparateur" }))).await;
    assert_eq!((&renamed["name"], &renamed["plan_id"]), (&json!("Comparateur"), &json!(plan)));
    assert_ne!(renamed["updated_at"], before["updated_at"]);
    assert_eq!(app.admin_ok("GET", &place, None).await, renamed);
    assert_eq!(used().await, "1.000");
    let told = entries(&app, "app.rename").await;
    assert_eq!(told.len(), 1, "{told:?}");
    let detail: Value = serde_json::from_str(told[0]["detail"].as_str().unwrap()).unwrap();
    assert_eq!(
        (&told[0]["subject"], detail),
        (&json!(key.app_id), json!({ "name": "Comparateur" }))
    );
    // The same again is no change.
    app.clock.advance(SECOND);
    let again = app.admin_ok("PATCH", &place, Some(json!({ "name": "Comparateur" }))).await;
    assert_eq!(again, renamed);
    assert_eq!(entries(&app, "app.rename").await.len(), 1);
}

#[tokio::test]
async fn name_and_plan_of_an_app_change_together_or_not_at_all() {
    let app = TestApp::builder().fixed_clock(NOON).start().await;
    let key = app.key(json!({})).await;
    let place = format!("/admin/v1/apps/{}", key.app_id);
    let other = app.plan(json!([{ "name": "day", "quota": 10, "window_s": 86_400 }])).await;
    let second = json!({ "partner_id": key.partner_id, "plan_id": other, "name": "Second" });
    app.admin_ok("POST", "/admin/v1/apps", Some(second)).await;
    let before = app.admin_ok("GET", &place, None).await;
    let patch = async |body: Value| app.admin("PATCH", &place, Some(body)).await;

    let taken = patch(json!({ "name": "Second", "plan_id": other })).await;
    let taken = problem(taken, 409, "conflict").await;
    assert!(taken["detail"].as_str().unwrap().contains("`Second` belongs to another app"));
    let none = patch(json!({ "name": "Third", "plan_id": "pln_00000000000" })).await;
    let none = problem(none, 400, "invalid_body").await;
    assert_eq!(none["errors"][0]["pointer"], "/plan_id");
    for (body, pointer) in [
        (json!({}), ""),
        (json!({ "name": "" }), "/name"),
        (json!({ "name": "x".repeat(101) }), "/name"),
        (json!({ "name": "a\nb" }), "/name"),
    ] {
        let refused = problem(patch(body.clone()).await, 400, "invalid_body").await;
        assert_eq!(refused["errors"][0]["pointer"], pointer, "{body}: {refused}");
    }
    let nobody = "/admin/v1/apps/app_00000000000";
    let nobody = app.admin("PATCH", nobody, Some(json!({ "name": "Third" }))).await;
    problem(nobody, 404, "not_found").await;
    assert_eq!(app.admin_ok("GET", &place, None).await, before);

    let both = json!({ "name": "Third", "plan_id": other });
    let both = app.admin_ok("PATCH", &place, Some(both)).await;
    assert_eq!((&both["name"], &both["plan_id"]), (&json!("Third"), &json!(other)));
    // What is frozen keeps its name.
    let freeze = json!({ "reason": "Looked into" });
    app.admin_ok("POST", &format!("{place}/freeze"), Some(freeze)).await;
    problem(patch(json!({ "name": "Fourth" })).await, 409, "conflict").await;
    assert_eq!(app.admin_ok("GET", &place, None).await["name"], "Third");
}
