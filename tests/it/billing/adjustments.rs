//! What two people agree to correct.

use super::{
    LATE_OCTOBER, adjustments, at, call, close_first, edit, id, own, priced, prices, statement,
    tell,
};
use crate::four_eyes::{owner, path};
use crate::support::people::Browser;
use crate::support::{TestApp, TestKey, data, problem};
use serde_json::{Value, json};

pub(super) const ADJUSTMENTS: &str = "/admin/v1/billing/adjustments";

/// Two owners at the desk.
pub(super) struct Desk {
    one: Browser,
    other: Browser,
}

impl Desk {
    pub(super) async fn of(app: &TestApp) -> Self {
        Self::named(app, ["one@example.com", "other@example.com"]).await
    }

    pub(super) async fn named(app: &TestApp, [one, other]: [&str; 2]) -> Self {
        Self { one: owner(app, one).await, other: owner(app, other).await }
    }

    /// What waits when one person asks for something.
    async fn asked(&self, url: &str, body: Value) -> Value {
        let asked = self.one.call("POST", url, Some(body)).await;
        let status = asked.status();
        let waits: Value = asked.json().await.unwrap();
        assert_eq!(status, 202, "{waits}");
        waits
    }

    /// What is done when the other agrees, with what both were shown.
    pub(super) async fn agreed(&self, url: &str, body: Value) -> (Value, Value) {
        let waits = self.asked(url, body).await;
        problem(
            self.one.call("POST", &path(&waits, "approve"), None).await,
            403,
            "second_person_required",
        )
        .await;
        let done = self.other.ok("POST", &path(&waits, "approve"), None).await;
        (done["result"].clone(), waits["preview"]["statements"].clone())
    }
}

pub(super) fn asked(key: &TestKey, name: &str, kind: &str, what: Value) -> Value {
    let mut body = json!({
        "operation_key": format!("key-{name}"), "app_id": key.app_id, "reason_code": name,
        "reason": "As was agreed",
    });
    body[kind] = what;
    body
}

pub(super) fn back(name: &str) -> Value {
    json!({ "operation_key": format!("back-{name}"), "reason_code": "back", "reason": "A mistake" })
}

async fn total(app: &TestApp, key: &TestKey, n: usize) -> String {
    own(app, key).await[n]["total"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_call_of_an_open_period_is_void_once_and_comes_back() {
    let app = TestApp::builder().fixed_clock(LATE_OCTOBER).start().await;
    let (_, key) = priced(&app, prices()).await;
    let mut ids = Vec::new();
    for _ in 0..5 {
        let answer = app.get(&key.text, &format!("/v1/products/{}", data::product_id(0))).await;
        ids.push(answer.headers()["usage-event-id"].to_str().unwrap().to_owned());
        answer.bytes().await.unwrap();
    }
    app.wait_for_gauge("events_folded_total", 5).await;
    let desk = Desk::of(&app).await;
    let two = asked(&key, "outage", "void", json!({ "event_ids": &ids[..2] }));
    let (made, shown) = desk.agreed(ADJUSTMENTS, two.clone()).await;
    assert_eq!((&made["kind"], &made["events"]), (&json!("void"), &json!(2)), "{made}");
    assert!(made["made_by"].as_str().unwrap().contains(" approved by "), "{made}");
    let change = [&shown[0]["before"], &shown[0]["after"], &shown[0]["difference"]];
    assert_eq!(change, ["53.50", "50.50", "-3.00"]);
    let october = own(&app, &key).await[0].clone();
    let stated = statement(&app, &key, &id(&october)).await;
    let free = &stated["not_billed"];
    assert_eq!((&free[0]["rule"], &free[0]["requests"]), (&json!("adjusted.voided"), &json!(2)));
    assert_eq!(free[0]["because"], "It was agreed that it does not count");
    assert_eq!(adjustments(&stated), Vec::<String>::new());

    // Asked for again it is the same; another under its key, and a call that is void, are refused.
    assert_eq!(desk.one.ok("POST", ADJUSTMENTS, Some(two.clone())).await, made);
    let mut other = two;
    other["reason"] = json!("Another");
    problem(desk.one.call("POST", ADJUSTMENTS, Some(other)).await, 409, "conflict").await;
    let again = asked(&key, "again", "void", json!({ "event_ids": &ids[1..3] }));
    let refused = desk.one.call("POST", ADJUSTMENTS, Some(again.clone())).await;
    let refused = problem(refused, 409, "conflict").await;
    assert!(refused["detail"].as_str().unwrap().contains(&ids[1]), "{refused}");

    let url = format!("{ADJUSTMENTS}/{}/reverse", id(&made));
    let (reversal, _) = desk.agreed(&url, back("outage")).await;
    assert_eq!(reversal["reverses"], made["id"]);
    assert_eq!(total(&app, &key, 0).await, "53.50");
    problem(desk.one.call("POST", &url, Some(back("more"))).await, 409, "conflict").await;
    let url = format!("{ADJUSTMENTS}/{}", id(&made));
    assert_eq!(app.admin_ok("GET", &url, None).await["reversed_by"], reversal["id"]);
    desk.agreed(ADJUSTMENTS, again).await;
    assert_eq!(total(&app, &key, 0).await, "50.50");
    let listed = app.admin_ok("GET", &format!("{ADJUSTMENTS}?app_id={}", key.app_id), None).await;
    assert_eq!(listed["items"].as_array().unwrap().len(), 3);
}

/// A closed period, and one that is open, at the prices of another version.
async fn at_other_prices(
    app: &TestApp,
    desk: &Desk,
    (plan, key): (&str, &TestKey),
    (october, open_period): (&str, &Value),
) {
    edit(app, plan, json!({ "prices": { "currency": "EUR", "fee": "40.00" } })).await;
    let other = json!({ "period_id": october, "plan_id": plan, "plan_version": 3 });
    let tried = app.admin_ok("POST", "/admin/v1/billing/reratings", Some(other.clone())).await;
    let change = &tried["items"][0];
    assert_eq!(
        (&change["before"], &change["after"]),
        (&json!("52.00"), &json!("40.00")),
        "{tried}"
    );
    let (rerated, _) =
        desk.agreed(ADJUSTMENTS, asked(key, "contract", "rerate", other.clone())).await;
    assert_eq!(rerated["amount"], "-12.00");
    let twice = asked(key, "twice", "rerate", other);
    problem(desk.one.call("POST", ADJUSTMENTS, Some(twice)).await, 409, "conflict").await;
    let now = json!({ "period_id": open_period, "prices": prices(), "app_id": key.app_id });
    let open = app.admin_ok("POST", "/admin/v1/billing/reratings", Some(now)).await;
    assert_eq!(open["items"][0]["difference"], "0.00", "{open}");
    let dollars = json!({ "period_id": october, "prices": { "currency": "USD", "fee": "1.00" } });
    let none = app.admin("POST", "/admin/v1/billing/reratings", Some(dollars)).await;
    let none = problem(none, 409, "conflict").await;
    assert!(none["detail"].as_str().unwrap().contains("is in USD"), "{none}");
}

#[tokio::test]
async fn what_corrects_a_closed_period_is_a_line_of_the_next() {
    let app = TestApp::builder().fixed_clock(LATE_OCTOBER).start().await;
    let (plan, key) = priced(&app, prices()).await;
    call(&app, &key, 5).await;
    let october = close_first(&app, "2026-11-02T00:00:00Z").await;
    let frozen = own(&app, &key).await[1].clone();
    let desk = Desk::of(&app).await;
    let october_span = json!({
        "from": "2026-10-31T00:00:00Z", "to": "2026-11-01T00:00:00Z", "operation": "get_product",
    });
    let (_, shown) = desk.agreed(ADJUSTMENTS, asked(&key, "outage", "void", october_span)).await;
    assert_eq!(shown[0]["difference"], "-4.50", "{shown}");
    // They are booked in the order in which they were made.
    app.clock.advance(1_000_000);
    let sla = json!({ "amount": "10.00", "currency": "EUR", "period_id": october });
    desk.agreed(ADJUSTMENTS, asked(&key, "sla", "credit", sla)).await;
    app.clock.advance(1_000_000);
    let unmetered =
        json!({ "operation": "get_product", "at": "2026-10-31T22:55:00Z", "requests": 4 });
    desk.agreed(ADJUSTMENTS, asked(&key, "unmetered", "backfill", unmetered)).await;
    let expected = [
        format!("outage {october} -5 -4.50"),
        format!("sla {october} 0 -10.00"),
        format!("unmetered {october} 4 3.00"),
    ];
    let november = own(&app, &key).await[0].clone();
    assert_eq!((&november["total"], &own(&app, &key).await[1]), (&json!("37.50"), &frozen));
    assert_eq!(adjustments(&statement(&app, &key, &id(&november)).await), expected);
    close_first(&app, "2026-12-02T00:00:00Z").await;
    let booked = statement(&app, &key, &id(&november)).await;
    assert_eq!((adjustments(&booked), &booked["total"]), (expected.to_vec(), &json!("37.50")));
    let lines = booked["lines"].as_array().unwrap();
    let outage = lines.iter().find(|line| line["reason_code"] == "outage").unwrap();
    let outage = format!("{ADJUSTMENTS}/{}", outage["adjustment_id"].as_str().unwrap());
    let made = app.admin_ok("GET", &outage, None).await;
    assert_eq!(made["statement_ids"], json!([november["id"]]), "{made}");

    // Booked once; taken back, it is booked the other way, on what has been corrected by now.
    assert_eq!(total(&app, &key, 0).await, "49.00");
    // The sessions of November have ended.
    let desk = Desk::named(&app, ["three@example.com", "four@example.com"]).await;
    desk.agreed(&format!("{outage}/reverse"), back("outage")).await;
    let december = own(&app, &key).await[0].clone();
    let shown = statement(&app, &key, &id(&december)).await;
    assert_eq!(adjustments(&shown), [format!("back {october} 5 7.50")]);

    at_other_prices(&app, &desk, (&plan, &key), (&october, &shown["period_id"])).await;
    for sql in [
        "UPDATE adjustments SET books = FALSE",
        "DELETE FROM adjustment_bookings",
        "DELETE FROM voided_events",
    ] {
        assert!(tell(&app.db, sql).await.is_err(), "{sql}");
    }
}

/// Two minutes before [`LATE_OCTOBER`].
const FREE: &str = "2026-10-31T22:48:00Z";

#[tokio::test]
async fn what_cannot_be_corrected_is_said_before_anybody_is_asked() {
    let app = TestApp::builder().fixed_clock(FREE).start().await;
    app.stock_shelves(1, 1).await;
    let plan = app.plan(json!([{ "name": "burst", "quota": 1_000, "window_s": 1 }])).await;
    let key = app.key_under(&plan, json!({})).await;
    at(&app, LATE_OCTOBER);
    edit(&app, &plan, json!({ "prices": prices(), "prices_from": "now" })).await;
    let credit = |amount: &str| json!({ "amount": amount, "currency": "EUR" });
    for (kind, what, pointer) in [
        ("credit", credit("0"), "/credit/amount"),
        ("credit", credit("1.005"), "/credit/amount"),
        ("credit", json!({ "amount": "1", "currency": "EUX" }), "/credit/currency"),
        ("void", json!({ "event_ids": ["0Ab3cD4eF5g.7.1204"] }), "/void/event_ids"),
        ("void", json!({}), "/void"),
        (
            "backfill",
            json!({ "operation": "get_usage", "at": LATE_OCTOBER, "requests": 1 }),
            "/backfill/operation",
        ),
        (
            "backfill",
            json!({ "operation": "get_product", "at": "2026-12-01T00:00:00Z", "requests": 1 }),
            "/backfill/at",
        ),
        // The plan was free until its prices came.
        (
            "backfill",
            json!({ "operation": "get_product", "at": FREE, "requests": 1 }),
            "/backfill/at",
        ),
    ] {
        let body = asked(&key, "wrong", kind, what.clone());
        let answer = app.admin("POST", ADJUSTMENTS, Some(body)).await;
        let refused = problem(answer, 400, "invalid_body").await;
        assert_eq!(refused["errors"][0]["pointer"], pointer, "{what}: {refused}");
    }
    let mut body = asked(&key, "wrong", "credit", credit("1.00"));
    body["void"] = json!({});
    // What a spreadsheet would take for a formula is no word.
    let formula = asked(&key, "-A1:B2", "credit", credit("1.00"));
    problem(app.admin("POST", ADJUSTMENTS, Some(formula)).await, 400, "invalid_body").await;
    problem(app.admin("POST", ADJUSTMENTS, Some(body)).await, 400, "invalid_body").await;
    at(&app, "2026-11-01T06:00:00Z");
    let found = app.admin_ok("GET", ADJUSTMENTS, None).await;
    assert_eq!(found["items"], json!([]));
    let nothing = app.admin("GET", &format!("{ADJUSTMENTS}/adj_00000000001"), None).await;
    problem(nothing, 404, "not_found").await;
}

#[tokio::test]
async fn those_of_one_instant_stand_in_the_order_in_which_they_were_made() {
    let app = TestApp::builder().fixed_clock(LATE_OCTOBER).start().await;
    let (_, key) = priced(&app, prices()).await;
    let desk = Desk::of(&app).await;
    let names: Vec<String> = (0..6).map(|n| format!("credit_{n}")).collect();
    for name in &names {
        let credit = json!({ "amount": "1.00", "currency": "EUR" });
        desk.agreed(ADJUSTMENTS, asked(&key, name, "credit", credit)).await;
    }
    let listed = app.admin_ok("GET", ADJUSTMENTS, None).await;
    let items = listed["items"].as_array().unwrap();
    let reasons = items.iter().rev().map(|item| item["reason_code"].as_str().unwrap());
    assert!(reasons.eq(names.iter().map(String::as_str)), "{listed}");
    let open = own(&app, &key).await[0].clone();
    let shown = statement(&app, &key, &id(&open)).await;
    let lines = shown["lines"].as_array().unwrap().iter();
    let reasons: Vec<&str> = lines.filter_map(|line| line["reason_code"].as_str()).collect();
    assert_eq!(reasons, names);
}

#[tokio::test]
async fn use_counts_in_place_of_calls_in_one_go_and_money_is_added() {
    let app = TestApp::builder().fixed_clock(LATE_OCTOBER).start().await;
    let (_, key) = priced(&app, prices()).await;
    call(&app, &key, 5).await;
    let desk = Desk::of(&app).await;
    let day = json!({ "from": "2026-10-31T00:00:00Z", "to": "2026-11-01T00:00:00Z" });
    let instead = |requests: u32| json!({ "operation": "get_product", "at": LATE_OCTOBER, "requests": requests });
    let replace = |name: &str, requests: u32| {
        let mut body = asked(&key, name, "void", day.clone());
        body["backfill"] = instead(requests);
        body
    };
    let (made, shown) = desk.agreed(ADJUSTMENTS, replace("counted-twice", 3)).await;
    assert_eq!((&made["kind"], &made["events"]), (&json!("replace"), &json!(5)), "{made}");
    let change = [&shown[0]["before"], &shown[0]["after"], &shown[0]["difference"]];
    assert_eq!(change, ["53.50", "50.50", "-3.00"]);
    let october = own(&app, &key).await[0]["period_id"].as_str().unwrap().to_owned();
    let (code, out, said) = app.shell(&["usage", "reconcile", "--period", &october]).await;
    assert_eq!(code, 0, "{out} {said}");
    // The calls are void, and come back with the whole.
    problem(
        desk.one.call("POST", ADJUSTMENTS, Some(replace("again", 1))).await,
        400,
        "invalid_body",
    )
    .await;
    let url = format!("{ADJUSTMENTS}/{}/reverse", id(&made));
    desk.agreed(&url, back("counted-twice")).await;
    assert_eq!(total(&app, &key, 0).await, "53.50");

    let debit = json!({ "amount": "2.25", "currency": "EUR" });
    let (made, _) = desk.agreed(ADJUSTMENTS, asked(&key, "support", "debit", debit)).await;
    assert_eq!((&made["kind"], &made["amount"]), (&json!("debit"), &json!("2.25")));
    assert_eq!(total(&app, &key, 0).await, "55.75");
    let (code, out, said) = app.shell(&["usage", "reconcile", "--period", &october]).await;
    assert_eq!(code, 0, "{out} {said}");

    // Of a closed period it is one line of the next, at the prices of its time.
    assert_eq!(close_first(&app, "2026-11-02T00:00:00Z").await, october);
    let desk = Desk::named(&app, ["three@example.com", "four@example.com"]).await;
    desk.agreed(ADJUSTMENTS, replace("late", 3)).await;
    let november = own(&app, &key).await[0].clone();
    let stated = statement(&app, &key, &id(&november)).await;
    assert_eq!(adjustments(&stated), [format!("late {october} -2 -3.00")]);
    assert_eq!(november["total"], "46.00");

    let mut both = asked(&key, "both", "debit", json!({ "amount": "1", "currency": "EUR" }));
    both["credit"] = both["debit"].clone();
    let wrong = asked(&key, "wrong", "debit", json!({ "amount": "1.234", "currency": "EUR" }));
    for (body, pointer) in [(both, ""), (wrong, "/debit/amount")] {
        let refused = desk.one.call("POST", ADJUSTMENTS, Some(body)).await;
        let refused = problem(refused, 400, "invalid_body").await;
        assert_eq!(refused["errors"][0]["pointer"], pointer, "{refused}");
    }
}
