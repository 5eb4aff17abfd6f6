//! Suggestions have a limit of their own beside that of all other calls.

use crate::support::{NOON, TestApp, problem};
use comptoir::storage::{Log, log};
use serde_json::json;

#[tokio::test]
async fn typing_takes_nothing_from_other_calls() {
    let app = TestApp::builder().fixed_clock(NOON).start().await;
    app.stock_shelves(2, 1).await;
    let head = log::head(&app.db, Log::Change).await.unwrap();
    app.wait_for_gauge("search_position", head).await;
    let plan = app
        .plan(json!([
            { "name": "burst", "quota": 2, "window_s": 1, "except": ["list_suggestions"] },
            { "name": "suggest", "quota": 1, "window_s": 1, "operations": ["list_suggestions"] },
        ]))
        .await;
    let key = app.key_under(&plan, json!({})).await.text;
    let suggest = "/v1/suggest?q=pro";
    // A tenth of a unit each: ten of them from a limit of one unit, and none from the other.
    for n in 0..10 {
        let answer = app.get(&key, suggest).await;
        assert_eq!(answer.status(), 200, "{n}");
        let left = answer.headers()["ratelimit"].to_str().unwrap().to_owned();
        assert!(!left.contains("burst") && left.contains("\"suggest\""), "{left}");
    }
    let over = problem(app.get(&key, suggest).await, 429, "quota_exceeded").await;
    assert_eq!(over["violated-policies"], json!(["suggest"]));
    for _ in 0..2 {
        assert_eq!(app.get(&key, "/v1/products").await.status(), 200);
    }
    let over = problem(app.get(&key, "/v1/products").await, 429, "quota_exceeded").await;
    assert_eq!(over["violated-policies"], json!(["burst"]));

    let told: serde_json::Value =
        app.admin_ok("GET", &format!("/admin/v1/plans/{plan}"), None).await;
    assert_eq!(told["limits"][0]["except"], json!(["list_suggestions"]));
    assert!(told["limits"][0].get("operations").is_none(), "{told}");
}

#[test]
fn the_plans_that_come_along_give_suggestions_their_own() {
    let path =
        std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("config/partners.example.yaml");
    let file: serde_json::Value =
        serde_norway::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    for plan in file["plans"].as_array().unwrap() {
        let limits = plan["limits"].as_array().unwrap();
        let own = json!(["list_suggestions"]);
        let named = limits.iter().filter(|limit| limit["operations"] == own).count();
        let others = limits.iter().filter(|limit| limit["except"] == own).count();
        assert_eq!((named, others), (1, limits.len() - 1), "{plan}");
    }
}
