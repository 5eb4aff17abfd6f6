//! Partners follow what changes.

use crate::support::data::{self, product_id, store_id};
use crate::support::{NOON, TestApp, problem};
use comptoir::feeds::Feed;
use comptoir::kernel::Micros;
use comptoir::kernel::clock::HOUR;
use serde_json::{Value, json};
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

async fn page(app: &TestApp, key: &str, query: &str) -> Value {
    let answer = app.get(key, &format!("/v1/changes{query}")).await;
    assert_eq!(answer.status(), 200, "{query}");
    assert_eq!(answer.headers()["cache-control"], "no-store");
    answer.json().await.unwrap()
}

fn items(page: &Value) -> &Vec<Value> {
    page["items"].as_array().unwrap()
}

#[tokio::test]
async fn a_product_goes_for_the_reason_that_the_feed_says() {
    let app = TestApp::builder().fixed_clock(NOON).start().await;
    app.stock_shelves(5, 1).await;
    let key = app.key(json!({})).await.text;
    let start = page(&app, &key, "?after=latest").await["next_position"].clone();
    let gone =
        |n: u32, reason: Value| json!({ "op": "delete", "sku": data::sku(n), "reason": reason });
    let mut merged = gone(2, json!("merged"));
    merged["replaced_by_sku"] = json!(data::sku(4));
    let lines = [
        gone(0, json!("discontinued")),
        gone(1, json!("out_of_range")),
        merged,
        gone(3, Value::Null),
        gone(4, json!("lost")),
    ];
    let report = app.import(Feed::Products, &lines).await;
    assert_eq!((report.accepted, report.rejected), (4, 1), "{report}");
    assert_eq!(report.first_rejected[0].fault.field, "reason");
    let mut living = data::product(4);
    living["reason"] = json!("merged");
    assert_eq!(app.import(Feed::Products, &[living]).await.rejected, 1);
    let start = start.as_str().unwrap();
    let told = page(&app, &key, &format!("?after={start}&types=product")).await;
    let mut reasons: Vec<(&str, &str)> = items(&told)
        .iter()
        .map(|change| (change["id"].as_str().unwrap(), change["reason"].as_str().unwrap()))
        .collect();
    reasons.sort_unstable();
    let ids = [0, 1, 2, 3].map(product_id);
    let mut expected: Vec<(&str, &str)> = ids
        .iter()
        .map(String::as_str)
        .zip(["discontinued", "out_of_range", "merged", "deleted"])
        .collect();
    expected.sort_unstable();
    assert_eq!(reasons, expected);
    let merged = items(&told).iter().find(|change| change["reason"] == "merged").unwrap();
    assert_eq!((&merged["op"], &merged["replaced_by"]), (&json!("delete"), &json!(product_id(4))));
}

#[tokio::test]
async fn changes_are_followed_from_position_to_position() {
    let app = TestApp::builder().fixed_clock(NOON).start().await;
    app.stock_shelves(4, 2).await;
    let key = app.key(json!({})).await.text;
    let start = page(&app, &key, "?after=latest").await;
    assert_eq!((items(&start).len(), &start["has_more"]), (0, &json!(false)));
    let start = start["next_position"].as_str().unwrap().to_owned();

    app.import(Feed::Offers, &[data::offer(0, 0, "2.39")]).await;
    app.import(Feed::Offers, &[data::offer(0, 0, "1.99")]).await;
    let mut replaced = data::product(1);
    replaced["replaced_by_sku"] = json!(data::sku(2));
    app.import(Feed::Products, &[replaced]).await;
    app.import(Feed::Products, &[json!({ "op": "delete", "sku": data::sku(1) })]).await;

    let first = page(&app, &key, &format!("?after={start}&limit=2")).await;
    assert_eq!((items(&first).len(), &first["has_more"]), (2, &json!(true)));
    let offer = format!("{}/{}/in_store", product_id(0), store_id(0));
    let change = &items(&first)[1];
    assert_eq!(change["type"], "offer");
    assert_eq!((&change["id"], &change["reason"]), (&json!(offer), &json!("price_changed")));
    assert_eq!(
        (&change["product_id"], &change["channel"]),
        (&json!(product_id(0)), &json!("in_store"))
    );
    assert_eq!((&change["version"], &change["occurred_at"]), (&json!(2), &json!(NOON)));
    assert!(change.get("resource").is_none());

    let at = first["next_position"].as_str().unwrap();
    let rest = page(&app, &key, &format!("?after={at}&embed=resource")).await;
    assert_eq!(rest["has_more"], false);
    let gone = items(&rest).last().unwrap();
    assert_eq!((&gone["op"], &gone["id"]), (&json!("delete"), &json!(product_id(1))));
    assert_eq!((&gone["replaced_by"], &gone["resource"]), (&json!(product_id(2)), &Value::Null));

    let prices = page(&app, &key, &format!("?after={start}&types=offer&embed=resource")).await;
    let price = json!({ "amount": "1.99", "currency": "EUR" });
    assert!(items(&prices).iter().all(|change| change["resource"]["price"] == price), "{prices}");
    let offer = items(&prices)[0]["resource"].as_object().unwrap();
    for member in ["lowest_price_30d", "eco_contribution", "seller"] {
        assert!(offer.contains_key(member), "{member}: {offer:?}");
    }
    let elsewhere = format!("?after={start}&types=offer&store_id={}", store_id(1));
    let elsewhere = page(&app, &key, &elsewhere).await;
    assert_eq!((items(&elsewhere).len(), &elsewhere["next_position"]), (0, &rest["next_position"]));
}

#[tokio::test]
async fn a_product_is_embedded_as_it_is_served() {
    let app = TestApp::start().await;
    app.stock_shelves(3, 1).await;
    let key = app.key(json!({})).await.text;
    let products = page(&app, &key, "?types=product,store&embed=resource").await;
    assert_eq!(items(&products).len(), 4);
    for change in items(&products) {
        let path = if change["type"] == "store" { "stores" } else { "products" };
        let id = change["id"].as_str().unwrap();
        let served: Value = app.get(&key, &format!("/v1/{path}/{id}")).await.json().await.unwrap();
        for (field, value) in change["resource"].as_object().unwrap() {
            assert_eq!(served[field], *value, "{id}: {field}");
        }
    }
}

#[tokio::test]
async fn a_key_sees_what_its_scopes_let_it_see() {
    let app = TestApp::start().await;
    app.stock_shelves(2, 1).await;
    app.import(Feed::Stock, &[data::level(0, 0, 4, NOON)]).await;
    let key = app.key(json!({ "scopes": ["changes:read", "catalog:read"] })).await.text;
    let seen = page(&app, &key, "").await;
    assert!(!items(&seen).is_empty());
    assert!(items(&seen).iter().all(|c| c["type"] == "product" || c["type"] == "category"));
    let refused = app.get(&key, "/v1/changes?types=product,stock").await;
    let refused = problem(refused, 403, "insufficient_scope").await;
    assert_eq!(refused["required_scope"], "stock:read");
    let misspelt =
        problem(app.get(&key, "/v1/changes?types=produkt").await, 400, "invalid_parameter").await;
    assert_eq!(misspelt["errors"][0]["suggestion"], "product");
    let stock = app.key(json!({ "scopes": ["changes:read", "stock:read"] })).await.text;
    let levels = page(&app, &stock, "?embed=resource").await;
    assert_eq!(items(&levels)[0]["resource"]["quantity"]["disclosure"], "band");
}

#[tokio::test]
async fn positions_outside_the_log_are_refused_exactly() {
    let app = TestApp::builder().fixed_clock(NOON).start().await;
    app.stock_shelves(2, 1).await;
    let key = app.key(json!({})).await.text;
    let head: i64 = page(&app, &key, "?after=latest").await["next_position"]
        .as_str()
        .and_then(|text| text.parse().ok())
        .unwrap();
    let future = format!("/v1/changes?after={}", head + 1);
    problem(app.get(&key, &future).await, 400, "invalid_parameter").await;
    for wrong in ["-1", "x", "99999999999999999999"] {
        let url = format!("/v1/changes?after={wrong}");
        problem(app.get(&key, &url).await, 400, "invalid_parameter").await;
    }
    let now: Micros = NOON.parse().unwrap();
    comptoir::changes::prune(&app.db, Micros(now.0 + HOUR)).await.unwrap();
    let old = app.get(&key, &format!("/v1/changes?after={}", head - 1)).await;
    let old = problem(old, 410, "position_expired").await;
    assert_eq!(old["oldest_position"], head.to_string());
    assert_eq!(old["restart_from"], "/v1/exports/latest");
    for fine in [format!("?after={head}"), String::new()] {
        assert_eq!(page(&app, &key, &fine).await["next_position"], head.to_string());
    }
    // What was deleted is still known to be gone.
    app.import(Feed::Products, &[json!({ "op": "delete", "sku": data::sku(1) })]).await;
    comptoir::changes::prune(&app.db, Micros(now.0 + HOUR)).await.unwrap();
    let gone = app.get(&key, &format!("/v1/products/{}", product_id(1))).await;
    problem(gone, 410, "gone").await;
}

#[tokio::test]
async fn a_call_waits_for_the_next_change_of_its_types() {
    let mut app = TestApp::builder().fixed_clock(NOON).start().await;
    app.stock_shelves(1, 1).await;
    let key = app.key(json!({})).await.text;
    let head = page(&app, &key, "?after=latest").await["next_position"].clone();
    let head = head.as_str().unwrap();

    // Nothing comes: the page is empty when the time is over.
    let empty = page(&app, &key, &format!("?after={head}&wait_s=1")).await;
    assert_eq!((items(&empty).len(), &empty["next_position"]), (0, &json!(head)));
    // Something is there already: no wait.
    assert!(!items(&page(&app, &key, "?wait_s=30").await).is_empty());

    let query = format!("?after={head}&wait_s=30&types=offer");
    let (found, ()) = tokio::join!(page(&app, &key, &query), async {
        app.wait_for_gauge("changes_waiting", 1).await;
        app.import(Feed::Products, &[data::product(7)]).await;
        app.import(Feed::Offers, &[data::offer(0, 0, "3.10")]).await;
    });
    let kinds: Vec<&Value> = items(&found).iter().map(|entry| &entry["type"]).collect();
    assert_eq!(kinds, ["offer"]);

    problem(app.get(&key, "/v1/changes?wait_s=31").await, 400, "invalid_parameter").await;

    // A node that stops answers who waits, and is not held up by them.
    let url = app.public_url("/v1/changes?after=latest&wait_s=30");
    let position = page(&app, &key, "?after=latest").await["next_position"].clone();
    let url = url.replace("latest", position.as_str().unwrap());
    // The gauge is written at intervals: the call that has ended above must have left it first.
    app.wait_until_gauge("changes_waiting", |waiting| waiting == 0).await;
    let waiting = tokio::spawn(app.http.get(url).bearer_auth(&key).send());
    app.wait_for_gauge("changes_waiting", 1).await;
    app.stop().await;
    assert_eq!(waiting.await.unwrap().unwrap().status(), 200);
}

#[tokio::test]
async fn changes_come_as_lines_with_the_position_beside_them() {
    let app = TestApp::builder().fixed_clock(NOON).start().await;
    app.stock_shelves(4, 2).await;
    let key = app.key(json!({})).await.text;
    let pages = page(&app, &key, "?types=product,store&embed=resource").await;
    let lines = async |path: &str| {
        let call = app.http.get(app.public_url(path)).bearer_auth(&key);
        call.header("accept", "application/x-ndjson").send().await.unwrap()
    };
    let mut next = Some("/v1/changes?types=product,store&embed=resource&limit=4".to_owned());
    let (mut found, mut position): (Vec<Value>, String) = (Vec::new(), String::new());
    while let Some(path) = next {
        let answer = lines(&path).await;
        assert_eq!(answer.headers()["content-type"], "application/x-ndjson", "{path}");
        position = answer.headers()["next-position"].to_str().unwrap().to_owned();
        next = answer.headers().get("link").map(|link| {
            let link = link.to_str().unwrap();
            link.strip_prefix('<').unwrap().strip_suffix(">; rel=\"next\"").unwrap().to_owned()
        });
        let text = answer.text().await.unwrap();
        assert!(text.is_empty() || text.ends_with('\n'));
        found.extend(text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()));
    }
    assert_eq!((found.len(), &found), (6, items(&pages)));
    assert_eq!(pages["next_position"], position);

    let end = lines(&format!("/v1/changes?after={position}")).await;
    assert_eq!(
        (end.headers()["next-position"].to_str().unwrap(), end.headers().get("link")),
        (&*position, None)
    );
    assert_eq!(end.text().await.unwrap(), "");
    // In JSON the same headers stand beside the same members, and problems stay problems.
    let json = app.get(&key, "/v1/changes?limit=1").await;
    let (told, link) = (json.headers()["next-position"].clone(), json.headers()["link"].clone());
    assert_eq!(json.json::<Value>().await.unwrap()["next_position"], told.to_str().unwrap());
    assert_eq!(
        link,
        format!("</v1/changes?limit=1&after={}>; rel=\"next\"", told.to_str().unwrap())
    );
    problem(lines("/v1/changes?after=-1").await, 400, "invalid_parameter").await;
}

#[tokio::test]
async fn an_app_has_places_to_wait_of_its_own() {
    let app = TestApp::builder().fixed_clock(NOON).start().await;
    app.stock_shelves(1, 1).await;
    let (key, other) = (app.key(json!({})).await.text, app.key(json!({})).await.text);
    let head = page(&app, &key, "?after=latest").await["next_position"].clone();
    let query = format!("?after={}&wait_s=30", head.as_str().unwrap());
    let url = app.public_url(&format!("/v1/changes{query}"));
    let waiting: Vec<_> =
        (0..20).map(|_| tokio::spawn(app.http.get(&url).bearer_auth(&key).send())).collect();
    app.wait_for_gauge("changes_waiting", 20).await;
    let one_more = app.get(&key, &format!("/v1/changes{query}")).await;
    assert_eq!(one_more.headers()["retry-after"], "5");
    let refused = problem(one_more, 429, "operation_limited").await;
    assert_eq!(refused["violated-policies"], json!(["waits"]));
    // Who does not wait is answered, and another app has its own places.
    page(&app, &key, "?after=0&wait_s=30").await;
    let (found, ()) = tokio::join!(page(&app, &other, &query), async {
        app.wait_for_gauge("changes_waiting", 21).await;
        app.import(Feed::Offers, &[data::offer(0, 0, "3.10")]).await;
    });
    assert!(!items(&found).is_empty());
    for call in waiting {
        assert_eq!(call.await.unwrap().unwrap().status(), 200);
    }
}

#[tokio::test]
async fn a_client_that_hangs_up_leaves_its_place() {
    let app = TestApp::builder().fixed_clock(NOON).start().await;
    app.stock_shelves(1, 1).await;
    let key = app.key(json!({})).await.text;
    let head = page(&app, &key, "?after=latest").await["next_position"].clone();
    let head = head.as_str().unwrap();
    let call = format!(
        "GET /v1/changes?after={head}&wait_s=30 HTTP/1.1\r\nhost: test\r\nauthorization: Bearer {key}\r\n\r\n"
    );
    let mut callers = Vec::new();
    for _ in 0..20 {
        let mut caller = TcpStream::connect(app.at.public).await.unwrap();
        caller.write_all(call.as_bytes()).await.unwrap();
        callers.push(caller);
    }
    app.wait_for_gauge("changes_waiting", 20).await;
    // One closes for writing alone, as a client may that has no more calls: it has its answer, only sooner.
    let mut half = callers.pop().unwrap();
    half.shutdown().await.unwrap();
    let mut answer = String::new();
    let read = half.read_to_string(&mut answer);
    tokio::time::timeout(Duration::from_secs(15), read).await.expect("before `wait_s`").unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 OK"), "{answer}");
    assert!(answer.contains(&format!("\"next_position\":\"{head}\"")), "{answer}");
    // The others are gone, long before their time is over.
    drop(callers);
    app.wait_until_gauge("changes_waiting", |waiting| waiting == 0).await;
}
