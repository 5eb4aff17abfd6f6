//! What is told of budgets: once for each amount and period, and at the latest when the period is closed.

use super::current::mondays;
use super::late::brought;
use super::{at, close_first, id, priced};
use crate::support::schema::documented;
use crate::support::{TestApp, TestKey, problem};
use serde_json::{Value, json};
use std::time::Instant;

/// In microseconds.
const MINUTE: i64 = 60_000_000;
const HOUR: i64 = 60 * MINUTE;

fn per_call() -> Value {
    json!({
        "currency": "EUR", "time_zone": "Europe/Paris",
        "charges": [{ "name": "calls", "meter": "requests", "model": "per_unit", "unit_price": "1.00" }],
    })
}

/// A shop that looks at what is due often, an app of it, and its plan.
async fn shop(now: &str) -> (TestApp, String, TestKey) {
    let app = TestApp::builder().fixed_clock(now).set("ALERTS__POLL_MS", "20").start().await;
    let (plan, key) = priced(&app, per_call()).await;
    (app, plan, key)
}

async fn set(app: &TestApp, budget: Value) -> Value {
    let made = app.admin_ok("POST", "/admin/v1/budgets", Some(budget)).await;
    documented(&made, "admin", "BudgetOut");
    made
}

/// What was told of budgets, the newest first, once there is so much; then there is no more.
async fn told(app: &TestApp, kind: &str, count: usize) -> Vec<Value> {
    let until = Instant::now() + crate::support::PATIENCE;
    loop {
        let page = app.admin_ok("GET", &format!("/admin/v1/alerts?kind={kind}"), None).await;
        let items = page["items"].as_array().unwrap().clone();
        if items.len() >= count {
            assert_eq!(items.len(), count, "{items:?}");
            return items;
        }
        assert!(Instant::now() < until, "{} of {count} alerts", items.len());
        crate::support::pause().await;
    }
}

fn thresholds(alerts: &[Value]) -> Vec<&str> {
    alerts.iter().map(|alert| alert["spend"]["threshold"].as_str().unwrap()).collect()
}

/// Waits until a budget was looked at at this instant of the clock or later.
async fn looked(app: &TestApp) {
    const FIND: &str = "SELECT MIN(looked_at) FROM budgets";
    let now = app.clock.now().0;
    let until = Instant::now() + crate::support::PATIENCE;
    loop {
        let at: Option<i64> = match &app.db {
            comptoir::storage::Db::Sqlite { read, .. } => {
                sqlx::query_scalar(FIND).fetch_one(read).await
            }
            comptoir::storage::Db::Postgres(pool) => sqlx::query_scalar(FIND).fetch_one(pool).await,
        }
        .unwrap();
        if at >= Some(now) {
            return;
        }
        assert!(Instant::now() < until, "no look since {now}: {at:?}");
        crate::support::pause().await;
    }
}

#[tokio::test]
async fn each_amount_is_told_once_whatever_nodes_restarts_and_corrections_there_are() {
    let (mut first, plan, key) = shop("2026-11-10T12:00:00Z").await;
    let asked = json!({
        "app_id": key.app_id, "amount": "10.00", "currency": "EUR", "percents": [100, 50], "amounts": ["8.00"],
    });
    let budget = set(&first, asked.clone()).await;
    let named: Vec<&Value> =
        budget["thresholds"].as_array().unwrap().iter().map(|it| &it["amount"]).collect();
    assert_eq!(named, [&json!("5.00"), &json!("8.00"), &json!("10.00")]);
    looked(&first).await;
    brought(&first, &key, (&plan, 2), &["2026-11-10T12:00:00Z"; 5]).await;
    first.clock.advance(6 * MINUTE);
    let alerts = told(&first, "spend", 1).await;
    documented(&json!({ "items": alerts, "next": null }), "admin", "PageOut_AdminAlertOut");
    let spend = &alerts[0]["spend"];
    assert_eq!((&spend["threshold"], &spend["percent"]), (&json!("5.00"), &json!(50)));
    assert_eq!((&spend["spent"], &spend["budget"]), (&json!("5.00"), &json!("10.00")));
    assert_eq!(spend["period_start"], "2026-10-31T23:00:00Z");
    assert_eq!((&alerts[0]["app_id"], &alerts[0]["quota"]), (&json!(key.app_id), &Value::Null));
    let own: Value =
        first.get(&key.text, "/v1/usage/alerts?kind=spend").await.json().await.unwrap();
    assert_eq!(own["items"][0]["spend"], *spend);

    // Another node, a start, and the same budget set anew tell none again.
    let mut second = first.beside().await;
    brought(&first, &key, (&plan, 2), &["2026-11-10T12:00:00Z"; 3]).await;
    first.clock.advance(6 * MINUTE);
    assert_eq!(thresholds(&told(&second, "spend", 2).await), ["8.00", "5.00"]);
    second.stop().await;
    first.stop().await;
    let mut third = first.beside().await;
    let path = format!("/admin/v1/budgets/{}", id(&budget));
    third.admin_ok("DELETE", &path, None).await;
    problem(third.admin("GET", &path, None).await, 404, "not_found").await;
    set(&third, asked).await;
    third.clock.advance(6 * MINUTE);
    looked(&third).await;
    assert_eq!(thresholds(&told(&third, "spend", 2).await), ["8.00", "5.00"]);

    // Two more, and then many at once in the next month.
    brought(&third, &key, (&plan, 2), &["2026-11-10T12:00:00Z"; 2]).await;
    third.clock.advance(6 * MINUTE);
    assert_eq!(thresholds(&told(&third, "spend", 3).await), ["10.00", "8.00", "5.00"]);
    at(&third, "2026-12-01T12:00:00Z");
    brought(&third, &key, (&plan, 2), &["2026-12-01T12:00:00Z"; 20]).await;
    third.clock.advance(6 * MINUTE);
    let alerts = told(&third, "spend", 6).await;
    assert_eq!(thresholds(&alerts[..3]), ["10.00", "8.00", "5.00"]);
    assert_eq!(alerts[0]["spend"]["period_start"], "2026-11-30T23:00:00Z");
    third.stop().await;
}

#[tokio::test]
async fn what_a_closed_period_comes_to_at_last_is_told_when_it_is_closed() {
    let (app, plan, key) = shop("2026-10-31T20:00:00Z").await;
    let budget =
        json!({ "app_id": key.app_id, "amount": "5.00", "currency": "EUR", "percents": [100] });
    set(&app, budget).await;
    brought(&app, &key, (&plan, 2), &["2026-10-31T20:00:00Z"; 3]).await;
    at(&app, "2026-11-05T00:00:00Z");
    looked(&app).await;
    // A node that was away brings more of October, which is not looked at any more.
    brought(&app, &key, (&plan, 2), &["2026-10-31T20:00:00Z"; 3]).await;
    app.clock.advance(2 * HOUR);
    looked(&app).await;
    assert_eq!(told(&app, "spend", 0).await, Vec::<Value>::new());
    let october = close_first(&app, "2026-11-05T03:00:00Z").await;
    let alerts = told(&app, "spend", 1).await;
    assert_eq!(alerts[0]["spend"]["period_id"], json!(october));
    assert_eq!(alerts[0]["spend"]["spent"], "6.00");
    app.clock.advance(2 * HOUR);
    looked(&app).await;
    assert_eq!(told(&app, "spend", 1).await, alerts);
}

#[tokio::test]
async fn a_budget_that_will_be_passed_is_told_once_and_before_it_is() {
    let (app, plan, key) = shop("2026-10-12T00:00:00Z").await;
    mondays(&app, &key, &plan).await;
    let budget =
        json!({ "app_id": key.app_id, "amount": "28.00", "currency": "EUR", "percents": [100] });
    set(&app, budget).await;
    let alerts = told(&app, "spend_projected", 1).await;
    let spend = &alerts[0]["spend"];
    assert_eq!((&spend["projected"], &spend["spent"]), (&json!("29.00"), &json!("14.00")));
    assert_eq!((&spend["threshold"], &spend["percent"]), (&Value::Null, &Value::Null));
    app.clock.advance(2 * HOUR);
    looked(&app).await;
    assert_eq!(told(&app, "spend_projected", 1).await, alerts);
    assert_eq!(told(&app, "spend", 0).await, Vec::<Value>::new());
}

#[tokio::test]
async fn the_apps_of_a_partner_are_counted_together_and_its_people_are_told() {
    let (app, plan, key) = shop("2026-11-10T12:00:00Z").await;
    let contacts = json!({ "contacts": [
        { "role": "billing", "name": "Ann", "email": "ann@partner.example" },
    ] });
    let partner = format!("/admin/v1/partners/{}", key.partner_id);
    app.admin_ok("PATCH", &partner, Some(contacts)).await;
    let other = json!({ "partner_id": key.partner_id, "plan_id": plan, "name": "other" });
    let other = id(&app.admin_ok("POST", "/admin/v1/apps", Some(other)).await);
    let (own_key, text, partner_id) = (key.id.clone(), key.text.clone(), key.partner_id.clone());
    let other = TestKey { id: own_key, text, app_id: other, partner_id };
    let budget = json!({ "partner_id": key.partner_id, "amount": "6.00", "currency": "EUR", "percents": [100] });
    set(&app, budget).await;
    app.clock.advance(MINUTE);
    brought(&app, &key, (&plan, 2), &["2026-11-10T12:00:30Z"; 3]).await;
    brought(&app, &other, (&plan, 2), &["2026-11-10T12:00:30Z"; 2]).await;
    app.clock.advance(6 * MINUTE);
    looked(&app).await;
    assert_eq!(told(&app, "spend", 0).await, Vec::<Value>::new());
    brought(&app, &other, (&plan, 2), &["2026-11-10T12:00:30Z"; 1]).await;
    app.clock.advance(6 * MINUTE);
    let alerts = told(&app, "spend", 1).await;
    assert_eq!(
        (&alerts[0]["app_id"], &alerts[0]["spend"]["spent"]),
        (&Value::Null, &json!("6.00"))
    );
    let mails = app.admin_ok("GET", "/admin/v1/mails", None).await;
    let subjects: Vec<&Value> =
        mails["items"].as_array().unwrap().iter().map(|mail| &mail["subject_id"]).collect();
    assert_eq!(subjects, [&alerts[0]["id"]]);
}

#[tokio::test]
async fn a_budget_that_makes_no_sense_is_refused_and_says_why() {
    let (app, _, key) = shop("2026-11-10T12:00:00Z").await;
    let good = json!({ "app_id": key.app_id, "amount": "10.00", "currency": "EUR" });
    for (field, wrong, pointer) in [
        ("amount", json!("10.001"), "/amount"),
        ("amount", json!("0"), "/amount"),
        ("currency", json!("EURO"), "/currency"),
        ("percents", json!([0]), "/percents/0"),
        ("percents", json!([]), "/percents"),
        ("amounts", json!(["x"]), "/amounts/0"),
        ("partner_id", json!(key.partner_id), "/app_id"),
    ] {
        let mut asked = good.clone();
        asked[field] = wrong;
        let refused = app.admin("POST", "/admin/v1/budgets", Some(asked)).await;
        let refused = problem(refused, 400, "invalid_body").await;
        assert_eq!(refused["errors"][0]["pointer"], pointer, "{refused}");
    }
    let nobody = json!({ "app_id": "app_00000000009", "amount": "10.00", "currency": "EUR" });
    problem(app.admin("POST", "/admin/v1/budgets", Some(nobody)).await, 404, "not_found").await;
    let made = set(&app, good.clone()).await;
    problem(app.admin("POST", "/admin/v1/budgets", Some(good)).await, 409, "conflict").await;
    let listed = format!("/admin/v1/budgets?app_id={}", key.app_id);
    assert_eq!(app.admin_ok("GET", &listed, None).await["items"], json!([made]));
    let audit = app.admin_ok("GET", "/admin/v1/audit?limit=1", None).await;
    assert_eq!(audit["items"][0]["action"], "budget.create", "{audit}");
}
