//! What each store lists, and at what price, in each period.

use super::Dates;
use super::content::Content;
use super::families::Fate;
use super::prices::{EPOCHS, Terms, terms};
use super::products::{Item, items};
use super::promotions::{MEMBER_PRICES, wave_code};
use super::rng::{self, Rng};
use super::stores::{Format, Store, stores};
use crate::kernel::Micros;
use crate::kernel::clock::SECOND;
use serde_json::{Value, json};

/// One place to buy: a store's shelves, or the online shop of the first store.
#[derive(Debug)]
pub(super) struct Counter {
    pub(super) store: &'static Store,
    pub(super) is_online: bool,
    pub(super) items: Vec<&'static Item>,
}

/// Who sells what: the online shop first, then the stores.
#[derive(Debug)]
pub(super) struct Assortment {
    pub(super) counters: Vec<Counter>,
}

impl Assortment {
    pub(super) fn new() -> Self {
        let shop = Counter::online(&stores()[0]);
        let shelves = stores().iter().map(Counter::in_store);
        Self { counters: [shop].into_iter().chain(shelves).collect() }
    }

    /// The online shop.
    pub(super) fn online(&self) -> &Counter {
        &self.counters[0]
    }

    /// The shelves of the store with this place in the list of stores.
    pub(super) fn shelves(&self, store: usize) -> &Counter {
        &self.counters[1 + store]
    }
}

impl Counter {
    fn online(store: &'static Store) -> Self {
        let key = rng::key("online", &store.code);
        let listed = |item: &&Item| {
            // Nobody sends a baguette, or a cheese cut to order.
            !item.family.traits.by_weight && is_listed(item, item.department.online_share(), key)
        };
        Self { store, is_online: true, items: items().iter().filter(listed).collect() }
    }

    fn in_store(store: &'static Store) -> Self {
        let listed = |item: &&Item| {
            let share = item.department.share(store.format);
            // What is no longer made is left over in the largest stores only.
            let large = matches!(store.format, Format::Hypermarket | Format::DepartmentStore);
            let left_over = item.kind.fate == Fate::ReplacedByNext;
            (large || !left_over) && is_listed(item, share, store.key)
        };
        Self { store, is_online: false, items: items().iter().filter(listed).collect() }
    }

    /// The channel's name in offers and purchases.
    pub(super) fn channel(&self) -> &'static str {
        if self.is_online { "online" } else { "in_store" }
    }
}

/// Best sellers are listed nearly everywhere, the rest as it happens; variants go together.
fn is_listed(item: &Item, share: u64, counter: u64) -> bool {
    let chance = Rng::pair(item.group_key, counter).below(100);
    item.is_sold() && (item.rank * 55 + chance * 45) / 100 < share
}

/// An amount of euros on the wire.
pub(super) fn money(cents: i64) -> Value {
    json!({"amount": euros(cents), "currency": "EUR"})
}

/// Cents as a decimal text of euros: 1290 is `12.90`.
pub(super) fn euros(cents: i64) -> String {
    let sign = if cents < 0 { "-" } else { "" };
    format!("{sign}{}.{:02}", cents.abs() / 100, cents.abs() % 100)
}

/// The offer lines of each period: all of the first, and what changed since the one before.
pub(super) fn lines(dates: &Dates, assortment: &Assortment) -> Vec<Vec<Value>> {
    let stamps = Stamps::new(dates);
    let mut states = vec![Vec::new(); EPOCHS];
    for counter in &assortment.counters {
        for item in &counter.items {
            let terms = terms(item, counter.store);
            for (epoch, state) in states.iter_mut().enumerate() {
                if epoch == 0 || terms[epoch] != terms[epoch - 1] {
                    state.push(line(counter, item, &terms[epoch], &stamps.of(epoch, item)));
                }
            }
        }
    }
    states
}

/// The instants of the offers as text, made once.
struct Stamps {
    starts: [String; EPOCHS],
    throughs: [String; EPOCHS],
    /// When the retailer stated a price: some minutes after the period began.
    stated: [Vec<String>; EPOCHS],
}

/// The instants of one offer.
struct Stamp<'a> {
    from: &'a str,
    through: &'a str,
    as_of: &'a str,
}

impl Stamps {
    fn new(dates: &Dates) -> Self {
        let start = |epoch: usize| dates.starts[epoch];
        let minutes =
            |epoch| (0..60).map(|m| Micros(start(epoch).0 + m * 60 * SECOND).to_string()).collect();
        Self {
            starts: std::array::from_fn(|epoch| start(epoch).to_string()),
            throughs: std::array::from_fn(|epoch| dates.through(epoch).to_string()),
            stated: std::array::from_fn(minutes),
        }
    }

    fn of(&self, epoch: usize, item: &Item) -> Stamp<'_> {
        Stamp {
            from: &self.starts[epoch],
            through: &self.throughs[epoch],
            as_of: &self.stated[epoch][(item.key % 60) as usize],
        }
    }
}

fn line(counter: &Counter, item: &Item, terms: &Terms, stamp: &Stamp<'_>) -> Value {
    let wave = terms.wave.map(|wave| wave_code(wave, item.department.code));
    let member = terms.member.map(|_| MEMBER_PRICES);
    let mut promotions: Vec<&str> = wave.as_deref().into_iter().chain(member).collect();
    promotions.extend(&item.promotions);
    json!({
        "sku": item.sku,
        "store_code": counter.store.code,
        "channel": counter.channel(),
        "price": money(terms.price),
        "list_price": terms.wave.map(|_| money(terms.regular)),
        "member_price": terms.member.map(money),
        "price_type": if terms.wave.is_some() { "sale" } else { "regular" },
        "unit_price": item.content.map(|content| unit_price(content, terms.price)),
        "tax_included": true,
        "valid_from": stamp.from,
        "valid_through": terms.wave.map(|_| stamp.through),
        "promotion_codes": promotions,
        "as_of": stamp.as_of,
    })
}

fn unit_price(content: Content, cents: i64) -> Value {
    json!({
        "amount": euros(content.unit_price(cents)),
        "currency": "EUR",
        "reference": {"value": "1", "unit_code": content.unit},
    })
}
