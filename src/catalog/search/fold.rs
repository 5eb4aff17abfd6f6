//! Texts as they are compared: neither case nor accents make a difference.

use super::words::folding;
use std::cell::RefCell;
use tantivy::tokenizer::{TextAnalyzer, TokenStream as _};

thread_local! {
    static FOLD: RefCell<TextAnalyzer> = RefCell::new(folding());
}

/// Whether a character is an accent of the letter before it: some write letters and their accents apart.
pub(super) fn is_accent(letter: char) -> bool {
    ('\u{300}'..='\u{36f}').contains(&letter)
}

/// A text as it is compared with others: in lower case, without accents and without blanks around it. The words of a search
/// and the names that are filters are compared so.
#[must_use]
pub fn folded(text: &str) -> String {
    let text = text.trim();
    if text.is_ascii() {
        return text.to_ascii_lowercase();
    }
    let lower: String = text.to_lowercase().chars().filter(|letter| !is_accent(*letter)).collect();
    FOLD.with_borrow_mut(|fold| {
        let mut folded = String::with_capacity(lower.len());
        fold.token_stream(&lower).process(&mut |token| folded.push_str(&token.text));
        folded
    })
}

#[cfg(test)]
mod tests {
    use super::folded;

    #[test]
    fn neither_case_nor_accents_make_a_difference() {
        for text in ["Sénevé ROYAL", "Se\u{301}neve\u{301} royal", " seneve royal"] {
            assert_eq!(folded(text), "seneve royal");
        }
        for (text, expected) in
            [("BESANÇON", "besancon"), ("Œuvre", "oeuvre"), ("МОСКВА", "москва")]
        {
            assert_eq!(folded(text), expected);
        }
        assert_eq!(folded(""), "");
    }
}
