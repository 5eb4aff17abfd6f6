//! Clients that claim to be elsewhere, at real processes: a key's list of addresses holds whatever they write into
//! their headers, and a proxy that is trusted is believed of its own hop alone.

use crate::support::cluster::Cluster;
use crate::support::redis::RedisServer;
use crate::support::{data, problem};
use reqwest::Response;
use serde_json::json;

/// Where the keys may be used from.
const LIST: [&str; 2] = ["192.0.2.0/24", "2001:db8::/32"];
/// The tests call from the first of them.
const PROXIES: (&str, &str) = ("SERVER__TRUSTED_PROXIES", "127.0.0.1/32,10.0.0.0/8");

type Lines = &'static [(&'static str, &'static str)];

/// What nobody believes: other headers, and hops behind which another address stands, or none.
const CLAIMS: [Lines; 16] = [
    &[],
    &[("Forwarded", "for=192.0.2.7;proto=https")],
    &[("Forwarded", "for=\"[2001:db8::7]:443\"")],
    &[("X-Real-IP", "192.0.2.7")],
    &[("X-Client-IP", "192.0.2.7")],
    &[("True-Client-IP", "192.0.2.7")],
    &[("CF-Connecting-IP", "192.0.2.7")],
    &[("X-Forwarded-Host", "192.0.2.7")],
    &[("X-Forwarded-For", "198.51.100.1"), ("Forwarded", "for=192.0.2.7")],
    &[("X-Forwarded-For", "192.0.2.7, 198.51.100.1")],
    &[("X-Forwarded-For", "2001:db8::7, 2001:db9::7")],
    &[("X-Forwarded-For", "192.0.2.7, 192.0.2.7:x")],
    &[("X-Forwarded-For", "192.0.2.7, ,10.0.0.1")],
    &[("X-Forwarded-For", "10.0.0.1")],
    &[("X-Forwarded-For", "192.0.2.7"), ("X-Forwarded-For", "198.51.100.1")],
    &[
        ("X-Forwarded-For", "192.0.2.7"),
        ("X-Forwarded-For", "198.51.100.1, 10.0.0.1"),
        ("X-Forwarded-For", "10.0.0.2"),
    ],
];

/// What a proxy has seen, behind what its client claims. Believed of a trusted one.
const SEEN: [Lines; 7] = [
    &[("X-Forwarded-For", "192.0.2.7")],
    &[("X-Forwarded-For", "2001:db8::7")],
    &[("X-Forwarded-For", "::ffff:192.0.2.7")],
    &[("X-Forwarded-For", "198.51.100.1, [2001:db8::7]:443")],
    &[("X-Forwarded-For", "198.51.100.1, 192.0.2.7:4711, 10.0.0.1")],
    &[("X-Forwarded-For", "nonsense, 192.0.2.7"), ("Forwarded", "for=198.51.100.1")],
    &[
        ("X-Forwarded-For", "198.51.100.1"),
        ("X-Forwarded-For", "192.0.2.7"),
        ("X-Forwarded-For", "10.0.0.2"),
    ],
];

async fn call(cluster: &Cluster, node: usize, key: &str, lines: Lines) -> Response {
    let path = format!("/v1/products/{}", data::product_id(0));
    let mut call = cluster.http.get(cluster.public(node, &path)).bearer_auth(key);
    for (name, value) in lines {
        call = call.header(*name, *value);
    }
    call.send().await.unwrap()
}

/// A key that may be used from the list, and one that may be used from where the tests call.
async fn keys(cluster: &Cluster) -> [String; 2] {
    let all = json!({ "name": "all", "quota": 1_000_000, "window_s": 1 });
    let app = cluster.key("listed", json!({ "limits": [all] })).await.app;
    let listed = async |list: &[&str]| {
        let body = json!({ "app_id": app, "name": "listed", "environment": "live", "cidrs": list });
        let key = cluster.admin(0, "POST", "/keys", Some(body)).await;
        key["text"].as_str().expect("a text").to_owned()
    };
    let keys = [listed(&LIST[..]).await, listed(&["127.0.0.0/8"][..]).await];
    cluster.caught_up().await;
    keys
}

/// A list holds at a node, which trusts who calls it or does not.
async fn holds(cluster: &Cluster, node: usize, [listed, here]: &[String; 2], trusting: bool) {
    for lines in CLAIMS {
        let answer = call(cluster, node, listed, lines).await;
        assert_eq!(answer.status(), 403, "node {node}: {lines:?}");
        problem(answer, 403, "address_not_allowed").await;
    }
    for lines in SEEN {
        let (status, other) = if trusting { (200, 403) } else { (403, 200) };
        assert_eq!(call(cluster, node, listed, lines).await.status(), status, "{node}: {lines:?}");
        // And nobody is kept out by a header that is believed of nobody.
        assert_eq!(call(cluster, node, here, lines).await.status(), other, "{node}: {lines:?}");
    }
    assert_eq!(call(cluster, node, here, &[]).await.status(), 200, "node {node}");
}

#[tokio::test(flavor = "multi_thread")]
async fn forged_addresses_bring_a_client_of_one_process_nowhere() {
    for (settings, trusting) in [(&[][..], false), (&[PROXIES][..], true)] {
        let cluster = Cluster::alone(settings).await;
        holds(&cluster, 0, &keys(&cluster).await, trusting).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn forged_addresses_bring_a_client_of_three_nodes_nowhere() {
    let Some(redis) = RedisServer::start() else { return };
    let settings = [("LIMITS__BACKEND", "strict"), ("REDIS__RESPONSE_TIMEOUT_MS", "5000")];
    let Some(mut cluster) = Cluster::start(2, Some(&redis), &settings).await else { return };
    // One node stands behind a proxy, the others do not.
    let behind = cluster.join(&[PROXIES]);
    cluster.each_says("comptoir_nodes_alive", |nodes| nodes >= 3.0);
    cluster.each_says("comptoir_redis_up", |up| up >= 1.0);
    let keys = keys(&cluster).await;
    for node in 0..3 {
        holds(&cluster, node, &keys, node == behind).await;
    }
}
