//! What a call costs: told in its answer, summed in the usage, exported to billing, and the same in all.

use crate::support::{NOON, TestApp, TestKey, data};
use comptoir::billing::export::{Format, Summary, export};
use comptoir::feeds::Feed;
use reqwest::{RequestBuilder, Response};
use serde_json::{Value, json};

fn cost(answer: &Response) -> &str {
    answer.headers().get("x-request-cost").map_or("", |cost| cost.to_str().unwrap())
}

/// Makes a call and says its status and what it costs.
async fn call(request: RequestBuilder) -> (u16, String) {
    let answer = request.send().await.unwrap();
    let told = (answer.status().as_u16(), cost(&answer).to_owned());
    // An answer that is not taken in full is free.
    answer.bytes().await.unwrap();
    told
}

struct Shop {
    app: TestApp,
    key: TestKey,
}

impl Shop {
    async fn open() -> Self {
        let app = TestApp::builder().fixed_clock(NOON).start().await;
        app.stock_shelves(12, 3).await;
        let levels: Vec<Value> = (0..11).map(|n| data::level(n, 0, 4, NOON)).collect();
        assert_eq!(app.import(Feed::Stock, &levels).await.rejected, 0);
        app.caught_up().await;
        let key = app.key(json!({})).await;
        Self { app, key }
    }

    fn get(&self, path: &str) -> RequestBuilder {
        self.app.http.get(self.app.public_url(path)).bearer_auth(&self.key.text)
    }

    fn post(&self, path: &str, body: &Value) -> RequestBuilder {
        self.app.http.post(self.app.public_url(path)).bearer_auth(&self.key.text).json(body)
    }

    /// A grid of so many products in so many stores, most of which are not there.
    fn grid(&self, products: u32, stores: u32) -> RequestBuilder {
        let gtins: Vec<String> = (0..products).map(data::gtin13).collect();
        let stores: Vec<String> = (0..stores).map(data::store_id).collect();
        self.post("/v1/stock/query", &json!({ "gtins": gtins, "store_ids": stores }))
    }

    fn lookup(&self, skus: &[u32]) -> RequestBuilder {
        let skus: Vec<Value> = skus.iter().map(|n| json!({ "sku": data::sku(*n) })).collect();
        self.post("/v1/products/lookup", &json!({ "identifiers": skus }))
    }
}

/// The rows of the month and their control totals.
async fn exported(app: &TestApp) -> (Vec<Value>, Summary) {
    let mut out = Vec::new();
    let month: comptoir::metering::period::Period = "2026-11".parse().unwrap();
    let summary = export(&app.db, month, Format::Ndjson, &mut out).await.unwrap();
    let text = String::from_utf8(out).unwrap();
    (text.lines().map(|line| serde_json::from_str(line).unwrap()).collect(), summary)
}

/// What is free has a weight in the export, and no units in the usage: that sums what the answers said.
fn sums(items: &[Value], told: i64) {
    let thousandths = |row: &Value| row["units"].as_str().unwrap().replace('.', "").parse::<i64>();
    assert_eq!(items.iter().map(|row| thousandths(row).unwrap()).sum::<i64>(), told);
    let free = items.iter().find(|row| row["operation_id"] == "list_refusals").unwrap();
    assert_eq!((&free["units"], &free["billable"]), (&json!("0.000"), &json!(false)));
}

#[tokio::test]
async fn the_cost_that_is_told_is_the_cost_that_is_billed() {
    let mut shop = Shop::open().await;
    let fast = format!("/v1/products/{}", data::product_id(0));
    let levels = format!("/v1/stores/{}/stock", data::store_id(0));
    let near = format!("/v1/stock?gtin={}&lat=43.6&lon=1.44", data::gtin13(0));
    let held = shop.get(&fast).send().await.unwrap().headers()["etag"].clone();
    let calls = [
        (shop.get(&fast), 200, "1"),
        (shop.get(&fast).header("if-none-match", held.clone()), 304, "0"),
        (shop.get("/v1/products?limit=3"), 200, "1"),
        (shop.get("/v1/suggest?q=pro"), 200, "0.1"),
        (shop.get("/v1/usage"), 200, "0"),
        (shop.get("/v1/products?limit=0"), 400, "0"),
        (shop.get("/v1/products/prd_00000000000"), 404, "0"),
        (shop.get("/v1/nothing"), 404, "0"),
        // By what is found, each product once.
        (shop.lookup(&[0, 1, 1, 99]), 200, "2"),
        (shop.lookup(&[98, 99]), 200, "0"),
        (shop.lookup(&[]), 400, "0"),
        // By tens of cells, known or not.
        (shop.grid(1, 1), 200, "1"),
        (shop.grid(5, 2), 200, "1"),
        (shop.grid(4, 3), 200, "2"),
        (shop.grid(50, 50), 200, "250"),
        (shop.grid(51, 1), 400, "0"),
        // By tens of levels, and by one unit at least. HEAD costs like GET.
        (shop.get(&levels), 200, "2"),
        (shop.app.http.head(shop.app.public_url(&levels)).bearer_auth(&shop.key.text), 200, "2"),
        (shop.get(&format!("{levels}?limit=10")), 200, "1"),
        (shop.get(&format!("{levels}?availability=out_of_stock")), 200, "1"),
        (shop.get(&format!("{fast}/stock")), 200, "1"),
        (shop.get(&near), 200, "1"),
        (shop.get("/v1/refusals"), 200, "0"),
    ];
    let mut told = 1_000;
    for (request, status, cost) in calls {
        let url = format!("{request:?}");
        assert_eq!(call(request).await, (status, cost.to_owned()), "{url}");
        told += (cost.parse::<f64>().unwrap() * 1_000.0) as i64;
    }
    let test = shop.app.key(json!({ "environment": "test" })).await;
    assert_eq!(cost(&shop.app.get(&test.text, &fast).await), "0");
    assert_eq!(cost(&shop.app.get("cpt_live_nonsense", &fast).await), "0");

    // Those above, one for the tag, and that of the test key.
    shop.app.wait_for_gauge("events_folded_total", 25).await;
    let usage: Value = shop.get("/v1/usage").send().await.unwrap().json().await.unwrap();
    let is_grid = |row: &&Value| row["operation_id"] == "query_stock" && row["status"] == 200;
    let grids = usage["items"].as_array().unwrap().iter().find(is_grid).unwrap();
    assert_eq!((&grids["units"], &grids["billable"]), (&json!("254.000"), &json!(true)));
    sums(usage["items"].as_array().unwrap(), told);
    shop.app.stop().await;
    let (rows, summary) = exported(&shop.app).await;
    assert_eq!(summary.billable.weight_milli, told);
    let lookups: Vec<&Value> = rows
        .iter()
        .filter(|row| row["operation_id"] == "lookup_products" && row["status"] == 200)
        .map(|row| &row["weight_milli"])
        .collect();
    assert_eq!(lookups, [&json!(2_000), &json!(0)]);
    let of_store = rows.iter().filter(|row| row["operation_id"] == "list_store_stock");
    let of_store: Vec<_> = of_store.map(|row| (&row["records"], &row["weight_milli"])).collect();
    let expected = [(11, 2_000), (0, 2_000), (10, 1_000), (0, 1_000)];
    let expected = expected.map(|(records, weight)| (json!(records), json!(weight)));
    assert!(of_store.into_iter().eq(expected.iter().map(|(records, weight)| (records, weight))));
}
