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

    /// Moves an open record into the segment that `append` finds for it; false if it ended meanwhile.
    fn carry(
        &self,
        (from, slot): (&Segment, u32),
        append: impl FnOnce() -> Result<Option<(u64, Arc<Segment>, u32)>, JournalFull>,
    ) -> Result<bool, JournalFull> {
        // Held throughout: whoever ends the record finds it before the move or behind it.
        let mut moved = self.0.lock();
        let Some((seq, to, place)) = append()? else { return Ok(false) };
        if !from.leave(slot) {
            to.withdraw(place);
            return Ok(false);
        }
        moved.open.insert(seq, (to, place));
        Ok(true)
    }
}

impl Journal {
    /// Moves what is open in a closed segment into the current one, so that the rest can be folded; how many
    /// records. Where there is no room, the rest of them stay.
    pub(crate) fn carry(&self, closed: &Segment) -> Result<u32, JournalFull> {
        let mut carried = 0;
        for slot in closed.open() {
            let again = || self.append_again(closed, slot);
            carried += u32::from(self.moves.carry((closed, slot), again)?);
        }
        Ok(carried)
    }

    /// Brings the segments to the disk that records of a closed segment have moved to, where there are any.
    pub(crate) fn sync_moved(&self, closed: &Segment) -> Result<(), JournalError> {
        if closed.has_moved() { self.sync().map_err(JournalError::io(&self.dir)) } else { Ok(()) }
    }

    fn append_again(
        &self,
        closed: &Segment,
        slot: u32,
    ) -> Result<Option<(u64, Arc<Segment>, u32)>, JournalFull> {
        let (_, Some(payload)) = closed.read(slot) else { return Ok(None) };
        loop {
            let current = self.current.load_full();
            if let Some(place) = current.append_again(&payload) {
                return Ok(Some((seq_of(&payload), current, place)));
            }
            self.replace(&current)?;
        }
    }
}
