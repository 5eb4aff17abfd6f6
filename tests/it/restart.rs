//! Starts from what a node has saved of its memory.

use crate::support::data;
use crate::support::process::{Home, Server, Wire, wait_until};
use comptoir::on_db;
use serde_json::{Value, json};

fn name(server: &Server, key: &str, n: u32) -> (u16, String) {
    let path = format!("/v1/products/{}", data::product_id(n));
    let reply = Wire::connect(server.public).unwrap().get(key, &path).unwrap();
    let body: Value = serde_json::from_str(&reply.body).unwrap();
    (reply.status, body["name"].as_str().unwrap_or_default().to_owned())
}

fn renamed(n: u32, name: &str) -> Value {
    let mut product = data::product(n);
    product["name"] = json!(name);
    product
}

#[tokio::test(flavor = "multi_thread")]
async fn a_start_goes_on_from_what_was_saved() {
    let home = Home::new(&[], &[data::product(0), data::product(1)]).await;
    let key = home.key();
    let server = home.serve();
    assert!(server.has_said("\"from_saved\":false"));
    assert!(server.terminate().contains("the mirror is saved"));

    home.import("products", &[renamed(0, "Riz rond")]);
    let deletion = json!({ "op": "delete", "sku": data::sku(1) });
    home.import("products", &[deletion]);
    let server = home.serve();
    assert!(server.has_said("\"from_saved\":true"));
    assert_eq!(name(&server, &key, 0), (200, "Riz rond".to_owned()));
    assert_eq!(name(&server, &key, 1).0, 410);
    server.kill();

    // After a kill what was saved is older, and good all the same.
    home.import("products", &[renamed(0, "Riz long"), data::product(1)]);
    let server = home.serve();
    assert!(server.has_said("\"from_saved\":true"));
    assert_eq!(name(&server, &key, 0), (200, "Riz long".to_owned()));
    assert_eq!(name(&server, &key, 1).0, 200);
    server.kill();

    let products = home.dir().join("mirror/products");
    let bytes = std::fs::read(&products).unwrap();
    std::fs::write(&products, &bytes[..bytes.len() - 9]).unwrap();
    let server = home.serve();
    assert!(server.has_said("the saved mirror is damaged"));
    assert_eq!(name(&server, &key, 0), (200, "Riz long".to_owned()));
    server.terminate();
    assert!(home.serve().has_said("\"from_saved\":true"));
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_saved_where_the_settings_say_so() {
    let home = Home::new(&[("CATALOG__SAVE_S", "0")], &[data::product(0)]).await;
    home.serve().terminate();
    assert!(!home.dir().join("mirror").exists());
    assert!(home.serve().has_said("\"from_saved\":false"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_ends_connections_with_an_answer_and_loses_no_call() {
    let home = Home::new(&[("SERVER__DRAIN_S", "5")], &[data::product(0)]).await;
    let key = home.key();
    let server = home.serve();
    let call = async |client: &reqwest::Client, path: &str| {
        let call = client.get(format!("http://{}{path}", server.public)).bearer_auth(&key);
        let answer = call.send().await.unwrap();
        let end = answer.headers().get("connection").map(|end| end.to_str().unwrap().to_owned());
        assert_eq!(answer.status(), 200);
        // Read to its end, so that the connection can be used again.
        answer.bytes().await.unwrap();
        end
    };
    let product = format!("/v1/products/{}", data::product_id(0));
    let paths = [product.as_str(), "/v1/products"];
    let kept = [reqwest::Client::new(), reqwest::Client::new()];
    for (client, path) in kept.iter().zip(paths) {
        assert_eq!(call(client, path).await, None);
    }
    server.begin_stop();
    wait_until("the node is not ready", || server.operator("/readyz").0 == 503);
    for (client, path) in kept.iter().zip(paths) {
        assert_eq!(call(client, path).await.as_deref(), Some("close"), "{path}");
        // Who comes anew is served, too.
        let end = call(&reqwest::Client::new(), path).await;
        assert_eq!(end.as_deref(), Some("close"), "{path}");
    }
    assert!(server.stopped().contains("stopped"));
}

#[tokio::test(flavor = "multi_thread")]
async fn told_to_stop_again_it_ends_at_once_and_loses_no_call() {
    let slow = [("SERVER__DRAIN_S", "300"), ("METERING__FOLD_INTERVAL_MS", "60000")];
    let home = Home::new(&slow, &[data::product(0)]).await;
    let key = home.key();
    let server = home.serve();
    assert_eq!(name(&server, &key, 0).0, 200);
    server.begin_stop();
    wait_until("the stop begins", || server.has_said("stopping soon"));
    assert_eq!(name(&server, &key, 0).0, 200);
    server.begin_stop();
    let (status, said) = server.ended();
    assert_eq!(status.code(), Some(1), "{said}");
    assert!(said.contains("told to stop again: this process ends at once"), "{said}");
    let server = home.serve();
    assert_eq!(billed(&home).await, 2, "the next start has folded what the first has answered");
    server.kill();
}

/// Calls that the ledger has and that are billed.
async fn billed(home: &Home) -> i64 {
    const COUNT: &str =
        "SELECT CAST(COALESCE(SUM(requests), 0) AS BIGINT) FROM usage_hours WHERE billable";
    on_db!(&home.db, c => sqlx::query_scalar(COUNT).fetch_one(c).await).unwrap()
}
