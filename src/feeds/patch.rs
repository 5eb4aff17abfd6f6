//! Lines that change part of a resource: `{"op":"merge","sku":"1","name":"New"}` is a JSON Merge Patch
//! (RFC 7396) of the line that would say the whole. What it does not name stays, `null` takes away.

use crate::catalog::document::Line;
use crate::catalog::store::document::{self, Resource};
use crate::catalog::{Fault, check, shape};
use crate::kernel::language::LanguageTag;
use crate::storage::{StoreError, Tx};
use hashbrown::HashSet;
use serde::Deserialize;
use serde::de::{DeserializeOwned, Deserializer, Error as _, IgnoredAny, MapAccess, Visitor};
use serde_json::{Map, Value, json};
use std::fmt;

/// The word of such a line.
const MERGE: &str = "merge";

/// Most changes that are made at once, each to a document of up to 256 KiB.
const AT_ONCE: usize = 100;

/// Fields that a feed may give by the retailer's codes, and the field of the document that holds the ids
/// of these. Who names one means the other.
const BY_CODE: [(&str, &str); 6] = [
    ("category_codes", "category_ids"),
    ("parent_code", "parent_id"),
    ("replaced_by_sku", "replaced_by"),
    ("skus", "product_ids"),
    ("brands", "brand_ids"),
    ("store_codes", "store_ids"),
];

/// The field that says who a promotion is for. Without it that is everybody, which nobody says by taking it away.
const AUDIENCE: &str = "audience";

/// A line of a feed of documents.
#[derive(Debug)]
pub(super) enum Told<T> {
    /// It says the whole.
    Whole(Line<T>),
    /// It changes part of what is there.
    Part(Patch),
}

/// What a line changes.
#[derive(Debug)]
pub(super) struct Patch {
    code: String,
    /// The fields as JSON: as a value they may be many times as large.
    fields: String,
}

impl<T: Resource> Told<T> {
    /// The retailer's code of what the line is about.
    pub(super) fn code(&self) -> &str {
        match self {
            Self::Whole(line) => line.code(),
            Self::Part(patch) => &patch.code,
        }
    }
}

/// A row as it is written, which says the whole.
pub(super) trait Written<T>: DeserializeOwned {
    /// The line, or what is wrong with it.
    fn line(self) -> Result<Line<T>, Fault>;
}

/// A line that names each field once.
struct EachOnce;

impl<'de> Visitor<'de> for EachOnce {
    type Value = Self;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut line: A) -> Result<Self, A::Error> {
        let mut named = HashSet::new();
        while let Some((field, IgnoredAny)) = line.next_entry::<String, IgnoredAny>()? {
            if named.contains(&field) {
                return Err(A::Error::custom(format!("duplicate field `{field}`")));
            }
            named.insert(field);
        }
        Ok(self)
    }
}

impl<'de> Deserialize<'de> for EachOnce {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Self)
    }
}

/// The fields of a line that changes a part, or what is wrong with them.
pub(super) fn of_line(line: &str) -> Option<Result<Map<String, Value>, Fault>> {
    // Most lines are none, and need not be read twice.
    if !line.contains(MERGE) {
        return None;
    }
    let fields = of_value(&serde_json::from_str(line).ok()?)?;
    Some(shape::read::<EachOnce>(line).map(|EachOnce| fields))
}

/// The same of a row that is read already.
pub(super) fn of_value(row: &Value) -> Option<Map<String, Value>> {
    row.as_object().filter(|fields| fields.get("op") == Some(&json!(MERGE))).cloned()
}

impl Patch {
    /// What a line changes of a resource that is written as `In`, or what is wrong with the line.
    pub(super) fn checked<T: Resource, In: Written<T>>(
        mut fields: Map<String, Value>,
    ) -> Result<Self, Fault> {
        let code = fields.remove(T::CODE_FIELD);
        fields.remove("op");
        let Some(code) = code.as_ref().and_then(Value::as_str) else {
            let message = "is missing; it says what is changed";
            return Err(Fault::new(T::CODE_FIELD, "", "missing_field", message));
        };
        let code = check::code(T::CODE_FIELD, code)?;
        for field in fields.iter().filter(|(_, value)| value.is_null()).map(|(field, _)| field) {
            // What is taken away is not there to be checked afterwards: a slip would go unnoticed.
            let probe = json!({ T::CODE_FIELD: code, field: null });
            let fault = shape::read_value::<In>(&probe).err();
            if let Some(fault) = fault.filter(|fault| fault.code == "unknown_field") {
                return Err(fault);
            }
            if field == AUDIENCE {
                let message = "cannot be taken away; say who it is for: public, member or personal";
                return Err(Fault::new(AUDIENCE, "null", "not_allowed", message));
            }
        }
        if let Some(Value::Object(texts)) = fields.get_mut("translations") {
            let given = std::mem::take(texts);
            texts.extend(given.into_iter().map(|(tag, text)| (canonical(tag), text)));
        }
        let fields = serde_json::to_string(&fields).map_err(|error| Fault::unwritable(&error))?;
        Ok(Self { code, fields })
    }

    /// The line that says the whole, made of what is there.
    fn of<T: Resource, In: Written<T>>(&self, body: &str) -> Result<Line<T>, Fault> {
        let read =
            |text: &str| serde_json::from_str(text).map_err(|error| Fault::unwritable(&error));
        let mut whole: Value = read(body)?;
        if let Value::Object(fields) = read(&self.fields)? {
            merge(&mut whole, fields);
        }
        shape::read_value::<In>(&whole)?.line()
    }
}

/// A language tag as documents have it.
fn canonical(tag: String) -> String {
    tag.parse::<LanguageTag>().map_or(tag, |tag| tag.to_string())
}

/// RFC 7396, section 2, for an object.
fn merge(target: &mut Value, patch: Map<String, Value>) {
    if !target.is_object() {
        *target = json!({});
    }
    let Some(target) = target.as_object_mut() else { return };
    for (_, by_id) in BY_CODE.iter().filter(|(by_code, _)| patch.contains_key(*by_code)) {
        target.remove(*by_id);
    }
    for (field, value) in patch {
        match value {
            Value::Null => drop(target.remove(&field)),
            Value::Object(inner) => merge(target.entry(field).or_insert(Value::Null), inner),
            other => drop(target.insert(field, other)),
        }
    }
}

/// Rows in runs of which each is stored as a whole: a change waits until what stands before it about the same thing is
/// stored, since that may be refused.
pub(super) fn runs<T: Resource>(rows: Vec<Told<T>>) -> Vec<Vec<Told<T>>> {
    if !rows.iter().any(|row| matches!(row, Told::Part(_))) {
        return vec![rows];
    }
    let (mut runs, mut run) = (Vec::new(), Vec::new());
    let (mut named, mut parts) = (HashSet::new(), 0);
    for row in rows {
        if matches!(row, Told::Part(_)) {
            if parts == AT_ONCE || named.contains(row.code()) {
                runs.push(std::mem::take(&mut run));
                named.clear();
                parts = 0;
            }
            parts += 1;
        }
        named.insert(row.code().to_owned());
        run.push(row);
    }
    runs.push(run);
    runs
}

/// The lines of a run, each change made to what is there.
pub(super) async fn applied<T: Resource, In: Written<T>>(
    tx: &mut Tx,
    run: Vec<Told<T>>,
) -> Result<Vec<Result<Line<T>, Fault>>, StoreError> {
    let parts = run.iter().filter(|row| matches!(row, Told::Part(_)));
    let ids: Vec<String> = parts.map(|row| T::id_of(row.code())).collect();
    let bodies = document::bodies::<T>(tx, &ids).await?;
    let line = |row| match row {
        Told::Whole(line) => Ok(line),
        Told::Part(patch) => match bodies.get(&T::id_of(&patch.code)) {
            Some(body) => patch.of::<T, In>(body),
            None => {
                let message = "names nothing that could be changed; send the whole, without `op`";
                Err(Fault::new(T::CODE_FIELD, &patch.code, T::UNKNOWN, message))
            }
        },
    };
    Ok(run.into_iter().map(line).collect())
}
