//! `comptoir usage recover`.

use crate::app::lock_data_dir;
use crate::cli::speak::say;
use crate::kernel::Micros;
use crate::metering::{journal, runs};
use crate::storage::{Db, node_of};
use anyhow::Context as _;
use std::path::Path;

/// Folds the journal of a node that does not come back, and ends its runs.
pub(super) async fn recover(db: &Db, dir: &Path, now: Micros) -> anyhow::Result<()> {
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
