//! Runs whose journal is gone.

use super::{Run, silent_before, store};
use crate::access::audit::{Deed, append};
use crate::access::error::{AccessError, Kind};
use crate::access::service::By;
use crate::access::text::Reason;
use crate::kernel::Micros;
use crate::kernel::id::NodeId;
use crate::storage::Db;
use serde_json::json;

/// Why a run counts as lost, and since when.
#[derive(Debug)]
pub struct Loss {
    /// Why nobody can bring in what it had recorded.
    pub reason: Reason,
    /// An instant at which its process was surely gone; now, where it is left out. Periods that begin later are not
    /// touched by the loss.
    pub gone_at: Option<Micros>,
}

/// Ends a silent run of which nothing can be recovered. What it had recorded and the ledger has not is not billed; a
/// close of a period that it may have touched names it ([`super::incomplete()`]). Should the run say something after all,
/// it goes on; should its directory be found, that can be recovered as before.
pub async fn lose(
    db: &Db,
    by: &By<'_>,
    (node, epoch): (NodeId, u64),
    Loss { reason, gone_at }: Loss,
) -> Result<Run, AccessError> {
    let mut tx = db.begin().await?;
    let now = tx.now(by.now).await?;
    let name = || format!("{node}/{epoch}");
    let found = store::find(&mut tx, (node, epoch)).await?;
    let run = found.ok_or_else(|| AccessError::not_found(Kind::UsageRun, name()))?;
    let gone_at = gone_at.unwrap_or(now);
    if gone_at < run.told_at || gone_at > now {
        let message = format!("must lie between {}, when the run last spoke, and now", run.told_at);
        return Err(AccessError::Field { field: "gone_at", message });
    }
    if !store::end_lost(&mut tx, (node, epoch), (gone_at, silent_before(now))).await? {
        return Err(AccessError::Conflict(match run.ended {
            Some((at, _)) => format!("The run ended at {at}; nothing is to be given up of it."),
            None => format!(
                "The run said at {} that it goes on. One that says nothing for a minute can be given up.",
                run.told_at
            ),
        }));
    }
    let detail = json!({
        "epoch": epoch, "reason": reason, "gone_at": gone_at,
        "complete_through": run.through, "next_seq": run.next_seq,
    });
    let deed = Deed { action: "usage_run.lose".into(), subject: node.to_string(), detail };
    let ended = store::find(&mut tx, (node, epoch)).await?.unwrap_or(run);
    append(&mut tx, by, deed).await?;
    tx.commit().await?;
    Ok(ended)
}
