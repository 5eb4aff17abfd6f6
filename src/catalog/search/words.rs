//! Texts as words: lower case, accents folded, split where no letter or digit stands; and their
//! stems in the languages of the shops.

use super::fold::is_accent;
use crate::kernel::SearchLanguage;
use crate::kernel::word::Word as _;
use std::borrow::Cow;
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

/// Says that what follows is not in it. Both are one word, `+++gluten`, however it is said: who asks for `sans gluten` must be
/// shown neither what has gluten among its allergens nor, with that, what is without salt.
fn lacking(language: SearchLanguage) -> &'static [&'static str] {
    match language {
        SearchLanguage::French => &["sans"],
        SearchLanguage::Spanish => &["sin"],
        SearchLanguage::English => &["without", "no"],
        SearchLanguage::German => &["ohne"],
        SearchLanguage::Italian => &["senza"],
        SearchLanguage::Portuguese => &["sem"],
        SearchLanguage::Dutch => &["zonder"],
        _ => &[],
    }
}

/// Says that what stands before is not in it: `gluten free`.
fn free(language: SearchLanguage) -> &'static [&'static str] {
    match language {
        SearchLanguage::English => &["free"],
        SearchLanguage::German => &["frei"],
        _ => &[],
    }
}

/// Words that their accent alone parts from an empty one: the French for tea, for dice and for safe.
const ACCENTED: [&str; 4] = ["thé", "dé", "dés", "sûr"];

/// Letters below which little is left of a word: a plural is not taken off, and what is left without an `a` or `o` may be a
/// word of its own, as `col` of `cola`.
const SHORT: usize = 3;

/// Ends so short a stem, which is that of words alone that are cut like it (`roja` and `rojo`); no word has it.
const CUT: char = '-';

/// Begins the word of what is lacking; no word has it. Longer than typing errors are: who types `sans lait` does not mean
/// `lait`, nor the other way round.
pub(super) const LACKS: &str = "+++";

/// Goes on with what is lacking: `sans sel ni sucre`.
fn nor(language: SearchLanguage) -> &'static [&'static str] {
    match language {
        SearchLanguage::French | SearchLanguage::Spanish => &["ni"],
        SearchLanguage::English => &["nor"],
        SearchLanguage::German => &["noch", "oder"],
        SearchLanguage::Italian => &["ne"],
        SearchLanguage::Portuguese => &["nem"],
        SearchLanguage::Dutch => &["noch", "of"],
        _ => &[],
    }
}

/// Stands between a word of lack and what is lacking: `sans aucun additif`, `free from sugar`.
fn between(language: SearchLanguage) -> &'static [&'static str] {
    match language {
        SearchLanguage::French => &["aucun", "aucune", "ajout", "trace", "traces"],
        SearchLanguage::Spanish => &["ningun", "ninguna", "trazas"],
        SearchLanguage::English => &["added", "any", "from", "of"],
        SearchLanguage::German => &["von"],
        _ => &[],
    }
}

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

/// A word of a text.
struct Token {
    folded: String,
    /// Whether it says something although an empty word is folded alike.
    is_full: bool,
}

impl Token {
    fn word(&self) -> String {
        self.folded.clone()
    }
}

/// Takes accents from letters in lower case.
pub(super) fn folding() -> TextAnalyzer {
    TextAnalyzer::builder(RawTokenizer::default()).filter(AsciiFoldingFilter).build()
}

/// Makes words and stems.
#[derive(Clone)]
pub struct Words {
    split: TextAnalyzer,
    fold: TextAnalyzer,
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
            .build();
        let mut languages = languages.to_vec();
        languages.sort_unstable();
        languages.dedup();
        let stem = languages.iter().map(|language| {
            let stemmer = Stemmer::new(stemmer(*language));
            TextAnalyzer::builder(RawTokenizer::default()).filter(stemmer).build()
        });
        Self { split, fold: folding(), stem: stem.collect(), languages }
    }

    /// A name of everything here that decides about an index's content.
    pub(super) fn languages(&self) -> String {
        let tags: Vec<&str> = self.languages.iter().map(|language| language.as_str()).collect();
        format!("[{}]", tags.join(","))
    }

    /// The folded words of a text.
    pub fn of(&mut self, text: &str) -> Vec<String> {
        self.tokens(text).iter().map(Token::word).collect()
    }

    fn tokens(&mut self, text: &str) -> Vec<Token> {
        let mut tokens = Vec::new();
        let fold = &mut self.fold;
        // An accent that is written behind its letter would end the word.
        let text: Cow<'_, str> =
            if text.contains(is_accent) { text.replace(is_accent, "").into() } else { text.into() };
        self.split.token_stream(&text).process(&mut |token| {
            let mut folded = String::new();
            fold.token_stream(&token.text).process(&mut |token| folded.push_str(&token.text));
            // Folding can leave what is no letter: a ligature or a fraction.
            if folded.chars().all(char::is_alphanumeric) {
                let is_full = ACCENTED.contains(&token.text.as_str());
                tokens.push(Token { folded, is_full });
            }
        });
        tokens
    }

    /// The words of a text that say something: all but the empty ones, or all where there are only empty ones.
    pub(super) fn full(&mut self, text: &str) -> Vec<String> {
        let tokens = self.tokens(text);
        let full: Vec<String> =
            tokens.iter().filter(|token| !self.is_empty(token)).map(Token::word).collect();
        if full.is_empty() { tokens.iter().map(Token::word).collect() } else { full }
    }

    /// What a text says is not in it, each as one word.
    pub(super) fn lacks(&mut self, text: &str) -> Vec<String> {
        let said = self.said(text).into_iter();
        said.filter(|word| word.starts_with(LACKS)).collect()
    }

    /// The words of what a shopper typed that must be found: a word of lack is one with what is lacking.
    pub(super) fn asked(&mut self, text: &str) -> Vec<String> {
        let said = self.said(text);
        if said.is_empty() { self.of(text) } else { said }
    }

    /// The words of a text that say something, those that are said to be lacking behind [`LACKS`] and without the word that
    /// says so. What else a sentence says behind one of them is not lacking: `sans sucre, contient du gluten`.
    fn said(&mut self, text: &str) -> Vec<String> {
        let tokens = self.tokens(text);
        let mut said: Vec<String> = Vec::with_capacity(tokens.len());
        // The word of lack that waits for what is lacking.
        let mut lack: Option<&Token> = None;
        let mut was_lacking = false;
        for (n, token) in tokens.iter().enumerate() {
            let is = |of| self.is_one(&token.folded, of);
            if lack.is_some() && (is(between) || is(nor)) {
                continue;
            }
            let next = tokens.get(n + 1).map_or("", |token| token.folded.as_str());
            let is_lack = match token.folded.as_str() {
                // `spaghetti no 5`
                "no" if next.bytes().all(|byte| byte.is_ascii_digit()) => false,
                // `free from sugar`
                _ if is(free) => matches!(next, "from" | "of" | "von"),
                _ => is(lacking) || (was_lacking && is(nor)),
            };
            if is_lack {
                // Two of them in a row: the first is a word as any.
                said.extend(lack.replace(token).map(Token::word));
                was_lacking = false;
            } else if self.is_empty(token) {
            } else if lack.take().is_some() {
                said.push(format!("{LACKS}{}", token.folded));
                was_lacking = true;
            } else {
                match said.last_mut() {
                    Some(last) if is(free) && !last.starts_with(LACKS) => last.insert_str(0, LACKS),
                    _ => said.push(token.word()),
                }
                was_lacking = false;
            }
        }
        said.extend(lack.map(Token::word));
        said
    }

    fn is_empty(&self, token: &Token) -> bool {
        !token.is_full && self.is_one(&token.folded, empty)
    }

    /// Whether it is one of such words of a language.
    fn is_one(&self, word: &str, of: fn(SearchLanguage) -> &'static [&'static str]) -> bool {
        self.languages.iter().any(|language| of(*language).contains(&word))
    }

    /// A folded word without the letter of its plural, where a language has it: `fromages` is said as much as `fromage`.
    pub(super) fn singular<'a>(&self, word: &'a str) -> &'a str {
        use SearchLanguage::{English, French, Portuguese, Spanish};
        let has = |some: &[SearchLanguage]| self.languages.iter().any(|own| some.contains(own));
        let without = match word.strip_suffix('s') {
            Some(without) if !without.ends_with('s') => {
                has(&[English, French, Portuguese, Spanish]).then_some(without)
            }
            Some(_) => None,
            None => word.strip_suffix('x').filter(|left| left.ends_with('u') && has(&[French])),
        };
        let is_long = |left: &&str| left.trim_start_matches(LACKS).chars().count() >= SHORT;
        without.filter(is_long).unwrap_or(word)
    }

    /// Folded words as one text, each in its singular.
    pub(super) fn joined(&self, words: &[String]) -> String {
        let singulars: Vec<&str> = words.iter().map(|word| self.singular(word)).collect();
        singulars.join(" ")
    }

    /// The distinct stems of a folded word, itself where no language is known. Words are stemmed after folding, so that an accent that
    /// was left out makes no difference.
    pub(super) fn stems(&mut self, word: &str) -> Vec<String> {
        if self.stem.is_empty() {
            return vec![word.to_owned()];
        }
        if let Some(lacking) = word.strip_prefix(LACKS) {
            let stems = self.stems(lacking).into_iter();
            return stems.map(|stem| format!("{LACKS}{stem}")).collect();
        }
        let mut stems = Vec::with_capacity(self.stem.len());
        for analyzer in &mut self.stem {
            analyzer.token_stream(word).process(&mut |token| stems.push(token.text.clone()));
        }
        let singular = self.singular(word);
        for stem in &mut stems {
            let cut = singular.strip_prefix(stem.as_str());
            if stem.chars().count() <= SHORT && matches!(cut, Some("a" | "o")) {
                stem.push(CUT);
            }
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
        assert!(shared("ampoules", "ampoule") && shared("vins", "vin") && shared("rojas", "rojo"));
        assert!(!shared("cola", "col") && !shared("vino", "vins") && shared("cafes", "cafe"));
        assert!(shared("boxes", "box") && shared("panes", "pan") && shared("pates", "pate"));
        let singular = ["fromages", "eaux", "+++sucres", "glass", "gaz", "bus", "prix"];
        assert_eq!(
            singular.map(|word| words.singular(word)),
            ["fromage", "eau", "+++sucre", "glass", "gaz", "bus", "prix"]
        );
        assert_eq!(words.asked("de la"), ["de", "la"]);
        assert_eq!(
            words.asked("Biscuits sans sel ni sucres, sans"),
            ["biscuits", "+++sel", "+++sucres", "sans"]
        );
        for (text, asked) in [
            ("bague sans pierre or", &["bague", "+++pierre", "or"][..]),
            ("gluten-free bread, no sugar", &["+++gluten", "bread", "+++sugar"]),
            ("free range eggs sans sans sel", &["free", "range", "eggs", "sans", "+++sel"]),
            ("milk free from lactose", &["milk", "+++lactose"]),
            ("spaghetti no 5", &["spaghetti", "no", "5"]),
            ("thé à la menthe sans thé", &["the", "menthe", "+++the"]),
        ] {
            assert_eq!(words.asked(text), asked, "{text}");
        }
        for (text, lacks) in [
            ("Boisson sans aucun additif, lactose ou sel", &["+++additif"][..]),
            ("Sans sucre ni sel. Contient du gluten", &["+++sucre", "+++sel"]),
            ("No apto para intolerantes al gluten", &["+++apto"]),
        ] {
            assert_eq!(words.lacks(text), lacks, "{text}");
        }
        assert_eq!(words.stems("+++sucres"), words.stems("+++sucre"));
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
        assert_eq!(german.stems("uhren"), german.stems("uhr"));
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
