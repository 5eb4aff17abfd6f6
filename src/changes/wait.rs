//! Calls that wait for the next change instead of asking again and again.

use crate::mirror::Mirror;
use std::time::Duration;
use tokio::sync::{Semaphore, watch};
use tokio::time::{Instant, timeout_at};

/// Most calls that wait on a node; others are answered at once, as if they had not asked to wait.
const MOST: usize = 1_000;
/// Longest wait in seconds: proxies cut what is silent for a minute.
pub(super) const LONGEST_S: u32 = 30;

/// Where calls wait.
#[derive(Debug)]
pub struct Waits {
    position: watch::Receiver<i64>,
    seats: Semaphore,
    closed: watch::Sender<bool>,
}

impl Waits {
    /// Waits on what a mirror follows.
    #[must_use]
    pub fn new(mirror: &Mirror) -> Self {
        let closed = watch::Sender::new(false);
        Self { position: mirror.changes(), seats: Semaphore::new(MOST), closed }
    }

    /// Ends all waits, for a node that stops.
    pub fn close(&self) {
        self.closed.send_replace(true);
    }

    /// How many calls wait.
    #[must_use]
    pub fn waiting(&self) -> usize {
        MOST - self.seats.available_permits()
    }

    /// Waits until the log has come further than a position; false where it has not by `until`, where
    /// too many wait, and where the node stops.
    pub async fn beyond(&self, position: i64, until: Instant) -> bool {
        let Ok(_seat) = self.seats.try_acquire() else { return false };
        let (mut at, mut closed) = (self.position.clone(), self.closed.subscribe());
        let moved = async {
            tokio::select! {
                moved = at.wait_for(|at| *at > position) => moved.is_ok(),
                _ = closed.wait_for(|closed| *closed) => false,
            }
        };
        timeout_at(until, moved).await.unwrap_or(false)
    }
}

/// The instant at which a wait of so many seconds ends.
pub(super) fn end(seconds: u32) -> Instant {
    Instant::now() + Duration::from_secs(seconds.into())
}
