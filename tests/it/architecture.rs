//! The order of the modules and the bans, read from the sources.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// Each module may use only those before it.
const ORDER: &[&str] = &[
    "kernel",
    "config",
    "telemetry",
    "objects",
    "outbound",
    "storage",
    "cluster",
    "limit",
    "rating",
    "http",
    "access",
    "idempotency",
    "consent",
    "authz",
    "explain",
    "metering",
    "catalog",
    "stores",
    "stock",
    "mirror",
    "browse",
    "customers",
    "portal",
    "changes",
    "exports",
    "hooks",
    "alerts",
    "billing",
    "feeds",
    "admin",
    "demo",
    "app",
    "cli",
];

/// `module -> later module` pairs that stand against the order, with the reason. May only shrink.
const EXCEPTIONS: &[(&str, &str)] = &[];

fn sources(dir: &Path, into: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(dir).unwrap().map(Result::unwrap) {
        let path = entry.path();
        if path.is_dir() {
            sources(&path, into);
        } else if path.extension().is_some_and(|e| e == "rs") {
            into.push(path);
        }
    }
}

/// Every source file as (path below src, module, text without its comments).
fn files() -> Vec<(String, String, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut paths = Vec::new();
    sources(&root, &mut paths);
    let file = |path: PathBuf| {
        let name = path.strip_prefix(&root).unwrap().display().to_string();
        let module = name.split('/').next().unwrap().trim_end_matches(".rs").to_owned();
        let text = fs::read_to_string(path).unwrap();
        let code = text.lines().filter(|line| !line.trim_start().starts_with("//"));
        (name, module, code.collect::<Vec<_>>().join("\n"))
    };
    paths.into_iter().map(file).collect()
}

#[test]
fn modules_use_only_what_stands_above_them() {
    let place = |module: &str| ORDER.iter().position(|m| *m == module);
    let mut wrong = Vec::new();
    for (name, module, text) in files() {
        let Some(own) = place(&module) else {
            assert!(
                matches!(module.as_str(), "lib" | "main"),
                "{name} is in no module of the order"
            );
            continue;
        };
        for used in ORDER.iter().filter(|m| text.contains(&format!("crate::{m}"))) {
            if place(used) > Some(own) && !EXCEPTIONS.contains(&(module.as_str(), used)) {
                wrong.push(format!("{name} uses crate::{used}"));
            }
        }
    }
    assert!(wrong.is_empty(), "against the order of ARCHITECTURE.md:\n{}", wrong.join("\n"));
}

#[test]
fn libraries_stay_where_they_belong() {
    let mut wrong = Vec::new();
    for (name, module, text) in files() {
        if name.ends_with("tests.rs") {
            continue;
        }
        let is_store = name.ends_with("/store.rs") || name.contains("/store/");
        let mut ban = |what: &str, allowed: bool, rule: &str| {
            if text.contains(what) && !allowed {
                wrong.push(format!("{name}: `{what}`: {rule}"));
            }
        };
        ban("sqlx::", is_store || module == "storage", "SQL belongs to store.rs files");
        let no_framework =
            matches!(
                module.as_str(),
                "kernel" | "config" | "telemetry" | "storage" | "limit" | "rating" | "feeds"
            ) || ["model.rs", "store.rs", "service.rs"].iter().any(|f| name.ends_with(f));
        let is_api = name.ends_with("/api.rs");
        ban("actix_web", !no_framework || is_api, "domain code knows no web framework");
        ban(
            "StatusCode",
            matches!(module.as_str(), "http" | "app"),
            "status codes belong to http/",
        );
        ban("SystemTime::now", name == "kernel/clock.rs", "time comes from a Clock");
        ban("unsafe ", name == "metering/journal/mapped.rs", "unsafe has one place");
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The generator of the OpenAPI documents knows schemas by their names alone: of two with one name it keeps one, and says
/// nothing, so that a document describes what is not answered.
#[test]
fn each_schema_has_a_name_of_its_own() {
    // What is derived, or made so by a set of words, with a name for the documents where it has one of its own.
    let schema = regex::Regex::new(
        r"(?s)(?:#\[derive\([^)]*\bToSchema\b[^)]*\)\]|\bwords! \{)(.*?)\b(?:struct|enum) (\w+)",
    )
    .unwrap();
    let renamed = regex::Regex::new(r"\bas = (\w+)").unwrap();
    let mut places: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (name, _, text) in files() {
        // Where the macro is defined nothing has a name yet, and no document has what tests make.
        if name == "kernel/word.rs" || name.ends_with("tests.rs") {
            continue;
        }
        let code = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
        for found in schema.captures_iter(code) {
            let own = renamed.captures(&found[1]).map(|renamed| renamed[1].to_owned());
            let schema = own.unwrap_or_else(|| found[2].to_owned());
            places.entry(schema).or_default().push(name.clone());
        }
    }
    assert!(places.len() > 300, "{} schemas were found", places.len());
    places.retain(|_, places| places.len() > 1);
    assert!(
        places.is_empty(),
        "give each another name, or one for the documents by `#[schema(as = …)]`: {places:#?}"
    );
}

#[test]
fn no_file_is_too_long_to_hold_in_mind() {
    let long: Vec<String> = files()
        .into_iter()
        .filter(|(_, _, text)| text.lines().count() > 500)
        .map(|(name, _, text)| format!("{name}: {} lines", text.lines().count()))
        .collect();
    assert!(long.is_empty(), "split by what they are about:\n{}", long.join("\n"));
}
