//! `include_total` on every list that has it: the total is what a walk to the end finds.

use crate::support::{NOON, TestApp, TestKey, data, problem};
use comptoir::feeds::Feed;
use serde_json::{Value, json};

async fn page(app: &TestApp, key: &TestKey, path: &str) -> Value {
    let answer = app.get(&key.text, path).await;
    assert_eq!(answer.status(), 200, "{path}");
    answer.json().await.unwrap()
}

async fn shop() -> (TestApp, TestKey) {
    let app = TestApp::builder().fixed_clock(NOON).start().await;
    app.stock_shelves(5, 3).await;
    let online = |n| {
        let mut offer = data::offer(n, 0, "3.10");
        offer["channel"] = json!("online");
        offer
    };
    let offers: Vec<Value> = (0..4)
        .flat_map(|n| [data::offer(n, 0, "2.39"), data::offer(n, 1, "2.49"), online(n)])
        .collect();
    let levels: Vec<Value> =
        (0..5).flat_map(|n| [data::level(n, 0, n, NOON), data::level(n, 1, 9, NOON)]).collect();
    let promotion = |code: &str, more: Value| {
        let mut line = json!({ "code": code, "title": code, "type": "percent_off", "value": "10" });
        line.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        line
    };
    let promotions = [
        promotion("all", json!({})),
        promotion("web", json!({ "channels": ["online"] })),
        promotion("over", json!({ "valid_through": NOON })),
        promotion("own", json!({ "audience": "personal" })),
    ];
    for (feed, lines) in
        [(Feed::Offers, &offers[..]), (Feed::Stock, &levels), (Feed::Promotions, &promotions)]
    {
        let report = app.import(feed, lines).await;
        assert_eq!(report.rejected, 0, "{report}");
    }
    app.caught_up().await;
    let key = app.key(json!({})).await;
    (app, key)
}

/// Lists with how many items each has.
fn lists() -> Vec<(String, u64)> {
    let (product, store) = (data::product_id(1), data::store_id(0));
    let tools = data::category_id("tools");
    let near = "lat=43.6&lon=1.44";
    let basket = format!("items={}:2,{}:3", data::gtin13(2), data::gtin13(3));
    [
        ("/v1/stores".to_owned(), 3),
        ("/v1/stores?country=FR&city=Lille".into(), 0),
        (format!("/v1/stores?{near}"), 3),
        (format!("/v1/stores?{near}&{basket}"), 2),
        (format!("/v1/stores?{basket}"), 2),
        (format!("/v1/stores?items={}:4", data::gtin13(3)), 1),
        (format!("/v1/stores?updated_since={NOON}"), 3),
        ("/v1/stores?updated_since=2026-11-23T00:00:00Z".into(), 0),
        ("/v1/categories".into(), 3),
        (format!("/v1/categories?parent_id={tools}"), 1),
        (format!("/v1/categories?parent_id={tools}&updated_since=2026-11-23T00:00:00Z"), 0),
        (format!("/v1/categories?updated_since={NOON}&fields=id"), 3),
        ("/v1/promotions".into(), 2),
        ("/v1/promotions?channel=in_store".into(), 1),
        (format!("/v1/promotions?product_id={product}&active_at=2026-11-22T11:00:00Z"), 3),
        (format!("/v1/products/{product}/offers"), 3),
        (format!("/v1/products/{product}/offers?channel=in_store"), 2),
        (format!("/v1/products/{product}/offers?store_id={store}"), 2),
        (format!("/v1/stores/{store}/offers"), 8),
        (format!("/v1/stores/{store}/offers?channel=online"), 4),
        (format!("/v1/stores/{}/offers", data::store_id(2)), 0),
        (format!("/v1/products/{product}/stock"), 2),
        (
            format!(
                "/v1/products/{product}/stock?availability=unknown&store_id={store},{}",
                data::store_id(2)
            ),
            1,
        ),
        (format!("/v1/stores/{store}/stock"), 5),
        (format!("/v1/stores/{store}/stock?availability=out_of_stock"), 1),
        (format!("/v1/stores/{store}/stock?updated_since=2026-11-23T00:00:00Z"), 0),
        (format!("/v1/stock?product_id={product}&{near}"), 3),
        (format!("/v1/stock?product_id={product}&{near}&availability=unknown"), 1),
        ("/v1/products".into(), 5),
    ]
    .into()
}

#[tokio::test]
async fn the_total_is_what_a_walk_finds_on_every_page() {
    let (app, key) = shop().await;
    for (path, expected) in lists() {
        let separator = if path.contains('?') { '&' } else { '?' };
        let mut next = Some(format!("{path}{separator}include_total=true&limit=1"));
        let mut found = 0;
        while let Some(url) = next {
            let page = page(&app, &key, &url).await;
            found += page["items"].as_array().unwrap().len() as u64;
            assert_eq!(page["total"], expected, "{url}");
            next = page["next"].as_str().map(str::to_owned);
        }
        assert_eq!(found, expected, "{path}");
        for not_asked in ["limit=1", "include_total=false"] {
            let page = page(&app, &key, &format!("{path}{separator}{not_asked}")).await;
            assert!(page.get("total").is_none(), "{path}");
        }
        let misspelt = format!("{path}{separator}include_total=yes");
        problem(app.get(&key.text, &misspelt).await, 400, "invalid_parameter").await;
    }
}

#[tokio::test]
async fn lines_and_tables_have_no_room_for_a_total() {
    let (app, key) = shop().await;
    let path = "/v1/stores?include_total=true&limit=2";
    let get = async |accept: &str| {
        let request = app.http.get(app.public_url(path)).bearer_auth(&key.text);
        request.header("accept", accept).send().await.unwrap().text().await.unwrap()
    };
    let linked: Value = serde_json::from_str(&get("application/ld+json").await).unwrap();
    assert_eq!(linked["total"], 3);
    assert_eq!(get("application/x-ndjson").await.lines().count(), 2);
    assert_eq!(get("text/csv").await.lines().count(), 3);
}

/// Its file is kept for years; what it offers is what a customer can have today.
#[tokio::test]
async fn an_offer_that_has_ended_makes_no_product_of_a_store() {
    let (app, key) = shop().await;
    let window = |n, channel: &str, (from, through): (&str, &str)| {
        let mut offer = data::offer(n, 2, "2.39");
        offer["channel"] = json!(channel);
        offer["valid_from"] = json!(format!("2026-{from}T00:00:00Z"));
        offer["valid_through"] = json!(format!("2026-{through}T00:00:00Z"));
        offer
    };
    let offers = [
        window(0, "in_store", ("11-01", "11-20")),
        window(1, "in_store", ("11-01", "11-30")),
        window(2, "in_store", ("11-01", "11-20")),
        window(2, "online", ("11-20", "11-30")),
        window(3, "in_store", ("11-29", "11-30")),
    ];
    let report = app.import(Feed::Offers, &offers).await;
    assert_eq!(report.rejected, 0, "{report}");
    app.caught_up().await;
    let store = data::store_id(2);
    let sold = [data::product_id(1), data::product_id(2)];
    for more in ["", "&q=produit", "&sort=-name", "&include_total=true&facets=brand", "&limit=1"] {
        let mut path = Some(format!("/v1/products?store_id={store}{more}"));
        let mut ids = Vec::new();
        while let Some(at) = path {
            let page = page(&app, &key, &at).await;
            let items = page["items"].as_array().unwrap();
            ids.extend(items.iter().map(|item| item["id"].as_str().unwrap().to_owned()));
            path = page["next"].as_str().map(str::to_owned);
            if more.contains("facets") {
                let counts = page["facets"]["brand"].as_array().unwrap();
                let counted: u64 = counts.iter().map(|one| one["count"].as_u64().unwrap()).sum();
                assert_eq!((&page["total"], counted), (&json!(2), 2), "{page}");
            }
        }
        ids.sort_unstable();
        let mut sold = sold.clone();
        sold.sort_unstable();
        assert_eq!(ids, sold, "{more}");
    }
}
