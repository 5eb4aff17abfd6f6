//! What is asked of the index: for each word the terms that it may stand for, with what each weighs.

use super::document::{EXACT, Fields, Place};
use super::sound::sound;
use super::words::{LACKS, Words, code};
use tantivy::query::{DfaWrapper, FuzzyTermQuery, PhraseQuery};
use tantivy::schema::Field;
use tantivy::{SegmentReader, Term};

/// Most words that are looked for; what comes behind them is left out.
const MOST_WORDS: usize = 12;

/// What a word weighs. It counts where it weighs most, so what all words weigh together, at most [`MOST_WORDS`] times
/// the most that [`weight`] gives, fits into a byte.
const NAME: u8 = 14;
/// Less than a whole word in a category: `vin` is wine before it is vinegar.
const NAME_PREFIX: u8 = 4;
const BRAND: u8 = 9;
const BRAND_PREFIX: u8 = 4;
/// By how many typing errors a term differs: one is meant rather than two.
const TYPOS: [u8; 2] = [3, 2];
/// By typing errors that sound like it: `cerbeza` is `cerveza` rather than `cereza`.
const SOUNDS_ALIKE: u8 = 4;

/// What a word weighs in a place: as it was asked but for its number, or with another ending. What is in a category called
/// so is one: wine is among the wines, and glasses in their category of `wine glasses` are not.
fn weight(place: Place, is_exact: bool) -> u8 {
    match (place, is_exact) {
        (Place::Kind, true) => 21,
        (Place::Group, true) => 20,
        (Place::Kind, false) => 19,
        (Place::Topic, true) => 18,
        (Place::Topic, false) => 17,
        (Place::Head, true) => 16,
        (Place::Head, false) => 15,
        (Place::Name, true) => NAME,
        (Place::Name, false) => 13,
        (Place::Group | Place::Category, _) => 6,
        (Place::Above, _) => 5,
        (Place::Attribute, _) => 3,
        (Place::Description, _) => 1,
    }
}

/// What it weighs where the words stand in the name as one phrase, and where they are a code.
pub(super) const PHRASE: u16 = 12;
pub(super) const CODE: u16 = 4_000;
/// What it weighs, where typing errors are forgiven, that a product has every word without one: more than all else does
/// but for a code.
pub(super) const AS_TYPED: u16 = 1_000;

/// How much was asked of the words, the strictest first. A walk keeps to the one it began with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Strictness {
    /// Every word as it is, or with another ending.
    All = 1,
    /// Every word, typing errors forgiven; what has every word as it is comes first.
    Near = 2,
    /// Any word, typing errors forgiven; but what is to be lacking must be.
    Some = 3,
}

impl Strictness {
    /// The strictness that a number stands for.
    #[must_use]
    pub fn of(number: u8) -> Option<Self> {
        [Self::All, Self::Near, Self::Some].into_iter().find(|own| *own as u8 == number)
    }
}

/// The products of one term in a segment.
#[derive(Debug)]
pub(super) struct List {
    pub(super) field: Field,
    pub(super) info: tantivy::postings::TermInfo,
    pub(super) weight: u8,
}

/// A word, and where it may stand.
struct Word {
    terms: [(Term, u8); 2],
    /// The word and its stems in [`Fields::places`]: from which term to which, and whether it is the word itself.
    places: Vec<(String, String, bool)>,
    /// Fields in which a term may begin with it.
    begins: Vec<(Field, u8)>,
    /// Terms that differ from it by typing errors, with what they weigh; where that is nothing, those alone that sound
    /// like it.
    like: Vec<(DfaWrapper, Option<u8>)>,
    text: String,
    /// As it sounds, in its singular.
    sound: String,
}

impl Word {
    fn new(
        fields: &Fields,
        words: &mut Words,
        text: &str,
        (last, near): (bool, bool),
    ) -> tantivy::Result<Self> {
        let term = |field, text: &str, weight| (Term::from_field_text(field, text), weight);
        let stems = words.stems(text);
        let singular = words.singular(text);
        let terms = [term(fields.name, singular, NAME), term(fields.brand, singular, BRAND)];
        let place = |word: &str, is_exact| {
            let (from, to) = Place::range(word);
            (from, to, is_exact)
        };
        let mut places = vec![place(&format!("{EXACT}{singular}"), true)];
        places.extend(stems.iter().map(|stem| place(stem, false)));
        let lacking = text.strip_prefix(LACKS);
        let letters = singular.trim_start_matches(LACKS).chars().count();
        let begins = match (last, lacking) {
            (true, None) if letters > 1 => {
                vec![(fields.name, NAME_PREFIX), (fields.brand, BRAND_PREFIX)]
            }
            (true, Some(_)) => vec![(fields.other, NAME_PREFIX), (fields.brand, BRAND_PREFIX)],
            _ => Vec::new(),
        };
        let distance = match letters {
            0..4 => 0,
            4..8 => 1,
            _ => 2,
        };
        let mut like = Vec::new();
        if near && distance > 0 && !text.bytes().any(|byte| byte.is_ascii_digit()) {
            for (typos, weight) in (1..=2).zip(TYPOS) {
                let term = Term::from_field_text(fields.name, singular);
                let weight = (typos <= distance).then_some(weight);
                like.push((FuzzyTermQuery::new(term, typos, true).automaton()?, weight));
            }
        }
        let sound = sound(singular);
        Ok(Self { terms, places, begins, like, text: text.to_owned(), sound })
    }

    /// Its lists in a segment, those that weigh least first.
    fn lists(&self, fields: &Fields, segment: &SegmentReader) -> tantivy::Result<Vec<List>> {
        let mut lists = Vec::new();
        for (term, weight) in &self.terms {
            let field = term.field();
            if let Some(info) = segment.inverted_index(field)?.get_term_info(term)? {
                lists.push(List { field, info, weight: *weight });
            }
        }
        let field = fields.places;
        let index = segment.inverted_index(field)?;
        for (from, to, is_exact) in &self.places {
            let mut terms = index.terms().range().ge(from).lt(to).into_stream()?;
            while terms.advance() {
                let Some(place) = Place::of(terms.key()) else { continue };
                let weight = weight(place, *is_exact);
                lists.push(List { field, info: terms.value().clone(), weight });
            }
        }
        for (field, weight) in &self.begins {
            let index = segment.inverted_index(*field)?;
            let mut terms = index.terms().range().ge(&self.text).into_stream()?;
            while terms.advance() && terms.key().starts_with(self.text.as_bytes()) {
                lists.push(List { field: *field, info: terms.value().clone(), weight: *weight });
            }
        }
        for (like, weight) in &self.like {
            for field in [fields.name, fields.brand, fields.other] {
                let index = segment.inverted_index(field)?;
                let mut terms = index.terms().search(like).into_stream()?;
                while terms.advance() {
                    let alike = str::from_utf8(terms.key()).map(sound).as_ref() == Ok(&self.sound);
                    let weight = if alike { Some(SOUNDS_ALIKE) } else { *weight };
                    let info = || terms.value().clone();
                    lists.extend(weight.map(|weight| List { field, info: info(), weight }));
                }
            }
        }
        // A term that stands for the word in several ways counts as what weighs most.
        let place = |list: &List| (list.field, list.info.postings_range.start);
        lists.sort_unstable_by(|a, b| place(a).cmp(&place(b)).then(b.weight.cmp(&a.weight)));
        lists.dedup_by(|later, kept| place(later) == place(kept));
        lists.sort_by_key(|list| (list.weight, list.field));
        Ok(lists)
    }
}

/// A text as it is asked.
pub(super) struct Asked {
    fields: Fields,
    words: Vec<Word>,
    /// Whether every word must be found, and not any.
    all: bool,
    /// The words as one phrase, where they are several.
    pub(super) phrase: Option<PhraseQuery>,
    code: Term,
}

impl Asked {
    pub(super) fn new(
        (fields, words): (&Fields, &Words),
        text: &str,
        strictness: Strictness,
    ) -> tantivy::Result<Self> {
        let mut words = words.clone();
        let mut texts = words.asked(text);
        texts.truncate(MOST_WORDS);
        let near = strictness != Strictness::All;
        let mut asked = Vec::with_capacity(texts.len());
        for (i, text) in texts.iter().enumerate() {
            asked.push(Word::new(fields, &mut words, text, (i + 1 == texts.len(), near))?);
        }
        let phrase = words.of(text);
        let phrase = (!asked.is_empty() && (2..=MOST_WORDS).contains(&phrase.len())).then(|| {
            let singulars = phrase.iter().map(|word| words.singular(word));
            let terms = singulars.map(|word| Term::from_field_text(fields.name, word));
            PhraseQuery::new(terms.collect())
        });
        let code = Term::from_field_text(fields.codes, &code(text));
        let all = strictness != Strictness::Some;
        Ok(Self { fields: *fields, words: asked, all, phrase, code })
    }

    /// For each word its lists in a segment, the word in the fewest products first: those that must be found, and those of
    /// which any may be.
    pub(super) fn words(&self, segment: &SegmentReader) -> tantivy::Result<[Vec<Vec<List>>; 2]> {
        let must = |word: &&Word| self.all || word.text.starts_with(LACKS);
        let (must, may): (Vec<&Word>, Vec<&Word>) = self.words.iter().partition(must);
        let lists = |words: Vec<&Word>| {
            let lists = words.into_iter().map(|word| word.lists(&self.fields, segment));
            let mut lists: Vec<Vec<List>> = lists.collect::<Result<_, _>>()?;
            lists.sort_by_key(|lists| size(lists));
            Ok::<_, tantivy::TantivyError>(lists)
        };
        Ok([lists(must)?, lists(may)?])
    }

    /// The list of the products that have the text as a code.
    pub(super) fn code(&self, segment: &SegmentReader) -> tantivy::Result<Option<List>> {
        let field = self.code.field();
        let info = segment.inverted_index(field)?.get_term_info(&self.code)?;
        Ok(info.map(|info| List { field, info, weight: 0 }))
    }
}

/// How many products some lists hold together, those in several of them counted as often.
pub(super) fn size(lists: &[List]) -> u64 {
    lists.iter().map(|list| u64::from(list.info.doc_freq)).sum()
}
