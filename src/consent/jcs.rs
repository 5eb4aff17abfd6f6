//! Canonical JSON (RFC 8785): one text for each value, so that its hash says which value it is.
//!
//! Numbers are whole and no greater than what I-JSON promises to keep (RFC 7493 §2.2): what is hashed here
//! has no fractions, and without them the number format of RFC 8785 §3.2.2.3 is that of any integer.

use serde_json::Value;

/// The greatest whole number that all readers of JSON keep exactly (RFC 7493 §2.2).
const GREATEST: u64 = (1 << 53) - 1;

/// A value has no canonical text here.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no whole number between -9007199254740991 and 9007199254740991")]
pub struct NotCanonical(pub String);

/// The canonical text of a value: no space, members ordered by the UTF-16 units of their names
/// (RFC 8785 §3.2.3).
pub fn canonical(value: &Value) -> Result<String, NotCanonical> {
    let mut text = String::new();
    write(value, &mut text)?;
    Ok(text)
}

fn write(value: &Value, text: &mut String) -> Result<(), NotCanonical> {
    match value {
        // The escapes of RFC 8785 §3.2.2.2 are those that serde_json writes.
        Value::Null | Value::Bool(_) | Value::String(_) => text.push_str(&value.to_string()),
        Value::Number(number) => {
            let whole = number.as_i64().filter(|whole| whole.unsigned_abs() <= GREATEST);
            let whole = whole.ok_or_else(|| NotCanonical(number.to_string()))?;
            text.push_str(&whole.to_string());
        }
        Value::Array(values) => {
            text.push('[');
            for (n, value) in values.iter().enumerate() {
                if n > 0 {
                    text.push(',');
                }
                write(value, text)?;
            }
            text.push(']');
        }
        Value::Object(members) => {
            let mut members: Vec<_> = members.iter().collect();
            members.sort_by(|(a, _), (b, _)| a.encode_utf16().cmp(b.encode_utf16()));
            text.push('{');
            for (n, (name, value)) in members.into_iter().enumerate() {
                if n > 0 {
                    text.push(',');
                }
                text.push_str(&Value::from(name.as_str()).to_string());
                text.push(':');
                write(value, text)?;
            }
            text.push('}');
        }
    }
    Ok(())
}
