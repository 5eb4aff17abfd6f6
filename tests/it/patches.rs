//! Lines that change part of a resource (RFC 7396), on every feed of documents.

use crate::support::{NOON, TestApp, data, problem};
use comptoir::feeds::{Feed, Report};
use comptoir::kernel::id::{CategoryId, PromotionId, StoreId};
use serde_json::{Value, json};

async fn shop() -> (TestApp, String) {
    let app = TestApp::builder().fixed_clock(NOON).start().await;
    let key = app.key(json!({})).await.text;
    assert_eq!(app.import(Feed::Categories, &data::categories()).await.rejected, 0);
    assert_eq!(app.import(Feed::Products, &[data::product_in_full(0)]).await.rejected, 0);
    app.clock.advance(60_000_000);
    (app, key)
}

async fn got(app: &TestApp, key: &str, path: &str) -> Value {
    let answer = app.get(key, path).await;
    assert_eq!(answer.status(), 200, "{path}");
    answer.json().await.unwrap()
}

async fn product(app: &TestApp, key: &str) -> Value {
    got(app, key, &format!("/v1/products/{}", data::product_id(0))).await
}

/// Imports one line of changes to the first product.
async fn merge(app: &TestApp, changes: Value) -> Report {
    let mut line = json!({ "op": "merge", "sku": data::sku(0) });
    line.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
    app.import(Feed::Products, &[line]).await
}

/// What differs between two documents, but for when and which version they are of.
fn differing(before: &Value, after: &Value) -> Vec<String> {
    let (before, after) = (before.as_object().unwrap(), after.as_object().unwrap());
    let fields = before.keys().chain(after.keys().filter(|field| !before.contains_key(*field)));
    let differs = |field: &&String| {
        !matches!(field.as_str(), "updated_at" | "version")
            && before.get(*field) != after.get(*field)
    };
    fields.filter(differs).cloned().collect()
}

#[tokio::test]
async fn what_a_line_does_not_name_stays_and_null_takes_away() {
    let (app, key) = shop().await;
    let mut before = product(&app, &key).await;
    let steps = [
        (json!({ "name": "Perceuse 650 W" }), &["name"][..]),
        (json!({ "description": { "html": null } }), &["description"]),
        (json!({ "gtin": null, "images": null }), &["digital_link", "gtin", "images"]),
        (json!({ "net_content": { "value": "2" } }), &["net_content"]),
        (json!({ "category_codes": ["tools", "cheese"] }), &["category_ids"]),
        (json!({ "category_codes": [] }), &["category_ids"]),
        (json!({ "replaced_by_sku": null }), &["replaced_by"]),
        (json!({ "brand": { "name": "Sud" } }), &["brand"]),
        (json!({ "translations": { "pt-br": null, "EN": { "link": null } } }), &["translations"]),
        (
            json!({ "status": "active", "link": null, "certifications": [] }),
            &["certifications", "link", "status"],
        ),
    ];
    for (changes, changed) in steps {
        assert_eq!(merge(&app, changes.clone()).await.accepted, 1, "{changes}");
        let after = product(&app, &key).await;
        let mut differing = differing(&before, &after);
        differing.sort_unstable();
        assert_eq!(differing, changed, "{changes}: {before} {after}");
        assert_eq!(after["version"].as_i64(), before["version"].as_i64().map(|n| n + 1));
        before = after;
    }
    assert_eq!(before["description"]["plain"], "Une perceuse.");
    assert_eq!(before["net_content"], json!({ "value": "2", "unit_code": "LTR" }));
    let languages: Vec<&str> =
        before["translations"].as_object().unwrap().keys().map(String::as_str).collect();
    let english = &before["translations"]["en"];
    assert_eq!((languages, &english["name"]), (vec!["en"], &json!("Product 0")), "{before}");
    assert_eq!(english.get("link"), None, "{before}");
    // What is so already is no change.
    let again = merge(&app, json!({ "name": "Perceuse 650 W", "gtin": null })).await;
    assert_eq!((again.accepted, again.unchanged, again.rejected), (0, 1, 0));
}

#[tokio::test]
async fn what_would_not_be_right_as_a_whole_changes_nothing() {
    let (app, key) = shop().await;
    let before = product(&app, &key).await;
    let cases = [
        (json!({ "gtin": "3276550063552" }), "gtin", "invalid_gtin"),
        (json!({ "name": null }), "name", "missing"),
        (json!({ "nmae": "A" }), "nmae", "unknown_field"),
        (json!({ "nmae": null }), "nmae", "unknown_field"),
        (json!({ "net_content": { "value": null } }), "net_content.value", "missing_field"),
        (json!({ "brand": "Nord" }), "brand", "malformed"),
        (json!({ "reason": "merged" }), "reason", "not_allowed"),
        (json!({ "sku": "gone" }), "sku", "unknown_product"),
        (json!({ "sku": null }), "sku", "missing_field"),
        (
            json!({ "translations": { "en": { "nmae": "A" } } }),
            "translations.en.nmae",
            "unknown_field",
        ),
    ];
    for (changes, field, code) in cases {
        let report = merge(&app, changes.clone()).await;
        let fault = &report.first_rejected[0].fault;
        assert_eq!((&*fault.field, fault.code), (field, code), "{changes}: {fault:?}");
        assert_eq!(product(&app, &key).await, before, "{changes}");
    }
    let gone = json!({ "op": "delete", "sku": data::sku(0) });
    app.import(Feed::Products, &[gone]).await;
    assert_eq!(
        merge(&app, json!({ "name": "B" })).await.first_rejected[0].fault.code,
        "unknown_product"
    );
    let path = format!("/v1/products/{}", data::product_id(0));
    problem(app.get(&key, &path).await, 410, "gone").await;
}

#[tokio::test]
async fn lines_of_a_batch_build_on_each_other() {
    let (app, key) = shop().await;
    let part = |n: u32, changes: Value| {
        let mut line = json!({ "op": "merge", "sku": data::sku(n) });
        line.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
        line
    };
    let lines = [
        part(1, json!({ "name": "Before it is there" })),
        data::product(1),
        part(1, json!({ "name": "Un" })),
        part(0, json!({ "mpn": "P-2" })),
        part(1, json!({ "mpn": "P-3" })),
        part(0, json!({ "gtin": "1" })),
        part(0, json!({ "manufacturer": null })),
        json!({ "op": "delete", "sku": data::sku(2) }),
        data::product(3),
        json!({ "op": "delete", "sku": data::sku(3) }),
        part(3, json!({ "name": "After it is gone" })),
    ];
    let report = app.import(Feed::Products, &lines).await;
    let refused: Vec<u64> = report.first_rejected.iter().map(|rejected| rejected.line).collect();
    assert_eq!(refused, [1, 6, 8, 11], "{report}");
    let first = product(&app, &key).await;
    assert_eq!((&first["mpn"], &first["manufacturer"]), (&json!("P-2"), &Value::Null));
    assert_eq!(first["gtin"], format!("0{}", data::gtin13(0)));
    let second = got(&app, &key, &format!("/v1/products/{}", data::product_id(1))).await;
    assert_eq!((&second["name"], &second["mpn"]), (&json!("Un"), &json!("P-3")));
    assert_eq!(second["brand"]["name"], "Sud");
    problem(
        app.get(&key, &format!("/v1/products/{}", data::product_id(3))).await,
        404,
        "not_found",
    )
    .await;
}

#[tokio::test]
async fn stores_categories_and_promotions_change_in_part_too() {
    let (app, key) = shop().await;
    app.import(Feed::Stores, &[data::store_in_full(0)]).await;
    let open = json!([{ "day_of_week": "monday", "opens": "09:00", "closes": "20:30" }]);
    let line = json!({ "op": "merge", "store_code": "0000", "opening_hours": open });
    assert_eq!(app.import(Feed::Stores, &[line]).await.accepted, 1);
    let id = StoreId::derived("0000");
    let store = got(&app, &key, &format!("/v1/stores/{id}")).await;
    assert_eq!((&store["opening_hours"], &store["telephone"]), (&open, &json!("+33561000000")));
    let changes = got(&app, &key, "/v1/changes?types=store&limit=1000").await;
    let last = changes["items"].as_array().unwrap().last().unwrap().clone();
    assert_eq!((&last["id"], &last["reason"]), (&json!(id), &json!("hours_changed")));

    let line = json!({ "op": "merge", "code": "drills", "parent_code": null });
    assert_eq!(app.import(Feed::Categories, &[line]).await.accepted, 1);
    let drills = CategoryId::derived("drills");
    let category = got(&app, &key, &format!("/v1/categories/{drills}")).await;
    assert_eq!((&category["parent_id"], &category["name"]), (&Value::Null, &json!("Perceuses")));

    let mut own = data::promotion("own", "À moi");
    own["audience"] = json!("personal");
    app.import(Feed::Promotions, &[own, data::promotion("all", "À tous")]).await;
    let part = |code: &str| json!({ "op": "merge", "code": code, "value": "30", "applies_to": { "skus": [data::sku(0)] } });
    assert_eq!(app.import(Feed::Promotions, &[part("own"), part("all")]).await.accepted, 2);
    let path = |code: &str| format!("/v1/promotions/{}", PromotionId::derived(code));
    let all = got(&app, &key, &path("all")).await;
    assert_eq!((&all["value"], &all["title"]), (&json!("30"), &json!("À tous")));
    assert_eq!(all["applies_to"]["product_ids"], json!([data::product_id(0)]));
    problem(app.get(&key, &path("own")).await, 404, "not_found").await;
}

#[tokio::test]
async fn a_file_of_changes_is_taken_and_a_full_one_keeps_what_it_changes() {
    let (app, key) = shop().await;
    app.import(Feed::Products, &[data::product(1)]).await;
    let file = tempfile::NamedTempFile::with_suffix(".ndjson").unwrap();
    let line = |n: u32| json!({ "op": "merge", "sku": data::sku(n), "name": "Neu" }).to_string();
    let twice = r#"{"op":"merge","sku":"SKU-00000","sku":"SKU-00001","name":"Whose?"}"#;
    std::fs::write(file.path(), format!("{}\n{twice}\n", line(0))).unwrap();
    let (_, out, _) = app.shell(&["import", "products", file.path().to_str().unwrap()]).await;
    assert!(out.contains("stands twice; keep one") && out.contains("1 accepted"), "{out}");
    std::fs::write(file.path(), line(0) + "\n").unwrap();
    let path = file.path().to_str().unwrap();
    let (code, out, _) = app.shell(&["import", "products", path]).await;
    assert_eq!(code, 0, "{out}");
    let full = ["import", "products", path, "--mode", "full"];
    let (code, out, said) = app.shell(&full).await;
    assert_eq!(code, 0, "{out} {said}");
    app.caught_up().await;
    assert_eq!(product(&app, &key).await["name"], "Neu");
    let path = format!("/v1/products/{}", data::product_id(1));
    problem(app.get(&key, &path).await, 410, "gone").await;
}

#[tokio::test]
async fn a_price_is_told_whole() {
    let (app, _) = shop().await;
    app.import(Feed::Stores, &[data::store(0)]).await;
    app.import(Feed::Offers, &[data::offer(0, 0, "2.39")]).await;
    let mut offer = data::offer(0, 0, "2.19");
    let mut level = data::level(0, 0, 3, NOON);
    for line in [&mut offer, &mut level] {
        line["op"] = json!("merge");
    }
    for (feed, line) in [(Feed::Offers, offer), (Feed::Stock, level)] {
        let report = app.import(feed, &[line]).await;
        let fault = &report.first_rejected[0].fault;
        assert_eq!((&*fault.field, fault.code), ("op", "not_allowed"), "{fault:?}");
    }
}

#[tokio::test]
async fn what_was_refused_is_not_built_on() {
    let (app, key) = shop().await;
    app.import(Feed::Products, &[data::product(1)]).await;
    let part = |changes: Value| {
        let mut line = json!({ "op": "merge", "sku": data::sku(0) });
        line.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
        line
    };
    let taken = part(json!({ "name": "Taken", "gtin": data::gtin13(1) }));
    let report = app.import(Feed::Products, &[taken, part(json!({ "gtin": null }))]).await;
    assert_eq!((report.accepted, report.rejected), (1, 1), "{report}");
    assert_eq!(report.first_rejected[0].fault.code, "duplicate_gtin");
    let now = product(&app, &key).await;
    assert_eq!((&now["name"], &now["gtin"]), (&json!("Produit 0"), &Value::Null));

    let merge = |changes: Value| {
        let mut line = json!({ "op": "merge", "code": "p" });
        line.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
        line
    };
    let to = json!({ "product_ids": [data::product_id(0)], "skus": [data::sku(1)] });
    let lines = [data::promotion("p", "P"), merge(json!({ "applies_to": to }))];
    assert_eq!(app.import(Feed::Promotions, &lines).await.rejected, 0);
    let path = format!("/v1/promotions/{}", PromotionId::derived("p"));
    let both = json!([data::product_id(0), data::product_id(1)]);
    assert_eq!(got(&app, &key, &path).await["applies_to"]["product_ids"], both);
    // To say nothing of who it is for would be to say that it is for everybody.
    let report = app.import(Feed::Promotions, &[merge(json!({ "audience": null }))]).await;
    let fault = &report.first_rejected[0].fault;
    assert_eq!((&*fault.field, fault.code), ("audience", "not_allowed"));
}

#[tokio::test]
async fn what_one_file_puts_and_deletes_was_never_there() {
    let (app, key) = shop().await;
    app.import(Feed::Stores, &[data::store(1)]).await;
    let head = async || {
        let page: Value = app.get(&key, "/v1/changes?limit=1000").await.json().await.unwrap();
        page["items"].as_array().unwrap().len()
    };
    let before = head().await;
    let (mut offer, product) = (data::offer(0, 1, "2.39"), data::product(7));
    let gone = json!({ "op": "delete", "sku": data::sku(7) });
    let report = app.import(Feed::Products, &[product, gone.clone()]).await;
    assert_eq!((report.unchanged, report.rejected), (2, 0), "{report}");
    let put = offer.clone();
    offer["op"] = json!("delete");
    let report = app.import(Feed::Offers, &[put, offer.clone()]).await;
    assert_eq!((report.unchanged, report.rejected), (2, 0), "{report}");
    assert_eq!(head().await, before);
    // By itself it names nothing.
    assert_eq!(app.import(Feed::Products, &[gone]).await.rejected, 1);
    assert_eq!(app.import(Feed::Offers, &[offer]).await.rejected, 1);
}
