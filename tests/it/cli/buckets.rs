//! Exports to object storage, which fails as storages do.

use super::program::Place;
use crate::support::ledger::journalled;
use crate::support::process::wait_until;
use crate::support::s3::{Fault, Object, SECRET, Storage};
use comptoir::access::{Environment, Op as _, op};
use comptoir::kernel::{Clock, Micros};
use comptoir::metering::{Event, Outcome};
use comptoir::storage::{Db, lease};
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::PathBuf;

const HOUR: i64 = 3_600_000_000;
/// Where exports of a test go to.
const AT: &str = "s3://shop-usage/usage/2026-11";
const EXPORT: [&str; 5] = ["usage", "export", "--by-day", "--out", AT];
/// So many calls as NDJSON are some twelve megabytes: three parts of one file.
const MANY: i64 = 14_000;

/// An installation with a storage, and `calls` calls since the 20th of November, one each step of microseconds.
async fn shop(calls: i64, step: i64) -> (Place, Storage) {
    let (mut place, storage) = (Place::new().await, Storage::start().await);
    for (key, value) in storage.settings() {
        place.set(key, &value);
    }
    place.ok(&["migrate"]);
    call(&place, calls, step).await;
    (place, storage)
}

async fn call(place: &Place, calls: i64, step: i64) {
    let from: Micros = "2026-11-20T10:00:00Z".parse().unwrap();
    let event = |number: i64| Event {
        started_at: Micros(from.0 + number * step),
        duration_us: 90,
        partner: "prt_00000000001".parse().unwrap(),
        app: "app_00000000001".parse().unwrap(),
        key: "key_00000000001".parse().unwrap(),
        plan: "pln_00000000001".parse().unwrap(),
        plan_version: 1,
        environment: Environment::Live,
        operation: op::GetProduct::OPERATION.code,
        status: 200,
        outcome: Outcome::Served,
        weight_milli: 1_000,
        records: 1,
        bytes: 900,
    };
    let db = Db::connect(&place.config().database.url, 2).await.unwrap();
    journalled((&db, Clock::System.now()), 4_095, (0..calls).map(event)).await;
}

/// The objects below the place by their names.
fn names(storage: &Storage) -> BTreeMap<String, Object> {
    let objects = storage.objects().into_iter();
    let below = |(key, object): (String, Object)| {
        key.strip_prefix("usage/2026-11/").map(|name| (name.to_owned(), object))
    };
    objects.filter_map(below).collect()
}

/// What is left of exports on this machine.
fn left(place: &Place) -> Vec<PathBuf> {
    place
        .files()
        .into_keys()
        .filter(|path| path.display().to_string().contains("usage-exports"))
        .collect()
}

fn verified(place: &Place) {
    place.write("keys.json", place.ok(&["usage", "keys"]));
    let told = place.ok(&["usage", "verify", AT, "--keys", "keys.json"]);
    assert!(told.contains(" events in "), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bucket_holds_what_a_directory_would_and_the_same_again_sends_nothing() {
    let (place, storage) = shop(6, 20 * HOUR).await;
    let told = place.ok(&EXPORT);
    place.ok(&["usage", "export", "--by-day", "--out", "usage"]);
    let asked = storage.asked();
    let puts: Vec<&String> = asked.iter().filter(|asked| asked.starts_with("PUT")).collect();
    // Who finds a manifest finds all that it names.
    assert!(puts.last().unwrap().ends_with("/manifest.json"), "{asked:?}");
    let (objects, dir) = (names(&storage), place.path("usage"));
    let local: BTreeMap<String, Vec<u8>> = place
        .files()
        .into_keys()
        .filter_map(|path| {
            let name = path.strip_prefix(&dir).ok()?.display().to_string();
            Some((name, std::fs::read(&path).unwrap()))
        })
        .collect();
    assert!(objects.keys().eq(local.keys()), "{:?}", objects.keys());
    assert!(objects.contains_key("usage_events_v1/day=2026-11-21/part-0000.csv"));
    for (name, object) in objects.iter().filter(|(name, _)| name.ends_with(".csv")) {
        assert_eq!(object.bytes, local[name], "{name}");
        assert_eq!(object.headers["content-type"], "text/csv; charset=utf-8");
    }
    verified(&place);
    assert!(left(&place).is_empty());

    storage.asked();
    let again = place.run(&EXPORT);
    assert_eq!((again.code, again.out.trim()), (Some(0), told.as_str()), "{again:?}");
    assert!(again.err.contains(&format!("It is at {AT} already.")), "{again:?}");
    assert!(storage.asked().iter().all(|asked| !asked.starts_with("PUT")));
    assert_eq!(names(&storage), objects);

    // What was lost is sent again, what somebody has added is named, and what was changed is found.
    storage.remove("usage/2026-11/usage_events_v1/day=2026-11-21/part-0000.csv");
    assert!(place.fails(1, &["usage", "verify", AT, "--keys", "keys.json"]).contains("BAD: "));
    place.ok(&EXPORT);
    assert_eq!(names(&storage), objects);
    storage.place("usage/2026-11/notes.txt", Object::default());
    assert!(place.fails(1, &EXPORT).contains("holds notes.txt, which is no part of this export"));
    let found = place.fails(1, &["usage", "verify", AT, "--keys", "keys.json"]);
    assert!(found.contains("BAD: notes.txt: it is not in the manifest"), "{found}");
    storage.remove("usage/2026-11/notes.txt");

    // One more call is another export, and takes the place of none.
    call(&place, 1, HOUR).await;
    let refused = place.fails(1, &EXPORT);
    assert!(refused.contains(AT) && refused.contains("which is another"), "{refused}");
    assert!(refused.contains("an export is never written over: name another prefix"), "{refused}");
    assert_eq!(names(&storage), objects);
    storage.place(
        "usage/2026-11/manifest.json",
        Object { bytes: b"{}".to_vec(), ..Object::default() },
    );
    assert!(place.fails(1, &EXPORT).contains("this installation has not signed"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_storage_that_fails_for_a_while_gets_all_of_it_once() {
    let (mut place, storage) = shop(MANY, 1_000).await;
    place.set("OBJECT_STORAGE__TIMEOUT_S", "5");
    let slow = Fault::Answers(503, "SlowDown");
    let broken = Fault::Answers(500, "InternalError");
    for (at, faults) in [
        ("LIST", vec![slow, Fault::HangsUp, Fault::CutWithin]),
        ("BEGIN", vec![broken, Fault::CutAfterwards]),
        ("PART 1", vec![slow, Fault::CutAfterwards, Fault::Silent]),
        ("PART 2", vec![Fault::HangsUp, Fault::Answers(400, "RequestTimeout")]),
        ("PART 3", vec![broken, Fault::CutWithin]),
        ("COMPLETE", vec![slow, Fault::HangsUp, Fault::CutWithin]),
        ("PUT usage/2026-11/root.jws", vec![Fault::Silent, broken]),
        ("PUT usage/2026-11/manifest.json", vec![slow, Fault::CutAfterwards]),
    ] {
        storage.fail(at, faults);
    }
    place.ok(&[&EXPORT[..], &["--format", "ndjson"]].concat());
    assert_eq!(storage.recover(), 0);
    verified(&place);
    let objects = names(&storage);
    let file = &objects["usage_events_v1/day=2026-11-20/part-0000.ndjson"];
    assert!(file.bytes.len() > 10 << 20, "{}", file.bytes.len());
    let manifest: Value = serde_json::from_slice(&objects["manifest.json"].bytes).unwrap();
    assert_eq!(manifest["files"][0]["sha256"], file.headers["x-amz-meta-sha256"].as_str());
    assert!(left(&place).is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_export_that_fails_leaves_nothing_half_written_and_can_be_made_again() {
    let (mut place, storage) = shop(MANY, 1_000).await;
    place.set("OBJECT_STORAGE__ATTEMPTS", "2");
    place.set("OBJECT_STORAGE__TIMEOUT_S", "5");
    let export = [&EXPORT[..], &["--format", "ndjson"]].concat();
    for (at, fault, why) in [
        ("LIST", Fault::Answers(503, "SlowDown"), "the storage fails (503 SlowDown)"),
        ("BEGIN", Fault::HangsUp, "the connection to the storage was cut"),
        ("PART 2", Fault::Silent, "the storage did not answer in time"),
        ("PART 3", Fault::Answers(403, "AccessDenied"), "it needs s3:ListBucket"),
        ("COMPLETE", Fault::Answers(500, "InternalError"), "the storage fails (500 InternalError)"),
        ("PUT usage/2026-11/manifest.jws", Fault::HangsUp, "the connection to the storage was cut"),
        ("PUT usage/2026-11/manifest.json", Fault::Answers(503, "SlowDown"), "the storage fails"),
    ] {
        storage.fail(at, [fault; 2]);
        let error = place.fails(1, &export);
        storage.recover();
        assert!(
            error.contains(why) && error.contains("s3://shop-usage/usage/2026-11"),
            "{at}: {error}"
        );
        assert!(!error.contains(SECRET), "{error}");
        assert!(!names(&storage).contains_key("manifest.json"), "{at}");
        assert_eq!((storage.unfinished(), left(&place)), (0, Vec::new()), "{at}");
    }
    // The answer that the manifest is there is lost for good: a look tells.
    storage.fail("PUT usage/2026-11/manifest.json", [Fault::CutAfterwards]);
    place.ok(&export);
    verified(&place);
    // What cannot be forgotten at the failure is forgotten by who comes next.
    let elsewhere = export.iter().map(|word| if *word == AT { "s3://shop-usage/b" } else { word });
    let elsewhere: Vec<&str> = elsewhere.collect();
    storage.fail("PART 3", [Fault::HangsUp; 2]);
    storage.fail("FORGET", [Fault::HangsUp; 2]);
    place.fails(1, &elsewhere);
    storage.recover();
    assert_eq!((storage.unfinished(), left(&place).len()), (1, 1));
    place.ok(&elsewhere);
    assert_eq!((storage.unfinished(), left(&place)), (0, Vec::new()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_export_is_made_again_and_nothing_of_it_stays() {
    let (place, storage) = shop(MANY, 1_000).await;
    let export = [&EXPORT[..], &["--format", "ndjson"]].concat();
    for (at, unfinished) in [
        ("LIST", 0),
        ("PART 2", 1),
        ("COMPLETE", 0),
        ("PUT usage/2026-11/root.jws", 0),
        ("PUT usage/2026-11/manifest.json", 0),
    ] {
        storage.fail(at, [Fault::Silent]);
        storage.asked();
        let running = place.start(&export);
        wait_until("it is in the middle", || storage.was_asked(at));
        running.stop("-KILL");
        storage.recover();
        assert_eq!(storage.unfinished(), unfinished, "{at}");
        // Who looks meanwhile finds no manifest, or a whole export.
        if names(&storage).contains_key("manifest.json") {
            verified(&place);
        }
        place.ok(&export);
        verified(&place);
        assert_eq!((storage.unfinished(), left(&place)), (0, Vec::new()), "{at}");
        names(&storage).keys().for_each(|name| storage.remove(&format!("usage/2026-11/{name}")));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_storage_refuses_is_said_with_what_to_do() {
    let (mut place, storage) = shop(2, HOUR).await;
    let mut refused = |settings: &[(&str, &str)], why: &str| {
        settings
            .iter()
            .for_each(|(key, value)| place.set(&format!("OBJECT_STORAGE__{key}"), value));
        let error = place.fails(1, &EXPORT);
        assert!(error.contains(why), "{why}: {error}");
        assert!(!error.contains(SECRET), "{error}");
        let error = place.fails(2, &["usage", "verify", AT, "--keys", "keys.json"]);
        assert!(error.contains(why), "{why}: {error}");
        for (key, value) in storage.settings() {
            place.set(key, &value);
        }
    };
    refused(&[("ACCESS_KEY_ID", "AKIAOTHER")], "does not know object_storage.access_key_id");
    refused(&[("SECRET_ACCESS_KEY", "other")], "secret_access_key does not belong to");
    refused(&[("REGION", "us-east-1")], "set object_storage.region to eu-west-3");
    refused(
        &[("ACCESS_KEY_ID", ""), ("SECRET_ACCESS_KEY", "")],
        "no key is set for object storage",
    );
    let https = storage.url.replace("http:", "https:");
    refused(&[("ENDPOINT", &https), ("ATTEMPTS", "1")], "no trusted connection");
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    refused(&[("ENDPOINT", &format!("http://{free}")), ("ATTEMPTS", "1")], "cannot be reached");
    storage.set_ahead(HOUR);
    refused(&[], "the clock of this machine");
    storage.set_ahead(0);
    storage.fail("LIST", [Fault::Answers(301, "PermanentRedirect"); 2]);
    refused(&[], "the bucket is in another region: set object_storage.region to it");
    storage.fail("LIST", [Fault::Answers(403, "AccessDenied"); 2]);
    refused(&[], "it needs s3:ListBucket");
    assert_eq!(storage.objects(), BTreeMap::new());

    let none = ["usage", "export", "--out", "s3://no-such-bucket/usage"];
    assert!(place.fails(1, &none).contains("there is no such bucket: make it, or name another"));
    let bad = ["usage", "export", "--out", "s3://Shop/usage"];
    assert!(place.fails(2, &bad).contains("must be s3://BUCKET/PREFIX"));
    place.set("OBJECT_STORAGE__SECRET_ACCESS_KEY", "");
    assert!(place.fails(1, &EXPORT).contains("object_storage.secret_access_key is empty"));
    place.set("OBJECT_STORAGE__SECRET_ACCESS_KEY", SECRET);
    assert!(!place.ok(&["config", "show"]).contains(SECRET));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_storage_without_conditions_is_looked_at_before() {
    let (place, storage) = shop(2, HOUR).await;
    storage.knows_no_conditions();
    place.ok(&EXPORT);
    verified(&place);
    assert!(storage.asked().iter().any(|asked| asked.contains("manifest.json")));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_something_else_has_put_there_stays() {
    let (place, storage) = shop(2, HOUR).await;
    let name = "usage/2026-11/usage_events_v1/day=2026-11-20/part-0000.csv";
    let other = Object { bytes: b"theirs".to_vec(), ..Object::default() };
    storage.place(name, other.clone());
    let error = place.fails(1, &EXPORT);
    assert!(error.contains("that something else has put there"), "{error}");
    assert_eq!(storage.objects(), BTreeMap::from([(name.to_owned(), other)]));
}

#[tokio::test(flavor = "multi_thread")]
async fn one_node_at_a_time_writes_to_a_place() {
    let (place, storage) = shop(2, HOUR).await;
    let db = Db::connect(&place.config().database.url, 2).await.unwrap();
    let (name, now) = (format!("usage export {AT}"), db.now(&Clock::System).await.unwrap());
    let other = (name.as_str(), "nod_00000000001");
    assert!(lease::hold(&db, other, now, Micros(now.0 + HOUR)).await.unwrap());
    assert!(place.fails(1, &EXPORT).contains("another export is being written to s3://"));
    assert_eq!(storage.asked(), [""; 0]);
    lease::release(&db, other.0, other.1).await.unwrap();
    place.ok(&EXPORT);
    // It is given back at the end, also of what fails.
    storage.place("usage/2026-11/notes.txt", Object::default());
    place.fails(1, &EXPORT);
    assert!(lease::hold(&db, other, now, Micros(now.0 + HOUR)).await.unwrap());
}
