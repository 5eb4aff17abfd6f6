//! The proof of snapshots and changes: a partner who loads a snapshot and applies the changes behind
//! its position holds what a fresh snapshot holds, deletions included; of stock the availability, not the counts.

use crate::support::data::{self, sku};
use crate::support::{NOON, TestApp};
use comptoir::feeds::{Feed, Guard, Mapping, Mode, Options, Report, import, import_with};
use flate2::read::GzDecoder;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fs::File;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::path::{Path, PathBuf};

/// What a partner holds: the digests of documents, by type and id. Documents themselves would be
/// gigabytes where all real prices are followed.
pub(crate) type Held = BTreeMap<(String, String), [u8; 32]>;

fn id_of(kind: &str, document: &Value) -> String {
    let part = |field: &str| document[field].as_str().unwrap().to_owned();
    match kind {
        "offer" => format!("{}/{}/{}", part("product_id"), part("store_id"), part("channel")),
        "stock" => format!("{}/{}", part("product_id"), part("store_id")),
        _ => part("id"),
    }
}

/// What of a document the changes keep current: all of it, but of stock not the count.
fn kept(kind: &str, document: &Value) -> [u8; 32] {
    let mut kept = document.clone();
    if let Some(fields) = kept.as_object_mut().filter(|_| kind == "stock") {
        const COUNTED: [&str; 5] = ["quantity", "as_of", "received_at", "is_stale", "source"];
        fields.retain(|name, _| !COUNTED.contains(&name.as_str()));
    }
    Sha256::digest(kept.to_string()).into()
}

/// The documents of a packed file, and its text.
fn read(kind: &str, bytes: &[u8]) -> (Held, String) {
    let (mut held, mut text) = (Held::new(), String::new());
    GzDecoder::new(bytes).read_to_string(&mut text).unwrap();
    for line in text.lines() {
        let document: Value = serde_json::from_str(line).unwrap();
        held.insert((kind.to_owned(), id_of(kind, &document)), kept(kind, &document));
    }
    (held, text)
}

/// Loads the latest snapshot: what it holds, its position, and its files as texts with their names.
pub(crate) async fn load(app: &TestApp, key: &str) -> (Held, String, Vec<(String, String)>) {
    let manifest: Value = app.get(key, "/v1/exports/latest").await.json().await.unwrap();
    load_manifest(app, key, &manifest).await
}

/// The same of an export whose manifest this is.
pub(crate) async fn load_manifest(
    app: &TestApp,
    key: &str,
    manifest: &Value,
) -> (Held, String, Vec<(String, String)>) {
    let (mut held, mut texts) = (Held::new(), Vec::new());
    for file in manifest["files"].as_array().unwrap() {
        let kind = match file["resource"].as_str().unwrap() {
            "categories" => "category",
            "products" => "product",
            "stores" => "store",
            "offers" => "offer",
            "promotions" => "promotion",
            "stock" => "stock",
            other => panic!("{other} is no resource that is known here"),
        };
        let answer = app.get(key, file["url"].as_str().unwrap()).await;
        let (status, bytes) = (answer.status(), answer.bytes().await.unwrap());
        assert_eq!(status, 200, "{file}: {}", String::from_utf8_lossy(&bytes));
        // The program under test runs on this thread, too: reading a great file must not hold it up.
        let read = tokio::task::spawn_blocking(move || read(kind, &bytes));
        let (documents, text) = read.await.unwrap();
        held.extend(documents);
        texts.push((kind.to_owned(), text));
    }
    (held, manifest["position"].as_str().unwrap().to_owned(), texts)
}

/// Applies everything behind a position, page by page; how many changes that were.
pub(crate) async fn follow(
    app: &TestApp,
    key: &str,
    held: &mut Held,
    from: &str,
    limit: u32,
) -> usize {
    let (mut position, mut applied) = (from.to_owned(), 0);
    loop {
        let path = format!("/v1/changes?after={position}&limit={limit}&embed=resource");
        let page: Value = app.get(key, &path).await.json().await.unwrap();
        for change in page["items"].as_array().unwrap() {
            let kind = change["type"].as_str().unwrap();
            let name = (kind.to_owned(), change["id"].as_str().unwrap().to_owned());
            if change["resource"].is_null() {
                held.remove(&name);
            } else {
                held.insert(name, kept(kind, &change["resource"]));
            }
            applied += 1;
        }
        position = page["next_position"].as_str().unwrap().to_owned();
        if page["has_more"] == false {
            return applied;
        }
    }
}

/// The snapshot `before` with its changes, applied twice over, is the fresh snapshot.
pub(crate) async fn assert_followed(
    app: &TestApp,
    key: &str,
    before: &(Held, String),
    limit: u32,
) -> usize {
    app.snapshot().await;
    let (fresh, ..) = load(app, key).await;
    let (mut held, position) = before.clone();
    let applied = follow(app, key, &mut held, &position, limit).await;
    assert!(held != before.0, "nothing changed");
    compare(&held, &fresh);
    // Replaying from the same position changes nothing.
    follow(app, key, &mut held, &position, limit).await;
    compare(&held, &fresh);
    applied
}

pub(crate) fn compare(held: &Held, fresh: &Held) {
    let keys = |held: &Held| held.keys().cloned().collect::<BTreeSet<_>>();
    let (ours, theirs) = (keys(held), keys(fresh));
    let odd: Vec<_> = ours.symmetric_difference(&theirs).take(5).collect();
    assert!(odd.is_empty(), "on one side only: {odd:?}");
    for (name, document) in held {
        assert_eq!(document, &fresh[name], "{name:?}");
    }
}

fn delete(field: &str, code: &str) -> Value {
    json!({ "op": "delete", field: code })
}

#[tokio::test]
async fn a_snapshot_with_the_changes_behind_it_is_a_fresh_snapshot() {
    let app = TestApp::builder().fixed_clock(NOON).start().await;
    let key = app
        .key(json!({ "scopes": [
        "catalog:read", "prices:read", "stores:read", "stock:read", "promotions:read",
        "changes:read", "exports:read",
    ] }))
        .await
        .text;
    app.stock_shelves(60, 4).await;
    let offers: Vec<Value> =
        (0..60).flat_map(|p| (0..4).map(move |s| data::offer(p, s, "2.39"))).collect();
    app.import(Feed::Offers, &offers).await;
    let levels: Vec<Value> = (0..60).map(|p| data::level(p, p % 4, p, NOON)).collect();
    app.import(Feed::Stock, &levels).await;
    let taken = app
        .import(Feed::Promotions, &[data::promotion("a", "Un"), data::promotion("b", "Deux")])
        .await;
    assert_eq!(taken.rejected, 0, "{taken}");
    // The feed does not stop for the snapshot: it holds what stood at one position.
    let during: Vec<Value> = (0..30).map(|p| data::offer(p, 0, "2.19")).collect();
    let (_, _) = tokio::join!(app.snapshot(), app.import(Feed::Offers, &during));
    let (held, position, _) = load(&app, &key).await;
    let before = (held, position);

    let later = "2026-11-22T12:30:00Z";
    let mut renamed = data::product(3);
    renamed["name"] = json!("Nouveau nom");
    let mut moved = data::store(2);
    moved["name"] = json!("Magasin déplacé");
    app.clock.advance(3_600_000_000);
    for (feed, lines) in [
        (
            Feed::Products,
            vec![renamed, data::product(77), delete("sku", &sku(5)), delete("sku", &sku(6))],
        ),
        (
            Feed::Categories,
            vec![json!({ "code": "bread", "name": "Pain" }), delete("code", "cheese")],
        ),
        (Feed::Stores, vec![moved, data::store(9), delete("store_code", "0003")]),
        (
            Feed::Promotions,
            vec![
                data::promotion("a", "Trois"),
                delete("code", "b"),
                data::promotion("c", "Quatre"),
            ],
        ),
        (Feed::Offers, (0..40).map(|p| data::offer(p + 7, 1, "1.99")).collect()),
        (Feed::Offers, vec![data::offer(77, 9, "5.10"), data::offer(77, 9, "5.20")]),
        (Feed::Stock, (0..50).map(|p| data::level(p + 7, p % 2, p % 3, later)).collect()),
        // What was deleted comes back.
        (Feed::Products, vec![data::product(5)]),
    ] {
        let report = app.import(feed, &lines).await;
        assert_eq!(report.rejected, 0, "{report}");
    }
    let withdrawn: Vec<Value> = (20..25)
        .map(|p| json!({ "op": "delete", "sku": sku(p), "store_code": "0001", "channel": "in_store" }))
        .collect();
    assert_eq!(app.import(Feed::Offers, &withdrawn).await.rejected, 0);
    assert_followed(&app, &key, &before, 7).await;
}

/// Where real data lies: `COMPTOIR_TEST_DATA` names the directory.
fn real_data() -> Option<PathBuf> {
    let found = std::env::vars().find(|(name, _)| name == "COMPTOIR_TEST_DATA");
    let dir = found.map(|(_, dir)| PathBuf::from(dir).join("precios-claros"));
    let dir = dir.filter(|dir| dir.join("prices-2020-04-13.csv.gz").exists());
    if dir.is_none() {
        println!(
            "SKIPPED on real prices: COMPTOIR_TEST_DATA names no directory with precios-claros"
        );
    }
    dir
}

/// The lines of a packed CSV, its head first.
fn rows(path: &Path) -> impl Iterator<Item = String> {
    BufReader::new(GzDecoder::new(File::open(path).unwrap())).lines().map(Result::unwrap)
}

fn write(path: &Path, lines: &[String]) {
    let mut file = File::create(path).unwrap();
    lines.iter().for_each(|line| writeln!(file, "{line}").unwrap());
}

/// A bounded sample of the survey: some products, the stores that list most of them, two dates.
fn sample(from: &Path, to: &Path) {
    let products: Vec<String> = rows(&from.join("products.csv.gz")).take(3_001).collect();
    let skus: BTreeSet<&str> =
        products[1..].iter().map(|line| line.split(',').next().unwrap()).collect();
    let known: BTreeSet<String> = rows(&from.join("stores.csv.gz"))
        .map(|line| line.split(',').next().unwrap().to_owned())
        .collect();
    let prices = |date: &str| -> Vec<String> {
        let of_product =
            |line: &String| line.split(',').nth(1).is_some_and(|sku| skus.contains(sku));
        rows(&from.join(format!("prices-{date}.csv.gz"))).filter(of_product).collect()
    };
    let store = |line: &str| line.rsplit(',').next().unwrap().to_owned();
    let (first, second) = (prices("2020-04-13"), prices("2020-04-19"));
    let mut listed: HashMap<String, usize> = HashMap::new();
    for line in &first {
        *listed.entry(store(line)).or_default() += usize::from(known.contains(&store(line)));
    }
    let mut most: Vec<(usize, String)> = listed.into_iter().map(|(store, n)| (n, store)).collect();
    most.sort_unstable_by(|a, b| b.cmp(a));
    let chosen: BTreeSet<String> = most.into_iter().take(50).map(|(_, store)| store).collect();
    let head = "fecha_relevamiento,id_producto,precio,id_sucursal".to_owned();
    for (name, lines) in [("first", first), ("second", second)] {
        let lines = lines.into_iter().filter(|line| chosen.contains(&store(line)));
        let lines: Vec<String> = std::iter::once(head.clone()).chain(lines).collect();
        write(&to.join(format!("{name}.csv")), &lines);
    }
    let stores: Vec<String> = rows(&from.join("stores.csv.gz"))
        .enumerate()
        .filter(|(n, line)| *n == 0 || chosen.contains(line.split(',').next().unwrap()))
        .map(|(_, line)| line)
        .collect();
    write(&to.join("stores.csv"), &stores);
    write(&to.join("products.csv"), &products);
}

#[tokio::test]
async fn real_prices_of_two_dates_are_followed() {
    let Some(real) = real_data() else { return };
    let dir = tempfile::tempdir().unwrap();
    sample(&real, dir.path());
    let app = TestApp::start().await;
    let key = app.key(json!({})).await.text;
    let take = async |feed: Feed, name: &str, mapping: &str| {
        let mapping = format!("config/feeds/precios-claros-{mapping}.toml");
        let mapping = Mapping::load(Path::new(&mapping)).unwrap();
        let file = dir.path().join(format!("{name}.csv"));
        import(&app.db, &app.clock, feed, &file, Some(&mapping), None, &mut |_| {}).await.unwrap()
    };
    take(Feed::Products, "products", "products").await;
    take(Feed::Stores, "stores", "stores").await;
    let first = take(Feed::Offers, "first", "prices").await;
    app.snapshot().await;
    let (held, position, _) = load(&app, &key).await;
    let before = (held, position);
    let second = take(Feed::Offers, "second", "prices").await;
    // Prices that the second date has no more are withdrawn, and some products go.
    let second_file = std::fs::read_to_string(dir.path().join("second.csv")).unwrap();
    let pair = |line: &str| {
        let fields: Vec<&str> = line.split(',').collect();
        (fields[1].to_owned(), fields[3].to_owned())
    };
    let still: BTreeSet<_> = second_file.lines().skip(1).map(pair).collect();
    let first_file = std::fs::read_to_string(dir.path().join("first.csv")).unwrap();
    let gone: Vec<Value> = first_file
        .lines()
        .skip(1)
        .map(pair)
        .filter(|pair| !still.contains(pair))
        .map(|(sku, store)| json!({ "op": "delete", "sku": sku, "store_code": store }))
        .collect();
    let withdrawn = app.import(Feed::Offers, &gone).await;
    let products = std::fs::read_to_string(dir.path().join("products.csv")).unwrap();
    let skus = products.lines().skip(1).take(100).map(|line| line.split(',').next().unwrap());
    let deleted: Vec<Value> = skus.map(|sku| delete("sku", sku)).collect();
    app.import(Feed::Products, &deleted).await;
    let applied = assert_followed(&app, &key, &before, 1_000).await;
    println!(
        "{} documents, {} prices of the first date, {} changed, {} withdrawn: {applied} changes",
        before.0.len(),
        first.accepted,
        second.accepted,
        withdrawn.accepted
    );
}

/// All real prices: the first date, a snapshot, then the second date as a full file, which deletes what it
/// does not name. Takes minutes, and is run by itself (see the README).
#[tokio::test]
#[ignore = "takes minutes: cargo test --locked --test it -- --ignored all_real_prices"]
async fn all_real_prices_of_two_dates_are_followed() {
    let Some(real) = real_data() else { return };
    let app = TestApp::start().await;
    let key = app.key(json!({})).await.text;
    let take = async |feed: Feed, name: &str, mapping: &str| -> Report {
        let mapping = format!("config/feeds/precios-claros-{mapping}.toml");
        let mapping = Mapping::load(Path::new(&mapping)).unwrap();
        let options = Options {
            mode: Some(Mode::Full),
            guard: Guard { percent: 100, ..Guard::default() },
            ..Options::mapped(Some(&mapping))
        };
        let file = real.join(format!("{name}.csv.gz"));
        let (db, clock) = (&app.db, &app.clock);
        import_with(db, clock, feed, &file, &options, None, &mut |_| {}).await.unwrap()
    };
    take(Feed::Products, "products", "products").await;
    take(Feed::Stores, "stores", "stores").await;
    let first = take(Feed::Offers, "prices-2020-04-13", "prices").await;
    app.snapshot().await;
    let (held, position, _) = load(&app, &key).await;
    let before = (held, position);
    let second = take(Feed::Offers, "prices-2020-04-19", "prices").await;
    assert!(second.deleted > 0 && second.held == 0, "{second}");
    let applied = assert_followed(&app, &key, &before, 1_000).await;
    println!(
        "{} documents, {} prices of the first date, {} changed, {} deleted: {applied} changes",
        before.0.len(),
        first.accepted,
        second.accepted,
        second.deleted
    );
}
