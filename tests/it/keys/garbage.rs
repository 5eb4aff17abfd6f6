//! Noise in place of keys costs no look-up, and what is stolen opens nothing.

use super::{path, shop, status};
use crate::support::cluster::Cluster;
use crate::support::problem;
use crate::support::redis::RedisServer;
use comptoir::on_db;
use comptoir::storage::Db;
use futures_util::future::join_all;
use serde_json::json;
use sha2::{Digest as _, Sha256};
use std::net::SocketAddr;
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// Runs a statement, which stands for a hand in the database.
async fn run(db: &Db, sql: &'static str) {
    let mut tx = db.begin().await.unwrap();
    comptoir::on_tx!(&mut tx, c => sqlx::query(sql).execute(c).await.map(drop)).unwrap();
    tx.commit().await.unwrap();
}

/// Calls in one stream, all with keys that are none; how many were answered with 401.
async fn calls(at: SocketAddr, keys: impl Iterator<Item = String>) -> usize {
    let mut stream = TcpStream::connect(at).await.unwrap();
    let heads =
        keys.map(|key| format!("GET {} HTTP/1.1\r\nHost: x\r\nX-API-Key: {key}\r\n\r\n", path()));
    let mut sent: String = heads.collect();
    sent.push_str("GET /nothing HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    let (mut read, mut write) = stream.split();
    let send = async {
        write.write_all(sent.as_bytes()).await.unwrap();
    };
    let mut answers = Vec::new();
    let receive = async {
        read.read_to_end(&mut answers).await.unwrap();
    };
    tokio::join!(send, receive);
    let answers = String::from_utf8_lossy(&answers);
    assert!(!answers.contains("HTTP/1.1 5"), "no look-up was tried, so none failed");
    answers.matches("HTTP/1.1 401").count()
}

/// Without these tables any look-up fails, and would show as a 500.
async fn take_keys_away(db: &Db) {
    for sql in [
        "ALTER TABLE key_secrets RENAME TO key_secrets_away",
        "ALTER TABLE keys RENAME TO keys_away",
    ] {
        run(db, sql).await;
    }
}

async fn bring_keys_back(db: &Db) {
    for sql in [
        "ALTER TABLE keys_away RENAME TO keys",
        "ALTER TABLE key_secrets_away RENAME TO key_secrets",
    ] {
        run(db, sql).await;
    }
}

/// What is no key: of no form, of a form with a wrong check, and a whole key with a changed end.
fn garbage(whole: &str, n: usize) -> String {
    match n % 5 {
        0 => format!("garbage-{n}"),
        1 => format!("cpt_live_{n:011}_{n:049}"),
        2 => format!("{}{n:06}", &whole[..whole.len() - 6]),
        3 => format!("cpt_at_{n:089}"),
        _ => format!("{n:x}{}", "z".repeat(n % 90)),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_thousand_keys_that_are_none_cost_no_look_up() {
    let app = shop().await;
    let key = app.key(json!({})).await;
    let row = json!({ "app_id": key.app_id, "name": "old",
        "sha256": format!("{:x}", HexOf(Sha256::digest(b"imported").into())) });
    let import =
        app.http.post(app.admin_url("/admin/v1/keys/import")).bearer_auth(&app.admin_token);
    let import = import.header("Content-Type", "application/x-ndjson").body(row.to_string());
    assert_eq!(import.send().await.unwrap().status(), 200);
    take_keys_away(&app.db).await;
    let whole = key.text.as_str();
    let mut refused = 0;
    for batch in 0..100 {
        let keys = (batch * 1_000..(batch + 1) * 1_000).map(|n| garbage(whole, n));
        refused += calls(app.at.public, keys).await;
    }
    assert_eq!(refused, 100_000);
    assert_eq!((status(&app, whole).await, status(&app, "imported").await), (200, 200));
    bring_keys_back(&app.db).await;
    assert_eq!(status(&app, whole).await, 200);
}

/// Streams of such calls at each node, and calls of each, in batches.
const STREAMS: usize = 2;
const BATCHES: usize = 5;
const BATCH: usize = 1_000;

/// One stream; how many of its calls were answered with 401.
async fn noise(at: SocketAddr, whole: &str, stream: usize) -> usize {
    let mut refused = 0;
    for batch in 0..BATCHES {
        let first = (stream * BATCHES + batch) * BATCH;
        let keys = (first..first + BATCH).map(|n| garbage(whole, n));
        refused += calls(at, keys).await;
    }
    refused
}

/// Commands that a Redis has carried out, those of scripts too.
fn commands(redis: &RedisServer) -> usize {
    let told = redis.ask(&["INFO", "stats"]);
    let mut lines = told.lines();
    let number = lines.find_map(|line| line.strip_prefix("total_commands_processed:"));
    number.expect("a number").trim().parse().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_that_are_none_cost_three_nodes_no_look_up_and_redis_no_command() {
    const NODES: usize = 3;
    const GOOD: usize = 60;
    let Some(redis) = RedisServer::start() else { return };
    let settings = [("LIMITS__BACKEND", "strict"), ("REDIS__RESPONSE_TIMEOUT_MS", "5000")];
    let Some(cluster) = Cluster::start(NODES, Some(&redis), &settings).await else { return };
    let all = json!({ "name": "all", "quota": 1_000_000, "window_s": 1 });
    let key = cluster.key("good", json!({ "limits": [all] })).await;
    take_keys_away(&cluster.home.db).await;
    let before = commands(&redis);
    assert_eq!(cluster.get(0, &key.text).await.status(), 200);
    assert!(commands(&redis) > before + 1, "a good call is seen");

    let before = commands(&redis);
    let streams = (0..NODES * STREAMS)
        .map(|stream| noise(cluster.nodes[stream % NODES].public, &key.text, stream));
    // Those who have a key are answered meanwhile.
    let good = async {
        let mut slowest = Duration::ZERO;
        for n in 0..GOOD {
            let begun = Instant::now();
            assert_eq!(cluster.get(n % NODES, &key.text).await.status(), 200);
            slowest = slowest.max(begun.elapsed());
        }
        slowest
    };
    let (refused, slowest) = tokio::join!(join_all(streams), good);
    let (refused, asked) = (refused.into_iter().sum::<usize>(), commands(&redis) - before);
    println!("{refused} calls refused, {asked} commands of Redis, a good call took {slowest:?}");
    assert_eq!(refused, NODES * STREAMS * BATCHES * BATCH);
    // What good calls ask, and what nodes tell each other as time passes.
    assert!(asked < refused / 5, "{asked} commands for {refused} calls");
    bring_keys_back(&cluster.home.db).await;
    for node in 0..NODES {
        assert_eq!(cluster.nodes[node].operator("/readyz").0, 200);
        assert_eq!(cluster.get(node, &key.text).await.status(), 200);
    }
}

struct HexOf([u8; 32]);

impl std::fmt::LowerHex for HexOf {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// Every text that the tables of keys hold.
async fn dump(db: &Db) -> String {
    const TABLES: [&str; 6] = [
        "SELECT key_id || ' ' || hash || ' ' || hint || ' ' || COALESCE(jwk, '') FROM key_secrets",
        "SELECT id || ' ' || name || ' ' || scopes FROM keys",
        "SELECT id || ' ' || url || ' ' || hint FROM key_leaks",
        "SELECT hash FROM oauth_assertions",
        "SELECT detail FROM audit_log",
        "SELECT value FROM settings",
    ];
    let mut dump = String::new();
    for sql in TABLES {
        let rows: Vec<String> =
            on_db!(db, c => sqlx::query_scalar(sql).fetch_all(c).await).unwrap();
        dump.extend(rows.into_iter().map(|row| row + "\n"));
    }
    dump
}

#[tokio::test]
async fn a_dump_of_the_database_opens_nothing() {
    let app = shop().await;
    let key = app.key(json!({})).await;
    let client = json!({ "app_id": key.app_id, "name": "c", "environment": "live" });
    let client = app.admin_ok("POST", "/admin/v1/clients", Some(client)).await;
    let secret = client["secret"].as_str().unwrap();
    let sha256 = format!("{:x}", HexOf(Sha256::digest(b"imported").into()));
    let row = json!({ "app_id": key.app_id, "name": "old", "sha256": sha256 });
    let import =
        app.http.post(app.admin_url("/admin/v1/keys/import")).bearer_auth(&app.admin_token);
    let import = import.header("Content-Type", "application/x-ndjson").body(row.to_string());
    assert_eq!(import.send().await.unwrap().status(), 200);
    let ask = app.http.post(app.public_url("/oauth/token"));
    let ask = ask.basic_auth(client["client"]["id"].as_str().unwrap(), Some(secret));
    let ask = ask.header("Content-Type", "application/x-www-form-urlencoded");
    let token: serde_json::Value =
        ask.body("grant_type=client_credentials").send().await.unwrap().json().await.unwrap();
    let token = token["access_token"].as_str().unwrap();
    assert_eq!(app.get(token, &path()).await.status(), 200);
    let dump = dump(&app.db).await;
    assert!(dump.contains(&key.id), "it is a dump of keys");
    // Neither a text, nor its secret part, nor what another could test guesses with.
    for secret in [&key.text[21..64], &secret[23..66], &token[7..], "imported\n", &sha256] {
        assert!(!dump.contains(secret));
    }
    // And nothing in it is taken as a key.
    let words = dump.split([' ', '\n', '"', ',', ':']).filter(|word| word.len() > 8);
    for word in words.filter(|word| word.bytes().all(|byte| byte.is_ascii_graphic())) {
        problem(app.get(word, &path()).await, 401, "invalid_key").await;
    }
}
