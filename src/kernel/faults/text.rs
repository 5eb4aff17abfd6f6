//! Documents in texts of JSON.

use super::{Fault, faults};
use serde::de::DeserializeOwned;
use serde_json::Value;
use serde_json::error::Category;

/// Why a text holds no document of the kind that is wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unread {
    /// It is no JSON: where it ends to be.
    NoJson(String),
    /// What is wrong with the document, at least one fault.
    Faulty(Vec<Fault>),
}

/// The document in a text. `schema` says what is missing beside what is missing first; without `searched`, the
/// first fault alone is told.
pub fn read_json<T: DeserializeOwned>(
    text: &[u8],
    schema: impl Fn() -> Value,
    searched: bool,
) -> Result<T, Unread> {
    let mut json = serde_json::Deserializer::from_slice(text);
    let document = serde_path_to_error::deserialize(&mut json).map_err(|error| {
        if error.inner().classify() != Category::Data {
            return Unread::NoJson(no_json(error.inner()));
        }
        let first = Fault::found(error.path(), error.inner());
        // What stands there twice is known to the text alone.
        let document = Some(text).filter(|_| searched);
        let document = document.and_then(|text| serde_json::from_slice(text).ok());
        let mut all = document.map_or_else(Vec::new, |it| faults::<T>(it, schema));
        if all.iter().all(|fault| fault.place != first.place) {
            all.insert(0, first);
        }
        Unread::Faulty(all)
    })?;
    json.end().map_err(|error| Unread::NoJson(no_json(&error)))?;
    Ok(document)
}

fn no_json(error: &serde_json::Error) -> String {
    match error.classify() {
        Category::Eof => "it ends before it is whole".to_owned(),
        Category::Io | Category::Syntax | Category::Data => {
            format!("it cannot be read from line {}, column {} on", error.line(), error.column())
        }
    }
}
