//! From statements to the totals that are handed off.
//!
//! What is handed off of a charge is what it counted in the period: the units of its lines `included`, `usage` and `flat`,
//! over all sections and currencies of an app's statements. So the billing system gets the whole quantity and applies its
//! own prices, whose first tier may be free. What is money (fees, minimums, caps, discounts, credits) is not handed off,
//! and what corrects a closed period is money, too: it stands on the statement of the next period, and no quantity of a
//! closed period changes.

use super::model::{Handoff, HandoffStatus, Sink};
use crate::billing::model::Statement;
use crate::config::ChargeMeter;
use crate::kernel::Micros;
use crate::kernel::clock::SECOND;
use crate::kernel::id::{AppId, BillingPeriodId, HandoffId, PartnerId};
use crate::rating::LineKind;
use crate::storage::StoreError;
use rust_decimal::Decimal;
use std::collections::{BTreeMap, HashMap};

/// Seconds at the end of a period that are kept for totals which are found behind them, each of which needs a second of
/// its own.
const KEPT_SECONDS: i64 = 3_600;

/// Why a total is not sent: plans that an app was on count different things under one name.
pub(super) const MIXED: &str = "mixed_meters";

/// What a charge counted.
#[derive(Debug, Default)]
struct Counted {
    units: Decimal,
    meter: Option<String>,
    mixed: bool,
}

/// Who an app of a partner is in a system.
pub(super) type Customers = HashMap<(AppId, PartnerId), String>;

/// What totals are made of.
pub(super) struct Source<'a> {
    pub(super) sink: Sink,
    pub(super) customers: &'a Customers,
    pub(super) meters: &'a [ChargeMeter],
    /// Whether their period is closed.
    pub(super) is_final: bool,
}

/// A total that was found, and whom and what it is about.
struct Found<'a> {
    of: &'a Statement,
    customer: &'a str,
    meter: &'a ChargeMeter,
    counted: Counted,
}

impl Source<'_> {
    /// The totals of a period's statements that are new, to be stored and sent. `known` are those of before.
    pub(super) fn totals(
        &self,
        statements: &[Statement],
        known: Vec<Handoff>,
        now: Micros,
    ) -> Result<Vec<Handoff>, StoreError> {
        let mut known: HashMap<HandoffId, Handoff> =
            known.into_iter().map(|handoff| (handoff.id, handoff)).collect();
        let mut of_apps: BTreeMap<(AppId, PartnerId), Vec<&Statement>> = BTreeMap::new();
        for statement in statements {
            of_apps.entry((statement.app_id, statement.partner_id)).or_default().push(statement);
        }
        let mut new = Vec::new();
        for (whose, statements) in of_apps {
            let (Some(customer), Some(of)) = (self.customers.get(&whose), statements.first())
            else {
                continue;
            };
            for meter in self.meters {
                let counted = counted(&statements, &meter.charge)?;
                let found = Found { of, customer, meter, counted };
                let old = known.remove(&self.id(of.period_id, whose, &meter.charge));
                new.extend(self.next(old, found, now));
            }
        }
        Ok(new)
    }

    fn id(&self, period: BillingPeriodId, whose: (AppId, PartnerId), charge: &str) -> HandoffId {
        let (app, partner) = whose;
        HandoffId::derived(&format!("{} {period} {partner} {app} {charge}", self.sink))
    }

    /// What follows on what was known of a charge; none where nothing does.
    fn next(&self, old: Option<Handoff>, found: Found<'_>, now: Micros) -> Option<Handoff> {
        let Found { of, customer, meter, counted } = found;
        let total = counted.units.normalize().to_string();
        if let Some(old) = &old {
            let same = (&old.total, &*old.customer, &old.name) == (&total, customer, &meter.name);
            if old.is_final || (same && !self.is_final) {
                return None;
            }
            if same && old.status == HandoffStatus::Taken {
                return Some(Handoff { is_final: true, ..old.clone() });
            }
        } else if counted.units.is_zero() {
            return None;
        }
        let before = old.as_ref().map(|old| old.stamp);
        let stamp = stamp((of.from, of.to), before, self.is_final, now)?;
        let (status, error) = match counted.mixed {
            true => (HandoffStatus::Refused, Some(MIXED.to_owned())),
            false => (HandoffStatus::Pending, None),
        };
        Some(Handoff {
            id: self.id(of.period_id, (of.app_id, of.partner_id), &meter.charge),
            sink: self.sink,
            period: of.period_id,
            from: of.from,
            to: of.to,
            partner: of.partner_id,
            app: of.app_id,
            charge: meter.charge.clone(),
            customer: customer.to_owned(),
            name: meter.name.clone(),
            total,
            stamp,
            is_final: self.is_final,
            status,
            decided_at: now,
            tries: 0,
            answer: None,
            error,
            taken: old.and_then(|old| old.taken),
        })
    }
}

/// What a charge counted on all statements of an app for a period.
fn counted(statements: &[&Statement], charge: &str) -> Result<Counted, StoreError> {
    // What a flat charge is asked for is a line of what is included.
    let kinds = [LineKind::Included, LineKind::Usage].map(|kind| kind.to_string());
    let corrupt = |error: String| StoreError::corrupt("statements", error);
    let mut sum = Counted::default();
    for line in statements.iter().flat_map(|statement| &statement.lines) {
        if line.charge.as_deref() != Some(charge) || !kinds.contains(&line.kind) {
            continue;
        }
        let units: Decimal = line.quantity.parse().map_err(|e| corrupt(format!("{e}")))?;
        let units = sum.units.checked_add(units);
        sum.units = units.ok_or_else(|| corrupt("more units than a number holds".to_owned()))?;
        sum.mixed |= sum.meter.is_some() && sum.meter != line.meter;
        sum.meter.clone_from(&line.meter);
    }
    Ok(sum)
}

/// The time that a total is told with, in seconds since 1970. It lies in the period, behind that of the total before, so
/// that the last one by time is the newest, and the final one has the last second of all. While the period runs it is the
/// time at which the total was found. None where no second is left, so that the final total alone follows.
fn stamp(
    (from, to): (Micros, Micros),
    before: Option<i64>,
    is_final: bool,
    now: Micros,
) -> Option<i64> {
    let first = from.0.div_euclid(SECOND) + i64::from(from.0.rem_euclid(SECOND) > 0);
    let last = (to.0 - 1).div_euclid(SECOND).max(first);
    if is_final {
        return Some(last);
    }
    let kept = KEPT_SECONDS.min((last - first) / 2);
    let found = now.0.div_euclid(SECOND).clamp(first, last - kept);
    let stamp = before.map_or(found, |before| found.max(before + 1));
    (stamp < last).then_some(stamp)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Micros {
        text.parse().unwrap()
    }

    fn november(before: Option<i64>, is_final: bool, now: &str) -> Option<String> {
        let bounds = (at("2026-10-31T23:00:00Z"), at("2026-11-30T23:00:00Z"));
        let stamp = stamp(bounds, before, is_final, at(now))?;
        Some(Micros(stamp * SECOND).to_string())
    }

    fn seconds(text: &str) -> Option<i64> {
        Some(at(text).0 / SECOND)
    }

    #[test]
    fn each_total_has_a_later_time_in_its_period() {
        let found = |before, now| november(before, false, now);
        let now = "2026-11-22T12:00:00.9Z";
        assert_eq!(found(None, now).unwrap(), "2026-11-22T12:00:00Z");
        // A clock that went back.
        let before = seconds("2026-11-22T12:00:07Z");
        assert_eq!(found(before, now).unwrap(), "2026-11-22T12:00:08Z");
        // What is found behind the end comes behind what was found before it.
        let late = "2026-12-03T00:00:00Z";
        assert_eq!(found(before, late).unwrap(), "2026-11-30T21:59:59Z");
        let before = seconds("2026-11-30T21:59:59Z");
        assert_eq!(found(before, late).unwrap(), "2026-11-30T22:00:00Z");
        assert_eq!(found(seconds("2026-11-30T22:59:58Z"), late), None);
        let last = november(before, true, late).unwrap();
        assert_eq!(last, "2026-11-30T22:59:59Z");
        assert_eq!(november(None, true, late).unwrap(), last);
    }

    #[test]
    fn a_period_of_a_moment_has_a_final_total() {
        let bounds = (Micros(1_000_001), Micros(1_000_002));
        assert_eq!(stamp(bounds, None, true, Micros(5_000_000)), Some(2));
        assert_eq!(stamp(bounds, None, false, Micros(5_000_000)), None);
    }
}
