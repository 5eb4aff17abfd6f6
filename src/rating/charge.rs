//! What is asked for one kind of use: charges, their models and tiers.

use super::exact::Price;
use super::share::Share;
use crate::kernel::word::words;
use crate::limit::Operations;
use std::num::NonZeroU64;
use std::sync::Arc;

/// Most charges of a price list.
pub const MOST_CHARGES: usize = 32;
/// Most tiers of a charge.
pub const MOST_TIERS: usize = 20;
/// Most units that a number in a price list names.
pub const MOST_UNITS: u64 = 1_000_000_000_000_000;
/// Most characters of a charge's name.
const LONGEST_NAME: usize = 40;

words! {
    /// What a charge counts of the billed calls.
    pub enum Meter {
        /// Calls.
        Requests = "requests",
        /// Resources in the answers.
        Records = "records",
        /// Bytes of the bodies.
        Bytes = "bytes",
        /// Units, by the weights of the operations.
        Weight = "weight",
    }
}

/// Why something is no price list.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidPrices {
    /// No price.
    #[error(
        "`{0}` is no price: digits with a point before up to 12 decimals, such as 0.0025, at most 1000000000"
    )]
    Price(String),
    /// No percent.
    #[error("`{0}` is no percent: 0 to 100 with up to two decimals, such as 12.5")]
    Percent(String),
    /// No name.
    #[error("`{0}` is no name for a charge: it is 1 to 40 of a-z, 0-9, _ and -")]
    Name(String),
    /// A second charge of a name.
    #[error("two charges or amounts are called `{0}`; give each its own name")]
    Repeated(ChargeName),
    /// Too many charges.
    #[error("a price list may have at most 32 charges")]
    Charges,
    /// Too many fixed amounts.
    #[error("a price list may have at most 16 amounts of a kind")]
    Amounts,
    /// Too many tiers.
    #[error("a charge may have at most 20 tiers")]
    Tiers,
    /// Not enough tiers, or a last one that ends.
    #[error("the last tier has no `up_to`, so that every quantity has a price")]
    Closed,
    /// A tier behind the last.
    #[error(
        "a tier stands behind one without `up_to`, which takes all that comes: give that one an `up_to`"
    )]
    Behind,
    /// A tier that ends before it begins.
    #[error("a tier's `up_to` must be more than that of the tier before, {0}")]
    Falling(u64),
    /// Units out of range.
    #[error("a number of units may be at most 1000000000000000, not {0}")]
    Units(u64),
    /// The least is more than the most.
    #[error("`min` is more than `max`")]
    Bounds,
}

/// The name of a charge, one charge's only within the list: bills name it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ChargeName(Arc<str>);

impl ChargeName {
    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::str::FromStr for ChargeName {
    type Err = InvalidPrices;

    fn from_str(text: &str) -> Result<Self, InvalidPrices> {
        let token = |b: u8| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'-');
        if !(1..=LONGEST_NAME).contains(&text.len()) || !text.bytes().all(token) {
            return Err(InvalidPrices::Name(text.chars().take(LONGEST_NAME).collect()));
        }
        Ok(Self(text.into()))
    }
}

impl std::fmt::Display for ChargeName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

/// The calls that a charge counts. Calls of test keys are never billed, so no charge counts them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Filter {
    /// The API product whose operations are counted; none for all.
    pub api: Option<&'static str>,
    /// The operations that are counted.
    pub operations: Operations,
}

impl Filter {
    /// Every billed call.
    pub const ALL: Self = Self { api: None, operations: Operations::ALL };

    /// Whether billed calls of an operation of an API are counted.
    #[must_use]
    pub fn counts(&self, operation: u16, api: &str) -> bool {
        self.api.is_none_or(|own| own == api) && self.operations.cover(operation)
    }
}

/// A price for the units of `(from, up_to]`, `from` being the end of the tier before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tier {
    /// The last whole unit in it; the last tier has none.
    pub up_to: Option<NonZeroU64>,
    /// The price of a unit.
    pub unit: Price,
    /// What is charged once where a unit falls into it.
    pub flat: Price,
}

impl Tier {
    /// Whether it can stand behind these.
    pub fn follows(&self, before: &[Self]) -> Result<(), InvalidPrices> {
        if before.len() >= MOST_TIERS {
            return Err(InvalidPrices::Tiers);
        }
        if let Some(up_to) = self.up_to {
            units(up_to.get())?;
        }
        match before.last().map(|last| last.up_to) {
            None => Ok(()),
            Some(None) => Err(InvalidPrices::Behind),
            Some(Some(last)) if self.up_to.is_some_and(|up_to| up_to <= last) => {
                Err(InvalidPrices::Falling(last.get()))
            }
            Some(Some(_)) => Ok(()),
        }
    }
}

/// Tiers that cover every quantity: rising, the last without an end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tiers(Box<[Tier]>);

impl Tiers {
    /// The tiers, if they cover every quantity once.
    pub fn new(tiers: Vec<Tier>) -> Result<Self, InvalidPrices> {
        for (n, tier) in tiers.iter().enumerate() {
            tier.follows(&tiers[..n])?;
        }
        if tiers.last().is_none_or(|last| last.up_to.is_some()) {
            return Err(InvalidPrices::Closed);
        }
        Ok(Self(tiers.into()))
    }

    /// The tiers, the lowest first.
    #[must_use]
    pub fn list(&self) -> &[Tier] {
        &self.0
    }

    /// The same for a part of a period: their ends and what is charged once shrink, prices of units stay. A tier
    /// that no whole unit is left for is gone.
    pub(super) fn prorated(&self, share: Share) -> Self {
        let mut tiers: Vec<Tier> = Vec::with_capacity(self.0.len());
        for tier in &self.0 {
            let from = tiers.last().and_then(|last| last.up_to).map_or(0, NonZeroU64::get);
            let up_to = tier.up_to.map(|up_to| share.of_units(up_to.get()));
            if up_to.is_none_or(|up_to| up_to > from) {
                let up_to = up_to.and_then(NonZeroU64::new);
                tiers.push(Tier { up_to, unit: tier.unit, flat: tier.flat.share(share) });
            }
        }
        Self(tiers.into())
    }

    /// Each tier with the unit behind which it begins.
    pub fn spans(&self) -> impl Iterator<Item = (u64, &Tier)> {
        let starts = self.0.iter().map(|tier| tier.up_to.map_or(u64::MAX, NonZeroU64::get));
        std::iter::once(0).chain(starts).zip(&self.0)
    }
}

/// How a quantity becomes an amount.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Model {
    /// An amount, where anything is counted that is not included.
    Flat(Price),
    /// A price for each unit.
    PerUnit(Price),
    /// Each unit at the price of its tier.
    Graduated(Tiers),
    /// All units at the price of the tier that the whole quantity falls into.
    Volume(Tiers),
    /// A price for each package that was begun.
    Package {
        /// Units in a package.
        size: NonZeroU64,
        /// Its price.
        price: Price,
    },
}

/// What is asked for one kind of use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Charge {
    /// Its name on bills.
    pub name: ChargeName,
    /// What it counts.
    pub meter: Meter,
    /// Of which calls.
    pub filter: Filter,
    /// Units of each period that cost nothing.
    pub included: u64,
    /// The price of the others.
    pub model: Model,
    /// The least that it comes to in a period.
    pub min: Price,
    /// The most that it comes to in a period.
    pub max: Option<Price>,
}

impl Charge {
    /// Whether its numbers go together.
    pub fn check(&self) -> Result<(), InvalidPrices> {
        units(self.included)?;
        if let Model::Package { size, .. } = &self.model {
            units(size.get())?;
        }
        if self.max.is_some_and(|max| self.min > max) {
            return Err(InvalidPrices::Bounds);
        }
        Ok(())
    }

    /// The same for a part of a period. Prices of units and packages stay as they are.
    pub(super) fn prorated(&self, share: Share) -> Self {
        let model = match &self.model {
            Model::Flat(amount) => Model::Flat(amount.share(share)),
            Model::Graduated(tiers) => Model::Graduated(tiers.prorated(share)),
            Model::Volume(tiers) => Model::Volume(tiers.prorated(share)),
            same @ (Model::PerUnit(_) | Model::Package { .. }) => same.clone(),
        };
        Self {
            included: share.of_units(self.included),
            model,
            min: self.min.share(share),
            max: self.max.map(|max| max.share(share)),
            ..self.clone()
        }
    }

    /// Whether it can stand behind these.
    pub fn follows(&self, before: &[Self]) -> Result<(), InvalidPrices> {
        if before.len() >= MOST_CHARGES {
            return Err(InvalidPrices::Charges);
        }
        if before.iter().any(|other| other.name == self.name) {
            return Err(InvalidPrices::Repeated(self.name.clone()));
        }
        Ok(())
    }
}

fn units(units: u64) -> Result<(), InvalidPrices> {
    if units > MOST_UNITS { Err(InvalidPrices::Units(units)) } else { Ok(()) }
}
