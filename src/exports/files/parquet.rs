//! A Parquet file: rows are gathered by column and written a group at a time.

use super::columns::{Cell, cells, message};
use crate::access::plan::PlanData;
use crate::exports::ExportError;
use crate::exports::digest::Digested;
use crate::exports::model::Resource;
use crate::exports::store::rows::Row;
use parquet::basic::{Compression, Repetition, Type as Physical, ZstdLevel};
use parquet::data_type::{BoolType, ByteArray, ByteArrayType, Int64Type};
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::parser::parse_message_type;
use std::sync::Arc;

/// A group is written when it has so many rows, or so many bytes of text.
const GROUP_ROWS: usize = 50_000;
const GROUP_BYTES: usize = 16 * 1024 * 1024;

/// The values of a column that are not yet written, and which rows have one.
struct Column {
    values: Values,
    /// 1 where a row has a value, 0 where not.
    present: Vec<i16>,
    optional: bool,
}

enum Values {
    Text(Vec<ByteArray>),
    Int(Vec<i64>),
    Bool(Vec<bool>),
}

/// A Parquet file.
pub(super) struct Parquet {
    writer: SerializedFileWriter<Digested>,
    columns: Vec<Column>,
    /// Which of the columns are empty.
    left_out: Vec<bool>,
    rows: usize,
    bytes: usize,
}

impl Parquet {
    pub(super) fn new(
        file: Digested,
        resource: Resource,
        data: Option<&PlanData>,
    ) -> Result<Self, ExportError> {
        let (message, left_out) = message(resource, data);
        let schema = Arc::new(parse_message_type(&message)?);
        let properties = WriterProperties::builder()
            .set_compression(Compression::ZSTD(ZstdLevel::try_new(3)?))
            .build();
        let writer = SerializedFileWriter::new(file, schema, Arc::new(properties))?;
        let column = |described: &parquet::schema::types::ColumnDescPtr| Column {
            values: match described.physical_type() {
                Physical::INT64 => Values::Int(Vec::new()),
                Physical::BOOLEAN => Values::Bool(Vec::new()),
                _ => Values::Text(Vec::new()),
            },
            present: Vec::new(),
            optional: described.self_type().get_basic_info().repetition() == Repetition::OPTIONAL,
        };
        let columns = writer.schema_descr().columns().iter().map(column).collect();
        Ok(Self { writer, columns, left_out, rows: 0, bytes: 0 })
    }

    pub(super) fn write(&mut self, row: &Row, document: &str) -> Result<(), ExportError> {
        let cells = cells(row, document)?.into_iter().zip(&self.left_out);
        let cells = cells.map(|(cell, out)| if *out { cell.emptied() } else { cell });
        for (column, cell) in self.columns.iter_mut().zip(cells) {
            self.bytes += column.push(cell)?;
        }
        self.rows += 1;
        if self.rows >= GROUP_ROWS || self.bytes >= GROUP_BYTES {
            self.write_group()?;
        }
        Ok(())
    }

    fn write_group(&mut self) -> Result<(), ExportError> {
        if self.rows == 0 {
            return Ok(());
        }
        let mut group = self.writer.next_row_group()?;
        for column in &mut self.columns {
            let Some(mut writer) = group.next_column()? else { break };
            let present = column.optional.then_some(column.present.as_slice());
            match &mut column.values {
                Values::Text(values) => {
                    writer.typed::<ByteArrayType>().write_batch(values, present, None)?;
                    values.clear();
                }
                Values::Int(values) => {
                    writer.typed::<Int64Type>().write_batch(values, present, None)?;
                    values.clear();
                }
                Values::Bool(values) => {
                    writer.typed::<BoolType>().write_batch(values, present, None)?;
                    values.clear();
                }
            }
            writer.close()?;
            column.present.clear();
        }
        group.close()?;
        (self.rows, self.bytes) = (0, 0);
        Ok(())
    }

    pub(super) fn finish(mut self) -> Result<Digested, ExportError> {
        self.write_group()?;
        Ok(self.writer.into_inner()?)
    }
}

impl Column {
    /// Takes a value; how many bytes of text it has.
    fn push(&mut self, cell: Cell) -> Result<usize, ParquetError> {
        let mut bytes = 0;
        let present = match (&mut self.values, cell) {
            (Values::Text(values), Cell::Text(value)) => value.map(|text| {
                bytes = text.len();
                values.push(text.into_bytes().into());
            }),
            (Values::Int(values), Cell::Int(value)) => value.map(|number| values.push(number)),
            (Values::Bool(values), Cell::Bool(value)) => value.map(|value| values.push(value)),
            _ => return Err(ParquetError::General("a value of another type".to_owned())),
        };
        if present.is_none() && !self.optional {
            return Err(ParquetError::General("a required value is missing".to_owned()));
        }
        self.present.push(i16::from(present.is_some()));
        Ok(bytes)
    }
}
