//! From pieces of an app's time and what was counted in them to statements.

use super::model::{Section, Statement, StatementLine, UsageLine};
use super::timeline::{Period, Piece};
use crate::access::history::PriceVersions;
use crate::access::operation;
use crate::kernel::id::{AppId, PartnerId, PlanId};
use crate::metering::Sums;
use crate::metering::hours::{Counted, Group};
use crate::rating::{Line, Meter, PriceList, Proration, Share, Sheet, TooLarge};
use std::num::NonZeroU64;
use std::sync::Arc;

/// A price list for a part of a period, with what was counted under it.
struct Held<'a> {
    plan: PlanId,
    version: u32,
    list: Arc<PriceList>,
    micros: u64,
    first: bool,
    calls: Vec<(&'a Group, &'a Sums)>,
}

/// The statements of an app for a period: one for each partner whose it was, and each currency. `pieces` are those
/// of the app that meet the period, also of other periods, and `counted` its live calls in it. A free plan has none.
pub(super) fn statements(
    app: AppId,
    period: &Period,
    pieces: &[Piece],
    versions: &PriceVersions,
    counted: &Counted,
) -> Result<Vec<Statement>, TooLarge> {
    let mut all: Vec<(PartnerId, Vec<Held<'_>>)> = Vec::new();
    for piece in pieces.iter().filter(|piece| piece.period == *period) {
        let Some(list) = &piece.list else { continue };
        let span = piece.span.end.0.saturating_sub(piece.span.start.0);
        let held = held(&mut all, piece.partner, (piece.plan, piece.version, list));
        held.micros = held.micros.saturating_add(u64::try_from(span).unwrap_or(0));
        held.first |= piece.first;
    }
    for (group, sums) in counted {
        let list = match piece_of(pieces, group) {
            // What was called while the plan was free is free, and what belongs to another period is stated there.
            Some(piece) if piece.period != *period => None,
            Some(piece) => piece.list.as_ref().map(|list| (piece.version, Arc::clone(list))),
            // A node hears of a change of plan a moment later: what it counted meanwhile is priced as it was counted,
            // and has no fee.
            None => listed(versions, group).map(|list| (group.plan_version, list)),
        };
        if let Some((version, list)) = list {
            let held = held(&mut all, group.partner, (group.plan, version, &list));
            held.calls.push((group, sums));
        }
    }
    all.into_iter().map(|(partner, held)| statement((partner, app), period, &held)).collect()
}

/// The piece whose prices hold for calls under a version of a plan: the last that is not newer, else the first.
fn piece_of<'a>(pieces: &'a [Piece], group: &Group) -> Option<&'a Piece> {
    let of_plan = pieces.iter().filter(|p| (p.partner, p.plan) == (group.partner, group.plan));
    of_plan.max_by_key(|piece| {
        let newer = piece.version > group.plan_version;
        (!newer, if newer { u32::MAX - piece.version } else { piece.version })
    })
}

/// The prices of the version of the plan that calls were counted under.
fn listed(versions: &PriceVersions, group: &Group) -> Option<Arc<PriceList>> {
    let mut of_plan = versions.get(&group.plan)?.iter();
    of_plan.find(|version| version.number == group.plan_version)?.list.clone()
}

/// The section of a list, in the statement of its partner and currency.
fn held<'a, 'b>(
    all: &'b mut Vec<(PartnerId, Vec<Held<'a>>)>,
    partner: PartnerId,
    (plan, version, list): (PlanId, u32, &Arc<PriceList>),
) -> &'b mut Held<'a> {
    let of_currency = |held: &[Held<'_>]| {
        held.first().is_some_and(|held| held.list.currency() == list.currency())
    };
    let place = all.iter().position(|(of, held)| *of == partner && of_currency(held));
    let place = place.unwrap_or_else(|| {
        all.push((partner, Vec::new()));
        all.len() - 1
    });
    let sections = &mut all[place].1;
    let same = |held: &Held<'_>| held.plan == plan && held.list == *list;
    let place = sections.iter().position(same).unwrap_or_else(|| {
        let (list, calls) = (Arc::clone(list), Vec::new());
        sections.push(Held { plan, version, list, micros: 0, first: false, calls });
        sections.len() - 1
    });
    &mut sections[place]
}

fn statement(
    (partner_id, app_id): (PartnerId, AppId),
    period: &Period,
    sections: &[Held<'_>],
) -> Result<Statement, TooLarge> {
    let list = &sections[0].list;
    let (currency, decimals) = (list.currency().code(), list.currency().decimals());
    let mut sheet = Sheet::new(list.currency(), list.rounding());
    for held in sections {
        let share = Share::of(held.micros, period.of);
        let list = if period.is_stub() || held.micros == 0 {
            &held.list.as_ref().clone().with_proration(Proration::BySecond)
        } else {
            &*held.list
        };
        sheet.section(list, share, &held.quantities(), held.first)?;
    }
    let bill = sheet.bill()?;
    let period_id = period.id();
    let lines = bill.lines.iter().zip(1..).map(|(line, number)| out(line, number, sections));
    Ok(Statement {
        id: Statement::id_of(period_id, (partner_id, app_id), currency),
        period_id,
        from: period.bounds.start,
        to: period.bounds.end,
        time_zone: period.zone_name().to_owned(),
        partner_id,
        app_id,
        currency: currency.to_owned(),
        exact: bill.exact.text(decimals),
        total: bill.total.text(decimals),
        sections: sections.iter().map(|held| held.out(period)).collect(),
        lines: lines.collect(),
        usage: sections.iter().flat_map(|held| held.calls.iter().map(usage)).collect(),
    })
}

impl Held<'_> {
    /// Thousandths of units for each charge of the list.
    fn quantities(&self) -> Vec<u128> {
        let mut quantities = vec![0_u128; self.list.charges().len()];
        for (group, sums) in self.calls.iter().filter(|(group, _)| group.billable) {
            let known = operation::by_id(&group.operation);
            // One that this version does not know is in no list of operations, and of no API.
            let (code, api) = known.map_or((u16::MAX, ""), |known| (known.code, known.api));
            for (quantity, charge) in quantities.iter_mut().zip(self.list.charges()) {
                if charge.filter.counts(code, api) {
                    *quantity = quantity.saturating_add(milli(charge.meter, sums));
                }
            }
        }
        quantities
    }

    fn out(&self, period: &Period) -> Section {
        let whole = period.of.end.0.saturating_sub(period.of.start.0);
        Section {
            plan_id: self.plan,
            plan_version: self.version,
            seconds: seconds(self.micros),
            of_seconds: seconds(u64::try_from(whole).unwrap_or(0)),
        }
    }
}

/// Thousandths of a meter's unit.
fn milli(meter: Meter, sums: &Sums) -> u128 {
    let (counted, each) = match meter {
        Meter::Requests => (sums.requests, 1_000),
        Meter::Records => (sums.records, 1_000),
        Meter::Bytes => (sums.bytes, 1_000),
        Meter::Weight => (sums.weight_milli, 1),
    };
    u128::try_from(counted).unwrap_or(0) * each
}

/// Microseconds as seconds.
fn seconds(micros: u64) -> String {
    decimal(micros.into(), 1_000_000)
}

/// A number of parts of a unit as decimals of it, without zeros at the end.
fn decimal(parts: u128, of: u128) -> String {
    let (whole, rest) = (parts / of, parts % of);
    if rest == 0 {
        return whole.to_string();
    }
    let width = of.ilog10() as usize;
    format!("{whole}.{rest:0width$}").trim_end_matches('0').to_owned()
}

fn out(line: &Line, number: u32, sections: &[Held<'_>]) -> StatementLine {
    let list = line.section.and_then(|section| sections.get(section)).map(|held| &held.list);
    let decimals = sections[0].list.currency().decimals();
    let named = |list: &Arc<PriceList>| {
        let charges = list.charges().iter();
        charges.filter(|charge| Some(&charge.name) == line.charge.as_ref()).map(|c| c.meter).next()
    };
    StatementLine {
        line: number,
        kind: line.kind.to_string(),
        section: line.section.and_then(|section| u32::try_from(section + 1).ok()),
        charge: line.charge.as_ref().map(ToString::to_string),
        meter: list.and_then(named).map(|meter| meter.to_string()),
        tier_from: line.tier.map(|(from, _)| from),
        tier_up_to: line.tier.and_then(|(_, up_to)| up_to.map(NonZeroU64::get)),
        quantity: decimal(line.quantity_milli, 1_000),
        packages: line.packages.and_then(|packages| u64::try_from(packages).ok()),
        unit_price: line.unit_price.map(|price| price.text(decimals)),
        amount_exact: line.exact.text(decimals),
        amount: line.amount.text(decimals),
    }
}

fn usage((group, sums): &(&Group, &Sums)) -> UsageLine {
    UsageLine {
        plan_id: group.plan,
        plan_version: group.plan_version,
        operation: group.operation.clone(),
        status: group.status,
        outcome: group.outcome.clone(),
        rule: group.rule.clone(),
        billable: group.billable,
        requests: sums.requests,
        records: sums.records,
        bytes: sums.bytes,
        weight_milli: sums.weight_milli,
    }
}
