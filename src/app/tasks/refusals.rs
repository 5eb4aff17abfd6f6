//! Storing what was refused, and forgetting what is old.

use super::Part;
use crate::explain::api::Explainer;
use crate::explain::store;
use crate::kernel::Micros;
use crate::kernel::clock::{DAY, HOUR};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

/// How often the history is stored.
const STORE_EVERY: Duration = Duration::from_secs(10);

/// Stores the history of refusals, and forgets it after some days.
pub(super) async fn keep(part: Part, explainer: Arc<Explainer>, days: u32) {
    let this = part.clone();
    let forgotten_at = AtomicI64::new(i64::MIN);
    part.every(STORE_EVERY, || async {
        explainer.save().await;
        let now = this.clock.now().0;
        if now.saturating_sub(forgotten_at.load(Ordering::Relaxed)) >= HOUR {
            let before = now.saturating_sub(i64::from(days) * DAY);
            match store::forget(&this.db, Micros(before)).await {
                Ok(()) => forgotten_at.store(now, Ordering::Relaxed),
                Err(error) => tracing::warn!(%error, "old refusals could not be forgotten"),
            }
        }
    })
    .await;
    // Those since the last round.
    explainer.save().await;
}
