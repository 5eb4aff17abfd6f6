//! What operators rely on: health, readiness, metrics, errors in one form, a stop that loses nothing.

use crate::support::{NOON, TestApp, data, problem};
use serde_json::{Value, json};

#[tokio::test]
async fn health_readiness_and_metrics_tell_the_state() {
    let app = TestApp::start().await;
    app.stock_shelves(3, 1).await;
    let key = app.key(json!({})).await;
    app.get(&key.text, &format!("/v1/products/{}", data::product_id(0))).await;
    app.get("cpt_live_nonsense", "/v1/products").await;
    assert_eq!(app.admin_text("/healthz").await, "ok\n");
    let ready = app.http.get(app.admin_url("/readyz")).send().await.unwrap();
    assert_eq!(ready.status(), 200);
    assert_eq!(ready.json::<Value>().await.unwrap(), json!({ "ready": true, "problems": [] }));
    app.wait_for_gauge("products", 3).await;
    let metrics = app.admin_text("/metrics").await;
    for line in [
        "operation=\"get_product\"",
        "comptoir_control_position",
        "comptoir_journal_backlog_segments",
        "comptoir_ready 1",
    ] {
        assert!(metrics.contains(line), "{line} in:\n{metrics}");
    }
    assert!(!metrics.contains("cpt_"), "no key may be in a metric");
}

#[tokio::test]
async fn every_error_is_a_problem_document() {
    let app = TestApp::builder().fixed_clock(NOON).start().await;
    app.stock_shelves(1, 1).await;
    let key = app.key(json!({})).await;
    problem(app.get(&key.text, "/v1/nothing/here").await, 404, "unknown_path").await;
    problem(app.http.get(app.public_url("/nothing")).send().await.unwrap(), 404, "unknown_path")
        .await;
    problem(app.get(&key.text, "/v1/products/%FF%FE").await, 404, "not_found").await;
    problem(app.get(&key.text, "/v1/products/../../etc/passwd").await, 404, "unknown_path").await;
    problem(
        app.get(&key.text, &format!("/v1/products/{}", "x".repeat(4000))).await,
        404,
        "not_found",
    )
    .await;
    for method in ["POST", "PUT", "DELETE", "PATCH"] {
        let request = app.http.request(method.parse().unwrap(), app.public_url("/v1/products"));
        let answer = request.bearer_auth(&key.text).body("{").send().await.unwrap();
        assert_eq!(answer.headers()["allow"], "GET, HEAD", "{method}");
        problem(answer, 405, "method_not_allowed").await;
    }
    problem(app.http.get(app.admin_url("/nothing")).send().await.unwrap(), 404, "unknown_path")
        .await;
}

#[tokio::test]
async fn a_browser_app_may_call_from_a_configured_origin_only() {
    let app = TestApp::builder().set("SERVER__CORS_ORIGINS", "https://app.example").start().await;
    app.stock_shelves(1, 1).await;
    let key = app.key(json!({})).await;
    let url = app.public_url(&format!("/v1/products/{}", data::product_id(0)));
    let from = |origin: &'static str| {
        app.http.get(&url).bearer_auth(&key.text).header("Origin", origin).send()
    };
    let allowed = from("https://app.example").await.unwrap();
    assert_eq!(allowed.headers()["access-control-allow-origin"], "https://app.example");
    assert!(allowed.headers().contains_key("access-control-expose-headers"));
    let other = from("https://evil.example").await.unwrap();
    assert!(!other.headers().contains_key("access-control-allow-origin"));
    let preflight = app
        .http
        .request(reqwest::Method::OPTIONS, &url)
        .header("Origin", "https://app.example")
        .header("Access-Control-Request-Method", "GET")
        .header("Access-Control-Request-Headers", "authorization");
    assert!(preflight.send().await.unwrap().status().is_success());
}

#[tokio::test]
async fn a_stop_finishes_what_it_has_begun() {
    let mut app = TestApp::start().await;
    app.stock_shelves(50, 1).await;
    let key = app.key(json!({})).await;
    let calls: Vec<_> = (0..100)
        .map(|_| {
            let request =
                app.http.get(app.public_url("/v1/products?limit=50")).bearer_auth(&key.text);
            tokio::spawn(async move { request.send().await.map(|answer| answer.status().as_u16()) })
        })
        .collect();
    let mut answered = 0;
    let mut calls = calls.into_iter();
    for call in calls.by_ref().take(20) {
        answered += usize::from(call.await.unwrap().is_ok_and(|status| status == 200));
    }
    app.stop().await;
    for call in calls {
        // A call is either answered whole or never taken; it is not cut in the middle.
        answered += usize::from(call.await.unwrap().is_ok_and(|status| status == 200));
    }
    let (from, to) =
        ("2000-01-01T00:00:00Z".parse().unwrap(), "2100-01-01T00:00:00Z".parse().unwrap());
    let granularity = comptoir::metering::usage::Granularity::Month;
    let usage = comptoir::metering::usage::usage(
        &app.db,
        key.app_id.parse().unwrap(),
        from,
        to,
        granularity,
    )
    .await
    .unwrap();
    let billed: i64 = usage.rows.iter().filter(|r| r.key.billable).map(|r| r.sums.requests).sum();
    assert_eq!(billed, answered as i64);
}
