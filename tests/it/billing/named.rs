//! What a closed period calls those that it is about stays what it was at the close.

use super::exported::rows;
use super::{LATE_OCTOBER, call, close_first, id, own, priced, prices};
use crate::support::{TestApp, TestKey};
use serde_json::json;

/// A statement as a page.
async fn page(app: &TestApp, key: &TestKey, statement: &str) -> String {
    let url = app.public_url(&format!("/v1/usage/statements/{statement}"));
    let call = app.http.get(url).bearer_auth(&key.text).header("accept", "text/html");
    let answer = call.send().await.unwrap();
    assert_eq!(answer.status(), 200);
    answer.text().await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_final_page_and_its_rows_name_whom_the_close_named() {
    let builder = TestApp::builder().set("BILLING__ISSUER", "Maison SA");
    let app = builder.fixed_clock(LATE_OCTOBER).start().await;
    let (_, key) = priced(&app, prices()).await;
    let rename = async |name: &str| {
        for place in [format!("partners/{}", key.partner_id), format!("apps/{}", key.app_id)] {
            let body = json!({ "name": format!("{name} & {}", &place[..4]) });
            app.admin_ok("PATCH", &format!("/admin/v1/{place}"), Some(body)).await;
        }
    };
    rename("Before").await;
    call(&app, &key, 3).await;
    app.wait_for_gauge("events_folded_total", 3).await;
    let period = close_first(&app, "2026-11-02T00:00:00Z").await;
    let stated = own(&app, &key).await;
    let (open, closed) = (id(&stated[0]), id(stated.last().unwrap()));
    let before = page(&app, &key, &closed).await;
    for told in ["Final.", "Maison SA", "Before &amp; part (", "Before &amp; apps ("] {
        assert!(before.contains(told), "{told}: {before}");
    }

    rename("After").await;
    let beside = app.beside_with(&[("BILLING__ISSUER", "Another SA")]).await;
    assert_eq!(page(&beside, &key, &closed).await, before);
    let (_, from_shell, _) =
        beside.shell(&["usage", "statement", &closed, "--format", "html"]).await;
    assert_eq!(from_shell.trim_end(), before.trim_end());
    // What is open is told as it is now.
    let now = page(&beside, &key, &open).await;
    for told in ["Provisional", "Another SA", "After &amp; part (", "After &amp; apps ("] {
        assert!(now.contains(told), "{told}: {now}");
    }
    // An export that is the first behind the close says the same.
    for row in rows(&beside, "focus-1.2", &period).await {
        assert_eq!(row["BillingAccountName"], "Before & part");
        assert_eq!(row["SubAccountName"], "Before & apps");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_former_partner_is_not_told_what_the_next_one_calls_the_app() {
    let app = TestApp::builder().fixed_clock(LATE_OCTOBER).start().await;
    let (_, key) = priced(&app, prices()).await;
    call(&app, &key, 2).await;
    app.wait_for_gauge("events_folded_total", 2).await;
    let former = id(&own(&app, &key).await[0]);
    app.clock.advance(60_000_000);
    let to = app.admin_ok("POST", "/admin/v1/partners", Some(json!({ "name": "Next" }))).await;
    let place = format!("/admin/v1/apps/{}", key.app_id);
    let give = json!({ "partner_id": to["id"] });
    app.admin_ok("POST", &format!("{place}/transfer"), Some(give)).await;
    let next = id(&own(&app, &key).await[0]);
    app.admin_ok("PATCH", &place, Some(json!({ "name": "Of the next" }))).await;
    close_first(&app, "2026-11-02T00:00:00Z").await;
    app.admin_ok("PATCH", &place, Some(json!({ "name": "Later still" }))).await;
    let told = async |statement: &str| {
        app.shell(&["usage", "statement", statement, "--format", "html"]).await.1
    };
    let (former, next) = (told(&former).await, told(&next).await);
    assert!(next.contains("Final.") && next.contains("<dd>Of the next (app_"), "{next}");
    assert!(former.contains("Final.") && former.contains("<dd> (app_"), "{former}");
    assert!(!next.contains("Later still") && !former.contains("Of the next"), "{former}{next}");
}
