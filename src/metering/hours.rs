//! What was counted in a span of time, by all that a bill tells apart.
//!
//! Full hours of UTC come from the sums by hour, what lies before and behind them from the events themselves: so any
//! two instants are exact bounds, whatever the time zone.

use super::billability::Rule;
use super::event::Event;
use super::period::Period;
use super::seal::Sums;
use super::store::{self, operation_id};
use crate::access::Environment;
use crate::kernel::Micros;
use crate::kernel::clock::HOUR;
use crate::kernel::id::{AppId, PartnerId, PlanId};
use crate::storage::{StoreError, Tx};
use std::collections::BTreeMap;

const HOURS: &str = "usage_hours";

/// What sums of live calls are kept apart by.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Group {
    /// Whose calls.
    pub partner: PartnerId,
    /// The app that made them.
    pub app: AppId,
    /// The plan that was in force.
    pub plan: PlanId,
    /// Its version.
    pub plan_version: u32,
    /// The operation.
    pub operation: String,
    /// HTTP status.
    pub status: u16,
    /// How they ended.
    pub outcome: String,
    /// The rule that decided whether they are charged.
    pub rule: String,
    /// Whether they are charged.
    pub billable: bool,
}

impl Group {
    /// What an event is summed under, by the rule that decided about it.
    #[must_use]
    pub fn of(event: &Event, rule: &Rule) -> Self {
        Self {
            partner: event.partner,
            app: event.app,
            plan: event.plan,
            plan_version: event.plan_version,
            operation: operation_id(event.operation).into_owned(),
            status: event.status,
            outcome: event.outcome.as_str().to_owned(),
            rule: rule.id.to_owned(),
            billable: rule.billable,
        }
    }
}

/// Live calls of a span, summed.
pub type Counted = BTreeMap<Group, Sums>;

/// The live calls of one app, or of all, that were accepted in a span, as one state of the database has them.
pub async fn counted(tx: &mut Tx, app: Option<AppId>, span: Period) -> Result<Counted, StoreError> {
    let (first, last) = (ceiling(span.from), span.to.hour());
    let mut sums = Counted::new();
    if first >= last {
        events(tx, app, (span, 0), &mut sums).await?;
        return Ok(sums);
    }
    for row in store::group_sums(tx, app, first, last).await? {
        let narrow = |value: i64| u32::try_from(value).map_err(|e| StoreError::corrupt(HOURS, e));
        let group = Group {
            partner: row.partner_id.parse().map_err(|e| StoreError::corrupt(HOURS, e))?,
            app: row.app_id.parse().map_err(|e| StoreError::corrupt(HOURS, e))?,
            plan: row.plan_id.parse().map_err(|e| StoreError::corrupt(HOURS, e))?,
            plan_version: narrow(row.plan_version)?,
            operation: row.operation,
            status: u16::try_from(row.status).map_err(|e| StoreError::corrupt(HOURS, e))?,
            outcome: row.outcome,
            rule: row.rule,
            billable: row.billable,
        };
        let (requests, records) = (row.requests, row.records);
        let sum = Sums { requests, records, bytes: row.bytes, weight_milli: row.weight_milli };
        sums.insert(group, sum);
    }
    events(tx, app, (Period { from: span.from, to: first }, 0), &mut sums).await?;
    events(tx, app, (Period { from: last, to: span.to }, 0), &mut sums).await?;
    Ok(sums)
}

/// The same of what is in the ledger up to a position.
pub async fn counted_through(
    tx: &mut Tx,
    app: Option<AppId>,
    span: Period,
    through: i64,
) -> Result<Counted, StoreError> {
    let mut sums = counted(tx, app, span).await?;
    if through < i64::MAX {
        let mut later = Counted::new();
        events(tx, app, (span, through), &mut later).await?;
        for (group, more) in later {
            sums.entry(group).or_default().plus(&more.negated());
        }
        sums.retain(|_, sums| *sums != Sums::default());
    }
    Ok(sums)
}

/// What was billed of a partner's app in full hours, by hour and operation.
pub type Billed = BTreeMap<(Micros, String), Sums>;

/// What was billed of a partner's app in the hours that start in a span, as one state of the database has it.
pub async fn billed(
    tx: &mut Tx,
    whose: (PartnerId, AppId),
    span: Period,
) -> Result<Billed, StoreError> {
    let rows = store::billed_hours(tx, whose, span.from, span.to).await?;
    let each = |row: store::BilledHour| {
        let (requests, records) = (row.requests, row.records);
        let sums = Sums { requests, records, bytes: row.bytes, weight_milli: row.weight_milli };
        ((Micros(row.hour), row.operation), sums)
    };
    Ok(rows.into_iter().map(each).collect())
}

/// The first hour in which a partner's app made a billed call; none where it made none.
pub async fn first_billed(
    tx: &mut Tx,
    whose: (PartnerId, AppId),
) -> Result<Option<Micros>, StoreError> {
    store::first_billed_hour(tx, whose).await
}

/// Adds the events of a span behind a position.
async fn events(
    tx: &mut Tx,
    app: Option<AppId>,
    (span, mut after): (Period, i64),
    sums: &mut Counted,
) -> Result<(), StoreError> {
    if span.from >= span.to {
        return Ok(());
    }
    while let Some(segment) =
        store::next_segment(tx, (after, i64::MAX), (span.from, span.to)).await?
    {
        after = segment.position;
        let opening = tokio::task::spawn_blocking(move || super::walk::opened(&segment));
        for recorded in opening.await.map_err(|e| StoreError::corrupt("usage_segments", e))?? {
            let event = &recorded.event;
            let of_app = app.is_none_or(|app| app == event.app);
            let live = event.environment == Environment::Live;
            if of_app && live && (span.from..span.to).contains(&event.started_at) {
                let group = Group::of(event, recorded.rule);
                sums.entry(group).or_default().add(event);
            }
        }
    }
    Ok(())
}

/// The first full hour of UTC that begins at an instant or after it.
pub(super) fn ceiling(at: Micros) -> Micros {
    if at.hour() == at { at } else { Micros(at.hour().0.saturating_add(HOUR)) }
}
