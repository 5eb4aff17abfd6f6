//! Subscriptions and deliveries on the wire.

use super::filter::AskedFilter;
use crate::hooks::dispatch::Filter;
use crate::hooks::event;
use crate::hooks::store::{Delivery, Subscription};
use crate::kernel::Micros;
use crate::kernel::id::DeliveryId;
use crate::kernel::word::words;
use serde::{Deserialize, Serialize};
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{ObjectBuilder, Schema, Type};
use utoipa::{PartialSchema, ToSchema};

words! {
    /// Whether a subscription is served.
    pub(super) enum SubscriptionStatus {
        /// It is.
        Active = "active",
        /// Its app has paused it.
        Paused = "paused",
        /// Its receiver has failed for days, or has answered 410.
        Disabled = "disabled",
    }
}

words! {
    /// What became of a message.
    pub(super) enum DeliveryStatus {
        /// It waits for its next attempt.
        Pending = "pending",
        /// It was taken with a status of 2xx.
        Delivered = "delivered",
        /// It was given up.
        Failed = "failed",
    }
}

/// The names of what can be subscribed to, as the document has them. They are read as texts, so that a refusal says which
/// one is meant.
pub(super) struct EventName;

impl PartialSchema for EventName {
    fn schema() -> RefOr<Schema> {
        let names =
            ObjectBuilder::new().schema_type(Type::String).enum_values(Some(event::names()));
        names.description(Some("What can be told of.")).into()
    }
}

impl ToSchema for EventName {}

/// A subscription to make.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct SubscriptionIn {
    /// Where messages are posted: https, at a public address.
    #[schema(max_length = 2000, example = "https://hooks.example.com/comptoir")]
    pub(super) url: String,
    /// What to tell of, 1 to 30 events.
    #[schema(
        value_type = Vec<EventName>, min_items = 1, max_items = 30,
        example = json!(["price.changed", "stock.back_in_stock"])
    )]
    pub(super) events: Vec<String>,
    /// Of which resources.
    #[serde(default)]
    #[schema(value_type = Option<Filter>)]
    pub(super) filter: Option<AskedFilter>,
    /// What it is for, in your words.
    #[serde(default)]
    #[schema(max_length = 200, example = "Price alerts")]
    pub(super) description: Option<String>,
}

/// A change of a subscription. What is left out stays.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct SubscriptionPatchIn {
    /// Where messages are posted from now on.
    #[serde(default)]
    #[schema(max_length = 2000, example = "https://hooks.example.com/comptoir")]
    pub(super) url: Option<String>,
    /// What to tell of from now on.
    #[serde(default)]
    #[schema(
        value_type = Option<Vec<EventName>>, min_items = 1, max_items = 30,
        example = json!(["price.changed"])
    )]
    pub(super) events: Option<Vec<String>>,
    /// Of which resources from now on.
    #[serde(default)]
    #[schema(value_type = Option<Filter>)]
    pub(super) filter: Option<AskedFilter>,
    /// What it is for, in your words.
    #[serde(default)]
    #[schema(max_length = 200, example = "Price alerts")]
    pub(super) description: Option<String>,
    /// `paused` stops messages, `active` goes on where they stopped, also after `disabled`; what was given
    /// up comes by a replay.
    #[serde(default)]
    #[schema(example = "active")]
    pub(super) status: Option<String>,
}

/// A subscription.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct SubscriptionOut {
    /// Its id.
    #[schema(example = "sub_7HqK2mXw9Pz")]
    id: String,
    /// Where messages are posted.
    #[schema(example = "https://hooks.example.com/comptoir")]
    url: String,
    /// What it is for.
    #[schema(required = true, example = "Price alerts")]
    description: Option<String>,
    /// What it tells of.
    #[schema(example = json!(["price.changed", "stock.back_in_stock"]))]
    events: Vec<String>,
    /// Of which resources.
    filter: Filter,
    /// Whether it is served.
    #[schema(value_type = SubscriptionStatus, example = "active")]
    status: String,
    /// Why it is disabled: `receiver_failing` (a message was given up and none was taken meanwhile) or
    /// `receiver_gone` (the receiver answered 410).
    #[schema(required = true, example = json!(null))]
    status_reason: Option<String>,
    /// How far the change log was read for it.
    #[schema(example = "184467")]
    position: String,
    /// Messages that wait for an attempt.
    #[schema(example = 0)]
    pending: i64,
    /// Messages delivered, of those that are kept.
    #[schema(example = 128)]
    delivered: i64,
    /// When it was made.
    #[schema(value_type = String, format = DateTime, example = "2026-11-22T09:41:07Z")]
    created_at: Micros,
    /// When it last changed.
    #[schema(value_type = String, format = DateTime, example = "2026-11-22T09:41:07Z")]
    updated_at: Micros,
    /// The secret that signs its messages: shown when it is made and when it is rotated, never again.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwMfKQ9r8GKYo=")]
    secret: Option<String>,
    /// Until when the secret before signs too, after a rotation.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime, example = "2026-11-23T09:41:07Z")]
    previous_secret_until: Option<Micros>,
}

impl SubscriptionOut {
    pub(super) fn new(
        from: Subscription,
        (pending, delivered): (i64, i64),
        secret: Option<String>,
    ) -> serde_json::Result<Self> {
        Ok(Self {
            filter: serde_json::from_str(&from.filter)?,
            id: from.id,
            url: from.url,
            description: from.description,
            events: from.events.split(' ').map(str::to_owned).collect(),
            status: from.status,
            status_reason: from.status_reason,
            position: from.position.to_string(),
            pending,
            delivered,
            created_at: Micros(from.created_at),
            updated_at: Micros(from.updated_at),
            secret,
            previous_secret_until: from.previous_until.map(Micros),
        })
    }
}

/// The subscriptions of an app.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct SubscriptionsOut {
    /// The subscriptions, by id.
    pub(super) items: Vec<SubscriptionOut>,
}

/// A message and what became of it.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct DeliveryOut {
    /// Its id, which is its `webhook-id`.
    #[schema(example = "dlv_7HqK2mXw9Pz")]
    id: String,
    /// The event.
    #[schema(example = "price.changed")]
    event: String,
    /// The position in the change log that it tells of; of your own usage, up to which the log was read.
    #[schema(example = "184467")]
    position: String,
    /// What became of it.
    #[schema(value_type = DeliveryStatus, example = "delivered")]
    status: String,
    /// How often it was sent.
    #[schema(example = 1)]
    attempts: i64,
    /// When it is sent next, while it waits.
    #[schema(required = true, value_type = Option<String>, format = DateTime, example = json!(null))]
    next_attempt_at: Option<Micros>,
    /// How the receiver answered last.
    #[schema(required = true, example = 204)]
    response_status: Option<i64>,
    /// Why it did not answer: `timeout`, `not_reached`, `broken_off` or `forbidden_address`; or
    /// `not_counted`: it answered, but usage could not be recorded, so the message comes again.
    #[schema(required = true, example = json!(null))]
    error: Option<String>,
    /// How long the last attempt took, in milliseconds.
    #[schema(required = true, example = 41)]
    duration_ms: Option<i64>,
    /// When it was written.
    #[schema(value_type = String, format = DateTime, example = "2026-11-22T09:41:07Z")]
    created_at: Micros,
    /// When it was delivered or given up.
    #[schema(required = true, value_type = Option<String>, format = DateTime, example = "2026-11-22T09:41:08Z")]
    finished_at: Option<Micros>,
}

impl From<Delivery> for DeliveryOut {
    fn from(from: Delivery) -> Self {
        let waits = from.status == "pending";
        Self {
            id: from.id,
            event: from.event,
            position: from.position.to_string(),
            status: from.status,
            attempts: from.attempts,
            next_attempt_at: waits.then_some(Micros(from.next_attempt_at)),
            response_status: from.response_status,
            error: from.error,
            duration_ms: from.duration_ms,
            created_at: Micros(from.created_at),
            finished_at: from.finished_at.map(Micros),
        }
    }
}

/// Messages, a page of them.
#[derive(Debug, ToSchema)]
#[expect(dead_code, reason = "describes a page, which is put together from finished lines")]
pub(super) struct PageOfDeliveries {
    /// The messages, the newest first.
    items: Vec<DeliveryOut>,
    /// Where the next page is; null on the last.
    #[schema(required = true, example = json!(null))]
    next: Option<String>,
    /// Where this page is.
    #[schema(rename = "self", example = "/v1/subscriptions/sub_7HqK2mXw9Pz/deliveries?limit=50")]
    own: String,
}

/// How a receiver took a test.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct TestOut {
    /// Whether it answered with a status of 2xx.
    #[schema(example = true)]
    pub(super) delivered: bool,
    /// How it answered.
    #[schema(required = true, example = 204)]
    pub(super) response_status: Option<u16>,
    /// Why it did not: `timeout`, `not_reached`, `broken_off` or `forbidden_address`.
    #[schema(required = true, example = json!(null))]
    pub(super) error: Option<&'static str>,
    /// How long it took, in milliseconds.
    #[schema(example = 41)]
    pub(super) duration_ms: i64,
}

/// What to send again: one of the two.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ReplayIn {
    /// All that it wants behind this position of the change log.
    #[serde(default)]
    #[schema(example = "184400")]
    pub(super) after: Option<String>,
    /// These messages, at most 200.
    #[serde(default)]
    #[schema(value_type = Option<Vec<String>>, max_items = 200, example = json!(["dlv_7HqK2mXw9Pz"]))]
    pub(super) delivery_ids: Option<Vec<DeliveryId>>,
}
