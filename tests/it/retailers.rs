//! Two retailers, each with a gateway and a database of its own, on one Redis and (where the tests run on
//! PostgreSQL) on one database server: neither sees anything of the other.

use crate::support::redis::RedisServer;
use crate::support::{TestApp, TestKey, data, problem};
use comptoir::feeds::Feed;
use serde_json::{Value, json};
use std::time::Instant;

const QUOTA: usize = 5;

/// A retailer with a product, a store and a level of stock, and two keys, of which the second has a small limit.
async fn retailer(redis: &RedisServer, quantity: u32) -> (TestApp, TestKey, TestKey) {
    let app = TestApp::builder().set("REDIS__URL", &redis.url()).set("LIMITS__BACKEND", "strict");
    let app = app.set("REDIS__RESPONSE_TIMEOUT_MS", "5000").start().await;
    app.stock_shelves(1, 1).await;
    app.import(Feed::Stock, &[data::level(0, 0, quantity, "2026-11-22T09:00:00Z")]).await;
    let plan =
        app.plan(json!([{ "name": "rate", "quota": QUOTA, "window_s": QUOTA * 10_000 }])).await;
    let key = app.key(json!({})).await;
    let small = app.key_under(&plan, json!({ "name": "same name" })).await;
    app.wait_until_gauge("redis_up", |up| up == 1).await;
    (app, key, small)
}

async fn quantity(app: &TestApp, key: &TestKey) -> Value {
    let path = format!("/v1/products/{}/stock", data::product_id(0));
    let answer = app.get(&key.text, &path).await;
    assert_eq!(answer.status(), 200);
    answer.json::<Value>().await.unwrap()["items"][0]["quantity"]["value"].clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn two_retailers_on_one_redis_see_nothing_of_each_other() {
    let Some(redis) = RedisServer::start() else { return };
    let (one, ones, one_small) = retailer(&redis, 3).await;
    let (two, twos, two_small) = retailer(&redis, 8).await;

    // Stock of the same product in the same store, and keys.
    assert_eq!((quantity(&one, &ones).await, quantity(&two, &twos).await), (json!(3), json!(8)));
    problem(two.get(&ones.text, "/v1/products").await, 401, "invalid_key").await;
    problem(one.get(&twos.text, "/v1/products").await, 401, "invalid_key").await;
    let known = two.admin("GET", &format!("/admin/v1/keys/{}", ones.id), None).await;
    problem(known, 404, "not_found").await;
    let token = two.http.get(two.admin_url("/admin/v1/partners")).bearer_auth(&one.admin_token);
    problem(token.send().await.unwrap(), 401, "invalid_key").await;

    // Limits of the same name: each is used up by itself.
    let path = format!("/v1/products/{}", data::product_id(0));
    for (app, key) in [(&one, &one_small), (&two, &two_small)] {
        let mut admitted = 0;
        while app.get(&key.text, &path).await.status() == 200 {
            admitted += 1;
            assert!(admitted <= QUOTA);
        }
        assert_eq!(admitted, QUOTA);
    }

    // Nodes: each lists its own, and is woken by its own alone, in a channel that a second node shares.
    for app in [&one, &two] {
        let nodes = async || app.admin_ok("GET", "/admin/v1/nodes", None).await["items"].clone();
        let until = Instant::now() + crate::support::PATIENCE;
        while nodes().await == json!([]) {
            assert!(Instant::now() < until, "the node says nothing of itself");
            crate::support::pause().await;
        }
        assert_eq!(nodes().await.as_array().unwrap().len(), 1);
    }
    let heard = || {
        let channels = redis.ask(&["PUBSUB", "CHANNELS", "comptoir:*:control"]);
        let channels: Vec<String> = channels.lines().map(str::to_owned).collect();
        let by = |channel: &String| {
            redis.ask(&["PUBSUB", "NUMSUB", channel]).lines().last().map(str::to_owned)
        };
        channels.iter().map(by).collect::<Vec<_>>()
    };
    assert_eq!(heard().len(), 2, "{:?}", heard());
    let second = one.beside().await;
    crate::support::process::wait_until("the second node listens with the first", || {
        let mut heard = heard();
        heard.sort();
        heard == [Some("1".to_owned()), Some("2".to_owned())]
    });
    drop(second);
    // No name is without its installation's.
    let names = redis.ask(&["KEYS", "*"]);
    assert!(
        !names.is_empty() && names.lines().all(|name| name.starts_with("comptoir:ins_")),
        "{names}"
    );
}
