//! Language tags (RFC 5646), well-formed and in their usual case.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// Longest tag: what RFC 5646 §4.4.1 asks implementations to take.
const LONGEST: usize = 35;

/// The tag of a language: `fr`, `pt-BR`, `zh-Hant-TW`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct LanguageTag(String);

/// A text is no language tag.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no language tag; give one such as fr, en-GB or zh-Hant")]
pub struct InvalidLanguageTag(String);

impl LanguageTag {
    /// The tag.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it is of this language, of whatever region.
    #[must_use]
    pub fn is_of(&self, language: &str) -> bool {
        self.0.split('-').next() == Some(language)
    }
}

impl FromStr for LanguageTag {
    type Err = InvalidLanguageTag;

    fn from_str(text: &str) -> Result<Self, InvalidLanguageTag> {
        let invalid = || InvalidLanguageTag(text.chars().take(LONGEST).collect());
        let mut parts = text.split('-');
        let language = parts.next().unwrap_or_default();
        let is_language =
            (2..=3).contains(&language.len()) && language.bytes().all(|b| b.is_ascii_alphabetic());
        if !is_language || text.len() > LONGEST {
            return Err(invalid());
        }
        let mut tag = language.to_ascii_lowercase();
        for part in parts {
            if !(1..=8).contains(&part.len()) || !part.bytes().all(|b| b.is_ascii_alphanumeric()) {
                return Err(invalid());
            }
            tag.push('-');
            tag.push_str(&usual_case(part));
        }
        Ok(Self(tag))
    }
}

/// Regions in capitals, scripts with a capital, all else in small letters (RFC 5646 §2.1.1).
fn usual_case(part: &str) -> String {
    let is_word = part.bytes().all(|b| b.is_ascii_alphabetic());
    match part.len() {
        2 if is_word => part.to_ascii_uppercase(),
        4 if is_word => {
            let (first, rest) = part.split_at(1);
            first.to_ascii_uppercase() + &rest.to_ascii_lowercase()
        }
        _ => part.to_ascii_lowercase(),
    }
}

impl TryFrom<String> for LanguageTag {
    type Error = InvalidLanguageTag;

    fn try_from(text: String) -> Result<Self, InvalidLanguageTag> {
        text.parse()
    }
}

impl From<LanguageTag> for String {
    fn from(tag: LanguageTag) -> Self {
        tag.0
    }
}

impl fmt::Display for LanguageTag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn tags_are_written_in_one_way() {
        for (text, tag) in
            [("FR", "fr"), ("en-gb", "en-GB"), ("ZH-hant-tw", "zh-Hant-TW"), ("es-419", "es-419")]
        {
            assert_eq!(text.parse::<LanguageTag>().unwrap().as_str(), tag);
        }
        for text in ["", "f", "french", "fr_FR", "fr-", "fr--CA", "é", "en-abcdefghi"] {
            assert!(text.parse::<LanguageTag>().is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn a_tag_reads_as_itself(text: String) {
            if let Ok(tag) = text.parse::<LanguageTag>() {
                prop_assert_eq!(tag.as_str().parse::<LanguageTag>().unwrap(), tag);
            }
        }
    }
}
