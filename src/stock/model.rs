//! Stock levels as a feed tells them.

use crate::catalog::check::{self, Decimal, Heard, WORD};
use crate::catalog::document::Op;
use crate::catalog::fault::Fault;
use crate::catalog::known::Names;
use crate::kernel::Micros;
use crate::kernel::given;
use crate::kernel::id::{ProductId, StoreId};
use crate::kernel::word::words;
use crate::stock::told::{Told, Unsaid};
use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};

words! {
    /// Whether a product can be had, in the words of schema.org's `ItemAvailability` and of Google's
    /// local inventory where they have one.
    pub enum Availability {
        /// There is enough.
        InStock = "in_stock",
        /// There is little left.
        LowStock = "low_stock",
        /// There is none.
        OutOfStock = "out_of_stock",
        /// It is shown in the store and ordered there.
        OnDisplayToOrder = "on_display_to_order",
        /// It can be ordered before it is on sale.
        Preorder = "preorder",
        /// It can be ordered and comes later.
        Backorder = "backorder",
        /// It is no longer sold there.
        Discontinued = "discontinued",
        /// Nothing is known.
        Unknown = "unknown",
    }
}

/// A line of a stock feed. What an API answer adds is taken and ignored.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LevelIn {
    #[serde(default)]
    op: Op,
    sku: Option<String>,
    gtin: Option<String>,
    product_id: Option<String>,
    store_code: Option<String>,
    store_id: Option<String>,
    store_gln: Option<String>,
    quantity: Option<QuantityIn>,
    availability: Option<String>,
    as_of: Option<String>,
    source: Option<String>,
    #[serde(default, deserialize_with = "given")]
    max_age_s: Option<Option<u32>>,
    #[serde(default, deserialize_with = "given")]
    restock_at: Option<Option<String>>,
    #[serde(default, deserialize_with = "given")]
    pickup: Option<Option<Pickup>>,
    #[serde(default, deserialize_with = "given")]
    instore_location: Option<Option<Location>>,
    #[serde(default, rename = "received_at")]
    _received_at: IgnoredAny,
    #[serde(default, rename = "is_stale")]
    _is_stale: IgnoredAny,
    #[serde(default, rename = "distance_m")]
    _distance_m: IgnoredAny,
}

/// A count, or the object that an API answer gives; a band is no count.
#[derive(Debug, Deserialize)]
#[serde(untagged, expecting = "must be a number with at most 3 decimals, or null")]
enum QuantityIn {
    Count(Decimal),
    Disclosed {
        value: Option<Decimal>,
        #[serde(default, rename = "disclosure")]
        _disclosure: IgnoredAny,
        #[serde(default, rename = "band")]
        _band: IgnoredAny,
    },
}

/// How a product can be collected in a store.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Pickup {
    /// `buy`, `reserve`, `ship_to_store` or `not_supported`.
    #[schema(example = "buy")]
    method: String,
    /// When it is ready: `same_day`, `next_day`, `2-day` and so on.
    #[schema(required = true, example = "same_day")]
    sla: Option<String>,
    /// The first instant at which it can be collected.
    #[schema(required = true, value_type = Option<String>, format = DateTime, example = "2026-11-22T14:00:00Z")]
    earliest_slot: Option<Micros>,
}

/// Where in a store a product is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Location {
    /// The aisle.
    #[schema(required = true, example = "12")]
    aisle: Option<String>,
    /// The bay in the aisle.
    #[schema(required = true, example = "3")]
    bay: Option<String>,
}

/// A product in a store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LevelKey {
    /// The product.
    pub product: ProductId,
    /// The store.
    pub store: StoreId,
}

/// A checked level.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Level {
    /// Of what, where.
    pub key: LevelKey,
    /// Whether it can be had.
    pub availability: Availability,
    /// How many, in thousandths; none where the retailer does not know.
    pub quantity: Option<i64>,
    /// When that was so.
    pub as_of: Micros,
    /// When it was said again, of a line that does not say when it was so in a file that is imported again: where nothing
    /// else is known since, it is so still.
    pub again: Option<Micros>,
    /// `pos`, `feed` or `count`.
    pub source: &'static str,
    /// What the line says beside the count.
    pub told: Told,
}

/// What counts where a line of a feed does not say.
pub const FEED: &str = "feed";
/// What counts where a line of a till's stream does not say.
pub const POS: &str = "pos";
const SOURCES: [&str; 3] = [POS, FEED, "count"];
const METHODS: [&str; 4] = ["buy", "reserve", "ship_to_store", "not_supported"];
/// At most two units left is low, in thousandths.
const LOW: i64 = 2_000;

impl Availability {
    /// What a quantity in thousandths means, where the feed does not say.
    fn meant_by(quantity: Option<i64>) -> Self {
        match quantity {
            None => Self::Unknown,
            Some(quantity) if quantity <= 0 => Self::OutOfStock,
            Some(quantity) if quantity <= LOW => Self::LowStock,
            Some(_) => Self::InStock,
        }
    }
}

impl LevelIn {
    /// The level, or what is wrong with it. It held when it was heard first and `counts` is what counted, where
    /// the line does not say.
    pub fn check(
        self,
        known: &impl Names,
        heard: Heard,
        counts: &'static str,
    ) -> Result<Level, Fault> {
        let instant = |field, text: String| check::parsed::<Micros>(field, &text);
        let id = self.product_id.as_deref();
        let key = LevelKey {
            product: known.product(id, self.sku.as_deref(), self.gtin.as_deref())?,
            store: known.store(
                self.store_id.as_deref(),
                self.store_code.as_deref(),
                self.store_gln.as_deref(),
            )?,
        };
        let as_of = check::as_of(self.as_of.as_deref(), heard, check::COUNT_AHEAD)?;
        let again = heard.again().filter(|_| self.as_of.is_none());
        if self.op == Op::Delete {
            return Ok(Level {
                key,
                availability: Availability::Unknown,
                quantity: None,
                as_of,
                again,
                source: FEED,
                told: Told::nothing(),
            });
        }
        let quantity = match self.quantity {
            None => None,
            Some(QuantityIn::Count(count)) => Some(thousandths(&count)?),
            Some(QuantityIn::Disclosed { value, .. }) => {
                value.map(|count| thousandths(&count)).transpose()?
            }
        };
        if quantity.is_none() && self.availability.is_none() {
            let message = "is missing, and so is `availability`: say one of them, `unknown` where nobody knows";
            return Err(Fault::new("quantity", "", "missing", message));
        }
        if let Some(Some(pickup)) = &self.pickup {
            check::word("pickup.method", &pickup.method, &METHODS)?;
            check::optional("pickup.sla", pickup.sla.clone(), WORD)?;
        }
        if let Some(Some(place)) = &self.instore_location {
            check::optional("instore_location.aisle", place.aisle.clone(), WORD)?;
            check::optional("instore_location.bay", place.bay.clone(), WORD)?;
        }
        let restock_at = self.restock_at.map(|at| at.map(|at| instant("restock_at", at)));
        let told = Told {
            unsaid: Unsaid::Kept,
            max_age_s: self.max_age_s,
            restock_at: restock_at.map(Option::transpose).transpose()?,
            pickup: self.pickup,
            instore_location: self.instore_location,
        };
        Ok(Level {
            key,
            availability: check::one_of("availability", self.availability.as_deref())?
                .unwrap_or_else(|| Availability::meant_by(quantity)),
            quantity,
            as_of,
            again,
            source: check::word("source", self.source.as_deref().unwrap_or(counts), &SOURCES)?,
            told,
        })
    }
}

/// A count in thousandths. Tills sell what the system did not know of, but nobody can buy less than nothing.
fn thousandths(count: &Decimal) -> Result<i64, Fault> {
    let refused = |code, message| Fault::new("quantity", &count.0, code, message);
    match count.scaled(3) {
        Some(count) if count >= 0 => Ok(count),
        Some(_) => {
            Err(refused("negative", "is below zero; send 0 where more was sold than was there"))
        }
        None => {
            let message = "must be a number with at most 3 decimals below 1000000000000, or null";
            Err(refused("malformed", message))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::{Known, shape};
    use crate::kernel::word::Word as _;
    use proptest::prelude::*;

    fn check(line: &str) -> Result<Level, Fault> {
        let mut known = Known::default();
        known.products.insert(ProductId::derived("1"));
        known.stores.insert(StoreId::derived("a"));
        shape::read::<LevelIn>(line)?.check(&known, Micros(7).into(), FEED)
    }

    #[test]
    fn quantities_are_exact_and_say_the_availability() {
        let of = |quantity: &str| {
            let line = format!(r#"{{"sku":"1","store_code":"a","quantity":{quantity}}}"#);
            check(&line)
                .map(|level| (level.quantity, level.availability.as_str()))
                .map_err(|f| f.code)
        };
        assert_eq!(of("0.1"), Ok((Some(100), "low_stock")));
        assert_eq!(of("\"2.001\""), Ok((Some(2_001), "in_stock")));
        assert_eq!(of("0"), Ok((Some(0), "out_of_stock")));
        assert_eq!(of("-0.0"), Ok((Some(0), "out_of_stock")));
        for negative in ["-3", "\"-0.001\"", r#"{"disclosure":"exact","value":-1}"#] {
            assert_eq!(of(negative), Err("negative"));
        }
        assert_eq!(of("null"), Err("missing"));
        assert_eq!(of(r#"{"disclosure":"band","band":"3-5"}"#), Err("missing"));
        assert_eq!(of("0.0001"), Err("malformed"));
        assert_eq!(of("true"), Err("malformed"));
    }

    proptest! {
        #[test]
        fn no_line_panics(text: String, quantity: f64) {
            let _ = check(&text);
            let line = serde_json::json!({"sku": "1", "store_code": "a", "quantity": quantity});
            let _ = check(&line.to_string());
        }
    }
}
