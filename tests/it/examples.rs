//! The whole answers that the documents show: right by their schemas, and what the program answers.
//! `COMPTOIR_GOLDEN=write` writes those of the partner API anew; then `cargo run -- openapi --write openapi`.

use crate::openapi::{document, operations};
use crate::support::schema::{conforms, resolved, tells};
use crate::support::{TestApp, TestKey, data, problem};
use comptoir::access::Scope;
use comptoir::app::openapi::documents;
use comptoir::feeds::Feed;
use comptoir::storage::{Log, log};
use regex::Regex;
use serde_json::{Map, Value, json};
use std::path::Path;

/// When the worked answers are given, and when their stock was counted.
const NOW: &str = "2026-11-22T09:45:00Z";
const COUNTED: &str = "2026-11-22T09:41:07Z";
const ANSWERS: &str = "src/app/openapi/answers.json";

/// Operations whose examples are put together from those of their fields, and why.
const FROM_FIELDS: [(&str, &str); 38] = [
    ("create_access_token", "a token is drawn by lot, and short"),
    ("push_authorization_request", "a reference is drawn by lot, and customers' data is off here"),
    ("introspect_token", "is of a consent, and customers' data is off here"),
    ("get_grant", "is of a consent, and customers' data is off here"),
    ("get_openid_metadata", "customers' data is off here"),
    ("get_resource_metadata", "customers' data is off here"),
    ("get_signing_keys", "customers' data is off here"),
    ("report_leaked_keys", "needs a report that GitHub has signed"),
    ("get_usage", "counts what is folded in its own time"),
    ("get_usage_keys", "has no key before the first export"),
    ("list_usage_events", "tells what is folded in its own time"),
    ("get_usage_event_proof", "is of a period that is closed"),
    ("list_usage_alerts", "a day of calls comes before an alert"),
    ("get_current_usage", "follows what is folded in its own time"),
    ("get_billability", "is a table, a line of which shows what all are like"),
    ("list_own_statements", "follows what is folded in its own time"),
    ("list_own_credits", "tells of what is folded in its own time"),
    ("get_own_statement", "follows what is folded in its own time"),
    ("list_refusals", "is tallied by the minute"),
    ("test_subscription", "needs a receiver on the Internet"),
    ("list_deliveries", "needs a receiver on the Internet"),
    ("replay_subscription", "needs a receiver on the Internet"),
    ("poll_consent_events", "needs a consent that something happened to"),
    ("get_consent_checkpoints", "has none before the first consent"),
    ("confirm_deletion", "needs a consent that has ended"),
    ("create_application", "is registration's, which has tests of its own"),
    ("get_customer_profile", "is about a customer, by their consent"),
    ("list_customer_loyalty", "is about a customer, by their consent"),
    ("list_customer_loyalty_transactions", "is about a customer, by their consent"),
    ("get_customer_purchase_summary", "is about a customer, by their consent"),
    ("list_customer_purchases", "is about a customer, by their consent"),
    ("get_customer_purchase", "is about a customer, by their consent"),
    ("list_customer_lists", "is about a customer, by their consent"),
    ("get_customer_list", "is about a customer, by their consent"),
    ("create_customer_list", "is about a customer, by their consent"),
    ("update_customer_list", "is about a customer, by their consent"),
    ("add_customer_list_item", "is about a customer, by their consent"),
    ("list_customer_promotions", "is about a customer, by their consent"),
];

fn product(n: u32, sku: &str, gtin: &str) -> Value {
    let mut product = if n == 0 { data::product_in_full(0) } else { data::product(n) };
    (product["sku"], product["gtin"]) = (json!(sku), json!(gtin));
    if n == 0 {
        product["identifiers"][0]["value"] = json!(gtin);
        product["replaced_by_sku"] = Value::Null;
        product["status"] = json!("active");
    }
    product
}

fn store(code: &str) -> Value {
    let mut store = data::store_in_full(0);
    (store["store_code"], store["name"]) = (json!(code), json!(format!("Magasin {code}")));
    store
}

/// The shop of the worked answers of `retail.md`: two products, one that was merged into the first, two stores,
/// one of which has counted the first product.
async fn shop() -> (TestApp, TestKey) {
    let builder = TestApp::builder().fixed_clock(NOW);
    let app = builder.set("SERVER__PUBLIC_URL", "https://api.example.com").start().await;
    let mut merged = product(2, "82311568", &data::gtin13(2));
    merged["replaced_by_sku"] = json!("82311569");
    let products =
        [product(0, "82311569", "3276550063551"), product(1, "82311570", "5000112611861"), merged];
    let offer = |store: &str, price: &str| {
        json!({ "sku": "82311569", "store_code": store, "channel": "in_store",
                "price": { "amount": price, "currency": "EUR" } })
    };
    let level = json!({ "sku": "82311569", "store_code": "0261", "quantity": 2, "as_of": COUNTED,
                        "source": "pos", "max_age_s": 900 });
    let promotion = data::promotion("P-1", "1 acheté = 25% de remise");
    for (feed, lines) in [
        (Feed::Categories, data::categories()),
        (Feed::Products, products.to_vec()),
        (Feed::Stores, vec![store("0261"), store("0150")]),
        (Feed::Offers, vec![offer("0261", "2.39"), offer("0150", "2.49")]),
        (Feed::Promotions, vec![promotion]),
        (Feed::Stock, vec![level]),
    ] {
        let report = app.import(feed, &lines).await;
        assert_eq!(report.rejected, 0, "{report}");
    }
    // Quantities are told in bands.
    let scopes = Scope::ALL.iter().map(|scope| scope.as_str()).filter(|s| *s != "stock:quantity");
    let key = app.key(json!({ "scopes": scopes.collect::<Vec<_>>() })).await;
    (app, key)
}

/// What differs from run to run in an answer, always the same.
fn settled(value: &Value) -> Value {
    let drawn = Regex::new("\\b(exp|sub|key|app|prt|pln|dlv)_[0-9A-Za-z]{11}\\b").unwrap();
    match value {
        Value::Object(members) => {
            let member = |(name, value): (&String, &Value)| {
                let value = match name.as_str() {
                    "sha256" => {
                        json!("9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08")
                    }
                    "bytes" => json!(52_428),
                    // Promotions begin by themselves, and take positions of the log.
                    "position" | "next_position" => json!("184467"),
                    // Whoever writes an export takes it at once, or in a moment.
                    "status" if value == "running" => json!("queued"),
                    "secret" => json!("whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"),
                    _ => settled(value),
                };
                (name.clone(), value)
            };
            Value::Object(members.iter().map(member).collect())
        }
        Value::Array(entries) => entries.iter().map(settled).collect(),
        Value::String(text) => {
            let text = drawn.replace_all(text, "${1}_7HqK2mXw9Pz");
            let signature = Regex::new("signature=[0-9a-f]{64}").unwrap();
            let sum = "signature=9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08";
            json!(signature.replace_all(&text, sum))
        }
        other => other.clone(),
    }
}

/// The calls that are answered, in their order: operation, method, path, body.
#[expect(clippy::too_many_lines, reason = "a table of calls")]
async fn calls(app: &TestApp, key: &TestKey) -> Vec<(&'static str, &'static str, String, Value)> {
    let before = log::head(&app.db, Log::Change).await.unwrap();
    app.import(Feed::Products, &[json!({ "op": "delete", "sku": "82311568" })]).await;
    let head = log::head(&app.db, Log::Change).await.unwrap();
    app.wait_for_gauge("search_position", head).await;
    let snapshot = app.snapshot().await;
    let id = |kind: &str, code: &str| match kind {
        "prd" => comptoir::kernel::id::ProductId::derived(code).to_string(),
        _ => comptoir::kernel::id::StoreId::derived(code).to_string(),
    };
    let (first, near, far) = (id("prd", "82311569"), id("sto", "0261"), id("sto", "0150"));
    let drills = data::category_id("drills");
    let promotion = comptoir::kernel::id::PromotionId::derived("P-1");
    let narrow = json!({ "app_id": key.app_id, "name": "narrow", "environment": "live", "scopes": ["catalog:read"] });
    let narrow = app.admin_ok("POST", "/admin/v1/keys", Some(narrow)).await;
    let refused = app.get(narrow["text"].as_str().unwrap(), "/v1/stores").await;
    let refused = problem(refused, 403, "insufficient_scope").await["refusal_id"].clone();
    let refused = refused.as_str().unwrap();
    let get = |operation: &'static str, path: String| (operation, "GET", path, Value::Null);
    let on = |operation, method, path: &str, body| (operation, method, path.to_owned(), body);
    let hook = json!({ "events": ["price.changed"], "url": "https://hooks.example.com/comptoir" });
    let codes = ["3276550063551", "5000112611861"];
    vec![
        get("list_products", "/v1/products?limit=1".into()),
        get("get_product", format!("/v1/products/{first}")),
        get("get_product_by_gtin", "/v1/products/gtin/3276550063551".into()),
        get("get_product_by_sku", "/v1/products/sku/82311569".into()),
        get("list_categories", "/v1/categories?limit=2".into()),
        get("get_category_tree", "/v1/categories/tree".into()),
        get("get_category", format!("/v1/categories/{drills}")),
        get("list_stores", "/v1/stores?lat=43.6&lon=1.44&radius_km=10&limit=1".into()),
        get("get_store", format!("/v1/stores/{near}")),
        get("list_product_offers", format!("/v1/products/{first}/offers")),
        get("list_store_offers", format!("/v1/stores/{near}/offers")),
        get("list_price_history", format!("/v1/products/{first}/price-history")),
        get("list_promotions", "/v1/promotions".into()),
        get("get_promotion", format!("/v1/promotions/{promotion}")),
        get("list_product_stock", format!("/v1/products/{first}/stock")),
        get("list_store_stock", format!("/v1/stores/{near}/stock")),
        get("list_stock", format!("/v1/stock?product_id={first}&lat=43.6&lon=1.44&radius_km=10")),
        on(
            "query_stock",
            "POST",
            "/v1/stock/query",
            json!({ "gtins": codes, "store_ids": [near, far], "max_age_s": 900 }),
        ),
        on(
            "lookup_products",
            "POST",
            "/v1/products/lookup",
            json!({ "identifiers": [{ "gtin": codes[0] }, { "sku": "82311500" }] }),
        ),
        get("list_suggestions", "/v1/suggest?q=pro".into()),
        get("list_changes", format!("/v1/changes?after={before}&types=product")),
        get("get_latest_export", "/v1/exports/latest?resource=products".into()),
        get("get_export", format!("/v1/exports/{snapshot}")),
        on("create_export", "POST", "/v1/exports", json!({ "resources": ["products"] })),
        on("create_subscription", "POST", "/v1/subscriptions", hook),
        get("list_subscriptions", "/v1/subscriptions".into()),
        get("get_subscription", "/v1/subscriptions/{subscription_id}".into()),
        on(
            "update_subscription",
            "PATCH",
            "/v1/subscriptions/{subscription_id}",
            json!({ "description": "Prices" }),
        ),
        on(
            "rotate_subscription_secret",
            "POST",
            "/v1/subscriptions/{subscription_id}/rotate-secret",
            Value::Null,
        ),
        get("get_refusal", format!("/v1/refusals/{refused}")),
        get("get_resolver_description", "/.well-known/gs1resolver".into()),
        get("get_oauth_metadata", "/.well-known/oauth-authorization-server".into()),
    ]
}

fn described<'a>(document: &'a Value, id: &str) -> &'a Value {
    let paths = document["paths"].as_object().unwrap().values();
    let mut all = paths.flat_map(|methods| methods.as_object().unwrap().values());
    all.find(|operation| operation["operationId"] == id).unwrap_or_else(|| panic!("no {id}"))
}

#[tokio::test]
async fn the_examples_of_the_partner_api_are_what_the_program_answers() {
    let (app, key) = shop().await;
    let document = document("partner");
    let (mut answers, mut subscription) = (Map::new(), String::new());
    for (id, method, path, body) in calls(&app, &key).await {
        let path = path.replace("{subscription_id}", &subscription);
        let request = app.http.request(method.parse().unwrap(), app.public_url(&path));
        let mut request = request.bearer_auth(&key.text);
        if !body.is_null() {
            request = request.json(&body);
        }
        let answer = request.send().await.unwrap();
        let (status, headers) = (answer.status(), answer.headers().clone());
        let text = answer.text().await.unwrap();
        assert!(status.is_success(), "{id}: {status} {text}");
        let response = &described(&document, id)["responses"][status.as_str()];
        tells(&headers, response, &document, id);
        let body: Value = serde_json::from_str(&text).unwrap();
        if id == "create_subscription" {
            body["id"].as_str().unwrap().clone_into(&mut subscription);
        }
        answers.insert(id.to_owned(), settled(&body));
    }
    let found = serde_json::to_string_pretty(&Value::Object(answers.clone())).unwrap() + "\n";
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(ANSWERS);
    if std::env::vars().any(|set| set == ("COMPTOIR_GOLDEN".to_owned(), "write".to_owned())) {
        std::fs::write(&file, &found).unwrap();
    }
    let known: Value = serde_json::from_str(&std::fs::read_to_string(&file).unwrap()).unwrap();
    for (id, answer) in &answers {
        assert_eq!(known[id], *answer, "{id}: {ANSWERS} has another answer");
    }
    assert_eq!(known.as_object().unwrap().len(), answers.len(), "{ANSWERS} has what is not asked");
}

/// The worked answers of `retail.md` §5c are shown.
#[tokio::test]
async fn the_worked_answers_stand_in_the_document() {
    let document = document("partner");
    let example = |id: &str| {
        described(&document, id)["responses"]["200"]["content"]["application/json"]["example"]
            .clone()
    };
    let grid = example("query_stock");
    let cells = grid["items"].as_array().unwrap();
    assert_eq!((cells.len(), &grid["max_age_s"]), (4, &json!(900)));
    let told = |cell: &Value| {
        [
            &cell["gtin"],
            &cell["availability"],
            &cell["quantity"]["disclosure"],
            &cell["quantity"]["band"],
            &cell["as_of"],
            &cell["is_stale"],
        ]
        .map(Clone::clone)
    };
    let code = "03276550063551";
    let has = [
        json!(code),
        json!("low_stock"),
        json!("band"),
        json!("1-2"),
        json!(COUNTED),
        json!(false),
    ];
    assert!(cells.iter().any(|cell| told(cell) == has), "{grid}");
    let unknown = |cell: &&Value| {
        cell["availability"] == "unknown" && cell["as_of"].is_null() && cell["is_stale"] == true
    };
    assert_eq!(cells.iter().filter(unknown).count(), 3, "{grid}");

    let changes = example("list_changes");
    let change = &changes["items"][0];
    assert_eq!(
        (&change["op"], &change["type"]),
        (&json!("delete"), &json!("product")),
        "{changes}"
    );
    let heir = comptoir::kernel::id::ProductId::derived("82311569").to_string();
    assert_eq!((&change["replaced_by"], &changes["has_more"]), (&json!(heir), &json!(false)));
    let position = |of: &Value| of.as_str().unwrap().parse::<i64>().unwrap();
    assert!(position(&changes["next_position"]) >= position(&change["position"]), "{changes}");

    // And the refused GTIN is refused as it is shown.
    let (app, key) = shop().await;
    let path = "/v1/products/gtin/3276550063552";
    let refused = problem(app.get(&key.text, path).await, 422, "invalid_gtin").await;
    let shown = &described(&document, "get_product_by_gtin")["responses"]["422"];
    let shown = &resolved(shown, &document)["content"]["application/problem+json"]["examples"];
    let mut shown = shown["invalid_gtin"]["value"].clone();
    shown["request_id"] = refused["request_id"].clone();
    assert_eq!(refused, shown);
}

/// Every JSON answer of every document has an example, which is right by its schema.
#[test]
fn every_answer_has_an_example_that_is_right() {
    let answers = Path::new(env!("CARGO_MANIFEST_DIR")).join(ANSWERS);
    let answers: Value = serde_json::from_str(&std::fs::read_to_string(answers).unwrap()).unwrap();
    let mut seen = 0;
    for name in documents().map(|document| document.name) {
        let document = document(name);
        for (path, method, operation) in operations(&document) {
            let id = operation["operationId"].as_str().unwrap();
            let responses = operation["responses"].as_object().unwrap().iter();
            for (status, response) in responses.filter(|(status, _)| status.starts_with('2')) {
                let content = &response["content"]["application/json"];
                if content.is_null() {
                    continue;
                }
                let at = format!("{name}: {method} {path} {status}");
                assert!(!content["example"].is_null(), "{at}: no example");
                let text = content["example"].to_string();
                assert!(!text.contains("\"…\""), "{at}: a field has no example: {text}");
                conforms(&content["example"], &content["schema"], &document, &at);
                seen += 1;
                let given = &answers[id];
                let excused = FROM_FIELDS.iter().any(|(known, _)| *known == id);
                if name == "partner" {
                    assert_ne!(
                        given.is_null(),
                        !excused,
                        "{at}: an answer of the program, or a reason"
                    );
                    assert!(given.is_null() || *given == content["example"], "{at}");
                }
            }
        }
    }
    assert!(seen > 100, "{seen}");
}
