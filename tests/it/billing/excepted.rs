//! A period that was closed with what may be missing says so wherever it is told.

use super::announced::shop;
use super::exported::{Exported, exported, keys};
use super::{HOUR, LATE_OCTOBER, call, id, own, periods, priced, prices, statement};
use crate::four_eyes::{owner, path};
use crate::hooks::receiver::Receiver;
use crate::hooks::subscribe;
use crate::support::schema::documented;
use crate::support::{TestApp, TestKey, pause, tell};
use comptoir::billing::export::Format;
use comptoir::billing::manifest::Manifest;
use serde_json::{Value, json};

/// Closes the first period by two people, without what a process has recorded that is not there any more; the period, its
/// exceptions, and who asked and approved.
async fn closed_without(app: &TestApp) -> (String, Value, [String; 2]) {
    let gone = "INSERT INTO usage_runs (node, epoch, version, boot, started_at, through, told_at, next_seq, accounted) \
                SELECT 'nod_00000000009', 4, '0.2.0', '', started_at, started_at, started_at, 17, 17 FROM usage_runs";
    tell(&app.db, gone).await.unwrap();
    app.clock.advance(40 * 24 * HOUR);
    let (one, other) = (owner(app, "one@example.com").await, owner(app, "other@example.com").await);
    let period = id(&periods(app).await[0]);
    let url = format!("/admin/v1/billing/periods/{period}");
    let missing = loop {
        let found = app.admin_ok("GET", &url, None).await["exceptions"].clone();
        if found.as_array().unwrap().len() == 1 {
            break found;
        }
        app.clock.advance(6_000_000);
        pause().await;
    };
    let body = json!({ "exceptions": missing });
    let waits = one.call("POST", &format!("{url}/close"), Some(body)).await;
    let waits: Value = waits.json().await.unwrap();
    other.ok("POST", &path(&waits, "approve"), None).await;
    (period, missing, [one.account, other.account])
}

async fn called(app: &TestApp, times: u32) -> TestKey {
    let (_, key) = priced(app, prices()).await;
    call(app, &key, times).await;
    key
}

/// The manifest as it lies there.
fn written(made: &Exported) -> Value {
    serde_json::from_slice(&std::fs::read(made.path().join("manifest.json")).unwrap()).unwrap()
}

/// What a check finds of another manifest in place of the one that was signed.
fn problems_of(made: &Exported, manifest: &Value) -> Vec<String> {
    let file = made.path().join("manifest.json");
    let signed = std::fs::read(&file).unwrap();
    std::fs::write(&file, serde_json::to_vec_pretty(manifest).unwrap()).unwrap();
    let found = made.problems();
    std::fs::write(&file, signed).unwrap();
    found
}

#[tokio::test(flavor = "multi_thread")]
async fn the_manifest_names_what_may_be_missing_and_who_agreed_to_that() {
    let app = TestApp::builder().fixed_clock(LATE_OCTOBER).start().await;
    called(&app, 3).await;
    app.wait_for_gauge("events_folded_total", 3).await;
    let (period, missing, [asked, approved]) = closed_without(&app).await;
    let made = exported(&app, "usage_events", &period, (Format::Csv, false)).await;
    let mut manifest = written(&made);
    let close = &manifest["period"]["close"];
    assert_eq!(close["exceptions"], missing);
    assert_eq!((&close["requested_by"], &close["approved_by"]), (&json!(asked), &json!(approved)));
    assert!(made.manifest.told().contains(", final, closed with 1 exception:"));

    let published = made.path().with_file_name("keys.json");
    std::fs::write(&published, serde_json::to_vec(&keys()).unwrap()).unwrap();
    let (dir, published) = (made.path(), published.display().to_string());
    let dir = dir.display().to_string();
    let (code, out, err) = app.shell(&["usage", "verify", &dir, "--keys", &published]).await;
    assert_eq!(code, 0, "{out}{err}");
    assert!(out.contains("final, closed with 1 exception"), "{out}");
    let named = "EXCEPTION: process 4 of nod_00000000009";
    let people = format!("(asked for by {asked}, approved by {approved})");
    assert!(out.contains(named) && out.contains(&people), "{out}");

    manifest["period"]["close"]["exceptions"] = json!([]);
    assert!(problems_of(&made, &manifest)[0].starts_with("manifest.json or manifest.jws:"));
    let close = manifest["period"]["close"].as_object_mut().unwrap();
    close.retain(|name, _| name == "number" || name == "hash");
    assert!(problems_of(&made, &manifest)[0].starts_with("manifest.json or manifest.jws:"));
    // One that was made before exceptions were told is read, and is another export.
    let before: Manifest = serde_json::from_value(manifest).unwrap();
    assert!(before.told().contains(", final:") && !before.holds_the_same(&made.manifest));
    assert_eq!(made.problems(), Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_statement_and_the_message_of_the_close_name_it_too() {
    let app = shop(LATE_OCTOBER).await;
    let key = called(&app, 3).await;
    let mut receiver = Receiver::start().await;
    let body = json!({ "url": receiver.url, "events": ["usage.period_closed"] });
    subscribe(&app, &key, body).await;
    // Making a subscription is a call, too.
    app.wait_for_gauge("events_folded_total", 4).await;
    let before = id(own(&app, &key).await.last().unwrap());
    assert_eq!(statement(&app, &key, &before).await["exceptions"], json!([]));
    let (period, missing, _) = closed_without(&app).await;
    let told = receiver.next().await.body();
    documented(&told, "partner", "PeriodClosedMessageOut");
    assert_eq!(told["data"]["period_id"], json!(period));
    let close = &told["data"]["close"];
    assert_eq!((&close["complete"], &close["exceptions"]), (&json!(false), &missing));
    let stated = statement(&app, &key, &before).await;
    documented(&stated, "partner", "StatementOut");
    assert_eq!((&stated["state"], &stated["exceptions"]), (&json!("final"), &missing));
    let (_, page, _) = app.shell(&["usage", "statement", &before, "--format", "html"]).await;
    assert!(
        page.contains("Closed with 1 exception: calls of the period may be missing."),
        "{page}"
    );
    let (_, listed, _) = app.shell(&["usage", "periods"]).await;
    assert!(listed.contains("closed with 1 exception\n"), "{listed}");
}
