//! The sums by hour made again from the events, and compared with what is stored.
//!
//! A day at a time, and of it a segment at a time: memory grows with the rows of a day, not with the ledger. A segment that
//! is not as it was sealed is named, and what is left of the ledger is looked at all the same.

use super::hours::ceiling;
use super::period::{Period, day_of};
use super::seal::{HourKey, Sums, genesis};
use super::store::{self, HourNames, HourRow, StoredSegment};
use super::walk::{ExportSeq, Placed, Walk};
use crate::kernel::Micros;
use crate::kernel::clock::DAY;
use crate::storage::{StoreError, Tx};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// Most differences that are told.
const MOST: usize = 100;

/// What does not agree: the first are told, all are counted.
#[derive(Debug, Default, Clone, PartialEq, Eq, Serialize)]
pub struct Differences {
    /// The first.
    pub first: Vec<String>,
    /// How many there are.
    pub count: u64,
}

impl Differences {
    /// Adds one.
    pub fn add(&mut self, difference: impl std::fmt::Display) {
        self.count += 1;
        if self.first.len() < MOST {
            self.first.push(difference.to_string());
        }
    }

    /// Adds one unless something fits.
    pub fn unless(&mut self, fits: bool, difference: impl FnOnce() -> String) {
        if !fits {
            self.add(difference());
        }
    }
}

/// Sums of an hour, as they are stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored {
    /// The hour's start.
    pub hour: Micros,
    /// The app.
    pub app: String,
    /// The operation.
    pub operation: String,
    /// The rule.
    pub rule: String,
    /// The sums.
    pub sums: Sums,
}

/// What looks on.
pub trait Watch {
    /// An event of the hours that are counted.
    fn event(&mut self, placed: &Placed<'_>);
    /// A row of sums as it is stored.
    fn stored(&mut self, stored: Stored);
}

/// Nobody looks on.
impl Watch for () {
    fn event(&mut self, _: &Placed<'_>) {}

    fn stored(&mut self, _: Stored) {}
}

impl<A: Watch, B: Watch> Watch for (&mut A, &mut B) {
    fn event(&mut self, placed: &Placed<'_>) {
        self.0.event(placed);
        self.1.event(placed);
    }

    fn stored(&mut self, stored: Stored) {
        self.0.stored(stored.clone());
        self.1.stored(stored);
    }
}

/// What was counted again.
#[derive(Debug, Default)]
pub struct Recount {
    /// Segments that were looked into.
    pub segments: u64,
    /// Events that were counted.
    pub events: u64,
    /// Rows of sums that are stored.
    pub hours: u64,
    /// Positions of segments that are not as they were sealed.
    pub damaged: BTreeSet<i64>,
}

/// The hours that a span meets.
#[must_use]
pub fn hours_of(span: Period) -> Period {
    Period { from: span.from.hour(), to: ceiling(span.to) }
}

/// A day of the hours that are counted, or what the first and the last have of one.
#[derive(Debug, Clone, Copy)]
pub struct CountedDay {
    hours: Period,
    is_first: bool,
}

/// The days of the hours that a span meets, in their order.
pub fn days_of(span: Period) -> impl Iterator<Item = CountedDay> {
    let Period { from: first, to } = hours_of(span);
    let end = move |from: Micros| Micros(day_of(from).0.saturating_add(DAY)).min(to);
    std::iter::successors(Some(first), move |from| Some(end(*from)))
        .take_while(move |from| *from < to)
        .map(move |from| CountedDay {
            hours: Period { from, to: end(from) },
            is_first: from == first,
        })
}

impl Recount {
    /// Counts all events of the hours that a span meets, in one state of the database.
    pub async fn count(
        &mut self,
        tx: &mut Tx,
        span: Period,
        (watch, found): (&mut impl Watch, &mut Differences),
    ) -> Result<(), StoreError> {
        for day in days_of(span) {
            self.day(tx, day, (&mut *watch, &mut *found)).await?;
        }
        Ok(())
    }

    /// Counts the events of one of these days, in one state of the database. Sums come into it with their events, so each
    /// day may be counted in a state of its own, in the order of the days.
    pub async fn day(
        &mut self,
        tx: &mut Tx,
        CountedDay { hours: day, is_first }: CountedDay,
        (watch, found): (&mut impl Watch, &mut Differences),
    ) -> Result<(), StoreError> {
        let mut made: BTreeMap<HourKey, Sums> = BTreeMap::new();
        let mut walk = Walk { span: Some(day), after: ExportSeq(0), through: i64::MAX };
        while let Some(fetched) = walk.fetch(tx).await? {
            let segment = fetched.segment();
            let (position, name) = (segment.position, segment.to_string());
            // Those that reach over midnight are met twice.
            let is_new = is_first || segment.min_at >= day.from.0;
            if is_new {
                self.segments += 1;
                let below = match store::hash_below(tx, segment).await? {
                    Some(hash) => Some(hash),
                    None => begun(segment),
                };
                let stands = below.as_ref() == Some(&fetched.segment().prev_hash);
                found.unless(stands, || {
                    format!("{name}: it does not stand on the segment before it")
                });
            }
            let opening = tokio::task::spawn_blocking(move || fetched.open());
            let opened = match opening.await.map_err(|e| StoreError::corrupt(store::SEGMENTS, e))? {
                Ok(opened) => opened,
                Err(StoreError::Corrupt { detail, .. }) => {
                    self.damaged.insert(position);
                    found.unless(!is_new, || detail);
                    continue;
                }
                Err(error) => return Err(error),
            };
            for placed in opened.events() {
                self.events += 1;
                watch.event(&placed);
                made.entry(HourKey::of(placed.event, placed.rule)).or_default().add(placed.event);
            }
        }
        self.compare(tx, day, made, (watch, found)).await
    }

    /// Compares the sums of a day's hours with what is stored.
    async fn compare(
        &mut self,
        tx: &mut Tx,
        day: Period,
        made: BTreeMap<HourKey, Sums>,
        (watch, found): (&mut impl Watch, &mut Differences),
    ) -> Result<(), StoreError> {
        let made = made.iter().map(|(key, sums)| HourRow::of(key, sums));
        let mut made: BTreeMap<HourNames, HourRow> =
            made.map(|row| (row.key.clone(), row)).collect();
        for row in store::hour_rows(tx, (day.from, day.to)).await? {
            self.hours += 1;
            let events = made.remove(&row.key);
            found.unless(events.as_ref() == Some(&row), || {
                let made = events.as_ref().map_or("there are none".to_owned(), sums_of);
                format!("{}: it has {}, by the events {made}", row.key, sums_of(&row))
            });
            watch.stored(Stored::of(row));
        }
        for row in made.values() {
            found.add(format!("{}: it is missing, by the events {}", row.key, sums_of(row)));
        }
        Ok(())
    }
}

/// The hash that the first segment of a run stands on.
fn begun(segment: &StoredSegment) -> Option<String> {
    let (node, epoch) = (segment.node.parse().ok()?, u64::try_from(segment.epoch).ok()?);
    Some(genesis(node, epoch).to_hex().to_string())
}

impl Stored {
    fn of(row: HourRow) -> Self {
        let (sums, key) = (row.sums(), row.key);
        Self {
            hour: Micros(key.hour),
            app: key.app_id,
            operation: key.operation,
            rule: key.rule,
            sums,
        }
    }
}

impl std::fmt::Display for HourNames {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { hour, app_id, partner_id, key_id, environment, operation, .. } = self;
        let Self { status, outcome, rule, plan_id, plan_version, .. } = self;
        write!(
            f,
            "usage_hours {} {app_id} {partner_id} {key_id} {environment} {operation} {status} {outcome} {rule} \
             {plan_id}@{plan_version}",
            Micros(*hour)
        )
    }
}

fn sums_of(row: &HourRow) -> String {
    let charged = if row.billable { "charged" } else { "free" };
    format!("{}, {charged}", row.sums())
}
