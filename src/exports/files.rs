//! The files of one resource, one for each format, written side by side from the same rows.

mod columns;
mod ndjson;
mod parquet;

use super::ExportError;
use super::digest::Digested;
use super::model::{File, Format, Resource};
use super::store::rows::Row;
use crate::access::model::StockDisclosure;
use crate::access::plan::PlanData;
use crate::changes::resource::{self, Told};
use crate::storage::StoreError;
use std::borrow::Cow;
use std::path::Path;

/// How files are written, and with which fields.
#[derive(Debug)]
pub(super) struct Shape {
    pub(super) formats: Vec<Format>,
    /// What the plan of who asked includes; none where that is everything.
    pub(super) data: Option<PlanData>,
}

enum Sink {
    Ndjson(ndjson::Ndjson),
    Parquet(parquet::Parquet),
}

/// The open files of a resource.
pub(super) struct Files<'a> {
    resource: Resource,
    data: Option<&'a PlanData>,
    rows: u64,
    sinks: Vec<(Format, Sink)>,
}

impl<'a> Files<'a> {
    /// Makes the files in a directory.
    pub(super) fn create(
        dir: &Path,
        resource: Resource,
        shape: &'a Shape,
    ) -> Result<Self, ExportError> {
        let data = shape.data.as_ref();
        let sink = |format: &Format| {
            let file = Digested::create(&dir.join(name(resource, *format)))?;
            let sink = match format {
                Format::NdjsonGz => Sink::Ndjson(ndjson::Ndjson::new(file)),
                Format::Parquet => Sink::Parquet(parquet::Parquet::new(file, resource, data)?),
            };
            Ok((*format, sink))
        };
        let sinks = shape.formats.iter().map(sink).collect::<Result<_, ExportError>>()?;
        Ok(Self { resource, data, rows: 0, sinks })
    }

    /// Writes some rows into every file.
    pub(super) fn write(&mut self, rows: &[Row]) -> Result<(), ExportError> {
        let told = Told { stock: StockDisclosure::Band, data: self.data };
        for row in rows {
            let document = told.cut(self.resource.kind(), document(row)?)?;
            for (_, sink) in &mut self.sinks {
                match sink {
                    Sink::Ndjson(file) => file.write(&document)?,
                    Sink::Parquet(file) => file.write(row, &document)?,
                }
            }
        }
        self.rows += rows.len() as u64;
        Ok(())
    }

    /// Finishes the files, durably.
    pub(super) fn close(self) -> Result<Vec<File>, ExportError> {
        let mut closed = Vec::with_capacity(self.sinks.len());
        for (format, sink) in self.sinks {
            let file = match sink {
                Sink::Ndjson(file) => file.finish()?,
                Sink::Parquet(file) => file.finish()?,
            };
            let (bytes, sha256) = file.close()?;
            closed.push(File {
                name: name(self.resource, format),
                resource: self.resource,
                format,
                bytes,
                rows: self.rows,
                sha256,
            });
        }
        Ok(closed)
    }
}

fn name(resource: Resource, format: Format) -> String {
    format!("{resource}.{}", format.as_str())
}

/// The document of a row. A file is for everybody with its scope, so quantities are bands.
fn document(row: &Row) -> Result<Cow<'_, str>, StoreError> {
    Ok(match row {
        Row::Product(row) => Cow::Borrowed(&row.body),
        Row::Document(row) => Cow::Borrowed(&row.body),
        Row::Offer(row) => Cow::Owned(resource::offer(row)?),
        Row::Level(row) => Cow::Owned(resource::level(row, StockDisclosure::Band)?),
    })
}
