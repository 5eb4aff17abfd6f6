//! What a hostile outsider and a careless retailer send, byte by byte.

use crate::support::{NOON, TestApp, data, problem};
use comptoir::feeds::Feed;
use serde_json::{Value, json};
use std::net::SocketAddr;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

async fn shop() -> TestApp {
    let app = TestApp::builder().fixed_clock(NOON).start().await;
    app.stock_shelves(2, 1).await;
    app
}

fn path() -> String {
    format!("/v1/products/{}", data::product_id(0))
}

/// Sends bytes as they are and reads until the other side closes.
async fn raw(at: SocketAddr, bytes: &[u8]) -> String {
    let mut stream = TcpStream::connect(at).await.expect("a connection");
    stream.write_all(bytes).await.expect("sent");
    let mut answer = Vec::new();
    // A reset after the answer is an end too.
    let _ = stream.read_to_end(&mut answer).await;
    String::from_utf8_lossy(&answer).into_owned()
}

fn statuses(answers: &str) -> Vec<&str> {
    answers.match_indices("HTTP/1.1 ").map(|(at, _)| &answers[at + 9..at + 12]).collect()
}

#[tokio::test]
async fn a_request_of_two_lengths_is_no_request() {
    let app = shop().await;
    let key = app.key(json!({})).await;
    let inner = format!("GET {} HTTP/1.1\r\nHost: x\r\nX-API-Key: {}\r\n\r\n", path(), key.text);
    for shape in [
        "Content-Length: 4\r\nTransfer-Encoding: chunked\r\n",
        "Transfer-Encoding: chunked\r\nContent-Length: 4\r\n",
        "Content-Length: 4\r\nContent-Length: 5\r\n",
        "Content-Length: +5\r\n",
        "Content-Length: -1\r\n",
        "Transfer-Encoding: xchunked\r\n",
        "Transfer-Encoding: \x0bchunked\r\n",
        "Transfer-Encoding : chunked\r\n",
        "X-A: a\r\n folded\r\n",
        "no colon\r\n",
        "X-A: a\0b\r\n",
        "Host: y\r\n",
    ] {
        let head = format!("GET {} HTTP/1.1\r\nHost: x\r\nX-API-Key: {}\r\n", path(), key.text);
        let answer =
            raw(app.at.public, format!("{head}{shape}\r\n0\r\n\r\n{inner}").as_bytes()).await;
        assert_eq!(statuses(&answer), ["400"], "{shape:?}: {answer}");
    }
}

#[tokio::test]
async fn a_hundred_calls_in_one_breath_are_a_hundred_events() {
    let mut app = shop().await;
    let key = app.key(json!({})).await;
    let call = |method: &str, last: &str| {
        format!("{method} {} HTTP/1.1\r\nHost: x\r\nX-API-Key: {}\r\n{last}\r\n", path(), key.text)
    };
    let calls =
        call("GET", "").repeat(98) + &call("HEAD", "") + &call("GET", "Connection: close\r\n");
    let answers = raw(app.at.public, calls.as_bytes()).await;
    assert_eq!(statuses(&answers), ["200"; 100]);
    app.stop().await;
    let mut export = Vec::new();
    let period: comptoir::metering::period::Period = "2026-11-22".parse().expect("a day");
    let format = comptoir::billing::export::Format::Ndjson;
    comptoir::billing::export::export(&app.db, period, format, &mut export)
        .await
        .expect("an export");
    let export = String::from_utf8(export).expect("text");
    let mut ids: Vec<Value> = export
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).expect("JSON")["event_id"].clone())
        .collect();
    ids.sort_by_key(ToString::to_string);
    ids.dedup();
    assert_eq!(ids.len(), 100);
    for id in ids {
        assert!(answers.contains(&format!(" {}\r\n", id.as_str().unwrap())), "{id}");
    }
}

#[tokio::test]
async fn a_forged_line_before_the_proxys_own_does_not_help() {
    let app = TestApp::builder()
        .fixed_clock(NOON)
        .set("SERVER__TRUSTED_PROXIES", "127.0.0.1/32,10.0.0.0/8")
        .start()
        .await;
    app.stock_shelves(1, 1).await;
    let key = app.key(json!({ "cidrs": ["192.0.2.0/24"] })).await;
    let call = |lines: &[&'static str]| {
        let mut request = app.http.get(app.public_url(&path())).bearer_auth(&key.text);
        for line in lines {
            request = request.header("X-Forwarded-For", *line);
        }
        request.send()
    };
    let forged = call(&["192.0.2.7", "198.51.100.1"]).await.unwrap();
    problem(forged, 403, "address_not_allowed").await;
    let forged = call(&["192.0.2.7", "198.51.100.1, 10.0.0.1", "10.0.0.2"]).await.unwrap();
    problem(forged, 403, "address_not_allowed").await;
    assert_eq!(call(&["198.51.100.1", "192.0.2.7", "10.0.0.2"]).await.unwrap().status(), 200);
}

#[tokio::test]
async fn an_error_repeats_little_of_a_long_path() {
    let app = shop().await;
    let key = app.key(json!({})).await;
    let long = format!("/v1/products/{}", "a".repeat(60_000));
    let refused = problem(app.get(&key.text, &long).await, 404, "not_found").await;
    assert!(refused["detail"].as_str().unwrap().len() < 300);
}

#[tokio::test]
async fn a_list_in_place_of_an_object_is_refused() {
    let app = TestApp::start().await;
    let plan = app.plan(json!([{ "name": "a", "quota": 1, "window_s": 1 }])).await;
    let key = app.key_under(&plan, json!({})).await;
    let rotate = format!("/admin/v1/keys/{}/rotate", key.id);
    for (method, path, body) in [
        ("POST", "/admin/v1/partners", json!(["Moulin"])),
        ("POST", "/admin/v1/apps", json!([key.partner_id, plan, "app 2"])),
        ("PATCH", &format!("/admin/v1/apps/{}", key.app_id), json!([plan])),
        ("POST", &rotate, json!([60])),
        ("POST", "/admin/v1/plans", json!({ "name": "p", "limits": [["a", 1, 1]] })),
    ] {
        let refused = app.admin(method, path, Some(body)).await;
        let refused = problem(refused, 400, "invalid_body").await;
        assert!(refused["detail"].as_str().unwrap().contains("must be an object"), "{refused}");
    }
    let lines = [json!([null, "SKU-1", null]), json!("x"), json!(null)];
    let report = app.import(Feed::Products, &lines).await;
    assert_eq!((report.accepted, report.rejected), (0, 3), "{report}");
}

#[tokio::test]
async fn the_largest_body_is_the_configured_one() {
    let app = TestApp::builder().set("SERVER__MAX_BODY_BYTES", "100000").start().await;
    let body = |n: usize| Some(json!({ "name": "a".repeat(n) }));
    let refused = app.admin("POST", "/admin/v1/partners", body(99_000)).await;
    problem(refused, 400, "invalid_body").await;
    let refused = app.admin("POST", "/admin/v1/partners", body(100_000)).await;
    problem(refused, 413, "body_too_large").await;
}

#[tokio::test]
async fn a_key_has_few_address_blocks() {
    let app = TestApp::start().await;
    let key = app.key(json!({})).await;
    let blocks: Vec<String> = (0..101).map(|n| format!("10.0.{n}.0/24")).collect();
    let create = |blocks: &[String]| json!({ "app_id": key.app_id, "name": "k", "environment": "live", "cidrs": blocks });
    let refused = app.admin("POST", "/admin/v1/keys", Some(create(&blocks))).await;
    let refused = problem(refused, 400, "invalid_body").await;
    assert_eq!(refused["errors"][0]["pointer"], "/cidrs");
    app.admin_ok("POST", "/admin/v1/keys", Some(create(&blocks[1..]))).await;
}

#[tokio::test]
async fn a_level_from_the_future_does_not_shut_out_true_ones() {
    let app = shop().await;
    app.key(json!({})).await;
    let lines = [data::level(0, 0, 9, "2999-01-01T00:00:00Z"), data::level(0, 0, 7, NOON)];
    let report = app.import(Feed::Stock, &lines).await;
    assert_eq!((report.accepted, report.rejected), (1, 1), "{report}");
}

#[cfg(unix)]
#[tokio::test]
async fn the_data_directory_is_its_owners_alone() {
    use std::os::unix::fs::PermissionsExt as _;
    let dir = tempfile::tempdir().unwrap();
    let inner = dir.path().join("a/data");
    let app =
        TestApp::builder().set("SERVER__DATA_DIR", &inner.display().to_string()).start().await;
    let mode = std::fs::metadata(&inner).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o700);
    drop(app);
}
