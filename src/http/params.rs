//! Query parameters: each is asked for by name, all faults are reported at once, and a name that
//! nobody asked for is an error with the nearest one that exists.

use super::fields::{Fields, Known, Refused};
use super::{ApiError, Code, FieldError, gtin, language};
use crate::kernel::word::{Word, nearest};
use crate::kernel::{Gtin, page};
use actix_web::HttpRequest;
use std::borrow::Cow;
use std::collections::HashSet;
use std::fmt::Display;
use std::ops::RangeInclusive;
use std::str::FromStr;

/// Longest text of a parameter in characters.
pub const LONGEST: usize = 500;
/// Longest text of a parameter that takes several values.
pub const LONGEST_LIST: usize = 4_000;
/// Most parameters of a call.
const MOST: usize = 100;
/// Most faults that an answer names, so that it is no longer than what was asked.
const MOST_FAULTS: usize = 20;
/// Most characters of a name that an answer repeats.
const LONGEST_NAME: usize = 100;

/// The parameters of one call. Ask for every parameter that the operation knows, then
/// [`Params::finish`] before using what was read.
#[derive(Debug)]
pub struct Params {
    given: Vec<(String, String)>,
    /// How many there are, where they are too many to be read.
    too_many: Option<usize>,
    known: Vec<&'static str>,
    /// Beginnings of names that stand for a parameter each.
    families: Vec<&'static str>,
    /// Whether texts are chosen by language from what the call answers with.
    in_languages: bool,
    /// What is wrong, each with the code of a refusal for such faults alone.
    errors: Vec<(Code, FieldError)>,
}

impl Params {
    /// The parameters of a request whose answer holds texts in several languages.
    #[must_use]
    pub fn of(request: &HttpRequest) -> Self {
        let in_languages = language::is_wanted(request.headers());
        Self { in_languages, ..Self::new(request.query_string()) }
    }

    /// Whether texts are chosen by language from what the call answers with.
    #[must_use]
    pub fn in_languages(&self) -> bool {
        self.in_languages
    }

    /// Reads a query string (`application/x-www-form-urlencoded`).
    #[must_use]
    pub fn new(query: &str) -> Self {
        let pairs = || query.split('&').filter(|pair| !pair.is_empty());
        let given: Vec<(String, String)> = pairs()
            .take(MOST)
            .map(|pair| {
                let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
                (decode(name).into_owned(), decode(value).into_owned())
            })
            .collect();
        let too_many = Some(pairs().count()).filter(|count| *count > MOST);
        let (known, families) = (Vec::new(), Vec::new());
        let errors = not_text(&given).map(|fault| (Code::InvalidParameter, fault)).collect();
        Self { given, too_many, known, families, in_languages: false, errors }
    }

    /// The text of a parameter, where it was given once and is not empty.
    pub fn text(&mut self, name: &'static str) -> Option<String> {
        self.text_of(name, LONGEST)
    }

    fn text_of(&mut self, name: &'static str, longest: usize) -> Option<String> {
        self.known.push(name);
        let mut values = self.given.iter().filter(|(n, _)| n == name).map(|(_, v)| v);
        let value = values.next()?.clone();
        if values.next().is_some() {
            let message = "is given more than once; join values with commas where a list is taken";
            self.fault(name, "repeated", message);
        }
        if value.is_empty() {
            self.fault(name, "empty", "is empty; leave it out or give it a value");
            return None;
        }
        if value.chars().count() > longest {
            self.fault(name, "too_long", format!("is longer than {longest} characters"));
            return None;
        }
        Some(value)
    }

    /// A parameter read by its type's own parser.
    pub fn value<T>(&mut self, name: &'static str) -> Option<T>
    where
        T: FromStr,
        T::Err: Display,
    {
        let text = self.text(name)?;
        match text.parse() {
            Ok(value) => Some(value),
            Err(error) => {
                self.fault(name, "malformed", error.to_string());
                None
            }
        }
    }

    /// A whole number within bounds; `None` where it was not given.
    pub fn whole<T>(&mut self, name: &'static str, bounds: RangeInclusive<T>) -> Option<T>
    where
        T: FromStr + PartialOrd + Display,
    {
        let text = self.text(name)?;
        let number = text.parse::<T>().ok().filter(|number| bounds.contains(number));
        if number.is_none() {
            let (least, most) = (bounds.start(), bounds.end());
            let message = format!("must be a whole number from {least} to {most}");
            self.fault(name, "out_of_range", message);
        }
        number
    }

    /// A list of values joined by commas, at most `most` of them; empty where it was not given.
    pub fn list<T>(&mut self, name: &'static str, most: usize) -> Vec<T>
    where
        T: FromStr,
        T::Err: Display,
    {
        let parts = self.several(name, most, |text| text.split(',').map(str::to_owned).collect());
        let mut values = Vec::with_capacity(parts.len());
        for part in parts {
            match part.parse() {
                Ok(value) => values.push(value),
                Err(error) => self.fault(name, "malformed", format!("has `{part}`, which {error}")),
            }
        }
        values
    }

    /// Barcodes, joined by commas; of one with a wrong check digit the right one is suggested.
    pub fn gtins(&mut self, name: &'static str, most: usize) -> Vec<Gtin> {
        let texts: Vec<String> = self.list(name, most);
        texts.iter().filter_map(|text| self.gtin_among(name, text)).collect()
    }

    /// A barcode that stands among others in a parameter.
    pub fn gtin_among(&mut self, name: &'static str, text: &str) -> Option<Gtin> {
        text.parse().map_err(|error| self.note_as(gtin::fault_among(name, text, &error))).ok()
    }

    /// Texts of the catalog's own joined by commas, as [`Params::family`] takes them; empty where it was
    /// not given.
    pub fn texts(&mut self, name: &'static str, most: usize) -> Vec<String> {
        self.several(name, most, alternatives)
    }

    /// The values of a parameter without the blanks around them, at most `most`. One that is empty is a
    /// fault: a filter that was cut short must not be passed over.
    fn several(
        &mut self,
        name: &'static str,
        most: usize,
        split: fn(&str) -> Vec<String>,
    ) -> Vec<String> {
        let Some(text) = self.text_of(name, LONGEST_LIST) else { return Vec::new() };
        let values = split(&text);
        if values.len() > most {
            let message = format!("takes at most {most} values, not {}", values.len());
            self.fault(name, "too_many", message);
            return Vec::new();
        }
        let count = values.len();
        let values = filled(&values);
        if values.len() < count {
            let message = "has an empty value; a comma stands between two values";
            self.fault(name, "malformed", message);
        }
        values
    }

    /// Parameters of a family with the values of each: `attr.color=red,blue` and
    /// `attr[color]=red,blue` are the member `color` of `attr`, in any case. At most `most` members and
    /// values of each. A comma that belongs to a value stands behind a backslash. What begins as a
    /// family does and names no member is refused: a filter that is misspelt must not be passed over.
    pub fn family(
        &mut self,
        name: &'static str,
        (dotted, bracketed): (&'static str, &'static str),
        most: usize,
    ) -> Vec<(String, Vec<String>)> {
        self.families.extend([dotted, bracketed]);
        let mut members: Vec<(String, Vec<String>)> = Vec::new();
        let mut faults = Vec::new();
        for (given, value) in &self.given {
            let member = match given.strip_prefix(bracketed) {
                Some(rest) => rest
                    .strip_suffix(']')
                    .filter(|member| !member.contains(['[', ']']))
                    .unwrap_or(""),
                None => match given.strip_prefix(dotted) {
                    Some(member) => member,
                    None => continue,
                },
            };
            let given_values = alternatives(value);
            let values = filled(&given_values);
            let is_empty = member.is_empty() || values.len() < given_values.len();
            let long = given.len() > LONGEST || value.len() > LONGEST_LIST;
            if is_empty || long {
                let message = format!(
                    "is `{dotted}name=value` or `{bracketed}name]=value`, neither of them empty, nor a \
                     value between two commas; a name with brackets of its own is written behind the dot"
                );
                faults.push(("malformed", message));
            } else if members.iter().any(|(known, _)| known.to_lowercase() == member.to_lowercase())
            {
                faults
                    .push(("repeated", "names a member twice; join its values with commas".into()));
            } else if members.len() == most || values.len() > most {
                faults.push((
                    "too_many",
                    format!("takes at most {most} members, {most} values each"),
                ));
            } else {
                members.push((member.to_owned(), values));
            }
        }
        for (code, message) in faults {
            self.fault(name, code, message);
        }
        members
    }

    /// A parameter that is one of a few words.
    pub fn one_of<T: Copy>(&mut self, name: &'static str, words: &[(&str, T)]) -> Option<T> {
        let text = self.text(name)?;
        if let Some((_, value)) = words.iter().find(|(word, _)| *word == text) {
            return Some(*value);
        }
        let allowed: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
        let error = FieldError::parameter(
            name,
            "not_allowed",
            format!("must be one of {}", allowed.join(", ")),
        );
        self.note(error.suggest(nearest(&text, &allowed)));
        None
    }

    /// Words of a set, joined by commas; empty where it was not given.
    pub fn words<T: Word>(&mut self, name: &'static str) -> Vec<T> {
        let words: Vec<String> = self.list(name, T::WORDS.len());
        let mut found = Vec::with_capacity(words.len());
        for word in words {
            match T::of(&word) {
                Some(one) => found.push(one),
                None => {
                    let message = format!("has `{word}`, which is none of {}", T::all());
                    let known: Vec<&str> = T::WORDS.iter().map(|(word, _)| *word).collect();
                    let error = FieldError::parameter(name, "not_allowed", message);
                    self.note(error.suggest(nearest(&word, &known)));
                }
            }
        }
        found
    }

    /// `true` or `false`; false where it was not given.
    pub fn flag(&mut self, name: &'static str) -> bool {
        self.one_of(name, &[("true", true), ("false", false)]).unwrap_or(false)
    }

    /// The parts of a resource that `fields` asks for; `None` where it was not given.
    pub fn fields(&mut self, known: &Known) -> Option<Fields> {
        let text = self.text("fields")?;
        match Fields::parse(&text, known) {
            Ok(fields) if self.in_languages => Some(fields.with_everywhere(language::TRANSLATIONS)),
            Ok(fields) => Some(fields),
            Err(Refused { code, message, suggestion }) => {
                let fault = FieldError::parameter("fields", code, message).suggest(suggestion);
                self.note(fault);
                None
            }
        }
    }

    /// The page size: 1 to 200, 50 where none is given.
    pub fn limit(&mut self) -> u32 {
        self.whole("limit", 1..=page::MAX_LIMIT).unwrap_or(page::DEFAULT_LIMIT)
    }

    /// The first parameter that was given other than these.
    #[must_use]
    pub fn other(&self, than: &[&str]) -> Option<&str> {
        self.given.iter().map(|(name, _)| name.as_str()).find(|name| !than.contains(name))
    }

    /// Whether a parameter was given.
    #[must_use]
    pub fn was_given(&self, name: &str) -> bool {
        self.given.iter().any(|(given, _)| given == name)
    }

    /// Whether any parameter was found at fault so far.
    #[must_use]
    pub fn has_faults(&self) -> bool {
        !self.errors.is_empty()
    }

    /// Whether a parameter was found at fault.
    #[must_use]
    pub fn has_fault(&self, name: &str) -> bool {
        self.errors.iter().any(|(_, error)| error.parameter.as_deref() == Some(name))
    }

    /// Records a fault of a parameter.
    pub fn fault(&mut self, name: &str, code: &str, message: impl Into<String>) {
        self.note(FieldError::parameter(name, code, message));
    }

    /// The same with a value that would be right.
    pub fn fault_with_suggestion(
        &mut self,
        name: &str,
        code: &str,
        message: impl Into<String>,
        suggestion: String,
    ) {
        self.note(FieldError::parameter(name, code, message).suggest(Some(suggestion)));
    }

    fn note(&mut self, error: FieldError) {
        self.note_as((Code::InvalidParameter, error));
    }

    /// Records a fault with the code of a refusal for such faults alone.
    pub(super) fn note_as(&mut self, fault: (Code, FieldError)) {
        if self.errors.len() < MOST_FAULTS {
            self.errors.push(fault);
        }
    }

    /// Refuses the call if any parameter was at fault or unknown.
    pub fn finish(mut self) -> Result<(), ApiError> {
        let given = std::mem::take(&mut self.given);
        let mut told = HashSet::new();
        for (name, _) in &given {
            let of_family = self.families.iter().any(|family| name.starts_with(family));
            if of_family || self.known.contains(&name.as_str()) || !told.insert(name) {
                continue;
            }
            let message = match self.known.as_slice() {
                [] => "is unknown; this operation takes no parameters".to_owned(),
                known => format!("is unknown; this operation takes {}", known.join(", ")),
            };
            let name: String = name.chars().take(LONGEST_NAME).collect();
            let suggestion = nearest(&name, &self.known);
            self.note(FieldError::parameter(&name, "unknown", message).suggest(suggestion));
        }
        self.finish_with_others()
    }

    /// The same where parameters that nobody asked for are no fault.
    pub fn finish_with_others(self) -> Result<(), ApiError> {
        if let Some(count) = self.too_many {
            let detail = format!("A call has at most {MOST} parameters; this one has {count}.");
            return Err(ApiError::new(Code::InvalidParameter, detail));
        }
        let Some((_, first)) = self.errors.first() else { return Ok(()) };
        let codes: Vec<Code> = self.errors.iter().map(|(code, _)| *code).collect();
        let code = gtin::together(&codes).unwrap_or(Code::InvalidParameter);
        let name = first.parameter.as_deref().unwrap_or_default();
        let detail = match &first.suggestion {
            Some(suggestion) => format!("`{name}` {}. Did you mean `{suggestion}`?", first.message),
            None => crate::kernel::sentence(format!("`{name}` {}", first.message)),
        };
        let errors = self.errors.into_iter().map(|(_, error)| error).collect();
        Err(ApiError::new(code, detail).errors(errors))
    }
}

/// A fault for each parameter whose value no text has: nothing could be meant by it, and some of it no
/// database takes.
fn not_text(given: &[(String, String)]) -> impl Iterator<Item = FieldError> {
    let is_foreign = |letter: char| {
        letter == char::REPLACEMENT_CHARACTER || letter.is_control() && !letter.is_whitespace()
    };
    let faulty = given.iter().filter(move |(_, value)| value.contains(is_foreign));
    let message = "has a control character, or bytes that are not UTF-8";
    faulty.map(move |(name, _)| FieldError::parameter(name, "malformed", message))
}

/// The values of a text that are joined by commas. `\,` is a comma and `\\` a backslash of a value; a
/// backslash before anything else is itself.
fn alternatives(text: &str) -> Vec<String> {
    let mut values = vec![String::new()];
    let mut letters = text.chars().peekable();
    while let Some(letter) = letters.next() {
        let letter = match letter {
            ',' => {
                values.push(String::new());
                continue;
            }
            '\\' => letters.next_if(|next| matches!(next, ',' | '\\')).unwrap_or('\\'),
            other => other,
        };
        if let Some(last) = values.last_mut() {
            last.push(letter);
        }
    }
    values
}

/// Values without the blanks around them, as far as they are not empty.
fn filled(values: &[String]) -> Vec<String> {
    let values = values.iter().map(|value| value.trim_matches(' '));
    values.filter(|value| !value.is_empty()).map(str::to_owned).collect()
}

/// A value as a parameter of a family takes it among others.
#[must_use]
pub fn as_alternative(value: &str) -> Cow<'_, str> {
    if !value.contains([',', '\\']) {
        return Cow::Borrowed(value);
    }
    Cow::Owned(value.replace('\\', "\\\\").replace(',', "\\,"))
}

/// Percent-decoding with `+` as space; what is no valid escape or UTF-8 stays visible.
pub(super) fn decode(text: &str) -> Cow<'_, str> {
    if !text.contains(['%', '+']) {
        return Cow::Borrowed(text);
    }
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let hex = |i: usize| bytes.get(i).and_then(|b| char::from(*b).to_digit(16));
        match (bytes[at], hex(at + 1), hex(at + 2)) {
            (b'%', Some(high), Some(low)) => {
                out.push((high * 16 + low) as u8);
                at += 2;
            }
            (b'+', ..) => out.push(b' '),
            (byte, ..) => out.push(byte),
        }
        at += 1;
    }
    Cow::Owned(String::from_utf8_lossy(&out).into_owned())
}

#[cfg(test)]
#[path = "params_tests.rs"]
mod tests;
