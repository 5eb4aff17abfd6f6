//! What is known of customers, and what of it is told.

mod fields;
mod samples;
mod sensitive;
mod store;

use super::model::{
    AgeBand, CalendarDay, CustomerAddress, CustomerDocument, CustomerList, CustomerListKind,
    CustomerPreferences, CustomerProfile, CustomerPurchase, ExactDecimal, ExpiringPoints,
    FieldForm, FieldScope, LineDiscount, ListItem, ListItemSource, LoyaltyAccount, LoyaltyBalance,
    LoyaltyMove, LoyaltyProgram, LoyaltyTier, LoyaltyTransaction, LoyaltyUnit, MonthOfCategory,
    PersonalPromotion, PersonalPromotionKind, PersonalPromotionState, PurchaseAdjustment,
    PurchaseAdjustmentKind, PurchaseLine, PurchaseLoyalty, PurchaseQuantity, PurchaseReceipt,
    PurchaseStatus, PurchaseSums, PurchaseTotal, PurchaseTotalKind, cut,
};
use crate::consent::category::{SensitiveCategories, SensitiveCategory};
use crate::consent::scope::{OAuthScope, OAuthScopes};
use crate::kernel::{Micros, Money};
use serde_json::{Value, json};

fn at(text: &str) -> Micros {
    text.parse().unwrap()
}

fn euros(amount: &str) -> Money {
    Money { amount: amount.parse().unwrap(), currency: "EUR".parse().unwrap() }
}

fn day(text: &str) -> CalendarDay {
    text.parse().unwrap()
}

fn decimal(text: &str) -> ExactDecimal {
    text.parse().unwrap()
}

/// A text that is there.
fn some(text: &str) -> Option<String> {
    Some(text.to_owned())
}
