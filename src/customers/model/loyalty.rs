//! Loyalty accounts and their movements.

use super::units::{CalendarDay, ExactDecimal};
use crate::kernel::Micros;
use crate::kernel::word::{read_words, words};
use serde::{Deserialize, Serialize};

/// A program that customers are members of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LoyaltyProgram {
    /// The retailer's id of it.
    pub id: String,
    /// Its name.
    pub name: Option<String>,
}

/// How far a member has come.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LoyaltyTier {
    /// The retailer's id of it.
    pub id: String,
    /// Its name.
    pub name: Option<String>,
    /// The last day on which it holds.
    pub valid_through: Option<CalendarDay>,
}

/// What is counted: points, stamps, or money of a currency.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LoyaltyUnit {
    /// Its code, such as `PTS`.
    pub code: String,
    /// Its name.
    pub name: Option<String>,
}

/// What is lost on a day unless it is spent before.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExpiringPoints {
    /// How much.
    pub amount: ExactDecimal,
    /// The last day on which it can be spent.
    pub expires_at: CalendarDay,
}

/// How much of one unit a member has.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LoyaltyBalance {
    /// What is counted.
    pub currency: LoyaltyUnit,
    /// What can be spent now.
    pub available: ExactDecimal,
    /// What was earned and does not count yet.
    pub pending: Option<ExactDecimal>,
    /// What is lost, and when.
    #[serde(default)]
    pub expiring: Vec<ExpiringPoints>,
}

words! {
    /// Why a balance changed.
    pub enum LoyaltyMove {
        /// By a purchase.
        Earn = "earn",
        /// Spent.
        Redeem = "redeem",
        /// By the retailer, outside the rules.
        Adjust = "adjust",
        /// Goods came back.
        Refund = "refund",
        /// Not spent in time.
        Expire = "expire",
    }
}
read_words!(LoyaltyMove);

/// A movement of a balance.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LoyaltyTransaction {
    /// The retailer's id of it.
    pub id: String,
    /// Why.
    #[serde(rename = "type")]
    pub kind: LoyaltyMove,
    /// How much; negative where it was taken.
    pub points: ExactDecimal,
    /// The purchase by which.
    pub purchase_id: Option<String>,
    /// The retailer's words for it.
    pub description: Option<String>,
    /// When.
    pub occurred_at: Micros,
}

/// What a customer has in a loyalty program.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LoyaltyAccount {
    /// The retailer's id of it.
    pub id: String,
    /// The program.
    pub program: LoyaltyProgram,
    /// The number on the card.
    pub membership_number: Option<String>,
    /// The number on the card with most of it hidden.
    pub membership_number_masked: Option<String>,
    /// How far the customer has come.
    pub tier: Option<LoyaltyTier>,
    /// How much of each unit there is.
    #[serde(default)]
    pub balances: Vec<LoyaltyBalance>,
    /// The newest movements. They are told in pages of their own.
    #[serde(default)]
    pub transactions: Vec<LoyaltyTransaction>,
}
