//! Texts as words: lower case, accents folded, split where no letter or digit stands; and their
//! stems in the languages of the shops.

use crate::kernel::SearchLanguage;
use crate::kernel::word::Word as _;
use tantivy::tokenizer::{
    AsciiFoldingFilter, Language, LowerCaser, RawTokenizer, RemoveLongFilter, SimpleTokenizer,
    Stemmer, TextAnalyzer, TokenStream as _,
};

/// Bytes from which a word is no word.
const LONGEST: usize = 40;

/// Words of a language that say nothing about a product, folded. Splitting at the apostrophe leaves `l`,
/// `d` and `qu` of an elision.
fn empty(language: SearchLanguage) -> &'static [&'static str] {
    match language {
        SearchLanguage::French => &[
            "a", "au", "aux", "avec", "d", "de", "des", "du", "en", "et", "l", "la", "le", "les",
            "pour", "qu", "sur",
        ],
        SearchLanguage::Spanish => {
            &["a", "al", "con", "de", "del", "e", "el", "en", "la", "las", "los", "para", "y"]
        }
        SearchLanguage::English => &["a", "and", "for", "in", "of", "the", "with"],
        SearchLanguage::German => &[
            "aus", "das", "dem", "den", "der", "die", "ein", "eine", "fur", "im", "in", "mit",
            "und", "von", "zum", "zur",
        ],
        SearchLanguage::Italian => &[
            "a", "al", "alla", "con", "d", "da", "dal", "di", "del", "della", "e", "i", "il", "in",
            "l", "la", "le", "lo", "per",
        ],
        SearchLanguage::Portuguese => {
            &["a", "ao", "as", "com", "da", "das", "de", "do", "dos", "e", "em", "o", "os", "para"]
        }
        SearchLanguage::Dutch => &["de", "een", "en", "het", "in", "met", "van", "voor"],
        _ => &[],
    }
}

/// Says that something is not in it. It is one word with what follows it, `sans+gluten`: who asks for that must be shown
/// neither what has gluten among its allergens nor, with that, what is without salt.
fn lacking(language: SearchLanguage) -> &'static [&'static str] {
    match language {
        SearchLanguage::French => &["sans"],
        SearchLanguage::Spanish => &["sin"],
        SearchLanguage::English => &["without"],
        SearchLanguage::German => &["ohne"],
        SearchLanguage::Italian => &["senza"],
        SearchLanguage::Portuguese => &["sem"],
        SearchLanguage::Dutch => &["zonder"],
        _ => &[],
    }
}

/// Stands between a word of lack and what is lacking; no word has it.
pub(super) const LACKS: char = '+';

/// Goes on with what is lacking: `sans sel ni sucre`.
fn nor(language: SearchLanguage) -> &'static [&'static str] {
    match language {
        SearchLanguage::French | SearchLanguage::Spanish => &["ni"],
        SearchLanguage::English => &["nor", "or"],
        SearchLanguage::German => &["noch", "oder"],
        SearchLanguage::Italian => &["ne"],
        SearchLanguage::Portuguese => &["nem"],
        SearchLanguage::Dutch => &["noch", "of"],
        _ => &[],
    }
}

/// Words behind one of lack of which each may be what is lacking: `sans aucun additif`, `sans gluten, lactose`.
const LACKED: usize = 3;

fn stemmer(language: SearchLanguage) -> Language {
    match language {
        SearchLanguage::Arabic => Language::Arabic,
        SearchLanguage::Danish => Language::Danish,
        SearchLanguage::Dutch => Language::Dutch,
        SearchLanguage::English => Language::English,
        SearchLanguage::Finnish => Language::Finnish,
        SearchLanguage::French => Language::French,
        SearchLanguage::German => Language::German,
        SearchLanguage::Greek => Language::Greek,
        SearchLanguage::Hungarian => Language::Hungarian,
        SearchLanguage::Italian => Language::Italian,
        SearchLanguage::Norwegian => Language::Norwegian,
        SearchLanguage::Portuguese => Language::Portuguese,
        SearchLanguage::Romanian => Language::Romanian,
        SearchLanguage::Russian => Language::Russian,
        SearchLanguage::Spanish => Language::Spanish,
        SearchLanguage::Swedish => Language::Swedish,
        SearchLanguage::Tamil => Language::Tamil,
        SearchLanguage::Turkish => Language::Turkish,
    }
}

/// Makes words and stems.
#[derive(Clone)]
pub struct Words {
    split: TextAnalyzer,
    stem: Vec<TextAnalyzer>,
    languages: Vec<SearchLanguage>,
}

impl std::fmt::Debug for Words {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Words").field("languages", &self.languages).finish_non_exhaustive()
    }
}

impl Default for Words {
    fn default() -> Self {
        Self::new(&SearchLanguage::USUAL)
    }
}

impl Words {
    /// Words with their stems in some languages.
    #[must_use]
    pub fn new(languages: &[SearchLanguage]) -> Self {
        let split = TextAnalyzer::builder(SimpleTokenizer::default())
            .filter(RemoveLongFilter::limit(LONGEST))
            .filter(LowerCaser)
            .filter(AsciiFoldingFilter)
            .build();
        let mut languages = languages.to_vec();
        languages.sort_unstable();
        languages.dedup();
        let stem = languages.iter().map(|language| {
            let stemmer = Stemmer::new(stemmer(*language));
            TextAnalyzer::builder(RawTokenizer::default()).filter(stemmer).build()
        });
        Self { split, stem: stem.collect(), languages }
    }

    /// A name of everything here that decides about an index's content.
    pub(super) fn languages(&self) -> String {
        let tags: Vec<&str> = self.languages.iter().map(|language| language.as_str()).collect();
        format!("[{}]", tags.join(","))
    }

    /// The folded words of a text.
    pub fn of(&mut self, text: &str) -> Vec<String> {
        let mut words = Vec::new();
        self.split.token_stream(text).process(&mut |token| {
            // Folding can leave what is no letter: a ligature or a fraction.
            if token.text.chars().all(char::is_alphanumeric) {
                words.push(token.text.clone());
            }
        });
        words
    }

    /// The words of a text that say something: all but the empty ones, or all where there are only empty ones.
    pub(super) fn full(&mut self, text: &str) -> Vec<String> {
        let words = self.of(text);
        let full = self.full_of(&words);
        if full.is_empty() { words } else { full.into_iter().cloned().collect() }
    }

    fn full_of<'a>(&self, words: &'a [String]) -> Vec<&'a String> {
        words.iter().filter(|word| !self.is_one(word, empty)).collect()
    }

    /// What some words of a text say is not in it, each as one word: rather too much than too little.
    pub(super) fn lacks(&self, words: &[String]) -> Vec<String> {
        let full = self.full_of(words);
        let mut lacks = Vec::new();
        for (n, lack) in full.iter().enumerate().filter(|(_, word)| self.is_one(word, lacking)) {
            let mut room = LACKED;
            for word in &full[n + 1..] {
                if self.is_one(word, nor) {
                    room = room.max(1);
                } else if room > 0 {
                    lacks.push(format!("{lack}{LACKS}{word}"));
                    room -= 1;
                } else {
                    break;
                }
            }
        }
        lacks
    }

    /// The words of what a shopper typed that must be found: a word of lack is one with what follows it.
    pub(super) fn asked(&mut self, text: &str) -> Vec<String> {
        let words = self.full(text);
        let mut joined = Vec::with_capacity(words.len());
        // The word of lack that holds for the next word, and the one that held for the word before.
        let (mut lack, mut held): (Option<&str>, Option<&str>) = (None, None);
        for (n, word) in words.iter().enumerate() {
            let is_last = n + 1 == words.len();
            let is_lack = self.is_one(word, lacking) && !is_last;
            match lack.take() {
                Some(lack) if is_lack => joined.push(lack.to_owned()),
                Some(lack) => {
                    joined.push(format!("{lack}{LACKS}{word}"));
                    held = Some(lack);
                    continue;
                }
                None => {}
            }
            if is_lack {
                lack = Some(word);
            } else if held.is_some() && self.is_one(word, nor) && !is_last {
                lack = held;
            } else {
                joined.push(word.clone());
                held = None;
            }
        }
        joined
    }

    /// Whether it is one of such words of a language.
    fn is_one(&self, word: &str, of: fn(SearchLanguage) -> &'static [&'static str]) -> bool {
        self.languages.iter().any(|language| of(*language).contains(&word))
    }

    /// The distinct stems of a folded word, itself where no language is known. Words are stemmed after folding, so that an accent that
    /// was left out makes no difference.
    pub(super) fn stems(&mut self, word: &str) -> Vec<String> {
        if self.stem.is_empty() {
            return vec![word.to_owned()];
        }
        if let Some((lack, word)) = word.split_once(LACKS) {
            let stems = self.stems(word).into_iter();
            return stems.map(|stem| format!("{lack}{LACKS}{stem}")).collect();
        }
        let mut stems = Vec::with_capacity(self.stem.len());
        for analyzer in &mut self.stem {
            analyzer.token_stream(word).process(&mut |token| stems.push(token.text.clone()));
        }
        stems.sort_unstable();
        stems.dedup();
        stems
    }
}

/// A code as it is compared: lower case, and without the leading zeros in which the forms of a GTIN
/// differ.
pub(super) fn code(text: &str) -> String {
    let text = text.trim();
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    if digits { text.trim_start_matches('0').to_owned() } else { text.to_lowercase() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn accents_elisions_and_plurals_make_no_difference() {
        let mut words = Words::default();
        assert_eq!(words.asked("L'huile d’Olive"), ["huile", "olive"]);
        assert_eq!(words.of("CAFÉ molido"), ["cafe", "molido"]);
        let shared = |a: &str, b: &str| {
            let mut words = Words::default();
            let b = words.stems(b);
            words.stems(a).iter().any(|stem| b.contains(stem))
        };
        assert!(shared("pates", "pate") && shared("galletitas", "galletita"));
        assert!(shared("ampoules", "ampoule"));
        assert_eq!(words.asked("de la"), ["de", "la"]);
        assert_eq!(
            words.asked("Biscuits sans sel ni sucres, sans"),
            ["biscuits", "sans+sel", "sans+sucres", "sans"]
        );
        assert_eq!(words.asked("bague sans pierre or"), ["bague", "sans+pierre", "or"]);
        let text = words.of("Boisson sans aucun additif, lactose ou sel");
        assert_eq!(words.lacks(&text), ["sans+aucun", "sans+additif", "sans+lactose"]);
        assert_eq!(words.stems("sans+sucres"), words.stems("sans+sucre"));
        assert_eq!(
            (code("03276550063551"), code(" AX-175-W ")),
            ("3276550063551".into(), "ax-175-w".into())
        );
    }

    #[test]
    fn endings_and_empty_words_are_those_of_the_languages() {
        let mut german = Words::new(&[SearchLanguage::German]);
        assert_eq!(german.asked("Säge mit Akku für den Garten"), ["sage", "akku", "garten"]);
        assert_eq!(german.stems("bohrmaschinen"), german.stems("bohrmaschine"));
        let mut none = Words::new(&[]);
        assert_eq!(
            (none.asked("huile de"), none.stems("huiles")),
            (vec!["huile".into(), "de".into()], vec!["huiles".into()])
        );
        let twice = [SearchLanguage::Spanish, SearchLanguage::French, SearchLanguage::Spanish];
        assert_eq!(Words::new(&twice).languages(), "[fr,es]");
    }

    proptest! {
        #[test]
        fn any_text_has_words(text: String) {
            let mut words = Words::default();
            for word in words.asked(&text) {
                prop_assert!(!word.contains(char::is_whitespace));
                words.stems(&word);
            }
        }
    }
}
