//! Gaps: sequence numbers of a run that the ledger has no event for, and that may have been answered
//! calls. Numbers known to be unreleased (see `journal/harvest.rs`) are none.

use super::block;
use super::period::Period;
use super::runs::LONGEST_CALL;
use super::store::{self, Uneven};
use crate::kernel::Micros;
use crate::kernel::id::NodeId;
use crate::storage::{Db, StoreError, Tx};

/// Numbers `from_seq` to `before_seq` (not included) of a run that hold no event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gap {
    /// The node, as in the ledger.
    pub node: String,
    /// The run.
    pub epoch: i64,
    /// First missing number.
    pub from_seq: u64,
    /// First number after them that is there, or where the segment ends.
    pub before_seq: u64,
    /// No call is missing that was accepted before: numbers are given to answers, so these were given behind the
    /// segment before, to calls that were accepted as long before as a call may take.
    pub from_at: Micros,
    /// None is missing that was accepted after: the segment in which the numbers end was folded then.
    pub to_at: Micros,
}

/// Numbers of runs that hold no event.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Holes {
    /// Those that may have been answered calls.
    pub gaps: Vec<Gap>,
    /// Those that hide none: node, run and number. One that has moved to a later segment is among them.
    pub unreleased: Vec<(String, i64, u64)>,
}

/// Every gap in the ledger up to the position `head`.
pub async fn gaps(db: &Db, head: i64) -> Result<Vec<Gap>, StoreError> {
    Ok(holes(db, head).await?.gaps)
}

/// Every number without an event in the ledger up to the position `head`.
pub async fn holes(db: &Db, head: i64) -> Result<Holes, StoreError> {
    let mut tx = db.snapshot().await?;
    let uneven = store::uneven_segments(&mut tx, head).await?;
    named(&mut tx, uneven).await
}

/// Every gap of a run.
pub async fn gaps_of(db: &Db, node: NodeId, epoch: u64) -> Result<Vec<Gap>, StoreError> {
    let mut tx = db.snapshot().await?;
    let uneven = store::uneven_segments_of(&mut tx, node, epoch).await?;
    Ok(named(&mut tx, uneven).await?.gaps)
}

/// Every gap of the runs of which events are missing.
pub async fn gaps_of_lacking(db: &Db) -> Result<Vec<Gap>, StoreError> {
    let mut tx = db.snapshot().await?;
    let uneven = store::uneven_segments_of_lacking(&mut tx).await?;
    Ok(named(&mut tx, uneven).await?.gaps)
}

/// Every gap that may hide a call accepted in a span.
pub(super) async fn gaps_within(tx: &mut Tx, span: Period) -> Result<Vec<Gap>, StoreError> {
    let mut uneven = store::uneven_segments_of_lacking(tx).await?;
    uneven.retain(|segment| segment.begin() < span.to && segment.end() >= span.from);
    Ok(named(tx, uneven).await?.gaps)
}

async fn named(tx: &mut Tx, uneven: Vec<Uneven>) -> Result<Holes, StoreError> {
    let mut found = Holes::default();
    for uneven in uneven {
        let (first, next) = (uneven.first_seq.cast_unsigned(), uneven.next_seq.cast_unsigned());
        let expected = uneven.expected.cast_unsigned();
        if expected < first {
            found.gaps.push(uneven.gap(expected, first));
        }
        if uneven.next_seq - uneven.first_seq == uneven.events {
            continue;
        }
        let block = store::block_of(tx, &uneven.node, uneven.epoch, uneven.segment).await?;
        let events = block::decode(&block).map_err(|e| StoreError::corrupt("usage_segments", e))?;
        // Those of earlier segments have moved here.
        let own = events.iter().map(|recorded| recorded.seq).filter(|seq| *seq >= first);
        let mut present: Vec<u64> = own.collect();
        let unreleased = uneven.unreleased()?;
        present.extend(&unreleased);
        present.push(next);
        present.sort_unstable();
        let gaps = left_out(first, present.into_iter());
        found.gaps.extend(gaps.map(|(from, before)| uneven.gap(from, before)));
        let named = |seq| (uneven.node.clone(), uneven.epoch, seq);
        found.unreleased.extend(unreleased.into_iter().map(named));
    }
    Ok(found)
}

impl Uneven {
    /// See [`Gap::from_at`].
    fn begin(&self) -> Micros {
        // A clock that was put back shows in the segment itself.
        let own = Some(self.min_at).filter(|_| self.events > 0);
        let before = self.before_at.or(self.run_at).or(own).unwrap_or_default();
        Micros(before.min(own.unwrap_or(before)).saturating_sub(LONGEST_CALL))
    }

    /// See [`Gap::to_at`].
    fn end(&self) -> Micros {
        Micros(self.folded_at)
    }

    fn gap(&self, from_seq: u64, before_seq: u64) -> Gap {
        let (node, epoch) = (self.node.clone(), self.epoch);
        Gap { node, epoch, from_seq, before_seq, from_at: self.begin(), to_at: self.end() }
    }
}

/// The ranges that ascending numbers leave out, counted from `expected`.
fn left_out(
    mut expected: u64,
    present: impl Iterator<Item = u64>,
) -> impl Iterator<Item = (u64, u64)> {
    present.filter_map(move |seq| {
        let hole = (expected < seq).then_some((expected, seq));
        expected = seq.saturating_add(1);
        hole
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_out_is_exact() {
        let of = |present: &[u64]| left_out(3, present.iter().copied()).collect::<Vec<_>>();
        assert_eq!(of(&[3, 4, 5]), []);
        assert_eq!(of(&[4, 5, 8, 9]), [(3, 4), (6, 8)]);
        assert_eq!(of(&[10]), [(3, 10)]);
    }
}
