//! Limits of one process that counts alone: exact, kept over edits and restarts, and moved by nobody who hammers.

use crate::support::cluster::{Cluster, Issued};
use crate::support::{PATIENCE, problem};
use futures_util::future::join_all;
use reqwest::Response;
use serde_json::{Value, json};
use std::time::{Duration, Instant};

/// Calls of one client at a time.
const CALLERS: usize = 8;

fn quota(quota: u32) -> Value {
    json!({ "name": "quota", "quota": quota, "period": "year" })
}

fn seconds(answer: &Response) -> Duration {
    let after = answer.headers()["retry-after"].to_str().unwrap();
    Duration::from_secs(after.parse().unwrap())
}

/// Makes calls at once; how many were admitted. Every other is told that the limit is reached.
async fn all_at_once(cluster: &Cluster, key: &Issued, calls: usize) -> usize {
    let calls = (0..calls).map(|_| async {
        let answer = cluster.get(0, &key.text).await;
        if answer.status() == 200 {
            answer.bytes().await.unwrap();
            return 1_usize;
        }
        problem(answer, 429, "quota_exceeded").await;
        0
    });
    join_all(calls).await.into_iter().sum()
}

#[tokio::test(flavor = "multi_thread")]
async fn of_a_thousand_calls_at_once_one_process_admits_exactly_a_hundred() {
    let cluster = Cluster::alone(&[("SERVER__MAX_CONNECTIONS_PER_ADDRESS", "0")]).await;
    // Units that come back so slowly that none does while this runs.
    let rate = json!({ "name": "rate", "quota": 100, "window_s": 1_000_000 });
    for (name, limit) in [("rate", rate), ("quota", quota(100))] {
        let key = cluster.key(name, json!({ "limits": [limit] })).await;
        assert_eq!(all_at_once(&cluster, &key, 1_000).await, 100, "{name}");
    }
}

/// What callers saw who called again and again.
struct Hammered {
    refused: usize,
    /// When a call was admitted: between these moments.
    admitted: Option<(Duration, Duration)>,
    /// When one may be, by all that was told: not before, and not after.
    promised: (Duration, Duration),
}

/// Calls as quickly as the process answers, several at a time, until one is admitted or so many are refused.
async fn hammer(cluster: &Cluster, key: &Issued, most: usize) -> Hammered {
    let begun = Instant::now();
    let (mut refused, mut promised) = (0, (Duration::ZERO, Duration::MAX));
    while refused < most {
        let sent = begun.elapsed();
        let answers = join_all((0..CALLERS).map(|_| cluster.get(0, &key.text))).await;
        let received = begun.elapsed();
        assert!(received < PATIENCE, "refused {refused} times");
        if answers.iter().any(|answer| answer.status() == 200) {
            return Hammered { refused, admitted: Some((sent, received)), promised };
        }
        for answer in answers {
            // Whole seconds, rounded up, from a moment between these two.
            let after = seconds(&answer);
            let earliest = (sent + after).saturating_sub(Duration::from_secs(1));
            promised = (promised.0.max(earliest), promised.1.min(received + after));
            problem(answer, 429, "quota_exceeded").await;
            refused += 1;
        }
    }
    Hammered { refused, admitted: None, promised }
}

/// All that was told is one moment, which hammering has not moved. The clock of the wall may be set right meanwhile.
fn is_one_moment(seen: &Hammered) {
    let (earliest, latest) = seen.promised;
    assert!(earliest <= latest + Duration::from_millis(100), "{:?}", seen.promised);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_hammers_a_process_is_let_in_when_promised() {
    let cluster = Cluster::alone(&[]).await;
    // A unit in four seconds.
    let plan = json!({ "limits": [{ "name": "slow", "quota": 2, "window_s": 8 }] });
    let key = cluster.key("hammers", plan).await;
    while cluster.get(0, &key.text).await.status() == 200 {}
    let seen = hammer(&cluster, &key, usize::MAX).await;
    println!("refused {} times, promised {:?}", seen.refused, seen.promised);
    assert!(seen.refused >= 20, "{}", seen.refused);
    is_one_moment(&seen);
    let (_, received) = seen.admitted.expect("an admitted call");
    assert!(received + Duration::from_millis(100) >= seen.promised.0, "{received:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_hammers_a_process_costs_it_no_memory() {
    let cluster = Cluster::alone(&[]).await;
    let key = cluster.key("used up", json!({ "limits": [quota(3)] })).await;
    assert_eq!(all_at_once(&cluster, &key, 10).await, 3);
    // What the first of them need, such as buffers of connections, is there once.
    is_one_moment(&hammer(&cluster, &key, 1_000).await);
    let before = cluster.nodes[0].peak_memory();
    let seen = hammer(&cluster, &key, 6_000).await;
    let grown = cluster.nodes[0].peak_memory_over(before);
    println!("refused {} times more: {grown} kB more than before", seen.refused);
    assert!(seen.admitted.is_none());
    is_one_moment(&seen);
    // Four kilobytes kept of each would be seen.
    assert!(grown < 24_000, "{grown} kB more than before");
}

/// What the quota of a key has used, as its process tells it.
async fn used(cluster: &Cluster, key: &Issued) -> Value {
    let limits = cluster.usage(0, &key.text).await;
    let mut limits = limits.as_array().expect("limits").iter();
    limits.find(|limit| limit["name"] == "quota").expect("the quota")["used"].clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn edits_of_the_plan_restarts_and_a_kill_keep_what_one_process_has_counted() {
    let mut cluster = Cluster::alone(&[]).await;
    let key = cluster.key("kept", json!({ "limits": [quota(20)] })).await;
    let app = cluster.admin(0, "GET", &format!("/apps/{}", key.app), None).await;
    let plan = format!("/plans/{}", app["plan_id"].as_str().unwrap());
    // The next versions have another limit before it, and count the same quota.
    let burst = json!({ "name": "burst", "quota": 1_000, "window_s": 1 });
    let edit = |granted: u32| Some(json!({ "limits": [burst, quota(granted)] }));

    assert_eq!(all_at_once(&cluster, &key, 8).await, 8);
    cluster.admin(0, "PATCH", &plan, edit(30)).await;
    cluster.caught_up().await;
    assert_eq!(used(&cluster, &key).await, "8.000");
    cluster.stop();
    cluster.again();
    assert_eq!(used(&cluster, &key).await, "8.000");

    assert_eq!(all_at_once(&cluster, &key, 4).await, 4);
    cluster.nodes.remove(0).kill();
    cluster.again();
    assert_eq!(used(&cluster, &key).await, "12.000");
    cluster.admin(0, "PATCH", &plan, edit(40)).await;
    cluster.caught_up().await;
    assert_eq!(all_at_once(&cluster, &key, 60).await, 28);
    assert_eq!(used(&cluster, &key).await, "40.000");
}
