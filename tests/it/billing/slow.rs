//! What a period comes to, computed once more: exact fractions, from the price list as it was asked for in JSON. It is
//! slow, plain, and uses nothing of the program.

use serde_json::{Value, json};
use std::cmp::Ordering;
use std::ops::{Add, Mul, Sub};

/// A fraction in lowest terms; its denominator is above zero. What does not fit ends the test.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Q {
    n: i128,
    d: i128,
}

fn common(a: i128, b: i128) -> i128 {
    if b == 0 { a.abs() } else { common(b, a % b) }
}

impl Q {
    pub(super) const ZERO: Self = Self { n: 0, d: 1 };

    pub(super) fn new(n: i128, d: i128) -> Self {
        let by = common(n, d).max(1) * d.signum();
        Self { n: n / by, d: d / by }
    }

    /// A decimal.
    pub(super) fn read(text: &str) -> Self {
        let (whole, part) = text.split_once('.').unwrap_or((text, ""));
        let digits: i128 = format!("{whole}{part}").parse().unwrap();
        Self::new(digits, 10_i128.pow(part.len() as u32))
    }

    fn of(value: &Value) -> Self {
        value.as_str().map_or(Self::ZERO, Self::read)
    }

    /// About how much it is, to be looked at.
    pub(super) fn about(self) -> f64 {
        self.n as f64 / self.d as f64
    }

    fn floor(self) -> i128 {
        self.n.div_euclid(self.d)
    }

    fn ceil(self) -> i128 {
        -(-self.n).div_euclid(self.d)
    }

    fn is_zero(self) -> bool {
        self.n == 0
    }

    /// The nearest with so many decimals; halves go to the even neighbour, or away from zero.
    pub(super) fn rounded(self, decimals: u32, half_up: bool) -> Self {
        let one = 10_i128.pow(decimals);
        let scaled = self * Self::new(one, 1);
        let below = scaled.floor();
        let up = match (scaled - Self::new(below, 1)).cmp(&Self::new(1, 2)) {
            Ordering::Less => false,
            Ordering::Greater => true,
            Ordering::Equal if half_up => below >= 0,
            Ordering::Equal => below % 2 != 0,
        };
        Self::new(below + i128::from(up), one)
    }
}

impl Add for Q {
    type Output = Self;
    fn add(self, o: Self) -> Self {
        let by = common(self.d, o.d);
        let n = self.n.checked_mul(o.d / by).unwrap() + o.n.checked_mul(self.d / by).unwrap();
        Self::new(n, self.d.checked_mul(o.d / by).unwrap())
    }
}

impl Sub for Q {
    type Output = Self;
    fn sub(self, o: Self) -> Self {
        self + Self { n: -o.n, d: o.d }
    }
}

impl Mul for Q {
    type Output = Self;
    fn mul(self, o: Self) -> Self {
        let (a, b) = (Self::new(self.n, o.d), Self::new(o.n, self.d));
        Self::new(a.n.checked_mul(b.n).unwrap(), a.d.checked_mul(b.d).unwrap())
    }
}

impl PartialOrd for Q {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Q {
    fn cmp(&self, other: &Self) -> Ordering {
        (*self - *other).n.cmp(&0)
    }
}

/// What was counted of charged calls.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Used {
    pub(super) requests: i128,
    pub(super) records: i128,
    pub(super) bytes: i128,
    pub(super) weight_milli: i128,
}

/// A price list for a part of a period.
#[derive(Debug, Clone)]
pub(super) struct Section {
    pub(super) prices: Value,
    pub(super) share: Q,
    /// How much the period is of a whole one, which is asked whatever the list says.
    pub(super) of_whole: Q,
    /// What was counted, by operation.
    pub(super) used: Vec<(&'static str, Used)>,
}

/// A line, in what must be the same.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Line {
    kind: String,
    section: Option<u64>,
    charge: Option<String>,
    tier: (Option<u64>, Option<u64>),
    quantity: Q,
    packages: Option<u64>,
    unit_price: Option<Q>,
    exact: Q,
    pub(super) amount: Q,
}

impl Line {
    fn new(kind: &str, exact: Q) -> Self {
        Self {
            kind: kind.to_owned(),
            section: None,
            charge: None,
            tier: (None, None),
            quantity: Q::ZERO,
            packages: None,
            unit_price: None,
            exact,
            amount: Q::ZERO,
        }
    }

    /// A line of a statement as it is told.
    pub(super) fn told(line: &Value) -> Self {
        let text = |name: &str| line[name].as_str().map(str::to_owned);
        Self {
            kind: text("kind").unwrap(),
            section: line["section"].as_u64(),
            charge: text("charge"),
            tier: (line["tier_from"].as_u64(), line["tier_up_to"].as_u64()),
            quantity: Q::of(&line["quantity"]),
            packages: line["packages"].as_u64(),
            unit_price: text("unit_price").map(|price| Q::read(&price)),
            exact: Q::of(&line["amount_exact"]),
            amount: Q::of(&line["amount"]),
        }
    }
}

/// What a price is for a part: to 12 decimals.
fn part(price: &Value, share: Q) -> Q {
    (Q::of(price) * share).rounded(12, false)
}

/// Whole units of a part, never less than its share.
fn units(units: u64, share: Q) -> u64 {
    (Q::new(units.into(), 1) * share).ceil().try_into().unwrap()
}

/// A credit: what is left of it, in what it pays, for periods that end behind a start and begin before an end, and when it
/// is drawn.
#[derive(Debug, Clone)]
pub(super) struct Credit {
    pub(super) id: String,
    pub(super) priority: u64,
    pub(super) currency: String,
    pub(super) from: i64,
    pub(super) expires: Option<i64>,
    pub(super) left: Q,
}

/// The lines of what a statement that comes to a total draws on credits, one after the other.
pub(super) fn draw(
    credits: &mut [Credit],
    (from, to): (i64, i64),
    currency: &str,
    mut total: Q,
) -> Vec<Line> {
    credits.sort_by_key(|it| (it.priority, it.expires.unwrap_or(i64::MAX), it.id.clone()));
    let mut lines = Vec::new();
    for credit in credits {
        let pays = credit.currency == currency
            && to > credit.from
            && credit.expires.is_none_or(|expires| from < expires);
        let amount = if pays { credit.left.min(total).max(Q::ZERO) } else { Q::ZERO };
        if !amount.is_zero() {
            (credit.left, total) = (credit.left - amount, total - amount);
            let taken = Q::ZERO - amount;
            lines.push(Line { amount: taken, ..Line::new("credit", taken) });
        }
    }
    lines
}

/// The lines of a statement, its exact sum and its total.
pub(super) fn bill(sections: &[Section], decimals: u32, half_up: bool) -> (Vec<Line>, Q, Q) {
    let mut lines = Vec::new();
    for (n, section) in (1..).zip(sections) {
        let of_section = asked(section);
        lines.extend(of_section.into_iter().map(|line| Line { section: Some(n), ..line }));
    }
    for line in &mut lines {
        line.amount = line.exact.rounded(decimals, half_up);
    }
    let sum = |of: fn(&Line) -> Q| lines.iter().map(of).fold(Q::ZERO, Add::add);
    let (exact, billed) = (sum(|line| line.exact), sum(|line| line.amount));
    let total = exact.rounded(decimals, half_up);
    if total != billed {
        lines.push(Line { amount: total - billed, ..Line::new("rounding", Q::ZERO) });
    }
    (lines, exact, total)
}

fn asked(section: &Section) -> Vec<Line> {
    let Section { prices, share, of_whole, used } = section;
    let share = if prices["proration"] == "by_second" { *share } else { *of_whole };
    let fixed = |kind: &str, price: &Value| {
        let price = part(price, share);
        Line { quantity: Q::new(1, 1), unit_price: Some(price), ..Line::new(kind, price) }
    };
    let mut lines = Vec::new();
    if !Q::of(&prices["fee"]).is_zero() {
        lines.push(fixed("fee", &prices["fee"]));
    }
    for amount in prices["recurring"].as_array().into_iter().flatten() {
        let line = fixed("recurring", &amount["amount"]);
        lines.push(Line { charge: amount["name"].as_str().map(str::to_owned), ..line });
    }
    let off = Q::of(&prices["discount_percent"]) * Q::new(1, 100);
    for charge in prices["charges"].as_array().into_iter().flatten() {
        let of_charge = charged(charge, quantity(charge, used), (share, off));
        let name = charge["name"].as_str().map(str::to_owned);
        lines.extend(of_charge.into_iter().map(|line| Line { charge: name.clone(), ..line }));
    }
    lines
}

/// What a charge counts.
fn quantity(charge: &Value, used: &[(&'static str, Used)]) -> Q {
    let only = charge["operations"].as_array();
    let counts = |operation: &str| {
        only.is_none_or(|only| only.iter().any(|of| of.as_str() == Some(operation)))
    };
    let counted =
        used.iter().filter(|(operation, _)| counts(operation)).map(
            |(_, used)| match charge["meter"].as_str().unwrap() {
                "requests" => Q::new(used.requests, 1),
                "records" => Q::new(used.records, 1),
                "bytes" => Q::new(used.bytes, 1),
                _ => Q::new(used.weight_milli, 1_000),
            },
        );
    counted.fold(Q::ZERO, Add::add)
}

fn charged(charge: &Value, quantity: Q, (share, off): (Q, Q)) -> Vec<Line> {
    let included = units(charge["included"].as_u64().unwrap_or(0), share);
    let free = quantity.min(Q::new(included.into(), 1));
    let mut lines = Vec::new();
    if free > Q::ZERO {
        lines.push(Line { quantity: free, ..Line::new("included", Q::ZERO) });
    }
    let rest = quantity - free;
    if rest > Q::ZERO {
        lines.extend(priced(charge, rest, share));
    }
    let mut sum = lines.iter().map(|line| line.exact).fold(Q::ZERO, Add::add);
    let discount = sum * off;
    if !discount.is_zero() {
        lines.push(Line::new("discount", Q::ZERO - discount));
        sum = sum - discount;
    }
    if charge["max"].is_string() && sum > part(&charge["max"], share) {
        let most = part(&charge["max"], share);
        lines.push(Line::new("max_cap", most - sum));
        sum = most;
    }
    let least = part(&charge["min"], share);
    if sum < least {
        lines.push(Line::new("min_trueup", least - sum));
    }
    lines
}

/// The lines of units that are not included.
fn priced(charge: &Value, rest: Q, share: Q) -> Vec<Line> {
    let usage = |quantity: Q, price: Q| {
        let line = Line::new("usage", quantity * price);
        Line { quantity, unit_price: Some(price), ..line }
    };
    match charge["model"].as_str().unwrap() {
        "flat" => {
            let price = part(&charge["amount"], share);
            let once = Q::new(1, 1);
            vec![
                Line { quantity: rest, ..Line::new("included", Q::ZERO) },
                Line { quantity: once, unit_price: Some(price), ..Line::new("flat", price) },
            ]
        }
        "per_unit" => vec![usage(rest, Q::of(&charge["unit_price"]))],
        "package" => {
            let (size, price) =
                (charge["package_size"].as_u64().unwrap(), &charge["package_price"]);
            let packages = (rest * Q::new(1, size.into())).ceil();
            let line = usage(rest, Q::of(price));
            let exact = Q::new(packages, 1) * Q::of(price);
            vec![Line { packages: u64::try_from(packages).ok(), exact, ..line }]
        }
        model => {
            let mut lines = Vec::new();
            for (from, up_to, tier) in tiers(charge, share) {
                let (low, high) = (Q::new(from.into(), 1), up_to.map(|end| Q::new(end.into(), 1)));
                let end = high.map_or(rest, |high| high.min(rest));
                let is_of = rest > low && high.is_none_or(|high| rest <= high);
                let units = if model == "graduated" {
                    end - low
                } else if is_of {
                    rest
                } else {
                    Q::ZERO
                };
                if units > Q::ZERO {
                    let tier_of = (Some(from), up_to);
                    lines.push(Line { tier: tier_of, ..usage(units, Q::of(&tier["unit_price"])) });
                    let flat = part(&tier["flat"], share);
                    if !flat.is_zero() {
                        let line = Line::new("flat", flat);
                        lines.push(Line { tier: tier_of, unit_price: Some(flat), ..line });
                    }
                }
            }
            lines
        }
    }
}

/// The tiers of a part: `(from, up_to]`. One that no whole unit is left for is gone.
fn tiers(charge: &Value, share: Q) -> Vec<(u64, Option<u64>, Value)> {
    let (mut found, mut from) = (Vec::new(), 0);
    for tier in charge["tiers"].as_array().unwrap() {
        let up_to = tier["up_to"].as_u64().map(|up_to| units(up_to, share));
        if up_to.is_none_or(|up_to| up_to > from) {
            found.push((from, up_to, tier.clone()));
            from = up_to.unwrap_or(from);
        }
    }
    found
}

#[test]
fn fractions_are_rounded_as_money_is() {
    let rounded = |text: &str, half_up| Q::read(text).rounded(2, half_up);
    for (text, even, up) in [
        ("0.125", "0.12", "0.13"),
        ("0.135", "0.14", "0.14"),
        ("2.5", "2.50", "2.50"),
        ("0.1250000001", "0.13", "0.13"),
    ] {
        assert_eq!((rounded(text, false), rounded(text, true)), (Q::read(even), Q::read(up)));
    }
    let tiers = json!({ "meter": "requests", "model": "volume", "tiers": [
        { "up_to": 10, "unit_price": "1" }, { "unit_price": "0.5", "flat": "2" },
    ] });
    let of = |n| charged(&tiers, Q::new(n, 1), (Q::new(1, 1), Q::ZERO));
    let sum = |n| of(n).iter().map(|line| line.exact).fold(Q::ZERO, Add::add);
    assert_eq!((sum(10), sum(11)), (Q::read("10"), Q::read("7.5")));
}
