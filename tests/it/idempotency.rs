//! Writes that come again with their `Idempotency-Key` are done once, charged once and answered alike.

use crate::support::{NOON, TestApp, pause, problem, tell};
use futures_util::future::join_all;
use reqwest::{Method, Response};
use serde_json::{Value, json};
use std::time::Instant;

const SECOND: i64 = 1_000_000;
const KEY: &str = "8e03978e-40d5-43e8-bc93-6894a57f9324";

fn subscription(n: u32) -> Value {
    json!({ "url": format!("https://hooks.example.com/{n}"), "events": ["price.changed"] })
}

async fn send(
    app: &TestApp,
    key: &str,
    (method, path): (Method, &str),
    name: &str,
    body: Option<&Value>,
) -> Response {
    let request = app.http.request(method, app.public_url(path)).bearer_auth(key);
    let request = request.header("Idempotency-Key", name);
    let request = match body {
        Some(body) => request.json(body),
        None => request,
    };
    request.send().await.unwrap()
}

async fn subscribe(app: &TestApp, key: &str, name: &str, body: &Value) -> Response {
    send(app, key, (Method::POST, "/v1/subscriptions"), name, Some(body)).await
}

fn header<'a>(answer: &'a Response, name: &str) -> Option<&'a str> {
    answer.headers().get(name).map(|value| value.to_str().unwrap())
}

fn is_replay(answer: &Response) -> bool {
    header(answer, "idempotent-replayed") == Some("true")
}

async fn subscriptions(app: &TestApp, key: &str) -> usize {
    let listed: Value = app.get(key, "/v1/subscriptions").await.json().await.unwrap();
    listed["items"].as_array().unwrap().len()
}

#[tokio::test]
async fn a_write_that_comes_again_is_done_once_and_answered_alike() {
    let app = TestApp::start().await;
    let made = app.key(json!({})).await;
    let key = made.text.as_str();
    let first = subscribe(&app, key, KEY, &subscription(1)).await;
    assert_eq!((first.status().as_u16(), is_replay(&first)), (201, false));
    assert_eq!(header(&first, "x-request-cost"), Some("1"));
    let did = header(&first, "usage-event-id").unwrap().to_owned();
    let place = header(&first, "location").unwrap().to_owned();
    let first: Value = first.json().await.unwrap();
    // With the quotes of a structured field, it is the same key; and a key of the app's that was made later may repeat.
    let body = json!({ "app_id": made.app_id, "name": "later", "environment": "live" });
    let later = app.admin_ok("POST", "/admin/v1/keys", Some(body)).await;
    let later = later["text"].as_str().unwrap();
    let mut replays = Vec::new();
    for (key, name) in [(key, KEY.to_owned()), (later, format!("\"{KEY}\""))] {
        let again = subscribe(&app, key, &name, &subscription(1)).await;
        assert_eq!((again.status().as_u16(), is_replay(&again)), (201, true));
        assert_eq!(header(&again, "x-request-cost"), Some("0"));
        assert_eq!(header(&again, "location"), Some(place.as_str()));
        replays.push(header(&again, "usage-event-id").unwrap().to_owned());
        // The secret, which is shown this once, is in it again.
        assert_eq!(again.json::<Value>().await.unwrap(), first);
    }
    assert_eq!(subscriptions(&app, key).await, 1);

    // In the ledger the repeats stand, free, with the call that did it.
    let until = Instant::now() + crate::support::PATIENCE;
    let rows: Vec<Value> = loop {
        let page: Value = app.get(key, "/v1/usage/events").await.json().await.unwrap();
        let rows = page["items"].as_array().unwrap().iter();
        let made = rows.filter(|row| row["operation_id"] == "create_subscription");
        let made: Vec<Value> = made.cloned().collect();
        if made.len() == 3 {
            break made;
        }
        assert!(Instant::now() < until, "the calls are not folded: {page}");
        pause().await;
    };
    for row in rows {
        let is_first = row["event_id"] == did;
        let of = if is_first { Value::Null } else { json!(did) };
        let (outcome, rule) =
            if is_first { ("served", "v1.served") } else { ("replayed", "v1.replayed") };
        assert!(is_first || replays.iter().any(|id| row["event_id"] == *id), "{row}");
        assert_eq!(
            (&row["replay_of"], &row["billable"], &row["outcome"], &row["billability_rule"]),
            (&of, &json!(is_first), &json!(outcome), &json!(rule))
        );
    }
}

#[tokio::test]
async fn a_key_goes_with_one_call_of_one_app() {
    let app = TestApp::start().await;
    let (key, stranger) = (app.key(json!({})).await.text, app.key(json!({})).await.text);
    // What is refused frees its key.
    let bad = json!({ "url": "http://hooks.example.com/", "events": ["price.changed"] });
    problem(subscribe(&app, &key, KEY, &bad).await, 400, "invalid_body").await;
    let made = subscribe(&app, &key, KEY, &subscription(1)).await;
    assert_eq!((made.status().as_u16(), is_replay(&made)), (201, false));
    let made: Value = made.json().await.unwrap();
    // Another body, address or method is another call.
    let reused = "idempotency_key_reused";
    problem(subscribe(&app, &key, KEY, &subscription(2)).await, 422, reused).await;
    let path = format!("/v1/subscriptions/{}", made["id"].as_str().unwrap());
    let other = send(&app, &key, (Method::DELETE, &path), KEY, None).await;
    problem(other, 422, reused).await;
    // Another app's key of the same name is another.
    let own = subscribe(&app, &stranger, KEY, &subscription(1)).await;
    assert_eq!((own.status().as_u16(), is_replay(&own)), (201, false));
    assert_ne!(own.json::<Value>().await.unwrap()["id"], made["id"]);
    for name in ["", "\"\"", "with space", "a\"b", &"x".repeat(256)] {
        let refused = subscribe(&app, &key, name, &subscription(3)).await;
        let refused = problem(refused, 400, "invalid_parameter").await;
        assert_eq!(refused["errors"][0]["parameter"], "Idempotency-Key", "{name}");
    }
    let twice = app.http.post(app.public_url("/v1/subscriptions")).bearer_auth(&key);
    let twice = twice.header("Idempotency-Key", "a").header("Idempotency-Key", "b");
    let twice = twice.json(&subscription(3)).send().await.unwrap();
    problem(twice, 400, "invalid_parameter").await;
    assert_eq!((subscriptions(&app, &key).await, subscriptions(&app, &stranger).await), (1, 1));
    // Reads take no notice of it.
    for _ in 0..2 {
        let read = send(&app, &key, (Method::GET, "/v1/subscriptions"), "a b", None).await;
        assert_eq!((read.status().as_u16(), is_replay(&read)), (200, false));
    }
}

#[tokio::test]
async fn of_many_at_once_on_two_nodes_one_does_it() {
    let app = TestApp::start().await;
    let key = app.key(json!({})).await.text;
    let beside = app.beside().await;
    beside.caught_up().await;
    let calls = (0..20).map(|n| {
        let node = if n % 2 == 0 { &app } else { &beside };
        let key = &key;
        async move { subscribe(node, key, KEY, &subscription(1)).await }
    });
    let answers = join_all(calls).await;
    let mut ids = Vec::new();
    let mut firsts = 0;
    for answer in answers {
        if answer.status() == 409 {
            problem(answer, 409, "idempotency_in_progress").await;
            continue;
        }
        assert_eq!(answer.status(), 201);
        firsts += u32::from(!is_replay(&answer));
        ids.push(answer.json::<Value>().await.unwrap()["id"].clone());
    }
    ids.dedup();
    assert_eq!((firsts, ids.len(), subscriptions(&app, &key).await), (1, 1, 1));
}

#[tokio::test]
async fn every_write_takes_a_key() {
    let app = TestApp::start().await;
    app.stock_shelves(1, 1).await;
    let key = app.key(json!({})).await.text;
    let made = subscribe(&app, &key, "made", &subscription(1)).await;
    let made: Value = made.json().await.unwrap();
    let path = |rest: &str| format!("/v1/subscriptions/{}{rest}", made["id"].as_str().unwrap());
    let position = json!({ "after": made["position"] });
    let export = json!({ "resources": ["products"], "format": "ndjson.gz" });
    for (method, path, body, status) in [
        (Method::PATCH, path(""), Some(json!({ "status": "paused" })), 200),
        (Method::POST, path("/rotate-secret"), None, 200),
        (Method::POST, path("/test"), None, 200),
        (Method::POST, path("/replay"), Some(position), 200),
        (Method::POST, "/v1/exports".to_owned(), Some(export), 202),
        (Method::DELETE, path(""), None, 204),
    ] {
        let mut told = Vec::new();
        for replayed in [false, true] {
            let call = (method.clone(), path.as_str());
            let name = format!("{method}{path}");
            let answer = send(&app, &key, call, &name, body.as_ref()).await;
            let found = (answer.status().as_u16(), is_replay(&answer));
            assert_eq!(found, (status, replayed), "{method} {path}");
            told.push(answer.text().await.unwrap());
        }
        assert_eq!(told[0], told[1], "{method} {path}");
    }
}

/// As a process leaves its keys that dies between what it does and its answer.
async fn broken_off(app: &TestApp) {
    tell(&app.db, "UPDATE idempotency_keys SET answer = NULL").await.unwrap();
    app.clock.advance(600 * SECOND);
}

#[tokio::test]
async fn what_a_call_did_that_was_broken_off_is_not_done_again() {
    let app = TestApp::builder().fixed_clock(NOON).start().await;
    app.stock_shelves(1, 1).await;
    let key = app.key(json!({})).await.text;
    let made = subscribe(&app, &key, "made", &subscription(1)).await;
    let made: Value = made.json().await.unwrap();
    let path = format!("/v1/subscriptions/{}", made["id"].as_str().unwrap());
    let secret = format!("{path}/rotate-secret");
    let export = json!({ "resources": ["products"], "format": "ndjson.gz" });
    for (method, path, body, same) in [
        (Method::POST, secret.as_str(), None, "secret"),
        (Method::POST, "/v1/exports", Some(&export), "id"),
        (Method::DELETE, path.as_str(), None, ""),
    ] {
        let first = send(&app, &key, (method.clone(), path), "key", body).await;
        let status = first.status();
        let first: Value = serde_json::from_str(&first.text().await.unwrap()).unwrap_or_default();
        broken_off(&app).await;
        let again = send(&app, &key, (method, path), "key", body).await;
        assert_eq!((again.status(), is_replay(&again)), (status, false), "{path}");
        let again: Value = serde_json::from_str(&again.text().await.unwrap()).unwrap_or_default();
        assert_eq!(first[same], again[same], "{path}");
        tell(&app.db, "DELETE FROM idempotency_keys").await.unwrap();
    }
}

#[tokio::test]
async fn after_a_failure_the_next_call_finds_what_was_done() {
    let app = TestApp::start().await;
    let key = app.key(json!({})).await.text;
    // Made, and then its deliveries cannot be counted.
    tell(&app.db, "ALTER TABLE deliveries RENAME TO deliveries_away").await.unwrap();
    let failed = subscribe(&app, &key, KEY, &subscription(1)).await;
    assert!(failed.status().is_server_error(), "{failed:?}");
    tell(&app.db, "ALTER TABLE deliveries_away RENAME TO deliveries").await.unwrap();
    let made = subscribe(&app, &key, KEY, &subscription(1)).await;
    assert_eq!((made.status().as_u16(), is_replay(&made)), (201, false));
    assert_eq!(subscriptions(&app, &key).await, 1);
}

#[tokio::test]
async fn work_that_never_ended_is_taken_over_and_keys_end_after_a_day() {
    let app = TestApp::builder().fixed_clock(NOON).start().await;
    let key = app.key(json!({})).await.text;
    let made = subscribe(&app, &key, KEY, &subscription(1)).await;
    let made: Value = made.json().await.unwrap();
    // What is kept of the answer shows no secret.
    let answer: Vec<u8> = comptoir::on_db!(&app.db, c => {
        sqlx::query_scalar("SELECT answer FROM idempotency_keys").fetch_one(c).await
    })
    .unwrap();
    assert!(!String::from_utf8_lossy(&answer).contains("whsec_"));
    tell(&app.db, "UPDATE idempotency_keys SET answer = NULL").await.unwrap();
    let waits = subscribe(&app, &key, KEY, &subscription(1)).await;
    problem(waits, 409, "idempotency_in_progress").await;
    app.clock.advance(600 * SECOND);
    let taken = subscribe(&app, &key, KEY, &subscription(1)).await;
    assert_eq!((taken.status().as_u16(), is_replay(&taken)), (201, false));
    assert_eq!(taken.json::<Value>().await.unwrap()["id"], made["id"], "it was made already");
    assert_eq!(subscriptions(&app, &key).await, 1);

    app.clock.advance(24 * 3_600 * SECOND);
    let new = subscribe(&app, &key, KEY, &subscription(1)).await;
    assert_eq!((new.status().as_u16(), is_replay(&new)), (201, false));
    assert_eq!(subscriptions(&app, &key).await, 2);
}
