//! A change of a document against the last released version (`openapi/released/`) breaks no client,
//! or stands under Breaking in the changelog, with the operation and the name of what changed.

use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

/// What would break a client: the operation, the name of what changed, what happened to it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Break {
    operation: String,
    name: String,
    what: String,
}

/// Two versions of a document, and what was found between them.
struct Comparison<'a> {
    old: &'a Value,
    new: &'a Value,
    operation: String,
    found: BTreeSet<Break>,
    /// Pairs of named schemas under way, for those that contain themselves.
    open: Vec<(String, String)>,
}

/// Which way a value travels: what is wider for one side is narrower for the other.
#[derive(Clone, Copy, PartialEq)]
enum Way {
    ToServer,
    ToClient,
}

fn read(path: &str) -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    let text = fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    serde_norway::from_str(&text).expect("YAML")
}

fn resolved<'a>(schema: &'a Value, document: &'a Value) -> &'a Value {
    match schema["$ref"].as_str().and_then(|r| r.strip_prefix('#')) {
        Some(pointer) => document.pointer(pointer).unwrap_or(&Value::Null),
        None => schema,
    }
}

fn strings(value: &Value) -> BTreeSet<String> {
    match value {
        Value::Array(several) => {
            several.iter().map(|v| v.as_str().map_or(v.to_string(), str::to_owned)).collect()
        }
        Value::String(one) => BTreeSet::from([one.clone()]),
        _ => BTreeSet::new(),
    }
}

fn keys(value: &Value) -> BTreeSet<String> {
    value.as_object().into_iter().flatten().map(|(key, _)| key.clone()).collect()
}

impl Comparison<'_> {
    fn note(&mut self, name: &str, what: impl Into<String>) {
        let (operation, name) = (self.operation.clone(), name.to_owned());
        self.found.insert(Break { operation, name, what: what.into() });
    }

    fn all(&mut self) {
        for (path, methods) in self.old["paths"].as_object().into_iter().flatten() {
            for (method, old) in methods.as_object().into_iter().flatten() {
                old["operationId"].as_str().unwrap_or_default().clone_into(&mut self.operation);
                let new = &self.new["paths"][path][method];
                if new.is_null() {
                    self.note(path, "is gone");
                    continue;
                }
                self.operation(old, new);
            }
        }
    }

    fn operation(&mut self, old: &Value, new: &Value) {
        if old["operationId"] != new["operationId"] {
            self.note("operationId", "is another");
        }
        // One of several ways is enough: another one takes nothing away.
        let ways = |of: &Value| of["security"].as_array().cloned().unwrap_or_default();
        let (had, has) = (ways(old), ways(new));
        if had.iter().any(|way| !has.contains(way)) || (had.is_empty() && !has.is_empty()) {
            self.note("security", "needs something else");
        }
        self.parameters(old, new);
        let (had, has) = (&old["requestBody"], &new["requestBody"]);
        if has["required"] == true && had["required"] != true {
            self.note("body", "is now required");
        }
        self.contents("body", had, has, Way::ToServer);
        for status in keys(&old["responses"]).iter().filter(|s| s.starts_with('2')) {
            let (had, has) = (&old["responses"][status], &new["responses"][status]);
            if has.is_null() {
                self.note(status, "is answered no longer");
            }
            self.contents(status, had, has, Way::ToClient);
        }
    }

    fn parameters(&mut self, old: &Value, new: &Value) {
        let named = |operation: &Value, like: &Value| {
            let all = operation["parameters"].as_array().into_iter().flatten();
            let mut same = all.filter(|p| p["name"] == like["name"] && p["in"] == like["in"]);
            same.next().cloned()
        };
        for had in old["parameters"].as_array().into_iter().flatten() {
            let name = had["name"].as_str().unwrap_or_default();
            match named(new, had) {
                None => self.note(name, "is taken no longer"),
                Some(has) => {
                    if has["required"] == true && had["required"] != true {
                        self.note(name, "is now required");
                    }
                    self.schema(name, &had["schema"], &has["schema"], Way::ToServer);
                }
            }
        }
        for has in new["parameters"].as_array().into_iter().flatten() {
            if has["required"] == true && named(old, has).is_none() {
                self.note(has["name"].as_str().unwrap_or_default(), "is new and required");
            }
        }
    }

    fn contents(&mut self, name: &str, old: &Value, new: &Value, way: Way) {
        for kind in keys(&old["content"]) {
            let (had, has) = (&old["content"][&kind], &new["content"][&kind]);
            if has.is_null() {
                self.note(name, format!("is no longer {kind}"));
            } else {
                self.schema(name, &had["schema"], &has["schema"], way);
            }
        }
    }

    fn schema(&mut self, name: &str, old: &Value, new: &Value, way: Way) {
        let pair = (old["$ref"].to_string(), new["$ref"].to_string());
        if old["$ref"].is_string() {
            if self.open.contains(&pair) {
                return;
            }
            self.open.push(pair.clone());
        }
        let (had, has) = (resolved(old, self.old).clone(), resolved(new, self.new).clone());
        self.words(name, &had, &has, way);
        self.bounds(name, &had, &has, way);
        self.fields(&had, &has, way);
        if had["items"].is_object() {
            self.schema(name, &had["items"], &has["items"], way);
        }
        for several in ["oneOf", "anyOf", "allOf"] {
            let choices = |schema: &Value| schema[several].as_array().cloned().unwrap_or_default();
            for (had, has) in choices(&had).iter().zip(&choices(&has)) {
                self.schema(name, had, has, way);
            }
        }
        if old["$ref"].is_string() {
            self.open.retain(|open| *open != pair);
        }
    }

    /// Types and the words of an enumeration: the server may take more and say less.
    fn words(&mut self, name: &str, old: &Value, new: &Value, way: Way) {
        for field in ["type", "enum"] {
            let (had, has) = (strings(&old[field]), strings(&new[field]));
            let lost: Vec<&String> = match way {
                Way::ToServer => had.difference(&has).collect(),
                Way::ToClient => has.difference(&had).collect(),
            };
            let unbound = if way == Way::ToServer { has.is_empty() } else { had.is_empty() };
            if !lost.is_empty() && !unbound {
                self.note(name, format!("{field}: {lost:?}"));
            }
            let closed = if way == Way::ToServer {
                had.is_empty() && !has.is_empty()
            } else {
                !had.is_empty() && has.is_empty()
            };
            if closed {
                self.note(
                    name,
                    format!("{field} is {} now", if has.is_empty() { "open" } else { "closed" }),
                );
            }
        }
    }

    /// Bounds of what a client sends may only be loosened.
    fn bounds(&mut self, name: &str, old: &Value, new: &Value, way: Way) {
        if way == Way::ToClient {
            return;
        }
        for (bound, upper) in [
            ("maxLength", true),
            ("maximum", true),
            ("maxItems", true),
            ("minLength", false),
            ("minimum", false),
            ("minItems", false),
        ] {
            let (had, has) = (old[bound].as_f64(), new[bound].as_f64());
            let tighter = match (had, has) {
                (Some(had), Some(has)) => {
                    if upper {
                        has < had
                    } else {
                        has > had
                    }
                }
                (None, Some(_)) => true,
                _ => false,
            };
            if tighter && had.is_none() {
                self.note(bound, format!("bounds `{name}`"));
            } else if tighter {
                self.note(name, format!("{bound} is tighter"));
            }
        }
        for text in ["pattern", "format"] {
            if !new[text].is_null() && old[text] != new[text] {
                let said = if old[text].is_null() { text } else { name };
                self.note(said, format!("{text} of `{name}`"));
            }
        }
    }

    fn fields(&mut self, old: &Value, new: &Value, way: Way) {
        let (had, has) = (&old["properties"], &new["properties"]);
        for field in keys(had) {
            if has[&field].is_null() {
                self.note(&field, "is gone");
            } else {
                self.schema(&field, &had[&field], &has[&field], way);
            }
        }
        let (must, musts) = (strings(&old["required"]), strings(&new["required"]));
        let broken: Vec<&String> = match way {
            Way::ToServer => musts.difference(&must).collect(),
            Way::ToClient => {
                must.difference(&musts).filter(|f| has.get(f.as_str()).is_some()).collect()
            }
        };
        for field in broken {
            self.note(
                field,
                if way == Way::ToServer { "is now required" } else { "may now be absent" },
            );
        }
    }
}

fn breaks(old: &Value, new: &Value) -> BTreeSet<Break> {
    let (operation, found, open) = (String::new(), BTreeSet::new(), Vec::new());
    let mut comparison = Comparison { old, new, operation, found, open };
    comparison.all();
    comparison.found
}

/// The entries under Breaking of what is not released yet.
fn listed() -> Vec<String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("CHANGELOG.md");
    let text = fs::read_to_string(path).expect("CHANGELOG.md");
    let unreleased = text.split("\n## ").find(|part| part.starts_with("Unreleased")).unwrap_or("");
    let breaking =
        unreleased.split("\n### ").find(|part| part.starts_with("Breaking")).unwrap_or("");
    breaking.split("\n- ").skip(1).map(str::to_owned).collect()
}

#[test]
fn a_breaking_change_is_in_the_changelog() {
    let entries = listed();
    let mut missing = Vec::new();
    for name in ["partner", "admin"] {
        let old = read(&format!("openapi/released/{name}.yaml"));
        for found in breaks(&old, &read(&format!("openapi/{name}.yaml"))) {
            let says = |entry: &String, word: &str| entry.contains(&format!("`{word}`"));
            let told = entries.iter().any(|entry| {
                says(entry, &found.name)
                    && (says(entry, &found.operation) || entry.contains("every operation"))
            });
            if !told {
                missing.push(format!(
                    "{name}: `{}` of `{}` {}",
                    found.name, found.operation, found.what
                ));
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
fn what_breaks_is_seen_and_what_does_not_is_not() {
    let document = |parameter: Value, field: Value, required: Value| {
        json!({ "paths": { "/a": { "get": {
            "operationId": "list_a", "security": [],
            "parameters": [{ "name": "p", "in": "query", "required": false, "schema": parameter }],
            "responses": { "200": { "content": { "application/json": { "schema": {
                "type": "object", "required": required, "properties": { "f": field },
            } } } } },
        } } } })
    };
    let word = json!({ "type": "string", "enum": ["x", "y"] });
    let base = document(word.clone(), word.clone(), json!(["f"]));
    let found = |new: &Value| breaks(&base, new).into_iter().map(|b| b.name).collect::<Vec<_>>();
    assert_eq!(found(&base), Vec::<String>::new());
    let more = json!({ "type": "string", "enum": ["x", "y", "z"] });
    let less = json!({ "type": "string", "enum": ["x"] });
    // The server may take more words, and say fewer.
    assert_eq!(found(&document(more.clone(), less.clone(), json!(["f"]))), Vec::<String>::new());
    assert_eq!(found(&document(less, word.clone(), json!(["f"]))), ["p"]);
    assert_eq!(found(&document(word.clone(), more, json!(["f"]))), ["f"]);
    assert_eq!(found(&document(word.clone(), word.clone(), json!([]))), ["f"]);
    assert_eq!(
        found(&document(
            word.clone(),
            json!({ "type": ["string", "null"], "enum": ["x"] }),
            json!(["f"])
        )),
        ["f"]
    );
    assert_eq!(found(&json!({ "paths": {} })), ["/a"]);
    let mut bounded = base.clone();
    bounded["paths"]["/a"]["get"]["parameters"][0]["schema"]["maxLength"] = json!(5);
    assert_eq!(found(&bounded), ["maxLength"]);
    let mut required = base.clone();
    required["paths"]["/a"]["get"]["parameters"][0]["required"] = json!(true);
    assert_eq!(found(&required), ["p"]);
}
