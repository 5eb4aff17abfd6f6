//! The audit log is a chain: what was changed in it shows, whoever has changed it.

use crate::support::process::Home;
use crate::support::scratch::Scratch;
use crate::support::{self, TestApp, tell, unkeep};
use comptoir::access::audit::{self, GENESIS};
use comptoir::app::open_database;
use comptoir::config::Config;
use comptoir::storage::Db;
use serde_json::{Value, json};
use std::process::Command;
use tempfile::TempDir;

/// Takes away what keeps the log, as the owner of a database can.
async fn open_the_log(db: &Db) {
    for what in ["update", "delete"] {
        unkeep(db, "audit_log", what).await;
    }
}

async fn partners(app: &TestApp, names: &[&str]) {
    for name in names {
        app.admin_ok("POST", "/admin/v1/partners", Some(json!({ "name": name }))).await;
    }
}

/// The export, line by line.
async fn export(app: &TestApp, query: &str) -> Vec<Value> {
    let answer = app.admin("GET", &format!("/admin/v1/audit/export{query}"), None).await;
    assert_eq!(answer.headers()["content-type"], "application/x-ndjson");
    let text = answer.text().await.unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[tokio::test]
async fn every_entry_hangs_on_the_one_before() {
    let app = TestApp::start().await;
    partners(&app, &["One", "Two", "Three"]).await;
    let lines = export(&app, "").await;
    assert_eq!(lines.len(), 4, "{lines:?}");
    let mut previous = json!(GENESIS);
    for (n, line) in lines.iter().enumerate() {
        assert_eq!((&line["position"], &line["previous"]), (&json!(n + 1), &previous));
        previous = line["hash"].clone();
    }
    let head = app.admin_ok("GET", "/admin/v1/audit/head", None).await;
    assert_eq!((&head["position"], &head["hash"]), (&json!(4), &previous));
    assert_eq!(export(&app, "?from=2&to=3").await, lines[1..3]);
    assert!(export(&app, "?from=9").await.is_empty());
    let refused = app.admin("GET", "/admin/v1/audit/export?from=0", None).await;
    support::problem(refused, 400, "invalid_parameter").await;
    let chain = audit::verify(&app.db, None).await.unwrap().unwrap();
    assert_eq!((chain.entries, chain.position), (4, 4));
}

#[tokio::test]
async fn writers_at_once_make_one_chain() {
    let app = TestApp::start().await;
    let names: Vec<String> = (0..20).map(|n| format!("Partner {n}")).collect();
    let calls = names
        .iter()
        .map(|name| app.admin("POST", "/admin/v1/partners", Some(json!({ "name": name }))));
    for answer in futures_util::future::join_all(calls).await {
        assert_eq!(answer.status(), 201);
    }
    let chain = audit::verify(&app.db, None).await.unwrap().unwrap();
    assert_eq!((chain.entries, chain.position), (21, 21));
}

#[tokio::test]
async fn the_database_refuses_to_change_an_entry() {
    let app = TestApp::start().await;
    partners(&app, &["One"]).await;
    for sql in [
        "UPDATE audit_log SET actor = 'nobody' WHERE position = 1",
        "UPDATE audit_log SET hash = NULL WHERE position = 1",
        "DELETE FROM audit_log WHERE position = 1",
        "DELETE FROM audit_log",
    ] {
        let error = tell(&app.db, sql).await.unwrap_err().to_string();
        assert!(error.contains("the audit log is never changed"), "{sql}: {error}");
    }
    if matches!(app.db, Db::Postgres(_)) {
        tell(&app.db, "TRUNCATE audit_log").await.unwrap_err();
    }
    assert!(audit::verify(&app.db, None).await.unwrap().is_ok());
}

#[tokio::test]
async fn an_owner_of_the_database_who_changes_an_entry_is_found_out() {
    for (sql, position) in [
        ("UPDATE audit_log SET actor = 'nobody' WHERE position = 3", 3),
        ("UPDATE audit_log SET occurred_at = occurred_at + 1 WHERE position = 3", 3),
        ("UPDATE audit_log SET detail = '{}' WHERE position = 3", 3),
        ("UPDATE audit_log SET hash = NULL WHERE position = 3", 3),
        ("DELETE FROM audit_log WHERE position = 3", 3),
        ("DELETE FROM audit_log WHERE position = 1", 1),
        ("DELETE FROM audit_log WHERE position >= 4", 4),
        ("UPDATE audit_log SET position = 99 WHERE position = 3", 3),
    ] {
        let app = TestApp::start().await;
        partners(&app, &["One", "Two", "Three", "Four"]).await;
        open_the_log(&app.db).await;
        tell(&app.db, sql).await.unwrap();
        let broken = audit::verify(&app.db, None).await.unwrap().unwrap_err();
        assert_eq!(broken.position, position, "{sql}: {broken}");
    }
}

#[tokio::test]
async fn a_chain_that_was_made_anew_is_seen_by_who_has_kept_its_head() {
    let app = TestApp::start().await;
    partners(&app, &["One", "Two", "Three"]).await;
    let head = app.admin_ok("GET", "/admin/v1/audit/head", None).await;
    let pin = format!("{}:{}", head["position"], head["hash"].as_str().unwrap());
    partners(&app, &["Four"]).await;
    let pin = || Some(pin.parse().unwrap());
    assert!(audit::verify(&app.db, pin()).await.unwrap().is_ok());
    open_the_log(&app.db).await;
    tell(&app.db, "UPDATE audit_log SET actor = 'nobody' WHERE position = 2").await.unwrap();
    tell(&app.db, "UPDATE audit_log SET hash = NULL WHERE position >= 2").await.unwrap();
    audit::anchor(&app.db, app.clock.now()).await.unwrap();
    // In itself the new chain fits, and says in its last entry that it was made.
    let chain = audit::verify(&app.db, None).await.unwrap().unwrap();
    assert_eq!(chain.position, 6);
    let last = export(&app, "?from=6").await;
    assert_eq!(last[0]["action"], "audit_log.anchor");
    let broken = audit::verify(&app.db, pin()).await.unwrap().unwrap_err();
    assert_eq!(broken.position, 4, "{broken}");
}

/// A database as the version before the chain has left it: with these many entries.
async fn from_before(entries: i64) -> (Db, Config, (TempDir, Option<Scratch>)) {
    let dir = tempfile::tempdir().unwrap();
    let (settings, scratch) = support::settings(dir.path()).await;
    let config = Config::load(None, &settings).unwrap();
    let db = Db::connect(&config.database.url, 2).await.unwrap();
    db.migrate().await.unwrap();
    for n in 1..=entries {
        let sql = format!(
            "INSERT INTO audit_log (position, actor, action, subject, detail, occurred_at) \
             VALUES ({n}, 'adm_1', 'key.create', 'key_{n}', '{{}}', {n})"
        );
        tell(&db, &sql).await.unwrap();
    }
    tell(&db, &format!("UPDATE log_heads SET position = {entries} WHERE log = 'audit'"))
        .await
        .unwrap();
    (db, config, (dir, scratch))
}

#[tokio::test]
async fn entries_of_before_are_chained_at_the_first_start_and_the_log_says_so() {
    let (db, config, _ground) = from_before(1_203).await;
    let broken = audit::verify(&db, None).await.unwrap().unwrap_err();
    assert_eq!(broken.position, 1, "{broken}");
    // Two nodes start together, and again.
    let (one, other) = tokio::join!(open_database(&config), open_database(&config));
    one.and(other).unwrap();
    open_database(&config).await.unwrap();
    let chain = audit::verify(&db, None).await.unwrap().unwrap();
    assert_eq!(chain.position, 1_204);
    let last = audit::store::range(&db, 1_203, i64::MAX, 2).await.unwrap();
    assert_eq!((last.len(), last[0].0.action.as_str()), (1, "audit_log.anchor"));
    let detail: Value = serde_json::from_str(&last[0].0.detail).unwrap();
    assert_eq!(detail, json!({ "first": 1, "last": 1_203 }));
    tell(&db, "UPDATE audit_log SET actor = 'nobody' WHERE position = 7").await.unwrap_err();
}

#[tokio::test]
async fn an_export_is_verified_without_a_database() {
    let home = Home::new(&[], &[]).await;
    for name in ["One", "Two", "Three", "Four"] {
        home.run(&["partner", "create", "--name", name]);
    }
    let exported = home.run(&["audit", "export"]);
    let lines: Vec<&str> = exported.lines().collect();
    let file = home.dir().join("audit.ndjson");
    let verify = |lines: &[&str], more: &[&str]| {
        std::fs::write(&file, lines.join("\n")).unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_comptoir"));
        let output = command.args(["audit", "verify"]).arg(&file).args(more).env_clear().output();
        let output = output.unwrap();
        (output.status.code(), String::from_utf8(output.stdout).unwrap())
    };
    let (code, said) = verify(&lines, &[]);
    assert!(code == Some(0) && said.starts_with("4 entries fit, 1 to 4:"), "{said}");
    // A part has to be asked for, by the entry before it.
    let hash = |line: &str| serde_json::from_str::<Value>(line).unwrap()["hash"].clone();
    let before = |n: usize| format!("{n}:{}", hash(lines[n - 1]).as_str().unwrap());
    assert_ne!(verify(&lines[2..], &[]).0, Some(0), "the beginning is cut off");
    let (code, said) = verify(&lines[2..], &["--after", &before(2)]);
    assert!(code == Some(0) && said.starts_with("2 entries fit, 3 to 4:"), "{said}");
    let (code, said) = verify(&lines[2..], &["--after", &before(1)]);
    assert!(code == Some(1) && said.contains("broken at entry 2: it is missing"), "{said}");
    let (code, said) = verify(&lines[2..], &["--after", &format!("2:{}", "0".repeat(64))]);
    assert!(code == Some(1) && said.contains("broken at entry 3"), "{said}");
    assert_ne!(verify(&[], &[]).0, Some(0), "an empty file proves nothing");
    let (code, said) = verify(&[], &["--after", &before(4)]);
    assert!(code == Some(0) && said.starts_with("There are no entries"), "{said}");
    let mut bare = Command::new(env!("CARGO_BIN_EXE_comptoir"));
    let bare = bare.args(["audit", "verify"]).env_clear().output().unwrap();
    let bare = String::from_utf8(bare.stderr).unwrap();
    assert!(bare.contains("--database"), "{bare}");
    let changed = lines[1].replace("cli", "clo");
    let (code, said) = verify(&[lines[0], &changed, lines[2], lines[3]], &[]);
    assert!(code == Some(1) && said.contains("broken at entry 2"), "{said}");
    let (code, said) = verify(&[lines[0], lines[2], lines[3]], &[]);
    assert!(code == Some(1) && said.contains("broken at entry 2"), "{said}");
    let head = home.run(&["audit", "head"]);
    assert_eq!(verify(&lines, &["--head", &head]).0, Some(0));
    let (code, said) = verify(&lines[..3], &["--head", &head]);
    assert!(code == Some(1) && said.contains("broken at entry 4"), "{said}");
    let said = home.run(&["audit", "verify", "--database", "--head", &head]);
    assert!(said.starts_with("4 entries fit"), "{said}");
}
