//! Lines that change part of a resource: `{"op":"merge","sku":"1","name":"New"}` is a JSON Merge Patch
//! (RFC 7396) of the line that would say the whole. What it does not name stays, `null` takes away.

use crate::catalog::document::Line;
use crate::catalog::store::document::{self, Resource};
use crate::catalog::{Fault, check, shape};
use crate::kernel::Micros;
use crate::storage::{StoreError, Tx};
use hashbrown::HashMap;
use hashbrown::hash_map::Entry;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

/// The word of such a line.
const MERGE: &str = "merge";

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
    fields: Map<String, Value>,
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

/// A row as it is written, which says the whole or changes a part.
pub(super) trait Written<T>: DeserializeOwned {
    /// The line, or what is wrong with it.
    fn line(self) -> Result<Line<T>, Fault>;
}

/// The fields of a line that changes a part.
pub(super) fn of_line(line: &str) -> Option<Map<String, Value>> {
    // Most lines are none, and need not be read twice.
    if !line.contains(MERGE) {
        return None;
    }
    serde_json::from_str::<Value>(line).ok().and_then(|value| of_value(&value))
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
        }
        Ok(Self { code, fields })
    }

    /// The line that says the whole, made of what is there.
    fn of<T: Resource, In: Written<T>>(&self, mut whole: Value) -> Result<Line<T>, Fault> {
        merge(&mut whole, &self.fields);
        shape::read_value::<In>(&whole)?.line()
    }
}

/// RFC 7396, section 2, for an object.
fn merge(target: &mut Value, patch: &Map<String, Value>) {
    if !target.is_object() {
        *target = json!({});
    }
    let Some(target) = target.as_object_mut() else { return };
    for (field, value) in patch {
        if let Some((_, by_id)) = BY_CODE.iter().find(|(by_code, _)| by_code == field) {
            target.remove(*by_id);
        }
        match value {
            Value::Null => drop(target.remove(field)),
            Value::Object(inner) => {
                merge(target.entry(field.as_str()).or_insert(Value::Null), inner);
            }
            other => drop(target.insert(field.clone(), other.clone())),
        }
    }
}

/// The lines of a batch, each change made to what stands before it: in the batch, or in the table.
pub(super) async fn applied<T: Resource, In: Written<T>>(
    tx: &mut Tx,
    rows: Vec<Told<T>>,
) -> Result<Vec<Result<Line<T>, Fault>>, StoreError> {
    let parts = rows.iter().filter(|row| matches!(row, Told::Part(_)));
    let mut ids: Vec<String> = parts.map(|row| T::id_of(row.code())).collect();
    ids.sort_unstable();
    ids.dedup();
    let mut bodies: HashMap<String, Option<Value>> =
        ids.iter().map(|id| (id.clone(), None)).collect();
    bodies.extend(document::bodies::<T>(tx, &ids).await?);
    let line = |row| match row {
        Told::Whole(line) => {
            if let Entry::Occupied(mut body) = bodies.entry(T::id_of(line.code())) {
                body.insert(body_of(&line));
            }
            Ok(line)
        }
        Told::Part(patch) => {
            let id = T::id_of(&patch.code);
            let Some(whole) = bodies.get(&id).cloned().flatten() else {
                let message = "names nothing that could be changed; send the whole, without `op`";
                return Err(Fault::new(T::CODE_FIELD, &patch.code, T::UNKNOWN, message));
            };
            let line = patch.of::<T, In>(whole)?;
            bodies.insert(id, body_of(&line));
            Ok(line)
        }
    };
    Ok(rows.into_iter().map(line).collect())
}

/// What is there after a line.
fn body_of<T: Resource>(line: &Line<T>) -> Option<Value> {
    match line {
        Line::Put(resource) => serde_json::from_str(&resource.document().body(Micros(0), 0)).ok(),
        Line::Delete(_) => None,
    }
}
