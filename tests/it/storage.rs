//! Both engines hold the same schema and keep the promise of the logs.

use crate::support;
use crate::support::scratch::{self, Scratch};
use crate::support::until_one_waits;
use comptoir::app::open_database;
use comptoir::config::Config;
use comptoir::kernel::Micros;
use comptoir::kernel::id::{ProductId, StoreId};
use comptoir::on_db;
use comptoir::stock::model::{Availability, Level, LevelKey};
use comptoir::stock::store::{forget, put_levels};
use comptoir::stock::told::{Told, Unsaid};
use comptoir::storage::changes::{Change, append};
use comptoir::storage::{Db, Log, log};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::Duration;
use tempfile::TempDir;

/// What a database stands on, for as long as it is used.
type Ground = (TempDir, Option<Scratch>);

/// A fresh, migrated database on SQLite, whatever server there is.
async fn sqlite() -> (Db, Ground) {
    let dir = tempfile::tempdir().unwrap();
    let (mut settings, _) = support::settings(dir.path()).await;
    settings.remove("COMPTOIR__DATABASE__URL");
    (open(&settings).await, (dir, None))
}

/// A fresh, migrated database on the PostgreSQL server; `None` where there is none.
async fn postgres(test: &str) -> Option<(Db, Ground)> {
    if scratch::server().is_none() {
        println!("SKIPPED on PostgreSQL: {test}: COMPTOIR_TEST_POSTGRES names no server");
        return None;
    }
    let dir = tempfile::tempdir().unwrap();
    let (settings, scratch) = support::settings(dir.path()).await;
    Some((open(&settings).await, (dir, scratch)))
}

async fn open(settings: &BTreeMap<String, String>) -> Db {
    open_database(&Config::load(None, settings).unwrap()).await.unwrap()
}

/// Table and column, its kind, and whether it must have a value.
type Column = (String, String, String, bool);

/// The kinds that our types map to; anything else is itself and so shows up as a difference.
fn kind(declared: &str) -> String {
    match declared.to_lowercase().as_str() {
        "bigint" | "integer" | "int8" => "number",
        "text" => "text",
        "bytea" | "blob" => "bytes",
        "boolean" => "boolean",
        other => return other.to_owned(),
    }
    .to_owned()
}

/// Every column of our tables; sqlx's own table is not ours.
async fn columns(db: &Db) -> BTreeSet<Column> {
    const SQLITE: &str = "SELECT m.name, c.name, c.type, c.\"notnull\" OR c.pk > 0 \
        FROM sqlite_master m, pragma_table_info(m.name) c \
        WHERE m.type = 'table' AND m.name NOT LIKE '\\_sqlx%' ESCAPE '\\' AND m.name NOT LIKE 'sqlite\\_%' ESCAPE '\\'";
    const POSTGRES: &str = "SELECT table_name::text, column_name::text, data_type::text, \
        is_nullable = 'NO' FROM information_schema.columns \
        WHERE table_schema = current_schema() AND table_name NOT LIKE '\\_sqlx%'";
    let found: Vec<Column> = match db {
        Db::Sqlite { read, .. } => sqlx::query_as(SQLITE).fetch_all(read).await.unwrap(),
        Db::Postgres(pool) => sqlx::query_as(POSTGRES).fetch_all(pool).await.unwrap(),
    };
    found.into_iter().map(|(table, name, of, needed)| (table, name, kind(&of), needed)).collect()
}

/// The tables that the migrations make, read from their text.
fn migrated_tables() -> BTreeSet<String> {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/storage/migrations");
    let texts = std::fs::read_dir(dir).unwrap().map(|e| std::fs::read_to_string(e.unwrap().path()));
    texts
        .flat_map(|text| {
            let text = text.unwrap();
            let made = text.lines().filter_map(|line| line.strip_prefix("CREATE TABLE "));
            made.map(|rest| rest.split([' ', '(']).next().unwrap().to_owned()).collect::<Vec<_>>()
        })
        .collect()
}

#[tokio::test]
async fn both_engines_have_the_same_tables_and_columns() {
    let (sqlite, _dir) = sqlite().await;
    let on_sqlite = columns(&sqlite).await;
    let tables: BTreeSet<String> = on_sqlite.iter().map(|column| column.0.clone()).collect();
    assert_eq!(tables, migrated_tables());
    let Some((postgres, _dir)) = postgres("the same tables and columns").await else { return };
    let on_postgres = columns(&postgres).await;
    let only = |a: &BTreeSet<Column>, b: &BTreeSet<Column>| {
        a.difference(b).map(|column| format!("{column:?}")).collect::<Vec<_>>()
    };
    assert_eq!(only(&on_sqlite, &on_postgres), Vec::<String>::new(), "only on SQLite");
    assert_eq!(only(&on_postgres, &on_sqlite), Vec::<String>::new(), "only on PostgreSQL");
}

#[tokio::test]
async fn migrating_again_changes_nothing() {
    let mut engines = vec![sqlite().await];
    engines.extend(postgres("migrating again").await);
    for (db, _dir) in &engines {
        let before = columns(db).await;
        let (one, other) = tokio::join!(db.migrate(), db.migrate());
        one.and(other).unwrap();
        assert_eq!(columns(db).await, before);
        assert_eq!(db.schema_version().await.unwrap(), Db::known_schema_version());
    }
}

const WRITERS: i64 = 6;
const ROUNDS: i64 = 25;

fn change(writer: i64, round: i64, n: i64) -> Change {
    let id = format!("{writer}/{round}/{n}");
    Change { kind: "product", id, deleted: false, reason: "changed", version: round }
}

/// Appends entries of several sizes; every fifth transaction is given up after it took positions.
async fn write(db: Db, writer: i64) {
    for round in 0..ROUNDS {
        let mut tx = db.begin().await.unwrap();
        let entries: Vec<Change> = (0..=round % 3).map(|n| change(writer, round, n)).collect();
        append(&mut tx, &entries, Micros(0)).await.unwrap();
        tokio::task::yield_now().await;
        if round % 5 == 4 {
            drop(tx);
        } else {
            tx.commit().await.unwrap();
        }
    }
}

async fn rows_after(db: &Db, position: i64) -> Vec<(i64, String)> {
    const AFTER: &str =
        "SELECT position, id FROM change_log WHERE position > $1 ORDER BY position LIMIT 7";
    match db {
        Db::Sqlite { read, .. } => sqlx::query_as(AFTER).bind(position).fetch_all(read).await,
        Db::Postgres(pool) => sqlx::query_as(AFTER).bind(position).fetch_all(pool).await,
    }
    .unwrap()
}

/// A reader that goes on from the last position it has seen must see every committed entry, each
/// once, without a gap: an entry that appeared behind it would be missing here for ever.
async fn follow_while_written(db: &Db) {
    let writers: Vec<_> = (0..WRITERS).map(|n| tokio::spawn(write(db.clone(), n))).collect();
    let mut seen = Vec::new();
    let mut last = 0;
    loop {
        let done = writers.iter().all(tokio::task::JoinHandle::is_finished);
        let rows = rows_after(db, last).await;
        for (position, id) in &rows {
            assert_eq!(*position, last + 1, "a position was passed over before {id}");
            last = *position;
            seen.push(id.clone());
        }
        if done && rows.is_empty() {
            break;
        }
        tokio::task::yield_now().await;
    }
    for writer in writers {
        writer.await.unwrap();
    }
    assert_eq!(log::head(db, Log::Change).await.unwrap(), last);
    let committed = (0..ROUNDS).filter(|round| round % 5 != 4);
    let expected: BTreeSet<String> = committed
        .flat_map(|round| (0..=round % 3).map(move |n| (round, n)))
        .flat_map(|(round, n)| (0..WRITERS).map(move |writer| change(writer, round, n).id))
        .collect();
    assert_eq!(seen.len(), expected.len(), "each entry once");
    assert_eq!(seen.into_iter().collect::<BTreeSet<_>>(), expected);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn positions_appear_in_the_order_of_commits() {
    let (db, _dir) = sqlite().await;
    follow_while_written(&db).await;
    if let Some((db, _dir)) = postgres("positions in the order of commits").await {
        follow_while_written(&db).await;
    }
}

fn level(quantity: i64) -> Level {
    let key = LevelKey { product: ProductId::derived("p"), store: StoreId::derived("s") };
    let availability = if quantity > 0 { Availability::InStock } else { Availability::OutOfStock };
    let quantity = Some(quantity);
    let told = Told::default();
    Level { key, availability, quantity, as_of: Micros(1), again: None, source: "pos", told }
}

/// SQLite has one writer, so there is nothing to wait for.
#[tokio::test]
async fn a_level_that_is_told_while_it_is_to_be_forgotten_is_not_lost() {
    let Some((db, _ground)) = postgres("a level that is told while it is to be forgotten").await
    else {
        return;
    };
    let mut tx = db.begin().await.unwrap();
    put_levels(&mut tx, &[level(5)], Unsaid::Kept, Micros(10)).await.unwrap();
    tx.commit().await.unwrap();
    // A till has told another count, which nobody sees yet.
    let mut till = db.begin().await.unwrap();
    put_levels(&mut till, &[level(0)], Unsaid::Kept, Micros(20)).await.unwrap();
    let sweeping = tokio::spawn({
        let db = db.clone();
        async move {
            let [product, store] =
                [level(0).key.product.to_string(), level(0).key.store.to_string()];
            let mut tx = db.begin().await.unwrap();
            let keys = [[product.as_str(), store.as_str()]];
            let forgotten = forget::forget(&mut tx, &keys, Micros(10), Micros(30)).await.unwrap();
            tx.commit().await.unwrap();
            forgotten
        }
    });
    until_one_waits(&db).await;
    till.commit().await.unwrap();
    assert_eq!(sweeping.await.unwrap(), 0);
    const LEVELS: &str = "SELECT availability FROM stock_levels";
    let levels: Vec<String> =
        on_db!(&db, c => sqlx::query_scalar(LEVELS).fetch_all(c).await).unwrap();
    assert_eq!(levels, ["out_of_stock"]);
    assert_eq!(rows_after(&db, 0).await.len(), 2, "the first level and the turn are told");
}

/// No test of this version reads the Redis server that `tests/run` starts: this proves that it would
/// be there.
#[test]
fn the_redis_server_of_the_test_run_answers() {
    use std::io::{BufRead as _, BufReader, Write as _};
    let found = std::env::vars().find(|(name, _)| name == "COMPTOIR_TEST_REDIS");
    let Some((_, url)) = found else {
        println!("SKIPPED on Redis: COMPTOIR_TEST_REDIS names no server");
        return;
    };
    let address = url.trim_start_matches("redis://").trim_end_matches('/');
    let mut server = std::net::TcpStream::connect(address).unwrap();
    let patience = Some(Duration::from_secs(10));
    server.set_read_timeout(patience).unwrap();
    server.write_all(b"PING\r\n").unwrap();
    let mut answer = String::new();
    BufReader::new(server).read_line(&mut answer).unwrap();
    assert_eq!(answer, "+PONG\r\n");
}
