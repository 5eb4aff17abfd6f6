//! Plans that include some fields: the others are absent wherever their resource appears, and nothing is told by
//! way of them.

use super::shop::{Shop, calls};
use crate::support::{TestApp, data, problem};
use comptoir::access::plan::{fields, kept};
use comptoir::access::resource::Kind;
use comptoir::kernel::word::Word as _;
use serde_json::{Value, json};
use std::collections::BTreeSet;

const ALL: [(Kind, &str); 6] = [
    (Kind::Product, "ProductOut"),
    (Kind::Category, "CategoryOut"),
    (Kind::Store, "StoreOut"),
    (Kind::Offer, "OfferOut"),
    (Kind::Promotion, "PromotionOut"),
    (Kind::Stock, "StockLevelOut"),
];

#[test]
fn a_plan_can_name_every_field_that_there_is() {
    let document = comptoir::app::openapi::documents().into_iter().find(|d| d.name == "partner");
    let document: Value = serde_json::from_str(&document.unwrap().json).unwrap();
    for (kind, schema) in ALL {
        let described = &document["components"]["schemas"][schema]["properties"];
        let described = described.as_object().unwrap().keys().map(String::as_str);
        // Texts in other languages go with the field that they are of.
        let described: BTreeSet<&str> = described.filter(|name| *name != "translations").collect();
        let named: Vec<&str> = fields(kind).iter().chain(kept(kind)).copied().collect();
        assert_eq!(named.iter().copied().collect::<BTreeSet<_>>(), described, "{schema}");
        assert_eq!(named.len(), described.len(), "{schema}: named twice");
        assert!(fields(kind).is_sorted(), "{schema}");
    }
}

/// What a document is, by its ids.
fn kind_of(object: &serde_json::Map<String, Value>) -> Option<Kind> {
    let has = |name: &str| object.contains_key(name);
    let id = object.get("id").and_then(Value::as_str).unwrap_or_default();
    match id.split('_').next()? {
        "prd" => Some(Kind::Product),
        "cat" => Some(Kind::Category),
        "sto" => Some(Kind::Store),
        "prm" => Some(Kind::Promotion),
        _ if has("product_id") && has("store_id") && has("channel") => Some(Kind::Offer),
        _ if has("product_id") && has("store_id") => Some(Kind::Stock),
        _ => None,
    }
}

/// Calls `each` with every resource in an answer, wherever it stands.
fn resources(value: &Value, each: &mut dyn FnMut(Kind, &serde_json::Map<String, Value>)) {
    match value {
        Value::Object(object) => {
            if let Some(kind) = kind_of(object) {
                each(kind, object);
            }
            object.values().for_each(|value| resources(value, each));
        }
        Value::Array(items) => items.iter().for_each(|value| resources(value, each)),
        _ => {}
    }
}

/// One field of each kind.
fn some() -> Value {
    json!({ "fields": {
        "product": ["name"], "category": ["name"], "store": ["name"], "offer": ["price"],
        "promotion": ["title"], "stock": ["availability"],
    } })
}

#[tokio::test]
async fn a_field_that_is_left_out_is_absent_everywhere() {
    let shop = Shop::open().await;
    let (key, _) = shop.key(&some()).await;
    // What answers a call, and stands beside a resource that is looked up, listed or suggested.
    let beside =
        ["matched", "translations", "type", "text", "total_count", "child_count", "children"];
    let (mut seen, mut refused) = (BTreeSet::new(), 0);
    for call in calls(&[0, 1], &[0, 1]) {
        let (status, body) = shop.call(&key, &call).await;
        let value: Value = serde_json::from_str(&body).unwrap();
        if status == 403 {
            assert_eq!(value["code"], "not_in_plan", "{call:?}: {body}");
            refused += 1;
            continue;
        }
        assert_eq!(status, 200, "{call:?}: {body}");
        resources(&value, &mut |kind, object| {
            let own = |name: &&String| {
                let name = name.as_str();
                let granted = some()["fields"][kind.as_str()][0] == name;
                !granted && !kept(kind).contains(&name) && !beside.contains(&name)
            };
            // A price of the past has its times, a cell of a grid is a level.
            let others = object.keys().filter(own);
            let others: Vec<_> =
                others.filter(|name| *name != "since" && *name != "until").collect();
            assert!(others.is_empty(), "{call:?}: {others:?} in {body}");
            seen.insert(kind.as_str());
        });
    }
    let all: BTreeSet<&str> = ALL.iter().map(|(kind, _)| kind.as_str()).collect();
    assert_eq!(seen, all);
    assert!(refused > 0, "a filter by what is left out is refused");
}

/// What is asked for, and the field that it rests on.
const REFUSED: [(&str, &str); 44] = [
    ("/v1/products?brand=Nord", "product.brand"),
    ("/v1/products?category_id=cat_00000000000", "product.category_ids"),
    ("/v1/products?item_group_id=a", "product.item_group_id"),
    ("/v1/products?status=active", "product.status"),
    ("/v1/products?condition=new", "product.condition"),
    ("/v1/products?is_sold_by_weight=true", "product.is_sold_by_weight"),
    ("/v1/products?min_price=1", "offer.price"),
    ("/v1/products?max_price=1", "offer.price"),
    ("/v1/products?availability=in_stock", "stock.availability"),
    ("/v1/products?attr.power=650", "product.additional_property"),
    ("/v1/products?sort=name", "product.name"),
    ("/v1/products?sort=-price", "offer.price"),
    ("/v1/products?q=produit", "product.name"),
    ("/v1/products?facets=brand", "product.brand"),
    ("/v1/products?facets=category_id", "product.category_ids"),
    ("/v1/products?facets=price", "offer.price"),
    ("/v1/products?facets=availability", "stock.availability"),
    ("/v1/products?facets=condition", "product.condition"),
    ("/v1/products?facets=status", "product.status"),
    ("/v1/products?facets=attr.power", "product.additional_property"),
    ("/v1/products?embed=variants", "product.item_group_id"),
    ("/v1/products/{product}?embed=variants", "product.item_group_id"),
    ("/v1/products/{product}/price-history", "offer.price"),
    ("/v1/products/{product}/stock?availability=in_stock", "stock.availability"),
    ("/v1/stores/{store}/stock?availability=in_stock", "stock.availability"),
    ("/v1/stores/{store}/stock?updated_since=2026-01-01T00:00:00Z", "stock.received_at"),
    ("/v1/stock?product_id={product}&{near}", "store.geo"),
    ("/v1/suggest?q=pro&types=product", "product.name"),
    ("/v1/suggest?q=pro&types=brand", "product.brand"),
    ("/v1/suggest?q=pro&types=category", "category.name"),
    ("/v1/categories?parent_id=cat_00000000000", "category.parent_id"),
    ("/v1/stores?{near}", "store.geo"),
    ("/v1/stores?open_now=true", "store.open_now"),
    ("/v1/stores?services=drive", "store.services"),
    ("/v1/stores?country=FR", "store.address"),
    ("/v1/stores?city=Balma", "store.address"),
    ("/v1/stores?postal_code=13001", "store.address"),
    ("/v1/stores?items={product}", "stock.availability"),
    ("/v1/promotions?store_id=sto_00000000000", "promotion.store_ids"),
    ("/v1/promotions?brand=Nord", "promotion.applies_to"),
    ("/v1/promotions?product_id={product}", "promotion.applies_to"),
    ("/v1/promotions?channel=online", "promotion.channels"),
    ("/v1/promotions?audience=public", "promotion.audience"),
    ("/v1/promotions?active_at=2026-11-22T12:00:00Z", "promotion.valid_from"),
];

#[tokio::test]
async fn what_rests_on_a_field_that_is_left_out_is_refused() {
    let shop = Shop::open().await;
    let (key, _) = shop
        .key(&json!({ "fields": {
        "product": ["images"], "category": ["code"], "store": ["type"], "offer": ["list_price"],
        "promotion": ["title"], "stock": ["source"],
    } }))
        .await;
    let everything = shop.app.key(json!({})).await;
    let (product, store) = (data::product_id(0), data::store_id(0));
    for (path, field) in REFUSED {
        let path = path.replace("{product}", &product).replace("{store}", &store);
        let path = path.replace("{near}", "lat=43.6&lon=1.44");
        let refused = problem(shop.app.get(&key.text, &path).await, 403, "not_in_plan").await;
        let detail = refused["detail"].as_str().unwrap();
        assert!(detail.contains(&format!("`{field}`")), "{path}: {detail}");
        assert_eq!(shop.app.get(&everything.text, &path).await.status(), 200, "{path}");
    }
    // What is asked for by a code, or by a field that is included, is answered.
    for path in [
        format!("/v1/products/gtin/{}", data::gtin13(0)),
        format!("/v1/products?gtin={}&sku={}", data::gtin13(0), data::sku(0)),
        "/v1/products?sort=-updated_at&include_total=true".into(),
        "/v1/stores?type=supermarket".into(),
        "/v1/suggest?q=pro".into(),
    ] {
        assert_eq!(shop.app.get(&key.text, &path).await.status(), 200, "{path}");
    }
}

#[tokio::test]
async fn every_form_is_cut_and_has_a_tag_of_its_own() {
    let shop = Shop::open().await;
    let full = data::product_in_full(0);
    let report = shop.app.import(comptoir::feeds::Feed::Products, &[full]).await;
    assert_eq!(report.rejected, 0, "{report}");
    let (key, _) = shop.key(&some()).await;
    let everything = shop.app.key(json!({})).await;
    let path = format!("/v1/products/{}", data::product_id(0));
    let whole = shop.app.get(&everything.text, &path).await;
    let cut = shop.app.get(&key.text, &path).await;
    let tag = cut.headers()["etag"].clone();
    assert_ne!(whole.headers()["etag"], tag);
    let body: Value = cut.json().await.unwrap();
    let texts = json!({ "en": { "name": "Product 0" }, "pt-BR": { "name": "Produto 0" } });
    assert_eq!(body["translations"], texts, "{body}");
    let with = async |name: &str, value: &str, path: &str| {
        let request = shop.app.http.get(shop.app.public_url(path)).bearer_auth(&key.text);
        request.header(name, value).send().await.unwrap()
    };
    let again = with("if-none-match", tag.to_str().unwrap(), &path).await;
    assert_eq!(again.status(), 304);
    let english: Value = with("accept-language", "en", &path).await.json().await.unwrap();
    assert_eq!(english["name"], "Product 0");
    assert!(english.get("translations").is_none() && english.get("sku").is_none(), "{english}");
    let linked: Value = with("accept", "application/ld+json", &path).await.json().await.unwrap();
    assert_eq!((&linked["@type"], linked.get("gtin")), (&json!("Product"), None), "{linked}");
    let table = with("accept", "text/csv", "/v1/products?limit=1").await.text().await.unwrap();
    let mut lines = table.lines();
    let columns: Vec<&str> = lines.next().unwrap().split(',').collect();
    let cells: Vec<&str> = lines.next().unwrap().split(',').collect();
    let cell = |name: &str| cells[columns.iter().position(|column| *column == name).unwrap()];
    assert!(cell("name").starts_with("Produit"), "{table}");
    assert_eq!((cell("sku"), cell("gtin"), cell("status")), ("", "", ""), "{table}");
}

#[tokio::test]
async fn what_a_plan_includes_is_told_to_who_may_ask_for_it() {
    let app = TestApp::builder().set("REGISTRATION__ENABLED", "true").start().await;
    let limits = json!([{ "name": "burst", "quota": 9, "window_s": 1 }]);
    let data = json!({ "brand_ids": ["Nord"], "fields": { "product": ["name"] } });
    let plan = json!({ "name": "Nord", "limits": limits, "data": data });
    let plan = app.admin_ok("POST", "/admin/v1/plans", Some(plan)).await;
    let brand = comptoir::kernel::id::BrandId::named("Nord").to_string();
    let told = json!({ "brand_ids": [brand], "fields": { "product": ["name"] } });
    assert_eq!(plan["data"], told);
    let offer = json!({ "approval": "manual", "public": true });
    let path = format!("/admin/v1/plans/{}/offer", plan["id"].as_str().unwrap());
    app.admin_ok("PUT", &path, Some(offer)).await;
    let plans = app.http.get(app.public_url("/v1/plans")).send().await.unwrap();
    assert_eq!(plans.json::<Value>().await.unwrap()["items"][0]["data"], told);
    let versions = format!("/admin/v1/plans/{}/versions/1", plan["id"].as_str().unwrap());
    assert_eq!(app.admin_ok("GET", &versions, None).await["data"], told);
    let wrong =
        json!({ "name": "x", "limits": limits, "data": { "fields": { "product": ["id"] } } });
    let refused =
        problem(app.admin("POST", "/admin/v1/plans", Some(wrong)).await, 400, "invalid_body");
    assert_eq!(refused.await["errors"][0]["pointer"], "/data/fields/product");
}
