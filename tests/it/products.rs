//! The shapes of products, lookups, in-store codes, Digital Links and the category tree.

use crate::support::{NOON, TestApp, TestKey, data, problem};
use comptoir::feeds::Feed;
use serde_json::{Value, json};
use std::collections::BTreeSet;

async fn shop() -> (TestApp, TestKey) {
    let app = TestApp::builder()
        .fixed_clock(NOON)
        .set("CATALOG__IN_STORE_CODES", "21IIIIIVVVVVC price 2 EUR, 29IIIIIVVVVVC weight 3")
        .start()
        .await;
    app.stock_shelves(4, 2).await;
    let key = app.key(json!({})).await;
    (app, key)
}

async fn read(app: &TestApp, key: &TestKey, path: &str) -> Value {
    let answer = app.get(&key.text, path).await;
    let (status, text) = (answer.status(), answer.text().await.unwrap());
    assert_eq!(status, 200, "{path}: {text}");
    serde_json::from_str(&text).unwrap()
}

async fn look_up(app: &TestApp, key: &TestKey, body: &Value) -> reqwest::Response {
    let call = app.http.post(app.public_url("/v1/products/lookup")).bearer_auth(&key.text);
    call.json(body).send().await.unwrap()
}

#[tokio::test]
async fn fields_cut_and_embed_widens() {
    let (app, key) = shop().await;
    let offers = [data::offer(0, 0, "2.39"), data::offer(0, 1, "2.49")];
    app.import(Feed::Offers, &offers).await;
    app.import(Feed::Stock, &[data::level(0, 0, 4, "2026-11-22T11:59:00Z")]).await;
    let path = format!("/v1/products/{}", data::product_id(0));
    let cut = read(&app, &key, &format!("{path}?fields=name,brand.name,mpn")).await;
    assert_eq!(cut, json!({"name": "Produit 0", "brand": {"name": "Nord"}, "mpn": null}));
    let by_sku = format!("/v1/products/sku/{}?fields=id", data::sku(0));
    assert_eq!(read(&app, &key, &by_sku).await, json!({"id": data::product_id(0)}));
    let listed = read(&app, &key, "/v1/products?fields=sku&limit=2").await;
    assert_eq!(listed["items"][0].as_object().unwrap().len(), 1);
    let category = format!("/v1/categories/{}?fields=path.name", data::category_id("drills"));
    let path_of = json!({"path": [{"name": "Outillage"}, {"name": "Perceuses"}]});
    assert_eq!(read(&app, &key, &category).await, path_of);

    let embedded =
        read(&app, &key, &format!("{path}?embed=offers,stock,category&fields=id,offers.price.amount,more_offers,stock.availability,categories.name")).await;
    let mut prices: Vec<&str> = embedded["offers"]
        .as_array()
        .unwrap()
        .iter()
        .map(|o| o["price"]["amount"].as_str().unwrap())
        .collect();
    prices.sort_unstable();
    assert_eq!(prices, ["2.39", "2.49"]);
    assert_eq!(embedded["more_offers"], Value::Null);
    assert_eq!(embedded["stock"].as_array().unwrap().len(), 1);
    assert_eq!(embedded["categories"], json!([{"name": "Perceuses"}]));
    let one =
        read(&app, &key, &format!("{path}?embed=offers&store_id={}", data::store_id(1))).await;
    assert_eq!(one["offers"].as_array().unwrap().len(), 1);
    assert_eq!(one["offers"][0]["price"]["amount"], "2.49");
    assert_eq!(one["sku"], data::sku(0));

    // The tag is that of the bytes that are sent.
    let answer = app.get(&key.text, &format!("{path}?fields=id")).await;
    let tag = answer.headers()["etag"].clone();
    let again = app.http.get(app.public_url(&format!("{path}?fields=id"))).bearer_auth(&key.text);
    assert_eq!(again.header("if-none-match", tag).send().await.unwrap().status(), 304);
}

#[tokio::test]
async fn a_shape_that_cannot_be_is_explained() {
    let (app, key) = shop().await;
    let path = format!("/v1/products/{}", data::product_id(0));
    for (query, code, suggestion) in [
        ("fields=brnd", "unknown_field", json!("brand")),
        ("fields=brand.nmae", "unknown_field", json!("brand.name")),
        ("fields=offers.price", "not_embedded", Value::Null),
        ("embed=offer", "not_allowed", json!("offers")),
        (&format!("store_id={}", data::store_id(0)), "not_embedded", Value::Null),
    ] {
        let refusal = app.get(&key.text, &format!("{path}?{query}")).await;
        let fault = problem(refusal, 400, "invalid_parameter").await["errors"][0].clone();
        assert_eq!((&fault["code"], &fault["suggestion"]), (&json!(code), &suggestion), "{fault}");
    }
    problem(
        app.get(&key.text, "/v1/products?embed=offers&limit=51").await,
        400,
        "invalid_parameter",
    )
    .await;
    let narrow = app.key(json!({"scopes": ["catalog:read"]})).await;
    for (word, scope) in [("offers", "prices:read"), ("stock", "stock:read")] {
        let refusal = app.get(&narrow.text, &format!("{path}?embed={word}")).await;
        assert_eq!(problem(refusal, 403, "insufficient_scope").await["required_scope"], scope);
    }
    read(&app, &narrow, &format!("{path}?embed=category,variants")).await;
}

#[tokio::test]
async fn variants_are_the_others_of_the_group() {
    let (app, key) = shop().await;
    let lines: Vec<Value> = (0..3)
        .map(|n| {
            let mut product = data::product(n);
            product["item_group_id"] = json!("grp & 9");
            product
        })
        .collect();
    app.import(Feed::Products, &lines).await;
    let path = format!("/v1/products/{}?embed=variants&fields=variants.sku", data::product_id(1));
    let found = read(&app, &key, &path).await;
    let skus: BTreeSet<&str> =
        found["variants"].as_array().unwrap().iter().map(|v| v["sku"].as_str().unwrap()).collect();
    assert_eq!(skus, BTreeSet::from(["SKU-00000", "SKU-00002"]));
}

/// Deletes product `n`, which `by` replaces.
async fn replace(app: &TestApp, n: u32, by: u32) {
    let mut replaced = data::product(n);
    replaced["replaced_by_sku"] = json!(data::sku(by));
    app.import(Feed::Products, &[replaced]).await;
    app.import(Feed::Products, &[json!({ "op": "delete", "sku": data::sku(n) })]).await;
}

#[tokio::test]
async fn a_chain_of_replacements_is_followed_to_its_end() {
    let (app, key) = shop().await;
    replace(&app, 0, 1).await;
    replace(&app, 1, 2).await;
    for path in
        [data::product_id(0), format!("sku/{}", data::sku(0)), format!("gtin/{}", data::gtin13(0))]
    {
        let answer = app.get(&key.text, &format!("/v1/products/{path}")).await;
        let link = format!("</v1/products/{}>; rel=\"successor-version\"", data::product_id(2));
        assert_eq!(answer.headers()["link"], *link);
        assert_eq!(problem(answer, 410, "gone").await["replaced_by"], data::product_id(2));
    }
    // One that was never there replaces nothing.
    replace(&app, 3, 999).await;
    let answer = app.get(&key.text, &format!("/v1/products/{}", data::product_id(3))).await;
    assert_eq!(problem(answer, 410, "gone").await["replaced_by"], Value::Null);
    // A circle leads nowhere, and ends.
    replace(&app, 2, 0).await;
    let answer = app.get(&key.text, &format!("/v1/products/{}", data::product_id(0))).await;
    assert_eq!(problem(answer, 410, "gone").await["replaced_by"], Value::Null);
}

#[tokio::test]
async fn a_lookup_takes_every_identifier() {
    let (app, key) = shop().await;
    replace(&app, 3, 2).await;
    let body = json!({
        "identifiers": [
            {"gtin": data::gtin13(0)}, {"sku": data::sku(0)}, {"id": data::product_id(1)},
            {"sku": data::sku(3)}, {"gtin": "3276550063552"}, {"gtin": "2000000000008"}, {"sku": "none"},
        ],
        "fields": "sku",
    });
    let answer = look_up(&app, &key, &body).await;
    assert_eq!(
        (answer.status().as_u16(), answer.headers()["cache-control"].to_str().unwrap()),
        (200, "no-store")
    );
    let found: Value = answer.json().await.unwrap();
    let expected = json!({
        "items": [
            {"sku": data::sku(0), "matched": [
                {"input": {"gtin": data::gtin13(0)}, "match": "normalised"},
                {"input": {"sku": data::sku(0)}, "match": "exact"},
            ]},
            {"sku": data::sku(1), "matched": [{"input": {"id": data::product_id(1)}, "match": "exact"}]},
            {"sku": data::sku(2), "matched": [{"input": {"sku": data::sku(3)}, "match": "successor"}]},
        ],
        "not_found": [
            {"input": {"gtin": "3276550063552"}, "reason": "invalid_gtin", "suggestion": "3276550063551"},
            {"input": {"gtin": "2000000000008"}, "reason": "in_store_code"},
            {"input": {"sku": "none"}, "reason": "unknown"},
        ],
    });
    assert_eq!(found, expected);
}

#[tokio::test]
async fn a_bad_lookup_points_at_its_faults() {
    let (app, key) = shop().await;
    let one = json!({"sku": "a"});
    for (body, pointer) in [
        (json!({"identifiers": []}), "/identifiers"),
        (json!({"identifiers": vec![one.clone(); 101]}), "/identifiers"),
        (json!({"identifiers": [one, {"sku": "a", "id": "b"}]}), "/identifiers/1"),
        (json!({"identifiers": [{"ean": "a"}]}), "/identifiers/0/ean"),
        (json!({"identifiers": [one], "field": "id"}), "/field"),
        (json!({"identifiers": [one], "fields": "nmae"}), "/fields"),
        (json!({"identifiers": [one], "embed": "stocks"}), "/embed"),
        (json!({"identifiers": [one], "store_id": "x"}), "/store_id"),
        (json!({}), "/identifiers"),
    ] {
        let refusal = problem(look_up(&app, &key, &body).await, 400, "invalid_body").await;
        assert_eq!(refusal["errors"][0]["pointer"], pointer, "{refusal}");
    }
    let long = json!({"identifiers": [{"sku": "x".repeat(1_100_000)}]});
    problem(look_up(&app, &key, &long).await, 413, "body_too_large").await;
    let text =
        app.http.post(app.public_url("/v1/products/lookup")).bearer_auth(&key.text).body("{}");
    problem(text.send().await.unwrap(), 415, "unsupported_media_type").await;
    problem(app.get(&key.text, "/v1/products/lookup?x=1").await, 400, "invalid_parameter").await;
    // What is posted is answered, whatever the client holds (RFC 9110 §13.1.2).
    let call = app.http.post(app.public_url("/v1/products/lookup")).bearer_auth(&key.text);
    let body = json!({ "identifiers": [{ "sku": data::sku(0) }] });
    let held = call.header("if-none-match", "*").json(&body).send().await.unwrap();
    assert_eq!(held.status(), 200);
}

#[tokio::test]
async fn an_in_store_code_is_read_by_the_retailers_pattern_and_never_a_product() {
    let (app, key) = shop().await;
    app.import(Feed::Products, &[json!({ "sku": "12345", "name": "Comté" })]).await;
    let by_gtin = async |code: &str| {
        let answer = app.get(&key.text, &format!("/v1/products/gtin/{code}")).await;
        problem(answer, 422, "in_store_code").await["in_store"].clone()
    };
    let found = by_gtin("2112345003498").await;
    assert_eq!(found["item_reference"], "12345");
    assert_eq!(found["price"], json!({"amount": "3.49", "currency": "EUR"}));
    let id = found["product_id"].as_str().unwrap();
    assert_eq!(found["link"], format!("/v1/products/{id}"));
    assert_eq!(read(&app, &key, &format!("/v1/products/{id}?fields=sku")).await["sku"], "12345");
    let weighed = by_gtin("2900042012345").await;
    assert_eq!(weighed, json!({"item_reference": "00042", "weight_kg": "1.234"}));
    assert_eq!(by_gtin("2000000000008").await, Value::Null);
    // Who may not know the product reads no more than the code says.
    let plan = app.plan(json!([{ "name": "burst", "quota": 1_000, "window_s": 1 }])).await;
    let patch = json!({ "data": { "brand_ids": ["Nord"] } });
    app.admin_ok("PATCH", &format!("/admin/v1/plans/{plan}"), Some(patch)).await;
    let key = app.key_under(&plan, json!({})).await;
    let answer = app.get(&key.text, "/v1/products/gtin/2112345003498").await;
    let told = problem(answer, 422, "in_store_code").await["in_store"].clone();
    assert_eq!((&told["item_reference"], told.get("product_id")), (&json!("12345"), None));
}

#[tokio::test]
async fn a_digital_link_resolves_without_a_key() {
    let (app, key) = shop().await;
    let mut linked = data::product(0);
    linked["link"] = json!("https://www.example.com/p/0");
    app.import(Feed::Products, &[linked]).await;
    let gtin = format!("0{}", data::gtin13(0));
    let client =
        reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build().unwrap();
    let get = async |path: &str, accept: &str| {
        client.get(app.public_url(path)).header("accept", accept).send().await.unwrap()
    };
    let document = format!("/v1/products/gtin/{gtin}");
    for path in [
        format!("/01/{gtin}"),
        format!("/01/{}", data::gtin13(0)),
        format!("/01/{gtin}/10/LOT/21/7"),
    ] {
        let page = get(&path, "text/html,*/*").await;
        assert_eq!(
            (page.status().as_u16(), page.headers()["location"].to_str().unwrap()),
            (307, "https://www.example.com/p/0")
        );
        let api = get(&path, "application/json").await;
        assert!(api.headers()["location"].to_str().unwrap().ends_with(&document));
        assert!(api.headers()["cache-control"].to_str().unwrap().starts_with("public"));
    }
    let links: Value = {
        let answer = get(&format!("/01/{gtin}?linkType=all"), "*/*").await;
        assert_eq!(answer.headers()["content-type"], "application/linkset+json");
        answer.json().await.unwrap()
    };
    let pip = &links["linkset"][0]["https://ref.gs1.org/voc/pip"][0];
    assert_eq!(pip, &json!({"href": "https://www.example.com/p/0", "title": "Produit 0"}));
    problem(get("/01/3276550063552", "*/*").await, 422, "invalid_gtin").await;
    problem(get("/01/3276550063551", "*/*").await, 404, "not_found").await;
    problem(get(&format!("/01/{gtin}/99/1"), "*/*").await, 404, "unknown_path").await;
    problem(get(&format!("/01/{gtin}?linkType=al"), "*/*").await, 400, "invalid_parameter").await;
    // What else a code says of this very pack is not for the resolver, but for the page.
    let dated = get(&format!("/01/{gtin}?17=261231&3103=000195&linkType=all"), "*/*").await;
    assert_eq!(dated.status(), 200);
    for (path, accept, target) in [
        (format!("/01/{gtin}?17=261231&3103=000195"), "*/*", "/p/0?17=261231&3103=000195"),
        (format!("/01/{gtin}/10/A?17=261231&linkType=gs1:pip"), "*/*", "/p/0?17=261231"),
        // Our own document takes no parameters that it does not know.
        (format!("/01/{gtin}?17=261231"), "application/json", &document),
        (format!("/01/{}?17=261231", data::gtin13(2)), "*/*", &format!("/0{}", data::gtin13(2))),
    ] {
        let answer = get(&path, accept).await;
        assert_eq!(answer.status(), 307, "{path}");
        let location = answer.headers()["location"].to_str().unwrap();
        assert!(location.ends_with(target), "{path}: {location}");
    }
    problem(get(&format!("/01/{gtin}?10=%0D%07"), "*/*").await, 400, "invalid_parameter").await;
    let long = get(&format!("/01/{gtin}?{}", "a&".repeat(20_000)), "*/*").await;
    assert!(problem(long, 400, "invalid_parameter").await.to_string().len() < 1_000);
    let posted = client.post(app.public_url(&format!("/01/{gtin}"))).send().await.unwrap();
    assert_eq!(posted.headers()["allow"], "GET, HEAD");
    replace(&app, 1, 0).await;
    let gone = problem(get(&format!("/01/{}", data::gtin13(1)), "*/*").await, 410, "gone").await;
    assert_eq!(gone["replaced_by"], data::product_id(0));
    assert_eq!(get("/.well-known/gs1resolver", "*/*").await.status(), 200);
    assert_eq!(read(&app, &key, &document).await["sku"], data::sku(0));
}

#[tokio::test]
async fn a_product_tells_its_digital_link_where_it_is_served() {
    let base = "https://api.example.com/shop";
    let app = TestApp::builder().set("SERVER__PUBLIC_URL", base).start().await;
    app.stock_shelves(2, 1).await;
    app.import(Feed::Products, &[json!({ "sku": "loose", "name": "Comté" })]).await;
    let key = app.key(json!({})).await;
    let link = format!("{base}/01/0{}", data::gtin13(0));
    let path = format!("/v1/products/{}", data::product_id(0));
    // On the short way and on the long one it is the same document, with the tag of its bytes.
    let short = app.get(&key.text, &path).await;
    let tag = short.headers()["etag"].clone();
    let short: Value = short.json().await.unwrap();
    assert_eq!(short["digital_link"], link);
    let by_gtin = app.get(&key.text, &format!("/v1/products/gtin/{}", data::gtin13(0))).await;
    assert_eq!(by_gtin.headers()["etag"], tag);
    assert_eq!(by_gtin.json::<Value>().await.unwrap(), short);
    let cut = read(&app, &key, &format!("{path}?fields=digital_link")).await;
    assert_eq!(cut, json!({ "digital_link": link }));
    let listed = read(&app, &key, &format!("/v1/products?gtin={}", data::gtin13(0))).await;
    assert_eq!(listed["items"], json!([short]));
    let wide = read(&app, &key, &format!("{path}?embed=category")).await;
    assert_eq!((&wide["digital_link"], wide["categories"].is_array()), (&json!(link), true));
    let table = app.http.get(app.public_url("/v1/products")).bearer_auth(&key.text);
    let table = table.header("accept", "text/csv").send().await.unwrap().text().await.unwrap();
    assert!(table.lines().next().unwrap().split(',').any(|column| column == "digital_link"));
    assert!(table.contains(&link), "{table}");

    let without = read(&app, &key, "/v1/products/sku/loose").await;
    assert_eq!((&without["gtin"], without.get("digital_link")), (&Value::Null, None));
    // Changes give what is stored; a product that changes keeps its link.
    let changes = read(&app, &key, "/v1/changes?types=product&embed=resource").await;
    let first = &changes["items"][0]["resource"];
    assert_eq!((first["sku"].is_string(), first.get("digital_link")), (true, None));
    let mut renamed = data::product(0);
    renamed["name"] = json!("Autre");
    app.import(Feed::Products, &[renamed]).await;
    let after = app.get(&key.text, &path).await;
    assert_ne!(after.headers()["etag"], tag);
    let after: Value = after.json().await.unwrap();
    assert_eq!((&after["name"], &after["digital_link"]), (&json!("Autre"), &json!(link)));
}

#[tokio::test]
async fn the_tree_counts_every_product_once_and_takes_no_loop() {
    let (app, key) = shop().await;
    let mut both = data::product(0);
    both["category_codes"] = json!(["drills", "tools"]);
    app.import(Feed::Products, &[both]).await;
    let tree = read(&app, &key, "/v1/categories/tree").await;
    let tools =
        tree["items"].as_array().unwrap().iter().find(|n| n["name"] == "Outillage").unwrap();
    assert_eq!((&tools["product_count"], &tools["total_count"]), (&json!(1), &json!(2)));
    assert_eq!(tools["children"][0]["product_count"], 2);
    assert_eq!(tools["children"][0]["level"], 2);
    let cut = read(&app, &key, "/v1/categories/tree?depth=1").await;
    let tools = cut["items"].as_array().unwrap().iter().find(|n| n["name"] == "Outillage").unwrap();
    assert_eq!((&tools["child_count"], &tools["children"]), (&json!(1), &json!([])));
    let part = format!("/v1/categories/tree?root={}", data::category_id("drills"));
    assert_eq!(read(&app, &key, &part).await["items"][0]["level"], 2);
    problem(app.get(&key.text, "/v1/categories/tree?depth=0").await, 400, "invalid_parameter")
        .await;
    let missing = format!("/v1/categories/tree?root={}", data::category_id("none"));
    problem(app.get(&key.text, &missing).await, 404, "not_found").await;

    let tree = read(&app, &key, "/v1/categories/tree").await;
    let looped = json!({ "code": "tools", "name": "Outillage", "parent_code": "drills" });
    let report = app.import(Feed::Categories, &[looped]).await;
    assert_eq!((report.rejected, report.first_rejected[0].fault.code), (1, "category_loop"));
    assert_eq!(read(&app, &key, "/v1/categories/tree").await, tree);
    let of = format!("/v1/categories/{}", data::category_id("tools"));
    assert_eq!(read(&app, &key, &of).await["level"], 1);
}

#[tokio::test]
async fn deleted_products_come_where_they_are_asked_for() {
    let (app, key) = shop().await;
    replace(&app, 0, 1).await;
    let mut next = Some(
        "/v1/products?updated_since=2026-01-01T00:00:00Z&include_deleted=true&limit=1&fields=id"
            .to_owned(),
    );
    let mut items: Vec<Value> = Vec::new();
    while let Some(path) = next {
        let page = read(&app, &key, &path).await;
        items.extend(page["items"].as_array().unwrap().iter().cloned());
        next = page["next"].as_str().map(str::to_owned);
    }
    let ids: BTreeSet<&str> = items.iter().map(|item| item["id"].as_str().unwrap()).collect();
    assert_eq!((items.len(), ids.len()), (4, 4));
    let deleted: Vec<&Value> = items.iter().filter(|item| item["deleted"] == true).collect();
    assert_eq!(deleted.len(), 1);
    assert_eq!(deleted[0]["id"], data::product_id(0));
    assert_eq!(deleted[0]["replaced_by"], data::product_id(1));
    assert!(deleted[0]["deleted_at"].is_string());
    for query in [
        "include_deleted=true",
        "include_deleted=true&updated_since=2026-01-01T00:00:00Z&brand=Nord",
    ] {
        problem(
            app.get(&key.text, &format!("/v1/products?{query}")).await,
            400,
            "invalid_parameter",
        )
        .await;
    }
}
