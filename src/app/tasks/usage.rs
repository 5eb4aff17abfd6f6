//! What brings the journal into the ledger, and watches both.

use super::super::Comptoir;
use super::{Part, count};
use crate::kernel::Micros;
use crate::kernel::clock::SECOND;
use crate::metering::{Folder, Journal, Quotas, runs};
use crate::telemetry::{Gauge, Tally};
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinSet;

/// Time between two looks at the runs of all nodes.
const LOOK_AT_RUNS: Duration = Duration::from_secs(15);

/// Starts all of it. Without metering there is nothing to fold, and the node is never behind.
pub(super) fn start(comptoir: &Comptoir, part: &Part, running: &mut JoinSet<()>) {
    let period = comptoir.config.metering.fold_interval;
    running.spawn(watch_runs(part.clone()));
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
