//! `comptoir export`: what is there, as files.

use super::speak::say;
use crate::config::Config;
use anyhow::Context as _;

/// What can be exported.
#[derive(Debug, clap::Subcommand)]
pub(super) enum ExportCommand {
    /// Write a snapshot now, beside the daily one.
    Snapshot,
    /// Print partners, plans, apps and keys' metadata as a file for `comptoir apply`.
    Access {
        /// Name everything by its id too: what was renamed since is the same then, but the file is of this database alone.
        #[arg(long)]
        ids: bool,
    },
}

/// Works beside a running server, which serves the files.
pub(super) async fn run(config: &Config, command: ExportCommand) -> anyhow::Result<()> {
    if let ExportCommand::Access { ids } = command {
        return super::apply::export_access(config, ids).await;
    }
    let (db, clock) = super::database(config).await?;
    let worker = crate::app::export_worker(config, &db, &clock)?;
    let id = worker.snapshot(None).await?.context("the snapshot was not begun")?;
    say(format!("Snapshot {id} is written and is the latest from now on."))?;
    db.close().await;
    Ok(())
}
