//! Exports of billing periods: every layout in every format, what they come to, and what is done to them found.

use super::adjustments::{ADJUSTMENTS, Desk, asked};
use super::exported::{Record, exported, keys, number, rows, sum};
use super::late::brought;
use super::{at, close_first, id, own, priced, prices, statement};
use crate::support::{TestApp, TestKey};
use comptoir::billing::export::Format;
use comptoir::billing::manifest::State;
use comptoir::billing::manifest::proof::prove;
use serde_json::{Value, json};
use std::collections::BTreeSet;

const LAYOUTS: [&str; 5] =
    ["usage_events", "usage_hourly", "statement_lines", "adjustments", "focus-1.2"];
const FORMATS: [Format; 3] = [Format::Csv, Format::Ndjson, Format::Parquet];

/// Two months with calls, of which the first is closed and then corrected: the app, and the ids of October and November.
async fn two_months(app: &TestApp) -> (TestKey, String, String) {
    let (plan, key) = priced(app, prices()).await;
    at(app, "2026-11-01T06:00:00Z");
    let calls = [
        "2026-10-02T10:00:00Z",
        "2026-10-02T11:00:00Z",
        "2026-10-07T11:00:00Z",
        "2026-10-07T11:59:59Z",
        "2026-10-31T22:30:00Z",
        "2026-10-31T23:00:00Z",
        "2026-11-01T00:30:00Z",
    ];
    brought(app, &key, (&plan, 2), &calls).await;
    let october = close_first(app, "2026-11-03T00:00:00Z").await;
    brought(app, &key, (&plan, 2), &["2026-10-02T10:30:00Z"; 3]).await;
    let desk = Desk::of(app).await;
    let sla = json!({ "amount": "10.00", "currency": "EUR", "period_id": october });
    desk.agreed(ADJUSTMENTS, asked(&key, "sla", "credit", sla)).await;
    let missed = json!({ "operation": "get_product", "at": "2026-11-02T10:00:00Z", "requests": 3 });
    desk.agreed(ADJUSTMENTS, asked(&key, "missed", "backfill", missed)).await;
    let november = own(app, &key).await[0]["period_id"].as_str().unwrap().to_owned();
    // That call is in the ledger, too, and the last: what is exported stays the same meanwhile.
    app.wait_for_gauge("events_folded_total", 1).await;
    (key, october, november)
}

#[tokio::test]
async fn each_layout_holds_the_same_in_each_format_and_every_change_is_found() {
    let app = TestApp::builder().fixed_clock("2026-09-30T22:00:00Z").start().await;
    let (_, _, november) = two_months(&app).await;
    for layout in LAYOUTS {
        let mut seen = BTreeSet::new();
        for format in FORMATS {
            for by_day in [false, true] {
                let made = exported(&app, layout, &november, (format, by_day)).await;
                assert!(made.manifest.files.iter().all(|file| file.rows > 0), "{layout}");
                seen.insert((by_day, made.digests(), made.manifest.merkle_root.clone()));
                let period = made.manifest.period.as_ref().unwrap();
                assert_eq!((&period.id, period.state), (&november, State::Provisional));
                for path in made.files() {
                    let whole = std::fs::read(&path).unwrap();
                    let name = path.file_name().unwrap().to_str().unwrap();
                    for at in (0..whole.len()).step_by(whole.len() / 7 + 1) {
                        let mut bytes = whole.clone();
                        bytes[at] ^= 1;
                        std::fs::write(&path, &bytes).unwrap();
                        let found = made.problems();
                        assert!(
                            found.iter().any(|it| it.contains(name)),
                            "{layout} {at}: {found:?}"
                        );
                    }
                    std::fs::write(&path, whole).unwrap();
                }
            }
        }
        assert_eq!(seen.len(), 2, "{layout}: {seen:?}");
    }
}

#[tokio::test]
async fn a_row_of_each_layout_can_be_proved_and_a_changed_one_is_named() {
    let app = TestApp::builder().fixed_clock("2026-09-30T22:00:00Z").start().await;
    let (_, _, november) = two_months(&app).await;
    for layout in LAYOUTS {
        let made = exported(&app, layout, &november, (Format::Csv, false)).await;
        let row = made.rows().pop().unwrap();
        let hash = if layout == "focus-1.2" { "x_RowHash" } else { "hash" };
        let id = match layout {
            "usage_events" => "event_id",
            "statement_lines" => "line_id",
            "adjustments" => "adjustment_id",
            _ => hash,
        };
        for name in [&row[id], &row[hash]] {
            let proof = prove(&made.path(), name).unwrap();
            assert_eq!(proof.check(&keys()).unwrap().export_id, made.manifest.export_id);
        }
        assert!(prove(&made.path(), "none").is_err());
        let path = &made.files()[0];
        let text = std::fs::read_to_string(path).unwrap();
        let (from, to) =
            if layout.starts_with("usage") { (",live,", ",test,") } else { (",EUR,", ",USD,") };
        std::fs::write(path, text.replacen(from, to, 1)).unwrap();
        let found = made.problems();
        assert!(found[0].contains(": row ") && found[0].contains("not what its hash"), "{found:?}");
    }
}

#[tokio::test]
async fn a_closed_period_is_always_exported_the_same_and_an_open_one_is_superseded() {
    let app = TestApp::builder().fixed_clock("2026-09-30T22:00:00Z").start().await;
    let (_, october, november) = two_months(&app).await;
    for layout in LAYOUTS {
        let csv = (Format::Csv, false);
        let first = exported(&app, layout, &october, csv).await;
        let period = first.manifest.period.clone().unwrap();
        let close = period.close.clone().unwrap();
        assert_eq!((period.state, close.number, close.hash.len()), (State::Final, 1, 64));
        let again = exported(&app, layout, &october, (Format::Parquet, false)).await;
        assert_eq!(
            (first.digests(), &first.manifest.period),
            (again.digests(), &again.manifest.period)
        );
        assert_eq!(again.manifest.supersedes, None, "{layout}");

        let open = exported(&app, layout, &november, csv).await;
        let same = exported(&app, layout, &november, csv).await;
        assert_eq!((open.digests(), same.manifest.supersedes.clone()), (same.digests(), None));
    }
    let before = exported(&app, "statement_lines", &november, (Format::Csv, false)).await;
    let key = &rows(&app, "statement_lines", &november).await[0]["app_id"];
    let credit = json!({
        "operation_key": "more", "app_id": key, "reason_code": "more", "reason": "As was agreed",
        "credit": { "amount": "2.00", "currency": "EUR" },
    });
    Desk::named(&app, ["three@example.com", "four@example.com"])
        .await
        .agreed(ADJUSTMENTS, credit)
        .await;
    let after = exported(&app, "statement_lines", &november, (Format::Csv, false)).await;
    assert!(after.manifest.supersedes.is_some(), "{:?}", after.manifest);
    assert_ne!(before.digests(), after.digests());
    close_first(&app, "2026-12-03T00:00:00Z").await;
    let last = exported(&app, "statement_lines", &november, (Format::Csv, false)).await;
    assert_eq!(last.manifest.supersedes, Some(after.manifest.export_id));
}

fn billable(rows: &[Record]) -> impl Iterator<Item = &Record> {
    rows.iter().filter(|row| row["billable"] == "true" && row["environment"] == "live")
}

#[tokio::test]
async fn calls_hours_statements_and_focus_come_to_the_same() {
    let app = TestApp::builder().fixed_clock("2026-09-30T22:00:00Z").start().await;
    let (key, october, november) = two_months(&app).await;
    close_first(&app, "2026-12-03T00:00:00Z").await;
    let statements = own(&app, &key).await;
    for (period, calls, late, backfilled) in [(&october, 5, 0, 0), (&november, 5, 3, 3)] {
        let events = rows(&app, "usage_events", period).await;
        assert!(events.iter().all(|row| &row["booked_period"] == period));
        let came_late = events.iter().filter(|row| row["occurred_period"] != *period);
        assert_eq!((billable(&events).count(), came_late.count()), (calls, late), "{period}");
        let hours = rows(&app, "usage_hourly", period).await;
        for meter in ["requests", "records", "bytes", "weight_milli"] {
            assert_eq!(sum(&events, meter), sum(&hours, meter), "{meter}");
            assert_eq!(sum(billable(&events), meter), sum(billable(&hours), meter), "{meter}");
        }
        assert!(hours.iter().all(|row| &row["period"] == period));

        let stated = statements.iter().find(|one| one["period_id"] == **period).unwrap();
        let stated: Value = statement(&app, &key, &id(stated)).await;
        let lines = rows(&app, "statement_lines", period).await;
        assert_eq!(sum(&lines, "amount"), number(stated["total"].as_str().unwrap()));
        let counted = lines.iter().filter(|row| !row["meter"].is_empty());
        let focus = rows(&app, "focus-1.2", period).await;
        let quantity = sum(counted, "quantity");
        assert_eq!(quantity, sum(&focus, "ConsumedQuantity"));
        let own = i128::try_from(calls - late + backfilled).unwrap();
        assert_eq!(quantity, own * number("1"));
        assert_eq!(sum(&lines, "event_count"), sum(&focus, "x_EventCount"));
        assert_eq!(sum(&lines, "amount"), sum(&focus, "BilledCost"));
    }
    let made = rows(&app, "adjustments", &november).await;
    let told: Vec<_> = made
        .iter()
        .map(|row| {
            ["reason_code", "kind", "corrects_period", "units", "amount"]
                .map(|name| row[name].clone())
        })
        .collect();
    assert_eq!(told[0].each_ref().map(String::as_str), ["sla", "credit", &october, "", "-10.0000"]);
    assert_eq!(told[1].each_ref().map(String::as_str), ["missed", "backfill", "", "3", ""]);
    assert!(
        made.iter()
            .all(|row| row["requested_by"] != row["approved_by"] && !row["approved_by"].is_empty())
    );
    assert_eq!(rows(&app, "adjustments", &october).await, Vec::<Record>::new());
}
