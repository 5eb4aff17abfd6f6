//! The order of a list of products: keys of bytes that compare as the products shall come.

use crate::catalog::search::Words;
use crate::catalog::view::Row;
use crate::http::Params;
use crate::http::params::nearest;

/// Most bytes of a folded name that decide about its place; names that share them come by id.
const NAME_BYTES: usize = 60;

/// What a list can be ordered by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum By {
    Relevance,
    Id,
    Name,
    Price,
    UpdatedAt,
}

const WORDS: [(&str, By); 5] = [
    ("relevance", By::Relevance),
    ("id", By::Id),
    ("name", By::Name),
    ("price", By::Price),
    ("updated_at", By::UpdatedAt),
];

/// One step of an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Step {
    pub(super) by: By,
    descending: bool,
}

/// The order that `sort` asks for; empty where none was asked for.
pub(super) fn read(params: &mut Params, searched: bool) -> Vec<Step> {
    let words: Vec<String> = params.list("sort", WORDS.len());
    let mut steps: Vec<Step> = Vec::with_capacity(words.len());
    for word in words {
        let (descending, name) = match word.strip_prefix('-') {
            Some(name) => (true, name),
            None => (false, word.as_str()),
        };
        let Some((_, by)) = WORDS.iter().find(|(known, _)| *known == name) else {
            let known = WORDS.map(|(known, _)| known);
            let message = format!("has `{word}`, which is none of {}", known.join(", "));
            match nearest(name, &known) {
                Some(meant) => params.fault_with_suggestion("sort", "not_allowed", message, meant),
                None => params.fault("sort", "not_allowed", message),
            }
            continue;
        };
        if *by == By::Relevance && (descending || !searched) {
            let message = "can have `relevance` with `q` only, the best match first";
            params.fault("sort", "not_combinable", message);
        } else if steps.iter().any(|step| step.by == *by) {
            params.fault("sort", "repeated", format!("names `{name}` twice"));
        } else {
            steps.push(Step { by: *by, descending });
        }
    }
    if steps.is_empty() && searched {
        steps.push(Step { by: By::Relevance, descending: false });
    }
    steps
}

/// The name in a document. It is found as bytes: no text before it can hold its beginning, since
/// quotes inside texts stand behind backslashes.
fn name(body: &[u8]) -> Option<String> {
    const MEMBER: &[u8] = b",\"name\":";
    let at = memchr::memmem::find(body, MEMBER)? + MEMBER.len();
    let mut values = serde_json::Deserializer::from_slice(body.get(at..)?).into_iter::<String>();
    values.next()?.ok()
}

/// Makes the keys of rows. What is equal in all steps comes by id.
#[derive(Debug)]
pub(super) struct Keys<'a> {
    steps: &'a [Step],
    first: u8,
    words: Words,
}

impl<'a> Keys<'a> {
    /// Keys of an order. All begin with `first`, which belongs to the walk as a whole.
    pub(super) fn new(steps: &'a [Step], first: u8) -> Self {
        Self { steps, first, words: Words::default() }
    }

    /// Writes the key of a row, of the rank that a search gave it.
    pub(super) fn write(&mut self, key: &mut Vec<u8>, row: &Row<'_>, rank: u64) {
        key.clear();
        key.push(self.first);
        for step in self.steps {
            let from = key.len();
            match step.by {
                By::Relevance => key.extend((!rank).to_be_bytes()),
                By::Id => key.extend(row.id().to_be_bytes()),
                By::UpdatedAt => key.extend(ordered(row.updated_at().0)),
                By::Name => {
                    let folded = self.words.of(&name(row.body()).unwrap_or_default()).join(" ");
                    key.extend(folded.bytes().take(NAME_BYTES));
                    key.push(0);
                }
                By::Price => match row.price {
                    Some((price, _)) => key.extend(ordered(price.0)),
                    // What has no price comes last, in either direction.
                    None => {
                        key.extend([0xFF; 9]);
                        continue;
                    }
                },
            }
            if step.descending {
                key.iter_mut().skip(from).for_each(|byte| *byte = !*byte);
            }
            if step.by == By::Price {
                key.insert(from, 0);
            }
        }
        key.extend(row.id().to_be_bytes());
    }
}

/// Bytes that compare as the numbers do.
fn ordered(number: i64) -> [u8; 8] {
    (number ^ i64::MIN).to_be_bytes()
}

/// The id at the end of a key.
pub(super) fn id_of(key: &[u8]) -> Option<u64> {
    let bytes: [u8; 8] = key.get(key.len().checked_sub(8)?..)?.try_into().ok()?;
    Some(u64::from_be_bytes(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_name_is_found_where_it_stands() {
        let body = br#"{"id":"p","sku":"a\",\"name\":\"b","identifiers":[{"type":"EAN","value":"1"}],"name":"L\u00e9 \"x\"","brand":{"id":"b","name":"B"}}"#;
        assert_eq!(name(body).as_deref(), Some("Lé \"x\""));
        assert_eq!(name(b"{}"), None);
    }

    proptest! {
        #[test]
        fn numbers_keep_their_order(a: i64, b: i64) {
            prop_assert_eq!(ordered(a).cmp(&ordered(b)), a.cmp(&b));
        }
    }
}
