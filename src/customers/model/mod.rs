//! What is known of a customer, as documents: the same in feeds, in the embedded store and, cut to what the customer has
//! agreed to, in answers.
//!
//! Amounts are decimal texts with their currency, quantities and points decimal texts, instants RFC 3339 in UTC, days of the
//! calendar `YYYY-MM-DD`. Nothing here does I/O.

mod cut;
mod fields;
mod list;
mod loyalty;
mod profile;
mod promotion;
mod purchase;
mod sensitive;
mod summary;
mod units;

pub use cut::cut;
pub use fields::{CustomerDocument, FieldForm, FieldScope};
pub use list::{CustomerList, CustomerListKind, ListItem, ListItemSource};
pub use loyalty::{
    ExpiringPoints, LoyaltyAccount, LoyaltyBalance, LoyaltyMove, LoyaltyProgram, LoyaltyTier,
    LoyaltyTransaction, LoyaltyUnit,
};
pub use profile::{AgeBand, CustomerAddress, CustomerPreferences, CustomerProfile};
pub use promotion::{PersonalPromotion, PersonalPromotionKind, PersonalPromotionState};
pub use purchase::{
    CustomerPurchase, LineDiscount, PurchaseAdjustment, PurchaseAdjustmentKind, PurchaseLine,
    PurchaseLoyalty, PurchaseQuantity, PurchaseReceipt, PurchaseStatus, PurchaseTotal,
    PurchaseTotalKind,
};
pub use summary::{MonthOfCategory, PurchaseSums};
pub use units::{CalendarDay, ExactDecimal, InvalidCalendarDay};
