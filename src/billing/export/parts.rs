//! The files of an export, and what they come to.

use super::ExportError;
use super::directory::Order;
use super::event_row::USAGE_EVENTS;
use super::events::each;
use super::row::Row;
use super::write::{Format, Rows};
use crate::billing::manifest::tally::{day_of, day_text};
use crate::billing::manifest::{Fact, File, Tally};
use crate::exports::digest::Digested;
use crate::kernel::clock::DAY;
use crate::kernel::{Micros, hex};
use crate::metering::Sums;
use crate::metering::period::Period;
use crate::metering::walk::first_since;
use crate::storage::{Db, StoreError};
use sha2::{Digest as _, Sha256};
use std::path::Path;

/// All files of an export.
pub(super) struct Parts {
    pub(super) files: Vec<File>,
    pub(super) tally: Tally,
}

impl Parts {
    /// Writes the files into a directory, durably.
    pub(super) async fn write(
        db: &Db,
        dir: &Path,
        order: &Order<'_>,
        through: i64,
    ) -> Result<Self, ExportError> {
        // Of one partner or app, numbers lie apart, and to remember them would take memory for each event.
        let tally = match order.asked.is_of_some() {
            true => Tally::default(),
            false => Tally::remembering(),
        };
        let mut parts = Self { files: Vec::new(), tally };
        if order.by_day {
            parts.write_days(db, dir, order, through).await?;
        } else {
            let mut part = Part::create(dir, order.format, None)?;
            each(db, &order.asked, through, |placed, row| {
                part.write(&Fact::of(placed, row.leaf), row, &mut parts.tally)
            })
            .await?;
            parts.files.push(part.close()?);
        }
        Ok(parts)
    }

    /// A file for each day of UTC that has events.
    async fn write_days(
        &mut self,
        db: &Db,
        dir: &Path,
        order: &Order<'_>,
        through: i64,
    ) -> Result<(), ExportError> {
        let all = Period { from: Micros(i64::MIN), to: Micros(i64::MAX) };
        let Period { from, to } = order.asked.period.unwrap_or(all);
        let mut since = from;
        while since < to {
            let place = (order.asked.after, through);
            let found = first_since(&mut db.snapshot().await?, place, since).await?;
            let Some(first) = found.filter(|first| *first < to) else { break };
            let day = day_of(first);
            since = Micros(day.0.saturating_add(DAY));
            let span = Period { from: day.max(from), to: since.min(to) };
            let asked = super::Asked { period: Some(span), ..order.asked };
            let mut part = None;
            each(db, &asked, through, |placed, row| {
                let part = match &mut part {
                    Some(part) => part,
                    none => none.insert(Part::create(dir, order.format, Some(day_text(day)))?),
                };
                part.write(&Fact::of(placed, row.leaf), row, &mut self.tally)
            })
            .await?;
            if let Some(part) = part {
                self.files.push(part.close()?);
            }
        }
        Ok(())
    }
}

/// A file that is being written.
struct Part {
    file: File,
    rows: Rows<Digested>,
    leaves: Sha256,
}

impl Part {
    fn create(dir: &Path, format: Format, day: Option<String>) -> Result<Self, ExportError> {
        let (layout, ending) = (USAGE_EVENTS.name, format.as_str());
        let name = match &day {
            None => format!("{layout}.{ending}"),
            Some(day) => {
                std::fs::create_dir_all(dir.join(format!("{layout}/day={day}")))?;
                format!("{layout}/day={day}/part-0000.{ending}")
            }
        };
        let rows = Rows::new(&USAGE_EVENTS, format, Digested::create(&dir.join(&name))?)?;
        let file = File {
            name,
            format,
            day,
            bytes: 0,
            rows: 0,
            sha256: String::new(),
            rows_digest: String::new(),
            min_export_seq: None,
            max_export_seq: None,
            total: Sums::default(),
            billable: Sums::default(),
        };
        Ok(Self { file, rows, leaves: Sha256::new() })
    }

    fn write(&mut self, fact: &Fact, row: &Row, tally: &mut Tally) -> Result<(), ExportError> {
        if !tally.add(fact) {
            let twice = format!("event {} is there twice", fact.id);
            return Err(StoreError::corrupt("usage_segments", twice).into());
        }
        self.rows.write(row)?;
        self.leaves.update(row.leaf);
        let file = &mut self.file;
        file.rows += 1;
        file.min_export_seq = file.min_export_seq.or(Some(fact.export_seq));
        file.max_export_seq = Some(fact.export_seq);
        file.total.plus(&fact.sums);
        if fact.billable {
            file.billable.plus(&fact.sums);
        }
        Ok(())
    }

    fn close(self) -> Result<File, ExportError> {
        let (bytes, sha256) = self.rows.finish()?.close()?;
        Ok(File { bytes, sha256, rows_digest: hex(self.leaves.finalize()), ..self.file })
    }
}
