//! What neither edits, restarts, new nodes nor the end of a month may do to counters that nodes share.

use super::{LEASED, STRICT, all_in_batches, all_or};
use crate::support::cluster::Cluster;
use crate::support::redis::RedisServer;
use crate::support::{TestApp, data};
use serde_json::json;

#[tokio::test(flavor = "multi_thread")]
async fn an_edit_of_the_plan_a_restart_and_a_new_node_neither_reset_a_quota_nor_count_it_twice() {
    for settings in [&STRICT, &LEASED] {
        let Some(redis) = RedisServer::start() else { return };
        let Some(mut cluster) = Cluster::start(3, Some(&redis), settings).await else { return };
        let limit = json!({ "name": "quota", "quota": 100, "period": "year" });
        let key = cluster.key("kept", json!({ "limits": [limit] })).await;
        assert_eq!(all_in_batches(&cluster, &key, 40).await, 40);

        // The next version has another limit before it, and counts the same quota.
        let app = cluster.admin(0, "GET", &format!("/apps/{}", key.app), None).await;
        let plan = format!("/plans/{}", app["plan_id"].as_str().unwrap());
        let more = json!({ "name": "burst", "quota": 1_000, "window_s": 1 });
        let edit = json!({ "limits": [more, limit] });
        cluster.admin(1, "PATCH", &plan, Some(edit)).await;
        cluster.caught_up().await;
        // One that is stopped gives back what it had leased, and comes again with other settings.
        cluster.nodes.remove(2).terminate();
        cluster.join(&[("LIMITS__LEASE", "5"), ("SERVER__WORKERS", "2")]);
        cluster.join(&[]);
        cluster.each_says("comptoir_nodes_alive", |nodes| nodes >= 4.0);
        cluster.each_says("comptoir_redis_up", |up| up >= 1.0);
        cluster.caught_up().await;

        let codes = ["quota_exceeded", "temporary_reduced_capacity"];
        let mut admitted = 0;
        // What lies idle in a batch of another node comes back.
        let until = std::time::Instant::now() + crate::support::PATIENCE;
        while admitted < 60 && std::time::Instant::now() < until {
            admitted += all_or(&cluster, &key, 80, &codes).await;
        }
        assert_eq!(admitted + all_or(&cluster, &key, 40, &codes).await, 60, "{settings:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_month_ends_once_for_all_nodes_that_count_together() {
    // The last second of the month there, in UTC, far ahead: Redis forgets what its own clock calls over.
    const ENDS: [(&str, &str); 3] = [
        ("Europe/Paris", "2091-01-31T22:59:59Z"),
        ("America/New_York", "2092-03-01T04:59:59Z"),
        ("Asia/Kathmandu", "2091-02-28T18:14:59Z"),
    ];
    let path = format!("/v1/products/{}", data::product_id(0));
    for (backend, ends) in [("strict", &ENDS[..]), ("leased", &ENDS[..1])] {
        for &(zone, last) in ends {
            let Some(redis) = RedisServer::start() else { return };
            let first = TestApp::builder().fixed_clock(last).set("REDIS__URL", &redis.url());
            let first = first.set("REDIS__RESPONSE_TIMEOUT_MS", "5000");
            let first = first.set("LIMITS__BACKEND", backend).start().await;
            first.stock_shelves(1, 1).await;
            let nodes = [first.beside().await, first.beside().await, first];
            let first = &nodes[2];
            let month =
                json!({ "name": "month", "quota": 6, "period": "month", "time_zone": zone });
            let key = first.key_under(&first.plan(json!([month])).await, json!({})).await;
            for node in &nodes {
                node.caught_up().await;
                node.wait_until_gauge("redis_up", |up| up == 1).await;
            }
            let admitted = async |calls: usize| {
                let mut admitted = 0;
                for n in 0..calls {
                    let answer = nodes[n % nodes.len()].get(&key.text, &path).await;
                    let refused = answer.status() == 429;
                    assert!(refused || answer.status() == 200, "{answer:?}");
                    assert!(!answer.headers().contains_key("comptoir-degraded"), "{answer:?}");
                    admitted += usize::from(!refused);
                    answer.bytes().await.unwrap();
                }
                admitted
            };
            assert_eq!(admitted(12).await, 6, "{backend}, {zone}");
            first.clock.advance(999_999);
            assert_eq!(admitted(3).await, 0, "{backend}, {zone}: a microsecond before the end");
            first.clock.advance(1);
            assert_eq!(admitted(3).await, 3, "{backend}, {zone}");
            // Once, and not again: neither by a clock that is stepped back nor by the next day.
            first.clock.advance(-1);
            assert_eq!(admitted(3).await, 0, "{backend}, {zone}: the old month");
            first.clock.advance(86_400_000_000);
            assert_eq!(admitted(9).await, 3, "{backend}, {zone}: the rest of the new one");
        }
    }
}
