//! Partners are told of what happens to the consents that they were given.

use super::given::{given, own, revoke, scopes, shop, until, write};
use super::receiver::{SetReceiver, kinds, said};
use crate::support::{PATIENCE, TestApp, TestKey, pause, problem};
use comptoir::consent::ask::Narrowing;
use comptoir::consent::ending::SuspendedFor;
use comptoir::kernel::clock::HOUR;
use comptoir::on_db;
use serde_json::{Value, json};
use std::time::Instant;

async fn tell_at(app: &TestApp, key: &TestKey, url: &str) {
    let path = format!("/admin/v1/apps/{}/event-endpoint", key.app_id);
    let set = app.admin_ok("PUT", &path, Some(json!({ "url": url }))).await;
    assert_eq!((&set["url"], &set["app_id"]), (&json!(url), &json!(key.app_id)));
}

/// How the events of a kind stand.
async fn standing(app: &TestApp, kind: &str) -> Vec<(String, i64)> {
    const LIST: &str =
        "SELECT status, attempts FROM partner_events WHERE kind = $1 ORDER BY made_at, jti";
    on_db!(&app.db, c => sqlx::query_as(LIST).bind(kind).fetch_all(c).await).unwrap()
}

async fn is(app: &TestApp, kind: &str, status: &str) {
    until(&format!("{kind} is {status}"), async || {
        standing(app, kind).await.iter().any(|(now, _)| now == status)
    })
    .await;
}

/// Asks as a partner. A node whose clock has just been put forward knows its keys to be old, and says so until it has looked.
async fn ask(app: &TestApp, key: &TestKey, path: &str, body: Value) -> reqwest::Response {
    let end = Instant::now() + PATIENCE;
    loop {
        let request = app.http.post(app.public_url(path)).bearer_auth(&key.text);
        let answer = request.json(&body).send().await.unwrap();
        if answer.status() != 503 || Instant::now() > end {
            return answer;
        }
        pause().await;
    }
}

pub(super) async fn poll(app: &TestApp, key: &TestKey, body: Value) -> Value {
    let answer = ask(app, key, "/oauth/events/poll", body).await;
    let (status, text) = (answer.status(), answer.text().await.unwrap());
    assert_eq!(status, 200, "{text}");
    serde_json::from_str(&text).unwrap()
}

/// The claims of all that an app is told, by the word of the first event of each.
pub(super) async fn polled(app: &TestApp, key: &TestKey) -> Vec<Value> {
    let answer = poll(app, key, json!({ "maxEvents": 100 })).await;
    let mut all = Vec::new();
    for (jti, token) in answer["sets"].as_object().unwrap() {
        let claims = said(&app.db, token.as_str().unwrap()).await;
        assert_eq!(claims["jti"], json!(jti));
        all.push(claims);
    }
    all
}

#[tokio::test]
async fn what_happens_to_a_consent_is_posted_in_its_order() {
    let (app, key) = shop().await;
    let mut receiver = SetReceiver::start().await;
    tell_at(&app, &key, &receiver.url).await;
    let record = given(&app, &key, "cus_1", 1).await;
    let first = said(&app.db, &receiver.next().await).await;
    assert_eq!(kinds(&first), ["consent-granted"]);
    assert_eq!(first["aud"], json!(key.app_id));
    let subject = json!({ "format": "opaque", "id": record.grant_id.to_string() });
    assert_eq!(first["sub_id"], subject);
    let now = app.clock.now();
    let less =
        Narrowing { remove: scopes("customer.purchases.items:read"), ..Narrowing::default() };
    let narrowed = own(&record).narrow(less, now).unwrap();
    write(&app.db, &narrowed).await;
    let second = said(&app.db, &receiver.next().await).await;
    assert_eq!(kinds(&second), ["consent-narrowed"]);
    assert!(second.to_string().contains("customer.purchases.items:read"), "{second}");
    let suspended = narrowed.record.suspend(SuspendedFor::Deceased, now).unwrap();
    write(&app.db, &suspended).await;
    let third = said(&app.db, &receiver.next().await).await;
    assert_eq!(kinds(&third), ["consent-suspended"]);
    let text = third.to_string();
    assert!(!text.contains("deceased") && !text.contains("initiating_entity"), "{text}");
    revoke(&app, &suspended.record, true).await;
    let fourth = said(&app.db, &receiver.next().await).await;
    assert_eq!(kinds(&fourth), ["consent-revoked"]);
    let (_, event) = fourth["events"].as_object().unwrap().iter().next().unwrap();
    assert_eq!(
        (&event["delete_requested"], &event["initiating_entity"]),
        (&json!(true), &json!("user"))
    );
    assert!(event["reason_user"]["fr"].is_string() && event["delete_by"].is_number());
    is(&app, "consent-revoked", "taken").await;
    assert_eq!(poll(&app, &key, json!({})).await["sets"], json!({}));
}

#[tokio::test]
async fn what_a_receiver_that_is_down_has_missed_is_asked_for() {
    let (app, key) = shop().await;
    let stranger = app.key(json!({})).await;
    let mut receiver = SetReceiver::start().await;
    receiver.answer(503, "");
    tell_at(&app, &key, &receiver.url).await;
    let record = given(&app, &key, "cus_1", 1).await;
    revoke(&app, &record, false).await;
    receiver.next().await;
    until("it was tried", async || {
        standing(&app, "consent-granted").await.iter().any(|(_, attempts)| *attempts == 1)
    })
    .await;
    // The clock stands: it is not tried again. After three days it is tried once more, and no more.
    app.clock.advance(73 * HOUR);
    receiver.next().await;
    is(&app, "consent-granted", "queued").await;
    let told: Vec<Value> = polled(&app, &key).await;
    let words: Vec<String> = told.iter().flat_map(kinds).collect();
    assert!(words.contains(&"consent-granted".to_owned()), "{words:?}");
    assert!(words.contains(&"consent-revoked".to_owned()), "{words:?}");
    let one = poll(&app, &key, json!({ "maxEvents": 1 })).await;
    assert_eq!((one["sets"].as_object().unwrap().len(), &one["moreAvailable"]), (1, &json!(true)));
    // Another app is told nothing of it, and acknowledges nothing of it.
    let all: Vec<&Value> = told.iter().map(|claims| &claims["jti"]).collect();
    assert_eq!(poll(&app, &stranger, json!({ "ack": all })).await["sets"], json!({}));
    let errs = json!({ (all[0].as_str().unwrap()): { "err": "invalid_audience" } });
    let rest = json!({ "maxEvents": 100, "ack": &all[1..], "setErrs": errs });
    assert_eq!(poll(&app, &key, rest).await["sets"], json!({}));
    let ended: Vec<(String, i64)> = standing(&app, "consent-revoked").await;
    assert!(ended.iter().all(|(status, _)| status == "taken" || status == "refused"), "{ended:?}");
}

#[tokio::test]
async fn what_a_receiver_refuses_is_not_sent_again() {
    let (app, key) = shop().await;
    let mut receiver = SetReceiver::start().await;
    receiver.answer(400, r#"{"err":"invalid_issuer","description":"another"}"#);
    tell_at(&app, &key, &receiver.url).await;
    given(&app, &key, "cus_1", 1).await;
    receiver.next().await;
    is(&app, "consent-granted", "refused").await;
    assert_eq!(poll(&app, &key, json!({})).await["sets"], json!({}));
}

#[tokio::test]
async fn nobody_is_told_at_an_address_in_here() {
    let app = TestApp::start().await;
    let key = app.key(json!({})).await;
    let path = format!("/admin/v1/apps/{}/event-endpoint", key.app_id);
    for url in
        ["https://127.0.0.1/events", "https://[::1]/", "http://example.com/", "https://10.1.2.3/"]
    {
        let refused = app.admin("PUT", &path, Some(json!({ "url": url }))).await;
        problem(refused, 400, "invalid_body").await;
    }
    let missing = app.admin("GET", &path.replace(&key.app_id, "app_00000000000"), None).await;
    problem(missing, 404, "not_found").await;
    app.admin_ok("PUT", &path, Some(json!({ "url": "https://app.example.com/x" }))).await;
    let audit = app.admin_ok("GET", "/admin/v1/audit", None).await.to_string();
    assert!(audit.contains("app.set_event_endpoint") && !audit.contains("app.example.com"));
    assert_eq!(app.admin_ok("DELETE", &path, None).await["url"], Value::Null);
    assert_eq!(app.admin_ok("GET", &path, None).await["url"], Value::Null);
}

#[tokio::test]
async fn a_deletion_is_asked_for_reminded_of_and_confirmed() {
    let (app, key) = shop().await;
    let stranger = app.key(json!({})).await;
    let record = given(&app, &key, "cus_1", 1).await;
    revoke(&app, &record, true).await;
    is(&app, "consent-revoked", "queued").await;
    app.clock.advance(25 * 24 * HOUR);
    is(&app, "deletion-due", "queued").await;
    let told = polled(&app, &key).await;
    let revoked = told.iter().find(|claims| kinds(claims) == ["consent-revoked"]).unwrap();
    let path = format!("/oauth/events/{}/deletion-confirmation", revoked["jti"].as_str().unwrap());
    let body = |records: u64| json!({ "deleted_at": "2026-12-10T08:00:00Z", "records": records });
    problem(ask(&app, &stranger, &path, body(1)).await, 404, "not_found").await;
    let confirmed = ask(&app, &key, &path, body(412)).await;
    assert_eq!(confirmed.status(), 200);
    assert_eq!(confirmed.json::<Value>().await.unwrap()["records"], 412);
    // What was said first stays.
    let again: Value = ask(&app, &key, &path, body(7)).await.json().await.unwrap();
    assert_eq!(again["records"], 412);
    let (code, shown, _) = app.shell(&["consent", "show", &record.grant_id.to_string()]).await;
    assert!(code == 0 && shown.contains("412") && !shown.contains("cus_1"), "{shown}");
}
