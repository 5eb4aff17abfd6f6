//! Texts that people write: bounded, several lines where they like, nothing that is not seen.

use super::model::is_invisible;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// A text of 1 to `MOST` characters. Lines may break; other control characters and marks that are not
/// seen are refused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String")]
pub struct Text<const MOST: usize>(String);

/// Why a reason was given, a note, a purpose: what is refused of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be 1 to {0} characters without control characters and invisible ones")]
pub struct InvalidText(usize);

/// Why something was done.
pub type Reason = Text<500>;

impl<const MOST: usize> Text<MOST> {
    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The text on its own, for logs and answers.
pub fn text<const MOST: usize>(text: &Text<MOST>) -> &str {
    text.as_str()
}

impl<const MOST: usize> FromStr for Text<MOST> {
    type Err = InvalidText;

    /// Space around the text is dropped.
    fn from_str(text: &str) -> Result<Self, InvalidText> {
        let text = text.trim();
        let hidden = |c: char| (c.is_control() && c != '\n' && c != '\t') || is_invisible(c);
        let valid = (1..=MOST).contains(&text.chars().count()) && !text.chars().any(hidden);
        if valid { Ok(Self(text.to_owned())) } else { Err(InvalidText(MOST)) }
    }
}

impl<const MOST: usize> TryFrom<String> for Text<MOST> {
    type Error = InvalidText;

    fn try_from(text: String) -> Result<Self, InvalidText> {
        text.parse()
    }
}

impl<const MOST: usize> fmt::Display for Text<MOST> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_bounded_and_seen() {
        assert_eq!(" a\nb ".parse::<Text<3>>().unwrap().as_str(), "a\nb");
        for bad in ["", " ", "abcd", "a\u{0}", "a\u{202e}"] {
            assert!(bad.parse::<Text<3>>().is_err(), "{bad:?}");
        }
    }
}
