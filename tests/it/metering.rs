//! Every answered call is in the ledger once, and billed only where the rules say so.

use crate::support::{TestApp, TestKey, data};
use comptoir::metering::export::{Format, export};
use serde_json::{Value, json};

/// The export of the month, after everything answered so far has been folded.
async fn events(app: &TestApp) -> Vec<Value> {
    let month = app.clock.now().to_string()[..7].parse().expect("a month");
    let mut out = Vec::new();
    export(&app.db, month, Format::Ndjson, &mut out).await.expect("an export");
    let text = String::from_utf8(out).expect("UTF-8");
    text.lines().map(|line| serde_json::from_str(line).expect("a line of JSON")).collect()
}

/// Calls that end in every way, and what the ledger should say of each: path, `If-None-Match`,
/// status, outcome, billable.
async fn call_every_way(app: &TestApp, key: &TestKey) -> Vec<(String, u16, &'static str, bool)> {
    let good = format!("/v1/products/{}", data::product_id(0));
    let etag = app.get(&key.text, &good).await;
    let mut seen = vec![(event_id(&etag), 200, "served", true)];
    let etag = etag.headers()["etag"].clone();
    let again =
        app.http.get(app.public_url(&good)).bearer_auth(&key.text).header("If-None-Match", etag);
    seen.push((event_id(&again.send().await.unwrap()), 304, "not_modified", false));
    for (path, status) in [
        ("/v1/products/prd_00000000000", 404),
        ("/v1/products?limit=0", 400),
        ("/v1/products/gtin/3276550063552", 422),
        ("/v1/nothing", 404),
    ] {
        let answer = app.get(&key.text, path).await;
        assert_eq!(answer.status(), status, "{path}");
        seen.push((event_id(&answer), status, "client_error", false));
    }
    let list = app.get(&key.text, "/v1/products").await;
    seen.push((event_id(&list), 200, "served", true));
    seen
}

fn event_id(answer: &reqwest::Response) -> String {
    answer.headers()["usage-event-id"].to_str().unwrap().to_owned()
}

#[tokio::test]
async fn every_ending_of_a_call_is_in_the_export_with_its_rule() {
    let mut app = TestApp::start().await;
    app.stock_shelves(2, 1).await;
    let live = app.key(json!({})).await;
    let narrow = app.key(json!({ "scopes": ["stock:read"] })).await;
    let test = app.key(json!({ "environment": "test" })).await;
    let mut expected = call_every_way(&app, &live).await;
    let path = format!("/v1/products/{}", data::product_id(1));
    let refused = app.get(&narrow.text, &path).await;
    expected.push((event_id(&refused), 403, "auth_rejected", false));
    let free = app.get(&test.text, &path).await;
    expected.push((event_id(&free), 200, "served", false));
    // A stranger is nobody's usage.
    let stranger = event_id(&app.get("cpt_live_x", &path).await);
    app.stop().await;

    let events = events(&app).await;
    assert_eq!(events.len(), expected.len());
    for (id, status, outcome, billable) in expected {
        let event =
            events.iter().find(|e| e["event_id"] == id).unwrap_or_else(|| panic!("{id} {status}"));
        assert_eq!(
            (&event["status"], &event["outcome"], &event["billable"]),
            (&json!(status), &json!(outcome), &json!(billable)),
            "{event}"
        );
    }
    assert!(events.iter().all(|e| e["event_id"] != stranger));
}

#[tokio::test]
async fn switched_off_it_answers_and_records_nothing() {
    let mut app = TestApp::builder().set("METERING__DURABILITY", "off").start().await;
    app.stock_shelves(2, 1).await;
    let key = app.key(json!({})).await;
    let fast = format!("/v1/products/{}", data::product_id(0));
    for (path, status) in
        [(fast.as_str(), 200), ("/v1/products", 200), ("/v1/nothing", 404), ("/v1/usage", 200)]
    {
        let answer = app.get(&key.text, path).await;
        assert_eq!(answer.status(), status, "{path}");
        let id = event_id(&answer);
        assert!(id.rsplit('.').next().unwrap().starts_with('u'), "{path}: {id}");
        assert!(answer.headers().contains_key("ratelimit"), "{path}");
    }
    let ready = app.http.get(app.admin_url("/readyz")).send().await.unwrap();
    assert_eq!(ready.status(), 200);
    app.stop().await;
    assert_eq!(events(&app).await, Vec::<Value>::new());
}

#[tokio::test]
async fn usage_shows_a_partner_the_sums_of_its_own_calls() {
    let app = TestApp::start().await;
    app.stock_shelves(2, 1).await;
    let key = app.key(json!({})).await;
    let other = app.key(json!({})).await;
    let path = format!("/v1/products/{}", data::product_id(0));
    for _ in 0..5 {
        app.get(&key.text, &path).await;
    }
    app.get(&other.text, &path).await;
    let mine = loop {
        let usage: Value = app.get(&key.text, "/v1/usage").await.json().await.unwrap();
        let items = usage["items"].as_array().unwrap().clone();
        let reads: i64 = items
            .iter()
            .filter(|i| i["operation_id"] == "get_product")
            .filter_map(|i| i["requests"].as_i64())
            .sum();
        if reads == 5 {
            break usage;
        }
        assert!(reads < 5, "{usage}");
        tokio::task::yield_now().await;
    };
    assert_eq!(mine["app_id"], key.app_id.as_str());
    assert_eq!(mine["limits"], json!([{ "name": "burst", "quota": 1_000_000, "window_s": 1 }]));
    let item = mine["items"]
        .as_array()
        .unwrap()
        .iter()
        .find(|i| i["operation_id"] == "get_product")
        .unwrap()
        .clone();
    assert_eq!(
        (&item["units"], &item["billable"], &item["records"]),
        (&json!("5.000"), &json!(true), &json!(5))
    );
}

#[tokio::test]
async fn an_export_of_many_calls_has_each_once_and_agrees_with_the_hours() {
    let mut app = TestApp::start().await;
    app.stock_shelves(2, 1).await;
    let key = app.key(json!({})).await;
    let path = format!("/v1/products/{}", data::product_id(0));
    let mut ids = Vec::new();
    for _ in 0..20 {
        let calls = (0..50).map(|_| app.get(&key.text, &path));
        let answers = futures_util::future::join_all(calls).await;
        ids.extend(answers.iter().map(event_id));
    }
    app.stop().await;
    let events = events(&app).await;
    let mut exported: Vec<String> =
        events.iter().filter_map(|e| e["event_id"].as_str().map(str::to_owned)).collect();
    exported.sort();
    ids.sort();
    assert_eq!(exported, ids);
    let app_id = key.app_id.parse().unwrap();
    let (from, to) =
        ("2000-01-01T00:00:00Z".parse().unwrap(), "2100-01-01T00:00:00Z".parse().unwrap());
    let usage = comptoir::metering::usage::usage(
        &app.db,
        app_id,
        from,
        to,
        comptoir::metering::usage::Granularity::Month,
    )
    .await
    .unwrap();
    assert_eq!(usage.rows.iter().map(|r| r.sums.requests).sum::<i64>(), 1000);
}
