//! What statements are made of is counted again before they are frozen, and kept by the database from then on.

use super::adjustments::{ADJUSTMENTS, Desk, asked};
use super::exported::exported;
use super::{
    LATE_OCTOBER, at, call, close, close_first, id, periods, priced, prices, until_complete,
};
use crate::four_eyes::{owner, path};
use crate::support::people::Browser;
use crate::support::{TestApp, problem, tell};
use comptoir::billing::export::Format;
use comptoir::storage::Db;
use serde_json::{Value, json};

#[tokio::test(flavor = "multi_thread")]
async fn sums_that_are_not_those_of_the_events_are_not_frozen() {
    let builder = TestApp::builder().set("ADMIN__FOUR_EYES", "period_close");
    let app = builder.fixed_clock("2024-10-31T22:50:00Z").start().await;
    let (_, key) = priced(&app, prices()).await;
    call(&app, &key, 5).await;
    app.wait_for_gauge("events_folded_total", 5).await;
    at(&app, "2024-11-02T00:00:00Z");
    let october = id(&periods(&app).await[0]);
    until_complete(&app, &october).await;
    let one = owner(&app, "one@example.com").await;
    let other = owner(&app, "other@example.com").await;
    let url = format!("/admin/v1/billing/periods/{october}/close");
    let waits: Value = one.call("POST", &url, Some(json!({}))).await.json().await.unwrap();

    tell(&app.db, "UPDATE usage_hours SET bytes = bytes * 2").await.unwrap();
    // Neither is it asked for nor approved.
    let ask = one.call("POST", &url, Some(json!({}))).await;
    let approve = other.call("POST", &path(&waits, "approve"), None).await;
    for answer in [ask, approve] {
        let refused = problem(answer, 409, "conflict").await;
        let detail = refused["detail"].as_str().unwrap();
        let hour = format!("usage_hours 2024-10-31T22:00:00Z {}", key.app_id);
        assert!(detail.contains(&hour) && detail.contains("by the events 5 calls"), "{detail}");
        assert!(detail.contains("usage reconcile --period per_"), "{detail}");
    }
    tell(&app.db, "UPDATE usage_hours SET bytes = bytes / 2").await.unwrap();
    let closed = other.ok("POST", &path(&waits, "approve"), None).await;
    assert_eq!(closed["result"]["period_id"], october);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_else_waits_to_close_a_period_is_put_down_with_its_close() {
    let builder = TestApp::builder().set("ADMIN__FOUR_EYES", "period_close");
    let app = builder.fixed_clock(LATE_OCTOBER).start().await;
    let (_, key) = priced(&app, prices()).await;
    call(&app, &key, 2).await;
    app.wait_for_gauge("events_folded_total", 2).await;
    at(&app, "2026-12-02T00:00:00Z");
    let open: Vec<String> = periods(&app).await.iter().map(id).collect();
    let [october, november] = [&open[0], &open[1]];
    until_complete(&app, november).await;
    let one = owner(&app, "one@example.com").await;
    let other = owner(&app, "other@example.com").await;
    let ask = async |who: &Browser, period: &str| -> Value {
        let url = format!("/admin/v1/billing/periods/{period}/close");
        let waits = who.call("POST", &url, Some(json!({}))).await;
        assert_eq!(waits.status(), 202);
        waits.json().await.unwrap()
    };
    let (done, second) = (ask(&one, october).await, ask(&one, october).await);
    let standing = async |of: &Value| {
        let url = format!("/admin/v1/approvals/{}", id(of));
        let found = app.admin_ok("GET", &url, None).await;
        (found["status"].clone(), found["reason"].clone())
    };
    assert_eq!(standing(&second).await, (json!("waiting"), json!(null)));
    other.ok("POST", &path(&done, "approve"), None).await;
    let put_down = (json!("rejected"), json!("The period was closed meanwhile."));
    assert_eq!(standing(&second).await, put_down);
    assert_eq!(standing(&done).await, (json!("approved"), json!(null)));
    let waiting = app.admin_ok("GET", "/admin/v1/approvals?waiting=true", None).await;
    assert_eq!(waiting["items"], json!([]));
    problem(other.call("POST", &path(&second, "approve"), None).await, 409, "conflict").await;
    // What waits for another period waits on, until one person closes that where it takes no other.
    let third = ask(&one, november).await;
    assert_eq!(standing(&third).await.0, "waiting");
    let alone = app.beside_with(&[("ADMIN__FOUR_EYES", "")]).await;
    until_complete(&app, november).await;
    assert_eq!(close(&alone, november).await.status(), 200);
    assert_eq!(standing(&third).await, put_down);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_came_late_may_be_closed_with() {
    let app = TestApp::builder().fixed_clock(LATE_OCTOBER).start().await;
    let (plan, key) = priced(&app, prices()).await;
    call(&app, &key, 2).await;
    app.wait_for_gauge("events_folded_total", 2).await;
    at(&app, "2026-11-02T00:00:00Z");
    super::late::brought(&app, &key, (&plan, 2), &["2026-10-31T22:55:00Z"; 3]).await;
    let october = id(&periods(&app).await[0]);
    until_complete(&app, &october).await;
    assert_eq!(close(&app, &october).await.status(), 200);
}

/// What nobody may do to what a close stands on, and what the refusal says.
const REFUSED: [(&str, &str); 19] = [
    ("UPDATE usage_segments SET folded_at = 0", "the ledger is never changed"),
    ("DELETE FROM usage_segments", "the ledger is never changed"),
    ("UPDATE plan_versions SET definition = '{}'", "a version of a plan is never changed"),
    ("DELETE FROM plan_versions", "a version of a plan is never changed"),
    ("UPDATE signing_keys SET public = kid", "a key that signs is never changed"),
    ("DELETE FROM signing_keys", "a key that signs is never changed"),
    ("UPDATE usage_hours SET requests = requests - 1", "are never made smaller"),
    ("UPDATE usage_hours SET plan_version = plan_version + 1", "are never made smaller"),
    ("DELETE FROM usage_hours", "are never made smaller"),
    ("UPDATE billing_close_days SET events = 1", "the days of a close are never changed"),
    ("DELETE FROM billing_close_days", "the days of a close are never changed"),
    (
        "INSERT INTO billing_close_days SELECT period_id, '2024-10-01', 1, root FROM billing_close_days",
        "the days of a close are never changed",
    ),
    ("UPDATE billing_names SET name = 'Someone else'", "calls partners, apps and the retailer"),
    ("DELETE FROM billing_names", "calls partners, apps and the retailer"),
    ("UPDATE usage_exports SET merkle_root = layout", "which export was made of what"),
    ("DELETE FROM usage_exports", "which export was made of what"),
    ("DELETE FROM usage_runs", "is never untold"),
    ("UPDATE usage_runs SET accounted = accounted - 1", "is never untold"),
    ("UPDATE usage_runs SET started_at = 0", "is never untold"),
];

#[tokio::test(flavor = "multi_thread")]
async fn what_a_close_stands_on_is_neither_changed_nor_replaced() {
    let app = TestApp::builder().fixed_clock("2024-10-31T22:50:00Z").start().await;
    let (_, key) = priced(&app, prices()).await;
    call(&app, &key, 5).await;
    app.wait_for_gauge("events_folded_total", 5).await;
    let october = close_first(&app, "2024-11-02T00:00:00Z").await;
    let credit = json!({ "amount": "5.00", "currency": "EUR", "period_id": october });
    Desk::of(&app).await.agreed(ADJUSTMENTS, asked(&key, "sla", "credit", credit)).await;
    let out = app.config.server.data_dir.join("out").display().to_string();
    assert_eq!(app.shell(&["usage", "export", "--out", &out]).await.0, 0);
    // Twice, for the second finds the names of the first.
    for _ in 0..2 {
        exported(&app, "focus-1.2", &october, (Format::Csv, false)).await;
    }
    for (sql, says) in REFUSED {
        let refused = tell(&app.db, sql).await.unwrap_err().to_string();
        assert!(refused.contains(says), "{sql}: {refused}");
    }
    // Only SQLite has a way to add a row in the place of another.
    if matches!(app.db, Db::Sqlite { .. }) {
        for table in [
            "audit_log",
            "billing_closes",
            "billing_close_days",
            "statements",
            "adjustments",
            "usage_segments",
            "plan_versions",
            "signing_keys",
            "billing_names",
            "usage_exports",
        ] {
            let replace = format!("INSERT OR REPLACE INTO {table} SELECT * FROM {table}");
            let refused = tell(&app.db, &replace).await.unwrap_err().to_string();
            assert!(refused.contains(" never changed"), "{table}: {refused}");
        }
    }
    // A process that claims more than the ledger has of it is found.
    let more = "UPDATE usage_runs SET next_seq = next_seq + 3, accounted = accounted + 3";
    tell(&app.db, more).await.unwrap();
    let (code, out, _) = app.shell(&["usage", "reconcile", "--period", &october]).await;
    assert_eq!(
        (code, out.contains("process 1: the ledger has numbers up to below ")),
        (1, true),
        "{out}"
    );
    // A key may be retired, and is not brought back.
    assert_eq!(app.shell(&["usage", "keys", "rotate"]).await.0, 0);
    let back = "UPDATE signing_keys SET retired_at = NULL WHERE retired_at IS NOT NULL";
    assert!(tell(&app.db, back).await.is_err());
}
