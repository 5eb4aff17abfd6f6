//! A node whose PostgreSQL server hangs, or is away.

use crate::support::{NOON, TestApp, data, problem};
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
                let (mut at, server) = (at.clone(), server.clone());
                passing.spawn(async move {
                    let pass = async {
                        let mut far = TcpStream::connect(server).await.unwrap();
                        let _ = tokio::io::copy_bidirectional(&mut near, &mut far).await;
                    };
                    let stuck = async { drop(at.wait_for(|way| *way == Way::Stuck).await) };
                    tokio::select! {
                        () = pass => return,
                        () = stuck => {}
                    }
                    std::future::pending::<()>().await;
                });
            }
        });
        let (head, _) = url.rsplit_once('@').expect("a user");
        let (_, name) = url.rsplit_once('/').expect("a database");
        Self { url: format!("{head}@{here}/{name}"), way, taking }
    }

    fn stick(&self) {
        self.way.send(Way::Stuck).unwrap();
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

    gate.stick();
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
