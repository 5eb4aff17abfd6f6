//! Imports and snapshots that are killed, and two nodes on one folder of sources: processes of their own.

use crate::support::process::{Home, wait_until};
use comptoir::app::export_worker;
use comptoir::exports::store::snapshots;
use comptoir::exports::worker::LEASE;
use comptoir::kernel::{Clock, Micros};
use comptoir::on_db;
use comptoir::storage::Db;
use serde_json::{Value, json};
use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

/// Rows of a file that takes some batches.
const ROWS: u32 = 12_000;
const PEPPER: &str = "0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f";
const PATIENCE: Duration = Duration::from_secs(60);

fn product(n: u32, name: &str) -> Value {
    json!({ "sku": format!("K{n:05}"), "name": format!("{name} {n}") })
}

fn file(path: &Path, rows: impl Iterator<Item = Value>) {
    let lines: Vec<String> = rows.map(|row| format!("{row}\n")).collect();
    let part = path.with_extension("part");
    fs::write(&part, lines.concat()).unwrap();
    fs::rename(part, path).unwrap();
}

async fn number(db: &Db, sql: &'static str) -> i64 {
    on_db!(db, c => sqlx::query_scalar(sql).fetch_one(c).await).unwrap()
}

/// Waits until the database counts so many. Another process tells nothing by itself.
async fn counts(db: &Db, sql: &'static str, at_least: i64) {
    let until = Instant::now() + PATIENCE;
    while number(db, sql).await < at_least {
        assert!(Instant::now() < until, "{sql}: not {at_least} in time");
        crate::support::pause().await;
    }
}

/// What the products are, without when that was written.
async fn products(db: &Db) -> Vec<String> {
    const ALL: &str = "SELECT sku || ' ' || hash || ' ' || version || ' ' ||
        CASE WHEN deleted_at IS NULL THEN 'live' ELSE 'gone' END FROM products ORDER BY sku";
    on_db!(db, c => sqlx::query_scalar(ALL).fetch_all(c).await).unwrap()
}

fn files(dir: &Path) -> Vec<String> {
    let Ok(found) = fs::read_dir(dir) else { return Vec::new() };
    let names = found.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    names.filter(|name| !name.starts_with('.')).collect()
}

fn folder(dir: &Path) -> std::path::PathBuf {
    let source = dir.join("own");
    fs::create_dir_all(&source).unwrap();
    fs::write(source.join("source.toml"), "feed = \"products\"\n").unwrap();
    source
}

#[tokio::test(flavor = "multi_thread")]
async fn a_watched_file_whose_import_was_killed_is_imported_again_whole() {
    let dir = tempfile::tempdir().unwrap();
    let source = folder(dir.path());
    let shown = dir.path().display().to_string();
    let extra = [("FEEDS__SOURCES_DIR", shown.as_str()), ("FEEDS__SOURCES_POLL_MS", "20")];
    let home = Home::new(&extra, &[]).await;
    let server = home.serve();
    let path = source.join("catalog.ndjson");
    file(&path, (0..ROWS).map(|n| product(n, "Vis")));
    counts(&home.db, "SELECT count(*) FROM products", 2_000).await;
    server.kill();
    let stored = number(&home.db, "SELECT count(*) FROM products").await;
    assert!(stored < i64::from(ROWS), "it was killed in the middle: {stored}");
    assert_eq!(files(&source.join("working")), ["catalog.ndjson"]);
    // The lease of the node that was killed is its own: it goes on at once.
    let server = home.serve();
    wait_until("the file is put away", || files(&source.join("done")).len() == 2);
    server.terminate();
    assert!(files(&source.join("working")).is_empty());
    assert_eq!(number(&home.db, "SELECT count(*) FROM imports WHERE status = 'running'").await, 0);

    let undisturbed = Home::new(&[], &[]).await;
    let path = dir.path().join("same.ndjson");
    file(&path, (0..ROWS).map(|n| product(n, "Vis")));
    undisturbed.run(&["import", "products", &path.display().to_string()]);
    assert_eq!(products(&home.db).await, products(&undisturbed.db).await);
    let created = "SELECT count(*) FROM change_log WHERE kind = 'product'";
    assert_eq!(number(&home.db, created).await, i64::from(ROWS), "nothing is told twice");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_import_that_was_killed_deletes_nothing_that_it_names() {
    let dir = tempfile::tempdir().unwrap();
    let (before, full) = (dir.path().join("before.ndjson"), dir.path().join("full.ndjson"));
    file(&before, (0..ROWS).map(|n| product(n, "Vis")));
    // Half of it goes, the rest has new names, and some are new.
    let kept = ROWS / 2..ROWS + 100;
    file(&full, kept.clone().map(|n| product(n, "Clou")));
    let extra = [("FEEDS__MAX_DELETE_PERCENT", "100")];
    let words = ["import", "products", &full.display().to_string(), "--mode", "full"];
    let load = ["import", "products", &before.display().to_string()];
    let undisturbed = Home::new(&extra, &[]).await;
    undisturbed.run(&load);
    undisturbed.run(&words);
    let expected = products(&undisturbed.db).await;

    let updated = "SELECT count(*) FROM products WHERE version = 2 AND deleted_at IS NULL";
    let deleted = "SELECT count(*) FROM products WHERE deleted_at IS NOT NULL";
    for (point, at_least) in [(updated, 2_000), (deleted, 1)] {
        let home = Home::new(&extra, &[]).await;
        home.run(&load);
        let import = home.start(&words);
        counts(&home.db, point, at_least).await;
        import.kill();
        let gone = number(&home.db, deleted).await;
        assert!(gone < i64::from(ROWS / 2), "it was killed in the middle: {gone}");
        let named = format!("K{:05}", kept.start);
        let wrong = products(&home.db).await.into_iter();
        let wrong: Vec<_> = wrong.filter(|p| *p >= named && p.ends_with("gone")).collect();
        assert!(wrong.is_empty(), "{wrong:?}");
        if point == updated {
            assert_eq!(gone, 0, "nothing is deleted before all is read");
        }
        home.run(&words);
        assert_eq!(products(&home.db).await, expected);
        for table in ["SELECT count(*) FROM feed_marks", "SELECT count(*) FROM feed_scopes"] {
            assert_eq!(number(&home.db, table).await, 0, "{table}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_nodes_on_one_folder_import_each_file_once() {
    let dir = tempfile::tempdir().unwrap();
    let source = folder(dir.path());
    let shown = dir.path().display().to_string();
    let extra = [
        ("FEEDS__SOURCES_DIR", shown.as_str()),
        ("FEEDS__SOURCES_POLL_MS", "20"),
        ("ACCESS__PEPPER", PEPPER),
    ];
    let home = Home::new(&extra, &[]).await;
    let Some(other) = home.beside() else {
        println!("SKIPPED two nodes on one folder: COMPTOIR_TEST_POSTGRES names no server");
        return;
    };
    let (one, two) = (home.serve(), other.serve());
    let count = 30;
    for n in 0..count {
        let rows = (0..20).map(|row| product(n * 20 + row, "Vis"));
        file(&source.join(format!("{n}.ndjson")), rows);
    }
    wait_until("all files are put away", || {
        files(&source.join("done")).len() == 2 * count as usize
    });
    one.terminate();
    two.terminate();
    assert!(files(&source.join("failed")).is_empty() && files(&source.join("working")).is_empty());
    let imports =
        "SELECT count(*) FROM imports WHERE feed = 'products' AND file_name <> 'products.ndjson'";
    assert_eq!(number(&home.db, imports).await, i64::from(count));
    let accepted = "SELECT CAST(sum(accepted) AS BIGINT) FROM imports WHERE feed = 'products'";
    assert_eq!(number(&home.db, accepted).await, i64::from(count) * 20);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_snapshot_whose_command_was_killed_is_given_up_within_its_lease() {
    const RUNNING: &str = "SELECT count(*) FROM exports WHERE status = 'running'";
    let products: Vec<Value> = (0..ROWS).map(|n| product(n, "Vis")).collect();
    let home = Home::new(&[], &products).await;
    let command = home.start(&["export", "snapshot"]);
    counts(&home.db, RUNNING, 1).await;
    command.kill();
    assert_eq!(number(&home.db, RUNNING).await, 1, "it was killed in the middle");
    let killed = Clock::System.now();
    for (later, left) in [(0, 1), (LEASE + 1, 0)] {
        // What a running server does once a minute.
        let clock = Clock::fixed(Micros(killed.0 + later));
        export_worker(&home.config(), &home.db, &clock).unwrap().clear_old().await.unwrap();
        assert_eq!(number(&home.db, RUNNING).await, left, "{later}");
    }
    assert!(files(&home.dir().join("exports")).is_empty());
    home.run(&["export", "snapshot"]);
    assert_eq!(snapshots(&home.db, 9).await.unwrap().len(), 1);
}
