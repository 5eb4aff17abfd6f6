//! The rows of an export, compared with the events of the ledger one by one.

use super::ledger::Ledger;
use crate::billing::export::event_row::{Context, USAGE_EVENTS};
use crate::billing::export::row::Texts;
use crate::billing::export::{AppPeriods, Billed};
use crate::billing::manifest::tally::{day_of, day_text};
use crate::billing::manifest::{File, MANIFEST, Manifest, each_row, fact};
use crate::kernel::Micros;
use crate::kernel::clock::DAY;
use crate::kernel::id::BillingPeriodId;
use crate::metering::period::Period;
use crate::metering::recount::Differences;
use crate::metering::walk::{ExportSeq, Placed, Walk, first_since};
use crate::storage::{StoreError, Tx};
use std::collections::{BTreeMap, BTreeSet};
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

/// An export: what it was asked for.
#[derive(Debug)]
pub(super) struct Exported {
    dir: PathBuf,
    manifest: Manifest,
}

impl Exported {
    /// The export in a directory, if it is one of calls that a period can be compared with: of a span of time, or of what
    /// is booked in that period.
    pub(super) fn open(dir: &Path, of: BillingPeriodId) -> Result<Self, NoExport> {
        let no_export =
            |why: &dyn std::fmt::Display| NoExport { dir: dir.to_owned(), why: why.to_string() };
        let text = std::fs::read(dir.join(MANIFEST)).map_err(|e| no_export(&e))?;
        let manifest: Manifest = serde_json::from_slice(&text).map_err(|e| no_export(&e))?;
        if manifest.layout != USAGE_EVENTS.name {
            return Err(no_export(&format!("it has no rows of {}", USAGE_EVENTS.name)));
        }
        if let Some(other) = manifest.period.as_ref().filter(|named| named.id != of.to_string()) {
            return Err(no_export(&format!("it is of {}, and not of {of}", other.id)));
        }
        Ok(Self { dir: dir.to_owned(), manifest })
    }

    /// Whether an event is of the partner and the app that were asked for.
    pub(super) fn is_of(&self, placed: &Placed<'_>) -> bool {
        let Manifest { partner_id, app_id, .. } = &self.manifest;
        partner_id.as_ref().is_none_or(|id| *id == placed.event.partner.to_string())
            && app_id.as_ref().is_none_or(|id| *id == placed.event.app.to_string())
    }

    /// Whether it was asked for a call that is billed in the period, by when it was made and when it came.
    pub(super) fn reaches(&self, placed: &Placed<'_>) -> bool {
        let Manifest { from, to, after, position, .. } = &self.manifest;
        let (at, seq) = (placed.event.started_at, placed.export_seq);
        from.is_none_or(|from| at >= from)
            && to.is_none_or(|to| at < to)
            && seq.0 > *after
            && seq.position() <= *position
    }

    fn is_booked(&self) -> bool {
        self.manifest.period.is_some()
    }

    /// When the calls were made that it can have, and the number behind which all of them are.
    async fn bounds(&self, tx: &mut Tx, billed: &Billed) -> Result<(Period, i64), StoreError> {
        let Manifest { from, to, after, .. } = self.manifest;
        let Period { from: start, to: end } = billed.span;
        if self.is_booked() {
            let after = after.max(billed.first(tx).await?.0);
            return Ok((Period { from: Micros(i64::MIN), to: end }, after));
        }
        let (from, to) = (from.unwrap_or(start), to.unwrap_or(end));
        Ok((Period { from: start.max(from), to: end.min(to) }, after))
    }

    /// The first day since an instant that has a file, or on which there may be such calls.
    async fn next_day(
        &self,
        tx: &mut Tx,
        (span, after): (Period, i64),
        since: Micros,
    ) -> Result<Option<Micros>, StoreError> {
        let first = first_since(tx, (ExportSeq(after), self.manifest.position), since).await?;
        let days = self.manifest.files.iter().filter_map(|file| {
            let day: Micros = format!("{}T00:00:00Z", file.day.as_ref()?).parse().ok()?;
            Some(day).filter(|day| *day >= day_of(since))
        });
        Ok(days.chain(first.map(day_of)).min().filter(|day| *day < span.to))
    }
}

/// Compares the rows of an export with the events of the ledger that they must be: those that it was asked for, and that
/// are booked in the period, or were made in it. Events of damaged segments are left out.
pub(super) async fn compare(
    tx: &mut Tx,
    (exported, billed, now): (&Exported, &Billed, Micros),
    (ledger, damaged): (&mut Ledger<'_>, &BTreeSet<i64>),
    found: &mut Differences,
) -> Result<(), StoreError> {
    let (span, after) = exported.bounds(tx, billed).await?;
    let periods = AppPeriods::until(now);
    let context = Context { retailer: None, periods, replays: BTreeMap::new() };
    let booked = exported.is_booked().then_some(billed.id);
    let mut part = Part { exported, booked, after, context, ledger, damaged, found };
    let files = &exported.manifest.files;
    if files.iter().any(|file| file.day.is_none()) {
        return part.compare(tx, span, files.clone()).await;
    }
    let mut since = span.from;
    while let Some(day) = exported.next_day(tx, (span, after), since).await? {
        let next = Micros(day.0.saturating_add(DAY));
        let name = Some(day_text(day));
        let files = files.iter().filter(|file| file.day == name).cloned().collect();
        let of_day = Period { from: day.max(span.from), to: next.min(span.to) };
        part.compare(tx, of_day, files).await?;
        since = next;
    }
    Ok(())
}

/// A part of the span, in some files of the export.
struct Part<'a, 'b> {
    exported: &'a Exported,
    /// The period in which its calls are booked, where it is of one.
    booked: Option<BillingPeriodId>,
    after: i64,
    context: Context,
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
        // Of a booked period every row has to be of it; of a span of time others may be of another period.
        let all = Period { from: Micros(i64::MIN), to: Micros(i64::MAX) };
        let shown = if self.booked.is_some() { all } else { span };
        let mut rows = read(self.exported.dir.clone(), files, shown);
        let mut next = self.next(&mut rows).await;
        let through = self.exported.manifest.position;
        let mut walk = Walk { span: Some(span), after: ExportSeq(self.after), through };
        while let Some(fetched) = walk.fetch(tx).await? {
            let opening = tokio::task::spawn_blocking(move || fetched.open());
            let opened =
                match opening.await.map_err(|e| StoreError::corrupt("usage_segments", e))? {
                    // It was named when the hours were counted.
                    Err(StoreError::Corrupt { .. }) => continue,
                    opened => opened?,
                };
            // Rows of a span of time do not say in which period they are booked.
            let apps =
                self.booked.iter().flat_map(|_| opened.events()).map(|placed| placed.event.app);
            self.context.learn(tx, &opened, &apps.collect()).await?;
            for placed in opened.events() {
                if !self.expects(&placed) {
                    continue;
                }
                let number = placed.export_seq.0;
                while let Some((seq, texts)) = next.take_if(|(seq, _)| *seq < number) {
                    self.unknown(seq, &texts);
                    next = self.next(&mut rows).await;
                }
                match next.take_if(|(seq, _)| *seq == number) {
                    Some((_, texts)) => {
                        self.same(&texts, &self.context.row(&placed).texts, &placed);
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

    /// Whether an event has to be in the export.
    fn expects(&self, placed: &Placed<'_>) -> bool {
        let is_booked = |period| self.context.booking(placed).booked == Some(period);
        self.exported.is_of(placed) && self.booked.is_none_or(is_booked)
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
            let place = match self.booked {
                Some(period) => format!("booked in {period} by the ledger"),
                None => "in the ledger".to_owned(),
            };
            self.found.add(format!("export: event {id} (number {seq}) is not {place}"));
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
