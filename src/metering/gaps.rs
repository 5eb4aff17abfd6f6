//! Gaps: sequence numbers of a run that the ledger has no event for, and that may have been answered
//! calls. Numbers known to be unreleased (see `journal/harvest.rs`) are none.

use super::block;
use super::store::{self, Uneven};
use crate::kernel::id::NodeId;
use crate::storage::{Db, StoreError};

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
    named(db, store::uneven_segments(db, head).await?).await
}

/// Every gap of a run.
pub async fn gaps_of(db: &Db, node: NodeId, epoch: u64) -> Result<Vec<Gap>, StoreError> {
    Ok(named(db, store::uneven_segments_of(db, node, epoch).await?).await?.gaps)
}

async fn named(db: &Db, uneven: Vec<Uneven>) -> Result<Holes, StoreError> {
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
        let block = store::block_of(db, &uneven.node, uneven.epoch, uneven.segment).await?;
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
    fn gap(&self, from_seq: u64, before_seq: u64) -> Gap {
        Gap { node: self.node.clone(), epoch: self.epoch, from_seq, before_seq }
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
