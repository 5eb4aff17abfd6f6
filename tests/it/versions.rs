//! A change of a document against the last released version (`openapi/released/`) breaks no client,
//! or stands under Breaking in the changelog, with the operation and the name of what changed.

mod compare;

use compare::{Break, breaks};
use comptoir::app::openapi::documents;
use serde_json::{Value, json};
use std::fs;
use std::path::{Path, PathBuf};

/// Documents that the last release did not have: there is nothing to compare them with. A release takes its
/// documents into `openapi/released/` and those off this list.
const NEW_SINCE_THE_RELEASE: [&str; 1] = ["registration"];

fn file(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

fn read(path: &str) -> Value {
    let path = file(path);
    let text = fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    serde_norway::from_str(&text).expect("YAML")
}

/// The entries under Breaking of what is not released yet.
fn listed() -> Vec<String> {
    let text = fs::read_to_string(file("CHANGELOG.md")).expect("CHANGELOG.md");
    let unreleased = text.split("\n## ").find(|part| part.starts_with("Unreleased")).unwrap_or("");
    let breaking =
        unreleased.split("\n### ").find(|part| part.starts_with("Breaking")).unwrap_or("");
    let entries = breaking.split("\n- ").skip(1);
    entries.map(|entry| entry.split_whitespace().collect::<Vec<_>>().join(" ")).collect()
}

/// Whether an entry gives leave for a break of a document: it is not about another one alone, names the operation,
/// or speaks of every one, and what changed. A new bound stands in parentheses behind the name that it bounds: "`q` (`maxLength` 200)".
fn allows(entry: &str, document: &str, found: &Break) -> bool {
    let about = [("Partner API", "partner"), ("Admin API", "admin")];
    let about = about.iter().find(|(begins, _)| entry.starts_with(begins));
    if about.is_some_and(|(_, own)| *own != document) {
        return false;
    }
    let says = |word: &str| entry.contains(&format!("`{word}`"));
    if !says(&found.operation) && !entry.contains("every operation") {
        return false;
    }
    let Some(bound) = &found.bound else { return says(&found.name) };
    let bounded = format!("`{}` (", found.name);
    let mut bounds = entry.split(&bounded).skip(1).filter_map(|rest| rest.split(')').next());
    bounds.any(|bounds| bounds.split(", ").any(|one| one == bound))
}

#[test]
fn a_breaking_change_is_in_the_changelog() {
    let entries = listed();
    let mut missing = Vec::new();
    for name in documents().map(|document| document.name) {
        let released = format!("openapi/released/{name}.yaml");
        let is_new = NEW_SINCE_THE_RELEASE.contains(&name);
        assert_ne!(file(&released).exists(), is_new, "{name}: is there a released version or not?");
        if is_new {
            println!("{name}: new since the last release, nothing to be compared with");
            continue;
        }
        for found in breaks(&read(&released), &read(&format!("openapi/{name}.yaml"))) {
            if !entries.iter().any(|entry| allows(entry, name, &found)) {
                let Break { operation, name: changed, what, .. } = found;
                missing.push(format!("{name}: `{changed}` of `{operation}` {what}"));
            }
        }
    }
    assert!(
        missing.is_empty(),
        "these break clients of the last release; undo them, or list them under Breaking in \
         CHANGELOG.md with the names in backquotes:\n{}",
        missing.join("\n")
    );
}

#[test]
fn a_leave_is_for_what_it_names() {
    let found = |operation: &str, name: &str, bound: Option<&str>| Break {
        operation: operation.to_owned(),
        name: name.to_owned(),
        bound: bound.map(str::to_owned),
        what: String::new(),
    };
    let every =
        "Partner API, every operation: `q` (`maxLength` 200, `pattern`), `limit` (`minimum` 1).";
    let one = "`status` of `get_key` may be `quarantined`.";
    for (entry, operation, name, bound, is_allowed) in [
        (every, "list_a", "q", Some("`maxLength` 200"), true),
        (every, "list_b", "q", Some("`pattern`"), true),
        (every, "list_a", "limit", Some("`minimum` 1"), true),
        // Another value, another bound, another parameter.
        (every, "list_a", "q", Some("`maxLength` 20"), false),
        (every, "list_a", "q", Some("`minimum` 1"), false),
        (every, "list_a", "sku", Some("`maxLength` 200"), false),
        (one, "get_key", "status", None, true),
        (one, "list_keys", "status", None, false),
        (one, "get_key", "name", None, false),
        (one, "get_key", "status", Some("`maxLength` 5"), false),
    ] {
        let found = found(operation, name, bound);
        assert_eq!(allows(entry, "partner", &found), is_allowed, "{entry}: {found:?}");
        let of_admin = is_allowed && entry == one;
        assert_eq!(allows(entry, "admin", &found), of_admin, "{entry}: {found:?}");
    }
}

/// A document of one operation.
fn small() -> Value {
    let word = json!({ "type": "string", "enum": ["x", "y"] });
    let object = json!({ "type": "object", "required": ["f"], "properties": { "f": word } });
    json!({
        "paths": { "/a": { "get": {
            "operationId": "list_a", "security": [{ "bearer": [] }],
            "x-cost": { "units": 1.0, "per_records": 10, "at_least": 1.0, "billed_on": ["200"] },
            "x-rate-limit": { "units": 1.0 },
            "parameters": [
                { "name": "p", "in": "query", "required": false, "schema": word },
                { "$ref": "#/components/parameters/Shared" },
            ],
            "requestBody": { "content": { "application/json": { "schema": object } } },
            "responses": {
                "200": {
                    "headers": { "ETag": {}, "Link": {} },
                    "content": {
                        "application/json": { "schema": object },
                        "text/csv": { "schema": { "type": "string" } },
                    },
                },
                "400": { "$ref": "#/components/responses/Problem400" },
            },
        } } },
        "components": { "parameters": { "Shared": { "name": "If-None-Match", "in": "header", "schema": { "type": "string" } } } },
    })
}

/// Sets what stands at a place of a document; nothing takes it out.
fn with(mut document: Value, place: &str, value: Option<Value>) -> Value {
    let (parent, last) = place.rsplit_once('/').expect("a pointer");
    let parent = document.pointer_mut(parent).unwrap_or_else(|| panic!("nothing at {place}"));
    match (parent, value) {
        (Value::Object(members), Some(value)) => {
            members.insert(last.replace("~1", "/"), value);
        }
        (Value::Object(members), None) => {
            members.remove(&last.replace("~1", "/")).expect("what is taken out");
        }
        (Value::Array(entries), Some(value)) if last == "-" => entries.push(value),
        (Value::Array(entries), None) => {
            entries.remove(last.parse().expect("a place"));
        }
        _ => panic!("{place} cannot be set"),
    }
    document
}

/// The names of what breaks between the small document and one in which a place of its operation is another.
fn found(place: &str, value: Option<Value>) -> Vec<String> {
    let new = with(small(), &format!("/paths/~1a/get{place}"), value);
    breaks(&small(), &new).into_iter().map(|found| found.name).collect()
}

const ANSWER: &str = "/responses/200/content/application~1json/schema";
const BODY: &str = "/requestBody/content/application~1json/schema";

#[test]
fn each_kind_of_break_is_seen() {
    let word = json!({ "type": "string", "enum": ["x", "y"] });
    let enumerated = |words: &[&str]| Some(json!(words));
    for (place, value, name) in [
        ("/operationId", Some(json!("list_b")), "operationId"),
        ("/security", Some(json!([{ "other": [] }])), "security"),
        // Parameters: gone, required, new and required, fewer words, each bound.
        ("/parameters/0", None, "p"),
        ("/parameters/1", None, "If-None-Match"),
        ("/parameters/0/required", Some(json!(true)), "p"),
        ("/parameters/-", Some(json!({ "name": "n", "in": "query", "required": true })), "n"),
        ("/parameters/0/schema/enum", enumerated(&["x"]), "p"),
        ("/parameters/0/schema/maxLength", Some(json!(5)), "p"),
        ("/parameters/0/schema/minimum", Some(json!(5)), "p"),
        ("/parameters/0/schema/pattern", Some(json!("^x$")), "p"),
        ("/parameters/0/schema/format", Some(json!("date")), "p"),
        // Bodies: required, fewer words, more that must be there, a form less.
        ("/requestBody/required", Some(json!(true)), "body"),
        (&format!("{BODY}/properties/f/enum"), enumerated(&["x"]), "f"),
        (&format!("{BODY}/properties/f"), None, "f"),
        (&format!("{BODY}/required"), Some(json!(["f", "g"])), "g"),
        ("/requestBody/content/application~1json", None, "application/json"),
        // Answers: gone, more words, less that is there, another type, a form less, a header less, a refusal more.
        ("/responses/200", None, "200"),
        (&format!("{ANSWER}/properties/f/enum"), enumerated(&["x", "y", "z"]), "f"),
        (&format!("{ANSWER}/properties/f/enum"), None, "f"),
        (&format!("{ANSWER}/properties/f/type"), Some(json!(["string", "null"])), "f"),
        (&format!("{ANSWER}/properties/f"), None, "f"),
        (&format!("{ANSWER}/required"), Some(json!([])), "f"),
        (
            &format!("{ANSWER}/properties/f"),
            Some(json!({ "oneOf": [word, { "type": "object" }] })),
            "f",
        ),
        ("/responses/200/content/text~1csv", None, "text/csv"),
        ("/responses/200/headers/ETag", None, "ETag"),
        ("/responses/409", Some(json!({})), "409"),
        // Money.
        ("/x-cost/units", Some(json!(1.5)), "x-cost"),
        ("/x-cost/per_records", Some(json!(5)), "x-cost"),
        ("/x-cost/at_least", Some(json!(2.0)), "x-cost"),
        ("/x-cost/billed_on", Some(json!(["200", "304"])), "x-cost"),
        ("/x-rate-limit/units", Some(json!(2.0)), "x-rate-limit"),
    ] {
        assert_eq!(found(place, value.clone()), [name], "{place}: {value:?}");
    }
    let gone = breaks(&small(), &json!({ "paths": {} }));
    assert_eq!(gone.into_iter().map(|found| found.name).collect::<Vec<_>>(), ["/a"]);
}

#[test]
fn what_breaks_nobody_is_not_seen() {
    assert!(breaks(&small(), &small()).is_empty());
    for (place, value) in [
        ("/security", Some(json!([{ "bearer": [] }, { "basic": [] }]))),
        // The server may take more words, and say fewer.
        ("/parameters/0/schema/enum", Some(json!(["x", "y", "z"]))),
        (&*format!("{ANSWER}/properties/f/enum"), Some(json!(["x"]))),
        (&format!("{BODY}/required"), Some(json!([]))),
        ("/parameters/-", Some(json!({ "name": "n", "in": "query", "required": false }))),
        ("/responses/200/headers/Vary", Some(json!({}))),
        ("/responses/200/content/application~1x-ndjson", Some(json!({}))),
        ("/responses/400", None),
        ("/responses/503", Some(json!({}))),
        ("/x-cost/units", Some(json!(0.5))),
        ("/x-cost/per_records", Some(json!(20))),
        ("/x-cost/billed_on", Some(json!([]))),
    ] {
        assert_eq!(found(place, value.clone()), Vec::<String>::new(), "{place}: {value:?}");
    }
    // A bound that is looser than it was.
    let bounded = with(small(), "/paths/~1a/get/parameters/0/schema/maxLength", Some(json!(5)));
    let looser = with(small(), "/paths/~1a/get/parameters/0/schema/maxLength", Some(json!(9)));
    assert!(breaks(&bounded, &looser).is_empty());
    assert_eq!(breaks(&looser, &bounded).len(), 1);
}
