//! Stock of many products in many stores: every cell is answered.

use crate::support::schema::conforms;
use crate::support::{NOON, TestApp, TestKey, data, problem};
use comptoir::app::openapi::documents;
use comptoir::feeds::Feed;
use serde_json::{Value, json};

async fn ask(app: &TestApp, key: &TestKey, body: &Value) -> reqwest::Response {
    let request = app.http.post(app.public_url("/v1/stock/query")).bearer_auth(&key.text);
    request.json(body).send().await.expect("an answer")
}

async fn grid(app: &TestApp, key: &TestKey, body: &Value) -> Value {
    let answer = ask(app, key, body).await;
    assert_eq!(answer.status(), 200);
    let grid = answer.json().await.expect("JSON");
    let partner = documents().into_iter().find(|d| d.name == "partner").expect("a document");
    let document: Value = serde_json::from_str(&partner.json).expect("JSON");
    let schema = json!({ "$ref": "#/components/schemas/GridOut" });
    conforms(&grid, &schema, &document, "a grid");
    grid
}

async fn shop() -> TestApp {
    let app = TestApp::builder().fixed_clock(NOON).start().await;
    app.stock_shelves(3, 2).await;
    let levels = [
        data::level(0, 0, 4, "2026-11-22T11:59:00Z"),
        data::level(1, 1, 0, "2026-11-22T11:00:00Z"),
    ];
    app.import(Feed::Stock, &levels).await;
    app
}

#[tokio::test]
async fn every_cell_is_answered_in_the_order_that_was_asked() {
    let app = shop().await;
    let key = app.key(json!({})).await;
    // A good GTIN that no product has, and a store that is not there.
    let body = json!({
        "gtins": [data::gtin13(1), "5000112611861"],
        "product_ids": [data::product_id(0)],
        "store_ids": [data::store_id(1), data::store_id(0), "sto_00000000000"],
    });
    let grid = grid(&app, &key, &body).await;
    let cells = grid["items"].as_array().unwrap();
    let seen: Vec<(&str, &str)> = cells
        .iter()
        .map(|c| (c["gtin"].as_str().unwrap(), c["availability"].as_str().unwrap()))
        .collect();
    let gtin = |text: &str| format!("{text:0>14}");
    let (one, none, zero) = (gtin(&data::gtin13(1)), gtin("5000112611861"), gtin(&data::gtin13(0)));
    let expected = [
        (one.as_str(), "out_of_stock"),
        (&one, "unknown"),
        (&one, "unknown"),
        (&none, "unknown"),
        (&none, "unknown"),
        (&none, "unknown"),
        (&zero, "unknown"),
        (&zero, "in_stock"),
        (&zero, "unknown"),
    ];
    assert_eq!(seen, expected);
    assert_eq!(cells[7]["quantity"], json!({ "disclosure": "exact", "value": 4 }));
    assert_eq!((&cells[7]["is_stale"], &cells[0]["is_stale"]), (&json!(false), &json!(true)));
    assert_eq!((&cells[1]["as_of"], &cells[1]["is_stale"]), (&Value::Null, &json!(true)));
    assert_eq!((&cells[7]["max_age_s"], &cells[1]["max_age_s"]), (&json!(900), &Value::Null));
    assert_eq!(
        (&cells[3]["product_id"], &cells[3]["quantity"]),
        (&Value::Null, &json!({ "disclosure": "none" }))
    );
    let unknown = json!([
        { "gtin": none, "reason": "unknown" },
        { "store_id": "sto_00000000000", "reason": "unknown" },
    ]);
    assert_eq!(grid["not_found"], unknown);
}

#[tokio::test]
async fn of_a_deleted_store_nothing_is_told_until_it_is_there_again() {
    let app = shop().await;
    let key = app.key(json!({})).await;
    let told = async || {
        let product = data::product_id(0);
        let read = async |path: &str| -> Value {
            let answer = app.get(&key.text, &format!("/v1/products{path}")).await;
            assert_eq!(answer.status(), 200, "{path}");
            answer.json().await.expect("JSON")
        };
        let stock = read(&format!("/{product}/stock?include_total=true")).await;
        let one = read(&format!("/{product}/stock?store_id={}", data::store_id(0))).await;
        let embedded = read(&format!("/{product}?embed=stock")).await;
        let listed = read("?availability=in_stock&fields=id").await;
        let body = json!({ "product_ids": [product], "store_ids": [data::store_id(0)] });
        let grid = grid(&app, &key, &body).await;
        let count = |page: &Value, name: &str| page[name].as_array().map_or(0, Vec::len);
        (
            (count(&stock, "items"), stock["total"].as_u64()),
            one["items"][0]["availability"].clone(),
            (count(&embedded, "stock"), count(&listed, "items")),
            (grid["items"][0]["availability"].clone(), grid["not_found"][0]["reason"].clone()),
        )
    };
    let there = told().await;
    assert_eq!(there, ((1, Some(1)), "in_stock".into(), (1, 1), ("in_stock".into(), Value::Null)));
    app.import(Feed::Stores, &[json!({ "op": "delete", "store_code": "0000" })]).await;
    let gone = ((0, Some(0)), "unknown".into(), (0, 0), ("unknown".into(), "gone".into()));
    assert_eq!(told().await, gone);
    app.import(Feed::Stores, &[data::store(0)]).await;
    let unknown = ((1, Some(1)), "unknown".into(), (1, 0), ("unknown".into(), Value::Null));
    assert_eq!(told().await, unknown, "what it had before it was deleted nobody vouches for");
    app.import(Feed::Stock, &[data::level(0, 0, 4, "2026-11-22T12:00:00Z")]).await;
    assert_eq!(told().await, there);
}

#[tokio::test]
async fn what_is_no_gtin_is_named_and_the_rest_is_answered() {
    let app = shop().await;
    let key = app.key(json!({})).await;
    let gone = json!({ "op": "delete", "sku": data::sku(2) });
    app.import(Feed::Products, &[gone]).await;
    let body = json!({
        "gtins": ["3276550063552", data::gtin13(1), "2000000000008"],
        "product_ids": [data::product_id(2)],
        "store_ids": [data::store_id(1)],
    });
    let grid = grid(&app, &key, &body).await;
    let cells = grid["items"].as_array().unwrap();
    let words: Vec<_> = cells.iter().map(|cell| cell["availability"].as_str().unwrap()).collect();
    assert_eq!(words, ["unknown", "out_of_stock", "unknown", "unknown"]);
    assert_eq!((&cells[0]["gtin"], &cells[0]["product_id"]), (&Value::Null, &Value::Null));
    let absent = json!([
        { "gtin": "3276550063552", "reason": "invalid_gtin", "suggestion": "3276550063551" },
        { "gtin": "2000000000008", "reason": "in_store_code" },
        { "product_id": data::product_id(2), "reason": "gone" },
    ]);
    assert_eq!(grid["not_found"], absent);
}

#[tokio::test]
async fn the_caller_says_what_is_too_old_and_a_key_without_the_scope_sees_bands() {
    let app = shop().await;
    let key = app.key(json!({ "scopes": ["stock:read"] })).await;
    let body = |age: u32| json!({ "product_ids": [data::product_id(0)], "store_ids": [data::store_id(0)], "max_age_s": age });
    let cell = async |age| grid(&app, &key, &body(age)).await["items"][0].clone();
    assert_eq!(cell(60).await["is_stale"], false);
    assert_eq!(cell(59).await["is_stale"], true);
    assert_eq!(cell(60).await["quantity"], json!({ "disclosure": "band", "band": "3-5" }));
}

#[tokio::test]
async fn fifty_by_fifty_is_the_most_and_what_is_wrong_is_named() {
    let app = shop().await;
    let key = app.key(json!({})).await;
    let products = |n: u32| (0..n).map(data::product_id).collect::<Vec<_>>();
    let stores = |n: u32| (0..n).map(data::store_id).collect::<Vec<_>>();
    let whole =
        grid(&app, &key, &json!({ "product_ids": products(50), "store_ids": stores(50) })).await;
    assert_eq!(whole["items"].as_array().unwrap().len(), 2_500);
    assert_eq!(whole["not_found"].as_array().unwrap().len(), 47 + 48);
    let store = stores(1);
    for body in [
        json!({ "product_ids": products(51), "store_ids": store }),
        json!({ "product_ids": products(1), "store_ids": stores(51) }),
        json!({ "product_ids": products(1_000), "store_ids": stores(1_000) }),
        json!({ "store_ids": store }),
        json!({ "product_ids": products(1), "store_ids": [] }),
        json!({ "product_ids": products(1), "store_ids": store, "max_age_s": 0 }),
        json!({ "product_ids": products(1), "store_ids": store, "stores": [] }),
        json!({ "product_ids": ["nonsense"], "store_ids": store }),
        json!([]),
    ] {
        problem(ask(&app, &key, &body).await, 400, "invalid_body").await;
    }
    let without = app.key(json!({ "scopes": ["catalog:read"] })).await;
    let fine = json!({ "product_ids": products(1), "store_ids": store });
    let refused = problem(ask(&app, &without, &fine).await, 403, "insufficient_scope").await;
    assert_eq!(refused["required_scope"], "stock:read");
}
