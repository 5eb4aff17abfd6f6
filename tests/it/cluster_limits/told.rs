//! What callers are told whom a node refuses for lack of what it may grant: that, and not that their plan is used up.

use super::{LEASED, STRICT, quota};
use crate::support::cluster::{Cluster, Issued};
use crate::support::problem;
use crate::support::redis::RedisServer;
use reqwest::Response;
use serde_json::{Value, json};

/// So seldom that nodes know nothing of each other but what Redis tells.
const HARDLY_FOLDED: (&str, &str) = ("METERING__FOLD_INTERVAL_MS", "60000");

fn header(answer: &Response, name: &str) -> String {
    answer.headers()[name].to_str().unwrap().to_owned()
}

/// A refusal of a node: what its problem document says, and its explanation, which is the same for the partner, the
/// retailer and in the shell.
async fn refused(cluster: &Cluster, node: usize, key: &Issued) -> (String, Value) {
    let answer = cluster.get(node, &key.text).await;
    let (limit, after) = (header(&answer, "ratelimit"), header(&answer, "retry-after"));
    assert_eq!(limit, format!("\"quota\";r=0;t={after}"));
    let document = problem(answer, 429, "temporary_reduced_capacity").await;
    let id = document["refusal_id"].as_str().unwrap();
    // Another node, which answers who has to wait, too.
    let path = cluster.public((node + 1) % 3, &format!("/v1/refusals/{id}"));
    let answer = cluster.http.get(path).bearer_auth(&key.text).send().await.unwrap();
    assert_eq!(answer.status(), 200);
    let why: Value = answer.json().await.unwrap();
    assert_eq!(cluster.admin(0, "GET", &format!("/refusals/{id}"), None).await, why);
    let shown = cluster.home.run(&["refusal", "show", id]);
    assert_eq!(serde_json::from_str::<Value>(&shown).unwrap(), why);
    assert_eq!(why["admitted_at"], Value::Null);
    assert_eq!(why["limits"][0]["reset_s"].to_string(), after);
    let words = why["explanation"].as_str().unwrap();
    assert!(words.contains("That does not say that the plan is exceeded"), "{words}");
    assert!(words.contains(&format!("tried again after {after} s")), "{words}");
    (document["detail"].as_str().unwrap().to_owned(), why)
}

fn says(why: &Value, words: &str) {
    assert!(why["explanation"].as_str().unwrap().contains(words), "{why}");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_redis_a_share_that_is_used_is_told_as_one_in_headers_and_explanations() {
    let Some(mut redis) = RedisServer::start() else { return };
    let settings = [STRICT[0], STRICT[1], HARDLY_FOLDED];
    let Some(cluster) = Cluster::start(3, Some(&redis), &settings).await else { return };
    let key = cluster.key("share", quota(9)).await;
    let mut plan = quota(9);
    plan["when_degraded"] = json!("refuse");
    let refusing = cluster.key("refuses", plan).await;
    for _ in 0..4 {
        let answer = cluster.get(0, &key.text).await;
        let after: u32 = header(&answer, "ratelimit").split_once("t=").unwrap().1.parse().unwrap();
        // The year's end.
        assert!(answer.status() == 200 && after > 60, "{answer:?}");
    }
    redis.kill();
    cluster.each_says("comptoir_redis_up", |up| up == 0.0);
    // Five are left by all that the node knows, and one in three of them is its share.
    let last = cluster.get(0, &key.text).await;
    assert_eq!(last.status(), 200);
    assert_eq!(header(&last, "ratelimit"), "\"quota\";r=0;t=5");
    let usage = cluster.http.get(cluster.public(0, "/v1/usage")).bearer_auth(&key.text);
    let usage = usage.send().await.unwrap();
    assert_eq!(usage.status(), 200);
    assert_eq!(header(&usage, "ratelimit"), "\"quota\";r=0;t=5");

    let (detail, why) = refused(&cluster, 0, &key).await;
    assert!(detail.contains("share of what was left"), "{detail}");
    says(&why, "each node granted a share of what was left");
    says(&why, "`quota` grants 9 units a period, of which 5.000 were known to be used;");
    let limit = &why["limits"][0];
    let told = ["granted", "remaining", "used", "reset_s"].map(|name| limit[name].clone());
    assert_eq!(told, [json!(9), json!(0), json!("5.000"), json!(5)]);

    // A plan that grants nothing meanwhile has no share.
    let (detail, why) = refused(&cluster, 0, &refusing).await;
    assert!(detail.contains("grants nothing") && !detail.contains("share"), "{detail}");
    says(&why, "the plan grants nothing while that is so");
    says(&why, "of which 0.000 were known to be used.");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_finds_what_is_left_of_a_small_quota_with_another_node_is_told_that() {
    let Some(redis) = RedisServer::start() else { return };
    let settings = [LEASED[0], LEASED[1], HARDLY_FOLDED];
    let Some(cluster) = Cluster::start(3, Some(&redis), &settings).await else { return };
    let key = cluster.key("lent", quota(2)).await;
    for _ in 0..2 {
        assert_eq!(cluster.get(0, &key.text).await.status(), 200);
    }
    // It cannot tell whether the other has used them, before the ledger has them.
    let (detail, why) = refused(&cluster, 1, &key).await;
    assert!(detail.contains("hold, or have used by now"), "{detail}");
    says(&why, "What was left had been given to other nodes");
    says(&why, "`quota` grants 2 units a period, of which 0.000 were known to be used;");
}
