//! Sums by hour are counted again each night by one node, and what is not as the events have it is told.

use super::{LATE_OCTOBER, at, call, priced, prices};
use crate::support::schema::documented;
use crate::support::{PATIENCE, TestApp, pause, tell};
use serde_json::{Value, json};
use std::time::Instant;

/// In microseconds.
const DAY: i64 = 86_400_000_000;

/// What is told of the recount that was due at an instant, once it was done.
async fn recounted(app: &TestApp, due_at: &str) -> Value {
    let until = Instant::now() + PATIENCE;
    loop {
        let health = app.admin_ok("GET", "/admin/v1/usage/health", None).await;
        if health["recount"]["due_at"] == due_at {
            documented(&health, "admin", "UsageHealthOut");
            return health["recount"].clone();
        }
        assert!(Instant::now() < until, "{health}");
        pause().await;
    }
}

/// How often a node has counted again.
async fn times(app: &TestApp) -> u32 {
    let metrics = app.admin_text("/metrics").await;
    let line = metrics.lines().find_map(|line| line.strip_prefix("comptoir_usage_recounts_total "));
    line.unwrap().parse().unwrap()
}

async fn doctor(app: &TestApp) -> String {
    let (_, out, _) = app.shell(&["doctor"]).await;
    out.lines().filter(|line| line.contains(" recount: ")).map(str::to_owned).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_hour_that_is_not_that_of_its_events_is_told_the_night_after() {
    let app = TestApp::builder().fixed_clock(LATE_OCTOBER).start().await;
    let (_, key) = priced(&app, prices()).await;
    call(&app, &key, 5).await;
    app.wait_for_gauge("events_folded_total", 5).await;
    assert_eq!(app.admin_ok("GET", "/admin/v1/usage/health", None).await["recount"], Value::Null);
    assert!(doctor(&app).await.contains("ok    recount: none yet"));

    at(&app, "2026-11-01T03:10:00Z");
    let clean = recounted(&app, "2026-11-01T03:10:00Z").await;
    assert_eq!((&clean["differences"], &clean["first"]), (&json!(0), &json!([])), "{clean}");
    assert_eq!((&clean["events"], &clean["hours"]), (&json!(5), &json!(1)), "{clean}");
    // The whole of October in Paris is open.
    assert_eq!(clean["from"], "2026-09-30T22:00:00Z");
    assert_eq!(clean["to"], "2026-11-01T04:00:00Z");
    let now = app.clock.now().0 / 1_000_000;
    app.wait_until_gauge("usage_recounted_seconds", |at| at == now).await;
    app.wait_until_gauge("usage_recount_differences", |count| count == 0).await;
    assert!(doctor(&app).await.contains("ok    recount: 5 events from "));

    tell(&app.db, "UPDATE usage_hours SET bytes = bytes * 2").await.unwrap();
    app.clock.advance(DAY);
    let wrong = recounted(&app, "2026-11-02T03:10:00Z").await;
    assert_eq!(wrong["differences"], 1, "{wrong}");
    let hour = format!("usage_hours 2026-10-31T22:00:00Z {}", key.app_id);
    let first = wrong["first"][0].as_str().unwrap();
    assert!(first.contains(&hour) && first.contains("by the events 5 calls"), "{first}");
    app.wait_for_gauge("usage_recount_differences", 1).await;
    let said = doctor(&app).await;
    assert!(said.contains("WRONG recount: 1 sums by hour") && said.contains(&hour), "{said}");
    assert!(said.contains("`comptoir usage reconcile --all-open`"), "{said}");

    // It is left as it is, and whoever has put it right is told so.
    tell(&app.db, "UPDATE usage_hours SET bytes = bytes / 2").await.unwrap();
    app.clock.advance(DAY);
    let right = recounted(&app, "2026-11-03T03:10:00Z").await;
    assert_eq!(right["differences"], 0, "{right}");
    app.wait_until_gauge("usage_recount_differences", |count| count == 0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_of_several_nodes_counts_and_all_know_what_came_of_it() {
    let first = TestApp::builder().fixed_clock(LATE_OCTOBER).start().await;
    let second = first.beside().await;
    let off = first.beside_with(&[("METERING__RECOUNT_AT", "")]).await;
    let (_, key) = priced(&first, prices()).await;
    call(&first, &key, 3).await;
    first.wait_for_gauge("events_folded_total", 3).await;
    tell(&first.db, "DELETE FROM usage_hours").await.unwrap();
    for (nights, day) in [(1, "2026-11-01"), (2, "2026-11-02"), (3, "2026-11-03")] {
        let due = format!("{day}T03:10:00Z");
        // A night that nobody was there for is made up for.
        at(&first, &format!("{day}T09:00:00Z"));
        let told = recounted(&first, &due).await;
        assert_eq!(told, recounted(&second, &due).await);
        let missing = told["first"][0].as_str().unwrap();
        assert!(missing.contains("it is missing, by the events 3 calls"), "{missing}");
        let until = Instant::now() + PATIENCE;
        while times(&first).await + times(&second).await < nights {
            assert!(Instant::now() < until, "{told}");
            pause().await;
        }
        assert_eq!(times(&first).await + times(&second).await, nights);
    }
    assert_eq!(times(&off).await, 0);
    assert!(doctor(&off).await.contains("it is missing"), "what others found is told there too");

    // A node that starts later knows it as well.
    let late = first.beside().await;
    late.wait_for_gauge("usage_recount_differences", 1).await;
    assert_eq!(times(&late).await, 0);
    assert_eq!(recounted(&late, "2026-11-03T03:10:00Z").await["differences"], 1);
}
