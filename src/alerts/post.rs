//! Messages to the retailer's own receiver.

use super::{Alerts, api, store};
use crate::hooks::Tried;
use crate::storage::StoreError;

/// Messages sent in one round.
const ROUND: u32 = 8;

/// What was done in a round.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Posted {
    /// Messages that were taken.
    pub delivered: u64,
    /// Attempts that failed.
    pub failed: u64,
}

impl Alerts {
    /// Sends what is due to the retailer's own receiver, if there is one and this node is the one that sends, until
    /// it is told to stop.
    pub async fn post(&self, stopped: impl Fn() -> bool) -> Result<Posted, StoreError> {
        let mut posted = Posted::default();
        let Some(receiver) = &self.receiver else { return Ok(posted) };
        let due = async || store::to_post(&self.db, self.clock.now(), ROUND).await;
        if due().await?.is_empty() || !self.hold("alert posts").await? {
            return Ok(posted);
        }
        for waiting in due().await? {
            // A receiver may take as long as a lease: each message renews it.
            if stopped() || !self.hold("alert posts").await? {
                break;
            }
            let (alert, id) = (&waiting.alert, waiting.alert.id.to_string());
            let attempts = waiting.post.as_ref().map_or(0, |post| post.attempts);
            let retry_until = receiver.ends(alert.raised_at).0;
            let tried = Tried { id: &id, attempts, retry_until };
            let attempt = receiver.send(tried, &api::message(alert)?, &self.clock).await;
            match attempt.status {
                "delivered" => posted.delivered += 1,
                _ => posted.failed += 1,
            }
            if attempt.status == "failed" {
                tracing::warn!(
                    id,
                    "an alert could not be posted and is given up; see GET /admin/v1/alerts"
                );
            }
            store::posted(&self.db, alert.id, &attempt).await?;
        }
        Ok(posted)
    }
}
