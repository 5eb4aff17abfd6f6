//! Limits that nodes share through Redis: exact call by call, bounded in batches, in shares without it.

mod away;
mod dumped;
mod kept;
mod restarted;
mod told;

use crate::support::cluster::{Cluster, Issued};
use crate::support::process::wait_until;
use crate::support::redis::RedisServer;
use crate::support::{data, problem};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

/// So slow a machine keeps no test from being exact: Redis has five seconds for each answer.
const STRICT: [(&str, &str); 2] =
    [("LIMITS__BACKEND", "strict"), ("REDIS__RESPONSE_TIMEOUT_MS", "5000")];
const LEASED: [(&str, &str); 2] =
    [("LIMITS__BACKEND", "leased"), ("REDIS__RESPONSE_TIMEOUT_MS", "5000")];

/// Units that come back so slowly that none does while a test runs.
fn rate(quota: u32) -> Value {
    json!({ "limits": [{ "name": "rate", "quota": quota, "window_s": quota * 10_000 }] })
}

fn quota(quota: u32) -> Value {
    json!({ "limits": [{ "name": "quota", "quota": quota, "period": "year" }] })
}

/// Makes calls at once, by turns at all nodes; how many were admitted. Every other is told that the limit is
/// reached.
async fn all_at_once(cluster: &Cluster, key: &Issued, calls: usize) -> usize {
    all_or(cluster, key, calls, &["quota_exceeded"]).await
}

/// The same where other nodes may hold what is left, and who is refused is told that.
async fn all_in_batches(cluster: &Cluster, key: &Issued, calls: usize) -> usize {
    all_or(cluster, key, calls, &["quota_exceeded", "temporary_reduced_capacity"]).await
}

async fn all_or(cluster: &Cluster, key: &Issued, calls: usize, codes: &[&str]) -> usize {
    let call = async |n: usize| {
        let answer = cluster.get(n % cluster.nodes.len(), &key.text).await;
        if answer.status() == 200 {
            return 1;
        }
        assert!(!answer.headers().contains_key("comptoir-degraded"), "{answer:?}");
        let (status, body) = (answer.status(), answer.json::<Value>().await.unwrap());
        assert!(status == 429 && codes.iter().any(|code| body["code"] == *code), "{body}");
        0
    };
    let admitted = futures_util::future::join_all((0..calls).map(call)).await;
    admitted.into_iter().sum()
}

#[tokio::test(flavor = "multi_thread")]
async fn strict_admits_exactly_100_of_1000_calls_at_once_over_three_nodes() {
    let Some(redis) = RedisServer::start() else { return };
    let Some(cluster) = Cluster::start(3, Some(&redis), &STRICT).await else { return };
    for plan in [rate(100), quota(100)] {
        let key = cluster.key(&format!("exact {}", plan["limits"][0]["name"]), plan).await;
        let (begun, asked) = (Instant::now(), total(&cluster, "comptoir_limits_asked_total"));
        assert_eq!(all_at_once(&cluster, &key, 1_000).await, 100);
        wait_until("round trips are told", || {
            total(&cluster, "comptoir_limits_asked_total") - asked >= 100.0
        });
        let asked = total(&cluster, "comptoir_limits_asked_total") - asked;
        println!(
            "strict: 100 of 1000 calls admitted in {:?}, Redis was asked {asked} times",
            begun.elapsed()
        );
        // None of them by a share.
        assert_eq!(total(&cluster, "comptoir_limits_degraded_total"), 0.0);
    }
    // Redis holds names and numbers, and no key.
    let keys = redis.ask(&["KEYS", "*"]);
    assert!(keys.lines().count() >= 2);
    let is_ours = |key: &str| key.starts_with("comptoir:ins_") && key.contains("{p:prt_");
    assert!(keys.lines().all(is_ours), "{keys}");
    let dump = redis.dump();
    let words = [b"cpt_".as_slice(), b"{p:prt_"];
    let found = words.map(|word| dump.windows(word.len()).any(|window| window == word));
    assert_eq!(found, [false, true]);
}

fn total(cluster: &Cluster, name: &str) -> f64 {
    (0..cluster.nodes.len()).map(|node| cluster.metric(node, name)).sum()
}

#[tokio::test(flavor = "multi_thread")]
async fn leased_stays_within_its_bound_and_loses_no_unit() {
    let Some(redis) = RedisServer::start() else { return };
    let Some(cluster) = Cluster::start(3, Some(&redis), &LEASED).await else { return };
    for plan in [rate(300), quota(300)] {
        let key = cluster.key(&format!("leased {}", plan["limits"][0]["name"]), plan).await;
        let mut admitted = all_in_batches(&cluster, &key, 1_000).await;
        // A batch is a tenth of the limit over three nodes: 10 units may lie unspent in each.
        println!("leased: {admitted} of 1000 calls admitted at a limit of 300");
        assert!((270..=300).contains(&admitted), "{admitted}");
        // What lies idle comes back, and no unit is lost or granted twice.
        let until = Instant::now() + crate::support::PATIENCE;
        while admitted < 300 && Instant::now() < until {
            admitted += all_in_batches(&cluster, &key, 3).await;
        }
        assert_eq!(admitted + all_in_batches(&cluster, &key, 100).await, 300);
    }
}

/// What a call was answered: admitted, refused by the limit, refused for lack of capacity; and whether it was
/// told that limits are granted in shares.
async fn call(cluster: &Cluster, node: usize, key: &str) -> (&'static str, bool) {
    let answer = cluster.get(node, key).await;
    let told = answer.headers().contains_key("comptoir-degraded");
    if answer.status() == 200 {
        return ("yes", told);
    }
    let after = answer.headers().get("retry-after").cloned();
    let body: Value = serde_json::from_str(&answer.text().await.unwrap()).unwrap();
    assert!(after.is_some(), "{body}");
    match body["code"].as_str() {
        Some("quota_exceeded") => ("exceeded", told),
        Some("temporary_reduced_capacity") => ("reduced", told),
        _ => panic!("{body}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_redis_nodes_grant_their_shares_and_say_so() {
    let Some(mut redis) = RedisServer::start() else { return };
    let Some(cluster) = Cluster::start(3, Some(&redis), &STRICT).await else { return };
    let limited = cluster.key("shares", rate(90)).await;
    let mut refusing = rate(90);
    refusing["when_degraded"] = json!("refuse");
    let refusing = cluster.key("refuses", refusing).await;
    let mut admitted = 0;
    for n in 0..30 {
        assert_eq!(call(&cluster, n % 3, &limited.text).await, ("yes", false));
        assert_eq!(call(&cluster, n % 3, &refusing.text).await, ("yes", false));
        admitted += 1;
    }
    redis.kill();
    let (mut shares, mut turns) = ([0; 3], 0);
    while turns < 300 {
        let node = turns % 3;
        match call(&cluster, node, &limited.text).await {
            ("yes", true) => shares[node] += 1,
            ("reduced", true) => {}
            // The first calls may find the connection broken.
            other => panic!("{turns}: {other:?}"),
        }
        turns += 1;
    }
    admitted += shares.iter().sum::<i32>();
    // Of the 60 that were left, each node has a third, and one more by what it did not know.
    println!("Redis killed after 30 of 90: the nodes granted {shares:?}");
    assert!(shares.iter().all(|share| (19..=21).contains(share)), "{shares:?}");
    assert_eq!(call(&cluster, 0, &refusing.text).await, ("reduced", true));
    let answer = cluster.get(0, &refusing.text).await;
    let header = |name: &str| answer.headers()[name].to_str().unwrap().to_owned();
    let after = header("retry-after");
    assert!(header("ratelimit").ends_with(&format!(";r=0;t={after}")), "{answer:?}");
    assert!(total(&cluster, "comptoir_limits_degraded_total") > 0.0);

    redis.restart();
    cluster.each_says("comptoir_redis_up", |up| up == 1.0);
    // What was admitted meanwhile is known, although Redis has lost everything.
    for n in 0..60 {
        match call(&cluster, n % 3, &limited.text).await {
            ("yes", false) => admitted += 1,
            ("exceeded", false) => {}
            other => panic!("{other:?}"),
        }
    }
    println!("Redis started again: {admitted} of 90 admitted in all");
    assert!((90..=96).contains(&admitted), "{admitted}");
    assert_eq!(call(&cluster, 0, &refusing.text).await, ("yes", false));
}

#[tokio::test(flavor = "multi_thread")]
async fn redis_may_hang_and_no_call_fails() {
    let Some(redis) = RedisServer::start() else { return };
    let quick = [("LIMITS__BACKEND", "strict"), ("REDIS__RESPONSE_TIMEOUT_MS", "300")];
    let Some(cluster) = Cluster::start(3, Some(&redis), &quick).await else { return };
    let key = cluster.key("hangs", rate(900)).await;
    assert_eq!(call(&cluster, 0, &key.text).await.0, "yes");
    redis.pause();
    let mut slowest = Duration::ZERO;
    for n in 0..60 {
        let begun = Instant::now();
        assert_eq!(call(&cluster, n % 3, &key.text).await, ("yes", true));
        slowest = slowest.max(begun.elapsed());
    }
    redis.resume();
    println!("Redis hangs: every call is answered, the slowest after {slowest:?}");
    // Redis has 300 ms for an answer; the rest is for a machine that is busy.
    assert!(slowest < Duration::from_secs(20), "{slowest:?}");
    cluster.each_says("comptoir_redis_up", |up| up == 1.0);
    assert_eq!(call(&cluster, 1, &key.text).await, ("yes", false));
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_hammers_costs_redis_no_memory_and_is_let_in_when_promised() {
    let Some(redis) = RedisServer::start() else { return };
    let Some(cluster) = Cluster::start(3, Some(&redis), &STRICT).await else { return };
    // A unit in two seconds.
    let plan = json!({ "limits": [{ "name": "slow", "quota": 5, "window_s": 10 }] });
    let key = cluster.key("hammers", plan).await;
    while call(&cluster, 0, &key.text).await.0 == "yes" {}
    let size = || {
        let keys = redis.ask(&["KEYS", "*"]);
        let sizes = keys.lines().map(|key| redis.ask(&["MEMORY", "USAGE", key]));
        sizes.collect::<Vec<_>>()
    };
    let before = size();
    let (begun, mut refused) = (Instant::now(), 0);
    let answer = cluster.get(0, &key.text).await;
    let promised = answer.headers()["retry-after"].to_str().unwrap().parse::<u64>().unwrap();
    problem(answer, 429, "quota_exceeded").await;
    // At all nodes as quickly as they answer.
    while call(&cluster, refused % 3, &key.text).await.0 != "yes" {
        refused += 1;
    }
    let took = begun.elapsed();
    println!("refused {refused} times in {took:?}, promised after {promised} s; Redis: {before:?}");
    assert!(refused >= 20, "{refused}");
    // The promise is in whole seconds, rounded up; what it takes longer is for a machine that is busy.
    assert!(took + Duration::from_secs(1) >= Duration::from_secs(promised), "{took:?}");
    assert!(took <= Duration::from_secs(promised + 20), "{took:?}");
    assert_eq!(size(), before);
}

#[tokio::test(flavor = "multi_thread")]
async fn emptying_redis_does_not_reset_a_quota() {
    let Some(redis) = RedisServer::start() else { return };
    let Some(cluster) = Cluster::start(3, Some(&redis), &STRICT).await else { return };
    let key = cluster.key("emptied", quota(50)).await;
    assert_eq!(all_at_once(&cluster, &key, 30).await, 30);
    // The ledger has them, and each node has read it.
    for node in 0..3 {
        let until = Instant::now() + crate::support::PATIENCE;
        loop {
            let call = cluster.http.get(cluster.public(node, "/v1/usage"));
            let usage = call.bearer_auth(&key.text).send().await.unwrap().text().await.unwrap();
            let usage: Value = serde_json::from_str(&usage).unwrap();
            if usage["limits"][0]["used"] == "30.000" {
                break;
            }
            assert!(Instant::now() < until, "{usage}");
            crate::support::pause().await;
        }
    }
    redis.ask(&["FLUSHALL"]);
    redis.ask(&["SCRIPT", "FLUSH"]);
    assert_eq!(all_at_once(&cluster, &key, 200).await, 20);
    // A call that is free gives back what it took.
    let other = cluster.key("free", quota(5)).await;
    let path = format!("/v1/products/{}", data::product_id(77));
    for n in 0..20 {
        let call = cluster.http.get(cluster.public(n % 3, &path)).bearer_auth(&other.text);
        assert_eq!(call.send().await.unwrap().status(), 404);
    }
    let counter = redis.ask(&["KEYS", &format!("*:q:live:{}:*", other.app)]);
    // Beside the calls.
    wait_until("what was free is given back", || redis.ask(&["GET", &counter]) == "0");
    assert_eq!(all_at_once(&cluster, &other, 20).await, 5);
}
