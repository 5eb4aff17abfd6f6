//! What is drawn again of what a close stood on, what lapses, and what is drawn of what is yet to come.

use super::super::late::brought;
use super::super::reconcile::force;
use super::super::slow::Q;
use super::super::{
    LATE_OCTOBER, at, close, close_first, id, own, periods, priced, prices, statement,
    until_complete,
};
use super::{CREDITS, another_app, credits, drawn, entries, grant, of_period, part, totals};
use crate::support::{TestApp, problem};
use comptoir::billing::reconcile::reconcile;
use serde_json::{Value, json};

/// Whether a closed period is what is made again of what it stood on, and what is not.
async fn differences(app: &TestApp, period: &str) -> Vec<String> {
    let period = period.parse().unwrap();
    reconcile(&app.db, period, None, app.clock.now()).await.unwrap().differences.first
}

/// Closed in the order in which nobody would, with grants, ends, calls and closes in between and after.
#[tokio::test(flavor = "multi_thread")]
async fn what_a_close_has_drawn_is_drawn_again_whatever_came_later() {
    let app = TestApp::builder().fixed_clock(LATE_OCTOBER).start().await;
    let (plan, key) = priced(&app, prices()).await;
    let mut in_utc = prices();
    in_utc["time_zone"] = json!("UTC");
    let (utc_plan, _) = priced(&app, in_utc).await;
    another_app(&app, &plan, &key).await;
    another_app(&app, &utc_plan, &key).await;
    let shared = grant(&app, &key, "120.00", json!({})).await;
    let ended = grant(&app, &key, "11.00", json!({ "priority": 60 })).await;
    at(&app, "2026-11-03T00:00:00Z");
    let open = periods(&app).await;
    let (paris, utc) = (id(&open[0]), id(&open[1]));
    until_complete(&app, &paris).await;
    until_complete(&app, &utc).await;
    // It leaves 98 to the two of Paris, which are open, and draws 22 and 11.
    assert_eq!(close(&app, &utc).await.status(), 200);
    assert_eq!(totals(&of_period(&app, &utc, &key.partner_id).await), ["16.00"]);
    assert_eq!(differences(&app, &utc).await, Vec::<String>::new());
    // At the same instant of the clock, and one that would have been drawn before.
    grant(&app, &key, "500.00", json!({ "priority": 1, "effective_from": LATE_OCTOBER })).await;
    assert_eq!(totals(&of_period(&app, &paris, &key.partner_id).await), ["0.00", "0.00"]);
    brought(&app, &key, (&plan, 2), &["2026-10-31T22:55:00Z"; 4]).await;
    let url = format!("{CREDITS}/{ended}/end");
    let spent = app.admin("POST", &url, Some(json!({ "reason": "Spent" }))).await;
    problem(spent, 409, "conflict").await;
    assert_eq!(close(&app, &paris).await.status(), 200);
    let end = json!({ "reason": "A mistake" });
    app.admin_ok("POST", &format!("{CREDITS}/{shared}/end"), Some(end)).await;
    close_first(&app, "2026-12-03T00:00:00Z").await;
    for period in [&paris, &utc] {
        assert_eq!(differences(&app, period).await, Vec::<String>::new());
    }
    // What was booked otherwise than its statement says is found.
    let change = format!("UPDATE credit_draws SET amount = '1.00' WHERE grant_id = '{ended}'");
    force(&app.db, ("credit_draws", "update"), &change).await;
    let found = differences(&app, &utc).await;
    assert!(found.iter().any(|told| told.contains(&ended) && told.contains("11.00")), "{found:?}");
}

#[tokio::test]
async fn what_is_left_of_an_expired_grant_lapses_when_no_open_period_may_draw_it() {
    let app = TestApp::builder().fixed_clock(LATE_OCTOBER).start().await;
    let (_, key) = priced(&app, prices()).await;
    let expiring = json!({ "expires_at": "2026-11-02T12:00:00Z" });
    let given = grant(&app, &key, "200.00", expiring).await;
    let shown = async || app.admin_ok("GET", &format!("{CREDITS}/{given}"), None).await;
    let names = ["state", "amount", "drawn", "provisional", "left", "lapsed"];
    close_first(&app, "2026-11-03T00:00:00Z").await;
    // November began before it expired, so it may draw more.
    let expected = json!(["expired", "200.00", "49.00", "49.00", "102.00", "0.00"]);
    assert_eq!(part(&shown().await["credit"], &names), expected);
    assert_eq!(credits(&app, &key).await["balances"], json!([]));
    close_first(&app, "2026-12-03T00:00:00Z").await;
    let over = shown().await;
    let expected = json!(["expired", "200.00", "98.00", "0.00", "0.00", "102.00"]);
    assert_eq!(part(&over["credit"], &names), expected);
    let booked = entries(&over);
    assert_eq!(booked[0..2], ["promotions 200.00", "credit -200.00"]);
    assert_eq!(booked[6..], ["credit 102.00", "breakage -102.00"]);
    let december = statement(&app, &key, &id(&own(&app, &key).await[0])).await;
    assert_eq!((drawn(&december), &december["total"]), (Vec::new(), &json!("49.00")));
}

/// What is expected to be owed is what is left to pay behind credits, and a budget is of what is used.
#[tokio::test]
async fn credits_pay_for_what_is_projected_and_leave_budgets_alone() {
    let app = TestApp::builder().fixed_clock("2026-10-10T10:00:00Z").start().await;
    let (plan, key) = priced(&app, prices()).await;
    brought(&app, &key, (&plan, 2), &["2026-10-10T10:30:00Z"; 10]).await;
    at(&app, "2026-10-12T10:00:00Z");
    let current = async || {
        let found: Value = app.get(&key.text, "/v1/usage/current").await.json().await.unwrap();
        found["items"][0].clone()
    };
    let before = current().await;
    let read = |of: &Value| Q::read(of.as_str().unwrap());
    let projected = read(&before["projection"]["total"]);
    grant(&app, &key, "70.00", json!({})).await;
    let after = current().await;
    assert_eq!(
        part(&before, &["subtotal", "total", "credit_left"]),
        json!(["61.00", "61.00", "0.00"])
    );
    assert_eq!(
        part(&after, &["subtotal", "total", "credit_left"]),
        json!(["61.00", "0.00", "9.00"])
    );
    assert_eq!(read(&after["projection"]["total"]), projected - Q::read("70"));
}
