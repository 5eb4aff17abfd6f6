//! What of a new version of a document breaks clients of the old one.

use serde_json::Value;
use std::collections::BTreeSet;

/// What would break a client: the operation, the name of what changed, what happened to it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Break {
    pub(super) operation: String,
    pub(super) name: String,
    /// Of a new bound: its keyword with its value, where that is a number or a word.
    pub(super) bound: Option<String>,
    pub(super) what: String,
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

/// Every break between two versions.
pub(super) fn breaks(old: &Value, new: &Value) -> BTreeSet<Break> {
    let (operation, found, open) = (String::new(), BTreeSet::new(), Vec::new());
    let mut comparison = Comparison { old, new, operation, found, open };
    comparison.all();
    comparison.found
}

fn resolved<'a>(value: &'a Value, document: &'a Value) -> &'a Value {
    match value["$ref"].as_str().and_then(|r| r.strip_prefix('#')) {
        Some(pointer) => document.pointer(pointer).unwrap_or(&Value::Null),
        None => value,
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

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

impl<'a> Comparison<'a> {
    fn note(&mut self, name: &str, what: impl Into<String>) {
        let (operation, name) = (self.operation.clone(), name.to_owned());
        self.found.insert(Break { operation, name, bound: None, what: what.into() });
    }

    fn note_bound(&mut self, name: &str, bound: String) {
        let (operation, name) = (self.operation.clone(), name.to_owned());
        let what = format!("is bounded by {bound}");
        self.found.insert(Break { operation, name, bound: Some(bound), what });
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

    fn operation(&mut self, old: &'a Value, new: &'a Value) {
        if old["operationId"] != new["operationId"] {
            self.note("operationId", "is another");
        }
        // One of several ways is enough: another one takes nothing away.
        let (had, has) = (list(&old["security"]), list(&new["security"]));
        if had.iter().any(|way| !has.contains(way)) || (had.is_empty() && !has.is_empty()) {
            self.note("security", "needs something else");
        }
        self.parameters(old, new);
        let (had, has) = (&old["requestBody"], &new["requestBody"]);
        if has["required"] == true && had["required"] != true {
            self.note("body", "is now required");
        }
        self.contents("body", had, has, Way::ToServer);
        self.responses(old, new);
        self.cost(old, new);
    }

    fn responses(&mut self, old: &'a Value, new: &'a Value) {
        let (before, after) = (keys(&old["responses"]), keys(&new["responses"]));
        for status in after.difference(&before).filter(|status| status.starts_with('4')) {
            self.note(status, "is a new refusal");
        }
        for status in before.iter().filter(|status| status.starts_with(['2', '3'])) {
            let had = resolved(&old["responses"][status], self.old);
            let has = resolved(&new["responses"][status], self.new);
            if has.is_null() {
                self.note(status, "is answered no longer");
                continue;
            }
            self.contents(status, had, has, Way::ToClient);
            for header in keys(&had["headers"]).difference(&keys(&has["headers"])) {
                self.note(header, format!("is told no longer with {status}"));
            }
        }
    }

    /// A call may get cheaper, and cost on fewer statuses. What it takes from the limits is a price too.
    fn cost(&mut self, old: &Value, new: &Value) {
        let (had, has) = (&old["x-cost"], &new["x-cost"]);
        if had.is_null() {
            return;
        }
        let number = |cost: &Value, name: &str| cost[name].as_f64();
        let (billed, bills) = (strings(&had["billed_on"]), strings(&has["billed_on"]));
        let is_dearer = number(has, "units") > number(had, "units")
            || number(has, "at_least") > number(had, "at_least")
            || !bills.is_subset(&billed)
            || match (number(had, "per_records"), number(has, "per_records")) {
                (None, Some(_)) => true,
                (Some(had), Some(has)) => has < had,
                _ => false,
            };
        if is_dearer {
            self.note("x-cost", format!("was {had}, is {has}"));
        }
        let (had, has) = (&old["x-rate-limit"], &new["x-rate-limit"]);
        if number(has, "units") > number(had, "units") {
            self.note("x-rate-limit", "takes more from the limits");
        }
    }

    fn parameters(&mut self, old: &'a Value, new: &'a Value) {
        let named = |operation: &'a Value, document: &'a Value, like: &Value| {
            let mut all = list(&operation["parameters"]).iter().map(|p| resolved(p, document));
            all.find(|p| p["name"] == like["name"] && p["in"] == like["in"])
        };
        for had in list(&old["parameters"]).iter().map(|p| resolved(p, self.old)) {
            let name = had["name"].as_str().unwrap_or_default();
            match named(new, self.new, had) {
                None => self.note(name, "is taken no longer"),
                Some(has) => {
                    if has["required"] == true && had["required"] != true {
                        self.note(name, "is now required");
                    }
                    self.schema(name, &had["schema"], &has["schema"], Way::ToServer);
                }
            }
        }
        for has in list(&new["parameters"]).iter().map(|p| resolved(p, self.new)) {
            if has["required"] == true && named(old, self.old, has).is_none() {
                self.note(has["name"].as_str().unwrap_or_default(), "is new and required");
            }
        }
    }

    fn contents(&mut self, name: &str, old: &Value, new: &Value, way: Way) {
        for kind in keys(&old["content"]) {
            let (had, has) = (&old["content"][&kind], &new["content"][&kind]);
            if has.is_null() {
                self.note(&kind, format!("is no form of {name} any longer"));
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
        let (had, mut has) = (resolved(old, self.old).clone(), resolved(new, self.new).clone());
        // One shape that became the first of several: the server may take another, and answers in none.
        let shapes = list(&has["oneOf"]).iter().filter(|shape| shape["type"] != "null");
        if let Some(first) = shapes.take(usize::from(!had["oneOf"].is_array())).next().cloned() {
            if way == Way::ToClient {
                self.note(name, "may have another shape");
            }
            has = resolved(&first, self.new).clone();
        }
        self.words(name, &had, &has, way);
        if way == Way::ToServer {
            self.bounds(name, &had, &has);
        }
        self.fields(&had, &has, way);
        for part in ["items", "additionalProperties"] {
            if had[part].is_object() {
                self.schema(name, &had[part], &has[part], way);
            }
        }
        self.choices(name, &had, &has, way);
        if old["$ref"].is_string() {
            self.open.retain(|open| *open != pair);
        }
    }

    /// The server may take more shapes and answer in fewer.
    fn choices(&mut self, name: &str, old: &Value, new: &Value, way: Way) {
        for several in ["oneOf", "anyOf", "allOf"] {
            let (had, has) = (list(&old[several]), list(&new[several]));
            let is_breaking = match way {
                Way::ToServer => has.len() < had.len(),
                Way::ToClient => has.len() > had.len(),
            };
            if is_breaking && !had.is_empty() {
                self.note(name, format!("{several} has {} shapes, not {}", has.len(), had.len()));
            }
            for (had, has) in had.iter().zip(has) {
                self.schema(name, had, has, way);
            }
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
                let now = if has.is_empty() { "open" } else { "closed" };
                self.note(name, format!("{field} is {now} now"));
            }
        }
    }

    /// Bounds of what a client sends may only be loosened.
    fn bounds(&mut self, name: &str, old: &Value, new: &Value) {
        for (bound, upper) in [
            ("maxLength", true),
            ("maximum", true),
            ("maxItems", true),
            ("maxProperties", true),
            ("minLength", false),
            ("minimum", false),
            ("minItems", false),
        ] {
            let (had, has) = (old[bound].as_f64(), new[bound].as_f64());
            let tighter = match (had, has) {
                (Some(had), Some(has)) => (upper && has < had) || (!upper && has > had),
                (None, Some(_)) => true,
                _ => false,
            };
            if tighter {
                self.note_bound(name, format!("`{bound}` {}", new[bound]));
            }
        }
        if !new["pattern"].is_null() && old["pattern"] != new["pattern"] {
            self.note_bound(name, "`pattern`".to_owned());
        }
        if let Some(format) = new["format"].as_str().filter(|_| old["format"] != new["format"]) {
            self.note_bound(name, format!("`format` {format}"));
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
        let what = if way == Way::ToServer { "is now required" } else { "may now be absent" };
        for field in broken {
            self.note(field, what);
        }
    }
}
