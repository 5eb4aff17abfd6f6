//! Signing the ledger of consents, ending what is over, and telling partners.

use super::super::Comptoir;
use super::Part;
use crate::authz::ends::end_due;
use crate::authz::events::PartnerEvents;
use crate::authz::signers::Signers;
use crate::consent::evidence::checkpoint_due;
use crate::consent::follow::KnownConsents;
use crate::consent::proof::checkpoints::{FILE, sign_due, write_down};
use crate::consent::store::ledger::{self, SignedCheckpoint};
use crate::consent::store::read;
use crate::kernel::Micros;
use crate::kernel::clock::{MINUTE, SECOND};
use crate::storage::{Log, StoreError, lease, log};
use crate::telemetry::{Gauge, Tally};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;
use tokio::task::JoinSet;

/// How often it is looked whether a checkpoint is due.
const SIGN_EVERY: Duration = Duration::from_secs(1);
/// How often consents are ended whose time is over. Until then they allow nothing already: that follows from the time alone.
const END_EVERY: Duration = Duration::from_secs(1);
/// How often it is looked for what partners are to be told.
const TELL_EVERY: Duration = Duration::from_secs(1);
/// How often it is looked how much partners have not taken.
const LOOK_EVERY: Duration = Duration::from_secs(15);
/// Consents that are ended at once.
const BATCH: u32 = 200;
const SIGNS: &str = "consent_checkpoints";
const ENDS: &str = "consent_ends";
/// How long a node that says no more keeps the others from signing and ending.
const HELD: i64 = MINUTE;

/// Starts all of it.
pub(super) fn start(comptoir: &Comptoir, part: &Part, running: &mut JoinSet<()>) {
    let config = &comptoir.config;
    let node = comptoir.node.to_string();
    let signing = Signing {
        signers: comptoir.partner_events.signers().clone(),
        issuer: config.server.public_url.trim_end_matches('/').to_owned(),
        node: node.clone(),
        file: config.server.data_dir.join(FILE),
    };
    running.spawn(sign(part.clone(), signing));
    running.spawn(end(part.clone(), node, Arc::clone(&comptoir.consents)));
    running.spawn(tell(part.clone(), Arc::clone(&comptoir.partner_events)));
    running.spawn(look(part.clone(), Arc::clone(&comptoir.partner_events)));
}

/// What signs the ledger.
#[derive(Debug)]
struct Signing {
    signers: Signers,
    issuer: String,
    node: String,
    file: PathBuf,
}

async fn holds(part: &Part, name: &str, node: &str) -> Result<bool, StoreError> {
    let now = part.clock.now();
    lease::hold(&part.db, (name, node), now, Micros(now.0.saturating_add(HELD))).await
}

async fn sign(part: Part, signing: Signing) {
    let (this, told) = (part.clone(), AtomicI64::new(i64::MIN));
    part.every(SIGN_EVERY, || async {
        match sign_once(&this, &signing).await {
            Ok(None) => {}
            Ok(Some(signed)) => {
                let file = signing.file.clone();
                let written = tokio::task::spawn_blocking(move || write_down(&file, &signed)).await;
                if let Ok(Err(error)) = written {
                    tracing::error!(%error, "a checkpoint of the ledger of consents is in the database alone");
                }
            }
            Err(error) => {
                // It stays so until somebody looks, who need not be told each second.
                let now = this.clock.now().0;
                if now.saturating_sub(told.load(Ordering::Relaxed)) >= MINUTE {
                    told.store(now, Ordering::Relaxed);
                    let error = format!("{error:#}");
                    tracing::error!(error, "the ledger of consents could not be signed");
                }
            }
        }
        match age(&this).await {
            Ok(age) => this.metrics.set_seconds(Gauge::CheckpointAge, age),
            Err(error) => tracing::warn!(%error, "it is not known how old the last checkpoint is"),
        }
    })
    .await;
}

/// Signs where it is due, and this node is the one that does. Nothing is asked of the keys, and no lease taken, before.
async fn sign_once(part: &Part, signing: &Signing) -> anyhow::Result<Option<SignedCheckpoint>> {
    let covered = ledger::last_checkpoint(&part.db).await?;
    let head = log::head(&part.db, Log::Consent).await?;
    let is_due = checkpoint_due(covered, head, part.clock.now());
    if !is_due || !holds(part, SIGNS, &signing.node).await? {
        return Ok(None);
    }
    let now = part.clock.now();
    let key = signing.signers.evidence(now).await?;
    Ok(sign_due(&part.db, (&key, &signing.issuer), now).await?)
}

/// Seconds since the ledger was signed, where something was written since.
async fn age(part: &Part) -> Result<f64, StoreError> {
    let (covered, at) = ledger::last_checkpoint(&part.db).await?;
    let Some(next) = ledger::entries(&part.db, covered, 1).await?.into_iter().next() else {
        return Ok(0.0);
    };
    let since = at.0.max(next.at_ms.saturating_mul(1_000));
    Ok(part.clock.now().0.saturating_sub(since).max(0) as f64 / SECOND as f64)
}

/// Ends consents whose time is over, in the ledger too.
async fn end(part: Part, node: String, consents: Arc<KnownConsents>) {
    let this = part.clone();
    part.every(END_EVERY, || async {
        while !*this.stopped.borrow() {
            match end_some(&this, &node).await {
                Ok(0) => return,
                Ok(_) => consents.nudge(),
                Err(error) => {
                    tracing::warn!(%error, "consents whose time is over could not be ended");
                    return;
                }
            }
        }
    })
    .await;
}

/// Ends some, if there are any and this node is the one that does.
async fn end_some(part: &Part, node: &str) -> Result<u64, StoreError> {
    let now = part.clock.now();
    if read::due(&part.db, now, 1).await?.is_empty() || !holds(part, ENDS, node).await? {
        return Ok(0);
    }
    end_due(&part.db, now, BATCH).await
}

async fn tell(part: Part, events: Arc<PartnerEvents>) {
    let this = part.clone();
    part.every(TELL_EVERY, || async {
        match events.round().await {
            Ok(taken) => this.metrics.add(Tally::PartnerEventsTaken, taken),
            Err(error) => tracing::warn!(%error, "partners could not be told of consents"),
        }
    })
    .await;
}

async fn look(part: Part, events: Arc<PartnerEvents>) {
    let this = part.clone();
    part.every(LOOK_EVERY, || async {
        match events.open().await {
            Ok(open) => {
                let now = this.clock.now().0;
                let waits = open.oldest.map_or(0, |at| now.saturating_sub(at.0).max(0));
                this.metrics.set_gauge(Gauge::PartnerEventsOpen, open.count);
                let waits = waits as f64 / SECOND as f64;
                this.metrics.set_seconds(Gauge::PartnerEventOldest, waits);
            }
            Err(error) => tracing::warn!(%error, "it is not known what partners have not taken"),
        }
    })
    .await;
}
