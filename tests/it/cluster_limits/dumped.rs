//! A Redis that comes back with an older memory: what the ledger has of a quota stays used.

use super::{STRICT, all_at_once, call, quota};
use crate::support::cluster::{Cluster, Issued};
use crate::support::redis::RedisServer;
use crate::support::{PATIENCE, pause};
use serde_json::json;
use std::time::Instant;

const QUOTA: usize = 30;

/// Waits until a node has read in the ledger that the quota is used up.
async fn has_read(cluster: &Cluster, node: usize, key: &Issued) {
    let until = Instant::now() + PATIENCE;
    while cluster.usage(node, &key.text).await[0]["used"] != json!(format!("{QUOTA}.000")) {
        assert!(Instant::now() < until, "node {node}");
        pause().await;
    }
}

/// What Redis has of the quota, in thousandths of a unit.
fn in_redis(redis: &RedisServer, key: &Issued) -> usize {
    let counter = redis.ask(&["KEYS", &format!("*:q:live:{}:*", key.app)]);
    redis.ask(&["GET", &counter]).parse().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn redis_back_with_an_older_dump_grants_nothing_more_of_what_the_ledger_has() {
    let Some(mut redis) = RedisServer::start() else { return };
    let Some(mut cluster) = Cluster::start(3, Some(&redis), &STRICT).await else { return };
    let key = cluster.key("dumped", quota(30)).await;
    assert_eq!(all_at_once(&cluster, &key, 10).await, 10);
    redis.save();
    assert_eq!(all_at_once(&cluster, &key, 60).await, QUOTA - 10);
    for node in 0..3 {
        has_read(&cluster, node, &key).await;
    }
    redis.kill();
    cluster.each_says("comptoir_redis_up", |up| up == 0.0);
    redis.restart();
    cluster.each_says("comptoir_redis_up", |up| up == 1.0);
    // By its memory twenty are left.
    let left = QUOTA - in_redis(&redis, &key) / 1_000;
    assert!(left >= 10, "{left}");
    // Nor does a node grant them that has heard nothing of Redis itself.
    let new = cluster.join(&[]);
    cluster.each_says("comptoir_nodes_alive", |nodes| nodes >= 4.0);
    cluster.each_says("comptoir_redis_up", |up| up == 1.0);
    cluster.caught_up().await;
    has_read(&cluster, new, &key).await;
    for n in 0..80 {
        assert_eq!(call(&cluster, n % 4, &key.text).await, ("exceeded", false), "{n}");
    }
    assert_eq!(cluster.billed(&key.app).await, QUOTA as i64);
}
