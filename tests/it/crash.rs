//! Metering under faults, made for real: the process killed under load, told to stop under load, a
//! client that hangs up, a database that is away, a disk that is full, a clock that is stepped back.

mod clients;
mod full_disk;

use crate::support::process::{Home, Reply, SmallDisk, Wire, wait_until};
use crate::support::{NOON, PATIENCE, TestApp, data, pause, problem};
use comptoir::billing::export::{Format, Summary, export};
use comptoir::kernel::Micros;
use comptoir::kernel::clock::HOUR;
use comptoir::kernel::id::NodeId;
use comptoir::metering::period::Period;
use comptoir::metering::runs;
use comptoir::storage::{Db, Log, Tx, advance};
use parking_lot::Mutex;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// Connections of a load, each with one call at a time.
const CALLERS: usize = 8;
/// What the server keeps of an answer before it writes, in bytes.
const SHORT: u64 = 32_768;

/// Everything in the ledger, by event id. That no id stands twice is checked here.
async fn exported(db: &Db) -> (Summary, BTreeMap<String, Value>) {
    let mut out = Vec::new();
    let always = Period { from: Micros(0), to: Micros(i64::MAX) };
    let summary = export(db, always, Format::Ndjson, &mut out).await.expect("an export");
    let mut events = BTreeMap::new();
    for line in String::from_utf8(out).expect("UTF-8").lines() {
        let event: Value = serde_json::from_str(line).expect("a line of JSON");
        let id = event["event_id"].as_str().expect("an id").to_owned();
        assert!(events.insert(id, event).is_none(), "twice in the export: {line}");
    }
    (summary, events)
}

/// That every answer which was received is in the export, and billed if and only if it was a 200.
/// Returns how many were not billed because the process was killed after their last byte and before
/// it could note that. Only answers that leave in several writes can meet that end: a short one is
/// noted before its first byte leaves.
fn all_received_are_recorded(received: &[Reply], events: &BTreeMap<String, Value>) -> usize {
    let ids: BTreeSet<&str> = received.iter().map(|reply| reply.id.as_str()).collect();
    assert_eq!(ids.len(), received.len(), "an id was given to two answers");
    let mut forgiven = 0;
    for Reply { status, id, .. } in received {
        let event = events.get(id).unwrap_or_else(|| panic!("{id} ({status}) is not recorded"));
        assert_eq!(event["status"], *status, "{event}");
        if event["outcome"] == "crash_unconfirmed" && event["bytes"].as_u64() > Some(SHORT) {
            assert_eq!(event["billable"], false, "{event}");
            forgiven += 1;
        } else {
            assert_eq!(event["billable"], *status == 200, "{event}");
        }
    }
    forgiven
}

/// Callers that call as fast as they can, wherever the server is at the moment.
struct Load {
    key: String,
    at: Mutex<Option<SocketAddr>>,
    stop: AtomicBool,
    received: AtomicUsize,
    /// Answers that broke off after they had begun.
    cut: AtomicUsize,
}

impl Load {
    fn start(key: String) -> (Arc<Self>, Vec<JoinHandle<Vec<Reply>>>) {
        let stop = AtomicBool::new(false);
        let (received, cut) = (AtomicUsize::new(0), AtomicUsize::new(0));
        let load = Self { key, at: Mutex::default(), stop, received, cut };
        let load = Arc::new(load);
        let callers = (0..CALLERS).map(|n| {
            let load = Arc::clone(&load);
            std::thread::spawn(move || load.call(n == 0))
        });
        let callers = callers.collect();
        (load, callers)
    }

    /// The stored product, the way through the router, and one that is not there; or, over and over,
    /// the longest answer, which is nearly always under way when the process is killed.
    fn call(&self, long: bool) -> Vec<Reply> {
        let good = format!("/v1/products/{}", data::product_id(0));
        let short = [good.as_str(), "/v1/products?limit=1", &good, "/v1/products/prd_00000000000"];
        let paths = if long { &["/v1/products?limit=200"][..] } else { &short };
        let mut received = Vec::new();
        while !self.stop.load(Ordering::Relaxed) {
            let at = *self.at.lock();
            let Some(mut wire) = at.and_then(|at| Wire::connect(at).ok()) else {
                // The pause leaves the processor to the server that starts, and decides nothing.
                std::thread::sleep(Duration::from_millis(2));
                continue;
            };
            for path in paths.iter().cycle() {
                if self.stop.load(Ordering::Relaxed) {
                    break;
                }
                // Cut off: this answer was not received.
                let Ok(reply) = wire.get(&self.key, path) else {
                    self.cut.fetch_add(usize::from(wire.begun), Ordering::Relaxed);
                    break;
                };
                received.push(Reply { body: String::new(), ..reply });
                self.received.fetch_add(1, Ordering::Relaxed);
            }
        }
        received
    }

    /// Waits until `more` further answers have been received.
    fn wait_for(&self, more: usize) {
        let enough = self.received.load(Ordering::Relaxed) + more;
        wait_until("answers", || self.received.load(Ordering::Relaxed) >= enough);
    }

    fn stop(&self, callers: Vec<JoinHandle<Vec<Reply>>>) -> Vec<Reply> {
        self.stop.store(true, Ordering::Relaxed);
        callers.into_iter().flat_map(|caller| caller.join().expect("no panic")).collect()
    }
}

fn products(count: u32) -> Vec<Value> {
    (0..count).map(data::product).collect()
}

/// As many products as a page holds, of 45 kB each: together more than the kernel's buffers take.
fn long_products() -> Vec<Value> {
    let long = "Une description qui n'en finit pas. ".repeat(1_250);
    let described = |n| {
        let mut product = data::product(n);
        product["description"] = json!({ "plain": long });
        product
    };
    (0..200).map(described).collect()
}

/// Keeps the ledger from taking segments until released: on SQLite by its write lock, on PostgreSQL
/// by the row of the ledger's position.
async fn hold_ledger(db: &Db) -> Tx {
    let mut tx = db.begin().await.expect("a transaction");
    advance(&mut tx, Log::Usage, 1).await.expect("the position");
    tx
}

async fn release(held: Tx) {
    match held {
        Tx::Sqlite(tx) => tx.rollback().await,
        Tx::Postgres(tx) => tx.rollback().await,
    }
    .expect("a rollback");
}

#[tokio::test]
async fn killed_under_load_it_loses_no_answered_call_and_bills_none_twice() {
    const KILLS: usize = 3;
    let home = Home::new(&[], &long_products()).await;
    let (load, callers) = Load::start(home.key());
    // A linear congruence: the moments differ from kill to kill and are the same in every run.
    let mut seed: u64 = 0x5eed;
    for _ in 0..KILLS {
        let server = home.serve();
        *load.at.lock() = Some(server.public);
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        load.wait_for(100 + (seed >> 33) as usize % 900);
        *load.at.lock() = None;
        server.kill();
    }
    let server = home.serve();
    *load.at.lock() = Some(server.public);
    load.wait_for(100);
    let received = load.stop(callers);
    server.terminate();

    let (summary, events) = exported(&home.db).await;
    let forgiven = all_received_are_recorded(&received, &events);
    // A caller has one answer under way at a kill.
    assert!(forgiven <= CALLERS * KILLS, "{forgiven} long answers received, and not billed");
    assert_eq!(summary.gaps, []);
    let ids: BTreeSet<&str> = received.iter().map(|reply| reply.id.as_str()).collect();
    let cut: Vec<&Value> =
        events.iter().filter(|(id, _)| !ids.contains(id.as_str())).map(|(_, e)| e).collect();
    let billed = cut.iter().filter(|event| event["billable"] == true).count();
    assert!(billed <= CALLERS * KILLS, "{billed} billed, but not received");
    for event in &cut {
        // Handed over and lost in the socket, or never seen to end: then it costs nothing.
        let handed_over = event["billable"] == true || event["status"] == 404;
        assert!(handed_over || event["outcome"] == "crash_unconfirmed", "{event}");
    }
    let doctor = home.run(&["doctor"]);
    assert!(doctor.contains("segments without a gap"), "{doctor}");
    let unconfirmed = cut.iter().filter(|event| event["outcome"] == "crash_unconfirmed").count();
    unconfirmed_are_named(&home, &events);
    println!(
        "{} received, {} exported, {billed} billed and not received, {forgiven} received and not \
         billed, {unconfirmed} unconfirmed",
        received.len(),
        events.len()
    );
}

/// The manifest of an export names the calls of which a crash left the end unknown.
fn unconfirmed_are_named(home: &Home, events: &BTreeMap<String, Value>) {
    let out = home.dir().join("out").display().to_string();
    home.run(&["usage", "export", "--out", &out]);
    let manifest = std::fs::read(Path::new(&out).join("manifest.json")).unwrap();
    let manifest: Value = serde_json::from_slice(&manifest).unwrap();
    let unsure = events.iter().filter(|(_, event)| event["outcome"] == "crash_unconfirmed");
    let unsure: Vec<&str> = unsure.map(|(id, _)| id.as_str()).collect();
    assert_eq!(manifest["crash_unconfirmed"], unsure.len());
    assert_eq!(manifest["crash_unconfirmed_ids"], json!(unsure));
    let keys = home.dir().join("keys.json");
    std::fs::write(&keys, home.run(&["usage", "keys"])).unwrap();
    home.run(&["usage", "verify", &out, "--keys", &keys.display().to_string()]);
}

/// A node that does not come back: its disk is given to another process, which has a data directory of its own.
#[tokio::test]
async fn the_disk_of_a_node_that_does_not_come_back_is_recovered() {
    let home = Home::new(&[], &[data::product(0)]).await;
    let (key, admin) = (home.key(), home.admin_token());
    let server = home.serve();
    let mut wire = Wire::connect(server.public).unwrap();
    let path = format!("/v1/products/{}", data::product_id(0));
    let replies: Vec<Reply> = (0..50).map(|_| wire.get(&key, &path).unwrap()).collect();
    server.kill();
    let disk = tempfile::tempdir().unwrap();
    for name in ["journal", "node"] {
        std::fs::rename(home.dir().join(name), disk.path().join(name)).unwrap();
    }
    let server = home.serve();
    let health = async || -> Value {
        let url = format!("http://{}/admin/v1/usage/health", server.admin);
        let answer = reqwest::Client::new().get(url).bearer_auth(&admin).send().await.unwrap();
        assert_eq!(answer.status(), 200);
        answer.json().await.unwrap()
    };
    let of_lost = |health: &Value| -> Option<Value> {
        let lost = std::fs::read_to_string(disk.path().join("node")).unwrap();
        let mut runs = health["runs"].as_array().unwrap().iter();
        runs.find(|run| run["node_id"] == lost.trim()).cloned()
    };
    let open = of_lost(&health().await).expect("the run of the lost node");
    assert_eq!((&open["ended_at"], &open["missing_events"]), (&Value::Null, &json!(0)));

    let dir = disk.path().display().to_string();
    // It was killed just now, and for all that anybody can see this is a copy of a directory in use.
    let refused = home.refused(&["usage", "recover", &dir]);
    assert!(refused.contains("goes on") && refused.contains("--dead"), "{refused}");
    assert_eq!(of_lost(&health().await), Some(open), "nothing was done");
    // A file that was set aside keeps the runs open, however often it is tried.
    let odd = disk.path().join("journal/00000000000000ff-00000000.unreadable");
    std::fs::write(&odd, [7; 256]).unwrap();
    for _ in 0..2 {
        let refused = home.refused(&["usage", "recover", "--dead", &dir]);
        assert!(refused.contains(&odd.display().to_string()), "{refused}");
        assert_eq!(of_lost(&health().await).expect("the run")["ended_at"], Value::Null);
    }
    std::fs::remove_file(odd).unwrap();
    let said = home.run(&["usage", "recover", "--dead", &dir]);
    assert!(said.contains("Its runs are ended."), "{said}");
    assert_eq!(of_lost(&health().await), None, "nothing of it is lacking");
    assert!(home.run(&["usage", "recover", &dir]).contains(": 0 events"), "once");
    // Of another nobody has the disk.
    let lost = NodeId(5);
    let begun = "2026-11-22T10:00:00Z".parse().unwrap();
    runs::begin(&home.db, (lost, 3), begun, false).await.unwrap();
    let said =
        home.run(&["usage", "lost", &lost.to_string(), "3", "--reason", "No disk is left of it"]);
    assert!(said.contains("lost"), "{said}");
    let standing = |run: &&Value| run["node_id"] == json!(lost) && run["standing"] == "lost";
    assert!(health().await["runs"].as_array().unwrap().iter().any(|run| standing(&run)));
    server.terminate();
    let (summary, events) = exported(&home.db).await;
    assert_eq!(all_received_are_recorded(&replies, &events), 0);
    assert_eq!(summary.gaps, []);
}

#[tokio::test]
async fn told_to_stop_under_load_its_count_is_the_clients_count() {
    let home = Home::new(&[], &long_products()).await;
    let (load, callers) = Load::start(home.key());
    let server = home.serve();
    *load.at.lock() = Some(server.public);
    load.wait_for(500);
    server.terminate();
    let received = load.stop(callers);
    let (summary, events) = exported(&home.db).await;
    assert_eq!(all_received_are_recorded(&received, &events), 0);
    let good = received.iter().filter(|reply| reply.status == 200).count();
    assert_eq!(events.len(), received.len());
    // What was begun came to its end, the long answers too, and what was not was not answered at all.
    assert!(received.iter().all(|reply| [200, 404].contains(&reply.status)));
    assert_eq!(load.cut.load(Ordering::Relaxed), 0);
    assert_eq!(summary.billable.requests, good as i64);
    assert_eq!(summary.gaps, []);
}

#[tokio::test]
async fn with_the_ledger_away_calls_are_answered_until_they_could_not_be_kept() {
    let mut app = TestApp::builder()
        .set("METERING__SEGMENT_RECORDS", "15")
        .set("METERING__MAX_BACKLOG_SEGMENTS", "4")
        .start()
        .await;
    app.stock_shelves(2, 1).await;
    let key = app.key(json!({})).await;
    let path = format!("/v1/products/{}", data::product_id(0));
    let held = hold_ledger(&app.db).await;
    let mut answered = Vec::new();
    let refused = loop {
        let answer = app.get(&key.text, &path).await;
        if answer.status() != 200 {
            break answer;
        }
        answered.push(answer.headers()["usage-event-id"].to_str().unwrap().to_owned());
        if answered.len() == 40 {
            // Nobody has noticed anything yet; operators see it coming.
            app.wait_for_gauge("journal_backlog_events", 40).await;
            let ready = app.http.get(app.admin_url("/readyz")).send().await.unwrap();
            assert_eq!(ready.status(), 200);
        }
    };
    problem(refused, 503, "metering_unavailable").await;
    assert!((60..=75).contains(&answered.len()), "{} calls", answered.len());
    for path in [path.as_str(), "/v1/products?limit=1"] {
        problem(app.get(&key.text, path).await, 503, "metering_unavailable").await;
    }
    // What would not have been served anyway is still said.
    problem(app.get(&key.text, "/v1/products/prd_00000000000").await, 404, "not_found").await;
    wait_for_readiness(&app, 503, "the journal is full").await;
    // What would change something is refused before it is done.
    let body = json!({ "url": "https://hooks.example.com/", "events": ["price.changed"] });
    let made = app.http.post(app.public_url("/v1/subscriptions")).bearer_auth(&key.text);
    problem(made.json(&body).send().await.unwrap(), 503, "metering_unavailable").await;

    release(held).await;
    wait_for_readiness(&app, 200, "").await;
    let again = app.get(&key.text, &path).await;
    assert_eq!(again.status(), 200);
    answered.push(again.headers()["usage-event-id"].to_str().unwrap().to_owned());
    let listed = app.get(&key.text, "/v1/subscriptions").await;
    answered.push(listed.headers()["usage-event-id"].to_str().unwrap().to_owned());
    assert_eq!(listed.json::<Value>().await.unwrap()["items"], json!([]));
    app.stop().await;
    let (summary, events) = exported(&app.db).await;
    assert_eq!(events.keys().collect::<BTreeSet<_>>(), answered.iter().collect());
    assert_eq!(summary.billable.requests, answered.len() as i64);
    assert_eq!(summary.gaps, []);
}

/// Waits until `/readyz` has a status and a text in its report.
async fn wait_for_readiness(app: &TestApp, status: u16, text: &str) {
    let until = Instant::now() + PATIENCE;
    while Instant::now() < until {
        let answer = app.http.get(app.admin_url("/readyz")).send().await.unwrap();
        if answer.status() == status && answer.text().await.unwrap().contains(text) {
            return;
        }
        pause().await;
    }
    panic!("/readyz is not {status}: {}", app.admin_text("/readyz").await);
}

#[tokio::test]
async fn a_full_disk_refuses_and_recovers() {
    let home = Home::new(&[("METERING__SEGMENT_RECORDS", "500")], &products(3)).await;
    let Some(disk) = SmallDisk::mount(&home.journal(), "16m") else {
        println!("left out: this process may not mount a file system");
        return;
    };
    let key = home.key();
    let mut server = home.serve();
    let mut wire = Wire::connect(server.public).unwrap();
    let path = format!("/v1/products/{}", data::product_id(0));
    let mut received = vec![wire.get(&key, &path).unwrap()];
    let held = hold_ledger(&home.db).await;
    let filler = disk.fill();
    let refused = loop {
        let reply = wire.get(&key, &path).unwrap();
        if reply.status != 200 {
            break reply;
        }
        received.push(reply);
        assert!(received.len() < 5_000, "the disk does not fill up");
    };
    for reply in [refused].into_iter().chain((0..50).map(|_| wire.get(&key, &path).unwrap())) {
        assert_eq!(reply.status, 503, "{}", reply.body);
        assert!(reply.body.contains("metering_unavailable"), "{}", reply.body);
    }
    wait_until("the server says so", || {
        let (status, report) = server.operator("/readyz");
        status == 503 && report.contains("the journal is full")
    });
    assert!(server.runs());

    std::fs::remove_file(filler).unwrap();
    wait_until("calls are taken again", || {
        let reply = wire.get(&key, &path).unwrap();
        let taken = reply.status == 200;
        received.extend(taken.then_some(reply));
        taken
    });
    release(held).await;
    server.terminate();
    let (summary, events) = exported(&home.db).await;
    assert_eq!(all_received_are_recorded(&received, &events), 0);
    assert_eq!(events.len(), received.len());
    assert_eq!(summary.gaps, []);
}

#[tokio::test]
async fn a_clock_stepped_back_keeps_order_and_limits() {
    let mut app = TestApp::builder().fixed_clock(NOON).start().await;
    app.stock_shelves(2, 1).await;
    let key = app.key(json!({})).await;
    let plan = app.plan(json!([{ "name": "burst", "quota": 3, "window_s": 3 }])).await;
    let narrow = app.key_under(&plan, json!({})).await;
    let path = format!("/v1/products/{}", data::product_id(0));
    let mut seqs: Vec<u64> = Vec::new();
    let mut call = async |key: &str, status: u16| {
        let answer = app.get(key, &path).await;
        assert_eq!(answer.status(), status);
        let id = answer.headers()["usage-event-id"].to_str().unwrap();
        seqs.push(id.rsplit('.').next().unwrap().parse().unwrap());
    };
    for _ in 0..3 {
        call(&key.text, 200).await;
        call(&narrow.text, 200).await;
    }
    call(&narrow.text, 429).await;
    app.clock.advance(-HOUR);
    // Nothing is forgiven, and nobody waits for more than the window.
    call(&narrow.text, 429).await;
    call(&key.text, 200).await;
    app.clock.advance(3_000_000);
    for _ in 0..3 {
        call(&narrow.text, 200).await;
    }
    app.stop().await;
    let (summary, events) = exported(&app.db).await;
    assert_eq!((summary.total.requests, summary.gaps), (12, vec![]));
    assert_eq!(seqs, (0..12).collect::<Vec<_>>());
    let at = |seq: u64| {
        let event = events.values().find(|event| event["seq"] == seq).unwrap();
        event["occurred_at"].as_str().unwrap().to_owned()
    };
    assert_eq!((at(6), at(7)), (NOON.to_owned(), "2026-11-22T11:00:00Z".to_owned()));
}
