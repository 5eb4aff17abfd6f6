//! What one person does not approve alone.

use super::{LOYALTY, SPECIAL, asking, place, state_of};
use crate::four_eyes::{desk, owner, path};
use crate::support::people::Browser;
use crate::support::{NOON, TestApp, problem};
use serde_json::{Value, json};

async fn ask(one: &Browser, path: &str, scope: &str) -> reqwest::Response {
    let body = json!({ "scopes": [scope], "reason": "It is what the service is about" });
    one.call("POST", path, Some(body)).await
}

#[tokio::test]
async fn what_reveals_health_takes_two_people_whatever_is_set() {
    let app = TestApp::builder().fixed_clock(NOON).start().await;
    let (one, other) = (owner(&app, "one@example.com").await, owner(&app, "two@example.com").await);
    let key = asking(&app, &[LOYALTY, SPECIAL]).await;
    let approve = place(&key, "/approve");
    assert_eq!(ask(&one, &approve, LOYALTY).await.status(), 200, "one person is enough for this");
    let asked = ask(&one, &approve, SPECIAL).await;
    assert_eq!(asked.status(), 202);
    let waits: Value = asked.json().await.unwrap();
    assert_eq!(waits["action"], "approve_customer_access");
    assert_eq!(waits["preview"]["app_id"], key.app_id);
    problem(one.call("POST", &path(&waits, "approve"), None).await, 403, "second_person_required")
        .await;
    let access = app.admin_ok("GET", &place(&key, ""), None).await;
    assert_eq!(state_of(&access, SPECIAL), "asked", "nothing was done");
    let done = other.ok("POST", &path(&waits, "approve"), None).await;
    assert_eq!(state_of(&done["result"], SPECIAL), "approved");
    // To refuse it again takes one.
    let refuse = ask(&one, &place(&key, "/refuse"), SPECIAL).await;
    assert_eq!(refuse.status(), 200);
}

#[tokio::test]
async fn an_approval_is_of_what_people_were_shown() {
    let app = TestApp::builder().fixed_clock(NOON).start().await;
    let (one, other) = (owner(&app, "one@example.com").await, owner(&app, "two@example.com").await);
    let key = asking(&app, &[SPECIAL]).await;
    let asked = ask(&one, &place(&key, "/approve"), SPECIAL).await;
    let waits: Value = asked.json().await.unwrap();
    let mut renamed = super::registration(&[SPECIAL]);
    renamed["legal_name"] = json!("Another name");
    app.admin_ok("PUT", &place(&key, ""), Some(renamed)).await;
    let refused = other.call("POST", &path(&waits, "approve"), None).await;
    problem(refused, 409, "conflict").await;
    let access = app.admin_ok("GET", &place(&key, ""), None).await;
    assert_eq!(state_of(&access, SPECIAL), "asked");
}

#[tokio::test]
async fn a_setting_can_ask_for_two_people_for_every_scope_of_customers() {
    let (app, one, other) = desk(TestApp::builder(), "customer_scopes").await;
    let key = asking(&app, &[LOYALTY]).await;
    let asked = ask(&one, &place(&key, "/approve"), LOYALTY).await;
    assert_eq!(asked.status(), 202);
    let waits: Value = asked.json().await.unwrap();
    let shell = ["app", "consent", "approve", &key.app_id, "--scope", LOYALTY, "--reason", "mine"];
    let (code, _, said) = app.shell(&shell).await;
    assert!(code == 1 && said.contains("takes a second person"), "{said}");
    let done = other.ok("POST", &path(&waits, "approve"), None).await;
    assert_eq!(state_of(&done["result"], LOYALTY), "approved");
}
