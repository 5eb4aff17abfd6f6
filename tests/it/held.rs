//! Clients that keep a connection and send nothing, too little, or too much.

use crate::support::{NOON, TestApp, data};
use serde_json::Value;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// Longer than anything here may take, and shorter than a stop that waits for calls.
const AT_MOST: Duration = Duration::from_secs(20);

async fn connect(at: SocketAddr, bytes: &[u8]) -> TcpStream {
    let mut stream = TcpStream::connect(at).await.expect("a connection");
    stream.write_all(bytes).await.expect("sent");
    stream
}

/// Everything until the other side closes, which it does.
async fn to_end(stream: &mut TcpStream) -> String {
    let mut answer = Vec::new();
    // A reset after the answer is an end too.
    let _ = timeout(AT_MOST, stream.read_to_end(&mut answer)).await.expect("closed");
    String::from_utf8_lossy(&answer).into_owned()
}

/// What is answered first, as far as it comes in one piece.
async fn first(stream: &mut TcpStream) -> String {
    let mut answer = vec![0; 16_384];
    let read = timeout(AT_MOST, stream.read(&mut answer)).await.expect("in time");
    String::from_utf8_lossy(&answer[..read.expect("an answer")]).into_owned()
}

fn post(path: &str, token: &str, more: &str) -> Vec<u8> {
    format!(
        "POST {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n\
         Content-Type: application/json\r\n{more}\r\n\r\n"
    )
    .into_bytes()
}

/// The status of an answer, and the problem in it.
fn problem(answer: &str) -> (&str, Value) {
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or_else(|| panic!("{answer:?}"));
    let body = serde_json::from_str(body).unwrap_or_else(|e| panic!("{e}: {answer}"));
    assert!(head.to_lowercase().contains("connection: close"), "{head}");
    (&head[9..12], body)
}

#[tokio::test]
async fn a_body_that_stands_still_is_refused() {
    let app = TestApp::builder().set("SERVER__BODY_TIMEOUT_S", "1").start().await;
    let lookup = app.key(serde_json::json!({})).await.text;
    let mut all = Vec::new();
    for (at, path, token) in [
        (app.at.public, "/oauth/token", ""),
        (app.at.public, "/v1/products/lookup", lookup.as_str()),
        (app.at.admin, "/admin/v1/login", ""),
        (app.at.admin, "/admin/v1/partners", app.admin_token.as_str()),
    ] {
        for shape in ["Content-Length: 100\r\n\r\n{", "Transfer-Encoding: chunked\r\n\r\n5\r\n{"] {
            all.push((path, connect(at, &post(path, token, shape)).await));
        }
    }
    for (path, mut held) in all {
        let answer = to_end(&mut held).await;
        let (status, problem) = problem(&answer);
        assert_eq!((status, &problem["code"]), ("408", &"body_too_slow".into()), "{path}");
    }
}

#[tokio::test]
async fn a_slow_sender_is_served() {
    let app = TestApp::builder()
        .set("SERVER__BODY_TIMEOUT_S", "2")
        .set("SERVER__BODY_LEAST_RATE", "1")
        .start()
        .await;
    let body = br#"{"name":"Ann"}"#;
    let length = format!("Content-Length: {}\r\nConnection: close", body.len());
    let mut slow =
        connect(app.at.admin, &post("/admin/v1/partners", &app.admin_token, &length)).await;
    let mut ticks = tokio::time::interval(Duration::from_millis(250));
    for byte in body {
        ticks.tick().await;
        slow.write_all(&[*byte]).await.expect("sent");
    }
    let answer = to_end(&mut slow).await;
    assert!(answer.starts_with("HTTP/1.1 201"), "{answer}");
}

#[tokio::test]
async fn a_body_that_says_it_is_too_long_is_not_waited_for() {
    let app = TestApp::builder().set("FEEDS__MAX_MIB", "1").start().await;
    let key = app.key(serde_json::json!({})).await.text;
    for (at, path, token) in [
        (app.at.public, "/v1/products/lookup", key.as_str()),
        (app.at.public, "/oauth/token", ""),
        (app.at.admin, "/admin/v1/login", ""),
        (app.at.admin, "/admin/v1/partners", app.admin_token.as_str()),
        (app.at.admin, "/admin/v1/feeds/products", app.admin_token.as_str()),
    ] {
        let mut head = String::from_utf8(post(path, token, "Content-Length: 99999999999")).unwrap();
        if path.contains("/feeds/") {
            head = head.replace("application/json", "application/octet-stream");
        }
        let mut held = connect(at, head.as_bytes()).await;
        let answer = to_end(&mut held).await;
        let (status, problem) = problem(&answer);
        assert_eq!((status, &problem["code"]), ("413", &"body_too_large".into()), "{path}");
    }
}

#[tokio::test]
async fn a_body_that_nobody_reads_holds_no_connection() {
    let app = TestApp::builder().fixed_clock(NOON).start().await;
    app.stock_shelves(1, 1).await;
    let key = app.key(serde_json::json!({})).await.text;
    for (at, path, status) in [
        (app.at.public, format!("/v1/products/{}", data::product_id(0)), "200"),
        (app.at.public, "/docs/".to_owned(), "200"),
        (app.at.public, "/nothing".to_owned(), "404"),
        (app.at.admin, "/healthz".to_owned(), "200"),
    ] {
        let head = format!(
            "GET {path} HTTP/1.1\r\nHost: x\r\nX-API-Key: {key}\r\n\
             Transfer-Encoding: chunked\r\n\r\n5\r\nab"
        );
        let mut held = connect(at, head.as_bytes()).await;
        let answer = to_end(&mut held).await;
        assert_eq!(&answer[9..12], status, "{path}: {answer}");
    }
}

#[tokio::test]
async fn a_second_head_has_its_time_too() {
    let app = TestApp::builder().set("SERVER__REQUEST_TIMEOUT_S", "1").start().await;
    let mut held = connect(app.at.public, b"GET /nothing HTTP/1.1\r\nHost: x\r\n\r\n").await;
    assert!(first(&mut held).await.starts_with("HTTP/1.1 404"));
    held.write_all(b"G").await.expect("sent");
    assert_eq!(to_end(&mut held).await, "");
}

#[tokio::test]
async fn a_stop_waits_for_no_body_that_stands_still() {
    let mut app = TestApp::builder().start().await;
    let mut held = Vec::new();
    for (at, path) in [(app.at.public, "/oauth/token"), (app.at.admin, "/admin/v1/login")] {
        let head = post(path, "", "Content-Length: 100\r\nExpect: 100-continue");
        let mut stream = connect(at, &head).await;
        // It is being read.
        assert!(first(&mut stream).await.starts_with("HTTP/1.1 100"));
        held.push(stream);
    }
    timeout(AT_MOST, app.stop()).await.expect("a stop in time");
    for mut stream in held {
        let answer = to_end(&mut stream).await;
        let (status, problem) = problem(&answer);
        assert_eq!((status, &problem["code"]), ("503", &"unavailable".into()));
    }
}

#[tokio::test]
async fn a_stop_waits_for_no_client_that_takes_nothing() {
    let mut app = TestApp::builder().start().await;
    let call = b"GET /docs/swagger-ui-bundle.js HTTP/1.1\r\nHost: x\r\n\r\n";
    // More than what lies between the two takes.
    let mut held = connect(app.at.public, &call.repeat(16)).await;
    let mut byte = [0];
    timeout(AT_MOST, held.read_exact(&mut byte)).await.expect("in time").expect("an answer");
    timeout(AT_MOST, app.stop()).await.expect("a stop in time");
    assert!(to_end(&mut held).await.starts_with("TTP/1.1 200"));
}

#[tokio::test]
async fn a_stream_may_be_silent_but_not_for_ever() {
    let app = TestApp::builder()
        .set("SERVER__BODY_TIMEOUT_S", "1")
        .set("SERVER__STREAM_SILENCE_S", "10")
        .start()
        .await;
    app.stock_shelves(1, 1).await;
    let head = post("/admin/v1/stock/levels", &app.admin_token, "Transfer-Encoding: chunked");
    let head = String::from_utf8(head).unwrap().replace("application/json", "application/x-ndjson");
    let mut stream = connect(app.at.admin, head.as_bytes()).await;
    for second in [1, 2] {
        let level = data::level(0, 0, second, &format!("2026-11-22T09:00:0{second}Z"));
        let line = format!("{level}\n");
        let chunk = format!("{:x}\r\n{line}\r\n", line.len());
        stream.write_all(chunk.as_bytes()).await.expect("sent");
        // Longer than another body may stand still, and far shorter than a stream may: the silence is what is tried out.
        tokio::time::sleep(Duration::from_secs(2)).await;
    }
    let answer = to_end(&mut stream).await;
    let (status, problem) = problem(&answer);
    assert_eq!(status, "408");
    assert!(problem["detail"].as_str().unwrap().contains("2 levels were stored"), "{problem}");
}

#[tokio::test]
async fn one_address_does_not_take_all_connections() {
    let app = TestApp::builder().set("SERVER__MAX_CONNECTIONS_PER_ADDRESS", "3").start().await;
    let mut held = Vec::new();
    let mut statuses = Vec::new();
    for _ in 0..4 {
        let mut stream = TcpStream::connect(app.at.public).await.expect("a connection");
        // Who is turned away may be so before it has sent anything.
        let _ = stream.write_all(b"GET /nothing HTTP/1.1\r\nHost: x\r\n\r\n").await;
        statuses.push(first(&mut stream).await[9..12].to_owned());
        held.push(stream);
    }
    // A connection of the start may still be there.
    assert_eq!(statuses[..2], ["404", "404"]);
    assert_eq!(statuses[3], "503");
    assert_eq!(app.admin_text("/healthz").await, "ok\n");
    assert!(app.admin_text("/metrics").await.contains("comptoir_connections_refused_total"));
}

#[tokio::test]
async fn connections_beyond_all_wait_and_the_admin_listener_answers() {
    let app = TestApp::builder()
        .set("SERVER__MAX_CONNECTIONS", "2")
        .set("SERVER__WORKERS", "1")
        .start()
        .await;
    let call = b"GET /nothing HTTP/1.1\r\nHost: x\r\n\r\n";
    let mut held = Vec::new();
    for _ in 0..2 {
        let mut stream = connect(app.at.public, call).await;
        assert!(first(&mut stream).await.starts_with("HTTP/1.1 404"));
        held.push(stream);
    }
    let mut third = connect(app.at.public, call).await;
    let mut byte = [0];
    let waits = timeout(Duration::from_millis(300), third.peek(&mut byte)).await;
    assert!(waits.is_err(), "{waits:?}");
    assert_eq!(app.admin_text("/healthz").await, "ok\n");
    held.pop();
    assert!(first(&mut third).await.starts_with("HTTP/1.1 404"));
}
