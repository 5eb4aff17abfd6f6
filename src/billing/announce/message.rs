//! The message that tells a close.

use super::store::ToldStatement;
use crate::billing::close::{Close, Exception};
use crate::hooks::event::PERIOD_CLOSED;
use crate::kernel::Micros;
use crate::kernel::id::BillingPeriodId;
use crate::storage::StoreError;
use serde::Serialize;
use serde_json::{Value, json};
use utoipa::{PartialSchema as _, ToSchema};

/// What is posted to a subscription's address when a billing period was closed.
#[derive(Debug, Serialize, ToSchema)]
struct PeriodClosedMessageOut<'a> {
    /// The event: `usage.period_closed`.
    #[serde(rename = "type")]
    #[schema(example = "usage.period_closed")]
    event: &'static str,
    /// When the period was closed.
    #[schema(value_type = String, format = DateTime, example = "2026-12-02T08:12:44Z")]
    timestamp: Micros,
    /// The period, and what your app owes for it.
    data: PeriodClosedOut<'a>,
}

/// A billing period that was closed: its statements are never changed from then on.
#[derive(Debug, Serialize, ToSchema)]
struct PeriodClosedOut<'a> {
    /// Id of the period.
    #[schema(value_type = String, example = "per_2mQx17fGhIj")]
    period_id: BillingPeriodId,
    /// Its start, inclusive.
    #[schema(value_type = String, format = DateTime, example = "2026-10-31T23:00:00Z")]
    from: Micros,
    /// Its end, exclusive.
    #[schema(value_type = String, format = DateTime, example = "2026-11-30T23:00:00Z")]
    to: Micros,
    /// The time zone whose days it is made of.
    #[schema(example = "Europe/Paris")]
    time_zone: &'a str,
    /// When it was closed.
    #[schema(value_type = String, format = DateTime, example = "2026-12-02T08:12:44Z")]
    closed_at: Micros,
    /// The statements of your app, one for each currency, by their ids.
    #[schema(max_items = 100)]
    statements: Vec<ClosedStatementOut<'a>>,
    /// What fixes the period.
    close: ClosedByOut<'a>,
}

/// A statement that is final.
#[derive(Debug, Serialize, ToSchema)]
struct ClosedStatementOut<'a> {
    /// Its id, as `GET /v1/usage/statements/{statement_id}` takes it.
    #[schema(example = "stm_4kPz09aBcDe")]
    id: &'a str,
    /// The currency (ISO 4217).
    #[schema(example = "EUR")]
    currency: &'a str,
    /// What is owed.
    #[schema(example = "14.08")]
    total: &'a str,
    /// SHA-256 of the text that was frozen, in hexadecimal digits: `digest` of the statement.
    #[schema(example = "5d1c0f8e77a3b6d2940e1f5ac8b37d6215e9a0c4f2d8b7136a4e90c5d7f3182b")]
    digest: &'a str,
}

/// What fixes a closed period. Kept, it shows later whether the period was changed.
#[derive(Debug, Serialize, ToSchema)]
struct ClosedByOut<'a> {
    /// SHA-256 over the close before, this one and its statements, in hexadecimal digits.
    #[schema(example = "9f2c4a6be1d0837f5c11aa90c3b7e4d2618f0a5be3c97d4412ab60ef8d25c713")]
    hash: &'a str,
    /// The root of the tree of hashes over all events of the period, in hexadecimal digits.
    #[schema(
        required = true,
        example = "5d1c0f8e77a3b6d2940e1f5ac8b37d6215e9a0c4f2d8b7136a4e90c5d7f3182b"
    )]
    root: Option<&'a str>,
    /// Whether every call of the period that was answered is known to be in it.
    #[schema(example = false)]
    complete: bool,
    /// What it was closed without, as two people agreed: calls of any app that may be missing. Empty where nothing may be.
    #[schema(max_items = 1_000)]
    exceptions: Vec<Exception>,
}

/// The message about a close, with the statements of one app. How many events the period has in all stays with the retailer:
/// they are those of all partners.
pub(super) fn of(close: &Close, statements: &[ToldStatement]) -> Result<String, StoreError> {
    let statements = statements.iter().map(|one| ClosedStatementOut {
        id: &one.id,
        currency: &one.currency,
        total: &one.total,
        digest: &one.digest,
    });
    let root = close.evidence.as_ref().map(|evidence| evidence.root.as_str());
    let exceptions = close.exceptions.clone();
    let data = PeriodClosedOut {
        period_id: close.period_id,
        from: close.from,
        to: close.to,
        time_zone: &close.time_zone,
        closed_at: close.closed_at,
        statements: statements.collect(),
        close: ClosedByOut { hash: &close.hash, root, complete: exceptions.is_empty(), exceptions },
    };
    let timestamp = close.closed_at;
    let message = PeriodClosedMessageOut { event: PERIOD_CLOSED, timestamp, data };
    serde_json::to_string(&message).map_err(|e| StoreError::corrupt("billing_closes", e))
}

/// Adds what is posted to receivers to a document (OpenAPI 3.1 §4.8.1, `webhooks`).
pub fn describe(document: &mut Value) {
    let mut schemas = Vec::new();
    PeriodClosedMessageOut::schemas(&mut schemas);
    schemas.push((PeriodClosedMessageOut::name().into_owned(), PeriodClosedMessageOut::schema()));
    for (name, schema) in schemas {
        document["components"]["schemas"][name] = serde_json::to_value(schema).unwrap_or_default();
    }
    // Signed as the messages about changes are.
    let mut closed = document["webhooks"]["change"]["post"].clone();
    closed["operationId"] = json!("receive_period_closed");
    closed["summary"] = json!("A billing period was closed, of which a subscription wants to hear");
    let content = &mut closed["requestBody"]["content"]["application/json"];
    content["schema"] = json!({ "$ref": "#/components/schemas/PeriodClosedMessageOut" });
    document["webhooks"]["period_closed"] = json!({ "post": closed });
}
