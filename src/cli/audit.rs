//! `comptoir audit`: the chain of the audit log, checked.

use super::speak::say;
use crate::access::audit::{self, Break, Chain, Entry, GENESIS, Pin, store};
use crate::config::Config;
use crate::storage::Db;
use anyhow::Context as _;
use clap::{ArgGroup, Subcommand};
use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// The audit log.
#[derive(Debug, Subcommand)]
pub(super) enum AuditCommand {
    /// Check that no entry was changed, removed or added; the first that does not fit is named.
    #[command(group(ArgGroup::new("log").required(true).args(["file", "database"])))]
    Verify {
        /// An export (`GET /admin/v1/audit/export`), from its first entry on; needs no database.
        file: Option<PathBuf>,
        /// Check the log in the database.
        #[arg(long)]
        database: bool,
        /// The entry before the first one of the file, as POSITION:HASH, where it holds a part of the log.
        #[arg(long, value_name = "POSITION:HASH", conflicts_with = "database")]
        after: Option<Pin>,
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
        AuditCommand::Verify { file: Some(file), after, head, .. } => {
            let is_part = after.is_some();
            let chain = after.map_or_else(Chain::from_the_start, Chain::behind);
            verdict(in_file(&file, chain.pinned(head), is_part)?)
        }
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
            "{} entries fit, {} to {}:{}",
            chain.entries,
            chain.first(),
            chain.position,
            chain.hash
        ))?,
        Err(broken) => {
            say(format!("The audit log is broken at {broken}."))?;
            return Ok(ExitCode::FAILURE);
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Checks the entries of a file against the chain that they go on.
fn in_file(path: &Path, mut chain: Chain, is_part: bool) -> anyhow::Result<Result<Chain, Break>> {
    let name = path.display();
    let file = File::open(path).with_context(|| format!("{name} cannot be read"))?;
    let first = chain.position + 1;
    for (n, line) in BufReader::new(file).lines().enumerate() {
        let line = line.with_context(|| format!("{name} cannot be read"))?;
        let entry: Entry = serde_json::from_str(&line)
            .map_err(|_| anyhow::anyhow!("{name}:{}: is no entry of an export", n + 1))?;
        anyhow::ensure!(
            n > 0 || entry.position <= first || is_part,
            "{name} begins with entry {}, so the {} before it are not checked: export the whole log, or name \
             the entry before it with --after POSITION:HASH",
            entry.position,
            entry.position - 1
        );
        if let Err(broken) = chain.check(&entry) {
            return Ok(Err(broken));
        }
    }
    anyhow::ensure!(
        chain.entries > 0 || is_part,
        "{name} has no entries: an export has them from 1 on, or from those behind --after POSITION:HASH"
    );
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
