//! Whether a value is as the document says.

use reqwest::header::HeaderMap;
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;

/// What answers have that no document says: what is HTTP's own, and what guards browsers.
const NOT_TOLD: [&str; 10] = [
    "connection",
    "content-encoding",
    "content-length",
    "content-security-policy",
    "content-type",
    "date",
    "pragma",
    "referrer-policy",
    "transfer-encoding",
    "x-content-type-options",
];
/// Headers that a document names and an answer may be without: what they say of themselves.
const SOMETIMES: [&str; 9] = [
    "access-control-allow-origin",
    "comptoir-degraded",
    "idempotent-replayed",
    "content-language",
    "link",
    "ratelimit",
    "ratelimit-policy",
    "retry-after",
    "www-authenticate",
];

/// The type of a value in the terms of a schema, `number` for all numbers.
fn type_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

/// Whether the value is one of the words that a schema names, of a type that it names.
fn is_typed(value: &Value, schema: &Value) -> bool {
    if schema["enum"].as_array().is_some_and(|words| !words.contains(value)) {
        return false;
    }
    let named: Vec<&str> = match &schema["type"] {
        Value::String(one) => vec![one],
        Value::Array(several) => several.iter().filter_map(Value::as_str).collect(),
        _ => return true,
    };
    named.iter().any(|name| name.replace("integer", "number") == type_of(value))
}

/// The value has the type that the schema says, all fields that it requires and none that it does
/// not describe, at any depth.
pub(crate) fn conforms(value: &Value, schema: &Value, document: &Value, at: &str) {
    if let Some(reference) = schema["$ref"].as_str() {
        let name = reference.rsplit('/').next().unwrap_or_default();
        return conforms(value, &document["components"]["schemas"][name], document, at);
    }
    assert!(is_typed(value, schema), "{at}: {value} is not of the type documented: {schema}");
    if value.is_null() {
        return;
    }
    if let Some(parts) = schema["allOf"].as_array() {
        return conforms(value, &joined(parts, document), document, at);
    }
    if let Some(choices) = schema["oneOf"].as_array().or(schema["anyOf"].as_array()) {
        let object =
            choices.iter().find(|c| c["type"] != "null").expect("a choice that is not null");
        return conforms(value, object, document, at);
    }
    match value {
        Value::Object(fields) => {
            for name in schema["required"].as_array().into_iter().flatten() {
                let name = name.as_str().unwrap_or_default();
                assert!(fields.contains_key(name), "{at}: no {name}, which is documented");
            }
            // An object of which no field is described may hold any.
            let kind = &schema["type"];
            let is_object = kind == "object" || kind == &serde_json::json!(["object", "null"]);
            let is_open = is_object && schema.get("properties").is_none();
            for (name, field) in fields.iter().filter(|_| !is_open) {
                let described = &schema["properties"][name];
                assert!(described.is_object(), "{at}.{name} is not in the document: {schema}");
                conforms(field, described, document, &format!("{at}.{name}"));
            }
        }
        Value::Array(items) => {
            for item in items {
                conforms(item, &schema["items"], document, &format!("{at}[]"));
            }
        }
        _ => {}
    }
}

/// Schemas of objects that hold together, as one.
fn joined(parts: &[Value], document: &Value) -> Value {
    let (mut properties, mut required) = (Map::new(), Vec::new());
    for part in parts {
        let part = resolved(part, document);
        properties.extend(part["properties"].as_object().cloned().unwrap_or_default());
        required.extend(part["required"].as_array().cloned().unwrap_or_default());
    }
    json!({ "type": "object", "properties": properties, "required": required })
}

/// What stands in a document at a place, behind a reference too.
pub(crate) fn resolved<'a>(value: &'a Value, document: &'a Value) -> &'a Value {
    let pointer = value["$ref"].as_str().and_then(|reference| reference.strip_prefix('#'));
    pointer.map_or(value, |pointer| document.pointer(pointer).expect("a reference leads somewhere"))
}

/// An answer has the headers that the document names for it, but for those that are there sometimes, and no
/// other.
pub(crate) fn tells(headers: &HeaderMap, response: &Value, document: &Value, at: &str) {
    let named = resolved(response, document)["headers"].as_object().cloned().unwrap_or_default();
    let named: BTreeSet<String> = named.keys().map(|name| name.to_lowercase()).collect();
    let sent: BTreeSet<String> = headers.keys().map(|name| name.as_str().to_owned()).collect();
    let untold: Vec<_> = sent.iter().filter(|name| !named.contains(*name)).collect();
    let untold: Vec<_> = untold.iter().filter(|name| !NOT_TOLD.contains(&name.as_str())).collect();
    assert!(untold.is_empty(), "{at}: sent and not in the document: {untold:?}");
    let missing: Vec<_> = named.iter().filter(|name| !sent.contains(*name)).collect();
    let missing: Vec<_> =
        missing.iter().filter(|name| !SOMETIMES.contains(&name.as_str())).collect();
    assert!(missing.is_empty(), "{at}: in the document and not sent: {missing:?}");
}

/// Panics unless a value is as a schema of a document says.
pub(crate) fn documented(value: &Value, document: &str, schema: &str) {
    let found = comptoir::app::openapi::documents().into_iter().find(|d| d.name == document);
    let document: Value = serde_json::from_str(&found.expect("a document").json).expect("JSON");
    let reference = serde_json::json!({ "$ref": format!("#/components/schemas/{schema}") });
    conforms(value, &reference, &document, schema);
}
