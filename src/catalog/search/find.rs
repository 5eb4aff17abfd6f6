//! What a shopper's words find, and in which order.
//!
//! A product's rank follows from the product and the words alone, never from the rest of the
//! catalog: where each word stands in it, whether the words stand in the name as one phrase, whether
//! it is sold, how short its name is. So a cursor that holds a rank and an id means the same place
//! after any other product has changed.

use super::asked::{AS_TYPED, Asked, CODE, PHRASE, Strictness};
use super::document::Fields;
use super::matches::{Match, matches};
use super::words::Words;
use std::cmp::Ordering;
use std::collections::BinaryHeap;
use tantivy::query::{EnableScoring, Query as _, Scorer, Weight};
use tantivy::{DocId, Searcher, SeekDangerResult, SegmentReader, TERMINATED};

/// Where in a rank it stands whether the product is sold. Below: its score, and in 8 bits how short
/// its name is.
const SOLD_AT: u32 = 48;

/// Words as they were typed that find no more than this may have a typing error all the same: `liqido` has the stem of
/// `liq.`, and who wrote the catalog mistypes as well.
const FEW: usize = 5;
/// They have one where the words without it find this many times as much. A word that is rare but meant has few near it.
const MANY_TIMES: usize = 10;

/// A product found. The best comes first, among equals that with the lowest id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hit {
    /// Higher is better.
    pub rank: u64,
    /// The product.
    pub id: u64,
}

impl Ord for Hit {
    fn cmp(&self, other: &Self) -> Ordering {
        other.rank.cmp(&self.rank).then(self.id.cmp(&other.id))
    }
}

impl PartialOrd for Hit {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// What of all that is found is wanted: the first `most` behind a place of those that are taken.
pub struct Wanted<'a> {
    /// Behind which place.
    pub after: Option<Hit>,
    /// How many at most.
    pub most: usize,
    /// Tells of a product whether it is taken. Asked only of those that would be among the first.
    pub takes: &'a mut dyn FnMut(u64) -> bool,
    /// Where all that is found goes, wanted or not; nowhere where it is not needed.
    pub found: Option<&'a mut Vec<u64>>,
}

impl std::fmt::Debug for Wanted<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Wanted").field("after", &self.after).finish_non_exhaustive()
    }
}

/// The wanted ones of the products that `text` finds, in no order.
pub(super) fn find(
    searcher: &Searcher,
    (fields, words): (&Fields, &Words),
    text: &str,
    kept: Option<Strictness>,
    wanted: &mut Wanted<'_>,
) -> tantivy::Result<(Vec<Hit>, Strictness)> {
    let mut search = |strictness| {
        let asked = Asked::new((fields, words), text, strictness)?;
        let typed = (strictness == Strictness::Near)
            .then(|| Asked::new((fields, words), text, Strictness::All))
            .transpose()?;
        if let Some(found) = &mut wanted.found {
            found.clear();
        }
        let mut best =
            Best { first: BinaryHeap::new(), count: 0, by_code: false, wanted: &mut *wanted };
        for segment in searcher.segment_readers() {
            let mut matches = matches(&asked, segment)?;
            if let Some(typed) = &typed {
                put_first(&mut matches, typed, segment)?;
            }
            best.take((searcher, segment), &asked, matches)?;
        }
        let hits = best.first.into_vec();
        Ok::<_, tantivy::TantivyError>(Tried {
            hits,
            strictness,
            count: best.count,
            by_code: best.by_code,
        })
    };
    if let Some(kept) = kept {
        return Ok(search(kept)?.answer());
    }
    let mut found = search(Strictness::All)?;
    if found.count == 0 {
        found = search(Strictness::Near)?;
    } else if found.count <= FEW && !found.by_code {
        let near = search(Strictness::Near)?;
        let is_mistyped = near.count >= found.count * MANY_TIMES;
        // What was found goes where it is wanted anew.
        found = if is_mistyped { near } else { search(Strictness::All)? };
    }
    if found.count == 0 {
        found = search(Strictness::Some)?;
    }
    Ok(found.answer())
}

/// What one search found.
struct Tried {
    hits: Vec<Hit>,
    strictness: Strictness,
    /// How many there were, wanted or not.
    count: usize,
    /// Whether the text is the code of one.
    by_code: bool,
}

impl Tried {
    fn answer(self) -> (Vec<Hit>, Strictness) {
        (self.hits, self.strictness)
    }
}

/// Puts those of some matches before the others that the words find as they were typed.
fn put_first(found: &mut [Match], typed: &Asked, segment: &SegmentReader) -> tantivy::Result<()> {
    let mut rest = found.iter_mut();
    for (doc, _) in matches(typed, segment)? {
        if let Some((_, score)) = rest.find(|(own, _)| *own == doc) {
            *score += AS_TYPED;
        }
    }
    Ok(())
}

/// Keeps the first of the hits.
struct Best<'a, 'b> {
    /// The last of them on top.
    first: BinaryHeap<Hit>,
    /// How many there were, taken or not.
    count: usize,
    /// Whether one was found by its code.
    by_code: bool,
    wanted: &'a mut Wanted<'b>,
}

impl Best<'_, '_> {
    /// The rank below which none is kept.
    fn least_rank(&self) -> u64 {
        let is_full = self.first.len() >= self.wanted.most;
        self.first.peek().filter(|_| is_full).map_or(0, |last| last.rank)
    }

    /// Whether a hit comes before the last that is kept, or there is room.
    fn is_before_last(&self, hit: Hit) -> bool {
        self.first.len() < self.wanted.most || self.first.peek().is_some_and(|last| hit < *last)
    }

    fn put(&mut self, hit: Hit) {
        if self.wanted.after.is_some_and(|after| hit <= after) || !(self.wanted.takes)(hit.id) {
            return;
        }
        if self.first.len() == self.wanted.most {
            self.first.pop();
        }
        self.first.push(hit);
    }

    /// Takes in what was found in a segment.
    fn take(
        &mut self,
        (searcher, segment): (&Searcher, &SegmentReader),
        asked: &Asked,
        matches: Vec<Match>,
    ) -> tantivy::Result<()> {
        let ids = segment.fast_fields().u64("id")?;
        let grades = segment.fast_fields().u64("grade")?;
        let alive = segment.alive_bitset();
        let mut phrase = Phrase::new(searcher, segment, asked)?;
        for (doc, score) in matches {
            if alive.is_some_and(|alive| !alive.is_alive(doc)) {
                continue;
            }
            self.count += 1;
            self.by_code |= score >= CODE;
            if let Some(found) = &mut self.wanted.found {
                found.extend(ids.first(doc));
            }
            let Some(grade) = grades.first(doc) else { continue };
            // A code alone makes no phrase.
            let may_be_phrase = phrase.is_some() && !score.is_multiple_of(CODE);
            let at_best = if may_be_phrase { score + PHRASE } else { score };
            // Most are known to come behind the last by their rank alone.
            if rank(grade, at_best) < self.least_rank() {
                continue;
            }
            let Some(id) = ids.first(doc) else { continue };
            let hit = |score: u16| Hit { rank: rank(grade, score), id };
            if !self.is_before_last(hit(at_best)) {
                continue;
            }
            let mut own = score;
            if let Some(phrase) = phrase.as_mut().filter(|_| may_be_phrase)
                && phrase.is_in(doc)?
            {
                own += PHRASE;
            }
            if self.is_before_last(hit(own)) {
                self.put(hit(own));
            }
        }
        Ok(())
    }
}

fn rank(grade: u64, score: u16) -> u64 {
    let sold = grade >> 8;
    sold << SOLD_AT | u64::from(score) << 8 | grade & 0xFF
}

/// Where in a segment the words stand in the name as one phrase. It is looked for only in products
/// that are asked about, in ascending order.
struct Phrase<'a> {
    segment: &'a SegmentReader,
    weight: Box<dyn Weight>,
    scorer: Option<Box<dyn Scorer>>,
    /// None stands in any product before this one.
    next: DocId,
}

impl<'a> Phrase<'a> {
    fn new(
        searcher: &Searcher,
        segment: &'a SegmentReader,
        asked: &Asked,
    ) -> tantivy::Result<Option<Self>> {
        let Some(phrase) = &asked.phrase else { return Ok(None) };
        let weight = phrase.weight(EnableScoring::disabled_from_searcher(searcher))?;
        Ok(Some(Self { segment, weight, scorer: None, next: 0 }))
    }

    fn is_in(&mut self, doc: DocId) -> tantivy::Result<bool> {
        if doc < self.next {
            return Ok(false);
        }
        let found = match &mut self.scorer {
            Some(scorer) => scorer.seek_danger(doc),
            none => {
                let (found, scorer) = self.weight.scorer_danger(self.segment, doc, 1.0)?;
                *none = Some(scorer);
                found
            }
        };
        self.next = match found {
            SeekDangerResult::Found => doc + 1,
            SeekDangerResult::SeekLowerBound(next) => next.min(TERMINATED),
        };
        Ok(found == SeekDangerResult::Found)
    }
}
