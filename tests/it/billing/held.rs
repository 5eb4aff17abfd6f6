//! An export of a closed period has what its close counts, or there is none; and who checks one is told what it lacks.

use super::exported::{exported, keys};
use super::reconcile::force;
use super::{call, close_first, priced, prices};
use crate::support::TestApp;
use comptoir::billing::export::Format;
use comptoir::billing::manifest::Gap;

/// What has the first three calls.
const FIRST: &str = "first_seq < 3";

/// A closed month of three calls in one segment and two in the next.
async fn closed() -> (TestApp, String) {
    let app = TestApp::builder().fixed_clock("2024-10-31T22:50:00Z").start().await;
    let (_, key) = priced(&app, prices()).await;
    for (times, folded) in [(3, 3), (2, 5)] {
        call(&app, &key, times).await;
        app.wait_for_gauge("events_folded_total", folded).await;
    }
    let october = close_first(&app, "2024-11-02T00:00:00Z").await;
    (app, october)
}

/// The exit code of an export of a period, and what it says of what went wrong.
async fn outcome(app: &TestApp, period: &str, (layout, name): (&str, &str)) -> (i32, String) {
    let out = app.config.server.data_dir.join(name).display().to_string();
    let words = ["usage", "export", "--layout", layout, "--period", period, "--out", &out];
    let (code, _, err) = app.shell(&words).await;
    (code, err)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_close_counts_and_the_ledger_has_not_is_not_exported() {
    let (app, october) = closed().await;
    for layout in ["usage_events", "usage_hourly"] {
        let (code, err) = outcome(&app, &october, (layout, layout)).await;
        assert_eq!(code, 0, "{err}");
    }
    // Moved in the index, so that it is not looked into; then taken out.
    let moved = format!(
        "UPDATE usage_segments SET min_at = min_at - 25920000000000, max_at = max_at - 25920000000000 \
         WHERE {FIRST}"
    );
    let gone = format!("DELETE FROM usage_segments WHERE {FIRST}");
    for (what, sql) in [("update", moved), ("delete", gone)] {
        force(&app.db, ("usage_segments", what), &sql).await;
        for layout in ["usage_events", "usage_hourly"] {
            let name = format!("{layout}-{what}");
            let (code, err) = outcome(&app, &october, (layout, &name)).await;
            assert_eq!(code, 1, "{what}: {err}");
            assert!(err.contains("of process 1 of nod_"), "{what}: {err}");
            assert!(err.contains("it counts 5 events") && err.contains("and 2 are there"), "{err}");
            assert!(err.contains(&format!("usage reconcile --period {october}")), "{err}");
            assert!(!app.config.server.data_dir.join(&name).exists(), "{name} is there");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gap_that_the_close_of_a_final_export_does_not_name_fails_the_check() {
    let (app, october) = closed().await;
    let whole = exported(&app, "usage_events", &october, (Format::Csv, false)).await;
    // As of a close that was made before closes kept what they count.
    let none = "UPDATE billing_closes SET evidence = NULL";
    force(&app.db, ("billing_closes", "update"), none).await;
    let gone = format!("DELETE FROM usage_segments WHERE {FIRST}");
    force(&app.db, ("usage_segments", "delete"), &gone).await;
    let (code, err) = outcome(&app, &october, ("usage_events", "gap")).await;
    assert_eq!(code, 0, "{err}");
    let told = "has no events with the numbers from 0 to below 3, which may have been calls";
    assert!(err.contains("GAP: process 1 of nod_") && err.contains(told), "{err}");

    let lacking = exported(&app, "usage_events", &october, (Format::Csv, false)).await;
    let published = lacking.path().with_file_name("keys.json");
    std::fs::write(&published, serde_json::to_vec(&keys()).unwrap()).unwrap();
    let published = published.display().to_string();
    let checked =
        async |dir: String| app.shell(&["usage", "verify", &dir, "--keys", &published]).await;
    let (code, out, err) = checked(lacking.path().display().to_string()).await;
    assert_eq!(code, 1, "{out}{err}");
    assert!(out.contains("GAP: process 1 of nod_") && out.contains(told), "{out}");
    let bad = format!("BAD: {october} is closed, and its close does not name 1 of these gaps");
    assert!(out.contains(&bad), "{out}");
    let (code, out, err) = checked(whole.path().display().to_string()).await;
    assert_eq!(code, 0, "{out}{err}");
    // One that was made before the times of gaps were told is judged by the numbers of the period's calls.
    let mut before = lacking.manifest.clone();
    let untimed = |gap: Gap| Gap { accepted_from: None, accepted_to: None, ..gap };
    before.gaps = before.gaps.into_iter().map(untimed).collect();
    assert_eq!(before.unnamed_gaps().count(), 0);
    before.runs[0].first_seq = 0;
    assert_eq!(before.unnamed_gaps().count(), 1);
    assert!(lacking.manifest.holds_the_same(&lacking.manifest.clone()));
}
