//! `comptoir usage`.

use crate::config::Config;
use crate::metering::export::{Format, export};
use crate::metering::period::Period;
use anyhow::Context as _;
use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::PathBuf;

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
}

#[expect(clippy::print_stderr, reason = "the command line speaks to its user")]
pub(super) async fn run(config: &Config, command: UsageCommand) -> anyhow::Result<()> {
    let UsageCommand::Export { period, format, out } = command;
    let (db, _) = super::database(config).await?;
    let summary = match out {
        None => {
            let mut out = BufWriter::new(std::io::stdout());
            let summary = export(&db, period, format, &mut out).await?;
            out.flush()?;
            summary
        }
        Some(path) => {
            // Under another name until it is whole, so that no half export is taken for one.
            let staged = path.with_extension("part");
            let file = File::create(&staged).with_context(|| staged.display().to_string())?;
            let mut out = BufWriter::new(file);
            let summary = export(&db, period, format, &mut out).await?;
            out.into_inner()?.sync_all()?;
            std::fs::rename(&staged, &path).with_context(|| path.display().to_string())?;
            summary
        }
    };
    eprint!("{summary}");
    Ok(())
}
