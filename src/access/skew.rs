//! How far this node's clock is from the database's, which all nodes share.
//!
//! Prices, the ends of keys, periods and the instants of events go by a node's own clock. One that is further off than
//! `access.max_clock_skew_s` would judge and book by a time that no other node has: it refuses calls with a key
//! (`clock_skewed`) until its clock is set right.

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

/// What was last found of it.
#[derive(Debug)]
pub struct ClockSkew {
    us: AtomicI64,
    bound_us: u64,
}

impl ClockSkew {
    /// None found so far; too much beyond `bound`.
    #[must_use]
    pub fn new(bound: Duration) -> Self {
        let bound_us = u64::try_from(bound.as_micros()).unwrap_or(u64::MAX);
        Self { us: AtomicI64::new(0), bound_us }
    }

    /// So many microseconds this node's clock is ahead of the database's; behind it, where they are below zero.
    pub fn found(&self, us: i64) {
        self.us.store(us, Ordering::Relaxed);
    }

    /// What was last found, in microseconds.
    #[must_use]
    pub fn us(&self) -> i64 {
        self.us.load(Ordering::Relaxed)
    }

    /// Whether it is too much to judge by.
    #[must_use]
    pub fn is_beyond(&self) -> bool {
        self.is_too_much(self.us())
    }

    /// Whether so many microseconds would be too much.
    #[must_use]
    pub fn is_too_much(&self, us: i64) -> bool {
        us.unsigned_abs() > self.bound_us
    }
}
