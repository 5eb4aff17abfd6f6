//! Rows as Parquet: they are gathered by column and written a group at a time.

use parquet::basic::{Compression, Repetition, Type as Physical, ZstdLevel};
use parquet::data_type::{
    BoolType, ByteArray, ByteArrayType, FixedLenByteArray, FixedLenByteArrayType, Int64Type,
};
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::parser::parse_message_type;
use std::io::Write;
use std::sync::Arc;

/// A group is written when it has so many rows, or so many bytes of text.
const GROUP_ROWS: usize = 50_000;
const GROUP_BYTES: usize = 16 * 1024 * 1024;

/// A value of a row.
#[derive(Debug)]
pub(crate) enum Cell {
    /// A text.
    Text(Option<String>),
    /// A whole number, an amount of 18 digits or an instant.
    Int(Option<i64>),
    /// Yes or no.
    Bool(Option<bool>),
    /// A decimal of 38 digits on 128 bits, in the smallest unit of its scale.
    Decimal(Option<i128>),
}

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
    Decimal(Vec<FixedLenByteArray>),
}

/// A Parquet file that is being written.
pub(crate) struct Columnar<W: Write + Send> {
    writer: SerializedFileWriter<W>,
    columns: Vec<Column>,
    rows: usize,
    bytes: usize,
}

impl<W: Write + Send> Columnar<W> {
    /// A file of the columns of a message type.
    pub(crate) fn new(out: W, message: &str) -> Result<Self, ParquetError> {
        let schema = Arc::new(parse_message_type(message)?);
        let properties = WriterProperties::builder()
            .set_compression(Compression::ZSTD(ZstdLevel::try_new(3)?))
            .build();
        let writer = SerializedFileWriter::new(out, schema, Arc::new(properties))?;
        let column = |described: &parquet::schema::types::ColumnDescPtr| Column {
            values: match described.physical_type() {
                Physical::INT64 => Values::Int(Vec::new()),
                Physical::BOOLEAN => Values::Bool(Vec::new()),
                Physical::FIXED_LEN_BYTE_ARRAY => Values::Decimal(Vec::new()),
                _ => Values::Text(Vec::new()),
            },
            present: Vec::new(),
            optional: described.self_type().get_basic_info().repetition() == Repetition::OPTIONAL,
        };
        let columns = writer.schema_descr().columns().iter().map(column).collect();
        Ok(Self { writer, columns, rows: 0, bytes: 0 })
    }

    /// Takes a row, cell after cell.
    pub(crate) fn push(
        &mut self,
        cells: impl IntoIterator<Item = Cell>,
    ) -> Result<(), ParquetError> {
        for (column, cell) in self.columns.iter_mut().zip(cells) {
            self.bytes += column.push(cell)?;
        }
        self.rows += 1;
        if self.rows >= GROUP_ROWS || self.bytes >= GROUP_BYTES {
            self.write_group()?;
        }
        Ok(())
    }

    fn write_group(&mut self) -> Result<(), ParquetError> {
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
                Values::Decimal(values) => {
                    writer.typed::<FixedLenByteArrayType>().write_batch(values, present, None)?;
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

    /// Writes what is left; what the file was written into.
    pub(crate) fn finish(mut self) -> Result<W, ParquetError> {
        self.write_group()?;
        self.writer.inner_mut().flush()?;
        self.writer.into_inner()
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
            (Values::Decimal(values), Cell::Decimal(value)) => {
                value.map(|value| values.push(value.to_be_bytes().to_vec().into()))
            }
            _ => return Err(ParquetError::General("a value of another type".to_owned())),
        };
        if present.is_none() && !self.optional {
            return Err(ParquetError::General("a required value is missing".to_owned()));
        }
        self.present.push(i16::from(present.is_some()));
        Ok(bytes)
    }
}
