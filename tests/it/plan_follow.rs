//! Changes, exports, feeds and messages under a plan that includes a part of the data.

mod files;
mod hooks;

use crate::follow::{compare, follow, load_manifest};
use crate::support::data::{self, category_id, product_id, sku, store_id};
use crate::support::{NOON, TestApp, TestKey, problem};
use comptoir::feeds::Feed;
use serde_json::{Value, json};
use std::time::Instant;

/// A key of a plan that includes `data`, and the plan.
async fn key_with(app: &TestApp, data: Value) -> (TestKey, String) {
    let plan = app.plan(json!([{ "name": "burst", "quota": 1_000_000, "window_s": 1 }])).await;
    restrict(app, &plan, data).await;
    (app.key_under(&plan, json!({})).await, plan)
}

async fn restrict(app: &TestApp, plan: &str, data: Value) {
    app.admin_ok("PATCH", &format!("/admin/v1/plans/{plan}"), Some(json!({ "data": data }))).await;
}

/// An export of the key's app, when it is ready.
async fn export(app: &TestApp, key: &str, format: &str) -> Value {
    let resources = ["products", "categories", "stores", "offers", "promotions", "stock"];
    let body = json!({ "resources": resources, "format": format });
    let request = app.http.post(app.public_url("/v1/exports")).bearer_auth(key).json(&body);
    let answer = request.send().await.unwrap();
    assert_eq!(answer.status(), 202);
    let asked: Value = answer.json().await.unwrap();
    let path = format!("/v1/exports/{}", asked["id"].as_str().unwrap());
    let until = Instant::now() + crate::support::PATIENCE;
    loop {
        let export: Value = app.get(key, &path).await.json().await.unwrap();
        match export["status"].as_str().unwrap() {
            "ready" => return export,
            "failed" => panic!("{export}"),
            _ => assert!(Instant::now() < until, "{export}"),
        }
        crate::support::pause().await;
    }
}

fn product(n: u32, brand: &str, category: &str) -> Value {
    let mut product = data::product(n);
    product["brand"]["name"] = json!(brand);
    product["category_codes"] = json!([category]);
    product
}

fn promotion(code: &str, applies_to: Value, stores: &[&str]) -> Value {
    let mut promotion = data::promotion(code, code);
    promotion["applies_to"] = applies_to;
    promotion["store_codes"] = json!(stores);
    promotion
}

/// Products 0, 2, 4, 6 are drills, the others cheese; all are sold in three stores.
async fn shop() -> TestApp {
    let app = TestApp::builder().fixed_clock(NOON).start().await;
    app.stock_shelves(8, 3).await;
    let places = || (0..8).flat_map(|p| (0..3).map(move |s| (p, s)));
    let offers: Vec<Value> = places().map(|(p, s)| data::offer(p, s, "2.39")).collect();
    let levels: Vec<Value> = places().map(|(p, s)| data::level(p, s, p % 3, NOON)).collect();
    let promotions = [
        promotion("tools", json!({ "category_codes": ["tools"] }), &["*"]),
        promotion("elsewhere", json!({ "category_codes": ["drills"] }), &["0002"]),
        promotion("cheese", json!({ "category_codes": ["cheese"] }), &["0001"]),
        promotion("first", json!({ "skus": [sku(0)] }), &["*"]),
        promotion("second", json!({ "skus": [sku(1)] }), &["*"]),
        promotion("fifth", json!({ "skus": [sku(4)] }), &["*"]),
        promotion("all", json!({}), &["0000"]),
    ];
    for (feed, lines) in
        [(Feed::Offers, &offers[..]), (Feed::Stock, &levels), (Feed::Promotions, &promotions)]
    {
        assert_eq!(app.import(feed, lines).await.rejected, 0);
    }
    app
}

fn tools() -> Value {
    json!({
        "category_ids": ["tools"], "store_ids": ["0000", "0001"],
        "fields": {
            "product": ["name", "brand", "category_ids"], "offer": ["price", "promotion_ids"],
            "store": ["name"], "category": ["name", "code"],
        },
    })
}

/// What feeds tell an hour later.
fn steps(later: &str) -> Vec<(Feed, Vec<Value>)> {
    let level = |p: u32, s: u32, quantity: u32| data::level(p, s, quantity, later);
    let delete = |field: &str, code: &str| json!({ "op": "delete", field: code });
    let mut renamed = data::store(1);
    renamed["name"] = json!("Rue Neuve");
    let mut spoken_of = product(5, "Sud", "cheese");
    spoken_of["name"] = json!("Autre nom");
    vec![
        // One goes out, one comes in, one stays with another brand, one is told of that is not in it.
        (Feed::Products, vec![product(0, "Nord", "cheese"), product(1, "Sud", "drills")]),
        (Feed::Products, vec![product(2, "Ouest", "drills"), spoken_of]),
        // Both that are in it and that are not are deleted; one comes back.
        (Feed::Products, vec![delete("sku", &sku(4)), delete("sku", &sku(3))]),
        (Feed::Products, vec![product(4, "Nord", "drills")]),
        (
            Feed::Offers,
            (0..8)
                .map(|p| data::offer(p, p % 3, "1.99"))
                .filter(|offer| offer["sku"] != sku(3))
                .collect(),
        ),
        (
            Feed::Offers,
            vec![
                json!({ "op": "delete", "sku": sku(6), "store_code": "0001" }),
                json!({ "op": "delete", "sku": sku(7), "store_code": "0001" }),
            ],
        ),
        (Feed::Stock, (0..8).filter(|p| *p != 3).map(|p| level(p, p % 3, 9 - p)).collect()),
        // Out and in again.
        (Feed::Products, vec![product(6, "Nord", "cheese")]),
        (Feed::Products, vec![product(6, "Nord", "drills")]),
        (Feed::Stores, vec![renamed, data::store(2)]),
        (
            Feed::Categories,
            vec![json!({ "code": "saws", "name": "Scies", "parent_code": "tools" })],
        ),
        (Feed::Products, vec![product(7, "Sud", "saws"), product(9, "Sud", "saws")]),
        (Feed::Offers, vec![data::offer(9, 0, "5.10"), data::offer(9, 2, "5.10")]),
        (
            Feed::Promotions,
            vec![
                promotion("cheese", json!({ "category_codes": ["saws"] }), &["0001"]),
                promotion("tools", json!({ "category_codes": ["cheese"] }), &["*"]),
                delete("code", "all"),
            ],
        ),
    ]
}

#[tokio::test]
async fn an_export_with_the_changes_behind_it_is_a_fresh_export() {
    let app = shop().await;
    let (key, _) = key_with(&app, tools()).await;
    let key = key.text;
    let first = export(&app, &key, "ndjson.gz").await;
    let (held, position, files) = load_manifest(&app, &key, &first).await;
    let count = |kind: &str| held.keys().filter(|(of, _)| of == kind).count();
    let counts = ["product", "category", "store", "offer", "stock", "promotion"].map(count);
    assert_eq!(counts, [4, 2, 2, 8, 8, 4]);
    for (name, text) in &files {
        let left_out = ["\"sku\"", "gtin", "price_type", "address", &sku(1), &store_id(2)];
        assert!(left_out.iter().all(|word| !text.contains(word)), "{name}: {text}");
    }
    app.clock.advance(3_600_000_000);
    for (feed, lines) in steps(&app.clock.now().to_string()) {
        let report = app.import(feed, &lines).await;
        assert_eq!(report.rejected, 0, "{report}");
    }
    let (fresh, ..) = load_manifest(&app, &key, &export(&app, &key, "ndjson.gz").await).await;
    for limit in [3, 1_000] {
        let mut followed = held.clone();
        follow(&app, &key, &mut followed, &position, limit).await;
        compare(&followed, &fresh);
        // Once more from the same position.
        follow(&app, &key, &mut followed, &position, limit).await;
        compare(&followed, &fresh);
    }
    told_apart(&app, &key, &position).await;
}

/// Of what is not in the plan, nothing but its end is told, and who has everything hears nothing of it.
async fn told_apart(app: &TestApp, key: &str, position: &str) {
    let path = format!("/v1/changes?after={position}&limit=1000&embed=resource");
    let page: Value = app.get(key, &path).await.json().await.unwrap();
    for entry in page["items"].as_array().unwrap() {
        let id = entry["id"].as_str().unwrap();
        assert!(!id.contains(&store_id(2)), "{entry}");
        if id.contains(&product_id(0)) || id.contains(&product_id(5)) {
            assert_eq!((&entry["op"], &entry["resource"]), (&json!("delete"), &Value::Null));
        }
    }
    let told = |id: &str| page["items"].as_array().unwrap().iter().any(|entry| entry["id"] == id);
    assert!(told(&product_id(0)) && !told(&product_id(5)) && !told(&category_id("cheese")));
    // Who has everything hears nothing of what only moved.
    let whole = app.key(json!({})).await.text;
    let page: Value = app.get(&whole, &path).await.json().await.unwrap();
    let reasons: Vec<&Value> =
        page["items"].as_array().unwrap().iter().map(|entry| &entry["reason"]).collect();
    assert!(
        reasons
            .iter()
            .all(|reason| !["moved", "in_plan", "not_in_plan"].contains(&reason.as_str().unwrap()))
    );
    let named = format!("/v1/changes?after={position}&store_id={}", store_id(2));
    let page: Value =
        app.get(key, &format!("{named}&types=offer,stock,store")).await.json().await.unwrap();
    assert_eq!(page["items"], json!([]));
}

#[tokio::test]
async fn files_of_other_data_than_the_plan_includes_are_refused() {
    let app = shop().await;
    let (key, plan) = key_with(&app, json!({ "store_ids": ["0000"] })).await;
    let key = key.text;
    let snapshot = app.snapshot().await;
    for path in [
        "/v1/exports/latest".to_owned(),
        format!("/v1/exports/{snapshot}"),
        format!("/v1/exports/{snapshot}/files/products.ndjson.gz"),
    ] {
        problem(app.get(&key, &path).await, 403, "not_in_plan").await;
    }
    let own = export(&app, &key, "ndjson.gz").await;
    let url = own["files"][0]["url"].as_str().unwrap();
    let own = format!("/v1/exports/{}", own["id"].as_str().unwrap());
    assert_eq!(app.get(&key, url).await.status(), 200);
    for data in [json!({ "store_ids": ["0001"] }), Value::Null] {
        restrict(&app, &plan, data).await;
        problem(app.get(&key, url).await, 403, "not_in_plan").await;
        let seen: Value = app.get(&key, &own).await.json().await.unwrap();
        assert_eq!((&seen["status"], &seen["files"]), (&json!("ready"), &json!([])));
    }
    assert_eq!(app.get(&key, "/v1/exports/latest").await.status(), 200);
}
