//! A close that is killed in its middle, as a process of its own.

use super::super::tell;
use crate::support::process::Home;
use crate::support::unkeep;
use comptoir::storage::Db;
use serde_json::Value;

/// In microseconds: two months have ended since.
const LONG_AGO: i64 = 70 * 86_400_000_000;
const LOCK: &str = "7004900";

async fn count(db: &Db, sql: &str) -> i64 {
    let sql = sqlx::AssertSqlSafe(sql.to_owned());
    match db {
        Db::Sqlite { read, .. } => sqlx::query_scalar(sql).fetch_one(read).await.unwrap(),
        Db::Postgres(pool) => sqlx::query_scalar(sql).fetch_one(pool).await.unwrap(),
    }
}

/// Has a close stand still behind all that it writes, for good or until a lock is given back.
async fn stop_closes(db: &Db) {
    match db {
        Db::Sqlite { .. } => {
            let all = ["sqlite_master"; 9].iter().enumerate();
            let all: Vec<String> = all.map(|(n, table)| format!("{table} t{n}")).collect();
            let endless = format!(
                "CREATE TRIGGER stands_still AFTER INSERT ON billing_closes \
                 BEGIN SELECT count(*) FROM {}; END",
                all.join(", ")
            );
            tell(db, &endless).await.unwrap();
        }
        Db::Postgres(_) => {
            let waits = format!(
                "CREATE FUNCTION stands_still() RETURNS trigger LANGUAGE plpgsql AS \
                 $$ BEGIN PERFORM pg_advisory_xact_lock({LOCK}); RETURN NEW; END $$"
            );
            tell(db, &waits).await.unwrap();
            let trigger = "CREATE TRIGGER stands_still AFTER INSERT ON billing_closes \
                           FOR EACH ROW EXECUTE FUNCTION stands_still()";
            tell(db, trigger).await.unwrap();
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_close_that_is_killed_has_drawn_nothing_and_the_next_one_draws_once() {
    let home = Home::new(&[], &[]).await;
    let prices = r#"{"currency":"EUR","time_zone":"UTC","fee":"49.00"}"#;
    let plan = ["plan", "create", "--name", "paid", "--limit", "all:1000:1", "--prices", prices];
    let plan = home.run(&plan);
    let partner = home.run(&["partner", "create", "--name", "partner"]);
    let app = ["app", "create", "--partner", &partner, "--plan", &plan, "--name", "app"];
    home.run(&app);
    let db = &home.db;
    let earlier = [("plan_versions", "created_at"), ("app_subscriptions", "starts_at")];
    unkeep(db, "plan_versions", "update").await;
    for (table, column) in earlier {
        tell(db, &format!("UPDATE {table} SET {column} = {column} - {LONG_AGO}")).await.unwrap();
    }
    let grant = ["credit", "grant", &partner, "80.00", "EUR", "--note", "Welcome"];
    let since = ["--effective-from", "2020-01-01T00:00:00Z", "--reference", "welcome"];
    let granted = home.run(&[&grant[..], &since].concat());
    let listed: Value = serde_json::from_str(&home.run(&["usage", "periods", "--json"])).unwrap();
    let period = listed[0]["id"].as_str().unwrap();

    let lock = match db {
        Db::Sqlite { .. } => None,
        Db::Postgres(pool) => {
            let mut lock = pool.begin().await.unwrap();
            let take = sqlx::AssertSqlSafe(format!("SELECT pg_advisory_xact_lock({LOCK})"));
            sqlx::query(take).execute(&mut *lock).await.unwrap();
            Some(lock)
        }
    };
    stop_closes(db).await;
    let closing = home.start(&["usage", "close", period]);
    // On SQLite it holds the lock of all writers for good; on PostgreSQL it waits for ours.
    let nothing = "DELETE FROM billing_closes WHERE number < 0";
    let waits = "SELECT count(*) FROM pg_locks l JOIN pg_database d ON d.oid = l.database \
                 WHERE d.datname = current_database() AND l.locktype = 'advisory' AND NOT l.granted";
    while match db {
        Db::Sqlite { .. } => tell(db, nothing).await.is_ok(),
        Db::Postgres(_) => count(db, waits).await == 0,
    } {
        tokio::task::yield_now().await;
    }
    closing.kill();
    for table in ["credit_draws", "statements", "billing_closes"] {
        assert_eq!(count(db, &format!("SELECT count(*) FROM {table}")).await, 0, "{table}");
    }
    if let Some(lock) = lock {
        lock.rollback().await.unwrap();
        tell(db, "DROP TRIGGER stands_still ON billing_closes").await.unwrap();
    } else {
        tell(db, "DROP TRIGGER stands_still").await.unwrap();
    }

    home.run(&["usage", "close", period]);
    assert!(home.refused(&["usage", "close", period]).contains("was closed at"));
    assert_eq!(count(db, "SELECT count(*) FROM credit_draws").await, 1);
    let shown = home.run(&["credit", "show", granted.split('\t').next().unwrap()]);
    assert!(shown.contains("\treceivable\t-49.00\tEUR"), "{shown}");
    assert_eq!(home.run(&[&grant[..], &since].concat()), granted, "granted once");
    let list = home.run(&["credit", "list", "--partner", &partner]);
    // The month that is open next has drawn what the first has left.
    assert!(list.contains("\t80.00\t49.00\t31.00\t0.00\t0.00\tEUR\t50\t-\twelcome"), "{list}");
    home.run(&["usage", "reconcile", "--period", "last"]);
}
