//! A statement as it can be rated again: what was counted in it under which lists, with what has corrected it since.

use super::model::{Section, Statement, UsageLine};
use super::rate::{Held, sheet};
use crate::access::history::PriceVersions;
use crate::kernel::Currency;
use crate::kernel::Micros;
use crate::kernel::id::{AppId, BillingPeriodId, PartnerId, PlanId};
use crate::limit::{self, Bounds};
use crate::metering::Sums;
use crate::metering::hours::{Counted, Group};
use crate::rating::{Exact, LineKind, PriceList, Rounding, TooLarge};
use crate::storage::StoreError;
use std::sync::Arc;

/// A list with what was counted under it.
#[derive(Debug)]
struct Part {
    plan: PlanId,
    version: u32,
    list: Arc<PriceList>,
    micros: u64,
    first: bool,
    counted: Counted,
}

impl Part {
    fn held<'a>(&'a self, list: &Arc<PriceList>) -> Held<'a> {
        Held {
            plan: self.plan,
            version: self.version,
            list: Arc::clone(list),
            micros: self.micros,
            first: self.first,
            calls: self.counted.iter().collect(),
        }
    }
}

/// A statement of which only what decides the amounts is kept.
#[derive(Debug)]
pub(super) struct Base {
    /// The period.
    pub(super) period: BillingPeriodId,
    /// The currency.
    pub(super) currency: Currency,
    /// How its lines are rounded.
    pub(super) rounding: Rounding,
    parts: Vec<Part>,
    /// How many sections the statement itself has; the others are of calls that came later.
    sections: usize,
    of: Bounds,
    /// How many microseconds of that the period has itself.
    own: u64,
    /// When it begins and ends.
    span: Bounds,
}

impl Base {
    /// What a statement stands on where there was none: nothing is asked but for what is added.
    pub(super) fn nothing(period: BillingPeriodId, list: &PriceList) -> Self {
        let (currency, rounding) = (list.currency(), list.rounding());
        let of = Bounds { start: Micros(0), end: Micros(1) };
        Self { period, currency, rounding, parts: Vec::new(), sections: 0, of, own: 1, span: of }
    }

    /// What a statement stands on. Its prices are those of the versions that it names.
    pub(super) fn of(statement: &Statement, versions: &PriceVersions) -> Result<Self, StoreError> {
        let number = |(section, n): (&Section, u32)| {
            let list = list_of(versions, (section.plan_id, section.plan_version));
            let once = LineKind::OneTime.to_string();
            let mut lines = statement.lines.iter().filter(|line| line.kind == once);
            Ok(Part {
                plan: section.plan_id,
                version: section.plan_version,
                list: list.ok_or_else(|| corrupt("it names a version without prices"))?,
                micros: micros(&section.seconds)?,
                first: lines.any(|line| line.section == Some(n)),
                counted: Counted::new(),
            })
        };
        let parts: Vec<Part> =
            statement.sections.iter().zip(1..).map(number).collect::<Result<_, StoreError>>()?;
        let whole = statement.sections.first().map_or(Ok(1), |first| micros(&first.of_seconds))?;
        let of = Bounds { start: Micros(0), end: Micros(i64::try_from(whole).unwrap_or(i64::MAX)) };
        let own = statement.to.0.saturating_sub(statement.from.0);
        let currency =
            statement.currency.parse().map_err(|_| corrupt("its currency is unknown"))?;
        let mut base = Self {
            period: statement.period_id,
            currency,
            rounding: parts.first().map_or(Rounding::HalfEven, |part| part.list.rounding()),
            sections: parts.len(),
            parts,
            of,
            own: u64::try_from(own).unwrap_or(0),
            span: Bounds { start: statement.from, end: statement.to },
        };
        base.add_usage(statement, versions, None)?;
        Ok(base)
    }

    /// Adds what a statement counts: of its own period, or of the one that it corrects.
    pub(super) fn add_usage(
        &mut self,
        statement: &Statement,
        versions: &PriceVersions,
        corrects: Option<BillingPeriodId>,
    ) -> Result<(), StoreError> {
        let whose = (statement.partner_id, statement.app_id);
        for line in statement.usage.iter().filter(|line| line.corrects_period == corrects) {
            let (group, sums) = line.group(whose);
            let place = match line.section {
                Some(section) => (section as usize).checked_sub(1),
                None => list_of(versions, (line.plan_id, line.plan_version))
                    .map(|list| self.place((line.plan_id, line.plan_version), &list)),
            };
            let part = place.and_then(|place| self.parts.get_mut(place));
            let part = part.ok_or_else(|| corrupt("it counts calls under no section"))?;
            part.counted.entry(group).or_default().plus(&sums);
        }
        Ok(())
    }

    /// Adds what was counted under a list of a plan; the section of the statement that it falls into, if into one.
    pub(super) fn add(&mut self, group: &Group, list: &Arc<PriceList>, sums: &Sums) -> Option<u32> {
        let place = self.place((group.plan, group.plan_version), list);
        self.parts[place].counted.entry(group.clone()).or_default().plus(sums);
        if place < self.sections { u32::try_from(place + 1).ok() } else { None }
    }

    /// The part of a list of a plan; one without any time where there is none.
    fn place(&mut self, (plan, version): (PlanId, u32), list: &Arc<PriceList>) -> usize {
        let same = |part: &Part| part.plan == plan && part.list == *list;
        self.parts.iter().position(same).unwrap_or_else(|| {
            let (list, counted) = (Arc::clone(list), Counted::new());
            self.parts.push(Part { plan, version, list, micros: 0, first: false, counted });
            self.parts.len() - 1
        })
    }

    /// What it comes to before rounding.
    pub(super) fn exact(&self) -> Result<Exact, TooLarge> {
        let held = self.parts.iter().map(|part| part.held(&part.list));
        self.rated(&held.collect::<Vec<_>>(), self.of)
    }

    /// What the period is a part of, or all, under a list: what it is under its own, where that has periods as long; else
    /// the period of the list in which it begins, under a contract that began at an instant. None where the list's periods
    /// are shorter and one ends within it: what was counted in it cannot be told apart by them.
    pub(super) fn whole_under(&self, list: &PriceList, contract: Micros) -> Option<Bounds> {
        let length = list.periods().length;
        let own = self.parts[..self.sections].first().map(|part| part.list.periods().length);
        let Some(own) = own.filter(|own| *own != length) else { return Some(self.of) };
        let whole = list.periods().cycle().around(self.span.start, contract);
        let is_longer =
            limit::Period::from(own).longest_s() < limit::Period::from(length).longest_s();
        (is_longer || self.span.end <= whole.end).then_some(whole)
    }

    /// What it would come to before rounding if one list had held all the time, of whose own period it is a part, or all.
    pub(super) fn exact_under(
        &self,
        list: &Arc<PriceList>,
        whole: Bounds,
    ) -> Result<Exact, TooLarge> {
        let mut all: Option<Held<'_>> = None;
        for part in self.parts.iter().map(|part| part.held(list)) {
            let Some(one) = &mut all else {
                all = Some(part);
                continue;
            };
            one.micros = one.micros.saturating_add(part.micros);
            one.first |= part.first;
            one.calls.extend(part.calls);
        }
        self.rated(all.as_slice(), whole)
    }

    fn rated(&self, held: &[Held<'_>], whole: Bounds) -> Result<Exact, TooLarge> {
        let sheet = sheet((self.currency, self.rounding), held, (whole, self.own))?;
        Ok(sheet.bill()?.exact)
    }
}

/// The prices of a version of a plan.
pub(super) fn list_of(
    versions: &PriceVersions,
    (plan, version): (PlanId, u32),
) -> Option<Arc<PriceList>> {
    versions.get(&plan)?.iter().find(|known| known.number == version)?.list.clone()
}

impl UsageLine {
    /// What is summed, and the sums.
    pub(super) fn group(&self, (partner, app): (PartnerId, AppId)) -> (Group, Sums) {
        let group = Group {
            partner,
            app,
            plan: self.plan_id,
            plan_version: self.plan_version,
            operation: self.operation.clone(),
            status: self.status,
            outcome: self.outcome.clone(),
            rule: self.rule.clone(),
            billable: self.billable,
        };
        let Self { requests, records, bytes, weight_milli, .. } = *self;
        (group, Sums { requests, records, bytes, weight_milli })
    }
}

/// Seconds with up to six decimals, as microseconds.
fn micros(seconds: &str) -> Result<u64, StoreError> {
    let (whole, rest) = seconds.split_once('.').unwrap_or((seconds, ""));
    let parsed = format!("{whole}{rest:0<6}").parse().ok();
    parsed.filter(|_| rest.len() <= 6).ok_or_else(|| corrupt("its seconds are no number"))
}

fn corrupt(what: &str) -> StoreError {
    StoreError::corrupt("statements", format!("a statement cannot be rated again: {what}"))
}
