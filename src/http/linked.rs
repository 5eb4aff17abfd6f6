//! Answers as JSON-LD 1.1: the same documents with `@context` and `@type`.
//!
//! The context maps our words to those of schema.org and of the GS1 Web Vocabulary; a word that neither
//! has keeps a name of its own under `urn:comptoir:term:`, so that nothing is lost on the way.

use serde_json::{Map, Value};
use std::borrow::Cow;

/// Where the context is served. Its terms are added to, never changed.
pub const CONTEXT_PATH: &str = "/contexts/v1.jsonld";
/// The context. Each term of a vocabulary that it uses stands in `vocabularies.csv` with the version of the
/// vocabulary in which it was looked up.
pub const CONTEXT: &str = include_str!("context.jsonld");
/// Media type of a JSON-LD document.
pub const MEDIA_TYPE: &str = "application/ld+json";

/// A JSON object that stands by itself, with the context and its type before its members.
#[must_use]
pub fn alone(kind: &str, object: &[u8]) -> Vec<u8> {
    with(&format!("\"@context\":\"{CONTEXT_PATH}\",\"@type\":\"{kind}\""), &of(kind, object))
}

/// A JSON object inside another, with its type before its members.
#[must_use]
pub fn inside(kind: &str, object: &[u8]) -> Vec<u8> {
    with(&format!("\"@type\":\"{kind}\""), &of(kind, object))
}

/// Whether an `Accept` value may ask for JSON-LD: a cheap look before weighing it.
#[must_use]
pub fn may_be_asked_for(accept: &[u8]) -> bool {
    accept.len() >= MEDIA_TYPE.len()
        && accept.windows(7).any(|part| part.eq_ignore_ascii_case(b"ld+json"))
}

/// The object in the terms that its type has.
fn of<'a>(kind: &str, object: &'a [u8]) -> Cow<'a, [u8]> {
    if kind == "Store" { with_dates(object) } else { Cow::Borrowed(object) }
}

/// The hours of single dates as schema.org has them, which knows no date in them: valid from the date through the date,
/// and on one on which a store stays closed from midnight to midnight.
fn with_dates(object: &[u8]) -> Cow<'_, [u8]> {
    const DATES: &[u8] = b"\"special_opening_hours\":[{";
    if !object.windows(DATES.len()).any(|part| part == DATES) {
        return Cow::Borrowed(object);
    }
    let Ok(mut store) = serde_json::from_slice::<Map<String, Value>>(object) else {
        return Cow::Borrowed(object);
    };
    let hours = store.get_mut("special_opening_hours").and_then(Value::as_array_mut);
    for hours in hours.into_iter().flatten().filter_map(Value::as_object_mut) {
        for name in ["valid_from", "valid_through"] {
            hours.insert(name.to_owned(), hours.get("date").cloned().unwrap_or_default());
        }
        if hours.get("closed") == Some(&Value::Bool(true)) {
            for name in ["opens", "closes"] {
                hours.insert(name.to_owned(), "00:00".into());
            }
        }
    }
    serde_json::to_vec(&store).map_or(Cow::Borrowed(object), Cow::Owned)
}

/// The object with members before its own. What is no object stays as it is.
fn with(members: &str, object: &[u8]) -> Vec<u8> {
    let Some(own) = object.trim_ascii_start().strip_prefix(b"{") else { return object.to_vec() };
    let separator: &[u8] = if own.trim_ascii_start().starts_with(b"}") { b"" } else { b"," };
    [b"{", members.as_bytes(), separator, own].concat()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use std::collections::BTreeSet;

    #[test]
    fn objects_gain_members_and_stay_objects() {
        for (object, expected) in [
            ("{}", json!({ "@type": "Product" })),
            (" { } ", json!({ "@type": "Product" })),
            ("{\"id\":1}", json!({ "@type": "Product", "id": 1 })),
            ("[1]", json!([1])),
        ] {
            let linked: Value =
                serde_json::from_slice(&inside("Product", object.as_bytes())).expect("JSON");
            assert_eq!(linked, expected, "{object}");
        }
        let linked: Value = serde_json::from_slice(&alone("Store", b"{}")).expect("JSON");
        assert_eq!(linked, json!({ "@context": CONTEXT_PATH, "@type": "Store" }));
    }

    /// Every term of a vocabulary that a context refers to.
    fn terms(means: &Value, found: &mut BTreeSet<(String, String)>) {
        match means {
            Value::Object(members) => members.values().for_each(|means| terms(means, found)),
            Value::String(means) => {
                let (prefix, term) = means.split_once(':').unwrap_or_default();
                let vocabulary = match prefix {
                    "schema" => "schema.org",
                    "gs1" => "GS1 Web Vocabulary",
                    // A keyword, the address of a vocabulary, or a word of our own.
                    _ => return assert!(means.starts_with(['@', 'h', 'u']), "{means}"),
                };
                found.insert((vocabulary.to_owned(), term.to_owned()));
            }
            other => assert!(other.is_null() || *other == 1.1, "{other}"),
        }
    }

    #[test]
    fn the_context_uses_the_terms_that_were_looked_up_in_their_vocabularies() {
        let context: Value = serde_json::from_str(CONTEXT).expect("JSON");
        let mut used = BTreeSet::new();
        terms(&context, &mut used);
        let table = include_str!("vocabularies.csv");
        let known: BTreeSet<(String, String)> = table
            .lines()
            .skip(1)
            .map(|line| match line.split(',').collect::<Vec<_>>().as_slice() {
                [term, vocabulary, "13.0" | "1.16"] => {
                    ((*vocabulary).to_owned(), (*term).to_owned())
                }
                other => panic!("{other:?}"),
            })
            .collect();
        assert_eq!(used, known);
        assert!(table.lines().skip(1).is_sorted(), "ordered, so that a change is seen");
    }
}
