//! Keys that were made where this node has not seen it.

use super::{path, status};
use crate::support::{TestApp, problem};
use serde_json::json;

/// A node that looks for changes by itself once a minute.
async fn slow_to_look() -> TestApp {
    let app = TestApp::builder()
        .set("ACCESS__CONTROL_POLL_MS", "60000")
        .set("ACCESS__STALE_AFTER_S", "600")
        .start()
        .await;
    app.stock_shelves(2, 1).await;
    app
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_made_by_the_command_line_works_at_once() {
    let app = slow_to_look().await;
    let known = app.key(json!({})).await;
    let shell = async |args: &[&str]| {
        let (code, out, err) = app.shell(args).await;
        assert_eq!(code, 0, "{args:?}: {err}");
        out.trim().to_owned()
    };
    let made = shell(&["key", "create", "--app", &known.app_id]).await;
    assert_eq!(status(&app, &made).await, 200);
    let rotated = shell(&["key", "rotate", &known.id]).await;
    assert_eq!(status(&app, &rotated).await, 200);
    // So does one that another path is asked with first.
    let made = shell(&["key", "create", "--app", &known.app_id]).await;
    assert_eq!(app.get(&made, "/v1/products?limit=1").await.status(), 200);
    let made = shell(&["key", "create", "--app", &known.app_id]).await;
    problem(app.get(&made, "/v1/nothing").await, 404, "unknown_path").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_of_another_installation_is_refused_however_many_ask() {
    let (app, other) = (slow_to_look().await, slow_to_look().await);
    let (known, foreign) = (app.key(json!({})).await, other.key(json!({})).await);
    let path = path();
    let calls = (0..50).map(|_| async {
        problem(app.get(&foreign.text, &path).await, 401, "invalid_key").await;
    });
    futures_util::future::join_all(calls).await;
    assert_eq!(status(&app, &known.text).await, 200);
}
