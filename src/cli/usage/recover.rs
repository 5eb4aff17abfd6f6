//! `comptoir usage recover`.

use super::super::speak::say;
use crate::app::lock_data_dir;
use crate::kernel::Micros;
use crate::metering::{journal, runs};
use crate::storage::{Db, node_of};
use anyhow::Context as _;
use std::path::PathBuf;

/// Which directory is recovered.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Args {
    /// The node's data directory.
    #[arg(value_name = "DIR")]
    dir: PathBuf,
    /// The node is known to be gone, although it has said within the last minute that it runs. If this is wrong, because DIR
    /// is a copy of the directory of a node that runs, usage is lost: what that node records from the time of the copy on
    /// in the part of its journal that was being written then is set aside on its disk, and is not billed.
    #[arg(long)]
    dead: bool,
}

/// Folds the journal of a node that does not come back, and ends its runs.
pub(super) async fn run(db: &Db, Args { dir, dead }: &Args, now: Micros) -> anyhow::Result<()> {
    let name = dir.display();
    let node = node_of(dir)?
        .with_context(|| format!("{name} is no data directory of a node: it has no file `node`"))?;
    let _lock = lock_data_dir(dir)?;
    let journal = dir.join(journal::DIR);
    if !dead && let Some(run) = runs::speaking(&journal, node, db, now).await?.pop() {
        let (epoch, told) = (run.epoch, run.told_at);
        anyhow::bail!(
            "{node} has said at {told} that its run {epoch} goes on, and {name} may be a copy of its directory: nothing \
             was done. If the node was killed, do this again a minute after that time, or now with --dead (see --help)"
        );
    }
    let report = runs::recover(&journal, node, db, now).await?;
    anyhow::ensure!(
        report.busy == 0,
        "{} segments in {name} are in use by a running process; stop it, and do this again",
        report.busy
    );
    let set_aside: Vec<String> =
        report.set_aside.iter().map(|path| path.display().to_string()).collect();
    anyhow::ensure!(
        set_aside.is_empty(),
        "{} events of {node} came into the ledger, but its runs stay open, for these files may hold others: {}. A \
         .conflict is unlike what the ledger has under its name (a copy of this directory was recovered, or the database is an \
         older one); of an .unreadable the beginning is damaged. Keep what you may need of them elsewhere, move them out of \
         the directory, and do this again: what they hold is not billed then",
        report.events,
        set_aside.join(", ")
    );
    say(format!(
        "{node}: {} events in {} segments came into the ledger, {} of them without a known end (never billed); \
         {} numbers hold no event; {} segments were there already. Its runs are ended.",
        report.events, report.segments, report.unconfirmed, report.missing, report.repeated
    ))
}
