//! `comptoir usage`.

use super::speak::{say, unheard};
use crate::app::lock_data_dir;
use crate::config::Config;
use crate::kernel::Micros;
use crate::metering::export::{ExportError, Format, Summary, export, export_to_file};
use crate::metering::period::Period;
use crate::metering::{journal, runs};
use crate::storage::{Db, node_of};
use anyhow::Context as _;
use std::io::{BufWriter, Write as _};
use std::path::{Path, PathBuf};

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
    /// of this machine. Nothing must run on it.
    Recover {
        /// The node's data directory.
        #[arg(value_name = "DIR")]
        dir: PathBuf,
    },
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
        UsageCommand::Recover { dir } => recover(&db, &dir, clock.now()).await,
    }
}

/// Folds the journal of a node that does not come back, and ends its runs.
async fn recover(db: &Db, dir: &Path, now: Micros) -> anyhow::Result<()> {
    let name = dir.display();
    let node = node_of(dir)?
        .with_context(|| format!("{name} is no data directory of a node: it has no file `node`"))?;
    let _lock = lock_data_dir(dir)?;
    let report = runs::recover(&dir.join(journal::DIR), node, db, now).await?;
    anyhow::ensure!(
        report.busy == 0,
        "{} segments in {name} are in use by a running process; stop it, and do this again",
        report.busy
    );
    let set_aside: Vec<String> =
        report.set_aside.iter().map(|path| path.display().to_string()).collect();
    anyhow::ensure!(
        set_aside.is_empty(),
        "{} events of {node} came into the ledger, but some files must be looked at, and its runs stay open: {}",
        report.events,
        set_aside.join(", ")
    );
    say(format!(
        "{node}: {} events in {} segments came into the ledger, {} of them without a known end (never billed); \
         {} numbers hold no event; {} segments were there already. Its runs are ended.",
        report.events, report.segments, report.unconfirmed, report.missing, report.repeated
    ))
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
