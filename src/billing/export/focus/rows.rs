//! A statement as rows of FOCUS.

use super::layout::{BILLED, COST, FOCUS_1_2, PRICE, QUANTITY};
use super::spread::{Asks, Part, Spread};
use crate::billing::BillingError;
use crate::billing::credits::asked::Source;
use crate::billing::export::ExportError;
use crate::billing::export::billed::Billed;
use crate::billing::export::days::Days;
use crate::billing::export::names::Called;
use crate::billing::export::prices::{Priced, Told};
use crate::billing::export::row::{Cell, Row, digits};
use crate::billing::model::{Drawn, Statement, StatementLine};
use crate::kernel::clock::SECOND;
use crate::kernel::id::BillingPeriodId;
use crate::kernel::{Currency, Micros};
use crate::limit::Bounds;
use crate::rating::TooLarge;
use crate::storage::StoreError;
use std::borrow::Cow;
use std::collections::HashMap;

/// Thousandths in one.
const MILLI: u128 = 1_000;

/// The bounds of the closed periods that lines correct.
pub(in crate::billing::export) type Corrected = HashMap<BillingPeriodId, Bounds>;

/// What all rows of a statement say.
struct Frame<'a> {
    priced: &'a Priced<'a>,
    billed: &'a Billed,
    called: &'a Called,
    corrected: &'a Corrected,
    /// Ten-thousandths of the currency in its smallest unit.
    coin: i128,
}

/// The rows of a statement, and of what was paid in advance and is drawn by it first.
pub(in crate::billing::export) fn rows(
    priced: &Priced<'_>,
    billed: &Billed,
    days: &Days,
    (called, corrected): (&Called, &Corrected),
    prepaid: &[StatementLine],
) -> Result<Vec<Row>, ExportError> {
    let statement = priced.statement;
    let currency: Currency =
        statement.currency.parse().map_err(|_| corrupt(statement, "its currency is unknown"))?;
    let coin = 10_i128.pow(u32::from(BILLED.saturating_sub(currency.decimals())));
    let frame = Frame { priced, billed, called, corrected, coin };
    let too_large = |error: TooLarge| BillingError::TooLarge(statement.app_id, error);
    let mut spreads: HashMap<(Option<u32>, &str), Spread> = HashMap::new();
    // The day on which what is charged once falls due: that of the first unit of the line before.
    let (mut rows, mut due) = (Vec::new(), None);
    let prepaid = prepaid.iter().map(|line| Told { line, section: None, charge: None });
    let told: Vec<Told<'_>> = priced.lines().chain(prepaid).collect();
    for told in &told {
        let line = told.line;
        let quantity = digits(&line.quantity, QUANTITY).and_then(|n| u128::try_from(n).ok());
        let quantity = quantity.unwrap_or(0);
        let (Some(charge), Some(section)) = (told.charge, line.section) else {
            rows.push(frame.row(*told, &frame.whole(*told)?)?);
            continue;
        };
        let spread = spreads
            .entry((line.section, charge.name.as_str()))
            .or_insert_with(|| Spread::new(days.of_charge(section, charge)));
        let asks = match (line.kind.as_str(), told.package()) {
            ("included" | "usage", None) => Asks::Unit,
            ("usage", Some(size)) => Asks::Package(size),
            // As it is in statements that were frozen before a flat charge had a line for its units.
            ("flat", _) if quantity > 0 && spread.left() > 0 => Asks::Once,
            _ => {
                let mut part = frame.whole(*told)?;
                if line.kind == "flat" {
                    part.day = due.unwrap_or(part.day);
                }
                rows.push(frame.row(*told, &part)?);
                continue;
            }
        };
        due = spread.next_day();
        if quantity > spread.left() {
            return Err(corrupt(statement, "its days do not come to what it counts").into());
        }
        for part in spread.take(quantity, asks, frame.amount(*told)?).map_err(too_large)? {
            rows.push(frame.row(*told, &part)?);
        }
    }
    if spreads.values().any(|spread| spread.left() > 0) {
        return Err(corrupt(statement, "its days come to more than it counts").into());
    }
    Ok(rows)
}

fn corrupt(statement: &Statement, what: &str) -> StoreError {
    let id = statement.id;
    StoreError::corrupt("statements", format!("{id} cannot be told day by day: {what}"))
}

/// What a line is in the words of FOCUS: category and frequency.
fn category(told: Told<'_>, part: &Part) -> (&'static str, &'static str) {
    match told.line.kind.as_str() {
        "included" | "usage" => ("Usage", "Usage-Based"),
        // Its units are a line before it, but in statements of before that was so; the flat part of a tier has none.
        "flat" if part.consumed > 0 => ("Usage", "Usage-Based"),
        "fee" | "recurring" => ("Purchase", "Recurring"),
        "flat" | "one_time" | "prepaid" => ("Purchase", "One-Time"),
        "credit" => ("Credit", "One-Time"),
        "tax" => ("Tax", "One-Time"),
        _ => ("Adjustment", "One-Time"),
    }
}

impl Frame<'_> {
    /// The amount of a line in the currency's smallest unit.
    fn amount(&self, told: Told<'_>) -> Result<i128, StoreError> {
        let amount = digits(&told.line.amount, BILLED).map(|amount| amount / self.coin);
        amount.ok_or_else(|| corrupt(self.priced.statement, "an amount is none"))
    }

    /// What is asked of a line that is not spread: all of it, of the whole period, or of the one that it corrects.
    fn whole(&self, told: Told<'_>) -> Result<Part, StoreError> {
        let statement = self.priced.statement;
        let own = Bounds { start: statement.from, end: statement.to };
        let corrects = told.line.corrects_period.and_then(|period| self.corrected.get(&period));
        Ok(Part {
            day: corrects.copied().unwrap_or(own),
            consumed: 0,
            priced: MILLI,
            billed: self.amount(told)?,
            calls: told.line.reason_code.as_ref().and_then(|_| self.priced.event_count(told)),
        })
    }

    /// What a part of a line costs; none where that is too large.
    fn cost(&self, told: Told<'_>, part: &Part, has_price: bool) -> Option<Cost> {
        let billed = part.billed.checked_mul(self.coin)?;
        // What is included costs nothing, which is a price; what is bought without one costs what is billed.
        let price = told.line.unit_price.as_deref().unwrap_or(&told.line.amount);
        let price = digits(price, PRICE).filter(|_| has_price);
        let priced = i128::try_from(part.priced).ok()?;
        let cost = match price {
            Some(price) => price.checked_mul(priced)?,
            None => billed.checked_mul(10_i128.pow(u32::from(COST - BILLED)))?,
        };
        Some(Cost { billed, priced, price, cost })
    }

    /// What a line costs of what it bills. What was paid in advance costs where it pays for something: neither the payment
    /// nor what takes off what it has paid for costs anything.
    fn effective(&self, line: &StatementLine, billed: i128) -> i128 {
        let mut drawn = self.priced.statement.credits.iter();
        let is_paid =
            |it: &Drawn| Some(it.grant_id) == line.grant_id && it.source == Source::Prepaid;
        if line.kind == "prepaid" || drawn.any(is_paid) { 0 } else { billed }
    }

    /// The fields stand in the order of the columns.
    fn row(&self, told: Told<'_>, part: &Part) -> Result<Row, ExportError> {
        let (statement, line, called) = (self.priced.statement, told.line, self.called);
        let (category, frequency) = category(told, part);
        let (is_use, has_price) = (category == "Usage", matches!(category, "Usage" | "Purchase"));
        let too_large = || BillingError::TooLarge(statement.app_id, TooLarge);
        let Cost { billed, priced, price, cost } =
            self.cost(told, part, has_price).ok_or_else(too_large)?;
        let consumed = i128::try_from(part.consumed).map_err(|_| too_large())?;
        let cost = Cell::Decimal(cost, COST);
        let unit_price = price.map_or(Cell::Null, |price| Cell::Decimal(price, PRICE));
        let operation = told.operation().filter(|_| is_use);
        let cells = vec![
            Cell::Decimal(billed, BILLED),
            Cell::id(statement.partner_id),
            Cell::free(&called.partner),
            Cell::id(&statement.currency),
            second(statement.to),
            second(statement.from),
            word(category),
            words(line.corrects_period.map(|_| "Correction")),
            Cell::free(&description(told)),
            word(frequency),
            second(part.day.end),
            second(part.day.start),
            if is_use { Cell::Decimal(consumed, QUANTITY) } else { Cell::Null },
            words(told.consumed_unit().filter(|_| is_use)),
            cost.clone(),
            unit_price.clone(),
            Cell::Decimal(self.effective(line, billed), BILLED),
            if line.kind == "prepaid" { Cell::Null } else { Cell::id(statement.id) },
            Cell::free(&called.retailer),
            cost,
            unit_price,
            words(price.map(|_| "Standard")),
            price.map_or(Cell::Null, |_| Cell::Decimal(priced, QUANTITY)),
            own(told.pricing_unit().filter(|_| price.is_some())),
            Cell::free(&called.retailer),
            Cell::free(&called.retailer),
            words(operation),
            words(operation.map(|_| "API Operation")),
            word("Integration"),
            Cell::Text(service(told).into()),
            word("API Management"),
            own(told.sku()),
            own(told.consumed_unit().filter(|_| has_price).map(|unit| format!("API {unit}"))),
            own(tier(told)),
            own(told.price_id()),
            Cell::id(statement.app_id),
            Cell::free(&called.app),
            word("Application"),
            Cell::Null,
            part.calls.map_or(Cell::Null, Cell::Int),
            Cell::Int(self.billed.position),
            word(self.billed.state().as_str()),
            Cell::Int(line.line.into()),
            Cell::id(&line.kind),
            line.corrects_period.map_or(Cell::Null, Cell::id),
            line.adjustment_id.map_or(Cell::Null, Cell::id),
            Cell::Null,
        ];
        Ok(Row::sealed(&FOCUS_1_2, cells))
    }
}

/// What a part of a line costs, each in the digits of its column.
struct Cost {
    billed: i128,
    priced: i128,
    price: Option<i128>,
    cost: i128,
}

fn own(text: Option<String>) -> Cell {
    Cell::text(text.map(Cow::from))
}

fn word(text: &'static str) -> Cell {
    Cell::Text(text.into())
}

fn words(text: Option<&'static str>) -> Cell {
    Cell::text(text.map(Cow::from))
}

/// An instant as FOCUS has it: without parts of a second, which only a period has that a change has cut.
fn second(at: Micros) -> Cell {
    Cell::Time(Micros(at.0.div_euclid(SECOND).saturating_mul(SECOND)))
}

/// The API product that a charge counts.
fn service(told: Told<'_>) -> String {
    let api = told.charge.and_then(|charge| charge.filter.api).unwrap_or("data");
    let (first, rest) = api.split_at_checked(1).unwrap_or((api, ""));
    format!("{}{rest} API", first.to_uppercase())
}

/// The bounds of a tier, as JSON.
fn tier(told: Told<'_>) -> Option<String> {
    let from = told.line.tier_from?;
    let up_to = told.line.tier_up_to.map(|up_to| format!(",\"x_TierUpTo\":{up_to}"));
    Some(format!("{{\"x_TierFrom\":{from}{}}}", up_to.unwrap_or_default()))
}

/// What a row is for, in words.
fn description(told: Told<'_>) -> String {
    let line = told.line;
    let kind = match line.kind.as_str() {
        "fee" => "Fee of the period",
        "recurring" => "Recurring amount",
        "one_time" => "Amount asked once",
        "included" => "Included units",
        "usage" => "Use",
        "flat" => "Flat amount",
        "discount" => "Discount",
        "max_cap" => "Above the most that is asked",
        "min_trueup" => "Missing to the least that is asked",
        "rounding" => "Rounding",
        "adjustment" => "Adjustment",
        "credit" => "Credit",
        "prepaid" => "Paid in advance",
        other => other,
    };
    let what = line.charge.as_ref().map(|charge| format!(": {charge}"));
    let tier = line.tier_from.map(|from| {
        let first = from.saturating_add(1);
        match line.tier_up_to {
            Some(up_to) => format!(" units {first} to {up_to}"),
            None => format!(" from unit {first}"),
        }
    });
    let why = line.reason_code.as_ref().map(|why| format!(": {}", why.replace('_', " ")));
    format!(
        "{kind}{}{}{}",
        what.unwrap_or_default(),
        tier.unwrap_or_default(),
        why.unwrap_or_default()
    )
}
