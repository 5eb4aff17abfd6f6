//! What is told of usage, and of secrets that were found.

use crate::hooks::event::{ANOMALY, KEY_LEAKED, SPEND, THRESHOLD};
use crate::kernel::Micros;
use crate::kernel::id::{
    AdminTokenId, AlertId, AppId, BillingPeriodId, BudgetId, KeyId, PartnerId, PlanId,
};
use crate::kernel::word::words;
use crate::limit::{Bounds, LimitName};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

words! {
    /// What an alert tells.
    #[schema(as = AlertKind)]
    pub enum Kind {
        /// So much of a quota is used.
        Threshold = "threshold",
        /// An app calls more than it usually does.
        HighUsage = "high_usage",
        /// More of its calls than usual end in errors.
        ManyErrors = "many_errors",
        /// More of its calls than usual are refused.
        ManyRefusals = "many_refusals",
        /// An app that usually calls has not called.
        Silence = "silence",
        /// A secret of a key was found where everybody can read it.
        KeyLeaked = "key_leaked",
        /// An admin token was.
        TokenLeaked = "token_leaked",
        /// So much of a budget is spent.
        Spend = "spend",
        /// A budget is expected to be passed before its period ends.
        SpendProjected = "spend_projected",
    }
}

/// What tells the retailer's own receiver of an admin token that was found: no app can subscribe to it.
const TOKEN_LEAKED: &str = "token.leaked";

impl Kind {
    /// The event that tells it to subscriptions.
    #[must_use]
    pub fn event(self) -> &'static str {
        match self {
            Self::Threshold => THRESHOLD,
            Self::HighUsage | Self::ManyErrors | Self::ManyRefusals | Self::Silence => ANOMALY,
            Self::KeyLeaked => KEY_LEAKED,
            Self::TokenLeaked => TOKEN_LEAKED,
            Self::Spend | Self::SpendProjected => SPEND,
        }
    }
}

/// Whose usage, or whose secret, an alert is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Whose {
    /// The partner; none of an admin token.
    pub partner: Option<PartnerId>,
    /// Its app; none where all its apps are counted together.
    pub app: Option<AppId>,
    /// The app's key, where it is counted alone or was found.
    pub key: Option<KeyId>,
}

/// How much of a quota is used.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = AlertQuotaOut)]
pub struct QuotaUse {
    /// Name of the quota in the plan.
    #[schema(value_type = String, example = "month")]
    pub limit: LimitName,
    /// Whose calls it counts together: `partner`, `app` or `key`.
    #[schema(example = "app")]
    pub per: String,
    /// The operations whose calls it counts; null where those are all.
    #[serde(default)]
    #[schema(required = true, example = json!(["list_price_history"]))]
    pub operations: Option<Vec<String>>,
    /// The threshold that was reached, in percent of the quota.
    #[schema(minimum = 1, maximum = 1000, example = 80)]
    pub percent: u32,
    /// Units that the quota grants in a period.
    #[schema(example = 1_000_000)]
    pub quota: u32,
    /// Units that were billed in the period when this was noticed, a decimal with three digits.
    #[schema(example = "800412.000")]
    pub used: String,
    /// Start of the period.
    #[schema(value_type = String, format = DateTime, example = "2026-11-01T00:00:00Z")]
    pub period_start: Micros,
    /// End of the period, when all units come back.
    #[schema(value_type = String, format = DateTime, example = "2026-12-01T00:00:00Z")]
    pub period_end: Micros,
    /// The plan that the quota is of.
    #[schema(value_type = String, example = "pln_2mQx17fGhIj")]
    pub plan_id: PlanId,
    /// Its version.
    #[schema(example = 3)]
    pub plan_version: u32,
}

/// An hour that was unusual.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = AlertHourOut)]
pub struct UnusualHour {
    /// Start of the hour.
    #[schema(value_type = String, format = DateTime, example = "2026-11-22T09:00:00Z")]
    pub hour: Micros,
    /// Live calls of the app in it.
    #[schema(example = 18_400)]
    pub calls: i64,
    /// What is unusual: calls, errors or refusals.
    #[schema(example = 18_400)]
    pub count: i64,
    /// How many would have been usual.
    #[schema(example = 2_150)]
    pub usual: i64,
}

/// A secret that was found where everybody can read it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = AlertLeakOut)]
pub struct FoundSecret {
    /// The admin token, where it is one; null of a key.
    #[schema(required = true, value_type = Option<String>, example = json!(null))]
    pub token_id: Option<AdminTokenId>,
    /// The last characters of the text.
    #[schema(example = "x7Qa")]
    pub hint: String,
    /// Where it was found, without the secret; empty where the report does not say.
    #[schema(example = "https://github.com/octocat/hello/blob/1234/foo.txt")]
    pub url: String,
    /// In what it was found.
    #[schema(example = "content")]
    pub source: String,
    /// What the settings say to do: `quarantine` or `revoke` a key, `suspend` an admin token.
    #[schema(example = "quarantine")]
    pub action: String,
}

/// How much of a budget is spent, or expected to be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = AlertSpendOut)]
pub struct SpendUse {
    /// The budget.
    #[schema(value_type = String, example = "bud_4kPz09aBcDe")]
    pub budget_id: BudgetId,
    /// How much it was when this was noticed.
    #[schema(example = "500.00")]
    pub budget: String,
    /// The currency of all amounts (ISO 4217).
    #[schema(example = "EUR")]
    pub currency: String,
    /// The threshold that was reached, in percent of the budget; null where it was named as an amount, and of
    /// `spend_projected`.
    #[schema(required = true, example = 80)]
    pub percent: Option<u32>,
    /// The amount that was reached; null of `spend_projected`.
    #[schema(required = true, example = "400.00")]
    pub threshold: Option<String>,
    /// What the statements of the period had come to when this was noticed.
    #[schema(example = "401.25")]
    pub spent: String,
    /// What the period was expected to come to then; null where that was not asked, or nobody could say.
    #[schema(required = true, example = json!(null))]
    pub projected: Option<String>,
    /// The billing period.
    #[schema(value_type = String, example = "per_2mQx17fGhIj")]
    pub period_id: BillingPeriodId,
    /// Its start.
    #[schema(value_type = String, format = DateTime, example = "2026-10-31T23:00:00Z")]
    pub period_start: Micros,
    /// Its end.
    #[schema(value_type = String, format = DateTime, example = "2026-11-30T23:00:00Z")]
    pub period_end: Micros,
    /// The time zone whose days it is made of.
    #[schema(example = "Europe/Paris")]
    pub time_zone: String,
}

/// What an alert tells beside its kind.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Detail {
    /// Of a threshold.
    Quota(QuotaUse),
    /// Of an hour.
    Hour(UnusualHour),
    /// Of a secret that was found.
    Leak(FoundSecret),
    /// Of a budget.
    Spend(SpendUse),
}

/// What is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Alert {
    /// Its id, which follows from what it tells.
    pub id: AlertId,
    /// What it tells.
    pub kind: Kind,
    /// Whose it is.
    pub whose: Whose,
    /// The particulars.
    pub detail: Detail,
    /// When it was noticed.
    pub raised_at: Micros,
    /// When what is unusual was usual again.
    pub ended_at: Option<Micros>,
}

impl Alert {
    /// The id of the alert that a counter has reached a threshold in a period, and of no other.
    #[must_use]
    pub fn of_threshold(counter: &str, limit: LimitName, period: Bounds, percent: u32) -> AlertId {
        let Bounds { start: Micros(start), end: Micros(end) } = period;
        AlertId::derived(&format!("threshold/{counter}/{limit}/{start}/{end}/{percent}"))
    }

    /// The id of the alert that an app is unusual from an hour on.
    #[must_use]
    pub fn of_hour(app: AppId, kind: Kind, hour: Micros) -> AlertId {
        AlertId::derived(&format!("{kind}/{app}/{}", hour.0))
    }

    /// The id of the alert that a secret was found at a place, which has an id.
    #[must_use]
    pub fn of_leak(leak: &str) -> AlertId {
        AlertId::derived(&format!("leak/{leak}"))
    }

    /// The instant until which it must be known that it was raised.
    #[must_use]
    pub fn kept_until(&self) -> Micros {
        match &self.detail {
            Detail::Quota(quota) => quota.period_end,
            Detail::Hour(hour) => hour.hour,
            Detail::Leak(_) => self.raised_at,
            Detail::Spend(spend) => spend.period_end,
        }
    }

    /// The billing period until whose close it must be known that it was raised.
    #[must_use]
    pub fn period(&self) -> Option<BillingPeriodId> {
        match &self.detail {
            Detail::Spend(spend) => Some(spend.period_id),
            Detail::Quota(_) | Detail::Hour(_) | Detail::Leak(_) => None,
        }
    }
}
