//! The files of an export, and what they come to.

use super::ExportError;
use super::content::Content;
use super::layout::Layout;
use super::row::Row;
use super::write::{Format, Rows};
use crate::billing::manifest::{Fact, File, Tally, Totals};
use crate::exports::digest::Digested;
use crate::kernel::hex;
use crate::metering::Sums;
use crate::storage::StoreError;
use sha2::{Digest as _, Sha256};
use std::collections::BTreeMap;
use std::path::PathBuf;

/// All files of an export.
pub(super) struct Parts {
    dir: PathBuf,
    layout: &'static Layout,
    format: Format,
    by_day: bool,
    /// Whether the days of rows rise, so that one file is open at a time.
    rises: bool,
    open: BTreeMap<Option<String>, Part>,
    files: Vec<File>,
    tally: Tally,
}

impl Parts {
    /// None yet.
    pub(super) fn new(
        dir: PathBuf,
        (content, format): (Content, Format),
        by_day: bool,
        tally: Tally,
    ) -> Self {
        let (open, files, layout) = (BTreeMap::new(), Vec::new(), content.layout());
        Self { dir, layout, format, by_day, rises: content.is_of_calls(), open, files, tally }
    }

    /// Writes a row into its file.
    pub(super) fn write(&mut self, fact: &Fact, row: &Row) -> Result<(), ExportError> {
        if !self.tally.add(fact) {
            let twice = fact.event.map(|event| format!("event {} is there twice", event.id));
            return Err(StoreError::corrupt("usage_segments", twice.unwrap_or_default()).into());
        }
        let day = self.by_day.then(|| fact.day());
        if !self.open.contains_key(&day) {
            if self.rises {
                self.settle()?;
            }
            let part = self.create(day.clone())?;
            self.open.insert(day.clone(), part);
        }
        self.open.get_mut(&day).map_or(Ok(()), |part| part.write(fact, row))
    }

    /// Completes the files that are open.
    fn settle(&mut self) -> Result<(), ExportError> {
        for part in std::mem::take(&mut self.open).into_values() {
            self.files.push(part.close()?);
        }
        Ok(())
    }

    /// All of them, complete. Where there are no rows, one file says so, unless there is one for each day.
    pub(super) fn close(mut self) -> Result<(Vec<File>, Tally), ExportError> {
        self.settle()?;
        if self.files.is_empty() && !self.by_day {
            let empty = self.create(None)?;
            self.files.push(empty.close()?);
        }
        Ok((self.files, self.tally))
    }

    fn create(&self, day: Option<String>) -> Result<Part, ExportError> {
        let (layout, ending) = (self.layout.name, self.format.as_str());
        let name = match &day {
            None => format!("{layout}.{ending}"),
            Some(day) => {
                std::fs::create_dir_all(self.dir.join(format!("{layout}/day={day}")))?;
                format!("{layout}/day={day}/part-0000.{ending}")
            }
        };
        let out = Digested::create(&self.dir.join(&name))?;
        let rows = Rows::new(self.layout, self.format, out)?;
        let file = File {
            name,
            format: self.format,
            day,
            bytes: 0,
            rows: 0,
            sha256: String::new(),
            rows_digest: String::new(),
            min_export_seq: None,
            max_export_seq: None,
            total: Sums::default(),
            billable: Sums::default(),
            amounts: BTreeMap::new(),
        };
        Ok(Part { file, rows, leaves: Sha256::new(), totals: Totals::default() })
    }
}

/// A file that is being written.
struct Part {
    file: File,
    rows: Rows<Digested>,
    leaves: Sha256,
    totals: Totals,
}

impl Part {
    fn write(&mut self, fact: &Fact, row: &Row) -> Result<(), ExportError> {
        self.rows.write(row)?;
        self.leaves.update(row.leaf);
        let (file, number) = (&mut self.file, fact.event.map(|event| event.export_seq));
        file.rows += 1;
        file.min_export_seq = file.min_export_seq.or(number);
        file.max_export_seq = number;
        self.totals.add(fact);
        Ok(())
    }

    fn close(self) -> Result<File, ExportError> {
        let (bytes, sha256) = self.rows.finish()?.close()?;
        let amounts = self.totals.amounts();
        let Totals { total, billable, .. } = self.totals;
        let rows_digest = hex(self.leaves.finalize());
        Ok(File { bytes, sha256, rows_digest, total, billable, amounts, ..self.file })
    }
}
