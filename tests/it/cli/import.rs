//! `comptoir import`: rows and files that are not what they should be.

use super::program::Place;
use crate::support::data;
use serde_json::{Value, json};
use std::io::Write as _;

fn lines(values: &[Value]) -> String {
    values.iter().map(|value| format!("{value}\n")).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bad_row_of_any_feed_is_reported_and_stops_no_other() {
    let place = Place::made().await;
    let good: [(&str, Vec<Value>); 6] = [
        ("categories", data::categories()),
        ("products", vec![data::product(0), data::product(1)]),
        ("stores", vec![data::store(1)]),
        ("promotions", vec![]),
        ("offers", vec![data::offer(0, 1, "9.90")]),
        ("stock", vec![data::level(0, 1, 3, "2026-11-22T11:59:00Z")]),
    ];
    for (feed, mut rows) in good {
        let accepted = rows.len();
        rows.insert(0, json!({ "nonsense": true }));
        place.write("feed.ndjson", lines(&rows) + "{ no JSON\n");
        let said = place.run(&["import", feed, "feed.ndjson", "--report", "rejected.ndjson"]);
        assert_eq!(said.code, Some(3), "{feed}: {said:?}");
        let sums = format!("{feed}: {accepted} accepted, 0 unchanged, 2 rejected");
        assert!(said.out.contains(&sums), "{feed}: {}", said.out);
        // Standard error is no terminal here: nothing is painted there.
        assert_eq!(said.err, "", "{feed}");
        let report = std::fs::read_to_string(place.path("rejected.ndjson")).unwrap();
        let at: Vec<u64> = report
            .lines()
            .map(|line| serde_json::from_str::<Value>(line).unwrap()["line"].as_u64().unwrap())
            .collect();
        assert_eq!(at, [1, accepted as u64 + 2], "{feed}: {report}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_is_known_by_its_name_without_the_folder_as_the_help_says() {
    let place = Place::made().await;
    let help = place.ok(&["help", "import"]).split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(help.contains("known by its name without the folder"), "{help}");
    place.write("categories.ndjson", lines(&data::categories()));
    place.ok(&["import", "categories", "categories.ndjson"]);
    place.write("products.ndjson", lines(&[data::product(0)]));
    place.ok(&["import", "products", "products.ndjson"]);
    place.write("stores.ndjson", lines(&[data::store(0)]));
    place.ok(&["import", "stores", "stores.ndjson"]);
    let import = |folder: &str, name: &str, price: &str| {
        std::fs::create_dir_all(place.path(folder)).unwrap();
        let file = format!("{folder}/{name}");
        place.write(&file, lines(&[data::offer(0, 0, price)]));
        place.ok(&["import", "offers", &file])
    };
    assert!(import("a", "offers.ndjson", "5.00").contains("1 accepted"));
    assert!(import("a", "news.ndjson", "6.00").contains("1 accepted"));
    // The first file again, from another folder: what was told since stays.
    assert!(import("b", "offers.ndjson", "5.00").contains("1 unchanged"));
    assert!(import("b", "others.ndjson", "5.00").contains("1 accepted"));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_refused_rows_of_an_import_are_told_again() {
    let place = Place::made().await;
    place.write(
        "feed.ndjson",
        lines(&[json!({ "sku": "A 1", "name": "Vis" }), data::product(0)]) + "{ no JSON\n",
    );
    let said = place.run(&["import", "products", "feed.ndjson", "--report", "rejected.ndjson"]);
    assert_eq!(said.code, Some(3), "{said:?}");
    let listed = place.ok(&["feed", "list"]);
    let id = listed.split_whitespace().next().unwrap();
    let told = place.ok(&["feed", "refused", id]);
    let rows = |text: &str| -> Vec<Value> {
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    };
    let named =
        |row: &Value| (row["line"].as_u64().unwrap(), row["code"].as_str().unwrap().to_owned());
    let told: Vec<_> = rows(&told).iter().map(named).collect();
    let report = std::fs::read_to_string(place.path("rejected.ndjson")).unwrap();
    assert_eq!(told, rows(&report).iter().map(named).collect::<Vec<_>>(), "{report}");
    assert_eq!(told[0], (1, "invalid_code".to_owned()));
    assert_eq!(told.len(), 2);
    let none = place.fails(1, &["feed", "refused", "imp_00000000000"]);
    assert!(format!("{none:?}").contains("comptoir feed list"), "{none:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_file_of_the_feed_is_refused_before_a_database_is_made() {
    let place = Place::made().await;
    std::fs::create_dir(place.path("folder")).unwrap();
    place.write("feed.ndjson", lines(&data::categories()));
    place.write("broken.toml", "feed = \"categories\"\nformat = \"csv\"\n");
    for (args, says) in [
        (&["none.ndjson"][..], "none.ndjson cannot be read"),
        (&["folder"], "folder is no file"),
        (&["feed.ndjson", "--mapping", "none.toml"], "none.toml"),
        (&["feed.ndjson", "--mapping", "broken.toml"], "broken.toml"),
        (&["feed.ndjson", "feed.ndjson", "--report", "r"], "one FILE"),
        (&["feed.ndjson", "--report", "feed.ndjson"], "would overwrite"),
    ] {
        let before = place.files();
        let error = place.fails(1, &[&["import", "categories"], args].concat());
        assert!(error.contains(says), "{args:?}: {error}");
        assert_eq!(place.files(), before, "{args:?}");
    }
    assert!(
        place.fails(2, &["import", "shoes", "feed.ndjson"]).contains("a feed must be categories")
    );
    let mapping = concat!(env!("CARGO_MANIFEST_DIR"), "/config/feeds/stores.example.toml");
    let error = place.fails(1, &["import", "categories", "feed.ndjson", "--mapping", mapping]);
    assert!(error.contains("the mapping is for stores, not for categories"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_truncated_file_leaves_nothing_behind() {
    let place = Place::made().await;
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    gzip.write_all(lines(&data::categories()).as_bytes()).unwrap();
    let whole = gzip.finish().unwrap();
    place.write("feed.ndjson.gz", &whole[..whole.len() - 12]);
    let import = ["import", "categories", "feed.ndjson.gz"];
    let error = place.fails(1, &import);
    assert!(error.contains("nothing was imported"), "{error}");
    place.write("feed.ndjson.gz", &whole);
    // Had the first attempt stored a row, it would be unchanged now.
    let said = place.ok(&import);
    assert!(said.contains("categories: 3 accepted, 0 unchanged, 0 rejected"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_file_in_a_known_format_is_held_and_approved() {
    let place = Place::made().await;
    let item = |n: usize| format!("{n}\tVis {n}\tMaison > Vis\t2.50 EUR\tin stock\n");
    let file = |most: usize| {
        let items: String = (0..most).map(item).collect();
        format!("id\ttitle\tproduct type\tprice\tavailability\n{items}")
    };
    place.write("stores.ndjson", lines(&[data::store(1)]));
    place.ok(&["import", "stores", "stores.ndjson"]);
    let code = data::store(1)["store_code"].as_str().unwrap().to_owned();
    place.write("feed.tsv", file(50));
    let all = ["import", "all", "feed.tsv", "--format", "google-products", "--store", &code];
    let said = place.ok(&all);
    for sums in ["products: 50 accepted", "offers: 50 accepted", "stock: 50 accepted"] {
        assert!(said.contains(sums), "{said}");
    }
    place.write("feed.tsv", file(10));
    let full = ["import", "products", "feed.tsv", "--format", "google-products", "--mode", "full"];
    let said = place.ok(&full);
    assert!(said.contains("40  deletions held"), "{said}");
    let id = said.split_whitespace().find(|word| word.starts_with("imp_")).unwrap();
    let id = id.trim_end_matches(['`', ',']);
    assert!(place.ok(&["feed", "list"]).contains("\tfull\theld\t"));
    let shown: Value = serde_json::from_str(&place.ok(&["feed", "show", id])).unwrap();
    assert_eq!((&shown["import"]["held"], &shown["import"]["source"]), (&json!(40), &json!("cli")));
    assert!(place.ok(&["feed", "approve", id]).starts_with("40 deleted"));
    assert!(place.fails(1, &["feed", "reject", id]).contains("holds nothing"));
    let error = place.fails(1, &["import", "all", "feed.tsv"]);
    assert!(error.contains("give --format"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_shell_decides_about_deletions_is_in_the_audit_log() {
    let mut place = Place::made().await;
    place.set("FEEDS__MAX_DELETE_PERCENT", "0");
    place.set("FEEDS__MAX_DELETE_MIN", "0");
    let all = [data::product(0), data::product(1), data::product(2)];
    place.write("categories.ndjson", lines(&data::categories()));
    place.ok(&["import", "categories", "categories.ndjson"]);
    for (left, verb) in [(2, "reject"), (1, "approve")] {
        place.write("all.ndjson", lines(&all));
        place.ok(&["import", "products", "all.ndjson", "--mode", "full"]);
        place.write("less.ndjson", lines(&all[..left]));
        place.ok(&["import", "products", "less.ndjson", "--mode", "full"]);
        let listed = place.ok(&["feed", "list"]);
        let held = listed.lines().find(|line| line.contains("\tfull\theld\t")).unwrap();
        let id = held.split_whitespace().next().unwrap();
        place.ok(&["feed", verb, id]);
        let audit = place.ok(&["audit", "export"]);
        let told = |line: &&str| line.contains(id) && line.contains(&format!("import.{verb}"));
        let entry: Value = serde_json::from_str(audit.lines().find(told).unwrap()).unwrap();
        assert_eq!(entry["actor"], "cli");
    }
}
