//! A quota where Redis is killed under load and started again with nothing: it ends where the ledger says.

use super::away::{CALLERS, Heard, NODES, SHARES_BIND_FOR};
use super::{STRICT, quota};
use crate::support::cluster::{Cluster, Issued};
use crate::support::process::wait_until;
use crate::support::redis::RedisServer;
use crate::support::{PATIENCE, pause};
use reqwest::Response;
use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::time::Instant;

const QUOTA: u32 = 900;

fn header(answer: &Response, name: &str) -> String {
    answer.headers()[name].to_str().unwrap().to_owned()
}

/// Callers at all nodes, who call with one key as long as they may, and with another one beside and behind it: so the
/// nodes are under load throughout, and how far the quota is used does not depend on how quick they are.
struct Load {
    cluster: Cluster,
    held: Issued,
    ample: Issued,
    /// So much of the quota may be used for now.
    most: AtomicUsize,
    by_redis: AtomicUsize,
    by_share: AtomicUsize,
    /// Calls with the other key.
    beside: AtomicUsize,
    heard: Heard,
    /// Nothing happens any more: who is told again and again that the quota is used up may stop.
    over: AtomicBool,
}

impl Load {
    async fn new(cluster: Cluster, most: usize) -> Self {
        let held = cluster.key("held", quota(QUOTA)).await;
        let all = json!({ "name": "all", "quota": 1_000_000, "window_s": 1 });
        let ample = cluster.key("ample", json!({ "limits": [all] })).await;
        let (by_redis, by_share) = (AtomicUsize::new(0), AtomicUsize::new(0));
        let (most, beside) = (AtomicUsize::new(most), AtomicUsize::new(0));
        let (heard, over) = (Heard::default(), AtomicBool::new(false));
        Self { cluster, held, ample, most, by_redis, by_share, beside, heard, over }
    }

    fn admitted(&self) -> usize {
        self.by_redis.load(SeqCst) + self.by_share.load(SeqCst)
    }

    fn once_admitted(&self, calls: usize) {
        wait_until("so many are admitted", || self.admitted() >= calls);
    }

    /// Calls a node until it has said ten times in a row that the quota is used up.
    async fn call(&self, node: usize) {
        let (begun, mut exceeded) = (Instant::now(), 0);
        while exceeded < 10 {
            assert!(begun.elapsed() < 2 * PATIENCE, "{} of {QUOTA} admitted", self.admitted());
            if self.admitted() >= self.most.load(SeqCst) {
                let answer = self.cluster.get(node, &self.ample.text).await;
                assert_eq!(answer.status(), 200);
                self.beside.fetch_add(1, SeqCst);
                continue;
            }
            let is_exceeded = self.is_exceeded(node).await;
            exceeded = if is_exceeded && self.over.load(SeqCst) { exceeded + 1 } else { 0 };
        }
    }

    /// Calls a node once; whether it said that the quota is used up.
    async fn is_exceeded(&self, node: usize) -> bool {
        let answer = self.cluster.get(node, &self.held.text).await;
        let degraded = answer.headers().contains_key("comptoir-degraded");
        if answer.status() == 200 {
            let admitted = if degraded { &self.by_share } else { &self.by_redis };
            admitted.fetch_add(1, SeqCst);
            if !degraded {
                self.heard.by(node, &answer, QUOTA);
            }
            return false;
        }
        self.is_refused_rightly(answer).await
    }

    async fn is_refused_rightly(&self, answer: Response) -> bool {
        // Nor does any call fail.
        assert_eq!(answer.status(), 429);
        // Each other caller may have an answer that is not counted yet.
        let admitted = self.admitted() + CALLERS;
        let (after, limit) = (header(&answer, "retry-after"), header(&answer, "ratelimit"));
        let body: Value = answer.json().await.unwrap();
        if body["code"] != "quota_exceeded" {
            assert_eq!(body["code"], "temporary_reduced_capacity", "{body}");
            return false;
        }
        assert!(admitted >= QUOTA as usize, "{admitted} of {QUOTA} admitted: {body}");
        // The year's end, and not in some seconds.
        assert!(after.parse::<u64>().unwrap() > 60, "{after}");
        assert_eq!(limit, format!("\"quota\";r=0;t={after}"));
        true
    }

    /// What the ledger has of the calls that the quota counts.
    async fn billed(&self) -> i64 {
        self.cluster.billed(&self.held.app).await
    }

    /// What a node says that is used of the quota.
    async fn used(&self, node: usize) -> Value {
        self.cluster.usage(node, &self.held.text).await[0]["used"].clone()
    }

    /// Waits until the ledger and every node say that so much is used.
    async fn agree_on(&self, used: usize) {
        let until = Instant::now() + PATIENCE;
        let told = json!(format!("{used}.000"));
        while self.billed().await != used as i64 {
            assert!(Instant::now() < until, "{used}, in the ledger {}", self.billed().await);
            pause().await;
        }
        for node in 0..NODES {
            while self.used(node).await != told {
                assert!(Instant::now() < until, "{told}, by a node {}", self.used(node).await);
                pause().await;
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn redis_killed_under_load_and_started_again_with_nothing_leaves_the_quota_to_the_ledger() {
    let Some(mut redis) = RedisServer::start() else { return };
    let Some(cluster) = Cluster::start(NODES, Some(&redis), &STRICT).await else { return };
    let load = Arc::new(Load::new(cluster, 450).await);
    let callers = (0..CALLERS).map(|n| {
        let load = Arc::clone(&load);
        tokio::spawn(async move { load.call(n % NODES).await })
    });
    let callers: Vec<_> = callers.collect();
    load.once_admitted(300);
    redis.kill();
    load.cluster.each_says("comptoir_redis_up", |up| up == 0.0);
    let mut above = load.heard.bound(load.by_redis.load(SeqCst));
    // Some of each share, so that much of the quota is left when Redis is there again.
    let some = load.admitted() + 100;
    load.most.store(some, SeqCst);
    load.once_admitted(some);
    let (by_redis, by_share, begun) =
        (load.by_redis.load(SeqCst), load.by_share.load(SeqCst), Instant::now());
    redis.restart();
    load.cluster.each_says("comptoir_redis_up", |up| up == 1.0);
    // A machine so busy that shares bind no more: then what these granted may be granted once more.
    if begun.elapsed() >= SHARES_BIND_FOR {
        above += by_share;
    }
    let beside = load.beside.load(SeqCst);
    wait_until("calls go on", || load.beside.load(SeqCst) > beside);
    load.most.store(usize::MAX, SeqCst);
    load.over.store(true, SeqCst);
    for caller in callers {
        caller.await.unwrap();
    }
    let (more, admitted) = (load.by_redis.load(SeqCst), load.admitted());
    println!(
        "killed and started again: {by_redis} by Redis, {by_share} by shares, then {} by Redis again; \
         {admitted} of {QUOTA}, at most {above} above",
        more - by_redis
    );
    assert!(by_redis >= 300 && by_share > 0 && more > by_redis);
    // Calls under way are asked together whether there is room in the share.
    let most = QUOTA as usize + above + CALLERS;
    assert!((QUOTA as usize..=most).contains(&admitted), "{admitted}");
    load.agree_on(admitted).await;
    // What is used up stays so, and a call that is refused is none that is used.
    for node in 0..NODES {
        let until = Instant::now() + PATIENCE;
        while !load.is_exceeded(node).await {
            assert!(Instant::now() < until, "node {node}");
            pause().await;
        }
    }
    load.agree_on(admitted).await;
}
