//! A set of numbers that mostly follow each other: kept as ranges.

use std::collections::BTreeMap;

/// Numbers, as ranges from a first to behind a last.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Numbers {
    ranges: BTreeMap<u64, u64>,
}

impl Numbers {
    /// Adds a number; false if it was there.
    pub(super) fn insert(&mut self, number: u64) -> bool {
        let (mut from, mut to) = (number, number.saturating_add(1));
        if let Some((before, end)) = self.ranges.range(..=number).next_back() {
            if *end > number {
                return false;
            }
            if *end == number {
                from = *before;
            }
        }
        if let Some(end) = self.ranges.remove(&to) {
            to = end;
        }
        self.ranges.insert(from, to);
        true
    }

    pub(super) fn contains(&self, number: u64) -> bool {
        self.ranges.range(..=number).next_back().is_some_and(|(_, end)| *end > number)
    }

    /// Whether some number of `[from, before)` is there.
    pub(super) fn meets(&self, from: u64, before: u64) -> bool {
        from < before && (self.contains(from) || self.ranges.range(from..before).next().is_some())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    proptest! {
        #[test]
        fn it_is_a_set(
            numbers in prop::collection::vec(0..40u64, 0..60), from in 0..45u64, before in 0..45u64,
        ) {
            let (mut set, mut ours) = (BTreeSet::new(), Numbers::default());
            for number in numbers {
                prop_assert_eq!(ours.insert(number), set.insert(number));
            }
            for number in 0..45 {
                prop_assert_eq!(ours.contains(number), set.contains(&number));
            }
            prop_assert_eq!(ours.meets(from, before), (from..before).any(|n| set.contains(&n)));
            let apart = ours.ranges.iter().zip(ours.ranges.iter().skip(1)).all(|(a, b)| a.1 < b.0);
            prop_assert!(apart);
        }
    }
}
