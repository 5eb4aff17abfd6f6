//! Limits as partners meet them.

use crate::support::{NOON, TestApp, data, problem};
use serde_json::json;

#[tokio::test]
async fn limits_are_told_on_every_answer_and_hold_to_the_unit() {
    let app = TestApp::builder().fixed_clock(NOON).start().await;
    app.stock_shelves(1, 1).await;
    let plan = app
        .plan(json!([
            { "name": "burst", "quota": 3, "window_s": 3 },
            { "name": "day", "quota": 100, "window_s": 86_400 },
        ]))
        .await;
    let key = app.key_under(&plan, json!({})).await;
    let path = format!("/v1/products/{}", data::product_id(0));
    for left in [2, 1, 0] {
        let answer = app.get(&key.text, &path).await;
        assert_eq!(answer.status(), 200);
        assert_eq!(
            answer.headers()["ratelimit-policy"],
            "\"burst\";q=3;w=3, \"day\";q=100;w=86400"
        );
        let now = answer.headers()["ratelimit"].to_str().unwrap().to_owned();
        assert!(now.starts_with(&format!("\"burst\";r={left};t=")), "{now}");
        assert!(now.contains(&format!("\"day\";r={};t=", 97 + left)), "{now}");
    }
    let refused = app.get(&key.text, &path).await;
    assert_eq!(refused.headers()["retry-after"], "1");
    assert!(refused.headers()["ratelimit"].to_str().unwrap().contains("\"day\";r=97;"));
    let document = problem(refused, 429, "quota_exceeded").await;
    assert_eq!(document["violated-policies"], json!(["burst"]));
    assert_eq!(document["type"], "https://iana.org/assignments/http-problem-types#quota-exceeded");

    app.clock.advance(999_999);
    problem(app.get(&key.text, &path).await, 429, "quota_exceeded").await;
    app.clock.advance(1);
    assert_eq!(app.get(&key.text, &path).await.status(), 200);
    problem(app.get(&key.text, &path).await, 429, "quota_exceeded").await;
}

#[tokio::test]
async fn counters_of_what_is_limited_no_more_are_forgotten() {
    let app = TestApp::start().await;
    let limit = |per: &str| json!([{ "name": "burst", "quota": 3, "window_s": 3, "per": per }]);
    let plan = app.plan(limit("key")).await;
    let key = app.key_under(&plan, json!({})).await;
    let another = json!({ "app_id": key.app_id, "name": "other", "environment": "live" });
    app.admin_ok("POST", "/admin/v1/keys", Some(another)).await;
    app.wait_until_gauge("limit_accounts", |accounts| accounts == 2).await;
    let patch = Some(json!({ "limits": limit("app") }));
    app.admin_ok("PATCH", &format!("/admin/v1/plans/{plan}"), patch).await;
    app.wait_until_gauge("limit_accounts", |accounts| accounts == 1).await;
}

#[tokio::test]
async fn the_limit_nearest_to_its_end_is_told_to_older_clients_where_that_is_set() {
    let app = TestApp::builder()
        .set("LIMITS__X_RATELIMIT_HEADERS", "true")
        .fixed_clock(NOON)
        .start()
        .await;
    app.stock_shelves(1, 1).await;
    let plan = app
        .plan(json!([
            { "name": "day", "quota": 5, "window_s": 86_400 },
            { "name": "burst", "quota": 3, "window_s": 3 },
        ]))
        .await;
    let key = app.key_under(&plan, json!({})).await;
    let product = format!("/v1/products/{}", data::product_id(0));
    // The short way and the long way, then after a while when the day is nearer to its end.
    for (path, wait, told) in [
        (&*product, 0, ["3", "2", "1"]),
        ("/v1/products", 0, ["3", "1", "2"]),
        (&product, 10_000_000, ["5", "2", "51830"]),
    ] {
        app.clock.advance(wait);
        let answer = app.get(&key.text, path).await;
        let names = ["limit", "remaining", "reset"].map(|name| format!("x-ratelimit-{name}"));
        assert_eq!(names.map(|name| answer.headers()[&name].to_str().unwrap().to_owned()), told);
    }
    let plain = TestApp::start().await;
    let key = plain.key(json!({})).await;
    assert!(!plain.get(&key.text, "/v1/usage").await.headers().contains_key("x-ratelimit-limit"));
}

#[tokio::test]
async fn keys_of_an_app_share_its_limits_and_live_and_test_do_not() {
    let app = TestApp::builder().fixed_clock(NOON).start().await;
    app.stock_shelves(1, 1).await;
    let plan = app.plan(json!([{ "name": "day", "quota": 2, "window_s": 86_400 }])).await;
    let first = app.key_under(&plan, json!({})).await;
    let body = |environment: &str| json!({ "app_id": first.app_id, "name": "other", "environment": environment });
    let second = app.admin_ok("POST", "/admin/v1/keys", Some(body("live"))).await;
    let test = app.admin_ok("POST", "/admin/v1/keys", Some(body("test"))).await;
    let path = format!("/v1/products/{}", data::product_id(0));
    assert_eq!(app.get(&first.text, &path).await.status(), 200);
    assert_eq!(app.get(second["text"].as_str().unwrap(), &path).await.status(), 200);
    problem(app.get(&first.text, &path).await, 429, "quota_exceeded").await;
    problem(app.get(second["text"].as_str().unwrap(), &path).await, 429, "quota_exceeded").await;
    assert_eq!(app.get(test["text"].as_str().unwrap(), &path).await.status(), 200);
}

#[tokio::test]
async fn a_plan_edit_and_a_new_key_reset_no_counter() {
    let app = TestApp::builder().fixed_clock(NOON).start().await;
    app.stock_shelves(1, 1).await;
    let plan = app.plan(json!([{ "name": "day", "quota": 10, "window_s": 86_400 }])).await;
    let key = app.key_under(&plan, json!({})).await;
    let path = format!("/v1/products/{}", data::product_id(0));
    for _ in 0..10 {
        assert_eq!(app.get(&key.text, &path).await.status(), 200);
    }
    let edit = json!({ "limits": [{ "name": "day", "quota": 12, "window_s": 86_400 }] });
    app.admin_ok("PATCH", &format!("/admin/v1/plans/{plan}"), Some(edit)).await;
    let answer = app.get(&key.text, &path).await;
    assert_eq!(answer.status(), 200);
    assert!(answer.headers()["ratelimit"].to_str().unwrap().starts_with("\"day\";r=1;"));
    assert_eq!(app.get(&key.text, &path).await.status(), 200);
    problem(app.get(&key.text, &path).await, 429, "quota_exceeded").await;
}

#[tokio::test]
async fn a_limit_keeps_its_name_for_counters_go_by_it() {
    let app = TestApp::builder().fixed_clock(NOON).start().await;
    let day = json!({ "name": "day", "quota": 10, "window_s": 86_400 });
    let plan = app.plan(json!([day])).await;
    let place = format!("/admin/v1/plans/{plan}");
    let renamed = json!({ "limits": [{ "name": "tag", "quota": 10, "window_s": 86_400 }] });
    let refused =
        problem(app.admin("PATCH", &place, Some(renamed)).await, 400, "invalid_body").await;
    assert_eq!(refused["errors"][0]["code"], "renamed_limit", "{refused}");
    let detail = refused["errors"][0]["message"].as_str().unwrap();
    assert!(
        detail.contains("`tag` is `day` by another name") && detail.contains("call it `day`"),
        "{detail}"
    );
    // Another limit beside it, which keeps its name too; and one that counts otherwise in its place.
    let month = json!({ "name": "month", "quota": 100, "period": "month" });
    app.admin_ok("PATCH", &place, Some(json!({ "limits": [day, month] }))).await;
    let monat = json!({ "name": "monat", "quota": 100, "period": "month" });
    let refused = app.admin("PATCH", &place, Some(json!({ "limits": [day, monat] }))).await;
    problem(refused, 400, "invalid_body").await;
    let burst = json!({ "name": "burst", "quota": 5, "window_s": 1 });
    app.admin_ok("PATCH", &place, Some(json!({ "limits": [burst, month] }))).await;
}

#[tokio::test]
async fn of_many_calls_at_once_exactly_the_quota_is_admitted() {
    let app = TestApp::builder().fixed_clock(NOON).start().await;
    app.stock_shelves(1, 1).await;
    let plan = app.plan(json!([{ "name": "day", "quota": 100, "window_s": 86_400 }])).await;
    let key = app.key_under(&plan, json!({})).await;
    let path = format!("/v1/products/{}", data::product_id(0));
    let calls = (0..300).map(|_| app.get(&key.text, &path));
    let answers = futures_util::future::join_all(calls).await;
    let admitted = answers.iter().filter(|a| a.status() == 200).count();
    let refused = answers.iter().filter(|a| a.status() == 429).count();
    assert_eq!((admitted, refused), (100, 200));
}
