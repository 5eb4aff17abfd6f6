//! Answers that outlast their segment: read slowly, they must not hold back the ledger for everybody else.
//!
//! The event of one is written once more, into the current segment, and the record of before says that it has
//! moved. Its number stays: it is the id that the caller has. At every instant one of the two records, or
//! both, hold the event, so a killed process leaves it as `crash_unconfirmed`; where it leaves both, recovery
//! takes the first (`Harvest::leave_out`).

use super::record::{decode, seq_of};
use super::{Journal, JournalError, JournalFull, Segment};
use crate::kernel::Micros;
use parking_lot::Mutex;
use std::collections::HashMap;
use std::sync::Arc;

/// Where the events of a process are that have moved and have not ended, by their number.
#[derive(Debug, Default)]
pub(super) struct Moves(Mutex<Moved>);

#[derive(Debug, Default)]
struct Moved {
    open: HashMap<u64, (Arc<Segment>, u32)>,
    /// When the oldest call was accepted of those that have ended since the mark.
    ended: Option<Micros>,
}

/// When the call of a record was accepted.
fn accepted((segment, slot): &(Arc<Segment>, u32)) -> Option<Micros> {
    let (_, payload) = segment.read(*slot);
    decode(&payload?).ok().map(|(_, event)| event.started_at)
}

impl Moves {
    /// Ends a record that has moved; false if it has not, or was ended already.
    pub(super) fn settle(&self, seq: u64, handed_over: bool) -> bool {
        // Held until it is ended, or it would be moved on meanwhile, and nobody would end it there.
        let mut moved = self.0.lock();
        let Some(found) = moved.open.remove(&seq) else { return false };
        moved.ended = moved.ended.into_iter().chain(accepted(&found)).min();
        found.0.settle_here(found.1, handed_over)
    }

    /// Forgets what has ended: whoever folds now folds it.
    pub(super) fn mark(&self) {
        self.0.lock().ended = None;
    }

    /// When the oldest call was accepted of those that have moved, and have not ended before the mark.
    pub(super) fn oldest(&self) -> Option<Micros> {
        let moved = self.0.lock();
        moved.open.values().filter_map(accepted).chain(moved.ended).min()
    }

    /// The segment that a record has moved to.
    pub(super) fn segment_of(&self, seq: u64) -> Option<u32> {
        self.0.lock().open.get(&seq).map(|(segment, _)| segment.header.segment)
    }

    /// How many open records have moved into a segment.
    pub(super) fn waiting_in(&self, segment: &Arc<Segment>) -> u32 {
        let moved = self.0.lock();
        moved.open.values().filter(|(found, _)| Arc::ptr_eq(found, segment)).count() as u32
    }

    /// Says of an open record that its event stands elsewhere; false if it has ended meanwhile, where it was.
    fn leave(&self, from: &Segment, Copied { slot, seq, to, place }: Copied) -> bool {
        // Held throughout: whoever ends the record finds it before the move or behind it.
        let mut moved = self.0.lock();
        if !from.leave(slot) {
            to.withdraw(place);
            return false;
        }
        moved.open.insert(seq, (to, place));
        true
    }
}

/// A record that was written once more.
struct Copied {
    /// Where it was first.
    slot: u32,
    seq: u64,
    /// The segment and the place that it has now.
    to: Arc<Segment>,
    place: u32,
}

impl Journal {
    /// Moves what is open in a closed segment into the current one, so that the rest can be folded; how many
    /// records. Where there is no room, the rest of them stay. To be called where a thread may wait for the disk.
    pub(crate) fn carry(&self, closed: &Segment) -> Result<u32, JournalFull> {
        let mut copies = Vec::new();
        let mut done = Ok(());
        for slot in closed.open() {
            match self.append_again(closed, slot) {
                Ok(copied) => copies.extend(copied),
                Err(full) => {
                    done = Err(full);
                    break;
                }
            }
        }
        if self.is_synced() {
            self.keep(&copies)?;
        }
        let left =
            copies.into_iter().filter_map(|copied| self.moves.leave(closed, copied).then_some(()));
        let carried = left.count() as u32;
        done.map(|()| carried)
    }

    /// Brings copies to the disk before the records that it has are left, which may be those of answers that were released.
    fn keep(&self, copies: &[Copied]) -> Result<(), JournalFull> {
        let mut last: Option<&Arc<Segment>> = None;
        for Copied { to, .. } in copies {
            if last.is_none_or(|last| !Arc::ptr_eq(last, to)) && to.commit().is_err() {
                copies.iter().for_each(|copied| copied.to.withdraw(copied.place));
                self.fail();
                return Err(JournalFull::Failed);
            }
            last = Some(to);
        }
        Ok(())
    }

    /// Brings the segments to the disk that records of a closed segment have moved to, where there are any.
    pub(crate) fn sync_moved(&self, closed: &Segment) -> Result<(), JournalError> {
        if closed.has_moved() { self.sync().map_err(JournalError::io(&self.dir)) } else { Ok(()) }
    }

    fn append_again(&self, closed: &Segment, slot: u32) -> Result<Option<Copied>, JournalFull> {
        let (_, Some(payload)) = closed.read(slot) else { return Ok(None) };
        loop {
            let current = self.current.load_full();
            if let Some(place) = current.append_again(&payload) {
                let seq = seq_of(&payload);
                return Ok(Some(Copied { slot, seq, to: current, place }));
            }
            self.replace(&current)?;
        }
    }
}
