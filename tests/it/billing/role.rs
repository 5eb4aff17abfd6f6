//! A node whose role in PostgreSQL owns nothing: it does all that a node does, and cannot take away what keeps closed
//! periods as they are.

use super::{LATE_OCTOBER, call, close_first, edit, id, own, priced, prices, statement};
use crate::support::{TestApp, tell};
use comptoir::storage::Db;
use serde_json::json;

/// What the retailer runs as the owner of the schema.
const ROLE: &str = include_str!("../../../deploy/postgres-role.sql");
/// The role in tests: roles are there for all databases of a server.
const NAME: &str = "comptoir_test_app";

/// Makes the role in the database of a node; the database's address for it. `None` on SQLite, which has no roles.
async fn made(app: &TestApp) -> Option<String> {
    let Db::Postgres(pool) = &app.db else {
        println!("SKIPPED on SQLite: it has no roles");
        return None;
    };
    let text: Vec<&str> = ROLE.lines().filter(|line| !line.starts_with("--")).collect();
    // It may be there, for another database.
    let _ = tell(&app.db, &format!("CREATE ROLE {NAME} LOGIN")).await;
    for statement in text.join("\n").replace("comptoir_app", NAME).split_terminator(';') {
        tell(&app.db, statement).await.unwrap_or_else(|error| panic!("{statement}: {error}"));
    }
    let at = pool.connect_options();
    let database = at.get_database().unwrap();
    Some(format!("postgres://{NAME}@{}:{}/{database}", at.get_host(), at.get_port()))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_role_that_owns_nothing_runs_a_node_and_changes_nothing_that_is_closed() {
    let owner = TestApp::builder().fixed_clock(LATE_OCTOBER).start().await;
    let Some(url) = made(&owner).await else { return };
    let app = owner.beside_with(&[("DATABASE__URL", &url)]).await;
    app.stock_shelves(2, 2).await;
    let (plan, key) = priced(&app, prices()).await;
    edit(&app, &plan, json!({ "name": "Renamed" })).await;
    call(&app, &key, 5).await;
    app.wait_for_gauge("events_folded_total", 5).await;
    close_first(&app, "2026-11-02T00:00:00Z").await;
    let first = id(own(&app, &key).await.last().unwrap());
    assert_eq!(statement(&app, &key, &first).await["state"], "final");
    // Beside it there are others, and the owner.
    let (code, told, _) = app.shell(&["usage", "periods"]).await;
    assert!(code == 0 && told.contains("closed"), "{told}");
    owner.db.migrate().await.unwrap();
    let doctor = app.shell(&["doctor"]).await;
    assert!(doctor.1.contains("ok    database: postgresql, schema"), "{doctor:?}");
    for sql in [
        "UPDATE statements SET id = id",
        "DELETE FROM billing_closes",
        "DELETE FROM billing_close_days",
        "DELETE FROM usage_segments",
        "UPDATE billing_names SET name = subject_id",
        "DELETE FROM billing_names",
        "UPDATE usage_exports SET merkle_root = layout",
        "DELETE FROM usage_exports",
        "UPDATE credit_grants SET id = id",
        "DELETE FROM credit_draws",
        "TRUNCATE statements",
        "ALTER TABLE statements DISABLE TRIGGER ALL",
        "DROP TABLE statements",
        "UPDATE _sqlx_migrations SET success = false",
    ] {
        let refused = tell(&app.db, sql).await.unwrap_err();
        let refused = refused.as_database_error().unwrap();
        assert_eq!(refused.code().as_deref(), Some("42501"), "{sql}: {refused}");
    }
    let drop = "SELECT 'DROP TRIGGER ' || tgname || ' ON statements' FROM pg_trigger
        WHERE tgrelid = 'statements'::regclass AND NOT tgisinternal LIMIT 1";
    let Db::Postgres(pool) = &app.db else { panic!("it was PostgreSQL") };
    let drop: String = sqlx::query_scalar(drop).fetch_one(pool).await.unwrap();
    let refused = tell(&app.db, &drop).await.unwrap_err();
    assert_eq!(refused.as_database_error().unwrap().code().as_deref(), Some("42501"));
}
