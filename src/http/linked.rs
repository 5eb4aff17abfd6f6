//! Answers as JSON-LD 1.1: the same documents with `@context` and `@type`.
//!
//! The context maps our words to those of schema.org and of the GS1 Web Vocabulary; a word that neither
//! has keeps a name of its own under `urn:comptoir:term:`, so that nothing is lost on the way.

/// Where the context is served. Its terms are added to, never changed.
pub const CONTEXT_PATH: &str = "/contexts/v1.jsonld";
/// The context.
pub const CONTEXT: &str = include_str!("context.jsonld");
/// Media type of a JSON-LD document.
pub const MEDIA_TYPE: &str = "application/ld+json";

/// A JSON object that stands by itself, with the context and its type before its members.
#[must_use]
pub fn alone(kind: &str, object: &[u8]) -> Vec<u8> {
    with(&format!("\"@context\":\"{CONTEXT_PATH}\",\"@type\":\"{kind}\""), object)
}

/// A JSON object inside another, with its type before its members.
#[must_use]
pub fn inside(kind: &str, object: &[u8]) -> Vec<u8> {
    with(&format!("\"@type\":\"{kind}\""), object)
}

/// Whether an `Accept` value may ask for JSON-LD: a cheap look before weighing it.
#[must_use]
pub fn may_be_asked_for(accept: &[u8]) -> bool {
    accept.len() >= MEDIA_TYPE.len()
        && accept.windows(7).any(|part| part.eq_ignore_ascii_case(b"ld+json"))
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
    use serde_json::{Value, json};

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

    #[test]
    fn every_term_leads_to_a_vocabulary_that_the_context_names() {
        let context: Value = serde_json::from_str(CONTEXT).expect("JSON");
        let terms = context["@context"].as_object().expect("terms");
        for (term, means) in terms.iter().filter(|(term, _)| !term.starts_with('@')) {
            let means = means.get("@id").unwrap_or(means);
            let known = means.is_null()
                || means.as_str().is_some_and(|iri| {
                    iri.starts_with("schema:")
                        || iri.starts_with("gs1:")
                        || iri.starts_with("https:")
                });
            assert!(known, "{term}: {means}");
        }
    }
}
