//! The message that tells of an entry.

use crate::access::model::StockDisclosure;
use crate::changes::store::Entry;
use crate::kernel::Micros;
use crate::kernel::id::PromotionId;
use crate::stock::line::QuantityOut;
use serde::Serialize;
use serde_json::Value;
use serde_json::value::RawValue;
use std::borrow::Cow;
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
    /// What the resource was when the message was written; null where it is gone or too long.
    #[schema(required = true, value_type = Option<Object>)]
    resource: Option<&'a RawValue>,
}

/// The message about an entry.
pub(super) fn of(event: &str, entry: &Entry, resource: Option<&str>) -> serde_json::Result<String> {
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
            resource,
        },
    })
}

/// A message as it may be told now, where more might be told when it was written: a quantity becomes its
/// band, or is left out, and of promotions that are one customer's own by now nothing is said.
pub(super) fn within<'a>(
    payload: &'a str,
    told: StockDisclosure,
    is_told: impl Fn(PromotionId) -> bool,
) -> Cow<'a, str> {
    let may_be_less = told != StockDisclosure::Exact && payload.contains("\"disclosure\":");
    if !may_be_less && !payload.contains("\"prm_") {
        return Cow::Borrowed(payload);
    }
    let Ok(mut message) = serde_json::from_str::<Value>(payload) else {
        return Cow::Borrowed(payload);
    };
    let is_hidden = |id: &Value| {
        let id = id.as_str().and_then(|text| text.parse::<PromotionId>().ok());
        id.is_some_and(|id| !is_told(id))
    };
    let mut changed = false;
    if is_hidden(&message["data"]["id"]) && message["data"]["resource"].is_object() {
        message["data"]["resource"] = Value::Null;
        changed = true;
    }
    if let Some(Value::Array(ids)) = message.pointer_mut("/data/resource/promotion_ids") {
        let before = ids.len();
        ids.retain(|id| !is_hidden(id));
        changed |= ids.len() < before;
    }
    let quantity = message.pointer_mut("/data/resource/quantity");
    if let Some(quantity) = quantity.filter(|quantity| quantity.is_object())
        && let Some(less) = QuantityOut::within(quantity, told)
    {
        *quantity = less;
        changed = true;
    }
    if changed { Cow::Owned(message.to_string()) } else { Cow::Borrowed(payload) }
}

/// A message that tells of nothing, or of a hole in the log up to a position.
pub(super) fn about(event: &str, now: Micros, through: i64) -> String {
    let data = match through {
        0 => serde_json::json!({}),
        _ => serde_json::json!({ "position": through.to_string(), "resume": "/v1/exports/latest" }),
    };
    serde_json::json!({ "type": event, "timestamp": now, "data": data }).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_quantity_that_may_no_longer_be_told_becomes_its_band_or_nothing() {
        let message = |quantity: Value| {
            json!({"type": "stock.back_in_stock", "data": {"id": "p/s", "resource":
                {"availability": "in_stock", "quantity": quantity}}})
        };
        let told = |quantity: Value, told| -> Value {
            let text = message(quantity).to_string();
            let told: Value = serde_json::from_str(&within(&text, told, |_| true)).unwrap();
            assert_eq!(told["data"]["id"], "p/s");
            told["data"]["resource"]["quantity"].clone()
        };
        let (exact, band) = (
            json!({"disclosure": "exact", "value": 4}),
            json!({"disclosure": "band", "band": "3-5"}),
        );
        let none = json!({"disclosure": "none"});
        assert_eq!(told(exact.clone(), StockDisclosure::Exact), exact);
        assert_eq!(told(exact.clone(), StockDisclosure::Band), band);
        assert_eq!(told(exact, StockDisclosure::None), none);
        assert_eq!(told(band.clone(), StockDisclosure::Band), band);
        assert_eq!(told(band.clone(), StockDisclosure::Exact), band);
        assert_eq!(told(band, StockDisclosure::None), none);
        assert_eq!(told(none.clone(), StockDisclosure::None), none);
    }

    #[test]
    fn of_a_promotion_that_is_no_longer_told_nothing_is_said() {
        let (told, own) = (PromotionId::derived("told"), PromotionId::derived("own"));
        let sent = |data: Value| -> Value {
            let text = json!({ "type": "x", "data": data }).to_string();
            let sent = within(&text, StockDisclosure::Exact, |id| id == told).into_owned();
            serde_json::from_str::<Value>(&sent).unwrap()["data"].take()
        };
        let of = |id: PromotionId| json!({ "id": id, "resource": { "id": id, "title": "-25%" } });
        assert_eq!(sent(of(told)), of(told));
        assert_eq!(sent(of(own)), json!({ "id": own, "resource": null }));
        let offer =
            |ids: &[PromotionId]| json!({ "id": "p/s/c", "resource": { "promotion_ids": ids } });
        assert_eq!(sent(offer(&[own, told])), offer(&[told]));
        let gone = json!({ "id": own, "op": "delete", "resource": null });
        assert_eq!(sent(gone.clone()), gone);
    }
}
