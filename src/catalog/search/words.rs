//! Texts as words: lower case, accents folded, split where no letter or digit stands; and their
//! stems in the languages of the shops.

use tantivy::tokenizer::{
    AsciiFoldingFilter, Language, LowerCaser, RawTokenizer, RemoveLongFilter, SimpleTokenizer,
    Stemmer, TextAnalyzer, TokenStream as _,
};

/// Bytes from which a word is no word.
const LONGEST: usize = 40;

/// French, Spanish and English words that say nothing about a product, folded. Splitting at the
/// apostrophe leaves `l`, `d` and `qu` of an elision.
const EMPTY: &[&str] = &[
    "a", "al", "and", "au", "aux", "avec", "con", "d", "de", "del", "des", "du", "e", "el", "en",
    "et", "for", "in", "l", "la", "las", "le", "les", "los", "of", "para", "pour", "qu", "sans",
    "sin", "sur", "the", "with", "y",
];

/// Makes words and stems.
#[derive(Clone)]
pub struct Words {
    split: TextAnalyzer,
    stem: [TextAnalyzer; 3],
}

impl std::fmt::Debug for Words {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Words").finish_non_exhaustive()
    }
}

impl Default for Words {
    fn default() -> Self {
        let split = TextAnalyzer::builder(SimpleTokenizer::default())
            .filter(RemoveLongFilter::limit(LONGEST))
            .filter(LowerCaser)
            .filter(AsciiFoldingFilter)
            .build();
        let stem = |language| {
            TextAnalyzer::builder(RawTokenizer::default()).filter(Stemmer::new(language)).build()
        };
        let stem = [stem(Language::French), stem(Language::Spanish), stem(Language::English)];
        Self { split, stem }
    }
}

impl Words {
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

    /// The words of what a shopper typed that must be found: all but the empty ones, or all where
    /// there are only empty ones.
    pub(super) fn asked(&mut self, text: &str) -> Vec<String> {
        let words = self.of(text);
        let full: Vec<String> =
            words.iter().filter(|word| !EMPTY.contains(&word.as_str())).cloned().collect();
        if full.is_empty() { words } else { full }
    }

    /// The distinct stems of a folded word. Words are stemmed after folding, so that an accent that
    /// was left out makes no difference.
    pub(super) fn stems(&mut self, word: &str) -> Vec<String> {
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
            (code("03276550063551"), code(" AX-175-W ")),
            ("3276550063551".into(), "ax-175-w".into())
        );
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
