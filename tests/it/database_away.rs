//! A node whose PostgreSQL server hangs, or is away.

use crate::support::process::{Home, Server, Wire, wait_until};
use crate::support::{NOON, TestApp, data, problem};
use comptoir::kernel::Clock;
use comptoir::metering::runs::{self, Run};
use comptoir::on_db;
use serde_json::{Value, json};
use sqlx::postgres::PgConnectOptions;
use std::time::{Duration, Instant};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// How a way to the server is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    Open,
    /// Connections are taken, and nothing passes.
    Stuck,
    /// Connections are ended, as by a server that is started anew.
    Cut,
}

/// A way to a server that can be closed.
struct Gate {
    url: String,
    way: watch::Sender<Way>,
    taking: JoinHandle<()>,
}

impl Gate {
    /// A way to the server of a URL.
    async fn before(url: &str) -> Self {
        let options: PgConnectOptions = url.parse().unwrap();
        let server = format!("{}:{}", options.get_host(), options.get_port());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let here = listener.local_addr().unwrap();
        let (way, at) = watch::channel(Way::Open);
        let taking = tokio::spawn(async move {
            let mut passing = tokio::task::JoinSet::new();
            loop {
                let (mut near, _) = listener.accept().await.unwrap();
                let (mut closed, server) = (at.clone(), server.clone());
                passing.spawn(async move {
                    let pass = async {
                        let mut far = TcpStream::connect(server).await.unwrap();
                        let _ = tokio::io::copy_bidirectional(&mut near, &mut far).await;
                    };
                    tokio::select! {
                        biased;
                        _ = closed.wait_for(|way| *way != Way::Open) => {}
                        () = pass => return,
                    }
                    let _ = closed.wait_for(|way| *way == Way::Cut).await;
                });
            }
        });
        let (head, _) = url.rsplit_once('@').expect("a user");
        let (_, name) = url.rsplit_once('/').expect("a database");
        Self { url: format!("{head}@{here}/{name}"), way, taking }
    }

    fn set(&self, way: Way) {
        self.way.send(way).unwrap();
    }

    /// From now on nothing is taken, and what was is cut off.
    async fn close(&mut self) {
        self.taking.abort();
        let _ = (&mut self.taking).await;
    }
}

async fn soon_refused(node: &TestApp) {
    for path in ["/admin/v1/partners", "/admin/v1/audit", "/admin/v1/keys"] {
        let begun = Instant::now();
        let refused = node.admin("GET", path, None).await;
        // Not for as long as a connection is waited for.
        assert!(begun.elapsed() < Duration::from_secs(9), "{path}: {:?}", begun.elapsed());
        assert_eq!(refused.headers()["retry-after"], "2", "{path}");
        let refused = problem(refused, 503, "unavailable").await;
        let detail = refused["detail"].as_str().unwrap();
        assert!(detail.starts_with("The database does not answer."), "{path}: {detail}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn admins_are_told_soon_and_a_stop_does_not_wait() {
    let app = TestApp::builder().fixed_clock(NOON).start().await;
    let Some(url) = crate::support::scratch::server().map(|_| app.config.database.url.clone())
    else {
        println!("SKIPPED: a database that is away needs COMPTOIR_TEST_POSTGRES");
        return;
    };
    let comptoir::config::DatabaseUrl::Postgres(url) = url else { panic!("PostgreSQL") };
    app.stock_shelves(1, 1).await;
    let key = app.key(json!({})).await;
    let mut gate = Gate::before(url.reveal()).await;
    let mut node = app.beside_with(&[("DATABASE__URL", &gate.url)]).await;
    let path = format!("/v1/products/{}", data::product_id(0));
    assert_eq!(node.admin("GET", "/admin/v1/partners", None).await.status(), 200);
    assert_eq!(node.get(&key.text, &path).await.status(), 200);

    gate.set(Way::Stuck);
    soon_refused(&node).await;
    gate.close().await;
    soon_refused(&node).await;
    // Partners' reads need no database, and are recorded.
    let answer = node.get(&key.text, &path).await;
    if answer.status() != 200 {
        problem(answer, 503, "access_stale").await;
    }

    let begun = Instant::now();
    let stopped = node.stopped().await;
    assert!(begun.elapsed() < Duration::from_secs(45), "{:?}", begun.elapsed());
    if let Err(error) = stopped {
        assert!(format!("{error:#}").contains("they stay in the journal"), "{error:#}");
    }
    let told: Value = app.admin_ok("GET", "/admin/v1/partners", None).await;
    assert_eq!(told["items"].as_array().unwrap().len(), 1, "the others go on");
}

/// A node that has lost its database, with one answer in its journal that the ledger does not have.
async fn with_one_answer(home: &Home, gate: &Gate) -> Server {
    let (key, url) = (home.key(), ("DATABASE__URL", gate.url.as_str()));
    let server = home.serve_as(home.dir(), &[url]);
    gate.set(Way::Cut);
    let path = format!("/v1/products/{}", data::product_id(0));
    assert_eq!(Wire::connect(server.public).unwrap().get(&key, &path).unwrap().status, 200);
    assert_eq!(in_ledger(home).await, 0);
    server
}

/// Events that the ledger has.
async fn in_ledger(home: &Home) -> i64 {
    const COUNT: &str = "SELECT CAST(COALESCE(SUM(events), 0) AS BIGINT) FROM usage_segments";
    on_db!(&home.db, c => sqlx::query_scalar(COUNT).fetch_one(c).await).unwrap()
}

/// The run of this number, the only ones being those of one node, where it is open or lacks something.
async fn noteworthy(home: &Home, epoch: u64) -> Option<Run> {
    let runs = runs::noteworthy(&home.db, 10).await.unwrap();
    runs.into_iter().find(|run| run.epoch == epoch)
}

/// A home whose database is a server, and a gate on the way there.
async fn home() -> Option<(Home, Gate)> {
    if crate::support::scratch::server().is_none() {
        println!("SKIPPED: a database that is away needs COMPTOIR_TEST_POSTGRES");
        return None;
    }
    let home = Home::new(&[], &[data::product(0)]).await;
    let comptoir::config::DatabaseUrl::Postgres(url) = home.config().database.url else {
        panic!("PostgreSQL")
    };
    let gate = Gate::before(url.reveal()).await;
    Some((home, gate))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_folds_what_is_left_when_the_database_comes_back() {
    let Some((home, gate)) = home().await else { return };
    let server = with_one_answer(&home, &gate).await;
    server.begin_stop();
    wait_until("the stop waits", || server.has_said("this stop waits for it"));
    gate.set(Way::Open);
    server.stopped();
    assert_eq!(in_ledger(&home).await, 1);
    assert_eq!(noteworthy(&home, 1).await, None, "the run has ended with everything in the ledger");
    let now = home.db.now(&Clock::System).await.unwrap();
    assert_eq!(runs::standing(&home.db, now).await.unwrap().silent, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_stop_cannot_fold_stays_in_the_journal_and_its_run_stays_open() {
    let Some((home, gate)) = home().await else { return };
    let server = with_one_answer(&home, &gate).await;
    server.begin_stop();
    let begun = Instant::now();
    let (status, said) = server.ended();
    assert!(begun.elapsed() < Duration::from_secs(15), "{:?}", begun.elapsed());
    assert_eq!(status.code(), Some(1), "{said}");
    assert!(said.contains("they stay in the journal and are folded at the next start"), "{said}");
    assert_eq!(in_ledger(&home).await, 0);
    let open = noteworthy(&home, 1).await.expect("an open run");
    assert_eq!((open.ended, open.next_seq), (None, 0));

    home.serve().terminate();
    assert_eq!(in_ledger(&home).await, 1);
    assert_eq!(noteworthy(&home, 1).await, None);
}
