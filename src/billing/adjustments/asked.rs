//! An adjustment as it is asked for.

use crate::access::text::Reason;
use crate::kernel::Micros;
use crate::kernel::id::{AppId, BillingPeriodId, PlanId};
use serde::{Deserialize, Serialize};
use std::fmt;
use utoipa::ToSchema;

/// A word of letters, digits and `_.:-`, up to so many. It begins with a letter or a digit: no spreadsheet takes it for a
/// formula.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String")]
pub struct Mark<const MOST: usize>(String);

impl<const MOST: usize> Mark<MOST> {
    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl<const MOST: usize> fmt::Display for Mark<MOST> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<const MOST: usize> TryFrom<String> for Mark<MOST> {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let plain = |b: u8| b.is_ascii_alphanumeric() || b"_.:-".contains(&b);
        let begins = text.bytes().next().is_some_and(|b| b.is_ascii_alphanumeric());
        let fits = begins && text.len() <= MOST && text.bytes().all(plain);
        let fault = || {
            format!(
                "must be 1 to {MOST} letters, digits or characters of _.:-, the first a letter or a digit"
            )
        };
        if fits { Ok(Self(text)) } else { Err(fault()) }
    }
}

/// Money that is taken off what is owed, or added to it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(title = "MoneyOfAdjustment")]
pub struct MoneyAsked {
    /// How much, above zero, with no more decimals than the currency has.
    #[schema(example = "12.50", max_length = 24, pattern = r"^[0-9]+(\.[0-9]{1,12})?$")]
    pub amount: String,
    /// The currency (ISO 4217): that of the app's statements as a rule.
    #[schema(example = "EUR", min_length = 3, max_length = 3, pattern = "^[A-Z]{3}$")]
    pub currency: String,
    /// The closed period that it is about, of this app; left out where it is about none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, example = "per_2mQx17fGhIj")]
    pub period_id: Option<BillingPeriodId>,
}

/// Calls that are not to be charged: those named, or those of a span of time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(title = "VoidOfAdjustment")]
pub struct Void {
    /// The calls by their `Usage-Event-Id`. Each must be charged, and not be void already.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schema(max_items = 1_000, example = json!(["0Ab3cD4eF5g.7.1204"]))]
    pub event_ids: Vec<String>,
    /// Start of the span, inclusive, where no calls are named: those of it that are charged and in the ledger by then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime, example = "2026-11-22T09:00:00Z")]
    pub from: Option<Micros>,
    /// End of the span, exclusive.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime, example = "2026-11-22T11:00:00Z")]
    pub to: Option<Micros>,
    /// Of the span only calls of this operation; all where it is left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "list_products", min_length = 1, max_length = 100)]
    pub operation: Option<String>,
}

/// Use that was not metered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(title = "BackfillOfAdjustment")]
pub struct Backfill {
    /// The operation.
    #[schema(example = "list_products", min_length = 1, max_length = 100)]
    pub operation: String,
    /// When it was used; the plan that the app was on then, and its prices, hold.
    #[schema(value_type = String, format = DateTime, example = "2026-11-22T09:41:07Z")]
    pub at: Micros,
    /// Calls.
    #[schema(minimum = 1, maximum = 1_000_000_000_000u64, example = 4_500)]
    pub requests: i64,
    /// Resources in the answers.
    #[serde(default)]
    #[schema(default = 0, minimum = 0, maximum = 1_000_000_000_000u64, example = 90_000)]
    pub records: i64,
    /// Bytes of the bodies.
    #[serde(default)]
    #[schema(default = 0, minimum = 0, maximum = 1_000_000_000_000_000u64, example = 1_048_576)]
    pub bytes: i64,
    /// Thousandths of units by the weights of the plan. A thousand for each call where it is left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 0, maximum = 1_000_000_000_000_000u64, example = 4_500_000)]
    pub weight_milli: Option<i64>,
}

/// A closed period at the prices of another plan or version: the difference is booked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(title = "RerateOfAdjustment")]
pub struct Rerate {
    /// The closed period.
    #[schema(value_type = String, example = "per_2mQx17fGhIj")]
    pub period_id: BillingPeriodId,
    /// The plan whose prices are to hold for all of it. Where their periods are longer, as a year for a month, they are asked
    /// for the part that it is of the one in which it begins; shorter ones that do not hold all of it are refused.
    #[schema(value_type = String, example = "pln_2mQx17fGhIj")]
    pub plan_id: PlanId,
    /// The version of it; the newest where it is left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1, example = 3)]
    pub plan_version: Option<u32>,
}

/// An adjustment as it is asked for: exactly one of `credit`, `debit`, `void`, `backfill` and `rerate`; or `void` beside
/// `backfill`, which has use counted in place of the calls.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(title = "AdjustmentIn", example = json!({
    "operation_key": "sla-2026-11", "app_id": "app_7nRy25kLmNo", "reason_code": "sla",
    "reason": "Less than 99.9 % of November was available",
    "credit": { "amount": "12.50", "currency": "EUR", "period_id": "per_2mQx17fGhIj" },
}))]
pub struct Asked {
    /// A key of your own for this adjustment: asked for again with it, it is not made again.
    #[schema(value_type = String, min_length = 1, max_length = 64, pattern = "^[A-Za-z0-9][A-Za-z0-9_.:-]*$", example = "sla-2026-11")]
    pub operation_key: Mark<64>,
    /// The app.
    #[schema(value_type = String, example = "app_7nRy25kLmNo")]
    pub app_id: AppId,
    /// Why, in a word that stands in the statement.
    #[schema(value_type = String, min_length = 1, max_length = 40, pattern = "^[A-Za-z0-9][A-Za-z0-9_.:-]*$", example = "sla")]
    pub reason_code: Mark<40>,
    /// Why, for people.
    #[schema(value_type = String, min_length = 1, max_length = 500, example = "Less than 99.9 % of November was available")]
    pub reason: Reason,
    /// Money that is taken off.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub credit: Option<MoneyAsked>,
    /// Money that is added.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub debit: Option<MoneyAsked>,
    /// Calls that are not to be charged.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub void: Option<Void>,
    /// Use that was not metered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub backfill: Option<Backfill>,
    /// A closed period at other prices.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rerate: Option<Rerate>,
}

/// A reversal as it is asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(title = "ReversalIn")]
pub struct ReversalAsked {
    /// A key of your own for this reversal: asked for again with it, it is not made again.
    #[schema(value_type = String, min_length = 1, max_length = 64, pattern = "^[A-Za-z0-9][A-Za-z0-9_.:-]*$", example = "sla-2026-11-back")]
    pub operation_key: Mark<64>,
    /// Why, in a word that stands in the statement.
    #[schema(value_type = String, min_length = 1, max_length = 40, pattern = "^[A-Za-z0-9][A-Za-z0-9_.:-]*$", example = "mistake")]
    pub reason_code: Mark<40>,
    /// Why, for people.
    #[schema(value_type = String, min_length = 1, max_length = 500, example = "It was of another app")]
    pub reason: Reason,
}
