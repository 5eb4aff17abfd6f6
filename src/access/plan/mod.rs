//! What a version of a plan grants, and how it is written as JSON.

mod data;
mod fields;
mod limits;
mod operations;
mod prices;
mod read;
mod read_prices;
pub mod store;
mod weights;

pub use data::{DataDoc, PlanData};
pub use fields::{DataFields, SALE, fields, kept};
pub use limits::{ConcurrencyDoc, LimitDoc, PlanLimits, QuotaDoc, RateDoc, left_out, named};
pub use operations::OperationId;
pub use prices::{ChargeDoc, FixedAmountDoc, ModelWord, PlanPrices, PricesDoc, TierDoc};
pub use weights::PlanWeights;

use super::history::PricesFrom;
use super::model::StockDisclosure;
use super::operation::{OPERATIONS, Operation};
use crate::limit::{Kind, Limit, LimitName, Limits, Terms, Weights, WhenDegraded};
use serde::{Deserialize, Deserializer, Serialize};
use std::sync::Arc;

/// What a version of a plan grants. Never changed once written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Definition {
    /// Its limits.
    pub limits: PlanLimits,
    /// How much of a quantity in stock it lets an app know.
    pub stock_disclosure: StockDisclosure,
    /// What calls weigh where it differs from the table of operations.
    #[serde(skip_serializing_if = "PlanWeights::is_empty")]
    pub weights: PlanWeights,
    /// What its apps meet while limits cannot be counted together.
    pub when_degraded: WhenDegraded,
    /// What use costs; nothing where there is no list.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prices: Option<PlanPrices>,
    /// What of the retailer's data it includes; shared with the keys that are held to it.
    #[serde(skip_serializing_if = "is_everything")]
    pub data: Arc<PlanData>,
}

/// What shall change in a plan's definition.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DefinitionPatch {
    /// Other limits.
    pub limits: Option<PlanLimits>,
    /// Another disclosure of stock.
    pub stock_disclosure: Option<StockDisclosure>,
    /// Other weights, in place of all.
    pub weights: Option<PlanWeights>,
    /// Another way to be degraded.
    pub when_degraded: Option<WhenDegraded>,
    /// Another price list, or none any more.
    pub prices: Option<Option<PlanPrices>>,
    /// From when on the prices hold.
    pub prices_from: PricesFrom,
    /// Other data, in place of all that was included.
    pub data: Option<Arc<PlanData>>,
}

impl Definition {
    /// What the keys of one side of the counter are held to.
    #[must_use]
    pub fn terms(&self, live: bool) -> Terms {
        Terms::new(&self.limits.0, &self.weights.0, self.when_degraded, live)
    }
}

/// A call that a limit can never admit, because it weighs more than the whole of it.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error(
    "a call of `{operation}` takes {taken} units, which exceeds the {granted} of the limit `{limit}`: it would always be refused"
)]
pub struct NeverFits {
    /// The operation.
    pub operation: &'static str,
    /// The limit that cannot admit it.
    pub limit: LimitName,
    /// Units that a call takes.
    pub taken: f64,
    /// Units that the limit grants at most.
    pub granted: u32,
}

/// Why a definition may not follow another.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error(transparent)]
pub enum NoSuccessor {
    /// It never fits.
    NeverFits(#[from] NeverFits),
    /// A limit has another name.
    Renamed(#[from] Renamed),
}

/// A limit that is another under a new name. Counters go by names, so it would begin with nothing counted, or with what the
/// ledger has by then.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "the limit `{to}` is `{from}` by another name, under which what was counted would be granted again: call it `{from}`"
)]
pub struct Renamed {
    /// What it is called now.
    pub from: LimitName,
    /// What it would be called.
    pub to: LimitName,
}

impl Definition {
    /// What [`Definition::fits`] looks at. Plans that were written before it did stay as they are where this does
    /// not change.
    #[must_use]
    pub fn rules_of_use(&self) -> (&PlanLimits, &PlanWeights) {
        (&self.limits, &self.weights)
    }

    /// The first weight that the plan itself names and that one of its limits can never admit.
    pub fn fits(&self) -> Result<(), NeverFits> {
        let named = OPERATIONS.iter().filter(|it| self.weights.0.of(it.code).is_some());
        match named.into_iter().find_map(|operation| self.never_admits(operation)) {
            Some(never) => Err(never),
            None => Ok(()),
        }
    }

    /// Whether another definition may follow this one: what it says anew of use must fit, and count on what was counted.
    pub fn gives_way_to(&self, next: &Self) -> Result<(), NoSuccessor> {
        if self.rules_of_use() == next.rules_of_use() {
            return Ok(());
        }
        let (old, new) = (self.limits.0.list(), next.limits.0.list());
        let is_in = |limits: &[Limit], name| limits.iter().any(|limit| limit.name == name);
        for to in new.iter().filter(|to| !is_in(old, to.name)) {
            let from = old.iter().find(|from| from.counts_like(to) && !is_in(new, from.name));
            if let Some(from) = from {
                return Err(Renamed { from: from.name, to: to.name }.into());
            }
        }
        Ok(next.fits()?)
    }

    /// The operations that its limits can never admit, also by what the table says that calls weigh. That is no
    /// fault of a plan: its keys may not be for them.
    #[must_use]
    pub fn never_admitted(&self) -> Vec<NeverFits> {
        OPERATIONS.iter().filter_map(|operation| self.never_admits(operation)).collect()
    }

    /// The first limit that can never admit a call of an operation.
    fn never_admits(&self, operation: &Operation) -> Option<NeverFits> {
        let taken = taken_milli(&self.weights.0, operation);
        let never = |limit: &&Limit| {
            let counted = match &limit.kind {
                Kind::Rate(_) => true,
                Kind::Quota(_) => !operation.is_free(),
                Kind::Concurrency(_) => false,
            };
            counted
                && limit.operations.cover(operation.code)
                && u64::from(taken) > u64::from(limit.granted()) * 1_000
        };
        self.limits.0.list().iter().find(never).map(|limit| NeverFits {
            operation: operation.id,
            limit: limit.name,
            taken: f64::from(taken) / 1_000.0,
            granted: limit.granted(),
        })
    }
}

impl DefinitionPatch {
    /// The definition that comes of `old`.
    #[must_use]
    pub fn of(self, old: &Definition) -> Definition {
        Definition {
            limits: self.limits.unwrap_or_else(|| old.limits.clone()),
            stock_disclosure: self.stock_disclosure.unwrap_or(old.stock_disclosure),
            weights: self.weights.unwrap_or_else(|| old.weights.clone()),
            when_degraded: self.when_degraded.unwrap_or(old.when_degraded),
            prices: self.prices.unwrap_or_else(|| old.prices.clone()),
            data: self.data.unwrap_or_else(|| Arc::clone(&old.data)),
        }
    }

    /// Whether it changes nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

impl From<Limits> for DefinitionPatch {
    fn from(limits: Limits) -> Self {
        Self { limits: Some(PlanLimits(limits)), ..Self::default() }
    }
}

impl From<Limits> for Definition {
    /// Limits with everything else granted.
    fn from(limits: Limits) -> Self {
        Self {
            limits: PlanLimits(limits),
            stock_disclosure: StockDisclosure::Exact,
            weights: PlanWeights::default(),
            when_degraded: WhenDegraded::Share,
            prices: None,
            data: Arc::default(),
        }
    }
}

impl<'de> Deserialize<'de> for Definition {
    /// Versions of plans that were written by 0.1.0 are a list of limits; weights, what holds when degraded,
    /// prices and data came later.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Stored {
            Limits(PlanLimits),
            Whole {
                limits: PlanLimits,
                stock_disclosure: StockDisclosure,
                #[serde(default)]
                weights: PlanWeights,
                #[serde(default = "share", deserialize_with = "when_degraded")]
                when_degraded: WhenDegraded,
                #[serde(default)]
                prices: Option<Box<PlanPrices>>,
                #[serde(default)]
                data: PlanData,
            },
        }
        Ok(match Stored::deserialize(deserializer)? {
            Stored::Limits(limits) => limits.0.into(),
            Stored::Whole { limits, stock_disclosure, weights, when_degraded, prices, data } => {
                let (data, prices) = (Arc::new(data), prices.map(|prices| *prices));
                Self { limits, stock_disclosure, weights, when_degraded, prices, data }
            }
        })
    }
}

fn is_everything(data: &Arc<PlanData>) -> bool {
    data.is_everything()
}

/// Reads what a plan includes; null is everything.
pub fn data<'de, D: Deserializer<'de>>(d: D) -> Result<Arc<PlanData>, D::Error> {
    Option::<PlanData>::deserialize(d).map(|data| Arc::new(data.unwrap_or_default()))
}

/// Reads a change of what a plan includes; null is everything.
pub fn data_change<'de, D: Deserializer<'de>>(d: D) -> Result<Option<Arc<PlanData>>, D::Error> {
    data(d).map(Some)
}

/// What holds for plans that do not say.
#[must_use]
pub fn share() -> WhenDegraded {
    WhenDegraded::Share
}

/// Reads `share` or `refuse`.
pub fn when_degraded<'de, D: Deserializer<'de>>(d: D) -> Result<WhenDegraded, D::Error> {
    read::word(d).map(|word| word.unwrap_or(WhenDegraded::Share))
}

/// Reads the same for a change, which may leave it out.
pub fn when_degraded_change<'de, D>(d: D) -> Result<Option<WhenDegraded>, D::Error>
where
    D: Deserializer<'de>,
{
    read::word(d)
}

/// Reads a change of the price list, which may be to none.
pub fn prices_change<'de, D>(d: D) -> Result<Option<Option<PlanPrices>>, D::Error>
where
    D: Deserializer<'de>,
{
    Option::deserialize(d).map(Some)
}

/// What a call takes from the limits before its end is known, in thousandths of a unit.
#[must_use]
pub fn taken_milli(weights: &Weights, operation: &Operation) -> u32 {
    match (weights.of(operation.code), operation.records_per_unit) {
        (None, _) => operation.weight_milli,
        (Some(milli), None) => milli,
        // The table says how many units are put aside, the plan what a unit weighs.
        (Some(milli), Some(_)) => scaled(operation.weight_milli, milli),
    }
}

/// What a call weighs on the bill whose answer holds so many records, in thousandths of a unit.
#[must_use]
pub fn billed_milli(weights: &Weights, operation: &Operation, records: u32) -> u32 {
    match (weights.of(operation.code), operation.records_per_unit) {
        (None, _) => operation.billed_milli(records),
        (Some(milli), None) => milli,
        (Some(milli), Some(_)) => scaled(operation.billed_milli(records), milli),
    }
}

fn scaled(units_milli: u32, milli: u32) -> u32 {
    let product = u64::from(units_milli) * u64::from(milli) / 1_000;
    u32::try_from(product).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::super::operation::{Op as _, op};
    use super::*;

    #[test]
    fn versions_of_earlier_programs_are_read() {
        let list = r#"[{"name":"burst","quota":50,"window_s":1}]"#;
        let whole = format!(r#"{{"limits":{list},"stock_disclosure":"exact"}}"#);
        let [first, second] =
            [list, &whole].map(|text| serde_json::from_str::<Definition>(text).unwrap());
        assert_eq!(first, second);
        assert_eq!((first.when_degraded, first.weights.is_empty()), (WhenDegraded::Share, true));
        let written = serde_json::to_string(&first).unwrap();
        assert_eq!(serde_json::from_str::<Definition>(&written).unwrap(), first);
    }

    #[test]
    fn a_plan_says_what_calls_weigh() {
        let codes = [op::GetProduct::OPERATION.code, op::QueryStock::OPERATION.code];
        let weights = Weights::new([(codes[0], 2_500), (codes[1], 500)]);
        for (operation, records, taken, billed) in [
            (op::GetProduct::OPERATION, 1, 2_500, 2_500),
            (op::QueryStock::OPERATION, 21, 2_500, 1_500),
            (op::LookupProducts::OPERATION, 3, 1_000, 3_000),
        ] {
            assert_eq!(taken_milli(&weights, operation), taken, "{}", operation.id);
            assert_eq!(billed_milli(&weights, operation, records), billed, "{}", operation.id);
        }
    }
}
