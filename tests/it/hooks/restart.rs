//! Webhooks of real processes: killed with messages under way, taken over, and asked for very many.

use super::receiver::{Manner, Receiver};
use crate::support::data;
use crate::support::process::{Home, Server, wait_until};
use comptoir::billing::export::{Format, export};
use comptoir::kernel::Micros;
use comptoir::metering::period::Period;
use comptoir::on_db;
use comptoir::storage::Db;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::time::{Duration, Instant};

/// Messages under way to one receiver at a time.
const AT_ONCE: usize = 4;
const PEPPER: &str = "5f0c1d8e2b3a49576f8e9d0c1b2a39485f0c1d8e2b3a49576f8e9d0c1b2a3948";

/// A home whose server may send to this machine, with offers of so many products.
async fn home(products: u32, extra: &[(&str, &str)]) -> Home {
    let own = [
        ("HOOKS__ALLOW_HTTP", "true"),
        ("HOOKS__PRIVATE_TARGETS", "127.0.0.0/8"),
        ("HOOKS__POLL_MS", "20"),
        ("HOOKS__RETRY_S", "1, 1, 1, 1, 1, 1"),
        ("HOOKS__PER_APP", "100"),
        // What all nodes have in common.
        ("ACCESS__PEPPER", PEPPER),
    ];
    let settings: Vec<_> = own.iter().chain(extra).copied().collect();
    let lines: Vec<Value> = (0..products).map(data::product).collect();
    let home = Home::new(&settings, &lines).await;
    home.import("stores", &[data::store(0)]);
    prices(&home, products, "1.00");
    home
}

/// Gives all products a price.
fn prices(home: &Home, products: u32, price: &str) {
    let offers: Vec<Value> = (0..products).map(|n| data::offer(n, 0, price)).collect();
    home.import("offers", &offers);
}

async fn subscribe(server: &Server, key: &str, url: &str) {
    let body = json!({ "url": url, "events": ["price.changed"] });
    let place = format!("http://{}/v1/subscriptions", server.public);
    let asked = reqwest::Client::new().post(place).bearer_auth(key).json(&body);
    assert_eq!(asked.send().await.unwrap().status(), 201);
}

async fn count(db: &Db, sql: &'static str) -> i64 {
    on_db!(db, c => sqlx::query_scalar(sql).fetch_one(c).await).unwrap()
}

/// Waits until so many messages are delivered.
async fn delivered(db: &Db, all: i64) {
    let until = Instant::now() + Duration::from_secs(600);
    loop {
        let done = count(db, "SELECT COUNT(*) FROM deliveries WHERE status = 'delivered'").await;
        if done == all {
            return;
        }
        assert!(Instant::now() < until, "{done} of {all} delivered");
        crate::support::pause().await;
    }
}

/// How many messages were billed, and how many events of messages there are.
async fn billed(db: &Db) -> (usize, usize) {
    let mut out = Vec::new();
    let always = Period { from: Micros(0), to: Micros(i64::MAX) };
    export(db, always, Format::Ndjson, &mut out).await.unwrap();
    let text = String::from_utf8(out).unwrap();
    let events = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let events: Vec<Value> =
        events.filter(|event| event["operation_id"] == "deliver_message").collect();
    for event in &events {
        let fate = (event["outcome"].as_str().unwrap(), event["billable"].as_bool().unwrap());
        assert!(matches!(fate, ("served", true) | ("crash_unconfirmed", false)), "{event}");
    }
    let billed = events.iter().filter(|event| event["billable"] == true).count();
    (billed, events.len())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_with_messages_under_way_it_delivers_each_and_bills_none_twice() {
    const MESSAGES: u32 = 60;
    const KILLS: usize = 3;
    let home = home(MESSAGES, &[]).await;
    let (key, mut receiver) = (home.key(), Receiver::start().await);
    let server = home.serve();
    subscribe(&server, &key, &receiver.url).await;
    // The first kill meets messages that are with the receiver, which has not answered.
    receiver.take(Manner::Silent);
    prices(&home, MESSAGES, "2.00");
    let mut arrived = Vec::new();
    for _ in 0..AT_ONCE {
        arrived.push(receiver.next().await.id);
    }
    server.kill();
    receiver.answer(204);
    // The others meet it at any moment of sending and recording.
    for _ in 1..KILLS {
        let server = home.serve();
        for _ in 0..15 {
            arrived.push(receiver.next().await.id);
        }
        server.kill();
    }
    let server = home.serve();
    delivered(&home.db, i64::from(MESSAGES)).await;
    server.terminate();
    arrived.extend(receiver.so_far().into_iter().map(|message| message.id));

    let ids: BTreeSet<&str> = arrived.iter().map(String::as_str).collect();
    assert_eq!(ids.len(), MESSAGES as usize, "a change under two ids, or none");
    let again = arrived.len() - ids.len();
    assert!((AT_ONCE..=AT_ONCE * KILLS).contains(&again), "{again} came again");
    let logged: Vec<String> =
        on_db!(&home.db, c => sqlx::query_scalar("SELECT id FROM deliveries").fetch_all(c).await)
            .unwrap();
    assert_eq!(logged.iter().map(String::as_str).collect::<BTreeSet<_>>(), ids);
    let (billed, events) = billed(&home.db).await;
    let free = MESSAGES as usize - billed;
    assert!(billed <= MESSAGES as usize, "{billed} billed");
    assert!(free <= AT_ONCE * KILLS, "{billed} billed");
    println!("{} arrived, {again} of them again; {events} events, {billed} billed", arrived.len());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_node_sends_on_when_the_one_that_sends_is_killed() {
    if crate::support::scratch::server().is_none() {
        println!("left out: two nodes need PostgreSQL (COMPTOIR_TEST_POSTGRES)");
        return;
    }
    let home = home(20, &[("HOOKS__LEASE_S", "3")]).await;
    let (key, mut receiver) = (home.key(), Receiver::start().await);
    let holder = async || -> String {
        let sql = "SELECT node FROM leases WHERE name = 'hooks'";
        on_db!(&home.db, c => sqlx::query_scalar(sql).fetch_one(c).await).unwrap()
    };
    let first = home.serve();
    subscribe(&first, &key, &receiver.url).await;
    prices(&home, 1, "2.00");
    receiver.next().await;
    delivered(&home.db, 1).await;
    let other_dir = tempfile::tempdir().unwrap();
    let second = home.serve_in(other_dir.path());
    let node = holder().await;
    assert_eq!(node, std::fs::read_to_string(home.dir().join("node")).unwrap().trim());

    // Four messages are with the receiver and sixteen wait when the sender dies.
    receiver.take(Manner::Silent);
    prices(&home, 20, "3.00");
    let mut arrived = BTreeSet::new();
    for _ in 0..AT_ONCE {
        arrived.insert(receiver.next().await.id);
    }
    first.kill();
    let killed = Instant::now();
    receiver.answer(204);
    arrived.insert(receiver.next().await.id);
    let waited = killed.elapsed();
    delivered(&home.db, 21).await;
    arrived.extend(receiver.so_far().into_iter().map(|message| message.id));
    assert_eq!(arrived.len(), 20);
    let theirs = std::fs::read_to_string(other_dir.path().join("node")).unwrap();
    assert_eq!(holder().await, theirs.trim());
    second.terminate();
    println!("taken over {waited:?} after the kill");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn very_many_messages_are_sent_in_bounded_memory() {
    const SUBSCRIPTIONS: u32 = 100;
    // In full: COMPTOIR_TEST_FANOUT=1000.
    let wanted = std::env::vars().find(|(name, _)| name == "COMPTOIR_TEST_FANOUT");
    let changes: u32 = wanted.map_or(20, |(_, text)| text.parse().expect("a number"));
    let home = home(changes, &[("HOOKS__TIMEOUT_S", "60")]).await;
    let (key, mut receiver) = (home.key(), Receiver::start().await);
    let server = home.serve();
    for _ in 0..SUBSCRIPTIONS {
        subscribe(&server, &key, &receiver.url).await;
    }
    let before = server.peak_memory();
    let begun = Instant::now();
    prices(&home, changes, "2.00");
    let all = SUBSCRIPTIONS * changes;
    while receiver.waiting() < all as usize && begun.elapsed() < Duration::from_secs(900) {
        crate::support::pause().await;
    }
    delivered(&home.db, i64::from(all)).await;
    let (took, grown) = (begun.elapsed(), server.peak_memory_over(before));
    let ids: BTreeSet<String> = receiver.so_far().into_iter().map(|message| message.id).collect();
    assert_eq!(ids.len(), all as usize);
    assert!(grown < 150_000, "{grown} kB more than before");
    wait_until("the server still answers", || server.operator("/healthz").0 == 200);
    server.terminate();
    let rate = f64::from(all) / took.as_secs_f64();
    println!("{SUBSCRIPTIONS} x {changes} messages in {took:?}: {rate:.0}/s, {grown} kB more");
}
