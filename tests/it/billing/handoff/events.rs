//! Every event of the ledger as a CloudEvent.

use super::super::{call, priced, prices};
use super::HERE;
use crate::hooks::receiver::{Message, Receiver};
use crate::support::{NOON, TestApp};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::time::Instant;

const SECRET: &str = "whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=";

async fn shop(receiver: &Receiver) -> TestApp {
    let app = HERE.iter().fold(TestApp::builder(), |app, (key, value)| app.set(key, value));
    let app =
        app.fixed_clock(NOON).set("HANDOFF__POLL_MS", "10").set("HANDOFF__EVENTS__BATCH", "3");
    let app = app.set("HANDOFF__EVENTS__URL", &receiver.url);
    app.set("HANDOFF__EVENTS__SECRET", SECRET).set("HANDOFF__EVENTS__TOKEN", "om_1").start().await
}

/// The events of a message, which is signed and of the type that it says.
fn events(message: &Message) -> Vec<Value> {
    assert!(message.is_signed_with(SECRET));
    assert_eq!(message.headers["content-type"], "application/cloudevents-batch+json");
    assert_eq!(message.headers["authorization"], "Bearer om_1");
    message.body().as_array().unwrap().clone()
}

/// Those of CloudEvents 1.0 that an event has, with `sequence` of its extension.
const MEMBERS: [&str; 10] = [
    "data",
    "datacontenttype",
    "dataschema",
    "id",
    "sequence",
    "source",
    "specversion",
    "subject",
    "time",
    "type",
];

#[tokio::test]
async fn every_event_comes_in_the_order_of_the_ledger() {
    let mut receiver = Receiver::start().await;
    let app = shop(&receiver).await;
    let (_, key) = priced(&app, prices()).await;
    call(&app, &key, 7).await;
    app.get(&key.text, "/v1/products/prd_00000000000").await.bytes().await.unwrap();
    let mut all = Vec::new();
    while all.len() < 8 {
        let message = receiver.next().await;
        let some = events(&message);
        assert!((1..=3).contains(&some.len()));
        all.extend(some);
    }
    let rows = app.admin_ok("GET", "/admin/v1/usage/events", None).await;
    let rows = rows["items"].as_array().unwrap().clone();
    assert_eq!(all.len(), rows.len());
    let mut before = String::new();
    for (event, row) in all.iter().zip(&rows) {
        assert_eq!(event["data"], *row);
        assert_eq!(
            (
                &event["specversion"],
                &event["type"],
                &event["id"],
                &event["subject"],
                &event["time"]
            ),
            (
                &json!("1.0"),
                &json!("gw.api_request.v1"),
                &row["event_id"],
                &row["app_id"],
                &row["occurred_at"]
            )
        );
        let source = format!("/gw/{}/{}", row["node"].as_str().unwrap(), row["epoch"]);
        assert_eq!(event["source"], source);
        let sequence = event["sequence"].as_str().unwrap().to_owned();
        assert!(
            sequence > before
                && sequence.parse::<i64>().unwrap() == row["export_seq"].as_i64().unwrap()
        );
        before = sequence;
        let mut members: Vec<&String> = event.as_object().unwrap().keys().collect();
        members.sort_unstable();
        assert_eq!(members, MEMBERS);
    }
    // Nothing comes twice where nothing fails.
    assert!(receiver.so_far().is_empty());
}

#[tokio::test]
async fn a_receiver_that_is_away_keeps_its_place_and_misses_nothing() {
    let mut receiver = Receiver::start().await;
    let app = shop(&receiver).await;
    let (_, key) = priced(&app, prices()).await;
    receiver.answer(503);
    call(&app, &key, 4).await;
    app.wait_for_gauge("events_folded_total", 4).await;
    let refused = receiver.next().await;
    let until = Instant::now() + crate::support::PATIENCE;
    loop {
        let sinks = app.admin_ok("GET", "/admin/v1/billing/sinks", None).await;
        let events = &sinks["items"][0];
        if events["failures"] == 1 {
            assert_eq!(
                (&events["sink"], &events["response_status"], &events["taken_at"]),
                (&json!("events"), &json!(503), &Value::Null)
            );
            break;
        }
        assert!(Instant::now() < until, "{sinks}");
        crate::support::pause().await;
    }
    // It rests: nothing is sent, and calls are answered and folded as ever.
    call(&app, &key, 1).await;
    app.wait_for_gauge("events_folded_total", 5).await;
    assert!(receiver.so_far().is_empty());
    receiver.answer(204);
    app.clock.advance(60_000_000);
    let mut seen = BTreeMap::new();
    for event in events(&refused) {
        seen.insert(event["sequence"].as_str().unwrap().to_owned(), event);
    }
    while seen.len() < 5 {
        for event in events(&receiver.next().await) {
            let known = seen.insert(event["sequence"].as_str().unwrap().to_owned(), event.clone());
            // What comes again is the same.
            assert!(known.is_none_or(|known| known == event));
        }
    }
}
