//! A row: its cells, their texts, and the hash that stands for it.
//!
//! The canonical text of a row is its line in CSV, without the line's end and without the column of the hash. So one row has one
//! hash, whatever the format of its file.

use super::layout::{Kind, Layout};
use crate::billing::merkle::{self, Node};
use crate::kernel::{Micros, hex};
use std::borrow::Cow;
use std::fmt::Write as _;

/// A value of a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cell {
    /// Nothing.
    Null,
    /// A text; an empty one is nothing.
    Text(Cow<'static, str>),
    /// A whole number.
    Int(i64),
    /// Yes or no.
    Bool(bool),
    /// An instant.
    Time(Micros),
    /// A decimal: its digits, and how many of them are behind the point.
    Decimal(i128, u8),
}

impl Cell {
    /// The text of something; nothing where there is none.
    pub fn text(value: impl Into<Option<Cow<'static, str>>>) -> Self {
        value.into().map_or(Self::Null, Self::Text)
    }

    /// The text of an id.
    pub fn id(value: impl std::fmt::Display) -> Self {
        Self::Text(value.to_string().into())
    }

    /// A number. One that does not fit, after 9 exabytes or so, is held at the edge, as in the ledger.
    #[must_use]
    pub fn number(value: u64) -> Self {
        Self::Int(i64::try_from(value).unwrap_or(i64::MAX))
    }

    /// A text that people have written. Where a spreadsheet would take it for a formula, it has an apostrophe before it.
    #[must_use]
    pub fn free(text: &str) -> Self {
        let formula = text.starts_with(['=', '+', '-', '@', '\t', '\r']);
        Self::Text(if formula { format!("'{text}") } else { text.to_owned() }.into())
    }

    /// A decimal from its text; nothing where it is none, or has more digits than fit.
    #[must_use]
    pub fn decimal(text: &str, scale: u8) -> Self {
        digits(text, scale).map_or(Self::Null, |digits| Self::Decimal(digits, scale))
    }

    fn write(&self, out: &mut String) {
        let _ = match self {
            Self::Null => Ok(()),
            Self::Text(text) => out.write_str(text),
            Self::Int(number) => out.write_str(itoa::Buffer::new().format(*number)),
            Self::Bool(value) => out.write_str(if *value { "true" } else { "false" }),
            Self::Time(at) => write!(out, "{at}"),
            Self::Decimal(digits, scale) => out.write_str(&decimal(*digits, *scale)),
        };
    }
}

/// The digits of a decimal's text as a whole number of so many decimals.
#[must_use]
pub fn digits(text: &str, scale: u8) -> Option<i128> {
    let (sign, size) = text.strip_prefix('-').map_or(("", text), |size| ("-", size));
    let (whole, part) = size.split_once('.').unwrap_or((size, ""));
    let plain = |part: &str| part.bytes().all(|b| b.is_ascii_digit());
    let (part, width) = (part.trim_end_matches('0'), usize::from(scale));
    if whole.is_empty() || !plain(whole) || !plain(part) || part.len() > width {
        return None;
    }
    format!("{sign}{whole}{part:0<width$}").parse().ok()
}

/// A decimal with all of its digits behind the point.
#[must_use]
pub fn decimal(digits: i128, scale: u8) -> String {
    let (sign, scale) = (if digits < 0 { "-" } else { "" }, usize::from(scale));
    let text = format!("{:0>1$}", digits.unsigned_abs(), scale + 1);
    let (whole, part) = text.split_at(text.len() - scale);
    let point = if scale == 0 { "" } else { "." };
    format!("{sign}{whole}{point}{part}")
}

/// The texts of a row's cells; an empty one stands for nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Texts {
    buffer: String,
    ends: Vec<usize>,
}

impl Texts {
    /// Takes everything out.
    pub fn clear(&mut self) {
        self.buffer.clear();
        self.ends.clear();
    }

    /// Adds the text of a cell.
    pub fn push(&mut self, cell: &Cell) {
        cell.write(&mut self.buffer);
        self.ends.push(self.buffer.len());
    }

    /// Adds a text.
    pub fn push_text(&mut self, text: &str) {
        self.buffer.push_str(text);
        self.ends.push(self.buffer.len());
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// The text at a place; empty where there is nothing.
    #[must_use]
    pub fn get(&self, place: usize) -> &str {
        let from = place.checked_sub(1).and_then(|before| self.ends.get(before)).copied();
        let to = self.ends.get(place).copied().unwrap_or(self.buffer.len());
        self.buffer.get(from.unwrap_or(0)..to).unwrap_or("")
    }

    /// The texts in their order.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        (0..self.len()).map(|place| self.get(place))
    }

    /// Writes the line of CSV (RFC 4180), without its end and without one of the columns.
    pub fn csv(&self, without: Option<usize>, out: &mut String) {
        let mut comma = "";
        for (place, text) in self.iter().enumerate() {
            if Some(place) == without {
                continue;
            }
            out.push_str(comma);
            comma = ",";
            if text.contains(['"', ',', '\n', '\r']) {
                let _ = write!(out, "\"{}\"", text.replace('"', "\"\""));
            } else {
                out.push_str(text);
            }
        }
    }

    /// Writes the line of NDJSON, without its end. Decimals are texts, so that no reader rounds them.
    pub fn json(&self, layout: &Layout, out: &mut String) {
        let mut before = '{';
        for (column, text) in layout.columns.iter().zip(self.iter()) {
            let _ = write!(out, "{before}\"{}\":", column.name);
            before = ',';
            match column.kind {
                _ if text.is_empty() => out.push_str("null"),
                Kind::Int | Kind::Bool => out.push_str(text),
                // The text of a JSON string, with what must be escaped.
                _ => drop(write!(out, "{}", serde_json::Value::from(text))),
            }
        }
        out.push('}');
    }

    /// The hash of the row.
    #[must_use]
    pub fn leaf(&self, layout: &Layout) -> Node {
        let mut canonical = String::with_capacity(self.buffer.len() + self.len());
        self.csv(layout.hash_place(), &mut canonical);
        merkle::leaf(canonical.as_bytes())
    }
}

/// A row that is complete: its hash is in it.
#[derive(Debug, Default)]
pub struct Row {
    /// Its cells.
    pub cells: Vec<Cell>,
    /// Their texts.
    pub texts: Texts,
    /// Its hash.
    pub leaf: Node,
}

impl Row {
    /// Completes cells in which the hash is still missing.
    #[must_use]
    pub fn sealed(layout: &Layout, mut cells: Vec<Cell>) -> Self {
        let mut texts = Texts::default();
        cells.iter().for_each(|cell| texts.push(cell));
        let leaf = texts.leaf(layout);
        if let Some(cell) = layout.hash_place().and_then(|place| cells.get_mut(place)) {
            *cell = Cell::Text(hex(leaf).into());
            texts.clear();
            cells.iter().for_each(|cell| texts.push(cell));
        }
        Self { cells, texts, leaf }
    }
}

#[cfg(test)]
mod tests {
    use super::super::layout::Column;
    use super::*;
    use proptest::prelude::*;

    const NOTES: Layout = Layout {
        name: "notes_v1",
        columns: &[
            Column::of("a", Kind::Text, ""),
            Column::maybe("hash", Kind::Text, ""),
            Column::maybe("b", Kind::Text, ""),
            Column::of("n", Kind::Int, ""),
        ],
        hash: "hash",
        id: "a",
        day: "a",
        money: None,
    };

    #[test]
    fn decimals_have_all_their_digits() {
        for (digits, scale, text) in [
            (0, 0, "0"),
            (5, 3, "0.005"),
            (-5, 3, "-0.005"),
            (12_345, 2, "123.45"),
            (i128::MIN, 38, "-1.70141183460469231731687303715884105728"),
        ] {
            assert_eq!(decimal(digits, scale), text);
            assert_eq!(super::digits(text, scale), Some(digits));
        }
        assert_eq!(digits("1.50", 1), Some(15));
        for none in ["", "-", "1.55", "+1", "1e3", ".5", "1,5", "--1"] {
            assert_eq!(digits(none, 1), None, "{none}");
        }
    }

    #[test]
    fn no_name_is_a_formula() {
        for (name, cell) in [("=1+1", "'=1+1"), ("@a", "'@a"), ("-a", "'-a"), ("a=b", "a=b")] {
            assert_eq!(Cell::free(name), Cell::Text(cell.into()));
        }
    }

    proptest! {
        #[test]
        fn lines_are_read_as_they_were_written(a: String, b: Option<String>, n: i64) {
            let cells = vec![
                Cell::Text(a.clone().into()), Cell::Null, Cell::text(b.clone().map(Cow::from)),
                Cell::Int(n),
            ];
            let row = Row::sealed(&NOTES, cells);
            let mut line = String::new();
            row.texts.csv(None, &mut line);
            let mut reader = csv::ReaderBuilder::new().has_headers(false).from_reader(line.as_bytes());
            let record = reader.records().next().unwrap().unwrap();
            let expected = [a.clone(), hex(row.leaf), b.clone().unwrap_or_default(), n.to_string()];
            prop_assert_eq!(record.iter().collect::<Vec<_>>(), expected);

            let mut line = String::new();
            row.texts.json(&NOTES, &mut line);
            let json: serde_json::Value = serde_json::from_str(&line).unwrap();
            let text = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
            prop_assert_eq!(&json["a"], &serde_json::json!(text(&a)));
            prop_assert_eq!(&json["b"], &serde_json::json!(text(&b.unwrap_or_default())));
            prop_assert_eq!(&json["n"], n);
        }

        #[test]
        fn another_value_is_another_hash(a in "[a-z,\"]{1,9}", b in "[a-z,\"]{0,9}") {
            let of = |a: &str, b: &str| Row::sealed(&NOTES, vec![
                Cell::Text(a.to_owned().into()), Cell::Null, Cell::Text(b.to_owned().into()), Cell::Int(1),
            ]).leaf;
            prop_assert_ne!(of(&a, &b), of(&format!("{a}x"), &b));
            prop_assert_ne!(of(&a, &b), of(&a, &format!("{b}x")));
            prop_assert_ne!(of(&format!("{a}x"), &b), of(&a, &format!("x{b}")));
        }
    }
}
