//! Stock levels: mostly fresh from the tills, some from a nightly feed, some counted by hand.

use super::Dates;
use super::families::Fate;
use super::offers::{Assortment, Counter};
use super::products::Item;
use super::rng::Rng;
use super::stores::{Format, Store};
use crate::kernel::Micros;
use crate::kernel::clock::{HOUR, SECOND};
use serde_json::{Value, json};
use std::collections::HashSet;

const MINUTE: i64 = 60 * SECOND;

/// The stock lines: one for nearly every product that a store lists in either channel.
pub(super) fn lines(dates: &Dates, assortment: &Assortment) -> Vec<Value> {
    let online = assortment.online();
    let on_shelves: HashSet<&str> =
        assortment.shelves(0).items.iter().map(|item| item.sku.as_str()).collect();
    let mut lines = Vec::new();
    for counter in &assortment.counters {
        for item in &counter.items {
            let mut rng = Rng::pair(item.key, counter.store.key);
            // The online shop's own goods stand in the first store; what is also on its shelves
            // has its line there. A few levels are not known.
            let elsewhere = std::ptr::eq(counter, online) && on_shelves.contains(item.sku.as_str());
            if !elsewhere && rng.chance(93) {
                lines.push(line(dates, counter, item, &mut rng));
            }
        }
    }
    lines
}

/// Source, age, and how long such a level is good for in seconds.
fn freshness(item: &Item, rng: &mut Rng) -> (&'static str, i64, i64) {
    let counted = if item.family.traits.by_weight { 55 } else { 8 };
    match rng.below(100) {
        roll if roll < counted => ("count", rng.between(2 * HOUR, 6 * 24 * HOUR), 172_800),
        roll if roll < counted + 17 => ("feed", rng.between(10 * MINUTE, 7 * HOUR), 14_400),
        _ if rng.chance(90) => ("pos", rng.between(3 * SECOND, 14 * MINUTE), 900),
        _ => ("pos", rng.between(15 * MINUTE, 3 * HOUR), 900),
    }
}

/// Thousandths of a unit on hand.
fn quantity(item: &Item, store: &Store, rng: &mut Rng) -> i64 {
    if item.kind.fate == Fate::NotYetPublished || item.family.traits.on_order {
        return 0;
    }
    let leftovers = item.kind.fate == Fate::ReplacedByNext;
    let most = match (item.department.is_daily(), store.format, item.cents) {
        (true, Format::Convenience, _) => 18,
        (true, ..) => 72,
        (false, _, 10_000..) => 9,
        (false, ..) => 28,
    };
    let pieces = match rng.below(100) {
        0..6 => 0,
        _ if leftovers => rng.between(0, 2),
        6..16 => rng.between(1, 3),
        _ => rng.between(4, most),
    };
    let part = if item.family.traits.by_weight && pieces > 0 { rng.between(0, 199) * 5 } else { 0 };
    pieces * 1_000 + part
}

/// A number with the decimals it needs, at most three.
fn number(thousandths: i64) -> Value {
    if thousandths % 1_000 == 0 {
        json!(thousandths / 1_000)
    } else {
        json!(thousandths as f64 / 1e3)
    }
}

fn line(dates: &Dates, counter: &Counter, item: &Item, rng: &mut Rng) -> Value {
    let store = counter.store;
    let (source, age, max_age) = freshness(item, rng);
    let quantity = quantity(item, store, rng);
    // Whole seconds: tills do not count finer.
    let as_of = Micros((dates.now.0 - age).div_euclid(SECOND) * SECOND);
    let availability = match item.kind.fate {
        Fate::NotYetPublished => Some("preorder"),
        Fate::ReplacedByNext if quantity == 0 => Some("discontinued"),
        _ if item.family.traits.on_order => Some("on_display_to_order"),
        _ => None,
    };
    let expected = quantity == 0 && availability.is_none() && rng.chance(60);
    let restock = expected.then(|| Micros(dates.now.0 + rng.between(1, 9) * 24 * HOUR).to_string());
    let mut line = json!({
        "sku": item.sku,
        "store_code": store.code,
        "quantity": number(quantity),
        "as_of": as_of.to_string(),
        "source": source,
        "max_age_s": max_age,
        "restock_at": restock,
        "pickup": pickup(item, counter),
        "instore_location": {
            "aisle": item.aisle.to_string(),
            "bay": rng.between(1, 14).to_string(),
        },
    });
    if let (Some(word), Some(fields)) = (availability, line.as_object_mut()) {
        fields.insert("availability".to_owned(), json!(word));
    }
    line
}

fn pickup(item: &Item, counter: &Counter) -> Value {
    let (method, sla) = if !counter.store.has_collect() || item.family.traits.by_weight {
        ("not_supported", None)
    } else if item.family.traits.on_order {
        ("ship_to_store", Some("2-day"))
    } else if counter.is_online {
        ("ship_to_store", Some("next_day"))
    } else if item.department.is_daily() {
        ("buy", Some("same_day"))
    } else {
        ("reserve", Some("same_day"))
    };
    json!({"method": method, "sla": sla})
}
