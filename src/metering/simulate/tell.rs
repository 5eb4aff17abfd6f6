//! From what was counted to what is told.

use super::money::{Purse, bills};
use super::report::{
    AppSimulationOut, HourOut, LimitRefusalsOut, OperationRefusalsOut, PartnerSimulationOut,
    RefusalsOut, SideBySideOut, SimulationOut, UnknownDemandOut,
};
use super::tally::{Refusals, Tally};
use super::{LONGEST_LEAD, Tried, Work, lists, longest_window};
use crate::kernel::clock::{DAY, SECOND};
use crate::kernel::id::PartnerId;
use crate::metering::store::operation_id;
use crate::rating::TooLarge;
use std::cmp::Reverse;
use std::collections::BTreeMap;

/// Sums of several apps.
#[derive(Default)]
struct Sum {
    sides: SideBySideOut,
    purse: Purse,
}

impl Sum {
    fn add(&mut self, sides: &SideBySideOut, purse: &Purse) -> Result<(), TooLarge> {
        let own = &mut self.sides;
        own.calls += sides.calls;
        own.refused_in_truth += sides.refused_in_truth;
        own.refused_then += sides.refused_then;
        own.newly_refused += sides.newly_refused;
        own.unknown_demand.calls += sides.unknown_demand.calls;
        let units = |a: u64, b: u64| a.saturating_add(b);
        let unknown = &mut own.unknown_demand.units_milli;
        *unknown = units(*unknown, sides.unknown_demand.units_milli);
        own.units_milli_now = units(own.units_milli_now, sides.units_milli_now);
        own.units_milli_then = units(own.units_milli_then, sides.units_milli_then);
        self.purse.add(purse)
    }

    fn out(self) -> Result<SideBySideOut, TooLarge> {
        Ok(SideBySideOut { earned: self.purse.out()?, ..self.sides })
    }
}

/// The report of a simulation that has read the ledger up to `head`.
pub(super) fn report(work: &Work, head: i64) -> Result<SimulationOut, TooLarge> {
    let (mut total, mut partners) = (Sum::default(), BTreeMap::<PartnerId, Sum>::new());
    let mut apps = Vec::with_capacity(work.tallies.len());
    for (tried, tally) in work.cast.apps.iter().zip(&work.tallies) {
        let (app, purse) = app(work, tried, tally)?;
        total.add(&app.sums, &purse)?;
        partners.entry(app.partner_id).or_default().add(&app.sums, &purse)?;
        apps.push(app);
    }
    let partner = |(partner_id, sum): (PartnerId, Sum)| {
        sum.out().map(|sums| PartnerSimulationOut { partner_id, sums })
    };
    let mut partners = partners.into_iter().map(partner).collect::<Result<Vec<_>, _>>()?;
    partners.sort_by_key(|partner| Reverse(partner.sums.newly_refused));
    apps.sort_by_key(|app| Reverse(app.sums.newly_refused));
    let (plan, span) = (&work.simulation.plan, work.simulation.span);
    let lead_us = span.from.0.saturating_sub(work.whole.from.0);
    Ok(SimulationOut {
        plan_id: plan.id,
        plan_version: plan.version,
        from: span.from,
        to: span.to,
        update_refused: plan
            .definition
            .gives_way_to(&work.simulation.proposed)
            .err()
            .map(|why| why.to_string()),
        position: head,
        lead_s: u64::try_from(lead_us / SECOND).unwrap_or(0),
        total: total.out()?,
        partners,
        apps,
        cautions: cautions(work),
    })
}

fn app(work: &Work, tried: &Tried, tally: &Tally) -> Result<(AppSimulationOut, Purse), TooLarge> {
    let bills = bills(tally, lists(tried, &work.simulation.proposed))?;
    let limit = |(name, of)| LimitRefusalsOut { name, then: refusals(of) };
    let sums = SideBySideOut {
        calls: tally.calls,
        refused_in_truth: tally.truth.calls,
        refused_then: tally.then.calls,
        newly_refused: tally.newly,
        unknown_demand: UnknownDemandOut {
            calls: tally.unknown_calls,
            units_milli: tally.unknown_milli,
        },
        units_milli_now: tally.now_milli,
        units_milli_then: tally.then_milli,
        earned: bills.purse.out()?,
    };
    let app = AppSimulationOut {
        app_id: tried.app.id,
        partner_id: tried.app.partner,
        plan_id: tried.app.plan,
        sums,
        truth: refusals(&tally.truth),
        then: refusals(&tally.then),
        limits: tally.limits.iter().map(|(name, of)| limit((*name, of))).collect(),
        lines_now: bills.lines_now,
        lines_then: bills.lines_then,
    };
    Ok((app, bills.purse))
}

fn refusals(of: &Refusals) -> RefusalsOut {
    let operation = |(code, calls): (&u16, &u64)| OperationRefusalsOut {
        operation_id: operation_id(*code).into_owned(),
        calls: *calls,
    };
    let mut operations: Vec<_> = of.operations.iter().map(operation).collect();
    operations.sort_by_key(|operation| Reverse(operation.calls));
    RefusalsOut {
        calls: of.calls,
        operations,
        first_at: of.first,
        worst_hour: of.worst.map(|(start, calls)| HourOut { start, calls }),
    }
}

/// What holds for every simulation.
const ALWAYS: [&str; 5] = [
    "Callers may change what they do under other limits and prices: here they call as they did, and try \
     again as often as they did.",
    "Calls that were refused in truth and would have passed (`unknown_demand`) are replayed as attempts that \
     are served, for as long as their refusal took; what they would have brought is not known.",
    "One counter stands for all nodes and runs on through restarts, and quotas count at once what they \
     learned of other nodes and plans a moment later. How calls of the same instant came upon each other is \
     not in the ledger: they are replayed in its order.",
    "A call is under way until its answer is recorded; how long its body took from there is not in the \
     ledger. Calls that were answered with 401 or 403 are taken not to have asked the limits.",
    "The present plans stand for the whole span, and the proposed one from its first instant on, with the \
     counters that stood then; edits, changes of plan and suspensions in between are not replayed.",
];

fn cautions(work: &Work) -> Vec<String> {
    let mut cautions: Vec<String> = ALWAYS.iter().map(|text| (*text).to_owned()).collect();
    let proposed = &work.simulation.proposed;
    if longest_window(&work.cast) > LONGEST_LEAD {
        cautions.push(
            "A rate of more than 31 days, as test keys have in the place of a longer quota, begins with the \
             use of the last 31 days only."
                .to_owned(),
        );
    }
    let priced = |tried: &Tried| tried.present.prices.is_some();
    let span = work.simulation.span;
    let is_month = span.to.0 - span.from.0 > 27 * DAY;
    if !is_month && (proposed.prices.is_some() || work.cast.apps.iter().any(priced)) {
        cautions.push(
            "The span is rated as a whole month: fees, included units, tiers, caps and minimums count in \
             full."
                .to_owned(),
        );
    }
    cautions
}
