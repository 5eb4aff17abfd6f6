//! The plans of the test, and by hand which prices hold when.

use comptoir::kernel::Micros;
use jiff::ToSpan as _;
use jiff::tz::TimeZone;
use serde_json::Value;

/// What is offered: each model, included units, minimum, cap, discount, and currencies of none, two and three decimals.
pub(super) const OFFERS: [&str; 6] = [
    r#"{"currency": "GBP", "time_zone": "Europe/London", "fee": "12.00", "charges": [
        {"name": "calls", "meter": "requests", "model": "graduated", "included": 25, "tiers": [
            {"up_to": 40, "unit_price": "0.0375"}, {"up_to": 150, "unit_price": "0.0211", "flat": "1.15"},
            {"unit_price": "0.00725"}]}]}"#,
    r#"{"currency": "EUR", "time_zone": "Europe/Paris", "rounding": "half_up", "charges": [
        {"name": "records", "meter": "records", "model": "volume", "min": "20.00", "tiers": [
            {"up_to": 500, "unit_price": "0.0125"}, {"unit_price": "0.00825", "flat": "2.50"}]},
        {"name": "stores", "meter": "requests", "model": "flat", "amount": "3.33", "operations": ["list_stores"]}]}"#,
    r#"{"currency": "USD", "time_zone": "America/New_York", "discount_percent": "12.5", "charges": [
        {"name": "packs", "meter": "requests", "model": "package", "package_size": 7, "package_price": "0.99",
         "included": 3, "max": "35.00"}]}"#,
    r#"{"currency": "JPY", "time_zone": "Asia/Tokyo", "discount_percent": "3.75", "charges": [
        {"name": "units", "meter": "weight", "model": "per_unit", "unit_price": "1.255", "included": 10}]}"#,
    r#"{"currency": "KWD", "time_zone": "Europe/London", "rounding": "half_up", "charges": [
        {"name": "bytes", "meter": "bytes", "model": "graduated", "min": "1.500", "max": "42.125", "tiers": [
            {"up_to": 100000, "unit_price": "0.0000375"}, {"unit_price": "0.00001"}]}]}"#,
    r#"{"currency": "EUR", "time_zone": "Europe/Paris", "proration": "by_second", "fee": "19.90",
        "recurring": [{"name": "support", "amount": "7.77"}], "charges": [
        {"name": "calls", "meter": "requests", "model": "graduated", "included": 11, "max": "60.00", "tiers": [
            {"up_to": 30, "unit_price": "0.25", "flat": "0.70"}, {"unit_price": "0.125"}]}]}"#,
];

/// Decimals of a currency.
pub(super) fn decimals(currency: &str) -> u32 {
    match currency {
        "JPY" => 0,
        "KWD" => 3,
        _ => 2,
    }
}

/// Prices of a plan since an instant.
#[derive(Debug, Clone)]
pub(super) struct Version {
    pub(super) number: u32,
    pub(super) at: Micros,
    /// Whether they hold at once; else from the next period on.
    pub(super) at_once: bool,
    pub(super) prices: Value,
}

pub(super) struct Plan {
    pub(super) id: String,
    pub(super) versions: Vec<Version>,
}

/// On which plan a customer is since an instant.
pub(super) struct Tenure {
    pub(super) plan: usize,
    pub(super) from: Micros,
}

/// A time under one version's prices.
#[derive(Debug)]
pub(super) struct Piece {
    pub(super) plan: usize,
    pub(super) version: usize,
    pub(super) from: Micros,
    pub(super) to: Micros,
}

/// A period of a customer.
#[derive(Debug)]
pub(super) struct Period {
    pub(super) from: Micros,
    pub(super) to: Micros,
    /// The whole month that it is, or is a part of.
    pub(super) of: (Micros, Micros),
    zone: String,
    pub(super) pieces: Vec<Piece>,
}

/// The month of a zone that holds an instant.
fn month(at: Micros, zone: &str) -> (Micros, Micros) {
    let zone = TimeZone::get(zone).unwrap();
    let first = at.timestamp().to_zoned(zone.clone()).date().first_of_month();
    let next = first.checked_add(1.month()).unwrap();
    let start = |date: jiff::civil::Date| date.to_zoned(zone.clone()).unwrap().timestamp().into();
    (start(first), start(next))
}

/// The periods of a customer that begin before an instant.
pub(super) fn periods_of(tenures: &[Tenure], plans: &[Plan], until: Micros) -> Vec<Period> {
    let mut periods: Vec<Period> = Vec::new();
    for (n, tenure) in tenures.iter().enumerate() {
        let left = tenures.get(n + 1).map_or(Micros(i64::MAX), |next| next.from);
        let versions = &plans[tenure.plan].versions;
        let mut at = tenure.from;
        while at < left && at < until {
            let version = versions.iter().rposition(|version| version.at <= at).unwrap();
            let zone = versions[version].prices["time_zone"].as_str().unwrap();
            let of = month(at, zone);
            let cut = versions.iter().find(|next| next.at_once && at < next.at && next.at < of.1);
            let to = cut.map_or(of.1, |cut| cut.at).min(left);
            let piece = Piece { plan: tenure.plan, version, from: at, to };
            match periods.last_mut() {
                Some(same) if same.of == of && same.zone == zone => same.pieces.push(piece),
                before => {
                    let next = begun(before, (of, zone), piece);
                    periods.push(next);
                }
            }
            at = to;
        }
    }
    periods
}

/// A period that begins with a piece; the one before ends there at the latest.
fn begun(
    before: Option<&mut Period>,
    (of, zone): ((Micros, Micros), &str),
    piece: Piece,
) -> Period {
    let mut from = of.0;
    if let Some(before) = before {
        before.to = before.to.min(piece.from);
        from = from.max(before.to);
    }
    Period { from, to: of.1, of, zone: zone.to_owned(), pieces: vec![piece] }
}
