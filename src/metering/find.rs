//! Events of the ledger by their ids.

use super::billability::Rule;
use super::event::Event;
use super::journal::EventId;
use super::store::{self, SEGMENTS};
use super::walk::{ExportSeq, Fetched, Opened};
use crate::storage::{StoreError, Tx};
use std::collections::BTreeSet;

/// Most segments that are looked into for one event. An answer that outlasts its segment has its event in a later one, of
/// those that have a number without an event; there are few.
const MOST_SEGMENTS: usize = 1_000;

/// An event with its place in the ledger.
#[derive(Debug, Clone)]
pub struct FoundEvent {
    /// Its number in the order of the ledger.
    pub export_seq: ExportSeq,
    /// What was recorded.
    pub event: Event,
}

/// The event of an id, if it is in the ledger.
pub async fn one(tx: &mut Tx, id: EventId) -> Result<Option<FoundEvent>, StoreError> {
    let opened = segment_of(tx, id).await?;
    let placed = opened.as_ref().and_then(|opened| opened.event(id));
    Ok(placed
        .map(|placed| FoundEvent { export_seq: placed.export_seq, event: placed.event.clone() }))
}

/// The events of some ids that are in the ledger, each with the rule that decided, in the order of the ids.
pub async fn find(
    tx: &mut Tx,
    ids: &BTreeSet<EventId>,
) -> Result<Vec<(EventId, Event, &'static Rule)>, StoreError> {
    let mut found = Vec::new();
    let mut held: Option<Opened> = None;
    for id in ids {
        if held.as_ref().is_none_or(|opened| opened.event(*id).is_none()) {
            let Some(opened) = segment_of(tx, *id).await? else { continue };
            held = Some(opened);
        }
        if let Some(placed) = held.as_ref().and_then(|opened| opened.event(*id)) {
            found.push((*id, placed.event.clone(), placed.rule));
        }
    }
    Ok(found)
}

/// The segment that has an event: that of its number, or a later one where it has moved.
async fn segment_of(tx: &mut Tx, id: EventId) -> Result<Option<Opened>, StoreError> {
    let mut behind = -1;
    for _ in 0..MOST_SEGMENTS {
        let segment = store::segment_with(tx, (id.node, id.epoch), id.seq, behind).await?;
        let Some(segment) = segment else { return Ok(None) };
        behind = segment.segment;
        let fetched = Fetched::whole(segment);
        let opening = tokio::task::spawn_blocking(move || fetched.open());
        let opened = opening.await.map_err(|e| StoreError::corrupt(SEGMENTS, e))??;
        if opened.event(id).is_some() {
            return Ok(Some(opened));
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metering::tests::{Bench, sample};
    use crate::metering::walk::{Placed, Walk};

    #[tokio::test]
    async fn an_event_is_found_with_its_place_and_no_other_is() {
        let bench = Bench::new().await;
        let events: Vec<Event> = (0..5).map(sample).collect();
        bench.record(&events).await;
        let mut tx = bench.db.snapshot().await.unwrap();
        let mut walk = Walk { span: None, after: ExportSeq(0), through: i64::MAX };
        let mut all = Vec::new();
        while let Some(opened) = walk.next(&mut tx).await.unwrap() {
            let known = |placed: Placed<'_>| (placed.id, placed.export_seq);
            all.extend(opened.events().map(known));
        }
        assert_eq!(all.len(), 5);
        for ((id, place), event) in all.iter().zip(&events) {
            let found = one(&mut tx, *id).await.unwrap().unwrap();
            assert_eq!((found.export_seq, &found.event), (*place, event));
        }
        let (last, _) = all[4];
        for other in
            [EventId { seq: last.seq + 1, ..last }, EventId { epoch: last.epoch + 1, ..last }]
        {
            assert!(one(&mut tx, other).await.unwrap().is_none(), "{other}");
        }
    }
}
