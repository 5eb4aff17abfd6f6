//! The price list of a plan.

use super::charge::{Charge, ChargeName, InvalidPrices};
use super::exact::{Percent, Price, Rounding};
use super::share::Share;
use crate::kernel::Currency;
use crate::kernel::word::words;
use crate::limit::{self, Anchor, Cycle};
use jiff::tz::TimeZone;

/// Most fixed amounts of a kind.
const MOST_AMOUNTS: usize = 16;

words! {
    /// How long the periods of a price list are.
    pub enum BillingPeriod {
        /// A month.
        Month = "month",
        /// Three months.
        Quarter = "quarter",
        /// A year.
        Year = "year",
    }
}

words! {
    /// What a period costs in which the list was in force for a part only.
    pub enum Proration {
        /// The same as a whole one.
        None = "none",
        /// Of fees, minimums, caps, flat amounts, included units and the ends of tiers the part that its seconds are
        /// of the period's.
        BySecond = "by_second",
    }
}

impl From<BillingPeriod> for limit::Period {
    fn from(period: BillingPeriod) -> Self {
        match period {
            BillingPeriod::Month => Self::Month,
            BillingPeriod::Quarter => Self::Quarter,
            BillingPeriod::Year => Self::Year,
        }
    }
}

/// An amount that is asked for whatever is used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FixedAmount {
    /// Its name on bills.
    pub name: ChargeName,
    /// What is asked.
    pub amount: Price,
}

impl FixedAmount {
    /// Whether it can stand behind these.
    pub fn follows(&self, before: &[Self]) -> Result<(), InvalidPrices> {
        if before.len() >= MOST_AMOUNTS {
            return Err(InvalidPrices::Amounts);
        }
        if before.iter().any(|other| other.name == self.name) {
            return Err(InvalidPrices::Repeated(self.name.clone()));
        }
        Ok(())
    }
}

/// When the periods of a list begin and end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Periods {
    /// How long they are.
    pub length: BillingPeriod,
    /// Where they are counted from.
    pub anchor: Anchor,
    /// Whose days they are made of.
    pub zone: TimeZone,
}

impl Default for Periods {
    /// Calendar months in UTC.
    fn default() -> Self {
        Self { length: BillingPeriod::Month, anchor: Anchor::Calendar, zone: TimeZone::UTC }
    }
}

impl Periods {
    /// The calendar of them.
    #[must_use]
    pub fn cycle(&self) -> Cycle {
        Cycle { period: self.length.into(), anchor: self.anchor, zone: self.zone.clone() }
    }
}

/// What the use of an app costs in a period.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PriceList {
    currency: Currency,
    periods: Periods,
    rounding: Rounding,
    proration: Proration,
    fee: Price,
    discount: Percent,
    recurring: Box<[FixedAmount]>,
    one_time: Box<[FixedAmount]>,
    charges: Box<[Charge]>,
}

impl PriceList {
    /// A list in a currency, for periods, rounded by a rule; it asks for nothing yet.
    #[must_use]
    pub fn new(currency: Currency, periods: Periods, rounding: Rounding) -> Self {
        Self {
            currency,
            periods,
            rounding,
            proration: Proration::None,
            fee: Price::ZERO,
            discount: Percent::default(),
            recurring: Box::default(),
            one_time: Box::default(),
            charges: Box::default(),
        }
    }

    /// The list with a fee for each period, and a percentage off each charge.
    #[must_use]
    pub fn with_fee(self, fee: Price, discount: Percent) -> Self {
        Self { fee, discount, ..self }
    }

    /// The list with a rule for parts of a period.
    #[must_use]
    pub fn with_proration(self, proration: Proration) -> Self {
        Self { proration, ..self }
    }

    /// The list with amounts for each period, and others that are asked once for each app.
    pub fn with_amounts(
        self,
        recurring: Vec<FixedAmount>,
        one_time: Vec<FixedAmount>,
    ) -> Result<Self, InvalidPrices> {
        for amounts in [&recurring, &one_time] {
            for (n, amount) in amounts.iter().enumerate() {
                amount.follows(&amounts[..n])?;
            }
        }
        Self { recurring: recurring.into(), one_time: one_time.into(), ..self }.distinct()
    }

    /// The list with these charges, if they can stand together.
    pub fn with_charges(self, charges: Vec<Charge>) -> Result<Self, InvalidPrices> {
        for (n, charge) in charges.iter().enumerate() {
            charge.check()?;
            charge.follows(&charges[..n])?;
        }
        Self { charges: charges.into(), ..self }.distinct()
    }

    /// The list, if no two things on a bill have one name.
    fn distinct(self) -> Result<Self, InvalidPrices> {
        let amounts = self.recurring.iter().chain(&self.one_time).map(|amount| &amount.name);
        let mut names: Vec<_> = amounts.chain(self.charges.iter().map(|c| &c.name)).collect();
        names.sort_unstable();
        match names.windows(2).find(|pair| pair[0] == pair[1]) {
            Some(pair) => Err(InvalidPrices::Repeated(pair[0].clone())),
            None => Ok(self),
        }
    }

    /// What the list asks for a part of a period, as a list of its own.
    #[must_use]
    pub fn prorated(&self, share: Share) -> Self {
        if self.proration == Proration::None || share.is_whole() {
            return self.clone();
        }
        let part = |amount: &FixedAmount| FixedAmount {
            name: amount.name.clone(),
            amount: amount.amount.share(share),
        };
        Self {
            fee: self.fee.share(share),
            recurring: self.recurring.iter().map(part).collect(),
            charges: self.charges.iter().map(|charge| charge.prorated(share)).collect(),
            ..self.clone()
        }
    }

    /// The currency of all prices.
    #[must_use]
    pub fn currency(&self) -> Currency {
        self.currency
    }

    /// When its periods begin and end.
    #[must_use]
    pub fn periods(&self) -> &Periods {
        &self.periods
    }

    /// How lines are rounded.
    #[must_use]
    pub fn rounding(&self) -> Rounding {
        self.rounding
    }

    /// What a part of a period costs.
    #[must_use]
    pub fn proration(&self) -> Proration {
        self.proration
    }

    /// What each period costs, whatever is used.
    #[must_use]
    pub fn fee(&self) -> Price {
        self.fee
    }

    /// What is taken off every charge.
    #[must_use]
    pub fn discount(&self) -> Percent {
        self.discount
    }

    /// What each period costs beside the fee.
    #[must_use]
    pub fn recurring(&self) -> &[FixedAmount] {
        &self.recurring
    }

    /// What is asked once.
    #[must_use]
    pub fn one_time(&self) -> &[FixedAmount] {
        &self.one_time
    }

    /// What use costs.
    #[must_use]
    pub fn charges(&self) -> &[Charge] {
        &self.charges
    }
}
