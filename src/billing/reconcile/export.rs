//! The rows of an export, compared with the events of the ledger one by one.

use super::ledger::Ledger;
use crate::billing::export::AppPeriods;
use crate::billing::export::event_row::{Context, USAGE_EVENTS};
use crate::billing::export::row::Texts;
use crate::billing::manifest::tally::{day_of, day_text};
use crate::billing::manifest::{File, MANIFEST, Manifest, each_row, fact};
use crate::kernel::Micros;
use crate::kernel::clock::DAY;
use crate::metering::period::Period;
use crate::metering::recount::Differences;
use crate::metering::walk::{ExportSeq, Placed, Walk};
use crate::storage::{StoreError, Tx};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use tokio::sync::mpsc::{Receiver, channel};

/// Rows that wait between the file and the ledger.
const WAITING: usize = 1_024;
/// What a row and its event are compared in; other columns tell when they were exported.
const COMPARED: [&str; 16] = [
    "event_id",
    "occurred_at",
    "partner_id",
    "app_id",
    "key_id",
    "environment",
    "operation_id",
    "status",
    "outcome",
    "requests",
    "records",
    "bytes",
    "weight_milli",
    "billable",
    "billability_rule",
    "plan_version",
];

/// Why an export cannot be compared.
#[derive(Debug, thiserror::Error)]
#[error("{} is no directory of an export: {why}", dir.display())]
pub struct NoExport {
    dir: PathBuf,
    why: String,
}

/// What is read of an export.
#[derive(Debug)]
enum Read {
    Row(i64, Texts),
    Damaged(String),
}

/// Compares the rows of an export that lie in a span with the events of the ledger that they must be. Events of damaged
/// segments are left out.
pub(super) async fn compare(
    tx: &mut Tx,
    (dir, span): (&Path, Period),
    (ledger, damaged): (&mut Ledger<'_>, &BTreeSet<i64>),
    found: &mut Differences,
) -> Result<(), super::ReconcileError> {
    let no_export =
        |why: &dyn std::fmt::Display| NoExport { dir: dir.to_owned(), why: why.to_string() };
    let text = std::fs::read(dir.join(MANIFEST)).map_err(|e| no_export(&e))?;
    let manifest: Manifest = serde_json::from_slice(&text).map_err(|e| no_export(&e))?;
    if manifest.layout != USAGE_EVENTS.name {
        return Err(no_export(&format!("it has no rows of {}", USAGE_EVENTS.name)).into());
    }
    let (from, to) = (manifest.from.unwrap_or(span.from), manifest.to.unwrap_or(span.to));
    let span = Period { from: span.from.max(from), to: span.to.min(to) };
    let by_day = manifest.files.iter().all(|file| file.day.is_some());
    let mut part = Part { dir, manifest: &manifest, ledger, damaged, found };
    if !by_day {
        return Ok(part.compare(tx, span, manifest.files.clone()).await?);
    }
    let mut from = span.from;
    while from < span.to {
        let next = Micros(day_of(from).0.saturating_add(DAY)).min(span.to);
        let day = Some(day_text(from));
        let files = manifest.files.iter().filter(|file| file.day == day).cloned();
        part.compare(tx, Period { from, to: next }, files.collect()).await?;
        from = next;
    }
    Ok(())
}

/// A part of the span, in some files of the export.
struct Part<'a, 'b> {
    dir: &'a Path,
    manifest: &'a Manifest,
    ledger: &'a mut Ledger<'b>,
    damaged: &'a BTreeSet<i64>,
    found: &'a mut Differences,
}

impl Part<'_, '_> {
    async fn compare(
        &mut self,
        tx: &mut Tx,
        span: Period,
        files: Vec<File>,
    ) -> Result<(), StoreError> {
        let mut rows = read(self.dir.to_owned(), files, span);
        let mut next = self.next(&mut rows).await;
        let Manifest { after, position, partner_id, app_id, .. } = self.manifest;
        let is_asked = |placed: &Placed<'_>| {
            partner_id.as_ref().is_none_or(|id| *id == placed.event.partner.to_string())
                && app_id.as_ref().is_none_or(|id| *id == placed.event.app.to_string())
        };
        // Of no installation and in no period: these columns are not compared.
        let context = Context { retailer: None, periods: AppPeriods::until(Micros(0)) };
        let mut walk = Walk { span: Some(span), after: ExportSeq(*after), through: *position };
        while let Some(fetched) = walk.fetch(tx).await? {
            let opening = tokio::task::spawn_blocking(move || fetched.open());
            let opened =
                match opening.await.map_err(|e| StoreError::corrupt("usage_segments", e))? {
                    // It was named when the hours were counted.
                    Err(StoreError::Corrupt { .. }) => continue,
                    opened => opened?,
                };
            for placed in opened.events().filter(is_asked) {
                let number = placed.export_seq.0;
                while let Some((seq, texts)) = next.take_if(|(seq, _)| *seq < number) {
                    self.unknown(seq, &texts);
                    next = self.next(&mut rows).await;
                }
                match next.take_if(|(seq, _)| *seq == number) {
                    Some((_, texts)) => {
                        self.same(&texts, &context.row(&placed).texts, &placed);
                        next = self.next(&mut rows).await;
                    }
                    None => self.found.add(format!("export: event {} is not in it", placed.id)),
                }
            }
        }
        while let Some((seq, texts)) = next {
            self.unknown(seq, &texts);
            next = self.next(&mut rows).await;
        }
        Ok(())
    }

    /// The next row; what cannot be read is told.
    async fn next(&mut self, rows: &mut Receiver<Read>) -> Option<(i64, Texts)> {
        loop {
            match rows.recv().await? {
                Read::Row(seq, texts) => return Some((seq, texts)),
                Read::Damaged(why) => self.found.add(format!("export: {why}")),
            }
        }
    }

    /// A row without its event.
    fn unknown(&mut self, seq: i64, texts: &Texts) {
        if !self.damaged.contains(&ExportSeq(seq).position()) {
            let id = column(texts, "event_id");
            self.found.add(format!("export: event {id} (number {seq}) is not in the ledger"));
        }
    }

    /// A row and its event.
    fn same(&mut self, row: &Texts, event: &Texts, placed: &Placed<'_>) {
        self.ledger.exported(placed);
        let differs = COMPARED.iter().find(|name| column(row, name) != column(event, name));
        if let Some(name) = differs {
            let (told, is) = (column(row, name), column(event, name));
            let id = placed.id;
            self.found.add(format!("export: event {id}: `{name}` is {told}, in the ledger {is}"));
        }
    }
}

fn column<'a>(texts: &'a Texts, name: &str) -> &'a str {
    USAGE_EVENTS.place(name).map_or("", |place| texts.get(place))
}

/// Reads the rows of some files that lie in a span, beside what they are compared with.
fn read(dir: PathBuf, files: Vec<File>, span: Period) -> Receiver<Read> {
    let (tell, rows) = channel(WAITING);
    tokio::task::spawn_blocking(move || {
        for file in &files {
            let all = each_row(&dir, file, &USAGE_EVENTS, |_, texts| {
                let fact = fact(&USAGE_EVENTS, texts)?;
                let event = fact.event.filter(|_| (span.from..span.to).contains(&fact.at));
                // Who reads has gone away: there is nobody left to be told.
                let _ = event
                    .map(|event| tell.blocking_send(Read::Row(event.export_seq, texts.clone())));
                Ok(())
            });
            if let Err(why) = all {
                let _ = tell.blocking_send(Read::Damaged(why));
            }
        }
    });
    rows
}
