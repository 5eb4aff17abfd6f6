//! Purposes and notices.

use super::{SPECIAL, SUMMARY, call, token};
use crate::support::schema::documented;
use crate::support::{TestApp, problem};
use comptoir::consent::purpose::PurposeId;
use comptoir::consent::store::documents;
use comptoir::kernel::id::AppId;
use serde_json::{Value, json};

pub(super) fn purpose() -> Value {
    json!({
        "purpose_id": "budget-coach", "code": "https://w3id.org/dpv#ServicePersonalisation",
        "text": { "fr": "Suivre vos dépenses", "en": "Follow what you spend" },
        "legal_basis": "gdpr-6-1-a", "scopes": [SUMMARY], "required": [SUMMARY],
        "max_history_months": 12, "retention_days": 30, "max_duration_days": 90,
    })
}

pub(super) fn notice(version: u32, text: &str) -> Value {
    json!({
        "notice_id": "sharing", "version": version,
        "title": { "fr": "Partage", "en": "Sharing" }, "text": { "fr": text, "en": text },
    })
}

/// Where an answer says that something new is.
fn at(answer: &reqwest::Response) -> &str {
    answer.headers()["location"].to_str().unwrap()
}

#[tokio::test]
async fn a_purpose_has_versions_that_never_change_until_it_is_withdrawn() {
    let app = TestApp::start().await;
    let key = app.key(json!({})).await;
    let all = format!("/admin/v1/apps/{}/purposes", key.app_id);
    let one = format!("{all}/budget-coach");
    let officer = token(&app, "privacy_officer").await;
    let made = call(&app, &officer, ("POST", &all), purpose()).await;
    assert_eq!((made.status().as_u16(), at(&made)), (201, one.as_str()));
    let first: Value = made.json().await.unwrap();
    documented(&first, "admin", "PurposeOut");
    assert_eq!((&first["version"], &first["withdrawn"]), (&json!(1), &Value::Null));
    let same = call(&app, &officer, ("POST", &all), purpose()).await;
    assert_eq!(same.status(), 200);
    assert_eq!(same.json::<Value>().await.unwrap(), first, "the same is no new version");
    let mut longer = purpose();
    longer["retention_days"] = json!(60);
    let second = app.admin_ok("POST", &all, Some(longer)).await;
    assert_eq!(second["version"], 2);
    assert_ne!(second["hash"], first["hash"]);
    assert_eq!(app.admin_ok("GET", &one, None).await, second);

    let id: PurposeId = "budget-coach".parse().unwrap();
    let client: AppId = key.app_id.parse().unwrap();
    let in_force = async || documents::purpose(&app.db, client, &id).await.unwrap();
    assert_eq!(in_force().await.unwrap().version, 2);
    let why = Some(json!({ "reason": "The service has ended" }));
    let withdrawn = app.admin_ok("POST", &format!("{one}/withdraw"), why.clone()).await;
    documented(&withdrawn, "admin", "PurposeOut");
    assert_eq!(withdrawn["withdrawn"]["reason"], "The service has ended");
    assert_eq!(app.admin_ok("POST", &format!("{one}/withdraw"), why).await, withdrawn);
    assert!(in_force().await.is_none(), "no customer is asked for it");
    let listed = app.admin_ok("GET", &all, None).await;
    documented(&listed, "admin", "PurposesOut");
    let listed = listed["items"].as_array().unwrap();
    assert_eq!(listed.len(), 2);
    assert!(listed.iter().all(|it| it["withdrawn"].is_object()), "{listed:?}");
    assert_eq!(listed[0]["hash"], first["hash"], "its words are kept");
    // Published anew it is in force again, even with the same words.
    let mut longer = purpose();
    longer["retention_days"] = json!(60);
    let third = app.admin_ok("POST", &all, Some(longer)).await;
    assert_eq!((&third["version"], &third["hash"]), (&json!(3), &second["hash"]));
    assert_eq!(in_force().await.unwrap().version, 3);
    let trail = app.admin_ok("GET", "/admin/v1/audit", None).await.to_string();
    assert_eq!(trail.matches("purpose.publish").count(), 3, "{trail}");
    assert_eq!(trail.matches("purpose.withdraw").count(), 1, "{trail}");
}

#[tokio::test]
async fn a_purpose_that_cannot_be_says_why_at_its_field() {
    let app = TestApp::start().await;
    let key = app.key(json!({})).await;
    let all = format!("/admin/v1/apps/{}/purposes", key.app_id);
    for (field, value) in [
        ("text", json!({ "fr": "", "en": "x" })),
        ("scopes", json!(["catalog:read"])),
        ("required", json!(["customer.offers:read"])),
        ("legal_basis", json!("gdpr-6-1-a")),
        ("code", json!("https://example.com/#x")),
        ("max_duration_days", json!(366)),
    ] {
        let mut body = purpose();
        if field == "legal_basis" {
            (body["scopes"], body["required"]) = (json!([SUMMARY, SPECIAL]), json!([]));
        }
        body[field] = value;
        let refused = app.admin("POST", &all, Some(body.clone())).await;
        let told = problem(refused, 400, "invalid_body").await;
        assert!(
            told["errors"][0]["pointer"].as_str().unwrap().starts_with(&format!("/{field}")),
            "{told}"
        );
    }
    let managers = token(&app, "key_manager").await;
    let refused = call(&app, &managers, ("POST", &all), purpose()).await;
    problem(refused, 403, "insufficient_role").await;
    problem(app.admin("GET", &format!("{all}/none"), None).await, 404, "not_found").await;
    let nobody = "/admin/v1/apps/app_00000000001/purposes";
    problem(app.admin("GET", nobody, None).await, 404, "not_found").await;
    problem(app.admin("POST", nobody, Some(purpose())).await, 404, "not_found").await;
}

#[tokio::test]
async fn two_people_do_not_publish_a_notice_over_each_other() {
    let app = TestApp::start().await;
    let all = "/admin/v1/notices";
    let first = app.admin("POST", all, Some(notice(1, "What is shared"))).await;
    assert_eq!((first.status().as_u16(), at(&first)), (201, "/admin/v1/notices/sharing"));
    let first: Value = first.json().await.unwrap();
    documented(&first, "admin", "NoticeOut");
    let other = app.admin("POST", all, Some(notice(1, "Something else"))).await;
    let told = problem(other, 400, "invalid_body").await;
    assert!(
        told["detail"].as_str().unwrap().contains("the next version of this notice is 2"),
        "{told}"
    );
    app.admin_ok("POST", all, Some(notice(2, "Something else"))).await;
    assert_eq!(documents::notice(&app.db, "sharing").await.unwrap().unwrap().version, 2);
    let why = Some(json!({ "reason": "It was wrong" }));
    let withdrawn = app.admin_ok("POST", &format!("{all}/sharing/withdraw"), why).await;
    assert_eq!(
        (&withdrawn["version"], &withdrawn["withdrawn"]["reason"]),
        (&json!(2), &json!("It was wrong"))
    );
    assert!(documents::notice(&app.db, "sharing").await.unwrap().is_none());
    let third = app.admin_ok("POST", all, Some(notice(3, "What is shared"))).await;
    assert_eq!(app.admin_ok("GET", &format!("{all}/sharing"), None).await, third);
    let listed = app.admin_ok("GET", all, None).await;
    documented(&listed, "admin", "NoticesOut");
    assert_eq!(listed["items"].as_array().unwrap().len(), 3);
    assert_eq!(listed["items"][2], third);
    problem(app.admin("GET", &format!("{all}/none"), None).await, 404, "not_found").await;
    let mut named = notice(1, "x");
    named["notice_id"] = json!("No Name");
    problem(app.admin("POST", all, Some(named)).await, 400, "invalid_body").await;
}
