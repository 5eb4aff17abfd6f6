//! What a customer bought: till receipts and online orders in one form.

use super::units::ExactDecimal;
use crate::catalog::offers::Channel;
use crate::consent::category::SensitiveCategory;
use crate::kernel::word::{read_words, words};
use crate::kernel::{Gtin, Micros, Money};
use serde::{Deserialize, Serialize};

words! {
    /// How far a purchase is.
    pub enum PurchaseStatus {
        /// Paid at a till.
        Completed = "completed",
        /// Ordered.
        Processing = "processing",
        /// Ready to be fetched.
        ReadyForPickup = "ready_for_pickup",
        /// On its way.
        Shipped = "shipped",
        /// Handed over.
        Delivered = "delivered",
        /// All of it came back.
        Returned = "returned",
        /// Called off.
        Cancelled = "cancelled",
    }
}

words! {
    /// What a sum of a purchase is of.
    pub enum PurchaseTotalKind {
        /// All lines before discounts.
        Subtotal = "subtotal",
        /// All discounts, as a negative amount.
        Discount = "discount",
        /// A tax.
        Tax = "tax",
        /// What bringing it cost.
        Shipping = "shipping",
        /// What was paid.
        Total = "total",
    }
}

words! {
    /// What changed a purchase afterwards.
    pub enum PurchaseAdjustmentKind {
        /// Goods came back and money went.
        Refund = "refund",
        /// Other goods were given for them.
        Exchange = "exchange",
        /// Money went without goods coming back.
        Goodwill = "goodwill",
    }
}
read_words!(PurchaseStatus, PurchaseTotalKind, PurchaseAdjustmentKind);

/// How much of a product, with its unit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PurchaseQuantity {
    /// How much.
    pub value: ExactDecimal,
    /// UN/CEFACT Recommendation 20 code of the unit: `C62` (piece), `KGM` and so on.
    pub unit_code: String,
}

/// What a line was reduced by.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LineDiscount {
    /// The retailer's code of the promotion.
    pub promotion_code: Option<String>,
    /// How much, as a positive amount.
    pub amount: Money,
}

/// Some of one product.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PurchaseLine {
    /// Names the line within its purchase.
    pub line_id: String,
    /// The retailer's own code of the product.
    pub sku: Option<String>,
    /// GTIN of the product.
    pub gtin: Option<Gtin>,
    /// Name of the product, as it was printed.
    pub name: Option<String>,
    /// The category of the product, in the retailer's words.
    pub category: Option<String>,
    /// What the product can reveal, where it can: such lines are left out unless the customer lets them in.
    pub sensitive: Option<SensitiveCategory>,
    /// How much of it.
    pub quantity: PurchaseQuantity,
    /// Price of one unit before discounts.
    pub unit_price: Option<Money>,
    /// What it was reduced by.
    #[serde(default)]
    pub discounts: Vec<LineDiscount>,
    /// What was paid for the line, with taxes.
    pub line_total: Money,
    /// How much of it came back.
    pub returned_quantity: Option<ExactDecimal>,
    /// Until when it may come back.
    pub returnable_until: Option<Micros>,
    /// Until when it is under warranty.
    pub warranty_until: Option<Micros>,
}

/// A sum of a purchase.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PurchaseTotal {
    /// What of.
    #[serde(rename = "type")]
    pub kind: PurchaseTotalKind,
    /// Rate of a tax in percent.
    pub rate: Option<ExactDecimal>,
    /// Whether a tax is part of the other sums.
    pub included: Option<bool>,
    /// How much.
    pub amount: Money,
}

/// What changed a purchase afterwards.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PurchaseAdjustment {
    /// What happened.
    #[serde(rename = "type")]
    pub kind: PurchaseAdjustmentKind,
    /// The line that it is about; none where it is about all.
    pub line_id: Option<String>,
    /// How much of the line.
    pub quantity: Option<ExactDecimal>,
    /// How much money went, as a positive amount.
    pub amount: Money,
    /// When.
    pub occurred_at: Micros,
}

/// The paper of a purchase.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PurchaseReceipt {
    /// Its number.
    pub number: Option<String>,
    /// Where it can be looked at.
    pub url: Option<String>,
}

/// What a purchase did to the loyalty account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PurchaseLoyalty {
    /// What was earned.
    pub earned: Option<ExactDecimal>,
}

/// A purchase, in a store or online.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CustomerPurchase {
    /// The retailer's id of it.
    pub id: String,
    /// The number that the customer knows it by.
    pub order_number: Option<String>,
    /// Where it was made.
    pub channel: Channel,
    /// The retailer's code of the store; of a web shop, too.
    pub store_code: Option<String>,
    /// When it was made.
    pub order_date: Micros,
    /// How far it is.
    pub order_status: Option<PurchaseStatus>,
    /// What was bought.
    #[serde(default)]
    pub lines: Vec<PurchaseLine>,
    /// Its sums.
    #[serde(default)]
    pub totals: Vec<PurchaseTotal>,
    /// What changed it afterwards.
    #[serde(default)]
    pub adjustments: Vec<PurchaseAdjustment>,
    /// Its receipt.
    pub receipt: Option<PurchaseReceipt>,
    /// What it did to the loyalty account.
    pub loyalty: Option<PurchaseLoyalty>,
}

impl CustomerPurchase {
    /// All amounts of it, in no order.
    pub fn amounts(&self) -> impl Iterator<Item = Money> {
        let of_line = |line: &PurchaseLine| {
            let discounts: Vec<Money> = line.discounts.iter().map(|it| it.amount).collect();
            line.unit_price.into_iter().chain([line.line_total]).chain(discounts)
        };
        let lines = self.lines.iter().flat_map(of_line);
        let totals = self.totals.iter().map(|it| it.amount);
        lines.chain(totals).chain(self.adjustments.iter().map(|it| it.amount))
    }

    /// What was paid, where it is known.
    #[must_use]
    pub fn paid(&self) -> Option<Money> {
        let total = |it: &&PurchaseTotal| it.kind == PurchaseTotalKind::Total;
        self.totals.iter().find(total).map(|it| it.amount)
    }
}
