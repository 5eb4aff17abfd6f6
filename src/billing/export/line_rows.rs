//! A statement's lines as rows of `statement_lines_v1`.

use super::billed::Billed;
use super::layout::{Column, Kind, Layout};
use super::prices::{Priced, Told};
use super::row::{Cell, Row};
use std::borrow::Cow;

/// One row for each line of each statement of a period.
pub(super) static STATEMENT_LINES: Layout = Layout {
    name: "statement_lines_v1",
    columns: &[
        Column::of("statement_id", Kind::Text, "The statement."),
        Column::of(
            "revision",
            Kind::Int,
            "The position of the ledger up to which calls count in it: of a statement that is not final, a later one has a higher number.",
        ),
        Column::of("state", Kind::Text, "`provisional` until the period is closed, then `final`."),
        Column::of("period_start", Kind::Time, "The start of the period, inclusive."),
        Column::of("period_end", Kind::Time, "Its end, exclusive."),
        Column::of("timezone", Kind::Text, "The time zone whose days it is made of."),
        Column::maybe("retailer_id", Kind::Text, "The installation, which is one retailer's."),
        Column::of("partner_id", Kind::Text, "Who owes it."),
        Column::of("app_id", Kind::Text, "For which app."),
        Column::of("line_no", Kind::Int, "Counts the lines of the statement from 1."),
        Column::of("line_type", Kind::Text, "What it is, as `kind` of a statement's line."),
        Column::maybe(
            "meter",
            Kind::Text,
            "What the charge counts; null where nothing is counted.",
        ),
        Column::maybe(
            "plan_version",
            Kind::Text,
            "The plan and the version whose prices held, as `plan@version`; null for what belongs to the whole.",
        ),
        Column::maybe("price_id", Kind::Text, "The price, its version and its tier."),
        Column::maybe(
            "tier_from",
            Kind::Int,
            "The tier begins behind this unit; null where there are no tiers.",
        ),
        Column::maybe("tier_to", Kind::Int, "The last unit of the tier; null for the last tier."),
        Column::of(
            "quantity",
            Kind::Decimal(3),
            "Units of the meter; 1 of `fee`, `recurring`, `one_time` and of a flat charge; 0 of what counts nothing; of an adjustment, the calls that it is about.",
        ),
        Column::maybe("unit", Kind::Text, "What the price is for."),
        Column::maybe(
            "unit_price",
            Kind::Decimal(12),
            "The price of a unit or a package; null where there is none.",
        ),
        Column::of("amount_exact", Kind::Decimal(19), "What it comes to before rounding."),
        Column::of(
            "amount",
            Kind::Decimal(4),
            "What it comes to, in what the currency has: the amounts of a statement are its total.",
        ),
        Column::of("currency", Kind::Text, "The currency (ISO 4217)."),
        Column::maybe(
            "corrects_period",
            Kind::Text,
            "Of an adjustment, the closed period that it corrects.",
        ),
        Column::maybe(
            "source_line_id",
            Kind::Text,
            "Of a discount, a cap or a minimum, the first line of the charge that it changes.",
        ),
        Column::maybe(
            "event_count",
            Kind::Int,
            "Calls behind it: of a charge with the first of its lines, of an adjustment those that it is about.",
        ),
        Column::of("line_id", Kind::Text, "Names the line, as `statement.line`."),
        Column::of("period_id", Kind::Text, "The period."),
        Column::maybe("charge", Kind::Text, "The charge or the amount of the price list."),
        Column::maybe("packages", Kind::Int, "Packages that were begun; null where none are sold."),
        Column::maybe(
            "adjustment_id",
            Kind::Text,
            "The adjustment that two people have agreed on.",
        ),
        Column::maybe(
            "grant_id",
            Kind::Text,
            "The grant that a credit is drawn from; null of all other lines.",
        ),
        Column::maybe(
            "reason_code",
            Kind::Text,
            "Why, in a word: `late` of calls that came late, else what these people gave.",
        ),
        Column::of("hash", Kind::Text, "SHA-256 over the other columns of the row."),
    ],
    hash: "hash",
    id: "line_id",
    day: "period_start",
    money: Some(("amount", "currency")),
};

/// Kinds of lines that change what others of their charge come to.
const CHANGES: [&str; 3] = ["discount", "max_cap", "min_trueup"];

/// The rows of a statement.
pub(super) fn rows(priced: &Priced<'_>, billed: &Billed, retailer: Option<&str>) -> Vec<Row> {
    priced.lines().map(|told| row(priced, told, billed, retailer)).collect()
}

/// The fields stand in the order of the columns.
fn row(priced: &Priced<'_>, told: Told<'_>, billed: &Billed, retailer: Option<&str>) -> Row {
    let (statement, line) = (priced.statement, told.line);
    let own = |text: Option<String>| Cell::text(text.map(Cow::from));
    let number = |value: Option<u64>| value.map_or(Cell::Null, Cell::number);
    let line_id = |line: u32| format!("{}.{line}", statement.id);
    let source = priced.source(told).filter(|_| CHANGES.contains(&line.kind.as_str()));
    let cells = vec![
        Cell::id(statement.id),
        Cell::Int(billed.position),
        Cell::Text(billed.state().as_str().into()),
        Cell::Time(statement.from),
        Cell::Time(statement.to),
        Cell::id(&statement.time_zone),
        own(retailer.map(str::to_owned)),
        Cell::id(statement.partner_id),
        Cell::id(statement.app_id),
        Cell::Int(line.line.into()),
        Cell::id(&line.kind),
        own(line.meter.clone()),
        own(told.plan_version()),
        own(told.price_id()),
        number(line.tier_from),
        number(line.tier_up_to),
        Cell::decimal(&line.quantity, 3),
        own(told.pricing_unit()),
        line.unit_price.as_deref().map_or(Cell::Null, |price| Cell::decimal(price, 12)),
        Cell::decimal(&line.amount_exact, 19),
        Cell::decimal(&line.amount, 4),
        Cell::id(&statement.currency),
        line.corrects_period.map_or(Cell::Null, Cell::id),
        own(source.map(|first| line_id(first.line))),
        priced.event_count(told).map_or(Cell::Null, Cell::Int),
        Cell::Text(line_id(line.line).into()),
        Cell::id(statement.period_id),
        own(line.charge.clone()),
        number(line.packages),
        line.adjustment_id.map_or(Cell::Null, Cell::id),
        line.grant_id.map_or(Cell::Null, Cell::id),
        own(line.reason_code.clone()),
        Cell::Null,
    ];
    Row::sealed(&STATEMENT_LINES, cells)
}
