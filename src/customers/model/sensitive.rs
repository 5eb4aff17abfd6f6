//! Leaving out what can reveal health, belief or intimate life, so that nobody sees that something was left out.
//!
//! Where anything at all is left out for a customer, all their documents are told in one way: a gap in the numbers of lines,
//! or a sum that does not fit its lines, would say that there was something to hide.

use super::list::CustomerList;
use super::loyalty::LoyaltyTransaction;
use super::purchase::{CustomerPurchase, PurchaseLine, PurchaseTotal, PurchaseTotalKind};
use crate::consent::category::{SensitiveCategories, SensitiveCategory};
use crate::kernel::{Amount, Money};
use std::collections::HashMap;

fn is_in(excluded: SensitiveCategories, category: Option<SensitiveCategory>) -> bool {
    category.is_some_and(|category| excluded.has(category))
}

/// The sum of some amounts.
fn sum(amounts: impl Iterator<Item = Money>) -> i64 {
    amounts.fold(0_i64, |sum, it| sum.saturating_add(it.amount.0))
}

fn paid(lines: &[PurchaseLine]) -> i64 {
    sum(lines.iter().map(|line| line.line_total))
}

fn reduced(lines: &[PurchaseLine]) -> i64 {
    sum(lines.iter().flat_map(|line| &line.discounts).map(|it| it.amount))
}

impl CustomerPurchase {
    /// The purchase without lines of these categories; `None` where nothing of it is left.
    ///
    /// Its lines are numbered anew and its sums are those of the lines that are left; taxes, points and the address of the
    /// receipt are left out, since all of the purchase is in them. Of a purchase without lines nobody knows what is in it:
    /// it is told without sums.
    #[must_use]
    pub fn without(mut self, excluded: SensitiveCategories) -> Option<Self> {
        if excluded.is_empty() {
            return Some(self);
        }
        let all = paid(&self.lines);
        let had_lines = !self.lines.is_empty();
        self.lines.retain(|line| !is_in(excluded, line.sensitive));
        if had_lines && self.lines.is_empty() {
            return None;
        }
        self.totals = match (had_lines, self.paid()) {
            (true, Some(total)) => self.totals_of_lines(total, all),
            _ => Vec::new(),
        };
        self.renumber();
        self.loyalty = None;
        if let Some(receipt) = &mut self.receipt {
            receipt.url = None;
        }
        Some(self)
    }

    /// The sums of the lines that are left, of a purchase whose lines all cost so much. What else was paid stays.
    fn totals_of_lines(&self, total: Money, all: i64) -> Vec<PurchaseTotal> {
        let (paid, reduced) = (paid(&self.lines), reduced(&self.lines));
        let of = |kind, amount| PurchaseTotal {
            kind,
            rate: None,
            included: None,
            amount: Money { amount: Amount(amount), currency: total.currency },
        };
        let mut totals = vec![of(PurchaseTotalKind::Subtotal, paid.saturating_add(reduced))];
        if reduced != 0 {
            totals.push(of(PurchaseTotalKind::Discount, reduced.saturating_neg()));
        }
        let beside = total.amount.0.saturating_sub(all);
        totals.push(of(PurchaseTotalKind::Total, paid.saturating_add(beside)));
        totals
    }

    /// Numbers the lines from 1 on, and leaves out what was done to lines that are not there.
    fn renumber(&mut self) {
        let mut numbers = HashMap::new();
        for (n, line) in self.lines.iter_mut().enumerate() {
            let number = (n + 1).to_string();
            numbers.insert(std::mem::replace(&mut line.line_id, number.clone()), number);
        }
        self.adjustments.retain_mut(|adjustment| match &mut adjustment.line_id {
            Some(id) => numbers.get(id.as_str()).is_some_and(|number| {
                id.clone_from(number);
                true
            }),
            // What is about all of the purchase is about what was left out of it, too.
            None => false,
        });
    }
}

impl LoyaltyTransaction {
    /// The movement where these categories are left out: not of which purchase it was, as more points than its lines give
    /// would show that there are others.
    #[must_use]
    pub fn without(mut self, excluded: SensitiveCategories) -> Self {
        if !excluded.is_empty() {
            self.purchase_id = None;
        }
        self
    }
}

impl CustomerList {
    /// The list without items of these categories.
    #[must_use]
    pub fn without(mut self, excluded: SensitiveCategories) -> Self {
        self.items.retain(|item| !is_in(excluded, item.sensitive));
        self
    }
}
