//! Every answered call is in the ledger once, and billed only where the rules say so.

use crate::support::{NOON, TestApp, TestKey, data, problem};
use comptoir::billing::export::{Format, export};
use comptoir::kernel::Micros;
use comptoir::kernel::id::NodeId;
use comptoir::metering::runs;
use serde_json::{Value, json};
use std::time::Instant;

/// The export of the month, after everything answered so far has been folded.
async fn events(app: &TestApp) -> Vec<Value> {
    let month: comptoir::metering::period::Period =
        app.clock.now().to_string()[..7].parse().expect("a month");
    let mut out = Vec::new();
    export(&app.db, month, Format::Ndjson, &mut out).await.expect("an export");
    let text = String::from_utf8(out).expect("UTF-8");
    text.lines().map(|line| serde_json::from_str(line).expect("a line of JSON")).collect()
}

/// Calls that end in every way, and what the ledger should say of each: path, `If-None-Match`,
/// status, outcome, billable.
async fn call_every_way(app: &TestApp, key: &TestKey) -> Vec<(String, u16, &'static str, bool)> {
    let good = format!("/v1/products/{}", data::product_id(0));
    let etag = app.get(&key.text, &good).await;
    let mut seen = vec![(event_id(&etag), 200, "served", true)];
    let etag = etag.headers()["etag"].clone();
    let again =
        app.http.get(app.public_url(&good)).bearer_auth(&key.text).header("If-None-Match", etag);
    seen.push((event_id(&again.send().await.unwrap()), 304, "not_modified", false));
    for (path, status) in [
        ("/v1/products/prd_00000000000", 404),
        ("/v1/products?limit=0", 400),
        ("/v1/products/gtin/3276550063552", 422),
        ("/v1/nothing", 404),
    ] {
        let answer = app.get(&key.text, path).await;
        assert_eq!(answer.status(), status, "{path}");
        seen.push((event_id(&answer), status, "client_error", false));
    }
    let list = app.get(&key.text, "/v1/products").await;
    seen.push((event_id(&list), 200, "served", true));
    seen
}

fn event_id(answer: &reqwest::Response) -> String {
    answer.headers()["usage-event-id"].to_str().unwrap().to_owned()
}

#[tokio::test]
async fn every_ending_of_a_call_is_in_the_export_with_its_rule() {
    let mut app = TestApp::start().await;
    app.stock_shelves(2, 1).await;
    let live = app.key(json!({})).await;
    let narrow = app.key(json!({ "scopes": ["stock:read"] })).await;
    let test = app.key(json!({ "environment": "test" })).await;
    let mut expected = call_every_way(&app, &live).await;
    let path = format!("/v1/products/{}", data::product_id(1));
    let refused = app.get(&narrow.text, &path).await;
    expected.push((event_id(&refused), 403, "auth_rejected", false));
    let free = app.get(&test.text, &path).await;
    expected.push((event_id(&free), 200, "served", false));
    // A stranger is nobody's usage.
    let stranger = event_id(&app.get("cpt_live_x", &path).await);
    app.stop().await;

    let events = events(&app).await;
    assert_eq!(events.len(), expected.len());
    for (id, status, outcome, billable) in expected {
        let event =
            events.iter().find(|e| e["event_id"] == id).unwrap_or_else(|| panic!("{id} {status}"));
        assert_eq!(
            (&event["status"], &event["outcome"], &event["billable"]),
            (&json!(status), &json!(outcome), &json!(billable)),
            "{event}"
        );
    }
    assert!(events.iter().all(|e| e["event_id"] != stranger));
}

#[tokio::test]
async fn switched_off_it_answers_and_records_nothing() {
    let mut app = TestApp::builder().set("METERING__DURABILITY", "off").start().await;
    app.stock_shelves(2, 1).await;
    let key = app.key(json!({})).await;
    let fast = format!("/v1/products/{}", data::product_id(0));
    for (path, status) in
        [(fast.as_str(), 200), ("/v1/products", 200), ("/v1/nothing", 404), ("/v1/usage", 200)]
    {
        let answer = app.get(&key.text, path).await;
        assert_eq!(answer.status(), status, "{path}");
        let id = event_id(&answer);
        assert!(id.rsplit('.').next().unwrap().starts_with('u'), "{path}: {id}");
        assert!(answer.headers().contains_key("ratelimit"), "{path}");
    }
    let ready = app.http.get(app.admin_url("/readyz")).send().await.unwrap();
    assert_eq!(ready.status(), 200);
    app.stop().await;
    assert_eq!(events(&app).await, Vec::<Value>::new());
}

#[tokio::test]
async fn usage_shows_a_partner_the_sums_of_its_own_calls() {
    let app = TestApp::start().await;
    app.stock_shelves(2, 1).await;
    let key = app.key(json!({})).await;
    let other = app.key(json!({})).await;
    let path = format!("/v1/products/{}", data::product_id(0));
    for _ in 0..5 {
        app.get(&key.text, &path).await;
    }
    app.get(&other.text, &path).await;
    let until = Instant::now() + crate::support::PATIENCE;
    let mine = loop {
        let usage: Value = app.get(&key.text, "/v1/usage").await.json().await.unwrap();
        let items = usage["items"].as_array().unwrap().clone();
        let reads: i64 = items
            .iter()
            .filter(|i| i["operation_id"] == "get_product")
            .filter_map(|i| i["requests"].as_i64())
            .sum();
        if reads == 5 {
            break usage;
        }
        assert!(reads < 5 && Instant::now() < until, "{usage}");
        crate::support::pause().await;
    };
    assert_eq!(mine["app_id"], key.app_id.as_str());
    let limit = &mine["limits"][0];
    let told = ["name", "kind", "per", "quota", "window_s"].map(|field| limit[field].clone());
    assert_eq!(told, [json!("burst"), json!("rate"), json!("app"), json!(1_000_000), json!(1)]);
    let item = mine["items"]
        .as_array()
        .unwrap()
        .iter()
        .find(|i| i["operation_id"] == "get_product")
        .unwrap()
        .clone();
    assert_eq!(
        (&item["units"], &item["billable"], &item["records"]),
        (&json!("5.000"), &json!(true), &json!(5))
    );
    assert_eq!(item["key_id"], Value::Null);
    let by_key: Value = app.get(&key.text, "/v1/usage?by=key").await.json().await.unwrap();
    let mut of_key = by_key["items"].as_array().unwrap().iter();
    let reads = of_key.find(|i| i["operation_id"] == "get_product").unwrap();
    assert_eq!((&reads["key_id"], &reads["requests"]), (&json!(key.id), &json!(5)));
    let path = format!("/admin/v1/apps/{}/usage?by=key", key.app_id);
    let seen = app.admin_ok("GET", &path, None).await;
    assert!(seen["items"].as_array().unwrap().contains(reads), "{seen}");
    problem(app.get(&key.text, "/v1/usage?by=app").await, 400, "invalid_parameter").await;
}

#[tokio::test]
async fn spans_of_usage_that_meet_count_each_call_once() {
    let app = TestApp::builder().fixed_clock("2026-11-22T12:34:56Z").start().await;
    app.stock_shelves(2, 1).await;
    let key = app.key(json!({})).await;
    app.get(&key.text, &format!("/v1/products/{}", data::product_id(0))).await;
    app.wait_for_gauge("events_folded_total", 1).await;
    let usage = |query: &'static str| app.get(&key.text, query);
    let present: Value = usage("/v1/usage").await.json().await.unwrap();
    assert_eq!(
        (&present["from"], &present["to"]),
        (&json!("2026-11-01T00:00:00Z"), &json!("2026-11-22T13:00:00Z"))
    );
    let mut reads = Vec::new();
    for query in [
        "/v1/usage?from=2026-11-22T11:00:00Z&to=2026-11-22T12:00:00Z",
        "/v1/usage?from=2026-11-22T12:00:00Z&to=2026-11-22T13:00:00Z",
        "/v1/usage?from=2026-11-22T13:00:00Z&to=2026-11-22T14:00:00Z",
    ] {
        let usage: Value = usage(query).await.json().await.unwrap();
        let items = usage["items"].as_array().unwrap();
        reads.push(items.iter().filter(|i| i["operation_id"] == "get_product").count());
    }
    assert_eq!(reads, [0, 1, 0]);
    let cut = "/v1/usage?from=2026-11-22T12:00:00Z&to=2026-11-22T12:20:00Z";
    let refused = problem(usage(cut).await, 400, "invalid_parameter").await;
    assert_eq!(refused["errors"][0]["suggestion"], "2026-11-22T12:00:00Z");
}

#[tokio::test]
async fn usage_that_has_not_grown_is_not_sent_again() {
    // Nothing is folded while the test runs.
    let app = TestApp::builder()
        .fixed_clock(NOON)
        .set("METERING__FOLD_INTERVAL_MS", "60000")
        .start()
        .await;
    let key = app.key(json!({})).await;
    let first = app.get(&key.text, "/v1/usage").await;
    let etag = first.headers()["etag"].clone();
    app.clock.advance(1_000_000);
    let again = app.http.get(app.public_url("/v1/usage")).bearer_auth(&key.text);
    assert_eq!(again.header("If-None-Match", etag).send().await.unwrap().status(), 304);
}

#[tokio::test]
async fn a_head_is_a_served_call_without_bytes_or_records() {
    let logs = tempfile::tempdir().unwrap();
    let log = logs.path().join("access.log");
    let mut app =
        TestApp::builder().set("TELEMETRY__ACCESS_LOG", &log.display().to_string()).start().await;
    app.stock_shelves(50, 1).await;
    let key = app.key(json!({})).await;
    let mut heads = Vec::new();
    for path in [&format!("/v1/products/{}", data::product_id(0)), "/v1/products?limit=50"] {
        let got = app.get(&key.text, path).await;
        let head = app.http.head(app.public_url(path)).bearer_auth(&key.text).send().await.unwrap();
        assert_eq!(head.status(), 200);
        assert_eq!(head.headers()["content-length"], got.headers()["content-length"]);
        heads.push(event_id(&head));
        assert_eq!(head.bytes().await.unwrap().len(), 0);
    }
    app.stop().await;
    let events = events(&app).await;
    assert_eq!(events.len(), 4);
    for event in events {
        let head = heads.iter().any(|id| event["event_id"] == id.as_str());
        assert_eq!((&event["outcome"], &event["billable"]), (&json!("served"), &json!(true)));
        assert_eq!((event["bytes"] == 0, event["records"] == 0), (head, head), "{event}");
    }
    let lines = std::fs::read_to_string(log).unwrap();
    for line in lines.lines() {
        let line: Value = serde_json::from_str(line).unwrap();
        let head = heads.iter().any(|id| line["id"] == id.as_str());
        assert_eq!(line["method"], if head { "HEAD" } else { "GET" }, "{line}");
    }
    assert_eq!(lines.lines().count(), 4);
}

#[tokio::test]
async fn an_export_of_many_calls_has_each_once_and_agrees_with_the_hours() {
    let mut app = TestApp::start().await;
    app.stock_shelves(2, 1).await;
    let key = app.key(json!({})).await;
    let path = format!("/v1/products/{}", data::product_id(0));
    let mut ids = Vec::new();
    for _ in 0..20 {
        let calls = (0..50).map(|_| app.get(&key.text, &path));
        let answers = futures_util::future::join_all(calls).await;
        ids.extend(answers.iter().map(event_id));
    }
    app.stop().await;
    let events = events(&app).await;
    let mut exported: Vec<String> =
        events.iter().filter_map(|e| e["event_id"].as_str().map(str::to_owned)).collect();
    exported.sort();
    ids.sort();
    assert_eq!(exported, ids);
    let app_id = key.app_id.parse().unwrap();
    let (from, to) =
        ("2000-01-01T00:00:00Z".parse().unwrap(), "2100-01-01T00:00:00Z".parse().unwrap());
    let usage = comptoir::metering::usage::usage(
        &app.db,
        (key.partner_id.parse().unwrap(), app_id),
        from,
        to,
        (comptoir::metering::usage::Granularity::Month, None),
    )
    .await
    .unwrap();
    assert_eq!(usage.rows.iter().map(|r| r.sums.requests).sum::<i64>(), 1000);
}

#[tokio::test]
async fn a_run_whose_disk_is_gone_is_given_up_and_says_so() {
    let app = TestApp::start().await;
    let (gone, running) = (NodeId(5), NodeId(6));
    let now = app.db.now(&app.clock).await.unwrap();
    let hour_ago = Micros(now.0 - 3_600_000_000);
    runs::begin(&app.db, (running, 8), now, false).await.unwrap();
    runs::begin(&app.db, (gone, 3), hour_ago, false).await.unwrap();
    let health = async || app.admin_ok("GET", "/admin/v1/usage/health", None).await;
    let before = health().await;
    assert_eq!(before["silent_runs"], 1);
    assert!(before["lag_ms"].as_i64().unwrap() < 60_000, "a silent run hides no lag: {before}");
    let first = &before["runs"][0];
    assert_eq!((&first["node_id"], &first["standing"]), (&json!(gone), &json!("silent")));

    let lose = async |node: NodeId, epoch: &str, body: Value| {
        app.admin("POST", &format!("/admin/v1/usage/runs/{node}/{epoch}/lose"), Some(body)).await
    };
    let why = json!({ "reason": "The machine was taken away" });
    let speaks = problem(lose(running, "8", why.clone()).await, 409, "conflict").await;
    assert!(speaks["detail"].as_str().unwrap().contains("it goes on"), "{speaks}");
    for (node, epoch) in [(gone, "4"), (NodeId(7), "3"), (gone, "x")] {
        problem(lose(node, epoch, why.clone()).await, 404, "not_found").await;
    }
    let early = json!({ "reason": "x", "gone_at": Micros(hour_ago.0 - 1) });
    let refused = problem(lose(gone, "3", early).await, 400, "invalid_body").await;
    assert_eq!(refused["errors"][0]["pointer"], "/gone_at", "{refused}");

    let gone_at = Micros(hour_ago.0 + 60_000_000);
    let said = json!({ "reason": "The machine was taken away", "gone_at": gone_at });
    let lost: Value = lose(gone, "3", said).await.json().await.unwrap();
    assert_eq!((&lost["standing"], &lost["ended_at"]), (&json!("lost"), &json!(gone_at)));
    assert_eq!((&lost["complete_through"], &lost["next_seq"]), (&json!(hour_ago), &json!(0)));
    problem(lose(gone, "3", why).await, 409, "conflict").await;
    let after = health().await;
    assert_eq!(after["silent_runs"], 0);
    let mut listed = after["runs"].as_array().unwrap().iter();
    assert!(listed.any(|run| run == &lost), "it is still told of: {after}");
    let audit = app.admin_ok("GET", &format!("/admin/v1/audit?subject={gone}"), None).await;
    let entry = &audit["items"][0];
    assert_eq!(entry["action"], "usage_run.lose");
    assert_eq!(entry["detail"]["reason"], "The machine was taken away");
    assert_eq!((&entry["detail"]["epoch"], &entry["detail"]["next_seq"]), (&json!(3), &json!(0)));
}
