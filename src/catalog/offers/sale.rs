//! A reduction for a time: a lower price beside the one that the offer has before it and after it.

use super::{UnitPriceIn, holds, instant};
use crate::catalog::check::{self, MoneyIn};
use crate::catalog::fault::Fault;
use crate::kernel::{Amount, Micros, Money};
use serde::Deserialize;
use serde::de::IgnoredAny;

/// A sale as a feed tells it. What an API answer adds is taken and ignored.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SaleIn {
    price: MoneyIn,
    unit_price: Option<UnitPriceIn>,
    valid_from: Option<String>,
    valid_through: Option<String>,
    #[serde(default, rename = "lowest_price_30d")]
    _lowest: IgnoredAny,
}

/// A sale of an offer, in the currency of its price.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sale {
    /// What it costs meanwhile.
    pub price: Amount,
    /// The price of the offer's reference amount meanwhile.
    pub unit_price: Option<Amount>,
    /// When it begins; where nothing is said, it has begun.
    pub valid_from: Option<Micros>,
    /// The last instant of it; where nothing is said, it has no end.
    pub valid_through: Option<Micros>,
    /// The lowest price of the 30 days before it begins.
    pub lowest_price_30d: Option<Amount>,
}

impl Sale {
    /// Whether it holds at an instant.
    #[must_use]
    pub fn holds(&self, at: Micros) -> bool {
        holds((self.valid_from, self.valid_through), at)
    }

    /// The instants at which the price turns: when it begins, and when it holds no longer.
    pub fn turns(&self) -> impl Iterator<Item = Micros> + use<> {
        let ends = self.valid_through.map(|through| Micros(through.0.saturating_add(1)));
        self.valid_from.into_iter().chain(ends)
    }

    /// Those at which the offer, which holds between two instants, is asked for.
    pub fn turns_within(
        &self,
        held: (Option<Micros>, Option<Micros>),
    ) -> impl Iterator<Item = Micros> + use<> {
        self.turns().filter(move |at| holds(held, *at))
    }

    /// The next of them behind an instant.
    #[must_use]
    pub fn turns_after(&self, at: Micros) -> Option<Micros> {
        self.turns().find(|turn| *turn > at)
    }

    /// The same before anything is known of prices before it.
    pub(super) fn as_told(&self) -> Self {
        Self { lowest_price_30d: None, ..*self }
    }

    /// As it is stored: five numbers, `-` where there is none.
    #[must_use]
    pub fn text(&self) -> String {
        let amount = |amount: Option<Amount>| amount.map(|amount| amount.0);
        let instant = |at: Option<Micros>| at.map(|at| at.0);
        let numbers = [
            Some(self.price.0),
            amount(self.unit_price),
            instant(self.valid_from),
            instant(self.valid_through),
            amount(self.lowest_price_30d),
        ];
        let texts = numbers.map(|number| number.map_or_else(|| "-".to_owned(), |n| n.to_string()));
        texts.join(" ")
    }

    /// What was stored; none where that is no sale.
    #[must_use]
    pub fn read(text: &str) -> Option<Self> {
        let numbers = text.split(' ').map(|number| match number {
            "-" => Some(None),
            digits => digits.parse::<i64>().ok().map(Some),
        });
        let numbers: Vec<Option<i64>> = numbers.collect::<Option<_>>()?;
        let [Some(price), unit_price, from, through, lowest] = numbers[..] else { return None };
        Some(Self {
            price: Amount(price),
            unit_price: unit_price.map(Amount),
            valid_from: from.map(Micros),
            valid_through: through.map(Micros),
            lowest_price_30d: lowest.map(Amount),
        })
    }
}

impl SaleIn {
    /// The sale of an offer at a price, whose unit price is for `reference`; or what is wrong with it.
    pub(super) fn check(self, price: Money, reference: Option<&str>) -> Result<Sale, Fault> {
        let own = self.price.price("sale.price")?;
        let code = price.currency.code();
        if own.currency != price.currency {
            let message = format!("is in the currency of the price, {code}");
            return Err(Fault::new("sale.price", own.currency.code(), "other_currency", message));
        }
        if own.amount >= price.amount {
            let message = format!("is below the price outside the sale, {price} {code}");
            return Err(Fault::new("sale.price", &own.to_string(), "not_lower", message));
        }
        let unit_price = match self.unit_price {
            None => None,
            Some(unit) => {
                let money = MoneyIn { amount: unit.amount, currency: unit.currency };
                let money = money.unit_price("sale.unit_price")?;
                let measure = unit.reference.checked("sale.unit_price.reference")?;
                let measure = format!("{} {}", measure.value.0, measure.unit_code);
                if money.currency != price.currency || reference != Some(&measure) {
                    let message =
                        "is in the currency and for the measure of the offer's unit_price";
                    return Err(Fault::new("sale.unit_price", &measure, "other_measure", message));
                }
                Some(money.amount)
            }
        };
        let valid_from = instant("sale.valid_from", self.valid_from.as_deref())?;
        let valid_through = instant("sale.valid_through", self.valid_through.as_deref())?;
        check::span(valid_from, valid_through)
            .map_err(|fault| Fault { field: "sale.valid_through".into(), ..fault })?;
        Ok(Sale {
            price: own.amount,
            unit_price,
            valid_from,
            valid_through,
            lowest_price_30d: None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn what_is_stored_comes_back(
            price: i64, unit: Option<i64>, from: Option<i64>, through: Option<i64>, low: Option<i64>
        ) {
            let sale = Sale {
                price: Amount(price),
                unit_price: unit.map(Amount),
                valid_from: from.map(Micros),
                valid_through: through.map(Micros),
                lowest_price_30d: low.map(Amount),
            };
            prop_assert_eq!(Sale::read(&sale.text()), Some(sale));
        }

        #[test]
        fn no_text_panics(text: String) {
            let _ = Sale::read(&text);
        }
    }

    #[test]
    fn it_turns_with_its_begin_and_behind_its_last_instant() {
        let sale = Sale::read("120000 - 10 20 -").expect("a sale");
        assert_eq!([9, 10, 20, 21].map(|at| sale.holds(Micros(at))), [false, true, true, false]);
        let next = [0, 10, 20, 21].map(|at| sale.turns_after(Micros(at)).map(|turn| turn.0));
        assert_eq!(next, [Some(10), Some(21), Some(21), None]);
    }
}
