//! Locks that are taken in one order. A reader that holds one view and waits for another, behind a writer
//! that waits for the first, is a node that stands still; so each lock has a rank, and a thread that holds
//! one takes only locks of higher ranks. Debug builds, and so all tests, stop where that is broken.

use parking_lot::{RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::ops::{Deref, DerefMut};

/// A lock of a rank below 32.
#[derive(Debug, Default)]
pub struct Ranked<T, const RANK: u32>(RwLock<T>);

impl<T, const RANK: u32> Ranked<T, RANK> {
    /// A lock around a value.
    pub const fn new(value: T) -> Self {
        Self(RwLock::new(value))
    }

    /// Takes the lock for reading.
    pub fn read(&self) -> Guard<RwLockReadGuard<'_, T>, RANK> {
        order::take(RANK);
        Guard(self.0.read())
    }

    /// Takes the lock for writing.
    pub fn write(&self) -> Guard<RwLockWriteGuard<'_, T>, RANK> {
        order::take(RANK);
        Guard(self.0.write())
    }
}

/// A lock that is held until this is dropped.
#[derive(Debug)]
pub struct Guard<G, const RANK: u32>(G);

impl<G: Deref, const RANK: u32> Deref for Guard<G, RANK> {
    type Target = G::Target;

    fn deref(&self) -> &G::Target {
        &self.0
    }
}

impl<G: DerefMut, const RANK: u32> DerefMut for Guard<G, RANK> {
    fn deref_mut(&mut self) -> &mut G::Target {
        &mut self.0
    }
}

impl<G, const RANK: u32> Drop for Guard<G, RANK> {
    fn drop(&mut self) {
        order::give_back(RANK);
    }
}

#[cfg(debug_assertions)]
mod order {
    use std::cell::Cell;

    thread_local! {
        /// The ranks that this thread holds, a bit each.
        static HELD: Cell<u32> = const { Cell::new(0) };
    }

    pub(super) fn take(rank: u32) {
        let held = HELD.get();
        assert!(held >> rank == 0, "a lock of rank {rank} is taken by who holds {held:#b}");
        HELD.set(held | 1 << rank);
    }

    pub(super) fn give_back(rank: u32) {
        HELD.set(HELD.get() & !(1 << rank));
    }
}

#[cfg(not(debug_assertions))]
mod order {
    #[inline]
    pub(super) fn take(_: u32) {}

    #[inline]
    pub(super) fn give_back(_: u32) {}
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::panic::{AssertUnwindSafe, catch_unwind};

    #[test]
    fn locks_are_taken_upwards_only() {
        let (low, high): (Ranked<u8, 1>, Ranked<u8, 2>) = (Ranked::new(1), Ranked::new(2));
        {
            let (low, mut high) = (low.read(), high.write());
            *high += *low;
        }
        let down = || {
            let _high = high.read();
            let _low = low.read();
        };
        assert!(catch_unwind(AssertUnwindSafe(down)).is_err());
        // A second reader of one lock waits behind a writer that waits for the first.
        let twice = || {
            let _first = high.read();
            let _second = high.read();
        };
        assert!(catch_unwind(AssertUnwindSafe(twice)).is_err());
        assert_eq!((*low.read(), *high.read()), (1, 3));
    }
}
