//! Who gets hold of everything that three nodes keep has nothing that opens anything.

use crate::support::cluster::Cluster;
use crate::support::redis::RedisServer;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use comptoir::config::DatabaseUrl;
use serde_json::{Value, json};
use std::path::Path;

/// Every row of every table, as text.
async fn dump(url: &str) -> String {
    let pool = sqlx::PgPool::connect(url).await.unwrap();
    let tables = "SELECT tablename::text FROM pg_tables WHERE schemaname = current_schema()";
    let tables: Vec<String> = sqlx::query_scalar(tables).fetch_all(&pool).await.unwrap();
    assert!(tables.len() > 50, "{tables:?}");
    let mut dump = String::new();
    for table in tables {
        let rows = sqlx::AssertSqlSafe(format!("SELECT CAST(t AS TEXT) FROM {table} AS t"));
        let rows: Vec<String> = sqlx::query_scalar(rows).fetch_all(&pool).await.unwrap();
        dump.extend(rows);
    }
    pool.close().await;
    dump
}

/// The bytes of all files in a folder and below it.
fn files(dir: &Path, into: &mut Vec<u8>) {
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => files(&path, into),
            // A segment may be folded, and gone, while this looks.
            false => into.extend(std::fs::read(&path).unwrap_or_default()),
        }
    }
}

fn text(value: &Value) -> String {
    value.as_str().expect("a text").to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_three_nodes_keep_and_say_opens_nothing() {
    let Some(redis) = RedisServer::start() else { return };
    let settings = [("LIMITS__BACKEND", "strict"), ("REDIS__RESPONSE_TIMEOUT_MS", "5000")];
    let Some(mut cluster) = Cluster::start(3, Some(&redis), &settings).await else { return };
    let limit = json!({ "name": "quota", "quota": 100, "period": "year" });
    let key = cluster.key("secrets", json!({ "limits": [limit] })).await;
    let body = json!({ "app_id": key.app, "name": "client", "environment": "live" });
    let client = cluster.admin(0, "POST", "/clients", Some(body)).await;
    let (client, client_secret) = (text(&client["client"]["id"]), text(&client["secret"]));
    let rotate = json!({ "overlap_s": 600 });
    let rotated = cluster.admin(1, "POST", &format!("/keys/{}/rotate", key.id), Some(rotate)).await;
    let body = json!({ "name": "robot", "roles": ["auditor"] });
    let robot = text(&cluster.admin(2, "POST", "/tokens", Some(body)).await["text"]);
    let body = json!({ "login": "owner@example.com", "name": "Owner", "roles": ["owner"] });
    let account = cluster.admin(0, "POST", "/accounts", Some(body)).await;
    let password = text(&account["password"]);
    cluster.caught_up().await;

    let basic = format!("Basic {}", STANDARD.encode(format!("{client}:{client_secret}")));
    let mut tokens = Vec::new();
    for node in 0..3 {
        let asked = cluster.http.post(cluster.public(node, "/oauth/token"));
        let asked = asked.header("Authorization", &basic);
        let asked = asked.header("Content-Type", "application/x-www-form-urlencoded");
        let answer = asked.body("grant_type=client_credentials").send().await.unwrap();
        let answer: Value = answer.json().await.unwrap();
        tokens.push(text(&answer["access_token"]));
        assert_eq!(cluster.get(node, &tokens[node]).await.status(), 200);
        for opens in [&key.text, &text(&rotated["text"])] {
            assert_eq!(cluster.get(node, opens).await.status(), 200);
            // Where nobody should put them they are refused, and not kept either.
            let path = format!("/v1/products?api_key={opens}");
            let answer = cluster.http.get(cluster.public(node, &path)).send().await.unwrap();
            assert!(answer.status().is_client_error(), "{answer:?}");
        }
        let mistyped = cluster.get(node, &format!("{}x", key.text)).await;
        assert_eq!(mistyped.status(), 401);
    }

    let redis = redis.dump();
    let mut kept = Vec::new();
    for dir in cluster.dirs() {
        files(&dir.join("journal"), &mut kept);
    }
    let mut said = String::new();
    let DatabaseUrl::Postgres(url) = &cluster.home.config().database.url else {
        panic!("nodes share PostgreSQL")
    };
    let url = url.reveal().to_owned();
    for node in cluster.stop() {
        said.push_str(&node);
    }
    let dump = dump(&url).await;
    // It is looked at where the keys are, and where calls are.
    assert!(dump.contains(&key.id) && dump.contains(&client) && dump.contains("owner@example.com"));
    assert!(!kept.is_empty() && !said.is_empty() && !redis.is_empty());
    let places = [
        ("database", dump.as_bytes()),
        ("Redis", &redis),
        ("journals", &kept),
        ("logs", said.as_bytes()),
    ];
    // What a text has beside its public part: kind, environment, id.
    let secret = |text: &str| text[text.len() - 40..text.len() - 7].to_owned();
    let rotated = text(&rotated["text"]);
    let secrets = [&key.text, &rotated, &client_secret, &robot, &tokens[0], &tokens[1], &tokens[2]];
    for text in secrets.into_iter().map(|text| secret(text)).chain([password]) {
        for (place, bytes) in &places {
            let found = bytes.windows(text.len()).any(|window| window == text.as_bytes());
            assert!(!found, "a secret is in the {place}");
        }
    }
}
