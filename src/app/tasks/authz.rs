//! Forgetting what the authorization server needs no more, and the keys that it signs with.

use super::Part;
use crate::authz::http::SigningKeys;
use crate::authz::store::expire::expire;
use crate::kernel::clock::DAY;
use std::sync::Arc;
use std::time::Duration;

/// How often it is looked.
const FORGET_EVERY: Duration = Duration::from_secs(30);
/// How often it is looked whether there are other keys: one that was withdrawn signs no longer than this.
const KEYS_EVERY: Duration = Duration::from_secs(10);
/// Rows of a table that are taken out at once: whoever writes there waits for no more.
const BATCH: u32 = 500;

/// Forgets proofs, requests and codes that have ended, those that came to nothing after so many days, and refresh tokens
/// that lie idle.
pub(super) async fn forget(part: Part, interaction_days: u16) {
    let this = part.clone();
    let kept = i64::from(interaction_days) * DAY;
    part.every(FORGET_EVERY, || async {
        while !*this.stopped.borrow() {
            match expire(&this.db, kept, BATCH, this.clock.now()).await {
                Ok(0) => return,
                Ok(_) => {}
                // Two nodes may be at the same rows: one of them comes back.
                Err(error) => {
                    tracing::warn!(%error, "codes and proofs that have ended could not be forgotten");
                    return;
                }
            }
        }
    })
    .await;
}

/// Makes the next key that signs tokens when it is due, and follows what other nodes have made and withdrawn.
pub(super) async fn keep_keys(part: Part, keys: Arc<SigningKeys>) {
    part.every(KEYS_EVERY, || async {
        if let Err(error) = keys.look().await {
            tracing::warn!(%error, "the keys that sign tokens could not be looked after");
        }
    })
    .await;
}
