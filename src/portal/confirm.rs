//! Waiting until all nodes know of what a customer has changed.

use super::error::PageError;
use super::state::Portal;
use crate::cluster::nodes::ALIVE;
use crate::cluster::store::{Followers, consent_followers};
use crate::kernel::Micros;
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// How long it is waited: behind that no node answers by what it knew before.
const PATIENCE: Duration = Duration::from_secs(3);
/// Between two looks.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// Which nodes know of a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Confirmed {
    /// How many do.
    pub(super) nodes: u32,
    /// How many run.
    pub(super) total: u32,
    /// When it was looked.
    pub(super) at: Micros,
}

impl Confirmed {
    /// Whether all do.
    pub(super) fn is_all(&self) -> bool {
        self.nodes >= self.total
    }
}

impl Portal {
    /// Waits until all nodes have followed the ledger of consents to a place, and no longer than they may answer without.
    pub(super) async fn confirmed(&self, seq: i64) -> Result<Confirmed, PageError> {
        let until = Instant::now() + PATIENCE;
        loop {
            let now = self.db.now(&self.clock).await?;
            let alive_since = Micros(now.0.saturating_sub(ALIVE));
            let Followers { behind_none, alive } =
                consent_followers(&self.db, seq, alive_since).await?;
            // This one runs, whether it has said so yet or not.
            let own = u32::from(self.consents.position().is_some_and(|position| position >= seq));
            let total = alive.max(1);
            let nodes = behind_none.max(own).min(total);
            let confirmed = Confirmed { nodes, total, at: self.now() };
            if confirmed.is_all() || Instant::now() >= until {
                return Ok(confirmed);
            }
            sleep(LOOK_EVERY).await;
        }
    }
}
