//! Lists that customers keep, or that are kept of what they look at.

use crate::consent::category::SensitiveCategory;
use crate::kernel::word::{read_words, words};
use crate::kernel::{Gtin, Micros};
use serde::{Deserialize, Serialize};

words! {
    /// What a list is for.
    pub enum CustomerListKind {
        /// What is to be bought.
        Shopping = "shopping",
        /// What is wished for.
        Wishlist = "wishlist",
        /// What was saved for later.
        Saved = "saved",
        /// What is liked.
        Favourite = "favourite",
        /// What was looked at: kept by the retailer, not by the customer.
        Viewed = "viewed",
        /// What is being compared.
        Compare = "compare",
    }
}

words! {
    /// How an item came into a list.
    pub enum ListItemSource {
        /// A barcode was read.
        StoreScan = "store_scan",
        /// The retailer's app.
        App = "app",
        /// The retailer's web site.
        Web = "web",
        /// Somebody of the store.
        Staff = "staff",
        /// A partner's program, with the customer's consent.
        Partner = "partner",
    }
}
read_words!(CustomerListKind, ListItemSource);

/// A product in a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ListItem {
    /// Names the item within its list.
    pub item_id: String,
    /// The retailer's own code of the product.
    pub sku: Option<String>,
    /// GTIN of the product.
    pub gtin: Option<Gtin>,
    /// What the product can reveal, where it can.
    pub sensitive: Option<SensitiveCategory>,
    /// How many pieces.
    pub quantity: u32,
    /// The customer's own words.
    pub note: Option<String>,
    /// When it came into the list.
    pub added_at: Micros,
    /// How it came there.
    pub source: Option<ListItemSource>,
    /// The retailer's code of the store where it was added.
    pub store_code: Option<String>,
}

/// A list of products.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CustomerList {
    /// The retailer's id of it.
    pub id: String,
    /// What it is for.
    #[serde(rename = "type")]
    pub kind: CustomerListKind,
    /// What the customer calls it.
    pub name: Option<String>,
    /// What is in it.
    #[serde(default)]
    pub items: Vec<ListItem>,
}
