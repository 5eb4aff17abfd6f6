//! The lines of a statement as CSV.

use super::breakdown::{NotBilled, not_billed};
use super::model::{Statement, StatementLine};
use super::view::{Reached, Shown};

/// The columns of the lines as CSV.
const COLUMNS: [&str; 26] = [
    "statement_id",
    "period_id",
    "period_start",
    "period_end",
    "partner_id",
    "app_id",
    "line",
    "kind",
    "reason_code",
    "corrects_period",
    "adjustment_id",
    "grant_id",
    "section",
    "plan_version",
    "charge",
    "meter",
    "tier_from",
    "tier_up_to",
    "quantity",
    "packages",
    "unit_price",
    "amount_exact",
    "amount",
    "currency",
    "state",
    "as_of",
];

/// The lines of a statement as CSV (RFC 4180), one for each, and one of kind `not_billed` for each rule by which calls are
/// not charged. Numbers have a point before their decimals; what is null is an empty cell.
pub(super) fn csv(shown: &Shown, reached: Reached) -> Result<Vec<u8>, csv::Error> {
    let statement = &shown.statement;
    let mut rows =
        csv::WriterBuilder::new().terminator(csv::Terminator::CRLF).from_writer(Vec::new());
    rows.write_record(COLUMNS)?;
    let head = [
        statement.id.to_string(),
        statement.period_id.to_string(),
        statement.from.to_string(),
        statement.to.to_string(),
        statement.partner_id.to_string(),
        statement.app_id.to_string(),
    ];
    let tail = match reached.of(shown) {
        Some(reached) => ["provisional".to_owned(), reached.through.to_string()],
        None => ["final".to_owned(), String::new()],
    };
    let free = not_billed(&statement.usage);
    let lines = statement.lines.iter().map(|line| line_cells(statement, line));
    for cells in lines.chain(free.iter().map(|free| free_cells(statement, free))) {
        rows.write_record(head.iter().chain(&cells).chain(&tail))?;
    }
    rows.into_inner().map_err(|error| error.into_error().into())
}

/// The cells of a line, between those that all have.
fn line_cells(statement: &Statement, line: &StatementLine) -> [String; 18] {
    let number = |value: Option<u64>| value.map(|value| value.to_string()).unwrap_or_default();
    let held = line.section.and_then(|n| statement.sections.get((n as usize).checked_sub(1)?));
    let plan = held.map(|held| format!("{}@{}", held.plan_id, held.plan_version));
    [
        line.line.to_string(),
        line.kind.clone(),
        line.reason_code.clone().unwrap_or_default(),
        line.corrects_period.map(|period| period.to_string()).unwrap_or_default(),
        line.adjustment_id.map(|adjustment| adjustment.to_string()).unwrap_or_default(),
        line.grant_id.map(|grant| grant.to_string()).unwrap_or_default(),
        number(line.section.map(u64::from)),
        plan.unwrap_or_default(),
        line.charge.clone().unwrap_or_default(),
        line.meter.clone().unwrap_or_default(),
        number(line.tier_from),
        number(line.tier_up_to),
        line.quantity.clone(),
        number(line.packages),
        line.unit_price.clone().unwrap_or_default(),
        line.amount_exact.clone(),
        line.amount.clone(),
        statement.currency.clone(),
    ]
}

/// The cells of calls that are not charged: the rule as the reason, and nothing owed.
fn free_cells(statement: &Statement, free: &NotBilled) -> [String; 18] {
    let mut cells = [const { String::new() }; 18];
    for (at, text) in [
        (1, "not_billed"),
        (2, &free.rule),
        (9, "requests"),
        (12, &free.requests.to_string()),
        (15, "0"),
        (16, "0"),
        (17, &statement.currency),
    ] {
        text.clone_into(&mut cells[at]);
    }
    cells
}
