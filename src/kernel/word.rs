//! Closed sets of words: an enum each, with the same word in feeds, columns and answers.

/// An enum whose variants have one word each.
pub trait Word: Copy + PartialEq + 'static {
    /// The words and their meanings.
    const WORDS: &'static [(&'static str, Self)];

    /// The word of this meaning.
    #[must_use]
    fn as_str(self) -> &'static str {
        Self::WORDS.iter().find(|(_, meaning)| *meaning == self).map_or("", |(word, _)| word)
    }

    /// The meaning of a word.
    #[must_use]
    fn of(word: &str) -> Option<Self> {
        Self::WORDS.iter().find(|(known, _)| *known == word).map(|(_, meaning)| *meaning)
    }

    /// All words, for an error that says which there are.
    #[must_use]
    fn all() -> String {
        Self::WORDS.iter().map(|(word, _)| *word).collect::<Vec<_>>().join(", ")
    }
}

/// The word of `known` that `given` was probably meant to be.
#[must_use]
pub fn nearest(given: &str, known: &[&str]) -> Option<String> {
    known
        .iter()
        .map(|word| (strsim::jaro_winkler(given, word), word))
        .filter(|(likeness, _)| *likeness > 0.8)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, word)| (*word).to_owned())
}

/// A text that is none of a set's words: what it must be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("must be one of {all}{}", meant.as_ref().map_or_else(String::new, |word| format!("; did you mean {word}?")))]
pub struct UnknownWord {
    /// All words.
    all: String,
    /// The one that was probably meant.
    meant: Option<String>,
}

impl UnknownWord {
    /// What is wrong with a text that is no word of a set.
    #[must_use]
    pub fn of<W: Word>(text: &str) -> Self {
        let words: Vec<&str> = W::WORDS.iter().map(|(word, _)| *word).collect();
        Self { all: W::all(), meant: nearest(text, &words) }
    }
}

/// Defines an enum whose variants are written as `Name = "word"`, the word being the name in snake
/// case: answers and documents write it so.
macro_rules! words {
    (
        $(#[$about:meta])*
        $visibility:vis enum $set:ident { $($(#[$doc:meta])* $name:ident = $word:literal,)* }
    ) => {
        #[derive(
            Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, utoipa::ToSchema,
        )]
        #[serde(rename_all = "snake_case")]
        $(#[$about])*
        $visibility enum $set { $($(#[$doc])* $name,)* }

        impl $crate::kernel::word::Word for $set {
            const WORDS: &'static [(&'static str, Self)] = &[$(($word, Self::$name)),*];
        }

        impl std::fmt::Display for $set {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str($crate::kernel::word::Word::as_str(*self))
            }
        }

        impl std::str::FromStr for $set {
            type Err = $crate::kernel::word::UnknownWord;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                use $crate::kernel::word::{UnknownWord, Word as _};
                Self::of(text).ok_or_else(|| UnknownWord::of::<Self>(text))
            }
        }
    };
}
pub(crate) use words;

/// Reads a set's words where others write them.
macro_rules! read_words {
    ($($set:ident),+) => {$(
        impl<'de> serde::Deserialize<'de> for $set {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let word = String::deserialize(deserializer)?;
                word.parse().map_err(serde::de::Error::custom)
            }
        }
    )+};
}
pub(crate) use read_words;

#[cfg(test)]
mod tests {
    use super::*;

    words! {
        /// How a light stands.
        enum Light {
            /// Go.
            Green = "green",
            /// Stop.
            Red = "red",
        }
    }

    #[test]
    fn a_word_is_read_as_it_is_written() {
        for (word, light) in Light::WORDS {
            assert_eq!((word.parse(), light.as_str()), (Ok(*light), *word));
            assert_eq!(serde_json::to_value(light).unwrap(), *word);
        }
        let error = "Green".parse::<Light>().unwrap_err();
        assert_eq!(error.to_string(), "must be one of green, red; did you mean green?");
        let error = "x".parse::<Light>().unwrap_err();
        assert_eq!(error.to_string(), "must be one of green, red");
    }
}
