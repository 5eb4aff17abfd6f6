//! Usage call by call over HTTP: complete, once, one's own alone, and free.

use crate::support::{TestApp, TestKey, data, problem};
use serde_json::{Value, json};
use std::time::Instant;

async fn page(app: &TestApp, key: &TestKey, query: &str) -> Value {
    let answer = app.get(&key.text, &format!("/v1/usage/events?{query}")).await;
    assert_eq!(answer.status(), 200, "{query}");
    answer.json().await.unwrap()
}

fn calls(page: &Value) -> Vec<Value> {
    let items = page["items"].as_array().unwrap();
    items.iter().filter(|row| row["operation_id"] == "get_product").cloned().collect()
}

/// A page once so many calls of a product are in the ledger.
async fn folded(app: &TestApp, key: &TestKey, count: usize) -> Value {
    let until = Instant::now() + crate::support::PATIENCE;
    loop {
        let page = page(app, key, "").await;
        if calls(&page).len() >= count {
            return page;
        }
        assert!(Instant::now() < until, "the calls are not folded: {page}");
        crate::support::pause().await;
    }
}

async fn text(app: &TestApp, key: &TestKey, query: &str, accept: &str) -> (String, bool) {
    let url = app.public_url(&format!("/v1/usage/events?{query}"));
    let answer = app.http.get(url).bearer_auth(&key.text).header("Accept", accept).send().await;
    let answer = answer.unwrap();
    assert!(answer.headers()["content-type"].to_str().unwrap().starts_with(accept));
    let more = answer.headers().contains_key("link");
    (answer.text().await.unwrap(), more)
}

#[tokio::test]
async fn a_partner_follows_its_own_calls() {
    let app = TestApp::start().await;
    app.stock_shelves(2, 1).await;
    let (key, other) = (app.key(json!({})).await, app.key(json!({})).await);
    let path = format!("/v1/products/{}", data::product_id(0));
    for _ in 0..5 {
        assert_eq!(app.get(&key.text, &path).await.status(), 200);
    }
    assert_eq!(app.get(&other.text, &path).await.status(), 200);
    folded(&app, &other, 1).await;
    let whole = folded(&app, &key, 5).await;
    assert_eq!(calls(&whole).len(), 5);
    for row in whole["items"].as_array().unwrap() {
        assert_eq!(row["app_id"], key.app_id.as_str());
        let free = row["operation_id"] == "list_usage_events";
        assert_eq!(row["billable"], !free, "{row}");
        assert!(!free || row["billability_rule"] == "v1.own_usage", "{row}");
    }
    // What is recorded meanwhile comes behind: the pages up to where the whole ended are the whole.
    let end = whole["items"].as_array().unwrap().last().unwrap()["export_seq"].as_i64().unwrap();
    let (mut after, mut walked) = (0, Vec::new());
    while after < end {
        let page = page(&app, &key, &format!("limit=2&after={after}")).await;
        walked.extend(page["items"].as_array().unwrap().clone());
        let next = page["next"].as_i64().unwrap();
        assert!(next > after && page["items"].as_array().unwrap().len() <= 2, "{page}");
        after = next;
    }
    walked.retain(|row| row["export_seq"].as_i64() <= Some(end));
    assert_eq!(&walked, whole["items"].as_array().unwrap());

    let (lines, more) = text(&app, &key, "limit=3", "application/x-ndjson").await;
    let lines: Vec<Value> = lines.lines().map(|l| serde_json::from_str(l).unwrap()).collect();
    assert_eq!((lines.as_slice(), more), (&whole["items"].as_array().unwrap()[..3], true));
    let (table, more) = text(&app, &key, "limit=3", "text/csv").await;
    let mut reader = csv::Reader::from_reader(table.as_bytes());
    let hashes: Vec<String> = reader.records().map(|r| r.unwrap()[28].to_owned()).collect();
    let expected: Vec<&str> = lines.iter().map(|l| l["hash"].as_str().unwrap()).collect();
    assert_eq!((hashes.iter().map(String::as_str).collect::<Vec<_>>(), more), (expected, true));
}

#[tokio::test]
async fn the_retailer_follows_all_and_chooses() {
    let app = TestApp::start().await;
    app.stock_shelves(2, 1).await;
    let (key, other) = (app.key(json!({})).await, app.key(json!({})).await);
    let path = format!("/v1/products/{}", data::product_id(0));
    for key in [&key, &other] {
        assert_eq!(app.get(&key.text, &path).await.status(), 200);
    }
    folded(&app, &key, 1).await;
    folded(&app, &other, 1).await;
    let of = async |query: &str| {
        let path = format!("/admin/v1/usage/events?{query}");
        app.admin_ok("GET", &path, None).await
    };
    let all = of("").await;
    assert_eq!(calls(&all).len(), 2);
    let its = of(&format!("app_id={}", other.app_id)).await;
    assert_eq!((calls(&its).len(), &calls(&its)[0]["key_id"]), (1, &json!(other.id)));
    let its = of(&format!("partner_id={}", key.partner_id)).await;
    assert_eq!((calls(&its).len(), &calls(&its)[0]["key_id"]), (1, &json!(key.id)));
    assert_eq!(calls(&of("from=2000-01-01T00:00:00Z&to=2000-01-02T00:00:00Z").await).len(), 0);
    let later = of(&format!("after={}", all["stable_high_water"])).await;
    assert_eq!(calls(&later).len(), 0);
    for (query, field) in [("limit=0", "limit"), ("limit=10001", "limit"), ("after=-1", "after")] {
        let answer = app.get(&key.text, &format!("/v1/usage/events?{query}")).await;
        let problem = problem(answer, 400, "invalid_parameter").await;
        assert_eq!(problem["errors"][0]["parameter"], field, "{problem}");
    }
}
