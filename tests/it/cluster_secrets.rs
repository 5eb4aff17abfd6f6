//! Who gets hold of everything that three nodes keep, or one process, has nothing that opens anything.

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

/// An access token that a node issues to a client.
async fn token(cluster: &Cluster, node: usize, (client, secret): &(String, String)) -> String {
    let basic = format!("Basic {}", STANDARD.encode(format!("{client}:{secret}")));
    let asked = cluster.http.post(cluster.public(node, "/oauth/token"));
    let asked = asked.header("Authorization", &basic);
    let asked = asked.header("Content-Type", "application/x-www-form-urlencoded");
    let answer = asked.body("grant_type=client_credentials").send().await.unwrap();
    text(&answer.json::<Value>().await.unwrap()["access_token"])
}

/// Calls a node with what opens it, and puts that where nobody should, too.
async fn call(cluster: &Cluster, node: usize, opens: &str) {
    assert_eq!(cluster.get(node, opens).await.status(), 200);
    let path = format!("/v1/products?api_key={opens}");
    let answer = cluster.http.get(cluster.public(node, &path)).send().await.unwrap();
    assert!(answer.status().is_client_error(), "{answer:?}");
    assert_eq!(cluster.get(node, &format!("{opens}x")).await.status(), 401);
}

/// Everything that opens something, made at all nodes and used there; and the names of its owners, which are no secret.
async fn secrets(cluster: &Cluster) -> (Vec<String>, Vec<String>) {
    let limit = json!({ "name": "quota", "quota": 100, "period": "year" });
    let key = cluster.key("secrets", json!({ "limits": [limit] })).await;
    let body = json!({ "app_id": key.app, "name": "client", "environment": "live" });
    let client = cluster.admin(0, "POST", "/clients", Some(body)).await;
    let client = (text(&client["client"]["id"]), text(&client["secret"]));
    let rotate = json!({ "overlap_s": 600 });
    let last = cluster.nodes.len() - 1;
    let place = format!("/keys/{}/rotate", key.id);
    let rotated = cluster.admin(last / 2, "POST", &place, Some(rotate)).await;
    let body = json!({ "name": "robot", "roles": ["auditor"] });
    let robot = cluster.admin(last, "POST", "/tokens", Some(body)).await;
    let login = "owner@example.com";
    let body = json!({ "login": login, "name": "Owner", "roles": ["owner"] });
    let account = cluster.admin(0, "POST", "/accounts", Some(body)).await;
    cluster.caught_up().await;
    let mut opening = vec![key.text.clone(), text(&rotated["text"])];
    for node in 0..=last {
        for key in &opening[..2] {
            call(cluster, node, key).await;
        }
        let token = token(cluster, node, &client).await;
        call(cluster, node, &token).await;
        opening.push(token);
    }
    opening.extend([client.1, text(&robot["text"])]);
    // What a text has beside its public part: kind, environment, id.
    let secret = |text: String| text[text.len() - 40..text.len() - 7].to_owned();
    let mut secrets: Vec<String> = opening.into_iter().map(secret).collect();
    secrets.push(text(&account["password"]));
    (secrets, vec![key.id, client.0, login.to_owned()])
}

#[tokio::test(flavor = "multi_thread")]
async fn what_three_nodes_keep_and_say_opens_nothing() {
    let Some(redis) = RedisServer::start() else { return };
    // Calls stay in the journals until these are looked at.
    let settings = [
        ("LIMITS__BACKEND", "strict"),
        ("REDIS__RESPONSE_TIMEOUT_MS", "5000"),
        ("METERING__FOLD_INTERVAL_MS", "60000"),
    ];
    let Some(mut cluster) = Cluster::start(3, Some(&redis), &settings).await else { return };
    let (secrets, names) = secrets(&cluster).await;
    let redis = redis.dump();
    let mut journals = Vec::new();
    cluster.dirs().for_each(|dir| files(&dir.join("journal"), &mut journals));
    let said = cluster.stop().concat();
    let DatabaseUrl::Postgres(url) = &cluster.home.config().database.url else {
        panic!("nodes share PostgreSQL")
    };
    let dump = dump(url.reveal()).await;
    // It is looked at where the keys are, and where calls are.
    assert!(names.iter().all(|name| dump.contains(name)));
    let places = [
        ("database", dump.as_bytes()),
        ("Redis", &redis),
        ("journals", &journals),
        ("logs", said.as_bytes()),
    ];
    open_nothing(&places, &secrets);
}

fn open_nothing(places: &[(&str, &[u8])], secrets: &[String]) {
    for (place, bytes) in places {
        assert!(!bytes.is_empty(), "no {place}");
        // What opens something is ASCII, and stays as it is.
        let text = String::from_utf8_lossy(bytes);
        for secret in secrets {
            assert!(!text.contains(secret.as_str()), "a secret is in the {place}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_one_process_keeps_and_says_opens_nothing() {
    // Calls stay in the journal until it is looked at.
    let mut cluster = Cluster::alone(&[("METERING__FOLD_INTERVAL_MS", "60000")]).await;
    let (secrets, names) = secrets(&cluster).await;
    let dir = cluster.home.dir().to_owned();
    let mut journal = Vec::new();
    files(&dir.join("journal"), &mut journal);
    let mut running = Vec::new();
    files(&dir, &mut running);
    let said = cluster.stop().concat();
    // All that lies there then, the mirror that is saved at the end too.
    let mut kept = Vec::new();
    files(&dir, &mut kept);
    let database = match &cluster.home.config().database.url {
        // With its log of writes, which this process holds open, too.
        DatabaseUrl::Sqlite(path) => {
            let file = |end: &str| std::fs::read(format!("{}{end}", path.display()));
            [file("").unwrap(), file("-wal").unwrap_or_default()].concat()
        }
        DatabaseUrl::Postgres(url) => dump(url.reveal()).await.into_bytes(),
    };
    let text = String::from_utf8_lossy(&database);
    assert!(
        names.iter().all(|name| text.contains(name.as_str())),
        "it is looked at where the keys are"
    );
    let places = [
        ("database", &database[..]),
        ("directory of the process that runs", &running),
        ("directory of the process that has ended", &kept),
        ("journal", &journal),
        ("log", said.as_bytes()),
    ];
    open_nothing(&places, &secrets);
}
