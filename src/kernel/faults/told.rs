//! What readers say of a fault, turned into words for people: what must stand there, and what was probably meant.

use crate::kernel::word::nearest;
use std::borrow::Cow;

/// What is wrong with a value, for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    /// What kind of fault, stable.
    pub code: &'static str,
    /// What must stand there, or what is wrong with what does.
    pub message: String,
    /// What was probably meant.
    pub suggestion: Option<String>,
}

impl Told {
    fn new(code: &'static str, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), suggestion: None }
    }

    /// From serde's words; what our own readers say is kept as it is.
    #[must_use]
    pub fn of(said: &str) -> Self {
        let quoted: Vec<&str> = said.split('`').skip(1).step_by(2).collect();
        let starts = |words: &str| said.starts_with(words);
        match quoted.as_slice() {
            [_, ..] if starts("missing field") => missing(said, &quoted),
            [_, ..] if starts("duplicate field") => Self::new("repeated", "stands twice; keep one"),
            [name, ..] if starts(&format!("unknown field `{name}` of ")) => misplaced(said),
            [name, known @ ..] if starts("unknown field") => unknown_field(name, known),
            [word, known @ ..] if starts("unknown variant") => unknown_word(word, known),
            _ => misfit(said),
        }
    }
}

fn missing(said: &str, names: &[&str]) -> Told {
    match said.split_once("`: ") {
        Some((_, why)) => Told::new("missing", format!("is missing: {why}")),
        None if names.len() > 1 => {
            Told::new("missing", format!("is missing; {}", &said[said.find('`').unwrap_or(0)..]))
        }
        None => Told::new("missing", "is missing; give it a value"),
    }
}

/// A member that our readers know and that does not go with the others.
fn misplaced(said: &str) -> Told {
    let rest = said.split_once("` of ").map_or(said, |(_, rest)| rest);
    Told::new("unknown", format!("does not belong to {rest}"))
}

fn unknown_field(name: &str, known: &[&str]) -> Told {
    let suggestion = nearest(name, known);
    let message = match (&suggestion, known) {
        (Some(meant), _) => format!("is not known here; did you mean `{meant}`?"),
        (None, []) => "is not known here; leave it out".to_owned(),
        (None, known) => format!("is not known here; known are {}", quoted(known)),
    };
    Told { suggestion, ..Told::new("unknown", message) }
}

/// Most words that are listed where one of them was probably meant.
const LISTED: usize = 10;

fn unknown_word(word: &str, known: &[&str]) -> Told {
    let suggestion = nearest(word, known);
    let message = match (&suggestion, known) {
        (Some(meant), known) if known.len() > LISTED => {
            format!("`{word}` is not known here; did you mean `{meant}`?")
        }
        (Some(meant), known) => {
            format!("must be {}; did you mean `{meant}`?", one_of(known))
        }
        (None, known) => format!("must be {}", one_of(known)),
    };
    Told { suggestion, ..Told::new("not_allowed", message) }
}

fn one_of(known: &[&str]) -> String {
    match known {
        [only] => format!("`{only}`"),
        known => format!("one of {}", quoted(known)),
    }
}

fn quoted(known: &[&str]) -> String {
    known.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", ")
}

/// A value of another kind, or out of what its kind can hold.
fn misfit(said: &str) -> Told {
    if said.starts_with("data did not match any variant") {
        return Told::new("malformed", "has none of the forms that it can have");
    }
    let found = ["invalid type: ", "invalid value: ", "invalid length "]
        .iter()
        .find_map(|begin| said.strip_prefix(begin)?.rsplit_once(", expected "));
    let Some((given, expected)) = found else { return Told::new("malformed", said) };
    let code = if said.starts_with("invalid type") { "wrong_type" } else { "malformed" };
    let expected = in_words(expected);
    Told::new(
        code,
        match kind(given) {
            Some(given) => format!("must be {expected}, not {given}"),
            None => format!("must be {expected}"),
        },
    )
}

/// What a reader expects, without the names of types.
#[must_use]
pub fn in_words(expected: &str) -> &str {
    match expected {
        "a string" | "a borrowed string" | "str" | "string" => "a text in quotes",
        "a boolean" => "true or false",
        "a sequence" => "a list",
        "u8" => "a whole number from 0 to 255",
        "u16" => "a whole number from 0 to 65535",
        "u32" => "a whole number from 0 to 4294967295",
        "u64" | "u128" | "usize" => "a whole number, zero or more",
        "i8" | "i16" | "i32" | "i64" | "isize" => "a whole number",
        "f32" | "f64" => "a number",
        "a map" => "an object",
        "unit" | "a unit" => "null",
        _ if expected.starts_with("a nonzero ") => "a whole number, one or more",
        _ if ["struct ", "internally tagged enum ", "adjacently tagged enum "]
            .iter()
            .any(|begin| expected.starts_with(begin)) =>
        {
            "an object"
        }
        _ if ["tuple", "an array of"].iter().any(|begin| expected.starts_with(begin)) => "a list",
        _ if expected.starts_with("enum ") || expected.ends_with("identifier") => {
            "a text in quotes"
        }
        own => own,
    }
}

/// What was given: of numbers the value, of everything else what kind it is.
fn kind(given: &str) -> Option<Cow<'_, str>> {
    let begins = |word: &str| given.starts_with(word);
    if begins("integer") || begins("floating point") {
        let value = given.split('`').nth(1).filter(|value| value.len() <= 25);
        return Some(value.map_or("such a number".into(), Cow::Borrowed));
    }
    let kinds = [
        ("string", "a text"),
        ("character", "a text"),
        ("boolean", "true or false"),
        ("null", "null"),
        ("unit value", "null"),
        ("Option", "null"),
        ("sequence", "a list"),
        ("map", "an object"),
    ];
    kinds.iter().find(|(word, _)| begins(word)).map(|(_, kind)| Cow::Borrowed(*kind))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_word_of_the_library_is_left() {
        for (said, told) in [
            ("missing field `name`", "is missing; give it a value"),
            ("missing field `quota`: the units", "is missing: the units"),
            ("duplicate field `name`", "stands twice; keep one"),
            (
                "unknown field `nmae`, expected `name` or `age`",
                "is not known here; did you mean `name`?",
            ),
            ("unknown field `x`, expected `name`", "is not known here; known are `name`"),
            ("unknown field `x`, there are no fields", "is not known here; leave it out"),
            (
                "unknown field `quota` of a rate: leave it out",
                "does not belong to a rate: leave it out",
            ),
            (
                "unknown variant `x`, expected one of `day`, `week`, `year`",
                "must be one of `day`, `week`, `year`",
            ),
            (
                "unknown variant `dayy`, expected `day` or `week`",
                "must be one of `day`, `week`; did you mean `day`?",
            ),
            ("unknown variant `x`, expected `day`", "must be `day`"),
            (
                "invalid type: string \"5, expected 6\", expected f64",
                "must be a number, not a text",
            ),
            ("invalid type: null, expected struct IdentifierIn", "must be an object, not null"),
            ("invalid type: map, expected a sequence", "must be a list, not an object"),
            (
                "invalid type: floating point `2.5`, expected u64",
                "must be a whole number, zero or more, not 2.5",
            ),
            (
                "invalid value: integer `300`, expected u8",
                "must be a whole number from 0 to 255, not 300",
            ),
            ("invalid length 3, expected a list of two", "must be a list of two"),
            (
                "data did not match any variant of untagged enum X",
                "has none of the forms that it can have",
            ),
            ("must be odd", "must be odd"),
        ] {
            assert_eq!(Told::of(said).message, told, "{said}");
        }
    }

    #[test]
    fn of_a_long_list_the_nearest_word_is_named_alone() {
        let known: Vec<String> = (0..41).map(|n| format!("`list_{n}`")).collect();
        let told =
            Told::of(&format!("unknown variant `lst_7`, expected one of {}", known.join(", ")));
        assert!(
            told.message.starts_with("`lst_7` is not known here; did you mean `list_"),
            "{told:?}"
        );
        assert!(told.suggestion.is_some_and(|word| word.starts_with("list_")));
    }
}
