//! An export of a closed period, held against what its close counts: what was taken out of the ledger, put into it or moved in
//! its index since would otherwise be a final export that is signed and lacks something.

use super::ExportError;
use crate::billing::close::Close;
use crate::billing::evidence::{Evidence, Gathering, Run};
use crate::metering::period::Period;
use crate::metering::recount::Watch as _;
use crate::metering::walk::{ExportSeq, Walk};
use crate::storage::{Db, StoreError};

/// Refuses unless the ledger has the events that a close counts, each as it was. Of a close that was made before closes kept
/// that, nothing can be said.
pub(super) async fn holds(db: &Db, close: &Close) -> Result<(), ExportError> {
    let Some(kept) = &close.evidence else { return Ok(()) };
    let span = Period { from: close.from, to: close.to };
    let mut gathering = Gathering::new(span, close.position);
    let mut walk = Walk { span: Some(span), after: ExportSeq(0), through: close.position };
    loop {
        let mut tx = db.snapshot().await?;
        let Some(fetched) = walk.fetch(&mut tx).await? else { break };
        drop(tx);
        let opening = tokio::task::spawn_blocking(move || fetched.open());
        let opened = opening.await.map_err(|e| StoreError::corrupt("usage_segments", e))??;
        opened.events().for_each(|placed| gathering.event(&placed));
    }
    let found = gathering.evidence();
    if *kept == found {
        return Ok(());
    }
    let (period, number) = (close.period_id, close.number);
    Err(ExportError::NotAsClosed { period, number, why: differs(kept, &found) })
}

/// The first in which the events are not those that were counted.
fn differs(kept: &Evidence, found: &Evidence) -> String {
    let lacks = kept.runs.iter().find(|run| !found.runs.contains(run));
    if let Some(Run { node, epoch, first_seq, next_seq, events }) = lacks {
        let same = |is: &&Run| (is.node, is.epoch) == (*node, *epoch);
        let there = found.runs.iter().find(same).map_or(0, |is| is.events);
        return format!(
            "of process {epoch} of {node} it counts {events} events, with numbers from {first_seq} to below \
             {next_seq}, and {there} are there"
        );
    }
    match found.runs.iter().find(|run| !kept.runs.contains(run)) {
        Some(Run { node, epoch, events, .. }) => {
            format!(
                "{events} events of process {epoch} of {node} are there, which it does not count"
            )
        }
        None => "as many are there as it counts, and not all are as they were".to_owned(),
    }
}
