//! Rows as CSV, NDJSON or Parquet.

use super::ExportError;
use super::layout::Layout;
use super::row::{Cell, Row};
use crate::exports::columnar::{self, Columnar};
use std::io::{BufWriter, Write};

/// How the rows are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// RFC 4180 with a header line, lines ended by LF.
    Csv,
    /// One JSON object in a line.
    Ndjson,
    /// Apache Parquet, compressed with Zstandard.
    Parquet,
}

/// The word is no export format.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an export must be csv, ndjson or parquet")]
pub struct UnknownFormat;

impl Format {
    /// The word, which is the ending of its files, too.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Csv => "csv",
            Self::Ndjson => "ndjson",
            Self::Parquet => "parquet",
        }
    }
}

impl std::str::FromStr for Format {
    type Err = UnknownFormat;

    fn from_str(text: &str) -> Result<Self, UnknownFormat> {
        [Self::Csv, Self::Ndjson, Self::Parquet]
            .into_iter()
            .find(|format| format.as_str() == text)
            .ok_or(UnknownFormat)
    }
}

/// Where rows go.
pub(super) struct Rows<W: Write + Send> {
    layout: &'static Layout,
    sink: Sink<W>,
    line: String,
}

enum Sink<W: Write + Send> {
    Csv(BufWriter<W>),
    Ndjson(BufWriter<W>),
    Parquet(Box<Columnar<W>>),
}

impl<W: Write + Send> Rows<W> {
    pub(super) fn new(
        layout: &'static Layout,
        format: Format,
        out: W,
    ) -> Result<Self, ExportError> {
        let sink = match format {
            Format::Csv => {
                let mut out = BufWriter::new(out);
                let names: Vec<&str> = layout.columns.iter().map(|column| column.name).collect();
                writeln!(out, "{}", names.join(","))?;
                Sink::Csv(out)
            }
            Format::Ndjson => Sink::Ndjson(BufWriter::new(out)),
            Format::Parquet => Sink::Parquet(Box::new(Columnar::new(out, &layout.message())?)),
        };
        Ok(Self { layout, sink, line: String::new() })
    }

    pub(super) fn write(&mut self, row: &Row) -> Result<(), ExportError> {
        self.line.clear();
        match &mut self.sink {
            Sink::Csv(out) => {
                row.texts.csv(None, &mut self.line);
                self.line.push('\n');
                out.write_all(self.line.as_bytes())?;
            }
            Sink::Ndjson(out) => {
                row.texts.json(self.layout, &mut self.line);
                self.line.push('\n');
                out.write_all(self.line.as_bytes())?;
            }
            Sink::Parquet(columns) => {
                let cells = self.layout.columns.iter().zip(&row.cells);
                columns.push(cells.map(|(column, cell)| columnar(column.kind, cell)))?;
            }
        }
        Ok(())
    }

    pub(super) fn finish(self) -> Result<W, ExportError> {
        Ok(match self.sink {
            Sink::Csv(out) | Sink::Ndjson(out) => {
                out.into_inner().map_err(std::io::IntoInnerError::into_error)?
            }
            Sink::Parquet(columns) => columns.finish()?,
        })
    }
}

/// A cell as Parquet has it. One of another kind than its column is refused there.
fn columnar(kind: super::layout::Kind, cell: &Cell) -> columnar::Cell {
    use super::layout::Kind;
    match (cell, kind) {
        (Cell::Text(text), _) => {
            columnar::Cell::Text(Some(text.clone().into_owned()).filter(|text| !text.is_empty()))
        }
        (Cell::Int(number), _) => columnar::Cell::Int(Some(*number)),
        (Cell::Bool(value), _) => columnar::Cell::Bool(Some(*value)),
        (Cell::Time(at), _) => columnar::Cell::Int(Some(at.0)),
        (Cell::Decimal(digits, _), _) => columnar::Cell::Decimal(Some(*digits)),
        (Cell::Null, Kind::Text) => columnar::Cell::Text(None),
        (Cell::Null, Kind::Int | Kind::Time) => columnar::Cell::Int(None),
        (Cell::Null, Kind::Bool) => columnar::Cell::Bool(None),
        (Cell::Null, Kind::Decimal(_)) => columnar::Cell::Decimal(None),
    }
}
