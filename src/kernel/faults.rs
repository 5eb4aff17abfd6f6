//! All that is wrong with a document, and not only the first of it.
//!
//! A reader stops where it finds something wrong. So that is taken out, or where something is missing, what it
//! is missing in, and the rest is read again. What is wrong only because of what was taken out is not told.

mod text;
mod told;

pub use text::{Unread, read_json};
pub use told::{Told, in_words};

use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use serde_path_to_error::{Path, Segment};
use std::borrow::Cow;
use std::fmt;
use utoipa::ToSchema;

/// Most faults that are looked for.
const MOST: usize = 20;

/// A step on the way to a value in a document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// A member of an object.
    Member(Cow<'static, str>),
    /// An entry of a list.
    Entry(usize),
}

impl Step {
    /// The step to a member.
    #[must_use]
    pub const fn named(name: &'static str) -> Self {
        Self::Member(Cow::Borrowed(name))
    }
}

/// Where a value stands in a document, from the top.
pub type Place = Vec<Step>;

/// Something that is wrong with a document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// Where it stands, or should stand.
    pub place: Place,
    /// What is wrong, in serde's words.
    pub message: String,
}

impl Fault {
    /// What a reader found at a place. A member that is missing, unknown or there twice is pointed at itself.
    pub fn found(path: &Path, error: impl fmt::Display) -> Self {
        let message = error.to_string();
        // The libraries end their messages with the line, which says nothing about a part that was read again.
        let message = message.rsplit_once(" at line ").map_or(&*message, |(said, _)| said);
        let place: Place = path.iter().filter_map(step).collect();
        let place = match Member::of(message) {
            Some(Member { name, .. }) => member_of(place, name),
            None => place,
        };
        Self { place, message: message.to_owned() }
    }

    /// What is wrong, in words for people.
    #[must_use]
    pub fn told(&self) -> Told {
        Told::of(&self.message)
    }

    /// Its place as a JSON Pointer (RFC 6901).
    #[must_use]
    pub fn pointer(&self) -> String {
        let mut pointer = String::new();
        for step in &self.place {
            match step {
                Step::Entry(index) => pointer.push_str(&format!("/{index}")),
                Step::Member(name) => {
                    pointer.push('/');
                    pointer.push_str(&name.replace('~', "~0").replace('/', "~1"));
                }
            }
        }
        pointer
    }
}

fn step(segment: &Segment) -> Option<Step> {
    match segment {
        Segment::Seq { index } => Some(Step::Entry(*index)),
        Segment::Map { key } => Some(Step::Member(Cow::Owned(key.clone()))),
        Segment::Enum { .. } | Segment::Unknown => None,
    }
}

/// The place of a member, where `place` is that of its object or its own.
fn member_of(mut place: Place, name: &str) -> Place {
    let member = Step::Member(Cow::Owned(name.to_owned()));
    if place.last() != Some(&member) {
        place.push(member);
    }
    place
}

/// The member that a message is about.
struct Member<'a> {
    name: &'a str,
    is_missing: bool,
}

impl<'a> Member<'a> {
    fn of(message: &'a str) -> Option<Self> {
        let name = message.split('`').nth(1)?;
        let is_missing = message.starts_with("missing field");
        let is_there =
            message.starts_with("unknown field") || message.starts_with("duplicate field");
        (is_missing || is_there).then_some(Self { name, is_missing })
    }
}

/// The JSON Schema of a type, with those that it refers to in `$defs`.
#[must_use]
pub fn schema<T: ToSchema>() -> Value {
    let mut named = Vec::new();
    T::schemas(&mut named);
    let named: Map<String, Value> = named
        .into_iter()
        .map(|(name, schema)| (name, serde_json::to_value(schema).unwrap_or_default()))
        .collect();
    let mut schema = serde_json::to_value(T::schema()).unwrap_or_default();
    schema["$defs"] = Value::Object(named);
    let text = schema.to_string().replace("#/components/schemas/", "#/$defs/");
    serde_json::from_str(&text).unwrap_or_default()
}

/// What is wrong with a document that should be a `T`, up to 20 faults. `schema` says which members are missing
/// beside the first one.
pub fn faults<T: DeserializeOwned>(document: Value, schema: impl Fn() -> Value) -> Vec<Fault> {
    let mut search =
        Search { document, schema: None, moved: Vec::new(), taken: Vec::new(), faults: Vec::new() };
    while search.faults.len() < MOST && search.look::<T>(&schema) {}
    search.faults.truncate(MOST);
    search.faults
}

struct Search {
    /// What is left of the document.
    document: Value,
    schema: Option<Value>,
    /// Entries that were taken out of lists: the list as it stood then, and the entry.
    moved: Vec<(Place, usize)>,
    /// Places of all that was taken out, as they are in the whole document.
    taken: Vec<Place>,
    faults: Vec<Fault>,
}

impl Search {
    /// Reads what is left; whether something was wrong and could be taken out.
    fn look<T: DeserializeOwned>(&mut self, schema: &impl Fn() -> Value) -> bool {
        let read: Result<T, _> = serde_path_to_error::deserialize(&self.document);
        let Err(error) = read else { return false };
        let fault = Fault::found(error.path(), error.inner());
        if Member::of(&fault.message).is_some_and(|member| member.is_missing) {
            let mut object = fault.place.clone();
            object.pop();
            self.missing(fault, &object, schema);
            return self.take(object);
        }
        let place = fault.place.clone();
        let whole = self.whole(&place);
        if !self.taken.iter().any(|taken| taken.starts_with(&whole)) {
            self.faults.push(Fault { place: whole, ..fault });
        }
        self.take(place)
    }

    /// Notes all that is missing in an object.
    fn missing(&mut self, first: Fault, object: &[Step], schema: &impl Fn() -> Value) {
        let schema = self.schema.get_or_insert_with(schema);
        let mut all = required(schema, object).unwrap_or_default();
        let there = at(&self.document, object).and_then(Value::as_object);
        all.retain(|name| there.is_none_or(|there| !there.contains_key(name)));
        // What may stand in its place was there, and wrong.
        let mut named = first.message.split('`').skip(1).step_by(2);
        let is_told =
            named.any(|name| self.taken.contains(&self.whole(&member_of(object.to_vec(), name))));
        let first_name = first.place.last().cloned();
        let others = all.into_iter().map(|name| {
            let message = format!("missing field `{name}`");
            Fault { place: member_of(object.to_vec(), &name), message }
        });
        let others: Vec<Fault> =
            others.filter(|it| it.place.last() != first_name.as_ref()).collect();
        for fault in (!is_told).then_some(first).into_iter().chain(others) {
            let place = self.whole(&fault.place);
            if !self.taken.contains(&place) {
                self.faults.push(Fault { place, ..fault });
            }
        }
    }

    /// A place as it is in the whole document.
    fn whole(&self, place: &[Step]) -> Place {
        let mut place = place.to_vec();
        for (list, entry) in self.moved.iter().rev() {
            if place.starts_with(list)
                && let Some(Step::Entry(index)) = place.get_mut(list.len())
                && *index >= *entry
            {
                *index += 1;
            }
        }
        place
    }

    /// Takes a value out, or where there is none, the next one around it; false where that is all.
    fn take(&mut self, mut place: Place) -> bool {
        while let Some(last) = place.pop() {
            let whole = self.whole(&[&place[..], std::slice::from_ref(&last)].concat());
            match (at_mut(&mut self.document, &place), last) {
                (Some(Value::Object(members)), Step::Member(name))
                    if members.contains_key(&*name) =>
                {
                    members.remove(&*name);
                    self.taken.push(whole);
                    return true;
                }
                (Some(Value::Array(entries)), Step::Entry(index)) if index < entries.len() => {
                    entries.remove(index);
                    self.taken.push(whole);
                    self.moved.push((place, index));
                    return true;
                }
                _ => {}
            }
        }
        false
    }
}

fn at<'a>(document: &'a Value, place: &[Step]) -> Option<&'a Value> {
    place.iter().try_fold(document, |value, step| match step {
        Step::Member(name) => value.get(&**name),
        Step::Entry(index) => value.get(index),
    })
}

fn at_mut<'a>(document: &'a mut Value, place: &[Step]) -> Option<&'a mut Value> {
    place.iter().try_fold(document, |value, step| match step {
        Step::Member(name) => value.get_mut(&**name),
        Step::Entry(index) => value.get_mut(index),
    })
}

/// The members that an object at a place must have, as far as the schema says so without alternatives.
fn required(schema: &Value, place: &[Step]) -> Option<Vec<String>> {
    let found = place.iter().try_fold(resolved(schema, schema)?, |of, step| {
        let below = match step {
            Step::Member(name) => of
                .get("properties")
                .and_then(|all| all.get(&**name))
                .or_else(|| of.get("additionalProperties")),
            Step::Entry(_) => of.get("items"),
        };
        resolved(schema, below?)
    })?;
    let names = found.get("required")?.as_array()?.iter();
    Some(names.filter_map(|name| name.as_str().map(str::to_owned)).collect())
}

/// A schema itself, where it is a reference or can also be null; none where it has alternatives.
fn resolved<'a>(root: &'a Value, schema: &'a Value) -> Option<&'a Value> {
    if let Some(name) = schema.get("$ref").and_then(Value::as_str) {
        return resolved(root, root.get("$defs")?.get(name.strip_prefix("#/$defs/")?)?);
    }
    let ways = ["oneOf", "anyOf", "allOf"].iter().find_map(|word| schema.get(word)?.as_array());
    let Some(ways) = ways else { return Some(schema) };
    let mut ways =
        ways.iter().filter(|way| way.get("type").and_then(Value::as_str) != Some("null"));
    match (ways.next(), ways.next()) {
        (Some(only), None) => resolved(root, only),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::Object;
    use proptest::prelude::*;
    use serde::Deserialize;
    use serde_json::json;

    #[derive(Debug, Deserialize, ToSchema)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "only what reading refuses is looked at")]
    struct Shop {
        name: String,
        city: String,
        #[serde(default)]
        shelves: Vec<Shelf>,
        #[serde(default)]
        owner: Option<Owner>,
    }

    #[derive(Debug, Deserialize, ToSchema)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "only what reading refuses is looked at")]
    struct Shelf {
        size: u8,
        height: u8,
    }

    #[derive(Debug, Deserialize, ToSchema)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "only what reading refuses is looked at")]
    struct Owner {
        first: String,
        last: String,
    }

    fn pointers(document: Value) -> Vec<String> {
        faults::<Object<Shop>>(document, schema::<Shop>).iter().map(Fault::pointer).collect()
    }

    #[test]
    fn every_fault_is_found_where_it_stands() {
        let right = json!({ "name": "a", "city": "b", "shelves": [{ "size": 1, "height": 1 }] });
        assert!(pointers(right).is_empty());
        assert_eq!(pointers(json!({})), ["/name", "/city"]);
        assert_eq!(pointers(json!([])), [""]);
        let shelf = |size: Value| json!({ "size": size, "height": 1 });
        let document = json!({
            "name": 5, "colour": 1, "owner": { "first": 1 },
            "shelves": [shelf(json!(300)), shelf(json!(1)), {}, shelf(json!("x")), { "size": 1, "deep": 2 }],
        });
        let mut found = pointers(document);
        found.sort_unstable();
        assert_eq!(
            found,
            [
                "/city",
                "/colour",
                "/name",
                "/owner/first",
                "/owner/last",
                "/shelves/0/size",
                "/shelves/2/height",
                "/shelves/2/size",
                "/shelves/3/size",
                "/shelves/4/deep",
                "/shelves/4/height",
            ]
        );
    }

    #[test]
    fn there_are_no_more_faults_than_a_reader_wants() {
        let shelves: Vec<Value> =
            (0..1_000).map(|n| json!({ "size": n + 300, "height": 1 })).collect();
        assert_eq!(pointers(json!({ "name": "a", "city": "b", "shelves": shelves })).len(), MOST);
    }

    fn documents() -> impl Strategy<Value = Value> {
        let name = prop_oneof![
            Just("name"),
            Just("city"),
            Just("shelves"),
            Just("owner"),
            Just("size"),
            Just("first"),
            Just("x/~")
        ];
        let leaf =
            prop_oneof![any::<u16>().prop_map(Value::from), Just(Value::Null), Just(json!("a"))];
        leaf.prop_recursive(4, 40, 5, move |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::Array),
                prop::collection::vec((name.clone(), inner), 0..5).prop_map(|members| {
                    Value::Object(
                        members.into_iter().map(|(name, it)| (name.to_owned(), it)).collect(),
                    )
                }),
            ]
        })
    }

    proptest! {
        #[test]
        fn a_document_has_faults_exactly_where_it_cannot_be_read(document in documents()) {
            let reads = serde_json::from_value::<Object<Shop>>(document.clone()).is_ok();
            let found = faults::<Object<Shop>>(document.clone(), schema::<Shop>);
            prop_assert_eq!(reads, found.is_empty(), "{}", document);
            for fault in &found {
                let (last, above) = fault.place.split_last().map_or((None, &[][..]), |(l, a)| (Some(l), a));
                let there = at(&document, &fault.place).is_some();
                prop_assert!(there || (last.is_some() && at(&document, above).is_some()), "{:?}", fault);
            }
        }
    }
}
