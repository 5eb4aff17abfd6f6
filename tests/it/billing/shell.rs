//! Periods and statements from the shell.

use super::{call, id, own, periods, priced, prices, until_complete};
use crate::support::{Builder, TestApp, TestKey};
use serde_json::{Value, json};

/// The rows of a list.
fn rows(out: &str) -> Vec<Vec<String>> {
    out.lines().map(|line| line.split('\t').map(str::to_owned).collect()).collect()
}

/// A month that has long ended by the clock of the program under test, which is that of the system or of the database.
async fn ended(builder: Builder) -> (TestApp, TestKey) {
    let app = builder.fixed_clock("2024-10-31T22:50:00Z").start().await;
    let (_, key) = priced(&app, prices()).await;
    call(&app, &key, 5).await;
    app.wait_for_gauge("events_folded_total", 5).await;
    app.clock.advance(30 * 3_600_000_000);
    (app, key)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_period_is_listed_closed_and_its_statements_are_written() {
    let (mut app, key) = ended(TestApp::builder()).await;
    let october = id(&periods(&app).await[0]);
    until_complete(&app, &october).await;
    let listed = rows(&app.shell(&["usage", "periods"]).await.1);
    assert_eq!((&listed[0][0], listed[0][4].as_str()), (&october, "closable"), "{listed:?}");
    assert_eq!((listed[0][6].as_str(), listed[0][7].as_str()), ("1", "yes"), "{listed:?}");
    let later = listed[1][0].clone();
    let (code, _, err) = app.shell(&["usage", "close", &later]).await;
    assert_eq!((code, err.contains("Periods close in their order")), (1, true), "{err}");
    let stated = own(&app, &key).await.pop().unwrap();
    app.stop().await;

    let (code, out, err) = app.shell(&["usage", "close", &october]).await;
    assert_eq!((code, out.starts_with(&format!("1\t{october}\t"))), (0, true), "{out}{err}");
    let (code, _, err) = app.shell(&["usage", "close", &october]).await;
    assert_eq!((code, err.contains("The period was closed at")), (1, true), "{err}");
    let audit = app.shell(&["audit", "export"]).await.1;
    assert!(audit.contains("billing_period.close"), "{audit}");
    let listed: Value =
        serde_json::from_str(&app.shell(&["usage", "periods", "--json"]).await.1).unwrap();
    assert_eq!((&listed[0]["id"], &listed[0]["state"]), (&json!(october), &json!("closed")));
    assert_eq!(app.shell(&["usage", "reconcile", "--period", "last"]).await.0, 0);
    assert_eq!(app.shell(&["usage", "reconcile", "--period", "2024-10"]).await.0, 0);
    let (code, _, err) = app.shell(&["usage", "reconcile", "--period", "2024-09"]).await;
    assert_eq!((code, err.contains("no billing period begins in 2024-09")), (2, true), "{err}");

    let of_last = ["usage", "statement", "--period", "last"];
    let listed = rows(&app.shell(&of_last).await.1);
    let cells = [id(&stated), "final".to_owned()];
    assert_eq!((&listed[0][..2], listed[0][6].as_str()), (&cells[..], "53.50"), "{listed:?}");
    let none = [&of_last[..], &["--partner", "prt_00000000001"]].concat();
    assert_eq!(app.shell(&none).await.1, "");
    let mine = [&of_last[..], &["--app", &key.app_id, "--json"]].concat();
    let mine: Value = serde_json::from_str(&app.shell(&mine).await.1).unwrap();
    assert_eq!(mine[0]["id"], stated["id"]);
    let one = app.shell(&["usage", "statement", &cells[0]]).await.1;
    assert_eq!(serde_json::from_str::<Value>(&one).unwrap()["total"], "53.50");
    let page = app.shell(&["usage", "statement", &cells[0], "--format", "html"]).await.1;
    assert!(page.starts_with("<!doctype html>") && page.contains("Final. SHA-256"), "{page}");
    let dir = app.config.server.data_dir.join("statements");
    std::fs::create_dir(&dir).unwrap();
    let out = dir.display().to_string();
    let written = [&of_last[..], &["--format", "csv", "--out", &out]].concat();
    assert_eq!(app.shell(&written).await.0, 0);
    let csv = std::fs::read_to_string(dir.join(format!("{}.csv", cells[0]))).unwrap();
    assert!(csv.starts_with("statement_id,") && csv.contains(",usage,"), "{csv}");
    let (code, _, err) = app.shell(&written).await;
    assert_eq!(
        (code, err.contains("cannot be written") && err.contains("exists")),
        (1, true),
        "{err}"
    );
    let (code, _, err) = app.shell(&["usage", "statement", "stm_00000000001"]).await;
    assert_eq!((code, err.contains("There is no statement")), (1, true), "{err}");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_person_closes_nothing_that_takes_two() {
    let by_two = TestApp::builder().set("ADMIN__FOUR_EYES", "period_close");
    let (app, _) = ended(by_two).await;
    let october = id(&periods(&app).await[0]);
    let (code, _, err) = app.shell(&["usage", "close", &october]).await;
    assert_eq!((code, err.contains("takes a second person")), (1, true), "{err}");

    let (mut app, _) = ended(TestApp::builder()).await;
    let october = id(&periods(&app).await[0]);
    until_complete(&app, &october).await;
    app.stop().await;
    // A node that was there in that month and has said nothing since.
    let gone = "INSERT INTO usage_runs (node, epoch, version, boot, started_at, through, told_at, next_seq, accounted) \
                SELECT 'nod_00000000009', 4, '0.2.0', '', started_at, started_at, started_at, 17, 17 FROM usage_runs";
    super::tell(&app.db, gone).await.unwrap();
    let (code, _, err) = app.shell(&["usage", "close", &october]).await;
    assert!(code == 1 && err.contains("MISSING: process 4 of nod_00000000009"), "{err}");
    assert!(err.contains("which takes a second person"), "{err}");
    let (code, _, err) = app.shell(&["usage", "close", &october, "--with-exceptions"]).await;
    assert!(code == 1 && err.contains("ask for it over the admin API"), "{err}");
    assert_eq!(periods_of(&app).await[0][4], "closable");
}

async fn periods_of(app: &TestApp) -> Vec<Vec<String>> {
    rows(&app.shell(&["usage", "periods"]).await.1)
}
