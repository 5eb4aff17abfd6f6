//! Texts in the language that a client asks for.

use crate::support::{NOON, TestApp, TestKey, data, problem};
use comptoir::feeds::Feed;
use comptoir::storage::{Log, log};
use serde_json::{Value, json};

async fn shop() -> (TestApp, TestKey) {
    let app = TestApp::builder().set("CATALOG__LANGUAGE", "fr").fixed_clock(NOON).start().await;
    app.stock_shelves(3, 1).await;
    app.import(Feed::Products, &[data::product_in_full(0)]).await;
    let drills = json!({ "code": "drills", "name": "Perceuses", "parent_code": "tools", "translations": { "en": { "name": "Drills" }, "es": {} } });
    let tools =
        json!({ "code": "tools", "name": "Outils", "translations": { "en": { "name": "Tools" } } });
    app.import(Feed::Categories, &[tools, drills]).await;
    let promotion = json!({
        "code": "P1", "title": "Un acheté, un offert", "type": "percent_off", "value": "50",
        "translations": { "en": { "title": "Buy one, get one free" } },
    });
    app.import(Feed::Promotions, &[promotion]).await;
    let key = app.key(json!({})).await;
    (app, key)
}

async fn get(app: &TestApp, key: &TestKey, path: &str, languages: &str) -> reqwest::Response {
    let request = app.http.get(app.public_url(path)).bearer_auth(&key.text);
    let answer = request.header("accept-language", languages).send().await.unwrap();
    assert_eq!(answer.status(), 200, "{path}");
    assert!(answer.headers()["vary"].to_str().unwrap().contains("accept-language"), "{path}");
    answer
}

async fn told(app: &TestApp, key: &TestKey, path: &str, languages: &str) -> (Value, String) {
    let answer = get(app, key, path, languages).await;
    let language = answer.headers().get("content-language");
    let language = language.map_or_else(String::new, |l| l.to_str().unwrap().to_owned());
    (answer.json().await.unwrap(), language)
}

#[tokio::test]
async fn a_product_speaks_the_language_that_is_asked_for_and_else_the_shops_own() {
    let (app, key) = shop().await;
    let path = format!("/v1/products/{}", data::product_id(0));
    for (asked, name, language) in [
        ("en", "Product 0", "en"),
        ("en-US, fr;q=0.8", "Product 0", "en"),
        ("de, pt;q=0.5, en;q=0.4", "Produto 0", "pt-BR"),
        ("fr-CA, en;q=0.9", "Produit 0", "fr"),
        ("ja", "Produit 0", "fr"),
        ("en;Q=0.1, pt;Q=0.9", "Produto 0", "pt-BR"),
    ] {
        let (product, told) = told(&app, &key, &path, asked).await;
        assert_eq!((&product["name"], told.as_str()), (&json!(name), language), "{asked}");
        assert!(product.get("translations").is_none(), "{asked}");
    }
    let (english, _) = told(&app, &key, &path, "en").await;
    assert_eq!(english["description"], json!({ "plain": "A drill.", "html": null }));
    assert_eq!(english["link"], "https://www.example.com/en/p/1");
    let (portuguese, _) = told(&app, &key, &path, "pt-BR").await;
    assert_eq!(portuguese["description"]["plain"], "Une perceuse.");

    // Who names no language gets them all.
    let plain: Value = app.get(&key.text, &path).await.json().await.unwrap();
    let too_long = format!("en-{}", "x".repeat(40));
    let mut all = vec![plain];
    for none in ["*", "*;q=0.5", "", " , ", &too_long] {
        all.push(told(&app, &key, &path, none).await.0);
    }
    for whole in all {
        assert_eq!(whole["name"], "Produit 0");
        assert_eq!(whole["translations"]["pt-BR"], json!({ "name": "Produto 0" }));
    }
    // No more ranges are read than anybody has a use for.
    let many = format!("{}en", "ja,".repeat(20));
    assert_eq!(told(&app, &key, &path, &many).await.0["name"], "Produit 0");
    // A product without translations is in the shop's own language.
    let other = format!("/v1/products/{}", data::product_id(1));
    assert_eq!(told(&app, &key, &other, "en").await.1, "fr");
}

#[tokio::test]
async fn an_answer_in_a_language_has_a_validator_of_its_own() {
    let (app, key) = shop().await;
    let path = format!("/v1/products/{}", data::product_id(0));
    let english = get(&app, &key, &path, "en").await.headers()["etag"].clone();
    let french = get(&app, &key, &path, "fr").await.headers()["etag"].clone();
    assert_ne!(english, french);
    let held = app.http.get(app.public_url(&path)).bearer_auth(&key.text);
    let held = held.header("accept-language", "en").header("if-none-match", &english);
    assert_eq!(held.send().await.unwrap().status(), 304);
}

#[tokio::test]
async fn lists_trees_embedded_parts_and_cut_documents_speak_it_too() {
    let (app, key) = shop().await;
    let en = |path: String| {
        let (app, key) = (&app, &key);
        async move { told(app, key, &path, "en").await }
    };
    let (page, language) = en("/v1/products?item_group_id=perceuses&fields=name,sku".into()).await;
    assert_eq!(page["items"], json!([{ "sku": data::sku(0), "name": "Product 0" }]));
    assert_eq!(language, "en");
    let path = format!("/v1/products/{}?fields=name&embed=category", data::product_id(0));
    let (product, _) = en(path.replace("fields=name", "fields=name,categories.path.name")).await;
    let steps = json!([{ "name": "Tools" }, { "name": "Drills" }]);
    assert_eq!(product, json!({ "name": "Product 0", "categories": [{ "path": steps }] }));

    let (tree, _) = en("/v1/categories/tree".into()).await;
    let tools = tree["items"].as_array().unwrap().iter().find(|node| node["name"] == "Tools");
    assert_eq!(tools.unwrap()["children"][0]["name"], "Drills");
    let (promotions, _) = en("/v1/promotions".into()).await;
    assert_eq!(promotions["items"][0]["title"], "Buy one, get one free");

    let asked = json!({ "identifiers": [{ "sku": data::sku(0) }], "fields": "name" });
    let request = app.http.post(app.public_url("/v1/products/lookup")).bearer_auth(&key.text);
    let found = request.header("accept-language", "en").json(&asked).send().await.unwrap();
    assert_eq!(found.headers()["content-language"], "en");
    let found: Value = found.json().await.unwrap();
    assert_eq!(found["items"][0]["name"], "Product 0");

    let request = app.http.get(app.public_url("/v1/categories?fields=name")).bearer_auth(&key.text);
    let request = request.header("accept-language", "en").header("accept", "text/csv");
    let rows = request.send().await.unwrap().text().await.unwrap();
    assert!(rows.contains("Drills") && !rows.contains("Perceuses"), "{rows}");
}

#[tokio::test]
async fn suggestions_and_facets_speak_it_too() {
    let (app, key) = shop().await;
    let head = log::head(&app.db, Log::Change).await.unwrap();
    app.wait_for_gauge("search_position", head).await;
    let suggest = async |typed: &str, languages: &str| {
        let (found, _) = told(&app, &key, &format!("/v1/suggest?q={typed}"), languages).await;
        found["items"].as_array().unwrap().clone()
    };
    // Typed in the shop's language or in the one that is asked for, answered in that.
    for (typed, asked, text) in [
        ("per", "en-GB", "Drills"),
        ("per", "ja", "Perceuses"),
        ("per", "fr, en;q=0.5", "Perceuses"),
        ("dril", "en-GB", "Drills"),
    ] {
        let found = suggest(typed, asked).await;
        let category = found.iter().find(|one| one["type"] == "category").unwrap();
        assert_eq!((&category["text"], category.get("translations")), (&json!(text), None));
    }
    // A third language is neither.
    assert!(suggest("dril", "fr").await.iter().all(|one| one["type"] != "category"));
    let found = suggest("product", "en").await;
    assert_eq!((found.len(), &found[0]["text"]), (1, &json!("Product 0")));
    let all: Value =
        app.get(&key.text, "/v1/suggest?q=per&types=category").await.json().await.unwrap();
    assert_eq!(all["items"][0]["translations"], json!({ "en": { "text": "Drills" } }));

    let path = "/v1/products?facets=category_id,brand&item_group_id=perceuses&fields=id";
    let (page, language) = told(&app, &key, path, "en").await;
    let drills = &page["facets"]["category_id"][0];
    assert_eq!((&drills["name"], drills.get("translations")), (&json!("Drills"), None));
    assert_eq!((&page["facets"]["brand"][0]["name"], &*language), (&json!("Nord"), "en"));
    assert_eq!(
        told(&app, &key, path, "es").await.0["facets"]["category_id"][0]["name"],
        "Perceuses"
    );
    let plain: Value = app.get(&key.text, path).await.json().await.unwrap();
    let translations = &plain["facets"]["category_id"][0]["translations"];
    assert_eq!(translations, &json!({ "en": { "name": "Drills" } }));
    // A category is found by its name in another language, and so are its products.
    let found: Value = app.get(&key.text, "/v1/products?q=tools").await.json().await.unwrap();
    assert!(found["items"].as_array().unwrap().iter().any(|one| one["sku"] == data::sku(0)));
}

#[tokio::test]
async fn an_answer_tells_its_language_also_where_nothing_is_translated() {
    let app = TestApp::builder().set("CATALOG__LANGUAGE", "fr").start().await;
    app.stock_shelves(2, 1).await;
    let key = app.key(json!({})).await;
    let item = format!("/v1/products/{}", data::product_id(0));
    for path in [
        "/v1/suggest?q=per&types=category",
        "/v1/suggest?q=zzz&types=brand,category",
        "/v1/categories/tree",
        "/v1/categories",
        "/v1/stores",
        &item,
    ] {
        assert_eq!(told(&app, &key, path, "en").await.1, "fr", "{path}");
        let plain = app.get(&key.text, path).await;
        assert!(!plain.headers().contains_key("content-language"), "{path}");
    }
    let asked = json!({ "identifiers": [{ "sku": data::sku(0) }, { "sku": "none" }] });
    let request = app.http.post(app.public_url("/v1/products/lookup")).bearer_auth(&key.text);
    let found = request.header("accept-language", "en").json(&asked).send().await.unwrap();
    assert_eq!(found.headers()["content-language"], "fr");
    // What has no texts of the retailer is in no language.
    assert_eq!(told(&app, &key, "/v1/usage", "en").await.1, "");
}

#[tokio::test]
async fn who_holds_a_copy_gets_every_language() {
    let (app, key) = shop().await;
    let path = "/v1/changes?after=0&types=product&embed=resource&limit=500";
    let (changes, _) = told(&app, &key, path, "en").await;
    let items = changes["items"].as_array().unwrap();
    let product = items.iter().rfind(|entry| entry["id"] == data::product_id(0)).unwrap();
    assert_eq!(product["resource"]["translations"]["en"]["name"], "Product 0");
}

#[tokio::test]
async fn a_translation_is_searched_and_a_wrong_one_is_refused() {
    let (app, key) = shop().await;
    let head = log::head(&app.db, Log::Change).await.unwrap();
    app.wait_for_gauge("search_position", head).await;
    let found: Value = app.get(&key.text, "/v1/products?q=drill").await.json().await.unwrap();
    assert!(found["items"].as_array().unwrap().iter().any(|one| one["sku"] == data::sku(0)));
    let report = app
        .import(
            Feed::Products,
            &[
                json!({ "sku": "X1", "name": "x", "translations": { "english": { "name": "x" } } }),
                json!({ "sku": "X2", "name": "x", "translations": { "en": { "titel": "x" } } }),
                json!({ "sku": "X3", "name": "x", "translations": { "en": { "name": "x" }, "EN": { "name": "y" } } }),
            ],
        )
        .await;
    assert_eq!(report.rejected, 3, "{report}");
    problem(app.get(&key.text, "/v1/products/sku/X1").await, 404, "not_found").await;
}
