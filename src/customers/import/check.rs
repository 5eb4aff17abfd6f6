//! What must hold of a document beyond the form of its fields.

use super::MOST_TRANSACTIONS;
use super::line::fault;
use crate::catalog::Fault;
use crate::customers::model::{
    CustomerList, CustomerProfile, CustomerPurchase, LoyaltyAccount, PersonalPromotion,
    PersonalPromotionKind,
};
use crate::customers::source::MOST_ITEMS;
use crate::kernel::money::SCALE;
use std::collections::HashSet;

/// Most lines, sums and adjustments of a purchase.
const MOST_LINES: usize = 1_000;
/// Most entries of any other list in a document.
const MOST_ENTRIES: usize = 1_000;

/// A document that can be checked by itself.
pub(super) trait CheckedDocument {
    /// What is wrong with it.
    fn check(&self) -> Result<(), Fault>;
}

fn at_most(field: &str, found: usize, most: usize) -> Result<(), Fault> {
    if found > most {
        return Err(fault(field, "too_many", format!("may have {most} entries at most")));
    }
    Ok(())
}

/// Each entry has a name of its own.
fn distinct<'a>(
    field: &str,
    ids: impl Iterator<Item = &'a str>,
) -> Result<HashSet<&'a str>, Fault> {
    let mut known = HashSet::new();
    for (n, id) in ids.enumerate() {
        if !known.insert(id) {
            let message = format!("names entry {n} as another one is named");
            return Err(fault(field, "repeated", message));
        }
    }
    Ok(known)
}

impl CheckedDocument for CustomerProfile {
    fn check(&self) -> Result<(), Fault> {
        if let Some(address) = &self.address {
            at_most("address.lines", address.lines.len(), MOST_ENTRIES)?;
        }
        Ok(())
    }
}

impl CheckedDocument for CustomerPurchase {
    fn check(&self) -> Result<(), Fault> {
        at_most("lines", self.lines.len(), MOST_LINES)?;
        at_most("totals", self.totals.len(), MOST_LINES)?;
        at_most("adjustments", self.adjustments.len(), MOST_LINES)?;
        let lines = self.lines.iter().map(|line| line.line_id.as_str());
        let known = distinct("lines.line_id", lines)?;
        let mut named = self.adjustments.iter().filter_map(|it| it.line_id.as_deref());
        if named.any(|id| !known.contains(id)) {
            let message = "must name a line of this purchase";
            return Err(fault("adjustments.line_id", "unknown_line", message));
        }
        let mut amounts = self.amounts();
        let currency = amounts.next().map(|it| it.currency);
        if amounts.any(|it| Some(it.currency) != currency) {
            let message = "has amounts of more than one currency";
            return Err(fault("", "other_currency", message));
        }
        Ok(())
    }
}

impl CheckedDocument for LoyaltyAccount {
    fn check(&self) -> Result<(), Fault> {
        at_most("balances", self.balances.len(), MOST_ENTRIES)?;
        at_most("transactions", self.transactions.len(), MOST_TRANSACTIONS)?;
        distinct("transactions.id", self.transactions.iter().map(|it| it.id.as_str())).map(|_| ())
    }
}

impl CheckedDocument for CustomerList {
    fn check(&self) -> Result<(), Fault> {
        at_most("items", self.items.len(), MOST_ITEMS)?;
        if self.items.iter().any(|item| item.quantity == 0) {
            return Err(fault("items.quantity", "malformed", "must be at least 1"));
        }
        distinct("items.item_id", self.items.iter().map(|item| item.item_id.as_str())).map(|_| ())
    }
}

impl CheckedDocument for PersonalPromotion {
    fn check(&self) -> Result<(), Fault> {
        at_most("skus", self.skus.len(), MOST_ENTRIES)?;
        at_most("gtins", self.gtins.len(), MOST_ENTRIES)?;
        at_most("store_codes", self.store_codes.len(), MOST_ENTRIES)?;
        if let (Some(from), Some(through)) = (self.valid_from, self.valid_through)
            && from >= through
        {
            return Err(fault("valid_through", "out_of_range", "must be behind `valid_from`"));
        }
        let value = self.value.map_or(0, |value| value.0.0);
        let amount = self.amount.map_or(0, |amount| amount.amount.0);
        let (field, holds, message) = match self.kind {
            PersonalPromotionKind::PercentOff => {
                ("value", (1..=100 * SCALE).contains(&value), "must be above 0 and at most 100")
            }
            PersonalPromotionKind::Points => ("value", value > 0, "must be above 0"),
            PersonalPromotionKind::AmountOff => ("amount", amount > 0, "must be above 0"),
            PersonalPromotionKind::Coupon => {
                ("coupon_code", self.coupon_code.is_some(), "must say the code of the coupon")
            }
        };
        if holds { Ok(()) } else { Err(fault(field, "out_of_range", message)) }
    }
}
