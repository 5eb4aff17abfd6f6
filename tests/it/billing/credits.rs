//! What was given or paid in advance, and what statements draw of it.

mod again;
mod killed;

use super::adjustments::{ADJUSTMENTS, Desk, asked};
use super::slow::Q;
use super::{
    LATE_OCTOBER, at, call, close, close_first, id, lines, own, periods, priced, prices, statement,
    tell, until_complete,
};
use crate::four_eyes::{desk, path};
use crate::support::{TestApp, TestKey, problem};
use comptoir::storage::Db;
use serde_json::{Value, json};
use std::collections::BTreeMap;

pub(super) const CREDITS: &str = "/admin/v1/billing/credits";

fn credit(partner: &str, amount: &str, further: &Value) -> Value {
    let mut body = json!({
        "partner_id": partner, "source": "promotional", "amount": amount, "currency": "EUR",
        "note": "Welcome",
    });
    for (name, value) in further.as_object().unwrap() {
        body[name] = value.clone();
    }
    body
}

pub(super) async fn grant(app: &TestApp, key: &TestKey, amount: &str, further: Value) -> String {
    grant_to(app, &key.partner_id, amount, further).await
}

pub(super) async fn grant_to(app: &TestApp, partner: &str, amount: &str, further: Value) -> String {
    let body = credit(partner, amount, &further);
    id(&app.admin_ok("POST", CREDITS, Some(body)).await)
}

/// The lines of credits as `grant amount`.
pub(super) fn drawn(statement: &Value) -> Vec<String> {
    let lines = statement["lines"].as_array().unwrap().iter();
    let told = |line: &Value| {
        format!("{} {}", line["grant_id"].as_str().unwrap(), line["amount"].as_str().unwrap())
    };
    lines.filter(|line| line["kind"] == "credit").map(told).collect()
}

/// What is booked of a grant as `account amount`, checked: what each operation enters comes to nothing.
pub(super) fn entries(shown: &Value) -> Vec<String> {
    let all = shown["entries"].as_array().unwrap();
    let mut sums: BTreeMap<&str, Q> = BTreeMap::new();
    for entry in all {
        let sum = sums.entry(entry["operation_key"].as_str().unwrap()).or_insert(Q::ZERO);
        *sum = *sum + Q::read(entry["amount"].as_str().unwrap());
    }
    assert!(sums.values().all(|sum| *sum == Q::ZERO), "{all:?}");
    assert_eq!(sums.len() * 2, all.len(), "an operation is booked once: {all:?}");
    let told = |entry: &Value| {
        format!("{} {}", entry["account"].as_str().unwrap(), entry["amount"].as_str().unwrap())
    };
    all.iter().map(told).collect()
}

/// What a partner sees of its credits.
async fn credits(app: &TestApp, key: &TestKey) -> Value {
    app.get(&key.text, "/v1/usage/credits").await.json().await.unwrap()
}

fn part(of: &Value, names: &[&str]) -> Value {
    names.iter().map(|name| of[*name].clone()).collect()
}

/// The same as CSV and as a page.
async fn other_forms(app: &TestApp, key: &TestKey, statement: &str, paid: &str) {
    let forms = async |accept: &str, language: &str| {
        let url = app.public_url(&format!("/v1/usage/statements/{statement}"));
        let call = app.http.get(url).bearer_auth(&key.text).header("accept", accept);
        call.header("accept-language", language).send().await.unwrap().text().await.unwrap()
    };
    let csv = forms("text/csv", "fr").await;
    assert!(csv.lines().next().unwrap().contains(",adjustment_id,grant_id,section,"), "{csv}");
    assert!(csv.contains(",credit,,,,") && csv.contains(&format!(",{paid},")), "{csv}");
    let page = forms("text/html", "de, en;q=0.5").await;
    assert!(page.contains("Credits, in EUR") && page.contains(paid), "{page}");
    assert!(page.contains("<html lang=\"en\">") && page.contains(">-43.50<"), "{page}");
    let page = forms("text/html", "fr-CH, en;q=0.5").await;
    assert!(page.contains("<html lang=\"fr\">") && page.contains("Crédits, en EUR"), "{page}");
    assert!(page.contains("<td>appels</td>") && !page.contains("<td>requests</td>"), "{page}");
    assert!(page.contains(">-43,50<") && page.contains("prépayé"), "{page}");
    assert!(page.contains("<dt>Émetteur</dt><dd>Midi &amp; Fils\nToulouse</dd>"), "{page}");
}

/// One whose statements say who bills.
async fn issuing() -> TestApp {
    let builder = TestApp::builder().set("BILLING__ISSUER", "Midi & Fils\nToulouse");
    builder.fixed_clock(LATE_OCTOBER).start().await
}

#[tokio::test]
async fn a_close_books_what_its_provisional_statement_has_shown() {
    let app = issuing().await;
    let (_, key) = priced(&app, prices()).await;
    call(&app, &key, 5).await;
    app.wait_for_gauge("events_folded_total", 5).await;
    let paid = grant(&app, &key, "100.00", json!({ "source": "prepaid", "priority": 60 })).await;
    let given = grant(&app, &key, "10.00", json!({})).await;
    let october = own(&app, &key).await[0].clone();
    assert_eq!(october["total"], "0.00");
    let shown = statement(&app, &key, &id(&october)).await;
    let expected = ["usage calls 3 4.50", "credit - 0 -10.00", "credit - 0 -43.50"];
    assert_eq!(lines(&shown)[2..], expected);
    assert_eq!(drawn(&shown), [format!("{given} -10.00"), format!("{paid} -43.50")]);
    assert_eq!(part(&shown, &["subtotal", "total", "exact"]), json!(["53.50", "0.00", "0.00"]));
    assert_eq!(
        shown["credits"],
        json!([
            { "grant_id": given, "source": "promotional", "amount": "10.00", "left": "0.00" },
            { "grant_id": paid, "source": "prepaid", "amount": "43.50", "left": "56.50" },
        ])
    );
    let now = credits(&app, &key).await;
    assert_eq!(now["balances"], json!([{ "currency": "EUR", "left": "56.50" }]));
    let of_paid = now["items"].as_array().unwrap().iter().find(|it| it["id"] == json!(paid));
    let current = app.get(&key.text, "/v1/usage/current").await.json::<Value>().await.unwrap();
    let names = ["subtotal", "total", "exact", "credits", "credit_left"];
    let expected = json!(["53.50", "0.00", "0.00", shown["credits"], "56.50"]);
    assert_eq!(part(&current["items"][0], &names), expected);
    let names = ["state", "amount", "drawn", "provisional", "left"];
    let expected = json!(["active", "100.00", "0.00", "43.50", "56.50"]);
    assert_eq!(part(of_paid.unwrap(), &names), expected);

    other_forms(&app, &key, &id(&october), &paid).await;

    // November draws what October leaves.
    at(&app, "2026-11-02T00:00:00Z");
    let first = id(&periods(&app).await[0]);
    let complete = until_complete(&app, &first).await;
    let owed = json!([{ "currency": "EUR", "total": "0.00", "credited": "53.50" }]);
    assert_eq!(complete["owed"], owed);
    assert_eq!(close(&app, &first).await.status(), 200);
    let frozen = statement(&app, &key, &id(&october)).await;
    assert_eq!(frozen["state"], "final");
    for same in ["lines", "credits", "subtotal", "total", "exact"] {
        assert_eq!(frozen[same], shown[same], "{same}");
    }
    let kept = app.admin_ok("GET", &format!("/admin/v1/billing/periods/{first}"), None).await;
    assert_eq!(kept["owed"], owed);
    let november = statement(&app, &key, &id(&own(&app, &key).await[0])).await;
    assert_eq!(drawn(&november), [format!("{paid} -49.00")]);
    let of_partner = format!("/admin/v1/partners/{}/credits", key.partner_id);
    let seen = app.admin_ok("GET", &of_partner, None).await;
    assert_eq!(seen["balances"], json!([{ "currency": "EUR", "left": "7.50" }]));
    let one = app.admin_ok("GET", &format!("{CREDITS}/{paid}"), None).await;
    assert_eq!(part(&one["credit"], &names), json!(["active", "100.00", "43.50", "49.00", "7.50"]));
    let uses = one["credit"]["uses"].as_array().unwrap().iter();
    let uses: Vec<Value> =
        uses.map(|used| part(used, &["statement_id", "state", "amount"])).collect();
    let expected =
        [json!([october["id"], "final", "43.50"]), json!([november["id"], "provisional", "49.00"])];
    assert_eq!(uses, expected);
    let expected = ["cash 100.00", "credit -100.00", "credit 43.50", "receivable -43.50"];
    assert_eq!(entries(&one), expected, "what is provisional is not booked");
    spent_and_kept(&app, (&given, &october), &seen).await;
}

/// What is drawn cannot be taken back, by whoever writes to the database.
async fn spent_and_kept(app: &TestApp, (given, october): (&str, &Value), seen: &Value) {
    let of_given = seen["items"].as_array().unwrap().iter().find(|it| it["id"] == json!(given));
    assert_eq!(of_given.unwrap()["state"], "spent");
    let url = format!("{CREDITS}/{given}/end");
    let spent = app.admin("POST", &url, Some(json!({ "reason": "Paid back" }))).await;
    problem(spent, 409, "conflict").await;
    let more = format!(
        "INSERT INTO credit_draws (grant_id, statement_id, amount) SELECT id, '{}', '1.00' FROM credit_grants WHERE id NOT IN \
         (SELECT grant_id FROM credit_draws)",
        id(october)
    );
    grant_more(app, seen).await;
    for sql in [
        "UPDATE credit_grants SET made_at = 0",
        "DELETE FROM credit_grants",
        "UPDATE credit_draws SET amount = '0.00'",
        "DELETE FROM credit_draws",
        &more,
    ] {
        assert!(tell(&app.db, sql).await.is_err(), "{sql}");
    }
    if matches!(app.db, Db::Postgres(_)) {
        assert!(tell(&app.db, "TRUNCATE credit_draws").await.is_err());
    }
}

/// A grant of which nothing was drawn yet.
async fn grant_more(app: &TestApp, seen: &Value) {
    let partner = seen["items"][0]["partner_id"].as_str().unwrap();
    app.admin_ok("POST", CREDITS, Some(credit(partner, "1.00", &json!({ "priority": 100 })))).await;
}

#[tokio::test]
async fn a_credit_pays_for_periods_that_begin_before_it_expires_and_end_after_it_takes_effect() {
    let app = TestApp::builder().fixed_clock(LATE_OCTOBER).start().await;
    let (_, key) = priced(&app, prices()).await;
    // November begins at 23:00 in UTC.
    let begins = "2026-10-31T23:00:00Z";
    let expires = |at: &str| json!({ "expires_at": at });
    let effective = |at: &str| json!({ "effective_from": at, "priority": 60 });
    let october_only = grant(&app, &key, "7.00", expires(begins)).await;
    let both = grant(&app, &key, "61.00", expires("2026-10-31T23:00:00.000001Z")).await;
    let november_only = grant(&app, &key, "5.00", effective(begins)).await;
    let late = grant(&app, &key, "3.00", effective("2026-10-31T22:59:59.999999Z")).await;
    grant(&app, &key, "500.00", json!({ "currency": "USD" })).await;
    let other_app = app.key(json!({})).await;
    grant(&app, &other_app, "500.00", json!({})).await;
    at(&app, "2026-11-01T00:00:00Z");
    let [november, october]: [Value; 2] = own(&app, &key).await.try_into().unwrap();
    let of = async |row: &Value| drawn(&statement(&app, &key, &id(row)).await);
    assert_eq!(of(&october).await, [format!("{october_only} -7.00"), format!("{both} -42.00")]);
    let mut later = [format!("{november_only} -5.00"), format!("{late} -3.00")];
    // Neither expires, so that the ids decide.
    later.sort_unstable();
    let expected = [format!("{both} -19.00"), later[0].clone(), later[1].clone()];
    assert_eq!(of(&november).await, expected);
    assert_eq!((&october["total"], &november["total"]), (&json!("0.00"), &json!("22.00")));
    let states: Vec<Value> = credits(&app, &key).await["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|item| part(item, &["amount", "state"]))
        .collect();
    let expected = [
        json!(["500.00", "active"]),
        json!(["3.00", "spent"]),
        json!(["5.00", "spent"]),
        json!(["61.00", "spent"]),
        json!(["7.00", "spent"]),
    ];
    for state in expected {
        assert!(states.contains(&state), "{state}: {states:?}");
    }
}

/// Another app of a partner; its id.
async fn another_app(app: &TestApp, plan: &str, key: &TestKey) -> String {
    let body = json!({ "partner_id": key.partner_id, "plan_id": plan, "name": format!("second on {plan}") });
    id(&app.admin_ok("POST", "/admin/v1/apps", Some(body)).await)
}

/// The statements of a partner for a period, by the ids of their apps.
async fn of_period(app: &TestApp, period: &str, partner: &str) -> Vec<Value> {
    let listed = format!("/admin/v1/billing/statements?period_id={period}&partner_id={partner}");
    let listed = app.admin_ok("GET", &listed, None).await;
    let mut rows = listed["items"].as_array().unwrap().clone();
    rows.sort_by_key(|row| row["app_id"].as_str().unwrap().to_owned());
    rows
}

fn totals(rows: &[Value]) -> Vec<&str> {
    rows.iter().map(|row| row["total"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn apps_of_a_partner_share_its_credit_and_never_draw_more_than_it_is() {
    let app = TestApp::builder().fixed_clock(LATE_OCTOBER).start().await;
    let (plan, key) = priced(&app, prices()).await;
    let mut in_utc = prices();
    in_utc["time_zone"] = json!("UTC");
    let (utc_plan, _) = priced(&app, in_utc).await;
    another_app(&app, &plan, &key).await;
    another_app(&app, &utc_plan, &key).await;
    let shared = grant(&app, &key, "120.00", json!({})).await;
    let second = of_period(&app, &id(&periods(&app).await[0]), &key.partner_id).await;
    let of_second = second[1]["app_id"].clone();
    grant(&app, &key, "9.00", json!({ "app_id": of_second, "priority": 10 })).await;

    // Paris' October ends an hour earlier: its apps draw first, in the order of their ids.
    at(&app, "2026-11-03T00:00:00Z");
    let open = periods(&app).await;
    let (paris, utc) = (id(&open[0]), id(&open[1]));
    assert_eq!(
        (&open[0]["time_zone"], &open[1]["time_zone"]),
        (&json!("Europe/Paris"), &json!("UTC"))
    );
    let of_paris = of_period(&app, &paris, &key.partner_id).await;
    let of_utc = of_period(&app, &utc, &key.partner_id).await;
    // 49, then 49 of which 9 are paid by the app's own, then what is left: 120 - 49 - 40 = 31 of 49.
    assert_eq!((totals(&of_paris), totals(&of_utc)), (vec!["0.00", "0.00"], vec!["18.00"]));
    let drawn_of = async || {
        let one = app.admin_ok("GET", &format!("{CREDITS}/{shared}"), None).await;
        part(&one["credit"], &["drawn", "provisional", "left"])
    };
    assert_eq!(drawn_of().await, json!(["0.00", "120.00", "0.00"]));

    // Closed at once, each draws what it has shown.
    until_complete(&app, &paris).await;
    until_complete(&app, &utc).await;
    let (one, other) = tokio::join!(close(&app, &utc), close(&app, &paris));
    assert_eq!((one.status().as_u16(), other.status().as_u16()), (200, 200));
    assert_eq!(totals(&of_period(&app, &paris, &key.partner_id).await), ["0.00", "0.00"]);
    assert_eq!(totals(&of_period(&app, &utc, &key.partner_id).await), ["18.00"]);
    assert_eq!(drawn_of().await, json!(["120.00", "0.00", "0.00"]));
    // An app's own credit is nobody else's.
    let seen = credits(&app, &key).await;
    let amounts: Vec<&Value> =
        seen["items"].as_array().unwrap().iter().map(|item| &item["amount"]).collect();
    let is_second = of_second == json!(key.app_id);
    assert_eq!(amounts.len(), if is_second { 2 } else { 1 }, "{seen}");
    assert!(
        seen["items"]
            .as_array()
            .unwrap()
            .iter()
            .all(|item| { item["uses"].as_array().unwrap().len() <= 1 })
    );
}

#[tokio::test]
async fn what_corrects_more_than_is_owed_draws_nothing_and_gives_nothing_back() {
    let app = TestApp::builder().fixed_clock(LATE_OCTOBER).start().await;
    let (_, key) = priced(&app, prices()).await;
    let given = grant(&app, &key, "60.00", json!({})).await;
    close_first(&app, "2026-11-02T00:00:00Z").await;
    let left = async || credits(&app, &key).await["items"][0]["left"].clone();
    // October has drawn 49, and November draws the rest.
    assert_eq!(left().await, "0.00");
    let desk = Desk::of(&app).await;
    let sla = json!({ "amount": "50.00", "currency": "EUR" });
    let (_, shown) = desk.agreed(ADJUSTMENTS, asked(&key, "sla", "credit", sla)).await;
    assert_eq!(part(&shown[0], &["before", "after"]), json!(["49.00", "-1.00"]));
    let november = statement(&app, &key, &id(&own(&app, &key).await[0])).await;
    assert_eq!(part(&november, &["subtotal", "total"]), json!(["-1.00", "-1.00"]));
    assert_eq!((drawn(&november), november["credits"].clone()), (Vec::new(), json!([])));
    assert_eq!(left().await, "11.00");
    // What October has drawn stays drawn.
    let one = app.admin_ok("GET", &format!("{CREDITS}/{given}"), None).await;
    assert_eq!(one["credit"]["drawn"], "49.00");
}

#[tokio::test]
async fn a_grant_is_made_once_for_a_reference_and_ended_once() {
    let app = TestApp::builder().fixed_clock(LATE_OCTOBER).start().await;
    let (_, key) = priced(&app, prices()).await;
    let paid = credit(
        &key.partner_id,
        "20.00",
        &json!({ "source": "prepaid", "reference": "payment-1", "app_id": key.app_id }),
    );
    let made = app.admin_ok("POST", CREDITS, Some(paid.clone())).await;
    app.clock.advance(1_000_000);
    assert_eq!(app.admin_ok("POST", CREDITS, Some(paid.clone())).await, made);
    let mut other = paid.clone();
    other["amount"] = json!("21.00");
    let taken = problem(app.admin("POST", CREDITS, Some(other)).await, 409, "conflict").await;
    assert!(taken["detail"].as_str().unwrap().contains(&id(&made)), "{taken}");
    let total = async || own(&app, &key).await[0]["total"].clone();
    assert_eq!(total().await, "29.00");

    let url = format!("{CREDITS}/{}", id(&made));
    let why = json!({ "reason": "Paid back" });
    let end = app.admin_ok("POST", &format!("{url}/end"), Some(why.clone())).await;
    assert_eq!(part(&end, &["voided", "currency", "reason"]), json!(["20.00", "EUR", "Paid back"]));
    assert_eq!(total().await, "49.00");
    problem(app.admin("POST", &format!("{url}/end"), Some(why.clone())).await, 409, "conflict")
        .await;
    let shown = app.admin_ok("GET", &url, None).await;
    assert_eq!((&shown["end"], &shown["grant"]), (&end, &made));
    assert_eq!(
        part(&shown["credit"], &["state", "left", "lapsed"]),
        json!(["ended", "0.00", "20.00"])
    );
    let expected = ["cash 20.00", "credit -20.00", "credit 20.00", "breakage -20.00"];
    assert_eq!(entries(&shown), expected);
    assert_eq!(credits(&app, &key).await["balances"], json!([]));
    let listed = format!("{CREDITS}?partner_id={}&app_id={}", key.partner_id, key.app_id);
    assert_eq!(app.admin_ok("GET", &listed, None).await["items"], json!([made]));
    for sql in ["UPDATE credit_ends SET ended_at = 0", "DELETE FROM credit_ends"] {
        assert!(tell(&app.db, sql).await.is_err(), "{sql}");
    }
    let nobody = format!("{CREDITS}/crd_00000000001");
    problem(app.admin("GET", &nobody, None).await, 404, "not_found").await;
    problem(app.admin("POST", &format!("{nobody}/end"), Some(why)).await, 404, "not_found").await;
    let log = app.admin_ok("GET", "/admin/v1/audit", None).await;
    let actions: Vec<&str> = log["items"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|entry| entry["subject"] == made["id"])
        .filter_map(|entry| entry["action"].as_str())
        .collect();
    assert_eq!(actions.len(), 2, "{actions:?}");
}

#[tokio::test]
async fn what_cannot_be_granted_is_said() {
    let app = TestApp::builder().fixed_clock(LATE_OCTOBER).start().await;
    let key = app.key(json!({})).await;
    let stranger = app.key(json!({})).await;
    for (amount, further, pointer) in [
        ("0", json!({}), "/amount"),
        ("1.005", json!({}), "/amount"),
        ("-1", json!({}), "/amount"),
        ("1000000001", json!({}), "/amount"),
        ("1.5", json!({ "currency": "JPY" }), "/amount"),
        ("1", json!({ "currency": "EUX" }), "/currency"),
        ("1", json!({ "priority": 101 }), "/priority"),
        ("1", json!({ "expires_at": LATE_OCTOBER }), "/expires_at"),
        (
            "1",
            json!({ "effective_from": "2026-12-01T00:00:00Z", "expires_at": "2026-12-01T00:00:00Z" }),
            "/expires_at",
        ),
        ("1", json!({ "partner_id": "prt_00000000001" }), "/partner_id"),
        ("1", json!({ "app_id": stranger.app_id }), "/app_id"),
    ] {
        let body = credit(&key.partner_id, amount, &further);
        let answer = app.admin("POST", CREDITS, Some(body)).await;
        let refused = problem(answer, 400, "invalid_body").await;
        assert_eq!(refused["errors"][0]["pointer"], pointer, "{further}: {refused}");
    }
    let found = app.admin_ok("GET", CREDITS, None).await;
    assert_eq!(found["items"], json!([]));
}

#[tokio::test]
async fn where_the_setting_asks_for_two_people_both_grant_and_end() {
    let (app, one, other) = desk(TestApp::builder(), "period_close").await;
    let key = app.key(json!({})).await;
    let body = credit(&key.partner_id, "5.00", &json!({}));
    let waits = async |url: &str, body: Value| {
        let asked = one.call("POST", url, Some(body)).await;
        assert_eq!(asked.status(), 202);
        let waits: Value = asked.json().await.unwrap();
        let alone = one.call("POST", &path(&waits, "approve"), None).await;
        problem(alone, 403, "second_person_required").await;
        waits
    };
    let asked = waits(CREDITS, body.clone()).await;
    assert_eq!(asked["preview"]["amount"], "5.00");
    assert_eq!(app.admin_ok("GET", CREDITS, None).await["items"], json!([]));
    let made = other.ok("POST", &path(&asked, "approve"), None).await["result"].clone();
    let by = format!("{} approved by {}", one.account, other.account);
    assert_eq!(made["made_by"], json!(by));
    let url = format!("{CREDITS}/{}/end", id(&made));
    let asked = waits(&url, json!({ "reason": "A mistake" })).await;
    assert_eq!(asked["preview"]["credit"]["left"], "5.00");
    let ended = other.ok("POST", &path(&asked, "approve"), None).await["result"].clone();
    assert_eq!(part(&ended, &["voided", "ended_by"]), json!(["5.00", by]));
}
