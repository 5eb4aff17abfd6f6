//! Runs: how far the journal of each process is in the ledger, so that what nobody has seen yet is known to be
//! missing.
//!
//! A run is written down before its first answer. While it lives it tells again and again that everything up to
//! an instant is in the ledger; one that says no more, and was not ended, may hold events that only its disk has. It is
//! ended by its own graceful stop, by the next start on its data directory, by [`recover`], which takes the
//! directory of another node, or by [`lose`], where there is no such directory any more. What all this leaves open is
//! [`incomplete()`], which a close of a period asks.

use super::journal::{Boot, held_epochs, last_epoch, set_aside_in};
use super::ledger::{self, FoldError, FoldReport};
use crate::kernel::Micros;
use crate::kernel::clock::{MINUTE, SECOND};
use crate::kernel::id::NodeId;
use crate::kernel::word::words;
use crate::storage::{Db, StoreError, Tx};
use std::path::Path;

mod incomplete;
mod lost;
mod store;

pub use incomplete::{Incomplete, Lack, incomplete};
pub use lost::{Loss, lose};
pub(super) use store::count;

/// The longest that a call may take from being accepted to its answer. What is accepted is recorded when its answer is
/// ready, so a later one may still be on its way when the journal is folded. Handlers are bound far below: the
/// longest, a wait for changes, ends after 30 seconds.
pub(super) const LONGEST_CALL: i64 = 15 * MINUTE;

/// After so long without a word a run counts as silent.
const SILENT_AFTER: i64 = MINUTE;

/// So often a run tells how far it is.
pub(super) const TELL_EVERY: i64 = 5 * SECOND;

words! {
    /// How a run ended.
    pub enum End {
        /// It was stopped, and everything was folded.
        Drained = "drained",
        /// It was killed, and its journal was folded afterwards.
        Recovered = "recovered",
        /// The same after a restart of the machine, where answers did not wait for the disk: what was recorded in the last
        /// moments may have been lost with the power.
        TailUnsure = "tail_unsure",
        /// It was killed and its journal is gone: somebody has said so.
        Lost = "lost",
        /// Of a version that kept no runs.
        Before = "before",
    }
}

/// A run as the ledger knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Run {
    /// The node.
    pub node: NodeId,
    /// The number of the run on that node.
    pub epoch: u64,
    /// The program's version; empty where it was not kept.
    pub version: String,
    /// When it began.
    pub started_at: Micros,
    /// Every event whose call was accepted before is in the ledger.
    pub through: Micros,
    /// Up to when its journal was folded, as it last said.
    pub told_at: Micros,
    /// The number behind the highest that the ledger knows: of a run that does not end well, what has this number or a
    /// higher one may be missing, and what outlasted the segment that has its number.
    pub next_seq: u64,
    /// Numbers below it that the ledger has nothing of.
    pub missing: u64,
    /// When and how it ended; a run that goes on has none.
    pub ended: Option<(Micros, End)>,
}

impl Run {
    /// Whether it has neither ended nor said anything for a minute: a killed or hanging process, or one without its
    /// database.
    #[must_use]
    pub fn is_silent(&self, now: Micros) -> bool {
        self.ended.is_none() && self.told_at < silent_before(now)
    }

    /// No call that was accepted before has its event in what was not folded when the run last spoke.
    fn tail_from(&self) -> Micros {
        Micros(self.told_at.0.saturating_sub(LONGEST_CALL))
    }
}

/// How all runs together stand.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Standing {
    /// Runs that are silent.
    pub silent: i64,
    /// Numbers without an event, in all runs.
    pub missing: i64,
    /// Up to when the journals of all runs that go on and are not silent are in the ledger; none where there is none.
    pub folded_through: Option<Micros>,
    /// The same of all runs that go on: a silent one may hold what it has answered since it fell silent.
    pub complete_through: Option<Micros>,
}

/// The instant since which a run must have said something, not to be silent.
fn silent_before(now: Micros) -> Micros {
    Micros(now.0.saturating_sub(SILENT_AFTER))
}

/// Writes down a new run of this boot of the machine. To be called before its first answer. `synced`: each answer waits
/// until the disk has its event.
pub async fn begin(
    db: &Db,
    run: (NodeId, u64),
    now: Micros,
    synced: bool,
) -> Result<(), StoreError> {
    store::begin(db, run, (&Boot::current().text(), synced), now).await
}

/// The highest number of a run of this node that the ledger knows; 0 where it knows none.
pub async fn newest(db: &Db, node: NodeId) -> Result<u64, StoreError> {
    store::newest(db, node).await
}

/// The runs of a node that `dir` may hold something of and that have said something within the last minute, so that their
/// process may still write: then `dir` is a copy, and is not to be recovered.
pub async fn speaking(
    dir: &Path,
    node: NodeId,
    db: &Db,
    now: Micros,
) -> Result<Vec<Run>, FoldError> {
    Ok(store::speaking(db, (node, last_epoch(dir)?), silent_before(now)).await?)
}

/// Folds the journal that an earlier process has left in `dir`, and ends its runs where nothing of it is left, not
/// even a file that was set aside before. Neither that process nor another one may use it meanwhile.
pub async fn recover(
    dir: &Path,
    node: NodeId,
    db: &Db,
    now: Micros,
) -> Result<FoldReport, FoldError> {
    recover_in(Boot::current(), dir, node, db, now).await
}

/// Recovers in a given boot of the machine.
pub(super) async fn recover_in(
    boot: Boot,
    dir: &Path,
    node: NodeId,
    db: &Db,
    now: Micros,
) -> Result<FoldReport, FoldError> {
    let mut report = ledger::recover_in(boot, dir, db, now).await?;
    report.set_aside = set_aside_in(dir)?;
    if report.busy == 0 && report.set_aside.is_empty() {
        store::end_recovered(db, (node, held_epochs(dir)?), &boot.text(), now).await?;
    }
    Ok(report)
}

/// Ends a run whose journal was drained.
pub(super) async fn drained(db: &Db, run: (NodeId, u64), now: Micros) -> Result<(), StoreError> {
    store::end_drained(db, run, now).await
}

/// Tells how far a run is. One that was ended by others, and tells nevertheless, goes on.
pub(super) async fn tell(
    db: &Db,
    run: (NodeId, u64),
    (through, folded): (Micros, Micros),
) -> Result<(), StoreError> {
    store::tell(db, run, (through, folded)).await
}

/// How all runs stand.
pub async fn standing(db: &Db, now: Micros) -> Result<Standing, StoreError> {
    store::standing(db, silent_before(now)).await
}

/// The runs that do not tell what the ledger has of them, each in a sentence: what a close takes for complete rests on them.
pub async fn untrue(tx: &mut Tx) -> Result<Vec<String>, StoreError> {
    let told = |(node, epoch, last, own): (String, i64, i64, Option<i64>)| {
        let own = own
            .map_or("is not there".to_owned(), |own| format!("tells of those up to below {own}"));
        format!(
            "{node} process {epoch}: the ledger has numbers up to below {last} of it, and it {own}"
        )
    };
    Ok(store::untrue(tx).await?.into_iter().map(told).collect())
}

/// The runs that go on, those that have said nothing for longest first, and then those of which something is missing or not
/// sure, newest first; at most `most`.
pub async fn noteworthy(db: &Db, most: u32) -> Result<Vec<Run>, StoreError> {
    store::noteworthy(db, most).await
}
