//! A text that is no GTIN, as a problem that names the code that was probably meant.

use super::{ApiError, Code, FieldError};
use crate::kernel::gtin::{InvalidGtin, check_digit};

/// The refusal of a GTIN in a parameter.
#[must_use]
pub fn refused(text: &str, error: &InvalidGtin) -> ApiError {
    refusal(text, error, |fault, message| FieldError::parameter("gtin", fault, message))
}

/// The refusal of a GTIN in a body.
#[must_use]
pub fn refused_at(pointer: &str, text: &str, error: &InvalidGtin) -> ApiError {
    refusal(text, error, |fault, message| FieldError::pointer(pointer, fault, message))
}

fn refusal(
    text: &str,
    error: &InvalidGtin,
    place: impl FnOnce(&str, String) -> FieldError,
) -> ApiError {
    let complete = || format!("{text}{}", check_digit(text.as_bytes()));
    let (code, fault, message, suggestion) = match error {
        InvalidGtin::InStore => (Code::InStoreCode, "in_store", error.to_string(), None),
        InvalidGtin::CheckDigit { .. } => {
            (Code::InvalidGtin, "check_digit", error.to_string(), error.suggestion())
        }
        InvalidGtin::Length(length @ (7 | 11)) => {
            let form = if *length == 7 { "EAN-8" } else { "UPC" };
            let message = format!("looks like a {form} code without its check digit");
            (Code::InvalidGtin, "check_digit", message, Some(complete()))
        }
        _ => (Code::InvalidGtin, "malformed", error.to_string(), None),
    };
    let detail = match &suggestion {
        Some(suggestion) => format!("`{text}` {message}. Did you mean `{suggestion}`?"),
        None => format!("`{text}` {message}."),
    };
    ApiError::new(code, detail).errors(vec![place(fault, message).suggest(suggestion)])
}
