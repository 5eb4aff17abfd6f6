//! `comptoir feed`.

use super::desk::ACTOR;
use super::freezes::Because;
use super::speak::{remark, say};
use super::table::{Table, or_dash, row};
use crate::access::error::Kind;
use crate::access::service::By;
use crate::access::store::{Change, record};
use crate::config::Config;
use crate::feeds::Feed;
use crate::feeds::store::held::{self, ImportQuery, ImportStatus};
use crate::feeds::store::sources;
use crate::kernel::Micros;
use crate::storage::{Db, Tx};
use anyhow::Context as _;
use serde_json::json;

/// Refused rows that are read at once.
const REFUSED_AT_ONCE: u32 = 500;

/// Imports, and the sources of those that come by themselves.
#[derive(Debug, clap::Subcommand)]
pub(super) enum FeedCommand {
    /// The newest imports.
    List {
        /// Only those that stand so: running, done, sweeping, held, approved, rejected, superseded or failed. `held` waits for approval.
        #[arg(long)]
        status: Option<ImportStatus>,
        /// Only those about this: categories, products, stores, promotions, offers or stock.
        #[arg(long)]
        feed: Option<Feed>,
        /// How many.
        #[arg(long, default_value_t = 20)]
        limit: u32,
    },
    /// One import as JSON: its sums, first refused rows, and some of what it would delete.
    Show {
        /// The import's id.
        id: String,
    },
    /// Every refused row of an import that is kept, at most 10,000, as a line of JSON each.
    Refused {
        /// The import's id.
        id: String,
    },
    /// Delete what a full import did not name and holds for approval.
    Approve {
        /// The import's id.
        id: String,
        #[command(flatten)]
        because: Because,
    },
    /// Keep what a full import did not name.
    Reject {
        /// The import's id.
        id: String,
        #[command(flatten)]
        because: Because,
    },
    /// The sources from which feeds come by themselves: how they were at the last look.
    Sources,
}

/// Works beside a running server, which follows the change log.
pub(super) async fn run(config: &Config, command: FeedCommand) -> anyhow::Result<()> {
    let (db, clock) = super::database(config).await?;
    match command {
        FeedCommand::List { status, feed, limit } => {
            let mut table = Table::new(IMPORT);
            let query = ImportQuery { status, feed, behind: None };
            for import in held::list(&db, &query, limit).await? {
                table.row(cells(&import))?;
            }
            table.end()?;
        }
        FeedCommand::Show { id } => {
            let shown = held::show(&db, &id).await?.with_context(|| no_import(&id))?;
            say(serde_json::to_string_pretty(&shown)?)?;
        }
        FeedCommand::Refused { id } => refused(&db, &id).await?,
        FeedCommand::Approve { id, because } => {
            // Whatever becomes of the deletions, it is known who wanted them.
            let mut tx = db.begin().await?;
            let approved = held::begin(&mut tx, &id).await?;
            told(&mut tx, &because.say(By::new(ACTOR, clock.now())), &id, "approve").await?;
            tx.commit().await?;
            let removed = held::carry_out(&db, &clock, &id, approved).await?;
            say(format!("{removed} deleted, for {id} did not name them."))?;
        }
        FeedCommand::Reject { id, because } => {
            let mut tx = db.begin().await?;
            held::reject(&mut tx, &id).await?;
            told(&mut tx, &because.say(By::new(ACTOR, clock.now())), &id, "reject").await?;
            tx.commit().await?;
            say(format!("Nothing is deleted for {id}."))?;
        }
        FeedCommand::Sources => {
            for source in sources::list(&db).await? {
                say(line(&source))?;
            }
        }
    }
    db.close().await;
    Ok(())
}

/// Writes the refused rows of an import, and last how many more there were.
async fn refused(db: &Db, id: &str) -> anyhow::Result<()> {
    let shown = held::show(db, id).await?;
    let total = shown.with_context(|| no_import(id))?.import.rejected;
    let (mut after, mut written) = (None, 0);
    loop {
        let rows = held::refused(db, id, after, REFUSED_AT_ONCE).await?;
        let Some((last, _)) = rows.last() else { break };
        after = Some(last.unsigned_abs());
        written += rows.len() as i64;
        for (_, row) in &rows {
            say(serde_json::to_string(row)?)?;
        }
    }
    if written < total {
        remark(format!("{} more rows were refused and are not kept.", total - written));
    }
    Ok(())
}

fn no_import(id: &str) -> String {
    format!("there is no import {id}; `comptoir feed list` shows them")
}

/// Writes down what was decided about an import, with what is done.
async fn told(tx: &mut Tx, by: &By<'_>, id: &str, op: &'static str) -> anyhow::Result<()> {
    let change = Change::new(Kind::Import, id, op, json!({}));
    Ok(record(tx, by, change).await?)
}

/// The columns of imports.
const IMPORT: &str =
    "ID BEGUN FEED FORMAT MODE STATUS ACCEPTED UNCHANGED REJECTED DELETED HELD SOURCE FILE";

fn cells(import: &held::Import) -> Vec<String> {
    let held::Import { id, feed, format, mode, status, file_name, .. } = import;
    let held::Import { accepted, unchanged, rejected, deleted, held, .. } = import;
    let (at, source) = (Micros(import.started_at), or_dash(import.source.as_ref()));
    row![
        id, at, feed, format, mode, status, accepted, unchanged, rejected, deleted, held, source,
        file_name
    ]
}

/// A source in one line, its troubles on lines of their own.
fn line(source: &sources::Source) -> String {
    let sources::Source { name, feeds, node, address, last_file, last_status, .. } = source;
    let or_none = |text: &Option<String>| text.clone().unwrap_or_else(|| "-".to_owned());
    let (format, mode) = (or_none(&source.format), or_none(&source.mode));
    let from = address.as_ref().map_or_else(|| "folder".to_owned(), |a| format!("polled {a}"));
    let at = Micros(source.looked_at);
    let mut text = format!("{name}  {feeds} {format} {mode}  {from}  looked at {at} by {node}");
    if let (Some(file), Some(status), Some(at)) = (last_file, last_status, source.last_at) {
        let imports = or_none(&source.last_imports);
        text += &format!("\n  {status} {} {file}  {imports}", Micros(at));
    }
    for (_, message) in source.left_out() {
        text += &format!("\n  left out: {message}");
    }
    for (what, value) in [
        ("importing", &source.importing),
        ("last file", &source.last_error),
        ("wrong", &source.problem),
    ] {
        if let Some(value) = value {
            text += &format!("\n  {what}: {value}");
        }
    }
    text
}
