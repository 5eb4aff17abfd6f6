//! The products of a segment that a text finds, with what its words weigh in each.
//!
//! One word after the other: the rarest gives the candidates, the others are looked up for those
//! alone. The lists of a word are laid over one another, in an array over all products of the segment
//! where they are long, and by sorting where they are short.

use super::asked::{Asked, CODE, List, size};
use std::sync::Arc;
use tantivy::index::InvertedIndexReader;
use tantivy::postings::BlockSegmentPostings;
use tantivy::schema::{Field, IndexRecordOption};
use tantivy::{DocId, SegmentReader};

/// A list this many times as long as there are candidates is searched for each, not read through.
const LONG: u64 = 16;
/// Lists that together hold more than this share of a segment are laid over an array.
const DENSE: u64 = 16;

/// A product of a segment, and what was found in it weighs.
pub(super) type Match = (DocId, u16);

/// Reads lists of a segment, keeping the room of one for the next.
struct Lists<'a> {
    segment: &'a SegmentReader,
    open: Option<(Field, Arc<InvertedIndexReader>, BlockSegmentPostings)>,
}

impl Lists<'_> {
    fn open(&mut self, list: &List) -> tantivy::Result<&mut BlockSegmentPostings> {
        match &mut self.open {
            Some((field, index, postings)) if *field == list.field => {
                index.reset_block_postings_from_terminfo(&list.info, postings)?;
            }
            open => {
                let index = self.segment.inverted_index(list.field)?;
                let basic = IndexRecordOption::Basic;
                let postings = index.read_block_postings_from_terminfo(&list.info, basic)?;
                *open = Some((list.field, index, postings));
            }
        }
        let Some((_, _, postings)) = &mut self.open else { unreachable!("it was opened above") };
        Ok(postings)
    }

    /// Calls `each` with the products of a list, a block at a time.
    fn blocks(&mut self, list: &List, mut each: impl FnMut(&[DocId])) -> tantivy::Result<()> {
        let postings = self.open(list)?;
        while !postings.docs().is_empty() {
            each(postings.docs());
            postings.advance();
        }
        Ok(())
    }

    /// Lays lists over one another; where several hold a product, the last of them decides.
    fn union(&mut self, lists: &[&List]) -> tantivy::Result<Union> {
        let total: u64 = lists.iter().map(|list| u64::from(list.info.doc_freq)).sum();
        if total > u64::from(self.segment.max_doc()) / DENSE {
            let mut weights = vec![0; self.segment.max_doc() as usize];
            for list in lists {
                self.blocks(list, |docs| {
                    for doc in docs {
                        if let Some(weight) = weights.get_mut(*doc as usize) {
                            *weight = list.weight;
                        }
                    }
                })?;
            }
            return Ok(Union::Dense(weights));
        }
        let mut found: Vec<(DocId, u8)> = Vec::with_capacity(total as usize);
        for list in lists {
            self.blocks(list, |docs| found.extend(docs.iter().map(|doc| (*doc, list.weight))))?;
        }
        // Sorted runs are merged, equals in the order of the lists.
        found.sort_by_key(|(doc, _)| *doc);
        found.dedup_by(|later, kept| {
            let same = later.0 == kept.0;
            if same {
                kept.1 = later.1;
            }
            same
        });
        Ok(Union::Sparse(found))
    }

    /// Leaves of some products those in which a word stands too, and adds what it weighs.
    fn narrow(&mut self, found: &mut Vec<Match>, word: &[List]) -> tantivy::Result<()> {
        let mut weights = self.weights(found, word)?.into_iter();
        found.retain_mut(|(_, score)| {
            let weight = weights.next().unwrap_or(0);
            *score += u16::from(weight);
            weight > 0
        });
        Ok(())
    }

    /// Adds to some products what a word weighs in each, where it stands there.
    fn weigh(&mut self, found: &mut [Match], word: &[List]) -> tantivy::Result<()> {
        let weights = self.weights(found, word)?;
        found.iter_mut().zip(weights).for_each(|((_, score), weight)| *score += u16::from(weight));
        Ok(())
    }

    /// What a word weighs in each of some products.
    fn weights(&mut self, found: &[Match], word: &[List]) -> tantivy::Result<Vec<u8>> {
        let most = found.len() as u64 * LONG;
        let (long, short): (Vec<&List>, Vec<&List>) =
            word.iter().partition(|list| u64::from(list.info.doc_freq) > most);
        let mut weights = vec![0; found.len()];
        self.union(&short)?.weigh(found, &mut weights);
        for list in long {
            let postings = self.open(list)?;
            for ((doc, _), weight) in found.iter().zip(&mut weights) {
                let at = postings.seek(*doc);
                if postings.doc(at) == *doc {
                    *weight = list.weight.max(*weight);
                }
            }
        }
        Ok(weights)
    }
}

/// The products of a word with what it weighs in each.
enum Union {
    /// In ascending order.
    Sparse(Vec<(DocId, u8)>),
    /// By product; 0 where the word does not stand.
    Dense(Vec<u8>),
}

impl Union {
    fn matches(self) -> Vec<Match> {
        match self {
            Self::Sparse(found) => found.into_iter().map(|(doc, w)| (doc, w.into())).collect(),
            Self::Dense(weights) => present(&weights),
        }
    }

    /// Writes what the word weighs in each of some ascending products.
    fn weigh(&self, docs: &[Match], weights: &mut [u8]) {
        match self {
            Self::Sparse(found) => {
                let mut rest = found.as_slice();
                for ((doc, _), weight) in docs.iter().zip(weights) {
                    while let [(first, own), behind @ ..] = rest
                        && first <= doc
                    {
                        if first == doc {
                            *weight = *own;
                        }
                        rest = behind;
                    }
                }
            }
            Self::Dense(found) => {
                for ((doc, _), weight) in docs.iter().zip(weights) {
                    *weight = found.get(*doc as usize).copied().unwrap_or(0);
                }
            }
        }
    }

    fn add_to(self, sums: &mut [u8]) {
        match self {
            Self::Sparse(found) => {
                for (doc, weight) in found {
                    if let Some(sum) = sums.get_mut(doc as usize) {
                        *sum += weight;
                    }
                }
            }
            Self::Dense(weights) => {
                sums.iter_mut().zip(weights).for_each(|(sum, weight)| *sum += weight);
            }
        }
    }
}

/// The places in an array that are not 0, with what stands there.
fn present(weights: &[u8]) -> Vec<Match> {
    const STEP: usize = 16;
    let mut found = Vec::new();
    for (step, chunk) in weights.chunks(STEP).enumerate() {
        if chunk.iter().all(|weight| *weight == 0) {
            continue;
        }
        let docs = (step * STEP) as DocId..;
        let there = docs.zip(chunk).filter(|(_, weight)| **weight > 0);
        found.extend(there.map(|(doc, weight)| (doc, u16::from(*weight))));
    }
    found
}

/// What a text finds in a segment, in ascending order. Deleted products are among it.
pub(super) fn matches(asked: &Asked, segment: &SegmentReader) -> tantivy::Result<Vec<Match>> {
    let mut lists = Lists { segment, open: None };
    let [must, may] = asked.words(segment)?;
    let mut found = match must.split_first() {
        Some((first, others)) => {
            let mut found = lists.union(&first.iter().collect::<Vec<_>>())?.matches();
            for word in others {
                if found.is_empty() {
                    break;
                }
                lists.narrow(&mut found, word)?;
            }
            for word in &may {
                lists.weigh(&mut found, word)?;
            }
            found
        }
        None => {
            let mut sums = vec![0; segment.max_doc() as usize];
            for word in may.iter().filter(|word| size(word) > 0) {
                lists.union(&word.iter().collect::<Vec<_>>())?.add_to(&mut sums);
            }
            present(&sums)
        }
    };
    if let Some(code) = asked.code(segment)? {
        let before = found.len();
        lists.blocks(&code, |docs| {
            for doc in docs {
                match found[..before].binary_search_by_key(doc, |(doc, _)| *doc) {
                    Ok(at) => found[at].1 += CODE,
                    Err(_) => found.push((*doc, CODE)),
                }
            }
        })?;
        found.sort_by_key(|(doc, _)| *doc);
    }
    Ok(found)
}
