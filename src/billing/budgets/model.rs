//! A budget and the amounts at which it is told.

use super::error::BudgetError;
use crate::kernel::id::{AppId, BudgetId, PartnerId};
use crate::kernel::{Currency, Micros};
use crate::rating::{Exact, Price, Rounding};
use crate::storage::StoreError;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Most thresholds of a budget.
pub(super) const MOST_THRESHOLDS: usize = 10;
/// Most percent of a budget that a threshold may be.
const MOST_PERCENT: u32 = 1_000;

/// Up to how much a partner, or one of its apps, means to spend in each billing period.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = BudgetOut)]
pub struct Budget {
    /// Its id.
    #[schema(value_type = String, example = "bud_4kPz09aBcDe")]
    pub id: BudgetId,
    /// Whose it is.
    #[schema(value_type = String, example = "prt_4kPz09aBcDe")]
    pub partner_id: PartnerId,
    /// For which app; null where all apps of the partner are counted together.
    #[schema(required = true, value_type = Option<String>, example = "app_7nRy25kLmNo")]
    pub app_id: Option<AppId>,
    /// How much.
    #[schema(example = "500.00")]
    pub amount: String,
    /// In which currency (ISO 4217). What is asked in others does not count.
    #[schema(example = "EUR")]
    pub currency: String,
    /// At which amounts partner and retailer are told, each once in a period, the least first.
    pub thresholds: Vec<Threshold>,
    /// When it was set.
    #[schema(value_type = String, format = DateTime, example = "2026-11-02T09:41:07Z")]
    pub created_at: Micros,
}

/// An amount at which partner and retailer are told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = BudgetThresholdOut)]
pub struct Threshold {
    /// How much of the budget it is, in percent; null where it was named as an amount.
    #[schema(required = true, minimum = 1, maximum = 1000, example = 80)]
    pub percent: Option<u32>,
    /// The amount.
    #[schema(example = "400.00")]
    pub amount: String,
}

impl Threshold {
    /// Whether so much reaches it.
    pub(super) fn is_reached(&self, spent: Exact) -> Result<bool, StoreError> {
        Ok(spent >= read(&self.amount)?)
    }
}

impl Budget {
    /// Whether so much is more than it.
    pub(super) fn is_passed(&self, spent: Exact) -> Result<bool, StoreError> {
        Ok(spent > read(&self.amount)?)
    }
}

/// An amount as it was stored.
fn read(amount: &str) -> Result<Exact, StoreError> {
    amount.parse().map_err(|e| StoreError::corrupt("budgets", e))
}

fn fifty_eighty_hundred() -> Vec<u32> {
    vec![50, 80, 100]
}

/// A budget as it is asked for.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = BudgetIn, example = json!({ "app_id": "app_7nRy25kLmNo", "amount": "500.00", "currency": "EUR", "percents": [50, 80, 100] }))]
pub struct Asked {
    /// The partner, all of whose apps are counted together.
    #[serde(default)]
    #[schema(value_type = Option<String>, example = "prt_4kPz09aBcDe")]
    pub partner_id: Option<PartnerId>,
    /// The app, in place of a partner.
    #[serde(default)]
    #[schema(value_type = Option<String>, example = "app_7nRy25kLmNo")]
    pub app_id: Option<AppId>,
    /// How much is to be spent at most in each billing period. Nothing is refused when it is reached.
    #[schema(example = "500.00")]
    pub amount: String,
    /// In which currency (ISO 4217).
    #[schema(example = "EUR")]
    pub currency: String,
    /// At how many percent of it partner and retailer are told, 1 to 1000; 50, 80 and 100 where it is left out.
    #[serde(default = "fifty_eighty_hundred")]
    #[schema(max_items = 10, example = json!([50, 80, 100]))]
    pub percents: Vec<u32>,
    /// At which amounts they are told as well.
    #[serde(default)]
    #[schema(max_items = 10, example = json!(["10.00"]))]
    pub amounts: Vec<String>,
}

impl Asked {
    /// The partner, where no app is named.
    pub(super) fn partner(&self) -> Result<PartnerId, BudgetError> {
        self.partner_id.filter(|_| self.app_id.is_none()).ok_or_else(BudgetError::whose)
    }

    /// The budget, of the partner that is named or has the app.
    pub(super) fn budget(&self, partner: PartnerId, now: Micros) -> Result<Budget, BudgetError> {
        if self.partner_id.is_some() && self.app_id.is_some() {
            return Err(BudgetError::whose());
        }
        let currency: Currency = self.currency.parse().map_err(|_| {
            BudgetError::field("/currency", "is no currency of ISO 4217, such as EUR")
        })?;
        let amount = money(&self.amount, currency, "/amount")?;
        let random = || StoreError::corrupt("budgets", "the system has no randomness");
        Ok(Budget {
            id: BudgetId::random().map_err(|_| random())?,
            partner_id: partner,
            app_id: self.app_id,
            amount: amount.text(currency.decimals()),
            currency: currency.code().to_owned(),
            thresholds: self.thresholds(amount, currency)?,
            created_at: now,
        })
    }

    fn thresholds(&self, amount: Price, currency: Currency) -> Result<Vec<Threshold>, BudgetError> {
        let mut all: Vec<(Exact, Threshold)> = Vec::new();
        for (n, percent) in self.percents.iter().enumerate() {
            let pointer = format!("/percents/{n}");
            if !(1..=MOST_PERCENT).contains(percent) {
                return Err(BudgetError::field(pointer, "must be from 1 to 1000"));
            }
            // So many hundredths of it are ten times as many thousandths.
            let exact = amount.times(u128::from(*percent) * 10);
            let exact = exact.map_err(|e| BudgetError::field(pointer, e.to_string()))?;
            let amount = exact.text(currency.decimals());
            all.push((exact, Threshold { percent: Some(*percent), amount }));
        }
        for (n, amount) in self.amounts.iter().enumerate() {
            let amount = money(amount, currency, &format!("/amounts/{n}"))?;
            let (exact, amount) = (amount.once(), amount.text(currency.decimals()));
            all.push((exact, Threshold { percent: None, amount }));
        }
        all.sort_by_key(|(exact, _)| *exact);
        all.dedup_by_key(|(exact, _)| *exact);
        if !(1..=MOST_THRESHOLDS).contains(&all.len()) {
            return Err(BudgetError::thresholds());
        }
        Ok(all.into_iter().map(|(_, threshold)| threshold).collect())
    }
}

/// An amount above zero that the currency can pay.
fn money(text: &str, currency: Currency, pointer: &str) -> Result<Price, BudgetError> {
    let decimals = currency.decimals();
    let payable = |price: &Price| {
        let exact = price.once();
        !price.is_zero() && exact.rounded(decimals, Rounding::HalfUp) == exact
    };
    text.parse().ok().filter(payable).ok_or_else(|| {
        let code = currency.code();
        let why = format!("must be an amount above zero with up to {decimals} decimals of {code}");
        BudgetError::field(pointer, why)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(amount: &str, currency: &str) -> Asked {
        Asked {
            partner_id: Some(PartnerId(1)),
            app_id: None,
            amount: amount.to_owned(),
            currency: currency.to_owned(),
            percents: vec![100, 33],
            amounts: Vec::new(),
        }
    }

    fn budget(asked: &Asked) -> Result<Budget, BudgetError> {
        asked.budget(PartnerId(1), Micros(0))
    }

    #[test]
    fn thresholds_are_exact_and_in_order() {
        let of = |amount, currency| {
            let made = budget(&asked(amount, currency)).unwrap();
            made.thresholds.into_iter().map(|it| it.amount).collect::<Vec<_>>()
        };
        assert_eq!(of("10.01", "EUR"), ["3.3033", "10.01"]);
        assert_eq!(of("1000", "JPY"), ["330", "1000"]);
        assert_eq!(of("1.005", "KWD"), ["0.33165", "1.005"]);
        let twice = Asked { amounts: vec!["3.30".to_owned()], ..asked("10", "EUR") };
        assert_eq!(budget(&twice).unwrap().thresholds.len(), 2, "33 percent of 10 is 3.30");
    }

    #[test]
    fn a_threshold_is_reached_at_its_amount_and_a_budget_passed_above_it() {
        let made = budget(&asked("10", "EUR")).unwrap();
        let spent = |text: &str| text.parse::<Exact>().unwrap();
        for (text, reached, passed) in [
            ("9.99", false, false),
            ("10", true, false),
            ("10.01", true, true),
            ("-1", false, false),
        ] {
            assert_eq!(made.thresholds[1].is_reached(spent(text)).unwrap(), reached, "{text}");
            assert_eq!(made.is_passed(spent(text)).unwrap(), passed, "{text}");
        }
    }

    #[test]
    fn what_cannot_be_paid_is_no_budget() {
        for (amount, currency, fits) in [
            ("10.001", "EUR", false),
            ("10.001", "KWD", true),
            ("10.5", "JPY", false),
            ("0", "EUR", false),
            ("-5", "EUR", false),
            ("5", "XQQ", false),
            ("", "EUR", false),
        ] {
            assert_eq!(budget(&asked(amount, currency)).is_ok(), fits, "{amount} {currency}");
        }
        let none = Asked { percents: Vec::new(), ..asked("10", "EUR") };
        assert!(budget(&none).is_err());
        let most = Asked { percents: vec![0], ..asked("10", "EUR") };
        assert!(budget(&most).is_err());
    }
}
