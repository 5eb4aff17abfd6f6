//! What became of the lines of an import.

use super::CustomerFeed;
use crate::catalog::Fault;
use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt;

/// Refused lines that a report shows.
const SHOWN: usize = 20;

/// A refused line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RefusedLine {
    /// Its number in the file, from 1.
    pub line: u64,
    /// Why; its value is always empty, as what stood there is a customer's.
    #[serde(flatten)]
    pub fault: Fault,
}

/// The sums of an import and its first refused lines.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CustomerReport {
    /// What the file was about.
    pub feed: CustomerFeed,
    /// Lines that were stored.
    pub accepted: u64,
    /// Lines that said what was known, or what a later line says otherwise.
    pub unchanged: u64,
    /// Lines that were refused.
    pub rejected: u64,
    /// Refused lines by the kind of fault.
    pub by_code: BTreeMap<&'static str, u64>,
    /// The first refused lines.
    pub first_rejected: Vec<RefusedLine>,
}

impl CustomerReport {
    pub(super) fn new(feed: CustomerFeed) -> Self {
        Self {
            feed,
            accepted: 0,
            unchanged: 0,
            rejected: 0,
            by_code: BTreeMap::new(),
            first_rejected: Vec::new(),
        }
    }

    pub(super) fn refuse(&mut self, line: u64, fault: Fault) {
        self.rejected += 1;
        *self.by_code.entry(fault.code).or_default() += 1;
        // Faults of form are found before those of a batch, so that they are put in the order of their lines.
        let place = self.first_rejected.partition_point(|it| it.line < line);
        if place < SHOWN {
            self.first_rejected.insert(place, RefusedLine { line, fault });
            self.first_rejected.truncate(SHOWN);
        }
    }
}

impl fmt::Display for CustomerReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { feed, accepted, unchanged, rejected, .. } = self;
        writeln!(f, "  {feed}: {accepted} accepted, {unchanged} unchanged, {rejected} rejected")?;
        for (code, count) in &self.by_code {
            writeln!(f, "    {count:>8}  {code}")?;
        }
        for RefusedLine { line, fault } in &self.first_rejected {
            write!(f, "    line {line}: ")?;
            if !fault.field.is_empty() {
                write!(f, "{}: ", fault.field)?;
            }
            writeln!(f, "{}: {}", fault.code, fault.message)?;
        }
        Ok(())
    }
}
