//! Lists of promotions and the time.

use crate::support::{NOON, TestApp};
use comptoir::feeds::Feed;
use serde_json::{Value, json};

fn promotion(code: &str, fields: &Value) -> Value {
    let mut promotion =
        json!({ "code": code, "title": code, "type": "percent_off", "value": "10" });
    promotion.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
    promotion
}

#[tokio::test]
async fn promotions_are_kept_until_one_of_them_begins_or_ends() {
    let app = TestApp::builder().fixed_clock(NOON).start().await;
    app.stock_shelves(1, 1).await;
    let key = app.key(json!({})).await;
    let lines = [
        promotion("always", &json!({ "audience": "member" })),
        promotion("soon", &json!({ "valid_from": "2026-11-22T12:01:30Z", "channels": ["online"] })),
        promotion("ends", &json!({ "valid_through": "2026-11-22T12:02:00Z" })),
        promotion("late", &json!({ "valid_through": "2026-12-22T12:00:00Z" })),
    ];
    let report = app.import(Feed::Promotions, &lines).await;
    assert_eq!(report.accepted, 4, "{report}");
    app.caught_up().await;
    let kept = async |query: &str| {
        let answer = app.get(&key.text, &format!("/v1/promotions{query}")).await;
        answer.headers()["cache-control"].to_str().unwrap().to_owned()
    };
    assert_eq!(kept("").await, "private, max-age=90");
    assert_eq!(kept("?channel=in_store").await, "private, max-age=120");
    assert_eq!(kept("?audience=member").await, "private, max-age=300");
    app.clock.advance(100_000_000);
    assert_eq!(kept("").await, "private, max-age=20");
    app.clock.advance(60_000_000);
    assert_eq!(kept("").await, "private, max-age=300");
}
