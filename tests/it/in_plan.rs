//! What of the data a plan includes, at every operation that reads the catalog, prices, stores and stock: what is
//! left out is nowhere.

mod fields;
mod shop;

use crate::support::{TestKey, data, problem};
use serde_json::{Value, json};
use shop::{Shop, calls, walk};
use std::collections::BTreeMap;

/// Plans that leave something out, with what must then be nowhere.
fn plans() -> Vec<(&'static str, Value, Vec<String>)> {
    let odd = || [1, 3, 5, 7, 9];
    let cheese = || {
        let products = odd().into_iter().flat_map(|n| {
            [data::product_id(n), data::sku(n), data::gtin13(n), format!("\"Produit {n}\"")]
        });
        products.chain(["Sud".to_owned(), "Fromage en fête".to_owned()]).collect::<Vec<_>>()
    };
    let mut others = cheese();
    others.extend(["Fromages".to_owned(), data::category_id("cheese"), "Outillage".to_owned()]);
    let stores = || {
        let ids = [1, 2].into_iter().flat_map(|n| [data::store_id(n), format!("Magasin {n}")]);
        ids.chain(["\"1.10\"".to_owned(), "Au port".to_owned()]).collect::<Vec<_>>()
    };
    let all = [others.clone(), stores()].concat();
    let some = json!({
        "category_ids": ["drills"], "brand_ids": ["Nord"], "store_ids": ["0000"],
        "fields": { "product": ["name", "brand", "category_ids"], "offer": ["price"] },
    });
    vec![
        ("category", json!({ "category_ids": ["drills"] }), others),
        ("brand", json!({ "brand_ids": ["nord"] }), cheese()),
        ("store", json!({ "store_ids": ["0000"] }), stores()),
        ("all", some, all),
    ]
}

#[tokio::test]
async fn what_is_left_out_is_in_no_answer() {
    let shop = Shop::open().await;
    for (name, data, absent) in plans() {
        let (key, _) = shop.key(&data).await;
        for call in calls(&[0, 2, 4, 6, 8], &[0]) {
            let (status, body) = shop.call(&key, &call).await;
            let may = status == 200 || name == "all" && status == 403;
            assert!(may, "{name}: {call:?}: {status} {body}");
            // A sealed id may spell anything.
            let sealed = body.split_once("\"refusal_id\":").map_or(&*body, |(before, _)| before);
            for text in &absent {
                assert!(!sealed.contains(text.as_str()), "{name}: {call:?}: {text} in {body}");
            }
        }
    }
}

#[tokio::test]
async fn everything_is_told_to_who_may_know_it() {
    let shop = Shop::open().await;
    let everything = shop.app.key(json!({})).await;
    let calls = calls(&[0, 1, 2, 3], &[0, 1, 2]);
    let mut before = Vec::new();
    for call in &calls {
        let (status, body) = shop.call(&everything, call).await;
        assert_eq!(status, 200, "{call:?}: {body}");
        before.push(body);
    }
    let seen = before.concat();
    for (_, data, absent) in plans() {
        shop.key(&data).await;
        // The sweep for what is left out finds what is there.
        for text in &absent {
            assert!(seen.contains(text.as_str()), "{text} is nowhere at all");
        }
    }
    for (call, before) in calls.iter().zip(before) {
        assert_eq!(shop.call(&everything, call).await.1, before, "{call:?}");
    }
}

/// What a problem says beside its own ids.
async fn told(answer: reqwest::Response, names: &str) -> String {
    let mut problem = problem(answer, 404, "not_found").await;
    for name in ["instance", "request_id"] {
        problem[name].take();
    }
    problem.to_string().replace(names, "…")
}

#[tokio::test]
async fn what_is_left_out_answers_as_what_never_was() {
    let shop = Shop::open().await;
    let data = json!({ "category_ids": ["drills"], "store_ids": ["0000"] });
    let (key, _) = shop.key(&data).await;
    let (cheese, gone) = (data::category_id("cheese"), data::product_id(10));
    let unknown = |n| (data::product_id(n), data::gtin13(n), data::sku(n), data::store_id(n));
    let ((product, gtin, sku, store), (p, g, s, o)) = (unknown(1), unknown(77));
    let nowhere = data::category_id("nowhere");
    for (path, out, never) in [
        ("/v1/products/…", &product, &p),
        ("/v1/products/…", &gone, &p),
        ("/v1/products/…?fields=id", &product, &p),
        ("/v1/products/sku/…", &sku, &s),
        ("/v1/products/…/offers", &product, &p),
        ("/v1/products/…/stock", &product, &p),
        ("/v1/products/…/price-history", &product, &p),
        ("/v1/stock?lat=43.6&lon=1.44&product_id=…", &product, &p),
        ("/v1/stores/…", &store, &o),
        ("/v1/stores/…/offers", &store, &o),
        ("/v1/stores/…/stock", &store, &o),
        ("/v1/categories/…", &cheese, &nowhere),
        ("/v1/categories/tree?root=…", &cheese, &nowhere),
        ("/v1/promotions/…", &shop.promotion("cheese"), &shop.promotion("none")),
        ("/v1/promotions/…", &shop.promotion("port"), &shop.promotion("none")),
    ] {
        let of = async |id: &String| shop.app.get(&key.text, &path.replace('…', id)).await;
        assert_eq!(told(of(out).await, out).await, told(of(never).await, never).await, "{path}");
    }
    // A GTIN is told in 14 digits.
    for (path, out, never) in
        [("/v1/products/gtin/…", &gtin, &g), ("/v1/stock?lat=43.6&lon=1.44&gtin=…", &gtin, &g)]
    {
        let of = async |id: &String| shop.app.get(&key.text, &path.replace('…', id)).await;
        let (one, other) = (told(of(out).await, out).await, told(of(never).await, never).await);
        assert_eq!(one, other, "{path}");
    }
    filters(
        &shop,
        &key,
        [(&product, &p), (&gtin, &g), (&sku, &s), (&store, &o), (&cheese, &nowhere)],
    )
    .await;
}

/// Filters and bodies that name what is left out find what those find that name what never was.
async fn filters(shop: &Shop, key: &TestKey, names: [(&String, &String); 5]) {
    let [product, gtin, sku, store, category] = names;
    let (included, tools) = (data::product_id(0), data::category_id("tools"));
    for (path, (out, never)) in [
        ("/v1/products?store_id=…&include_total=true".to_owned(), store),
        ("/v1/products?sku=…&include_total=true".into(), sku),
        ("/v1/products?gtin=…&facets=brand,price".into(), gtin),
        ("/v1/products?category_id=…&include_total=true".into(), category),
        ("/v1/products?category_id=…&include_descendants=true&facets=brand".into(), category),
        ("/v1/products?category_id=…&include_descendants=true".into(), (&tools, category.1)),
        ("/v1/categories?parent_id=…".into(), (&tools, category.1)),
        ("/v1/categories?parent_id=…&include_total=true".into(), category),
        ("/v1/promotions?store_id=…".into(), store),
        ("/v1/promotions?product_id=…".into(), product),
        (format!("/v1/products/{included}/offers?store_id=…&include_total=true"), store),
        (format!("/v1/products/{included}/stock?store_id=…&include_total=true"), store),
        (format!("/v1/products/{included}/price-history?store_id=…"), store),
        (format!("/v1/products/{included}?embed=offers,stock&store_id=…"), store),
        ("/v1/stores?items=…".into(), gtin),
        ("/v1/stores?items=…".into(), product),
    ] {
        let mut told = Vec::new();
        for name in [out, never] {
            let answer = shop.app.get(&key.text, &path.replace('…', name)).await;
            let (status, mut body) = (answer.status(), answer.json::<Value>().await.expect("JSON"));
            for name in ["instance", "request_id"] {
                body[name].take();
            }
            told.push((status, body.to_string().replace(name.as_str(), "…")));
        }
        assert_eq!(told[0], told[1], "{path}");
    }
    for (path, body) in [
        (
            "/v1/products/lookup",
            json!({ "identifiers": [{ "id": "P" }, { "gtin": "G" }, { "sku": "S" }] }),
        ),
        ("/v1/stock/query", json!({ "product_ids": ["P"], "gtins": ["G"], "store_ids": ["O"] })),
        ("/v1/stock/query", json!({ "product_ids": [included], "store_ids": ["O"] })),
    ] {
        let mut told = Vec::new();
        for nth in [0, 1] {
            let name = |(out, never): (&String, &String)| {
                if nth == 0 { out.clone() } else { never.clone() }
            };
            let names = [("P", product), ("G", gtin), ("S", sku), ("O", store)];
            let body = names.iter().fold(body.to_string(), |body, (mark, pair)| {
                body.replace(&format!("\"{mark}\""), &format!("\"{}\"", name(*pair)))
            });
            let (status, body) = shop.post(key, path, body).await;
            assert_eq!(status, 200, "{path}: {body}");
            let body =
                names.iter().fold(body, |body, (mark, pair)| body.replace(&name(*pair), mark));
            told.push(body);
        }
        assert_eq!(told[0], told[1], "{path}");
    }
}

#[tokio::test]
async fn totals_are_what_a_walk_finds_and_facets_count_what_is_included() {
    let shop = Shop::open().await;
    for (name, data, _) in plans().into_iter().take(3) {
        let (key, _) = shop.key(&data).await;
        for path in shop::lists(0, 0) {
            let (items, total) = walk(&shop, &key, &path).await;
            assert_eq!(total, Some(items.len() as u64), "{name}: {path}");
        }
        let facets =
            "/v1/products?facets=brand,category_id,price,availability,condition,attr.power";
        let answer: Value = shop.app.get(&key.text, facets).await.json().await.unwrap();
        let count = |facet: &str| {
            let values = answer["facets"][facet].as_array().unwrap().iter();
            values.map(|value| value["count"].as_u64().unwrap()).collect::<Vec<_>>()
        };
        let (each, all) = if name == "store" { (vec![5, 5], 10) } else { (vec![5], 5) };
        for (facet, counts) in [("brand", &each), ("category_id", &each), ("price", &vec![all])] {
            assert_eq!(count(facet), *counts, "{name}: {facet}: {answer}");
        }
        assert_eq!(count("condition"), [all], "{name}: {answer}");
        assert_eq!(count("attr.power"), each, "{name}: {answer}");
        // In the first store a product costs 20 and its number; elsewhere all cost 1.10.
        let from = if name == "store" { "20.00" } else { "1.00" };
        assert_eq!(answer["facets"]["price"][0]["from"], from, "{name}: {answer}");
    }
}

#[tokio::test]
async fn prices_and_stock_are_those_of_the_included_stores() {
    let shop = Shop::open().await;
    let (key, _) = shop.key(&json!({ "store_ids": ["0000"] })).await;
    let everything = shop.app.key(json!({})).await;
    let found = async |key: &TestKey, filters: &str| {
        walk(&shop, key, &format!("/v1/products?{filters}&fields=sku")).await.0.len()
    };
    for (filters, of_all, of_one) in [
        ("max_price=2", 10, 0),
        ("min_price=20", 0, 10),
        ("channel=in_store", 10, 10),
        ("availability=out_of_stock", 10, 0),
        ("availability=in_stock", 10, 10),
    ] {
        let told = (found(&everything, filters).await, found(&key, filters).await);
        assert_eq!(told, (of_all, of_one), "{filters}");
    }
    let stores = walk(&shop, &key, "/v1/stores?lat=43.6&lon=1.44&include_total=true").await;
    assert_eq!((stores.0.len(), stores.1), (1, Some(1)));
    // The postal code of other stores alone is no place for who does not know these.
    let path = "/v1/stores?country=FR&postal_code=13001&radius_km=5";
    assert_eq!(shop.app.get(&everything.text, path).await.status(), 200);
    problem(shop.app.get(&key.text, path).await, 400, "invalid_parameter").await;
}

#[tokio::test]
async fn a_category_shows_what_is_included_of_the_tree() {
    let shop = Shop::open().await;
    let drills = data::category_id("drills");
    let (key, _) = shop.key(&json!({ "category_ids": ["drills"] })).await;
    let get = async |key: &TestKey, path: &str| -> Value {
        shop.app.get(&key.text, path).await.json().await.unwrap()
    };
    let one = get(&key, &format!("/v1/categories/{drills}")).await;
    assert_eq!((&one["level"], &one["product_count"]), (&json!(2), &json!(5)));
    assert_eq!(one["path"].as_array().unwrap().len(), 1, "{one}");
    let tree = get(&key, "/v1/categories/tree").await;
    assert_eq!(tree["items"].as_array().unwrap().len(), 1, "{tree}");
    assert_eq!((&tree["items"][0]["id"], &tree["items"][0]["level"]), (&json!(drills), &json!(2)));
    // What is below a category is included with it.
    let (key, _) = shop.key(&json!({ "category_ids": ["tools"] })).await;
    let tree = get(&key, "/v1/categories/tree").await;
    assert_eq!(tree["items"][0]["children"][0]["id"], json!(drills));
    // How many products of some brands there are cannot be told.
    let (key, _) = shop.key(&json!({ "brand_ids": ["Nord"] })).await;
    let told = get(&key, "/v1/categories").await.to_string();
    let tree = get(&key, "/v1/categories/tree").await.to_string();
    assert!(told.contains("Fromages") && !told.contains("count"), "{told}");
    assert!(!tree.contains("product_count") && !tree.contains("total_count"), "{tree}");
}

#[tokio::test]
async fn what_is_deleted_is_told_to_who_keeps_a_copy() {
    let shop = Shop::open().await;
    let (key, _) = shop.key(&json!({ "category_ids": ["drills"], "store_ids": ["0000"] })).await;
    let since = "updated_since=2000-01-01T00:00:00Z&include_deleted=true";
    let mut told = BTreeMap::new();
    for list in ["products", "categories", "stores", "promotions"] {
        let (items, _) = walk(&shop, &key, &format!("/v1/{list}?{since}")).await;
        let gone = items.iter().filter(|item| item["deleted"] == true).cloned();
        told.insert(list, (items.len(), gone.collect::<Vec<_>>()));
    }
    assert_eq!(told["products"].0, 6);
    let gone = &told["products"].1[0];
    assert_eq!((&gone["id"], &gone["replaced_by"]), (&json!(data::product_id(10)), &Value::Null));
    // Of a deleted store it can be told that it was none of the plan's.
    assert_eq!((told["stores"].0, told["stores"].1.len()), (1, 0));
    assert_eq!(told["categories"].0, 1);
}

#[tokio::test]
async fn a_change_of_the_plan_is_in_force_at_once() {
    let shop = Shop::open().await;
    let (key, plan) = shop.key(&json!({ "category_ids": ["drills"] })).await;
    let path = format!("/v1/products/{}", data::product_id(1));
    for (data, status) in [
        (json!({ "category_ids": ["drills", "cheese"] }), 200),
        (json!({ "brand_ids": ["Nord"] }), 404),
        (Value::Null, 200),
        (json!({ "brand_ids": ["Nord"] }), 404),
        (json!({}), 200),
    ] {
        let patch = json!({ "data": data });
        shop.app.admin_ok("PATCH", &format!("/admin/v1/plans/{plan}"), Some(patch)).await;
        assert_eq!(shop.app.get(&key.text, &path).await.status(), status, "{data}");
    }
    let told = shop.app.admin_ok("GET", &format!("/admin/v1/plans/{plan}"), None).await;
    assert_eq!((&told["data"], &told["version"]), (&json!({}), &json!(7)));
}

#[tokio::test]
async fn a_call_of_a_product_is_taken_from_the_limits_once() {
    let shop = Shop::open().await;
    let (key, plan) = shop.key(&json!({ "category_ids": ["drills"] })).await;
    let limits = json!([{ "name": "day", "quota": 1_000, "period": "day" }]);
    let path = format!("/admin/v1/plans/{plan}");
    shop.app.admin_ok("PATCH", &path, Some(json!({ "limits": limits }))).await;
    let mut left = Vec::new();
    for _ in 0..3 {
        let path = format!("/v1/products/{}", data::product_id(0));
        let answer = shop.app.get(&key.text, &path).await;
        assert_eq!(answer.status(), 200);
        let limit = answer.headers()["ratelimit"].to_str().unwrap();
        let rest = limit.split(';').find_map(|part| part.trim().strip_prefix("r=")).unwrap();
        left.push(rest.parse::<i64>().unwrap());
    }
    assert_eq!((left[0] - left[1], left[1] - left[2]), (1, 1), "{left:?}");
}
