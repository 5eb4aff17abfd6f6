//! What the columns of a file are: one table, which CSV, NDJSON and Parquet are all written and read by.

use std::fmt::Write as _;

/// What a column holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A text that is never empty.
    Text,
    /// A whole number of 64 bits.
    Int,
    /// Yes or no.
    Bool,
    /// An instant, in microseconds.
    Time,
    /// A decimal with so many digits behind the point, of 38 in all.
    Decimal(u8),
}

/// A column.
#[derive(Debug, Clone, Copy)]
pub struct Column {
    /// Its name.
    pub name: &'static str,
    /// What it holds.
    pub kind: Kind,
    /// Whether a row may have nothing there.
    pub optional: bool,
}

impl Column {
    /// A column in which each row has a value.
    #[must_use]
    pub const fn of(name: &'static str, kind: Kind) -> Self {
        Self { name, kind, optional: false }
    }

    /// A column in which a row may have none.
    #[must_use]
    pub const fn maybe(name: &'static str, kind: Kind) -> Self {
        Self { name, kind, optional: true }
    }
}

/// A kind of file: its name, with the version of its columns, and these in their order. A change of them is a
/// new version.
#[derive(Debug)]
pub struct Layout {
    /// The name, as `usage_events_v1`.
    pub name: &'static str,
    /// The columns.
    pub columns: &'static [Column],
}

/// The column that has the hash of the others of its row.
pub const HASH: &str = "hash";

impl Layout {
    /// Where a column stands.
    #[must_use]
    pub fn place(&self, name: &str) -> Option<usize> {
        self.columns.iter().position(|column| column.name == name)
    }

    /// The columns as a message type of Parquet.
    #[must_use]
    pub fn message(&self) -> String {
        let mut message = format!("message {} {{\n", self.name);
        for Column { name, kind, optional } in self.columns {
            let repetition = if *optional { "optional" } else { "required" };
            let _ = match kind {
                Kind::Text => writeln!(message, "{repetition} binary {name} (STRING);"),
                Kind::Int => writeln!(message, "{repetition} int64 {name};"),
                Kind::Bool => writeln!(message, "{repetition} boolean {name};"),
                Kind::Time => {
                    writeln!(message, "{repetition} int64 {name} (TIMESTAMP(MICROS,true));")
                }
                Kind::Decimal(scale) => writeln!(
                    message,
                    "{repetition} fixed_len_byte_array(16) {name} (DECIMAL(38,{scale}));"
                ),
            };
        }
        message + "}"
    }
}
