//! What two people have agreed to correct, as rows of `adjustments_v1`.

use super::billed::Billed;
use super::layout::{Column, Kind, Layout};
use super::row::{Cell, Row};
use crate::billing::adjustments::Adjustment;
use crate::billing::adjustments::model::Delta;
use crate::billing::model::{Statement, StatementLine};
use crate::kernel::id::BillingPeriodId;
use crate::kernel::word::Word as _;
use std::borrow::Cow;

/// One row for each line of a statement that an adjustment has made, and one where it changes what the period itself counts.
pub(super) static ADJUSTMENTS: Layout = Layout {
    name: "adjustments_v1",
    columns: &[
        Column::of("adjustment_id", Kind::Text, "The adjustment."),
        Column::of(
            "kind",
            Kind::Text,
            "What it does: `credit`, `debit`, `void`, `backfill`, `replace` or `rerate`.",
        ),
        Column::maybe(
            "corrects_period",
            Kind::Text,
            "The closed period that it corrects; null where it corrects none.",
        ),
        Column::of("booked_period", Kind::Text, "The period in which it counts."),
        Column::of("partner_id", Kind::Text, "Who owes more or less."),
        Column::of("app_id", Kind::Text, "For which app."),
        Column::maybe("meter", Kind::Text, "`requests` where it changes what is counted."),
        Column::maybe(
            "units",
            Kind::Int,
            "The charged calls that it adds; below zero they are taken away.",
        ),
        Column::maybe(
            "amount",
            Kind::Decimal(4),
            "What its line comes to; null where its effect is in the lines of usage.",
        ),
        Column::maybe("currency", Kind::Text, "The currency (ISO 4217)."),
        Column::of("reason_code", Kind::Text, "Why, in a word."),
        Column::of("requested_by", Kind::Text, "Who has asked for it."),
        Column::maybe("approved_by", Kind::Text, "Who has agreed."),
        Column::of("created_at", Kind::Time, "When it was made."),
        Column::of("target_count", Kind::Int, "Calls that it is about."),
        Column::maybe(
            "target_digest",
            Kind::Text,
            "SHA-256 of their ids, sorted, each with a line feed behind it.",
        ),
        Column::maybe("reverses", Kind::Text, "The adjustment that it takes back."),
        Column::maybe("line_id", Kind::Text, "Its line, as `statement_lines_v1` names it."),
        Column::of("hash", Kind::Text, "SHA-256 over the other columns of the row."),
    ],
    hash: "hash",
    id: "adjustment_id",
    day: "created_at",
    money: Some(("amount", "currency")),
};

/// The rows of some adjustments of an app in a statement of it. `counted` says whether what the period counts otherwise is
/// told with this statement, for it is told once.
pub(super) fn rows(
    adjustments: &[Adjustment],
    statement: &Statement,
    billed: &Billed,
    counted: bool,
) -> Vec<Row> {
    let mut rows = Vec::new();
    for adjustment in adjustments {
        let of_it = |line: &&StatementLine| line.adjustment_id == Some(adjustment.id);
        for line in statement.lines.iter().filter(of_it) {
            rows.push(row(
                adjustment,
                statement.period_id,
                Some((statement, line)),
                units(statement, line),
            ));
        }
        let here = |delta: &&Delta| (billed.span.from..billed.span.to).contains(&delta.at);
        let mut deltas = adjustment.open().filter(here).peekable();
        if counted && deltas.peek().is_some() {
            let charged = deltas.filter(|delta| delta.usage.billable);
            let units = charged.map(|delta| delta.usage.requests).fold(0, i64::saturating_add);
            rows.push(row(adjustment, billed.id, None, Some(units)));
        }
    }
    rows
}

/// The charged calls of a line that changes what a closed period counts; none of one that is about money.
fn units(statement: &Statement, line: &StatementLine) -> Option<i64> {
    let of_line = statement.usage.iter().filter(|used| {
        (used.adjustment_id, used.corrects_period) == (line.adjustment_id, line.corrects_period)
    });
    let mut of_line = of_line.peekable();
    of_line.peek()?;
    let charged = of_line.filter(|used| used.billable).map(|used| used.requests);
    Some(charged.fold(0, i64::saturating_add))
}

/// The fields stand in the order of the columns.
fn row(
    adjustment: &Adjustment,
    booked: BillingPeriodId,
    line: Option<(&Statement, &StatementLine)>,
    units: Option<i64>,
) -> Row {
    let own = |text: Option<String>| Cell::text(text.map(Cow::from));
    let by = adjustment.made_by.split_once(" approved by ");
    let (asked, agreed) = by.map_or((adjustment.made_by.as_str(), None), |(a, b)| (a, Some(b)));
    let effect = &adjustment.effect;
    let cells = vec![
        Cell::id(adjustment.id),
        Cell::Text(adjustment.kind.as_str().into()),
        line.and_then(|(_, line)| line.corrects_period).map_or(Cell::Null, Cell::id),
        Cell::id(booked),
        Cell::id(adjustment.partner_id),
        Cell::id(adjustment.app_id),
        Cell::text(units.map(|_| Cow::from("requests"))),
        units.map_or(Cell::Null, Cell::Int),
        line.map_or(Cell::Null, |(_, line)| Cell::decimal(&line.amount, 4)),
        own(line.map(|(statement, _)| statement.currency.clone())),
        Cell::free(&adjustment.reason_code),
        Cell::free(asked),
        agreed.map_or(Cell::Null, Cell::free),
        Cell::Time(adjustment.made_at),
        Cell::number(effect.events),
        own(effect.events_digest.clone()),
        adjustment.reverses.map_or(Cell::Null, Cell::id),
        own(line.map(|(statement, line)| format!("{}.{}", statement.id, line.line))),
        Cell::Null,
    ];
    Row::sealed(&ADJUSTMENTS, cells)
}
