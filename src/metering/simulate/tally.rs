//! What a simulation counts for one app, with memory that does not grow with the calls.

use super::replay::Played;
use crate::access::Environment;
use crate::access::operation::Operation;
use crate::access::plan::PlanPrices;
use crate::kernel::Micros;
use crate::limit::{LimitName, Limits};
use crate::metering::block::Recorded;
use crate::metering::{Event, Outcome};
use crate::rating::{Meter, PriceList};
use std::collections::BTreeMap;

/// Thousandths in a unit.
const MILLI: u128 = 1_000;

/// Calls that were refused. They come in the order of time.
#[derive(Debug, Clone, Default)]
pub(super) struct Refusals {
    pub(super) calls: u64,
    /// By the code of the operation.
    pub(super) operations: BTreeMap<u16, u64>,
    pub(super) first: Option<Micros>,
    /// The first of the hours with the most of them.
    pub(super) worst: Option<(Micros, u64)>,
    hour: (Micros, u64),
}

impl Refusals {
    fn add(&mut self, event: &Event) {
        self.calls += 1;
        *self.operations.entry(event.operation).or_default() += 1;
        self.first.get_or_insert(event.started_at);
        let hour = event.started_at.hour();
        let in_hour = if self.hour.0 == hour { self.hour.1 + 1 } else { 1 };
        self.hour = (hour, in_hour);
        if self.worst.is_none_or(|(_, calls)| in_hour > calls) {
            self.worst = Some(self.hour);
        }
    }
}

/// What is counted for the charges of a price list, in their order, in thousandths of a unit.
#[derive(Debug, Clone, Default)]
pub(super) struct Meters(pub(super) Vec<u128>);

/// What a billed call brought and weighed.
#[derive(Debug, Clone, Copy)]
struct Used {
    records: u32,
    bytes: u64,
    milli: u32,
}

impl Meters {
    fn of(prices: Option<&PlanPrices>) -> Self {
        Self(vec![0; prices.map_or(0, |prices| prices.0.charges().len())])
    }

    fn add(&mut self, list: &PriceList, operation: &Operation, used: Used) {
        let all = self.0.iter_mut().zip(list.charges());
        for (quantity, charge) in
            all.filter(|(_, c)| c.filter.counts(operation.code, operation.api))
        {
            let milli = match charge.meter {
                Meter::Requests => MILLI,
                Meter::Records => u128::from(used.records) * MILLI,
                Meter::Bytes => u128::from(used.bytes) * MILLI,
                Meter::Weight => used.milli.into(),
            };
            *quantity = quantity.saturating_add(milli);
        }
    }

    /// The sums of two.
    pub(super) fn with(&self, other: &Self) -> Self {
        Self(self.0.iter().zip(&other.0).map(|(a, b)| a.saturating_add(*b)).collect())
    }
}

/// What is counted for one app.
#[derive(Debug)]
pub(super) struct Tally {
    /// Calls and messages.
    pub(super) calls: u64,
    /// Calls that were refused by limits in truth.
    pub(super) truth: Refusals,
    /// Calls that the proposed limits refuse.
    pub(super) then: Refusals,
    /// The same, by limit: a call may be refused by several.
    pub(super) limits: Vec<(LimitName, Refusals)>,
    /// Calls that passed in truth and would be refused.
    pub(super) newly: u64,
    /// Calls that were refused in truth and would pass: nobody knows what had come of them.
    pub(super) unknown_calls: u64,
    /// What they take from the limits.
    pub(super) unknown_milli: u64,
    /// Units billed in truth.
    pub(super) now_milli: u64,
    /// Units billed of the calls that pass then, too.
    pub(super) then_milli: u64,
    /// What the present price list counts.
    pub(super) now_meters: Meters,
    /// What the proposed price list counts.
    pub(super) then_meters: Meters,
    /// What it would count beside, if those that would pass were served.
    pub(super) unknown_meters: Meters,
}

/// The price lists that an app is rated by.
#[derive(Debug, Clone, Copy)]
pub(super) struct Lists<'a> {
    pub(super) now: Option<&'a PlanPrices>,
    pub(super) then: Option<&'a PlanPrices>,
}

impl Tally {
    /// Nothing is counted yet.
    pub(super) fn new(limits: &Limits, lists: Lists<'_>) -> Self {
        let named = limits.list().iter().map(|limit| (limit.name, Refusals::default()));
        Self {
            calls: 0,
            truth: Refusals::default(),
            then: Refusals::default(),
            limits: named.collect(),
            newly: 0,
            unknown_calls: 0,
            unknown_milli: 0,
            now_milli: 0,
            then_milli: 0,
            now_meters: Meters::of(lists.now),
            then_meters: Meters::of(lists.then),
            unknown_meters: Meters::of(lists.then),
        }
    }

    /// Counts a call or a message. `held` are the limits that the key was held to.
    pub(super) fn add(
        &mut self,
        recorded: &Recorded,
        operation: &Operation,
        played: &Played,
        held: &Limits,
        lists: Lists<'_>,
    ) {
        let event = &recorded.event;
        let was_refused = event.outcome == Outcome::RateLimited;
        self.calls += 1;
        if was_refused {
            self.truth.add(event);
        }
        if played.refused() {
            self.refuse(event, played, held);
            self.newly += u64::from(!was_refused);
        } else if was_refused {
            self.unknown(event, operation, played.milli, lists);
        }
        if recorded.rule.billable {
            self.bill(event, operation, played, lists);
        }
    }

    fn refuse(&mut self, event: &Event, played: &Played, held: &Limits) {
        self.then.add(event);
        for (place, limit) in held.list().iter().enumerate() {
            let violated = played.decision.is_some_and(|decision| decision.violates(place));
            let own = self.limits.iter_mut().find(|(name, _)| *name == limit.name);
            if let Some((_, refusals)) = own.filter(|_| violated) {
                refusals.add(event);
            }
        }
    }

    fn unknown(&mut self, event: &Event, operation: &Operation, milli: u32, lists: Lists<'_>) {
        self.unknown_calls += 1;
        if event.environment == Environment::Test || operation.is_free() {
            return;
        }
        self.unknown_milli = self.unknown_milli.saturating_add(milli.into());
        if let Some(PlanPrices(list)) = lists.then {
            self.unknown_meters.add(list, operation, Used { records: 0, bytes: 0, milli });
        }
    }

    fn bill(&mut self, event: &Event, operation: &Operation, played: &Played, lists: Lists<'_>) {
        let used = |milli| Used { records: event.records, bytes: event.bytes, milli };
        self.now_milli = self.now_milli.saturating_add(event.weight_milli.into());
        if let Some(PlanPrices(list)) = lists.now {
            self.now_meters.add(list, operation, used(event.weight_milli));
        }
        if played.refused() {
            return;
        }
        self.then_milli = self.then_milli.saturating_add(played.milli.into());
        if let Some(PlanPrices(list)) = lists.then {
            self.then_meters.add(list, operation, used(played.milli));
        }
    }
}
