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
    /// What that is, for people.
    pub about: &'static str,
}

impl Column {
    /// A column in which each row has a value.
    #[must_use]
    pub const fn of(name: &'static str, kind: Kind, about: &'static str) -> Self {
        Self { name, kind, optional: false, about }
    }

    /// A column in which a row may have none.
    #[must_use]
    pub const fn maybe(name: &'static str, kind: Kind, about: &'static str) -> Self {
        Self { name, kind, optional: true, about }
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
    /// The column that has the hash of the others of its row.
    pub hash: &'static str,
    /// The column that names a row in messages and proofs. Any row can be named by its hash, too.
    pub id: &'static str,
    /// The column with the instant whose day of UTC a row is of.
    pub day: &'static str,
    /// The columns with the amount and the currency that control totals are made of; none where rows are about no money.
    pub money: Option<(&'static str, &'static str)>,
}

impl Kind {
    /// What it is called where columns are told.
    #[must_use]
    pub fn told(self) -> String {
        match self {
            Self::Text => "text".to_owned(),
            Self::Int => "integer".to_owned(),
            Self::Bool => "boolean".to_owned(),
            Self::Time => "timestamp".to_owned(),
            Self::Decimal(scale) => format!("decimal(38,{scale})"),
        }
    }
}

impl Layout {
    /// Where a column stands.
    #[must_use]
    pub fn place(&self, name: &str) -> Option<usize> {
        self.columns.iter().position(|column| column.name == name)
    }

    /// Where the hash of a row stands.
    #[must_use]
    pub fn hash_place(&self) -> Option<usize> {
        self.place(self.hash)
    }

    /// The names of what a row's hash is made of.
    pub fn hashed(&self) -> impl Iterator<Item = &'static str> {
        self.columns.iter().map(|column| column.name).filter(|name| *name != self.hash)
    }

    /// The columns as a message type of Parquet.
    #[must_use]
    pub fn message(&self) -> String {
        let mut message = format!("message {} {{\n", self.name);
        for Column { name, kind, optional, .. } in self.columns {
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
