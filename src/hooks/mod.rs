//! Webhooks: partners are told of changes at an address of theirs.
//!
//! A subscription has a position in the change log, as a partner who follows `/v1/changes` has. One
//! node at a time, the one that holds the lease, reads the log behind the positions, writes a delivery
//! for each entry that a subscription wants, moves the position in the same transaction, and sends
//! what is due. So an entry is sent at least once whatever fails, and a receiver knows a repetition by
//! its `webhook-id`. Messages are signed after Standard Webhooks 1.0.0. What an app is told of its own usage
//! comes beside the log, as deliveries behind the position that was read to.

pub mod api;
mod dispatch;
pub mod event;
mod message;
mod meter;
mod own;
mod retry;
mod rights;
mod secret;
mod store;

pub use dispatch::Hooks;
pub use own::OwnReceiver;
pub use retry::{Schedule, Tried};
pub use secret::SigningSecret;
pub use store::{Attempt, Notice};

use serde_json::{Value, json};
use utoipa::ToSchema as _;

/// Adds what is posted to receivers to a document (OpenAPI 3.1 §4.8.1, `webhooks`).
pub fn describe(document: &mut Value) {
    let mut schemas = Vec::new();
    message::MessageOut::schemas(&mut schemas);
    let own = <message::MessageOut<'_> as utoipa::PartialSchema>::schema();
    schemas.push((message::MessageOut::name().into_owned(), own));
    for (name, schema) in schemas {
        document["components"]["schemas"][name] = serde_json::to_value(schema).unwrap_or_default();
    }
    let header = |name: &str, what: &str, example: &str| {
        json!({ "name": name, "in": "header", "required": true, "description": what,
                "schema": { "type": "string", "maxLength": 2_000 }, "example": example })
    };
    let signature = "v1,K5oZfzN95Z9UVu1EsfQmfVNQhnkZ2pj9o9NDN/H/pI4=";
    document["webhooks"] = json!({ "change": { "post": {
        "operationId": "receive_change", "tags": ["subscriptions"],
        "summary": "A change that a subscription wants",
        "description": "Posted to the subscription's address, signed after Standard Webhooks 1.0.0.",
        "security": [],
        "parameters": [
            header("webhook-id", "The message, the same each time that it is sent.", "dlv_7HqK2mXw9Pz"),
            header("webhook-timestamp", "When it was sent, in seconds since 1970.", "1795340467"),
            header("webhook-signature", "Signatures of id, timestamp and body, with spaces between: one of each secret in force.", signature),
        ],
        "requestBody": { "required": true, "content": { "application/json": {
            "schema": { "$ref": "#/components/schemas/MessageOut" } } } },
        "responses": { "2XX": { "description": "It was taken." } },
    } } });
}
