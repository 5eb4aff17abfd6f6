//! The few things that SQLite and PostgreSQL do differently, side by side.

use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{ConnectOptions as _, PgPool, SqlitePool};
use std::path::Path;
use std::str::FromStr;
use std::time::Duration;

/// How long a statement waits for a connection or a lock before it is an error.
const PATIENCE: Duration = Duration::from_secs(10);

/// Rows per multi-row statement: keeps bind parameters (rows x columns) below SQLite's 32,766.
pub const ROWS_PER_STATEMENT: usize = 500;

/// How an SQLite file is opened: write-ahead log, synced at commit of the log (`NORMAL` would lose
/// the last commits on power loss, and a lost ledger commit would be a lost segment).
pub(super) fn sqlite_options(path: &Path) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(path)
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .busy_timeout(PATIENCE)
        .foreign_keys(true)
        .pragma("cache_size", "-65536")
        .disable_statement_logging()
}

pub(super) async fn sqlite_pool(
    options: SqliteConnectOptions,
    max_connections: u32,
) -> Result<SqlitePool, sqlx::Error> {
    SqlitePoolOptions::new()
        .max_connections(max_connections)
        .acquire_timeout(PATIENCE)
        .connect_with(options)
        .await
}

pub(super) async fn postgres_pool(url: &str, max_connections: u32) -> Result<PgPool, sqlx::Error> {
    let options = PgConnectOptions::from_str(url)?
        .application_name("comptoir")
        .disable_statement_logging();
    PgPoolOptions::new()
        .max_connections(max_connections)
        .acquire_timeout(PATIENCE)
        .connect_with(options)
        .await
}
