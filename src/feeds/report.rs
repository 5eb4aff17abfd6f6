//! What became of the rows of an import.

use super::{Feed, ImportError};
use crate::catalog::{Fate, Fault};
use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

/// Refused rows that a report shows; all of them go to the report file.
pub(super) const SHOWN: usize = 20;
/// Refused rows that are kept with an import, to be fetched.
pub(super) const KEPT: usize = 10_000;

/// The sums of an import and its first refused rows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Report {
    /// What the file was about.
    pub feed: Feed,
    /// Rows that were stored.
    pub accepted: u64,
    /// Rows that said what was known, something older, or the same as a later row.
    pub unchanged: u64,
    /// Rows that were refused.
    pub rejected: u64,
    /// Resources that a full file did not name and that were deleted.
    pub deleted: u64,
    /// Deletions that wait for approval.
    pub held: u64,
    /// The import's id, where it is recorded.
    pub import_id: Option<String>,
    /// What the file says that its format has no use for: names of columns or fields, the first 50; and those of
    /// reductions that are none, with the reason.
    pub unread: Vec<String>,
    /// Refused rows by the kind of fault.
    pub by_code: BTreeMap<&'static str, u64>,
    /// The first refused rows.
    pub first_rejected: Vec<Rejected>,
}

/// A refused row.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Rejected {
    /// Its line in the file, from 1 with the header; for values in memory their place from 1.
    pub line: u64,
    /// Why.
    #[serde(flatten)]
    pub fault: Fault,
}

impl fmt::Display for Report {
    /// The counts, the refused rows by the kind of fault, and the first of them.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { accepted, unchanged, rejected, .. } = self;
        writeln!(
            f,
            "  {}: {accepted} accepted, {unchanged} unchanged, {rejected} rejected",
            self.feed.as_str()
        )?;
        if self.deleted > 0 {
            writeln!(f, "    {:>8}  deleted, for the file does not name them", self.deleted)?;
        }
        if let (Some(id), 1..) = (&self.import_id, self.held) {
            let held = self.held;
            writeln!(
                f,
                "    {held:>8}  deletions held: see `comptoir feed show {id}`, then approve or reject"
            )?;
        }
        if !self.unread.is_empty() {
            writeln!(
                f,
                "    not read, for the format has no use for it: {}",
                self.unread.join(", ")
            )?;
        }
        for (code, count) in &self.by_code {
            writeln!(f, "    {count:>8}  {code}")?;
        }
        for Rejected { line, fault } in &self.first_rejected {
            let Fault { field, value, code, message } = fault;
            write!(f, "    line {line}: ")?;
            if !field.is_empty() {
                // What a file says may move the cursor of a terminal, or turn the direction of its text.
                let value: String = value.chars().filter(|c| !is_unseen(*c)).collect();
                write!(f, "{field} `{value}`: ")?;
            }
            writeln!(f, "{code}: {message}")?;
        }
        Ok(())
    }
}

/// Whether a character is a control, or one by which text changes its direction.
fn is_unseen(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// A report under way, and the file that takes every refused row as a line of JSON.
#[derive(Debug)]
pub(super) struct Reporter {
    pub(super) report: Report,
    /// The first refused rows, which are kept with the import.
    kept: Vec<Rejected>,
    file: Option<(PathBuf, BufWriter<File>)>,
}

impl Reporter {
    pub(super) fn new(feed: Feed, path: Option<&Path>) -> Result<Self, ImportError> {
        let file = path
            .map(|path| match File::create(path) {
                Ok(file) => Ok((path.to_owned(), BufWriter::new(file))),
                Err(source) => Err(ImportError::File { file: path.to_owned(), source }),
            })
            .transpose()?;
        let report = Report {
            feed,
            accepted: 0,
            unchanged: 0,
            rejected: 0,
            deleted: 0,
            held: 0,
            import_id: None,
            unread: Vec::new(),
            by_code: BTreeMap::new(),
            first_rejected: Vec::new(),
        };
        Ok(Self { report, kept: Vec::new(), file })
    }

    pub(super) fn add(&mut self, line: u64, fate: Fate) -> Result<(), ImportError> {
        match fate {
            Fate::Written => self.report.accepted += 1,
            Fate::Unchanged => self.report.unchanged += 1,
            Fate::Refused(fault) => return self.refuse(Rejected { line, fault }),
        }
        Ok(())
    }

    fn refuse(&mut self, rejected: Rejected) -> Result<(), ImportError> {
        self.report.rejected += 1;
        *self.report.by_code.entry(rejected.fault.code).or_default() += 1;
        if let Some((path, file)) = &mut self.file {
            serde_json::to_writer(&mut *file, &rejected)
                .map_err(std::io::Error::from)
                .and_then(|()| file.write_all(b"\n"))
                .map_err(|source| ImportError::File { file: path.clone(), source })?;
        }
        if self.report.first_rejected.len() < SHOWN {
            self.report.first_rejected.push(rejected.clone());
        }
        if self.kept.len() < KEPT {
            self.kept.push(rejected);
        }
        Ok(())
    }

    /// The report, and the refused rows to be kept with the import.
    pub(super) fn finish(self) -> Result<(Report, Vec<Rejected>), ImportError> {
        if let Some((path, mut file)) = self.file {
            file.flush().map_err(|source| ImportError::File { file: path, source })?;
        }
        Ok((self.report, self.kept))
    }
}
