//! A text that is no GTIN, as a problem that names the code that was probably meant.

use super::{ApiError, Code, FieldError};
use crate::kernel::gtin::{InvalidGtin, check_digit};
use serde::Serialize;
use utoipa::ToSchema;

/// Why an identifier led to nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// Nothing that is there has it.
    Unknown,
    /// It is no GTIN.
    InvalidGtin,
    /// It is a code of restricted circulation.
    InStoreCode,
    /// The product was deleted, and what replaces it is not there.
    Gone,
}

/// Why a text that is no GTIN leads to nothing, and the code that was probably meant.
#[must_use]
pub fn reason(text: &str, error: &InvalidGtin) -> (Reason, Option<String>) {
    let refusal = refused(text, error);
    let reason = match refusal.code() {
        Code::InStoreCode => Reason::InStoreCode,
        _ => Reason::InvalidGtin,
    };
    (reason, refusal.faults().first().and_then(|fault| fault.suggestion.clone()))
}

/// The refusal of a call for its one GTIN, in the path or in the parameter `gtin`.
#[must_use]
pub fn refused(text: &str, error: &InvalidGtin) -> ApiError {
    let (code, fault) = fault(text, error);
    let detail = match &fault.suggestion {
        Some(suggestion) => format!("`{text}` {}. Did you mean `{suggestion}`?", fault.message),
        None => crate::kernel::sentence(format!("`{text}` {}", fault.message)),
    };
    ApiError::new(code, detail).errors(vec![fault])
}

/// What is wrong with one of the GTINs in a parameter, and how a call is refused for that alone.
#[must_use]
pub fn fault_among(name: &str, text: &str, error: &InvalidGtin) -> (Code, FieldError) {
    let (code, fault) = fault(text, error);
    let message = format!("has `{text}`, which {}", fault.message);
    (code, FieldError { parameter: Some(name.to_owned()), message, ..fault })
}

/// The same for one in a body, at a JSON Pointer.
#[must_use]
pub fn fault_at(pointer: &str, text: &str, error: &InvalidGtin) -> (Code, FieldError) {
    let (code, fault) = fault(text, error);
    (code, FieldError { parameter: None, pointer: Some(pointer.to_owned()), ..fault })
}

/// How a call is refused for several faults that would each refuse it with a code; `None` where they have
/// none in common. Codes of restricted circulation are wrong GTINs among others.
#[must_use]
pub fn together(codes: &[Code]) -> Option<Code> {
    let first = *codes.first()?;
    if codes.iter().all(|code| *code == first) {
        return Some(first);
    }
    let is_of_gtin = |code: &Code| matches!(code, Code::InvalidGtin | Code::InStoreCode);
    codes.iter().all(is_of_gtin).then_some(Code::InvalidGtin)
}

/// What is wrong with a text in the parameter `gtin`, with the code that was probably meant.
fn fault(text: &str, error: &InvalidGtin) -> (Code, FieldError) {
    let complete = || format!("{text}{}", check_digit(text.as_bytes()));
    let (code, fault, message, suggestion) = match error {
        InvalidGtin::InStore => (Code::InStoreCode, "in_store", error.to_string(), None),
        InvalidGtin::CheckDigit { .. } => {
            (Code::InvalidGtin, "check_digit", error.to_string(), error.suggestion())
        }
        InvalidGtin::Length(length @ (7 | 11)) => {
            let form = if *length == 7 { "an EAN-8" } else { "a UPC" };
            let message = format!("looks like {form} code without its check digit");
            (Code::InvalidGtin, "check_digit", message, Some(complete()))
        }
        _ => (Code::InvalidGtin, "malformed", error.to_string(), None),
    };
    (code, FieldError::parameter("gtin", fault, message).suggest(suggestion))
}
