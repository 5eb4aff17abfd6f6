//! Promotions that are one customer's own.

use super::units::ExactDecimal;
use crate::catalog::offers::Channel;
use crate::kernel::word::{read_words, words};
use crate::kernel::{Gtin, Micros, Money};
use serde::{Deserialize, Serialize};

words! {
    /// What a personal promotion gives.
    pub enum PersonalPromotionKind {
        /// A part of the price.
        PercentOff = "percent_off",
        /// An amount.
        AmountOff = "amount_off",
        /// Points.
        Points = "points",
        /// What its coupon says.
        Coupon = "coupon",
    }
}

words! {
    /// How far the customer is with a promotion.
    pub enum PersonalPromotionState {
        /// It can be activated.
        Offered = "offered",
        /// It counts at the next purchase.
        Activated = "activated",
        /// It was used.
        Redeemed = "redeemed",
    }
}
read_words!(PersonalPromotionKind, PersonalPromotionState);

/// A promotion of one customer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PersonalPromotion {
    /// The retailer's id of this customer's promotion.
    pub id: String,
    /// The retailer's code of the campaign.
    pub code: Option<String>,
    /// What it says.
    pub title: Option<String>,
    /// What it gives.
    #[serde(rename = "type")]
    pub kind: PersonalPromotionKind,
    /// Percent or points, where it gives these.
    pub value: Option<ExactDecimal>,
    /// The amount, where it gives one.
    pub amount: Option<Money>,
    /// What is shown at the till.
    pub coupon_code: Option<String>,
    /// The retailer's own codes of the products that it is for; none for all.
    #[serde(default)]
    pub skus: Vec<String>,
    /// GTINs of the products that it is for; none for all.
    #[serde(default)]
    pub gtins: Vec<Gtin>,
    /// The retailer's codes of the stores where it counts; none for all.
    #[serde(default)]
    pub store_codes: Vec<String>,
    /// Where it counts; none for everywhere.
    #[serde(default)]
    pub channels: Vec<Channel>,
    /// How far the customer is with it.
    pub state: PersonalPromotionState,
    /// From when it counts; none for always.
    pub valid_from: Option<Micros>,
    /// When it ends; none for never.
    pub valid_through: Option<Micros>,
}
