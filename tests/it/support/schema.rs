//! Whether a value is as the document says.

use serde_json::Value;

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

/// Panics unless a value is as a schema of a document says.
pub(crate) fn documented(value: &Value, document: &str, schema: &str) {
    let found = comptoir::app::openapi::documents().into_iter().find(|d| d.name == document);
    let document: Value = serde_json::from_str(&found.expect("a document").json).expect("JSON");
    let reference = serde_json::json!({ "$ref": format!("#/components/schemas/{schema}") });
    conforms(value, &reference, &document, schema);
}
