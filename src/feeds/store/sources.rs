//! How the sources of feeds are, as the node that looks at them tells all nodes.

use crate::feeds::{Feed, Format};
use crate::kernel::Micros;
use crate::storage::bulk::{self, Cell, Statement};
use crate::storage::{Db, StoreError, Tx};
use crate::{on_db, on_tx};
use serde::Serialize;

static TELL: Statement = Statement::new(
    "INSERT INTO feed_sources (name, feeds, format, mode, address, every_s, problem, node, looked_at)
       VALUES",
    9,
    "ON CONFLICT (name) DO UPDATE SET feeds = excluded.feeds, format = excluded.format,
       mode = excluded.mode, address = excluded.address, every_s = excluded.every_s,
       problem = excluded.problem, node = excluded.node, looked_at = excluded.looked_at,
       importing = NULL",
);

/// A source as it was at a look.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::feeds) struct Looked {
    /// Its name.
    pub(in crate::feeds) name: String,
    /// What its settings say; none where they cannot be read.
    pub(in crate::feeds) says: Option<Says>,
    /// What is wrong with it.
    pub(in crate::feeds) problem: Option<String>,
}

/// What the settings of a source say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::feeds) struct Says {
    /// The feeds that a file tells, between spaces.
    pub(in crate::feeds) feeds: String,
    /// How files are laid out.
    pub(in crate::feeds) format: &'static str,
    /// `full` or `incremental`.
    pub(in crate::feeds) mode: &'static str,
    /// Where files are fetched, without what may be secret, and the seconds between two polls.
    pub(in crate::feeds) remote: Option<(String, u64)>,
}

/// What became of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::feeds) struct Ended<'a> {
    /// Its name.
    pub(in crate::feeds) file: &'a str,
    /// `done`, `held` or `failed`.
    pub(in crate::feeds) status: &'static str,
    /// Why it failed.
    pub(in crate::feeds) error: Option<&'a str>,
    /// When it ended.
    pub(in crate::feeds) at: Micros,
    /// The imports that came of it, between spaces.
    pub(in crate::feeds) imports: String,
}

/// A source as it is told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, sqlx::FromRow)]
pub struct Source {
    /// Its name: that of its folder.
    pub name: String,
    /// The feeds that a file tells, between spaces; empty where its settings cannot be read.
    pub feeds: String,
    /// How files are laid out.
    pub format: Option<String>,
    /// `full` or `incremental`.
    pub mode: Option<String>,
    /// Where files are fetched, without query.
    pub address: Option<String>,
    /// Seconds between two polls.
    pub every_s: Option<i64>,
    /// What is wrong with it now.
    pub problem: Option<String>,
    /// The node that looked at it.
    pub node: String,
    /// When, in microseconds.
    pub looked_at: i64,
    /// The file that is being imported.
    pub importing: Option<String>,
    /// When a look was asked for that has not been done yet, in microseconds.
    pub asked_at: Option<i64>,
    /// The last file's name.
    pub last_file: Option<String>,
    /// What became of it: `done`, `held` or `failed`.
    pub last_status: Option<String>,
    /// Why it failed.
    pub last_error: Option<String>,
    /// When it ended, in microseconds.
    pub last_at: Option<i64>,
    /// The imports that came of it, between spaces.
    pub last_imports: Option<String>,
}

impl Source {
    /// What its format tells and is not imported, for no store is named for it, and why.
    #[must_use]
    pub fn left_out(&self) -> Vec<(Feed, String)> {
        let format = self.format.as_deref().and_then(|format| format.parse::<Format>().ok());
        let Some(format) = format else { return Vec::new() };
        // Who named one feed has left nothing out that is to be told.
        let taken = self.feeds.split_whitespace();
        if !taken.eq(format.feeds(false).iter().map(|feed| feed.as_str())) {
            return Vec::new();
        }
        format.left_out(false).map(|feed| (feed, format.names_no_store(feed))).collect()
    }
}

/// All sources, by name.
pub async fn list(db: &Db) -> Result<Vec<Source>, StoreError> {
    const LIST: &str = "SELECT * FROM feed_sources ORDER BY name";
    Ok(on_db!(db, c => sqlx::query_as(LIST).fetch_all(c).await)?)
}

/// One source, where there is one.
pub async fn find(db: &Db, name: &str) -> Result<Option<Source>, StoreError> {
    const FIND: &str = "SELECT * FROM feed_sources WHERE name = $1";
    Ok(on_db!(db, c => sqlx::query_as(FIND).bind(name).fetch_optional(c).await)?)
}

/// Asks the node that looks for a look at a source; whether there is such a source.
pub async fn ask(db: &Db, name: &str, now: Micros) -> Result<bool, StoreError> {
    const ASK: &str = "UPDATE feed_sources SET asked_at = $1 WHERE name = $2";
    let mut tx = db.begin().await?;
    let found = on_tx!(&mut tx, c => {
        sqlx::query(ASK).bind(now.0).bind(name).execute(c).await?.rows_affected()
    });
    tx.commit().await?;
    Ok(found == 1)
}

/// The sources for which a look was asked, and when.
pub(in crate::feeds) async fn asked(db: &Db) -> Result<Vec<(String, i64)>, StoreError> {
    const ASKED: &str = "SELECT name, asked_at FROM feed_sources WHERE asked_at IS NOT NULL";
    Ok(on_db!(db, c => sqlx::query_as(ASKED).fetch_all(c).await)?)
}

/// Tells how sources were at a look.
pub(in crate::feeds) async fn tell(
    tx: &mut Tx,
    looked: &[&Looked],
    node: &str,
    now: Micros,
) -> Result<(), StoreError> {
    let mut cells: Vec<Cell<'_>> = Vec::with_capacity(9 * looked.len());
    for Looked { name, says, problem } in looked {
        let says = says.as_ref();
        let remote = says.and_then(|says| says.remote.as_ref());
        cells.extend([
            name.as_str().into(),
            says.map_or("", |says| says.feeds.as_str()).into(),
            says.map(|says| says.format).into(),
            says.map(|says| says.mode).into(),
            remote.map(|(address, _)| address.as_str()).into(),
            remote.map(|(_, every_s)| *every_s as i64).into(),
            problem.as_deref().into(),
            node.into(),
            now.0.into(),
        ]);
    }
    bulk::without_nul(&mut cells);
    bulk::write(tx, &TELL, &cells).await
}

/// Notes that the look which was asked for at an instant has been done.
pub(in crate::feeds) async fn answer(tx: &mut Tx, name: &str, at: i64) -> Result<(), StoreError> {
    const ANSWER: &str =
        "UPDATE feed_sources SET asked_at = NULL WHERE name = $1 AND asked_at = $2";
    on_tx!(tx, c => {
        sqlx::query(ANSWER).bind(name).bind(at).execute(c).await?;
    });
    Ok(())
}

/// Takes out what is a source no more.
pub(in crate::feeds) async fn take_out(tx: &mut Tx, name: &str) -> Result<(), StoreError> {
    const TAKE_OUT: &str = "DELETE FROM feed_sources WHERE name = $1";
    on_tx!(tx, c => {
        sqlx::query(TAKE_OUT).bind(name).execute(c).await?;
    });
    Ok(())
}

/// Tells that a file of a source is being imported.
pub(in crate::feeds) async fn begin(db: &Db, name: &str, file: &str) -> Result<(), StoreError> {
    const BEGIN: &str = "UPDATE feed_sources SET importing = $1 WHERE name = $2";
    let mut tx = db.begin().await?;
    on_tx!(&mut tx, c => {
        sqlx::query(BEGIN).bind(file).bind(name).execute(c).await?;
    });
    tx.commit().await
}

/// Tells what became of a file of a source.
pub(in crate::feeds) async fn end(
    db: &Db,
    name: &str,
    ended: &Ended<'_>,
) -> Result<(), StoreError> {
    const END: &str = "UPDATE feed_sources SET importing = NULL, last_file = $1, last_status = $2,
        last_error = $3, last_at = $4, last_imports = $5 WHERE name = $6";
    let error = ended.error.map(|error| error.replace('\0', "\u{fffd}"));
    let mut tx = db.begin().await?;
    on_tx!(&mut tx, c => {
        sqlx::query(END)
            .bind(ended.file)
            .bind(ended.status)
            .bind(&error)
            .bind(ended.at.0)
            .bind(&ended.imports)
            .bind(name)
            .execute(c)
            .await?;
    });
    tx.commit().await
}
