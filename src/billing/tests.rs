//! The promises of exports: one content in every format and by every way, and a changed byte is found and named.

use super::export::{Asked, Format, Order, Question, export_to_directory};
use super::keys::{Jwks, Signer};
use super::manifest::proof::{NoProof, Proof, prove};
use super::manifest::verify::{Report, verify};
use super::manifest::{MANIFEST, Manifest, ROOT, SIGNATURE};
use crate::access::Pepper;
use crate::kernel::Micros;
use crate::kernel::id::{AppId, NodeId};
use crate::metering::Event;
use crate::metering::tests::{Bench, sample};
use crate::metering::walk::ExportSeq;
use proptest::prelude::*;
use proptest::sample::Index;
use proptest::test_runner::{Config, TestRunner};
use std::cell::Cell;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

fn signer() -> Signer {
    Signer::derived(&Pepper::from_hex(&"5".repeat(64)).unwrap(), 1).unwrap()
}

fn keys() -> Jwks {
    Jwks { keys: vec![signer().public] }
}

/// Events over some days, by two apps, with a crash among them.
fn events(count: u64) -> Vec<Event> {
    let event = |n: u64| Event {
        started_at: Micros(sample(n).started_at.0 + n.cast_signed() * 3_600_000_000),
        app: AppId(3 + n % 2),
        ..sample(n)
    };
    (0..count).map(event).collect()
}

async fn export(bench: &Bench, name: &str, format: Format, by_day: bool, asked: Asked) -> Manifest {
    let dir = bench.dir.path().join(name);
    let order = Order { question: Question::events(asked), format, by_day };
    export_to_directory(&bench.db, &signer(), &order, &dir, Micros(1)).await.unwrap()
}

fn checked(bench: &Bench, name: &str) -> Report {
    verify(&bench.dir.path().join(name), &keys()).unwrap()
}

const FORMATS: [Format; 3] = [Format::Csv, Format::Ndjson, Format::Parquet];

#[tokio::test]
async fn each_format_and_shape_holds_the_same() {
    let bench = Bench::new().await;
    bench.record_as(NodeId(1), 7, &events(60)).await;
    bench.record_as(NodeId(2), 100, &events(31)).await;
    let (mut digests, mut roots) = (BTreeSet::new(), BTreeSet::new());
    for format in FORMATS {
        for by_day in [false, true] {
            let name = format!("{}-{by_day}", format.as_str());
            let manifest = export(&bench, &name, format, by_day, Asked::default()).await;
            assert_eq!(checked(&bench, &name).problems, Vec::<String>::new(), "{name}");
            assert_eq!((manifest.total.requests, manifest.days.len()), (91, 4), "{name}");
            assert_eq!(manifest.files.len(), if by_day { 4 } else { 1 });
            let digests_of: Vec<String> =
                manifest.files.iter().map(|file| file.rows_digest.clone()).collect();
            digests.insert((by_day, digests_of));
            roots.insert(manifest.merkle_root);
            let others: Vec<_> = manifest.runs.iter().filter_map(|run| run.others).collect();
            assert!(others.iter().all(|o| o.elsewhere + o.missing == 0), "{others:?}");
        }
    }
    assert_eq!((digests.len(), roots.len()), (2, 1), "{digests:?}");
}

#[tokio::test]
async fn of_one_app_or_one_span_there_is_no_more() {
    let bench = Bench::new().await;
    bench.record_as(NodeId(1), 7, &events(60)).await;
    let of_app = Asked { app: Some(AppId(4)), ..Asked::default() };
    let manifest = export(&bench, "app", Format::Csv, false, of_app).await;
    assert_eq!((manifest.total.requests, manifest.runs[0].others), (30, None));
    assert_eq!(checked(&bench, "app").problems, Vec::<String>::new());
    let text = std::fs::read_to_string(bench.dir.path().join("app/usage_events_v1.csv")).unwrap();
    assert!(!text.contains(&AppId(3).to_string()));
    let day = Asked::from("2026-11-23".parse::<crate::metering::period::Period>().unwrap());
    let manifest = export(&bench, "day", Format::Ndjson, true, day).await;
    assert_eq!(checked(&bench, "day").problems, Vec::<String>::new());
    let days: Vec<&str> = manifest.days.iter().map(|day| day.day.as_str()).collect();
    assert_eq!(days, ["2026-11-23"]);
    let nothing = Asked { after: ExportSeq(manifest.stable_high_water), ..Asked::default() };
    for by_day in [false, true] {
        let name = format!("nothing-{by_day}");
        let manifest = export(&bench, &name, Format::Parquet, by_day, nothing).await;
        assert_eq!((manifest.total.requests, manifest.runs.len()), (0, 0));
        assert_eq!(checked(&bench, &name).problems, Vec::<String>::new());
    }
}

/// The rows of an export's one file.
fn rows(bench: &Bench, name: &str) -> Vec<String> {
    let file = bench.dir.path().join(name).join("usage_events_v1.csv");
    std::fs::read_to_string(file).unwrap().lines().skip(1).map(str::to_owned).collect()
}

#[tokio::test]
async fn a_walk_by_cursor_while_calls_are_recorded_is_the_whole_export() {
    let bench = Bench::new().await;
    let (events, is_over) = (events(40), Cell::new(false));
    let recording = async |node: u64| {
        for some in events.chunks(9) {
            bench.record_as(NodeId(node), 4, some).await;
        }
    };
    let recorded = async {
        futures_util::future::join_all([1, 2, 3, 4].map(recording)).await;
        is_over.set(true);
    };
    let walking = async {
        let (mut after, mut walked, mut steps) = (0, Vec::new(), 0);
        loop {
            let is_last = is_over.get();
            let asked = Asked { after: ExportSeq(after), ..Asked::default() };
            let name = format!("step-{steps}");
            let manifest = export(&bench, &name, Format::Csv, false, asked).await;
            assert_eq!(checked(&bench, &name).problems, Vec::<String>::new());
            walked.extend(rows(&bench, &name));
            (after, steps) = (manifest.stable_high_water, steps + 1);
            if is_last {
                return (walked, steps);
            }
        }
    };
    let ((), (walked, steps)) = tokio::join!(recorded, walking);
    assert!(steps > 3, "it walked beside the recorders");
    export(&bench, "whole", Format::Csv, false, Asked::default()).await;
    assert_eq!(walked.len(), 160);
    assert_eq!(walked, rows(&bench, "whole"));
}

fn files(dir: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { found.extend(files(&path)) } else { found.push(path) }
    }
    found.sort();
    found
}

#[test]
fn one_flipped_bit_of_any_file_is_found_and_named() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let bench = runtime.block_on(async {
        let bench = Bench::new().await;
        bench.record_as(NodeId(1), 7, &events(12)).await;
        for format in FORMATS {
            export(&bench, format.as_str(), format, true, Asked::default()).await;
        }
        bench
    });
    for format in FORMATS {
        let dir = bench.dir.path().join(format.as_str());
        let files = files(&dir);
        let mut runner =
            TestRunner::new(Config { failure_persistence: None, ..Config::with_cases(150) });
        let flipped = (any::<Index>(), any::<Index>(), 0..8u32);
        let outcome = runner.run(&flipped, |(file, at, bit)| {
            let path = file.get(&files);
            let whole = std::fs::read(path).unwrap();
            let mut bytes = whole.clone();
            let at = at.index(bytes.len());
            bytes[at] ^= 1 << bit;
            std::fs::write(path, &bytes).unwrap();
            let found = verify(&dir, &keys());
            std::fs::write(path, whole).unwrap();
            let problems = found.unwrap().problems;
            let name = path.strip_prefix(&dir).unwrap().display().to_string();
            prop_assert!(
                problems.iter().any(|problem| problem.contains(&name)),
                "{name} {at} {bit}: {problems:?}"
            );
            Ok(())
        });
        if let Err(why) = outcome {
            panic!("{format:?}: {why}");
        }
    }
}

#[tokio::test]
async fn what_was_done_to_rows_is_told_of_the_row() {
    let bench = Bench::new().await;
    bench.record_as(NodeId(1), 7, &events(12)).await;
    export(&bench, "csv", Format::Csv, false, Asked::default()).await;
    export(&bench, "ndjson", Format::Ndjson, false, Asked::default()).await;
    let problem_of = |format: &str, change: &dyn Fn(&mut Vec<String>)| {
        let path = bench.dir.path().join(format!("{format}/usage_events_v1.{format}"));
        let whole = std::fs::read_to_string(&path).unwrap();
        let mut lines: Vec<String> = whole.lines().map(str::to_owned).collect();
        change(&mut lines);
        std::fs::write(&path, lines.join("\n") + "\n").unwrap();
        let problems = checked(&bench, format).problems;
        std::fs::write(&path, whole).unwrap();
        assert_eq!(problems.len(), 1, "{problems:?}");
        problems[0].clone()
    };
    let id = rows(&bench, "csv")[3].split(',').nth(1).unwrap().to_owned();
    // The fourth row, behind the header of CSV.
    let of_csv = problem_of("csv", &|lines| lines[4] = lines[4].replace(",true,", ",false,"));
    let of_json = problem_of("ndjson", &|lines| lines[3] = lines[3].replace(":true,", ":false,"));
    for told in [of_csv, of_json] {
        assert!(told.contains(&format!("row 4 ({id}): it is not what its hash")), "{told}");
    }
    let swapped = problem_of("csv", &|lines| lines.swap(2, 3));
    assert!(swapped.contains("row 3 ") && swapped.contains("does not rise"), "{swapped}");
    let twice = problem_of("csv", &|lines| lines.insert(2, lines[2].clone()));
    assert!(twice.contains("row 3 ") && twice.contains("does not rise"), "{twice}");
    let missing = problem_of("csv", &|lines| drop(lines.remove(5)));
    assert!(missing.contains("11 of 12"), "{missing}");
    std::fs::write(bench.dir.path().join("csv/more.csv"), "x").unwrap();
    let more = checked(&bench, "csv").problems;
    assert_eq!(more, ["more.csv: it is not in the manifest"]);
    let unknown = verify(&bench.dir.path().join("ndjson"), &Jwks::default()).unwrap().problems;
    assert!(unknown[0].contains("not in the file of keys"), "{unknown:?}");
}

#[tokio::test]
async fn a_proof_holds_for_its_event_alone() {
    let bench = Bench::new().await;
    bench.record_as(NodeId(1), 7, &events(30)).await;
    export(&bench, "days", Format::Parquet, true, Asked::default()).await;
    export(&bench, "one", Format::Csv, false, Asked::default()).await;
    for row in rows(&bench, "one") {
        let id = row.split(',').nth(1).unwrap();
        for dir in ["days", "one"] {
            let proof = prove(&bench.dir.path().join(dir), id).unwrap();
            let root = proof.check(&keys()).unwrap();
            assert_eq!(root.days, 2, "{row}");
            let changes: [fn(&mut Proof); 8] = [
                |p| p.row.push('0'),
                |p| p.index += 1,
                |p| p.events += 1,
                |p| p.day_index = 1 - p.day_index,
                |p| p.row_id.push('0'),
                |p| p.columns.reverse(),
                |p| p.day = "2026-11-21".to_owned(),
                |p| p.root.push('A'),
            ];
            for (n, change) in changes.into_iter().enumerate() {
                let mut changed = proof.clone();
                change(&mut changed);
                assert!(changed.check(&keys()).is_err(), "{n}");
            }
            assert!(proof.check(&Jwks::default()).is_err());
        }
    }
    let refused = prove(&bench.dir.path().join("one"), "0Ab3cD4eF5g.7.1204");
    assert!(matches!(refused, Err(NoProof::NoRow(_))), "{refused:?}");
}

#[tokio::test]
async fn what_fails_leaves_nothing_and_what_is_there_stays() {
    let bench = Bench::new().await;
    bench.record_as(NodeId(1), 7, &events(12)).await;
    export(&bench, "a", Format::Csv, false, Asked::default()).await;
    let before = files(&bench.dir.path().join("a"));
    assert!(before.iter().any(|path| path.ends_with(MANIFEST)));
    assert!(before.iter().any(|path| path.ends_with(SIGNATURE)));
    assert!(before.iter().any(|path| path.ends_with(ROOT)));
    let again = async |name: &str| {
        let dir = bench.dir.path().join(name);
        let question = Question::events(Asked::default());
        let order = Order { question, format: Format::Csv, by_day: false };
        export_to_directory(&bench.db, &signer(), &order, &dir, Micros(1)).await
    };
    let refused = again("a").await.unwrap_err().to_string();
    assert!(refused.contains("is there already"), "{refused}");
    assert_eq!(files(&bench.dir.path().join("a")), before);
    // What a killed process has left is in nobody's way; one that writes is left alone.
    let left = bench.dir.path().join("b.part");
    std::fs::create_dir(&left).unwrap();
    std::fs::write(left.join("usage_events_v1.csv"), "half").unwrap();
    let writer = std::fs::File::open(&left).unwrap();
    writer.lock().unwrap();
    let refused = again("b").await.unwrap_err().to_string();
    assert!(refused.contains("is being written"), "{refused}");
    drop(writer);
    again("b").await.unwrap();
    assert!(!left.exists());
    assert_eq!(checked(&bench, "b").problems, Vec::<String>::new());
    bench.db.close().await;
    assert!(again("c").await.is_err());
    assert!(!bench.dir.path().join("c").exists() && !bench.dir.path().join("c.part").exists());
}
