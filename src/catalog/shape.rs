//! Reading a row into its type, and saying in the feed's own words why it does not fit.

use super::Fault;
use crate::kernel::faults::in_words;
use crate::kernel::word::nearest;
use serde::de::DeserializeOwned;
use serde_json::error::Category;
use serde_json::{Deserializer, Value};

/// Most field names that are listed where none is near.
const LISTED: usize = 8;

/// The row of a line of JSON.
pub fn read<T: DeserializeOwned>(line: &str) -> Result<T, Fault> {
    if !line.starts_with('{') {
        let message = "is no JSON object; write one object per line, such as {\"sku\":\"1\"}";
        return Err(Fault::new("", line, "malformed", message));
    }
    serde_json::from_str(line).map_err(|error| fault_of::<T>(line, &error))
}

/// The row of a value.
pub fn read_value<T: DeserializeOwned>(value: &Value) -> Result<T, Fault> {
    if !value.is_object() {
        let message = "is no object with the fields of the feed";
        return Err(Fault::new("", &value.to_string(), "malformed", message));
    }
    // Only a refused row is turned into text, for its fault.
    T::deserialize(value).map_err(|error| fault_of::<T>(&value.to_string(), &error))
}

/// What is wrong with a line that `T` refused with `error`. The line is read once more for the
/// place of the fault; lines that are right never come here.
fn fault_of<T: DeserializeOwned>(line: &str, error: &serde_json::Error) -> Fault {
    let value = match serde_json::from_str::<Value>(line) {
        Ok(value) => value,
        Err(error) => return no_json(line, &error),
    };
    match serde_path_to_error::deserialize::<_, T>(&mut Deserializer::from_str(line)) {
        Ok(_) => Fault::new("", line, "malformed", without_place(&error.to_string())),
        Err(error) => {
            let path = match error.path().to_string() {
                path if path == "." => String::new(),
                path => path,
            };
            misfit(&value, path, &without_place(&error.inner().to_string()))
        }
    }
}

fn no_json(line: &str, error: &serde_json::Error) -> Fault {
    let column = error.column();
    let message = match error.classify() {
        Category::Eof => {
            format!("is cut off at column {column}; write one whole JSON object per line")
        }
        Category::Io | Category::Syntax | Category::Data => {
            format!("is no JSON from column {column} on; write one JSON object per line")
        }
    };
    Fault::new("", line, "malformed", message)
}

/// The message without serde's ` at line 1 column 2`: the report has the file's line.
fn without_place(message: &str) -> String {
    message.rsplit_once(" at line ").map_or(message, |(said, _)| said).to_owned()
}

/// The fault of a field, from what serde says of it.
fn misfit(value: &Value, path: String, said: &str) -> Fault {
    let mut quoted = said.split('`').skip(1).step_by(2);
    let named = quoted.next().unwrap_or_default();
    let beside = |name: &str| {
        let parent = path.strip_suffix(name).map_or(path.as_str(), |p| p.trim_end_matches('.'));
        if parent.is_empty() { name.to_owned() } else { format!("{parent}.{name}") }
    };
    if said.starts_with("unknown field") {
        let field = beside(named);
        let known: Vec<&str> = quoted.collect();
        return Fault::new(
            field.clone(),
            &shown(value, &field),
            "unknown_field",
            unknown(named, &known),
        );
    }
    if said.starts_with("missing field") {
        let field = if path.is_empty() { named.to_owned() } else { format!("{path}.{named}") };
        return Fault::new(field, "", "missing_field", "is missing; give it a value");
    }
    if said.starts_with("duplicate field") {
        let field = beside(named);
        return Fault::new(
            field.clone(),
            &shown(value, &field),
            "malformed",
            "stands twice; keep one",
        );
    }
    let shown = shown(value, &path);
    if said.starts_with("unknown variant") {
        let words: Vec<&str> = quoted.collect();
        return Fault::new(
            path,
            &shown,
            "not_allowed",
            format!("must be one of {}", words.join(", ")),
        );
    }
    let expected = said
        .strip_prefix("invalid ")
        .and_then(|rest| rest.split_once(", expected "))
        .map(|(_, expected)| format!("must be {}", in_words(expected)));
    Fault::new(path, &shown, "malformed", expected.unwrap_or_else(|| said.to_owned()))
}

fn unknown(name: &str, known: &[&str]) -> String {
    if let Some(meant) = nearest(name, known) {
        return format!("is no field here; did you mean `{meant}`?");
    }
    if known.len() <= LISTED {
        return format!("is no field here; fields are {}", known.join(", "));
    }
    "is no field of this feed; leave it out".to_owned()
}

/// The text of what stands at a path such as `images[1].url`; a text without its quotes.
fn shown(value: &Value, path: &str) -> String {
    let mut at = Some(value);
    for part in path.split(['.', '[', ']']).filter(|part| !part.is_empty()) {
        at = at.and_then(|at| match at {
            Value::Array(entries) => part.parse::<usize>().ok().and_then(|n| entries.get(n)),
            at => at.get(part),
        });
    }
    match at {
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
        None => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::model::ProductIn;
    use crate::catalog::offers::OfferIn;
    use proptest::prelude::*;

    /// Field, value, code and message of a line's fault.
    fn told<T: DeserializeOwned>(line: &str) -> (String, String, &'static str, String) {
        let Err(fault) = read::<T>(line) else { panic!("{line} was taken") };
        (fault.field.into_owned(), fault.value, fault.code, fault.message)
    }

    fn product(line: &str) -> (String, String, &'static str, String) {
        told::<ProductIn>(line)
    }

    fn says(
        field: &str,
        value: &str,
        code: &'static str,
        message: &str,
    ) -> (String, String, &'static str, String) {
        (field.to_owned(), value.to_owned(), code, message.to_owned())
    }

    #[test]
    fn an_unknown_field_is_met_with_the_nearest_one() {
        let near = |meant: &str| format!("is no field here; did you mean `{meant}`?");
        assert_eq!(
            product(r#"{"sku":"1","nmae":"Vis"}"#),
            says("nmae", "Vis", "unknown_field", &near("name"))
        );
        assert_eq!(
            product(r#"{"sku":"1","net_content":{"valeu":1,"unit_code":"LTR"}}"#),
            says("net_content.valeu", "1", "unknown_field", &near("value"))
        );
        assert_eq!(
            product(r#"{"sku":"1","images":[{"url":"u"},{"urls":"v"}]}"#),
            says("images[1].urls", "v", "unknown_field", &near("url"))
        );
        let far = "is no field of this feed; leave it out";
        assert_eq!(product(r#"{"sku":"1","zzz":[1]}"#), says("zzz", "[1]", "unknown_field", far));
    }

    #[test]
    fn a_wrong_type_is_told_without_the_name_of_ours() {
        assert_eq!(
            product(r#"{"sku":1}"#),
            says("sku", "1", "malformed", "must be a text in quotes")
        );
        assert_eq!(
            product(r#"{"sku":"1","net_content":5}"#),
            says("net_content", "5", "malformed", "must be an object")
        );
        assert_eq!(
            product(r#"{"sku":"1","op":"remove"}"#),
            says("op", "remove", "not_allowed", "must be one of upsert, delete")
        );
        let amount = r#"{"sku":"1","store_code":"a","price":{"amount":true,"currency":"EUR"}}"#;
        let decimal = "must be a decimal: a number, or digits in a text";
        assert_eq!(told::<OfferIn>(amount), says("price.amount", "true", "malformed", decimal));
    }

    #[test]
    fn what_is_missing_or_twice_is_named() {
        assert_eq!(product("{}"), says("sku", "", "missing_field", "is missing; give it a value"));
        assert_eq!(
            product(r#"{"sku":"1","net_content":{"value":1}}"#),
            says("net_content.unit_code", "", "missing_field", "is missing; give it a value")
        );
        assert_eq!(
            product(r#"{"sku":"1","sku":"2"}"#),
            says("sku", "2", "malformed", "stands twice; keep one")
        );
    }

    #[test]
    fn a_line_that_is_no_object_is_shown() {
        let object = "is no JSON object; write one object per line, such as {\"sku\":\"1\"}";
        assert_eq!(product("not json"), says("", "not json", "malformed", object));
        assert_eq!(product("[1]"), says("", "[1]", "malformed", object));
        let (_, value, code, message) = product(r#"{"sku":"1","na"#);
        assert_eq!((value.as_str(), code), (r#"{"sku":"1","na"#, "malformed"));
        assert!(message.starts_with("is cut off at column"), "{message}");
        assert!(read_value::<ProductIn>(&Value::from(1)).is_err());
    }

    proptest! {
        #[test]
        fn no_line_panics(text: String, name: String) {
            let _ = read::<ProductIn>(&text);
            let line = serde_json::json!({ "sku": name, name.as_str(): { text.as_str(): [name] } });
            let _ = read::<ProductIn>(&line.to_string());
            let _ = read_value::<OfferIn>(&line);
        }
    }
}
