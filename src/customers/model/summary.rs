//! What a customer spent, by month and category.

use super::purchase::{CustomerPurchase, PurchaseLine};
use crate::consent::category::SensitiveCategories;
use crate::kernel::money::SCALE;
use crate::kernel::{Amount, Micros, Money};
use jiff::tz::TimeZone;
use serde::Serialize;
use std::collections::BTreeMap;

/// What was spent in one month on one category.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct MonthOfCategory {
    /// Year and month by UTC, `2026-11`.
    pub month: String,
    /// The category, in the retailer's words; none for what has none.
    pub category: Option<String>,
    /// Lines of purchases.
    pub lines: u32,
    /// What was paid for them and has not come back.
    pub amount: Money,
}

/// Adds purchases up. Sensitive categories that are left out are in no sum.
#[derive(Debug, Default)]
pub struct PurchaseSums {
    excluded: SensitiveCategories,
    /// By month, category and currency.
    sums: BTreeMap<(String, Option<String>, &'static str), (u32, Money)>,
}

impl PurchaseSums {
    /// Sums without what can reveal something of these categories.
    #[must_use]
    pub fn without(excluded: SensitiveCategories) -> Self {
        Self { excluded, sums: BTreeMap::new() }
    }

    /// Adds the lines of a purchase.
    pub fn add(&mut self, purchase: &CustomerPurchase) {
        let month = month_of(purchase.order_date);
        for line in &purchase.lines {
            if line.sensitive.is_some_and(|category| self.excluded.has(category)) {
                continue;
            }
            let kept = kept(line);
            let key = (month.clone(), line.category.clone(), kept.currency.code());
            let none = Money { amount: Amount(0), currency: kept.currency };
            let (lines, sum) = self.sums.entry(key).or_insert((0, none));
            *lines = lines.saturating_add(1);
            sum.amount.0 = sum.amount.0.saturating_add(kept.amount.0);
        }
    }

    /// The sums, the newest month first, its categories in their order.
    #[must_use]
    pub fn finish(self) -> Vec<MonthOfCategory> {
        let row = |((month, category, _), (lines, amount))| MonthOfCategory {
            month,
            category,
            lines,
            amount,
        };
        let mut rows: Vec<MonthOfCategory> = self.sums.into_iter().map(row).collect();
        // The sort is stable, so that categories stay in their order.
        rows.sort_by(|one, other| other.month.cmp(&one.month));
        rows
    }
}

/// Year and month of an instant.
fn month_of(at: Micros) -> String {
    at.timestamp().to_zoned(TimeZone::UTC).date().strftime("%Y-%m").to_string()
}

/// What was paid for a line, but the part that came back, rounded towards zero.
fn kept(line: &PurchaseLine) -> Money {
    let Money { amount, currency } = line.line_total;
    let bought = i128::from(line.quantity.value.0.0);
    let returned =
        line.returned_quantity.map_or(0, |it| i128::from(it.0.0)).clamp(0, bought.max(0));
    if bought <= 0 || returned == 0 {
        return line.line_total;
    }
    let exact = i128::from(amount.0) * (bought - returned) / bought;
    // To the currency's own decimals: nothing is paid in less.
    let unit = i128::from(SCALE) / 10_i128.pow(u32::from(currency.decimals()));
    let rounded = i64::try_from(exact / unit * unit).unwrap_or(amount.0);
    Money { amount: Amount(rounded), currency }
}
