//! `comptoir audit`: the chain of the audit log, checked.

use super::speak::say;
use crate::access::audit::{self, Break, Chain, Entry, GENESIS, Pin, store};
use crate::config::Config;
use crate::storage::Db;
use anyhow::Context as _;
use clap::Subcommand;
use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// The audit log.
#[derive(Debug, Subcommand)]
pub(super) enum AuditCommand {
    /// Check that no entry was changed, removed or added; the first that does not fit is named.
    Verify {
        /// An export (`GET /admin/v1/audit/export`); needs no database.
        #[arg(required_unless_present = "database")]
        file: Option<PathBuf>,
        /// Check the log in the database.
        #[arg(long, conflicts_with = "file")]
        database: bool,
        /// An entry that was written down before, as POSITION:HASH: it must be there as it was.
        #[arg(long, value_name = "POSITION:HASH")]
        head: Option<Pin>,
    },
    /// Print the log as lines with their hashes, as the export does.
    Export,
    /// Print position and hash of the last entry, to be written down elsewhere.
    Head,
}

/// Exit code 1 where the chain is broken.
pub(super) async fn run(config: &Config, command: AuditCommand) -> anyhow::Result<ExitCode> {
    match command {
        AuditCommand::Verify { file: Some(file), head, .. } => verdict(in_file(&file, head)?),
        AuditCommand::Verify { head, .. } => {
            verdict(audit::verify(&look(config).await?, head).await?)
        }
        AuditCommand::Export => {
            export(&look(config).await?).await?;
            Ok(ExitCode::SUCCESS)
        }
        AuditCommand::Head => {
            let head = store::head(&look(config).await?).await?;
            let (position, hash) = head
                .map_or_else(|| (0, GENESIS.to_owned()), |(position, hash, _)| (position, hash));
            say(format!("{position}:{hash}"))?;
            Ok(ExitCode::SUCCESS)
        }
    }
}

/// The database to look at: what is checked must not be changed by the checking.
async fn look(config: &Config) -> anyhow::Result<Db> {
    Db::look(&config.database.url).await.context("the database (`database.url`) cannot be read")
}

fn verdict(checked: Result<Chain, Break>) -> anyhow::Result<ExitCode> {
    match checked {
        Ok(Chain { entries: 0, .. }) => say("There are no entries.")?,
        Ok(chain) => say(format!(
            "{} entries fit, up to {}:{}",
            chain.entries,
            chain.position,
            chain.hash.unwrap_or_default()
        ))?,
        Err(broken) => {
            say(format!("The audit log is broken at {broken}."))?;
            return Ok(ExitCode::FAILURE);
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn in_file(path: &Path, head: Option<Pin>) -> anyhow::Result<Result<Chain, Break>> {
    let name = path.display();
    let file = File::open(path).with_context(|| format!("{name} cannot be read"))?;
    let mut chain = Chain::from_anywhere().pinned(head);
    for (n, line) in BufReader::new(file).lines().enumerate() {
        let line = line.with_context(|| format!("{name} cannot be read"))?;
        let entry: Entry = serde_json::from_str(&line)
            .with_context(|| format!("{name}:{}: is no entry of an export", n + 1))?;
        if let Err(broken) = chain.check(&entry) {
            return Ok(Err(broken));
        }
    }
    Ok(chain.end())
}

async fn export(db: &Db) -> anyhow::Result<()> {
    let mut after = 0;
    loop {
        let entries = store::range(db, after, i64::MAX, store::BATCH).await?;
        for (entry, _) in &entries {
            say(serde_json::to_string(entry)?)?;
        }
        let Some((last, _)) = entries.last() else { return Ok(()) };
        after = last.position;
    }
}
