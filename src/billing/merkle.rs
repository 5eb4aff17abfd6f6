//! Trees of hashes as RFC 6962 (section 2.1) has them: one hash stands for many rows in their order, and a few hashes
//! show that a row is among them. Pure.

use sha2::{Digest as _, Sha256};
use std::ops::Range;

/// A hash of a tree.
pub type Node = [u8; 32];

/// The hash of a row.
#[must_use]
pub fn leaf(data: &[u8]) -> Node {
    Sha256::new_with_prefix([0]).chain_update(data).finalize().into()
}

fn joined(left: &Node, right: &Node) -> Node {
    Sha256::new_with_prefix([1]).chain_update(left).chain_update(right).finalize().into()
}

/// A tree to which leaves are added in their order. Of n leaves it holds no more than log n hashes.
#[derive(Debug, Clone, Default)]
pub struct Tree {
    count: u64,
    /// The roots of full trees, the largest first; their sizes are the powers of two that `count` is made of.
    peaks: Vec<Node>,
}

impl Tree {
    /// Adds a leaf.
    pub fn push(&mut self, leaf: Node) {
        let mut node = leaf;
        for _ in 0..self.count.trailing_ones() {
            if let Some(left) = self.peaks.pop() {
                node = joined(&left, &node);
            }
        }
        self.peaks.push(node);
        self.count += 1;
    }

    /// How many leaves it has.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.count
    }

    /// The hash that stands for all of them.
    #[must_use]
    pub fn root(&self) -> Node {
        let mut peaks = self.peaks.iter().rev();
        let Some(last) = peaks.next() else { return Sha256::digest([]).into() };
        peaks.fold(*last, |right, left| joined(left, &right))
    }
}

/// The leaves below each hash that stands beside the way from a leaf to the root, from the leaf up.
fn beside(index: u64, count: u64) -> Vec<Range<u64>> {
    let (mut from, mut to) = (0, count);
    let mut ranges = Vec::new();
    while to - from > 1 {
        // The left half has the largest power of two that is less than all.
        let middle = from + (to - from).next_power_of_two() / 2;
        if index < middle {
            ranges.push(middle..to);
            to = middle;
        } else {
            ranges.push(from..middle);
            from = middle;
        }
    }
    ranges.reverse();
    ranges
}

/// Makes the proof of a leaf from all leaves, which are shown to it in their order. It holds no more than log² n hashes.
#[derive(Debug)]
pub struct Prover {
    seen: u64,
    beside: Vec<(Range<u64>, Tree)>,
}

impl Prover {
    /// A proof of the leaf at `index` of `count`; none where there is no such leaf.
    #[must_use]
    pub fn new(index: u64, count: u64) -> Option<Self> {
        let beside = || beside(index, count).into_iter().map(|range| (range, Tree::default()));
        (index < count).then(|| Self { seen: 0, beside: beside().collect() })
    }

    /// Shows the next leaf.
    pub fn push(&mut self, leaf: Node) {
        let at = self.seen;
        if let Some((_, tree)) = self.beside.iter_mut().find(|(range, _)| range.contains(&at)) {
            tree.push(leaf);
        }
        self.seen += 1;
    }

    /// The hashes from the leaf up.
    #[must_use]
    pub fn path(self) -> Vec<Node> {
        self.beside.into_iter().map(|(_, tree)| tree.root()).collect()
    }
}

/// Makes a tree, and the proof of a leaf that is pointed out as it comes, where nobody knows before which one that will be
/// and how many there are. It holds no more than 2 log n hashes.
#[derive(Debug, Clone, Default)]
pub struct Seeker {
    tree: Tree,
    sought: Option<Sought>,
}

/// The leaf that was pointed out.
#[derive(Debug, Clone)]
struct Sought {
    index: u64,
    /// Which of the tree's peaks it is below.
    peak: usize,
    /// The hashes beside the way from it up to that peak.
    path: Vec<Node>,
}

impl Seeker {
    /// Adds a leaf, and whether it is the one.
    pub fn push(&mut self, leaf: Node, is_it: bool) {
        let Tree { peaks, count } = &mut self.tree;
        if is_it {
            self.sought = Some(Sought { index: *count, peak: peaks.len(), path: Vec::new() });
        }
        let mut node = leaf;
        for _ in 0..count.trailing_ones() {
            let Some(left) = peaks.pop() else { break };
            let place = peaks.len();
            if let Some(sought) = &mut self.sought {
                if sought.peak == place {
                    sought.path.push(node);
                } else if sought.peak > place {
                    // It is below what is being joined to the left.
                    sought.path.push(left);
                    sought.peak = place;
                }
            }
            node = joined(&left, &node);
        }
        peaks.push(node);
        *count += 1;
    }

    /// The tree.
    #[must_use]
    pub fn tree(&self) -> &Tree {
        &self.tree
    }

    /// Which leaf was pointed out, and the hashes from it up; none where none was.
    #[must_use]
    pub fn proof(&self) -> Option<(u64, Vec<Node>)> {
        let Sought { index, peak, path } = self.sought.as_ref()?;
        let (before, behind) = self.tree.peaks.split_at_checked(*peak)?;
        let mut path = path.clone();
        // What lies to the right of its peak is one tree; to the left each peak is joined to all behind it.
        let right = behind.get(1..)?.iter().rev();
        path.extend(right.copied().reduce(|right, left| joined(&left, &right)));
        path.extend(before.iter().rev());
        Some((*index, path))
    }
}

/// The root of the tree that has a leaf at `index` of `count`, if the path is one of its.
#[must_use]
pub fn root_of(leaf: Node, index: u64, count: u64, path: &[Node]) -> Option<Node> {
    if index >= count {
        return None;
    }
    let beside = beside(index, count);
    if beside.len() != path.len() {
        return None;
    }
    let up = |node: Node, (range, other): (&Range<u64>, &Node)| {
        if range.start > index { joined(&node, other) } else { joined(other, &node) }
    };
    Some(beside.iter().zip(path).fold(leaf, up))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::hex;
    use proptest::prelude::*;

    /// The tree as RFC 6962 defines it.
    fn slow(leaves: &[Node]) -> Node {
        match leaves {
            [] => Sha256::digest([]).into(),
            [leaf] => *leaf,
            _ => {
                let (left, right) = leaves.split_at(leaves.len().next_power_of_two() / 2);
                joined(&slow(left), &slow(right))
            }
        }
    }

    fn leaves(count: u64) -> Vec<Node> {
        (0..count).map(|n| leaf(&n.to_le_bytes())).collect()
    }

    fn tree(leaves: &[Node]) -> Tree {
        let mut tree = Tree::default();
        leaves.iter().for_each(|leaf| tree.push(*leaf));
        tree
    }

    /// The test data of certificate-transparency's `merkle_tree_test`.
    #[test]
    fn roots_are_those_of_others() {
        const DATA: [&str; 8] = [
            "",
            "00",
            "10",
            "2021",
            "3031",
            "40414243",
            "5051525354555657",
            "606162636465666768696a6b6c6d6e6f",
        ];
        let byte =
            |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap();
        let leaves: Vec<Node> = DATA
            .iter()
            .map(|data| leaf(&data.as_bytes().chunks(2).map(byte).collect::<Vec<_>>()))
            .collect();
        for (count, root) in [
            (0, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
            (1, "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"),
            (2, "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"),
            (8, "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328"),
        ] {
            assert_eq!(hex(tree(&leaves[..count]).root()), root, "{count}");
        }
    }

    proptest! {
        #[test]
        fn roots_are_those_of_the_definition(count in 0..200u64) {
            let leaves = leaves(count);
            prop_assert_eq!(tree(&leaves).root(), slow(&leaves));
            prop_assert_eq!(tree(&leaves).count(), count);
        }

        #[test]
        fn a_leaf_that_is_pointed_out_has_the_same_proof(count in 1..200u64, at: u64) {
            let (leaves, index) = (leaves(count), at % count);
            let (mut prover, mut seeker) = (Prover::new(index, count).unwrap(), Seeker::default());
            for (n, leaf) in (0..).zip(&leaves) {
                prop_assert_eq!(seeker.proof().is_some(), n > index);
                prover.push(*leaf);
                seeker.push(*leaf, n == index);
            }
            prop_assert_eq!(seeker.tree().root(), tree(&leaves).root());
            prop_assert_eq!(seeker.proof(), Some((index, prover.path())));
        }

        #[test]
        fn a_path_leads_to_the_root_and_from_no_other_leaf(
            count in 1..200u64, at: u64, other: u64, longer: bool,
        ) {
            let (leaves, index) = (leaves(count), at % count);
            let mut prover = Prover::new(index, count).unwrap();
            leaves.iter().for_each(|leaf| prover.push(*leaf));
            let mut path = prover.path();
            let root = tree(&leaves).root();
            let of = |index: u64, leaf: Node, path: &[Node]| root_of(leaf, index, count, path);
            prop_assert_eq!(of(index, leaves[index as usize], &path), Some(root));
            prop_assert_ne!(of(index, leaf(b"another"), &path), Some(root));
            let other = other % (count + 1);
            if other != index {
                prop_assert_ne!(of(other, leaves[index as usize], &path), Some(root));
            }
            if longer || path.pop().is_none() { path.push(root); }
            prop_assert_eq!(of(index, leaves[index as usize], &path), None);
            prop_assert!(Prover::new(count, count).is_none());
        }
    }
}
