//! `Accept-Language`: resources hold their texts in the retailer's language and, under `translations`,
//! in others. A call that names languages gets the texts chosen for it, in place, and no `translations`.

use super::encoding::weight_among;
use super::fields::{elements, members};
use crate::kernel::language::LanguageTag;
use actix_web::HttpRequest;
use actix_web::http::header::{ACCEPT_LANGUAGE, HeaderMap};
use actix_web::web;
use memchr::memmem;
use std::collections::BTreeSet;

/// The member of a resource that holds its texts in other languages, by language.
pub const TRANSLATIONS: &str = "translations";
/// Levels of a document below which texts are left as they are. The tree of categories, the deepest
/// document, has 32 levels of a list in an object.
const DEEPEST: usize = 100;

/// Most ranges of a call that are read, and the longest in characters: room for any tag that is in
/// use (RFC 5646 §4.4.1).
const MOST_RANGES: usize = 20;
const LONGEST_RANGE: usize = 35;

/// The language of texts that stand outside `translations`; `und` where the retailer has not said.
#[derive(Debug, Clone)]
pub struct OwnLanguage(pub LanguageTag);

/// The languages that a call asks for, and the one that it gets where none of them is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// Language ranges in lower case, the most wanted first.
    ranges: Vec<String>,
    own: String,
}

/// A document with its texts chosen.
#[derive(Debug, PartialEq, Eq)]
pub struct Chosen {
    /// The document, without `translations`.
    pub document: Vec<u8>,
    /// The languages that were chosen in place of the retailer's own.
    pub languages: BTreeSet<String>,
}

/// Whether a request names languages. `*` names none.
#[must_use]
pub fn is_wanted(headers: &HeaderMap) -> bool {
    named(headers).is_some()
}

/// The value of `Accept-Language` that names languages.
fn named(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(ACCEPT_LANGUAGE)?.to_str().ok()?;
    ranges(value).any(|(range, _)| range != "*").then_some(value)
}

/// The ranges of a value of `Accept-Language` (RFC 9110 §12.5.4) with their weights in thousandths.
fn ranges(value: &str) -> impl Iterator<Item = (&str, u16)> {
    let entries = value.split(',').map(str::trim).filter(|entry| !entry.is_empty());
    let read = entries.take(MOST_RANGES).map(|entry| {
        let mut parts = entry.split(';').map(str::trim);
        (parts.next().unwrap_or_default(), weight_among(parts))
    });
    read.filter(|(range, _)| (1..=LONGEST_RANGE).contains(&range.len()))
}

/// Which of some languages a call asks for most; `None` where it names none of them.
#[must_use]
pub fn preferred<'a>(headers: &HeaderMap, offered: &[&'a str]) -> Option<&'a str> {
    let wanted = Wanted::new(named(headers)?, "");
    let tags: Vec<&[u8]> = offered.iter().map(|tag| tag.as_bytes()).collect();
    let best = wanted.best(&tags)?;
    offered.iter().copied().find(|tag| tag.as_bytes() == best)
}

impl Wanted {
    /// The languages that a request names.
    #[must_use]
    pub fn of(request: &HttpRequest) -> Option<Self> {
        let named = named(request.headers())?;
        let own = request.app_data::<web::Data<OwnLanguage>>();
        Some(Self::new(named, own.map_or("und", |own| own.0.as_str())))
    }

    /// Reads the value of `Accept-Language`.
    fn new(named: &str, own: &str) -> Self {
        let mut ranges: Vec<_> = ranges(named).filter(|(_, weight)| *weight > 0).collect();
        ranges.sort_by_key(|(_, weight)| std::cmp::Reverse(*weight));
        let ranges = ranges.into_iter().map(|(range, _)| range.to_ascii_lowercase()).collect();
        Self { ranges, own: own.to_ascii_lowercase() }
    }

    /// Which of the offered languages to take; `None` for the retailer's own. Each range is tried whole,
    /// then without its last part, and so on (RFC 4647 §3.4); `en` is also met by `en-GB`.
    #[must_use]
    pub fn best<'a>(&self, offered: &[&'a [u8]]) -> Option<&'a [u8]> {
        if offered.is_empty() {
            return None;
        }
        for range in &self.ranges {
            let mut range = range.as_str();
            loop {
                if range == "*" || covers(range, self.own.as_bytes()) {
                    return None;
                }
                let exact = offered.iter().find(|tag| tag.eq_ignore_ascii_case(range.as_bytes()));
                if let Some(tag) = exact.or_else(|| offered.iter().find(|tag| covers(range, tag))) {
                    return Some(tag);
                }
                match range.rsplit_once('-') {
                    Some((shorter, _)) => range = shorter,
                    None => break,
                }
            }
        }
        None
    }

    /// The texts of a finished document, chosen at every level; `None` where there is nothing to choose.
    #[must_use]
    pub fn choose(&self, document: &[u8]) -> Option<Chosen> {
        if !mentions(document) {
            return None;
        }
        let mut chosen =
            Chosen { document: Vec::with_capacity(document.len()), languages: BTreeSet::new() };
        self.copy(document, &mut chosen, 0);
        Some(chosen)
    }

    /// `Content-Language` of an answer that holds texts in these languages beside the retailer's own.
    #[must_use]
    pub fn told(&self, chosen: &BTreeSet<String>) -> Option<String> {
        if chosen.is_empty() {
            return (self.own != "und").then(|| self.own.clone());
        }
        Some(chosen.iter().map(String::as_str).collect::<Vec<_>>().join(", "))
    }

    fn copy(&self, value: &[u8], to: &mut Chosen, depth: usize) {
        if depth == DEEPEST || !mentions(value) {
            to.document.extend_from_slice(value);
        } else if let Some(found) = members(value) {
            self.copy_object(&found, to, depth);
        } else if let Some(found) = elements(value) {
            to.document.push(b'[');
            for (nth, element) in found.iter().enumerate() {
                if nth > 0 {
                    to.document.push(b',');
                }
                self.copy(element, to, depth + 1);
            }
            to.document.push(b']');
        } else {
            to.document.extend_from_slice(value);
        }
    }

    fn copy_object(&self, found: &[(&[u8], &[u8])], to: &mut Chosen, depth: usize) {
        let is_translations = |name: &[u8]| name == TRANSLATIONS.as_bytes();
        let translations = found.iter().find(|(name, _)| is_translations(name));
        let offered = translations.and_then(|(_, value)| members(value)).unwrap_or_default();
        let tags: Vec<&[u8]> = offered.iter().map(|(tag, _)| *tag).collect();
        let best = self.best(&tags);
        let texts = offered.iter().find(|(tag, _)| Some(*tag) == best);
        let texts = texts.and_then(|(_, texts)| members(texts)).unwrap_or_default();
        to.document.push(b'{');
        let mut is_first = true;
        for (name, value) in found.iter().filter(|(name, _)| !is_translations(name)) {
            if !std::mem::take(&mut is_first) {
                to.document.push(b',');
            }
            to.document.push(b'"');
            to.document.extend_from_slice(name);
            to.document.extend_from_slice(b"\":");
            match texts.iter().find(|(other, _)| other == name) {
                Some((_, text)) => {
                    to.document.extend_from_slice(text);
                    to.languages.extend(best.map(|tag| String::from_utf8_lossy(tag).into_owned()));
                }
                None => self.copy(value, to, depth + 1),
            }
        }
        to.document.push(b'}');
    }
}

/// Whether a range is a tag, or the beginning of one at a `-`.
fn covers(range: &str, tag: &[u8]) -> bool {
    let Some((start, rest)) = tag.split_at_checked(range.len()) else { return false };
    start.eq_ignore_ascii_case(range.as_bytes()) && (rest.is_empty() || rest.starts_with(b"-"))
}

fn mentions(document: &[u8]) -> bool {
    memmem::find(document, b"\"translations\":").is_some()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn choose(named: &str, document: &str) -> Option<(String, Vec<String>)> {
        let chosen = Wanted::new(named, "fr").choose(document.as_bytes())?;
        let languages = chosen.languages.into_iter().collect();
        Some((String::from_utf8(chosen.document).unwrap(), languages))
    }

    #[test]
    fn the_most_wanted_language_that_is_there_is_chosen() {
        let document = r#"{"id":1,"name":"Vis","translations":{"en-GB":{"name":"Screw"},"es":{"name":"Tornillo"},"pt-BR":{"name":"Parafuso"}}}"#;
        for (named, name) in [
            ("en", "Screw"),
            ("EN-gb", "Screw"),
            ("en-US", "Screw"),
            ("es-MX, en;q=0.5", "Tornillo"),
            ("en;q=0.1, es;q=0.9", "Tornillo"),
            ("de, it", "Vis"),
            ("fr-CA, en", "Vis"),
            ("de, *;q=0.1", "Vis"),
            ("es;q=0", "Vis"),
            ("en;Q=0.1, es; Q=0.9", "Tornillo"),
            ("pt", "Parafuso"),
            (",;q=,-", "Vis"),
        ] {
            let (body, _) = choose(named, document).unwrap();
            assert_eq!(body, format!("{{\"id\":1,\"name\":\"{name}\"}}"), "{named}");
        }
        assert_eq!(choose("en", document).unwrap().1, ["en-GB"]);
        assert_eq!(choose("de", document).unwrap().1, [""; 0]);
    }

    #[test]
    fn texts_are_chosen_at_every_level_and_none_is_added() {
        let document = r#"{"items":[{"name":"a","translations":{"en":{"name":"b","link":"c"}}},{"name":"d"},
            {"in":[{"name":"e","translations":{"en":{"name":"f"}}}],"translations":{}}]}"#;
        let expected = r#"{"items":[{"name":"b"},{"name":"d"},{"in":[{"name":"f"}]}]}"#;
        assert_eq!(choose("en", document).unwrap().0, expected);
        assert_eq!(choose("en", r#"{"name":"a"}"#), None);
    }

    proptest! {
        #[test]
        fn no_bytes_panic(named: String, bytes: Vec<u8>, deep in 0usize..100) {
            let wanted = Wanted::new(&named, "fr");
            let _ = wanted.choose(&bytes);
            let nested = format!("{}{{\"translations\":{{\"x\":1}}", "{\"a\":[".repeat(deep));
            let _ = wanted.choose(nested.as_bytes());
            let _ = wanted.choose(&[nested.as_bytes(), &bytes].concat());
        }
    }
}
