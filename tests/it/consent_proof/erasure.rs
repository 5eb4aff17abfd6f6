//! Who is forgotten is nowhere, partners are told, and what was proved stays proved.

use super::events::polled;
use super::given::{given, shop, until};
use super::receiver::kinds;
use crate::support::{TestApp, problem};
use comptoir::access::service::By;
use comptoir::consent::change::ConsentActor;
use comptoir::customers::erase::erase_customer;
use comptoir::on_db;
use comptoir::storage::Db;
use serde_json::{Value, json};

const CUSTOMER: &str = "cus-forget-me";
const TRACES: [&str; 5] =
    [CUSTOMER, "Zéphyrine", "zephyrine@example.com", "33612345678", "29900001234"];

/// All columns of all tables.
async fn columns(db: &Db) -> Vec<(String, String)> {
    const SQLITE: &str = "SELECT m.name, c.name FROM sqlite_master m, pragma_table_info(m.name) c WHERE m.type = 'table'";
    const POSTGRES: &str =
        "SELECT table_name::text, column_name::text FROM information_schema.columns
        WHERE table_schema = current_schema()";
    match db {
        Db::Sqlite { read, .. } => sqlx::query_as(SQLITE).fetch_all(read).await.unwrap(),
        Db::Postgres(pool) => sqlx::query_as(POSTGRES).fetch_all(pool).await.unwrap(),
    }
}

/// The columns that hold a text somewhere, and how often.
async fn found(db: &Db, text: &str) -> Vec<(String, String, i64)> {
    let mut found = Vec::new();
    for (table, column) in columns(db).await {
        let sql = format!(
            "SELECT COUNT(*) FROM \"{table}\" WHERE CAST(\"{column}\" AS TEXT) LIKE '%{text}%'"
        );
        let sql = sqlx::AssertSqlSafe(sql);
        let count: i64 = on_db!(db, c => sqlx::query_scalar(sql).fetch_one(c).await).unwrap();
        if count > 0 {
            found.push((table, column, count));
        }
    }
    found
}

/// The files of the data directory that hold a text, but the database's own.
fn files_with(app: &TestApp, text: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut folders = vec![app.config.server.data_dir.clone()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap().map(Result::unwrap) {
            let path = entry.path();
            let name = path.display().to_string();
            if path.is_dir() {
                folders.push(path);
            } else if !name.contains("comptoir.db") {
                let content = std::fs::read(&path).unwrap_or_default();
                if content.windows(text.len()).any(|part| part == text.as_bytes()) {
                    found.push(name);
                }
            }
        }
    }
    found
}

async fn known(app: &TestApp) {
    let lines = [
        (
            "customers",
            json!({
                "id": CUSTOMER, "given_name": "Zéphyrine", "email": "zephyrine@example.com",
                "phone": "+33612345678",
            }),
        ),
        (
            "purchases",
            json!({
                "id": "P-29900001234", "customer_id": CUSTOMER, "channel": "online",
                "order_date": "2026-11-20T10:00:00Z",
            }),
        ),
    ];
    for (feed, line) in lines {
        let url = app.admin_url(&format!("/admin/v1/customers/{feed}"));
        let sent = app.http.post(url).bearer_auth(&app.admin_token);
        let sent =
            sent.header("content-type", "application/octet-stream").body(format!("{line}\n"));
        let report: Value = sent.send().await.unwrap().json().await.unwrap();
        assert_eq!(report["accepted"], 1, "{report}");
    }
}

#[tokio::test]
async fn nothing_is_left_of_who_is_forgotten_but_the_proof() {
    let (app, key) = shop().await;
    known(&app).await;
    let record = given(&app, &key, CUSTOMER, 1).await;
    let sub = record.known_as.sub().unwrap().to_string();
    for trace in TRACES.iter().copied().chain([sub.as_str()]) {
        assert!(!found(&app.db, trace).await.is_empty(), "{trace} was there");
    }
    let (code, out, err) =
        app.shell(&["customers", "erase", CUSTOMER, "--asked-by-customer"]).await;
    assert_eq!(code, 0, "{err}");
    assert!(out.contains(&record.grant_id.to_string()), "{out}");
    for trace in TRACES.iter().copied().chain([sub.as_str()]) {
        assert!(found(&app.db, trace).await.is_empty(), "{trace} is in the database");
        assert!(files_with(&app, trace).is_empty(), "{trace} is in a file");
        assert!(!out.contains(trace) && !err.contains(trace), "{out}{err}");
    }
    until("the partner is told", async || {
        let told = polled(&app, &key).await;
        told.iter().any(|claims| kinds(claims) == ["consent-revoked", "erasure-requested"])
    })
    .await;
    let (code, said, _) = app.shell(&["consent", "verify"]).await;
    assert!(code == 0 && said.contains("1 consents"), "{said}");
    let (_, listed, _) = app.shell(&["consent", "list", "--customer", CUSTOMER]).await;
    assert_eq!(listed, "");
}

#[tokio::test]
async fn an_erasure_is_in_the_audit_log_without_the_customer() {
    let (app, key) = shop().await;
    let record = given(&app, &key, CUSTOMER, 1).await;
    let body = json!({ "customer_id": CUSTOMER, "asked_by_customer": true });
    let erased = app.admin_ok("POST", "/admin/v1/erasures", Some(body.clone())).await;
    assert_eq!(erased["consents"], json!([record.grant_id.to_string()]));
    // Once more is once: there is nobody to forget.
    assert_eq!(app.admin_ok("POST", "/admin/v1/erasures", Some(body)).await["consents"], json!([]));
    let audit = app.admin_ok("GET", "/admin/v1/audit", None).await.to_string();
    assert!(audit.contains("customer.erase") && !audit.contains(CUSTOMER), "{audit}");
    let long = json!({ "customer_id": "0".repeat(201) });
    let refused = app.admin("POST", "/admin/v1/erasures", Some(long)).await;
    let refused = problem(refused, 400, "invalid_body").await;
    assert_eq!(refused["errors"][0]["pointer"], "/customer_id");
    let by = By::new("test", app.clock.now());
    let none = erase_customer(&app.db, &by, "cus-never-was", ConsentActor::Retailer).await;
    assert_eq!(none.unwrap().consents, []);
}
