//! The price list of a plan as a JSON document.

use super::{OperationId, named};
use crate::kernel::word::words;
use crate::limit::Anchor;
use crate::rating::{
    BillingPeriod, Charge, FixedAmount, Meter, Model, Price, PriceList, Proration, Rounding, Tier,
    Tiers,
};
use serde::{Serialize, Serializer};
use std::num::NonZeroU64;
use utoipa::ToSchema;

/// The price list of a plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlanPrices(pub PriceList);

/// What the use of an app costs in a period. Prices are texts of digits with up to 12 decimals.
/// Each charge counts units, takes off those that are included, prices the rest, takes the discount off,
/// and keeps the sum between `max` and `min`, in this order. Every line of a bill is rounded once, to what
/// the currency has.
#[derive(Debug, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(title = "Prices")]
pub struct PricesDoc {
    /// Currency of all prices (ISO 4217), not its codes for tests (`XTS`) and for none (`XXX`).
    #[schema(example = "EUR", min_length = 3, max_length = 3, pattern = "^[A-Z]{3}$")]
    currency: &'static str,
    /// The time zone whose days the periods are made of, by its IANA name.
    #[serde(default)]
    #[schema(default = "UTC", example = "Europe/Paris", max_length = 64)]
    time_zone: String,
    /// How long a period is: a month, a quarter or a year.
    #[serde(default)]
    #[schema(default = "month", example = "month")]
    period: BillingPeriod,
    /// Where periods are counted from: the calendar, or the first day of the partner's contract (of its app, where the
    /// partner has none).
    #[serde(default)]
    #[schema(default = "calendar", example = "calendar")]
    anchor: Anchor,
    /// What a period costs in which the list was in force for a part only: as much as a whole one, or the part that its
    /// seconds are, of the fee and what recurs, of `min`, `max` and flat amounts, of included units and the ends of
    /// tiers. A period that is cut itself, since prices with other periods took over in the middle of it or a contract's
    /// first day changed, costs the part that it is, with `none` too: the rest of that time is another period's. With `none`
    /// that part is asked in full of who joined within it.
    #[serde(default)]
    #[schema(default = "none", example = "by_second")]
    proration: Proration,
    /// How a line is rounded: to the nearest, halves to the even neighbour or away from zero.
    #[serde(default)]
    #[schema(default = "half_even", example = "half_even")]
    rounding: Rounding,
    /// What each period costs, whatever is used; no discount is taken off it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "49.00", max_length = 24, pattern = r"^[0-9]+(\.[0-9]{1,12})?$")]
    fee: Option<String>,
    /// What is taken off every charge, in percent with up to two decimals.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "12.5", max_length = 6, pattern = r"^[0-9]+(\.[0-9]{1,2})?$")]
    discount_percent: Option<String>,
    /// What each period costs beside the fee, by name; no discount is taken off it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schema(max_items = 16)]
    recurring: Vec<FixedAmountDoc>,
    /// What is asked once for each app, in the first period in which it is on the plan; no discount is taken off it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schema(max_items = 16)]
    one_time: Vec<FixedAmountDoc>,
    /// What use costs: up to 32 charges.
    #[serde(default)]
    #[schema(max_items = 32)]
    charges: Vec<ChargeDoc>,
}

/// An amount that is asked whatever is used.
#[derive(Debug, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(title = "FixedAmount")]
pub struct FixedAmountDoc {
    /// Its name on bills; no charge and no other amount of the plan has it.
    #[schema(example = "support", min_length = 1, max_length = 40, pattern = "^[a-z0-9_-]+$")]
    name: String,
    /// What is asked.
    #[schema(example = "20.00", max_length = 24, pattern = r"^[0-9]+(\.[0-9]{1,12})?$")]
    amount: String,
}

words! {
    /// How the quantity of a charge becomes an amount.
    pub enum ModelWord {
        /// `amount` where any unit is counted that is not included.
        Flat = "flat",
        /// `unit_price` for each unit.
        PerUnit = "per_unit",
        /// Each unit at the price of its tier.
        Graduated = "graduated",
        /// All units at the price of the tier that the whole quantity falls into.
        Volume = "volume",
        /// `package_price` for each `package_size` units that were begun.
        Package = "package",
    }
}

/// What is asked for one kind of use. Only billed calls are counted: never those of test keys, those that
/// failed or those that were refused.
#[derive(Debug, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(title = "Charge")]
#[schema(example = json!({ "name": "calls", "meter": "requests", "model": "per_unit", "included": 10_000, "unit_price": "0.0025", "min": "5.00" }))]
pub struct ChargeDoc {
    /// Its name on bills, one charge's only within the plan.
    #[schema(example = "calls", min_length = 1, max_length = 40, pattern = "^[a-z0-9_-]+$")]
    name: String,
    /// What is counted: calls (`requests`), resources in the answers (`records`), `bytes` of the bodies,
    /// or units by the weights of the operations (`weight`).
    #[schema(example = "requests")]
    meter: Meter,
    /// The only API product whose calls are counted; all where it is left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "catalog", max_length = 40)]
    api: Option<&'static str>,
    /// The only operations whose calls are counted; all where it is left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Vec<String>>, min_items = 1, max_items = 100, example = json!(["list_products"]))]
    operations: Option<Vec<OperationId>>,
    /// How the quantity becomes an amount.
    #[schema(example = "per_unit")]
    model: ModelWord,
    /// Units of each period that cost nothing.
    #[serde(default)]
    #[schema(default = 0, example = 10_000, maximum = 1_000_000_000_000_000u64)]
    included: u64,
    /// What a `flat` charge comes to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "49.00", max_length = 24, pattern = r"^[0-9]+(\.[0-9]{1,12})?$")]
    amount: Option<String>,
    /// The price of a unit of a `per_unit` charge.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "0.0025", max_length = 24, pattern = r"^[0-9]+(\.[0-9]{1,12})?$")]
    unit_price: Option<String>,
    /// The tiers of a `graduated` or `volume` charge, the lowest first, up to 20.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(min_items = 1, max_items = 20)]
    tiers: Option<Vec<TierDoc>>,
    /// Units in a package of a `package` charge.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1, maximum = 1_000_000_000_000_000u64)]
    package_size: Option<u64>,
    /// The price of a package of a `package` charge.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "2.00", max_length = 24, pattern = r"^[0-9]+(\.[0-9]{1,12})?$")]
    package_price: Option<String>,
    /// The least that the charge comes to in a period.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "5.00", max_length = 24, pattern = r"^[0-9]+(\.[0-9]{1,12})?$")]
    min: Option<String>,
    /// The most that the charge comes to in a period.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "900.00", max_length = 24, pattern = r"^[0-9]+(\.[0-9]{1,12})?$")]
    max: Option<String>,
}

/// The prices of the units behind the end of the tier before, up to its own end.
#[derive(Debug, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(title = "Tier")]
pub struct TierDoc {
    /// The last unit in it; the last tier has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = 100_000, minimum = 1, maximum = 1_000_000_000_000_000u64)]
    up_to: Option<u64>,
    /// The price of a unit.
    #[schema(example = "0.0025", max_length = 24, pattern = r"^[0-9]+(\.[0-9]{1,12})?$")]
    unit_price: String,
    /// What is charged once where a unit falls into it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "5.00", max_length = 24, pattern = r"^[0-9]+(\.[0-9]{1,12})?$")]
    flat: Option<String>,
}

impl PlanPrices {
    fn doc(&self) -> PricesDoc {
        let list = &self.0;
        let decimals = list.currency().decimals();
        let charges = list.charges().iter().map(|charge| charge_doc(charge, decimals));
        let amounts = |amounts: &[FixedAmount]| {
            amounts.iter().map(|amount| amount_doc(amount, decimals)).collect()
        };
        let periods = list.periods();
        PricesDoc {
            currency: list.currency().code(),
            time_zone: periods.zone.iana_name().unwrap_or("UTC").to_owned(),
            period: periods.length,
            anchor: periods.anchor,
            proration: list.proration(),
            rounding: list.rounding(),
            recurring: amounts(list.recurring()),
            one_time: amounts(list.one_time()),
            fee: given(list.fee(), decimals),
            discount_percent: (!list.discount().is_zero()).then(|| list.discount().text()),
            charges: charges.collect(),
        }
    }
}

/// A price that says something.
fn given(price: Price, decimals: u8) -> Option<String> {
    (!price.is_zero()).then(|| price.text(decimals))
}

fn amount_doc(amount: &FixedAmount, decimals: u8) -> FixedAmountDoc {
    FixedAmountDoc { name: amount.name.to_string(), amount: amount.amount.text(decimals) }
}

fn charge_doc(charge: &Charge, decimals: u8) -> ChargeDoc {
    let doc = ChargeDoc {
        name: charge.name.to_string(),
        meter: charge.meter,
        api: charge.filter.api,
        operations: named(&charge.filter.operations),
        model: ModelWord::Flat,
        included: charge.included,
        amount: None,
        unit_price: None,
        tiers: None,
        package_size: None,
        package_price: None,
        min: given(charge.min, decimals),
        max: charge.max.map(|max| max.text(decimals)),
    };
    let tiered = |tiers: &Tiers| Some(tiers.list().iter().map(|t| tier_doc(t, decimals)).collect());
    let text = |price: &Price| Some(price.text(decimals));
    match &charge.model {
        Model::Flat(amount) => ChargeDoc { amount: text(amount), ..doc },
        Model::PerUnit(price) => {
            ChargeDoc { model: ModelWord::PerUnit, unit_price: text(price), ..doc }
        }
        Model::Graduated(tiers) => {
            ChargeDoc { model: ModelWord::Graduated, tiers: tiered(tiers), ..doc }
        }
        Model::Volume(tiers) => ChargeDoc { model: ModelWord::Volume, tiers: tiered(tiers), ..doc },
        Model::Package { size, price } => ChargeDoc {
            model: ModelWord::Package,
            package_size: Some(size.get()),
            package_price: text(price),
            ..doc
        },
    }
}

fn tier_doc(tier: &Tier, decimals: u8) -> TierDoc {
    TierDoc {
        up_to: tier.up_to.map(NonZeroU64::get),
        unit_price: tier.unit.text(decimals),
        flat: given(tier.flat, decimals),
    }
}

impl Serialize for PlanPrices {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.doc().serialize(serializer)
    }
}
