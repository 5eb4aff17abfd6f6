//! JSON on the command line: given there, or in a file.

use crate::kernel::faults::{Fault, Step, Unread, read_json};
use serde::de::DeserializeOwned;
use serde_json::Value;

/// Reads JSON, or with `@FILE` the JSON in a file.
pub(super) fn json_or_file<T: DeserializeOwned>(text: &str) -> Result<T, String> {
    match text.strip_prefix('@') {
        Some(file) => {
            let text = std::fs::read_to_string(file)
                .map_err(|error| format!("{file} cannot be read: {error}"))?;
            json(&text).map_err(|why| format!("{file}: {why}"))
        }
        None => json(text),
    }
}

/// Reads JSON; all that is wrong with it otherwise.
pub(super) fn json<T: DeserializeOwned>(text: &str) -> Result<T, String> {
    json_below(text, 0)
}

/// The same, where the outermost `hidden` steps of a place are no part of what was given.
pub(super) fn json_below<T: DeserializeOwned>(text: &str, hidden: usize) -> Result<T, String> {
    read_json(text.as_bytes(), || Value::Null, true).map_err(|unread| match unread {
        Unread::NoJson(why) => format!("it is not JSON: {why}"),
        Unread::Faulty(faults) => {
            faults.iter().map(|fault| said(fault, hidden)).collect::<Vec<_>>().join("; ")
        }
    })
}

/// A fault with its place, as in `charges.0.name: is missing`.
fn said(fault: &Fault, hidden: usize) -> String {
    let step = |step: &Step| match step {
        Step::Member(name) => name.to_string(),
        Step::Entry(at) => at.to_string(),
    };
    let place: Vec<String> = fault.place.iter().skip(hidden).map(step).collect();
    let message = fault.told().message;
    if place.is_empty() { message } else { format!("{}: {message}", place.join(".")) }
}
