//! A Parquet file of a resource.

use super::columns::{cells, emptied, message};
use crate::access::plan::PlanData;
use crate::exports::ExportError;
use crate::exports::columnar::Columnar;
use crate::exports::digest::Digested;
use crate::exports::model::Resource;
use crate::exports::store::rows::Row;

/// A Parquet file.
pub(super) struct Parquet {
    columns: Columnar<Digested>,
    /// Which of the columns are empty.
    left_out: Vec<bool>,
}

impl Parquet {
    pub(super) fn new(
        file: Digested,
        resource: Resource,
        data: Option<&PlanData>,
    ) -> Result<Self, ExportError> {
        let (message, left_out) = message(resource, data);
        Ok(Self { columns: Columnar::new(file, &message)?, left_out })
    }

    pub(super) fn write(&mut self, row: &Row, document: &str) -> Result<(), ExportError> {
        let cells = cells(row, document)?.into_iter().zip(&self.left_out);
        let cells = cells.map(|(cell, out)| if *out { emptied(&cell) } else { cell });
        Ok(self.columns.push(cells)?)
    }

    pub(super) fn finish(self) -> Result<Digested, ExportError> {
        Ok(self.columns.finish()?)
    }
}
