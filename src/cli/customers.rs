//! `comptoir customers`.

use super::speak::say;
use crate::config::Config;
use crate::customers::import::{CustomerFeed, import_file};
use anyhow::Context as _;
use std::path::PathBuf;
use std::process::ExitCode;

#[derive(Debug, clap::Subcommand)]
pub(super) enum CustomersCommand {
    /// Import customers' data into the embedded store, from NDJSON, plain or gzip.
    ///
    /// Exit code 0 where every line was taken, 3 where lines were refused. What stood in a refused line is not repeated: it
    /// is a customer's.
    Import {
        /// What the files are about: customers, purchases, loyalty, lists or promotions.
        feed: CustomerFeed,
        /// Files, one document a line; customers before what is theirs.
        #[arg(required = true, value_name = "FILE")]
        files: Vec<PathBuf>,
    },
}

pub(super) async fn run(config: &Config, command: CustomersCommand) -> anyhow::Result<ExitCode> {
    let CustomersCommand::Import { feed, files } = command;
    // What is wrong with the words is said before anything is stored.
    for file in &files {
        let found = std::fs::metadata(file)
            .with_context(|| format!("{} cannot be read", file.display()))?;
        anyhow::ensure!(found.is_file(), "{} is no file", file.display());
    }
    let (db, _) = super::database(config).await?;
    let most = u64::from(config.feeds.max_mib) * 1024 * 1024;
    let mut rejected = 0;
    for file in &files {
        let report = Box::pin(import_file(&db, feed, file, most)).await?;
        rejected += report.rejected;
        say(format!("{}\n{}", file.display(), report.to_string().trim_end()))?;
    }
    db.close().await;
    Ok(if rejected == 0 { ExitCode::SUCCESS } else { ExitCode::from(3) })
}
