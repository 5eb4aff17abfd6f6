//! Files that the program writes, under faults made for real: it is killed while it writes them, and
//! their disk is full. What is half written is never served, nothing is left lying about, and the next
//! attempt works.

use crate::support::data;
use crate::support::process::{Home, Server, SmallDisk, wait_until};
use comptoir::app::export_worker;
use comptoir::exports::worker::LEASE;
use comptoir::kernel::{Clock, Micros};
use reqwest::{Client, Response, StatusCode};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

const PRODUCTS: u32 = 200;
/// Sentences of a text so long that writing all takes half a second and more: enough to be killed in the
/// middle of.
const LONG: usize = 1_250;

/// A shop that is sold online, with texts of so many sentences.
async fn home(sentences: usize) -> Home {
    let long = "Une description qui n'en finit pas. ".repeat(sentences);
    let described = |n| {
        let mut product = data::product(n);
        product["description"] = json!({ "plain": long });
        product
    };
    let home = Home::new(&[], &(0..PRODUCTS).map(described).collect::<Vec<_>>()).await;
    home.import("stores", &[data::store(0)]);
    let online = |n| {
        let mut offer = data::offer(n, 0, "1.00");
        offer["channel"] = json!("online");
        offer
    };
    home.import("offers", &(0..PRODUCTS).map(online).collect::<Vec<_>>());
    home
}

/// The names in a folder; none where it is not there.
fn names(dir: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(dir).map(|entries| entries.flatten().collect());
    let entries: Vec<_> = entries.unwrap_or_default();
    entries.iter().map(|entry| entry.file_name().to_string_lossy().into_owned()).collect()
}

/// A client of a server: with a partner's key, and with an admin's token.
struct Caller<'a> {
    http: Client,
    server: &'a Server,
    key: &'a str,
    token: &'a str,
}

impl Caller<'_> {
    async fn get(&self, path: &str) -> Response {
        let url = format!("http://{}{path}", self.server.public);
        self.http.get(url).bearer_auth(self.key).send().await.unwrap()
    }

    async fn json(&self, path: &str) -> Value {
        self.get(path).await.json().await.unwrap()
    }

    /// Asks for an export of the products; where it is.
    async fn ask_for_export(&self) -> String {
        let url = format!("http://{}/v1/exports", self.server.public);
        let body = json!({ "resources": ["products"], "format": "ndjson.gz" });
        let asked = self.http.post(url).bearer_auth(self.key).json(&body).send().await.unwrap();
        assert_eq!(asked.status(), StatusCode::ACCEPTED);
        asked.headers()["location"].to_str().unwrap().to_owned()
    }

    /// An export when it is written, or has failed.
    async fn settled(&self, place: &str) -> Value {
        let until = Instant::now() + Duration::from_secs(60);
        loop {
            let export = self.json(place).await;
            if !matches!(export["status"].as_str(), Some("queued" | "running")) {
                return export;
            }
            assert!(Instant::now() < until, "{export}");
            crate::support::pause().await;
        }
    }

    /// That all files of a manifest are what it says.
    async fn whole(&self, manifest: &Value) {
        let files = manifest["files"].as_array().unwrap();
        assert!(!files.is_empty(), "{manifest}");
        for file in files {
            let bytes = self.get(file["url"].as_str().unwrap()).await.bytes().await.unwrap();
            let digest = Sha256::digest(&bytes);
            let digest: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
            assert_eq!(file["sha256"], digest);
        }
    }

    /// The rows of the product feed, whole.
    async fn feed(&self) -> usize {
        let answer = self.get("/v1/feeds/google-products").await;
        assert_eq!(answer.status(), StatusCode::OK);
        answer.text().await.unwrap().lines().count() - 1
    }

    /// Sends products in to be imported.
    async fn upload(&self, body: impl Into<reqwest::Body>) -> reqwest::Result<Response> {
        let url = format!("http://{}/admin/v1/feeds/products", self.server.admin);
        let sent = self.http.post(url).bearer_auth(self.token);
        sent.header("content-type", "application/octet-stream").body(body).send().await
    }

    /// Waits until a search is answered, and says how many it finds.
    async fn search(&self) -> usize {
        let until = Instant::now() + Duration::from_secs(180);
        loop {
            let answer = self.get("/v1/products?q=produit&limit=200&include_total=true").await;
            if answer.status() == StatusCode::OK {
                let page: Value = answer.json().await.unwrap();
                return usize::try_from(page["total"].as_u64().unwrap()).unwrap();
            }
            let refused: Value = answer.json().await.unwrap();
            assert_eq!(refused["code"], "search_not_ready", "{refused}");
            assert!(Instant::now() < until, "{refused}");
            crate::support::pause().await;
        }
    }

    /// A metric of the server.
    fn metric(&self, name: &str) -> u64 {
        let (_, text) = self.server.operator("/metrics");
        let line = text.lines().find_map(|line| line.strip_prefix(&format!("{name} ")));
        line.and_then(|value| value.parse().ok()).unwrap_or_default()
    }
}

fn caller<'a>(server: &'a Server, key: &'a str, token: &'a str) -> Caller<'a> {
    Caller { http: Client::new(), server, key, token }
}

fn refused_for_now(problem: &Value) {
    assert_eq!((&problem["code"], &problem["status"]), (&json!("unavailable"), &json!(503)));
    let detail = problem["detail"].as_str().unwrap();
    assert!(detail.contains("cannot be") && detail.ends_with('.'), "{detail}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_while_it_writes_a_snapshot_or_an_export_it_serves_none_that_is_not_whole() {
    let home = home(LONG).await;
    let (key, token, exports) = (home.key(), home.admin_token(), home.dir().join("exports"));
    let begun = || {
        let written = |name: &String| !names(&exports.join(name)).is_empty();
        names(&exports).iter().any(|name| name.ends_with(".part") && written(name))
    };

    let mut writing = home.begin_yielding(&["export", "snapshot"]);
    wait_until("the snapshot is begun", begun);
    writing.kill().unwrap();
    writing.wait().unwrap();
    assert!(begun(), "the snapshot was written before it could be cut off");
    let server = home.serve_yielding();
    let client = caller(&server, &key, &token);
    assert_eq!(client.get("/v1/exports/latest").await.status(), StatusCode::NOT_FOUND);
    // A minute later nobody holds it any more, and a server that looks takes it away.
    let later = Clock::fixed(Micros(Clock::System.now().0 + LEASE + 1));
    export_worker(&home.config(), &home.db, &later).unwrap().clear_old().await.unwrap();
    assert_eq!(names(&exports), [""; 0]);
    home.run(&["export", "snapshot"]);
    client.whole(&client.json("/v1/exports/latest").await).await;
    let kept = names(&exports);

    let place = client.ask_for_export().await;
    wait_until("the export is begun", begun);
    server.kill();
    assert!(begun(), "the export was written before it could be cut off");
    // As if the second kill had come later, when the files had their name but no row.
    let id = place.rsplit('/').next().unwrap();
    std::fs::create_dir(exports.join(id)).unwrap();
    std::fs::write(exports.join(id).join("products.ndjson.gz"), "half").unwrap();
    // It is written after all, under the same name: who asked need not ask again.
    let server = home.serve();
    let client = caller(&server, &key, &token);
    let export = client.settled(&place).await;
    assert_eq!(export["status"], "ready");
    client.whole(&export).await;
    let mut expected = [kept, vec![id.to_owned()]].concat();
    let mut found = names(&exports);
    expected.sort();
    found.sort();
    assert_eq!(found, expected);
    server.terminate();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_while_it_writes_an_index_a_feed_or_an_upload_it_begins_again() {
    let home = home(LONG).await;
    let (key, token) = (home.key(), home.admin_token());
    let (index, feeds) = (home.dir().join("search"), home.dir().join("feeds-out"));
    let uploads = home.dir().join("uploads");

    let meta = index.join("meta.json");
    let server = home.serve_yielding();
    wait_until("the index is begun", || meta.exists());
    server.kill();
    let committed = std::fs::read_to_string(&meta).unwrap().contains("payload");
    assert!(!committed, "the index was made before it could be cut off");
    let server = home.serve();
    assert_eq!(caller(&server, &key, &token).search().await, PRODUCTS as usize);
    server.terminate();

    let server = home.serve_yielding();
    let client = caller(&server, &key, &token);
    let url = format!("http://{}/v1/feeds/google-products", server.public);
    let asked = tokio::spawn(client.http.get(url).bearer_auth(&key).send());
    wait_until("the feed is begun", || !names(&feeds).is_empty());
    server.kill();
    assert!(asked.await.unwrap().is_err(), "the feed was written before it could be cut off");
    assert_eq!(names(&feeds).len(), 1);
    let server = home.serve();
    assert_eq!(names(&feeds), [""; 0]);
    let client = caller(&server, &key, &token);
    assert_eq!(client.feed().await, PRODUCTS as usize);

    // A file that is half sent when the process dies.
    let (pieces, waiting) =
        tokio::sync::mpsc::unbounded_channel::<Result<Vec<u8>, std::io::Error>>();
    pieces.send(Ok(format!("{}\n", data::product(0)).repeat(50).into_bytes())).unwrap();
    let stream = futures_util::stream::unfold(waiting, async |mut waiting| {
        waiting.recv().await.map(|piece| (piece, waiting))
    });
    let place = format!("http://{}/admin/v1/feeds/products", server.admin);
    let sent = client.http.post(place).bearer_auth(&token);
    let sent = sent.header("content-type", "application/octet-stream");
    let sending = tokio::spawn(sent.body(reqwest::Body::wrap_stream(Box::pin(stream))).send());
    let arriving = || -> Option<PathBuf> {
        let folder = uploads.join(names(&uploads).first()?);
        names(&folder).first().map(|name| folder.join(name))
    };
    wait_until("the upload is begun", || {
        arriving().is_some_and(|file| file.metadata().is_ok_and(|file| file.len() > 0))
    });
    server.kill();
    assert!(sending.await.unwrap().is_err());
    drop(pieces);
    let before = home.run(&["feed", "list"]);
    let server = home.serve();
    assert_eq!(names(&uploads), [""; 0]);
    assert_eq!(home.run(&["feed", "list"]), before, "a half of a file was imported");
    let client = caller(&server, &key, &token);
    let whole = format!("{}\n", data::product(0));
    assert_eq!(client.upload(whole).await.unwrap().status(), StatusCode::OK);
    server.terminate();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_is_told_and_what_is_written_next_is_whole() {
    let home = home(10).await;
    let folder = |name: &str| home.dir().join(name);
    let Some(index) = SmallDisk::mount(&folder("search"), "16k") else {
        println!("left out: this process may not mount a file system");
        return;
    };
    let disks = ["exports", "feeds-out", "uploads"]
        .map(|name| SmallDisk::mount(&folder(name), "16m").expect("a second one"));
    let (key, token) = (home.key(), home.admin_token());
    let server = home.serve();
    let client = caller(&server, &key, &token);
    let fillers = disks.each_ref().map(SmallDisk::fill);
    let left =
        |name: &str| names(&folder(name)).into_iter().filter(|name| name != "filler").count();

    // Searches say so; everything else is answered.
    wait_until("the index has failed", || client.metric("comptoir_search_failures_total") > 0);
    let refused = client.get("/v1/products?q=produit").await;
    assert!(refused.headers().contains_key("retry-after"));
    assert_eq!(refused.json::<Value>().await.unwrap()["code"], "search_not_ready");
    assert_eq!(client.get("/v1/products?limit=1").await.status(), StatusCode::OK);
    let failed = client.ask_for_export().await;
    assert_eq!(client.settled(&failed).await["status"], "failed");
    wait_until("it is counted", || client.metric("comptoir_export_failures_total") == 1);
    refused_for_now(&client.get("/v1/feeds/google-products").await.json().await.unwrap());
    let body = format!("{}\n", data::product(0)).repeat(50);
    refused_for_now(&client.upload(body.clone()).await.unwrap().json().await.unwrap());
    assert_eq!(["exports", "feeds-out", "uploads"].map(left), [0, 0, 0]);

    // With room again each works at the next attempt, the index by itself.
    index.resize("64m");
    fillers.iter().for_each(|filler| std::fs::remove_file(filler).unwrap());
    assert_eq!(client.search().await, PRODUCTS as usize);
    let export = client.ask_for_export().await;
    let export = client.settled(&export).await;
    assert_eq!(export["status"], "ready");
    client.whole(&export).await;
    assert_eq!(client.feed().await, PRODUCTS as usize);
    assert_eq!(client.upload(body).await.unwrap().status(), StatusCode::OK);
    assert_eq!(left("uploads"), 0);
    server.terminate();
}
