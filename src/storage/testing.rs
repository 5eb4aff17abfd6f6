//! A database of its own for each test: on the PostgreSQL server where one is named, else SQLite.

mod scratch;

use super::Db;
use crate::config::DatabaseUrl;
use crate::kernel::secret::Secret;
use scratch::{FILE, Scratch, Template};
use sqlx::Connection as _;
use std::ops::Deref;
use std::time::{Duration, Instant};
use tempfile::TempDir;
use tokio::sync::OnceCell;

static MIGRATED: OnceCell<Template> = OnceCell::const_new();

/// A migrated database that is gone with this value.
#[derive(Debug)]
pub(crate) struct TestDb {
    db: Db,
    place: Place,
}

/// Where a test's database is.
#[derive(Debug)]
enum Place {
    Folder(TempDir),
    Server(Scratch),
}

/// Makes a database with nothing in it.
pub(crate) async fn database() -> TestDb {
    let migrated = MIGRATED.get_or_init(async || Template::filled(migrate).await).await;
    let dir = tempfile::tempdir().unwrap();
    let place = match migrated.copy(dir.path()).await {
        Some(scratch) => Place::Server(scratch),
        None => Place::Folder(dir),
    };
    TestDb { db: place.connect().await, place }
}

/// Makes the schema in an empty database.
async fn migrate(url: &str) {
    let url = match url.strip_prefix("sqlite:") {
        Some(path) => DatabaseUrl::Sqlite(path.into()),
        None => DatabaseUrl::Postgres(Secret::new(url.to_owned())),
    };
    let db = Db::connect(&url, 1).await.unwrap();
    db.migrate().await.unwrap();
    db.close().await;
}

/// Makes a database as it was before a migration.
pub(super) async fn database_before(migration: i64) -> TestDb {
    let db = empty().await;
    let before = super::MIGRATIONS.iter().map(|known| known.version).filter(|v| *v < migration);
    let target = before.max().unwrap();
    match &*db {
        Db::Sqlite { write, .. } => super::MIGRATIONS.run_to(target, write).await.unwrap(),
        Db::Postgres(pool) => super::MIGRATIONS.run_to(target, pool).await.unwrap(),
    }
    db
}

async fn empty() -> TestDb {
    let place = match scratch::server() {
        Some(server) => Place::Server(Scratch::on(&server).await),
        None => Place::Folder(tempfile::tempdir().unwrap()),
    };
    let db = place.connect().await;
    TestDb { db, place }
}

impl TestDb {
    /// Waits until a transaction waits for a lock that another holds; on SQLite, where writers queue, there is
    /// nothing to wait for.
    pub(crate) async fn until_one_waits(&self) {
        const WAITING: &str = "SELECT count(*) FROM pg_stat_activity
            WHERE datname = current_database() AND wait_event_type = 'Lock'";
        let Db::Postgres(pool) = &self.db else { return };
        // A connection of its own: those of the pool may be all in use.
        let options = pool.connect_options();
        let mut looking = sqlx::PgConnection::connect_with(&options).await.unwrap();
        while sqlx::query_scalar::<_, i64>(WAITING).fetch_one(&mut looking).await.unwrap() == 0 {}
    }

    /// Waits until no connection has a transaction open; on SQLite the pool sees to that.
    pub(super) async fn until_none_is_in_a_transaction(&self) {
        const OPEN: &str = "SELECT count(*) FROM pg_stat_activity
            WHERE datname = current_database() AND state LIKE 'idle in transaction%'";
        let Db::Postgres(pool) = &self.db else { return };
        let options = pool.connect_options();
        let mut looking = sqlx::PgConnection::connect_with(&options).await.unwrap();
        let began = Instant::now();
        while sqlx::query_scalar::<_, i64>(OPEN).fetch_one(&mut looking).await.unwrap() > 0 {
            assert!(began.elapsed() < Duration::from_secs(10), "a transaction was left open");
        }
    }

    /// The same database after its connections were closed.
    pub(crate) async fn reconnect(&mut self) {
        self.db = self.place.connect().await;
    }
}

impl Place {
    async fn connect(&self) -> Db {
        let url = match self {
            Self::Folder(dir) => DatabaseUrl::Sqlite(dir.path().join(FILE)),
            Self::Server(scratch) => DatabaseUrl::Postgres(Secret::new(scratch.url().to_owned())),
        };
        Db::connect(&url, 2).await.unwrap()
    }
}

impl Deref for TestDb {
    type Target = Db;

    fn deref(&self) -> &Db {
        &self.db
    }
}
