//! What operators rely on: health, readiness, metrics, errors in one form, a stop that loses nothing.

use crate::support::process::Home;
use crate::support::{NOON, TestApp, data, pause, problem, tell};
use comptoir::on_db;
use serde_json::{Value, json};
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::{Duration, Instant};

#[tokio::test]
async fn health_readiness_and_metrics_tell_the_state() {
    let app = TestApp::start().await;
    app.stock_shelves(3, 1).await;
    let key = app.key(json!({})).await;
    app.get(&key.text, &format!("/v1/products/{}", data::product_id(0))).await;
    app.get("cpt_live_nonsense", "/v1/products").await;
    assert_eq!(
        app.http.get(app.public_url("/openapi/partner.yaml")).send().await.unwrap().status(),
        200
    );
    app.wait_for_gauge("events_folded_total", 1).await;
    let plan = app.plan(json!([{ "name": "tiny", "quota": 1, "window_s": 86_400 }])).await;
    let tiny = app.key_under(&plan, json!({})).await;
    assert_eq!(app.get(&tiny.text, "/v1/products").await.status(), 200);
    assert_eq!(app.get(&tiny.text, "/v1/products").await.status(), 429);
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
        "comptoir_fold_failures_total 0",
        "comptoir_recovered_unconfirmed_events 0",
        "comptoir_recovered_missing_events 0",
        r#"comptoir_requests_total{operation="list_products",status="429"} 1"#,
        r#"comptoir_requests_total{operation="list_products",status="4xx"} 0"#,
        r#"comptoir_limited_calls_total{policy="tiny"} 1"#,
        r#"comptoir_unidentified_calls_total{reason="invalid_key"} 1"#,
    ] {
        assert!(metrics.contains(line), "{line} in:\n{metrics}");
    }
    assert!(!metrics.contains("reason=\"page\""), "a page is no call:\n{metrics}");
    assert!(!metrics.contains("cpt_"), "no key may be in a metric");
}

#[tokio::test]
async fn a_node_follows_the_ledger_of_consents() {
    let app = TestApp::builder().start().await;
    let written = "UPDATE log_heads SET position = position + 7 WHERE log = 'consent'";
    tell(&app.db, written).await.unwrap();
    app.wait_for_gauge("consent_position", 7).await;
    // A database that was put back to an older state is followed from there.
    tell(&app.db, "UPDATE log_heads SET position = 3 WHERE log = 'consent'").await.unwrap();
    app.wait_until_gauge("consent_position", |position| position == 3).await;
    let metrics = app.admin_text("/metrics").await;
    for line in [
        "comptoir_consents 0",
        "# TYPE comptoir_consent_feed_lag_seconds gauge",
        "# TYPE comptoir_consent_propagation_seconds histogram",
        "comptoir_consent_propagation_seconds_count 0",
    ] {
        assert!(metrics.lines().any(|it| it == line), "{line} in:\n{metrics}");
    }
}

#[tokio::test]
async fn a_node_forgets_proofs_that_have_ended() {
    const LEFT: &str = "SELECT hash FROM authz_proofs ORDER BY hash";
    let app = TestApp::builder().fixed_clock(NOON).start().await;
    let used = "INSERT INTO authz_proofs (hash, expires_at) VALUES ('over', 1), ('used', 9000000000000000)";
    tell(&app.db, used).await.unwrap();
    let beside = app.beside().await;
    let until = Instant::now() + Duration::from_secs(30);
    loop {
        let left: Vec<String> =
            on_db!(&beside.db, c => sqlx::query_scalar(LEFT).fetch_all(c).await).unwrap();
        if left == ["used"] {
            break;
        }
        assert!(Instant::now() < until, "{left:?}");
        pause().await;
    }
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
    let exposed = allowed.headers()["access-control-expose-headers"].to_str().unwrap();
    for name in ["x-request-cost", "usage-event-id", "ratelimit", "etag", "link"] {
        assert!(exposed.split(',').any(|one| one.trim() == name), "{name}: {exposed}");
    }
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

/// An answer received whole, or that none was begun; a call cut in the middle fails.
async fn whole(request: reqwest::RequestBuilder) -> bool {
    let answer = match request.send().await {
        Ok(answer) => answer,
        Err(error) => {
            assert!(error.is_connect() || error.is_request(), "{error:?}");
            return false;
        }
    };
    assert_eq!(answer.status(), 200);
    let length: usize = answer.headers()["content-length"].to_str().unwrap().parse().unwrap();
    let body = answer.bytes().await.expect("the whole body");
    assert_eq!(body.len(), length);
    let page: Value = serde_json::from_slice(&body).expect("JSON");
    assert_eq!(page["items"].as_array().unwrap().len(), 50);
    true
}

#[tokio::test]
async fn a_stop_finishes_what_it_has_begun() {
    let mut app = TestApp::start().await;
    app.stock_shelves(50, 1).await;
    let key = app.key(json!({})).await;
    let url = app.public_url("/v1/products?limit=50");
    let calls: Vec<_> =
        (0..100).map(|_| tokio::spawn(whole(app.http.get(&url).bearer_auth(&key.text)))).collect();
    let mut answered = 0;
    let mut calls = calls.into_iter();
    for call in calls.by_ref().take(20) {
        assert!(call.await.unwrap(), "unanswered before the stop");
        answered += 1;
    }
    app.stop().await;
    for call in calls {
        answered += i64::from(call.await.unwrap());
    }
    let (from, to) =
        ("2000-01-01T00:00:00Z".parse().unwrap(), "2100-01-01T00:00:00Z".parse().unwrap());
    let granularity = comptoir::metering::usage::Granularity::Month;
    let usage = comptoir::metering::usage::usage(
        &app.db,
        (key.partner_id.parse().unwrap(), key.app_id.parse().unwrap()),
        from,
        to,
        (granularity, None),
    )
    .await
    .unwrap();
    // What was not answered was never taken either: every call that was begun is recorded, whatever
    // its end.
    let begun: i64 = usage.rows.iter().map(|r| r.sums.requests).sum();
    let billed: i64 = usage.rows.iter().filter(|r| r.key.billable).map(|r| r.sums.requests).sum();
    assert_eq!((begun, billed), (answered, answered));
}

#[tokio::test]
async fn malformed_requests_write_nothing_into_the_log() {
    let home = Home::new(&[], &[data::product(0)]).await;
    let server = home.serve();
    let endless = [b"GET / HTTP/1.1\r\nx: ".as_slice(), &[b'x'; 300_000]].concat();
    for request in [
        b"nonsense\r\n\r\n".as_slice(),
        b"GET / HTTP/9.9\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
        b"POST / HTTP/1.1\r\ncontent-length: x\r\n\r\n",
        b"POST / HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n\r\n",
        &endless,
    ] {
        let mut stream = TcpStream::connect(server.public).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        // The server may hang up before it has read all.
        let _ = stream.write_all(request);
        let _ = stream.shutdown(std::net::Shutdown::Write);
        let _ = stream.read_to_end(&mut Vec::new());
    }
    assert_eq!(server.operator("/healthz").0, 200);
    let said = server.terminate();
    assert!(said.contains("\"stopped\""), "{said}");
    for line in said.lines() {
        let entry: Value = serde_json::from_str(line).expect("a line of JSON");
        let ours = entry["target"].as_str().is_some_and(|target| target.starts_with("comptoir"));
        assert!(ours && entry["level"] == "INFO", "{line}");
    }
}
