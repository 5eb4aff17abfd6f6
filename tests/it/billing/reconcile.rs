//! What was answered, counted, billed and exported is the same, and what is not is named.

use super::adjustments::{ADJUSTMENTS, Desk, asked};
use super::late::brought;
use super::{HOUR, at, call, close_first, edit, id, own, priced, prices, tell};
use crate::support::{TestApp, TestKey, data, unkeep};
use comptoir::storage::Db;
use serde_json::{Value, json};

/// A month as months are: charged calls, free ones, refused ones, calls of a test key, adjustments, and calls that came
/// when it was closed. And the next month, closed too.
struct Month {
    app: TestApp,
    key: TestKey,
    october: String,
    november: String,
}

impl Month {
    async fn new() -> Self {
        let app = TestApp::builder().fixed_clock("2024-10-31T22:50:00Z").start().await;
        let (plan, key) = priced(&app, prices()).await;
        let other = app.plan(json!([{ "name": "burst", "quota": 1_000, "window_s": 1 }])).await;
        let (free, test) = (
            app.key_under(&other, json!({})).await,
            app.key_under(&plan, json!({ "environment": "test" })).await,
        );
        let mut ids = Vec::new();
        for _ in 0..7 {
            let answer = app.get(&key.text, &format!("/v1/products/{}", data::product_id(0))).await;
            ids.push(answer.headers()["usage-event-id"].to_str().unwrap().to_owned());
            answer.bytes().await.unwrap();
        }
        app.get(&key.text, "/v1/products/prd_00000000000").await.bytes().await.unwrap();
        call(&app, &test, 2).await;
        call(&app, &free, 3).await;
        app.wait_for_gauge("events_folded_total", 13).await;
        let desk = Desk::of(&app).await;
        let void = asked(&key, "outage", "void", json!({ "event_ids": &ids[..2] }));
        desk.agreed(ADJUSTMENTS, void).await;
        let more = json!({
            "operation": "get_product", "at": "2024-10-31T22:50:00Z", "requests": 4, "records": 4,
        });
        desk.agreed(ADJUSTMENTS, asked(&key, "meter", "backfill", more)).await;
        // Another hour, of the same day in Paris.
        app.clock.advance(HOUR / 30);
        call(&app, &key, 1).await;
        app.wait_for_gauge("events_folded_total", 14).await;
        let october = close_first(&app, "2024-11-02T00:00:00Z").await;

        brought(&app, &key, (&plan, 2), &["2024-10-31T22:55:00Z"; 3]).await;
        // Their sessions have ended meanwhile.
        let desk = Desk::named(&app, ["third@example.com", "fourth@example.com"]).await;
        let credit = json!({ "amount": "5.00", "currency": "EUR", "period_id": october });
        desk.agreed(ADJUSTMENTS, asked(&key, "sla", "credit", credit)).await;
        let void = json!({ "from": "2024-10-31T22:00:00Z", "to": "2024-10-31T23:00:00Z" });
        desk.agreed(ADJUSTMENTS, asked(&key, "more", "void", void)).await;
        call(&app, &key, 4).await;
        app.wait_for_gauge("events_folded_total", 18).await;
        let mut dearer = prices();
        dearer["charges"][0]["unit_price"] = json!("9.00");
        edit(&app, &plan, json!({ "prices": dearer, "prices_from": "now" })).await;
        let november = close_first(&app, "2024-12-02T00:00:00Z").await;
        Self { app, key, october, november }
    }

    /// The document of a reconciliation, and the exit code.
    async fn reconciled(&self, period: &str, more: &[&str]) -> (i32, Value) {
        let words = [&["usage", "reconcile", "--period", period, "--json"], more].concat();
        let (code, out, err) = self.app.shell(&words).await;
        let document: Value =
            serde_json::from_str(&out).unwrap_or_else(|_| panic!("{code}: {out}{err}"));
        assert_eq!(document["agrees"], code == 0, "{document}");
        (code, document["periods"][0].clone())
    }

    /// What does not agree.
    async fn differences(&self, period: &str, more: &[&str]) -> Vec<String> {
        let (_, found) = self.reconciled(period, more).await;
        let first = found["differences"]["first"].as_array().unwrap().iter();
        first.map(|told| told.as_str().unwrap().to_owned()).collect()
    }
}

/// Something that nobody may do without taking the triggers away.
pub(super) async fn force(db: &Db, (table, what): (&str, &str), sql: &str) {
    unkeep(db, table, what).await;
    tell(db, sql).await.unwrap();
}

/// Flips a bit of the first segment's events.
async fn flip(db: &Db) {
    const FIND: &str =
        "SELECT position, block FROM usage_segments WHERE events > 0 ORDER BY position LIMIT 1";
    const CHANGE: &str = "UPDATE usage_segments SET block = $1 WHERE position = $2";
    let found: (i64, Vec<u8>) = match db {
        Db::Sqlite { write, .. } => sqlx::query_as(FIND).fetch_one(write).await.unwrap(),
        Db::Postgres(pool) => sqlx::query_as(FIND).fetch_one(pool).await.unwrap(),
    };
    let (position, mut block) = found;
    unkeep(db, "usage_segments", "update").await;
    let middle = block.len() / 2;
    block[middle] ^= 1;
    match db {
        Db::Sqlite { write, .. } => {
            sqlx::query(CHANGE).bind(block).bind(position).execute(write).await.map(drop)
        }
        Db::Postgres(pool) => {
            sqlx::query(CHANGE).bind(block).bind(position).execute(pool).await.map(drop)
        }
    }
    .unwrap();
}

fn row<'a>(found: &'a Value, app: &str, rule: &str) -> &'a Value {
    let mut rows = found["rows"].as_array().unwrap().iter();
    let is = |row: &&Value| {
        row["app_id"] == app && row["rule"] == rule && row["operation"] == "get_product"
    };
    rows.find(is).unwrap_or_else(|| panic!("no {rule} of {app}: {found}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_normal_month_agrees_and_each_difference_has_its_cause() {
    let month = Box::pin(Month::new()).await;
    let export = month.app.config.server.data_dir.join("out");
    let export = export.display().to_string();
    let (code, _, err) = month.app.shell(&["usage", "export", "--out", &export, "--by-day"]).await;
    assert_eq!(code, 0, "{err}");
    let (code, october) = month.reconciled(&month.october, &["--export", &export]).await;
    assert_eq!((code, &october["differences"]["count"]), (0, &json!(0)), "{october}");
    assert_eq!(october["statements"], 2, "{october}");
    let served = row(&october, &month.key.app_id, "v1.served");
    let calls = |of: &str| served[of]["requests"].clone();
    // Eight were answered in time and three came late; of the eight, two are void.
    assert_eq!((calls("admitted"), calls("metered")), (json!(11), json!(11)), "{served}");
    assert_eq!((calls("exported"), calls("rated")), (json!(11), json!(6)), "{served}");
    let causes = &served["not_rated"];
    assert_eq!(causes["late"]["requests"], 3, "{causes}");
    assert_eq!(causes["voided"]["requests"], 2, "{causes}");
    let refused = row(&october, &month.key.app_id, "v1.client_error");
    assert_eq!(refused["not_rated"]["free"]["requests"], 1, "{refused}");
    let added = row(&october, &month.key.app_id, "adjusted.backfilled");
    assert_eq!(added["rated"]["requests"], 4, "{added}");
    assert_eq!(added["not_rated"]["adjusted"]["requests"], -4, "{added}");
    let all = october["rows"].as_array().unwrap();
    let of = |cause: &str| -> i64 {
        all.iter().filter_map(|row| row["not_rated"][cause]["requests"].as_i64()).sum()
    };
    assert_eq!((of("test_keys"), of("not_priced")), (2, 3), "{october}");

    let (code, november) = month.reconciled("last", &[]).await;
    assert_eq!((code, &november["period_id"]), (0, &json!(month.november)), "{november}");
    let (code, out, err) = month.app.shell(&["usage", "reconcile", "--all-open"]).await;
    assert_eq!((code, out.contains("open: all agrees")), (0, true), "{out}{err}");
    // What was exported before more came in is compared as far as it goes.
    call(&month.app, &month.key, 1).await;
    month.app.wait_for_gauge("events_folded_total", 19).await;
    assert_eq!(month.reconciled(&month.november, &["--export", &export]).await.0, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_changed_in_the_database_is_found_and_named() {
    let month = Box::pin(Month::new()).await;
    let db = &month.app.db;
    let change = "UPDATE usage_hours SET records = records + 1 WHERE rule = 'v1.client_error'";
    tell(db, change).await.unwrap();
    let found = month.differences(&month.october, &[]).await;
    let hour = format!("usage_hours 2024-10-31T22:00:00Z {}", month.key.app_id);
    assert!(found[0].starts_with(&hour) && found[0].contains("v1.client_error"), "{found:?}");
    assert!(
        found[0].contains("it has 1 calls, 1 records")
            && found[0].contains("by the events 1 calls, 0 records"),
        "{found:?}"
    );
    // So the statement is not what the hours make of it, either.
    assert!(
        found.iter().any(|told| told.starts_with("stm_") && told.contains("/records` is 0, and 1")),
        "{found:?}"
    );
    let back = "UPDATE usage_hours SET records = records - 1 WHERE rule = 'v1.client_error'";
    force(db, ("usage_hours", "update"), back).await;
    let gone = "DELETE FROM usage_hours WHERE rule = 'v1.test_key'";
    force(db, ("usage_hours", "delete"), gone).await;
    let found = month.differences(&month.october, &[]).await;
    assert!(found[0].contains("v1.test_key") && found[0].contains("it is missing"), "{found:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flipped_bit_of_a_segment_is_found_and_named() {
    let month = Box::pin(Month::new()).await;
    flip(&month.app.db).await;
    let found = month.differences(&month.october, &[]).await;
    assert!(found[0].starts_with("nod_") && found[0].contains(" segment "), "{found:?}");
    let (code, out, _) = month.app.shell(&["usage", "reconcile", "--period", &month.october]).await;
    assert_eq!((code, out.contains("BAD: nod_")), (1, true), "{out}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_statement_is_found_and_named() {
    let month = Box::pin(Month::new()).await;
    let db = &month.app.db;
    let october = own(&month.app, &month.key).await.last().unwrap().clone();
    let (statement, total) = (id(&october), october["total"].as_str().unwrap());
    let cheaper = format!(
        "UPDATE statements SET document = replace(document, '\"total\":\"{total}\"', '\"total\":\"1.00\"') WHERE id = '{statement}'"
    );
    force(db, ("statements", "update"), &cheaper).await;
    let found = month.differences(&month.october, &[]).await;
    let text = format!("{statement}: its text does not have the digest");
    let member =
        format!("{statement}: `/total` is \"1.00\", and \"{total}\" when it is made again");
    assert!(found[0].starts_with(&text) && found[1] == member, "{found:?}");
    // With a digest that fits, the hash of the close shows it, whichever period is looked at.
    let forged: String =
        sqlx_text(db, &format!("SELECT document FROM statements WHERE id = '{statement}'")).await;
    let digest = comptoir::billing::model::digest(&forged);
    let fits = format!("UPDATE statements SET digest = '{digest}' WHERE id = '{statement}'");
    force(db, ("statements", "update"), &fits).await;
    for period in [&month.october, &month.november] {
        let found = month.differences(period, &[]).await;
        assert!(
            found
                .iter()
                .any(|told| told.starts_with("close 1 of") && told.contains("its hash is not")),
            "{found:?}"
        );
    }
}

/// The text that a query finds.
async fn sqlx_text(db: &Db, sql: &str) -> String {
    let sql = sqlx::AssertSqlSafe(sql.to_owned());
    match db {
        Db::Sqlite { read, .. } => sqlx::query_scalar(sql).fetch_one(read).await.unwrap(),
        Db::Postgres(pool) => sqlx::query_scalar(sql).fetch_one(pool).await.unwrap(),
    }
}

/// What is exported of a period or a month.
async fn exported(month: &Month, of: &[&str], name: &str) -> String {
    let dir = month.app.config.server.data_dir.join(name).display().to_string();
    let words = [&["usage", "export", "--out", &dir], of].concat();
    let (code, _, err) = month.app.shell(&words).await;
    assert_eq!(code, 0, "{err}");
    dir
}

#[tokio::test(flavor = "multi_thread")]
async fn an_export_of_a_period_agrees_with_it_and_no_other() {
    let month = Box::pin(Month::new()).await;
    let Month { october, november, .. } = &month;
    let whole = exported(&month, &["--period", october], "whole").await;
    let days = exported(&month, &["--period", november, "--by-day"], "days").await;
    for (period, dir, calls) in [(october, &whole, 8), (november, &days, 7)] {
        let (code, found) = month.reconciled(period, &["--export", dir]).await;
        assert_eq!((code, &found["differences"]["count"]), (0, &json!(0)), "{found}");
        // Calls that came late are in the export of the period that books them.
        let served = row(&found, &month.key.app_id, "v1.served");
        assert_eq!(served["exported"]["requests"], calls, "{served}");
    }
    let words = ["usage", "reconcile", "--period", november, "--export", &whole];
    let (code, _, err) = month.app.shell(&words).await;
    let why = format!("it is of {october}, and not of {november}");
    assert_eq!((code, err.contains(&why)), (2, true), "{err}");

    let file = std::path::Path::new(&whole).join("usage_events_v1.csv");
    let text = std::fs::read_to_string(&file).unwrap();
    let row = text.lines().nth(1).unwrap();
    std::fs::write(&file, text.replacen(&format!("{row}\n"), "", 1)).unwrap();
    let id = row.split(',').nth(1).unwrap();
    let found = month.differences(october, &["--export", &whole]).await;
    assert_eq!(found, [format!("export: event {id} is not in it")]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_export_of_other_times_is_no_agreement() {
    let month = Box::pin(Month::new()).await;
    let october = exported(&month, &["--period", "2024-10"], "october").await;
    let december = exported(&month, &["--period", "2024-12"], "december").await;
    assert_eq!(month.reconciled(&month.october, &["--export", &october]).await.0, 0);
    let found = month.differences(&month.october, &["--export", &december]).await;
    let [told] = &found[..] else { panic!("{found:?}") };
    assert!(
        told.starts_with("export: it is of other times") && told.contains(" 8 calls,"),
        "{told}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_row_of_an_export_is_named() {
    let month = Box::pin(Month::new()).await;
    let dir = month.app.config.server.data_dir.join("out");
    let export = dir.display().to_string();
    let (code, _, err) = month.app.shell(&["usage", "export", "--out", &export]).await;
    assert_eq!(code, 0, "{err}");
    let file = dir.join("usage_events_v1.csv");
    let whole = std::fs::read_to_string(&file).unwrap();
    let lines: Vec<&str> = whole.lines().collect();
    let id = lines[3].split(',').nth(1).unwrap();
    let without: Vec<&str> = lines.iter().filter(|line| **line != lines[3]).copied().collect();
    std::fs::write(&file, without.join("\n") + "\n").unwrap();
    let found = month.differences(&month.october, &["--export", &export]).await;
    assert_eq!(found, [format!("export: event {id} is not in it")]);
    std::fs::write(&file, whole.replacen(",true,", ",false,", 1)).unwrap();
    let found = month.differences(&month.october, &["--export", &export]).await;
    assert!(found[0].contains("it is not what its hash was made of"), "{found:?}");
    let words = ["usage", "reconcile", "--period", "last", "--export", "nowhere"];
    let (code, _, err) = month.app.shell(&words).await;
    assert_eq!((code, err.contains("nowhere is no directory of an export")), (2, true), "{err}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_close_keeps_what_it_counts_and_the_ledger_is_held_against_it() {
    let month = Box::pin(Month::new()).await;
    let app = &month.app;
    let closes = app.admin_ok("GET", "/admin/v1/billing/closes", None).await;
    let october = closes["items"].as_array().unwrap().iter();
    let october = october.clone().find(|close| close["period_id"] == month.october).unwrap();
    let evidence = &october["evidence"];
    // Live ones, free ones and those of a test key; not the three that came behind the close.
    assert_eq!((&evidence["events"], &evidence["all"]["requests"]), (&json!(14), &json!(14)));
    assert_eq!(evidence["billable"]["requests"], json!(7 + 3 + 1));
    let run = &evidence["runs"][0];
    assert_eq!((&run["first_seq"], &run["events"]), (&json!(0), &json!(14)), "{run}");
    assert_eq!(evidence["root"].as_str().unwrap().len(), 64);
    assert_eq!(month.differences(&month.october, &[]).await, [""; 0]);
    // Evidence that tells of another ledger shows, and so does a close whose hash is not over it.
    let other =
        "UPDATE billing_closes SET evidence = replace(evidence, '\"events\":14', '\"events\":13')";
    force(&app.db, ("billing_closes", "update"), other).await;
    let found = month.differences(&month.october, &[]).await;
    assert!(found[0].contains("it counts 13 events (14 calls"), "{found:?}");
    assert!(found[0].contains("; the ledger up to it has 14 events"), "{found:?}");
    assert!(found[1].contains("it counts 13 events, numbers 0 up to below"), "{found:?}");
    assert!(found[2].contains("its hash is not that of its fields"), "{found:?}");
    // One of a version before evidence was kept is judged by what it has.
    let none = "UPDATE billing_closes SET evidence = NULL WHERE number = 1";
    force(&app.db, ("billing_closes", "update"), none).await;
    let found = month.differences(&month.october, &[]).await;
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(found[0].contains("its hash is not that of its fields"), "{found:?}");
}

/// The first and the last hour of such a month are those of two.
#[tokio::test(flavor = "multi_thread")]
async fn a_close_in_a_zone_of_half_hours_counts_its_own_events_alone() {
    let app = TestApp::builder().fixed_clock("2024-10-31T18:10:00Z").start().await;
    let mut asked = prices();
    asked["time_zone"] = json!("Asia/Kolkata");
    let (_, key) = priced(&app, asked).await;
    call(&app, &key, 3).await;
    at(&app, "2024-10-31T18:40:00Z");
    call(&app, &key, 2).await;
    app.wait_for_gauge("events_folded_total", 5).await;
    for (now, events) in [("2024-11-02T00:00:00Z", 3), ("2024-12-02T00:00:00Z", 2)] {
        let month = close_first(&app, now).await;
        let shown = app.admin_ok("GET", &format!("/admin/v1/billing/periods/{month}"), None).await;
        assert_eq!(shown["close"]["evidence"]["events"], json!(events), "{shown}");
        let (code, out, err) = app.shell(&["usage", "reconcile", "--period", &month]).await;
        assert_eq!(code, 0, "{out}{err}");
    }
}
