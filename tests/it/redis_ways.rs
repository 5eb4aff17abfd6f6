//! Ways to Redis: a cluster of servers, TLS, and a server that leads no more.

use crate::support::redis::{RedisCluster, RedisServer};
use crate::support::{NOON, TestApp, TestKey, data};
use comptoir::kernel::clock::SECOND;
use serde_json::{Value, json};
use std::time::{Duration, Instant};

/// Units of each app, which do not come back while a test runs.
const QUOTA: u32 = 6;

async fn plan(app: &TestApp) -> String {
    app.plan(json!([{ "name": "rate", "quota": QUOTA, "window_s": QUOTA * 10_000 }])).await
}

/// A call: its status, and whether it was told that limits are granted in shares.
async fn call(app: &TestApp, key: &TestKey) -> (u16, bool) {
    let answer = app.get(&key.text, &format!("/v1/products/{}", data::product_id(0))).await;
    (answer.status().as_u16(), answer.headers().contains_key("comptoir-degraded"))
}

fn strict(url: &str) -> crate::support::Builder {
    let app = TestApp::builder().set("REDIS__URL", url).set("LIMITS__BACKEND", "strict");
    app.set("REDIS__RESPONSE_TIMEOUT_MS", "5000")
}

#[tokio::test(flavor = "multi_thread")]
async fn on_a_redis_cluster_limits_are_exact_and_a_lost_server_takes_only_its_own_into_shares() {
    let Some(redis) = RedisCluster::start() else { return };
    let first = strict(&redis.url());
    Box::pin(limits_hold_on(redis, first)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redis_cluster_over_tls_holds_limits_as_well_and_has_to_show_its_certificates() {
    let Some(redis) = RedisCluster::start_tls() else { return };
    // Nobody that this machine trusts has signed them.
    let stranger = strict(&redis.url()).start().await;
    stranger.stock_shelves(1, 1).await;
    let key = stranger.key_under(&plan(&stranger).await, json!({})).await;
    assert_eq!(call(&stranger, &key).await, (200, true));
    stranger.wait_until_gauge("redis_up", |up| up == 0).await;

    let first = strict(&redis.url()).set("REDIS__CA_FILE", &redis.servers[0].ca_file());
    Box::pin(limits_hold_on(redis, first)).await;
}

/// Two nodes and a cluster: limits are exact, where slots move, too, and a server that is lost takes only its own
/// limits into shares.
async fn limits_hold_on(mut redis: RedisCluster, first: crate::support::Builder) {
    // So seldom that only a wake-up can explain what follows.
    let first = first.set("ACCESS__CONTROL_POLL_MS", "15000");
    let first = first.set("ACCESS__STALE_AFTER_S", "60").start().await;
    first.stock_shelves(1, 1).await;
    let second = first.beside().await;
    second.wait_for_gauge("products", 1).await;
    let plan = plan(&first).await;
    // One app at least on each server.
    let mut held: [Option<TestKey>; 3] = [const { None }; 3];
    while held.iter().any(Option::is_none) {
        let key = first.key_under(&plan, json!({})).await;
        // By turns at both nodes: what one has admitted the other knows, and both know of the new key at once.
        let mut statuses = Vec::new();
        for n in 0..2 * QUOTA {
            let node = if n % 2 == 0 { &first } else { &second };
            statuses.push(heard(node, &key).await);
        }
        assert_eq!(statuses.iter().filter(|status| **status == 200).count(), QUOTA as usize);
        let holder = redis.holder(&key.app_id).unwrap();
        // Moved, it is asked about where it is now, and nothing is forgotten.
        let other = (holder + 1) % 3;
        redis.move_slot(&key.app_id, holder, other);
        assert_eq!(call(&second, &key).await, (429, false));
        held[other] = Some(key);
    }
    for server in &redis.servers {
        assert!(server.ask(&["INFO", "commandstats"]).contains("cmdstat_evalsha"));
    }

    redis.servers[0].kill();
    first.wait_until_gauge("redis_up", |up| up == 0).await;
    let [Some(lost), Some(kept), _] = &held else { return };
    refused(&first, lost, true).await;
    refused(&first, kept, false).await;

    redis.servers[0].restart();
    redis.is_whole();
    first.wait_until_gauge("redis_up", |up| up == 1).await;
    // The server has lost its memory, the node has not.
    refused(&first, lost, false).await;
    refused(&first, kept, false).await;
}

/// Calls until the refusal is by a share, or until it is not: what a node has just heard it repeats for a second,
/// and a moved slot is known to all servers a moment later.
async fn refused(app: &TestApp, key: &TestKey, by_share: bool) {
    let until = Instant::now() + crate::support::PATIENCE;
    while call(app, key).await != (429, by_share) {
        assert!(Instant::now() < until, "{by_share}");
        crate::support::pause().await;
    }
}

/// The status of a call with a key that was made a moment ago at another node, which wakes this one.
async fn heard(app: &TestApp, key: &TestKey) -> u16 {
    let until = Instant::now() + Duration::from_secs(5);
    loop {
        match call(app, key).await {
            (401, _) => assert!(Instant::now() < until, "the node was not woken"),
            (status, degraded) => {
                assert!(!degraded);
                return status;
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn over_tls_redis_has_to_show_a_certificate_of_the_authority_that_is_named() {
    let Some(redis) = RedisServer::start_tls() else { return };
    let app = strict(&redis.url()).set("REDIS__CA_FILE", &redis.ca_file()).start().await;
    app.stock_shelves(1, 1).await;
    let key = app.key_under(&plan(&app).await, json!({})).await;
    app.wait_until_gauge("redis_up", |up| up == 1).await;
    assert_eq!(call(&app, &key).await, (200, false));

    // Without it, the certificate is nobody's that this machine trusts.
    let app = strict(&redis.url()).start().await;
    app.stock_shelves(1, 1).await;
    let key = app.key_under(&plan(&app).await, json!({})).await;
    assert_eq!(call(&app, &key).await, (200, true));
    app.wait_until_gauge("redis_up", |up| up == 0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redis_that_leads_no_more_is_away_until_it_leads_again() {
    let Some(redis) = RedisServer::start() else { return };
    let app = strict(&redis.url()).start().await;
    app.stock_shelves(1, 1).await;
    let key = app.key_under(&plan(&app).await, json!({})).await;
    assert_eq!(call(&app, &key).await, (200, false));
    redis.ask(&["REPLICAOF", "127.0.0.1", "1"]);
    assert_eq!(call(&app, &key).await, (200, true));
    // It stays away, rather than being connected to and given up with each call.
    for _ in 0..100 {
        assert!(call(&app, &key).await.1);
        assert!(app.admin_text("/metrics").await.contains("\ncomptoir_redis_up 0\n"));
    }
    redis.ask(&["REPLICAOF", "NO", "ONE"]);
    app.wait_until_gauge("redis_up", |up| up == 1).await;
    assert!(!call(&app, &key).await.1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_in_quarantine_can_look_where_limits_are_shared() {
    let Some(redis) = RedisServer::start() else { return };
    let app = strict(&redis.url()).start().await;
    app.stock_shelves(1, 1).await;
    let key = app.key_under(&plan(&app).await, json!({})).await;
    app.admin_ok("POST", &format!("/admin/v1/keys/{}/quarantine", key.id), None).await;
    assert_eq!(call(&app, &key).await, (200, false));
    let answer = app.get(&key.text, &format!("/v1/products/{}", data::product_id(0))).await;
    let refused: Value = answer.json().await.unwrap();
    assert_eq!(refused["violated-policies"], json!(["quarantine"]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_stops_gives_back_what_it_has_leased_and_not_spent() {
    let Some(redis) = RedisServer::start() else { return };
    // The clock stands, so that nothing lies idle for long enough to go back by itself.
    let first = TestApp::builder().fixed_clock(NOON).set("REDIS__URL", &redis.url());
    let first = first.set("LIMITS__BACKEND", "leased").set("REDIS__RESPONSE_TIMEOUT_MS", "5000");
    let mut first = first.start().await;
    first.stock_shelves(1, 1).await;
    let second = first.beside().await;
    second.wait_for_gauge("products", 1).await;
    for node in [&first, &second] {
        node.wait_until_gauge("nodes_alive", |nodes| nodes == 2).await;
    }
    let plan = first.plan(json!([{ "name": "year", "quota": 100, "period": "year" }])).await;
    let key = first.key_under(&plan, json!({})).await;
    // The batch of one of two nodes is 5 units: one is spent.
    assert_eq!(call(&first, &key).await, (200, false));
    let rest = async || {
        let mut admitted = 0;
        while heard(&second, &key).await == 200 {
            admitted += 1;
        }
        admitted
    };
    assert_eq!(rest().await, 95);
    first.stop().await;
    // How long a refusal is repeated without asking.
    second.clock.advance(2 * SECOND);
    assert_eq!(rest().await, 4);
}
