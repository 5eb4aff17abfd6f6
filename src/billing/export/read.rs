//! Files of rows, read back as they were written.

use super::layout::{Column, Kind, Layout};
use super::row::{Cell, Texts};
use super::write::Format;
use crate::kernel::Micros;
use parquet::file::reader::{FileReader as _, SerializedFileReader};
use parquet::record::Field;
use serde_json::{Map, Value};
use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::path::Path;

/// Why a row, or a file, is not what it should be.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Unreadable(String);

impl Unreadable {
    fn because(error: impl std::fmt::Display) -> Self {
        Self(error.to_string())
    }
}

/// Shows the texts of each row, until one cannot be read: then how many could, and why. `each` says whether to go on.
pub fn rows(
    path: &Path,
    layout: &Layout,
    format: Format,
    mut each: impl FnMut(&Texts) -> bool,
) -> Result<(), (u64, Unreadable)> {
    let mut seen = 0;
    let mut counted = |texts: &Texts| {
        seen += 1;
        each(texts)
    };
    let read = match format {
        Format::Csv => csv_rows(path, layout, &mut counted),
        Format::Ndjson => json_rows(path, layout, &mut counted),
        Format::Parquet => parquet_rows(path, layout, &mut counted),
    };
    read.map_err(|error| (seen, error))
}

fn open(path: &Path) -> Result<File, Unreadable> {
    File::open(path).map_err(Unreadable::because)
}

fn csv_rows(
    path: &Path,
    layout: &Layout,
    each: &mut impl FnMut(&Texts) -> bool,
) -> Result<(), Unreadable> {
    let mut reader = csv::Reader::from_reader(open(path)?);
    let header = reader.headers().map_err(Unreadable::because)?;
    if !header.iter().eq(layout.columns.iter().map(|column| column.name)) {
        return Err(Unreadable(format!("its header is not that of {}", layout.name)));
    }
    let (mut record, mut texts) = (csv::StringRecord::new(), Texts::default());
    while reader.read_record(&mut record).map_err(Unreadable::because)? {
        texts.clear();
        record.iter().for_each(|text| texts.push_text(text));
        if !each(&texts) {
            break;
        }
    }
    Ok(())
}

fn json_rows(
    path: &Path,
    layout: &Layout,
    each: &mut impl FnMut(&Texts) -> bool,
) -> Result<(), Unreadable> {
    let (mut texts, mut again) = (Texts::default(), String::new());
    for line in BufReader::new(open(path)?).lines() {
        let line = line.map_err(Unreadable::because)?;
        let object: Map<String, Value> =
            serde_json::from_str(&line).map_err(Unreadable::because)?;
        texts.clear();
        for column in layout.columns {
            texts.push_text(&json_text(column, object.get(column.name))?);
        }
        again.clear();
        texts.json(layout, &mut again);
        if again != line {
            return Err(Unreadable("it is not as it is written".to_owned()));
        }
        if !each(&texts) {
            break;
        }
    }
    Ok(())
}

fn json_text(column: &Column, value: Option<&Value>) -> Result<String, Unreadable> {
    match (column.kind, value) {
        (_, Some(Value::Null)) => Ok(String::new()),
        (Kind::Int, Some(Value::Number(number))) => Ok(number.to_string()),
        (Kind::Bool, Some(Value::Bool(value))) => Ok(value.to_string()),
        (Kind::Text | Kind::Time | Kind::Decimal(_), Some(Value::String(text))) => Ok(text.clone()),
        (_, None) => Err(Unreadable(format!("it has no `{}`", column.name))),
        _ => Err(Unreadable(format!("its `{}` is of another kind", column.name))),
    }
}

fn parquet_rows(
    path: &Path,
    layout: &Layout,
    each: &mut impl FnMut(&Texts) -> bool,
) -> Result<(), Unreadable> {
    let reader = SerializedFileReader::new(open(path)?).map_err(Unreadable::because)?;
    let schema = reader.metadata().file_metadata().schema_descr();
    let names = schema.columns().iter().map(|column| column.name().to_owned());
    if !names.eq(layout.columns.iter().map(|column| column.name)) {
        return Err(Unreadable(format!("its columns are not those of {}", layout.name)));
    }
    let mut texts = Texts::default();
    for row in reader.get_row_iter(None).map_err(Unreadable::because)? {
        let row = row.map_err(Unreadable::because)?;
        texts.clear();
        for (column, (_, field)) in layout.columns.iter().zip(row.get_column_iter()) {
            texts.push(&parquet_cell(column, field)?);
        }
        if !each(&texts) {
            break;
        }
    }
    Ok(())
}

fn parquet_cell(column: &Column, field: &Field) -> Result<Cell, Unreadable> {
    match (column.kind, field) {
        (_, Field::Null) => Ok(Cell::Null),
        (Kind::Text, Field::Str(text)) => Ok(Cell::Text(text.clone().into())),
        (Kind::Int, Field::Long(number)) => Ok(Cell::Int(*number)),
        (Kind::Bool, Field::Bool(value)) => Ok(Cell::Bool(*value)),
        (Kind::Time, Field::TimestampMicros(at)) => Ok(Cell::Time(Micros(*at))),
        (Kind::Decimal(scale), Field::Decimal(decimal)) => match decimal.data().try_into() {
            Ok(bytes) => Ok(Cell::Decimal(i128::from_be_bytes(bytes), scale)),
            Err(_) => Err(Unreadable(format!("its `{}` has not 128 bits", column.name))),
        },
        _ => Err(Unreadable(format!("its `{}` is of another kind", column.name))),
    }
}

#[cfg(test)]
mod tests {
    use super::super::row::Row;
    use super::super::write::Rows;
    use super::*;

    const PRICES: Layout = Layout {
        name: "prices_v1",
        columns: &[
            Column::of("name", Kind::Text, ""),
            Column::of("at", Kind::Time, ""),
            Column::maybe("amount", Kind::Decimal(4), ""),
            Column::maybe("units", Kind::Int, ""),
            Column::maybe("final", Kind::Bool, ""),
            Column::of("hash", Kind::Text, ""),
        ],
        hash: "hash",
        id: "name",
        day: "at",
        money: Some(("amount", "name")),
    };

    #[test]
    fn rows_come_back_the_same_from_each_format() {
        let dir = tempfile::tempdir().unwrap();
        let row = |name: &'static str, amount: Cell, units: Cell, last: Cell| {
            let at = Cell::Time(Micros(1_795_341_600_000_001));
            let name = Cell::Text(name.into());
            Row::sealed(&PRICES, vec![name, at, amount, units, last, Cell::Null])
        };
        let written = [
            row("a, \"b\"", Cell::Decimal(-12_345, 4), Cell::Int(-7), Cell::Bool(true)),
            row("é\n", Cell::Decimal(i128::MAX, 4), Cell::Null, Cell::Bool(false)),
            row("c", Cell::Null, Cell::Int(i64::MIN), Cell::Null),
        ];
        for format in [Format::Csv, Format::Ndjson, Format::Parquet] {
            let path = dir.path().join(format.as_str());
            let mut file = Rows::new(&PRICES, format, File::create(&path).unwrap()).unwrap();
            written.iter().for_each(|row| file.write(row).unwrap());
            drop(file.finish().unwrap());
            let mut read = Vec::new();
            let all = |texts: &Texts| {
                read.push((texts.clone(), texts.leaf(&PRICES)));
                true
            };
            rows(&path, &PRICES, format, all).unwrap();
            let expected: Vec<_> =
                written.iter().map(|row| (row.texts.clone(), row.leaf)).collect();
            assert_eq!(read, expected, "{format:?}");
        }
    }
}
