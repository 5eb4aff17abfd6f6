//! Webhooks as partners use them, with a receiver of their own.

mod billing;
mod faults;
mod personal;
pub(crate) mod receiver;
mod restart;

use self::receiver::{Manner, Receiver};
use crate::support::schema::conforms;
use crate::support::{NOON, TestApp, TestKey, data, problem};
use comptoir::app::openapi::documents;
use comptoir::feeds::Feed;
use comptoir::kernel::id::{DeliveryId, ProductId};
use serde_json::{Value, json};

/// Microseconds.
const SECOND: i64 = 1_000_000;

pub(crate) async fn shop() -> (TestApp, TestKey) {
    shop_with(&[]).await
}

/// A shop that may send to this machine, with further settings.
async fn shop_with(settings: &[(&str, &str)]) -> (TestApp, TestKey) {
    let own = [
        ("HOOKS__ALLOW_HTTP", "true"),
        ("HOOKS__PRIVATE_TARGETS", "127.0.0.0/8"),
        ("HOOKS__POLL_MS", "20"),
    ];
    let app = TestApp::builder().fixed_clock(NOON);
    let app = own.iter().chain(settings).fold(app, |app, (key, value)| app.set(key, value));
    let app = app.start().await;
    app.stock_shelves(3, 2).await;
    app.import(Feed::Offers, &[data::offer(0, 0, "2.39"), data::offer(1, 0, "5.00")]).await;
    app.import(Feed::Stock, &[data::level(0, 0, 0, "2026-11-22T11:00:00Z")]).await;
    app.caught_up().await;
    let key = app.key(json!({})).await;
    (app, key)
}

async fn ask(
    app: &TestApp,
    key: &TestKey,
    method: &str,
    path: &str,
    body: Option<Value>,
) -> reqwest::Response {
    let request = app.http.request(method.parse().unwrap(), app.public_url(path));
    let request = request.bearer_auth(&key.text);
    let request = match body {
        Some(body) => request.json(&body),
        None => request,
    };
    request.send().await.unwrap()
}

pub(crate) async fn subscribe(app: &TestApp, key: &TestKey, body: Value) -> Value {
    let answer = ask(app, key, "POST", "/v1/subscriptions", Some(body)).await;
    assert_eq!(answer.status(), 201);
    assert!(answer.headers()["location"].to_str().unwrap().starts_with("/v1/subscriptions/sub_"));
    answer.json().await.unwrap()
}

fn path(subscription: &Value, rest: &str) -> String {
    format!("/v1/subscriptions/{}{rest}", subscription["id"].as_str().unwrap())
}

pub(crate) async fn price(app: &TestApp, product: u32, price: &str) {
    let mut offer = data::offer(product, 0, price);
    offer["as_of"] = json!(app.clock.now().to_string());
    let report = app.import(Feed::Offers, &[offer]).await;
    assert_eq!(report.rejected, 0, "{report}");
}

/// The deliveries once one of them is `status`.
async fn deliveries(
    app: &TestApp,
    key: &TestKey,
    subscription: &Value,
    (status, attempts): (&str, u64),
) -> Value {
    let deadline = std::time::Instant::now() + crate::support::PATIENCE;
    loop {
        let listed: Value =
            app.get(&key.text, &path(subscription, "/deliveries")).await.json().await.unwrap();
        let newest = &listed["items"][0];
        if newest["status"] == status && newest["attempts"] == attempts {
            return listed;
        }
        assert!(std::time::Instant::now() < deadline, "no {status}: {listed}");
        crate::support::pause().await;
    }
}

fn documented(value: &Value, schema: &str) {
    let partner = documents().into_iter().find(|d| d.name == "partner").unwrap();
    let document: Value = serde_json::from_str(&partner.json).unwrap();
    let reference = json!({ "$ref": format!("#/components/schemas/{schema}") });
    conforms(value, &reference, &document, schema);
}

#[tokio::test]
async fn a_change_arrives_signed_and_with_what_the_resource_is() {
    let (app, key) = shop().await;
    let mut receiver = Receiver::start().await;
    let body = json!({ "url": receiver.url, "events": ["price.changed", "stock.back_in_stock"] });
    let made = subscribe(&app, &key, body).await;
    let secret = made["secret"].as_str().unwrap();
    price(&app, 0, "2.49").await;
    let message = receiver.next().await;
    assert!(message.is_signed_with(secret));
    assert!(!message.is_signed_with("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"));
    let told = message.body();
    assert_eq!((&told["type"], &told["timestamp"]), (&json!("price.changed"), &json!(NOON)));
    assert_eq!(told["data"]["resource"]["price"]["amount"], "2.49");
    assert_eq!(told["data"]["reason"], "price_changed");
    // What was not asked for does not come; what is back does.
    price(&app, 0, "2.49").await;
    app.import(Feed::Stock, &[data::level(0, 0, 5, "2026-11-22T11:58:00Z")]).await;
    let message = receiver.next().await;
    assert_eq!(message.body()["type"], "stock.back_in_stock");
    assert_eq!(message.body()["data"]["resource"]["availability"], "in_stock");
    let listed = deliveries(&app, &key, &made, ("delivered", 1)).await;
    assert_eq!(listed["items"].as_array().unwrap().len(), 2);
    assert_eq!(listed["items"][0]["id"], message.id);
    documented(&made, "SubscriptionOut");
    documented(&listed, "PageOfDeliveries");
    documented(&message.body(), "MessageOut");
    let seen: Value = app.get(&key.text, &path(&made, "")).await.json().await.unwrap();
    documented(&seen, "SubscriptionOut");
    assert_eq!((&seen["delivered"], &seen["pending"]), (&json!(2), &json!(0)));
    assert!(seen.get("secret").is_none());
}

#[tokio::test]
async fn a_product_that_was_merged_is_told_with_what_replaces_it() {
    let (app, key) = shop().await;
    let mut receiver = Receiver::start().await;
    subscribe(&app, &key, json!({ "url": receiver.url, "events": ["product.deleted"] })).await;
    let id = |n: u32| ProductId::derived(&data::sku(n)).to_string();
    let mut merged = json!({ "op": "delete", "sku": data::sku(2), "reason": "merged" });
    merged["replaced_by_sku"] = json!(data::sku(1));
    let report = app.import(Feed::Products, &[merged]).await;
    assert_eq!(report.accepted, 1, "{report}");
    let told = receiver.next().await.body();
    assert_eq!((&told["data"]["id"], &told["data"]["reason"]), (&json!(id(2)), &json!("merged")));
    assert_eq!(told["data"]["replaced_by"], json!(id(1)));
    documented(&told, "MessageOut");
    app.import(Feed::Products, &[json!({ "op": "delete", "sku": data::sku(0) })]).await;
    let told = receiver.next().await.body();
    assert_eq!(told["data"]["id"], json!(id(0)));
    assert!(told["data"].get("replaced_by").is_none(), "{told}");
}

#[tokio::test]
async fn what_a_receiver_missed_comes_when_it_is_back() {
    let (app, key) = shop().await;
    let mut receiver = Receiver::start().await;
    let made =
        subscribe(&app, &key, json!({ "url": receiver.url, "events": ["price.changed"] })).await;
    receiver.answer(500);
    price(&app, 0, "3.00").await;
    let first = receiver.next().await;
    let waiting = deliveries(&app, &key, &made, ("pending", 1)).await["items"][0].clone();
    assert_eq!((&waiting["attempts"], &waiting["response_status"]), (&json!(1), &json!(500)));
    let inside = "location: http://127.0.0.1:1/inside\r\n";
    receiver.take(Manner::Answers(302, inside.to_owned()));
    app.clock.advance(6 * SECOND);
    let second = receiver.next().await;
    deliveries(&app, &key, &made, ("pending", 2)).await;
    receiver.answer(200);
    app.clock.advance(40 * SECOND);
    let third = receiver.next().await;
    // The same message, with a time and a signature of its own: the redirect was not followed.
    assert_eq!((&first.id, &first.text), (&third.id, &third.text));
    assert_eq!(first.id, second.id);
    assert_eq!(third.timestamp - first.timestamp, 46);
    assert!(third.is_signed_with(made["secret"].as_str().unwrap()));
    let done = deliveries(&app, &key, &made, ("delivered", 3)).await["items"][0].clone();
    assert_eq!((&done["attempts"], &done["next_attempt_at"]), (&json!(3), &Value::Null));
}

#[tokio::test]
async fn a_receiver_that_is_gone_is_left_alone_until_it_is_repaired() {
    let (app, key) = shop().await;
    let mut receiver = Receiver::start().await;
    let made =
        subscribe(&app, &key, json!({ "url": receiver.url, "events": ["price.changed"] })).await;
    receiver.answer(410);
    price(&app, 0, "3.00").await;
    receiver.next().await;
    deliveries(&app, &key, &made, ("failed", 1)).await;
    let deadline = std::time::Instant::now() + crate::support::PATIENCE;
    loop {
        let seen: Value = app.get(&key.text, &path(&made, "")).await.json().await.unwrap();
        if seen["status"] == "disabled" {
            assert_eq!(seen["status_reason"], "receiver_gone");
            break;
        }
        assert!(std::time::Instant::now() < deadline, "{seen}");
        crate::support::pause().await;
    }
    price(&app, 1, "6.00").await;
    receiver.answer(204);
    let patch = Some(json!({ "status": "active" }));
    assert_eq!(ask(&app, &key, "PATCH", &path(&made, ""), patch).await.status(), 200);
    // What happened meanwhile was not lost; what was given up comes on request.
    let told = receiver.next().await;
    assert_eq!(told.body()["data"]["resource"]["price"]["amount"], "6.00");
    let listed = deliveries(&app, &key, &made, ("delivered", 1)).await;
    let unknown = DeliveryId::derived("none");
    let some = json!({ "delivery_ids": [listed["items"][1]["id"], unknown] });
    let answer = ask(&app, &key, "POST", &path(&made, "/replay"), Some(some)).await;
    let refused = problem(answer, 400, "invalid_body").await;
    assert_eq!(refused["errors"][0]["pointer"], "/delivery_ids/1");
    let again = json!({ "delivery_ids": [listed["items"][1]["id"]] });
    let answer = ask(&app, &key, "POST", &path(&made, "/replay"), Some(again)).await;
    assert_eq!(answer.status(), 200);
    assert_eq!(receiver.next().await.body()["data"]["resource"]["price"]["amount"], "3.00");
    // And everything behind a position comes again under the same ids.
    let from = made["position"].as_str().unwrap();
    let answer =
        ask(&app, &key, "POST", &path(&made, "/replay"), Some(json!({ "after": from }))).await;
    assert_eq!(answer.status(), 200);
    let ids = [receiver.next().await.id, receiver.next().await.id];
    assert!(ids.contains(&told.id) && ids[0] != ids[1]);
}

#[tokio::test]
async fn filters_tests_and_rotation_do_what_they_say() {
    let (app, key) = shop().await;
    let mut receiver = Receiver::start().await;
    let filter = json!({ "gtins": [data::gtin13(0)], "store_ids": [data::store_id(0)],
                         "category_ids": [data::category_id("tools")] });
    let made = subscribe(
        &app,
        &key,
        json!({ "url": receiver.url, "events": ["price.changed", "store.updated"], "filter": filter }),
    )
    .await;
    price(&app, 1, "3.00").await;
    price(&app, 0, "6.00").await;
    assert_eq!(receiver.next().await.body()["data"]["resource"]["price"]["amount"], "6.00");

    let tested = ask(&app, &key, "POST", &path(&made, "/test"), None).await;
    let tested: Value = tested.json().await.unwrap();
    documented(&tested, "TestOut");
    assert_eq!((&tested["delivered"], &tested["response_status"]), (&json!(true), &json!(204)));
    assert_eq!(receiver.next().await.body()["type"], "subscription.test");

    let rotated = ask(&app, &key, "POST", &path(&made, "/rotate-secret"), None).await;
    let rotated: Value = rotated.json().await.unwrap();
    let (old, new) = (made["secret"].as_str().unwrap(), rotated["secret"].as_str().unwrap());
    assert_ne!(old, new);
    price(&app, 0, "7.00").await;
    let message = receiver.next().await;
    assert!(message.is_signed_with(old) && message.is_signed_with(new));
    app.clock.advance(24 * 3_600 * SECOND);
    price(&app, 0, "8.00").await;
    let message = receiver.next().await;
    assert!(!message.is_signed_with(old) && message.is_signed_with(new));

    // What goes with its product is told too.
    let filter = json!({ "gtins": [data::gtin13(0)], "store_ids": [data::store_id(0)] });
    let events = json!({ "events": ["offer.deleted", "price.changed"], "filter": filter });
    assert_eq!(ask(&app, &key, "PATCH", &path(&made, ""), Some(events)).await.status(), 200);
    app.import(Feed::Products, &[json!({ "op": "delete", "sku": data::sku(0) })]).await;
    let gone = receiver.next().await.body();
    assert_eq!((&gone["type"], &gone["data"]["resource"]), (&json!("offer.deleted"), &Value::Null));
    app.import(Feed::Products, &[data::product(0)]).await;
    price(&app, 0, "8.50").await;

    // A partner that is suspended hears nothing; what it missed comes afterwards.
    let partner = format!("/admin/v1/partners/{}", key.partner_id);
    app.admin_ok("POST", &format!("{partner}/suspend"), None).await;
    price(&app, 0, "9.00").await;
    app.admin_ok("POST", &format!("{partner}/resume"), None).await;
    assert_eq!(receiver.next().await.body()["data"]["resource"]["price"]["amount"], "9.00");

    assert_eq!(ask(&app, &key, "DELETE", &path(&made, ""), None).await.status(), 204);
    problem(app.get(&key.text, &path(&made, "")).await, 404, "not_found").await;
    let listed: Value = app.get(&key.text, "/v1/subscriptions").await.json().await.unwrap();
    assert_eq!(listed, json!({ "items": [] }));
}

#[tokio::test]
async fn each_event_that_there_is_not_is_named_with_the_one_that_is_like_it() {
    let app = TestApp::builder().fixed_clock(NOON).start().await;
    let key = app.key(json!({})).await;
    let events = json!(["price.change", "price.changed", "stok.back_in_stock"]);
    let body = json!({ "url": "https://hooks.example.com/", "events": events });
    let answer = ask(&app, &key, "POST", "/v1/subscriptions", Some(body)).await;
    let refused = problem(answer, 400, "invalid_body").await;
    let errors = refused["errors"].as_array().unwrap().iter();
    let named: Vec<[&Value; 2]> = errors.map(|e| [&e["pointer"], &e["suggestion"]]).collect();
    let like = [["/events/0", "price.changed"], ["/events/2", "stock.back_in_stock"]];
    assert_eq!(json!(named), json!(like));
}

#[tokio::test]
async fn a_wrong_gtin_of_a_filter_is_told_with_the_one_that_was_meant() {
    let app = TestApp::start().await;
    let key = app.key(json!({})).await;
    let asked = |gtins: &[&str]| {
        let url = "https://hooks.example.com/";
        json!({ "url": url, "events": ["price.changed"], "filter": { "gtins": gtins } })
    };
    let made = subscribe(&app, &key, asked(&["3276550063551"])).await;
    assert_eq!(made["filter"]["gtins"], json!(["03276550063551"]));
    let (make, change) = (("POST", "/v1/subscriptions".to_owned()), ("PATCH", path(&made, "")));
    for (gtins, code) in [
        (vec!["3276550063551", "3276550063552"], "invalid_gtin"),
        (vec!["5000112611861", "3276550063552", "2012345012349"], "invalid_gtin"),
        (vec!["3276550063551", "2012345012349"], "in_store_code"),
    ] {
        for (verb, path) in [&make, &change] {
            let mut body = asked(&gtins);
            if *verb == "PATCH" {
                body = json!({ "filter": body["filter"] });
            }
            let refused = problem(ask(&app, &key, verb, path, Some(body)).await, 422, code).await;
            let fault = &refused["errors"][0];
            assert_eq!(fault["pointer"], "/filter/gtins/1", "{refused}");
            if code == "invalid_gtin" {
                assert_eq!(refused["expected_check_digit"], 1, "{refused}");
                assert_eq!(fault["suggestion"], "3276550063551", "{refused}");
            }
        }
    }
}

#[tokio::test]
async fn what_cannot_be_subscribed_is_refused_with_what_to_do() {
    let app = TestApp::builder().fixed_clock(NOON).set("HOOKS__PER_APP", "1").start().await;
    let key = app.key(json!({ "scopes": ["subscriptions:write", "prices:read"] })).await;
    let good = json!({ "url": "https://hooks.example.com/", "events": ["price.changed"] });
    let with = |name: &str, value: Value| {
        let mut body = good.clone();
        body[name] = value;
        Some(body)
    };
    for body in [
        with("url", json!("http://hooks.example.com/")),
        with("url", json!("https://127.0.0.1/")),
        with("url", json!("https://[::ffff:169.254.169.254]/")),
        with("url", json!("https://user:word@hooks.example.com/")),
        with("url", json!(7)),
        with("events", json!([])),
        with("events", json!(["price.change"])),
        with("filter", json!({ "gtins": [1] })),
        with("filter", json!({ "store": [] })),
        with("filter", json!({ "store_ids": vec![data::store_id(0); 1_001] })),
        with("description", json!("x".repeat(201))),
        with("description", json!("a\u{0}")),
        // Counted as it is sent: each of these is six characters.
        with("url", json!(format!("https://hooks.example.com/{}", "é".repeat(900)))),
        with("events", json!(vec!["price.changed"; 31])),
        with("secret", json!("mine")),
        Some(json!({})),
    ] {
        let answer = ask(&app, &key, "POST", "/v1/subscriptions", body).await;
        problem(answer, 400, "invalid_body").await;
    }
    let stock = with("events", json!(["stock.back_in_stock"]));
    let answer = ask(&app, &key, "POST", "/v1/subscriptions", stock).await;
    let refused = problem(answer, 403, "insufficient_scope").await;
    assert_eq!(refused["required_scope"], "stock:read");
    let made = subscribe(&app, &key, good.clone()).await;
    let answer = ask(&app, &key, "POST", "/v1/subscriptions", Some(good)).await;
    problem(answer, 409, "conflict").await;
    for (rest, body, code) in [
        ("/replay", json!({ "after": "99999999" }), 400),
        ("/replay", json!({ "after": "1", "delivery_ids": [] }), 400),
        ("/replay", json!({ "delivery_ids": [] }), 400),
        ("/replay", json!({ "delivery_ids": [DeliveryId::derived("none")] }), 400),
    ] {
        let answer = ask(&app, &key, "POST", &path(&made, rest), Some(body)).await;
        assert_eq!(answer.status().as_u16(), code);
    }
    // Another app's subscription is not there.
    let other = app.key(json!({})).await;
    problem(app.get(&other.text, &path(&made, "")).await, 404, "not_found").await;
    // A name that leads inside is found out when it is called.
    let inside = Some(json!({ "url": "https://localhost/" }));
    assert_eq!(ask(&app, &key, "PATCH", &path(&made, ""), inside).await.status(), 200);
    let tested = ask(&app, &key, "POST", &path(&made, "/test"), None).await;
    let tested: Value = tested.json().await.unwrap();
    assert_eq!(
        (&tested["delivered"], &tested["error"]),
        (&json!(false), &json!("forbidden_address"))
    );
}

#[tokio::test]
async fn an_empty_replay_is_told_what_it_lacks() {
    let (app, key) = shop().await;
    let wanted = json!({ "url": "https://hooks.example.com/1", "events": ["price.changed"] });
    let made = subscribe(&app, &key, wanted).await;
    for body in [json!({}), json!({ "after": "1", "delivery_ids": [] })] {
        let answer = ask(&app, &key, "POST", &path(&made, "/replay"), Some(body)).await;
        let refused = problem(answer, 400, "invalid_body").await;
        let said = "The body says either `after` or `delivery_ids`, one of the two.";
        assert_eq!(refused["detail"], said);
    }
}

#[tokio::test]
async fn new_opening_hours_are_an_event_of_their_own() {
    let (app, key) = shop().await;
    let mut receiver = Receiver::start().await;
    let events = ["store.hours_changed", "store.updated"];
    subscribe(&app, &key, json!({ "url": receiver.url, "events": events })).await;
    let mut store = data::store(0);
    store["telephone"] = json!("+33561000000");
    app.import(Feed::Stores, &[store.clone()]).await;
    let mut told = Vec::new();
    for (field, value) in [
        (
            "opening_hours",
            json!([{ "day_of_week": "monday", "opens": "09:00", "closes": "20:30" }]),
        ),
        ("special_opening_hours", json!([{ "date": "2026-12-25", "closed": true }])),
        ("time_zone", json!("Europe/Madrid")),
        ("name", json!("Grand Magasin")),
    ] {
        store[field] = value;
        app.import(Feed::Stores, &[store.clone()]).await;
    }
    while told.len() < 5 {
        let message = receiver.next().await.body();
        let position = message["data"]["position"].as_str().unwrap().parse::<u64>().unwrap();
        told.push((position, message["type"].as_str().unwrap().to_owned()));
        documented(&message, "MessageOut");
    }
    told.sort();
    let told: Vec<&str> = told.iter().map(|(_, event)| event.as_str()).collect();
    let hours = "store.hours_changed";
    assert_eq!(told, ["store.updated", hours, hours, hours, "store.updated"]);
    let page: Value = app.get(&key.text, "/v1/changes?types=store").await.json().await.unwrap();
    let reasons: Vec<&Value> =
        page["items"].as_array().unwrap().iter().map(|entry| &entry["reason"]).collect();
    assert!(reasons.ends_with(&[&json!("hours_changed"), &json!("updated")]), "{reasons:?}");
}
