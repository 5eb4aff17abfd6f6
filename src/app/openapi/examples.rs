//! Whole answers as examples. Those of the partner API and of registration are answers that the program has
//! given to a small shop (a test asks again and compares); others are put together from the examples of their
//! fields.

use super::headers::Api;
use serde_json::{Map, Value, json};

/// What the program has answered, by operation.
const ANSWERS: &str = include_str!("answers.json");
/// Media type of the answers that have an example.
const JSON: &str = "application/json";
/// An instant in examples.
const INSTANT: &str = "2026-11-22T09:41:07Z";

/// Gives each successful JSON answer of a document a whole example.
pub(super) fn complete(document: &mut Value, api: Api) {
    let given: Value = match api {
        Api::Partner | Api::Registration => serde_json::from_str(ANSWERS).unwrap_or_default(),
        Api::Admin => Value::Null,
    };
    let schemas = document["components"]["schemas"].clone();
    let paths = document["paths"].as_object_mut().into_iter().flatten();
    for (_, methods) in paths {
        for (_, operation) in methods.as_object_mut().into_iter().flatten() {
            let id = operation["operationId"].as_str().unwrap_or_default().to_owned();
            let responses = operation.get_mut("responses").and_then(Value::as_object_mut);
            let good =
                responses.into_iter().flatten().filter(|(status, _)| status.starts_with('2'));
            for (_, response) in good {
                let content = response.get_mut("content").and_then(|types| types.get_mut(JSON));
                let Some(content) = content else { continue };
                let example = match &given[&id] {
                    Value::Null => of(&content["schema"], &schemas, &mut Vec::new()),
                    answer => Some(answer.clone()),
                };
                if let Some(example) = example {
                    content["example"] = example;
                }
            }
        }
    }
}

/// A value of a schema, from the examples in it; `open` names the schemas around it, none of which is begun
/// again.
fn of(schema: &Value, schemas: &Value, open: &mut Vec<String>) -> Option<Value> {
    if let Some(reference) = schema["$ref"].as_str() {
        let name = reference.rsplit('/').next().unwrap_or_default();
        if open.iter().any(|known| known == name) {
            return None;
        }
        open.push(name.to_owned());
        let value = of(&schemas[name], schemas, open);
        open.pop();
        return value;
    }
    if let Some(said) = said(schema) {
        return Some(said);
    }
    for several in ["oneOf", "anyOf"] {
        let choices = schema[several].as_array().into_iter().flatten();
        let mut choices = choices.filter(|choice| choice["type"] != "null");
        if let Some(value) = choices.find_map(|choice| of(choice, schemas, open)) {
            return Some(value);
        }
    }
    if let Some(parts) = schema["allOf"].as_array() {
        let parts: Vec<Value> = parts.iter().filter_map(|part| of(part, schemas, open)).collect();
        let members = parts.into_iter().filter_map(|part| part.as_object().cloned());
        return Some(members.flatten().collect::<Map<_, _>>().into());
    }
    match type_of(schema) {
        "object" => Some(object(schema, schemas, open)),
        "array" => Some(of(&schema["items"], schemas, open).into_iter().collect()),
        "integer" | "number" => Some(number(schema)),
        "boolean" => Some(json!(false)),
        "string" => Some(json!(if schema["format"] == "date-time" { INSTANT } else { "…" })),
        "null" => Some(Value::Null),
        // What may be anything.
        _ => Some(json!({})),
    }
}

/// What a schema says itself of its values.
fn said(schema: &Value) -> Option<Value> {
    let given = schema.get("example").or_else(|| schema["examples"].get(0));
    let only = schema.get("const").or_else(|| schema["enum"].get(0));
    given.or(only).or_else(|| schema.get("default").filter(|value| !value.is_null())).cloned()
}

/// The type that a schema names, the first where it names several.
fn type_of(schema: &Value) -> &str {
    let first = schema["type"].get(0).unwrap_or(&schema["type"]);
    first.as_str().unwrap_or_default()
}

fn object(schema: &Value, schemas: &Value, open: &mut Vec<String>) -> Value {
    let properties = schema["properties"].as_object().into_iter().flatten();
    let members = properties.filter_map(|(name, property)| {
        let value = of(property, schemas, open);
        // What is only there in a deeper one is left out here.
        let must = || schema["required"].as_array().is_some_and(|all| all.contains(&json!(name)));
        let value = value.or_else(|| must().then_some(Value::Null));
        Some((name.clone(), value?))
    });
    let most = schema["maxProperties"].as_u64().map_or(usize::MAX, |most| most as usize);
    Value::Object(members.take(most).collect())
}

fn number(schema: &Value) -> Value {
    let least = schema["minimum"].as_i64().unwrap_or(1).max(1);
    json!(schema["maximum"].as_i64().map_or(least, |most| least.min(most)))
}
