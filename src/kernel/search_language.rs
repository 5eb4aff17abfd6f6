//! The languages whose endings search knows.

use super::word::{UnknownWord, Word};
use std::fmt;
use std::str::FromStr;

macro_rules! languages {
    ($($name:ident = $tag:literal),* $(,)?) => {
        /// A language for which search finds a word by its other endings, by its tag (RFC 5646).
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        #[expect(missing_docs, reason = "the names say it")]
        pub enum SearchLanguage { $($name,)* }

        impl Word for SearchLanguage {
            const WORDS: &'static [(&'static str, Self)] = &[$(($tag, Self::$name)),*];
        }
    };
}

languages! {
    Arabic = "ar", Danish = "da", Dutch = "nl", English = "en", Finnish = "fi", French = "fr",
    German = "de", Greek = "el", Hungarian = "hu", Italian = "it", Norwegian = "no",
    Portuguese = "pt", Romanian = "ro", Russian = "ru", Spanish = "es", Swedish = "sv", Tamil = "ta",
    Turkish = "tr",
}

impl SearchLanguage {
    /// Those of the shops that are expected, where nothing is set.
    pub const USUAL: [Self; 3] = [Self::French, Self::Spanish, Self::English];
}

impl fmt::Display for SearchLanguage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for SearchLanguage {
    type Err = UnknownWord;

    fn from_str(text: &str) -> Result<Self, UnknownWord> {
        Self::of(text).ok_or_else(|| UnknownWord::of::<Self>(text))
    }
}
