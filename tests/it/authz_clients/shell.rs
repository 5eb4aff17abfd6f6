//! The same from the shell.

use super::{CALLBACK, LOYALTY, SUMMARY, place, state_of};
use crate::support::TestApp;
use serde_json::json;

/// What a command says that succeeds.
async fn said(app: &TestApp, words: &[&str]) -> String {
    let (code, out, err) = app.shell(words).await;
    assert_eq!(code, 0, "{words:?}: {err}");
    out
}

#[tokio::test(flavor = "multi_thread")]
async fn an_app_is_registered_decided_on_and_suspended() {
    let app = TestApp::start().await;
    let key = app.key(json!({})).await;
    let id = key.app_id.as_str();
    let privacy = "https://coach.example/privacy";
    let register = [
        "app",
        "consent",
        "register",
        id,
        "--legal-name",
        "Budget Coach SAS",
        "--contact",
        "privacy@coach.example",
        "--privacy-url",
        privacy,
        "--redirect-uri",
        CALLBACK,
        "--scope",
        SUMMARY,
        "--scope",
        LOYALTY,
    ];
    let shown = said(&app, &register).await;
    assert!(shown.contains(&format!("scope\t{SUMMARY}\tasked\t-\t-")), "{shown}");
    let listed = said(&app, &["app", "consent", "list", "--asked"]).await;
    assert_eq!(listed.trim_end(), format!("{id}\t{}\tfapi2\tregistered\t3\t0\t0", key.partner_id));
    let approve = [
        "app",
        "consent",
        "approve",
        id,
        "--scope",
        SUMMARY,
        "--redirect-uri",
        CALLBACK,
        "--reason",
        "Totals only",
    ];
    let shown = said(&app, &approve).await;
    assert!(shown.contains(&format!("scope\t{SUMMARY}\tapproved\tcli\tTotals only")), "{shown}");
    said(&app, &["app", "consent", "refuse", id, "--scope", LOYALTY, "--reason", "no"]).await;
    said(&app, &["app", "consent", "suspend", id, "--reason", "lost"]).await;
    let access = app.admin_ok("GET", &place(&key, ""), None).await;
    let states = [SUMMARY, CALLBACK, LOYALTY].map(|value| state_of(&access, value));
    assert_eq!(states, ["approved", "approved", "refused"]);
    assert_eq!(access["suspended"]["by"], "cli");
    assert!(said(&app, &["app", "consent", "show", id]).await.contains("standing\tsuspended"));
    let shown = said(&app, &["app", "consent", "resume", id, "--reason", "found"]).await;
    assert!(shown.contains("standing\tregistered"), "{shown}");
    assert_eq!(said(&app, &["app", "consent", "list", "--asked"]).await, "");
    let (code, _, err) = app.shell(&["app", "consent", "approve", id, "--reason", "x"]).await;
    assert!(code == 1 && err.contains("name at least one scope"), "{err}");
    let (code, _, err) = app
        .shell(&["app", "consent", "approve", id, "--scope", "customer.all", "--reason", "x"])
        .await;
    assert!(code == 2 && err.contains("must be one of"), "{err}");
}
