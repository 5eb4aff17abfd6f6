//! The same from the shell.

use super::words::{notice, purpose};
use super::{CALLBACK, LOYALTY, SUMMARY, place, state_of};
use crate::support::TestApp;
use serde_json::{Value, json};

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

#[tokio::test(flavor = "multi_thread")]
async fn words_are_published_shown_and_withdrawn() {
    let app = TestApp::start().await;
    let key = app.key(json!({})).await;
    let id = key.app_id.as_str();
    let mut document = purpose();
    (document["client_id"], document["categories"]) = (json!(id), json!([]));
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), document.to_string()).unwrap();
    let at = file.path().display().to_string();
    let row = said(&app, &["purpose", "publish", &at]).await;
    assert!(row.starts_with("budget-coach\t1\tpublished\t"), "{row}");
    assert_eq!(said(&app, &["purpose", "publish", &at]).await, row, "the same is no new version");
    let shown = said(&app, &["purpose", "show", id, "budget-coach"]).await;
    assert_eq!(serde_json::from_str::<Value>(&shown).unwrap(), document);
    let withdraw = ["purpose", "withdraw", id, "budget-coach", "--reason", "over"];
    assert!(said(&app, &withdraw).await.starts_with("budget-coach\t1\twithdrawn\t"));
    assert!(said(&app, &["purpose", "list", id]).await.starts_with("budget-coach\t1\twithdrawn"));

    std::fs::write(file.path(), notice(1, "What is shared").to_string()).unwrap();
    let row = said(&app, &["notice", "publish", &at]).await;
    assert!(row.starts_with("sharing\t1\tpublished\t"), "{row}");
    assert_eq!(said(&app, &["notice", "list"]).await, row);
    let shown = said(&app, &["notice", "show", "sharing"]).await;
    assert_eq!(serde_json::from_str::<Value>(&shown).unwrap()["version"], 1);
    let withdrawn = said(&app, &["notice", "withdraw", "sharing", "--reason", "wrong"]).await;
    assert!(withdrawn.starts_with("sharing\t1\twithdrawn\t"), "{withdrawn}");
    let (code, _, err) = app.shell(&["purpose", "publish", &at]).await;
    assert!(code == 1 && err.contains("notice_id"), "{err}");
    let (code, _, err) = app.shell(&["notice", "show", "none"]).await;
    assert!(code == 1 && err.contains("There is no notice `none`"), "{err}");
}
