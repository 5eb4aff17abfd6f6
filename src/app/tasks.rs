//! What runs beside the calls: following the logs, folding the journal, noting key use, gauges.

use super::Comptoir;
use super::readiness::Readiness;
use crate::access::directory::Keyring;
use crate::access::service;
use crate::catalog::{Catalog, follow};
use crate::kernel::Clock;
use crate::metering::Folder;
use crate::storage::Db;
use crate::telemetry::Metrics;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval};

/// Asks the control follower to read the log now and to answer when it has.
pub type Reload = mpsc::Sender<oneshot::Sender<()>>;

/// How often the last uses of secrets are stored.
const USES_EVERY: Duration = Duration::from_secs(10);

/// The running tasks.
#[derive(Debug)]
pub struct Tasks {
    stop: watch::Sender<bool>,
    running: JoinSet<()>,
}

impl Tasks {
    /// Ends the tasks after the round they are in.
    pub async fn stop(mut self) {
        let _ = self.stop.send(true);
        while self.running.join_next().await.is_some() {}
    }
}

/// Starts all of them.
pub(super) fn start(comptoir: &Comptoir) -> (Tasks, Reload) {
    let (stop, stopped) = watch::channel(false);
    let (reload, asked) = mpsc::channel(16);
    let part = Part {
        db: comptoir.db.clone(),
        clock: comptoir.clock.clone(),
        metrics: Arc::clone(&comptoir.metrics),
        readiness: Arc::clone(&comptoir.readiness),
        stopped,
    };
    let config = &comptoir.config;
    let mut running = JoinSet::new();
    let keyring = Arc::clone(&comptoir.keyring);
    running.spawn(follow_control(part.clone(), Arc::clone(&keyring), config.access.control_poll, asked));
    let catalog = Arc::clone(&comptoir.catalog);
    running.spawn(follow_catalog(part.clone(), catalog, config.catalog.change_poll));
    let folder = Arc::clone(&comptoir.folder);
    running.spawn(fold(part.clone(), folder, config.metering.fold_interval));
    running.spawn(note_uses(part, keyring));
    (Tasks { stop, running }, reload)
}

/// What every task holds.
#[derive(Debug, Clone)]
struct Part {
    db: Db,
    clock: Clock,
    metrics: Arc<Metrics>,
    readiness: Arc<Readiness>,
    stopped: watch::Receiver<bool>,
}

impl Part {
    /// Runs `round` every `period` until the stop.
    async fn every<F: Future<Output = ()>>(mut self, period: Duration, mut round: impl FnMut() -> F) {
        let mut ticks = interval(period);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                _ = ticks.tick() => round().await,
                _ = self.stopped.wait_for(|stopped| *stopped) => return,
            }
        }
    }
}

async fn follow_control(
    mut part: Part,
    keyring: Arc<Keyring>,
    poll: Duration,
    mut asked: mpsc::Receiver<oneshot::Sender<()>>,
) {
    let mut ticks = interval(poll);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        let answer = tokio::select! {
            _ = ticks.tick() => None,
            Some(answer) = asked.recv() => Some(answer),
            _ = part.stopped.wait_for(|stopped| *stopped) => return,
        };
        match keyring.follow(&part.db).await {
            Ok(_) => {
                part.readiness.control_followed(part.clock.now());
                part.metrics.set_gauge(Gauge::ControlPosition, keyring.current().position());
                part.metrics.set_gauge(Gauge::Keys, keyring.current().len());
                if let Some(answer) = answer {
                    let _ = answer.send(());
                }
            }
            Err(error) => tracing::warn!(%error, "the control log could not be followed"),
        }
    }
}

async fn follow_catalog(part: Part, catalog: Arc<Catalog>, poll: Duration) {
    let this = part.clone();
    part.every(poll, || async {
        loop {
            match follow::follow_once(&this.db, &catalog.view).await {
                Ok(followed) if followed.more && !*this.stopped.borrow() => {}
                Ok(_) => break this.readiness.catalog_followed(this.clock.now()),
                Err(error) => {
                    break tracing::warn!(%error, "the change log could not be followed");
                }
            }
        }
        for (name, value) in catalog.view.gauges() {
            this.metrics.set(name, value);
        }
    })
    .await;
}

async fn fold(part: Part, folder: Arc<Folder>, period: Duration) {
    let this = part.clone();
    part.every(period, || async {
        match folder.fold_once(this.clock.now()).await {
            Ok(_) => this.readiness.folded(this.clock.now(), folder.journal().is_full()),
            Err(error) => {
                this.readiness.journal_full(folder.journal().is_full());
                tracing::warn!(%error, "usage could not be folded; it stays in the journal");
            }
        }
        let backlog = folder.backlog();
        this.metrics.set("journal_backlog_segments", i64::try_from(backlog).unwrap_or(i64::MAX));
    })
    .await;
}

async fn note_uses(part: Part, keyring: Arc<Keyring>) {
    let this = part.clone();
    part.every(USES_EVERY, || async {
        let uses = keyring.take_uses();
        if uses.is_empty() {
            return;
        }
        if let Err(error) = service::note_uses(&this.db, &uses).await {
            tracing::warn!(%error, "last uses of keys could not be stored");
        }
    })
    .await;
    // The uses since the last round.
    let uses = keyring.take_uses();
    if let Err(error) = service::note_uses(&this.db, &uses).await {
        tracing::warn!(%error, "last uses of keys could not be stored");
    }
}
