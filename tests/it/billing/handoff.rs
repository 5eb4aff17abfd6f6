//! The hand-off of usage to systems of others, which fail as systems do.

mod events;
mod fake;
mod killed;

use self::fake::{Fake, Fault, Kind, METER, SECRET};
use super::{HOUR, LATE_OCTOBER, call, close_first, edit, id, lines, priced, prices, tell};
use crate::support::schema::documented;
use crate::support::{Builder, TestApp, TestKey, problem};
use comptoir::kernel::{Clock, Micros};
use serde_json::{Value, json};
use std::time::Instant;

/// October in Paris, in seconds since 1970.
const OCTOBER: (i64, i64) = (1_790_805_600, 1_793_487_600);

/// What lets a system be on this machine.
const HERE: [(&str, &str); 2] =
    [("HOOKS__ALLOW_HTTP", "true"), ("HOOKS__PRIVATE_TARGETS", "127.0.0.0/8")];

/// The settings that name a system.
fn naming(app: Builder, fake: &Fake) -> Builder {
    let (kind, meters) = match fake.kind {
        Kind::Stripe => ("STRIPE", "METERS"),
        Kind::Lago => ("LAGO", "METRICS"),
    };
    let app = HERE.iter().fold(app, |app, (key, value)| app.set(key, value));
    app.set("HANDOFF__POLL_MS", "10")
        .set(&format!("HANDOFF__{kind}__URL"), &fake.url)
        .set(&format!("HANDOFF__{kind}__SECRET"), SECRET)
        .set(&format!("HANDOFF__{kind}__{meters}"), &format!("calls={METER}, records=read"))
}

/// A shop with a billing system, ten minutes before the end of October.
async fn shop(kind: Kind) -> (TestApp, Fake) {
    let clock = Clock::fixed(LATE_OCTOBER.parse::<Micros>().unwrap());
    let fake = Fake::start(kind, clock.clone()).await;
    let app = naming(TestApp::builder().clock(clock), &fake).set("HOOKS__TIMEOUT_S", "1");
    (app.start().await, fake)
}

fn sink(kind: Kind) -> &'static str {
    match kind {
        Kind::Stripe => "stripe",
        Kind::Lago => "lago",
    }
}

async fn name(app: &TestApp, fake: &Fake, key: &TestKey, customer: &str) {
    let body = json!({ "sink": sink(fake.kind), "customer": customer });
    let named = app.admin_ok("PUT", &customer_of(key), Some(body)).await;
    documented(&named, "admin", "HandoffCustomerOut");
    assert_eq!(
        (&named["customer"], &named["partner_id"]),
        (&json!(customer), &json!(key.partner_id))
    );
}

fn customer_of(key: &TestKey) -> String {
    format!("/admin/v1/billing/customers/{}", key.app_id)
}

/// The totals, once they are as is asked for.
async fn totals(app: &TestApp, fits: impl Fn(&[Value]) -> bool) -> Vec<Value> {
    let until = Instant::now() + crate::support::PATIENCE;
    loop {
        let page = app.admin_ok("GET", "/admin/v1/billing/handoffs", None).await;
        documented(&page, "admin", "PageOut_HandoffOut");
        let items = page["items"].as_array().unwrap().clone();
        if fits(&items) {
            return items;
        }
        assert!(Instant::now() < until, "{items:?}");
        crate::support::pause().await;
    }
}

/// The one total, once it is taken.
async fn taken(app: &TestApp, total: &str) -> Value {
    let fits = |items: &[Value]| {
        items.len() == 1 && items[0]["status"] == "taken" && items[0]["taken_total"] == total
    };
    totals(app, fits).await.remove(0)
}

/// Lets a system be spoken to at once.
async fn wake(app: &TestApp) {
    tell(&app.db, "UPDATE handoff_sinks SET next_at = 0").await.unwrap();
}

/// Has the totals of open periods looked at anew.
async fn look_again(app: &TestApp) {
    tell(&app.db, "UPDATE handoff_sinks SET totalled_at = NULL").await.unwrap();
}

#[tokio::test]
async fn stripe_bills_what_the_statement_says_however_often_it_is_told() {
    a_hundred_times(Kind::Stripe).await;
}

#[tokio::test]
async fn lago_bills_what_the_statement_says_however_often_it_is_told() {
    a_hundred_times(Kind::Lago).await;
}

/// A total is told a hundred times, in all ways in which that can go wrong, before the close of its period and after it.
async fn a_hundred_times(kind: Kind) {
    let (app, fake) = shop(kind).await;
    let (_, key) = priced(&app, prices()).await;
    name(&app, &fake, &key, "cus_A1").await;
    call(&app, &key, 5).await;
    app.wait_for_gauge("events_folded_total", 5).await;
    look_again(&app).await;
    taken(&app, "5").await;
    let faults = [
        Fault::CutAfterwards,
        Fault::HangsUp,
        Fault::Answers(500),
        Fault::TakesAndFails,
        Fault::Busy,
        Fault::Answers(401),
    ];
    let before = fake.requests();
    for time in 0..50 {
        deliver_again(&app, &fake, faults[time % faults.len()]).await;
    }
    deliver_again(&app, &fake, Fault::Silent).await;
    assert!(fake.requests() - before >= 100);
    assert_eq!(fake.billed("cus_A1", OCTOBER).unwrap(), "5");
    // What was called meanwhile is a new total, and the close has the last one.
    call(&app, &key, 2).await;
    app.wait_for_gauge("events_folded_total", 7).await;
    app.clock.advance(HOUR);
    fake.fail([Fault::CutAfterwards]);
    let until = |items: &[Value]| items.iter().any(|item| item["taken_total"] == "7");
    wake_until(&app, until).await;
    let period = close_first(&app, "2026-11-02T12:00:00Z").await;
    let until = |items: &[Value]| items.iter().any(|item| item["final"] == true);
    let closed = totals(&app, until).await.remove(0);
    assert_eq!((&closed["period_id"], &closed["status"]), (&json!(period), &json!("taken")));
    for time in 0..50 {
        deliver_again(&app, &fake, faults[time % faults.len()]).await;
    }
    let path = format!("/admin/v1/billing/statements?period_id={period}");
    let statements = app.admin_ok("GET", &path, None).await;
    let path = format!("/admin/v1/billing/statements/{}", id(&statements["items"][0]));
    let statement = app.admin_ok("GET", &path, None).await;
    assert_eq!(lines(&statement)[1..], ["included calls 2 0.00", "usage calls 5 7.50"]);
    assert_eq!(fake.billed("cus_A1", OCTOBER).unwrap(), "7");
    let values: Vec<String> = fake.values("cus_A1").into_iter().map(|one| one.value).collect();
    assert_eq!(values, ["5", "7"]);
}

/// Has the total sent again as after a crash before it was noted that it was taken, to a system that fails.
async fn deliver_again(app: &TestApp, fake: &Fake, fault: Fault) {
    let before = fake.requests();
    fake.fail([fault]);
    let forget = "UPDATE handoffs SET status = 'pending', taken_total = NULL, taken_at = NULL";
    tell(&app.db, forget).await.unwrap();
    wake_until(app, |items| items.iter().all(|item| item["status"] == "taken")).await;
    assert!(fake.requests() - before >= 2, "{fault:?}");
}

async fn wake_until(app: &TestApp, fits: impl Fn(&[Value]) -> bool) {
    let until = Instant::now() + crate::support::PATIENCE;
    loop {
        wake(app).await;
        let page = app.admin_ok("GET", "/admin/v1/billing/handoffs", None).await;
        if fits(page["items"].as_array().unwrap()) {
            return;
        }
        assert!(Instant::now() < until, "{page}");
        crate::support::pause().await;
    }
}

#[tokio::test]
async fn a_total_that_goes_back_to_what_it_was_is_told_anew() {
    let (app, fake) = shop(Kind::Stripe).await;
    let (_, key) = priced(&app, prices()).await;
    name(&app, &fake, &key, "cus_A1").await;
    call(&app, &key, 3).await;
    app.wait_for_gauge("events_folded_total", 3).await;
    for (to, total) in [("a", "3"), ("b", "4"), ("c", "3")] {
        // The clock stands: each total has a second of its own all the same.
        if total == "4" {
            call(&app, &key, 1).await;
            app.wait_for_gauge("events_folded_total", 4).await;
        }
        if to == "c" {
            let rows = "UPDATE usage_hours SET requests = requests - 1";
            tell(&app.db, rows).await.unwrap();
        }
        look_again(&app).await;
        taken(&app, total).await;
    }
    let values = fake.values("cus_A1");
    let told: Vec<&str> = values.iter().map(|one| &*one.value).collect();
    assert_eq!(told, ["3", "4", "3"]);
    assert_eq!(fake.billed("cus_A1", OCTOBER).unwrap(), "3");
}

#[tokio::test]
async fn what_is_refused_waits_for_a_person_and_holds_up_nothing_else() {
    let (app, fake) = shop(Kind::Lago).await;
    let (plan, key) = priced(&app, prices()).await;
    let other = app.key_under(&plan, json!({})).await;
    name(&app, &fake, &key, "sub-1").await;
    fake.knows(false);
    call(&app, &key, 1).await;
    app.wait_for_gauge("events_folded_total", 1).await;
    look_again(&app).await;
    let refused = totals(&app, |items| items.iter().any(|it| it["status"] == "refused")).await;
    assert_eq!(
        (&refused[0]["error"], &refused[0]["response_status"]),
        (&json!("billable_metric_not_found"), &json!(422))
    );
    // It is the total that is wrong, not the system: the next is sent at once, and this one not again.
    fake.knows(true);
    name(&app, &fake, &other, "sub-2").await;
    call(&app, &other, 2).await;
    app.wait_for_gauge("events_folded_total", 3).await;
    look_again(&app).await;
    totals(&app, |items| items.iter().any(|it| it["taken_total"] == "2")).await;
    assert!(fake.values("sub-1").is_empty());
    let sinks = app.admin_ok("GET", "/admin/v1/billing/sinks", None).await;
    documented(&sinks, "admin", "HandoffSinksOut");
    let lago = &sinks["items"][0];
    assert_eq!(
        (&lago["sink"], &lago["refused"], &lago["failures"]),
        (&json!("lago"), &json!(1), &json!(0))
    );
    let answer = app.admin("POST", "/admin/v1/billing/sinks/lago/retry", None).await;
    assert_eq!(answer.status(), 200);
    totals(&app, |items| items.iter().all(|it| it["status"] == "taken")).await;
    assert_eq!(fake.billed("sub-1", OCTOBER).unwrap(), "1");
    let unknown = app.admin("POST", "/admin/v1/billing/sinks/stripe/retry", None).await;
    problem(unknown, 404, "not_found").await;
    let unknown = app.admin("POST", "/admin/v1/billing/sinks/orb/retry", None).await;
    problem(unknown, 400, "invalid_parameter").await;
}

#[tokio::test]
async fn a_system_that_is_away_rests_and_is_seen() {
    let (app, fake) = shop(Kind::Stripe).await;
    let (_, key) = priced(&app, prices()).await;
    name(&app, &fake, &key, "cus_A1").await;
    fake.fail([Fault::Busy, Fault::Answers(503)]);
    call(&app, &key, 1).await;
    app.wait_for_gauge("events_folded_total", 1).await;
    look_again(&app).await;
    let waiting = totals(&app, |items| items.iter().any(|it| it["attempts"] == 1)).await;
    assert_eq!(
        (&waiting[0]["status"], &waiting[0]["response_status"]),
        (&json!("pending"), &json!(429))
    );
    // It has asked for seven seconds.
    let sinks = app.admin_ok("GET", "/admin/v1/billing/sinks", None).await;
    assert_eq!(sinks["items"][0]["next_attempt_at"], "2026-10-31T22:50:07Z");
    app.clock.advance(7_000_000);
    totals(&app, |items| items.iter().any(|it| it["attempts"] == 2)).await;
    assert_eq!(fake.requests(), 2);
    app.clock.advance(HOUR / 10);
    taken(&app, "1").await;
    let sinks = app.admin_ok("GET", "/admin/v1/billing/sinks", None).await;
    assert_eq!(
        (&sinks["items"][0]["failures"], &sinks["items"][0]["pending"]),
        (&json!(0), &json!(0))
    );
    assert_eq!(fake.requests(), 3);
}

#[tokio::test]
async fn a_customer_stands_for_one_app_and_for_nobody_when_it_is_taken_away() {
    let (app, fake) = shop(Kind::Stripe).await;
    let (plan, key) = priced(&app, prices()).await;
    let other = app.key_under(&plan, json!({})).await;
    name(&app, &fake, &key, "cus_A1").await;
    // Once more is no conflict.
    name(&app, &fake, &key, "cus_A1").await;
    let body = json!({ "sink": "stripe", "customer": "cus_A1" });
    let taken = app.admin("PUT", &customer_of(&other), Some(body)).await;
    problem(taken, 409, "conflict").await;
    for body in
        [json!({ "sink": "stripe", "customer": "" }), json!({ "sink": "events", "customer": "a" })]
    {
        problem(app.admin("PUT", &customer_of(&other), Some(body)).await, 400, "invalid_body")
            .await;
    }
    let path = "/admin/v1/billing/sinks/stripe/customers?limit=1";
    let page = app.admin_ok("GET", path, None).await;
    documented(&page, "admin", "PageOut_HandoffCustomerOut");
    assert_eq!((&page["items"][0]["app_id"], &page["next"]), (&json!(key.app_id), &Value::Null));
    let body = json!({ "sink": "stripe", "customer": null });
    let gone = app.admin_ok("PUT", &customer_of(&key), Some(body)).await;
    assert_eq!(gone["customer"], Value::Null);
    call(&app, &key, 1).await;
    app.wait_for_gauge("events_folded_total", 1).await;
    name(&app, &fake, &other, "cus_A1").await;
    call(&app, &other, 2).await;
    app.wait_for_gauge("events_folded_total", 3).await;
    look_again(&app).await;
    self::taken(&app, "2").await;
    let log = app.admin_ok("GET", "/admin/v1/audit?action=handoff_customer.remove", None).await;
    assert_eq!(log["items"][0]["detail"], json!({ "sink": "stripe" }));
}

#[tokio::test]
async fn plans_that_count_different_things_by_one_name_are_not_added_up() {
    let (app, fake) = shop(Kind::Stripe).await;
    let (plan, key) = priced(&app, prices()).await;
    name(&app, &fake, &key, "cus_A1").await;
    call(&app, &key, 1).await;
    app.wait_for_gauge("events_folded_total", 1).await;
    app.clock.advance(HOUR / 60);
    let mut bytes = prices();
    bytes["charges"][0]["meter"] = json!("bytes");
    edit(&app, &plan, json!({ "prices": bytes, "prices_from": "now" })).await;
    call(&app, &key, 1).await;
    app.wait_for_gauge("events_folded_total", 2).await;
    look_again(&app).await;
    let refused = totals(&app, |items| items.iter().any(|it| it["status"] == "refused")).await;
    assert_eq!(refused[0]["error"], "mixed_meters");
    let retried = app.admin_ok("POST", "/admin/v1/billing/sinks/stripe/retry", None).await;
    assert_eq!((&retried["refused"], &retried["pending"]), (&json!(1), &json!(0)));
    assert_eq!(fake.requests(), 0);
}
