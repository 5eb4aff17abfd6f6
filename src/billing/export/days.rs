//! What a statement counts, day of UTC by day: as it is counted in it, so the days come to it.

use super::billed::Billed;
use crate::access::Environment;
use crate::billing::adjustments::store::{AdjustmentFilter, list};
use crate::billing::manifest::tally::day_of;
use crate::billing::model::Statement;
use crate::billing::rate::{counts, milli};
use crate::kernel::Micros;
use crate::kernel::clock::DAY;
use crate::kernel::id::AppId;
use crate::limit::Bounds;
use crate::metering::Sums;
use crate::metering::hours::{Group, counted};
use crate::metering::period::Period;
use crate::metering::walk::{ExportSeq, Walk};
use crate::rating::Charge;
use crate::storage::{StoreError, Tx};
use std::collections::HashMap;

/// What was counted for a charge on a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct OfDay {
    /// The day, as far as it lies in the period.
    pub(super) day: Bounds,
    /// Thousandths of the charge's units.
    pub(super) milli: u128,
    /// Calls.
    pub(super) calls: i64,
}

/// Charged calls of a day in a section, counted from 1.
#[derive(Debug)]
struct Used {
    section: u32,
    operation: String,
    sums: Sums,
}

/// The days of a statement.
#[derive(Debug)]
pub(super) struct Days {
    days: Vec<(Bounds, Vec<Used>)>,
}

impl Days {
    /// Those of a statement, from the state of the database that it was made from. Of a closed period, what came in behind its
    /// close is left out.
    pub(super) async fn of(
        tx: &mut Tx,
        statement: &Statement,
        billed: &Billed,
    ) -> Result<Self, StoreError> {
        let whose = (statement.partner_id, statement.app_id);
        let own = statement.usage.iter().filter(|used| used.billable);
        let own = own.filter(|used| used.corrects_period.is_none());
        let sections: HashMap<Group, u32> =
            own.filter_map(|used| Some((used.group(whose).0, used.section?))).collect();
        let span = Period { from: statement.from, to: statement.to };
        let app = statement.app_id;
        let changes = changes(tx, app, span, billed).await?;
        let mut days = Vec::new();
        for day in days_of(span) {
            let span = Period { from: day.start, to: day.end };
            let mut sums = counted(tx, Some(app), span).await?;
            for (at, group, change) in &changes {
                if day.hold(*at) {
                    sums.entry(group.clone()).or_default().plus(change);
                }
            }
            let own = sums.into_iter().filter_map(|(group, sums)| {
                let section = *sections.get(&group)?;
                Some(Used { section, operation: group.operation, sums })
            });
            days.push((day, own.collect()));
        }
        Ok(Self { days })
    }

    /// The days on which a charge of a section has counted something.
    pub(super) fn of_charge(&self, section: u32, charge: &Charge) -> Vec<OfDay> {
        let of_day = |(day, used): &(Bounds, Vec<Used>)| {
            let (mut units, mut calls) = (0_i128, 0_i64);
            let own = used.iter().filter(|used| used.section == section);
            for Used { sums, .. } in own.filter(|used| counts(charge, &used.operation)) {
                units = units.saturating_add(milli(charge.meter, sums));
                calls = calls.saturating_add(sums.requests);
            }
            let milli = u128::try_from(units).unwrap_or(0);
            (milli > 0).then_some(OfDay { day: *day, milli, calls })
        };
        self.days.iter().filter_map(of_day).collect()
    }
}

/// The days of UTC that a span meets, each as far as it lies in it.
fn days_of(span: Period) -> Vec<Bounds> {
    let (mut at, mut days) = (span.from, Vec::new());
    while at < span.to {
        let next = Micros(day_of(at).0.saturating_add(DAY)).min(span.to);
        days.push(Bounds { start: at, end: next });
        at = next;
    }
    days
}

/// What the sums by hour hold and the statement does not, taken away, and what two people have agreed to count otherwise.
async fn changes(
    tx: &mut Tx,
    app: AppId,
    span: Period,
    billed: &Billed,
) -> Result<Vec<(Micros, Group, Sums)>, StoreError> {
    let mut changes = Vec::new();
    let of_app = AdjustmentFilter { partner: None, app: Some(app) };
    for adjustment in list(tx, of_app, None, u32::MAX).await? {
        for delta in adjustment.open() {
            let (group, sums) = adjustment.counted(delta);
            changes.push((delta.at, group, sums));
        }
    }
    let Some(close) = &billed.close else { return Ok(changes) };
    let after = ExportSeq::last_of(close.position);
    let mut late = Walk { span: Some(span), after, through: i64::MAX };
    while let Some(opened) = late.next(tx).await? {
        for placed in opened.events().filter(|placed| placed.event.app == app) {
            if placed.event.environment == Environment::Live {
                let group = Group::of(placed.event, placed.rule);
                changes.push((placed.event.started_at, group, placed.sums().negated()));
            }
        }
    }
    Ok(changes)
}
