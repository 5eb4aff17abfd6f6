//! What runs beside the calls: following the logs, folding the journal, noting key use, gauges.

mod accesses;
mod alerts;
mod authz;
mod evidence;
mod handoff;
mod refusals;
mod usage;

use super::Comptoir;
use super::readiness::Readiness;
use super::supervise::Tasks;
use super::{consents, control, portal};
use crate::access::directory::Keyring;
use crate::access::service::touch_secrets;
use crate::billing::announce::Announcer;
use crate::catalog::search::Words;
use crate::catalog::service;
use crate::changes::{self, Waits};
use crate::exports::Worker;
use crate::feeds::sources::{ASKED_EVERY, Sources};
use crate::feeds::store::old as imports;
use crate::hooks::Hooks;
use crate::kernel::clock::HOUR;
use crate::kernel::{Clock, Micros};
use crate::mirror::{Mirror, Saved, SearchFollower};
use crate::storage::{Db, StoreError};
use crate::telemetry::{Gauge, Metrics, Tally};
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::sync::{Notify, mpsc, oneshot, watch};
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior, interval, interval_at};

/// How often the last uses of secrets are stored.
const USES_EVERY: Duration = Duration::from_secs(10);

/// How often promotions and sales are looked at.
const PROMOTIONS_EVERY: Duration = Duration::from_secs(1);
/// How often the change log and the imports are looked through for what is too old.
const RETAIN_EVERY: Duration = Duration::from_secs(600);

/// How long after a start a mirror is saved of which nothing is saved yet.
const SAVE_AFTER: Duration = Duration::from_secs(30);
/// How long the search index rests after a round that failed.
const SEARCH_AGAIN: Duration = Duration::from_secs(5);

/// How often it is looked whether a snapshot is due.
const EXPORTS_EVERY: Duration = Duration::from_secs(60);

pub(super) use usage::follow_quotas;

/// A count as a gauge's value.
pub(super) fn count(n: usize) -> i64 {
    i64::try_from(n).unwrap_or(i64::MAX)
}

/// What asks this node to read the control log.
pub(super) type Asked = mpsc::Receiver<oneshot::Sender<()>>;

/// Starts all of them.
pub(super) fn start(comptoir: &Comptoir, asked: Asked) -> Tasks {
    let (stop, stopped) = watch::channel(false);
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
    control::start(comptoir, &part, &mut running, asked);
    consents::start(comptoir, &part, &mut running);
    let mirror = Arc::clone(&comptoir.mirror);
    let poll = config.catalog.change_poll;
    running.spawn(follow_search(part.clone(), search_follower(comptoir), poll));
    let waits = Arc::clone(&comptoir.waits);
    running.spawn(follow_catalog(part.clone(), (mirror, waits), poll));
    if let Some(saved) = &comptoir.saved {
        let (saved, mirror) = (Arc::clone(saved), Arc::clone(&comptoir.mirror));
        running.spawn(keep_saved(part.clone(), saved, mirror, config.catalog.save_every));
    }
    usage::start(comptoir, &part, &mut running);
    running.spawn(tell_turns(part.clone(), Arc::clone(&comptoir.mirror)));
    let days = (config.changes.retention_days, config.feeds.imports_keep_days);
    running.spawn(retain(part.clone(), days));
    of_customers(comptoir, &part, &mut running);
    running.spawn(write_exports(part.clone(), Arc::clone(&comptoir.exports)));
    running.spawn(deliver(part.clone(), Arc::clone(&comptoir.hooks), config.hooks.poll));
    if let Some(sources) = &comptoir.sources {
        running.spawn(look_at_sources(
            part.clone(),
            Arc::clone(sources),
            config.feeds.sources_poll,
        ));
    }
    let days = config.access.refusals_days;
    running.spawn(refusals::keep(part.clone(), Arc::clone(&comptoir.book.explainer), days));
    let keep_days = config.registration.keep_days;
    running.spawn(alerts::mail(part.clone(), Arc::clone(&comptoir.post), keep_days));
    if let Some(looks) = &comptoir.alerts {
        running.spawn(alerts::look(part.clone(), Arc::clone(looks), config.alerts.poll));
        running.spawn(alerts::post(part.clone(), Arc::clone(looks)));
    }
    handoff::start(comptoir, &part, &mut running);
    let announcer = Announcer::new(&comptoir.db, &comptoir.hooks);
    running.spawn(alerts::announce(part.clone(), announcer, config.hooks.poll));
    if let Some(budgets) = &comptoir.budgets {
        running.spawn(alerts::budgets(part.clone(), Arc::clone(budgets), config.alerts.poll));
    }
    running.spawn(note_uses(part, keyring));
    Tasks::new(stop, running)
}

/// What is about customers and their consents.
fn of_customers(comptoir: &Comptoir, part: &Part, running: &mut JoinSet<()>) {
    let kept = &comptoir.config.customers.retention;
    running.spawn(authz::forget(part.clone(), kept.interaction_days));
    running.spawn(accesses::forget(part.clone(), kept.access_log_days));
    if comptoir.authz.settings.is_on() {
        running.spawn(authz::keep_keys(part.clone(), Arc::clone(&comptoir.authz.keys)));
    }
    evidence::start(comptoir, part, running);
    if let Some(pages) = &comptoir.portal {
        running.spawn(portal::forget(part.clone(), Arc::clone(pages)));
    }
}

fn search_follower(comptoir: &Comptoir) -> SearchFollower {
    let config = &comptoir.config;
    let folder = config.server.data_dir.join("search");
    let words = Words::new(&config.search.languages);
    SearchFollower::new(Arc::clone(&comptoir.mirror), (folder, comptoir.node), words)
}

/// What every task holds.
#[derive(Debug, Clone)]
pub(super) struct Part {
    pub(super) db: Db,
    pub(super) clock: Clock,
    pub(super) metrics: Arc<Metrics>,
    readiness: Arc<Readiness>,
    pub(super) stopped: watch::Receiver<bool>,
}

impl Part {
    /// Resolves at the stop.
    pub(super) async fn stopping(&mut self) {
        let _ = self.stopped.wait_for(|stopped| *stopped).await;
    }

    /// Runs `round` every `period` until the stop.
    pub(super) async fn every<F: Future<Output = ()>>(
        mut self,
        period: Duration,
        mut round: impl FnMut() -> F,
    ) {
        let mut ticks = interval(period);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                _ = ticks.tick() => {}
                () = self.stopping() => return,
            }
            round().await;
        }
    }
}

/// Follows the logs. Ends where entries are gone that this node has not read: it begins anew with all data.
async fn follow_catalog(part: Part, (mirror, waits): (Arc<Mirror>, Arc<Waits>), poll: Duration) {
    let (this, cut_off) = (part.clone(), Notify::new());
    let following = part.every(poll, || async {
        if mirror.is_cut_off(&this.db).await.is_ok_and(|is_cut_off| is_cut_off) {
            tracing::error!("this node was away for longer than the change log reaches back");
            cut_off.notify_one();
            return;
        }
        loop {
            match mirror.follow_once(&this.db).await {
                Ok(followed) if followed.more && !*this.stopped.borrow() => {}
                Ok(_) => {
                    this.readiness.catalog_followed(this.clock.now());
                    break;
                }
                Err(error) => {
                    tracing::warn!(%error, "the change log could not be followed");
                    break;
                }
            }
        }
        let (positions, (catalog, _, levels)) = (mirror.positions(), mirror.sizes());
        this.metrics.set_gauge(Gauge::ChangePosition, positions.change);
        this.metrics.set_gauge(Gauge::ChangesWaiting, count(waits.waiting()));
        this.metrics.set_gauge(Gauge::StockPosition, positions.stock);
        this.metrics.set_gauge(Gauge::Products, count(catalog.products));
        this.metrics.set_gauge(Gauge::Offers, count(catalog.offers));
        this.metrics.set_gauge(Gauge::StockLevels, count(levels));
    });
    tokio::select! {
        () = following => {}
        () = cut_off.notified() => {}
    }
}

async fn follow_search(mut part: Part, mut follower: SearchFollower, poll: Duration) {
    let db = part.db.clone();
    let mut ticks = interval(poll);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut failed = false;
    loop {
        tokio::select! {
            _ = ticks.tick() => {}
            () = part.stopping() => return,
        }
        // A stop in between loses nothing: what is not committed is done again at the next start.
        let followed = tokio::select! {
            followed = follower.follow(&db) => followed,
            () = part.stopping() => return,
        };
        match followed {
            Ok(position) => {
                failed = false;
                let indexed = i64::try_from(follower.len()).unwrap_or(i64::MAX);
                part.metrics.set_gauge(Gauge::ProductsIndexed, indexed);
                part.metrics.set_gauge(Gauge::SearchPosition, position);
            }
            // A disk that is full stays so for a while: it is told once, and not tried all the time.
            Err(error) => {
                part.metrics.add(Tally::SearchFailures, 1);
                if !failed {
                    tracing::error!(%error, "the search index could not follow the catalog");
                }
                failed = true;
                ticks.reset_after(SEARCH_AGAIN.max(poll));
            }
        }
    }
}

/// Saves the mirror from time to time, and soon where nothing is saved yet. A stop waits for what is being
/// written: it saves the rest itself.
async fn keep_saved(mut part: Part, saved: Arc<Saved>, mirror: Arc<Mirror>, period: Duration) {
    let first = if saved.positions().is_none() { period.min(SAVE_AFTER) } else { period };
    let mut ticks = interval_at(Instant::now() + first, period);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = ticks.tick() => save_mirror(&saved, &mirror, &part.db).await,
            () = part.stopping() => return,
        }
    }
}

/// Saves the mirror, or says why not: a start can do without.
pub(super) async fn save_mirror(saved: &Saved, mirror: &Arc<Mirror>, db: &Db) {
    match saved.save(mirror, db).await {
        Ok(true) => tracing::info!(positions = ?mirror.positions(), "the mirror is saved"),
        Ok(false) => {}
        Err(error) => {
            let error = format!("{error:#}");
            tracing::warn!(
                error,
                "the mirror could not be saved; the next start may read the tables"
            );
        }
    }
}

/// Promotions and sales begin and end by themselves: partners and nodes learn it from the change log.
async fn tell_turns(part: Part, mirror: Arc<Mirror>) {
    let this = part.clone();
    part.every(PROMOTIONS_EVERY, || async {
        let told = service::tell_promotions(&this.db, &mirror.catalog, this.clock.now()).await;
        if let Err(error) = told {
            tracing::warn!(%error, "promotions that began or ended could not be told");
        }
        if let Err(error) = service::tell_prices(&this.db, &this.clock).await {
            tracing::warn!(%error, "prices that turned could not be told");
        }
    })
    .await;
}

/// Reads the change log for subscriptions and sends what they want.
async fn deliver(part: Part, hooks: Arc<Hooks>, period: Duration) {
    let this = part.clone();
    let forgotten = std::sync::atomic::AtomicI64::new(0);
    part.every(period, || async {
        if let Err(error) = hooks.round().await {
            tracing::warn!(%error, "webhooks could not be looked after");
        }
        let (delivered, failed) = hooks.take_counts();
        this.metrics.add(Tally::HooksDelivered, delivered);
        this.metrics.add(Tally::HookFailures, failed);
        let now = this.clock.now().0;
        if now - forgotten.load(Ordering::Relaxed) > HOUR {
            forgotten.store(now, Ordering::Relaxed);
            if let Err(error) = hooks.forget_old().await {
                tracing::warn!(%error, "old deliveries could not be forgotten");
            }
        }
    })
    .await;
}

/// Imports what comes by itself.
async fn look_at_sources(part: Part, sources: Arc<Sources>, period: Duration) {
    let this = part.clone();
    part.every(period.min(ASKED_EVERY), || async {
        match sources.round().await {
            Ok(None) => {}
            Ok(Some(round)) => {
                this.metrics.add(Tally::FeedFiles, round.files);
                this.metrics.set_gauge(Gauge::FeedSourcesFailing, count(round.failing));
            }
            Err(error) => tracing::warn!(%error, "the sources of feeds could not be looked at"),
        }
    })
    .await;
}

/// Takes changes out of the log that are older than the retention, and forgets imports of long ago.
async fn retain(part: Part, (change_days, import_days): (u32, u32)) {
    let this = part.clone();
    part.every(RETAIN_EVERY, || async {
        let now = this.clock.now().0;
        let before = |days: u32| Micros(now.saturating_sub(i64::from(days) * 24 * HOUR));
        match changes::prune(&this.db, before(change_days)).await {
            Ok(0) => {}
            Ok(pruned) => tracing::info!(pruned, "old changes were taken out of the log"),
            Err(error) => tracing::warn!(%error, "old changes could not be taken out of the log"),
        }
        if import_days == 0 {
            return;
        }
        match imports::forget(&this.db, before(import_days)).await {
            Ok(0) => {}
            Ok(forgotten) => tracing::info!(forgotten, "old imports were forgotten"),
            Err(error) => tracing::warn!(%error, "old imports could not be forgotten"),
        }
    })
    .await;
}

/// Writes the daily snapshot when it is due and exports when apps ask for them. A stop cuts off what is
/// being written; it is begun again at the next start.
async fn write_exports(mut part: Part, worker: Arc<Worker>) {
    let mut ticks = interval_at(Instant::now() + EXPORTS_EVERY, EXPORTS_EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let metrics = Arc::clone(&part.metrics);
    loop {
        let by_time = tokio::select! {
            _ = ticks.tick() => true,
            () = worker.asked() => false,
            () = part.stopping() => return,
        };
        let round = async {
            if by_time {
                match worker.daily().await {
                    Ok(written) => metrics.add(Tally::SnapshotsWritten, written.into()),
                    Err(error) => {
                        metrics.add(Tally::ExportFailures, 1);
                        tracing::error!(%error, "the snapshot could not be written; it is tried again later");
                    }
                }
            }
            worker.work_off().await
        };
        let worked = tokio::select! {
            worked = round => worked,
            () = part.stopping() => return,
        };
        let cleared = match worked {
            Ok(failed) => {
                metrics.add(Tally::ExportFailures, failed);
                if by_time { worker.clear_old().await } else { Ok(()) }
            }
            Err(error) => Err(error),
        };
        if let Err(error) = cleared {
            tracing::warn!(%error, "exports could not be looked after");
        }
    }
}

async fn note_uses(part: Part, keyring: Arc<Keyring>) {
    let this = part.clone();
    part.every(USES_EVERY, || async {
        store_uses(&this.db, &keyring).await;
    })
    .await;
    // The uses since the last round.
    store_uses(&this.db, &keyring).await;
}

async fn store_uses(db: &Db, keyring: &Keyring) {
    let uses = keyring.take_uses();
    let stored: Result<(), StoreError> = async {
        if !uses.is_empty() {
            let mut tx = db.begin().await?;
            touch_secrets(&mut tx, &uses).await?;
            tx.commit().await?;
        }
        Ok(())
    }
    .await;
    if let Err(error) = stored {
        tracing::warn!(%error, "last uses of keys could not be stored and wait");
        keyring.put_back(uses);
    }
}
