//! What is sent and answered, for readers and for the document.

mod answers;
mod purchases;
mod released;

pub use answers::{
    CustomerAddressOut, CustomerListItemOut, CustomerListOut, CustomerLoyaltyOut, CustomerMoneyOut,
    CustomerPreferencesOut, CustomerProfileOut, CustomerPromotionOut, ExpiringPointsOut,
    LoyaltyBalanceOut, LoyaltyMoveOut, LoyaltyProgramOut, LoyaltyTierOut, LoyaltyUnitOut,
    PageOfCustomerLists, PageOfCustomerLoyalty, PageOfCustomerPromotions, PageOfLoyaltyMoves,
};
pub use purchases::{
    CustomerPurchaseLineOut, CustomerPurchaseOut, LineDiscountOut, PageOfCustomerPurchases,
    PageOfPurchaseSums, PurchaseAdjustmentOut, PurchaseLoyaltyOut, PurchaseQuantityOut,
    PurchaseReceiptOut, PurchaseSumOut, PurchaseTotalOut,
};
pub use released::describe;

use crate::customers::model::CustomerListKind;
use serde::Deserialize;
use utoipa::ToSchema;

/// An item of a list that is made or changed.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ListItemIn {
    /// The item that it was, by the id that you know it by; left out for a new one.
    #[schema(example = "R-uiRz0ntxgRxh8g0lRsJA")]
    pub item_id: Option<String>,
    /// The retailer's own code of the product; this or `gtin`.
    #[schema(example = "82311569", max_length = 200)]
    pub sku: Option<String>,
    /// GTIN of the product.
    #[schema(example = "3276550063551", max_length = 14)]
    pub gtin: Option<String>,
    /// How many pieces; 1 where it is left out.
    #[schema(example = 2, minimum = 1, maximum = 9999)]
    pub quantity: Option<u32>,
    /// The customer's own words.
    #[schema(example = "le grand", max_length = 200)]
    pub note: Option<String>,
    /// The retailer's code of the store where it was added.
    #[schema(example = "0001", max_length = 200)]
    pub store_code: Option<String>,
}

/// A list that is made.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CustomerListIn {
    /// What it is for; not `viewed`, which the retailer keeps.
    #[serde(rename = "type")]
    pub kind: CustomerListKind,
    /// What the customer calls it.
    #[schema(example = "Semaine", max_length = 200)]
    pub name: Option<String>,
    /// What is in it.
    #[serde(default)]
    #[schema(max_items = 500)]
    pub items: Vec<ListItemIn>,
}

/// A list as it is to be.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CustomerListPutIn {
    /// What the customer calls it; none where it is left out.
    #[schema(example = "Semaine", max_length = 200)]
    pub name: Option<String>,
    /// All that is in it.
    #[schema(max_items = 500)]
    pub items: Vec<ListItemIn>,
}

/// What was scanned.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ScannedItemIn {
    /// The barcode: EAN-8, UPC-A, EAN-13 or GTIN-14.
    #[schema(example = "3276550063551", max_length = 14)]
    pub code: String,
    /// How many pieces; 1 where it is left out.
    #[schema(example = 1, minimum = 1, maximum = 9999)]
    pub quantity: Option<u32>,
    /// The customer's own words.
    #[schema(example = "pour samedi", max_length = 200)]
    pub note: Option<String>,
    /// The retailer's code of the store where it was scanned.
    #[schema(example = "0001", max_length = 200)]
    pub store_code: Option<String>,
}
