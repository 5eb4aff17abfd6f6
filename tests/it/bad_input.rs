//! What no client should send, and what it is told.

use crate::support::{NOON, TestApp, TestKey, data, problem};
use comptoir::feeds::Feed;
use serde_json::{Value, json};

async fn shop() -> (TestApp, TestKey) {
    let app = TestApp::builder().fixed_clock(NOON).start().await;
    app.stock_shelves(6, 2).await;
    let key = app.key(json!({})).await;
    (app, key)
}

/// The only fault of a refused call: parameter and code.
async fn fault(app: &TestApp, key: &TestKey, path: &str) -> (String, String) {
    let refused = problem(app.get(&key.text, path).await, 400, "invalid_parameter").await;
    let fault = &refused["errors"][0];
    let text = |name: &str| fault[name].as_str().unwrap_or_default().to_owned();
    (text("parameter"), text("code"))
}

async fn cursor_of(app: &TestApp, key: &TestKey, path: &str) -> String {
    let page: Value = app.get(&key.text, path).await.json().await.unwrap();
    page["next"].as_str().unwrap().split("cursor=").nth(1).unwrap().to_owned()
}

#[tokio::test]
async fn a_cursor_goes_on_with_its_own_list_alone() {
    let (app, key) = shop().await;
    let lines: Vec<Value> = (0..6).map(|n| data::offer(n, n % 2, "2.39")).collect();
    app.import(Feed::Offers, &lines).await;
    let cursor = cursor_of(&app, &key, "/v1/products?brand=Nord&limit=2").await;
    let sorted = cursor_of(&app, &key, "/v1/products?sort=name&limit=2").await;
    let cut = &cursor[..cursor.len() - 1];
    for other in [
        format!("/v1/products?brand=Sud&cursor={cursor}"),
        format!("/v1/products?brand=Nord&min_price=1&cursor={cursor}"),
        format!("/v1/products?brand=Nord&sort=name&cursor={cursor}"),
        format!("/v1/products?sort=-name&cursor={sorted}"),
        format!("/v1/products?cursor={cursor}"),
        format!("/v1/categories?cursor={cursor}"),
        format!("/v1/stores?cursor={cursor}"),
        format!("/v1/products?brand=Nord&cursor={cut}"),
        format!("/v1/products?brand=Nord&cursor={cursor}0"),
        format!("/v1/products?brand=Nord&cursor={}", cursor.to_lowercase()),
        format!("/v1/products?brand=Nord&cursor={}", "z".repeat(400)),
    ] {
        problem(app.get(&key.text, &other).await, 400, "invalid_cursor").await;
    }
    // It holds a place in the list and nothing of the caller: another app goes on from it with what its
    // own key may see, and a page of another length is the same walk.
    let other = app.key(json!({})).await;
    let path = format!("/v1/products?brand=Nord&limit=1&cursor={cursor}");
    let (ours, theirs) = (app.get(&key.text, &path).await, app.get(&other.text, &path).await);
    assert_eq!((ours.status().as_u16(), theirs.status().as_u16()), (200, 200));
    assert_eq!(ours.text().await.unwrap(), theirs.text().await.unwrap());
    let blind = app.key(json!({ "scopes": ["stores:read"] })).await;
    problem(app.get(&blind.text, &path).await, 403, "insufficient_scope").await;
}

#[tokio::test]
async fn a_limit_is_within_its_bounds() {
    let (app, key) = shop().await;
    for list in ["/v1/products", "/v1/categories", "/v1/stores", "/v1/promotions", "/v1/changes"] {
        for limit in ["0", "-1", "201x", "1e2", "99999999999999999999", "+", "%200", "4294967297"] {
            let (parameter, _) = fault(&app, &key, &format!("{list}?limit={limit}")).await;
            assert_eq!(parameter, "limit", "{list} {limit}");
        }
    }
    for path in ["/v1/products?limit=201", "/v1/changes?limit=1001", "/v1/suggest?q=a&limit=21"] {
        assert_eq!(fault(&app, &key, path).await.0, "limit", "{path}");
    }
}

/// What is said of the first fault of a refused call.
async fn said(app: &TestApp, key: &TestKey, path: &str) -> String {
    let refused = problem(app.get(&key.text, path).await, 400, "invalid_parameter").await;
    refused["errors"][0]["message"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_number_that_is_none_is_answered_with_what_would_be_one() {
    let (app, key) = shop().await;
    let stock = format!("/v1/products/{}/stock", data::product_id(0));
    for (path, bounds) in [
        (format!("{stock}?max_age_s="), "from 1 to 86400"),
        ("/v1/categories/tree?depth=".to_owned(), "from 1 to 32"),
        ("/v1/products?facets=brand&facet_limit=".to_owned(), "from 1 to 100"),
        ("/v1/suggest?q=a&limit=".to_owned(), "from 1 to 20"),
    ] {
        for value in ["x", "1.5", "-1", "0", "99999999999999999999"] {
            let said = said(&app, &key, &format!("{path}{value}")).await;
            assert_eq!(said, format!("must be a whole number {bounds}"), "{path}{value}");
        }
    }
    for (path, bounds) in [
        ("/admin/v1/imports?limit=x", "must be a whole number from 1 to 200"),
        (
            "/admin/v1/keys?attention=expiring&within_days=x",
            "must be a whole number from 1 to 3650",
        ),
        ("/admin/v1/audit/export?from=x", "must be a position: a whole number from 1 on"),
    ] {
        let refused = problem(app.admin("GET", path, None).await, 400, "invalid_parameter").await;
        assert_eq!(refused["errors"][0]["message"], bounds, "{path}");
    }
}

#[tokio::test]
async fn what_is_wrong_with_a_parameter_reads_as_a_sentence() {
    let (app, key) = shop().await;
    let history = format!("/v1/products/{}/price-history", data::product_id(0));
    let turned = format!("{history}?from=2026-11-22T00:00:00Z&to=2026-11-21T00:00:00Z");
    assert_eq!(said(&app, &key, &turned).await, "must be after `from`");
    let by_id = cursor_of(&app, &key, "/v1/products?limit=2").await;
    let path = format!("/v1/products?sort=name&cursor={by_id}");
    let refused = problem(app.get(&key.text, &path).await, 400, "invalid_cursor").await;
    let detail = refused["detail"].as_str().unwrap();
    assert!(detail.starts_with("`cursor` belongs to another list"), "{detail}");
    for (asked, says) in
        [("format=x", "`format` must be ndjson"), ("mode=x", "`mode` must be full")]
    {
        let path = format!("/admin/v1/feeds/products?{asked}");
        let refused = problem(app.admin("POST", &path, None).await, 400, "invalid_parameter").await;
        assert!(refused["detail"].as_str().unwrap().starts_with(says), "{refused}");
    }
}

#[tokio::test]
async fn a_grid_of_a_million_cells_is_refused_before_it_is_made() {
    let (app, key) = shop().await;
    let gtins: Vec<String> = (0..1_000).map(data::gtin13).collect();
    let stores: Vec<String> = (0..1_000).map(data::store_id).collect();
    let ask = async |body: Value| {
        let call = app.http.post(app.public_url("/v1/stock/query")).bearer_auth(&key.text);
        let refused = call.json(&body).send().await.unwrap();
        problem(refused, 400, "invalid_body").await["errors"][0]["pointer"].clone()
    };
    let few = &gtins[..1];
    assert_eq!(ask(json!({ "gtins": gtins, "store_ids": stores })).await, "/gtins");
    assert_eq!(ask(json!({ "gtins": few, "store_ids": stores })).await, "/store_ids");
    let ids: Vec<String> = (0..25).map(data::product_id).collect();
    let mixed = json!({ "gtins": gtins[..26], "product_ids": ids, "store_ids": stores[..1] });
    assert_eq!(ask(mixed).await, "/gtins");
}

#[tokio::test]
async fn what_is_no_text_is_named_and_reaches_no_database() {
    let (app, key) = shop().await;
    for value in ["%00", "a%00b", "%FF%FE", "%C3%28", "%1B%5B", "%ED%A0%80", "%F5%80%80%80"] {
        for (list, name) in [
            ("/v1/products", "q"),
            ("/v1/products", "brand"),
            ("/v1/products", "attr.color"),
            ("/v1/products", "fields"),
            ("/v1/suggest", "q"),
            ("/v1/stores", "services"),
            ("/v1/changes", "after"),
            ("/v1/promotions", "audience"),
        ] {
            let told = fault(&app, &key, &format!("{list}?{name}={value}")).await;
            assert_eq!(told, (name.to_owned(), "malformed".to_owned()), "{list} {value}");
        }
    }
    for path in ["/v1/products/sku/%00", "/v1/products/sku/%FF", "/v1/categories/%00"] {
        problem(app.get(&key.text, path).await, 404, "not_found").await;
    }
    problem(app.get(&key.text, "/v1/products/gtin/%00").await, 422, "invalid_gtin").await;
    assert_eq!(fault(&app, &key, "/v1/products?%00=1").await.1, "unknown");
}

#[tokio::test]
async fn a_parameter_is_given_once() {
    let (app, key) = shop().await;
    for query in ["limit=1&limit=2", "brand=Nord&brand=Sud", "q=a&q=a", "sort=name&sort=-name"] {
        let told = fault(&app, &key, &format!("/v1/products?{query}")).await;
        assert_eq!(told, (query.split('=').next().unwrap().to_owned(), "repeated".to_owned()));
    }
    assert_eq!(fault(&app, &key, "/v1/products?limt=5").await, ("limt".into(), "unknown".into()));
}

#[tokio::test]
async fn a_wrong_check_digit_is_named_wherever_a_gtin_is_sent() {
    let (app, key) = shop().await;
    for (code, digit, meant) in [
        ("3276550063552", 1, "3276550063551"),
        ("96385075", 4, "96385074"),
        // Without their check digits: UPC-A and EAN-8.
        ("03600029145", 2, "036000291452"),
        ("9638507", 4, "96385074"),
    ] {
        for path in [
            format!("/v1/products/gtin/{code}"),
            format!("/v1/stock?gtin={code}&lat=43.6&lon=1.44"),
            format!("/v1/products?gtin={code}"),
            format!("/v1/products?gtin={},{code}", data::gtin13(0)),
            format!("/v1/stores?items={}:2,{code}:3", data::gtin13(0)),
        ] {
            let told = problem(app.get(&key.text, &path).await, 422, "invalid_gtin").await;
            assert_eq!(told["expected_check_digit"], digit, "{told}");
            let fault = &told["errors"][0];
            assert_eq!(
                (&fault["code"], &fault["suggestion"]),
                (&json!("check_digit"), &json!(meant))
            );
        }
        let grid = json!({ "gtins": [code], "store_ids": [data::store_id(0)] });
        let grid =
            app.http.post(app.public_url("/v1/stock/query")).bearer_auth(&key.text).json(&grid);
        let told: Value = grid.send().await.unwrap().json().await.unwrap();
        assert_eq!(told["not_found"][0]["suggestion"], meant, "{told}");
    }
    // Beside what is wrong otherwise it is one fault of several.
    for other in ["limit=0", "cursor=abc"] {
        let path = format!("/v1/products?gtin=3276550063552&{other}");
        let told = problem(app.get(&key.text, &path).await, 400, "invalid_parameter").await;
        assert_eq!(told["errors"].as_array().unwrap().len(), 2, "{told}");
    }
    // A code of restricted circulation is a wrong GTIN like others.
    let both = "/v1/products?gtin=2012345012349,3276550063552";
    problem(app.get(&key.text, both).await, 422, "invalid_gtin").await;
    for path in ["/v1/products?gtin=2012345012349", "/v1/stores?items=2012345012349"] {
        problem(app.get(&key.text, path).await, 422, "in_store_code").await;
    }
    let short =
        problem(app.get(&key.text, "/v1/products/gtin/123").await, 422, "invalid_gtin").await;
    assert!(short.get("expected_check_digit").is_none(), "{short}");
}

#[tokio::test]
async fn what_is_wrong_with_a_body_is_said_in_plain_words() {
    let (app, key) = shop().await;
    let lookup = app.http.post(app.public_url("/v1/products/lookup")).bearer_auth(&key.text);
    let lookup = lookup.json(&json!({ "identifiers": ["x"] })).send().await.unwrap();
    let refused = problem(lookup, 400, "invalid_body").await;
    let message = refused["errors"][0]["message"].as_str().unwrap();
    assert!(
        message.starts_with("must be an object") && message.ends_with(", not a text"),
        "{refused}"
    );
    let contact = |email: &str| json!({ "role": "billing", "name": "Zoé", "email": email });
    let limits =
        json!([{ "name": "a", "quota": 1, "window_s": 1, "operations": ["list_product"] }]);
    for (path, body, pointer, says) in [
        (
            "partners",
            json!({ "name": "x", "contacts": [contact("me")] }),
            "/contacts/0/email",
            "must be an e-mail address such as name@example.com",
        ),
        ("partners", json!({ "nmae": "x" }), "/nmae", "is not known here; did you mean `name`?"),
        ("partners", json!({ "name": 5 }), "/name", "must be a text in quotes, not 5"),
        (
            "plans",
            json!({ "name": "p", "limits": limits }),
            "/limits/0/operations/0",
            "`list_product` is not known here; did you mean `list_products`?",
        ),
        (
            "plans",
            json!({ "name": "p", "limits": [], "weights": { "list_products": "5" } }),
            "/weights/list_products",
            "must be a number, not a text",
        ),
    ] {
        let refused = app.admin("POST", &format!("/admin/v1/{path}"), Some(body)).await;
        let refused = problem(refused, 400, "invalid_body").await;
        let faults = refused["errors"].as_array().unwrap();
        let found = faults.iter().find(|fault| fault["pointer"] == pointer).unwrap();
        assert_eq!(found["message"], says, "{refused}");
        let detail = refused["detail"].as_str().unwrap();
        assert!(!detail.ends_with("?.") && !detail.contains("expected"), "{detail}");
    }
    let id = app.admin("GET", "/admin/v1/plans/pln_aaaaaaaaaaa", None).await;
    let refused = problem(id, 400, "invalid_parameter").await;
    assert!(refused["detail"].as_str().unwrap().contains("too great a number"), "{refused}");
}
