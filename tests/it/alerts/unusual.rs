//! Hours in which an app calls as it usually does not.

use super::{DAY, HOUR, alerts, product, shop};
use crate::support::{TestApp, TestKey, data};
use serde_json::json;

/// Calls, so often, and waits until the ledger has all that were made so far.
async fn calls(app: &TestApp, key: &TestKey, path: &str, times: u32, made: &mut i64) {
    for _ in 0..times {
        app.get(&key.text, path).await.bytes().await.unwrap();
    }
    *made += i64::from(times);
    app.wait_for_gauge("events_folded_total", *made).await;
}

#[tokio::test]
async fn an_unusual_hour_is_told_once_and_ends_when_it_is_usual_again() {
    let settings = [
        ("ALERTS__ANOMALY_FACTOR", "2"),
        ("ALERTS__ANOMALY_MINIMUM", "5"),
        ("ALERTS__MAIL_CONTACTS", "billing"),
    ];
    let app = shop(&settings).await;
    let (key, other) = (app.key(json!({})).await, app.key(json!({})).await);
    let (path, missing) = (product(), format!("/v1/products/{}", data::product_id(99)));
    let mut made = 0;
    // A week of six calls at noon; each hour in between is judged, too.
    for _ in 0..8 {
        calls(&app, &key, &path, 6, &mut made).await;
        app.clock.advance(DAY);
    }
    // Twice the usual is usual, and more is not.
    calls(&app, &key, &path, 13, &mut made).await;
    app.clock.advance(HOUR + HOUR / 10);
    let told = alerts(&app, "", 1).await.remove(0);
    assert_eq!((&told["kind"], &told["app_id"]), (&json!("high_usage"), &json!(key.app_id)));
    let hour = json!({ "hour": "2026-11-30T12:00:00Z", "calls": 13, "count": 13, "usual": 6 });
    assert_eq!((&told["hour"], &told["quota"]), (&hour, &json!(null)));
    app.clock.advance(DAY - HOUR - HOUR / 10);
    // Somebody else calls, so it is not we who are silent.
    calls(&app, &other, &path, 1, &mut made).await;
    app.clock.advance(HOUR + HOUR / 10);
    let told = alerts(&app, "", 2).await;
    assert_eq!((&told[0]["kind"], &told[0]["hour"]["usual"]), (&json!("silence"), &json!(6)));
    assert_eq!(told[1]["ended_at"], "2026-11-30T13:00:00Z");
    app.clock.advance(DAY - HOUR - HOUR / 10);
    // As many calls as ever, but all of them in vain.
    calls(&app, &key, &missing, 6, &mut made).await;
    app.clock.advance(HOUR + HOUR / 10);
    let told = alerts(&app, "", 3).await;
    assert_eq!((&told[0]["kind"], &told[0]["hour"]["count"]), (&json!("many_errors"), &json!(6)));
    assert_eq!(told[1]["ended_at"], "2026-12-01T13:00:00Z");
    assert_eq!(alerts(&app, "?kind=silence", 1).await.len(), 1);
    // Nobody at the partner is told where the technical contacts are not.
    let mails = app.admin_ok("GET", "/admin/v1/mails", None).await;
    assert_eq!(mails["items"], json!([]));
}
