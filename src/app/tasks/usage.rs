//! What brings the journal into the ledger, and watches both.

use super::super::Comptoir;
use super::{Part, count};
use crate::billing::nightly::{self, Nightly, Recounting};
use crate::kernel::Micros;
use crate::kernel::clock::SECOND;
use crate::metering::{Folder, Journal, Quotas, runs};
use crate::telemetry::{Gauge, Tally};
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval};

/// Time between two looks at the runs of all nodes.
const LOOK_AT_RUNS: Duration = Duration::from_secs(15);
/// Time between two looks whether the sums by hour are to be counted again; they cost nothing.
const LOOK_AT_TIME: Duration = Duration::from_secs(1);
/// Most differences of a recount that the log names.
const NAMED: usize = 10;

/// Starts all of it. Without metering there is nothing to fold, and the node is never behind.
pub(super) fn start(comptoir: &Comptoir, part: &Part, running: &mut JoinSet<()>) {
    let period = comptoir.config.metering.fold_interval;
    running.spawn(watch_runs(part.clone()));
    running.spawn(watch_recounts(part.clone()));
    if let Some(at) = comptoir.config.metering.recount_at {
        let opened = (&comptoir.db, &comptoir.clock, comptoir.node);
        running.spawn(recount(part.clone(), Nightly::new(opened, at)));
    }
    let (Some(folder), Some(journal)) = (&comptoir.folder, &comptoir.book.journal) else {
        let this = part.clone();
        running.spawn(part.clone().every(period, move || {
            this.readiness.folded(this.clock.now());
            std::future::ready(())
        }));
        return;
    };
    let quotas = comptoir.quotas.clone();
    running.spawn(fold(part.clone(), (Arc::clone(folder), quotas), period));
    let watched = (Arc::clone(journal), Arc::clone(folder));
    running.spawn(watch_journal(part.clone(), watched, period));
}

/// Brings the quotas to what the ledger has. A round that fails is made up for by the next.
pub(in crate::app) async fn follow_quotas(quotas: &Quotas, now: Micros) {
    if let Err(error) = quotas.round(now).await {
        tracing::warn!(%error, "quotas could not follow the ledger; they go on with what they know");
    }
}

async fn fold(part: Part, (folder, quotas): (Arc<Folder>, Option<Arc<Quotas>>), period: Duration) {
    let this = part.clone();
    part.every(period, || async {
        match folder.fold_once(this.clock.now()).await {
            Ok(report) => {
                this.metrics.add(Tally::EventsFolded, report.events);
                this.readiness.folded(this.clock.now());
                if let Some(quotas) = &quotas {
                    follow_quotas(quotas, this.clock.now()).await;
                }
            }
            Err(error) => {
                if error.is_full() {
                    this.readiness.database_full();
                }
                this.metrics.add(Tally::FoldFailures, 1);
                tracing::warn!(%error, "usage could not be folded; it stays in the journal");
            }
        }
    })
    .await;
}

/// Tells how full the journal is, and how far ahead of the ledger. Not a part of folding, which may hang for as long
/// as its database.
async fn watch_journal(
    part: Part,
    (journal, folder): (Arc<Journal>, Arc<Folder>),
    period: Duration,
) {
    let this = part.clone();
    let begun = part.clock.now();
    part.every(period, || async {
        this.readiness.journal(&journal);
        let (syncs, answers) = journal.take_synced();
        this.metrics.add(Tally::JournalSyncs, syncs);
        this.metrics.add(Tally::AnswersSynced, answers);
        let backlog = journal.backlog();
        this.metrics.set_gauge(Gauge::JournalBacklogSegments, count(backlog.segments));
        this.metrics.set_gauge(
            Gauge::JournalBacklogEvents,
            i64::try_from(backlog.events).unwrap_or(i64::MAX),
        );
        let through = folder.folded_through().unwrap_or(begun);
        let lag = this.clock.now().0.saturating_sub(through.0).max(0);
        this.metrics.set_gauge(Gauge::UsageLag, lag / SECOND);
    })
    .await;
}

/// Tells what the runs of all nodes lack.
async fn watch_runs(part: Part) {
    let this = part.clone();
    part.every(LOOK_AT_RUNS, || async {
        match runs::standing(&this.db, this.clock.now()).await {
            Ok(standing) => {
                this.metrics.set_gauge(Gauge::UsageRunsSilent, standing.silent);
                this.metrics.set_gauge(Gauge::UsageMissing, standing.missing);
            }
            Err(error) => tracing::debug!(%error, "the runs of the nodes could not be looked at"),
        }
    })
    .await;
}

/// Counts the sums by hour again when it is time. A stop cuts that off; another node goes on, or the next start.
async fn recount(mut part: Part, nightly: Nightly) {
    let metrics = Arc::clone(&part.metrics);
    let mut ticks = interval(LOOK_AT_TIME);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = ticks.tick() => {}
            () = part.stopping() => return,
        }
        let counted = tokio::select! {
            counted = nightly.round() => counted,
            () = part.stopping() => return,
        };
        match counted {
            Ok(None) => {}
            Ok(Some(done)) => {
                metrics.add(Tally::UsageRecounts, 1);
                show_recount(&part, &done);
                tell_recount(&done);
            }
            Err(error) => {
                tracing::warn!(%error, "sums by hour could not be counted again; it is tried again");
            }
        }
    }
}

fn show_recount(part: &Part, done: &Recounting) {
    part.metrics.set_gauge(Gauge::UsageRecounted, done.ended_at.0 / SECOND);
    part.metrics.set_gauge(Gauge::UsageRecountDifferences, done.differences);
}

fn tell_recount(done: &Recounting) {
    let Recounting { from, to, events, hours, differences, first, .. } = done;
    if *differences == 0 {
        tracing::info!(%from, %to, events, hours, "sums by hour are those of the events");
        return;
    }
    let named = first.iter().take(NAMED).map(String::as_str).collect::<Vec<_>>().join("; ");
    tracing::error!(
        %from, %to, differences, named,
        "sums by hour are not those of the events: nothing was changed, and no period of them can be closed; \
         `comptoir usage reconcile --all-open` shows what it comes to"
    );
}

/// Tells what came of the last recount, whichever node did it.
async fn watch_recounts(part: Part) {
    let this = part.clone();
    part.every(LOOK_AT_RUNS, || async {
        match nightly::last(&this.db).await {
            Ok(Some(done)) => show_recount(&this, &done),
            Ok(None) => {}
            Err(error) => tracing::debug!(%error, "the last recount could not be looked at"),
        }
    })
    .await;
}
