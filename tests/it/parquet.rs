//! A Parquet file says all that the NDJSON file beside it says, field by field.

use crate::support::data::{self, product_id};
use crate::support::{NOON, TestApp};
use bytes::Bytes;
use comptoir::feeds::Feed;
use comptoir::kernel::{Amount, Micros, Money};
use parquet::file::reader::{FileReader as _, SerializedFileReader};
use parquet::record::{Field, Row};
use serde_json::{Map, Value, json};
use std::io::BufRead as _;

/// An offer with every field that there is; the lowest price of 30 days comes from the price before.
async fn offer_in_full(app: &TestApp) {
    let mut offer = data::offer(0, 0, "2.39");
    offer["as_of"] = json!("2026-11-20T12:00:00Z");
    app.import(Feed::Offers, std::slice::from_ref(&offer)).await;
    let money = |amount: &str| json!({ "amount": amount, "currency": "EUR" });
    let rest = json!({
        "price": money("1.991"), "list_price": money("2.39"), "member_price": money("1.5"),
        "price_type": "regular", "tax_included": false, "as_of": NOON,
        "unit_price": {
            "amount": "1.137", "currency": "EUR", "reference": { "value": "1", "unit_code": "LTR" },
        },
        "eco_contribution": money("0.05"), "seller": { "id": "s-1", "name": "Chez Zoé" },
        "valid_from": "2026-11-21T00:00:00Z", "valid_through": "2026-12-01T00:00:00Z",
        "sale": {
            "price": money("1.2"), "valid_from": "2026-11-23T00:00:00Z",
            "valid_through": "2026-11-30T00:00:00Z",
            "unit_price": {
                "amount": "0.8", "currency": "EUR", "reference": { "value": "1", "unit_code": "LTR" },
            },
        },
        "promotion_codes": ["a", "b"],
    });
    offer.as_object_mut().unwrap().extend(rest.as_object().unwrap().clone());
    let report = app.import(Feed::Offers, &[offer]).await;
    assert_eq!(report.accepted, 1, "{report}");
}

async fn shop() -> TestApp {
    let app = TestApp::builder().fixed_clock(NOON).start().await;
    app.stock_shelves(3, 2).await;
    let lists = [
        (Feed::Products, data::product_in_full(0)),
        (Feed::Stores, data::store_in_full(0)),
        (Feed::Promotions, data::promotion("a", "Un")),
        (Feed::Promotions, data::promotion("b", "Deux")),
        (Feed::Offers, data::offer(1, 1, "100")),
        (Feed::Stock, data::level(1, 1, 0, NOON)),
        (Feed::Stock, data::level_in_full(0, 0, NOON)),
    ];
    for (feed, line) in lists {
        let report = app.import(feed, &[line]).await;
        assert_eq!(report.rejected, 0, "{report}");
    }
    offer_in_full(&app).await;
    app
}

async fn file(app: &TestApp, key: &str, export: &str, name: &str) -> Bytes {
    let answer = app.get(key, &format!("/v1/exports/{export}/files/{name}")).await;
    assert_eq!(answer.status(), 200, "{name}");
    answer.bytes().await.unwrap()
}

fn cells(row: &Row) -> Map<String, Value> {
    let currency = row.get_column_iter().find(|(name, _)| *name == "currency");
    let cell = |(name, field): (&String, &Field)| {
        let value = match field {
            Field::Null => Value::Null,
            Field::Bool(value) => json!(value),
            Field::Long(value) => json!(value),
            Field::Str(value) => json!(value),
            Field::TimestampMicros(value) => json!(Micros(*value)),
            Field::Decimal(_) => {
                let amount: Amount = field.to_string().parse().unwrap();
                let Some((_, Field::Str(currency))) = currency else { panic!("no currency") };
                json!(Money { amount, currency: currency.parse().unwrap() })
            }
            other => panic!("{name}: {other}"),
        };
        (name.clone(), value)
    };
    row.get_column_iter().map(cell).collect()
}

fn taken(cells: &mut Map<String, Value>, name: &str) -> Value {
    cells.remove(name).unwrap_or_else(|| panic!("no column {name}"))
}

/// A text of JSON as what it stands for.
fn read(cells: &mut Map<String, Value>, name: &str) -> Value {
    let text = taken(cells, name);
    text.as_str().map_or(Value::Null, |text| serde_json::from_str(text).unwrap())
}

/// The document that a row tells: its column for the document, or all of its columns for an offer.
fn document(resource: &str, mut cells: Map<String, Value>) -> Value {
    if resource != "offers" {
        let document = read(&mut cells, "document");
        // What stands in columns, too, says the same.
        for (name, value) in cells {
            match name.as_str() {
                "quantity_band" => assert_eq!(document["quantity"]["band"], value, "{resource}"),
                "brand_id" => assert_eq!(document["brand"]["id"], value, "{resource}"),
                "category_ids" => assert_eq!(document[name].to_string(), value, "{resource}"),
                "code" => {}
                _ => assert_eq!(document[&name], value, "{resource}: {name}"),
            }
        }
        return document;
    }
    taken(&mut cells, "currency");
    for name in ["promotion_ids", "seller", "sale"] {
        let value = read(&mut cells, name);
        cells.insert(name.to_owned(), value);
    }
    let reference = taken(&mut cells, "unit_price_reference");
    if let Some((value, unit_code)) = reference.as_str().and_then(|text| text.split_once(' ')) {
        cells["unit_price"]["reference"] = json!({ "value": value, "unit_code": unit_code });
    }
    Value::Object(cells)
}

#[tokio::test]
async fn a_parquet_file_says_all_that_the_lines_say() {
    let app = shop().await;
    let key = app.key(json!({})).await.text;
    let export = app.snapshot().await;
    for resource in ["products", "categories", "stores", "promotions", "offers", "stock"] {
        let gzip = file(&app, &key, &export, &format!("{resource}.ndjson.gz")).await;
        let lines = std::io::BufReader::new(flate2::read::GzDecoder::new(&gzip[..])).lines();
        let lines: Vec<Value> =
            lines.map(|line| serde_json::from_str(&line.unwrap()).unwrap()).collect();
        let columns = file(&app, &key, &export, &format!("{resource}.parquet")).await;
        let rows = SerializedFileReader::new(columns).unwrap();
        let rows: Vec<Value> = rows
            .get_row_iter(None)
            .unwrap()
            .map(|row| document(resource, cells(&row.unwrap())))
            .collect();
        assert_eq!(rows, lines, "{resource}");
        if resource == "offers" {
            // Each field was told by a value, so that none can be in a column of another.
            let id = product_id(0);
            let offer = lines.iter().find(|line| line["product_id"] == id).unwrap();
            let unsaid: Vec<_> =
                offer.as_object().unwrap().iter().filter(|(_, value)| value.is_null()).collect();
            assert!(unsaid.is_empty(), "{unsaid:?}");
        }
    }
}
