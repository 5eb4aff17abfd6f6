//! Following the control log, and telling the other nodes how far this one is.

use super::Comptoir;
use super::tasks::{Part, count, follow_quotas};
use crate::access::directory::Keyring;
use crate::cluster::nodes::{BEAT, State};
use crate::cluster::wake::{CONTROL, Heard};
use crate::cluster::{Nodes, Redis, Wakes};
use crate::kernel::Micros;
use crate::kernel::clock::SECOND;
use crate::limit::Limiter;
use crate::limit::redis::{IDLE, Shared};
use crate::metering::{Journal, Quotas};
use crate::storage::{StoreError, log};
use crate::telemetry::{Gauge, Tally};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval, timeout};

/// How long the database may take to say where the log is, and to give the directory. After that the
/// connection is given up: it may hang for much longer than the database is away.
const PATIENCE: (Duration, Duration) = (Duration::from_secs(5), Duration::from_secs(60));

/// How often it is looked for leases that lie idle.
const LEASES_EVERY: Duration = Duration::from_millis(500);

/// How often counters are looked for of keys, apps and partners that are gone.
const FORGET_EVERY: Duration = Duration::from_secs(5);

/// What makes this node one of several: the control log, the wake-ups, and the list of nodes.
pub(super) fn start(
    comptoir: &Comptoir,
    part: &Part,
    running: &mut JoinSet<()>,
    asked: mpsc::Receiver<oneshot::Sender<()>>,
) {
    let propagation = Arc::new(Propagation::default());
    let wakes = |redis: &Arc<Redis>| Arc::new(Wakes::new(Arc::clone(redis), CONTROL));
    let wakes = comptoir.redis.as_ref().map(wakes);
    if let (Some(redis), Some(wakes)) = (&comptoir.redis, &wakes) {
        let (redis, stopped) = (Arc::clone(redis), part.stopped.clone());
        running.spawn(async move { redis.keep(stopped).await });
        let (wakes, stopped) = (Arc::clone(wakes), part.stopped.clone());
        running.spawn(async move { wakes.run(stopped).await });
    }
    if let Limiter::Shared(limiter) = comptoir.keyring.limiter() {
        let (giver, stopped) = (Arc::clone(limiter.giver()), part.stopped.clone());
        running.spawn(async move { giver.run(stopped).await });
        running.spawn(look_after_limits(part.clone(), Arc::clone(limiter)));
    }
    running.spawn(forget_counters(part.clone(), Arc::clone(&comptoir.keyring)));
    let follower = ControlFollower {
        part: part.clone(),
        keyring: Arc::clone(&comptoir.keyring),
        wakes,
        quotas: comptoir.quotas.clone(),
        propagation: Arc::clone(&propagation),
    };
    running.spawn(follower.run(comptoir.config.access.control_poll, asked));
    let heart = Heart {
        nodes: Arc::clone(&comptoir.nodes),
        keyring: Arc::clone(&comptoir.keyring),
        redis: comptoir.redis.clone(),
        journal: comptoir.book.journal.clone(),
        propagation,
    };
    running.spawn(heart.beat(part.clone()));
}

/// Gives back what lies idle in leases, all of it at the stop, and tells what was asked.
async fn look_after_limits(part: Part, limiter: Arc<Shared>) {
    let this = part.clone();
    let tell = || {
        let counts = limiter.take_counts();
        this.metrics.add(Tally::LimitsAsked, counts.asked);
        this.metrics.add(Tally::LimitsDegraded, counts.degraded);
    };
    part.every(LEASES_EVERY, || async {
        limiter.return_idle(this.clock.now());
        tell();
    })
    .await;
    limiter.return_idle(Micros(this.clock.now().0.saturating_add(2 * IDLE)));
    limiter.giver().flush().await;
}

/// Forgets the counters of keys, apps and partners that are gone or no longer limited, once they owe nothing.
async fn forget_counters(part: Part, keyring: Arc<Keyring>) {
    let this = part.clone();
    part.every(FORGET_EVERY, || {
        let accounts = keyring.limiter().retain_recent(this.clock.now());
        this.metrics.set_gauge(Gauge::LimitAccounts, count(accounts));
        std::future::ready(())
    })
    .await;
}

/// How long entries took from being written to being in force on this node, in microseconds; -1 where
/// there was none since the start.
#[derive(Debug)]
struct Propagation {
    last: AtomicI64,
    worst: AtomicI64,
}

impl Default for Propagation {
    fn default() -> Self {
        Self { last: AtomicI64::new(-1), worst: AtomicI64::new(-1) }
    }
}

impl Propagation {
    fn took(&self, micros: i64) {
        self.last.store(micros, Ordering::Relaxed);
        self.worst.fetch_max(micros, Ordering::Relaxed);
    }

    fn read(figure: &AtomicI64) -> Option<i64> {
        Some(figure.load(Ordering::Relaxed)).filter(|micros| *micros >= 0)
    }
}

/// What follows the control log.
#[derive(Debug)]
struct ControlFollower {
    part: Part,
    keyring: Arc<Keyring>,
    wakes: Option<Arc<Wakes>>,
    quotas: Option<Arc<Quotas>>,
    propagation: Arc<Propagation>,
}

/// The next thing that other nodes have said; never, where there is no Redis.
pub(super) async fn next(heard: &mut Option<watch::Receiver<Heard>>) -> Heard {
    if let Some(heard) = heard
        && heard.changed().await.is_ok()
    {
        return *heard.borrow_and_update();
    }
    std::future::pending().await
}

impl ControlFollower {
    /// Reads the log every `poll`, when this node has written to it, and when another node has said that
    /// it moved, until the stop.
    async fn run(mut self, poll: Duration, mut asked: mpsc::Receiver<oneshot::Sender<()>>) {
        self.tell();
        let mut ticks = interval(poll);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut heard = self.wakes.as_ref().map(|wakes| wakes.heard());
        let mut begun = 0;
        loop {
            let answer = tokio::select! {
                _ = ticks.tick() => None,
                Some(answer) = asked.recv() => Some(answer),
                heard = next(&mut heard) => {
                    let missed = std::mem::replace(&mut begun, heard.begun) != heard.begun;
                    // This node hears itself, too.
                    if !missed && heard.position <= self.keyring.current().position() {
                        continue;
                    }
                    None
                }
                () = self.part.stopping() => return,
            };
            match self.follow().await {
                Ok(()) => {
                    if let Some(answer) = answer {
                        let _ = answer.send(());
                    }
                }
                Err(error) => tracing::warn!(%error, "the control log could not be followed"),
            }
        }
    }

    async fn follow(&self) -> Result<(), StoreError> {
        let (keyring, db) = (&self.keyring, &self.part.db);
        let late = |_| StoreError::late();
        let at = Instant::now();
        if let Some(position) = timeout(PATIENCE.0, keyring.moved(db)).await.map_err(late)?? {
            // The others begin to read while this node does.
            if let Some(wakes) = &self.wakes {
                wakes.tell(position);
            }
            let before = keyring.current().position();
            timeout(PATIENCE.1, keyring.load(db, position, (at, self.part.clock.now())))
                .await
                .map_err(late)??;
            if let Some(quotas) = &self.quotas {
                follow_quotas(quotas, self.part.clock.now()).await;
            }
            self.tell();
            timeout(PATIENCE.0, self.measure(before, position)).await.map_err(late)??;
        }
        Ok(())
    }

    /// Tells the metrics how far this node is.
    fn tell(&self) {
        let (now, metrics) = (self.keyring.current(), &self.part.metrics);
        metrics.set_gauge(Gauge::ControlPosition, now.position());
        metrics.set_gauge(Gauge::Keys, count(now.len()));
    }

    /// Notes how long the entries behind a position took, now that they are in force. Both instants are
    /// of the database's clock, so that the clocks of nodes may differ; the way to the database and back
    /// is counted in, so that the figure is never too small.
    async fn measure(&self, before: i64, position: i64) -> Result<(), StoreError> {
        let written = log::control_written(&self.part.db, before, position).await?;
        let now = self.part.db.now(&self.part.clock).await?;
        for at in written {
            let took = now.0.saturating_sub(at.0).max(0);
            self.propagation.took(took);
            self.part.metrics.propagated(u32::try_from(took).unwrap_or(u32::MAX));
        }
        Ok(())
    }
}

/// What a node tells of itself.
#[derive(Debug)]
struct Heart {
    nodes: Arc<Nodes>,
    keyring: Arc<Keyring>,
    redis: Option<Arc<Redis>>,
    journal: Option<Arc<Journal>>,
    propagation: Arc<Propagation>,
}

impl Heart {
    /// Says that this node runs, until the stop; then that it does no more.
    async fn beat(self, mut part: Part) {
        let mut ticks = interval(BEAT);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let (mut started_at, mut before) = (None, None);
        loop {
            tokio::select! {
                _ = ticks.tick() => {}
                () = part.stopping() => break,
            }
            self.look_for_steps(&mut before, &part);
            let beat = self.nodes.beat(&part.db, &part.clock, started_at, self.state());
            match timeout(PATIENCE.0, beat).await.unwrap_or_else(|_| Err(StoreError::late())) {
                Ok(beat) => {
                    started_at = Some(beat.started_at);
                    self.note_skew(beat.clock_skew_us, &part);
                }
                Err(error) => {
                    tracing::warn!(%error, "the other nodes could not be told of this one");
                }
            }
            part.metrics.set_gauge(Gauge::NodesAlive, self.nodes.alive().into());
            if let Some(redis) = &self.redis {
                part.metrics.add(Tally::RedisFailures, redis.take_failures());
            }
        }
        if let Err(error) = self.nodes.leave(&part.db).await {
            tracing::warn!(%error, "the other nodes could not be told that this one stops");
        }
    }

    /// Tells how far the clock is from the database's, and where that comes to be too much.
    fn note_skew(&self, us: i64, part: &Part) {
        let (skew, seconds) = (self.keyring.skew(), us as f64 / SECOND as f64);
        let was_beyond = skew.is_beyond();
        skew.found(us);
        part.metrics.set_seconds(Gauge::ClockSkew, seconds);
        match (was_beyond, skew.is_beyond()) {
            (false, true) => tracing::error!(
                ahead_s = seconds,
                "the clock of this node is too far from the database's: calls with a key are refused until it is set right"
            ),
            (true, false) => {
                tracing::info!(ahead_s = seconds, "the clock of this node is right again");
            }
            _ => {}
        }
    }

    /// Notes where the clock was set since the last look, by the machine's monotonic clock. A node that is alone on its
    /// database has no other to be held against.
    fn look_for_steps(&self, before: &mut Option<(Instant, Micros)>, part: &Part) {
        let (instant, now) = (Instant::now(), part.clock.now());
        let Some((earlier, then)) = before.replace((instant, now)).filter(|_| part.clock.goes())
        else {
            return;
        };
        let passed = i64::try_from((instant - earlier).as_micros()).unwrap_or(i64::MAX);
        let step = (now.0 - then.0).saturating_sub(passed);
        if self.keyring.skew().is_too_much(step) {
            part.metrics.add(Tally::ClockSteps, 1);
            let seconds = step as f64 / SECOND as f64;
            tracing::warn!(
                seconds,
                "the clock of this machine was set: events keep their order, not their distance"
            );
        }
    }

    fn state(&self) -> State {
        let redis = self.redis.as_ref().map(|redis| if redis.is_up() { "up" } else { "away" });
        let backlog = self.journal.as_ref().map(|journal| journal.backlog()).unwrap_or_default();
        State {
            control_position: self.keyring.current().position(),
            propagation_us: Propagation::read(&self.propagation.last),
            propagation_worst_us: Propagation::read(&self.propagation.worst),
            journal_segments: count(backlog.segments),
            journal_events: i64::try_from(backlog.events).unwrap_or(i64::MAX),
            clock_skew_us: self.keyring.skew().us(),
            redis: redis.unwrap_or("off").to_owned(),
        }
    }
}
