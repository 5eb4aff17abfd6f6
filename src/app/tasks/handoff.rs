//! Handing off usage, to each system beside the others, so that none waits for another.

use super::super::Comptoir;
use super::Part;
use crate::billing::handoff::Handoffs;
use crate::billing::handoff::model::Sink;
use crate::telemetry::{Gauge, Tally};
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinSet;

/// How often it is looked how the systems are.
const LOOK_EVERY: Duration = Duration::from_secs(15);

/// Starts all of it; nothing where the settings name no system.
pub(super) fn start(comptoir: &Comptoir, part: &Part, running: &mut JoinSet<()>) {
    let (handoffs, poll) = (&comptoir.handoffs, comptoir.config.handoff.poll);
    let sinks = handoffs.sinks();
    for sink in &sinks {
        running.spawn(hand_off(part.clone(), Arc::clone(handoffs), *sink, poll));
    }
    if !sinks.is_empty() {
        running.spawn(watch(part.clone(), Arc::clone(handoffs)));
    }
}

/// A stop waits for what is under way.
async fn hand_off(part: Part, handoffs: Arc<Handoffs>, sink: Sink, poll: Duration) {
    let this = part.clone();
    part.every(poll, || async {
        if let Err(error) = handoffs.round(sink, || *this.stopped.borrow()).await {
            tracing::warn!(%error, %sink, "usage could not be handed off; it is tried again");
        }
        let (taken, failed) = handoffs.take_counts();
        this.metrics.add(Tally::HandoffsTaken, taken);
        this.metrics.add(Tally::HandoffFailures, failed);
    })
    .await;
}

async fn watch(part: Part, handoffs: Arc<Handoffs>) {
    let this = part.clone();
    part.every(LOOK_EVERY, || async {
        match handoffs.look().await {
            Ok((failing, refused)) => {
                this.metrics.set_gauge(Gauge::HandoffSinksFailing, failing);
                this.metrics.set_gauge(Gauge::HandoffsRefused, refused);
            }
            Err(error) => tracing::warn!(%error, "it could not be looked how the hand-off is"),
        }
    })
    .await;
}
