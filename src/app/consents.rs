//! Following the ledger of consents.

use super::Comptoir;
use super::control::next;
use super::tasks::{Part, count};
use crate::cluster::store::follows_consents;
use crate::cluster::wake::CONSENT;
use crate::cluster::{Redis, Wakes};
use crate::consent::follow::KnownConsents;
use crate::consent::store::ledger;
use crate::kernel::Micros;
use crate::kernel::clock::SECOND;
use crate::kernel::id::NodeId;
use crate::storage::StoreError;
use crate::telemetry::Gauge;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval, timeout};

/// How long the database may take to say what is new, and how long to give all. After that the connection is given up: it
/// may hang for much longer than the database is away.
const PATIENCE: (Duration, Duration) = (Duration::from_secs(2), Duration::from_secs(120));
/// Entries of one look of which it is measured how long they took.
const MEASURED_MOST: u32 = 1_000;

/// Starts it. Nothing waits for the first look: until then nothing is known of any consent, and nothing is handed out.
pub(super) fn start(comptoir: &Comptoir, part: &Part, running: &mut JoinSet<()>) {
    let wakes = |redis: &Arc<Redis>| Arc::new(Wakes::new(Arc::clone(redis), CONSENT));
    let wakes = comptoir.redis.as_ref().map(wakes);
    if let Some(wakes) = &wakes {
        let (wakes, stopped) = (Arc::clone(wakes), part.stopped.clone());
        running.spawn(async move { wakes.run(stopped).await });
    }
    let feed = ConsentFeed {
        started_at: part.clock.now(),
        part: part.clone(),
        node: comptoir.node,
        consents: Arc::clone(&comptoir.consents),
        wakes,
    };
    let poll_ms = comptoir.config.customers.consent.feed_poll_ms;
    running.spawn(feed.run(Duration::from_millis(poll_ms.into())));
}

/// What follows the ledger.
#[derive(Debug)]
struct ConsentFeed {
    started_at: Micros,
    part: Part,
    node: NodeId,
    consents: Arc<KnownConsents>,
    wakes: Option<Arc<Wakes>>,
}

impl ConsentFeed {
    /// Reads the ledger every `poll`, when this node has written to it, and when another node has said that it moved, until
    /// the stop. A stop waits for no look: what is broken off is read again.
    async fn run(self, poll: Duration) {
        let mut stop = self.part.clone();
        let mut ticks = interval(poll);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut heard = self.wakes.as_ref().map(|wakes| wakes.heard());
        let (mut begun, mut said) = (0, None);
        loop {
            tokio::select! {
                _ = ticks.tick() => {}
                () = self.consents.nudged() => {}
                heard = next(&mut heard) => {
                    let missed = std::mem::replace(&mut begun, heard.begun) != heard.begun;
                    // This node hears itself, too.
                    if !missed && self.consents.position().is_some_and(|at| heard.position <= at) {
                        continue;
                    }
                }
                () = stop.stopping() => return,
            }
            let followed = tokio::select! {
                followed = self.follow() => followed,
                () = stop.stopping() => return,
            };
            if let Err(error) = followed {
                tracing::warn!(%error, "the ledger of consents could not be followed");
            }
            self.tell();
            if let Some(position) = self.consents.position()
                && said != Some(position)
                && self.say(position).await
            {
                said = Some(position);
            }
        }
    }

    /// Says to the other nodes how far this one is; whether that could be said.
    async fn say(&self, position: i64) -> bool {
        let note = follows_consents(&self.part.db, self.node, position);
        match timeout(PATIENCE.0, note).await {
            Ok(Ok(is_noted)) => is_noted,
            Ok(Err(error)) => {
                tracing::warn!(%error, "how far this node knows of consents could not be noted");
                false
            }
            Err(_) => false,
        }
    }

    async fn follow(&self) -> Result<(), StoreError> {
        let (db, clock) = (&self.part.db, &self.part.clock);
        let late = |_| StoreError::late();
        let patience = if self.consents.position().is_some() { PATIENCE.0 } else { PATIENCE.1 };
        let followed = timeout(patience, self.consents.follow(db, clock)).await.map_err(late)??;
        let Some(from) = followed.from.filter(|from| *from < followed.position) else {
            return Ok(());
        };
        if let Some(wakes) = &self.wakes {
            wakes.tell(followed.position);
        }
        timeout(PATIENCE.0, self.measure(from, followed.position)).await.map_err(late)?
    }

    /// Tells the metrics how far this node is.
    fn tell(&self) {
        let (consents, metrics) = (&self.consents, &self.part.metrics);
        let since = consents.confirmed_at().unwrap_or(self.started_at);
        let lag = self.part.clock.now().0.saturating_sub(since.0).max(0);
        metrics.set_gauge(Gauge::ConsentPosition, consents.position().unwrap_or(0));
        metrics.set_gauge(Gauge::Consents, count(consents.len()));
        metrics.set_seconds(Gauge::ConsentFeedLag, lag as f64 / SECOND as f64);
    }

    /// Notes how long the entries behind a position took, now that they are in force. When they were written is by the
    /// clock of the node that did, and now by the database's: the figure is off by what that clock is.
    async fn measure(&self, from: i64, position: i64) -> Result<(), StoreError> {
        let Part { db, clock, metrics, .. } = &self.part;
        let written = ledger::written(db, from, position, MEASURED_MOST).await?;
        let now = db.now(clock).await?;
        for at in written {
            let took = now.0.saturating_sub(at.0).max(0);
            metrics.consent_propagated(u32::try_from(took).unwrap_or(u32::MAX));
        }
        Ok(())
    }
}
