//! From pieces of an app's time and what was counted in them to statements.

use super::correct::Correction;
use super::lines;
use super::model::{Section, Statement};
use super::timeline::{Period, Piece};
use crate::access::history::PriceVersions;
use crate::access::operation;
use crate::kernel::id::{AppId, PartnerId, PlanId};
use crate::kernel::{Currency, Micros};
use crate::limit::Bounds;
use crate::metering::Sums;
use crate::metering::hours::{Counted, Group};
use crate::rating::{
    Charge, LineKind, Meter, Position, PriceList, Proration, Rounding, Share, Sheet, TooLarge,
};
use std::sync::Arc;

/// A price list for a part of a period, with what was counted under it.
pub(super) struct Held<'a> {
    pub(super) plan: PlanId,
    pub(super) version: u32,
    pub(super) list: Arc<PriceList>,
    pub(super) micros: u64,
    pub(super) first: bool,
    pub(super) calls: Vec<(&'a Group, &'a Sums)>,
}

/// What becomes one statement.
struct Account<'a> {
    partner: PartnerId,
    currency: Currency,
    rounding: Rounding,
    held: Vec<Held<'a>>,
    corrections: Vec<&'a Correction>,
}

/// What is to be stated of an app for a period.
pub(super) struct Stated<'a> {
    /// The pieces of the app that meet the period, also of other periods.
    pub(super) pieces: &'a [Piece],
    /// Its live calls in it.
    pub(super) counted: &'a Counted,
    /// What is booked in it of earlier ones.
    pub(super) corrections: &'a [Correction],
}

/// The statements of an app for a period: one for each partner whose it was, and each currency. A free plan has none.
pub(super) fn statements(
    app: AppId,
    period: &Period,
    versions: &PriceVersions,
    stated: &Stated<'_>,
) -> Result<Vec<Statement>, TooLarge> {
    let all = accounts(period, versions, stated);
    all.into_iter().map(|account| statement(app, period, &account)).collect()
}

/// The same with how each of their sections stands at an instant.
pub(super) fn standings(
    app: AppId,
    period: &Period,
    versions: &PriceVersions,
    stated: &Stated<'_>,
    now: Micros,
) -> Result<Vec<(Statement, Vec<SectionStanding>)>, TooLarge> {
    let piece = stated.pieces.iter().find(|piece| piece.span.hold(now));
    let of_section = |held: &Held<'_>| SectionStanding {
        in_force: piece.is_some_and(|piece| {
            piece.plan == held.plan && piece.list.as_ref() == Some(&held.list)
        }),
        charges: held.standings(period.length()),
    };
    let each = |account: Account<'_>| {
        let sections = account.held.iter().map(of_section).collect();
        Ok((statement(app, period, &account)?, sections))
    };
    accounts(period, versions, stated).into_iter().map(each).collect()
}

/// What an app owes for a period, to be stated.
fn accounts<'a>(
    period: &Period,
    versions: &PriceVersions,
    stated: &Stated<'a>,
) -> Vec<Account<'a>> {
    let Stated { pieces, counted, corrections } = *stated;
    let mut all: Vec<Account<'_>> = Vec::new();
    for piece in pieces.iter().filter(|piece| piece.period == *period) {
        let Some(list) = &piece.list else { continue };
        let span = piece.span.end.0.saturating_sub(piece.span.start.0);
        let held = held(&mut all, piece.partner, (piece.plan, piece.version, list));
        held.micros = held.micros.saturating_add(u64::try_from(span).unwrap_or(0));
        held.first |= piece.first;
    }
    for (group, sums) in counted {
        if let Place::Here(version, list) = place(pieces, versions, period, group) {
            let held = held(&mut all, group.partner, (group.plan, version, &list));
            held.calls.push((group, sums));
        }
    }
    for correction in corrections {
        let Correction { partner, currency, rounding, .. } = *correction;
        account(&mut all, partner, (currency, rounding)).corrections.push(correction);
    }
    all
}

/// Where calls are stated.
pub(super) enum Place {
    /// In this period, under the prices of a version.
    Here(u32, Arc<PriceList>),
    /// In another period.
    Elsewhere,
    /// Nowhere: what was called while the plan was free is free.
    Free,
}

/// Where calls of a period's span are stated, by the pieces of their app.
pub(super) fn place(
    pieces: &[Piece],
    versions: &PriceVersions,
    period: &Period,
    group: &Group,
) -> Place {
    match piece_of(pieces, group) {
        Some(Piece { list: None, .. }) => Place::Free,
        Some(Piece { period: other, .. }) if other != period => Place::Elsewhere,
        Some(Piece { list: Some(list), version, .. }) => Place::Here(*version, Arc::clone(list)),
        // A node hears of a change of plan a moment later: what it counted meanwhile is priced as it was counted, and
        // has no fee.
        None => listed(versions, group)
            .map_or(Place::Free, |list| Place::Here(group.plan_version, list)),
    }
}

/// The piece whose prices hold for calls under a version of a plan: the last that is not newer, else the first.
pub(super) fn piece_of<'a>(pieces: &'a [Piece], group: &Group) -> Option<&'a Piece> {
    let of_plan = pieces.iter().filter(|p| (p.partner, p.plan) == (group.partner, group.plan));
    of_plan.max_by_key(|piece| {
        let newer = piece.version > group.plan_version;
        (!newer, if newer { u32::MAX - piece.version } else { piece.version })
    })
}

/// The prices of the version of the plan that calls were counted under.
pub(super) fn listed(versions: &PriceVersions, group: &Group) -> Option<Arc<PriceList>> {
    let mut of_plan = versions.get(&group.plan)?.iter();
    of_plan.find(|version| version.number == group.plan_version)?.list.clone()
}

/// What a partner owes in a currency.
fn account<'a, 'b>(
    all: &'b mut Vec<Account<'a>>,
    partner: PartnerId,
    (currency, rounding): (Currency, Rounding),
) -> &'b mut Account<'a> {
    let same = |of: &Account<'_>| of.partner == partner && of.currency == currency;
    let place = all.iter().position(same).unwrap_or_else(|| {
        let (held, corrections) = (Vec::new(), Vec::new());
        all.push(Account { partner, currency, rounding, held, corrections });
        all.len() - 1
    });
    &mut all[place]
}

/// The section of a list, in the statement of its partner and currency.
fn held<'a, 'b>(
    all: &'b mut Vec<Account<'a>>,
    partner: PartnerId,
    (plan, version, list): (PlanId, u32, &Arc<PriceList>),
) -> &'b mut Held<'a> {
    let sections = &mut account(all, partner, (list.currency(), list.rounding())).held;
    let same = |held: &Held<'_>| held.plan == plan && held.list == *list;
    let place = sections.iter().position(same).unwrap_or_else(|| {
        let (list, calls) = (Arc::clone(list), Vec::new());
        sections.push(Held { plan, version, list, micros: 0, first: false, calls });
        sections.len() - 1
    });
    &mut sections[place]
}

/// What some lists ask, each for its part of a period.
pub(super) fn sheet(
    (currency, rounding): (Currency, Rounding),
    sections: &[Held<'_>],
    period: (Bounds, u64),
) -> Result<Sheet, TooLarge> {
    let mut sheet = Sheet::new(currency, rounding);
    for held in sections {
        sheet.section(&held.asked(period), Share::WHOLE, &held.quantities(), held.first)?;
    }
    Ok(sheet)
}

fn statement(app_id: AppId, period: &Period, account: &Account<'_>) -> Result<Statement, TooLarge> {
    let Account { partner: partner_id, currency, rounding, held, corrections } = account;
    let (partner_id, decimals) = (*partner_id, currency.decimals());
    let mut sheet = sheet((*currency, *rounding), held, period.length())?;
    for correction in corrections {
        sheet.line(LineKind::Adjustment, 0, correction.exact);
    }
    let bill = sheet.bill()?;
    let period_id = period.id();
    let mut lines: Vec<_> =
        bill.lines.iter().zip(1..).map(|(line, n)| lines::line(line, n, held, decimals)).collect();
    let adjusted = LineKind::Adjustment.to_string();
    let of_corrections = lines.iter_mut().filter(|line| line.kind == adjusted);
    of_corrections.zip(corrections).for_each(|(line, correction)| correction.tell(line));
    let counted = held
        .iter()
        .zip(1..)
        .flat_map(|(held, section)| held.calls.iter().map(move |call| lines::usage(call, section)));
    let corrected = corrections.iter().flat_map(|correction| correction.usage.iter().cloned());
    Ok(Statement {
        id: Statement::id_of(period_id, (partner_id, app_id), currency.code()),
        period_id,
        from: period.bounds.start,
        to: period.bounds.end,
        time_zone: period.zone_name().to_owned(),
        partner_id,
        app_id,
        currency: currency.code().to_owned(),
        exact: bill.exact.text(decimals),
        subtotal: bill.total.text(decimals),
        total: bill.total.text(decimals),
        sections: held.iter().map(|held| held.out(period)).collect(),
        usage: counted.chain(corrected).collect(),
        lines,
        credits: Vec::new(),
    })
}

/// How a section of a statement stands.
#[derive(Debug)]
pub(super) struct SectionStanding {
    /// Whether its prices hold now.
    pub(super) in_force: bool,
    /// Its charges.
    pub(super) charges: Vec<Standing>,
}

/// A charge of a section as it holds for its part of the period, and where what was counted stands in it.
#[derive(Debug)]
pub(super) struct Standing {
    pub(super) charge: Charge,
    pub(super) milli: u128,
    pub(super) position: Position,
}

impl Held<'_> {
    /// What the list asks for its part of a period of so many microseconds, which may be what a change has left of a longer one.
    fn asked(&self, (of, own): (Bounds, u64)) -> PriceList {
        let part = match self.list.proration() {
            // Calls that were counted under a list that had no part in the period have no fee.
            _ if self.micros == 0 => 0,
            Proration::BySecond => self.micros,
            // Who joins in a period pays all of it, and of one that was cut itself all that it is.
            Proration::None => own,
        };
        let list = PriceList::clone(&self.list).with_proration(Proration::BySecond);
        list.prorated(Share::of(part, of))
    }

    fn standings(&self, period: (Bounds, u64)) -> Vec<Standing> {
        let asked = self.asked(period);
        let standing = |(charge, milli): (&Charge, u128)| Standing {
            charge: charge.clone(),
            milli,
            position: charge.position(milli),
        };
        asked.charges().iter().zip(self.quantities()).map(standing).collect()
    }

    /// Thousandths of units for each charge of the list.
    fn quantities(&self) -> Vec<u128> {
        let mut quantities = vec![0_i128; self.list.charges().len()];
        for (group, sums) in self.calls.iter().filter(|(group, _)| group.billable) {
            for (quantity, charge) in quantities.iter_mut().zip(self.list.charges()) {
                if counts(charge, &group.operation) {
                    *quantity = quantity.saturating_add(milli(charge.meter, sums));
                }
            }
        }
        quantities.into_iter().map(|sum| u128::try_from(sum).unwrap_or(0)).collect()
    }

    fn out(&self, period: &Period) -> Section {
        let whole = period.of.end.0.saturating_sub(period.of.start.0);
        Section {
            plan_id: self.plan,
            plan_version: self.version,
            seconds: lines::seconds(self.micros),
            of_seconds: lines::seconds(u64::try_from(whole).unwrap_or(0)),
        }
    }
}

/// Whether a charge counts billed calls of an operation.
pub(super) fn counts(charge: &Charge, operation: &str) -> bool {
    let known = operation::by_id(operation);
    // One that this version does not know is in no list of operations, and of no API.
    let (code, api) = known.map_or((u16::MAX, ""), |known| (known.code, known.api));
    charge.filter.counts(code, api)
}

/// Thousandths of a meter's unit.
pub(super) fn milli(meter: Meter, sums: &Sums) -> i128 {
    let (counted, each) = match meter {
        Meter::Requests => (sums.requests, 1_000),
        Meter::Records => (sums.records, 1_000),
        Meter::Bytes => (sums.bytes, 1_000),
        Meter::Weight => (sums.weight_milli, 1),
    };
    i128::from(counted) * each
}
