//! Why a row of a feed was refused, and what becomes of each row.

use serde::Serialize;
use std::borrow::Cow;

/// Longest piece of a refused value that is repeated in a report, in characters.
const SHOWN: usize = 80;

/// Why a row was refused: where, what stood there, and what would be right.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Fault {
    /// The field at fault, with dots between levels; empty where the whole line is.
    pub field: Cow<'static, str>,
    /// What stood there, cut to 80 characters.
    pub value: String,
    /// What kind of fault, stable.
    pub code: &'static str,
    /// What is wrong and what would be right.
    pub message: String,
}

impl Fault {
    /// A fault of `field`.
    pub fn new(
        field: impl Into<Cow<'static, str>>,
        value: &str,
        code: &'static str,
        message: impl Into<String>,
    ) -> Self {
        let value = value.chars().take(SHOWN).collect();
        Self { field: field.into(), value, code, message: message.into() }
    }

    /// A row whose values cannot be written as JSON.
    #[must_use]
    pub fn unwritable(error: &serde_json::Error) -> Self {
        Self::new("", "", "malformed", format!("cannot be kept as JSON: {error}"))
    }

    /// The same fault of the part of its field that is at fault: `price` becomes `price.amount`.
    #[must_use]
    pub fn within(mut self, part: &str) -> Self {
        self.field = Cow::Owned(format!("{}.{part}", self.field));
        self
    }
}

/// What became of a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fate {
    /// It was written.
    Written,
    /// It said what was known already.
    Unchanged,
    /// It was refused.
    Refused(Fault),
}
