//! Databases on a PostgreSQL server that tests may use as they like. The scenarios in `tests/it`
//! include this file too, so it uses nothing of the program.

use sqlx::{AssertSqlSafe, Connection as _, PgConnection};

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
        let name = format!("t{:016x}", getrandom::u64().expect("randomness"));
        let (base, _) = server.rsplit_once('/').expect("the URL names a database");
        let url = format!("{base}/{name}");
        tell(server, format!("CREATE DATABASE {name}")).await.expect("the server makes a database");
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

/// Runs one statement on the server.
async fn tell(server: &str, sql: String) -> Result<(), sqlx::Error> {
    let mut connection = PgConnection::connect(server).await?;
    sqlx::query(AssertSqlSafe(sql)).execute(&mut connection).await?;
    connection.close().await
}
