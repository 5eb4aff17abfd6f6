//! The message that tells of an entry.

use crate::changes::store::Entry;
use crate::kernel::Micros;
use serde::Serialize;
use serde_json::value::RawValue;
use utoipa::ToSchema;

/// Most bytes of a message; a resource that would make it longer is left out.
const MOST: usize = 20_000;

/// What is sent to a receiver.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct MessageOut<'a> {
    /// The event.
    #[serde(rename = "type")]
    #[schema(example = "price.changed")]
    event: &'a str,
    /// When it happened.
    #[schema(value_type = String, format = DateTime, example = "2026-11-21T22:00:03Z")]
    timestamp: Micros,
    /// What happened.
    data: MessageDataOut<'a>,
}

/// An entry of the change log.
#[derive(Debug, Serialize, ToSchema)]
struct MessageDataOut<'a> {
    /// Its place in the change log, as `/v1/changes` gives it.
    #[schema(example = "184467")]
    position: String,
    /// The resource; for an offer product, store and channel, for stock product and store, joined by
    /// slashes.
    #[schema(example = "prd_7HqK2mXw9Pz/sto_4Fh2Lp8QaZs/in_store")]
    id: &'a str,
    /// `upsert` or `delete`.
    #[schema(example = "upsert")]
    op: &'a str,
    /// Why, in a word.
    #[schema(required = true, example = "price_changed")]
    reason: Option<&'a str>,
    /// The resource's version from then on.
    #[schema(example = 8)]
    version: i64,
    /// What stands in the place of a deleted product.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "prd_0Kd83bVnM1c")]
    replaced_by: Option<&'a str>,
    /// What the resource was when the message was written; null where it is gone or too long.
    #[schema(required = true, value_type = Option<Object>)]
    resource: Option<&'a RawValue>,
}

/// The message about an entry: with what replaces a product that is gone, or with what the resource is.
pub(super) fn of(
    event: &str,
    entry: &Entry,
    replaced_by: Option<&str>,
    resource: Option<&str>,
) -> serde_json::Result<String> {
    let resource: Option<&RawValue> =
        resource.filter(|text| text.len() < MOST - 2_000).map(serde_json::from_str).transpose()?;
    serde_json::to_string(&MessageOut {
        event,
        timestamp: Micros(entry.occurred_at),
        data: MessageDataOut {
            position: entry.position.to_string(),
            id: &entry.id,
            op: &entry.op,
            reason: entry.reason.as_deref(),
            version: entry.version,
            replaced_by,
            resource,
        },
    })
}

/// A message that tells of nothing, or of a hole in the log up to a position.
pub(super) fn about(event: &str, now: Micros, through: i64) -> String {
    let data = match through {
        0 => serde_json::json!({}),
        _ => serde_json::json!({ "position": through.to_string(), "resume": "/v1/exports/latest" }),
    };
    serde_json::json!({ "type": event, "timestamp": now, "data": data }).to_string()
}
