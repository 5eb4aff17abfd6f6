//! Files that do not say when what they tell was so, imported again: it was so when they came first,
//! and still is where nothing else was told since.

use crate::support::{NOON, TestApp, TestKey, data};
use comptoir::feeds::{Feed, Mode, Options, Report, import_with};
use serde_json::{Value, json};

const HOUR: i64 = 3_600_000_000;

struct Shop {
    app: TestApp,
    key: TestKey,
    dir: tempfile::TempDir,
}

impl Shop {
    /// A product in a store, whose offer and level no file has told yet.
    async fn open() -> Self {
        let app = TestApp::builder().fixed_clock(NOON).start().await;
        app.import(Feed::Products, &[data::product(0)]).await;
        app.import(Feed::Stores, &[data::store(0)]).await;
        let key = app.key(json!({})).await;
        Self { app, key, dir: tempfile::tempdir().unwrap() }
    }

    /// Imports a line as a file, an hour after what was before.
    async fn file(&self, feed: Feed, name: &str, line: &Value) -> Report {
        self.lines(feed, name, std::slice::from_ref(line), Mode::Incremental).await
    }

    async fn lines(&self, feed: Feed, name: &str, lines: &[Value], mode: Mode) -> Report {
        self.app.clock.advance(HOUR);
        let (path, app) = (self.dir.path().join(name), &self.app);
        let text: Vec<String> = lines.iter().map(Value::to_string).collect();
        std::fs::write(&path, text.join("\n")).unwrap();
        let how = Options { mode: Some(mode), ..Options::default() };
        let report = import_with(&app.db, &app.clock, feed, &path, &how, None, &mut |_| {}).await;
        self.app.caught_up().await;
        report.expect("the import runs")
    }

    /// What a till counts, an hour after what was before.
    async fn count(&self, quantity: u32) -> String {
        self.app.clock.advance(HOUR);
        let now = self.app.clock.now().to_string();
        self.app.import(Feed::Stock, &[data::level(0, 0, quantity, &now)]).await;
        now
    }

    async fn first(&self, of: &str) -> Value {
        let path = format!("/v1/products/{}/{of}", data::product_id(0));
        let answer = self.app.get(&self.key.text, &path).await;
        assert_eq!(answer.status(), 200);
        answer.json::<Value>().await.unwrap()["items"][0].clone()
    }

    async fn level(&self) -> (Value, String) {
        let level = self.first("stock").await;
        (level["quantity"]["value"].clone(), level["as_of"].as_str().unwrap().to_owned())
    }

    async fn price(&self) -> Value {
        self.first("offers").await["price"]["amount"].clone()
    }
}

/// A level that is in the store without a word of when it was counted.
fn undated(quantity: u32) -> Value {
    let mut level = data::level(0, 0, quantity, NOON);
    let fields = level.as_object_mut().unwrap();
    fields.retain(|name, _| ["sku", "store_code", "quantity"].contains(&name.as_str()));
    level
}

#[tokio::test]
async fn a_stock_file_again_takes_the_place_of_no_count_that_came_since() {
    let shop = Shop::open().await;
    shop.file(Feed::Stock, "stock.ndjson", &undated(99)).await;
    shop.file(Feed::Stock, "stock.ndjson", &undated(99)).await;
    let now = shop.app.clock.now().to_string();
    assert_eq!(shop.level().await, (json!(99), now), "it was said again that there are 99");
    let counted = shop.count(3).await;
    for _ in 0..2 {
        let report = shop.file(Feed::Stock, "stock.ndjson", &undated(99)).await;
        assert_eq!((report.accepted, report.unchanged), (0, 1), "{report}");
        assert_eq!(shop.level().await, (json!(3), counted.clone()));
    }
    // A file that says something else is news, and so is the first one behind it.
    for quantity in [98, 99] {
        shop.file(Feed::Stock, "stock.ndjson", &undated(quantity)).await;
        assert_eq!(shop.level().await.0, json!(quantity));
        shop.count(3).await;
    }
    // As is one of another name.
    shop.file(Feed::Stock, "other.ndjson", &undated(99)).await;
    assert_eq!(shop.level().await.0, json!(99));
}

#[tokio::test]
async fn a_file_that_says_nothing_does_not_make_news_of_an_old_one() {
    let shop = Shop::open().await;
    let nobody = [json!({ "sku": "no such product", "store_code": "0000", "quantity": 1 })];
    for (lines, mode) in
        [(&[][..], Mode::Incremental), (&[], Mode::Full), (&nobody, Mode::Incremental)]
    {
        let name = format!("{}-{}.ndjson", lines.len(), mode.as_str());
        shop.lines(Feed::Stock, &name, &[undated(99)], mode).await;
        let counted = shop.count(3).await;
        let report = shop.lines(Feed::Stock, &name, lines, mode).await;
        assert_eq!((report.accepted, report.unchanged, report.deleted), (0, 0, 0), "{report}");
        shop.lines(Feed::Stock, &name, &[undated(99)], mode).await;
        assert_eq!(shop.level().await, (json!(3), counted), "{name}");
    }
}

#[tokio::test]
async fn a_price_file_again_takes_the_place_of_no_price_that_came_since() {
    let shop = Shop::open().await;
    let offer = |price| data::offer(0, 0, price);
    shop.file(Feed::Offers, "a.ndjson", &offer("5.50")).await;
    shop.file(Feed::Offers, "b.ndjson", &offer("5.80")).await;
    shop.file(Feed::Offers, "a.ndjson", &offer("5.50")).await;
    assert_eq!(shop.price().await, "5.80");
    shop.file(Feed::Offers, "a.ndjson", &offer("5.60")).await;
    assert_eq!(shop.price().await, "5.60");
    shop.file(Feed::Offers, "a.ndjson", &offer("5.50")).await;
    assert_eq!(shop.price().await, "5.50", "the price has gone back");
}

#[tokio::test]
async fn a_file_again_brings_back_what_went_with_its_product() {
    let shop = Shop::open().await;
    let told = async || {
        shop.file(Feed::Offers, "offers.ndjson", &data::offer(0, 0, "5.50")).await;
        shop.file(Feed::Stock, "stock.ndjson", &undated(7)).await;
    };
    told().await;
    told().await;
    let gone = json!({ "op": "delete", "sku": data::sku(0) });
    shop.app.import(Feed::Products, &[gone]).await;
    shop.app.import(Feed::Products, &[data::product(0)]).await;
    shop.app.caught_up().await;
    assert_eq!(shop.first("offers").await, Value::Null);
    told().await;
    assert_eq!(shop.price().await, "5.50");
    assert_eq!(shop.level().await.0, json!(7));
    // Between, nothing was asked.
    let path = format!("/v1/products/{}/price-history", data::product_id(0));
    let history: Value = shop.app.get(&shop.key.text, &path).await.json().await.unwrap();
    let items = history["items"].as_array().unwrap();
    assert_eq!((items.len(), &items[1]["until"]), (2, &Value::Null), "{history}");
    assert!(items[0]["until"].as_str() < items[1]["since"].as_str(), "{history}");
}

#[tokio::test]
async fn of_several_lines_about_one_thing_the_last_holds_each_time() {
    let shop = Shop::open().await;
    for _ in 0..3 {
        let lines = [undated(5), undated(7)];
        shop.lines(Feed::Stock, "stock.ndjson", &lines, Mode::Incremental).await;
        assert_eq!(shop.level().await.0, json!(7));
        let lines = [data::offer(0, 0, "5.00"), data::offer(0, 0, "7.00")];
        shop.lines(Feed::Offers, "offers.ndjson", &lines, Mode::Incremental).await;
        assert_eq!(shop.price().await, "7.00");
    }
    // What was counted between two of its imports and comes in late is newer than both.
    let between = shop.app.clock.now().to_string();
    shop.lines(Feed::Stock, "stock.ndjson", &[undated(5), undated(7)], Mode::Incremental).await;
    shop.app.import(Feed::Stock, &[data::level(0, 0, 3, &between)]).await;
    assert_eq!(shop.level().await.0, json!(3));
    // Also where the last takes away what the one before it tells.
    let gone = json!({ "op": "delete", "sku": data::sku(0), "store_code": "0000" });
    for _ in 0..3 {
        let lines = [undated(7), gone.clone()];
        shop.lines(Feed::Stock, "gone.ndjson", &lines, Mode::Incremental).await;
        assert_eq!(shop.first("stock").await["availability"], "unknown");
    }
}

#[tokio::test]
async fn an_old_file_again_brings_back_nothing_that_newer_ones_took_away() {
    let shop = Shop::open().await;
    shop.app.import(Feed::Products, &[data::product(1)]).await;
    let offers = [data::offer(0, 0, "5.00"), data::offer(1, 0, "6.00")];
    let mut levels = [undated(5), undated(6)];
    levels[1]["sku"] = json!(data::sku(1));
    let monday = async || {
        shop.lines(Feed::Offers, "offers-1.ndjson", &offers, Mode::Full).await;
        shop.lines(Feed::Stock, "stock-1.ndjson", &levels, Mode::Full).await;
    };
    monday().await;
    shop.lines(Feed::Offers, "offers-2.ndjson", &offers[1..], Mode::Full).await;
    shop.lines(Feed::Stock, "stock-2.ndjson", &levels[1..], Mode::Full).await;
    for _ in 0..2 {
        assert_eq!(shop.first("offers").await, Value::Null);
        assert_eq!(shop.first("stock").await["availability"], "unknown");
        monday().await;
    }
    // Nor what a line of another file took away.
    let one = [undated(9)];
    shop.lines(Feed::Stock, "a.ndjson", &one, Mode::Incremental).await;
    assert_eq!(shop.level().await.0, json!(9));
    let gone = json!({ "op": "delete", "sku": data::sku(0), "store_code": "0000" });
    shop.file(Feed::Stock, "b.ndjson", &gone).await;
    shop.lines(Feed::Stock, "a.ndjson", &one, Mode::Incremental).await;
    assert_eq!(shop.first("stock").await["availability"], "unknown");
}

#[tokio::test]
async fn a_full_file_again_deletes_nothing_that_was_told_since_it_came() {
    let shop = Shop::open().await;
    shop.app.import(Feed::Products, &[data::product(1)]).await;
    let again = async || {
        shop.lines(Feed::Stock, "stock.ndjson", &[undated(9)], Mode::Full).await;
        let offers = [data::offer(0, 0, "5.50")];
        shop.lines(Feed::Offers, "offers.ndjson", &offers, Mode::Full).await;
    };
    again().await;
    shop.app.clock.advance(HOUR);
    let now = shop.app.clock.now().to_string();
    shop.app.import(Feed::Stock, &[data::level(1, 0, 3, &now)]).await;
    shop.app.import(Feed::Offers, &[data::offer(1, 0, "1.00")]).await;
    again().await;
    for of in ["stock", "offers"] {
        let path = format!("/v1/products/{}/{of}", data::product_id(1));
        let found: Value = shop.app.get(&shop.key.text, &path).await.json().await.unwrap();
        assert_eq!(found["items"].as_array().unwrap().len(), 1, "{of}: {found}");
        assert_ne!(found["items"][0]["availability"], "unknown");
    }
}
