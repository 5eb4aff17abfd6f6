//! Search as partners use it: `q` on the list of products.

use crate::support::{TestApp, TestKey, data, problem};
use comptoir::feeds::Feed;
use comptoir::storage::{Log, log};
use serde_json::{Value, json};

async fn put(app: &TestApp, lines: &[Value]) {
    let report = app.import(Feed::Products, lines).await;
    assert_eq!(report.rejected, 0, "{report}");
    indexed(app).await;
}

/// Waits until searches see what the database holds.
async fn indexed(app: &TestApp) {
    let head = log::head(&app.db, Log::Change).await.unwrap();
    app.wait_for_gauge("search_position", head).await;
}

async fn page(app: &TestApp, key: &TestKey, path: &str) -> Value {
    let answer = app.get(&key.text, path).await;
    let (status, text) = (answer.status(), answer.text().await.unwrap());
    assert_eq!(status, 200, "{path}: {text}");
    serde_json::from_str(&text).unwrap()
}

async fn skus(app: &TestApp, key: &TestKey, filters: &str) -> Vec<String> {
    let (mut next, mut skus) = (Some(format!("/v1/products?{filters}")), Vec::new());
    while let Some(path) = next {
        let page = page(app, key, &path).await;
        let items = page["items"].as_array().unwrap();
        skus.extend(items.iter().map(|item| item["sku"].as_str().unwrap().to_owned()));
        next = page["next"].as_str().map(str::to_owned);
    }
    skus
}

fn pasta() -> [Value; 3] {
    [
        json!({ "sku": "A", "name": "Pâtes spaghetti", "brand": { "name": "Barilla" } }),
        json!({ "sku": "B", "name": "Pâtes penne complètes", "brand": { "name": "Panzani" } }),
        json!({ "sku": "C", "name": "Huile d'olive", "brand": { "name": "Puget" } }),
    ]
}

#[tokio::test]
async fn what_changes_is_found_as_it_is_now() {
    let app = TestApp::start().await;
    let key = app.key(json!({})).await;
    put(&app, &pasta()).await;
    assert_eq!(skus(&app, &key, "q=pates").await, ["A", "B"]);
    assert_eq!(skus(&app, &key, "q=p%C3%A2tes&brand=Panzani").await, ["B"]);
    assert_eq!(skus(&app, &key, "q=huile+d%27olive").await, ["C"]);
    let renamed = json!({ "sku": "A", "name": "Nouilles", "brand": { "name": "Barilla" } });
    put(&app, &[renamed, json!({ "op": "delete", "sku": "C" })]).await;
    assert_eq!(skus(&app, &key, "q=pates").await, ["B"]);
    assert_eq!(skus(&app, &key, "q=nouille").await, ["A"]);
    assert_eq!(skus(&app, &key, "q=huile").await, [""; 0]);
}

#[tokio::test]
async fn a_renamed_category_is_found_by_its_new_name() {
    let app = TestApp::start().await;
    let key = app.key(json!({})).await;
    let category = |name: &str| json!({ "code": "1", "name": name });
    app.import(Feed::Categories, &[category("Quincaillerie")]).await;
    put(&app, &[json!({ "sku": "V", "name": "Vis", "category_codes": ["1"] })]).await;
    assert_eq!(skus(&app, &key, "q=quincaillerie").await, ["V"]);
    app.import(Feed::Categories, &[category("Visserie")]).await;
    indexed(&app).await;
    assert_eq!(skus(&app, &key, "q=visseries").await, ["V"]);
    assert_eq!(skus(&app, &key, "q=quincaillerie").await, [""; 0]);
}

#[tokio::test]
async fn a_walk_of_finds_is_whole_and_bound_to_its_words() {
    let app = TestApp::start().await;
    let key = app.key(json!({})).await;
    let lines: Vec<Value> =
        (0..25).map(|n| json!({ "sku": format!("R{n}"), "name": format!("Riz {n}") })).collect();
    put(&app, &lines).await;
    let first = page(&app, &key, "/v1/products?q=riz&limit=10").await;
    let next = first["next"].as_str().unwrap();
    put(&app, &[json!({ "sku": "X", "name": "Sel" })]).await;
    let mut found = skus(&app, &key, next.strip_prefix("/v1/products?").unwrap()).await;
    let items = first["items"].as_array().unwrap();
    found.extend(items.iter().map(|item| item["sku"].as_str().unwrap().to_owned()));
    found.sort_unstable();
    found.dedup();
    assert_eq!(found.len(), 25);
    let other = next.replace("q=riz", "q=sel");
    problem(app.get(&key.text, &other).await, 400, "invalid_cursor").await;
    let long = format!("/v1/products?q={}", "a".repeat(201));
    let refused = problem(app.get(&key.text, &long).await, 400, "invalid_parameter").await;
    assert_eq!(refused["errors"][0]["code"], "too_long");
}

#[tokio::test]
async fn a_mistyped_word_that_happens_to_be_one_finds_what_is_meant_behind_it() {
    let app = TestApp::start().await;
    let key = app.key(json!({})).await;
    let liquid = |n: u8| json!({ "sku": format!("L{n}"), "name": format!("Jabon Liquido N{n}") });
    let mut lines: Vec<Value> = (0..12).map(liquid).collect();
    lines.push(json!({ "sku": "Q", "name": "Jabon Liq. Citrus" }));
    put(&app, &lines).await;
    let found = skus(&app, &key, "q=jabon+liqido&limit=5").await;
    assert_eq!((found.len(), found.first().map(String::as_str)), (13, Some("Q")));
    let counted = page(&app, &key, "/v1/products?q=jabon+liqido&include_total=true&limit=1").await;
    assert_eq!(counted["total"], 13);
    // What finds as few as are meant stays as it is.
    assert_eq!(skus(&app, &key, "q=citrus").await, ["Q"]);
}

#[tokio::test]
async fn names_are_filters_in_any_case_and_with_or_without_accents() {
    let app = TestApp::start().await;
    let key = app.key(json!({})).await;
    let product = |sku: &str, brand: &str, color: &str| {
        json!({
            "sku": sku, "name": "Moutarde", "brand": { "name": brand },
            "variant_attributes": [{ "name": "color", "value": color }],
        })
    };
    let lines = [
        product("A", "Sénevé Royal", "Crème"),
        product("B", "SENEVE ROYAL", "creme"),
        product("C", "Séneve\u{301}", "noir"),
    ];
    put(&app, &lines).await;
    // The last of each is written with its accents behind their letters.
    for name in ["S%C3%A9nev%C3%A9+Royal", "seneve+royal", "Se%CC%81neve%CC%81+ROYAL"] {
        assert_eq!(skus(&app, &key, &format!("brand={name}&sort=id")).await.len(), 2, "{name}");
    }
    assert_eq!(skus(&app, &key, "brand=seneve").await, ["C"]);
    assert_eq!(skus(&app, &key, "q=S%C3%A9nev%C3%A9&brand=seneve").await, ["C"]);
    for value in ["Cr%C3%A8me", "CREME", "cre%CC%80me"] {
        assert_eq!(skus(&app, &key, &format!("attr.color={value}")).await.len(), 2, "{value}");
    }
    // Brands stay as the catalog has them, and a value is written as most write it.
    let page = page(&app, &key, "/v1/products?facets=brand,attr.color&limit=1").await;
    let values = |facet: &str, member: &str| -> Vec<Value> {
        page["facets"][facet].as_array().unwrap().iter().map(|one| one[member].clone()).collect()
    };
    assert_eq!(values("brand", "count"), [1, 1, 1]);
    assert!(values("brand", "name").contains(&json!("Sénevé Royal")));
    assert_eq!(values("attr.color", "count"), [2, 1]);
}

#[tokio::test]
async fn a_town_is_found_with_or_without_its_accents() {
    let app = TestApp::start().await;
    let key = app.key(json!({})).await;
    let mut store = data::store(0);
    store["address"]["address_locality"] = json!("Besançon");
    let report = app.import(Feed::Stores, &[store]).await;
    assert_eq!(report.rejected, 0, "{report}");
    for (city, found) in
        [("Besan%C3%A7on", 1), ("BESANCON", 1), ("Besanc%CC%A7on", 1), ("Besanconne", 0)]
    {
        let page = page(&app, &key, &format!("/v1/stores?city={city}")).await;
        assert_eq!(page["items"].as_array().unwrap().len(), found, "{city}");
    }
}
