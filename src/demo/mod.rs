//! The demonstration data: Maison Aubier, a French department store with food that does not exist.
//!
//! The same instant gives the same data, everywhere: choices are keyed by codes, money is whole
//! cents, and nothing is read from outside. Brands are invented, telephone numbers are those kept
//! for fiction, GTINs and GLNs stand under GS1's demonstration prefix 952, and people write from
//! example.com. Each value is one line of the import format, which names things by the retailer's
//! own codes.

mod calendar;
mod content;
mod customers;
mod families;
mod images;
mod lists;
mod loyalty;
mod offers;
mod page;
mod prices;
mod products;
mod promotions;
pub mod provider;
mod purchases;
mod rng;
mod stock;
mod stores;
#[cfg(test)]
mod tests;
mod translations;

pub use images::image_svg;
pub use page::product_page;
pub use translations::OWN as LANGUAGE;

use crate::kernel::Micros;
use crate::kernel::clock::HOUR;
use prices::EPOCHS;
use serde_json::Value;

/// The retailer's name.
pub const RETAILER: &str = "Maison Aubier";

/// The code of the first store.
pub const SHOWROOM: &str = "0101";

const DAY: i64 = 24 * HOUR;
const MINUTE: i64 = HOUR / 60;

/// All demonstration data, as lines to import in the order of the fields.
#[derive(Debug, Clone, PartialEq)]
pub struct Seed {
    /// Departments, then their shelves.
    pub categories: Vec<Value>,
    /// 1,200 products.
    pub products: Vec<Value>,
    /// 40 stores; the first one also runs the online shop.
    pub stores: Vec<Value>,
    /// Promotions past and present.
    pub promotions: Vec<Value>,
    /// Successive states of the offers, oldest first: the first is complete, the others hold what
    /// changed. Importing them in order makes the price history.
    pub offers: Vec<Vec<Value>>,
    /// Stock levels, at most one for a product in a store.
    pub stock: Vec<Value>,
    /// 200 customers.
    pub customers: Vec<Value>,
    /// Till receipts and online orders, oldest first for each customer.
    pub purchases: Vec<Value>,
    /// One loyalty account for each customer.
    pub loyalty: Vec<Value>,
    /// Shopping lists, wish lists and the like.
    pub lists: Vec<Value>,
}

/// The instants that everything is dated by.
#[derive(Debug, Clone, Copy)]
struct Dates {
    now: Micros,
    /// When each period of prices began.
    starts: [Micros; EPOCHS],
}

impl Dates {
    fn at(now: Micros) -> Self {
        let ago = |micros| Micros(now.0 - micros);
        Self { now, starts: [ago(60 * DAY), ago(25 * DAY), ago(6 * HOUR)] }
    }

    /// When the sales of a period end.
    fn through(&self, wave: usize) -> Micros {
        self.starts.get(wave + 1).copied().unwrap_or(Micros(self.now.0 + 14 * DAY))
    }

    /// When promotions that stand all the time are to be looked at again.
    fn standing_until(&self) -> Micros {
        Micros(self.now.0 + 44 * DAY)
    }

    /// The period that holds an instant; `None` before the first.
    fn epoch(&self, at: Micros) -> Option<usize> {
        self.starts.iter().rposition(|start| *start <= at)
    }
}

/// Customers, and what is theirs.
#[derive(Default)]
struct People {
    customers: Vec<Value>,
    purchases: Vec<Value>,
    loyalty: Vec<Value>,
    lists: Vec<Value>,
}

impl People {
    fn new(dates: &Dates, assortment: &offers::Assortment) -> Self {
        let mut people = Self::default();
        for customer in customers::customers(dates) {
            let purchases = purchases::of(&customer, dates, assortment);
            people.customers.push(customer.line());
            people.loyalty.push(loyalty::line(&customer, &purchases, dates));
            people.lists.extend(lists::of(&customer, dates));
            people.purchases.extend(purchases.into_iter().map(|purchase| purchase.line));
        }
        people
    }
}

/// A product to try the API with: its sku and GTIN.
#[must_use]
pub fn showcase() -> Option<(&'static str, &'static str)> {
    products::items().iter().find_map(|item| Some((item.sku.as_str(), item.gtin.as_deref()?)))
}

/// New prices and levels of the [`showcase`] in the first stores, as Google's local inventory feed.
#[must_use]
pub fn new_prices() -> String {
    let (sku, _) = showcase().unwrap_or_default();
    let mut feed = "store_code\tid\tprice\tavailability\tquantity\n".to_owned();
    for (store, price) in stores::stores().iter().zip(["1.11", "1.22", "1.33"]) {
        feed += &format!("{}\t{sku}\t{price} EUR\tin_stock\t42\n", store.code);
    }
    feed
}

/// The demonstration data as of `now`, rounded down to the minute; links begin with `public_url`.
#[must_use]
pub fn seed(now: Micros, public_url: &str) -> Seed {
    let (dates, public_url) =
        (Dates::at(Micros(now.0 - now.0.rem_euclid(MINUTE))), public_url.trim_end_matches('/'));
    let assortment = offers::Assortment::new();
    // The offers take as long as all the rest: two threads halve a newcomer's wait.
    let (offers, stock, people) = std::thread::scope(|scope| {
        let offers = scope.spawn(|| offers::lines(&dates, &assortment));
        let stock = stock::lines(&dates, &assortment);
        let people = People::new(&dates, &assortment);
        let offers = offers.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        (offers, stock, people)
    });
    Seed {
        categories: products::category_lines(),
        products: products::product_lines(public_url),
        stores: stores::lines(dates.now),
        promotions: promotions::lines(&dates),
        offers,
        stock,
        customers: people.customers,
        purchases: people.purchases,
        loyalty: people.loyalty,
        lists: people.lists,
    }
}
