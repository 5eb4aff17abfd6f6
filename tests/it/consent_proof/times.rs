//! What ends by time, ends in the ledger, and is told before and after.

use super::events::polled;
use super::given::{given, purpose, shop, until};
use super::receiver::kinds;
use crate::support::schema::documented;
use crate::support::{TestApp, TestKey};
use comptoir::consent::status::ConsentStatus;
use comptoir::consent::store::documents::publish_purpose;
use comptoir::consent::store::read;
use comptoir::kernel::clock::DAY;
use serde_json::{Value, json};

async fn is_told(app: &TestApp, key: &TestKey, word: &str) {
    until(word, async || {
        polled(app, key).await.iter().any(|claims| kinds(claims).iter().any(|it| it == word))
    })
    .await;
}

#[tokio::test]
async fn a_consent_whose_time_is_over_ends_and_its_partner_knew() {
    let (app, key) = shop().await;
    let record = given(&app, &key, "cus_1", 1).await;
    let days = (record.validity.expires_at.0 - app.clock.now().0) / DAY;
    app.clock.advance((days - 8) * DAY);
    is_told(&app, &key, "consent-granted").await;
    let before = polled(&app, &key).await;
    assert!(before.iter().all(|claims| kinds(claims) != ["consent-expiring"]), "too early");
    app.clock.advance(2 * DAY);
    is_told(&app, &key, "consent-expiring").await;
    app.clock.advance(9 * DAY);
    until("the consent has ended", async || {
        let now = read::current(&app.db, record.grant_id).await.unwrap().unwrap();
        now.status == ConsentStatus::Expired
    })
    .await;
    is_told(&app, &key, "consent-expired").await;
    let told = polled(&app, &key).await;
    let reminders = told.iter().filter(|claims| kinds(claims) == ["consent-expiring"]);
    assert_eq!(reminders.count(), 1, "once");
}

#[tokio::test]
async fn the_register_and_the_report_tell_of_purposes_and_of_no_customer() {
    let (app, key) = shop().await;
    let mut tx = app.db.begin().await.unwrap();
    publish_purpose(&mut tx, &purpose(&key), app.clock.now()).await.unwrap();
    tx.commit().await.unwrap();
    given(&app, &key, "cus_1", 1).await;
    let second = given(&app, &key, "cus_2", 2).await;
    let id = second.grant_id.to_string();
    let revoke = ["consent", "revoke", id.as_str(), "--why", "account_closed"];
    assert_eq!(app.shell(&revoke).await.0, 0);
    app.clock.advance(3 * DAY);
    let register = app.admin_ok("GET", "/admin/v1/consents/register", None).await;
    documented(&register, "admin", "RegisterOut");
    let row = &register["items"][0];
    assert_eq!((&row["legal_basis"], &row["active_consents"]), (&json!("gdpr-6-1-a"), &json!(1)));
    assert_eq!(row["app_id"], json!(key.app_id));
    let report = app.admin_ok("GET", "/admin/v1/consents/report", None).await;
    documented(&report, "admin", "ConsentReportOut");
    let row = &report["items"][0];
    let sums = ["active", "ended_by_retailer", "ended_by_customer", "median_age_days", "accesses"];
    assert_eq!(sums.map(|name| row[name].as_i64()), [1, 1, 0, 3, 0].map(Some));
    let table = app.http.get(app.admin_url("/admin/v1/consents/register"));
    let table = table.bearer_auth(&app.admin_token).header("accept", "text/csv").send().await;
    let table = table.unwrap().text().await.unwrap();
    assert!(table.lines().count() == 2 && table.contains("budget-coach"), "{table}");
    let (_, listed, _) = app.shell(&["consent", "list", "--app", &key.app_id]).await;
    assert_eq!(listed.lines().count(), 2, "{listed}");
    let (_, own, _) = app.shell(&["consent", "list", "--customer", "cus_2"]).await;
    assert!(own.lines().count() == 1 && own.contains("revoked"), "{own}");
    let all: Value = json!([register, report, table, listed, own]);
    assert!(!all.to_string().contains("cus_"), "{all}");
}
