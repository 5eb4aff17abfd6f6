//! What the open period has come to: the charges' places in their tiers, and what the period is expected to come to.

use super::late::brought;
use super::{at, edit, own, priced, statement};
use crate::support::schema::documented;
use crate::support::{TestApp, TestKey};
use serde_json::{Value, json};

/// The one open period of an app, as its partner and the retailer see it.
async fn current(app: &TestApp, key: &TestKey) -> Value {
    let found: Value = app.get(&key.text, "/v1/usage/current").await.json().await.unwrap();
    documented(&found, "partner", "CurrentUsageOut");
    let path = format!("/admin/v1/apps/{}/usage/current", key.app_id);
    let by_admin = app.admin_ok("GET", &path, None).await;
    assert_eq!((&by_admin["items"], &by_admin["app_id"]), (&found["items"], &json!(key.app_id)));
    let [period] = <[Value; 1]>::try_from(found["items"].as_array().unwrap().clone()).unwrap();
    period
}

/// What the period has come to, and that the statement says the same.
async fn agreed(app: &TestApp, key: &TestKey) -> Value {
    let period = current(app, key).await;
    let stated = statement(app, key, period["statement_id"].as_str().unwrap()).await;
    for same in ["period_id", "from", "to", "time_zone", "currency", "exact", "total"] {
        assert_eq!(period[same], stated[same], "{same}");
    }
    assert_eq!(
        period["sections"].as_array().unwrap().len(),
        stated["sections"].as_array().unwrap().len()
    );
    period
}

fn charges(period: &Value) -> Vec<Value> {
    let sections = period["sections"].as_array().unwrap().iter();
    sections.flat_map(|section| section["charges"].as_array().unwrap().clone()).collect()
}

/// Prices of all models in a currency, of units that cost `unit`, half of it, and a quarter.
fn tiered(currency: &str, [unit, half, quarter]: [&str; 3]) -> Value {
    let tiers = json!([
        { "up_to": 3, "unit_price": unit }, { "up_to": 5, "unit_price": half }, { "unit_price": quarter },
    ]);
    let charge = |name: &str, model: &str| json!({ "name": name, "meter": "requests", "model": model, "included": 2, "tiers": tiers });
    json!({
        "currency": currency, "time_zone": "Europe/Paris",
        "charges": [charge("steps", "graduated"), charge("all", "volume"), {
            "name": "packs", "meter": "requests", "model": "package", "included": 2,
            "package_size": 3, "package_price": unit,
        }],
    })
}

#[tokio::test]
async fn a_charge_tells_its_tier_up_to_the_last_unit_and_behind_it() {
    for (currency, prices, zero) in [
        ("EUR", ["4.00", "2.00", "1.00"], "0.00"),
        ("JPY", ["400", "200", "100"], "0"),
        ("KWD", ["0.400", "0.200", "0.100"], "0.000"),
    ] {
        let app = TestApp::builder().fixed_clock("2026-11-10T12:00:00Z").start().await;
        let (plan, key) = priced(&app, tiered(currency, prices)).await;
        let mut calls = 0;
        // Two are included, so tiers end with the fifth and the seventh call, and packages with the fifth and the eighth.
        for (upto, included_left, from, up_to, left, next, packs) in [
            (0, "2", 0, json!(3), json!("3"), json!(3), (0, "0")),
            (1, "1", 0, json!(3), json!("3"), json!(3), (0, "0")),
            (4, "0", 0, json!(3), json!("1"), json!(3), (1, "1")),
            (5, "0", 0, json!(3), json!("0"), json!(3), (1, "0")),
            (6, "0", 3, json!(5), json!("1"), json!(5), (2, "2")),
            (7, "0", 3, json!(5), json!("0"), json!(5), (2, "1")),
            (8, "0", 5, Value::Null, Value::Null, Value::Null, (2, "0")),
            (9, "0", 5, Value::Null, Value::Null, Value::Null, (3, "2")),
        ] {
            let instants = vec!["2026-11-10T11:30:00Z"; upto - calls];
            if !instants.is_empty() {
                brought(&app, &key, (&plan, 2), &instants).await;
            }
            calls = upto;
            let period = agreed(&app, &key).await;
            let [steps, all, packs_now] = <[Value; 3]>::try_from(charges(&period)).unwrap();
            for charge in [&steps, &all] {
                assert_eq!(charge["quantity"], json!(upto.to_string()), "{currency} {upto}");
                assert_eq!(charge["included_left"], included_left, "{currency} {upto}");
                assert_eq!(charge["tier"]["from"], from, "{currency} {upto}");
                assert_eq!(charge["tier"]["up_to"], up_to, "{currency} {upto}");
                assert_eq!(charge["left_in_tier"], left, "{currency} {upto}");
                let behind = charge["next_tier"].get("from").cloned().unwrap_or_default();
                assert_eq!(behind, next, "{currency} {upto}");
                assert_eq!(charge["unit_price"], charge["tier"]["unit_price"]);
            }
            let told = &packs_now["packages"];
            assert_eq!((&told["begun"], &told["left"]), (&json!(packs.0), &json!(packs.1)));
        }
        let [steps, all, packs] =
            <[Value; 3]>::try_from(charges(&agreed(&app, &key).await)).unwrap();
        let amounts = [&steps, &all, &packs].map(|charge| charge["amount_exact"].as_str().unwrap());
        // Three at the first price, two at the second, two at the third; all seven at the third; three packages.
        let expected = match currency {
            "EUR" => ["18.00", "7.00", "12.00"],
            "JPY" => ["1800", "700", "1200"],
            _ => ["1.800", "0.700", "1.200"],
        };
        assert_eq!(amounts, expected);
        assert_eq!(steps["tier"]["flat"], zero);
    }
}

#[tokio::test]
async fn a_change_of_prices_in_a_period_shows_both_lists_and_which_holds() {
    let app = TestApp::builder().fixed_clock("2026-11-15T23:00:00Z").start().await;
    let list = |price: &str| {
        json!({
            "currency": "EUR", "time_zone": "Europe/Paris", "fee": "30.00", "proration": "by_second",
            "charges": [{
                "name": "calls", "meter": "requests", "model": "per_unit", "included": 4, "unit_price": price,
            }],
        })
    };
    let (plan, key) = priced(&app, list("1.00")).await;
    brought(&app, &key, (&plan, 2), &["2026-11-15T23:10:00Z"; 3]).await;
    at(&app, "2026-11-23T11:00:00Z");
    edit(&app, &plan, json!({ "prices": list("9.00"), "prices_from": "now" })).await;
    brought(&app, &key, (&plan, 3), &["2026-11-23T11:00:00Z"; 2]).await;
    let period = agreed(&app, &key).await;
    let sections = period["sections"].as_array().unwrap();
    let held: Vec<&Value> = sections.iter().map(|section| &section["in_force"]).collect();
    assert_eq!(held, [&json!(false), &json!(true)]);
    // A quarter of the month each, so one of the four units each.
    let told = |n: usize, field: &str| sections[n]["charges"][0][field].clone();
    assert_eq!((told(0, "included"), told(0, "charged")), (json!(1), json!("2")));
    assert_eq!((told(1, "included"), told(1, "unit_price")), (json!(1), json!("9.00")));
    assert_eq!((told(0, "amount_exact"), told(1, "amount_exact")), (json!("2.00"), json!("9.00")));
}

#[tokio::test]
async fn prices_that_wait_can_be_put_in_force_at_once() {
    let app = TestApp::builder().fixed_clock("2026-11-15T23:00:00Z").start().await;
    let (plan, key) = priced(&app, per_call()).await;
    at(&app, "2026-11-23T11:00:00Z");
    let mut dearer = per_call();
    dearer["charges"][0]["unit_price"] = json!("9.00");
    let prices = async || -> Vec<Value> {
        let period = agreed(&app, &key).await;
        let sections = period["sections"].as_array().unwrap().iter();
        sections.map(|section| section["charges"][0]["unit_price"].clone()).collect()
    };
    edit(&app, &plan, json!({ "prices": dearer })).await;
    assert_eq!(prices().await, ["1.00"]);
    // The same ones, from now on; and again, which changes nothing.
    let version = async |patch: Value| {
        let path = format!("/admin/v1/plans/{plan}");
        app.admin_ok("PATCH", &path, Some(patch)).await["version"].as_u64().unwrap()
    };
    let now = json!({ "prices": dearer, "prices_from": "now" });
    let first = version(now.clone()).await;
    assert_eq!(prices().await, ["1.00", "9.00"]);
    assert_eq!(version(now).await, first);
    assert_eq!(version(json!({ "prices_from": "now" })).await, first);
}

#[tokio::test]
async fn a_period_ends_at_midnight_in_its_zone_and_a_free_plan_has_none() {
    let app = TestApp::builder().fixed_clock("2026-10-31T22:59:59.999999Z").start().await;
    let (_, key) = priced(&app, tiered("EUR", ["1.00", "1.00", "1.00"])).await;
    let october = current(&app, &key).await;
    assert_eq!(
        (&october["from"], &october["to"]),
        (&json!("2026-09-30T22:00:00Z"), &json!("2026-10-31T23:00:00Z"))
    );
    app.clock.advance(1);
    let november = current(&app, &key).await;
    assert_eq!(
        (&november["from"], &november["to"]),
        (&json!("2026-10-31T23:00:00Z"), &json!("2026-11-30T23:00:00Z"))
    );
    assert_eq!(november["not_projected"], "no_calls");
    let plan = app.plan(json!([{ "name": "burst", "quota": 9, "window_s": 1 }])).await;
    let free = app.key_under(&plan, json!({})).await;
    let found: Value = app.get(&free.text, "/v1/usage/current").await.json().await.unwrap();
    assert_eq!(found["items"], json!([]));
    let lag = found["lag_ms"].as_u64().unwrap();
    assert!(lag < 60_000 && found["as_of"].is_string(), "{found}");
}

fn per_call() -> Value {
    json!({
        "currency": "EUR", "time_zone": "Europe/Paris",
        "charges": [{ "name": "calls", "meter": "requests", "model": "per_unit", "unit_price": "1.00" }],
    })
}

#[tokio::test]
async fn a_new_app_is_projected_in_proportion_also_over_a_change_of_clocks() {
    let app = TestApp::builder().fixed_clock("2026-10-22T22:00:00Z").start().await;
    let (plan, key) = priced(&app, per_call()).await;
    let day = |day: u32, hour: u32| format!("2026-10-{day}T{hour:02}:30:00Z");
    let first: Vec<String> = (22..24).map(|hour| day(22, hour)).collect();
    let then: Vec<String> = (0..24).map(|hour| day(23, hour)).collect();
    let last: Vec<String> = (0..22).map(|hour| day(24, hour)).collect();
    let instants: Vec<&str> = first.iter().chain(&then).chain(&last).map(String::as_str).collect();
    brought(&app, &key, (&plan, 2), &instants).await;
    at(&app, "2026-10-23T21:59:59Z");
    assert_eq!(current(&app, &key).await["not_projected"], "too_new");
    // Midnight in Paris. What is left of October is a week and an hour: 169 calls at one an hour.
    at(&app, "2026-10-24T22:00:00Z");
    let period = agreed(&app, &key).await;
    assert_eq!((&period["total"], &period["not_projected"]), (&json!("48.00"), &Value::Null));
    let expected = json!({
        "method": "linear", "reckoned_from": "2026-10-22T22:00:00Z", "reckoned_to": "2026-10-24T22:00:00Z",
        "total": "217.00", "low": null, "high": null,
    });
    assert_eq!(period["projection"], expected);
}

/// Calls at Mondays' noon: one to begin with, then 2, 4, 6 and 8; now it is the Monday after.
pub(super) async fn mondays(app: &TestApp, key: &TestKey, plan: &str) {
    for (day, calls) in [("10-12", 1), ("10-19", 2), ("10-26", 4), ("11-02", 6), ("11-09", 8)] {
        let noon = format!("2026-{day}T12:30:00Z");
        brought(app, key, (plan, 2), &vec![noon.as_str(); calls]).await;
    }
    at(app, "2026-11-16T00:00:00Z");
}

#[tokio::test]
async fn an_app_of_four_weeks_is_projected_by_the_hours_of_the_week() {
    let app = TestApp::builder().fixed_clock("2026-10-12T00:00:00Z").start().await;
    let mut list = per_call();
    list["charges"][0]["max"] = json!("35.00");
    let (plan, key) = priced(&app, list).await;
    mondays(&app, &key, &plan).await;
    let period = agreed(&app, &key).await;
    assert_eq!(period["total"], "14.00");
    // Three Mondays are left: five calls each on average, at least two, and at most eight; the cap holds for what is projected.
    let expected = json!({
        "method": "hours_of_week", "reckoned_from": "2026-10-19T00:00:00Z", "reckoned_to": "2026-11-16T00:00:00Z",
        "total": "29.00", "low": "20.00", "high": "35.00",
    });
    assert_eq!(period["projection"], expected);
    // A part of an hour counts as that part: half of this noon and two others are to come, so twelve and a half calls.
    at(&app, "2026-11-16T12:30:00Z");
    assert_eq!(current(&app, &key).await["projection"]["total"], "27.00");
    assert_eq!(own(&app, &key).await[0]["total"], "14.00", "what is projected is no part of it");
}
