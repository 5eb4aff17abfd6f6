//! `fields`: the parts of a resource that a caller wants, cut out of its finished JSON.
//!
//! Resources are kept as bytes. A projection walks those bytes and copies what was asked for, in the
//! document's own order and spelling: what is absent stays absent, what is null stays null.

use crate::kernel::word::nearest;
use std::collections::BTreeMap;
use utoipa::openapi::schema::{ArrayItems, Schema};
use utoipa::openapi::{Ref, RefOr};
use utoipa::{PartialSchema, ToSchema};

/// Most fields that one call may name.
pub const MOST_FIELDS: usize = 100;
/// Stands for any name in a path.
const ANY: &str = "*";
/// Levels of a schema that are known by name; documents are flatter.
const DEEPEST: usize = 8;

/// The field names of a documented resource, with the names below each.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Known(BTreeMap<String, Known>);

impl Known {
    /// The names in the schema of `T`.
    #[must_use]
    pub fn of<T: ToSchema + PartialSchema>() -> Self {
        let mut schemas = Vec::new();
        T::schemas(&mut schemas);
        let named = schemas.into_iter().collect();
        names(&T::schema(), &named, DEEPEST)
    }

    /// The same with another resource, or a list of them, under a name.
    #[must_use]
    pub fn with(mut self, name: &str, below: Self) -> Self {
        self.0.insert(name.to_owned(), below);
        self
    }
}

fn names(schema: &RefOr<Schema>, named: &BTreeMap<String, RefOr<Schema>>, levels: usize) -> Known {
    let below = |schema: &RefOr<Schema>| match levels.checked_sub(1) {
        Some(levels) => names(schema, named, levels),
        None => Known::default(),
    };
    let all = |schemas: &[RefOr<Schema>]| {
        Known(schemas.iter().flat_map(|schema| below(schema).0).collect())
    };
    match schema {
        RefOr::Ref(Ref { ref_location, .. }) => {
            let name = ref_location.rsplit('/').next().unwrap_or_default();
            named.get(name).map(below).unwrap_or_default()
        }
        RefOr::T(Schema::Object(object)) => {
            let fields = object.properties.iter();
            Known(fields.map(|(name, schema)| (name.clone(), below(schema))).collect())
        }
        RefOr::T(Schema::Array(array)) => match &array.items {
            ArrayItems::RefOrSchema(items) => below(items),
            ArrayItems::False => Known::default(),
        },
        RefOr::T(Schema::OneOf(one)) => all(&one.items),
        RefOr::T(Schema::AllOf(every)) => all(&every.items),
        RefOr::T(Schema::AnyOf(any)) => all(&any.items),
        RefOr::T(_) => Known::default(),
    }
}

/// Why a list of fields is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// What kind of fault.
    pub code: &'static str,
    /// What is wrong, as the end of "`fields` …".
    pub message: String,
    /// The name that was probably meant.
    pub suggestion: Option<String>,
}

/// The fields that a caller asked for. No names below one are all names below it.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Fields(BTreeMap<String, Fields>);

impl Fields {
    /// Reads names joined by commas, dots leading inwards: `id,brand.name`.
    pub fn parse(text: &str, known: &Known) -> Result<Self, Refused> {
        let paths: Vec<&str> = text.split(',').map(str::trim).collect();
        if paths.len() > MOST_FIELDS {
            let message = format!("takes at most {MOST_FIELDS} names, not {}", paths.len());
            return Err(Refused { code: "too_many", message, suggestion: None });
        }
        let mut fields = Self::default();
        for path in paths {
            check(path, known)?;
            fields.add(path.split('.'));
        }
        Ok(fields)
    }

    /// The fields at some paths, dots leading inwards; `*` stands for any name that is not named beside it.
    #[must_use]
    pub fn of_paths<T: AsRef<str>>(paths: impl IntoIterator<Item = T>) -> Self {
        let mut fields = Self::default();
        paths.into_iter().for_each(|path| fields.add(path.as_ref().split('.')));
        fields
    }

    /// These fields below a name, with others whole beside it.
    #[must_use]
    pub fn below(self, name: &str, beside: &[&str]) -> Self {
        let beside = beside.iter().map(|name| ((*name).to_owned(), Self::default()));
        Self(beside.chain([(name.to_owned(), self)]).collect())
    }

    /// Adds a path. A name that is asked for whole stays whole, whatever else is asked below it.
    fn add<'a>(&mut self, mut path: impl Iterator<Item = &'a str>) {
        let mut at = self;
        let Some(mut name) = path.next() else { return };
        for next in path {
            let fresh = !at.0.contains_key(name);
            let below = at.0.entry(name.to_owned()).or_default();
            if !fresh && below.0.is_empty() {
                return;
            }
            (at, name) = (below, next);
        }
        at.0.insert(name.to_owned(), Self::default());
    }

    /// The same with another field at every level that is cut, for who needs it behind the cut.
    #[must_use]
    pub fn with_everywhere(mut self, name: &str) -> Self {
        if !self.0.is_empty() {
            let inner = std::mem::take(&mut self.0).into_iter();
            self.0 = inner.map(|(field, below)| (field, below.with_everywhere(name))).collect();
            self.0.insert(name.to_owned(), Self::default());
        }
        self
    }

    /// Whether the field, or something below it, was asked for.
    #[must_use]
    pub fn names(&self, field: &str) -> bool {
        self.0.contains_key(field)
    }

    /// Whether what stands at a path is asked for, or something below it.
    #[must_use]
    pub fn take<T: AsRef<str>>(&self, path: &[T]) -> bool {
        let mut at = self;
        for name in path {
            match at.0.get(name.as_ref()) {
                None => return false,
                Some(below) if below.0.is_empty() => return true,
                Some(below) => at = below,
            }
        }
        true
    }

    /// A document with nothing but these fields. One that is no JSON comes back as it was.
    #[must_use]
    pub fn project(&self, document: &[u8]) -> Vec<u8> {
        let mut out = Vec::with_capacity(document.len() / 2);
        let mut scan = Scan { json: document, at: 0 };
        match scan.copy(self, &mut out) {
            Some(()) => out,
            None => document.to_vec(),
        }
    }
}

/// Whether a path leads somewhere in the documented resource.
fn check(path: &str, known: &Known) -> Result<(), Refused> {
    let mut at = known;
    let mut before = String::new();
    for name in path.split('.') {
        let Some(below) = at.0.get(name) else {
            let names: Vec<&str> = at.0.keys().map(String::as_str).collect();
            let shown: String = path.chars().take(100).collect();
            let message = match (names.as_slice(), before.trim_end_matches('.')) {
                ([], inside) => format!("has `{shown}`, but `{inside}` has no fields below it"),
                (names, "") => format!("has `{shown}`; there are {}", names.join(", ")),
                (names, inside) => {
                    format!("has `{shown}`; below `{inside}` there are {}", names.join(", "))
                }
            };
            let suggestion = nearest(name, &names).map(|name| format!("{before}{name}"));
            return Err(Refused { code: "unknown_field", message, suggestion });
        };
        before = format!("{before}{name}.");
        at = below;
    }
    Ok(())
}

/// The top-level members of an object as their raw JSON, in order.
#[must_use]
pub fn members(document: &[u8]) -> Option<Vec<(&[u8], &[u8])>> {
    let mut scan = Scan { json: document, at: 0 };
    let mut found = Vec::new();
    scan.object(|name, value, _| {
        let from = value.at;
        value.skip()?;
        found.push((name, value.json.get(from..value.at)?));
        Some(())
    })?;
    Some(found)
}

/// The entries of an array as their raw JSON, in order.
#[must_use]
pub fn elements(document: &[u8]) -> Option<Vec<&[u8]>> {
    let mut scan = Scan { json: document, at: 0 };
    let mut found = Vec::new();
    scan.take(b'[')?;
    while scan.peek()? != b']' {
        if !found.is_empty() {
            scan.take(b',')?;
            scan.peek()?;
        }
        let from = scan.at;
        scan.skip()?;
        found.push(document.get(from..scan.at)?);
    }
    Some(found)
}

/// A walk over JSON that was valid when it was stored; `None` where it is not.
struct Scan<'a> {
    json: &'a [u8],
    at: usize,
}

impl<'a> Scan<'a> {
    /// The next byte that is no white space.
    fn peek(&mut self) -> Option<u8> {
        while self.json.get(self.at)?.is_ascii_whitespace() {
            self.at += 1;
        }
        self.json.get(self.at).copied()
    }

    fn take(&mut self, byte: u8) -> Option<()> {
        (self.peek()? == byte).then(|| self.at += 1)
    }

    /// What stands between the quotes, escapes as they are.
    fn string(&mut self) -> Option<&'a [u8]> {
        self.take(b'"')?;
        let from = self.at;
        loop {
            match self.json.get(self.at)? {
                b'"' => break,
                b'\\' => self.at += 2,
                _ => self.at += 1,
            }
        }
        self.at += 1;
        self.json.get(from..self.at - 1)
    }

    /// Calls `each` at the value of every member of an object; `each` has to move behind it.
    fn object(
        &mut self,
        mut each: impl FnMut(&'a [u8], &mut Self, usize) -> Option<()>,
    ) -> Option<()> {
        self.take(b'{')?;
        if self.peek()? == b'}' {
            return self.take(b'}');
        }
        for nth in 0.. {
            let name = self.string()?;
            self.take(b':')?;
            self.peek()?;
            each(name, self, nth)?;
            match self.peek()? {
                b',' => self.take(b',')?,
                _ => return self.take(b'}'),
            }
            self.peek()?;
        }
        None
    }

    /// Moves behind a value, however deep it is, without recursion.
    fn skip(&mut self) -> Option<()> {
        let mut depth = 0usize;
        loop {
            match self.peek()? {
                b'"' => {
                    self.string()?;
                }
                b'{' | b'[' => {
                    depth += 1;
                    self.at += 1;
                    continue;
                }
                b'}' | b']' => {
                    depth = depth.checked_sub(1)?;
                    self.at += 1;
                }
                b',' | b':' if depth > 0 => {
                    self.at += 1;
                    continue;
                }
                _ => {
                    let from = self.at;
                    while self.json.get(self.at).is_some_and(|b| {
                        b.is_ascii_alphanumeric() || matches!(b, b'+' | b'-' | b'.')
                    }) {
                        self.at += 1;
                    }
                    if self.at == from {
                        return None;
                    }
                }
            }
            if depth == 0 {
                return Some(());
            }
        }
    }

    /// Copies a value cut down to `fields`. Recursion is as deep as `fields`, not as the document;
    /// arrays of arrays, which no resource has, are copied whole.
    fn copy(&mut self, fields: &Fields, out: &mut Vec<u8>) -> Option<()> {
        let first = self.peek()?;
        if fields.0.is_empty() || !matches!(first, b'{' | b'[') {
            return self.copy_whole(out);
        }
        if first == b'{' {
            return self.copy_object(fields, out);
        }
        self.take(b'[')?;
        out.push(b'[');
        while self.peek()? != b']' {
            match self.peek()? {
                b',' => {
                    self.take(b',')?;
                    out.push(b',');
                }
                b'{' => self.copy_object(fields, out)?,
                _ => self.copy_whole(out)?,
            }
        }
        out.push(b']');
        self.take(b']')
    }

    fn copy_whole(&mut self, out: &mut Vec<u8>) -> Option<()> {
        self.peek()?;
        let from = self.at;
        self.skip()?;
        out.extend_from_slice(self.json.get(from..self.at)?);
        Some(())
    }

    fn copy_object(&mut self, fields: &Fields, out: &mut Vec<u8>) -> Option<()> {
        out.push(b'{');
        let start = out.len();
        self.object(|name, scan, _| {
            let named = std::str::from_utf8(name).ok().and_then(|name| fields.0.get(name));
            let below = named.or_else(|| fields.0.get(ANY));
            let Some(below) = below else { return scan.skip() };
            if out.len() > start {
                out.push(b',');
            }
            out.push(b'"');
            out.extend_from_slice(name);
            out.extend_from_slice(b"\":");
            scan.copy(below, out)
        })?;
        out.push(b'}');
        Some(())
    }
}

#[cfg(test)]
#[path = "fields_tests.rs"]
mod tests;
