//! Forgetting who was told what of customers, when it has been kept for long enough.

use super::Part;
use crate::customers::accesses::store::expire;
use crate::kernel::Micros;
use crate::kernel::clock::DAY;
use std::time::Duration;

/// How often it is looked.
const FORGET_EVERY: Duration = Duration::from_secs(60);
/// Rows that are taken out at once: whoever writes there waits for no more.
const BATCH: u32 = 500;

/// Forgets accesses that are older than so many days.
pub(super) async fn forget(part: Part, days: u16) {
    let this = part.clone();
    part.every(FORGET_EVERY, || async {
        while !*this.stopped.borrow() {
            let before = Micros(this.clock.now().0.saturating_sub(i64::from(days) * DAY));
            match expire(&this.db, before, BATCH).await {
                Ok(0) => return,
                Ok(_) => {}
                Err(error) => {
                    tracing::warn!(%error, "accesses that are old could not be forgotten");
                    return;
                }
            }
        }
    })
    .await;
}
