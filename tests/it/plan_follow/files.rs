//! What stands in files: empty columns, and attributes that are left out.

use super::{export, key_with, shop};
use crate::support::TestApp;
use crate::support::data::{self, product_id, sku, store_id};
use comptoir::feeds::Feed;
use parquet::file::reader::{FileReader as _, SerializedFileReader};
use parquet::record::{Field, Row};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// The rows of a Parquet file of an export.
async fn rows(app: &TestApp, key: &str, export: &Value, resource: &str) -> Vec<Value> {
    let files = export["files"].as_array().unwrap();
    let file = files.iter().find(|file| file["resource"] == resource).unwrap();
    let bytes = app.get(key, file["url"].as_str().unwrap()).await.bytes().await.unwrap();
    let reader = SerializedFileReader::new(bytes).unwrap();
    reader.get_row_iter(None).unwrap().map(|row| cells(&row.unwrap())).collect()
}

/// The cells of a row; of numbers only that they are there.
fn cells(row: &Row) -> Value {
    let cell = |(name, field): (&String, &Field)| {
        let value = match field {
            Field::Null => Value::Null,
            Field::Bool(value) => json!(value),
            Field::Str(value) => json!(value),
            _ => json!(true),
        };
        (name.clone(), value)
    };
    row.get_column_iter().map(cell).collect()
}

#[tokio::test]
async fn columns_that_a_plan_leaves_out_are_empty() {
    let app = shop().await;
    let data = json!({ "brand_ids": ["Nord"], "fields": {
        "product": ["name", "is_sold_by_weight"], "offer": ["list_price"], "stock": ["availability"],
    } });
    let (key, _) = key_with(&app, data).await;
    let export = export(&app, &key.text, "parquet").await;
    let products = rows(&app, &key.text, &export, "products").await;
    assert_eq!(products.len(), 4);
    for row in &products {
        for empty in ["sku", "gtin", "brand_id", "category_ids", "status"] {
            assert_eq!(row[empty], Value::Null, "{row}");
        }
        assert_eq!((&row["is_sold_by_weight"], &row["version"]), (&json!(false), &json!(true)));
        let document: Value = serde_json::from_str(row["document"].as_str().unwrap()).unwrap();
        let names: Vec<&str> = document.as_object().unwrap().keys().map(String::as_str).collect();
        assert_eq!(names, ["id", "is_sold_by_weight", "name", "updated_at", "version"]);
    }
    let offers = rows(&app, &key.text, &export, "offers").await;
    assert_eq!(offers.len(), 12);
    assert!(offers.iter().all(|row| row["price"].is_null() && row["tax_included"].is_null()));
    assert!(offers.iter().all(|row| row["product_id"].is_string() && row["currency"] == "EUR"));
    let stock = rows(&app, &key.text, &export, "stock").await;
    assert_eq!(stock.len(), 12);
    assert!(
        stock.iter().all(|row| row["availability"].is_string() && row["quantity_band"].is_null())
    );
}

/// The cells of a feed by the names of its columns; empty ones are left out.
async fn feed(app: &TestApp, key: &str, path: &str) -> Vec<BTreeMap<String, String>> {
    let answer = app.get(key, path).await;
    assert_eq!(answer.status(), 200, "{path}");
    let text = answer.text().await.unwrap();
    let mut reader = csv::ReaderBuilder::new().delimiter(b'\t').from_reader(text.as_bytes());
    let rows = reader.deserialize::<BTreeMap<String, String>>().map(Result::unwrap);
    rows.map(|row| row.into_iter().filter(|(_, cell)| !cell.is_empty()).collect()).collect()
}

#[tokio::test]
async fn feeds_out_tell_what_the_plan_includes() {
    let app = shop().await;
    let online: Vec<Value> = (0..4)
        .flat_map(|p| (0..3).map(move |s| (p, s)))
        .map(|(p, s)| {
            let mut offer = data::offer(p, s, if s == 0 { "9.90" } else { "8.80" });
            offer["channel"] = json!("online");
            offer["list_price"] = json!({ "amount": "12.50", "currency": "EUR" });
            offer
        })
        .collect();
    app.import(Feed::Offers, &online).await;
    let data = json!({ "category_ids": ["tools"], "store_ids": ["0001"], "fields": {
        "product": ["name", "sku"], "offer": ["price"], "stock": ["availability"],
    } });
    let (key, _) = key_with(&app, data).await;
    let products = feed(&app, &key.text, "/v1/feeds/google-products").await;
    let mut ids: Vec<&str> = products.iter().map(|row| row["id"].as_str()).collect();
    ids.sort_unstable();
    assert_eq!(ids, [sku(0), sku(2)]);
    for row in &products {
        let names: Vec<&str> = row.keys().map(String::as_str).collect();
        assert_eq!(names, ["availability", "id", "price", "title"]);
        assert_eq!(row["price"], "8.80 EUR");
    }
    let inventory = feed(&app, &key.text, "/v1/feeds/google-local-inventory").await;
    assert_eq!(inventory.len(), 4);
    assert!(
        inventory.iter().all(|row| row["store_code"] == "0001" && !row.contains_key("quantity"))
    );
    let elsewhere = format!("/v1/feeds/google-local-inventory?store_id={}", store_id(2));
    assert!(feed(&app, &key.text, &elsewhere).await.is_empty());
    // Codes that are left out are ids; the same call under another plan has a file of its own.
    let data = json!({ "fields": { "product": ["name"], "store": ["name"] } });
    let (other, _) = key_with(&app, data).await;
    let inventory = feed(&app, &other.text, "/v1/feeds/google-local-inventory").await;
    assert_eq!(inventory.len(), 24);
    assert!(
        inventory.iter().any(|row| row["id"] == product_id(1) && row["store_code"] == store_id(2))
    );
}
