//! Databases on a PostgreSQL server that tests may use as they like. The scenarios in `tests/it`
//! include this file too, so it uses nothing of the program.

use sqlx::{AssertSqlSafe, Connection as _, PgConnection};
use std::path::Path;

/// The PostgreSQL server that tests may make databases on.
pub(crate) fn server() -> Option<String> {
    std::env::vars().find(|(name, _)| name == "COMPTOIR_TEST_POSTGRES").map(|(_, url)| url)
}

/// An empty database, dropped with this value.
#[derive(Debug)]
pub(crate) struct Scratch {
    server: String,
    name: String,
    url: String,
}

impl Scratch {
    /// Makes one on the server.
    pub(crate) async fn on(server: &str) -> Self {
        Self::made(server, "").await
    }

    /// Makes a copy of it; nothing may be connected to it.
    async fn copy(&self) -> Self {
        Self::made(&self.server, &format!(" TEMPLATE {}", self.name)).await
    }

    async fn made(server: &str, from: &str) -> Self {
        let name = format!("t{:016x}", getrandom::u64().expect("randomness"));
        let (base, _) = server.rsplit_once('/').expect("the URL names a database");
        let url = format!("{base}/{name}");
        let sql = format!("CREATE DATABASE {name}{from}");
        tell(server, sql).await.expect("the server makes a database");
        Self { server: server.to_owned(), name, url }
    }

    /// Where it is, for `database.url`.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }
}

impl Drop for Scratch {
    /// Best effort: a database that stays is in nobody's way.
    fn drop(&mut self) {
        let server = self.server.clone();
        // By force, because the connections of what is dropped beside this may be open still.
        let sql = format!("DROP DATABASE {} WITH (FORCE)", self.name);
        // On a thread of its own, because a test's runtime cannot be waited for from within.
        let dropping = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            let _ = runtime.map(|runtime| runtime.block_on(tell(&server, sql)));
        });
        let _ = dropping.join();
    }
}

/// The name of an SQLite database in its folder.
pub(crate) const FILE: &str = "comptoir.db";

/// What most tests begin with: making the schema anew takes longer than what many of them do.
#[derive(Debug)]
pub(crate) enum Template {
    Server(Scratch),
    File(Vec<u8>),
}

impl Template {
    /// `fill` makes the schema in a new database, which is named as in `database.url`, and leaves it.
    pub(crate) async fn filled(fill: impl AsyncFnOnce(&str)) -> Self {
        if let Some(server) = server() {
            let scratch = Scratch::on(&server).await;
            fill(scratch.url()).await;
            return Self::Server(scratch);
        }
        let dir = tempfile::tempdir().expect("a temporary folder");
        let path = dir.path().join(FILE);
        fill(&format!("sqlite:{}", path.display())).await;
        Self::File(std::fs::read(path).expect("a database"))
    }

    /// A copy: on the server, or in a folder where there is none.
    pub(crate) async fn copy(&self, dir: &Path) -> Option<Scratch> {
        match self {
            Self::Server(scratch) => Some(scratch.copy().await),
            Self::File(bytes) => {
                std::fs::write(dir.join(FILE), bytes).expect("a database");
                None
            }
        }
    }
}

/// Runs one statement on the server.
async fn tell(server: &str, sql: String) -> Result<(), sqlx::Error> {
    let mut connection = PgConnection::connect(server).await?;
    sqlx::query(AssertSqlSafe(sql)).execute(&mut connection).await?;
    connection.close().await
}
