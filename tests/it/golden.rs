//! Files in the formats that others describe, and what they come to, byte for byte: see
//! tests/it/golden/README.md.

use crate::support::{NOON, TestApp, data};
use comptoir::feeds::{Feed, Format, Options, import_with};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/golden/feeds")
}

/// The stores and products that the files may name.
async fn shop() -> TestApp {
    let app = TestApp::builder().fixed_clock(NOON).start().await;
    let mut with_gln = data::store(2);
    with_gln["gln"] = json!("3020180000000");
    app.import(Feed::Categories, &data::categories()).await;
    app.import(Feed::Stores, &[data::store(1), with_gln]).await;
    app.import(Feed::Products, &[data::product(0), data::product(1)]).await;
    app
}

async fn imported(file: &Path, format: Format) -> String {
    let app = shop().await;
    let options = Options { format, store_code: Some("0001".to_owned()), ..Options::default() };
    let mut reports = Vec::new();
    for feed in format.feeds(true) {
        let (db, clock) = (&app.db, &app.clock);
        let report = import_with(db, clock, *feed, file, &options, None, &mut |_| {}).await;
        let mut report = serde_json::to_value(report.unwrap()).unwrap();
        // The id is drawn by lot.
        report["import_id"].take();
        reports.push(report);
    }
    app.caught_up().await;
    let key = app.key(json!({})).await.text;
    let items = async |path: &str| -> Value {
        let mut page: Value = app.get(&key, path).await.json().await.unwrap();
        page["items"].take()
    };
    let all = json!({
        "reports": reports,
        "categories": items("/v1/categories?limit=200").await,
        "products": items("/v1/products?limit=50&embed=offers,stock").await,
    });
    serde_json::to_string_pretty(&all).unwrap() + "\n"
}

async fn compare(name: &str, format: Format) {
    let found = Box::pin(imported(&folder().join(name), format)).await;
    let expected = folder().join(format!("{name}.expected.json"));
    if std::env::vars().any(|set| set == ("COMPTOIR_GOLDEN".to_owned(), "write".to_owned())) {
        std::fs::write(&expected, &found).unwrap();
    }
    let wanted = std::fs::read_to_string(&expected).unwrap();
    let differs = found.lines().zip(wanted.lines()).position(|(found, wanted)| found != wanted);
    let at = differs.map(|at| (at + 1, found.lines().nth(at), wanted.lines().nth(at)));
    assert!(found == wanted, "{name} comes to something else, first at {at:?}");
}

#[tokio::test]
async fn a_google_product_feed_with_tabs() {
    compare("google-products-tsv.tsv", Format::GoogleProducts).await;
}

#[tokio::test]
async fn a_google_product_feed_as_rss() {
    compare("google-products-rss.xml", Format::GoogleProducts).await;
}

#[tokio::test]
async fn a_google_local_inventory_feed() {
    compare("google-local-inventory.tsv", Format::GoogleLocalInventory).await;
}

#[tokio::test]
async fn a_csv_in_the_words_of_gs1() {
    compare("gs1-csv.csv", Format::Gs1Csv).await;
}

#[tokio::test]
async fn a_product_feed_of_the_agentic_commerce_protocol() {
    compare("acp.ndjson", Format::Acp).await;
}
