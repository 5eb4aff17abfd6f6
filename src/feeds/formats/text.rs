//! What stands in the cells of retail feeds: prices, measures, time spans, paths of categories.

use crate::catalog::Fault;
use crate::catalog::check::{self, MoneyIn};
use crate::kernel::{Currency, Gtin, Micros};
use rust_decimal::Decimal;
use serde_json::{Value, json};

/// Deepest path of categories.
const DEEPEST: usize = 20;

/// The last instant of a day: an end that is a date belongs to what ends with it.
pub(super) const LAST: &str = "23:59:59.999999";

/// An amount with its currency.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Price {
    pub(super) amount: Decimal,
    pub(super) currency: Currency,
}

impl Price {
    pub(super) fn json(&self) -> Value {
        json!({"amount": self.amount.to_string(), "currency": self.currency.code()})
    }

    /// What so much of something costs.
    pub(super) fn per(&self, reference: &Measure) -> Value {
        let (amount, currency) = (self.amount.to_string(), self.currency.code());
        json!({"amount": amount, "currency": currency, "reference": reference.json()})
    }
}

/// The addresses of a cell, between commas, which stand in addresses too, but not at an end.
pub(super) fn addresses(cell: &str) -> Vec<String> {
    let mut addresses: Vec<String> = Vec::new();
    for part in cell.trim_end_matches([',', ' ']).split(',') {
        match addresses.last_mut() {
            Some(last) if !part.trim_start().starts_with("http") => last.extend([",", part]),
            _ => addresses.push(part.trim().to_owned()),
        }
    }
    addresses
}

/// What a cell has between commas; what has one itself stands between quotes, as in CSV.
pub(super) fn cells(text: &str) -> Vec<String> {
    let mut reader = csv::ReaderBuilder::new();
    let mut reader = reader.has_headers(false).trim(csv::Trim::All).from_reader(text.as_bytes());
    let cells = reader.records().flatten();
    let texts = |record: csv::StringRecord| record.iter().map(str::to_owned).collect::<Vec<_>>();
    cells.flat_map(texts).filter(|text| !text.is_empty()).collect()
}

/// `15.00 EUR`, `EUR 15.00` or `15,00 EUR`.
pub(super) fn price(field: &'static str, text: &str) -> Result<Price, Fault> {
    let fault = |code, message: &str| Fault::new(field, text, code, message.to_owned());
    let malformed = || {
        let message = "must be an amount and a currency such as 15.00 EUR";
        let of_object = "must have an `amount`, a whole number of minor units, and a `currency`";
        fault("malformed", if text.starts_with('{') { of_object } else { message })
    };
    let (first, second) = text.trim().split_once(char::is_whitespace).ok_or_else(malformed)?;
    let second = second.trim();
    let is_code = |part: &str| part.len() == 3 && part.bytes().all(|b| b.is_ascii_alphabetic());
    let (amount, currency) = match (is_code(first), is_code(second)) {
        (true, false) => (second, first),
        (false, true) => (first, second),
        _ => return Err(malformed()),
    };
    if is_grouped(amount) {
        let message = "has its comma before thousands or before decimals; write 1299.00 or 1.299";
        return Err(fault("ambiguous", message));
    }
    let currency = currency.to_ascii_uppercase();
    let amount = number(amount).ok_or_else(malformed)?;
    checked(field, text, amount, currency)
}

/// An amount and a currency in columns of their own.
pub(super) fn price_of(
    field: &'static str,
    amount: &str,
    currency: Option<&str>,
) -> Result<Price, Fault> {
    match currency {
        Some(currency) => price(field, &format!("{amount} {currency}")),
        None => price(field, amount),
    }
}

/// The same rules as for prices in our own lines, told about the field of the format.
fn checked(
    field: &'static str,
    text: &str,
    amount: Decimal,
    currency: String,
) -> Result<Price, Fault> {
    let given = check::Decimal(amount.normalize().to_string());
    let money = MoneyIn { amount: given, currency }.price(field);
    let currency = match money {
        Ok(money) => money.currency,
        Err(Fault { code, message, .. }) => return Err(Fault::new(field, text, code, message)),
    };
    let mut amount = amount.normalize();
    amount.rescale(amount.scale().max(u32::from(currency.decimals())));
    Ok(Price { amount, currency })
}

/// `1,299`, which is a thousand and more to some and hardly more than one to others.
fn is_grouped(amount: &str) -> bool {
    let digits = amount.strip_prefix('-').unwrap_or(amount);
    let is_digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    digits.split_once(',').is_some_and(|(head, tail)| {
        let (heads, tails) = (head.len(), tail.len());
        let fits = (1..=3).contains(&heads) && tails == 3 && !head.starts_with('0');
        fits && is_digits(head) && is_digits(tail)
    })
}

/// Digits with at most one point or comma before the decimals.
fn number(text: &str) -> Option<Decimal> {
    let text = if text.contains('.') { text.to_owned() } else { text.replacen(',', ".", 1) };
    let digits = text.strip_prefix('-').unwrap_or(&text);
    let plain = digits.bytes().all(|b| b.is_ascii_digit() || b == b'.');
    let edges = [digits.bytes().next(), digits.bytes().last()];
    if !plain || edges.iter().any(|edge| edge.is_none_or(|b| b == b'.')) {
        return None;
    }
    Decimal::from_str_exact(&text).ok()
}

/// An amount of something: `750 ml`, `1.5kg`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Measure {
    pub(super) value: Decimal,
    pub(super) unit: &'static Unit,
}

/// A unit of measure, and what it is in the basic one of its kind.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Unit {
    names: &'static [&'static str],
    pub(super) code: &'static str,
    kind: u8,
    size: Decimal,
}

const fn unit(
    names: &'static [&'static str],
    code: &'static str,
    kind: u8,
    size: (i64, u32),
) -> Unit {
    let mantissa = size.0 as u64;
    let (low, middle) = (mantissa as u32, (mantissa >> 32) as u32);
    Unit { names, code, kind, size: Decimal::from_parts(low, middle, 0, false, size.1) }
}

/// Names of Google's feeds and codes of UN/CEFACT Recommendation 20.
static UNITS: [Unit; 24] = [
    unit(&["mg"], "MGM", 0, (1, 3)),
    unit(&["g", "gr"], "GRM", 0, (1, 0)),
    unit(&["kg"], "KGM", 0, (1000, 0)),
    unit(&["oz"], "ONZ", 0, (28_349_523_125, 9)),
    unit(&["lb"], "LBR", 0, (45_359_237, 5)),
    unit(&["ml"], "MLT", 1, (1, 0)),
    unit(&["cl"], "CLT", 1, (10, 0)),
    unit(&["l"], "LTR", 1, (1000, 0)),
    unit(&["cbm"], "MTQ", 1, (1_000_000, 0)),
    unit(&["floz", "fl oz"], "OZA", 1, (295_735_295_625, 10)),
    unit(&["pt"], "PTL", 1, (473_176_473, 6)),
    unit(&["qt"], "QTL", 1, (946_352_946, 6)),
    unit(&["gal"], "GLL", 1, (3_785_411_784, 6)),
    unit(&["mm"], "MMT", 2, (1, 0)),
    unit(&["cm"], "CMT", 2, (10, 0)),
    unit(&["m"], "MTR", 2, (1000, 0)),
    unit(&["in"], "INH", 2, (254, 1)),
    unit(&["ft"], "FOT", 2, (3048, 1)),
    unit(&["yd"], "YRD", 2, (9144, 1)),
    unit(&["sqm"], "MTK", 3, (1, 0)),
    unit(&["sqft"], "FTK", 3, (9_290_304, 8)),
    unit(&["ct", "count", "unit"], "C62", 4, (1, 0)),
    unit(&["load"], "NL", 5, (1, 0)),
    unit(&["sheet"], "ST", 6, (1, 0)),
];

/// The name by which feeds know a unit's code.
pub(in crate::feeds) fn unit_name(code: &str) -> Option<&'static str> {
    UNITS.iter().find(|unit| unit.code == code)?.names.first().copied()
}

/// A number and a unit.
pub(super) fn measure(field: &'static str, text: &str) -> Result<Measure, Fault> {
    let end =
        text.find(|c: char| !c.is_ascii_digit() && !matches!(c, '.' | ',')).unwrap_or(text.len());
    let (value, name) = text.split_at(end);
    let name = name.trim();
    if is_grouped(value) {
        let message = "has its comma before thousands or before decimals; write 1500 g or 1.5 kg";
        return Err(Fault::new(field, text, "ambiguous", message));
    }
    let unit = UNITS.iter().find(|unit| {
        unit.code == name || unit.names.iter().any(|own| own.eq_ignore_ascii_case(name))
    });
    let value = if value.is_empty() { Some(Decimal::ONE) } else { number(value) };
    match (value.filter(|value| *value > Decimal::ZERO), unit) {
        (Some(value), Some(unit)) => Ok(Measure { value, unit }),
        _ => {
            let message = "must be a number above zero and a unit such as 750 ml, 1.5 kg or 6 ct";
            Err(Fault::new(field, text, "unknown_unit", message))
        }
    }
}

impl Measure {
    pub(super) fn json(&self) -> Value {
        json!({"value": self.value.normalize().to_string(), "unit_code": self.unit.code})
    }
}

/// What the reference amount costs where `measure` costs `price`; none for other kinds of units.
pub(super) fn unit_price(price: &Price, measure: &Measure, base: &Measure) -> Option<Value> {
    if measure.unit.kind != base.unit.kind {
        return None;
    }
    let content = measure.value.checked_mul(measure.unit.size)?;
    let reference = base.value.checked_mul(base.unit.size)?;
    let amount = price.amount.checked_mul(reference)?.checked_div(content)?;
    let amount = amount.round_dp_with_strategy(
        u32::from(price.currency.decimals()),
        rust_decimal::RoundingStrategy::MidpointAwayFromZero,
    );
    Some(Price { amount, currency: price.currency }.per(base))
}

/// From when until when.
pub(super) type Span = (Micros, Micros);

/// An ISO 8601 interval as Google writes it: `2026-11-20T13:00-0800/2026-12-01T15:30-0800`.
pub(super) fn interval(field: &'static str, text: &str) -> Result<Span, Fault> {
    let (from, through) = text.split_once('/').unwrap_or((text, ""));
    let ends = (instant(from, "00:00:00"), instant(through, LAST));
    let (Some(from), Some(through)) = ends else {
        let message =
            "must be a start and an end such as 2026-11-20T13:00+0100/2026-12-01T15:30+0100";
        return Err(Fault::new(field, text, "malformed", message));
    };
    if through < from {
        return Err(Fault::new(field, text, "before_start", "ends before it starts"));
    }
    Ok((from, through))
}

/// An instant with or without seconds, colon in the offset and offset (then UTC), or a date with the
/// time of day that is meant.
pub(super) fn instant(text: &str, of_day: &str) -> Option<Micros> {
    let text = text.trim();
    if !text.is_ascii() || text.len() > 40 {
        return None;
    }
    let Some((date, time)) = text.split_once(['T', ' ']) else {
        return format!("{text}T{of_day}Z").parse().ok();
    };
    let at = time.find(['Z', 'z', '+', '-']).unwrap_or(time.len());
    let (clock, offset) = time.split_at(at);
    let clock = if clock.len() == 5 { format!("{clock}:00") } else { clock.to_owned() };
    let offset = match offset.len() {
        0 => "Z".to_owned(),
        3 => format!("{offset}:00"),
        5 => format!("{}:{}", &offset[..3], &offset[3..]),
        _ => offset.to_owned(),
    };
    format!("{date}T{clock}{offset}").parse().ok()
}

/// A category of a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Step {
    pub(super) code: String,
    pub(super) name: String,
}

/// The categories of `A > B > C`, from the top. Their codes follow from the path down to them.
pub(super) fn path(text: &str) -> Vec<Step> {
    let mut digest = blake3::Hasher::new();
    let names = text.split('>').map(str::trim).filter(|name| !name.is_empty());
    names
        .take(DEEPEST)
        .map(|name| {
            digest.update(name.to_lowercase().as_bytes());
            digest.update(b">");
            let code = digest.finalize().to_hex();
            Step { code: format!("path-{}", &code[..16]), name: name.to_owned() }
        })
        .collect()
}

/// What a GTIN is among the identifiers of its product.
pub(super) fn identifier(code: &str) -> Option<Value> {
    code.parse::<Gtin>().ok()?;
    Some(json!({"type": kind_of(code), "value": code}))
}

/// What a valid GTIN of so many digits is called on the product.
pub(in crate::feeds) fn kind_of(code: &str) -> &'static str {
    match code.len() {
        8 | 13 => "EAN",
        12 => "UPC",
        _ => "GTIN",
    }
}
