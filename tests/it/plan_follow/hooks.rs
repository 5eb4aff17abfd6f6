//! What is posted to the receivers of an app whose plan includes a part of the data.

use super::{key_with, product};
use crate::hooks::receiver::Receiver;
use crate::hooks::{price, shop, subscribe};
use crate::support::data::{self, product_id, store_id};
use comptoir::feeds::Feed;
use serde_json::{Value, json};

#[tokio::test]
async fn messages_tell_what_the_plan_includes() {
    let (app, _) = shop().await;
    let data = json!({
        "category_ids": ["tools"], "store_ids": ["0000"],
        "fields": { "offer": ["price"], "product": ["name"] },
    });
    let (key, _) = key_with(&app, data).await;
    let mut receiver = Receiver::start().await;
    let events = ["price.changed", "product.updated", "product.deleted"];
    subscribe(&app, &key, json!({ "url": receiver.url, "events": events })).await;
    // Cheese is not in it, and neither is the other store.
    price(&app, 1, "5.50").await;
    app.import(Feed::Offers, &[data::offer(0, 1, "1"), data::offer(0, 1, "2")]).await;
    price(&app, 0, "2.49").await;
    let told = receiver.next().await.body();
    let offer = format!("{}/{}/in_store", product_id(0), store_id(0));
    assert_eq!((&told["type"], &told["data"]["id"]), (&json!("price.changed"), &json!(offer)));
    let resource = told["data"]["resource"].as_object().unwrap();
    let names: Vec<&str> = resource.keys().map(String::as_str).collect();
    assert_eq!(names, ["as_of", "channel", "price", "product_id", "sale", "store_id"]);
    // What goes out of it is gone, and what comes in has changed.
    app.import(Feed::Products, &[product(0, "Nord", "cheese")]).await;
    let told = receiver.next().await.body();
    assert_eq!(
        (&told["type"], &told["data"]["id"]),
        (&json!("product.deleted"), &json!(product_id(0)))
    );
    assert_eq!(
        (&told["data"]["reason"], &told["data"]["resource"]),
        (&json!("not_in_plan"), &Value::Null)
    );
    app.import(Feed::Products, &[product(1, "Sud", "drills")]).await;
    let told = receiver.next().await.body();
    assert_eq!(
        (&told["type"], &told["data"]["id"]),
        (&json!("product.updated"), &json!(product_id(1)))
    );
    assert_eq!(told["data"]["resource"]["name"], "Produit 1");
    assert!(told["data"]["resource"].get("sku").is_none());
    assert_eq!(receiver.waiting(), 0);
}

#[tokio::test]
async fn what_comes_into_the_plan_with_a_product_is_told_as_what_goes_with_it() {
    let (app, _) = shop().await;
    app.import(Feed::Stock, &[data::level(1, 0, 5, "2026-11-22T11:00:00Z")]).await;
    let (key, _) = key_with(&app, json!({ "category_ids": ["tools"] })).await;
    let mut receiver = Receiver::start().await;
    let events = ["offer.created", "offer.deleted", "stock.availability_changed"];
    subscribe(&app, &key, json!({ "url": receiver.url, "events": events })).await;
    let mut next = async || {
        let told = receiver.next().await.body();
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        [text(&told["type"]), text(&told["data"]["id"]), text(&told["data"]["reason"])]
    };
    let level = format!("{}/{}", product_id(1), store_id(0));
    let offer = format!("{level}/in_store");
    app.import(Feed::Products, &[product(1, "Sud", "drills")]).await;
    let mut told = [next().await, next().await];
    told.sort_unstable();
    let created = ["offer.created", &offer, "in_plan"];
    assert_eq!(told, [created, ["stock.availability_changed", &level, "in_plan"]]);
    app.import(Feed::Products, &[product(1, "Sud", "cheese")]).await;
    assert_eq!(next().await, ["offer.deleted", &offer, "not_in_plan"]);
}
