//! What a shopper's words find, and in which order.
//!
//! A product's rank follows from the product and the words alone, never from the rest of the
//! catalog: where each word stands in it, whether the words stand in the name as one phrase, whether
//! it is sold, how short its name is. So a cursor that holds a rank and an id means the same place
//! after any other product has changed.

use super::document::Fields;
use super::words::{Words, code};
use tantivy::collector::{Collector, SegmentCollector};
use tantivy::columnar::Column;
use tantivy::query::{
    BooleanQuery, ConstScoreQuery, DisjunctionMaxQuery, FuzzyTermQuery, Occur, PhraseQuery, Query,
    TermQuery,
};
use tantivy::schema::{Field, IndexRecordOption};
use tantivy::{DocId, Score, Searcher, SegmentOrdinal, SegmentReader, Term};

/// Most words that are looked for; what comes behind them is left out.
const MOST_WORDS: usize = 12;
/// Below so many finds, words with a typing error are looked for too.
const FEW: usize = 3;

/// What each field weighs. A word counts where it weighs most.
const PHRASE: Score = 12.0;
const NAME: Score = 20.0;
const NAME_STEM: Score = 18.0;
const NAME_PREFIX: Score = 12.0;
const BRAND: Score = 10.0;
const CATEGORY: Score = 6.0;
const ATTRIBUTE: Score = 4.0;
const DESCRIPTION: Score = 1.0;
const TYPO: Score = 2.0;
const CODE: Score = 4_000.0;

/// How much was asked of the words, the strictest first. A walk keeps to the one it began with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Strictness {
    /// Every word as it is, or with another ending.
    All = 1,
    /// Every word, typing errors forgiven.
    Near = 2,
    /// Any word, typing errors forgiven.
    Some = 3,
}

impl Strictness {
    /// The strictness that a number stands for.
    #[must_use]
    pub fn of(number: u8) -> Option<Self> {
        [Self::All, Self::Near, Self::Some].into_iter().find(|own| *own as u8 == number)
    }
}

/// Where in a rank it stands whether the product is sold. Below: its score, and in 8 bits how short
/// its name is.
const SOLD_AT: u32 = 48;

/// A product found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hit {
    /// Higher is better.
    pub rank: u64,
    /// The product.
    pub id: u64,
}

fn term(field: Field, text: &str, weight: Score) -> Box<dyn Query> {
    let query = TermQuery::new(Term::from_field_text(field, text), IndexRecordOption::Basic);
    Box::new(ConstScoreQuery::new(Box::new(query), weight))
}

/// Where a word may stand.
fn word(fields: &Fields, words: &mut Words, text: &str, last: bool, near: bool) -> Box<dyn Query> {
    let mut places = vec![term(fields.name, text, NAME), term(fields.brand, text, BRAND)];
    for stem in words.stems(text) {
        places.push(term(fields.name_stems, &stem, NAME_STEM));
        places.push(term(fields.category, &stem, CATEGORY));
        places.push(term(fields.attributes, &stem, ATTRIBUTE));
        places.push(term(fields.description, &stem, DESCRIPTION));
    }
    let letters = text.chars().count();
    let mut fuzzy = |query, weight| {
        places.push(Box::new(ConstScoreQuery::new(Box::new(query), weight)));
    };
    if last && letters > 1 {
        let starts =
            |field| FuzzyTermQuery::new_prefix(Term::from_field_text(field, text), 0, true);
        fuzzy(starts(fields.name), NAME_PREFIX);
        fuzzy(starts(fields.brand), CATEGORY);
    }
    let distance = match letters {
        0..4 => 0,
        4..8 => 1,
        _ => 2,
    };
    if near && distance > 0 && !text.bytes().any(|byte| byte.is_ascii_digit()) {
        for field in [fields.name, fields.brand] {
            let like = FuzzyTermQuery::new(Term::from_field_text(field, text), distance, true);
            fuzzy(like, TYPO);
        }
    }
    Box::new(DisjunctionMaxQuery::new(places))
}

fn query((fields, words): (&Fields, &Words), text: &str, strictness: Strictness) -> Box<dyn Query> {
    let mut words = words.clone();
    let mut asked = words.asked(text);
    asked.truncate(MOST_WORDS);
    let near = strictness != Strictness::All;
    let occur = if strictness == Strictness::Some { Occur::Should } else { Occur::Must };
    let mut parts: Vec<(Occur, Box<dyn Query>)> = Vec::new();
    for (i, text) in asked.iter().enumerate() {
        parts.push((occur, word(fields, &mut words, text, i + 1 == asked.len(), near)));
    }
    let mut ways: Vec<(Occur, Box<dyn Query>)> = Vec::new();
    if !parts.is_empty() {
        let phrase = words.of(text);
        if phrase.len() > 1 && phrase.len() <= MOST_WORDS {
            let terms = phrase.iter().map(|word| Term::from_field_text(fields.name, word));
            let phrase = PhraseQuery::new(terms.collect());
            let phrase = ConstScoreQuery::new(Box::new(phrase), PHRASE);
            parts.push((Occur::Should, Box::new(phrase)));
        }
        ways.push((Occur::Should, Box::new(BooleanQuery::new(parts))));
    }
    ways.push((Occur::Should, term(fields.codes, &code(text), CODE)));
    Box::new(BooleanQuery::new(ways))
}

/// The products that `text` finds, in no order.
pub(super) fn find(
    searcher: &Searcher,
    made: (&Fields, &Words),
    text: &str,
    kept: Option<Strictness>,
) -> tantivy::Result<(Vec<Hit>, Strictness)> {
    let search = |strictness| {
        let hits = searcher.search(&*query(made, text, strictness), &Ranked)?;
        Ok::<_, tantivy::TantivyError>((hits, strictness))
    };
    if let Some(kept) = kept {
        return search(kept);
    }
    let mut found = search(Strictness::All)?;
    if found.0.len() < FEW {
        // What is found without an error stays in front: its words weigh more.
        found = search(Strictness::Near)?;
    }
    if found.0.is_empty() { search(Strictness::Some) } else { Ok(found) }
}

/// Collects every product with its rank.
struct Ranked;

struct RankedSegment {
    ids: Column<u64>,
    grades: Column<u64>,
    hits: Vec<Hit>,
}

impl Collector for Ranked {
    type Fruit = Vec<Hit>;
    type Child = RankedSegment;

    fn for_segment(
        &self,
        _: SegmentOrdinal,
        segment: &SegmentReader,
    ) -> tantivy::Result<RankedSegment> {
        Ok(RankedSegment {
            ids: segment.fast_fields().u64("id")?,
            grades: segment.fast_fields().u64("grade")?,
            hits: Vec::new(),
        })
    }

    fn requires_scoring(&self) -> bool {
        true
    }

    fn merge_fruits(&self, segments: Vec<Vec<Hit>>) -> tantivy::Result<Vec<Hit>> {
        Ok(segments.concat())
    }
}

impl SegmentCollector for RankedSegment {
    type Fruit = Vec<Hit>;

    fn collect(&mut self, doc: DocId, score: Score) {
        let (Some(id), Some(grade)) = (self.ids.first(doc), self.grades.first(doc)) else { return };
        let sold = grade >> 8;
        // Scores are sums of whole numbers, exact whatever the order they are added in.
        let rank = sold << SOLD_AT | (score as u64) << 8 | grade & 0xFF;
        self.hits.push(Hit { rank, id });
    }

    fn harvest(self) -> Vec<Hit> {
        self.hits
    }
}
