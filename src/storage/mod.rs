//! The database: SQLite or PostgreSQL behind one enum, one SQL text, one migrations folder.
//!
//! Domains keep their SQL in their own `store.rs` and run it through `on_db!` (reads) and
//! `on_tx!` (writes), which expand the same expression once per engine. What the engines do
//! differently lives in `dialect.rs`.

pub mod bulk;
pub mod changes;
pub mod dialect;
pub mod error;
pub mod fetch;
mod keeps;
pub mod lease;
pub mod log;
pub mod pulse;
#[cfg(test)]
pub(crate) mod testing;
mod turn;
pub mod witness;

pub use error::{StoreError, parsed};
pub use log::{Log, advance};
pub use pulse::Pulse;
pub use turn::one_at_a_time;

use crate::config::DatabaseUrl;
use crate::kernel::id::NodeId;
use crate::kernel::{Clock, Micros};
use sqlx::{PgPool, Postgres, Sqlite, SqlitePool, Transaction};
use std::path::Path;
use std::time::Duration;
use tokio::time::timeout;

/// A connected database.
#[derive(Debug, Clone)]
pub enum Db {
    /// The embedded engine: many readers, and one writer so that writers queue instead of failing.
    Sqlite {
        /// Connections that only read.
        read: SqlitePool,
        /// The one connection that writes.
        write: SqlitePool,
    },
    /// A PostgreSQL server.
    Postgres(PgPool),
}

/// A write transaction. Dropped without [`Tx::commit`], it is rolled back.
#[derive(Debug)]
pub enum Tx {
    /// On SQLite, begun with the write lock held.
    Sqlite(Transaction<'static, Sqlite>),
    /// On PostgreSQL, at READ COMMITTED.
    Postgres(Transaction<'static, Postgres>),
}

/// Runs an expression with `$c` bound to a pool to read from, once per engine.
#[macro_export]
macro_rules! on_db {
    ($db:expr, $c:ident => $body:expr) => {
        match $db {
            $crate::storage::Db::Sqlite { read: $c, .. } => $body,
            $crate::storage::Db::Postgres($c) => $body,
        }
    };
}

/// Runs an expression with `$c` bound to the transaction's connection, once per engine.
#[macro_export]
macro_rules! on_tx {
    ($tx:expr, $c:ident => $body:expr) => {
        match $tx {
            $crate::storage::Tx::Sqlite(tx) => {
                let $c = &mut **tx;
                $body
            }
            $crate::storage::Tx::Postgres(tx) => {
                let $c = &mut **tx;
                $body
            }
        }
    };
}

/// The file of a data directory that holds its identity.
const NODE: &str = "node";

static MIGRATIONS: sqlx::migrate::Migrator = sqlx::migrate!("src/storage/migrations");

/// Whether a database has had all migrations as they are here.
async fn is_current(pool: &PgPool, theirs: i64) -> Result<bool, StoreError> {
    const APPLIED: &str = "SELECT version, checksum FROM _sqlx_migrations WHERE success";
    if theirs == 0 {
        return Ok(false);
    }
    let applied: Vec<(i64, Vec<u8>)> = sqlx::query_as(APPLIED).fetch_all(pool).await?;
    let has =
        |version, checksum: &[u8]| applied.iter().any(|(v, c)| *v == version && c == checksum);
    Ok(MIGRATIONS.iter().all(|migration| has(migration.version, &migration.checksum)))
}

impl Db {
    /// Connects, creating an SQLite file where there is none. `max_connections` bounds the pool.
    pub async fn connect(url: &DatabaseUrl, max_connections: u32) -> Result<Self, StoreError> {
        match url {
            DatabaseUrl::Sqlite(path) => {
                let options = dialect::sqlite_options(path);
                let write = dialect::sqlite_pool(dialect::sqlite_writing(path), 1).await?;
                let read = dialect::sqlite_pool(options, max_connections).await?;
                Ok(Self::Sqlite { read, write })
            }
            DatabaseUrl::Postgres(url) => {
                Ok(Self::Postgres(dialect::postgres_pool(url.reveal(), max_connections).await?))
            }
        }
    }

    /// Connects to look: what is not there is an error, and nothing can be changed.
    pub async fn look(url: &DatabaseUrl) -> Result<Self, StoreError> {
        match url {
            DatabaseUrl::Sqlite(path) => {
                let read = dialect::sqlite_pool(dialect::sqlite_looking(path), 1).await?;
                Ok(Self::Sqlite { write: read.clone(), read })
            }
            DatabaseUrl::Postgres(url) => {
                Ok(Self::Postgres(dialect::postgres_looking(url.reveal()).await?))
            }
        }
    }

    /// Brings the schema to this version. Safe to run on several nodes at once.
    pub async fn migrate(&self) -> Result<(), StoreError> {
        let (theirs, ours) = (self.schema_version().await?, Self::known_schema_version());
        if theirs > ours {
            return Err(StoreError::Newer { theirs, ours });
        }
        let done = match self {
            Self::Sqlite { write, .. } => MIGRATIONS.run(write).await,
            // A role that owns nothing (`deploy/postgres-role.sql`) may change no schema, and need not. Who is refused
            // keeps sqlx's lock on its connection, for which all others would wait.
            Self::Postgres(pool) if is_current(pool, theirs).await? => Ok(()),
            Self::Postgres(pool) => MIGRATIONS.run(pool).await,
        };
        let kept = match done {
            Ok(()) => keeps::keep(self).await,
            Err(error) => Err(error.into()),
        };
        kept.map_err(|error| match dialect::is_forbidden(&error) {
            true => StoreError::NotOwner { theirs, ours },
            false => error,
        })
    }

    /// Begins a write transaction.
    pub async fn begin(&self) -> Result<Tx, StoreError> {
        Ok(match self {
            Self::Sqlite { write, .. } => Tx::Sqlite(write.begin_with("BEGIN IMMEDIATE").await?),
            Self::Postgres(pool) => Tx::Postgres(dialect::postgres_begin(pool, "BEGIN").await?),
        })
    }

    /// Begins a transaction that only reads, and sees one state of the database from its first
    /// statement to its end.
    pub async fn snapshot(&self) -> Result<Tx, StoreError> {
        const ONE_STATE: &str = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";
        Ok(match self {
            Self::Sqlite { read, .. } => Tx::Sqlite(read.begin().await?),
            Self::Postgres(pool) => Tx::Postgres(dialect::postgres_begin(pool, ONE_STATE).await?),
        })
    }

    /// `sqlite` or `postgresql`, for logs and `doctor`.
    #[must_use]
    pub fn engine(&self) -> &'static str {
        match self {
            Self::Sqlite { .. } => "sqlite",
            Self::Postgres(_) => "postgresql",
        }
    }

    /// Whether the database answers.
    pub async fn ping(&self) -> Result<(), StoreError> {
        on_db!(self, c => sqlx::query("SELECT 1").execute(c).await.map(|_| ()))?;
        Ok(())
    }

    /// Whether the database's server answers within a time. SQLite has none to wait for.
    pub async fn answers(&self, within: Duration) -> Result<(), StoreError> {
        match self {
            Self::Sqlite { .. } => Ok(()),
            Self::Postgres(_) => {
                timeout(within, self.ping()).await.unwrap_or_else(|_| Err(StoreError::late()))
            }
        }
    }

    /// The newest migration that this program knows.
    #[must_use]
    pub fn known_schema_version() -> i64 {
        MIGRATIONS.iter().map(|migration| migration.version).max().unwrap_or(0)
    }

    /// The newest migration that the database has had; 0 where it has had none.
    pub async fn schema_version(&self) -> Result<i64, StoreError> {
        let tables: i64 = match self {
            Self::Sqlite { read, .. } => {
                sqlx::query_scalar(dialect::SQLITE_MIGRATED).fetch_one(read).await?
            }
            Self::Postgres(pool) => {
                sqlx::query_scalar(dialect::POSTGRES_MIGRATED).fetch_one(pool).await?
            }
        };
        if tables == 0 {
            return Ok(0);
        }
        const NEWEST: &str = "SELECT COALESCE(MAX(version), 0) FROM _sqlx_migrations";
        Ok(on_db!(self, c => sqlx::query_scalar(NEWEST).fetch_one(c).await)?)
    }

    /// Closes all connections after the work under way.
    pub async fn close(&self) {
        match self {
            Self::Sqlite { read, write } => {
                read.close().await;
                write.close().await;
            }
            Self::Postgres(pool) => pool.close().await,
        }
    }

    /// The time by the clock that all nodes on this database share: the server's, or where there is no
    /// server, this machine's.
    pub async fn now(&self, clock: &Clock) -> Result<Micros, StoreError> {
        match self {
            Self::Sqlite { .. } => Ok(clock.now()),
            Self::Postgres(pool) => {
                Ok(Micros(sqlx::query_scalar(dialect::POSTGRES_NOW).fetch_one(pool).await?))
            }
        }
    }

    /// The value of a setting that all nodes share.
    pub async fn setting(&self, name: &str) -> Result<Option<String>, StoreError> {
        const FIND: &str = "SELECT value FROM settings WHERE name = $1";
        Ok(on_db!(self, c => sqlx::query_scalar(FIND).bind(name).fetch_optional(c).await)?)
    }
}

impl Tx {
    /// Makes everything done in this transaction durable and visible.
    pub async fn commit(self) -> Result<(), StoreError> {
        match self {
            Self::Sqlite(tx) => tx.commit().await?,
            Self::Postgres(tx) => tx.commit().await?,
        }
        Ok(())
    }

    /// The time by the clock that all nodes on this database share, as [`Db::now`]; `here` is this
    /// machine's.
    pub async fn now(&mut self, here: Micros) -> Result<Micros, StoreError> {
        match self {
            Self::Sqlite(_) => Ok(here),
            Self::Postgres(tx) => {
                Ok(Micros(sqlx::query_scalar(dialect::POSTGRES_NOW).fetch_one(&mut **tx).await?))
            }
        }
    }

    /// Stores a setting unless it is there; the value that holds afterwards.
    pub async fn setting_or(&mut self, name: &str, value: &str) -> Result<String, StoreError> {
        const PUT: &str =
            "INSERT INTO settings (name, value) VALUES ($1, $2) ON CONFLICT (name) DO NOTHING";
        const GET: &str = "SELECT value FROM settings WHERE name = $1";
        on_tx!(self, c => {
            sqlx::query(PUT).bind(name).bind(value).execute(&mut *c).await?;
            Ok(sqlx::query_scalar(GET).bind(name).fetch_one(c).await?)
        })
    }
}

/// The durable identity of this data directory, made at its first use.
pub fn node_id(data_dir: &Path) -> anyhow::Result<NodeId> {
    if let Some(id) = node_of(data_dir)? {
        return Ok(id);
    }
    let id = NodeId::random()?;
    write_durably(&data_dir.join(NODE), id.to_string().as_bytes())?;
    Ok(id)
}

/// The identity of a data directory; none where it has not been used.
pub fn node_of(data_dir: &Path) -> anyhow::Result<Option<NodeId>> {
    match std::fs::read_to_string(data_dir.join(NODE)) {
        Ok(text) => Ok(Some(text.trim().parse()?)),
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(e) => Err(e.into()),
    }
}

/// Writes a small file so that after a crash it holds either the old or the new content.
pub fn write_durably(path: &Path, content: &[u8]) -> std::io::Result<()> {
    use std::io::Write as _;
    use std::os::unix::fs::OpenOptionsExt as _;
    let staged = path.with_extension("new");
    let mut file = std::fs::OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&staged)?;
    file.write_all(content)?;
    file.sync_all()?;
    std::fs::rename(&staged, path)?;
    match path.parent() {
        Some(parent) => std::fs::File::open(parent)?.sync_all(),
        None => Ok(()),
    }
}

/// Makes a folder that holds nothing, whatever it held. The folder itself stays: it may be a disk of its
/// own.
pub fn emptied(folder: &Path) -> std::io::Result<()> {
    std::fs::create_dir_all(folder)?;
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            std::fs::remove_dir_all(entry.path())?;
        } else {
            std::fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
