//! What customers bought, in stores and online, at the price of the day.

use super::content::{decimal, half_up};
use super::customers::{Customer, id};
use super::offers::{Assortment, Counter, money};
use super::prices::{Terms, terms};
use super::products::Item;
use super::promotions::{MEMBER_PRICES, wave_code};
use super::rng::Rng;
use super::stores::stores;
use super::{DAY, Dates};
use crate::kernel::Micros;
use crate::kernel::clock::{HOUR, SECOND};
use jiff::tz::TimeZone;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// Departments whose goods have a warranty of two years.
const WARRANTED: [&str; 3] = ["petit-electromenager", "multimedia", "bricolage-jardin"];

/// One purchase, with what the loyalty account needs of it.
#[derive(Debug)]
pub(super) struct Purchase {
    pub(super) id: String,
    pub(super) at: Micros,
    /// One point for each whole euro.
    pub(super) points: i64,
    /// When goods came back, and the points that went with them.
    pub(super) refund: Option<(Micros, i64)>,
    pub(super) line: Value,
}

/// The purchases of a customer, oldest first.
pub(super) fn of(customer: &Customer, dates: &Dates, assortment: &Assortment) -> Vec<Purchase> {
    let mut rng = Rng::pair(customer.key, 2);
    // Between 5 and 40, most customers nearer to 5.
    let count = 5 + rng.below(36) * rng.below(36) / 35;
    let mut instants: Vec<Micros> = (0..count)
        .map(|_| {
            let midnight = dates.now.0 - dates.now.0.rem_euclid(DAY) - rng.between(1, 399) * DAY;
            Micros(midnight + rng.between(8 * 3_600, 18 * 3_600) * SECOND)
        })
        .collect();
    instants.sort();
    let numbered = instants.into_iter().enumerate();
    numbered
        .map(|(n, at)| {
            let name = format!("{} purchase {n}", customer.id);
            let counter = counter(customer, assortment, &mut rng);
            Basket::fill(counter, dates, at, &mut rng).checked_out(customer, &name, dates)
        })
        .collect()
}

/// Mostly the home store, sometimes the online shop or a store on the way.
fn counter<'a>(customer: &Customer, assortment: &'a Assortment, rng: &mut Rng) -> &'a Counter {
    match rng.below(100) {
        0..24 => assortment.online(),
        24..36 => assortment.shelves(rng.below(stores().len() as u64) as usize),
        _ => assortment.shelves(customer.store),
    }
}

/// What is bought at one counter at one time.
struct Basket<'a> {
    counter: &'a Counter,
    at: Micros,
    lines: Vec<Line>,
    came_back: Option<Micros>,
}

/// Some of one product. All amounts are cents.
struct Line {
    item: &'static Item,
    /// Thousandths of a piece or a kilogram.
    quantity: i64,
    unit_price: i64,
    gross: i64,
    net: i64,
    promotion: Option<String>,
    is_returned: bool,
}

impl<'a> Basket<'a> {
    fn fill(counter: &'a Counter, dates: &Dates, at: Micros, rng: &mut Rng) -> Self {
        let mut items: Vec<&'static Item> = Vec::new();
        for _ in 0..rng.between(1, 6) {
            let item = *rng.pick(&counter.items);
            if !items.iter().any(|other| other.sku == item.sku) {
                items.push(item);
            }
        }
        let back = Micros(at.0 + rng.between(2, 20) * DAY);
        let mut lines: Vec<Line> =
            items.into_iter().map(|item| Line::of(item, counter, dates, at, rng)).collect();
        for line in &mut lines {
            line.is_returned = back < dates.now && line.may_return() && rng.chance(5);
        }
        let came_back = lines.iter().any(|line| line.is_returned).then_some(back);
        Self { counter, at, lines, came_back }
    }

    fn sum(&self, amount: impl Fn(&Line) -> i64) -> i64 {
        self.lines.iter().map(amount).sum()
    }

    fn returned(&self) -> i64 {
        self.sum(|line| if line.is_returned { line.net } else { 0 })
    }

    fn checked_out(self, customer: &Customer, name: &str, dates: &Dates) -> Purchase {
        let id = id("pur", name);
        let points = self.sum(|line| line.net) / 100;
        let line = self.line(customer, &id, points, dates);
        let refund = self.came_back.map(|at| (at, self.returned() / 100));
        Purchase { id, at: self.at, points, refund, line }
    }

    fn line(&self, customer: &Customer, id: &str, points: i64, dates: &Dates) -> Value {
        let (store, at) = (self.counter.store, self.at);
        let number = Rng::of("order number", id).below(1_000_000);
        let day = at.timestamp().to_zoned(TimeZone::UTC).date().strftime("%Y%m%d").to_string();
        let order_number = if self.counter.is_online {
            format!("W{day}-{number:06}")
        } else {
            format!("{}-{day}-{number:06}", store.code)
        };
        let lines = self.lines.iter().enumerate().map(|(n, line)| line.json(n, at));
        json!({
            "id": id,
            "customer_id": customer.id,
            "order_number": order_number,
            "channel": self.counter.channel(),
            "store_code": store.code,
            "order_date": at.to_string(),
            "order_status": self.status(dates),
            "lines": lines.collect::<Vec<_>>(),
            "totals": self.totals(),
            "adjustments": self.adjustments(),
            "receipt": {"number": order_number, "url": null},
            "loyalty": {"earned": points.to_string()},
        })
    }

    fn status(&self, dates: &Dates) -> &'static str {
        let age = dates.now.0 - self.at.0;
        if self.lines.iter().all(|line| line.is_returned) {
            "returned"
        } else if !self.counter.is_online {
            "completed"
        } else if age > 4 * DAY {
            "delivered"
        } else if age > 30 * HOUR {
            "shipped"
        } else {
            "processing"
        }
    }

    /// Subtotal and discount, which is negative, make the total; VAT is part of it.
    fn totals(&self) -> Vec<Value> {
        let (gross, net) = (self.sum(|line| line.gross), self.sum(|line| line.net));
        let mut totals = vec![json!({"type": "subtotal", "amount": money(gross)})];
        if net != gross {
            totals.push(json!({"type": "discount", "amount": money(net - gross)}));
        }
        let mut taxed: BTreeMap<i64, i64> = BTreeMap::new();
        for line in &self.lines {
            *taxed.entry(line.item.vat()).or_default() += line.net;
        }
        for (rate, with_tax) in taxed {
            let tax = half_up(with_tax * rate, 1_000 + rate);
            let percent = decimal(rate * 100);
            totals.push(json!({
                "type": "tax", "rate": percent, "included": true, "amount": money(tax),
            }));
        }
        totals.push(json!({"type": "total", "amount": money(net)}));
        totals
    }

    fn adjustments(&self) -> Vec<Value> {
        let Some(at) = self.came_back else { return Vec::new() };
        let numbered = self.lines.iter().enumerate().filter(|(_, line)| line.is_returned);
        numbered
            .map(|(n, line)| {
                json!({
                    "type": "refund", "line_id": (n + 1).to_string(),
                    "quantity": decimal(line.quantity), "amount": money(line.net),
                    "occurred_at": at.to_string(),
                })
            })
            .collect()
    }
}

impl Line {
    fn of(
        item: &'static Item,
        counter: &Counter,
        dates: &Dates,
        at: Micros,
        rng: &mut Rng,
    ) -> Self {
        let periods = terms(item, counter.store);
        // Before the first period nothing was reduced.
        let before = Terms { price: periods[0].regular, member: None, wave: None, ..periods[0] };
        let terms = dates.epoch(at).map_or(before, |epoch| periods[epoch]);
        let quantity = match (item.family.traits.by_weight, item.department.is_daily()) {
            (true, _) => rng.between(30, 420) * 5,
            (false, true) => *rng.pick(&[1, 1, 1, 2, 2, 3]) * 1_000,
            (false, false) => 1_000,
        };
        let sale = terms.wave.map(|wave| wave_code(wave, item.department.code));
        let member = terms.member.map(|_| MEMBER_PRICES.to_owned());
        let amount = |cents: i64| half_up(cents * quantity, 1_000);
        Self {
            item,
            quantity,
            unit_price: terms.regular,
            gross: amount(terms.regular),
            net: amount(terms.member.unwrap_or(terms.price)),
            promotion: member.or(sale),
            is_returned: false,
        }
    }

    /// Food and what touches the skin stays sold.
    fn may_return(&self) -> bool {
        !self.item.department.is_daily()
    }

    fn json(&self, n: usize, at: Micros) -> Value {
        let (item, by_weight) = (self.item, self.item.family.traits.by_weight);
        let after = |days: i64| Micros(at.0 + days * DAY).to_string();
        let warranted = WARRANTED.contains(&item.department.code);
        let discounts = self
            .promotion
            .iter()
            .map(|code| json!({"promotion_code": code, "amount": money(self.gross - self.net)}));
        json!({
            "line_id": (n + 1).to_string(),
            "sku": item.sku,
            "gtin": item.gtin,
            "name": item.name,
            "quantity": {
                "value": decimal(self.quantity), "unit_code": if by_weight { "KGM" } else { "C62" },
            },
            "unit_price": money(self.unit_price),
            "discounts": discounts.collect::<Vec<_>>(),
            "line_total": money(self.net),
            "returned_quantity": decimal(if self.is_returned { self.quantity } else { 0 }),
            "returnable_until": self.may_return().then(|| after(30)),
            "warranty_until": warranted.then(|| after(730)),
        })
    }
}
