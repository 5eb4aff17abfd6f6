//! Lines of statements as they are told.

use super::model::{StatementLine, UsageLine};
use super::rate::Held;
use crate::kernel::id::CreditGrantId;
use crate::metering::Sums;
use crate::metering::hours::Group;
use crate::rating::{Line, LineKind, PriceList};
use std::num::NonZeroU64;
use std::sync::Arc;

/// A line of a bill over some sections.
pub(super) fn line(line: &Line, number: u32, sections: &[Held<'_>], decimals: u8) -> StatementLine {
    let list = line.section.and_then(|section| sections.get(section)).map(|held| &held.list);
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
        corrects_period: None,
        adjustment_id: None,
        grant_id: None,
        reason_code: None,
    }
}

/// What is paid out of a grant of credit: an amount below zero.
pub(super) fn credit(grant: CreditGrantId, number: u32, amount: String) -> StatementLine {
    of_grant(LineKind::Credit, (grant, number), amount)
}

/// What was paid for a grant of credit, which is on no statement.
pub(super) fn payment(grant: CreditGrantId, number: u32, amount: String) -> StatementLine {
    let line = of_grant(LineKind::Prepaid, (grant, number), amount);
    StatementLine { charge: Some(grant.to_string()), ..line }
}

fn of_grant(
    kind: LineKind,
    (grant, number): (CreditGrantId, u32),
    amount: String,
) -> StatementLine {
    StatementLine {
        line: number,
        kind: kind.to_string(),
        section: None,
        charge: None,
        meter: None,
        tier_from: None,
        tier_up_to: None,
        quantity: "0".to_owned(),
        packages: None,
        unit_price: None,
        amount_exact: amount.clone(),
        amount,
        corrects_period: None,
        adjustment_id: None,
        grant_id: Some(grant),
        reason_code: None,
    }
}

/// What was counted, in a section counted from 1.
pub(super) fn usage((group, sums): &(&Group, &Sums), section: u32) -> UsageLine {
    UsageLine { section: Some(section), ..counted(group, sums) }
}

/// What was counted, in no section.
pub(super) fn counted(group: &Group, sums: &Sums) -> UsageLine {
    UsageLine {
        section: None,
        corrects_period: None,
        adjustment_id: None,
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

/// Microseconds as seconds.
pub(super) fn seconds(micros: u64) -> String {
    decimal(micros.into(), 1_000_000)
}

/// A number of parts of a unit as decimals of it, without zeros at the end.
pub(super) fn decimal(parts: u128, of: u128) -> String {
    let (whole, rest) = (parts / of, parts % of);
    if rest == 0 {
        return whole.to_string();
    }
    let width = of.ilog10() as usize;
    format!("{whole}.{rest:0width$}").trim_end_matches('0').to_owned()
}
