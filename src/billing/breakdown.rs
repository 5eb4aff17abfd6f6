//! What was counted in a statement, summed up: by the part of the API, and by why calls are not charged.

use super::adjustments;
use super::model::UsageLine;
use crate::access::operation;
use crate::metering::billability;
use serde::Serialize;
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// Calls that are not charged, and why.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = NotBilledOut)]
pub struct NotBilled {
    /// The rule that decided.
    #[schema(example = "v1.not_modified")]
    pub rule: String,
    /// What it says.
    #[schema(example = "The caller's copy was still good")]
    pub because: &'static str,
    /// Calls.
    #[schema(example = 1_204)]
    pub requests: i64,
}

/// The calls of a part of the API.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ApiUsageOut)]
pub struct ApiUsage {
    /// The part; null of paths that are not there.
    #[schema(required = true, example = "catalog")]
    pub api: Option<&'static str>,
    /// Calls.
    #[schema(example = 5_704)]
    pub requests: i64,
    /// Of these, those that are charged.
    #[schema(example = 4_500)]
    pub billable_requests: i64,
    /// Resources in the answers.
    #[schema(example = 90_000)]
    pub records: i64,
    /// Bytes of the bodies.
    #[schema(example = 1_048_576)]
    pub bytes: i64,
}

/// Calls that are not charged, by the rule that decided, in the order of the rules' names.
pub(super) fn not_billed(usage: &[UsageLine]) -> Vec<NotBilled> {
    let mut rules: BTreeMap<&str, i64> = BTreeMap::new();
    for used in usage.iter().filter(|used| !used.billable) {
        let requests = rules.entry(&used.rule).or_default();
        *requests = requests.saturating_add(used.requests);
    }
    let told = |(rule, requests): (&str, i64)| {
        let of_table = billability::by_id(rule).map(|rule| rule.because);
        let because = of_table.or_else(|| adjustments::because(rule)).unwrap_or_default();
        NotBilled { rule: rule.to_owned(), because, requests }
    };
    rules.into_iter().map(told).collect()
}

/// All calls, by the part of the API, in the order of their names.
pub(super) fn by_api(usage: &[UsageLine]) -> Vec<ApiUsage> {
    let mut parts: BTreeMap<Option<&str>, ApiUsage> = BTreeMap::new();
    for used in usage {
        let api = operation::by_id(&used.operation).map(|operation| operation.api);
        let api = api.filter(|api| *api != "none");
        let none = ApiUsage { api, requests: 0, billable_requests: 0, records: 0, bytes: 0 };
        let part = parts.entry(api).or_insert(none);
        let plus = |sum: &mut i64, more: i64| *sum = sum.saturating_add(more);
        plus(&mut part.requests, used.requests);
        plus(&mut part.billable_requests, if used.billable { used.requests } else { 0 });
        plus(&mut part.records, used.records);
        plus(&mut part.bytes, used.bytes);
    }
    parts.into_values().collect()
}
