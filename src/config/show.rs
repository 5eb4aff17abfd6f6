//! The settings in force, as TOML that says where each came from.

use super::layers::{Form, Layers, Taken};
use std::fmt::Write as _;

/// Every setting that was read, in that order, under its section.
pub(super) fn toml(layers: &Layers) -> String {
    let mut out = String::new();
    let mut section = "";
    for taken in layers.taken() {
        let (of, name) = taken.key.split_once('.').unwrap_or(("", &taken.key));
        if of != section {
            let gap = if section.is_empty() { "" } else { "\n" };
            let _ = writeln!(out, "{gap}[{of}]");
            section = of;
        }
        let value = literal(taken);
        let _ = writeln!(out, "{name} = {value}  # {}", taken.origin);
    }
    out
}

/// A value as it is written in TOML.
pub(super) fn literal(taken: &Taken) -> String {
    match taken.form {
        Form::Bare => taken.text.clone(),
        Form::Text => quoted(&taken.text),
        Form::List => list(&taken.text, quoted),
        Form::Numbers => list(&taken.text, str::to_owned),
    }
}

fn list(text: &str, written: fn(&str) -> String) -> String {
    let items = text.split(',').map(str::trim).filter(|item| !item.is_empty());
    format!("[{}]", items.map(written).collect::<Vec<_>>().join(", "))
}

fn quoted(text: &str) -> String {
    toml::Value::String(text.to_owned()).to_string()
}
