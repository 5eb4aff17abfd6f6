//! The journal: a node's durable record of its events, in segments that survive the process.
//!
//! [`Journal::append`] claims a slot of the current segment and writes 84 bytes into a shared
//! mapping: no lock, no allocation, no system call. Segments are made ahead, closed by the folder or
//! when full, and their files removed once their events are in the ledger.

mod boot;
mod commit;
mod event_id;
mod harvest;
mod keeper;
mod leftover;
mod mapped;
mod moves;
pub(super) mod record;
mod segment;

pub(super) use boot::Boot;
pub use event_id::{EventId, InvalidEventId};
pub(super) use harvest::Harvest;
pub use keeper::Keeper;
pub(super) use leftover::{CONFLICT, Content, Leftover, UNREADABLE, leftovers, set_aside_in};
pub use leftover::{held_epochs, last_epoch, next_epoch};
pub(super) use segment::{Header, MAX_RECORDS, Segment};

use super::event::Event;
use crate::kernel::Micros;
use crate::kernel::id::NodeId;
use arc_swap::{ArcSwap, Guard};
use commit::GroupCommit;
use moves::Moves;
use parking_lot::Mutex;
use std::collections::VecDeque;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The folder of a data directory that holds its journal.
pub const DIR: &str = "journal";

/// How the journal uses its disk.
#[derive(Debug, Clone, Copy)]
pub struct JournalOptions {
    /// Records in a segment; a file has 128 bytes more than as many records.
    pub records_per_segment: u32,
    /// Closed segments that may wait for the ledger before calls are refused; at least 1.
    pub max_backlog_segments: usize,
    /// Whether each answer waits until the disk has its event, so that it survives a power cut.
    pub synced: bool,
}

impl Default for JournalOptions {
    /// Files of 4 MiB, and 1 GiB (over 8 million events) of backlog.
    fn default() -> Self {
        Self { records_per_segment: 32_767, max_backlog_segments: 256, synced: false }
    }
}

/// Why the journal cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// The directory or a file of it cannot be made, locked, read or written.
    #[error("the journal at {path} cannot be used: {source}")]
    Io {
        /// The directory or file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The counter of runs does not hold a number.
    #[error("{0} does not hold the number of the last run; restore it, or remove it")]
    Epoch(PathBuf),
    /// The size of a segment is out of range.
    #[error("a journal segment holds 1 to {MAX_RECORDS} records, not {0}")]
    Size(u32),
}

impl JournalError {
    pub(super) fn io(path: &Path) -> impl FnOnce(io::Error) -> Self + '_ {
        move |source| Self::Io { path: path.to_owned(), source }
    }
}

/// Why an event cannot be recorded; the call must then be refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum JournalFull {
    /// Too many segments wait for the ledger.
    #[error("too much usage waits for the ledger; see that the database can be reached")]
    Backlog,
    /// No new segment can be made.
    #[error("no space for usage records; free space on the journal's disk")]
    Disk,
    /// The disk took what was written and failed to keep it.
    #[error("the journal's disk has failed; see to it, and start this node again")]
    Failed,
    /// The journal is closed: the process is stopping.
    #[error("the journal is closed")]
    Closed,
}

/// What waits to be folded into the ledger.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Backlog {
    /// Closed segments.
    pub segments: usize,
    /// Events in them and in the current segment.
    pub events: u64,
}

/// The journal of a running node.
#[derive(Debug)]
pub struct Journal {
    dir: PathBuf,
    options: JournalOptions,
    current: ArcSwap<Segment>,
    state: Mutex<State>,
    moves: Arc<Moves>,
    /// None where answers do not wait for the disk.
    commit: Option<GroupCommit>,
}

#[derive(Debug, Default)]
struct State {
    /// Made ahead, so that changing segments costs no system call.
    spare: Option<Segment>,
    /// Oldest first.
    closed: VecDeque<Arc<Segment>>,
    /// Set when no segment could be made, so that calls do not try the disk one by one.
    disk_full: bool,
    /// The current segment is full and already among the closed: there was no other to follow it.
    retired: bool,
    /// What is on the disk is not known any more: nothing is taken until another process has recovered it.
    failed: bool,
    shut: bool,
}

impl Journal {
    /// Opens the journal of one run in `dir`, which must have been recovered before. `epoch` is
    /// from [`next_epoch`].
    pub fn open(
        dir: &Path,
        node: NodeId,
        epoch: u64,
        options: JournalOptions,
    ) -> Result<Self, JournalError> {
        let capacity = options.records_per_segment;
        if !(1..=MAX_RECORDS).contains(&capacity) {
            return Err(JournalError::Size(capacity));
        }
        std::fs::create_dir_all(dir).map_err(JournalError::io(dir))?;
        let (boot, synced) = (Boot::current(), options.synced);
        let header = Header { node, epoch, segment: 0, capacity, first_seq: 0, boot, synced };
        let commit = synced.then(GroupCommit::start).transpose().map_err(JournalError::io(dir))?;
        let moves = Arc::default();
        let first = Segment::create(dir, header, &moves).map_err(JournalError::io(dir))?.begin(0);
        Ok(Self {
            dir: dir.to_owned(),
            options,
            current: ArcSwap::from_pointee(first),
            state: Mutex::default(),
            moves,
            commit,
        })
    }

    /// Records an event. It survives the process from here on; the receipt says how it ends.
    pub fn append(&self, event: &Event) -> Result<Receipt, JournalFull> {
        loop {
            // The guard keeps the segment without touching the count that all threads share.
            let segment = self.current.load();
            if let Some(slot) = segment.append(event) {
                return Ok(Receipt { segment, slot, settled: false });
            }
            self.replace(&segment)?;
        }
    }

    /// Whether the last try to make a segment failed, or too many wait for the ledger: calls are
    /// refused once the current segment is used up. Or the disk has failed: calls are refused.
    #[must_use]
    pub fn is_full(&self) -> bool {
        let state = self.state.lock();
        state.failed || state.disk_full || state.closed.len() >= self.options.max_backlog_segments
    }

    /// What waits for the ledger.
    pub fn backlog(&self) -> Backlog {
        let state = self.state.lock();
        let closed: u64 = state.closed.iter().map(|s| u64::from(s.used())).sum();
        let open =
            if state.shut || state.retired { 0 } else { u64::from(self.current.load().used()) };
        Backlog { segments: state.closed.len(), events: closed + open }
    }

    /// Brings everything recorded so far to the disk.
    pub fn sync(&self) -> io::Result<()> {
        let (closed, current): (Vec<Arc<Segment>>, _) = {
            // At once, or a segment that is closed in between is in neither.
            let state = self.state.lock();
            (state.closed.iter().cloned().collect(), self.current.load_full())
        };
        for segment in &closed {
            segment.sync()?;
        }
        current.sync().map(|_| ())
    }

    /// Whether the disk has failed: no event is taken any more.
    #[must_use]
    pub fn has_failed(&self) -> bool {
        self.state.lock().failed
    }

    /// Takes no more events, for what is on the disk is not known.
    fn fail(&self) {
        let mut state = self.state.lock();
        if std::mem::replace(&mut state.failed, true) || state.shut {
            return;
        }
        let last = self.current.load_full();
        if last.close() > last.header.first_seq && !std::mem::replace(&mut state.retired, true) {
            state.closed.push_back(last);
        }
        tracing::error!(
            dir = %self.dir.display(),
            "the disk has failed to keep the journal: calls are refused until this node is started again"
        );
    }

    /// Makes the next segment ahead of need, if there is none.
    pub fn prepare(&self) -> io::Result<()> {
        let mut state = self.state.lock();
        if state.spare.is_none() && !state.shut && !state.failed {
            let made = self.create_next();
            state.disk_full = made.is_err();
            state.spare = Some(made?);
        }
        Ok(())
    }

    /// The node and the number of this run.
    pub(super) fn run(&self) -> (NodeId, u64) {
        let Header { node, epoch, .. } = self.current.load().header;
        (node, epoch)
    }

    /// Begins a round that folds all that has ended so far.
    pub(super) fn mark_moved(&self) {
        self.moves.mark();
    }

    /// When the oldest call was accepted whose event has moved and is not in what was closed since the mark.
    pub(super) fn oldest_moved(&self) -> Option<Micros> {
        self.moves.oldest()
    }

    /// Takes no more events; what is recorded waits for the ledger.
    pub(super) fn close(&self) {
        let mut state = self.state.lock();
        if !std::mem::replace(&mut state.shut, true) {
            let last = self.current.load_full();
            if last.close() > last.header.first_seq && !state.retired {
                state.closed.push_back(last);
            }
            state.spare = None;
        }
    }

    /// Closes the current segment if it has events and nothing else waits: while the ledger is
    /// away, segments fill up instead of becoming many. What has moved there and goes on is no event yet.
    pub(super) fn close_current_if_due(&self) -> Result<(), JournalFull> {
        let current = self.current.load_full();
        if current.used() == self.moves.waiting_in(&current) {
            return Ok(());
        }
        let mut state = self.state.lock();
        let current = self.current.load_full();
        if state.shut
            || state.failed
            || state.retired
            || !state.closed.is_empty()
            || current.used() == 0
        {
            return Ok(());
        }
        let changed = self.change(&mut state);
        if changed.is_err() && current.used() == current.header.capacity {
            // Once it is folded its file is removed, which makes room for another.
            current.close();
            state.closed.push_back(current);
            state.retired = true;
        }
        changed
    }

    /// The closed segments, oldest first.
    pub(super) fn closed(&self) -> Vec<Arc<Segment>> {
        self.state.lock().closed.iter().cloned().collect()
    }

    /// Lets go of a closed segment whose events are in the ledger.
    pub(super) fn release(&self, folded: &Arc<Segment>) {
        let mut state = self.state.lock();
        state.closed.retain(|segment| !Arc::ptr_eq(segment, folded));
        state.disk_full = false;
    }

    fn replace(&self, full: &Arc<Segment>) -> Result<(), JournalFull> {
        let mut state = self.state.lock();
        if state.shut {
            return Err(JournalFull::Closed);
        }
        if state.failed {
            return Err(JournalFull::Failed);
        }
        let is_full = full.used() == full.header.capacity;
        if !Arc::ptr_eq(&self.current.load(), full) || !is_full {
            return Ok(());
        }
        self.change(&mut state)
    }

    fn change(&self, state: &mut State) -> Result<(), JournalFull> {
        if state.closed.len() >= self.options.max_backlog_segments.max(1) {
            return Err(JournalFull::Backlog);
        }
        let next = match state.spare.take() {
            Some(spare) => spare,
            None if state.disk_full => return Err(JournalFull::Disk),
            None => self.create_next().map_err(|error| {
                state.disk_full = true;
                tracing::error!(%error, dir = %self.dir.display(), "no new journal segment");
                JournalFull::Disk
            })?,
        };
        let last = self.current.load_full();
        // Closed first: whoever claims a slot from now on finds none and waits for the lock.
        let next = next.begin(last.close());
        self.current.store(Arc::new(next));
        if !std::mem::take(&mut state.retired) {
            state.closed.push_back(last);
        }
        Ok(())
    }

    fn create_next(&self) -> io::Result<Segment> {
        let last = self.current.load().header;
        Segment::create(&self.dir, Header { segment: last.segment + 1, ..last }, &self.moves)
    }
}

/// Proof that an event is recorded. Dropped without [`Receipt::complete`], the response was not
/// handed over in full, and the event costs nothing.
#[derive(Debug)]
#[must_use = "dropping a receipt marks its call as aborted"]
pub struct Receipt {
    segment: Guard<Arc<Segment>>,
    slot: u32,
    settled: bool,
}

impl Receipt {
    /// The id that the caller gets.
    #[must_use]
    pub fn event_id(&self) -> EventId {
        let Header { node, epoch, .. } = self.segment.header;
        EventId { node, epoch, seq: self.segment.seq(self.slot) }
    }

    /// The segment that holds the event now: where the answer outlasts it, its event moves to a later one.
    #[must_use]
    pub fn segment(&self) -> u32 {
        self.segment.segment_of(self.slot)
    }

    /// Writes the text of the id into `out`, without allocating, and returns the part written.
    pub fn write_id<'a>(&self, out: &'a mut [u8; EventId::MAX_LEN]) -> &'a [u8] {
        self.segment.prefix.write(self.segment.seq(self.slot), out)
    }

    /// The body was handed over in full. False if that came too late: the event was closed as aborted, because
    /// the process stops or had no room to follow it any longer.
    pub fn complete(mut self) -> bool {
        self.settled = true;
        self.segment.settle(self.slot, true)
    }
}

impl Drop for Receipt {
    fn drop(&mut self) {
        if !self.settled {
            self.segment.settle(self.slot, false);
        }
    }
}
