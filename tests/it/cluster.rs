//! Several nodes: what one is told is in force on all, and each says how it is.

use crate::support::cluster::Cluster;
use crate::support::redis::RedisServer;
use crate::support::{TestApp, data, problem};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

/// So seldom that only a wake-up can explain that a node hears of a change before a call is given up.
const SELDOM: [(&str, &str); 2] =
    [("ACCESS__CONTROL_POLL_MS", "60000"), ("ACCESS__STALE_AFTER_S", "300")];

/// A plan that admits everything.
fn generous() -> Value {
    json!({ "limits": [{ "name": "all", "quota": 1_000_000, "window_s": 1 }] })
}

/// `count` keys of one app, known to every node.
async fn keys(cluster: &Cluster, count: usize) -> Vec<(String, String)> {
    let first = cluster.key("revoked", generous()).await;
    let mut keys = vec![(first.id, first.text)];
    while keys.len() < count {
        keys.push(cluster.another_key(&first.app).await);
    }
    cluster.caught_up().await;
    keys
}

/// What is promised of a revocation: from then on no node accepts the key.
const IN_FORCE_WITHIN: Duration = Duration::from_secs(1);

/// Revokes keys at one node after the other, and waits until no node accepts them. It says how long that took. That half of
/// them keep what is promised follows from wake-ups, and from polling much more often; the slowest are measured
/// (`tests/bench/run --only nodes`), since a machine that is busy is late with some.
async fn revoked(cluster: &Cluster, keys: &[(String, String)], told: &str) {
    let mut took = Vec::new();
    for (n, key) in keys.iter().enumerate() {
        took.extend(cluster.revoke(n % cluster.nodes.len(), key).await);
    }
    took.sort();
    let at = |share: usize| took[(took.len() * share / 100).min(took.len() - 1)];
    println!(
        "{told}: {} revocations on {} nodes, last accepted call p50 {:?}, p99 {:?}, at most {:?} later",
        keys.len(),
        cluster.nodes.len(),
        at(50),
        at(99),
        at(100)
    );
    assert!(at(50) < IN_FORCE_WITHIN, "{told}: {took:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn with_redis_a_revoked_key_is_refused_on_every_node_long_before_the_next_poll() {
    let Some(redis) = RedisServer::start() else { return };
    let Some(cluster) = Cluster::start(3, Some(&redis), &SELDOM).await else { return };
    let keys = keys(&cluster, 60).await;
    revoked(&cluster, &keys, "with Redis").await;
    // Each node has measured it, too.
    for node in 0..3 {
        let measured = cluster.metric(node, "comptoir_control_propagation_seconds_count");
        assert!(measured >= 60.0, "node {node}: {measured}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_shell_has_changed_is_in_force_long_before_the_next_poll() {
    let Some(mut redis) = RedisServer::start() else { return };
    let Some(cluster) = Cluster::start(3, Some(&redis), &SELDOM).await else { return };
    let first = cluster.key("by the shell", generous()).await;
    let key = cluster.home.run(&["key", "create", "--app", &first.app]);
    let heard = Instant::now();
    for node in 0..3 {
        while cluster.get(node, &key).await.status() != 200 {
            assert!(heard.elapsed() < Duration::from_secs(30), "node {node} was not woken");
        }
    }
    println!("a key of the shell: known to all nodes {:?} after the command", heard.elapsed());
    // Redis may be away: the change is made all the same.
    redis.kill();
    cluster.home.run(&["key", "revoke", &first.id]);
    let revoked = cluster.admin(0, "GET", &format!("/keys/{}", first.id), None).await;
    assert_eq!(revoked["status"], "revoked");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_forged_wake_up_silences_nobody() {
    let Some(redis) = RedisServer::start() else { return };
    let Some(cluster) = Cluster::start(3, Some(&redis), &SELDOM).await else { return };
    let keys = keys(&cluster, 6).await;
    let channel = redis.ask(&["PUBSUB", "CHANNELS", "comptoir:*:control"]);
    redis.ask(&["PUBLISH", &channel, &i64::MAX.to_string()]);
    revoked(&cluster, &keys, "after a forged wake-up").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_redis_a_revoked_key_is_refused_after_a_poll() {
    let Some(cluster) = Cluster::start(3, None, &[("ACCESS__CONTROL_POLL_MS", "250")]).await else {
        return;
    };
    let keys = keys(&cluster, 30).await;
    revoked(&cluster, &keys, "without Redis, polling every 250 ms").await;
    // What a command beside the nodes has written is found as well.
    let last = cluster.key("by command", generous()).await;
    cluster.home.run(&["key", "revoke", &last.id]);
    cluster.caught_up().await;
    for node in 0..3 {
        problem(cluster.get(node, &last.text).await, 401, "revoked_key").await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn redis_may_be_killed_paused_and_started_again_while_nodes_run() {
    let Some(mut redis) = RedisServer::start() else { return };
    let poll = [("ACCESS__CONTROL_POLL_MS", "500")];
    let Some(cluster) = Cluster::start(3, Some(&redis), &poll).await else { return };
    let keys = keys(&cluster, 24).await;
    redis.kill();
    revoked(&cluster, &keys[..8], "Redis killed").await;
    cluster.each_says("comptoir_redis_up", |up| up == 0.0);
    let nodes = cluster.admin(0, "GET", "/nodes", None).await;
    assert_eq!(nodes["items"].as_array().unwrap().len(), 3);
    redis.restart();
    cluster.each_says("comptoir_redis_up", |up| up == 1.0);
    revoked(&cluster, &keys[8..16], "Redis started again").await;
    redis.pause();
    revoked(&cluster, &keys[16..], "Redis hangs").await;
    redis.resume();
    for node in &cluster.nodes {
        assert_eq!(node.operator("/readyz").0, 200);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nodes_are_listed_with_what_waits_and_one_that_stops_is_gone() {
    let Some(mut cluster) = Cluster::start(3, None, &[]).await else { return };
    let key = cluster.key("listed", generous()).await;
    assert_eq!(cluster.get(1, &key.text).await.status(), 200);
    let list = cluster.admin(2, "GET", "/nodes", None).await;
    let nodes = list["items"].as_array().unwrap();
    assert_eq!(nodes.len(), 3);
    let addresses: Vec<String> = cluster.nodes.iter().map(|n| n.public.to_string()).collect();
    for node in nodes {
        assert!(addresses.iter().any(|address| node["address"] == *address), "{node}");
        assert_eq!((&node["alive"], &node["redis"]), (&json!(true), &json!("off")), "{node}");
        assert_eq!(node["version"], env!("CARGO_PKG_VERSION"));
    }
    cluster.nodes.pop().unwrap().terminate();
    cluster.each_says("comptoir_nodes_alive", |alive| alive == 2.0);
    let list = cluster.admin(0, "GET", "/nodes", None).await;
    assert_eq!(list["items"].as_array().unwrap().len(), 2);
}

/// Takes the head of the control log away from a running program, and puts it back.
async fn rename(app: &TestApp, from: &str, to: &str) {
    let mut tx = app.db.begin().await.unwrap();
    let sql = format!("ALTER TABLE {from} RENAME TO {to}");
    comptoir::on_tx!(&mut tx, c => {
        sqlx::query(sqlx::AssertSqlSafe(sql)).execute(c).await.unwrap();
    });
    tx.commit().await.unwrap();
}

#[tokio::test]
async fn a_node_that_cannot_follow_the_control_log_says_neither_yes_nor_no() {
    let app = TestApp::builder().set("ACCESS__STALE_AFTER_S", "1").start().await;
    app.stock_shelves(1, 1).await;
    let key = app.key(json!({})).await;
    let path = format!("/v1/products/{}", data::product_id(0));
    assert_eq!(app.get(&key.text, &path).await.status(), 200);

    rename(&app, "log_heads", "log_heads_away").await;
    let stale = |report: &str| report.contains("calls with a key are refused");
    while !stale(&app.admin_text("/readyz").await) {
        crate::support::pause().await;
    }
    let ready = app.http.get(app.admin_url("/readyz")).send().await.unwrap();
    assert_eq!(ready.status(), 503);
    assert!(ready.text().await.unwrap().contains("cannot follow the control log"));
    let refused = app.get(&key.text, &path).await;
    assert_eq!(refused.headers()["retry-after"], "1");
    problem(refused, 503, "access_stale").await;
    // Nor are tokens given out for secrets that may have ended.
    let asked = app.http.post(app.public_url("/oauth/token"));
    let asked = asked.header("Content-Type", "application/x-www-form-urlencoded");
    let asked = asked.body("grant_type=client_credentials").send().await.unwrap();
    problem(asked, 503, "access_stale").await;
    // A key that may have been made since is not called unknown; what is no key at all is.
    let unknown = TestApp::start().await.key(json!({})).await;
    problem(app.get(&unknown.text, &path).await, 503, "access_stale").await;
    problem(app.get("cpt_live_nonsense", &path).await, 401, "invalid_key").await;

    rename(&app, "log_heads_away", "log_heads").await;
    app.wait_until_gauge("ready", |ready| ready == 1).await;
    assert_eq!(app.get(&key.text, &path).await.status(), 200);
    problem(app.get(&unknown.text, &path).await, 401, "invalid_key").await;
}
