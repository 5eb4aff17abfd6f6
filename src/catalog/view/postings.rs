//! For each value of a property, the ids of the products that have it.

use super::hash::IdMap;
use super::id_set::IdSet;

/// Sets of product ids by a 64-bit key. A key keeps its number for good: there are few.
#[derive(Debug, Default)]
pub(super) struct Postings {
    numbers: IdMap<u32>,
    /// By number.
    keys: Vec<u64>,
    sets: Vec<IdSet>,
}

/// The number that stands for "none".
pub(super) const NONE: u32 = u32::MAX;

impl Postings {
    /// The number of a key, given now where it is new; [`NONE`] for no key.
    pub(super) fn number(&mut self, key: Option<u64>) -> u32 {
        let Some(key) = key else { return NONE };
        let (sets, keys) = (&mut self.sets, &mut self.keys);
        *self.numbers.entry(key).or_insert_with(|| {
            keys.push(key);
            sets.push(IdSet::default());
            (sets.len() - 1) as u32
        })
    }

    /// The number of a key that some product has or had.
    pub(super) fn find(&self, key: u64) -> Option<u32> {
        self.numbers.get(&key).copied()
    }

    /// The key of a number.
    pub(super) fn key(&self, number: u32) -> Option<u64> {
        self.keys.get(number as usize).copied()
    }

    /// The set of a key.
    pub(super) fn set(&self, key: u64) -> Option<&IdSet> {
        self.sets.get(*self.numbers.get(&key)? as usize)
    }

    /// Puts a product under a number.
    pub(super) fn insert(&mut self, number: u32, id: u64) {
        if let Some(set) = self.sets.get_mut(number as usize) {
            set.insert(id);
        }
    }

    /// Takes a product from under a number.
    pub(super) fn remove(&mut self, number: u32, id: u64) {
        if let Some(set) = self.sets.get_mut(number as usize) {
            set.remove(id);
        }
    }

    /// Gives back the room that growing left.
    pub(super) fn settle(&mut self) {
        self.sets.iter_mut().for_each(IdSet::settle);
    }

    /// Bytes held.
    pub(super) fn bytes(&self) -> usize {
        self.numbers.allocation_size()
            + self.keys.capacity() * size_of::<u64>()
            + self.sets.capacity() * size_of::<IdSet>()
            + self.sets.iter().map(IdSet::bytes).sum::<usize>()
    }
}
