//! What must hold of usage and money whatever happens, and which test shows it.
//!
//! 1. Killed at any point, what was received is exported, and what was not is billed to nobody: `crash`, and `tests/crash/run`.
//! 2. No number of a run twice, no gap in a closed period, ids of exports are those of answers:
//!    [`what_was_answered_is_what_is_exported_summed_and_stated`];
//!    `super::what_may_be_missing_is_named_and_two_people_may_close_all_the_same`.
//! 3. A segment folded often, or in another order, changes nothing: `metering::tests::replayed_segments_change_nothing`.
//! 4. Events, sums by hour and quantities of statements are the same for each meter:
//!    [`what_was_answered_is_what_is_exported_summed_and_stated`], `super::reconcile`, and with real orders `super::real`.
//! 5. The lines of a statement are its total, for currencies of none, two and three decimals: `super::real`,
//!    `rating::tests::each_currency_has_its_own_decimals`.
//! 6. Rating is what slow fractions make of it: the property tests of `rating::tests`, and `super::real`.
//! 7. What is refused, fails or is tried out costs nothing, stands in the export, and takes nothing from a quota:
//!    [`a_quota_is_used_by_what_is_charged_and_nothing_else`], `metering::every_ending_of_a_call_is_in_the_export_with_its_rule`,
//!    `quotas::a_quota_counts_what_is_billed`.
//! 8. A call at the edge of a period is in exactly one: [`a_call_at_the_edge_of_a_month_is_in_exactly_one_statement`],
//!    [`a_contracts_month_may_begin_on_a_day_of_23_or_25_hours`], `super::other_periods`.
//! 9. Nothing closed changes, what is late goes to the next period, and a void that is taken back nets to nothing:
//!    `super::a_closed_month_is_never_changed`, `super::recounted`, `super::late`, [`a_void_that_is_taken_back_comes_to_nothing`].
//! 10. A flipped bit is found and named: `billing::tests::one_flipped_bit_of_any_file_is_found_and_named`, of the database
//!     `super::reconcile`.
//! 11. Exports are the same in each format and by cursor: `billing::tests::each_format_and_shape_holds_the_same`.
//! 12. With a full disk, or the database away, nothing is answered that is not recorded: `crash::a_full_disk_refuses_and_recovers`,
//!     `crash::with_the_ledger_away_calls_are_answered_until_they_could_not_be_kept`.
//! 13. One key of idempotency, one charge: `idempotency::a_write_that_comes_again_is_done_once_and_answered_alike`, on several
//!     nodes at once `idempotency::of_many_at_once_on_two_nodes_one_does_it`; of adjustments
//!     `super::adjustments::a_call_of_an_open_period_is_void_once_and_comes_back`.
//! 14. A message that is sent again is charged once: `hooks::billing`; what is handed to another system, too:
//!     `super::handoff`.
//! 15. A clock that is stepped back keeps order, and no call leaves its period: `crash::a_clock_stepped_back_keeps_order_and_limits`,
//!     `metering::tests::a_clock_stepped_back_makes_nothing_wait_for_the_step`. One too far from the database's refuses, and one
//!     that has no other to be held against is flagged: `clock`.
//!
//! And of credits: no grant pays more than it is and no statement draws more than it comes to, in whichever order periods are
//! closed (`billing::credits::tests`); what is drawn, left and lapsed is what was given
//! ([`what_is_given_is_drawn_left_or_lapsed_and_booked_twice`], with real orders `super::real`); closes at once, killed ones and
//! later grants draw nothing twice and nothing else (`super::credits`); what was paid in advance costs as it is drawn
//! (`super::focus`).

use super::adjustments::{ADJUSTMENTS, Desk, asked, back};
use super::credits::{CREDITS, entries, grant};
use super::late::brought;
use super::slow::Q;
use super::{
    LATE_OCTOBER, adjustments, call, close_first, edit, id, own, priced, prices, statement,
};
use crate::support::{TestApp, TestKey, data};
use comptoir::billing::export::{Format, export};
use comptoir::billing::view::of_app;
use comptoir::kernel::Micros;
use comptoir::metering::period::Period;
use jiff::ToSpan as _;
use jiff::civil::{Date, date};
use jiff::tz::TimeZone;
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// Every event of the ledger.
async fn exported(app: &TestApp) -> Vec<Value> {
    let mut out = Vec::new();
    let always = Period { from: Micros(0), to: Micros(i64::MAX) };
    export(&app.db, always, Format::Ndjson, &mut out).await.unwrap();
    let text = String::from_utf8(out).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// Calls something; status and the id of the event.
async fn answered(app: &TestApp, key: &TestKey, path: &str) -> (u16, String) {
    let answer = app.get(&key.text, path).await;
    let id = answer.headers()["usage-event-id"].to_str().unwrap().to_owned();
    let status = answer.status().as_u16();
    answer.bytes().await.unwrap();
    (status, id)
}

/// Another key of an app.
async fn further(app: &TestApp, of: &TestKey, mut fields: Value) -> TestKey {
    fields["app_id"] = json!(of.app_id);
    fields["name"] = json!("another");
    let made = app.admin_ok("POST", "/admin/v1/keys", Some(fields)).await;
    TestKey {
        id: id(&made["key"]),
        text: made["text"].as_str().unwrap().to_owned(),
        app_id: of.app_id.clone(),
        partner_id: of.partner_id.clone(),
    }
}

fn sum(events: &[Value], of: &str) -> i64 {
    events.iter().map(|event| event[of].as_i64().unwrap()).sum()
}

#[tokio::test]
async fn what_was_answered_is_what_is_exported_summed_and_stated() {
    let app = TestApp::builder().fixed_clock(LATE_OCTOBER).start().await;
    let charge = |meter: &str, included: u32| json!({ "name": meter, "meter": meter, "model": "per_unit", "included": included, "unit_price": "0.001" });
    let charges =
        [charge("requests", 3), charge("records", 2), charge("bytes", 100), charge("weight", 1)];
    let asked = json!({ "currency": "EUR", "time_zone": "Europe/Paris", "charges": charges });
    let (_, key) = priced(&app, asked).await;
    let product = format!("/v1/products/{}", data::product_id(0));
    let mut ids = BTreeSet::new();
    let paths = [product.as_str(), "/v1/products", "/v1/products?limit=0", "/v1/stores"];
    for path in paths.iter().cycle().take(22) {
        assert!(ids.insert(answered(&app, &key, path).await.1), "an id was given twice");
    }
    app.wait_for_gauge("events_folded_total", 22).await;

    let events = exported(&app).await;
    let named: BTreeSet<String> =
        events.iter().map(|event| event["event_id"].as_str().unwrap().to_owned()).collect();
    assert_eq!((named, events.len()), (ids, 22));
    let charged: Vec<Value> =
        events.into_iter().filter(|event| event["billable"] == true).collect();
    assert!((1..22).contains(&charged.len()), "{}", charged.len());
    let shown = statement(&app, &key, &id(&own(&app, &key).await[0])).await;
    let hours = app.get(&key.text, "/v1/usage?from=2026-10-31T22:00:00Z&to=2026-10-31T23:00:00Z");
    let hours: Value = hours.await.json().await.unwrap();
    let used = shown["usage"].as_array().unwrap().iter().filter(|used| used["billable"] == true);
    let used: Vec<Value> = used.cloned().collect();
    for (meter, each) in [("requests", 1), ("records", 1), ("bytes", 1), ("weight", 1_000)] {
        let column = if meter == "weight" { "weight_milli" } else { meter };
        let lines =
            shown["lines"].as_array().unwrap().iter().filter(|line| line["charge"] == meter);
        let units = lines.map(|line| line["quantity"].as_str().unwrap().parse::<f64>().unwrap());
        let milli = (units.sum::<f64>() * 1_000.0).round() as i64;
        assert_eq!(milli, sum(&charged, column) * 1_000 / each, "{meter} of the lines");
        assert_eq!(sum(&used, column), sum(&charged, column), "{meter} of what was counted");
    }
    let billed = hours["items"].as_array().unwrap().iter().filter(|row| row["billable"] == true);
    let billed: i64 = billed.map(|row| row["requests"].as_i64().unwrap()).sum();
    assert_eq!(billed, sum(&charged, "requests"), "{hours}");
}

#[tokio::test]
async fn a_quota_is_used_by_what_is_charged_and_nothing_else() {
    let app = TestApp::builder().fixed_clock(LATE_OCTOBER).start().await;
    app.stock_shelves(1, 1).await;
    let plan = app.plan(json!([{ "name": "month", "quota": 4, "period": "month" }])).await;
    edit(&app, &plan, json!({ "prices": prices(), "prices_from": "now" })).await;
    let key = app.key_under(&plan, json!({})).await;
    let narrow =
        further(&app, &key, json!({ "environment": "live", "scopes": ["stock:read"] })).await;
    let test = further(&app, &key, json!({ "environment": "test" })).await;
    let product = format!("/v1/products/{}", data::product_id(0));
    let mut statuses = Vec::new();
    for (key, path) in [
        (&key, product.as_str()),
        (&key, "/v1/products/prd_00000000000"),
        (&narrow, product.as_str()),
        (&test, product.as_str()),
        (&key, product.as_str()),
        (&key, "/v1/products?limit=0"),
        (&key, product.as_str()),
        (&key, product.as_str()),
        (&key, product.as_str()),
        (&key, product.as_str()),
    ] {
        statuses.push(answered(&app, key, path).await.0);
    }
    assert_eq!(statuses, [200, 404, 403, 200, 200, 400, 200, 200, 429, 429]);
    app.wait_for_gauge("events_folded_total", 10).await;
    let events = exported(&app).await;
    assert_eq!(events.len(), 10, "all stand in the export");
    let charged = events.iter().filter(|event| event["billable"] == true);
    assert!(charged.clone().all(|event| event["status"] == 200 && event["environment"] == "live"));
    assert_eq!(charged.count(), 4, "as many as the quota has");
    let shown = statement(&app, &key, &id(&own(&app, &key).await[0])).await;
    assert_eq!(shown["total"], "52.00", "two of four are included");
}

/// Behind all of them, when statements are looked at.
const LATER: &str = "2026-12-05T00:00:00Z";

/// The instants at which the months behind a day begin in a zone.
fn edges(first: Date, zone: &TimeZone) -> Vec<Micros> {
    let start = |n: i64| {
        let day = first.checked_add(n.months()).unwrap();
        day.to_zoned(zone.clone()).unwrap().timestamp().into()
    };
    let later: Micros = LATER.parse().unwrap();
    (1..).map(start).take_while(|edge| *edge < later).collect()
}

/// Brings a call right before each edge and one at it, and looks that each is in exactly one statement.
async fn each_in_one(app: &TestApp, (plan, key): &(String, TestKey), edges: &[Micros], name: &str) {
    let around = edges.iter().flat_map(|edge| [Micros(edge.0 - 1), *edge]);
    let instants: Vec<String> = around.map(|at| at.to_string()).collect();
    let instants: Vec<&str> = instants.iter().map(String::as_str).collect();
    brought(app, key, (plan, 2), &instants).await;
    let whose = (key.partner_id.parse().unwrap(), key.app_id.parse().unwrap());
    let shown = of_app(&app.db, whose, 0, app.clock.now()).await.unwrap();
    let counted: Vec<(Micros, i64)> = shown
        .iter()
        .map(|shown| &shown.statement)
        .map(|it| (it.from, it.usage.iter().map(|used| used.requests).sum()))
        .filter(|(_, calls)| *calls > 0)
        .collect();
    // The first has the call before its end, the last the one at its begin, the others one at each end.
    let all: i64 = counted.iter().map(|(_, calls)| calls).sum();
    assert_eq!(all as usize, instants.len(), "{name}");
    for (from, calls) in &counted {
        let is_inner = edges.contains(from) && from != edges.last().unwrap();
        assert_eq!(*calls, if is_inner { 2 } else { 1 }, "{name} {from}");
    }
    assert_eq!(counted.len(), edges.len() + 1, "{name}: {counted:?}");
}

/// Zones with and without summer time, of halves of hours, and of both ends of the day. Months of 28 to 31 days.
#[tokio::test]
async fn a_call_at_the_edge_of_a_month_is_in_exactly_one_statement() {
    let app = TestApp::builder().fixed_clock("2025-12-31T00:00:00Z").start().await;
    let zones = [
        "Europe/Paris",
        "America/New_York",
        "Asia/Kolkata",
        "Pacific/Chatham",
        "Pacific/Kiritimati",
    ];
    let mut of = Vec::new();
    for name in zones {
        let mut asked = prices();
        asked["time_zone"] = json!(name);
        of.push((name, priced(&app, asked).await));
    }
    super::at(&app, LATER);
    for (name, of) in &of {
        let edges = edges(date(2026, 1, 1), &TimeZone::get(name).unwrap());
        assert_eq!(edges.len(), 11);
        each_in_one(&app, of, &edges, name).await;
    }
}

/// The days on which clocks are put forward and back, in Havana at midnight: that of 8 March is not there, and that of
/// 1 November is there twice.
#[tokio::test]
async fn a_contracts_month_may_begin_on_a_day_of_23_or_25_hours() {
    let app = TestApp::builder().fixed_clock("2025-12-31T00:00:00Z").start().await;
    let days = [
        ("Europe/Paris", date(2026, 1, 29)),
        ("Europe/Paris", date(2026, 1, 25)),
        ("America/Havana", date(2026, 1, 8)),
        ("America/Havana", date(2026, 1, 1)),
    ];
    let mut of = Vec::new();
    for (name, day) in days {
        let mut asked = prices();
        (asked["time_zone"], asked["anchor"]) = (json!(name), json!("contract"));
        let priced = priced(&app, asked).await;
        let contract =
            json!({ "reference": "C-1", "time_zone": name, "starts_on": day.to_string() });
        let place = format!("/admin/v1/partners/{}", priced.1.partner_id);
        app.admin_ok("PATCH", &place, Some(json!({ "contract": contract }))).await;
        of.push((name, day, priced));
    }
    super::at(&app, LATER);
    for (name, day, of) in &of {
        let edges = edges(*day, &TimeZone::get(name).unwrap());
        each_in_one(&app, of, &edges, &format!("{name} {day}")).await;
    }
}

#[tokio::test]
async fn a_void_that_is_taken_back_comes_to_nothing() {
    let app = TestApp::builder().fixed_clock(LATE_OCTOBER).start().await;
    let (_, key) = priced(&app, prices()).await;
    call(&app, &key, 6).await;
    app.wait_for_gauge("events_folded_total", 6).await;
    let october = close_first(&app, "2026-11-02T00:00:00Z").await;
    let frozen = own(&app, &key).await[1].clone();
    let desk = Desk::of(&app).await;
    let span = json!({ "from": "2026-10-31T22:00:00Z", "to": "2026-10-31T23:00:00Z" });
    let (made, _) = desk.agreed(ADJUSTMENTS, asked(&key, "outage", "void", span)).await;
    app.clock.advance(1_000_000);
    let url = format!("{ADJUSTMENTS}/{}/reverse", id(&made));
    desk.agreed(&url, back("outage")).await;
    let november = own(&app, &key).await[0].clone();
    let shown = statement(&app, &key, &id(&november)).await;
    let both = [format!("outage {october} -6 -6.00"), format!("back {october} 6 6.00")];
    assert_eq!((adjustments(&shown), &november["total"]), (both.to_vec(), &json!("49.00")));
    close_first(&app, "2026-12-02T00:00:00Z").await;
    assert_eq!(own(&app, &key).await.last().unwrap(), &frozen);
}

/// Several grants of several apps over months that are closed, open and to come.
#[tokio::test]
async fn what_is_given_is_drawn_left_or_lapsed_and_booked_twice() {
    let app = TestApp::builder().fixed_clock(LATE_OCTOBER).start().await;
    let (plan, key) = priced(&app, prices()).await;
    let mut grants = Vec::new();
    for (amount, further) in [
        ("30.00", json!({ "app_id": key.app_id, "expires_at": "2026-11-20T00:00:00Z" })),
        ("77.77", json!({ "source": "prepaid", "priority": 60 })),
        ("8.01", json!({ "expires_at": "2026-10-31T22:59:59Z" })),
        ("500.00", json!({ "priority": 10, "effective_from": "2026-12-15T00:00:00Z" })),
        ("4.00", json!({ "priority": 0, "app_id": key.app_id })),
        ("90.00", json!({ "priority": 99, "expires_at": "2026-12-02T00:00:00Z" })),
    ] {
        grants.push((grant(&app, &key, amount, further).await, Q::read(amount)));
    }
    let check = async || {
        let mut drawn = Q::ZERO;
        for (grant, given) in &grants {
            let shown = app.admin_ok("GET", &format!("{CREDITS}/{grant}"), None).await;
            let of = |name: &str| Q::read(shown["credit"][name].as_str().unwrap());
            let all = ["drawn", "provisional", "left", "lapsed"].map(of);
            assert!(all.iter().all(|part| *part >= Q::ZERO), "{shown}");
            assert_eq!(all.into_iter().fold(Q::ZERO, |sum, part| sum + part), *given, "{shown}");
            entries(&shown);
            drawn = drawn + of("drawn") + of("provisional");
        }
        let mut credited = Q::ZERO;
        for row in own(&app, &key).await {
            let shown = statement(&app, &key, &id(&row)).await;
            let read = |text: &Value| Q::read(text.as_str().unwrap());
            let lines = shown["lines"].as_array().unwrap().iter();
            let sum = lines.map(|line| read(&line["amount"])).fold(Q::ZERO, |sum, it| sum + it);
            assert_eq!(sum, read(&shown["total"]), "{shown}");
            let paid = read(&shown["subtotal"]) - read(&shown["total"]);
            let of_grants = shown["credits"].as_array().unwrap().iter();
            let of_grants =
                of_grants.map(|it| read(&it["amount"])).fold(Q::ZERO, |sum, it| sum + it);
            assert_eq!(paid, of_grants, "{shown}");
            assert!(read(&shown["total"]) >= Q::ZERO, "{shown}");
            credited = credited + paid;
        }
        assert_eq!(drawn, credited);
    };
    check().await;
    for (calls, close) in
        [(3, "2026-11-02T00:00:00Z"), (40, "2026-12-02T00:00:00Z"), (1, "2027-01-02T00:00:00Z")]
    {
        let before = app.clock.now().to_string();
        brought(&app, &key, (&plan, 2), &vec![before.as_str(); calls]).await;
        check().await;
        close_first(&app, close).await;
        check().await;
    }
}
