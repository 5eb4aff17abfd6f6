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

/// A text that is none of a set's words.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("is one of {0}")]
pub struct UnknownWord(pub String);

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
                Self::of(text).ok_or_else(|| UnknownWord(Self::all()))
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
        assert_eq!(error.to_string(), "is one of green, red");
    }
}
