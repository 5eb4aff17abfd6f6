//! Sets of a closed set's words: a bit each.

use crate::kernel::word::{UnknownWord, Word};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;
use std::marker::PhantomData;

/// A set of words; outside, an array of them in the order of [`Word::WORDS`].
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct WordSet<W> {
    bits: u32,
    of: PhantomData<W>,
}

impl<W: Word> WordSet<W> {
    /// No word.
    pub const NONE: Self = Self::of_bits(0);
    /// Refuses sets of more words than there are bits when the program is built.
    const FITS: () = assert!(W::WORDS.len() <= u32::BITS as usize);

    const fn of_bits(bits: u32) -> Self {
        Self { bits, of: PhantomData }
    }

    fn bit(word: W) -> u32 {
        let () = Self::FITS;
        W::WORDS.iter().position(|(_, known)| *known == word).map_or(0, |at| 1 << at)
    }

    /// All words.
    #[must_use]
    pub fn all() -> Self {
        W::WORDS.iter().map(|(_, word)| *word).collect()
    }

    /// The words that both sets hold.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self::of_bits(self.bits & other.bits)
    }

    /// The words that one of the sets holds.
    #[must_use]
    pub const fn or(self, other: Self) -> Self {
        Self::of_bits(self.bits | other.bits)
    }

    /// The words of this set that another does not hold.
    #[must_use]
    pub const fn without(self, other: Self) -> Self {
        Self::of_bits(self.bits & !other.bits)
    }

    /// Whether the set holds no word.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.bits == 0
    }

    /// Whether all words of this set are in another.
    #[must_use]
    pub const fn within(self, other: Self) -> bool {
        self.without(other).is_empty()
    }

    /// Whether the set holds a word.
    #[must_use]
    pub fn has(self, word: W) -> bool {
        self.bits & Self::bit(word) != 0
    }

    /// The words for which something holds.
    #[must_use]
    pub fn that(self, holds: impl Fn(W) -> bool) -> Self {
        self.iter().filter(|word| holds(*word)).collect()
    }

    /// The words, in the order of [`Word::WORDS`].
    pub fn iter(self) -> impl Iterator<Item = W> {
        W::WORDS.iter().map(|(_, word)| *word).filter(move |word| self.has(*word))
    }
}

impl<W: Word> Default for WordSet<W> {
    fn default() -> Self {
        Self::NONE
    }
}

impl<W: Word> FromIterator<W> for WordSet<W> {
    fn from_iter<I: IntoIterator<Item = W>>(words: I) -> Self {
        Self::of_bits(words.into_iter().fold(0, |bits, word| bits | Self::bit(word)))
    }
}

impl<W: Word> From<W> for WordSet<W> {
    fn from(word: W) -> Self {
        Self::of_bits(Self::bit(word))
    }
}

impl<W: Word> fmt::Display for WordSet<W> {
    /// The words, with a space between.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (n, word) in self.iter().enumerate() {
            if n > 0 {
                f.write_str(" ")?;
            }
            f.write_str(word.as_str())?;
        }
        Ok(())
    }
}

impl<W: Word> fmt::Debug for WordSet<W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[{self}]")
    }
}

impl<W: Word> Serialize for WordSet<W> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.iter().map(Word::as_str))
    }
}

impl<'de, W: Word> Deserialize<'de> for WordSet<W> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let words = Vec::<String>::deserialize(deserializer)?;
        let read = |word: &String| {
            let unknown = || D::Error::custom(format!("`{word}` {}", UnknownWord::of::<W>(word)));
            W::of(word).ok_or_else(unknown)
        };
        words.iter().map(read).collect()
    }
}
