//! One file of the journal: how it is made, named and headed.

use super::JournalError;
use super::boot::Boot;
use super::event_id::Prefix;
use super::mapped::Mapped;
use super::moves::Moves;
use super::record::{Payload, RECORD, State, encode, number};
use crate::kernel::Micros;
use crate::kernel::id::NodeId;
use crate::metering::event::Event;
use parking_lot::Mutex;
use std::fs::File;
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU32, Ordering};
use std::sync::{Arc, OnceLock};

const MAGIC: &[u8; 8] = b"CPTJRNL1";
/// Stands behind the checksum where each answer has waited for the disk; elsewhere zeros.
const SYNCED: &[u8; 4] = b"SYNC";

/// Most records in a segment; also what a reader of a block takes at once.
pub(crate) const MAX_RECORDS: u32 = 1 << 20;

/// What the first 128 bytes of a segment say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Header {
    pub(crate) node: NodeId,
    pub(crate) epoch: u64,
    /// Number of the segment within the epoch.
    pub(crate) segment: u32,
    /// Records that fit.
    pub(crate) capacity: u32,
    /// Sequence number of the first record.
    pub(crate) first_seq: u64,
    /// The boot of the machine that it is written in.
    pub(crate) boot: Boot,
    /// Whether each answer has waited until the disk had its record.
    pub(crate) synced: bool,
}

impl Header {
    pub(crate) fn encode(&self) -> [u8; RECORD] {
        let mut out = [0; RECORD];
        out[0..8].copy_from_slice(MAGIC);
        out[8..16].copy_from_slice(&self.node.0.to_le_bytes());
        out[16..24].copy_from_slice(&self.epoch.to_le_bytes());
        out[24..28].copy_from_slice(&self.segment.to_le_bytes());
        out[28..32].copy_from_slice(&self.capacity.to_le_bytes());
        out[32..40].copy_from_slice(&self.first_seq.to_le_bytes());
        out[40..56].copy_from_slice(&self.boot.to_bytes());
        let crc = crc32fast::hash(&out[..56]);
        out[56..60].copy_from_slice(&crc.to_le_bytes());
        if self.synced {
            out[60..64].copy_from_slice(SYNCED);
        }
        out
    }

    /// The header in the first bytes of a file; `None` where there is none.
    pub(crate) fn decode(bytes: &[u8]) -> Option<Self> {
        let bytes = bytes.get(..RECORD)?;
        let whole = u64::from(crc32fast::hash(&bytes[..56])) == number(bytes, 56, 4);
        if !whole || &bytes[..8] != MAGIC {
            return None;
        }
        let header = Self {
            node: NodeId(number(bytes, 8, 8)),
            epoch: number(bytes, 16, 8),
            segment: number(bytes, 24, 4) as u32,
            capacity: number(bytes, 28, 4) as u32,
            first_seq: number(bytes, 32, 8),
            boot: Boot::from_bytes(bytes[40..56].try_into().ok()?),
            synced: &bytes[60..64] == SYNCED,
        };
        (1..=MAX_RECORDS).contains(&header.capacity).then_some(header)
    }
}

/// A segment that this process writes. One that was never used removes its file when dropped.
#[derive(Debug)]
pub(crate) struct Segment {
    mapped: Mapped,
    pub(super) header: Header,
    pub(super) prefix: Prefix,
    path: PathBuf,
    /// Where those of its records are that have moved.
    moves: Arc<Moves>,
    /// Slots that were claimed, once closed.
    used: OnceLock<u32>,
    /// When the folder first saw it closed, in microseconds.
    seen: AtomicI64,
    synced: AtomicU32,
    /// Whether the disk has its name.
    named: AtomicBool,
    /// Whether a sync of it has failed: what the disk has of it is not known from then on, though later ones succeed.
    failed: Mutex<bool>,
    /// Whether completions may have come since the last sync.
    trailing: AtomicBool,
}

impl Segment {
    /// Makes the file, locked and preallocated, so that a full disk is an error here and not later.
    pub(super) fn create(dir: &Path, header: Header, moves: &Arc<Moves>) -> io::Result<Self> {
        let path = dir.join(format!("{:016x}-{:08x}.seg", header.epoch, header.segment));
        // Under another name until it is locked: recovery takes what ends in `.seg` and is not.
        let staged = path.with_extension("new");
        let made = lock_and_allocate(&staged, Mapped::file_len(header.capacity))
            .and_then(|file| std::fs::rename(&staged, &path).map(|()| file))
            .and_then(|file| Mapped::new(file, header.capacity));
        let mapped = made.inspect_err(|_| {
            let _ = std::fs::remove_file(&staged);
        })?;
        Ok(Self {
            mapped,
            prefix: Prefix::new(header.node, header.epoch),
            header,
            path,
            moves: Arc::clone(moves),
            used: OnceLock::new(),
            seen: AtomicI64::new(i64::MAX),
            synced: AtomicU32::new(0),
            named: AtomicBool::new(false),
            failed: Mutex::new(false),
            trailing: AtomicBool::new(false),
        })
    }

    /// Makes it the segment whose first record is `first_seq`.
    pub(super) fn begin(mut self, first_seq: u64) -> Self {
        self.header.first_seq = first_seq;
        self.mapped.set_header(&self.header.encode());
        self
    }

    pub(super) fn append(&self, event: &Event) -> Option<u32> {
        self.mapped.append(|slot| encode(event, self.seq(slot)))
    }

    pub(super) fn seq(&self, slot: u32) -> u64 {
        self.header.first_seq + u64::from(slot)
    }

    /// Writes a record of an earlier segment once more.
    pub(super) fn append_again(&self, payload: &Payload) -> Option<u32> {
        self.mapped.append(|_| *payload)
    }

    /// Ends a record, wherever it has moved; false if it was ended already.
    pub(super) fn settle(&self, slot: u32, handed_over: bool) -> bool {
        self.settle_here(slot, handed_over) || self.moves.settle(self.seq(slot), handed_over)
    }

    /// Ends a record that has not moved.
    pub(super) fn settle_here(&self, slot: u32, handed_over: bool) -> bool {
        self.mapped.settle(slot, handed_over)
    }

    /// Says that the event of an open record stands elsewhere; false if it ended meanwhile.
    pub(super) fn leave(&self, slot: u32) -> bool {
        self.mapped.leave(slot)
    }

    /// Takes back what [`Segment::append_again`] wrote.
    pub(super) fn withdraw(&self, slot: u32) {
        self.mapped.withdraw(slot);
    }

    /// The number of the segment that holds the event of a record now.
    pub(super) fn segment_of(&self, slot: u32) -> u32 {
        let own = self.header.segment;
        if self.mapped.state(slot) != State::Moved as u8 {
            return own;
        }
        self.moves.segment_of(self.seq(slot)).unwrap_or(own)
    }

    /// Takes no more records; the sequence number after its last.
    pub(super) fn close(&self) -> u64 {
        self.seq(*self.used.get_or_init(|| self.mapped.close()))
    }

    /// Slots that were claimed.
    pub(super) fn used(&self) -> u32 {
        self.used.get().copied().unwrap_or_else(|| self.mapped.claimed())
    }

    /// When it was first seen closed: `now`, if this is the first time. A clock that was stepped
    /// back begins the wait anew, so that nothing waits for the step as well.
    pub(crate) fn seen_closed(&self, now: Micros) -> Micros {
        Micros(self.seen.fetch_min(now.0, Ordering::Relaxed).min(now.0))
    }

    /// The records whose responses are under way.
    pub(super) fn open(&self) -> impl Iterator<Item = u32> {
        (0..self.used()).filter(|slot| self.mapped.state(*slot) == State::Written as u8)
    }

    /// Whether every record has ended, or moved.
    pub(crate) fn is_settled(&self) -> bool {
        self.unsettled() == 0
    }

    /// Whether it waits for nothing but responses that have outlasted a segment before.
    pub(crate) fn waits_for_the_slow(self: &Arc<Self>) -> bool {
        self.unsettled() == self.moves.waiting_in(self)
    }

    /// Whether any of its records has moved.
    pub(super) fn has_moved(&self) -> bool {
        (0..self.used()).any(|slot| self.mapped.state(slot) == State::Moved as u8)
    }

    /// Slots that are claimed and not written, or written and not ended.
    fn unsettled(&self) -> u32 {
        (0..self.used()).filter(|slot| self.mapped.state(*slot) <= State::Written as u8).count()
            as u32
    }

    /// Ends what is still open: such records are aborted, which costs the partner nothing.
    pub(crate) fn give_up(&self) -> u32 {
        let open = (0..self.used())
            .filter(|&slot| self.mapped.void(slot) || self.settle_here(slot, false));
        open.count() as u32
    }

    /// Gives up what was claimed and not written: no answer was released for it.
    pub(crate) fn give_up_unwritten(&self) -> u32 {
        (0..self.used()).filter(|&slot| self.mapped.void(slot)).count() as u32
    }

    pub(super) fn read(&self, slot: u32) -> (u8, Option<Payload>) {
        self.mapped.read(slot)
    }

    /// Brings new records and completions to the disk; whether there was anything to bring.
    pub(super) fn sync(&self) -> io::Result<bool> {
        let used = self.used();
        let grew = self.synced.load(Ordering::Relaxed) != used;
        if !grew && !self.trailing.load(Ordering::Relaxed) {
            return Ok(false);
        }
        self.keep_name()?;
        self.flush()?;
        self.synced.store(used, Ordering::Relaxed);
        self.trailing.store(grew, Ordering::Relaxed);
        Ok(true)
    }

    /// Brings all that was written to the disk; an error where that is not sure.
    pub(super) fn commit(&self) -> io::Result<()> {
        self.keep_name()?;
        // Held meanwhile: the system tells a failure once, to whoever asks first.
        let mut failed = self.failed.lock();
        if *failed {
            return Err(io::Error::other("an earlier sync of this segment has failed"));
        }
        let done = self.mapped.sync();
        *failed = done.is_err();
        done
    }

    fn flush(&self) -> io::Result<()> {
        let mut failed = self.failed.lock();
        let done = self.mapped.sync();
        *failed |= done.is_err();
        done
    }

    /// The name of a new file is the directory's to keep.
    fn keep_name(&self) -> io::Result<()> {
        if !self.named.load(Ordering::Relaxed)
            && let Some(dir) = self.path.parent()
        {
            File::open(dir)?.sync_all()?;
            self.named.store(true, Ordering::Relaxed);
        }
        Ok(())
    }

    /// Brings the whole segment, closed and settled, to the disk before it is folded: a power cut
    /// may bring back a file that was removed, and it must then hold what was folded.
    pub(crate) fn sync_settled(&self) -> Result<(), JournalError> {
        self.flush().map_err(JournalError::io(&self.path))
    }

    /// Removes the file; what is still mapped stays readable until dropped.
    pub(crate) fn remove(&self) -> Result<(), JournalError> {
        match std::fs::remove_file(&self.path) {
            Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(()),
            removed => removed.map_err(JournalError::io(&self.path)),
        }
    }

    /// Puts the file aside under another ending, for a person to look at.
    pub(crate) fn set_aside(&self, ending: &str) -> Result<PathBuf, JournalError> {
        let aside = self.path.with_extension(ending);
        std::fs::rename(&self.path, &aside).map_err(JournalError::io(&self.path))?;
        Ok(aside)
    }
}

impl Drop for Segment {
    fn drop(&mut self) {
        // Closing first decides the race with a late claim; an unused file holds nothing to lose.
        if self.close() == self.header.first_seq {
            let _ = self.remove();
        }
    }
}

fn lock_and_allocate(path: &Path, len: u64) -> io::Result<File> {
    let file = File::options().read(true).write(true).create_new(true).mode(0o600).open(path)?;
    file.try_lock()?;
    let flags = rustix::fs::FallocateFlags::empty();
    match rustix::fs::fallocate(&file, flags, 0, len) {
        Ok(()) => {}
        // Some file systems cannot: written zeros take the space as well.
        Err(rustix::io::Errno::OPNOTSUPP) => write_zeros(&file, len)?,
        Err(e) => return Err(e.into()),
    }
    Ok(file)
}

fn write_zeros(mut file: &File, len: u64) -> io::Result<()> {
    let zeros = [0; 8192];
    let mut left = len;
    while left > 0 {
        let part = left.min(zeros.len() as u64);
        file.write_all(&zeros[..part as usize])?;
        left -= part;
    }
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn header_round_trip(node: u64, epoch: u64, segment: u32, capacity in 1..=MAX_RECORDS, first_seq: u64, boot: u128, synced: bool) {
            let boot = Boot::from_bytes(boot.to_le_bytes());
            let header = Header { node: NodeId(node), epoch, segment, capacity, first_seq, boot, synced };
            prop_assert_eq!(Header::decode(&header.encode()), Some(header));
        }

        #[test]
        fn header_decode_never_panics(bytes: Vec<u8>) {
            let _ = Header::decode(&bytes);
        }
    }

    #[test]
    fn zeros_take_the_whole_length() {
        let file = tempfile::tempfile().unwrap();
        write_zeros(&file, 20_000).unwrap();
        assert_eq!(file.metadata().unwrap().len(), 20_000);
    }
}
