//! Snapshots and exports: what they hold, who may have them, and how they are downloaded.

use crate::support::data::{self, product_id, store_id};
use crate::support::{NOON, TestApp, problem};
use comptoir::app::export_worker;
use comptoir::exports::store::snapshots;
use comptoir::feeds::Feed;
use comptoir::kernel::clock::HOUR;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use std::io::Read as _;
use std::time::Instant;

async fn shop() -> TestApp {
    let app = TestApp::builder().fixed_clock(NOON).start().await;
    app.stock_shelves(30, 2).await;
    app.import(Feed::Offers, &[data::offer(0, 0, "2.39"), data::offer(1, 1, "100")]).await;
    app.import(Feed::Stock, &[data::level(0, 0, 4, NOON)]).await;
    app.import(Feed::Products, &[json!({ "op": "delete", "sku": data::sku(29) })]).await;
    app
}

async fn json_of(app: &TestApp, key: &str, path: &str) -> Value {
    let answer = app.get(key, path).await;
    assert_eq!(answer.status(), 200, "{path}");
    answer.json().await.unwrap()
}

fn lines(gzip: &[u8]) -> Vec<Value> {
    let mut text = String::new();
    flate2::read::GzDecoder::new(gzip).read_to_string(&mut text).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[tokio::test]
async fn a_snapshot_holds_what_is_there_as_of_one_position() {
    let app = shop().await;
    let key = app.key(json!({})).await.text;
    problem(app.get(&key, "/v1/exports/latest").await, 404, "not_found").await;
    let id = app.snapshot().await;
    let manifest = json_of(&app, &key, "/v1/exports/latest").await;
    assert_eq!((&manifest["id"], &manifest["generated_at"]), (&json!(id), &json!(NOON)));
    assert_eq!(manifest["format"], "ndjson.gz");
    let head = json_of(&app, &key, "/v1/changes?after=latest").await;
    assert_eq!(manifest["position"], head["next_position"]);
    let rows = |name: &str| {
        let files = manifest["files"].as_array().unwrap();
        files.iter().find(|file| file["resource"] == name).unwrap()["rows"].clone()
    };
    let expected =
        [("products", 29), ("categories", 3), ("stores", 2), ("offers", 2), ("stock", 1)];
    for (name, count) in expected {
        assert_eq!(rows(name), count, "{name}");
    }
    for file in manifest["files"].as_array().unwrap() {
        let answer = app.get(&key, file["url"].as_str().unwrap()).await;
        assert_eq!(answer.headers()["content-type"], "application/gzip");
        assert_eq!(answer.headers()["content-length"].to_str().unwrap(), file["bytes"].to_string());
        assert_eq!(answer.headers()["etag"], format!("\"{}\"", file["sha256"].as_str().unwrap()));
        let bytes = answer.bytes().await.unwrap();
        let digest: String = Sha256::digest(&bytes).iter().map(|b| format!("{b:02x}")).collect();
        assert_eq!(file["sha256"], digest);
        assert_eq!(file["rows"], lines(&bytes).len());
    }
    let stock = app.get(&key, &format!("/v1/exports/{id}/files/stock.ndjson.gz")).await;
    let level = &lines(&stock.bytes().await.unwrap())[0];
    assert_eq!(level["quantity"], json!({ "disclosure": "band", "band": "3-5" }));
    assert_eq!(
        json_of(&app, &key, &format!("/v1/exports/{id}")).await["files"].as_array().unwrap().len(),
        12
    );
}

#[tokio::test]
async fn a_key_has_the_files_of_its_scopes() {
    let app = shop().await;
    let id = app.snapshot().await;
    let key = app.key(json!({ "scopes": ["exports:read", "catalog:read"] })).await.text;
    let manifest = json_of(&app, &key, "/v1/exports/latest").await;
    let seen: Vec<&str> = manifest["files"]
        .as_array()
        .unwrap()
        .iter()
        .map(|f| f["resource"].as_str().unwrap())
        .collect();
    assert_eq!(seen, ["products", "categories"]);
    for path in ["latest?resource=offers".to_owned(), format!("{id}/files/offers.parquet")] {
        let refused = app.get(&key, &format!("/v1/exports/{path}")).await;
        let refused = problem(refused, 403, "insufficient_scope").await;
        assert_eq!(refused["required_scope"], "prices:read", "{path}");
    }
    for path in
        [format!("{id}/files/passwd"), format!("{id}/files/..%2Fcomptoir.db"), "exp_x".into()]
    {
        problem(app.get(&key, &format!("/v1/exports/{path}")).await, 404, "not_found").await;
    }
    let misspelt = app.get(&key, "/v1/exports/latest?resource=product").await;
    let misspelt = problem(misspelt, 400, "invalid_parameter").await;
    assert_eq!(misspelt["errors"][0]["suggestion"], "products");
}

#[tokio::test]
async fn a_download_that_broke_off_goes_on_where_it_was() {
    let app = shop().await;
    let key = app.key(json!({})).await.text;
    let id = app.snapshot().await;
    let url = app.public_url(&format!("/v1/exports/{id}/files/products.parquet"));
    let get = || app.http.get(&url).bearer_auth(&key);
    let whole = get().send().await.unwrap();
    let (headers, whole) = (whole.headers().clone(), whole.bytes().await.unwrap());
    let (etag, length) = (headers["etag"].clone(), whole.len());
    assert_eq!(headers["accept-ranges"], "bytes");
    assert!(headers["repr-digest"].to_str().unwrap().starts_with("sha-256=:"));
    let part = get().header("Range", "bytes=100-").header("If-Range", &etag).send().await.unwrap();
    assert_eq!(part.status(), 206);
    assert_eq!(part.headers()["content-range"], format!("bytes 100-{}/{length}", length - 1));
    assert_eq!(part.headers()["repr-digest"], headers["repr-digest"]);
    assert_eq!(part.bytes().await.unwrap(), whole.slice(100..));
    let last = get().header("Range", "bytes=-7").send().await.unwrap();
    let cost = format!("0.{:03}", 7_000_usize.div_ceil(length));
    assert_eq!(last.headers()["x-request-cost"], *cost.trim_end_matches('0'), "7 of {length}");
    assert_eq!(last.bytes().await.unwrap(), whole.slice(length - 7..));
    for (range, if_range) in
        [("bytes=0-1,4-5", None), ("bytes=1-2", Some("\"other\"")), ("x", None)]
    {
        let request = get().header("Range", range);
        let request = if_range.into_iter().fold(request, |r, held| r.header("If-Range", held));
        let answer = request.send().await.unwrap();
        assert_eq!(answer.status(), 200, "{range}");
        assert_eq!(answer.bytes().await.unwrap(), whole, "{range}");
    }
    let beyond = get().header("Range", format!("bytes={length}-")).send().await.unwrap();
    assert_eq!(beyond.headers()["content-range"], format!("bytes */{length}"));
    problem(beyond, 416, "range_not_satisfiable").await;
    let held = get().header("If-None-Match", &etag).send().await.unwrap();
    assert_eq!((held.status().as_u16(), &held.headers()["etag"]), (304, &etag));
    assert_eq!(held.headers()["cache-control"], "private, max-age=86400, immutable");
    let head = app.http.head(&url).bearer_auth(&key).send().await.unwrap();
    assert_eq!(head.headers()["content-length"].to_str().unwrap(), length.to_string());
}

#[tokio::test]
async fn a_download_is_counted_with_its_bytes() {
    let mut app = shop().await;
    let key = app.key(json!({})).await.text;
    let id = app.snapshot().await;
    let whole = app.get(&key, &format!("/v1/exports/{id}/files/products.ndjson.gz")).await;
    let bytes = whole.bytes().await.unwrap().len() as i64;
    app.stop().await;
    let sql =
        "SELECT bytes, records, outcome FROM usage_hours WHERE operation = 'download_export_file'";
    let counted: Vec<(i64, i64, String)> =
        comptoir::on_db!(&app.db, c => sqlx::query_as(sql).fetch_all(c).await).unwrap();
    assert_eq!(counted, [(bytes, 29, "served".to_owned())]);
}

/// Asks for an export until it is no longer under way.
async fn settled(app: &TestApp, key: &str, place: &str) -> Value {
    let until = Instant::now() + crate::support::PATIENCE;
    while Instant::now() < until {
        let export = json_of(app, key, place).await;
        if !matches!(export["status"].as_str(), Some("queued" | "running")) {
            return export;
        }
        crate::support::pause().await;
    }
    panic!("{place} did not settle");
}

#[tokio::test]
async fn an_app_asks_for_files_of_its_own() {
    let app = TestApp::builder().fixed_clock(NOON).set("EXPORTS__PER_APP_DAILY", "2").start().await;
    app.stock_shelves(3, 2).await;
    app.import(Feed::Offers, &[data::offer(0, 0, "2.39"), data::offer(1, 1, "3.10")]).await;
    let (key, other) = (app.key(json!({})).await.text, app.key(json!({})).await.text);
    let ask = async |key: &str, body: Value| {
        let request = app.http.post(app.public_url("/v1/exports")).bearer_auth(key).json(&body);
        request.send().await.unwrap()
    };
    let body = json!({ "resources": ["offers", "stores"], "format": "ndjson.gz", "store_ids": [store_id(1)] });
    let accepted = ask(&key, body.clone()).await;
    assert_eq!(accepted.status(), 202);
    let place = accepted.headers()["location"].to_str().unwrap().to_owned();
    let export: Value = accepted.json().await.unwrap();
    assert_eq!(place, format!("/v1/exports/{}", export["id"].as_str().unwrap()));
    let export = settled(&app, &key, &place).await;
    assert_eq!((&export["status"], &export["kind"]), (&json!("ready"), &json!("export")));
    let files = export["files"].as_array().unwrap();
    let rows: Vec<_> =
        files.iter().map(|f| (f["resource"].as_str().unwrap(), &f["rows"])).collect();
    assert_eq!(rows, [("stores", &json!(1)), ("offers", &json!(1))]);
    let offers = app.get(&key, files[1]["url"].as_str().unwrap()).await.bytes().await.unwrap();
    assert_eq!(lines(&offers)[0]["product_id"], product_id(1));
    problem(app.get(&other, &place).await, 404, "not_found").await;
    problem(app.get(&other, files[1]["url"].as_str().unwrap()).await, 404, "not_found").await;
    let url = app.public_url(files[1]["url"].as_str().unwrap());
    assert_eq!(app.http.get(url).send().await.unwrap().bytes().await.unwrap(), offers);

    let second = ask(&key, body.clone()).await;
    settled(&app, &key, second.headers()["location"].to_str().unwrap()).await;
    let third = ask(&key, body).await;
    assert_eq!(third.headers()["retry-after"], (24 * 3_600 + 1).to_string());
    problem(third, 429, "operation_limited").await;
    for (body, pointer) in [
        (json!({ "resources": [] }), "/resources"),
        (json!({ "resources": ["offer"] }), "/resources/0"),
        (json!({ "resources": ["offers"], "formt": "parquet" }), "/formt"),
    ] {
        let refused = problem(ask(&other, body).await, 400, "invalid_body").await;
        assert_eq!(refused["errors"][0]["pointer"], pointer);
    }
    let poor = app.key(json!({ "scopes": ["exports:read"] })).await.text;
    let refused = ask(&poor, json!({ "resources": ["stock"] })).await;
    problem(refused, 403, "insufficient_scope").await;
}

#[tokio::test]
async fn an_app_has_one_export_under_way() {
    use comptoir::exports::store::Enqueued;
    let app = TestApp::start().await;
    // A worker that nobody lets work: what it enqueues stays queued.
    let dir = tempfile::tempdir().unwrap();
    let mut config = app.config.clone();
    config.server.data_dir = dir.path().to_owned();
    let idle = export_worker(&config, &app.db, &app.clock).unwrap();
    let request = comptoir::exports::model::Request::everything();
    let (_, first) = idle.enqueue("app_1", &request, None).await.unwrap();
    let (_, second) = idle.enqueue("app_1", &request, None).await.unwrap();
    let (_, other) = idle.enqueue("app_2", &request, None).await.unwrap();
    assert_eq!((first, second, other), (Enqueued::Queued, Enqueued::Busy, Enqueued::Queued));
    assert_eq!(idle.work_off().await.unwrap(), 0);
    assert_eq!(idle.enqueue("app_1", &request, None).await.unwrap().1, Enqueued::Queued);
}

#[tokio::test]
async fn of_several_nodes_one_writes_the_snapshot_of_a_day() {
    let app = shop().await;
    let other_dir = tempfile::tempdir().unwrap();
    let mut other = app.config.clone();
    other.server.data_dir = other_dir.path().to_owned();
    let one = export_worker(&app.config, &app.db, &app.clock).unwrap();
    let two = export_worker(&other, &app.db, &app.clock).unwrap();
    let (a, b) = tokio::join!(one.daily(), two.daily());
    let (a, b) = (a.unwrap(), b.unwrap());
    assert!(a != b, "{a} {b}");
    assert!(!one.daily().await.unwrap() && !two.daily().await.unwrap());
    assert_eq!(snapshots(&app.db, 9).await.unwrap().len(), 1);
    // The next day it is due again.
    app.clock.advance(24 * HOUR);
    assert!(two.daily().await.unwrap());
    let key = app.key(json!({})).await.text;
    let manifest = json_of(&app, &key, "/v1/exports/latest?resource=products").await;
    // The files are on the node that wrote them; this one says so.
    let elsewhere = app.get(&key, manifest["files"][0]["url"].as_str().unwrap()).await;
    problem(elsewhere, 503, "unavailable").await;
}

#[tokio::test]
async fn what_fails_or_is_cut_off_leaves_nothing() {
    let app = shop().await;
    let worker = export_worker(&app.config, &app.db, &app.clock).unwrap();
    let dir = app.config.server.data_dir.join("exports");
    // No file can be made below a file.
    std::fs::write(&dir, "in the way").unwrap();
    assert!(worker.daily().await.is_err());
    assert!(snapshots(&app.db, 9).await.unwrap().is_empty());
    // Not at once again, but later.
    std::fs::remove_file(&dir).unwrap();
    assert!(!worker.daily().await.unwrap());
    app.clock.advance(HOUR);
    assert!(worker.daily().await.unwrap());
    // What a crash left is gone with the next start.
    let leftover = dir.join("exp_00000000001.part");
    std::fs::create_dir(&leftover).unwrap();
    std::fs::create_dir(dir.join("exp_00000000002")).unwrap();
    worker.start().await.unwrap();
    assert_eq!(std::fs::read_dir(&dir).unwrap().count(), 1);
    // The newest are kept.
    for _ in 0..4 {
        app.clock.advance(HOUR);
        app.snapshot().await;
    }
    assert_eq!(snapshots(&app.db, 9).await.unwrap().len(), 3);
    assert_eq!(std::fs::read_dir(&dir).unwrap().count(), 3);
}
