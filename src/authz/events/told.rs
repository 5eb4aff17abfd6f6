//! What an entry of the ledger is to the partner that the consent was given to.

use super::kind::PartnerEventKind as Told;
use crate::consent::change::{ConsentActor, ConsentEventKind as Kind};
use crate::consent::evidence::LedgerEntry;
use crate::consent::record::{ConsentRecord, GrantId};
use crate::kernel::Micros;
use crate::kernel::clock::{DAY, SECOND};
use crate::kernel::id::AppId;
use serde_json::{Map, Value, json};

/// How long a partner has to delete what it is asked to, in microseconds: the month that the GDPR leaves (art. 12 (3)).
pub const DELETE_WITHIN: i64 = 30 * DAY;
/// How long before its end a partner is told of it, in microseconds.
pub const EXPIRING_BEFORE: i64 = 7 * DAY;

/// One thing that a partner is told: the first kind names it, and each has its own facts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartnerNotice {
    /// The kinds, each with its facts.
    pub kinds: Vec<(Told, Value)>,
    /// Until when the partner has to delete what it has; `None` where it need not.
    pub delete_by: Option<Micros>,
}

impl PartnerNotice {
    fn of(kind: Told, facts: Value) -> Self {
        Self { kinds: vec![(kind, facts)], delete_by: None }
    }
}

fn seconds(at: Micros) -> i64 {
    at.0.div_euclid(SECOND)
}

/// What the partner is told of an entry, where it is told anything: of requests that came to nothing it learns by the
/// protocol alone. `record` is the consent as it is now.
#[must_use]
pub fn told(entry: &LedgerEntry, record: &ConsentRecord) -> Option<PartnerNotice> {
    record.validity.granted_at?;
    let said: Value = serde_json::from_str(&entry.payload).unwrap_or_default();
    let facts = said.get("facts").unwrap_or(&Value::Null);
    let at = Micros(entry.at_ms.saturating_mul(1_000));
    let mut own = base(entry, at);
    match entry.kind {
        Kind::Granted | Kind::Renewed => {
            own.insert("expires_at".to_owned(), json!(seconds(record.validity.expires_at)));
            let kind = if entry.kind == Kind::Granted { Told::Granted } else { Told::Renewed };
            Some(PartnerNotice::of(kind, own.into()))
        }
        Kind::Narrowed => {
            let removed = facts.get("scopes_removed").cloned().unwrap_or_default();
            own.insert("scopes_removed".to_owned(), removed);
            Some(PartnerNotice::of(Told::Narrowed, own.into()))
        }
        Kind::Suspended => Some(PartnerNotice::of(Told::Suspended, without_actor(own))),
        Kind::Resumed => Some(PartnerNotice::of(Told::Resumed, without_actor(own))),
        Kind::TokensRevoked => Some(tokens_revoked(facts, own)),
        Kind::Revoked | Kind::Expired => Some(ended(entry.kind, facts, (own, at), record)),
        Kind::Erased => Some(erased(facts, own, at)),
        Kind::Requested | Kind::Denied | Kind::Superseded | Kind::Tampered => None,
    }
}

/// What each event says: when it happened, to which version, and who did it.
fn base(entry: &LedgerEntry, at: Micros) -> Map<String, Value> {
    let mut own = Map::new();
    own.insert("event_timestamp".to_owned(), json!(seconds(at)));
    own.insert("version".to_owned(), json!(entry.version));
    let entity = match entry.actor {
        ConsentActor::Customer => Some("user"),
        ConsentActor::Retailer => Some("admin"),
        ConsentActor::System => Some("system"),
        // The partner knows what it has done itself.
        ConsentActor::Partner => None,
    };
    if let Some(entity) = entity {
        own.insert("initiating_entity".to_owned(), entity.into());
    }
    own
}

/// Whether a block, an age or a death is behind it, the partner is not told, and so not by whom.
fn without_actor(mut own: Map<String, Value>) -> Value {
    own.remove("initiating_entity");
    own.into()
}

fn tokens_revoked(facts: &Value, own: Map<String, Value>) -> PartnerNotice {
    let own = Value::Object(own);
    let mut notice = PartnerNotice::of(Told::TokensRevoked, own.clone());
    if facts.get("why").and_then(Value::as_str) == Some("compromised") {
        notice.kinds.push((Told::Compromised, own));
    }
    notice
}

fn ended(
    kind: Kind,
    facts: &Value,
    (mut own, at): (Map<String, Value>, Micros),
    record: &ConsentRecord,
) -> PartnerNotice {
    let end = facts.get("end").unwrap_or(&Value::Null);
    let word = |name: &str| end.get(name).and_then(Value::as_str).unwrap_or_default();
    let is_asked = facts.get("delete_requested") == Some(&json!(true));
    let deletes = is_asked || record.conditions.deletion_on_withdrawal;
    let delete_by = deletes.then(|| Micros(at.0.saturating_add(DELETE_WITHIN)));
    own.insert("reason_user".to_owned(), reason(word("ended_by")));
    own.insert("delete_requested".to_owned(), deletes.into());
    if let Some(by) = delete_by {
        own.insert("delete_by".to_owned(), json!(seconds(by)));
    }
    let told = if kind == Kind::Expired { Told::Expired } else { Told::Revoked };
    let own = Value::Object(own);
    let mut notice = PartnerNotice::of(told, own.clone());
    if word("end_reason") == "compromised" {
        notice.kinds.push((Told::Compromised, own));
    }
    notice.delete_by = delete_by;
    notice
}

fn erased(facts: &Value, mut own: Map<String, Value>, at: Micros) -> PartnerNotice {
    let by = Micros(at.0.saturating_add(DELETE_WITHIN));
    own.insert("delete_requested".to_owned(), true.into());
    own.insert("delete_by".to_owned(), json!(seconds(by)));
    let end = facts.get("end").and_then(|end| end.get("ended_by"));
    let has_ended = end.and_then(Value::as_str) == Some("erasure");
    let mut notice = PartnerNotice::of(Told::ErasureRequested, own.clone().into());
    if has_ended {
        own.insert("reason_user".to_owned(), reason("erasure"));
        notice.kinds.push((Told::Revoked, own.into()));
    }
    notice.delete_by = Some(by);
    notice
}

/// What the partner may show its user.
fn reason(ended_by: &str) -> Value {
    let (fr, en) = match ended_by {
        "customer" => ("Vous avez mis fin à ce partage.", "You have ended this sharing."),
        "partner" => ("L’application a mis fin à ce partage.", "The app has ended this sharing."),
        "expiry" => ("Ce partage est arrivé à son terme.", "The time of this sharing is over."),
        "erasure" => ("Vos données ont été effacées.", "Your data was erased."),
        "security" => (
            "Ce partage a été arrêté par sécurité.",
            "This sharing was stopped to keep your data safe.",
        ),
        _ => ("Le commerçant a mis fin à ce partage.", "The retailer has ended this sharing."),
    };
    json!({ "fr": fr, "en": en })
}

/// That the time of a consent is over soon.
#[must_use]
pub fn expiring(record: &ConsentRecord, now: Micros) -> PartnerNotice {
    let facts = json!({
        "event_timestamp": seconds(now),
        "version": record.version,
        "initiating_entity": "system",
        "expires_at": seconds(record.validity.expires_at),
    });
    PartnerNotice::of(Told::Expiring, facts)
}

/// That a deletion has not been confirmed.
#[must_use]
pub fn deletion_due(due_at: Micros, now: Micros) -> PartnerNotice {
    let facts = json!({
        "event_timestamp": seconds(now),
        "initiating_entity": "system",
        "delete_by": seconds(due_at),
    });
    PartnerNotice::of(Told::DeletionDue, facts)
}

/// The claims of the security event token (RFC 8417 §2.2) by which an app is told. The consent is named, and nobody else.
#[must_use]
pub fn claims(
    (issuer, jti): (&str, &str),
    (app, grant): (AppId, GrantId),
    notice: &PartnerNotice,
    now: Micros,
) -> Value {
    let event = |(kind, facts): &(Told, Value)| (kind.uri(issuer), facts.clone());
    let events: Map<String, Value> = notice.kinds.iter().map(event).collect();
    json!({
        "iss": issuer,
        "iat": seconds(now),
        "jti": jti,
        "aud": app,
        "sub_id": { "format": "opaque", "id": grant },
        "events": events,
    })
}
