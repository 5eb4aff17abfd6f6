//! Purchases as they leave.

use super::answers::CustomerMoneyOut;
use crate::catalog::offers::Channel;
use crate::customers::model::{PurchaseAdjustmentKind, PurchaseStatus, PurchaseTotalKind};
use utoipa::ToSchema;

/// What was spent in one month on one category.
#[derive(Debug, ToSchema)]
pub struct PurchaseSumOut {
    /// Year and month by UTC.
    #[schema(example = "2026-11")]
    pub month: Option<String>,
    /// The category, in the retailer's words; null for what has none.
    #[schema(example = "Fromages")]
    pub category: Option<String>,
    /// Lines of purchases.
    #[schema(example = 4)]
    pub lines: Option<u32>,
    /// What was paid for them and has not come back.
    pub amount: Option<CustomerMoneyOut>,
}

/// A sum of a purchase.
#[derive(Debug, ToSchema)]
pub struct PurchaseTotalOut {
    /// What of.
    #[schema(rename = "type")]
    pub kind: Option<PurchaseTotalKind>,
    /// Rate of a tax in percent.
    #[schema(example = "20")]
    pub rate: Option<String>,
    /// Whether a tax is part of the other sums.
    #[schema(example = true)]
    pub included: Option<bool>,
    /// How much.
    pub amount: Option<CustomerMoneyOut>,
}

/// How much of a product, with its unit.
#[derive(Debug, ToSchema)]
pub struct PurchaseQuantityOut {
    /// How much, as an exact decimal.
    #[schema(example = "2")]
    pub value: Option<String>,
    /// UN/CEFACT Recommendation 20 code of the unit.
    #[schema(example = "C62")]
    pub unit_code: Option<String>,
}

/// What a line was reduced by.
#[derive(Debug, ToSchema)]
pub struct LineDiscountOut {
    /// The retailer's code of the promotion.
    #[schema(example = "P-1")]
    pub promotion_code: Option<String>,
    /// How much, as a positive amount.
    pub amount: Option<CustomerMoneyOut>,
}

/// Some of one product.
#[derive(Debug, ToSchema)]
pub struct CustomerPurchaseLineOut {
    /// Names the line within its purchase.
    #[schema(example = "1")]
    pub line_id: Option<String>,
    /// The retailer's own code of the product.
    #[schema(example = "82311569")]
    pub sku: Option<String>,
    /// GTIN of the product, in 14 digits.
    #[schema(example = "03276550063551")]
    pub gtin: Option<String>,
    /// Name of the product, as it was printed.
    #[schema(example = "Comté 12 mois")]
    pub name: Option<String>,
    /// The category of the product, in the retailer's words.
    #[schema(example = "Fromages")]
    pub category: Option<String>,
    /// How much of it.
    pub quantity: Option<PurchaseQuantityOut>,
    /// Price of one unit before discounts.
    pub unit_price: Option<CustomerMoneyOut>,
    /// What it was reduced by.
    pub discounts: Option<Vec<LineDiscountOut>>,
    /// What was paid for the line, with taxes.
    pub line_total: Option<CustomerMoneyOut>,
    /// How much of it came back.
    #[schema(example = "1")]
    pub returned_quantity: Option<String>,
    /// Until when it may come back.
    #[schema(example = "2026-11-22T09:41:07Z", format = DateTime)]
    pub returnable_until: Option<String>,
    /// Until when it is under warranty.
    #[schema(example = "2026-11-22T09:41:07Z", format = DateTime)]
    pub warranty_until: Option<String>,
}

/// What changed a purchase afterwards.
#[derive(Debug, ToSchema)]
pub struct PurchaseAdjustmentOut {
    /// What happened.
    #[schema(rename = "type")]
    pub kind: Option<PurchaseAdjustmentKind>,
    /// The line that it is about; null where it is about all.
    #[schema(example = "1")]
    pub line_id: Option<String>,
    /// How much of the line.
    #[schema(example = "1")]
    pub quantity: Option<String>,
    /// How much money went, as a positive amount.
    pub amount: Option<CustomerMoneyOut>,
    /// When.
    #[schema(example = "2026-11-22T09:41:07Z", format = DateTime)]
    pub occurred_at: Option<String>,
}

/// The paper of a purchase.
#[derive(Debug, ToSchema)]
pub struct PurchaseReceiptOut {
    /// Its number.
    #[schema(example = "0001-42-1234")]
    pub number: Option<String>,
    /// Where it can be looked at.
    #[schema(example = "https://receipts.example.com/0001-42-1234")]
    pub url: Option<String>,
}

/// What a purchase did to the loyalty account.
#[derive(Debug, ToSchema)]
pub struct PurchaseLoyaltyOut {
    /// What was earned, as an exact decimal.
    #[schema(example = "12")]
    pub earned: Option<String>,
}

/// A purchase, in a store or online. What no scope releases is not there.
#[derive(Debug, ToSchema)]
pub struct CustomerPurchaseOut {
    /// Names the purchase to you alone.
    #[schema(example = "R-uiRz0ntxgRxh8g0lRsJA")]
    pub id: Option<String>,
    /// The number that the customer knows it by.
    #[schema(example = "W-2026-1001")]
    pub order_number: Option<String>,
    /// Where it was made.
    pub channel: Option<Channel>,
    /// The retailer's code of the store; of a web shop, too.
    #[schema(example = "0001")]
    pub store_code: Option<String>,
    /// When it was made.
    #[schema(example = "2026-11-22T09:41:07Z", format = DateTime)]
    pub order_date: Option<String>,
    /// How far it is.
    pub order_status: Option<PurchaseStatus>,
    /// What was bought.
    pub lines: Option<Vec<CustomerPurchaseLineOut>>,
    /// Its sums.
    pub totals: Option<Vec<PurchaseTotalOut>>,
    /// What changed it afterwards.
    pub adjustments: Option<Vec<PurchaseAdjustmentOut>>,
    /// Its receipt.
    pub receipt: Option<PurchaseReceiptOut>,
    /// What it did to the loyalty account.
    pub loyalty: Option<PurchaseLoyaltyOut>,
}

/// What a customer spent.
#[derive(Debug, ToSchema)]
pub struct PageOfPurchaseSums {
    /// What is on this page.
    pub items: Vec<PurchaseSumOut>,
    /// Path and query of the next page; null on the last.
    #[schema(required = true, example = json!(null))]
    pub next: Option<String>,
    /// Path and query of this page.
    #[schema(rename = "self", example = "/v1/customer/purchases/summary")]
    pub own: String,
}

/// A page of purchases.
#[derive(Debug, ToSchema)]
pub struct PageOfCustomerPurchases {
    /// What is on this page.
    pub items: Vec<CustomerPurchaseOut>,
    /// Path and query of the next page; null on the last.
    #[schema(required = true, example = json!(null))]
    pub next: Option<String>,
    /// Path and query of this page.
    #[schema(rename = "self", example = "/v1/customer/purchases")]
    pub own: String,
}
