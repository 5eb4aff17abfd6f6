//! The order of a list of products: keys of bytes that compare as the products shall come.

use crate::catalog::search::{Hit, Words};
use crate::catalog::view::Row;
use crate::http::Params;
use crate::kernel::word::nearest;

/// Most bytes of a folded name that decide about its place; names that share them come by id.
const NAME_BYTES: usize = 60;
/// Where a document holds its name.
const NAME_MEMBER: &[u8] = b",\"name\":";
/// Bytes of a folded name that tell most names apart.
const ENOUGH: usize = 8;
/// Bytes below which a word is a word, whatever its letters are.
const SHORT: usize = 32;

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
    let at = memchr::memmem::find(body, NAME_MEMBER)? + NAME_MEMBER.len();
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

    /// Writes the key of a row, of the rank that a search gave it, as far as `may_fit` says that what
    /// begins so may be in the page; false where it cannot.
    pub(super) fn write(
        &mut self,
        key: &mut Vec<u8>,
        row: &Row<'_>,
        rank: u64,
        may_fit: impl Fn(&[u8]) -> bool,
    ) -> bool {
        key.clear();
        key.push(self.first);
        for step in self.steps {
            let from = key.len();
            // What has no price comes last, in either direction.
            let mut is_turned = step.descending;
            match step.by {
                By::Relevance => key.extend((!rank).to_be_bytes()),
                By::Id => key.extend(row.id().to_be_bytes()),
                By::UpdatedAt => key.extend(ordered(row.updated_at().0)),
                By::Name => {
                    name_beginning(row.body(), key);
                    turn(key, from, is_turned);
                    if !may_fit(key) {
                        return false;
                    }
                    key.truncate(from);
                    let folded = self.words.of(&name(row.body()).unwrap_or_default()).join(" ");
                    key.extend(folded.bytes().take(NAME_BYTES));
                    key.push(0);
                }
                By::Price => match row.price {
                    Some((price, _)) => key.extend(ordered(price.0)),
                    None => {
                        key.extend([0xFF; 9]);
                        is_turned = false;
                    }
                },
            }
            turn(key, from, is_turned);
            if step.by == By::Price && row.price.is_some() {
                key.insert(from, 0);
            }
            if !may_fit(key) {
                return false;
            }
        }
        key.extend(row.id().to_be_bytes());
        true
    }
}

/// Turns the order of a key's bytes from a place on around.
fn turn(key: &mut [u8], from: usize, is_turned: bool) {
    if is_turned {
        key.iter_mut().skip(from).for_each(|byte| *byte = !*byte);
    }
}

/// Writes how the folded name in a document begins: whole words of plain letters and digits, or as
/// much as takes no look at any other.
fn name_beginning(body: &[u8], key: &mut Vec<u8>) {
    let Some(at) = memchr::memmem::find(body, NAME_MEMBER) else { return };
    let mut rest = body.get(at + NAME_MEMBER.len()..).unwrap_or_default();
    let Some((b'"', text)) = rest.split_first() else { return };
    rest = text;
    let first = key.len();
    while key.len() - first < ENOUGH {
        let length = rest.iter().take_while(|byte| byte.is_ascii_alphanumeric()).count();
        let (word, behind) = rest.split_at(length);
        // An accent, an escape or a word that is too long is left to the words.
        let Some((end, behind)) = behind.split_first() else { return };
        if !end.is_ascii() || *end == b'\\' || length >= SHORT {
            return;
        }
        if length > 0 {
            if key.len() > first {
                key.push(b' ');
            }
            key.extend(word.iter().map(u8::to_ascii_lowercase));
        }
        if *end == b'"' {
            return;
        }
        rest = behind;
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

/// The key of a find in the order of relevance alone, of a walk that keeps to `first`.
pub(super) fn of_hit(first: u8, hit: Hit) -> Vec<u8> {
    let mut key = vec![first];
    key.extend((!hit.rank).to_be_bytes());
    key.extend(hit.id.to_be_bytes());
    key
}

/// What [`of_hit`] made a key of.
pub(super) fn to_hit(key: &[u8]) -> Option<(u8, Hit)> {
    let (first, rest) = key.split_first()?;
    let (rank, id) = rest.split_first_chunk()?;
    let id = id.try_into().ok()?;
    Some((*first, Hit { rank: !u64::from_be_bytes(*rank), id: u64::from_be_bytes(id) }))
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

    #[test]
    fn a_name_begins_as_its_plain_words_do() {
        let begin = |text: &str| {
            let mut key = vec![7];
            name_beginning(&serde_json::to_vec(&Named { id: 1, name: text }).unwrap(), &mut key);
            String::from_utf8(key.split_off(1)).unwrap()
        };
        assert_eq!(begin("  VIS 4x40, Acier"), "vis 4x40");
        assert_eq!(begin("Vis à bois"), "vis");
        assert_eq!(begin("Café"), "");
        assert_eq!(begin("1\" vis"), "");
        assert_eq!(begin(""), "");
    }

    #[derive(serde::Serialize)]
    struct Named<'a> {
        id: u64,
        name: &'a str,
    }

    proptest! {
        #[test]
        fn a_find_is_read_back_from_its_key(first: u8, rank: u64, id: u64) {
            let hit = Hit { rank, id };
            prop_assert_eq!(to_hit(&of_hit(first, hit)), Some((first, hit)));
        }

        #[test]
        fn a_name_begins_with_its_beginning(text in r#"[a-zA-Z0-9 àÉœß½\\"_-]{0,50}"#) {
            let body = serde_json::to_vec(&Named { id: 1, name: &text }).unwrap();
            let mut begin = Vec::new();
            name_beginning(&body, &mut begin);
            let folded = Words::default().of(&text).join(" ") + "\0";
            prop_assert!(folded.as_bytes().starts_with(&begin), "{:?} of {:?}", begin, folded);
        }

        #[test]
        fn numbers_keep_their_order(a: i64, b: i64) {
            prop_assert_eq!(ordered(a).cmp(&ordered(b)), a.cmp(&b));
        }
    }
}
