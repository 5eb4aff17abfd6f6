//! A shop with something of everything, and calls of all operations that read it.

use crate::support::{NOON, TestApp, TestKey, data};
use comptoir::feeds::Feed;
use comptoir::kernel::id::PromotionId;
use comptoir::storage::{Log, log};
use serde_json::{Value, json};

/// A call: operation, path and, where it is posted, a body.
pub(super) type Call = (&'static str, String, Option<Value>);

/// Ten products in three stores; an eleventh was, as was a fourth store.
pub(super) struct Shop {
    pub(super) app: TestApp,
}

/// Even products are drills of Nord, odd ones cheese of Sud, two and two of a group.
fn product(n: u32) -> Value {
    let mut product = data::product(n);
    let power = json!({ "property_id": "power", "name": "Puissance", "value": if n.is_multiple_of(2) { "650" } else { "Sud 3" } });
    product["additional_property"] = json!([power]);
    product["condition"] = json!("new");
    product["item_group_id"] = json!(format!("group {}", n / 4));
    if n == 10 {
        product["replaced_by_sku"] = json!(data::sku(1));
    }
    product
}

fn store(n: u32) -> Value {
    let mut store = data::store(n);
    if n > 0 {
        store["address"]["postal_code"] = json!("13001");
    }
    store
}

fn promotion(code: &str, more: Value) -> Value {
    let mut line = data::promotion(code, code);
    if let Value::Object(more) = more {
        line.as_object_mut().unwrap().extend(more);
    }
    line
}

impl Shop {
    pub(super) async fn open() -> Self {
        let app = TestApp::builder().fixed_clock(NOON).start().await;
        let offers = (0..10).flat_map(|n| {
            let own = data::offer(n, 0, &format!("{}.00", 20 + n));
            [own, data::offer(n, 1, "1.10"), data::offer(n, 2, "1.10")]
        });
        let levels = (0..10).flat_map(|n| {
            [data::level(n, 0, 9, NOON), data::level(n, 1, 0, NOON), data::level(n, 2, 0, NOON)]
        });
        let promotions = [
            promotion("all", json!({ "title": "Partout" })),
            promotion(
                "tools",
                json!({ "title": "Outils", "applies_to": { "category_codes": ["tools"] } }),
            ),
            promotion(
                "cheese",
                json!({ "title": "Fromage en fête", "applies_to": { "skus": [data::sku(1)] } }),
            ),
            promotion("port", json!({ "title": "Au port", "store_codes": ["0002"] })),
        ];
        for (feed, lines) in [
            (Feed::Categories, data::categories()),
            (Feed::Products, (0..11).map(product).collect()),
            (Feed::Stores, (0..4).map(store).collect()),
            (Feed::Offers, offers.collect()),
            (Feed::Stock, levels.collect()),
            (Feed::Promotions, promotions.to_vec()),
            (Feed::Products, vec![json!({ "op": "delete", "sku": data::sku(10) })]),
            (Feed::Stores, vec![json!({ "op": "delete", "store_code": "0003" })]),
        ] {
            let report = app.import(feed, &lines).await;
            assert_eq!(report.rejected, 0, "{report}");
        }
        app.caught_up().await;
        let head = log::head(&app.db, Log::Change).await.unwrap();
        app.wait_for_gauge("search_position", head).await;
        Self { app }
    }

    /// A key under a new plan that includes some data, and the plan.
    pub(super) async fn key(&self, data: &Value) -> (TestKey, String) {
        let limits = json!([{ "name": "burst", "quota": 1_000_000, "window_s": 1 }]);
        let plan = self.app.plan(limits).await;
        let patch = json!({ "data": data });
        self.app.admin_ok("PATCH", &format!("/admin/v1/plans/{plan}"), Some(patch)).await;
        (self.app.key_under(&plan, json!({})).await, plan)
    }

    pub(super) fn promotion(&self, code: &str) -> String {
        PromotionId::derived(code).to_string()
    }

    /// Status and body of a call.
    pub(super) async fn call(&self, key: &TestKey, (_, path, body): &Call) -> (u16, String) {
        match body {
            Some(body) => self.post(key, path, body.to_string()).await,
            None => {
                let answer = self.app.get(&key.text, path).await;
                (answer.status().as_u16(), answer.text().await.unwrap())
            }
        }
    }

    pub(super) async fn post(&self, key: &TestKey, path: &str, body: String) -> (u16, String) {
        let request = self.app.http.post(self.app.public_url(path)).bearer_auth(&key.text);
        let request = request.header("content-type", "application/json").body(body);
        let answer = request.send().await.unwrap();
        (answer.status().as_u16(), answer.text().await.unwrap())
    }
}

/// Lists that can be counted, about a product and a store.
pub(super) fn lists(product: u32, store: u32) -> Vec<String> {
    let (product, store) = (data::product_id(product), data::store_id(store));
    let near = "lat=43.6&lon=1.44";
    [
        "/v1/products?".to_owned(),
        "/v1/products?q=produit&".into(),
        "/v1/products?sort=-price,name&".into(),
        "/v1/products?availability=in_stock&max_price=25&".into(),
        "/v1/products?attr.power=650&".into(),
        "/v1/categories?".into(),
        "/v1/stores?".into(),
        format!("/v1/stores?{near}&"),
        format!("/v1/stores?items={product}:2&"),
        "/v1/promotions?".into(),
        format!("/v1/products/{product}/offers?"),
        format!("/v1/stores/{store}/offers?"),
        format!("/v1/products/{product}/stock?"),
        format!("/v1/stores/{store}/stock?"),
        format!("/v1/stock?{near}&product_id={product}&"),
    ]
    .map(|path| path + "include_total=true")
    .to_vec()
}

/// Every item of a list, some to a page, and the total that its pages tell.
pub(super) async fn walk(shop: &Shop, key: &TestKey, path: &str) -> (Vec<Value>, Option<u64>) {
    let separator = if path.contains('?') { '&' } else { '?' };
    let (mut next, mut items, mut total) =
        (Some(format!("{path}{separator}limit=2")), Vec::new(), None);
    while let Some(path) = next {
        let answer = shop.app.get(&key.text, &path).await;
        let (status, text) = (answer.status(), answer.text().await.unwrap());
        assert_eq!(status, 200, "{path}: {text}");
        let page: Value = serde_json::from_str(&text).unwrap();
        items.extend(page["items"].as_array().unwrap().iter().cloned());
        total = page["total"].as_u64();
        next = page["next"].as_str().map(str::to_owned);
    }
    (items, total)
}

/// Calls of every operation that reads the catalog, prices, stores and stock, naming these products and
/// stores alone.
pub(super) fn calls(products: &[u32], stores: &[u32]) -> Vec<Call> {
    let mut calls: Vec<Call> = Vec::new();
    let mut get = |operation, path: String| calls.push((operation, path, None));
    let embed = "embed=offers,stock,category,variants";
    for path in [
        "",
        "?sort=-price,name&limit=3",
        "?q=produit",
        "?q=outillage",
        "?facets=brand,category_id,price,availability,condition,status,attr.power&include_descendants=true",
        "?include_total=true&availability=in_stock,out_of_stock,unknown",
        &format!("?{embed}"),
        "?fields=id,brand.name",
        "?item_group_id=group+0",
    ] {
        get("list_products", format!("/v1/products{path}"));
    }
    for q in ["pro", "s", "n", "f", "o", "p"] {
        get("list_suggestions", format!("/v1/suggest?q={q}&limit=20"));
    }
    for path in ["/v1/categories", "/v1/categories?include_total=true&fields=name,path"] {
        get("list_categories", path.to_owned());
    }
    get("get_category", format!("/v1/categories/{}", data::category_id("drills")));
    get("get_category_tree", "/v1/categories/tree".to_owned());
    for path in ["", "?lat=43.6&lon=1.44&include_total=true", "?country=FR"] {
        get("list_stores", format!("/v1/stores{path}"));
    }
    get("list_promotions", "/v1/promotions".to_owned());
    get("get_promotion", format!("/v1/promotions/{}", PromotionId::derived("all")));
    for n in products {
        let id = data::product_id(*n);
        get("get_product", format!("/v1/products/{id}"));
        get("get_product", format!("/v1/products/{id}?{embed}"));
        get("get_product_by_gtin", format!("/v1/products/gtin/{}", data::gtin13(*n)));
        get("get_product_by_sku", format!("/v1/products/sku/{}?{embed}", data::sku(*n)));
        get("list_product_offers", format!("/v1/products/{id}/offers?include_total=true"));
        get("list_product_stock", format!("/v1/products/{id}/stock?include_total=true"));
        get("list_price_history", format!("/v1/products/{id}/price-history?limit=1"));
        get("list_price_history", format!("/v1/products/{id}/price-history"));
        get("list_stock", format!("/v1/stock?lat=43.6&lon=1.44&product_id={id}"));
        get("list_stores", format!("/v1/stores?items={id}"));
    }
    for n in stores {
        let id = data::store_id(*n);
        get("get_store", format!("/v1/stores/{id}"));
        get("list_store_offers", format!("/v1/stores/{id}/offers?include_total=true"));
        get("list_store_stock", format!("/v1/stores/{id}/stock?include_total=true"));
        get("list_products", format!("/v1/products?store_id={id}&sort=price"));
    }
    let ids: Vec<Value> = products.iter().map(|n| json!({ "id": data::product_id(*n) })).collect();
    let lookup = json!({ "identifiers": ids, "embed": "offers,stock,category,variants" });
    calls.push(("lookup_products", "/v1/products/lookup".to_owned(), Some(lookup)));
    let gtins: Vec<String> = products.iter().map(|n| data::gtin13(*n)).collect();
    let stores: Vec<String> = stores.iter().map(|n| data::store_id(*n)).collect();
    let grid = json!({ "gtins": gtins, "store_ids": stores });
    calls.push(("query_stock", "/v1/stock/query".to_owned(), Some(grid)));
    calls
}

#[test]
fn every_operation_that_reads_the_data_is_called() {
    let others =
        ["changes", "exports", "customers", "consents", "feeds", "subscriptions", "usage", "none"];
    let calls = calls(&[0], &[0]);
    for operation in comptoir::access::operation::OPERATIONS {
        let is_called = calls.iter().any(|(id, ..)| *id == operation.id);
        assert_eq!(is_called, !others.contains(&operation.api), "{}", operation.id);
    }
}
