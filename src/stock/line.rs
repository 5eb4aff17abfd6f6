//! A stock level on the wire: what the caller may know of the quantity, and how fresh it is.

use super::model::{Availability, Location, Pickup};
use super::view::{Detail, Level};
use crate::access::model::StockDisclosure;
use crate::kernel::clock::SECOND;
use crate::kernel::id::{ProductId, StoreId};
use crate::kernel::word::Word as _;
use crate::kernel::{Gtin, Micros};
use serde::Serialize;
use serde_json::{Number, Value};
use utoipa::ToSchema;

/// A quantity, as far as the caller may know it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct QuantityOut {
    /// How much is told: `exact`, the quantity in `value`; `band`, the range that holds it, in
    /// `band`; `none`, nothing, because it is not known or the plan does not tell it.
    pub(super) disclosure: StockDisclosure,
    /// The quantity, with `exact`; up to three decimals for what is sold by weight.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<f64>, example = 4)]
    pub(super) value: Option<Number>,
    /// The range that holds the quantity, with `band`: `0`, `1-2`, `3-5`, `6-10`, `11-50` or `51+`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "3-5")]
    pub(crate) band: Option<&'static str>,
}

/// The stock of a product in a store.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct StockLevelOut<'a> {
    /// The product.
    #[schema(value_type = String, example = "prd_7HqK2mXw9Pz")]
    pub(super) product_id: ProductId,
    /// The product's GTIN in 14 digits, where it has one.
    #[schema(required = true, value_type = Option<String>, example = "03276550063551")]
    pub(super) gtin: Option<Gtin>,
    /// The store.
    #[schema(value_type = String, example = "sto_4Fh2Lp8QaZs")]
    pub(super) store_id: StoreId,
    /// Whether it can be had; `unknown` where the retailer has told nothing.
    pub(super) availability: Availability,
    /// How many there are, as far as the key may know.
    pub(super) quantity: QuantityOut,
    /// When the retailer counted; null where it never did.
    #[schema(required = true, value_type = Option<String>, format = DateTime, example = "2026-11-22T09:41:07Z")]
    pub(super) as_of: Option<Micros>,
    /// When the count arrived here.
    #[schema(required = true, value_type = Option<String>, format = DateTime, example = "2026-11-22T09:41:09Z")]
    pub(super) received_at: Option<Micros>,
    /// After how many seconds a count is stale: as asked for, or by the retailer.
    #[schema(required = true, example = 900)]
    pub(super) max_age_s: Option<u32>,
    /// Whether the count is older than `max_age_s`; true where there is none.
    #[schema(example = false)]
    pub(super) is_stale: bool,
    /// What counted: `pos`, `feed` or `count`.
    #[schema(required = true, example = "feed")]
    pub(super) source: Option<&'a str>,
    /// When new goods are expected.
    #[schema(required = true, value_type = Option<String>, format = DateTime, example = "2026-11-24T06:00:00Z")]
    pub(super) restock_at: Option<Micros>,
    /// How it can be collected.
    #[schema(required = true)]
    pub(super) pickup: Option<&'a Pickup>,
    /// Where in the store it is.
    #[schema(required = true)]
    pub(super) instore_location: Option<&'a Location>,
    /// Metres along the great circle from the place that was asked for; in lists near a place.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = 812)]
    pub(super) distance_m: Option<u32>,
}

/// Stock levels, a page of them.
#[derive(Debug, ToSchema)]
#[expect(dead_code, reason = "describes a page, which is put together from finished lines")]
pub(super) struct PageOfStockLevels<'a> {
    /// The levels.
    items: Vec<StockLevelOut<'a>>,
    /// Where the next page is; null on the last.
    #[schema(
        required = true,
        example = "/v1/products/prd_7HqK2mXw9Pz/stock?limit=50&cursor=c7HqK2mXw9Pz000000000001A2b3C"
    )]
    next: Option<String>,
    /// Where this page is.
    #[schema(rename = "self", example = "/v1/products/prd_7HqK2mXw9Pz/stock?limit=50")]
    own: String,
    /// How many lines the list has, with `include_total`.
    #[schema(example = 128)]
    total: Option<u64>,
}

/// The range that holds a quantity given in thousandths. What is begun counts as whole.
fn band(thousandths: i64) -> &'static str {
    match thousandths {
        ..=0 => "0",
        1..=2_000 => "1-2",
        2_001..=5_000 => "3-5",
        5_001..=10_000 => "6-10",
        10_001..=50_000 => "11-50",
        _ => "51+",
    }
}

/// The least whole thousandths above nothing that a band stands for.
fn least_of_band(thousandths: i64) -> i64 {
    match thousandths {
        ..=0 => 0,
        1..=2_000 => 1_000,
        2_001..=5_000 => 3_000,
        5_001..=10_000 => 6_000,
        10_001..=50_000 => 11_000,
        _ => 51_000,
    }
}

/// Whether a level covers `wanted` thousandths, as far as the caller may know: a question that told
/// more would give the count away to who asks often enough. What was not counted is taken to be
/// enough.
pub(super) fn is_enough(level: &Level<'_>, wanted: i64, told: StockDisclosure) -> bool {
    let there = matches!(level.availability, Availability::InStock | Availability::LowStock);
    there
        && level.quantity.is_none_or(|quantity| match told {
            StockDisclosure::Exact => quantity >= wanted,
            StockDisclosure::Band => least_of_band(quantity) >= wanted,
            StockDisclosure::None => true,
        })
}

/// Thousandths as a JSON number: whole where it is whole. A double's shortest text gives back the
/// three decimals exactly.
fn number(thousandths: i64) -> Option<Number> {
    if thousandths % 1000 == 0 {
        return Some((thousandths / 1000).into());
    }
    Number::from_f64(thousandths as f64 / 1000.0)
}

impl QuantityOut {
    /// A quantity in thousandths, as far as it is known and may be told.
    pub(crate) fn new(thousandths: Option<i64>, told: StockDisclosure) -> Self {
        let none = Self { disclosure: StockDisclosure::None, value: None, band: None };
        let Some(n) = thousandths else { return none };
        match told {
            StockDisclosure::None => none,
            StockDisclosure::Band => Self { disclosure: told, band: Some(band(n)), ..none },
            StockDisclosure::Exact => Self { disclosure: told, value: number(n), ..none },
        }
    }
}

impl QuantityOut {
    /// A quantity as it was written, as far as it may be told now; none where that is all of it.
    pub(crate) fn within(written: &Value, told: StockDisclosure) -> Option<Value> {
        let was = written.get("disclosure")?.as_str()?;
        if StockDisclosure::of(was).is_some_and(|was| was <= told) {
            return None;
        }
        let thousandths = written.get("value").and_then(Value::as_f64);
        let thousandths = thousandths.map(|value| (value * 1000.0).round() as i64);
        serde_json::to_value(Self::new(thousandths, told)).ok()
    }
}

/// What all lines of an answer share.
#[derive(Debug, Clone, Copy)]
pub(super) struct Lines {
    /// How much of a quantity the caller may know.
    pub(super) disclosure: StockDisclosure,
    /// The time now.
    pub(super) now: Micros,
    /// After how many seconds the caller holds a count for stale; `None` to go by the retailer.
    pub(super) max_age_s: Option<u32>,
}

impl Lines {
    /// After how many seconds a count is stale.
    pub(crate) fn max_age(&self, detail: &Detail) -> u32 {
        self.max_age_s.unwrap_or(detail.max_age_s)
    }

    /// Whether a level is older than it may be; where there is none, nothing is known.
    pub(super) fn is_stale(&self, level: Option<&Level<'_>>) -> bool {
        level.is_none_or(|level| {
            let most = i64::from(self.max_age(level.detail)) * SECOND;
            level.availability == Availability::Unknown
                || self.now.0.saturating_sub(level.as_of.0) > most
        })
    }

    /// The line for a product in a store as finished JSON.
    pub(super) fn document(
        &self,
        product: (ProductId, Option<Gtin>),
        store: StoreId,
        level: Option<&Level<'_>>,
    ) -> Option<Vec<u8>> {
        serde_json::to_vec(&self.line(product, store, level)).ok()
    }

    /// The line for a product in a store, unknown where there is no level.
    pub(super) fn line<'a>(
        &self,
        (product_id, gtin): (ProductId, Option<Gtin>),
        store_id: StoreId,
        level: Option<&Level<'a>>,
    ) -> StockLevelOut<'a> {
        let detail = level.map(|level| level.detail);
        let is_stale = self.is_stale(level);
        StockLevelOut {
            product_id,
            gtin,
            store_id,
            availability: level.map_or(Availability::Unknown, |level| level.availability),
            quantity: QuantityOut::new(level.and_then(|level| level.quantity), self.disclosure),
            as_of: level.map(|level| level.as_of),
            received_at: level.map(|level| level.received_at),
            max_age_s: detail.map(|detail| self.max_age(detail)),
            is_stale,
            source: detail.map(|detail| detail.source.as_str()),
            restock_at: detail.and_then(|detail| detail.restock_at),
            pickup: detail.and_then(|detail| detail.pickup.as_ref()),
            instore_location: detail.and_then(|detail| detail.instore_location.as_ref()),
            distance_m: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_band_holds_its_quantity() {
        let cases =
            [(-1, "0"), (0, "0"), (1, "1-2"), (2, "1-2"), (3, "3-5"), (5, "3-5"), (6, "6-10")];
        for (units, expected) in cases {
            assert_eq!(band(units * 1_000), expected, "{units}");
        }
        assert_eq!(
            (band(500), band(2_001), band(50_000), band(50_001)),
            ("1-2", "3-5", "11-50", "51+")
        );
    }

    #[test]
    fn exact_quantities_are_exact() {
        let value =
            |n| QuantityOut::new(Some(n), StockDisclosure::Exact).value.unwrap().to_string();
        assert_eq!((value(4_000), value(1_250), value(0)), ("4".into(), "1.25".into(), "0".into()));
        assert_eq!(
            QuantityOut::new(None, StockDisclosure::Exact).disclosure,
            StockDisclosure::None
        );
    }

    #[test]
    fn a_level_is_stale_behind_its_age_only() {
        let detail = Detail::default();
        let level = Level {
            store: StoreId(1),
            availability: Availability::InStock,
            quantity: None,
            as_of: Micros(0),
            received_at: Micros(0),
            detail: &detail,
        };
        let stale_by = |max_age_s, now, level: Option<&Level<'_>>| {
            let disclosure = StockDisclosure::Band;
            let lines = Lines { disclosure, now: Micros(now), max_age_s };
            lines.line((ProductId(1), None), StoreId(1), level).is_stale
        };
        let stale = |now, level| stale_by(None, now, level);
        assert!(!stale(900 * SECOND, Some(&level)));
        assert!(stale(900 * SECOND + 1, Some(&level)));
        assert!(stale(0, None));
        assert!(stale_by(Some(60), 61 * SECOND, Some(&level)));
        assert!(!stale_by(Some(86_400), 901 * SECOND, Some(&level)));
    }
}
