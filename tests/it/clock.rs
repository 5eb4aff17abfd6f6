//! A clock that is wrong: what is known of it, and what is refused by it.

use crate::support::{TestApp, data, pause, problem};
use comptoir::kernel::Clock;
use comptoir::kernel::clock::HOUR;
use comptoir::storage::Db;
use serde_json::{Value, json};

/// What a node says of its clock: by how many seconds it is ahead.
async fn told(app: &TestApp) -> f64 {
    let nodes = app.admin_ok("GET", "/admin/v1/nodes", None).await;
    nodes["items"][0]["clock_skew_ms"].as_f64().unwrap() / 1_000.0
}

/// The clock of a node that shares its database with others is held against the database's; one that has its database
/// alone notes that its clock was set.
#[tokio::test]
async fn a_node_whose_clock_is_wrong_refuses_until_it_is_right() {
    let app = TestApp::builder().clock(Clock::shifted()).start().await;
    app.stock_shelves(1, 1).await;
    let key = app.key(json!({})).await;
    let path = format!("/v1/products/{}", data::product_id(0));
    let is_shared = matches!(app.db, Db::Postgres(_));
    for (nth, off) in (0..).step_by(2).zip([HOUR, -HOUR]) {
        app.wait_until_gauge("clock_steps_total", |steps| steps == nth).await;
        assert_eq!(app.get(&key.text, &path).await.status(), 200);
        app.clock.advance(off);
        app.wait_until_gauge("clock_steps_total", |steps| steps == nth + 1).await;
        if !is_shared {
            assert_eq!(app.get(&key.text, &path).await.status(), 200);
            assert!(told(&app).await.abs() < 1.0);
            app.clock.advance(-off);
            continue;
        }
        app.wait_until_gauge("ready", |ready| ready == 0).await;
        let refused = app.get(&key.text, &path).await;
        assert_eq!(refused.headers()["retry-after"], "1");
        problem(refused, 503, "clock_skewed").await;
        problem(app.get("cpt_live_nonsense", &path).await, 401, "invalid_key").await;
        if off > 0 {
            // Who asks for tokens waits for up to a minute after a step back, and learns no more.
            let asked = app.http.post(app.public_url("/oauth/token"));
            let asked = asked.header("Content-Type", "application/x-www-form-urlencoded");
            let asked = asked.body("grant_type=client_credentials").send().await.unwrap();
            problem(asked, 503, "clock_skewed").await;
        }
        let report: Value = serde_json::from_str(&app.admin_text("/readyz").await).unwrap();
        assert!(report["problems"][0].as_str().unwrap().contains("clock_skewed"), "{report}");
        let far = (off / 1_000_000) as f64;
        assert!((told(&app).await - far).abs() < 30.0);
        assert!((gauge(&app, "clock_skew_seconds").await - far).abs() < 30.0);
        app.clock.advance(-off);
        app.wait_until_gauge("ready", |ready| ready == 1).await;
    }
    while app.get(&key.text, &path).await.status() != 200 {
        pause().await;
    }
}

async fn gauge(app: &TestApp, name: &str) -> f64 {
    let metrics = app.admin_text("/metrics").await;
    let name = format!("comptoir_{name} ");
    metrics.lines().find_map(|line| line.strip_prefix(&*name)).unwrap().parse().unwrap()
}
