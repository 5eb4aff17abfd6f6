//! Periods, statements and their close, as the retailer and the partner see them.

mod adjustments;
mod announced;
mod budgets;
mod credits;
mod current;
mod event_proofs;
mod excepted;
mod exported;
mod exports;
mod flat;
mod focus;
mod handoff;
mod held;
mod invariants;
mod late;
mod named;
mod nightly;
mod other_periods;
mod real;
mod reconcile;
mod recounted;
mod role;
mod rows;
mod shell;
mod slow;

use crate::four_eyes::{owner, path};
use crate::support::{TestApp, TestKey, data, problem, tell};
use comptoir::kernel::Micros;
use comptoir::storage::Db;
use serde_json::{Value, json};
use std::time::Instant;

/// In microseconds.
const HOUR: i64 = 3_600_000_000;
/// Ten minutes before November begins in Paris.
const LATE_OCTOBER: &str = "2026-10-31T22:50:00Z";

/// A plan that asks 49.00 a month, and 1.50 for each call beyond two.
fn prices() -> Value {
    json!({
        "currency": "EUR", "time_zone": "Europe/Paris", "fee": "49.00",
        "charges": [{
            "name": "calls", "meter": "requests", "model": "per_unit", "included": 2, "unit_price": "1.50",
        }],
    })
}

async fn priced(app: &TestApp, prices: Value) -> (String, TestKey) {
    app.stock_shelves(1, 1).await;
    let plan = app.plan(json!([{ "name": "burst", "quota": 1_000, "window_s": 1 }])).await;
    edit(app, &plan, json!({ "prices": prices, "prices_from": "now" })).await;
    let key = app.key_under(&plan, json!({})).await;
    (plan, key)
}

async fn edit(app: &TestApp, plan: &str, change: Value) {
    app.admin_ok("PATCH", &format!("/admin/v1/plans/{plan}"), Some(change)).await;
}

/// Makes calls that are charged.
async fn call(app: &TestApp, key: &TestKey, times: u32) {
    for _ in 0..times {
        let answer = app.get(&key.text, &format!("/v1/products/{}", data::product_id(0))).await;
        assert_eq!(answer.status(), 200);
        answer.bytes().await.unwrap();
    }
}

/// Waits until everything that was answered is in the ledger and known to be.
async fn until_complete(app: &TestApp, period: &str) -> Value {
    let until = Instant::now() + crate::support::PATIENCE;
    loop {
        let found = app.admin_ok("GET", &format!("/admin/v1/billing/periods/{period}"), None).await;
        if found["complete"] == true {
            return found;
        }
        assert!(Instant::now() < until, "{found}");
        // What a node tells of itself it tells every five seconds of its clock.
        app.clock.advance(6_000_000);
        crate::support::pause().await;
    }
}

async fn periods(app: &TestApp) -> Vec<Value> {
    let page = app.admin_ok("GET", "/admin/v1/billing/periods", None).await;
    page["items"].as_array().unwrap().clone()
}

fn id(of: &Value) -> String {
    of["id"].as_str().unwrap().to_owned()
}

/// The partner's statements, the newest period first.
async fn own(app: &TestApp, key: &TestKey) -> Vec<Value> {
    let found: Value = app.get(&key.text, "/v1/usage/statements").await.json().await.unwrap();
    found["items"].as_array().unwrap().clone()
}

async fn statement(app: &TestApp, key: &TestKey, id: &str) -> Value {
    app.get(&key.text, &format!("/v1/usage/statements/{id}")).await.json().await.unwrap()
}

/// The lines as `kind charge quantity amount`.
fn lines(statement: &Value) -> Vec<String> {
    let text = |value: &Value| value.as_str().unwrap_or("-").to_owned();
    let lines = statement["lines"].as_array().unwrap().iter();
    lines
        .map(|l| ["kind", "charge", "quantity", "amount"].map(|name| text(&l[name])).join(" "))
        .collect()
}

async fn close(app: &TestApp, period: &str) -> reqwest::Response {
    app.admin("POST", &format!("/admin/v1/billing/periods/{period}/close"), Some(json!({}))).await
}

/// Puts the clock to an instant.
fn at(app: &TestApp, instant: &str) {
    let instant: Micros = instant.parse().unwrap();
    app.clock.advance(instant.0 - app.clock.now().0);
}

/// Closes the first open period at an instant; its id.
async fn close_first(app: &TestApp, instant: &str) -> String {
    at(app, instant);
    let first = id(&periods(app).await[0]);
    until_complete(app, &first).await;
    assert_eq!(close(app, &first).await.status(), 200);
    first
}

/// The lines of adjustments as `reason corrected quantity amount`.
fn adjustments(statement: &Value) -> Vec<String> {
    let text = |value: &Value| value.as_str().unwrap_or("-").to_owned();
    let lines = statement["lines"].as_array().unwrap().iter();
    let told = ["reason_code", "corrects_period", "quantity", "amount"];
    let told = |line: &Value| told.map(|name| text(&line[name])).join(" ");
    lines.filter(|line| line["kind"] == "adjustment").map(told).collect()
}

#[tokio::test]
async fn a_month_is_stated_while_it_is_open() {
    let app = TestApp::builder().fixed_clock(LATE_OCTOBER).start().await;
    let (_, key) = priced(&app, prices()).await;
    call(&app, &key, 5).await;
    // Free calls are counted, and said to be free and why.
    app.get(&key.text, "/v1/products/prd_00000000000").await.bytes().await.unwrap();
    app.wait_for_gauge("events_folded_total", 6).await;
    app.clock.advance(HOUR / 3);
    call(&app, &key, 1).await;
    app.wait_for_gauge("events_folded_total", 7).await;

    let [november, october]: [Value; 2] = own(&app, &key).await.try_into().unwrap();
    assert_eq!((&november["state"], &november["total"]), (&json!("provisional"), &json!("49.00")));
    assert_eq!((&october["state"], &october["total"]), (&json!("provisional"), &json!("53.50")));
    assert_eq!(october["from"], "2026-09-30T22:00:00Z");
    assert_eq!(october["to"], "2026-10-31T23:00:00Z");
    let shown = statement(&app, &key, &id(&october)).await;
    let expected = ["fee - 1 49.00", "included calls 2 0.00", "usage calls 3 4.50"];
    assert_eq!(lines(&shown), expected);
    assert_eq!(shown["not_billed"][0]["rule"], "v1.client_error");
    assert_eq!(shown["not_billed"][0]["requests"], 1);
    let counted = shown["usage"].as_array().unwrap().iter();
    assert_eq!(counted.map(|used| used["requests"].as_i64().unwrap()).sum::<i64>(), 6);
}

#[tokio::test]
async fn a_closed_month_is_never_changed() {
    let app = TestApp::builder().fixed_clock(LATE_OCTOBER).start().await;
    let (_, key) = priced(&app, prices()).await;
    call(&app, &key, 5).await;
    app.clock.advance(HOUR / 3);
    app.wait_for_gauge("events_folded_total", 5).await;
    let october = own(&app, &key).await[1].clone();
    let shown = statement(&app, &key, &id(&october)).await;

    // They close in their order, and not before calls of them may have come in.
    let open = periods(&app).await;
    let (first, second) = (id(&open[0]), id(&open[1]));
    let later = problem(close(&app, &second).await, 409, "conflict").await;
    assert!(later["detail"].as_str().unwrap().contains(&first), "{later}");
    let seen = app.admin_ok("GET", &format!("/admin/v1/billing/periods/{second}"), None).await;
    assert_eq!((&seen["behind"], &seen["close"]), (&json!(first), &Value::Null), "{seen}");
    let early = problem(close(&app, &first).await, 409, "conflict").await;
    assert!(early["detail"].as_str().unwrap().contains("2026-11-01T23:00:00Z"), "{early}");
    app.clock.advance(25 * HOUR);
    let found = until_complete(&app, &first).await;
    assert_eq!(found["behind"], Value::Null);
    assert_eq!(found["owed"], json!([{ "currency": "EUR", "total": "53.50", "credited": "0.00" }]));
    let closed: Value = close(&app, &first).await.json().await.unwrap();
    assert_eq!((&closed["number"], &closed["statements"]), (&json!(1), &json!(1)), "{closed}");
    problem(close(&app, &first).await, 409, "conflict").await;
    assert_eq!(id(&periods(&app).await[0]), second);

    // The same statement, now final.
    let frozen = statement(&app, &key, &id(&october)).await;
    assert_eq!((&frozen["state"], &frozen["as_of"]), (&json!("final"), &Value::Null));
    for same in ["id", "lines", "usage", "total", "sections", "credits", "not_billed"] {
        assert_eq!(frozen[same], shown[same], "{same}");
    }
    let by_admin = format!("/admin/v1/billing/statements/{}", id(&october));
    assert_eq!(app.admin_ok("GET", &by_admin, None).await, frozen);
    let listed = format!("/admin/v1/billing/statements?period_id={first}");
    assert_eq!(app.admin_ok("GET", &listed, None).await["items"][0], own(&app, &key).await[1]);
    let closes = app.admin_ok("GET", "/admin/v1/billing/closes", None).await;
    assert_eq!(closes["items"], json!([closed]));
    let kept = app.admin_ok("GET", &format!("/admin/v1/billing/periods/{first}"), None).await;
    assert_eq!((&kept["close"], &kept["owed"]), (&closed, &found["owed"]));

    // Nor does who writes to the database change anything.
    for sql in [
        "UPDATE statements SET total = '0.00'",
        "DELETE FROM statements",
        "UPDATE billing_closes SET position = 0",
        "DELETE FROM billing_closes",
        "INSERT INTO statements SELECT 'stm_00000000001', period_id, 'prt_00000000001', app_id, currency, \
         starts_at, ends_at, total, document, digest FROM statements",
    ] {
        assert!(tell(&app.db, sql).await.is_err(), "{sql}");
    }
    if matches!(app.db, Db::Postgres(_)) {
        assert!(tell(&app.db, "TRUNCATE statements").await.is_err());
    }
    assert_eq!(statement(&app, &key, &id(&october)).await, frozen);
}

#[tokio::test]
async fn a_statement_can_be_had_as_csv_and_as_a_page() {
    let app = TestApp::builder().fixed_clock(LATE_OCTOBER).start().await;
    let (_, key) = priced(&app, prices()).await;
    call(&app, &key, 3).await;
    app.get(&key.text, "/v1/products/prd_00000000000").await.bytes().await.unwrap();
    app.wait_for_gauge("events_folded_total", 4).await;
    let id = id(&own(&app, &key).await[0]);
    let get = async |accept: &str| {
        let url = app.public_url(&format!("/v1/usage/statements/{id}"));
        let call = app.http.get(url).bearer_auth(&key.text).header("accept", accept);
        let answer = call.send().await.unwrap();
        let kind = answer.headers()["content-type"].to_str().unwrap().to_owned();
        (kind, answer.text().await.unwrap())
    };
    let (kind, csv) = get("text/csv").await;
    assert_eq!(kind, "text/csv; charset=utf-8; header=present");
    let mut rows = csv.lines();
    assert!(rows.next().unwrap().starts_with("statement_id,period_id,period_start,"), "{csv}");
    let whole = |row: &str| row.starts_with(&id) && row.contains(",EUR,provisional,2026-10-31T");
    assert!(rows.clone().all(whole), "{csv}");
    assert!(
        rows.any(|row| row.contains(",not_billed,v1.client_error,") && row.contains(",0,0,EUR,")),
        "{csv}"
    );
    let (kind, page) = get("text/html").await;
    assert_eq!(kind, "text/html; charset=utf-8");
    assert!(page.contains("Provisional") && page.contains("<td class=\"n\">50.50</td>"), "{page}");
    for told in [
        "Every call answered up to 2026-10-31T",
        "<caption>Not charged, because</caption>",
        "v1.client_error",
    ] {
        assert!(page.contains(told), "{told}: {page}");
    }
    assert!(
        page.contains("<td>catalog</td><td class=\"n\">4</td><td class=\"n\">3</td>"),
        "{page}"
    );
    assert!(!page.contains("<script") && !page.contains("http"), "{page}");
    let (kind, json) = get("application/json").await;
    assert_eq!(kind, "application/json");
    let shown: Value = serde_json::from_str(&json).unwrap();
    assert_eq!(shown["by_api"][0]["api"], "catalog");
    assert_eq!(
        (&shown["by_api"][0]["billable_requests"], &shown["lag_ms"]),
        (&json!(3), &json!(0))
    );
}

#[tokio::test]
async fn new_prices_hold_from_the_next_period_or_at_once() {
    let app = TestApp::builder().fixed_clock("2026-11-15T23:00:00Z").start().await;
    let mut asked = prices();
    (asked["proration"], asked["charges"]) = (json!("by_second"), json!([]));
    let (plan, key) = priced(&app, asked.clone()).await;
    let total = async || own(&app, &key).await[0]["total"].clone();
    // Half of November is left in Paris.
    assert_eq!(total().await, "24.50");
    asked["fee"] = json!("99.00");
    app.clock.advance(HOUR / 2);
    edit(&app, &plan, json!({ "prices": asked })).await;
    app.clock.advance(HOUR / 2);
    assert_eq!(total().await, "24.50", "from December on");
    edit(
        &app,
        &plan,
        json!({ "prices": asked, "prices_from": "now", "weights": { "get_product": 2 } }),
    )
    .await;
    let shown = statement(&app, &key, &id(&own(&app, &key).await[0])).await;
    // An hour at 49, the rest at 99.
    assert_eq!(lines(&shown), ["fee - 1 0.07", "fee - 1 49.36"]);
    let seconds = |n: usize| shown["sections"][n]["seconds"].clone();
    assert_eq!((seconds(0), seconds(1)), (json!("3600"), json!("1292400")));
    app.clock.advance(15 * 24 * HOUR);
    assert_eq!(total().await, "99.00");
}

#[tokio::test]
async fn what_was_called_while_the_plan_was_free_stays_free() {
    let app = TestApp::builder().fixed_clock(LATE_OCTOBER).start().await;
    app.stock_shelves(1, 1).await;
    let plan = app.plan(json!([{ "name": "burst", "quota": 1_000, "window_s": 1 }])).await;
    let key = app.key_under(&plan, json!({})).await;
    call(&app, &key, 5).await;
    assert_eq!(own(&app, &key).await, Vec::<Value>::new());
    app.clock.advance(60_000_000);
    edit(&app, &plan, json!({ "prices": prices(), "prices_from": "now" })).await;
    call(&app, &key, 3).await;
    // Those, and the look at the statements.
    app.wait_for_gauge("events_folded_total", 9).await;
    let shown = statement(&app, &key, &id(&own(&app, &key).await[0])).await;
    assert_eq!(lines(&shown), ["fee - 1 49.00", "included calls 2 0.00", "usage calls 1 1.50"]);
}

#[tokio::test]
async fn each_app_and_partner_sees_its_own_alone() {
    let app = TestApp::builder().fixed_clock(LATE_OCTOBER).start().await;
    let (plan, key) = priced(&app, prices()).await;
    let other = app.key_under(&plan, json!({})).await;
    let [mine] = <[Value; 1]>::try_from(own(&app, &key).await).unwrap();
    let [theirs] = <[Value; 1]>::try_from(own(&app, &other).await).unwrap();
    assert_ne!(mine["id"], theirs["id"]);
    let stranger = app.get(&other.text, &format!("/v1/usage/statements/{}", id(&mine))).await;
    problem(stranger, 404, "not_found").await;

    // An app that is given away: each partner owes for its own time.
    app.clock.advance(60_000_000);
    let to = app.admin_ok("POST", "/admin/v1/partners", Some(json!({ "name": "Next" }))).await;
    let give = json!({ "partner_id": to["id"] });
    app.admin_ok("POST", &format!("/admin/v1/apps/{}/transfer", key.app_id), Some(give)).await;
    let [next] = <[Value; 1]>::try_from(own(&app, &key).await).unwrap();
    assert_eq!(next["partner_id"], to["id"]);
    let period = mine["period_id"].as_str().unwrap();
    let listed = format!("/admin/v1/billing/statements?period_id={period}&app_id={}", key.app_id);
    let listed = app.admin_ok("GET", &listed, None).await;
    assert_eq!(listed["items"].as_array().unwrap().len(), 2, "{listed}");
    problem(
        app.get(&key.text, &format!("/v1/usage/statements/{}", id(&mine))).await,
        404,
        "not_found",
    )
    .await;
}

#[tokio::test]
async fn statements_of_all_open_periods_are_listed_where_none_is_named() {
    let app = TestApp::builder().fixed_clock(LATE_OCTOBER).start().await;
    let (plan, key) = priced(&app, prices()).await;
    let other = app.key_under(&plan, json!({})).await;
    // November has begun.
    app.clock.advance(HOUR);
    let ids = |items: &[Value]| items.iter().map(id).collect::<Vec<_>>();
    let listed = async |query: &str| {
        let url = format!("/admin/v1/billing/statements{query}");
        ids(app.admin_ok("GET", &url, None).await["items"].as_array().unwrap())
    };
    let mut mine = ids(&own(&app, &key).await);
    mine.sort_unstable();
    assert_eq!(mine.len(), 2);
    assert_eq!(listed(&format!("?app_id={}", key.app_id)).await, mine);
    assert_eq!(listed(&format!("?app_id={}&limit=1", key.app_id)).await, mine[..1]);
    let mut all = [mine, ids(&own(&app, &other).await)].concat();
    all.sort_unstable();
    assert_eq!(listed("").await, all);
}

#[tokio::test]
async fn an_app_without_part_in_a_period_has_no_statement_of_it() {
    let app = TestApp::builder().fixed_clock(LATE_OCTOBER).start().await;
    let (_, key) = priced(&app, prices()).await;
    let free = app.plan(json!([{ "name": "burst", "quota": 10, "window_s": 1 }])).await;
    let free = app.key_under(&free, json!({})).await;
    let october = id(&periods(&app).await[0]);
    let listed = async |period: &str, whose: &str| {
        let url = format!("/admin/v1/billing/statements?period_id={period}&{whose}");
        app.admin("GET", &url, None).await
    };
    for whose in [format!("app_id={}", free.app_id), format!("partner_id={}", free.partner_id)] {
        let found: Value = listed(&october, &whose).await.json().await.unwrap();
        assert_eq!(found["items"], json!([]), "{whose}");
    }
    let own = listed(&october, &format!("app_id={}", key.app_id)).await;
    assert_eq!(own.json::<Value>().await.unwrap()["items"].as_array().unwrap().len(), 1);
    let nowhere = listed("per_00000000001", &format!("app_id={}", free.app_id)).await;
    problem(nowhere, 404, "not_found").await;
}

#[tokio::test]
async fn what_may_be_missing_is_named_and_two_people_may_close_all_the_same() {
    let app = TestApp::builder().fixed_clock(LATE_OCTOBER).start().await;
    let (_, key) = priced(&app, prices()).await;
    call(&app, &key, 3).await;
    app.wait_for_gauge("events_folded_total", 3).await;
    // A node that was there in this month and has said nothing since.
    let gone = "INSERT INTO usage_runs (node, epoch, version, boot, started_at, through, told_at, next_seq, accounted) \
                SELECT 'nod_00000000009', 4, '0.2.0', '', started_at, started_at, started_at, 17, 17 FROM usage_runs";
    tell(&app.db, gone).await.unwrap();
    app.clock.advance(40 * 24 * HOUR);
    let one = owner(&app, "one@example.com").await;
    let other = owner(&app, "other@example.com").await;
    let period = id(&periods(&app).await[0]);
    let found = loop {
        let found = app.admin_ok("GET", &format!("/admin/v1/billing/periods/{period}"), None).await;
        if found["exceptions"].as_array().unwrap().len() == 1 {
            break found;
        }
        app.clock.advance(6_000_000);
        crate::support::pause().await;
    };
    let missing =
        json!([{ "kind": "silent", "node": "nod_00000000009", "epoch": 4, "from_seq": 17 }]);
    assert_eq!((&found["complete"], &found["exceptions"]), (&json!(false), &missing));
    let refused = problem(close(&app, &period).await, 409, "conflict").await;
    assert_eq!(refused["errors"][0]["code"], "silent");
    assert!(
        refused["errors"][0]["message"].as_str().unwrap().contains("from number 17"),
        "{refused}"
    );
    let url = format!("/admin/v1/billing/periods/{period}/close");
    let wrong = json!({ "exceptions": [{ "kind": "gap", "node": "nod_00000000009", "epoch": 4, "from_seq": 17 }] });
    problem(one.call("POST", &url, Some(wrong)).await, 409, "conflict").await;
    let asked = one.call("POST", &url, Some(json!({ "exceptions": missing }))).await;
    assert_eq!(asked.status(), 202);
    let waits: Value = asked.json().await.unwrap();
    assert_eq!(waits["preview"]["exceptions"], missing);
    problem(one.call("POST", &path(&waits, "approve"), None).await, 403, "second_person_required")
        .await;
    let done = other.ok("POST", &path(&waits, "approve"), None).await;
    assert_eq!(done["result"]["exceptions"], missing);
    assert_eq!(
        done["result"]["closed_by"],
        json!(format!("{} approved by {}", one.account, other.account))
    );
    assert_eq!(own(&app, &key).await.last().unwrap()["state"], "final");
}
