//! `comptoir usage`.

use super::speak::unheard;
use crate::config::Config;
use crate::metering::export::{ExportError, Format, Summary, export, export_to_file};
use crate::metering::period::Period;
use crate::storage::Db;
use std::io::{BufWriter, Write as _};
use std::path::PathBuf;

mod lost;
mod recover;

/// Usage.
#[derive(Debug, clap::Subcommand)]
pub(super) enum UsageCommand {
    /// Write every usage event of a period.
    Export {
        /// A month (2026-11) or a day (2026-11-22), in UTC.
        #[arg(long)]
        period: Period,
        /// csv or ndjson.
        #[arg(long, default_value = "csv")]
        format: Format,
        /// The file to write; standard output where it is left out.
        #[arg(long, value_name = "FILE")]
        out: Option<PathBuf>,
    },
    /// Bring what a node has recorded into the ledger, where it does not come back: from its data directory, on a disk
    /// of this machine. Nothing must run on it, nor on what it is a copy of.
    Recover(recover::Args),
    /// Give up a run of a node whose data directory is gone. What it had recorded and the ledger has not is never billed.
    Lost(lost::Args),
}

/// The rows go to the file or to standard output, the control totals to standard error.
pub(super) async fn run(config: &Config, command: UsageCommand) -> anyhow::Result<()> {
    let (db, clock) = super::database(config).await?;
    match command {
        UsageCommand::Export { period, format, out } => {
            let summary = match out {
                None => to_stdout(&db, period, format).await?,
                Some(path) => export_to_file(&db, period, format, &path).await?,
            };
            let _ = write!(std::io::stderr(), "{summary}");
            Ok(())
        }
        UsageCommand::Recover(args) => recover::run(&db, &args, db.now(&clock).await?).await,
        UsageCommand::Lost(args) => lost::run(&db, clock.now(), args).await,
    }
}

async fn to_stdout(db: &Db, period: Period, format: Format) -> anyhow::Result<Summary> {
    let mut out = BufWriter::new(std::io::stdout());
    let summary = export(db, period, format, &mut out).await.map_err(|error| match error {
        ExportError::Write(error) => unheard(error),
        error => error.into(),
    })?;
    out.flush().map_err(unheard)?;
    Ok(summary)
}
