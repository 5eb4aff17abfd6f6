//! A set of 64-bit ids in ascending order, close to 8 bytes each: sorted blocks of bounded size.
//!
//! A `BTreeSet` filled in random order takes 16 bytes per id; the catalog keeps three or four
//! entries per product, which would be a twentieth of a product's body.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// Most ids in a block: an insertion moves at most 4 KiB.
const FULL: usize = 512;

/// An ordered set of ids.
#[derive(Debug, Default, Clone)]
pub struct IdSet {
    /// None is empty, and each holds only ids below those of the next.
    blocks: Vec<Vec<u64>>,
    len: usize,
}

impl IdSet {
    /// How many ids are in the set.
    #[must_use]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether the set has no id.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The first block that could hold `id`.
    fn block_of(&self, id: u64) -> usize {
        self.blocks.partition_point(|block| block.last().is_some_and(|last| *last < id))
    }

    /// Whether `id` is in the set.
    #[must_use]
    pub fn contains(&self, id: u64) -> bool {
        self.blocks.get(self.block_of(id)).is_some_and(|block| block.binary_search(&id).is_ok())
    }

    /// Adds an id; false where it was there.
    pub fn insert(&mut self, id: u64) -> bool {
        let mut at = self.block_of(id);
        if at == self.blocks.len() {
            // Above all others: it goes at the end of the last block, or into a new one.
            if self.blocks.last().is_none_or(|block| block.len() == FULL) {
                self.blocks.push(Vec::new());
            }
            at = self.blocks.len() - 1;
        } else if self.blocks[at].len() == FULL {
            if self.blocks[at].binary_search(&id).is_ok() {
                return false;
            }
            let upper = self.blocks[at].split_off(FULL / 2);
            self.blocks.insert(at + 1, upper);
            at = self.block_of(id);
        }
        let block = &mut self.blocks[at];
        let Err(place) = block.binary_search(&id) else { return false };
        if block.len() == block.capacity() {
            // Never past a full block, of which less than 4 may be missing.
            block.reserve_exact(block.len().max(4).min(FULL - block.len()));
        }
        block.insert(place, id);
        self.len += 1;
        true
    }

    /// Takes an id out; false where it was not there.
    pub fn remove(&mut self, id: u64) -> bool {
        let at = self.block_of(id);
        let Some(block) = self.blocks.get_mut(at) else { return false };
        let Ok(place) = block.binary_search(&id) else { return false };
        block.remove(place);
        if block.is_empty() {
            self.blocks.remove(at);
        }
        self.len -= 1;
        true
    }

    /// The ids above `after` (all where `None`), ascending.
    #[must_use]
    pub fn after(&self, after: Option<u64>) -> Walk<'_> {
        let Some(after) = after else { return Walk { blocks: &self.blocks, at: 0 } };
        let first =
            self.blocks.partition_point(|block| block.last().is_some_and(|last| *last <= after));
        let blocks = &self.blocks[first..];
        let at = blocks.first().map_or(0, |block| block.partition_point(|id| *id <= after));
        Walk { blocks, at }
    }

    /// Gives back the room that growing left in the blocks.
    pub fn settle(&mut self) {
        let ids: Vec<u64> = self.after(None).collect();
        self.blocks = ids.chunks(FULL).map(<[u64]>::to_vec).collect();
    }

    /// Bytes held.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.blocks.capacity() * size_of::<Vec<u64>>()
            + self.blocks.iter().map(|block| block.capacity() * 8).sum::<usize>()
    }
}

impl FromIterator<u64> for IdSet {
    fn from_iter<I: IntoIterator<Item = u64>>(ids: I) -> Self {
        let mut set = Self::default();
        for id in ids {
            set.insert(id);
        }
        set
    }
}

/// A walk over the ids of a set.
#[derive(Debug, Clone)]
pub struct Walk<'a> {
    blocks: &'a [Vec<u64>],
    at: usize,
}

impl Iterator for Walk<'_> {
    type Item = u64;

    fn next(&mut self) -> Option<u64> {
        let (first, rest) = self.blocks.split_first()?;
        let id = first.get(self.at).copied()?;
        self.at += 1;
        if self.at == first.len() {
            (self.blocks, self.at) = (rest, 0);
        }
        Some(id)
    }
}

/// A walk over the ids that are in any of several sets, each once, ascending.
#[derive(Debug)]
pub struct Union<'a> {
    walks: Vec<Walk<'a>>,
    /// The next id of each walk that has one.
    heads: BinaryHeap<Reverse<(u64, usize)>>,
    last: Option<u64>,
}

impl<'a> Union<'a> {
    /// The ids above `after` that are in any of the sets.
    #[must_use]
    pub fn after(sets: &[&'a IdSet], after: Option<u64>) -> Self {
        let mut walks: Vec<_> = sets.iter().map(|set| set.after(after)).collect();
        let heads = walks.iter_mut().enumerate();
        let heads = heads.filter_map(|(i, walk)| Some(Reverse((walk.next()?, i)))).collect();
        Self { walks, heads, last: None }
    }
}

impl Iterator for Union<'_> {
    type Item = u64;

    fn next(&mut self) -> Option<u64> {
        while let Some(Reverse((id, walk))) = self.heads.pop() {
            if let Some(following) = self.walks[walk].next() {
                self.heads.push(Reverse((following, walk)));
            }
            if self.last != Some(id) {
                self.last = Some(id);
                return self.last;
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    #[test]
    fn blocks_split_and_settle() {
        let mut set: IdSet = (0..5_000u64).map(|n| n.wrapping_mul(0x9E37_79B9_7F4A_7C15)).collect();
        assert_eq!(set.len(), 5_000);
        set.settle();
        assert!(set.bytes() < 5_000 * 9, "{}", set.bytes());
        assert!(set.after(None).is_sorted() && set.after(None).count() == 5_000);
    }

    #[test]
    fn a_block_of_any_size_takes_one_more_after_it_was_settled() {
        for size in 0..2 * FULL as u64 {
            let mut set: IdSet = (0..size).collect();
            set.settle();
            assert!(set.insert(size) && set.contains(size) && set.len() as u64 == size + 1);
        }
    }

    proptest! {
        #[test]
        fn behaves_as_an_ordered_set(
            steps in prop::collection::vec((0u8..100, 0u64..3_000), 0..4_000),
            after: Option<u16>,
        ) {
            let (mut set, mut model) = (IdSet::default(), BTreeSet::new());
            for (step, id) in steps {
                if step == 0 {
                    set.settle();
                }
                if step < 60 {
                    prop_assert_eq!(set.insert(id), model.insert(id));
                } else {
                    prop_assert_eq!(set.remove(id), model.remove(&id));
                }
            }
            let after = after.map(u64::from);
            let expected: Vec<u64> =
                model.iter().copied().filter(|id| after.is_none_or(|a| *id > a)).collect();
            prop_assert_eq!(set.after(after).collect::<Vec<_>>(), expected);
            prop_assert_eq!(set.len(), model.len());
        }

        #[test]
        fn a_union_gives_each_id_once(
            sets in prop::collection::vec(prop::collection::btree_set(0u64..200, 0..60), 0..6),
            after: Option<u8>,
        ) {
            let after = after.map(u64::from);
            let model: BTreeSet<u64> = sets.iter().flatten().copied().collect();
            let sets: Vec<IdSet> = sets.into_iter().map(|s| s.into_iter().collect()).collect();
            let refs: Vec<&IdSet> = sets.iter().collect();
            let expected: Vec<u64> =
                model.into_iter().filter(|id| after.is_none_or(|a| *id > a)).collect();
            prop_assert_eq!(Union::after(&refs, after).collect::<Vec<_>>(), expected);
        }
    }
}
