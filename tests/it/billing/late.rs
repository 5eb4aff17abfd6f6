//! Calls that come into the ledger after their period was closed.

use super::{
    LATE_OCTOBER, adjustments, at, call, close_first, edit, id, lines, own, priced, prices,
    statement,
};
use crate::support::ledger::journalled;
use crate::support::{TestApp, TestKey};
use comptoir::access::{Environment, Op, op};
use comptoir::kernel::Micros;
use comptoir::metering::{Event, Outcome};
use serde_json::{Value, json};

/// What a node that was away brings: calls of a key under a plan, at these instants.
pub(super) async fn brought(
    app: &TestApp,
    key: &TestKey,
    (plan, version): (&str, u32),
    at: &[&str],
) {
    let event = |instant: &&str| Event {
        started_at: instant.parse::<Micros>().unwrap(),
        duration_us: 90,
        partner: key.partner_id.parse().unwrap(),
        app: key.app_id.parse().unwrap(),
        key: key.id.parse().unwrap(),
        plan: plan.parse().unwrap(),
        plan_version: version,
        environment: Environment::Live,
        operation: op::GetProduct::OPERATION.code,
        status: 200,
        outcome: Outcome::Served,
        weight_milli: 1_000,
        records: 1,
        bytes: 900,
    };
    journalled((&app.db, app.clock.now()), 8, at.iter().map(event)).await;
}

#[tokio::test]
async fn what_comes_late_is_owed_once_and_at_the_prices_of_its_time() {
    let app = TestApp::builder().fixed_clock(LATE_OCTOBER).start().await;
    let (plan, key) = priced(&app, prices()).await;
    call(&app, &key, 1).await;
    let october = close_first(&app, "2026-11-02T00:00:00Z").await;
    let frozen = own(&app, &key).await[1].clone();

    // Three more calls of October, when October is closed. One of its two included calls is left.
    brought(&app, &key, (&plan, 2), &["2026-10-31T22:55:00Z"; 3]).await;
    let mut dearer = prices();
    dearer["charges"][0]["unit_price"] = json!("9.00");
    edit(&app, &plan, json!({ "prices": dearer, "prices_from": "now" })).await;
    let first_late = format!("late {october} 3 3.00");
    let shown = statement(&app, &key, &id(&own(&app, &key).await[0])).await;
    assert_eq!(adjustments(&shown), [first_late.as_str()]);
    let late = |used: &&Value| used["corrects_period"] == json!(october);
    let used = shown["usage"].as_array().unwrap();
    assert_eq!(used.iter().filter(late).map(|u| u["requests"].as_i64().unwrap()).sum::<i64>(), 3);
    call(&app, &key, 1).await;
    let november = close_first(&app, "2026-12-02T00:00:00Z").await;

    // More of both months, and again after December.
    brought(&app, &key, (&plan, 2), &["2026-10-31T22:55:00Z"; 2]).await;
    brought(&app, &key, (&plan, 3), &["2026-11-20T00:00:00Z"; 2]).await;
    let shown = statement(&app, &key, &id(&own(&app, &key).await[0])).await;
    // Of November one included call is left, under the dearer list.
    let expected = [format!("late {october} 2 3.00"), format!("late {november} 2 9.00")];
    assert_eq!(adjustments(&shown), expected);
    let december = close_first(&app, "2027-01-02T00:00:00Z").await;
    brought(&app, &key, (&plan, 3), &["2026-11-20T00:00:00Z"; 2]).await;
    let all = own(&app, &key).await;
    let [january, december_s, november_s, october_s] = <[Value; 4]>::try_from(all).unwrap();
    assert_eq!(october_s, frozen);
    let of = async |row: &Value| adjustments(&statement(&app, &key, &id(row)).await);
    assert_eq!(of(&january).await, [format!("late {november} 2 18.00")]);
    assert_eq!(of(&december_s).await, expected);
    assert_eq!(of(&november_s).await, [first_late]);
    assert_eq!(december_s["period_id"], json!(december));
}

#[tokio::test]
async fn what_comes_late_of_an_app_that_owes_nothing_any_more_has_a_statement_of_its_own() {
    let app = TestApp::builder().fixed_clock(LATE_OCTOBER).start().await;
    let (plan, key) = priced(&app, prices()).await;
    at(&app, "2026-11-01T06:00:00Z");
    let free = app.plan(json!([{ "name": "burst", "quota": 1_000, "window_s": 1 }])).await;
    let asked = json!({ "plan_id": free });
    let subscriptions = format!("/admin/v1/apps/{}/subscriptions", key.app_id);
    let asked = app.admin_ok("POST", &subscriptions, Some(asked)).await;
    let approve = format!("/admin/v1/subscriptions/{}/approve", id(&asked));
    let moved = app.admin_ok("POST", &approve, Some(json!({}))).await;
    assert_eq!(moved["state"], "active", "{moved}");
    let october = close_first(&app, "2026-11-02T00:00:00Z").await;
    close_first(&app, "2026-12-02T00:00:00Z").await;
    let all = own(&app, &key).await;
    assert_eq!(all.len(), 2, "{all:?}");

    let (some, others) = (["2026-10-31T22:55:00Z"; 5], ["2026-10-31T22:56:00Z"; 2]);
    brought(&app, &key, (&plan, 2), &some).await;
    let all = own(&app, &key).await;
    assert_eq!((all.len(), &all[0]["total"]), (3, &json!("4.50")), "{all:?}");
    let shown = statement(&app, &key, &id(&all[0])).await;
    assert_eq!(adjustments(&shown), [format!("late {october} 5 4.50")]);
    assert_eq!((lines(&shown).len(), &shown["sections"]), (1, &json!([])));
    assert_eq!(shown["from"], "2026-11-30T23:00:00Z");
    close_first(&app, "2027-01-02T00:00:00Z").await;
    assert_eq!(own(&app, &key).await.len(), 3);
    brought(&app, &key, (&plan, 2), &others).await;
    let next = statement(&app, &key, &id(&own(&app, &key).await[0])).await;
    assert_eq!(adjustments(&next), [format!("late {october} 2 3.00")]);
    // What was called while the plan was free is free, however late.
    brought(&app, &key, (&free, 1), &["2026-11-20T00:00:00Z"; 2]).await;
    assert_eq!(statement(&app, &key, &id(&own(&app, &key).await[0])).await["lines"], next["lines"]);
}
