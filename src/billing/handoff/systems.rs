//! How billing systems are told a total, and what their answers mean.

use super::model::Handoff;
use crate::config::BillingSystem;
use crate::kernel::hex;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use std::collections::BTreeMap;
use url::form_urlencoded::Serializer;

/// Longest word of an answer that is kept.
const LONGEST_WORD: usize = 64;
/// The field of Lago's `properties` that a metric takes the total from.
const TOTAL: &str = "total";

/// A billing system, by its kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum System {
    Stripe,
    Lago,
}

/// A request that tells a total.
#[derive(Debug)]
pub(super) struct Request {
    pub(super) url: String,
    pub(super) media_type: &'static str,
    pub(super) headers: [(&'static str, String); 1],
    pub(super) body: String,
}

/// What follows from an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Verdict {
    /// The system has the total, from now or from before.
    Taken,
    /// It does not want it, for this reason in a word.
    Refused(String),
    /// It cannot take it now.
    Away,
}

/// The name by which a system knows a total that comes again. It follows from all that the total is, and from its time,
/// which each new total has of its own: so one that goes back to what it was is no repetition.
pub(super) fn name(installation: &str, handoff: &Handoff) -> String {
    let Handoff { id, customer, name, total, stamp, .. } = handoff;
    let text = format!("{installation} {id} {stamp} {total} {name} {customer}");
    format!("comptoir-{}", hex(Sha256::digest(text.as_bytes())))
}

/// The request that tells a total to a billing system.
///
/// Stripe takes a meter event as a form (`POST /v1/billing/meter_events`,
/// <https://docs.stripe.com/api/billing/meter-event/create>): `identifier` has up to 100 characters and is unique for 24
/// hours at least, `timestamp` is within the past 35 days and not more than 5 minutes ahead, and of a meter whose
/// aggregation is `last`, the last event by time in a customer's billing period is the quantity.
///
/// Lago takes an event as JSON (`POST /api/v1/events`, <https://getlago.com/docs/api-reference/events/usage>):
/// `transaction_id` is unique in a subscription; where its events lie in ClickHouse, together with `timestamp`, which a
/// repetition therefore has to keep. `latest_agg` takes the newest value by time. `max_agg` would not do, because a total
/// becomes smaller when calls are voided, and `sum_agg` and `unique_count_agg` count something else.
pub(super) fn request(
    (system, settings): (System, &BillingSystem),
    installation: &str,
    handoff: &Handoff,
) -> Request {
    let Handoff { customer, total, stamp, .. } = handoff;
    let (event, identifier) = (&handoff.name, name(installation, handoff));
    let (path, media_type, body) = match system {
        System::Lago => {
            let event = json!({ "event": {
                "transaction_id": identifier,
                "external_subscription_id": customer,
                "code": event,
                "timestamp": stamp,
                "properties": { TOTAL: total },
            } });
            ("/api/v1/events", "application/json", event.to_string())
        }
        System::Stripe => {
            let mut form = Serializer::new(String::new());
            form.append_pair("event_name", event)
                .append_pair("identifier", &identifier)
                .append_pair("timestamp", &stamp.to_string())
                .append_pair("payload[stripe_customer_id]", customer)
                .append_pair("payload[value]", total);
            let media_type = "application/x-www-form-urlencoded";
            ("/v1/billing/meter_events", media_type, form.finish())
        }
    };
    Request {
        url: format!("{}{path}", settings.url),
        media_type,
        headers: [("authorization", format!("Bearer {}", settings.secret.reveal()))],
        body,
    }
}

/// What an answer means. A wrong secret (401, 403) is the whole system's matter, and is tried again; what is refused for
/// what it is (other 4xx) is not.
pub(super) fn judge(system: System, status: u16, said: &[u8]) -> Verdict {
    match status {
        200..=299 => Verdict::Taken,
        401 | 403 | 408 | 425 | 429 => Verdict::Away,
        400..=499 => {
            let said: Value = serde_json::from_slice(said).unwrap_or_default();
            match system {
                System::Lago => of_lago(status, &said),
                System::Stripe => of_stripe(&said),
            }
        }
        _ => Verdict::Away,
    }
}

/// Stripe refuses a repetition with 400 and says `An event already exists with identifier …`
/// (langfuse/langfuse #16292), newer versions with the code `duplicate_meter_event`.
fn of_stripe(said: &Value) -> Verdict {
    let error = &said["error"];
    let message = error["message"].as_str().unwrap_or_default();
    if error["code"] == "duplicate_meter_event"
        || message.contains("already exists with identifier")
    {
        return Verdict::Taken;
    }
    Verdict::Refused(word(error["code"].as_str().or(error["type"].as_str())))
}

/// Lago refuses a repetition with 422 and `value_already_exist` for `transaction_id` (getlago/lago-api #3049).
fn of_lago(status: u16, said: &Value) -> Verdict {
    let faults: BTreeMap<String, Vec<String>> =
        serde_json::from_value(said["error_details"].clone()).unwrap_or_default();
    let only = (faults.len() == 1).then(|| faults.get("transaction_id")).flatten();
    if status == 422 && only.is_some_and(|faults| *faults == ["value_already_exist"]) {
        return Verdict::Taken;
    }
    let first = faults.values().flatten().next().map(String::as_str);
    Verdict::Refused(word(first.or(said["code"].as_str())))
}

/// A word of an answer, if it is one: no text of others is kept, for it may tell anything.
fn word(said: Option<&str>) -> String {
    let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_';
    let fits = |word: &&str| (1..=LONGEST_WORD).contains(&word.len()) && word.bytes().all(plain);
    said.filter(fits).unwrap_or("refused").to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_there_already_counts_as_taken_and_nothing_else_does() {
        let stripe =
            |status, said: Value| judge(System::Stripe, status, said.to_string().as_bytes());
        let error = |code: &str, message: &str| json!({ "error": { "code": code, "message": message, "type": "invalid_request_error" } });
        let there = "An event already exists with identifier comptoir-1.";
        assert_eq!(stripe(200, json!({})), Verdict::Taken);
        assert_eq!(stripe(400, error("x", there)), Verdict::Taken);
        assert_eq!(stripe(400, error("duplicate_meter_event", "")), Verdict::Taken);
        let refused = |word: &str| Verdict::Refused(word.to_owned());
        assert_eq!(stripe(400, error("resource_missing", "No meter")), refused("resource_missing"));
        assert_eq!(stripe(400, error("Ann <ann@x>", "")), refused("refused"));
        assert_eq!(judge(System::Stripe, 404, b"<html>"), refused("refused"));
        for status in [301, 401, 403, 429, 500, 503] {
            assert_eq!(stripe(status, json!({})), Verdict::Away, "{status}");
        }

        let lago = |status, details: Value| {
            let said =
                json!({ "status": status, "code": "validation_errors", "error_details": details });
            judge(System::Lago, status, said.to_string().as_bytes())
        };
        let there = json!({ "transaction_id": ["value_already_exist"] });
        assert_eq!(lago(422, there.clone()), Verdict::Taken);
        assert_eq!(lago(400, there), refused("value_already_exist"));
        let both =
            json!({ "code": ["value_is_mandatory"], "transaction_id": ["value_already_exist"] });
        assert_eq!(lago(422, both), refused("value_is_mandatory"));
        assert_eq!(lago(404, json!("gone")), refused("validation_errors"));
    }
}
