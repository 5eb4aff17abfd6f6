//! The forms in which answers come beside JSON, as media types of their responses.

use crate::http::{form, linked};
use serde_json::{Value, json};

/// Resources that come as JSON-LD too.
const LINKED: [&str; 4] = ["ProductOut", "CategoryOut", "StoreOut", "PromotionOut"];
/// Other answers whose texts are chosen by language.
const WITH_TEXTS: [&str; 3] = ["SuggestionsOut", "TreeOut", "LookupOut"];
/// What JSON-LD adds to a document, as a schema.
const LINKED_SCHEMA: &str = "LinkedOut";
/// Most characters of a file or of the lines of a page: as many as every JSON parser reads exactly.
const LONGEST: u64 = (1 << 53) - 1;

/// The forms of an answer by the name of its schema, and whether its texts are chosen by language.
fn of(schema: &str) -> (&'static [&'static str], bool) {
    match schema {
        // Who holds a copy needs every language.
        "PageOfChanges" => (&[form::NDJSON], false),
        // Rows have no texts of the retailer.
        "PageOfEvents" | "UsageOut" => (&[form::NDJSON, form::CSV], false),
        "StatementOut" => (&[form::CSV, form::HTML], false),
        page if page.starts_with("PageOf") => {
            (&[linked::MEDIA_TYPE, form::NDJSON, form::CSV], true)
        }
        one if LINKED.contains(&one) => (&[linked::MEDIA_TYPE], true),
        other => (&[], WITH_TEXTS.contains(&other)),
    }
}

/// Adds to an operation of the partner API the media types that it answers with beside JSON, and that it says
/// in which languages its texts are. Files are as long as they are.
pub(super) fn offer(operation: &mut Value) {
    let name = operation
        .pointer("/responses/200/content/application~1json/schema/$ref")
        .and_then(Value::as_str)
        .and_then(|reference| reference.rsplit('/').next())
        .unwrap_or_default()
        .to_owned();
    let (forms, has_texts) = of(&name);
    for form in forms {
        operation["responses"]["200"]["content"][form] = content(form, &name);
    }
    if has_texts {
        operation["responses"]["200"]["headers"]["Content-Language"] =
            json!({ "$ref": "#/components/headers/Content-Language" });
    }
    for status in ["200", "206"] {
        let content = operation["responses"].get_mut(status).and_then(|it| it.get_mut("content"));
        let types = content.and_then(Value::as_object_mut).into_iter().flatten();
        for (_, file) in types.filter(|(_, file)| file["schema"]["type"] == "string") {
            file["schema"]["maxLength"] = json!(LONGEST);
        }
    }
}

fn content(form: &str, name: &str) -> Value {
    let lines =
        |description: &str| json!({ "schema": { "type": "string", "description": description } });
    match form {
        form::NDJSON => lines("A line of JSON for each of the `items`."),
        form::HTML => lines("A page to be printed, with nothing to be loaded or run."),
        form::CSV if name == "StatementOut" => {
            lines("A line of column names, then a row for each of the `lines` (RFC 4180).")
        }
        form::CSV => {
            lines("A line of column names, then a row for each of the `items` (RFC 4180).")
        }
        _ => json!({ "schema": { "allOf": [
            { "$ref": format!("#/components/schemas/{name}") },
            { "$ref": format!("#/components/schemas/{LINKED_SCHEMA}") },
        ] } }),
    }
}

/// Adds to a document the schema of what JSON-LD adds to documents, and to the hours of a store.
pub(super) fn describe(document: &mut Value) {
    for name in ["valid_from", "valid_through"] {
        document["components"]["schemas"]["SpecialHours"]["properties"][name] = json!({
            "type": "string", "format": "date", "example": "2026-12-25",
            "description": "In JSON-LD alone, the `date` again: schema.org says between which dates hours are.",
        });
    }
    document["components"]["schemas"][LINKED_SCHEMA] = json!({
        "type": "object",
        "description": "What JSON-LD adds to a document. What is inside it has an `@type` too.",
        "required": ["@context", "@type"],
        "properties": {
            "@context": { "type": "string", "description": "What the words mean, in those of schema.org and GS1.", "example": linked::CONTEXT_PATH },
            "@type": { "type": "string", "description": "What it is: of a page `ItemList`, otherwise the resource.", "example": "Product" },
        },
    });
}
