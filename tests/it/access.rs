//! Who may call: keys in every state, from every side.

use crate::support::{NOON, TestApp, data, problem};
use serde_json::json;

async fn shop() -> TestApp {
    let app = TestApp::builder().fixed_clock(NOON).start().await;
    app.stock_shelves(2, 1).await;
    app
}

fn path() -> String {
    format!("/v1/products/{}", data::product_id(0))
}

#[tokio::test]
async fn a_key_opens_in_either_header_and_nowhere_else() {
    let app = shop().await;
    let key = app.key(json!({})).await;
    assert_eq!(app.get(&key.text, &path()).await.status(), 200);
    let by_header = app.http.get(app.public_url(&path())).header("X-API-Key", &key.text);
    assert_eq!(by_header.send().await.unwrap().status(), 200);

    let bare = app.http.get(app.public_url(&path())).send().await.unwrap();
    assert_eq!(bare.headers()["www-authenticate"], "Bearer realm=\"comptoir\"");
    problem(bare, 401, "missing_key").await;
    let in_query = app.http.get(app.public_url(&format!("{}?api_key={}", path(), key.text)));
    problem(in_query.send().await.unwrap(), 401, "missing_key").await;
    let basic = app.http.get(app.public_url(&path())).basic_auth("x", Some(&key.text));
    problem(basic.send().await.unwrap(), 401, "invalid_key").await;
}

#[tokio::test]
async fn of_two_keys_in_one_header_none_is_taken() {
    let app = shop().await;
    let [one, other] = [app.key(json!({})).await, app.key(json!({})).await];
    let product = format!("/v1/products/{}", data::product_id(0));
    for path in [product.as_str(), "/v1/products"] {
        for (name, scheme) in [("authorization", "Bearer "), ("x-api-key", "")] {
            for second in [&other.text, &one.text] {
                let call = app.http.get(app.public_url(path));
                let call = call.header(name, format!("{scheme}{}", one.text));
                let answer = call.header(name, format!("{scheme}{second}")).send().await.unwrap();
                let document = problem(answer, 400, "invalid_parameter").await;
                assert!(
                    document["detail"].as_str().unwrap().starts_with("Send one `"),
                    "{document}"
                );
            }
        }
    }
}

#[tokio::test]
async fn every_character_of_a_key_matters() {
    let app = shop().await;
    let key = app.key(json!({})).await;
    for at in [4, 9, 15, 40, key.text.len() - 1] {
        let mut damaged = key.text.clone().into_bytes();
        damaged[at] = if damaged[at] == b'x' { b'y' } else { b'x' };
        let damaged = String::from_utf8(damaged).unwrap();
        problem(app.get(&damaged, &path()).await, 401, "invalid_key").await;
    }
    for odd in ["", "cpt_", "cpt_live_", "nonsense", &"x".repeat(5000)] {
        let response = app.http.get(app.public_url(&path())).header("X-API-Key", odd);
        problem(response.send().await.unwrap(), 401, "invalid_key").await;
    }
}

#[tokio::test]
async fn a_scope_that_is_missing_is_named() {
    let app = shop().await;
    let key = app.key(json!({ "scopes": ["stock:read"] })).await;
    let refused = problem(app.get(&key.text, &path()).await, 403, "insufficient_scope").await;
    assert_eq!(refused["required_scope"], "catalog:read");
}

#[tokio::test]
async fn suspension_of_key_app_or_partner_holds_at_once_and_can_be_lifted() {
    let app = shop().await;
    let key = app.key(json!({})).await;
    let places = [
        format!("/admin/v1/keys/{}", key.id),
        format!("/admin/v1/apps/{}", key.app_id),
        format!("/admin/v1/partners/{}", key.partner_id),
    ];
    for place in places {
        app.admin_ok("POST", &format!("{place}/suspend"), None).await;
        problem(app.get(&key.text, &path()).await, 403, "suspended").await;
        app.admin_ok("POST", &format!("{place}/resume"), None).await;
        assert_eq!(app.get(&key.text, &path()).await.status(), 200, "{place}");
    }
}

#[tokio::test]
async fn a_revocation_is_in_force_when_it_is_answered_and_is_final() {
    let app = shop().await;
    let key = app.key(json!({})).await;
    assert_eq!(app.get(&key.text, &path()).await.status(), 200);
    let place = format!("/admin/v1/keys/{}", key.id);
    app.admin_ok("POST", &format!("{place}/revoke"), None).await;
    problem(app.get(&key.text, &path()).await, 401, "revoked_key").await;
    let again = app.admin("POST", &format!("{place}/resume"), None).await;
    problem(again, 409, "conflict").await;
    problem(app.get(&key.text, &path()).await, 401, "revoked_key").await;
}

#[tokio::test]
async fn a_key_ends_at_its_expiry() {
    let app = shop().await;
    let key = app.key(json!({ "expires_at": "2026-11-22T12:00:10Z" })).await;
    app.clock.advance(9_999_999);
    assert_eq!(app.get(&key.text, &path()).await.status(), 200);
    app.clock.advance(1);
    problem(app.get(&key.text, &path()).await, 401, "expired_key").await;
}

#[tokio::test]
async fn both_secrets_work_during_a_rotation_and_then_the_new_one_alone() {
    let app = shop().await;
    let key = app.key(json!({})).await;
    let rotated = app
        .admin_ok(
            "POST",
            &format!("/admin/v1/keys/{}/rotate", key.id),
            Some(json!({ "overlap_s": 60 })),
        )
        .await;
    let new = rotated["text"].as_str().unwrap();
    assert_ne!(new, key.text);
    assert_eq!(app.get(&key.text, &path()).await.status(), 200);
    assert_eq!(app.get(new, &path()).await.status(), 200);
    app.clock.advance(60_000_000);
    problem(app.get(&key.text, &path()).await, 401, "expired_key").await;
    assert_eq!(app.get(new, &path()).await.status(), 200);
}

#[tokio::test]
async fn what_is_no_key_is_told_what_it_is() {
    let app = shop().await;
    let said = problem(app.get(&app.admin_token, &path()).await, 401, "invalid_key").await;
    assert!(said["detail"].as_str().unwrap().contains("admin token"), "{said}");
    let said = problem(app.get("cpt_client_x", &path()).await, 401, "invalid_key").await;
    assert!(said["detail"].as_str().unwrap().contains("/oauth/token"), "{said}");
}

#[tokio::test]
async fn an_address_list_holds_and_a_forged_header_does_not_help() {
    let app = shop().await;
    let elsewhere = app.key(json!({ "cidrs": ["192.0.2.0/24", "2001:db8::/32"] })).await;
    problem(app.get(&elsewhere.text, &path()).await, 403, "address_not_allowed").await;
    let forged = app.http.get(app.public_url(&path())).bearer_auth(&elsewhere.text);
    let forged = forged.header("X-Forwarded-For", "192.0.2.7").send().await.unwrap();
    problem(forged, 403, "address_not_allowed").await;
    let here = app.key(json!({ "cidrs": ["127.0.0.0/8"] })).await;
    assert_eq!(app.get(&here.text, &path()).await.status(), 200);

    let behind = TestApp::builder()
        .fixed_clock(NOON)
        .set("SERVER__TRUSTED_PROXIES", "127.0.0.1/32")
        .start()
        .await;
    behind.stock_shelves(1, 1).await;
    let key = behind.key(json!({ "cidrs": ["192.0.2.0/24"] })).await;
    let call = |hops: &'static str| {
        let request = behind.http.get(behind.public_url(&path())).bearer_auth(&key.text);
        request.header("X-Forwarded-For", hops).send()
    };
    assert_eq!(call("198.51.100.1, 192.0.2.7").await.unwrap().status(), 200);
    assert_eq!(call("198.51.100.1, 192.0.2.7:4711").await.unwrap().status(), 200);
    problem(call("192.0.2.7, 192.0.2.7:x").await.unwrap(), 403, "address_not_allowed").await;
    problem(call("192.0.2.7, 198.51.100.1").await.unwrap(), 403, "address_not_allowed").await;
}

/// Everything that PostgreSQL holds of keys, as text.
async fn dump_of_keys(url: &str) -> String {
    let pool = sqlx::PgPool::connect(url).await.unwrap();
    let mut dump = String::new();
    for table in [
        "keys",
        "key_secrets",
        "admin_tokens",
        "control_log",
        "audit_log",
        "usage_hours",
        "settings",
    ] {
        let sql = sqlx::AssertSqlSafe(format!("SELECT CAST(t AS TEXT) FROM {table} AS t"));
        let rows: Vec<String> = sqlx::query_scalar(sql).fetch_all(&pool).await.unwrap();
        dump.extend(rows);
    }
    pool.close().await;
    dump
}

#[tokio::test]
async fn no_secret_is_in_the_database_the_logs_of_change_the_journal_or_the_listing() {
    let logs = tempfile::tempdir().unwrap();
    let log = logs.path().join("access.log");
    let mut app =
        TestApp::builder().set("TELEMETRY__ACCESS_LOG", &log.display().to_string()).start().await;
    app.stock_shelves(2, 1).await;
    let key = app.key(json!({})).await;
    let secret = &key.text[21..64];
    for path in [path(), format!("/v1/products?api_key={}", key.text), format!("/{}", key.text)] {
        app.get(&key.text, &path).await;
    }
    let listed = app.admin_ok("GET", "/admin/v1/keys", None).await.to_string();
    assert!(listed.contains(&key.id) && !listed.contains(secret));
    let audit = app.admin_ok("GET", "/admin/v1/audit", None).await.to_string();
    assert!(audit.contains(&key.id) && !audit.contains(secret));
    let holds = |bytes: &[u8]| bytes.windows(secret.len()).any(|w| w == secret.as_bytes());
    let mut segments = 0;
    for file in std::fs::read_dir(app.config.server.data_dir.join("journal")).unwrap() {
        // A segment may be folded, and gone, while this looks.
        let bytes = std::fs::read(file.unwrap().path()).unwrap_or_default();
        assert!(!holds(&bytes));
        segments += usize::from(!bytes.is_empty());
    }
    assert!(segments > 0, "no journal was looked at");
    app.stop().await;
    match &app.config.database.url {
        comptoir::config::DatabaseUrl::Sqlite(path) => {
            for suffix in ["", "-wal"] {
                let bytes = std::fs::read(format!("{}{suffix}", path.display()));
                assert!(!holds(&bytes.unwrap_or_default()));
            }
        }
        comptoir::config::DatabaseUrl::Postgres(url) => {
            let dump = dump_of_keys(url.reveal()).await;
            assert!(dump.contains(&key.id) && !dump.contains(secret));
        }
    }
    let log = std::fs::read_to_string(log).unwrap();
    assert!(log.contains(&key.id) && !log.contains(secret), "{log}");
}
