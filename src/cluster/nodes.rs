//! The nodes on one database: each says of itself every few seconds that it runs and how far it is.

use super::store;
use crate::kernel::id::NodeId;
use crate::kernel::{Clock, Micros, clock};
use crate::storage::{Db, StoreError};
use std::net::SocketAddr;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

/// How often a node says that it runs.
pub const BEAT: Duration = Duration::from_secs(2);
/// How long a node counts as running after it last said so, in microseconds.
pub const ALIVE: i64 = 10 * clock::SECOND;
/// How long a node that was killed is remembered: its journal may hold usage that is not folded.
pub const REMEMBERED: i64 = 7 * clock::DAY;

/// What a node says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node {
    /// Which node: the identity of its data directory.
    pub id: NodeId,
    /// The version of the program.
    pub version: String,
    /// Where it answers partners.
    pub address: String,
    /// When it started.
    pub started_at: Micros,
    /// When it last said that it runs.
    pub seen_at: Micros,
    /// How far it is, and what waits.
    pub state: State,
}

/// What changes while a node runs.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct State {
    /// The position in the control log that it has applied.
    pub control_position: i64,
    /// Microseconds that the last entry took to be in force there.
    pub propagation_us: Option<i64>,
    /// The most that an entry took since its start.
    pub propagation_worst_us: Option<i64>,
    /// Segments of its journal that wait to be folded.
    pub journal_segments: i64,
    /// Events in them.
    pub journal_events: i64,
    /// Microseconds by which its clock is ahead of the database's; below zero where it is behind.
    pub clock_skew_us: i64,
    /// Whether it reaches Redis: `up`, `away`, or `off` where it has none.
    pub redis: String,
}

impl Node {
    /// Whether it runs, as far as can be known at an instant.
    #[must_use]
    pub fn is_alive(&self, now: Micros) -> bool {
        now.0 - self.seen_at.0 <= ALIVE
    }
}

/// What a node learns as it says that it runs.
#[derive(Debug, Clone, Copy)]
pub struct Beat {
    /// Its first instant by the database's clock.
    pub started_at: Micros,
    /// Microseconds by which its clock is ahead of the database's.
    pub clock_skew_us: i64,
}

/// This node among the others.
#[derive(Debug)]
pub struct Nodes {
    id: NodeId,
    address: OnceLock<SocketAddr>,
    alive: AtomicU32,
}

impl Nodes {
    /// This node, which knows of no other yet.
    #[must_use]
    pub fn new(id: NodeId) -> Self {
        Self { id, address: OnceLock::new(), alive: AtomicU32::new(1) }
    }

    /// For tests, which beat for no other.
    #[cfg(test)]
    pub(crate) fn suppose(&self, alive: u32) {
        self.alive.store(alive, Ordering::Relaxed);
    }

    /// Says where this node answers partners.
    pub fn listens_at(&self, address: SocketAddr) {
        let _ = self.address.set(address);
    }

    /// How many nodes run, this one among them. While the database is away: as many as were last known.
    #[must_use]
    pub fn alive(&self) -> u32 {
        self.alive.load(Ordering::Relaxed).max(1)
    }

    /// Says that this node runs, and learns how many do and how far its clock is off. `started_at` is its first instant by
    /// the database's clock.
    pub async fn beat(
        &self,
        db: &Db,
        clock: &Clock,
        started_at: Option<Micros>,
        state: State,
    ) -> Result<Beat, StoreError> {
        let before = clock.now();
        let now = db.now(clock).await?;
        // The database looked at its clock somewhere between the two looks at ours.
        let own = before.0.midpoint(clock.now().0);
        let clock_skew_us = if clock.goes() { own - now.0 } else { 0 };
        let state = State { clock_skew_us, ..state };
        let node = Node {
            id: self.id,
            version: env!("CARGO_PKG_VERSION").to_owned(),
            address: self.address.get().map(ToString::to_string).unwrap_or_default(),
            started_at: started_at.unwrap_or(now),
            seen_at: now,
            state,
        };
        let forget_before = Micros(now.0 - REMEMBERED);
        let alive = store::beat(db, &node, Micros(now.0 - ALIVE), forget_before).await?;
        self.alive.store(u32::try_from(alive).unwrap_or(1), Ordering::Relaxed);
        Ok(Beat { started_at: node.started_at, clock_skew_us })
    }

    /// Takes this node from the list: it stops, and the others' shares grow at once.
    pub async fn leave(&self, db: &Db) -> Result<(), StoreError> {
        store::remove(db, self.id).await
    }
}
