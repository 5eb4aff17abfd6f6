//! Usage as a table, and the rules by which calls are charged.

use super::{call, priced, prices};
use crate::support::TestApp;
use comptoir::metering::billability::RULES;
use serde_json::Value;

async fn rows(request: reqwest::RequestBuilder, accept: &str) -> (String, String) {
    let answer = request.header("accept", accept).send().await.unwrap();
    assert_eq!(answer.status(), 200);
    let kind = answer.headers()["content-type"].to_str().unwrap().to_owned();
    (kind, answer.text().await.unwrap())
}

#[tokio::test]
async fn usage_can_be_had_as_a_table_and_as_lines() {
    let app = TestApp::builder().fixed_clock("2026-11-10T12:00:00Z").start().await;
    let (_, key) = priced(&app, prices()).await;
    call(&app, &key, 3).await;
    app.get(&key.text, "/v1/products/prd_00000000000").await.bytes().await.unwrap();
    app.wait_for_gauge("events_folded_total", 4).await;
    let path = format!("/admin/v1/apps/{}/usage?by=key", key.app_id);
    let by_admin = || app.http.get(app.admin_url(&path)).bearer_auth(&app.admin_token);
    let (kind, csv) = rows(by_admin(), "text/csv").await;
    assert_eq!(kind, "text/csv; charset=utf-8; header=present");
    let head = "billable,bytes,environment,key_id,operation_id,records,requests,start,status,units";
    let lines: Vec<&str> = csv.split("\r\n").collect();
    assert_eq!((lines[0], lines.len()), (head, 4), "{csv}");
    let served = lines.iter().find(|line| line.starts_with("true,")).unwrap();
    let served: Vec<&str> = served.split(',').skip(3).collect();
    let day = "2026-11-10T00:00:00Z";
    assert_eq!(served, [key.id.as_str(), "get_product", "3", "3", day, "200", "3.000"]);

    let (kind, lines) = rows(by_admin(), "application/x-ndjson").await;
    assert_eq!((kind.as_str(), lines.lines().count()), ("application/x-ndjson", 2));
    let (kind, json) = rows(by_admin(), "application/json").await;
    let json: Value = serde_json::from_str(&json).unwrap();
    let one = |line: &str| serde_json::from_str::<Value>(line).unwrap();
    let items: Value = lines.lines().map(one).collect();
    assert_eq!((kind.as_str(), &items), ("application/json", &json["items"]));
    // The partner's own call is no row of what it answers.
    let own = app.http.get(app.public_url("/v1/usage?by=key")).bearer_auth(&key.text);
    assert_eq!(rows(own, "text/csv").await.1, csv);
}

#[tokio::test]
async fn the_rules_are_told_as_they_judge() {
    let app = TestApp::builder().fixed_clock("2026-11-10T12:00:00Z").start().await;
    let open = app.http.get(app.public_url("/v1/billability")).send().await.unwrap();
    assert_eq!(open.status(), 200);
    assert!(open.headers().contains_key("usage-event-id"));
    let open: Value = open.json().await.unwrap();
    assert_eq!(app.admin_ok("GET", "/admin/v1/billability", None).await, open);
    let told = open["rules"].as_array().unwrap();
    assert_eq!(told.len(), RULES.len());
    for (told, rule) in told.iter().zip(RULES) {
        assert_eq!(
            (told["id"].as_str(), told["billable"].as_bool()),
            (Some(rule.id), Some(rule.billable))
        );
        assert_eq!(told["condition"], rule.condition.to_string());
    }
    let of = |id: &str| told.iter().find(|rule| rule["id"] == id).unwrap()["condition"].clone();
    assert_eq!(of("v1.served"), "outcome is served, and status is 200 or 201 or 206");
    assert_eq!(of("v1.server_error"), "status is 500 or higher, or outcome is server_error");
    assert_eq!(of("v1.test_key"), "environment is test");
    assert_eq!(of("v1.other"), "always");
}
