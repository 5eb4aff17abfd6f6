//! Products, categories, stores, offers and stock as partners read them.

use crate::support::{NOON, TestApp, TestKey, data, problem};
use comptoir::feeds::Feed;
use serde_json::{Value, json};
use std::collections::BTreeSet;

async fn shop(products: u32, stores: u32) -> (TestApp, TestKey) {
    let app = TestApp::builder().fixed_clock(NOON).start().await;
    app.stock_shelves(products, stores).await;
    let key = app.key(json!({})).await;
    (app, key)
}

async fn json_of(app: &TestApp, key: &TestKey, path: &str) -> Value {
    let answer = app.get(&key.text, path).await;
    let status = answer.status();
    let text = answer.text().await.unwrap();
    assert_eq!(status, 200, "{path}: {text}");
    serde_json::from_str(&text).unwrap()
}

/// All items of a list, page by page.
async fn walk(app: &TestApp, key: &TestKey, path: &str) -> Vec<Value> {
    let mut items = Vec::new();
    let mut next = Some(path.to_owned());
    while let Some(path) = next {
        let page = json_of(app, key, &path).await;
        items.extend(page["items"].as_array().unwrap().iter().cloned());
        next = page["next"].as_str().map(str::to_owned);
    }
    items
}

fn ids(items: &[Value]) -> BTreeSet<String> {
    items.iter().map(|i| i["id"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn every_spelling_of_a_gtin_names_the_same_product() {
    let (app, key) = shop(3, 1).await;
    let short = json!({ "sku": "SHORT", "gtin": "96385074", "name": "Court" });
    let upc = json!({ "sku": "UPC", "gtin": "036000291452", "name": "Douze" });
    app.import(Feed::Products, &[short, upc]).await;
    let gtin = data::gtin13(1);
    for (code, sku) in [
        (gtin.clone(), "SKU-00001"),
        (format!("0{gtin}"), "SKU-00001"),
        ("96385074".into(), "SHORT"),
        ("0000096385074".into(), "SHORT"),
        ("00000096385074".into(), "SHORT"),
        ("036000291452".into(), "UPC"),
        ("0036000291452".into(), "UPC"),
        ("00036000291452".into(), "UPC"),
    ] {
        let found = json_of(&app, &key, &format!("/v1/products/gtin/{code}")).await;
        assert_eq!(found["sku"], sku, "{code}");
    }
    let wrong =
        problem(app.get(&key.text, "/v1/products/gtin/3276550063552").await, 422, "invalid_gtin")
            .await;
    assert_eq!(wrong["errors"][0]["suggestion"], "3276550063551");
    assert!(wrong["detail"].as_str().unwrap().contains("expected 1"));
    problem(app.get(&key.text, "/v1/products/gtin/2000000000008").await, 422, "in_store_code")
        .await;
    problem(app.get(&key.text, "/v1/products/gtin/3276550063551").await, 404, "not_found").await;
    problem(app.get(&key.text, "/v1/products/gtin/12345").await, 422, "invalid_gtin").await;
}

#[tokio::test]
async fn a_product_is_the_same_by_id_sku_and_gtin_and_its_tag_follows_its_content() {
    let (app, key) = shop(2, 1).await;
    let by_id = app.get(&key.text, &format!("/v1/products/{}", data::product_id(0))).await;
    let etag = by_id.headers()["etag"].clone();
    let by_id: Value = by_id.json().await.unwrap();
    assert_eq!(by_id["id"], data::product_id(0));
    assert_eq!(by_id["net_content"], json!({ "value": "1.75", "unit_code": "LTR" }));
    assert_eq!(by_id["version"], 1);
    assert_eq!(json_of(&app, &key, &format!("/v1/products/sku/{}", data::sku(0))).await, by_id);
    assert_eq!(json_of(&app, &key, &format!("/v1/products/gtin/{}", data::gtin13(0))).await, by_id);

    let same = app.import(Feed::Products, &[data::product(0)]).await;
    assert_eq!((same.accepted, same.unchanged), (0, 1));
    let mut renamed = data::product(0);
    renamed["name"] = json!("Perceuse à colonne");
    app.import(Feed::Products, &[renamed]).await;
    let after = app.get(&key.text, &format!("/v1/products/{}", data::product_id(0))).await;
    assert_ne!(after.headers()["etag"], etag);
    let after: Value = after.json().await.unwrap();
    assert_eq!((&after["name"], &after["version"]), (&json!("Perceuse à colonne"), &json!(2)));
}

#[tokio::test]
async fn a_deleted_product_is_gone_and_names_its_successor() {
    let (app, key) = shop(2, 1).await;
    let mut replaced = data::product(0);
    replaced["status"] = json!("discontinued");
    replaced["replaced_by_sku"] = json!(data::sku(1));
    app.import(Feed::Products, &[replaced]).await;
    app.import(Feed::Products, &[json!({ "op": "delete", "sku": data::sku(0) })]).await;
    for path in [
        format!("/v1/products/{}", data::product_id(0)),
        format!("/v1/products/sku/{}", data::sku(0)),
        format!("/v1/products/gtin/{}", data::gtin13(0)),
    ] {
        let gone = problem(app.get(&key.text, &path).await, 410, "gone").await;
        assert!(gone["detail"].as_str().unwrap().contains(&data::product_id(1)), "{gone}");
    }
    assert_eq!(walk(&app, &key, "/v1/products").await.len(), 1);
    // It comes back when the feed names it again.
    app.import(Feed::Products, &[data::product(0)]).await;
    assert_eq!(walk(&app, &key, "/v1/products").await.len(), 2);
}

#[tokio::test]
async fn a_gtin_names_the_living_product_before_the_deleted_one() {
    let (app, key) = shop(2, 1).await;
    let path = format!("/v1/products/gtin/{}", data::gtin13(0));
    app.import(Feed::Products, &[json!({ "op": "delete", "sku": data::sku(0) })]).await;
    problem(app.get(&key.text, &path).await, 410, "gone").await;
    let mut heir = data::product(7);
    heir["gtin"] = json!(data::gtin13(0));
    app.import(Feed::Products, &[heir.clone()]).await;
    assert_eq!(json_of(&app, &key, &path).await["sku"], heir["sku"]);
    app.import(Feed::Products, &[json!({ "op": "delete", "sku": heir["sku"] })]).await;
    problem(app.get(&key.text, &path).await, 410, "gone").await;
    // Back with a GTIN of its own, it no longer stands for this one; the first still does.
    app.import(Feed::Products, &[data::product(7)]).await;
    problem(app.get(&key.text, &path).await, 410, "gone").await;
    let back = data::product(0);
    app.import(Feed::Products, std::slice::from_ref(&back)).await;
    assert_eq!(json_of(&app, &key, &path).await["sku"], back["sku"]);
}

#[tokio::test]
async fn a_walk_gives_each_surviving_product_once_while_the_catalog_changes() {
    let (app, key) = shop(100, 1).await;
    let before = ids(&walk(&app, &key, "/v1/products?limit=200").await);
    let mut seen = Vec::new();
    let mut next = Some("/v1/products?limit=7".to_owned());
    let mut round = 0;
    while let Some(path) = next {
        let page = json_of(&app, &key, &path).await;
        seen.extend(page["items"].as_array().unwrap().iter().cloned());
        next = page["next"].as_str().map(str::to_owned);
        if round < 5 {
            app.import(
                Feed::Products,
                &[data::product(1000 + round), json!({ "op": "delete", "sku": data::sku(round) })],
            )
            .await;
            round += 1;
        }
    }
    let unique = ids(&seen);
    assert_eq!(unique.len(), seen.len(), "a product came twice");
    let after = ids(&walk(&app, &key, "/v1/products?limit=200").await);
    let survived: BTreeSet<_> = before.intersection(&after).cloned().collect();
    assert!(survived.is_subset(&unique), "a product that was there all along was not seen");
}

#[tokio::test]
async fn filters_mean_and_between_and_or_inside() {
    let (app, key) = shop(10, 2).await;
    app.import(Feed::Offers, &[data::offer(1, 0, "2.39"), data::offer(2, 1, "3.00")]).await;
    let count = async |query: &str| walk(&app, &key, &format!("/v1/products?{query}")).await.len();
    assert_eq!(count("brand=Nord").await, 5);
    assert_eq!(count("brand=Nord,Sud").await, 10);
    assert_eq!(count("brand=nord&limit=2").await, 5);
    let drills = data::category_id("drills");
    assert_eq!(count(&format!("category_id={drills}")).await, 5);
    let tools = data::category_id("tools");
    assert_eq!(count(&format!("category_id={tools}")).await, 0);
    assert_eq!(count(&format!("category_id={tools}&include_descendants=true&limit=3")).await, 5);
    assert_eq!(count(&format!("category_id={drills}&brand=Sud")).await, 0);
    assert_eq!(count(&format!("gtin={},{}", data::gtin13(1), data::gtin13(2))).await, 2);
    assert_eq!(count(&format!("sku={}", data::sku(3))).await, 1);
    assert_eq!(count(&format!("store_id={}", data::store_id(0))).await, 1);
    assert_eq!(count("status=active").await, 10);
    assert_eq!(count("status=recalled").await, 0);
    assert_eq!(count("status=recalled,+active").await, 10);
    assert_eq!(count(&format!("sku={},+{}", data::sku(3), data::sku(4))).await, 2);
    for wrong in ["status=active,", "brand=Nord,", "sku=a,,b", "item_group_id=,", "attr.x=a,"] {
        let answer = app.get(&key.text, &format!("/v1/products?{wrong}")).await;
        let told = problem(answer, 400, "invalid_parameter").await;
        assert_eq!(told["errors"][0]["code"], "malformed", "{wrong}: {told}");
    }
    assert_eq!(count("is_sold_by_weight=true").await, 0);
    assert_eq!(count("updated_since=2026-11-22T12:00:01Z").await, 0);
    assert_eq!(count(&format!("updated_since={NOON}")).await, 10);
    // What the retailer's own words hold commas of stands behind a backslash.
    let mut variants = [data::product(0), data::product(1), data::product(2)];
    for (variant, group) in variants.iter_mut().zip(["a,b", "c", "c"]) {
        variant["item_group_id"] = json!(group);
        variant["brand"] = json!({ "name": "Outils, etc." });
    }
    app.import(Feed::Products, &variants).await;
    app.caught_up().await;
    assert_eq!(count("item_group_id=c").await, 2);
    assert_eq!(count("item_group_id=a%5C,b,c").await, 3);
    assert_eq!(count("item_group_id=a,b").await, 0);
    assert_eq!(count("item_group_id=c,+a%5C,b").await, 3);
    assert_eq!(count("brand=outils%5C,+etc.").await, 3);
    assert_eq!(count("brand=outils%5C,+etc.,nord&limit=2").await, 6);
}

#[tokio::test]
async fn a_cursor_belongs_to_its_filters() {
    let (app, key) = shop(10, 1).await;
    let page = json_of(&app, &key, "/v1/products?brand=Nord&limit=2").await;
    let next = page["next"].as_str().unwrap();
    let cursor = next.split("cursor=").nth(1).unwrap();
    let other =
        app.get(&key.text, &format!("/v1/products?brand=Sud&limit=2&cursor={cursor}")).await;
    problem(other, 400, "invalid_cursor").await;
    problem(app.get(&key.text, "/v1/products?cursor=nonsense").await, 400, "invalid_cursor").await;
    let link = app.get(&key.text, "/v1/products?brand=Nord&limit=2").await;
    let link = link.headers()["link"].to_str().unwrap().to_owned();
    assert!(link.contains(next) && link.contains("rel=\"next\""), "{link}");
}

#[tokio::test]
async fn categories_form_a_tree_with_counts() {
    let (app, key) = shop(10, 1).await;
    let drills =
        json_of(&app, &key, &format!("/v1/categories/{}", data::category_id("drills"))).await;
    assert_eq!(drills["level"], 2);
    assert_eq!(drills["parent_id"], data::category_id("tools"));
    assert_eq!(drills["product_count"], 5);
    assert_eq!(drills["path"][0]["name"], "Outillage");
    let all = walk(&app, &key, "/v1/categories?limit=1").await;
    assert_eq!(all.len(), 3);
    let children =
        walk(&app, &key, &format!("/v1/categories?parent_id={}", data::category_id("tools"))).await;
    assert_eq!(ids(&children), BTreeSet::from([data::category_id("drills")]));
    problem(app.get(&key.text, "/v1/categories/cat_00000000000").await, 404, "not_found").await;
}

#[tokio::test]
async fn prices_keep_their_digits_and_a_change_is_logged() {
    let (app, key) = shop(2, 2).await;
    let mut promoted = data::offer(0, 0, "2.3900");
    promoted["list_price"] = json!({ "amount": "2.9", "currency": "EUR" });
    promoted["price_type"] = json!("sale");
    let fuel = data::offer(0, 1, "1.799");
    app.import(Feed::Offers, &[promoted, fuel]).await;
    let offers =
        walk(&app, &key, &format!("/v1/products/{}/offers?limit=1", data::product_id(0))).await;
    let price = |store: u32, field: &str| {
        let offer = offers.iter().find(|o| o["store_id"] == data::store_id(store)).unwrap();
        offer[field]["amount"].as_str().map(str::to_owned)
    };
    assert_eq!(price(0, "price").as_deref(), Some("2.39"));
    assert_eq!(price(0, "list_price").as_deref(), Some("2.90"));
    assert_eq!(price(1, "price").as_deref(), Some("1.799"));
    let before =
        comptoir::storage::log::head(&app.db, comptoir::storage::Log::Change).await.unwrap();
    let report =
        app.import(Feed::Offers, &[data::offer(0, 1, "1.799"), data::offer(1, 1, "5")]).await;
    assert_eq!((report.accepted, report.unchanged), (1, 1));
    let after =
        comptoir::storage::log::head(&app.db, comptoir::storage::Log::Change).await.unwrap();
    assert_eq!(after - before, 1);
    let only = walk(
        &app,
        &key,
        &format!("/v1/products/{}/offers?store_id={}", data::product_id(0), data::store_id(1)),
    )
    .await;
    assert_eq!(only.len(), 1);
    problem(app.get(&key.text, "/v1/products/prd_00000000000/offers").await, 404, "not_found")
        .await;
}

#[tokio::test]
async fn stock_says_how_old_it_is_and_answers_every_store_asked_for() {
    let (app, key) = shop(2, 3).await;
    let levels = [
        data::level(0, 0, 4, "2026-11-22T11:59:00Z"),
        data::level(0, 1, 0, "2026-11-22T10:00:00Z"),
    ];
    app.import(Feed::Stock, &levels).await;
    let stores = format!("{},{},{}", data::store_id(0), data::store_id(1), data::store_id(2));
    let path = format!("/v1/products/{}/stock?store_id={stores}", data::product_id(0));
    let items = walk(&app, &key, &path).await;
    assert_eq!(items.len(), 3);
    let at = |store: u32| items.iter().find(|i| i["store_id"] == data::store_id(store)).unwrap();
    assert_eq!(
        (&at(0)["availability"], &at(0)["is_stale"], &at(0)["as_of"]),
        (&json!("in_stock"), &json!(false), &json!("2026-11-22T11:59:00Z"))
    );
    assert_eq!(at(0)["quantity"], json!({ "disclosure": "exact", "value": 4 }));
    assert_eq!(
        (&at(1)["availability"], &at(1)["is_stale"]),
        (&json!("out_of_stock"), &json!(true))
    );
    assert_eq!(
        (&at(2)["availability"], &at(2)["is_stale"], &at(2)["as_of"]),
        (&json!("unknown"), &json!(true), &Value::Null)
    );

    let banded = app.key(json!({ "scopes": ["stock:read"] })).await;
    let items = walk(&app, &banded, &path).await;
    let first = items.iter().find(|i| i["store_id"] == data::store_id(0)).unwrap();
    assert_eq!(first["quantity"], json!({ "disclosure": "band", "band": "3-5" }));

    let store = walk(&app, &key, &format!("/v1/stores/{}/stock", data::store_id(0))).await;
    assert_eq!(store.len(), 1);
    // What comes late or twice changes nothing.
    let late = app
        .import(Feed::Stock, &[data::level(0, 0, 9, "2026-11-22T11:00:00Z"), levels[0].clone()])
        .await;
    assert_eq!((late.accepted, late.unchanged), (0, 2));
}

#[tokio::test]
async fn stores_are_listed_by_what_they_offer() {
    let (app, key) = shop(1, 5).await;
    assert_eq!(walk(&app, &key, "/v1/stores?limit=2").await.len(), 5);
    assert_eq!(walk(&app, &key, "/v1/stores?services=click_collect").await.len(), 5);
    assert_eq!(walk(&app, &key, "/v1/stores?services=+click_collect+").await.len(), 5);
    assert_eq!(walk(&app, &key, "/v1/stores?services=fishmonger").await.len(), 0);
    let store = json_of(&app, &key, &format!("/v1/stores/{}", data::store_id(0))).await;
    assert_eq!(store["geo"], json!({ "latitude": 43.6045, "longitude": 1.444 }));
    assert_eq!(store["time_zone"], "Europe/Paris");
}
