//! Quotas are what the ledger has: over restarts, kills and nodes.

use crate::support::process::{Home, Wire};
use crate::support::{NOON, TestApp, TestKey, data, tell, unkeep};
use comptoir::storage::Log;
use serde_json::{Value, json};
use std::time::Instant;

fn product() -> String {
    format!("/v1/products/{}", data::product_id(0))
}

async fn get(app: &TestApp, key: &TestKey) -> (u16, Option<String>) {
    let answer = app.get(&key.text, &product()).await;
    let left = answer.headers().get("ratelimit").map(|h| h.to_str().unwrap().to_owned());
    let status = answer.status().as_u16();
    answer.bytes().await.unwrap();
    (status, left)
}

/// What the limits have used, as the node tells it to the key.
async fn used(app: &TestApp, key: &TestKey) -> Vec<String> {
    let usage: Value = app.get(&key.text, "/v1/usage").await.json().await.unwrap();
    let limits = usage["limits"].as_array().unwrap();
    limits.iter().map(|limit| limit["used"].as_str().unwrap().to_owned()).collect()
}

/// Waits until a node tells so of the limits.
async fn until_used(app: &TestApp, key: &TestKey, expected: &[&str]) {
    let until = Instant::now() + crate::support::PATIENCE;
    loop {
        let now = used(app, key).await;
        if now == expected {
            return;
        }
        assert!(Instant::now() < until, "{now:?}, not {expected:?}");
        crate::support::pause().await;
    }
}

#[tokio::test]
async fn a_restart_resets_no_quota_at_any_level() {
    let mut app = TestApp::builder().fixed_clock(NOON).start().await;
    app.stock_shelves(1, 1).await;
    let plan = app
        .plan(json!([
            { "name": "all", "quota": 50, "period": "month", "per": "partner" },
            { "name": "own", "quota": 40, "period": "week", "time_zone": "Europe/Paris" },
            { "name": "single", "quota": 30, "period": "day", "per": "key" },
            { "name": "lists", "quota": 20, "period": "day", "operations": ["list_products"] },
        ]))
        .await;
    let key = app.key_under(&plan, json!({})).await;
    let body = json!({ "app_id": key.app_id, "name": "second", "environment": "live" });
    let second = app.admin_ok("POST", "/admin/v1/keys", Some(body)).await;
    for _ in 0..3 {
        get(&app, &key).await;
    }
    app.get(&key.text, "/v1/products").await.bytes().await.unwrap();
    app.get(second["text"].as_str().unwrap(), &product()).await.bytes().await.unwrap();
    // Free calls count nowhere, neither here nor in the ledger.
    app.get(&key.text, "/v1/products/prd_00000000000").await.bytes().await.unwrap();
    let expected = ["5.000", "5.000", "4.000", "1.000"];
    assert_eq!(used(&app, &key).await, expected);
    // What is folded is counted once.
    app.wait_for_gauge("events_folded_total", 7).await;
    until_used(&app, &key, &expected).await;
    app.stop().await;
    let again = app.beside().await;
    assert_eq!(used(&again, &key).await, expected);
    assert_eq!(get(&again, &key).await.0, 200);
    assert_eq!(used(&again, &key).await, ["6.000", "6.000", "5.000", "1.000"]);
}

#[tokio::test]
async fn a_day_that_begins_within_an_hour_is_exact_after_a_restart() {
    // 18:15 UTC is midnight in Nepal: five minutes before, three calls; behind it, two.
    let mut app = TestApp::builder().fixed_clock("2026-11-22T18:10:00Z").start().await;
    app.stock_shelves(1, 1).await;
    let day = json!({ "name": "day", "quota": 10, "period": "day", "time_zone": "Asia/Kathmandu" });
    let plan = app.plan(json!([day])).await;
    let key = app.key_under(&plan, json!({})).await;
    for _ in 0..3 {
        get(&app, &key).await;
    }
    app.clock.advance(10 * 60_000_000);
    for _ in 0..2 {
        get(&app, &key).await;
    }
    assert_eq!(used(&app, &key).await, ["2.000"]);
    app.stop().await;
    let again = app.beside().await;
    assert_eq!(used(&again, &key).await, ["2.000"]);
    again.clock.advance(60 * 60_000_000);
    assert_eq!(get(&again, &key).await.1.unwrap(), "\"day\";r=7;t=82500");
}

#[tokio::test]
async fn a_quota_that_a_plan_gets_begins_with_what_was_used() {
    let app = TestApp::builder().fixed_clock(NOON).start().await;
    app.stock_shelves(1, 1).await;
    let plan = app.plan(json!([{ "name": "burst", "quota": 100, "window_s": 1 }])).await;
    let key = app.key_under(&plan, json!({})).await;
    for _ in 0..4 {
        get(&app, &key).await;
    }
    app.wait_for_gauge("events_folded_total", 4).await;
    let edit = json!({ "limits": [{ "name": "month", "quota": 5, "period": "month" }] });
    app.admin_ok("PATCH", &format!("/admin/v1/plans/{plan}"), Some(edit)).await;
    assert_eq!(get(&app, &key).await.0, 200);
    assert_eq!(get(&app, &key).await.0, 429);
}

#[tokio::test]
async fn a_contract_counts_from_its_own_day() {
    let app = TestApp::builder().fixed_clock("2026-10-31T09:00:00Z").start().await;
    app.stock_shelves(1, 1).await;
    let month = json!({ "name": "month", "quota": 9, "period": "month", "anchor": "contract" });
    let plan = app.plan(json!([month])).await;
    let key = app.key_under(&plan, json!({})).await;
    get(&app, &key).await;
    // A month without a 31st ends on its last day, and the next is counted from the 31st again.
    let day = 86_400_000_000;
    for (days, used_then, start, end) in [
        (29, "1.000", "2026-10-31T00:00:00Z", "2026-11-30T00:00:00Z"),
        (1, "0.000", "2026-11-30T00:00:00Z", "2026-12-31T00:00:00Z"),
        (31, "0.000", "2026-12-31T00:00:00Z", "2027-01-31T00:00:00Z"),
        (59, "0.000", "2027-02-28T00:00:00Z", "2027-03-31T00:00:00Z"),
    ] {
        app.clock.advance(days * day);
        let usage: Value = app.get(&key.text, "/v1/usage").await.json().await.unwrap();
        let limit = &usage["limits"][0];
        let told = ["used", "period_start", "period_end"].map(|field| limit[field].clone());
        assert_eq!(told, [used_then, start, end].map(|text| json!(text)));
    }
}

#[tokio::test]
async fn a_contract_counts_from_the_partners_contract_where_there_is_one() {
    let app = TestApp::builder().fixed_clock("2026-10-31T09:00:00Z").start().await;
    app.stock_shelves(1, 1).await;
    let month = |per: &str| json!({ "name": per, "quota": 9, "period": "month", "anchor": "contract", "per": per });
    let plan = app.plan(json!([month("partner"), month("app"), month("key")])).await;
    let key = app.key_under(&plan, json!({})).await;
    let starts = async || {
        let usage: Value = app.get(&key.text, "/v1/usage").await.json().await.unwrap();
        let limits = usage["limits"].as_array().unwrap();
        limits.iter().map(|limit| limit["period_start"].clone()).collect::<Vec<Value>>()
    };
    assert_eq!(starts().await, vec![json!("2026-10-31T00:00:00Z"); 3]);
    get(&app, &key).await;
    // That call and the look at the usage.
    app.wait_for_gauge("events_folded_total", 2).await;
    let contract = json!({ "contract": { "reference": "C-1", "time_zone": "UTC", "starts_on": "2026-09-15" } });
    let place = format!("/admin/v1/partners/{}", key.partner_id);
    app.admin_ok("PATCH", &place, Some(contract)).await;
    assert_eq!(starts().await, vec![json!("2026-10-15T00:00:00Z"); 3]);
    // What the ledger has in that period counts, whoever counts it.
    until_used(&app, &key, &["1.000", "1.000", "1.000"]).await;
    app.admin_ok("PATCH", &place, Some(json!({ "contract": null }))).await;
    assert_eq!(starts().await, vec![json!("2026-10-31T00:00:00Z"); 3]);
}

#[tokio::test]
async fn two_nodes_share_a_quota() {
    let first = TestApp::builder().fixed_clock(NOON).start().await;
    first.stock_shelves(1, 1).await;
    let plan = first.plan(json!([{ "name": "month", "quota": 10, "period": "month" }])).await;
    let key = first.key_under(&plan, json!({})).await;
    let second = first.beside().await;
    for _ in 0..4 {
        assert_eq!(get(&first, &key).await.0, 200);
    }
    until_used(&second, &key, &["4.000"]).await;
    for _ in 0..5 {
        assert_eq!(get(&second, &key).await.0, 200);
    }
    for node in [&first, &second] {
        until_used(node, &key, &["9.000"]).await;
    }
    assert_eq!(get(&first, &key).await.0, 200);
    until_used(&second, &key, &["10.000"]).await;
    for node in [&first, &second] {
        assert_eq!(get(node, &key).await.0, 429);
    }
}

#[tokio::test]
async fn a_kill_resets_no_quota() {
    let home = Home::new(&[], &[data::product(0)]).await;
    let plan = home.run(&["plan", "create", "--name", "yearly", "--limit", "year:10:year"]);
    let partner = home.run(&["partner", "create", "--name", "p"]);
    let app = ["app", "create", "--partner", &partner, "--plan", &plan, "--name", "a"];
    let key = home.run(&["key", "create", "--app", &home.run(&app)]);
    for round in 0..2 {
        let server = home.serve();
        let mut wire = Wire::connect(server.public).unwrap();
        for _ in 0..5 {
            assert_eq!(wire.get(&key, &product()).unwrap().status, 200, "round {round}");
        }
        server.kill();
    }
    let server = home.serve();
    let mut wire = Wire::connect(server.public).unwrap();
    assert_eq!(wire.get(&key, &product()).unwrap().status, 429);
    server.terminate();
}

#[tokio::test]
async fn a_round_that_fails_has_taken_in_what_came_before_and_does_so_once() {
    const BROKEN: &str =
        "INSERT INTO usage_segments (node, epoch, segment, position, first_seq, next_seq,
            events, unreleased, min_at, max_at, prev_hash, hash, folded_at, block)
        SELECT 'broken', 1, 0, $1, 0, 1, 1, '', min_at, max_at, prev_hash, hash, folded_at, $2
        FROM usage_segments ORDER BY position LIMIT 1";
    let app = TestApp::builder().set("METERING__FOLD_INTERVAL_MS", "60000");
    let mut app = app.fixed_clock(NOON).start().await;
    app.stock_shelves(1, 1).await;
    let plan = app.plan(json!([{ "name": "day", "quota": 10, "period": "day" }])).await;
    let key = app.key_under(&plan, json!({})).await;
    let other = app.beside().await;
    assert_eq!(used(&other, &key).await, ["0.000"]);
    for _ in 0..3 {
        assert_eq!(get(&app, &key).await.0, 200);
    }
    // A node that stops folds all that it has.
    app.stop().await;
    let mut tx = other.db.begin().await.unwrap();
    let position = comptoir::storage::advance(&mut tx, Log::Usage, 1).await.unwrap();
    comptoir::on_tx!(&mut tx, c => {
        sqlx::query(BROKEN).bind(position).bind(b"no block".as_slice()).execute(c).await.unwrap();
    });
    tx.commit().await.unwrap();
    // Each change of access brings a round.
    let changed = async || other.key(json!({})).await;
    changed().await;
    until_used(&other, &key, &["3.000"]).await;
    unkeep(&other.db, "usage_segments", "delete").await;
    tell(&other.db, "DELETE FROM usage_segments WHERE node = 'broken'").await.unwrap();
    changed().await;
    assert_eq!(get(&other, &key).await.0, 200);
    until_used(&other, &key, &["4.000"]).await;
}
