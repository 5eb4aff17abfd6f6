//! What partners and retailer are told of usage, and to whom it comes.

mod mails;
mod messages;
mod unusual;

use crate::support::redis::RedisServer;
use crate::support::schema::documented;
use crate::support::{NOON, TestApp, TestKey, data, problem};
use serde_json::{Value, json};
use std::time::Instant;

const HOUR: i64 = 3_600_000_000;
const DAY: i64 = 24 * HOUR;

/// A shop that looks at quotas often, with further settings.
async fn shop(settings: &[(&str, &str)]) -> TestApp {
    let app = TestApp::builder().fixed_clock(NOON).set("ALERTS__POLL_MS", "20");
    let app = settings.iter().fold(app, |app, (key, value)| app.set(key, value)).start().await;
    app.stock_shelves(1, 1).await;
    app
}

fn product() -> String {
    format!("/v1/products/{}", data::product_id(0))
}

async fn call(app: &TestApp, key: &TestKey, times: u32) {
    for _ in 0..times {
        let answer = app.get(&key.text, &product()).await;
        assert_eq!(answer.status(), 200);
        answer.bytes().await.unwrap();
    }
}

async fn month(app: &TestApp, quota: u32) -> String {
    app.plan(json!([{ "name": "month", "quota": quota, "period": "month" }])).await
}

/// The alerts of a list, the newest first, once there are so many; then there are no more.
async fn alerts(app: &TestApp, query: &str, count: usize) -> Vec<Value> {
    let until = Instant::now() + crate::support::PATIENCE;
    loop {
        let told = app.admin_ok("GET", &format!("/admin/v1/alerts{query}"), None).await;
        let items = told["items"].as_array().unwrap().clone();
        if items.len() >= count {
            assert_eq!(items.len(), count, "{items:?}");
            return items;
        }
        assert!(Instant::now() < until, "{} of {count} alerts", items.len());
        crate::support::pause().await;
    }
}

fn percents(alerts: &[Value]) -> Vec<u64> {
    alerts.iter().map(|alert| alert["quota"]["percent"].as_u64().unwrap()).collect()
}

async fn contacts(app: &TestApp, key: &TestKey, contacts: Value) {
    let path = format!("/admin/v1/partners/{}", key.partner_id);
    app.admin_ok("PATCH", &path, Some(json!({ "contacts": contacts }))).await;
}

#[tokio::test]
async fn each_threshold_is_told_once_whatever_nodes_and_restarts_there_are() {
    let mut first = shop(&[]).await;
    let plan = month(&first, 10).await;
    let key = first.key_under(&plan, json!({})).await;
    let mut second = first.beside().await;
    call(&first, &key, 4).await;
    call(&second, &key, 1).await;
    let told = alerts(&first, "", 1).await;
    let quota = &told[0]["quota"];
    assert_eq!((&told[0]["kind"], &quota["limit"]), (&json!("threshold"), &json!("month")));
    assert_eq!((&quota["used"], &quota["quota"]), (&json!("5.000"), &json!(10)));
    assert_eq!((&told[0]["app_id"], &told[0]["key_id"]), (&json!(key.app_id), &Value::Null));
    assert_eq!(quota["period_end"], "2026-12-01T00:00:00Z");
    documented(&json!({ "items": told, "next": null }), "admin", "PageOut_AdminAlertOut");
    first.clock.advance(1_000);
    call(&second, &key, 3).await;
    assert_eq!(percents(&alerts(&second, "", 2).await), [80, 50]);
    first.clock.advance(1_000);
    call(&first, &key, 2).await;
    assert_eq!(percents(&alerts(&first, "", 3).await), [100, 80, 50]);
    // Neither a new node nor a start tells any again: the next to be told is of the next month.
    second.stop().await;
    first.stop().await;
    let mut third = first.beside().await;
    third.clock.advance(10 * DAY);
    call(&third, &key, 5).await;
    let told = alerts(&third, "", 4).await;
    assert_eq!(percents(&told), [50, 100, 80, 50]);
    assert_eq!(told[0]["quota"]["period_start"], "2026-12-01T00:00:00Z");
    third.stop().await;
}

#[tokio::test]
async fn what_is_reached_at_once_is_told_from_the_least_on_and_an_edit_counts_at_once() {
    let app = shop(&[("ALERTS__THRESHOLDS", "100, 50, 80, 200")]).await;
    let plan = month(&app, 1_000).await;
    let key = app.key_under(&plan, json!({})).await;
    call(&app, &key, 9).await;
    app.wait_for_gauge("events_folded_total", 9).await;
    // Nine of a thousand are nothing, of ten they are 90 percent, of nine all.
    let edit =
        |quota: u32| json!({ "limits": [{ "name": "month", "quota": quota, "period": "month" }] });
    let path = format!("/admin/v1/plans/{plan}");
    app.admin_ok("PATCH", &path, Some(edit(10))).await;
    let told = alerts(&app, "", 2).await;
    assert_eq!(percents(&told), [80, 50]);
    assert_eq!(told[0]["quota"]["plan_version"], 2);
    app.clock.advance(1_000);
    app.admin_ok("PATCH", &path, Some(edit(9))).await;
    assert_eq!(percents(&alerts(&app, "", 3).await), [100, 80, 50]);
    app.clock.advance(1_000);
    app.admin_ok("PATCH", &path, Some(edit(4))).await;
    assert_eq!(percents(&alerts(&app, "", 4).await), [200, 100, 80, 50]);
}

#[tokio::test]
async fn a_call_at_the_end_of_a_period_counts_for_that_period() {
    let app = shop(&[]).await;
    app.clock.advance(8 * DAY + 12 * HOUR - 1);
    let plan = month(&app, 2).await;
    let key = app.key_under(&plan, json!({})).await;
    call(&app, &key, 1).await;
    app.clock.advance(1);
    let told = alerts(&app, "", 1).await;
    assert_eq!(told[0]["quota"]["period_end"], "2026-12-01T00:00:00Z");
}

#[tokio::test]
async fn what_no_node_has_noticed_before_a_period_ended_is_told_after_a_start() {
    let mut app = shop(&[("ALERTS__POLL_MS", "60000")]).await;
    app.clock.advance(8 * DAY + 12 * HOUR - 1);
    let plan = month(&app, 2).await;
    let key = app.key_under(&plan, json!({})).await;
    call(&app, &key, 1).await;
    app.stop().await;
    app.clock.advance(DAY);
    let again = app.beside().await;
    let told = alerts(&again, "", 1).await;
    assert_eq!(told[0]["quota"]["period_end"], "2026-12-01T00:00:00Z");
}

#[tokio::test]
async fn it_is_the_same_where_nodes_share_the_counters() {
    for backend in ["strict", "leased"] {
        let Some(redis) = RedisServer::start() else { return };
        let url = redis.url();
        let app = shop(&[("LIMITS__BACKEND", backend), ("REDIS__URL", &url)]).await;
        let plan = month(&app, 4).await;
        let key = app.key_under(&plan, json!({})).await;
        for (calls, told) in [(2, vec![50]), (1, vec![50]), (1, vec![100, 80, 50])] {
            call(&app, &key, calls).await;
            app.clock.advance(1_000);
            assert_eq!(percents(&alerts(&app, "", told.len()).await), told, "{backend}");
        }
    }
}

#[tokio::test]
async fn partners_see_what_is_theirs_and_test_keys_make_none() {
    let app = shop(&[]).await;
    let all = json!([
        { "name": "all", "quota": 4, "period": "month", "per": "partner" },
        { "name": "own", "quota": 10, "period": "day", "per": "key" },
    ]);
    let plan = app.plan(all).await;
    let (key, other) =
        (app.key_under(&plan, json!({})).await, app.key_under(&plan, json!({})).await);
    let test = json!({ "app_id": key.app_id, "name": "test", "environment": "test" });
    let test = app.admin_ok("POST", "/admin/v1/keys", Some(test)).await;
    for _ in 0..4 {
        let answer = app.get(test["text"].as_str().unwrap(), &product()).await;
        answer.bytes().await.unwrap();
    }
    call(&app, &other, 2).await;
    call(&app, &key, 3).await;
    // Half of four for the other partner, then half of four for this one: what its test key did is nothing.
    let told = alerts(&app, "", 2).await;
    assert_eq!(percents(&told), [50, 50]);
    let own = alerts(&app, &format!("?partner_id={}", key.partner_id), 1).await;
    assert_eq!((&own[0]["app_id"], &own[0]["quota"]["per"]), (&Value::Null, &json!("partner")));
    alerts(&app, &format!("?app_id={}", key.app_id), 0).await;
    app.clock.advance(1_000);
    call(&app, &key, 1).await;
    alerts(&app, "", 4).await;
    let seen: Value = app.get(&key.text, "/v1/usage/alerts?limit=2").await.json().await.unwrap();
    documented(&seen, "partner", "PageOfAlerts");
    assert_eq!(percents(seen["items"].as_array().unwrap()), [100, 80]);
    let next = seen["next"].as_str().unwrap();
    let rest: Value = app.get(&key.text, next).await.json().await.unwrap();
    assert_eq!(
        (percents(rest["items"].as_array().unwrap()), &rest["next"]),
        (vec![50], &Value::Null)
    );
    let none: Value =
        app.get(&key.text, "/v1/usage/alerts?kind=silence").await.json().await.unwrap();
    assert_eq!(none["items"], json!([]));
    let since = "/v1/usage/alerts?since=2026-11-22T12:00:01Z";
    let none: Value = app.get(&key.text, since).await.json().await.unwrap();
    assert_eq!(none["items"], json!([]));
    problem(app.get(&key.text, "/v1/usage/alerts?kind=loud").await, 400, "invalid_parameter").await;
}
