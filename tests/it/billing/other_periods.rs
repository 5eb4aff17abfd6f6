//! An app that comes to prices with other periods in the middle of one.

use super::adjustments::{ADJUSTMENTS, Desk, asked};
use super::{at, call, close_first, edit, id, lines, own, priced, statement};
use crate::four_eyes::owner;
use crate::support::{TestApp, problem};
use serde_json::{Value, json};

/// What is asked for a quarter: as much as it has days, and 1.50 for each call.
fn quarterly() -> Value {
    let mut list = monthly();
    (list["period"], list["fee"]) = (json!("quarter"), json!("92.00"));
    list
}

fn monthly() -> Value {
    json!({
        "currency": "EUR", "time_zone": "Europe/Paris", "fee": "30.00",
        "charges": [{ "name": "calls", "meter": "requests", "model": "per_unit", "unit_price": "1.50" }],
    })
}

#[tokio::test]
async fn one_ends_where_the_other_begins_and_nothing_is_lost_between() {
    let app = TestApp::builder().fixed_clock("2026-10-31T23:00:00Z").start().await;
    let (_, key) = priced(&app, monthly()).await;
    let quarters = app.plan(json!([{ "name": "burst", "quota": 1_000, "window_s": 1 }])).await;
    edit(&app, &quarters, json!({ "prices": quarterly(), "prices_from": "now" })).await;
    call(&app, &key, 5).await;
    let whole = id(&own(&app, &key).await[0]);
    at(&app, "2026-11-15T23:00:00Z");
    let change = json!({ "plan_id": quarters });
    app.admin_ok("PATCH", &format!("/admin/v1/apps/{}", key.app_id), Some(change)).await;
    call(&app, &key, 2).await;

    let [second, first] = <[Value; 2]>::try_from(own(&app, &key).await).unwrap();
    assert_ne!(id(&first), whole, "the month ends with its prices");
    let bounds = |of: &Value| (of["from"].clone(), of["to"].clone());
    let change = json!("2026-11-15T23:00:00Z");
    assert_eq!(bounds(&first), (json!("2026-10-31T23:00:00Z"), change.clone()));
    assert_eq!(bounds(&second), (change, json!("2026-12-31T23:00:00Z")));

    // Each costs its part of a month, and of a quarter that is an hour longer than 92 days; closed or not.
    let of_first = ["fee - 1 15.00", "usage calls 5 7.50"];
    let of_second = ["fee - 1 45.98", "usage calls 2 3.00"];
    for now in ["2026-11-18T00:00:00Z", "2027-01-03T00:00:00Z"] {
        close_first(&app, now).await;
        assert_eq!(lines(&statement(&app, &key, &id(&first)).await), of_first);
        assert_eq!(lines(&statement(&app, &key, &id(&second)).await), of_second);
    }
    let all: Vec<Value> = own(&app, &key).await;
    let frozen = all.iter().filter(|one| one["state"] == "final").count();
    assert_eq!((frozen, all.len()), (2, 3), "{all:?}");
}

#[tokio::test]
async fn who_joins_late_pays_by_what_proration_says_whether_the_period_is_cut_or_not() {
    // Twenty days of November are left in Paris, and five until the prices of quarters take over.
    for (proration, uncut, cut) in [("none", "30.00", "15.00"), ("by_second", "20.00", "5.00")] {
        let app = TestApp::builder().fixed_clock("2026-11-10T23:00:00Z").start().await;
        let mut asked = monthly();
        asked["proration"] = json!(proration);
        let (plan, key) = priced(&app, asked).await;
        call(&app, &key, 2).await;
        app.wait_for_gauge("events_folded_total", 2).await;
        let [november] = <[Value; 1]>::try_from(own(&app, &key).await).unwrap();
        let calls = "usage calls 2 3.00".to_owned();
        let stated = async |id: &str| lines(&statement(&app, &key, id).await);
        assert_eq!(stated(&id(&november)).await, [format!("fee - 1 {uncut}"), calls.clone()]);

        at(&app, "2026-11-15T23:00:00Z");
        let mut quarters = quarterly();
        quarters["proration"] = json!(proration);
        edit(&app, &plan, json!({ "prices": quarters, "prices_from": "now" })).await;
        let [_, first] = <[Value; 2]>::try_from(own(&app, &key).await).unwrap();
        assert_eq!(
            (&first["from"], &first["to"]),
            (&json!("2026-10-31T23:00:00Z"), &json!("2026-11-15T23:00:00Z")),
            "half a month"
        );
        let first = id(&first);
        assert_eq!(stated(&first).await, [format!("fee - 1 {cut}"), calls.clone()], "{proration}");
        close_first(&app, "2026-11-18T00:00:00Z").await;
        assert_eq!(stated(&first).await, [format!("fee - 1 {cut}"), calls], "{proration}");
    }
}

/// A plan with prices.
async fn planned(app: &TestApp, prices: &Value) -> String {
    let plan = app.plan(json!([{ "name": "burst", "quota": 1_000, "window_s": 1 }])).await;
    edit(app, &plan, json!({ "prices": prices, "prices_from": "now" })).await;
    plan
}

const RERATINGS: &str = "/admin/v1/billing/reratings";

#[tokio::test]
async fn a_month_at_a_years_prices_costs_its_part_of_the_year() {
    let app = TestApp::builder().fixed_clock("2026-10-31T23:00:00Z").start().await;
    let (_, key) = priced(&app, monthly()).await;
    call(&app, &key, 7).await;
    app.wait_for_gauge("events_folded_total", 7).await;
    // November is 30 days of 365, by which the fee is 60.00 and 6 calls are included.
    let mut yearly = monthly();
    (yearly["period"], yearly["fee"]) = (json!("year"), json!("730.00"));
    yearly["charges"][0]["included"] = json!(73);
    let plan = planned(&app, &yearly).await;
    let november = own(&app, &key).await[0]["period_id"].clone();
    let change = ["before", "after", "difference"];
    let tried = async |prices: Value| {
        let mut body = json!({ "period_id": november, "app_id": key.app_id });
        body.as_object_mut().unwrap().extend(prices.as_object().unwrap().clone());
        let tried = app.admin_ok("POST", RERATINGS, Some(body)).await;
        change.map(|name| tried["items"][0][name].as_str().unwrap().to_owned())
    };
    for proration in ["none", "by_second"] {
        yearly["proration"] = json!(proration);
        let part = ["40.50", "61.50", "21.00"];
        assert_eq!(tried(json!({ "prices": yearly })).await, part, "{proration}");
    }
    close_first(&app, "2026-12-02T00:00:00Z").await;
    assert_eq!(tried(json!({ "plan_id": plan })).await, ["40.50", "61.50", "21.00"]);
    let desk = Desk::of(&app).await;
    let year = json!({ "period_id": november, "plan_id": plan });
    let (rerated, _) = desk.agreed(ADJUSTMENTS, asked(&key, "year", "rerate", year)).await;
    assert_eq!(rerated["amount"], "21.00");
}

#[tokio::test]
async fn a_quarter_is_not_rated_at_the_prices_of_months() {
    let app = TestApp::builder().fixed_clock("2026-10-31T23:00:00Z").start().await;
    let (_, key) = priced(&app, quarterly()).await;
    call(&app, &key, 2).await;
    app.wait_for_gauge("events_folded_total", 2).await;
    let months = planned(&app, &monthly()).await;
    let quarter = own(&app, &key).await[0]["period_id"].clone();
    let tried = json!({ "period_id": quarter, "prices": monthly() });
    let refused =
        problem(app.admin("POST", RERATINGS, Some(tried)).await, 400, "invalid_body").await;
    assert_eq!(refused["errors"][0]["pointer"], "/prices", "{refused}");
    assert!(refused["detail"].as_str().unwrap().contains("as long or longer"), "{refused}");
    close_first(&app, "2027-01-03T00:00:00Z").await;
    let one = owner(&app, "one@example.com").await;
    let shorter = json!({ "period_id": quarter, "plan_id": months });
    let shorter = asked(&key, "shorter", "rerate", shorter);
    let refused =
        problem(one.call("POST", ADJUSTMENTS, Some(shorter)).await, 400, "invalid_body").await;
    assert_eq!(refused["errors"][0]["pointer"], "/rerate/plan_id", "{refused}");
    assert!(refused["detail"].as_str().unwrap().contains("a credit or a debit"), "{refused}");
}
