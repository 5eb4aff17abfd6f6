//! JSON-LD: the documents in the words of schema.org and GS1.

use crate::support::{NOON, TestApp, TestKey, data};
use comptoir::feeds::Feed;
use serde_json::{Map, Value, json};

async fn get(app: &TestApp, key: &TestKey, path: &str, accept: &str) -> reqwest::Response {
    let request = app.http.get(app.public_url(path)).bearer_auth(&key.text);
    request.header("accept", accept).send().await.unwrap()
}

async fn linked(app: &TestApp, key: &TestKey, path: &str) -> Value {
    let answer = get(app, key, path, "application/ld+json").await;
    assert_eq!(answer.status(), 200, "{path}");
    assert_eq!(answer.headers()["content-type"], "application/ld+json", "{path}");
    answer.json().await.unwrap()
}

async fn shop() -> (TestApp, TestKey) {
    let app = TestApp::builder().fixed_clock(NOON).start().await;
    app.stock_shelves(3, 2).await;
    app.import(Feed::Products, &[data::product_in_full(0)]).await;
    app.import(Feed::Offers, &[data::offer(0, 0, "2.39")]).await;
    app.import(Feed::Stock, &[data::level(0, 0, 4, "2026-11-22T11:59:00Z")]).await;
    let key = app.key(json!({})).await;
    (app, key)
}

/// The IRI that a term or a compact IRI stands for; `None` for what is left out.
fn iri(terms: &Map<String, Value>, term: &str) -> Option<String> {
    let means = match terms.get(term) {
        Some(Value::Null) => return None,
        Some(means) => means.get("@id").unwrap_or(means).as_str().unwrap(),
        None if term.contains(':') => term,
        None => return Some(format!("{}{term}", terms["@vocab"].as_str().unwrap())),
    };
    Some(match means.split_once(':') {
        Some((prefix, rest)) if terms.contains_key(prefix) => {
            format!("{}{rest}", terms[prefix].as_str().unwrap())
        }
        _ => means.to_owned(),
    })
}

/// The part of the expansion of JSON-LD 1.1 (§5.1.2 of its API) that our context asks for.
fn expanded(terms: &Map<String, Value>, node: &Value) -> Value {
    match node {
        Value::Object(members) => {
            let mut out = Map::new();
            for (term, value) in members {
                if term == "@type" {
                    out.insert(term.clone(), json!(iri(terms, value.as_str().unwrap())));
                } else if let Some(name) = iri(terms, term).filter(|_| term != "@context") {
                    let words = terms.get(term).and_then(|means| means["@context"].as_object());
                    let mut scoped = terms.clone();
                    scoped.extend(words.cloned().unwrap_or_default());
                    let value = match value {
                        Value::String(word) if words.is_some() => json!(iri(&scoped, word)),
                        value => expanded(&scoped, value),
                    };
                    out.insert(name, value);
                }
            }
            Value::Object(out)
        }
        Value::Array(entries) => entries.iter().map(|one| expanded(terms, one)).collect(),
        scalar => scalar.clone(),
    }
}

#[tokio::test]
async fn documents_expand_to_the_words_of_schema_org_and_gs1() {
    let (app, key) = shop().await;
    let context = app.http.get(app.public_url("/contexts/v1.jsonld")).send().await.unwrap();
    assert_eq!(context.headers()["content-type"], "application/ld+json");
    let context: Value = context.json().await.unwrap();
    let terms = context["@context"].as_object().unwrap();
    let schema = |word: &str| format!("https://schema.org/{word}");

    let path = format!("/v1/products/{}", data::product_id(0));
    let product = linked(&app, &key, &path).await;
    assert_eq!(product["@context"], "/contexts/v1.jsonld");
    let product = expanded(terms, &product);
    assert_eq!(product["@type"], schema("Product"));
    assert_eq!(product["https://ref.gs1.org/voc/gtin"], format!("0{}", data::gtin13(0)));
    assert_eq!(product[schema("brand")][schema("name")], "Nord");
    assert_eq!(product["https://ref.gs1.org/voc/netContent"][schema("unitCode")], "LTR");
    assert_eq!(product[schema("itemCondition")], schema("NewCondition"));

    let offers = expanded(terms, &linked(&app, &key, &format!("{path}/offers")).await);
    assert_eq!(offers["@type"], schema("ItemList"));
    let offer = &offers[schema("itemListElement")][0];
    assert_eq!(offer["@type"], schema("Offer"));
    assert_eq!(offer[schema("priceSpecification")][schema("price")], "2.39");
    assert_eq!(offer[schema("priceSpecification")][schema("priceCurrency")], "EUR");

    let stock = expanded(terms, &linked(&app, &key, &format!("{path}/stock")).await);
    assert_eq!(stock[schema("itemListElement")][0][schema("availability")], schema("InStock"));

    let stores = expanded(terms, &linked(&app, &key, "/v1/stores").await);
    let store = &stores[schema("itemListElement")][0];
    assert_eq!(store["@type"], schema("Store"));
    assert_eq!(store[schema("geo")][schema("latitude")], 43.6045);
    let hours = &store[schema("openingHoursSpecification")][0];
    assert_eq!(hours[schema("dayOfWeek")], schema("Monday"));

    // schema.org takes hours without an end for those of every day, and the same hour twice for none.
    let mut store = data::store(1);
    store["special_opening_hours"] = json!([
        { "date": "2026-12-24", "opens": "10:00", "closes": "13:00" },
        { "date": "2026-12-25", "closed": true },
    ]);
    app.import(Feed::Stores, &[store]).await;
    let path = format!("/v1/stores/{}", data::store_id(1));
    let store = expanded(terms, &linked(&app, &key, &path).await);
    let words = ["validFrom", "validThrough", "opens", "closes"].map(schema);
    let days = [0, 1].map(|day| {
        let hours = &store[schema("specialOpeningHoursSpecification")][day];
        words.each_ref().map(|word| hours[word].as_str().unwrap().to_owned())
    });
    assert_eq!(days[0], ["2026-12-24", "2026-12-24", "10:00", "13:00"]);
    assert_eq!(days[1], ["2026-12-25", "2026-12-25", "00:00", "00:00"]);
}

#[tokio::test]
async fn json_ld_is_the_same_document_with_an_etag_of_its_own() {
    let (app, key) = shop().await;
    let one = |kind: &str, id: String| (format!("/v1/{kind}/{id}"), true);
    for (path, alone) in [
        one("products", data::product_id(0)),
        one("products/sku", data::sku(0)),
        one("products/gtin", data::gtin13(0)),
        (format!("/v1/products/{}?fields=id,name", data::product_id(0)), true),
        one("categories", data::category_id("drills")),
        one("stores", data::store_id(0)),
        ("/v1/products?limit=2".into(), false),
        ("/v1/categories".into(), false),
        ("/v1/promotions".into(), false),
    ] {
        let plain = get(&app, &key, &path, "application/json").await;
        let mut document = linked(&app, &key, &path).await;
        let answer = get(&app, &key, &path, "application/ld+json").await;
        let etag = answer.headers()["etag"].clone();
        assert_ne!(plain.headers()["etag"], etag, "{path}");
        assert_eq!(plain.headers().get("link"), answer.headers().get("link"), "{path}");
        let held = app.http.get(app.public_url(&path)).bearer_auth(&key.text);
        let held = held.header("accept", "application/ld+json").header("if-none-match", &etag);
        assert_eq!(held.send().await.unwrap().status(), 304, "{path}");

        let members = document.as_object_mut().unwrap();
        assert!(
            members.remove("@context").is_some() && members.remove("@type").is_some(),
            "{path}"
        );
        for item in members.get_mut("items").and_then(Value::as_array_mut).into_iter().flatten() {
            assert!(item.as_object_mut().unwrap().remove("@type").is_some(), "{path}");
        }
        assert_eq!(members.contains_key("items"), !alone, "{path}");
        assert_eq!(document, plain.json::<Value>().await.unwrap(), "{path}");
    }
    let path = format!("/v1/products/{}", data::product_id(0));
    for accept in
        ["application/ld+json;q=0", "application/ld+json;q=0.5, application/json", "ld+json"]
    {
        let answer = get(&app, &key, &path, accept).await;
        assert_eq!(answer.headers()["content-type"], "application/json", "{accept}");
    }
}
