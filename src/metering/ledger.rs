//! The ledger: closed segments go in, each exactly once, in one transaction with their sums.

use super::journal::{
    Boot, CONFLICT, Content, Harvest, Header, Journal, JournalError, JournalFull, Leftover,
    Segment, UNREADABLE, leftovers,
};
use super::runs::{self, LONGEST_CALL, TELL_EVERY};
use super::seal::{Sealed, genesis};
use super::store;
use crate::kernel::Micros;
use crate::storage::{Db, Log, StoreError, advance};
use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering::Relaxed};
use std::time::Duration;

/// Why a segment could not be folded. It stays where it is, and the next try takes it up.
#[derive(Debug, thiserror::Error)]
pub enum FoldError {
    /// The database refused or was not there.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The journal's files could not be read or removed.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// The events could not be compressed.
    #[error("a segment could not be sealed: {0}")]
    Seal(#[source] std::io::Error),
}

impl FoldError {
    /// Whether the database was not there, so that the same may go well in a moment.
    #[must_use]
    pub fn may_pass(&self) -> bool {
        matches!(self, Self::Store(StoreError::Unavailable(_) | StoreError::Unreached { .. }))
    }

    /// Whether the disk under the database had no room.
    #[must_use]
    pub fn is_full(&self) -> bool {
        matches!(self, Self::Store(StoreError::Full(_)))
    }
}

/// What one round of folding, or a recovery, has done.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FoldReport {
    /// Segments that came into the ledger.
    pub segments: u64,
    /// Events in them.
    pub events: u64,
    /// Of these, events whose process ended before they did; never billed.
    pub unconfirmed: u64,
    /// Sequence numbers that hold no whole event, and may have been answered calls.
    pub missing: u64,
    /// Sequence numbers that were given out and never used: no answer was released for them.
    pub unreleased: u64,
    /// Records of responses that go on, which will come with a later segment.
    pub carried: u64,
    /// Records that were given up: the process stops, or there was no room to follow their responses.
    pub given_up: u64,
    /// Segments that were in the ledger already.
    pub repeated: u64,
    /// Files that a person must look at: unreadable, or unlike what the ledger has of them. After the recovery of a
    /// directory, all that are in it.
    pub set_aside: Vec<PathBuf>,
    /// Segments that another running process holds.
    pub busy: usize,
}

/// What became of a segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Folded {
    Now,
    Before,
    /// The ledger has another segment of this name.
    Otherwise,
}

/// Folds the journal of this process.
#[derive(Debug)]
pub struct Folder {
    db: Db,
    journal: Arc<Journal>,
    patience: Duration,
    /// Everything that was recorded before this instant is in the ledger; 0 before the first round.
    folded: AtomicI64,
    /// The same as it was last told.
    told: AtomicI64,
    /// Whether a segment had to be set aside: then the ledger does not have everything, and no word is given that it has.
    lacking: AtomicBool,
}

impl Folder {
    /// A folder of `journal` into `db`. For so long a segment waits for responses that are under way; what
    /// takes longer is carried over to a later one.
    #[must_use]
    pub fn new(db: Db, journal: Arc<Journal>, patience: Duration) -> Self {
        let (folded, told) = (AtomicI64::new(0), AtomicI64::new(0));
        Self { db, journal, patience, folded, told, lacking: AtomicBool::new(false) }
    }

    /// The instant before which everything that was recorded is in the ledger; none before the first round.
    #[must_use]
    pub fn folded_through(&self) -> Option<Micros> {
        Some(self.folded.load(Relaxed)).filter(|at| *at > 0).map(Micros)
    }

    /// Folds what is closed and settled, oldest first; to be called about once a second. Where it
    /// fails nothing is lost: the segment stays, and the next call begins with it.
    pub async fn fold_once(&self, now: Micros) -> Result<FoldReport, FoldError> {
        // What is recorded from now on may go into the segment that follows. Where segments wait, none is closed
        // and the next round tells.
        self.journal.mark_moved();
        let mut whole = self.journal.closed().is_empty();
        if let Err(reason) = self.journal.close_current_if_due() {
            tracing::debug!(%reason, "no journal segment follows the current one");
            whole = false;
        }
        let mut report = FoldReport::default();
        let segments = self.journal.closed();
        let since: Vec<Micros> = segments.iter().map(|s| s.seen_closed(now)).collect();
        for (segment, since) in segments.iter().zip(since) {
            let waited = Duration::from_micros(u64::try_from(now.0 - since.0).unwrap_or(0));
            if !self.settle(segment, waited < self.patience, &mut report).await {
                whole = false;
                break;
            }
            self.fold_segment(segment, now, &mut report).await?;
        }
        if whole && !self.lacking.load(Relaxed) {
            self.tell(now).await?;
        }
        Ok(report)
    }

    /// Notes that everything recorded before `now` is in the ledger, and tells it there from time to time.
    async fn tell(&self, now: Micros) -> Result<(), StoreError> {
        self.folded.store(now.0, Relaxed);
        if now.0.saturating_sub(self.told.load(Relaxed)).abs() < TELL_EVERY {
            return Ok(());
        }
        let begun = Micros(now.0.saturating_sub(LONGEST_CALL));
        let through = self.journal.oldest_moved().map_or(begun, |moved| moved.min(begun));
        runs::tell(&self.db, self.journal.run(), (through, now)).await?;
        self.told.store(now.0, Relaxed);
        Ok(())
    }

    /// Makes a closed segment one that can be folded; false where it is to wait.
    async fn settle(
        &self,
        segment: &Arc<Segment>,
        may_wait: bool,
        report: &mut FoldReport,
    ) -> bool {
        if segment.is_settled() {
            return true;
        }
        if may_wait && !segment.waits_for_the_slow() {
            return false;
        }
        // Before what is open is looked for: whoever has not written yet writes elsewhere, so that nothing comes to be
        // open here behind the look.
        report.given_up += u64::from(segment.give_up_unwritten());
        let (closed, journal) = (Arc::clone(segment), Arc::clone(&self.journal));
        let carried = tokio::task::spawn_blocking(move || journal.carry(&closed)).await;
        match carried.unwrap_or(Err(JournalFull::Closed)) {
            Ok(carried) => report.carried += u64::from(carried),
            Err(_) if may_wait => return false,
            // Folding is what makes room again, so it does not wait for ever.
            Err(reason) => {
                let given_up = segment.give_up();
                tracing::error!(%reason, given_up, "answers under way were closed as aborted");
                report.given_up += u64::from(given_up);
            }
        }
        true
    }

    /// Folds everything and takes no more: for a graceful stop, after the last response. What is
    /// still open is aborted.
    pub async fn drain(&self, now: Micros) -> Result<FoldReport, FoldError> {
        self.journal.close();
        let mut report = FoldReport::default();
        for segment in self.journal.closed() {
            report.given_up += u64::from(segment.give_up());
            self.fold_segment(&segment, now, &mut report).await?;
        }
        if !self.lacking.load(Relaxed) {
            runs::drained(&self.db, self.journal.run(), now).await?;
        }
        Ok(report)
    }

    async fn fold_segment(
        &self,
        segment: &Arc<Segment>,
        now: Micros,
        report: &mut FoldReport,
    ) -> Result<(), FoldError> {
        let (closed, journal) = (Arc::clone(segment), Arc::clone(&self.journal));
        let harvest = tokio::task::spawn_blocking(move || {
            // What has moved is on the disk where it moved to before the place that it left goes away.
            journal.sync_moved(&closed)?;
            closed.sync_settled().map(|()| Harvest::of_segment(&closed))
        });
        let harvest = harvest.await.map_err(|e| FoldError::Seal(std::io::Error::other(e)))??;
        match fold(&self.db, harvest, now, report).await? {
            Folded::Now | Folded::Before => segment.remove()?,
            Folded::Otherwise => {
                self.lacking.store(true, Relaxed);
                let path = segment.set_aside(CONFLICT)?;
                tracing::error!(path = %path.display(), "a journal segment is kept for a look; its run stays open");
                report.set_aside.push(path);
            }
        }
        self.journal.release(segment);
        Ok(())
    }
}

/// Folds what earlier runs have left in `dir`, while no journal is open there, in a given boot of the machine. Events
/// without a completion become `crash_unconfirmed` and are never billed.
pub(super) async fn recover_in(
    boot: Boot,
    dir: &Path,
    db: &Db,
    now: Micros,
) -> Result<FoldReport, FoldError> {
    let (found, busy) = leftovers(dir)?;
    let mut report = FoldReport { busy, ..FoldReport::default() };
    let mut moved = HashSet::new();
    for (n, leftover) in found.iter().enumerate() {
        let mut content = leftover.content(boot)?;
        if let Content::Events(harvest) = &mut content {
            leave_out_twins(harvest, &found[..n], &mut moved)?;
        }
        recover_one((leftover, content), db, now, &mut report).await?;
    }
    Ok(report)
}

/// Leaves out what has moved into a segment and stands in an earlier one, too. `moved` has what moved into those
/// that were recovered before.
fn leave_out_twins(
    harvest: &mut Harvest,
    before: &[Leftover],
    moved: &mut HashSet<(u64, u64)>,
) -> Result<(), JournalError> {
    let epoch = harvest.header.epoch;
    let mut twice = HashSet::new();
    for seq in harvest.moved_here() {
        let stands_before = !moved.insert((epoch, seq));
        if stands_before || stands_in(before, harvest.header, seq)? {
            twice.insert(seq);
        }
    }
    harvest.leave_out(&twice);
    Ok(())
}

fn stands_in(before: &[Leftover], header: Header, seq: u64) -> Result<bool, JournalError> {
    for leftover in before {
        if leftover.holds(header, seq)? {
            return Ok(true);
        }
    }
    Ok(false)
}

async fn recover_one(
    (leftover, content): (&Leftover, Content),
    db: &Db,
    now: Micros,
    report: &mut FoldReport,
) -> Result<(), FoldError> {
    let folded = match content {
        Content::Events(harvest) => fold(db, harvest, now, report).await?,
        Content::Unused => return Ok(leftover.remove()?),
        Content::Unreadable => {
            let path = leftover.set_aside(UNREADABLE)?;
            tracing::error!(path = %path.display(), "a journal file has no header; kept for a look");
            report.set_aside.push(path);
            return Ok(());
        }
    };
    match folded {
        Folded::Now | Folded::Before => leftover.remove()?,
        Folded::Otherwise => report.set_aside.push(leftover.set_aside(CONFLICT)?),
    }
    Ok(())
}

/// One segment into the ledger: sums, position, and the row that makes it happen once.
async fn fold(
    db: &Db,
    harvest: Harvest,
    now: Micros,
    report: &mut FoldReport,
) -> Result<Folded, FoldError> {
    let (header, missing, unconfirmed) = (harvest.header, harvest.missing, harvest.unconfirmed);
    let node = header.node.to_string();
    let before = store::hash_before(db, &node, header.epoch, header.segment).await?;
    let prev_hash = before.unwrap_or_else(|| genesis(header.node, header.epoch));
    let sealing = tokio::task::spawn_blocking(move || Sealed::new(harvest, prev_hash));
    let sealed = sealing.await.map_err(std::io::Error::other).flatten().map_err(FoldError::Seal)?;
    let known = store::hash_of(db, &node, header.epoch, header.segment).await?;
    let known = match known {
        None if enter(db, &sealed, missing, now).await? => None,
        // Entered by another in the meantime.
        None => store::hash_of(db, &node, header.epoch, header.segment).await?,
        known => known,
    };
    let Some(known) = known else {
        report.segments += 1;
        report.events += sealed.events;
        report.unconfirmed += unconfirmed;
        report.missing += missing;
        report.unreleased += sealed.unreleased.len() as u64;
        if missing > 0 {
            let (epoch, segment) = (header.epoch, header.segment);
            tracing::warn!(node, epoch, segment, missing, "usage records are missing or damaged");
        }
        return Ok(Folded::Now);
    };
    report.repeated += 1;
    if known == sealed.hash {
        return Ok(Folded::Before);
    }
    let (epoch, segment) = (header.epoch, header.segment);
    tracing::error!(node, epoch, segment, "the ledger has other events under this name");
    Ok(Folded::Otherwise)
}

/// Writes a sealed segment; false, and nothing written, if the ledger has it.
async fn enter(db: &Db, sealed: &Sealed, missing: u64, now: Micros) -> Result<bool, StoreError> {
    let mut tx = db.begin().await?;
    store::add_hours(&mut tx, sealed).await?;
    let position = advance(&mut tx, Log::Usage, 1).await?;
    if store::insert_segment(&mut tx, sealed, position, now).await? {
        runs::count(&mut tx, sealed, missing).await?;
        tx.commit().await?;
        return Ok(true);
    }
    Ok(false)
}
