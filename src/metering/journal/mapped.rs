//! A file of records in memory: the one place that writes through raw pointers.
//!
//! Why this is sound:
//! - The mapping outlives every access: it is owned here and dropped with the value.
//! - It never shrinks under us (which would be a SIGBUS): the file is preallocated, never truncated,
//!   exclusively locked by this process, and a new segment is always a new file.
//! - A record's bytes have one writer: `append` claims the slot by `fetch_add` on a counter that
//!   only grows, so a slot is claimed at most once, and writes before it publishes.
//! - Bytes are read only after they were published: the state goes from `Empty` to `Written` with
//!   Release after the write, readers load it with Acquire, and nothing writes the bytes again. A
//!   slot that was voided first is never read.
//! - States are only ever touched as atomics; a byte is always aligned.

#![expect(unsafe_code, reason = "lock-free records in a shared mapping; the argument stands above")]

use super::record::{PAYLOAD, Payload, RECORD, State};
use memmap2::{MmapOptions, MmapRaw};
use std::fs::File;
use std::sync::atomic::{AtomicU8, AtomicU32, Ordering};

/// A mapped file: a header, then `capacity` records.
#[derive(Debug)]
pub(super) struct Mapped {
    map: MmapRaw,
    file: File,
    /// Slots claimed; at or above `capacity` nothing more is taken.
    claimed: AtomicU32,
    capacity: u32,
}

impl Mapped {
    /// Maps a new file, which the caller has locked and preallocated to [`Mapped::file_len`].
    pub(super) fn new(file: File, capacity: u32) -> std::io::Result<Self> {
        let len = usize::try_from(Self::file_len(capacity)).unwrap_or(usize::MAX);
        let map = MmapOptions::new().len(len).map_raw(&file)?;
        Ok(Self { map, file, claimed: AtomicU32::new(0), capacity })
    }

    /// Bytes of a file with `capacity` records.
    pub(super) fn file_len(capacity: u32) -> u64 {
        (u64::from(capacity) + 1) * RECORD as u64
    }

    /// Writes the header, while nobody else has the value.
    pub(super) fn set_header(&mut self, header: &[u8; RECORD]) {
        // SAFETY: the map holds at least RECORD bytes, and `&mut self` excludes other access.
        unsafe {
            std::ptr::copy_nonoverlapping(header.as_ptr(), self.map.as_mut_ptr(), RECORD);
        }
    }

    /// Claims the next slot and writes what `fill` makes for it; `None` when the segment is full or
    /// closed, or when the slot was voided because it took too long: nothing is recorded then.
    pub(super) fn append(&self, fill: impl FnOnce(u32) -> Payload) -> Option<u32> {
        // Looking first keeps the counter from growing without end while no new segment can be made.
        if self.claimed.load(Ordering::Relaxed) >= self.capacity {
            return None;
        }
        let slot = self.claimed.fetch_add(1, Ordering::AcqRel);
        if slot >= self.capacity {
            return None;
        }
        let payload = fill(slot);
        // SAFETY: the slot lies inside the map (slot < capacity) and is this thread's alone until
        // the state below is published.
        unsafe {
            let to = self.map.as_mut_ptr().add(Self::offset(slot) + 4);
            std::ptr::copy_nonoverlapping(payload.as_ptr(), to, PAYLOAD);
        }
        self.turn(slot, State::Empty, State::Written).then_some(slot)
    }

    /// Takes no more records; how many slots were claimed.
    pub(super) fn close(&self) -> u32 {
        self.claimed.fetch_max(self.capacity, Ordering::AcqRel).min(self.capacity)
    }

    /// Slots claimed so far; the capacity once closed.
    pub(super) fn claimed(&self) -> u32 {
        self.claimed.load(Ordering::Acquire).min(self.capacity)
    }

    /// The state byte of a slot.
    pub(super) fn state(&self, slot: u32) -> u8 {
        self.cell(slot).load(Ordering::Acquire)
    }

    /// Ends a record whose response is under way; false if it was ended already.
    pub(super) fn settle(&self, slot: u32, handed_over: bool) -> bool {
        let to = if handed_over { State::Complete } else { State::Aborted };
        self.turn(slot, State::Written, to)
    }

    /// Gives up a slot that was claimed and not yet written.
    pub(super) fn void(&self, slot: u32) -> bool {
        self.turn(slot, State::Empty, State::Void)
    }

    /// Says of a record whose response is under way that its event stands elsewhere; false if it was ended.
    pub(super) fn leave(&self, slot: u32) -> bool {
        self.turn(slot, State::Written, State::Moved)
    }

    /// Takes back what was written twice, and ended where it was.
    pub(super) fn withdraw(&self, slot: u32) -> bool {
        self.turn(slot, State::Written, State::Void)
    }

    /// State byte and bytes of a slot; the bytes only of one that was written.
    pub(super) fn read(&self, slot: u32) -> (u8, Option<Payload>) {
        let state = self.state(slot);
        let written = matches!(
            State::from_byte(state),
            Some(State::Written | State::Complete | State::Aborted)
        );
        let payload = written.then(|| {
            let mut payload = [0; PAYLOAD];
            // SAFETY: `cell` has checked the slot; the state says that the bytes were published,
            // and published bytes are never written again.
            unsafe {
                let from = self.map.as_ptr().add(Self::offset(slot) + 4);
                std::ptr::copy_nonoverlapping(from, payload.as_mut_ptr(), PAYLOAD);
            }
            payload
        });
        (state, payload)
    }

    /// Brings everything written so far to the disk.
    pub(super) fn sync(&self) -> std::io::Result<()> {
        self.file.sync_data()
    }

    fn turn(&self, slot: u32, from: State, to: State) -> bool {
        let order = (Ordering::AcqRel, Ordering::Acquire);
        self.cell(slot).compare_exchange(from as u8, to as u8, order.0, order.1).is_ok()
    }

    fn cell(&self, slot: u32) -> &AtomicU8 {
        assert!(slot < self.capacity, "slots come from this segment's own counter");
        // SAFETY: inside the map, alive as long as `self`, and only accessed as an atomic.
        unsafe { AtomicU8::from_ptr(self.map.as_mut_ptr().add(Self::offset(slot))) }
    }

    fn offset(slot: u32) -> usize {
        (slot as usize + 1) * RECORD
    }
}
