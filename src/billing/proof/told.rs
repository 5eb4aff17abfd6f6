//! What the sealed bytes of an event say, in the words of its row.

use crate::metering::sealed::SealedFacts;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

/// What was sealed of a call, as its row in `GET /v1/usage/events` says it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct EventTold {
    /// When the call was accepted.
    #[schema(format = DateTime, example = "2026-10-31T22:50:00.123456Z")]
    pub occurred_at: String,
    /// Whose call it was.
    #[schema(example = "prt_4kPz09aBcDe")]
    pub partner_id: String,
    /// The app that made it.
    #[schema(example = "app_7nRy25kLmNo")]
    pub app_id: String,
    /// The key that it showed.
    #[schema(example = "key_0Ab12Cd34Ef")]
    pub key_id: String,
    /// `live` or `test`.
    #[schema(example = "live")]
    pub environment: String,
    /// The operation.
    #[schema(example = "get_product")]
    pub operation_id: String,
    /// The HTTP status; 0 where a receiver gave none.
    #[schema(example = 200)]
    pub status: u16,
    /// How the call ended.
    #[schema(example = "served")]
    pub outcome: String,
    /// Resources in the answer.
    #[schema(example = 1)]
    pub records: u32,
    /// Bytes of the body.
    #[schema(example = 4_200)]
    pub bytes: u64,
    /// What the call weighs on the bill, in thousandths of a unit, whether it is billed or not.
    #[schema(example = 1_000)]
    pub weight_milli: u32,
    /// Whether it is billed.
    #[schema(example = true)]
    pub billable: bool,
    /// The rule that decided so.
    #[schema(example = "v1.served")]
    pub billability_rule: String,
    /// The plan and its version when the call was accepted.
    #[schema(example = "pln_7HqK2mXw9Pz@3")]
    pub plan_version: String,
    /// The plan alone.
    #[schema(example = "pln_7HqK2mXw9Pz")]
    pub plan_id: String,
    /// Microseconds from acceptance to the record.
    #[schema(example = 90)]
    pub duration_us: u32,
    /// The node that recorded it.
    #[schema(example = "nod_HOejHiaGSWO")]
    pub node: String,
    /// The run of that node.
    #[schema(example = 2)]
    pub epoch: u64,
    /// Its number in that run.
    #[schema(example = 1)]
    pub seq: u64,
}

impl EventTold {
    /// What some sealed bytes say.
    #[must_use]
    pub fn of(facts: &SealedFacts) -> Self {
        let (event, id) = (&facts.event, &facts.id);
        Self {
            occurred_at: event.started_at.to_string(),
            partner_id: event.partner.to_string(),
            app_id: event.app.to_string(),
            key_id: event.key.to_string(),
            environment: event.environment.as_str().to_owned(),
            operation_id: facts.operation_id().into_owned(),
            status: event.status,
            outcome: event.outcome.to_string(),
            records: event.records,
            bytes: event.bytes,
            weight_milli: event.weight_milli,
            billable: facts.rule.billable,
            billability_rule: facts.rule.id.to_owned(),
            plan_version: format!("{}@{}", event.plan, event.plan_version),
            plan_id: event.plan.to_string(),
            duration_us: event.duration_us,
            node: id.node.to_string(),
            epoch: id.epoch,
            seq: id.seq,
        }
    }

    /// The names and the texts of all that it says.
    #[must_use]
    pub fn cells(&self) -> Vec<(String, String)> {
        let text = |value: Value| match value {
            Value::String(text) => text,
            other => other.to_string(),
        };
        let all = match serde_json::to_value(self) {
            Ok(Value::Object(all)) => all,
            _ => serde_json::Map::new(),
        };
        all.into_iter().map(|(name, value)| (name, text(value))).collect()
    }

    /// The first of them that another says otherwise.
    #[must_use]
    pub fn differs(&self, other: &Self) -> Option<String> {
        let mut pairs = self.cells().into_iter().zip(other.cells());
        pairs.find(|(own, others)| own != others).map(|((name, _), _)| name)
    }
}
