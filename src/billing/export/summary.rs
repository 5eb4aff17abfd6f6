//! An export as a stream of rows, and what it comes to.

use super::ExportError;
use super::events::Asked;
use super::question::Question;
use super::write::{Format, Rows};
use crate::billing::manifest::{self, Totals};
use crate::kernel::Micros;
use crate::metering::Sums;
use crate::metering::gaps::{Gap, gaps};
use crate::metering::walk::ExportSeq;
use crate::storage::Db;
use std::collections::BTreeMap;
use std::io::Write;

/// Control totals of an export.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Summary {
    /// Whether its rows are calls or sums of calls.
    pub is_of_calls: bool,
    /// How many rows it has.
    pub rows: u64,
    /// The last position of the ledger that it takes in; the next export of a period says more only
    /// if its position is higher.
    pub position: i64,
    /// Sums of all events.
    pub total: Sums,
    /// Sums of those that are charged.
    pub billable: Sums,
    /// Sums of money by currency.
    pub amounts: BTreeMap<String, String>,
    /// Sequence numbers without an event, in all of the ledger up to `position`.
    pub gaps: Vec<Gap>,
}

impl std::fmt::Display for Summary {
    /// The totals, and every gap by name.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if !self.is_of_calls {
            writeln!(f, "rows: {}", self.rows)?;
            for (currency, amount) in &self.amounts {
                writeln!(f, "total: {amount} {currency}")?;
            }
            return Ok(());
        }
        for (what, sums) in [("events", &self.total), ("billable", &self.billable)] {
            let (units, milli) = (sums.weight_milli / 1000, sums.weight_milli % 1000);
            writeln!(
                f,
                "{what}: {} calls, {units}.{milli:03} units, {} records, {} bytes",
                sums.requests, sums.records, sums.bytes
            )?;
        }
        let last = ExportSeq::last_of(self.position).0;
        writeln!(f, "up to ledger position {}; what comes later: --after {last}", self.position)?;
        for gap in &self.gaps {
            writeln!(f, "GAP: {}", manifest::Gap::from(gap))?;
        }
        Ok(())
    }
}

/// Writes events to `out`.
pub async fn export(
    db: &Db,
    asked: impl Into<Asked>,
    format: Format,
    out: impl Write + Send,
) -> Result<Summary, ExportError> {
    // Events are what they are, whenever it is.
    export_rows(db, &Question::events(asked.into()), format, Micros(0), out).await
}

/// Writes the rows of what is asked for to `out`.
pub async fn export_rows(
    db: &Db,
    question: &Question,
    format: Format,
    now: Micros,
    out: impl Write + Send,
) -> Result<Summary, ExportError> {
    let position = question.through(db).await?;
    let mut out = Rows::new(question.content.layout(), format, out)?;
    let (mut totals, mut rows) = (Totals::default(), 0);
    let written = question.rows(db, (position, false), now, |fact, row| {
        rows += 1;
        totals.add(fact);
        out.write(row)
    });
    written.await?;
    out.finish()?.flush()?;
    let (is_of_calls, amounts) = (question.content.is_of_calls(), totals.amounts());
    let (Totals { total, billable, .. }, gaps) = (totals, gaps(db, position).await?);
    Ok(Summary { is_of_calls, rows, position, total, billable, amounts, gaps })
}
