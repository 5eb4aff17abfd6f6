//! Messages in the usage of their app.

use super::*;
use comptoir::billing::export::{Format, export};
use comptoir::kernel::Micros;
use comptoir::metering::period::Period;

/// The rows of messages in the usage export: operation, outcome, rule, status, whether billed.
async fn messages(app: &TestApp) -> Vec<(String, String, String, u64, bool)> {
    let mut out = Vec::new();
    let always = Period { from: Micros(0), to: Micros(i64::MAX) };
    export(&app.db, always, Format::Ndjson, &mut out).await.unwrap();
    let text = String::from_utf8(out).unwrap();
    let events = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let messages =
        events.filter(|event| event["operation_id"].as_str().unwrap().starts_with("deliver"));
    let row = |event: Value| {
        assert_eq!((&event["api"], &event["method"]), (&json!("subscriptions"), &Value::Null));
        assert_eq!((&event["weight_milli"], &event["records"]), (&json!(1_000), &json!(1)));
        let text = |name: &str| event[name].as_str().unwrap().to_owned();
        let status = event["status"].as_u64().unwrap();
        let billed = event["billable"].as_bool().unwrap();
        (text("operation_id"), text("outcome"), text("billability_rule"), status, billed)
    };
    messages.map(row).collect()
}

fn row(
    operation: &str,
    outcome: &str,
    rule: &str,
    status: u64,
    billed: bool,
) -> (String, String, String, u64, bool) {
    (operation.to_owned(), outcome.to_owned(), rule.to_owned(), status, billed)
}

#[tokio::test]
async fn a_message_is_billed_once_when_it_is_first_taken() {
    let (mut app, key) = shop_with(&[("HOOKS__RETRY_S", "5")]).await;
    let mut receiver = Receiver::start().await;
    let made =
        subscribe(&app, &key, json!({ "url": receiver.url, "events": ["price.changed"] })).await;
    // An attempt that fails and is repeated counts for nothing by itself.
    receiver.answer(500);
    price(&app, 0, "3.00").await;
    receiver.next().await;
    deliveries(&app, &key, &made, ("pending", 1)).await;
    receiver.answer(202);
    app.clock.advance(6 * SECOND);
    receiver.next().await;
    let first = deliveries(&app, &key, &made, ("delivered", 2)).await["items"][0]["id"].clone();
    // Sent again at the partner's wish, by its id and by its position: not billed again.
    let ids = json!({ "delivery_ids": [first] });
    for body in [ids, json!({ "after": made["position"] })] {
        assert_eq!(
            ask(&app, &key, "POST", &path(&made, "/replay"), Some(body)).await.status(),
            200
        );
        receiver.next().await;
        deliveries(&app, &key, &made, ("delivered", 1)).await;
    }
    assert_eq!(ask(&app, &key, "POST", &path(&made, "/test"), None).await.status(), 200);
    receiver.next().await;
    // Given up after the last attempt.
    receiver.answer(500);
    price(&app, 0, "4.00").await;
    receiver.next().await;
    deliveries(&app, &key, &made, ("pending", 1)).await;
    app.clock.advance(6 * SECOND);
    receiver.next().await;
    deliveries(&app, &key, &made, ("failed", 2)).await;
    app.stop().await;
    let mut seen = messages(&app).await;
    seen.sort();
    assert_eq!(
        seen,
        [
            row("deliver_message", "not_delivered", "v1.not_delivered", 500, false),
            row("deliver_message", "served", "v1.delivered", 202, true),
            row("deliver_test_message", "served", "v1.test_message", 202, false),
        ]
    );
}

#[tokio::test]
async fn messages_stand_in_the_usage_of_the_key_that_subscribed() {
    let (app, key) = shop().await;
    let body = json!({ "app_id": key.app_id, "name": "test", "environment": "test" });
    let test = app.admin_ok("POST", "/admin/v1/keys", Some(body)).await;
    let test = TestKey {
        id: test["key"]["id"].as_str().unwrap().to_owned(),
        text: test["text"].as_str().unwrap().to_owned(),
        app_id: key.app_id.clone(),
        partner_id: key.partner_id.clone(),
    };
    let mut receiver = Receiver::start().await;
    for (key, product) in [(&key, 0), (&test, 1)] {
        let filter = json!({ "product_ids": [data::product_id(product)] });
        let body = json!({ "url": receiver.url, "events": ["price.changed"], "filter": filter });
        let made = subscribe(&app, key, body).await;
        price(&app, product, "9.00").await;
        receiver.next().await;
        deliveries(&app, key, &made, ("delivered", 1)).await;
    }
    let path = "/v1/usage?from=2026-11-22T12:00:00Z&granularity=hour";
    let deadline = std::time::Instant::now() + crate::support::PATIENCE;
    loop {
        let usage: Value = app.get(&key.text, path).await.json().await.unwrap();
        let items = usage["items"].as_array().unwrap().iter();
        let mut messages: Vec<_> = items
            .filter(|item| item["operation_id"] == "deliver_message")
            .map(|item| {
                let [environment, billable, requests, units] =
                    ["environment", "billable", "requests", "units"].map(|name| item[name].clone());
                json!([environment, billable, requests, units])
            })
            .collect();
        messages.sort_by_key(Value::to_string);
        let expected = [json!(["live", true, 1, "1.000"]), json!(["test", false, 1, "0.000"])];
        if messages == expected {
            break;
        }
        assert!(std::time::Instant::now() < deadline, "{usage}");
        crate::support::pause().await;
    }
}
