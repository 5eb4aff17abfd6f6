//! What the program is built from: free licences, the public registry, no second TLS. The lists are
//! those of `deny.toml`, held here where `cargo deny` is not installed.

use serde_json::Value;
use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

const REGISTRY: &str = "registry+https://github.com/rust-lang/crates.io-index";

const PACKAGES: [&str; 2] = [".", "tests/bench"];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn table(path: &str) -> toml::Table {
    std::fs::read_to_string(root().join(path)).unwrap().parse().unwrap()
}

/// What cargo says, or what it complains about.
fn cargo(args: &[&str]) -> Result<String, String> {
    let output = Command::new(env!("CARGO")).current_dir(root()).args(args).output().unwrap();
    let said = if output.status.success() { Ok(output.stdout) } else { Err(output.stderr) };
    let text = |said: Vec<u8>| String::from_utf8(said).unwrap();
    said.map(text).map_err(text)
}

/// The packages that are built on this machine, as cargo describes them without a network. What was
/// never built here cannot be described: `None`.
fn described(package: &str) -> Option<Vec<Value>> {
    let version = cargo(&["-vV"]).unwrap();
    let host = version.lines().find_map(|line| line.strip_prefix("host: ")).unwrap();
    let manifest = format!("{package}/Cargo.toml");
    let asked = ["metadata", "--locked", "--offline", "--format-version", "1"];
    let about = ["--manifest-path", &manifest, "--filter-platform", host];
    match cargo(&[asked.as_slice(), about.as_slice()].concat()) {
        Ok(said) => {
            let metadata: Value = serde_json::from_str(&said).unwrap();
            Some(metadata["packages"].as_array().unwrap().clone())
        }
        Err(said) if package == "." => panic!("what these tests are built from: {said}"),
        Err(said) => {
            println!("SKIPPED licences of {package}, whose packages are not here: {said}");
            None
        }
    }
}

/// The texts of a list, or those that its tables hold under a name.
fn words(list: &toml::Value, name: &str) -> Vec<String> {
    let word = |item: &toml::Value| item.get(name).unwrap_or(item).as_str().unwrap().to_owned();
    list.as_array().unwrap().iter().map(word).collect()
}

/// Whether an SPDX expression (`OR`, `AND`, parentheses; `/` is an old `OR`) can be met with what
/// is allowed.
fn is_allowed(expression: &str, allowed: &BTreeSet<String>) -> bool {
    let spaced = expression.replace('/', " OR ").replace('(', " ( ").replace(')', " ) ");
    let mut tokens = spaced.split_whitespace().peekable();
    let met = any(&mut tokens, allowed);
    met && tokens.next().is_none()
}

type Tokens<'a> = std::iter::Peekable<std::str::SplitWhitespace<'a>>;

fn any(tokens: &mut Tokens<'_>, allowed: &BTreeSet<String>) -> bool {
    let mut met = all(tokens, allowed);
    while tokens.next_if_eq(&"OR").is_some() {
        met |= all(tokens, allowed);
    }
    met
}

fn all(tokens: &mut Tokens<'_>, allowed: &BTreeSet<String>) -> bool {
    let mut met = one(tokens, allowed);
    while tokens.next_if_eq(&"AND").is_some() {
        met &= one(tokens, allowed);
    }
    met
}

fn one(tokens: &mut Tokens<'_>, allowed: &BTreeSet<String>) -> bool {
    if tokens.next_if_eq(&"(").is_some() {
        let met = any(tokens, allowed);
        return tokens.next() == Some(")") && met;
    }
    let mut licence = tokens.next().unwrap_or_default().to_owned();
    if tokens.next_if_eq(&"WITH").is_some() {
        licence = format!("{licence} WITH {}", tokens.next().unwrap_or_default());
    }
    allowed.contains(&licence)
}

#[test]
fn expressions_are_read_as_spdx_means_them() {
    let allowed: BTreeSet<String> =
        ["MIT", "ISC", "Apache-2.0 WITH LLVM-exception"].map(str::to_owned).into();
    for good in [
        "MIT",
        "GPL-3.0 OR MIT",
        "MIT/Apache-2.0",
        "ISC AND MIT",
        "MIT OR GPL-3.0 AND LGPL-2.1",
        "(GPL-3.0 OR ISC) AND MIT",
        "Apache-2.0 WITH LLVM-exception",
    ] {
        assert!(is_allowed(good, &allowed), "{good}");
    }
    for bad in [
        "",
        "GPL-3.0",
        "Apache-2.0",
        "MIT AND GPL-3.0",
        "(MIT OR ISC) AND GPL-3.0",
        "MIT WITH Classpath",
        "(MIT",
        "MIT ISC",
    ] {
        assert!(!is_allowed(bad, &allowed), "{bad}");
    }
}

#[test]
fn every_licence_is_one_that_is_allowed() {
    let policy = table("deny.toml");
    let allowed: BTreeSet<String> = words(&policy["licenses"]["allow"], "").into_iter().collect();
    let mut wrong = BTreeSet::new();
    for package in PACKAGES.into_iter().filter_map(described).flatten() {
        let licence = package["license"].as_str().unwrap_or_default();
        if !is_allowed(licence, &allowed) {
            wrong.insert(format!("{}: `{licence}`", package["name"]));
        }
    }
    assert!(wrong.is_empty(), "deny.toml does not allow {wrong:#?}");
}

#[test]
fn every_package_is_public_and_wanted() {
    let banned = words(&table("deny.toml")["bans"]["deny"], "crate");
    for name in ["openssl-sys", "native-tls"] {
        assert!(banned.iter().any(|b| b == name), "deny.toml bans {name} no more");
    }
    for package in PACKAGES {
        let lock = table(&format!("{package}/Cargo.lock"));
        let locked = lock["package"].as_array().unwrap();
        assert!(locked.len() > 50, "{package}: {} packages are too few to be all", locked.len());
        for entry in locked {
            let name = entry["name"].as_str().unwrap();
            let source = entry.get("source").and_then(toml::Value::as_str);
            // Our own packages have no source.
            let is_ours = source.is_none() && name.starts_with("comptoir");
            assert!(is_ours || source == Some(REGISTRY), "{name} is from {source:?}");
            assert!(!banned.iter().any(|b| b == name), "deny.toml bans {name}");
        }
    }
}
