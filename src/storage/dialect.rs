//! The few things that SQLite and PostgreSQL do differently, side by side.

use super::StoreError;
use sqlx::migrate::MigrateError;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{
    ConnectOptions as _, Connection as _, PgConnection, PgPool, Postgres, SqlitePool, Transaction,
};
use std::path::Path;
use std::str::FromStr;
use std::time::Duration;
use tokio::time::timeout;

/// How long a statement waits for a connection or a lock before it is an error.
const PATIENCE: Duration = Duration::from_secs(10);

/// How long it is looked for the reason why no connection came.
const PROBE: Duration = Duration::from_secs(2);

/// Rows per multi-row statement: keeps bind parameters (rows x columns) below SQLite's 32,766.
pub const ROWS_PER_STATEMENT: usize = 500;

/// Rows that may wait for who reads them: with few, the threads on both sides sleep and wake for each handful.
const ROWS_AHEAD: usize = 500;

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
        .pragma("cache_size", "-16384")
        .row_buffer_size(ROWS_AHEAD)
        .disable_statement_logging()
}

/// How the connection that writes opens it. A page that several transactions change is copied from the log to the file once
/// for many of them, and what one transaction changes is kept in memory until its commit: levels come tens of thousands
/// a second, in no order. The log grows to 32 MiB for it.
pub(super) fn sqlite_writing(path: &Path) -> SqliteConnectOptions {
    sqlite_options(path).pragma("wal_autocheckpoint", "8000").pragma("cache_size", "-65536")
}

/// How an SQLite file is opened to be looked at.
pub(super) fn sqlite_looking(path: &Path) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(path)
        .read_only(true)
        .busy_timeout(PATIENCE)
        .disable_statement_logging()
}

/// Ends a `SELECT` that keeps rows from others until the end of its transaction, as an update of them does. They are taken
/// in the order of their ids as bytes, whichever the database sorts by, so that of two who want several neither waits for
/// the other. In SQLite a transaction that writes keeps everything.
pub(super) const POSTGRES_HOLD: &str = " ORDER BY id COLLATE \"C\" FOR NO KEY UPDATE";

/// Counts the table of migrations: 1 or 0.
pub(super) const SQLITE_MIGRATED: &str =
    "SELECT COUNT(*) FROM sqlite_master WHERE type = 'table' AND name = '_sqlx_migrations'";
/// The same.
pub(super) const POSTGRES_MIGRATED: &str = "SELECT COUNT(*) FROM information_schema.tables \
     WHERE table_schema = current_schema() AND table_name = '_sqlx_migrations'";

/// The time of a PostgreSQL server, in microseconds. SQLite has none of its own: its one machine has.
pub(super) const POSTGRES_NOW: &str =
    "SELECT (EXTRACT(EPOCH FROM clock_timestamp()) * 1000000)::BIGINT";

/// Whether PostgreSQL has refused something because the role may not do that (`insufficient_privilege`).
pub(super) fn is_forbidden(error: &StoreError) -> bool {
    let cause = match error {
        StoreError::Migrate(MigrateError::Execute(cause)) => cause,
        StoreError::Migrate(MigrateError::ExecuteMigration(cause, _))
        | StoreError::Other(cause) => cause,
        _ => return false,
    };
    cause.as_database_error().is_some_and(|refused| refused.code().as_deref() == Some("42501"))
}

pub(super) async fn sqlite_pool(
    options: SqliteConnectOptions,
    max_connections: u32,
) -> Result<SqlitePool, sqlx::Error> {
    SqlitePoolOptions::new()
        .max_connections(max_connections)
        .acquire_timeout(PATIENCE)
        // Where the disk is full, SQLite ends a transaction by itself, and the driver does not learn of it: to the driver the
        // connection is in that transaction for good, and begins no other.
        .before_acquire(|connection, _| {
            let is_free = !connection.is_in_transaction();
            Box::pin(std::future::ready(Ok(is_free)))
        })
        .connect_with(options)
        .await
}

pub(super) async fn postgres_pool(url: &str, max_connections: u32) -> Result<PgPool, StoreError> {
    postgres_connect(PgConnectOptions::from_str(url)?, max_connections).await
}

/// A connection whose transactions can change nothing.
pub(super) async fn postgres_looking(url: &str) -> Result<PgPool, StoreError> {
    let options = PgConnectOptions::from_str(url)?;
    let options = options.options([("default_transaction_read_only", "on")]);
    // Who looks is a person or a script, and would wait for long to be told that nothing listens there.
    match timeout(PROBE, PgConnection::connect_with(&options)).await {
        Ok(Err(sqlx::Error::Io(error))) => return Err(unreached(&options, error.to_string())),
        Ok(Ok(probe)) => drop(probe.close().await),
        Ok(Err(_)) | Err(_) => {}
    }
    postgres_connect(options, 1).await
}

async fn postgres_connect(
    options: PgConnectOptions,
    max_connections: u32,
) -> Result<PgPool, StoreError> {
    let options = options.application_name("comptoir").disable_statement_logging();
    let pool = PgPoolOptions::new().max_connections(max_connections).acquire_timeout(PATIENCE);
    match pool.connect_with(options.clone()).await {
        // A server that is not there yet is waited for, and then the reason is not known any more.
        Err(sqlx::Error::PoolTimedOut) => Err(no_answer(&options).await),
        Err(sqlx::Error::Io(error)) => Err(unreached(&options, error.to_string())),
        opened => Ok(opened?),
    }
}

/// Begins a transaction, also to its end where the caller gives up meanwhile: a connection that was told to `BEGIN` and
/// does not know it yet would go back to the pool with that transaction open, and what others write on it would never
/// be committed.
pub(super) async fn postgres_begin(
    pool: &PgPool,
    begin: &'static str,
) -> Result<Transaction<'static, Postgres>, StoreError> {
    let pool = pool.clone();
    match tokio::spawn(async move { pool.begin_with(begin).await }).await {
        Ok(begun) => Ok(begun?),
        Err(ended) => Err(StoreError::Unavailable(sqlx::Error::Io(ended.into()))),
    }
}

/// Why a server does not answer.
async fn no_answer(options: &PgConnectOptions) -> StoreError {
    match timeout(PROBE, PgConnection::connect_with(options)).await {
        Ok(Err(sqlx::Error::Io(error))) => unreached(options, error.to_string()),
        Ok(Err(error)) => unreached(options, error.to_string()),
        Ok(Ok(_)) => unreached(options, "it has just begun to, or lets too few in".into()),
        Err(_) => unreached(options, "nothing comes back".into()),
    }
}

fn unreached(options: &PgConnectOptions, why: String) -> StoreError {
    let at = match options.get_socket() {
        Some(socket) => socket.display().to_string(),
        None => format!("{}:{}", options.get_host(), options.get_port()),
    };
    StoreError::Unreached { at, why }
}
