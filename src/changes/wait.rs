//! Calls that wait for the next change instead of asking again and again.

use crate::kernel::id::AppId;
use crate::mirror::Mirror;
use parking_lot::Mutex;
use std::collections::HashMap;
use std::time::Duration;
use tokio::sync::{Semaphore, SemaphorePermit, watch};
use tokio::time::{Instant, timeout_at};

/// Most calls that wait on a node.
const MOST: usize = 1_000;
/// Most of one app: the others' places are not for it to take.
pub(super) const MOST_OF_APP: usize = 20;
/// Longest wait in seconds: proxies cut what is silent for a minute.
pub(super) const LONGEST_S: u32 = 30;

/// Where calls wait.
#[derive(Debug)]
pub struct Waits {
    position: watch::Receiver<i64>,
    seats: Semaphore,
    /// How many calls of each app wait; of none where it is not there.
    apps: Mutex<HashMap<AppId, usize>>,
    closed: watch::Sender<bool>,
}

/// Why a call cannot wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Full {
    /// Too many calls of its app wait.
    App,
    /// Too many calls wait.
    Node,
}

/// The place of a call that waits, free again when it is dropped.
#[derive(Debug)]
pub(super) struct Seat<'a> {
    waits: &'a Waits,
    app: AppId,
    _seat: SemaphorePermit<'a>,
}

impl Waits {
    /// Waits on what a mirror follows.
    #[must_use]
    pub fn new(mirror: &Mirror) -> Self {
        Self {
            position: mirror.changes(),
            seats: Semaphore::new(MOST),
            apps: Mutex::default(),
            closed: watch::Sender::new(false),
        }
    }

    /// Ends all waits, for a node that stops.
    pub fn close(&self) {
        self.closed.send_replace(true);
    }

    /// Whether the node stops.
    #[must_use]
    pub fn closing(&self) -> watch::Receiver<bool> {
        self.closed.subscribe()
    }

    /// How far what is waited on has come.
    pub(super) fn position(&self) -> i64 {
        *self.position.borrow()
    }

    /// How many calls wait.
    #[must_use]
    pub fn waiting(&self) -> usize {
        MOST - self.seats.available_permits()
    }

    /// A place to wait for a call of an app.
    pub(super) fn seat(&self, app: AppId) -> Result<Seat<'_>, Full> {
        let seat = self.seats.try_acquire().map_err(|_| Full::Node)?;
        let mut apps = self.apps.lock();
        let waiting = apps.entry(app).or_default();
        if *waiting == MOST_OF_APP {
            return Err(Full::App);
        }
        *waiting += 1;
        Ok(Seat { waits: self, app, _seat: seat })
    }
}

impl Seat<'_> {
    /// Waits until the log has come further than a position; false where it has not by `until`, where the
    /// client hangs up and where the node stops.
    pub(super) async fn beyond(
        &self,
        position: i64,
        until: Instant,
        hung_up: impl Future<Output = ()>,
    ) -> bool {
        let (mut at, mut closed) = (self.waits.position.clone(), self.waits.closed.subscribe());
        let moved = async {
            tokio::select! {
                moved = at.wait_for(|at| *at > position) => moved.is_ok(),
                _ = closed.wait_for(|closed| *closed) => false,
                () = hung_up => false,
            }
        };
        timeout_at(until, moved).await.unwrap_or(false)
    }
}

impl Drop for Seat<'_> {
    fn drop(&mut self) {
        let mut apps = self.waits.apps.lock();
        if let Some(waiting) = apps.get_mut(&self.app) {
            *waiting -= 1;
            if *waiting == 0 {
                apps.remove(&self.app);
            }
        }
    }
}

/// The instant at which a wait of so many seconds ends.
pub(super) fn end(seconds: u32) -> Instant {
    Instant::now() + Duration::from_secs(seconds.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_app_takes_no_more_places_than_its_own_and_gives_them_back() {
        let waits = Waits::new(&Mirror::default());
        let mut seats: Vec<_> = (0..MOST_OF_APP).map(|_| waits.seat(AppId(1)).unwrap()).collect();
        assert_eq!(waits.seat(AppId(1)).unwrap_err(), Full::App);
        assert!(waits.seat(AppId(2)).is_ok());
        assert_eq!((waits.waiting(), waits.apps.lock().len()), (MOST_OF_APP, 1));
        seats.pop();
        assert!(waits.seat(AppId(1)).is_ok());
        drop(seats);
        assert_eq!((waits.waiting(), waits.apps.lock().len()), (0, 0));
        let seats: Vec<_> = (0..MOST as u64).map(|app| waits.seat(AppId(app)).unwrap()).collect();
        assert_eq!(waits.seat(AppId(MOST as u64)).unwrap_err(), Full::Node);
        drop(seats);
    }
}
