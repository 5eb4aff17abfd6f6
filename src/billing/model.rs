//! A statement: what an app owes for a period, and what it is made of.

use super::credits::asked::Source;
use crate::kernel::Micros;
use crate::kernel::id::{
    AdjustmentId, AppId, BillingPeriodId, CreditGrantId, PartnerId, PlanId, StatementId,
};
use crate::rating::{Exact, TooLarge};
use crate::storage::StoreError;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use utoipa::ToSchema;

/// What an app owes for a period in one currency. The same text comes of the same ledger and the same prices,
/// byte for byte: that is what is stored at a close, and compared when a period is reconciled.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(title = "Statement")]
pub struct Statement {
    /// Id of the statement, the same before and after the close.
    #[schema(value_type = String, example = "stm_4kPz09aBcDe")]
    pub id: StatementId,
    /// Id of the period.
    #[schema(value_type = String, example = "per_2mQx17fGhIj")]
    pub period_id: BillingPeriodId,
    /// Start of the period, inclusive.
    #[schema(value_type = String, format = DateTime, example = "2026-10-31T23:00:00Z")]
    pub from: Micros,
    /// End of the period, exclusive.
    #[schema(value_type = String, format = DateTime, example = "2026-11-30T23:00:00Z")]
    pub to: Micros,
    /// The time zone whose days the period is made of.
    #[schema(example = "Europe/Paris")]
    pub time_zone: String,
    /// Who owes it.
    #[schema(value_type = String, example = "prt_4kPz09aBcDe")]
    pub partner_id: PartnerId,
    /// For which app.
    #[schema(value_type = String, example = "app_7nRy25kLmNo")]
    pub app_id: AppId,
    /// The currency of all amounts (ISO 4217).
    #[schema(example = "EUR")]
    pub currency: String,
    /// What all lines come to before rounding.
    #[schema(example = "24.075")]
    pub exact: String,
    /// What it comes to before credits: the sum of the amounts of all other lines.
    #[schema(example = "24.08")]
    pub subtotal: String,
    /// What is owed: the sum of the amounts of the lines, credits among them.
    #[schema(example = "14.08")]
    pub total: String,
    /// The price lists that held in it, each for a part of the period or all of it.
    pub sections: Vec<Section>,
    /// What is asked, in the order of the lists.
    pub lines: Vec<StatementLine>,
    /// What is paid out of credits, in the order of their lines.
    pub credits: Vec<Drawn>,
    /// What was counted: every live call of the period once, and what corrects closed periods.
    pub usage: Vec<UsageLine>,
}

/// The part of a period in which a price list held.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(title = "StatementSection")]
pub struct Section {
    /// The plan.
    #[schema(value_type = String, example = "pln_2mQx17fGhIj")]
    pub plan_id: PlanId,
    /// The version of the plan whose prices held.
    #[schema(example = 3)]
    pub plan_version: u32,
    /// For how much of the period, in seconds, with up to six decimals.
    #[schema(example = "1296000")]
    pub seconds: String,
    /// Of how many.
    #[schema(example = "2592000")]
    pub of_seconds: String,
}

/// One line of a statement.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(title = "StatementLine")]
pub struct StatementLine {
    /// Counts the lines from 1.
    #[schema(example = 1)]
    pub line: u32,
    /// What it is: `fee`, `recurring`, `one_time`, `included`, `usage`, `flat`, `discount`, `max_cap`, `min_trueup`,
    /// `adjustment`, `prepaid`, `credit` or `rounding`.
    #[schema(example = "usage")]
    pub kind: String,
    /// The section that it belongs to, counted from 1; null for what belongs to the whole.
    #[schema(required = true, example = 1)]
    pub section: Option<u32>,
    /// The charge or the amount of the price list; null where it is none of them.
    #[schema(required = true, example = "calls")]
    pub charge: Option<String>,
    /// What the charge counts; null where nothing is counted.
    #[schema(required = true, example = "requests")]
    pub meter: Option<String>,
    /// The tier begins behind this unit; null where there are no tiers.
    #[schema(required = true, example = 10_000)]
    pub tier_from: Option<u64>,
    /// The last unit of the tier; null for the last tier and where there are none.
    #[schema(required = true)]
    pub tier_up_to: Option<u64>,
    /// Units, with up to three decimals; 1 of what is asked whatever is used (`fee`, `recurring`, `one_time`) and of a flat
    /// charge, whose units are a line of kind `included` before it; 0 of what counts nothing, as the flat amount of a tier.
    #[schema(example = "4500")]
    pub quantity: String,
    /// Packages that were begun; null where none are sold.
    #[schema(required = true)]
    pub packages: Option<u64>,
    /// The price of a unit or a package; null where there is none.
    #[schema(required = true, example = "0.0015")]
    pub unit_price: Option<String>,
    /// What it comes to before rounding.
    #[schema(example = "6.75")]
    pub amount_exact: String,
    /// What it comes to.
    #[schema(example = "6.75")]
    pub amount: String,
    /// Of an adjustment, the closed period that it corrects; null where it corrects none.
    #[schema(required = true, value_type = Option<String>, example = json!(null))]
    pub corrects_period: Option<BillingPeriodId>,
    /// The adjustment that two people have agreed on; null of calls that came late, and of all other lines.
    #[schema(required = true, value_type = Option<String>, example = json!(null))]
    pub adjustment_id: Option<AdjustmentId>,
    /// The grant that a credit is drawn from; null of all other lines.
    #[schema(required = true, value_type = Option<String>, example = json!(null))]
    pub grant_id: Option<CreditGrantId>,
    /// Why, in a word: `late` of calls that came late, else what those people gave; null of all other lines.
    #[schema(required = true, example = json!(null))]
    pub reason_code: Option<String>,
}

/// What a statement draws of a grant of credit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(title = "StatementCredit", as = StatementCredit)]
pub struct Drawn {
    /// The grant.
    #[schema(value_type = String, example = "crd_4kPz09aBcDe")]
    pub grant_id: CreditGrantId,
    /// Where it comes from: given, or paid for in advance.
    #[schema(example = "prepaid")]
    pub source: Source,
    /// How much is drawn: what the line takes off.
    #[schema(example = "10.00")]
    pub amount: String,
    /// What is left of the grant behind this statement and those that draw before it.
    #[schema(example = "90.00")]
    pub left: String,
}

/// Live calls of a period, by all that decides what they cost.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(title = "StatementUsage")]
pub struct UsageLine {
    /// The section whose prices hold for them, counted from 1: of this statement, or of that of the period which they
    /// correct. Null where calls were counted under a plan that had no part in it: they are priced by its list alone.
    #[schema(required = true, example = 1)]
    pub section: Option<u32>,
    /// The closed period that they belong to, where they are booked later; null for the period of this statement. Numbers
    /// below zero take away what was counted there.
    #[schema(required = true, value_type = Option<String>, example = json!(null))]
    pub corrects_period: Option<BillingPeriodId>,
    /// The adjustment that changes what was counted; null where none does.
    #[schema(required = true, value_type = Option<String>, example = json!(null))]
    pub adjustment_id: Option<AdjustmentId>,
    /// The plan in force when they were accepted.
    #[schema(value_type = String, example = "pln_2mQx17fGhIj")]
    pub plan_id: PlanId,
    /// Its version.
    #[schema(example = 3)]
    pub plan_version: u32,
    /// The operation.
    #[schema(example = "list_products")]
    pub operation: String,
    /// HTTP status.
    #[schema(example = 200)]
    pub status: u16,
    /// How they ended.
    #[schema(example = "served")]
    pub outcome: String,
    /// The rule that decided whether they are charged.
    #[schema(example = "v1.served")]
    pub rule: String,
    /// Whether they are charged.
    #[schema(example = true)]
    pub billable: bool,
    /// Calls.
    #[schema(example = 4_500)]
    pub requests: i64,
    /// Resources in the answers.
    #[schema(example = 90_000)]
    pub records: i64,
    /// Bytes of the bodies.
    #[schema(example = 1_048_576)]
    pub bytes: i64,
    /// Weight in thousandths of a unit.
    #[schema(example = 4_500_000)]
    pub weight_milli: i64,
}

impl Statement {
    /// The id of what an app owes a retailer for a period.
    #[must_use]
    pub fn id_of(
        period: BillingPeriodId,
        (partner, app): (PartnerId, AppId),
        currency: &str,
    ) -> StatementId {
        StatementId::derived(&format!("{period} {partner} {app} {currency}"))
    }

    /// A frozen statement, if its text is as it was frozen.
    pub fn frozen(text: &str, kept: &str) -> Result<Self, StoreError> {
        sealed("statements", (text, kept))
    }

    /// Adds an amount, below zero, to what it comes to.
    pub(super) fn pay(&mut self, amount: &str, decimals: u8) -> Result<(), TooLarge> {
        let read = |text: &str| text.parse::<Exact>().map_err(|_| TooLarge);
        let amount = read(amount)?;
        self.exact = read(&self.exact)?.plus(amount)?.text(decimals);
        self.total = read(&self.total)?.plus(amount)?.text(decimals);
        Ok(())
    }

    /// What is owed, as a number.
    pub fn owed(&self) -> Result<Exact, StoreError> {
        self.total.parse().map_err(|e| StoreError::corrupt("statements", e))
    }

    /// The one text of it.
    pub fn document(&self) -> Result<String, serde_json::Error> {
        serde_json::to_string(self)
    }
}

/// What was written as JSON, if its text is as it was written.
pub(super) fn sealed<T: DeserializeOwned>(
    table: &'static str,
    (text, kept): (&str, &str),
) -> Result<T, StoreError> {
    if digest(text) != kept {
        return Err(StoreError::corrupt(table, "a document does not have its digest"));
    }
    serde_json::from_str(text).map_err(|e| StoreError::corrupt(table, e))
}

/// SHA-256 of a statement's text, in hexadecimal digits.
#[must_use]
pub fn digest(document: &str) -> String {
    crate::kernel::hex(Sha256::digest(document.as_bytes()))
}
