//! Customers' data that is sent to the admin API.

use crate::support::schema::documented;
use crate::support::{TestApp, problem};
use serde_json::{Value, json};

async fn send(
    app: &TestApp,
    token: &str,
    path: &str,
    body: impl Into<Vec<u8>>,
) -> reqwest::Response {
    let request = app.http.post(app.admin_url(&format!("/admin/v1/customers/{path}")));
    let request = request.bearer_auth(token).header("content-type", "application/octet-stream");
    request.body(body.into()).send().await.unwrap()
}

async fn sent(app: &TestApp, path: &str, lines: &[Value]) -> Value {
    let body: String = lines.iter().map(|line| format!("{line}\n")).collect();
    let answer = send(app, &app.admin_token, path, body).await;
    let (status, text) = (answer.status(), answer.text().await.unwrap());
    assert_eq!(status, 200, "{text}");
    serde_json::from_str(&text).unwrap()
}

/// What became of the lines of a file.
fn sums(answer: &Value) -> [u64; 3] {
    ["accepted", "unchanged", "rejected"].map(|name| answer[name].as_u64().unwrap())
}

#[tokio::test]
async fn customers_data_is_taken_in_and_nothing_of_it_is_told() {
    let app = TestApp::start().await;
    let good = json!({"id": "C1", "given_name": "Camille", "email": "camille@example.com"});
    let bad = json!({"id": "C2", "birth_date": "Camille"});
    let first = sent(&app, "customers", &[good.clone(), bad]).await;
    documented(&first, "admin", "CustomerUploadOut");
    assert_eq!(sums(&first), [1, 0, 1]);
    let refused = &first["refused"][0];
    assert_eq!((&refused["line"], &refused["field"]), (&json!(2), &json!("birth_date")));
    assert_eq!(sums(&sent(&app, "customers", &[good]).await), [0, 1, 0]);
    let purchase = |customer: &str| {
        json!({
            "id": format!("P-{customer}"), "customer_id": customer, "channel": "online",
            "order_date": "2026-11-20T10:00:00Z",
        })
    };
    let purchases = sent(&app, "purchases", &[purchase("C1"), purchase("C2")]).await;
    assert_eq!(sums(&purchases), [1, 0, 1]);
    assert_eq!(purchases["refused"][0]["code"], "unknown_customer");
    // The audit log says who sent how much, and nothing of what was in it; and no file is left.
    let trail = app.admin_ok("GET", "/admin/v1/audit", None).await;
    let told = trail.to_string();
    assert!(told.contains("customers.purchases") && !told.contains("amille"), "{told}");
    assert!(!first.to_string().contains("Camille"), "{first}");
    let uploads = app.config.server.data_dir.join("uploads");
    assert_eq!(std::fs::read_dir(uploads).map_or(0, Iterator::count), 0);
}

#[tokio::test]
async fn who_sends_the_catalog_sends_no_customers() {
    let app = TestApp::start().await;
    let body = json!({ "name": "tills", "roles": ["feeds"] });
    let issued = app.admin_ok("POST", "/admin/v1/tokens", Some(body)).await;
    let tills = issued["text"].as_str().unwrap();
    let line = json!({"id": "C1"}).to_string();
    let refused = send(&app, tills, "customers", line.clone()).await;
    problem(refused, 403, "insufficient_role").await;
    let token = &app.admin_token;
    problem(send(&app, token, "people", line.clone()).await, 400, "invalid_parameter").await;
    problem(send(&app, token, "customers?x=1", line).await, 400, "invalid_parameter").await;
    let long = "x".repeat(2_000_000);
    problem(send(&app, token, "customers", long).await, 400, "invalid_body").await;
    let damaged = send(&app, token, "customers", b"\x1f\x8bnonsense").await;
    problem(damaged, 400, "invalid_body").await;
    let url = app.admin_url("/admin/v1/customers/customers");
    let untyped = app.http.post(url).bearer_auth(token).body("{}").send().await.unwrap();
    problem(untyped, 415, "unsupported_media_type").await;
}
