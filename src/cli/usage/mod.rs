//! `comptoir usage`.

mod export;
mod keys;
mod lost;
mod periods;
mod place;
mod reconcile;
mod recover;
mod statement;
mod verify;
mod which;

use super::table::{Table, row};
use crate::billing::export::Content;
use crate::config::Config;
use place::Place;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Usage.
#[derive(Debug, clap::Subcommand)]
pub(super) enum UsageCommand {
    /// Write usage and what it comes to as files: call by call, by hour, as lines of statements, or as FOCUS.
    Export(export::Args),
    /// Print the columns of a layout of `export`: their names, what they hold, and what that is.
    Columns {
        /// usage_events, usage_hourly, statement_lines, adjustments or focus-1.2.
        #[arg(value_name = "LAYOUT")]
        layout: Content,
    },
    /// Check an export without a database: exit code 0 where all is as it was signed, 1 where something is not, which is
    /// named, 2 where it could not be checked.
    Verify {
        /// The directory. Or s3://BUCKET/PREFIX, which is fetched into a directory that is gone afterwards: the settings of
        /// object storage are needed, and room in the system's directory for temporary files.
        #[arg(value_name = "DIR")]
        place: Place,
        /// The published keys, as `comptoir usage keys` prints them.
        #[arg(long, value_name = "FILE")]
        keys: PathBuf,
    },
    /// Print a proof that one row is in an export, which tells nothing else of it.
    Proof {
        /// The row: an event as `Usage-Event-Id` named it, the `line_id` of a statement's line, an adjustment's id, or the
        /// hash of any row.
        #[arg(value_name = "ROW")]
        row: String,
        /// The export's directory.
        #[arg(long = "in", value_name = "DIR")]
        dir: PathBuf,
    },
    /// Check a proof without a database: of a row of an export, or of an event that a closed period counts. Exit codes as
    /// with `verify`.
    VerifyProof {
        /// The proof, as `comptoir usage proof` or `GET /v1/usage/events/{event_id}/proof` gave it.
        #[arg(value_name = "FILE")]
        file: PathBuf,
        /// The published keys.
        #[arg(long, value_name = "FILE")]
        keys: PathBuf,
    },
    /// Print the public keys that manifests are signed with, as a JWKS.
    Keys {
        #[command(subcommand)]
        command: Option<keys::KeysCommand>,
    },
    /// List billing periods, the first to end first: how they stand, from when on they can be closed or when they were,
    /// how many apps owe something, and whether all calls are known to be in the ledger.
    Periods {
        /// Print the list as JSON.
        #[arg(long)]
        json: bool,
    },
    /// Close a billing period: its statements are frozen, for good.
    Close(periods::CloseArgs),
    /// Print a statement, write statements to files, or list them.
    Statement(statement::Args),
    /// Make a period again from what was recorded and compare: sums by hour with events, statements with sums, and what was
    /// answered, counted, billed and exported. Exit code 0 where all agrees, 1 where something does not, which is
    /// named, 2 where it could not be compared.
    Reconcile(reconcile::Args),
    /// Bring what a node has recorded into the ledger, where it does not come back: from its data directory, on a disk
    /// of this machine. Nothing must run on it, nor on what it is a copy of.
    Recover(recover::Args),
    /// Give up a run of a node whose data directory is gone. What it had recorded and the ledger has not is never billed.
    Lost(lost::Args),
}

/// What is checked is checked without settings, too.
pub(super) async fn run(file: Option<&Path>, command: UsageCommand) -> anyhow::Result<ExitCode> {
    let config = || super::load(file);
    match command {
        UsageCommand::Verify { place: Place::Directory(dir), keys } => {
            return verify::directory(&dir, &keys);
        }
        UsageCommand::Verify { place: Place::Bucket(at), keys } => {
            return verify::bucket(config, &at, &keys).await;
        }
        UsageCommand::VerifyProof { file, keys } => return verify::proof(&file, &keys),
        UsageCommand::Reconcile(args) => return reconcile::run(&config()?, &args).await,
        UsageCommand::Periods { json } => periods::periods(&config()?, json).await?,
        UsageCommand::Close(args) => periods::close(&config()?, args).await?,
        UsageCommand::Statement(args) => statement::run(&config()?, &args).await?,
        UsageCommand::Proof { row, dir } => verify::prove(&dir, &row)?,
        UsageCommand::Columns { layout } => columns(layout)?,
        UsageCommand::Export(args) => export::run(&config()?, &args).await?,
        UsageCommand::Keys { command } => keys::run(&config()?, command).await?,
        UsageCommand::Recover(args) => recover(&config()?, &args).await?,
        UsageCommand::Lost(args) => lost(&config()?, args).await?,
    }
    Ok(ExitCode::SUCCESS)
}

/// Prints the columns of a layout.
fn columns(content: Content) -> anyhow::Result<()> {
    let mut table = Table::new("COLUMN KIND NULL ABOUT");
    for column in content.layout().columns {
        let null = if column.optional { "yes" } else { "no" };
        table.row(row![column.name, column.kind.told(), null, column.about])?;
    }
    table.end()
}

async fn recover(config: &Config, args: &recover::Args) -> anyhow::Result<()> {
    let (db, clock) = super::database(config).await?;
    recover::run(&db, args, db.now(&clock).await?).await
}

async fn lost(config: &Config, args: lost::Args) -> anyhow::Result<()> {
    let (db, clock) = super::database(config).await?;
    lost::run(&db, clock.now(), args).await
}
