//! What partners can be told of, and which entries of the change log tell it.

use crate::changes::Kind;
use crate::changes::in_plan::IN_PLAN;
use crate::changes::store::Entry;
use crate::kernel::word::Word as _;

/// A kind of event: its name, the kind of entries and their reasons. Of several that fit an entry, the
/// first that a subscription wants is sent.
struct Event(&'static str, Kind, &'static [&'static str]);

const EVENTS: &[Event] = &[
    Event("product.created", Kind::Product, &["created"]),
    Event("product.updated", Kind::Product, &["updated"]),
    Event("product.deleted", Kind::Product, &["deleted"]),
    Event("category.created", Kind::Category, &["created"]),
    Event("category.updated", Kind::Category, &["updated"]),
    Event("category.deleted", Kind::Category, &["deleted"]),
    Event("store.created", Kind::Store, &["created"]),
    Event("store.hours_changed", Kind::Store, &["hours_changed"]),
    Event("store.updated", Kind::Store, &["updated", "hours_changed"]),
    Event("store.deleted", Kind::Store, &["deleted"]),
    Event("price.changed", Kind::Offer, &["price_changed"]),
    // What comes into a plan is new to who has that plan, or at least as it was told.
    Event("offer.created", Kind::Offer, &["created", IN_PLAN]),
    Event("offer.updated", Kind::Offer, &["updated", IN_PLAN]),
    Event("offer.deleted", Kind::Offer, &["deleted"]),
    Event("promotion.created", Kind::Promotion, &["created", IN_PLAN]),
    Event("promotion.updated", Kind::Promotion, &["updated", IN_PLAN]),
    Event("promotion.deleted", Kind::Promotion, &["deleted"]),
    Event("promotion.scheduled", Kind::Promotion, &["scheduled"]),
    Event("promotion.started", Kind::Promotion, &["started"]),
    Event("promotion.ended", Kind::Promotion, &["ended"]),
    // A first level is no turn: nothing was known before.
    Event("stock.back_in_stock", Kind::Stock, &["back_in_stock"]),
    Event(
        "stock.availability_changed",
        Kind::Stock,
        &["availability_changed", "back_in_stock", IN_PLAN],
    ),
];

/// Sent on request, to try a receiver out.
pub(super) const TEST: &str = "subscription.test";
/// Sent where entries left the log before a subscription had read them.
pub(super) const MISSED: &str = "changes.missed";

/// What tells an app of its own usage and keys: no entry of the change log does.
const OWN: [&str; 5] = [THRESHOLD, ANOMALY, SPEND, PERIOD_CLOSED, KEY_LEAKED];
/// A threshold of a quota was reached.
pub const THRESHOLD: &str = "usage.threshold";
/// Usage is unusual.
pub const ANOMALY: &str = "usage.anomaly";
/// So much of a budget is spent, or expected to be.
pub const SPEND: &str = "usage.spend";
/// A billing period was closed: its statements are final.
pub const PERIOD_CLOSED: &str = "usage.period_closed";
/// A secret of a key was found where everybody can read it.
pub const KEY_LEAKED: &str = "key.leaked";

/// All events that can be subscribed to.
pub(super) fn names() -> impl Iterator<Item = &'static str> {
    EVENTS.iter().map(|event| event.0).chain(OWN)
}

/// The name as it is written here, and the kind of entries that it tells of, where it tells of entries.
pub(super) fn find(name: &str) -> Option<(&'static str, Option<Kind>)> {
    let of_log = EVENTS.iter().find(|event| event.0 == name).map(|event| (event.0, Some(event.1)));
    of_log.or_else(|| OWN.into_iter().find(|own| *own == name).map(|own| (own, None)))
}

/// Whether an event tells an app of its own usage or keys. Messages of these are free.
pub(super) fn is_own(name: &str) -> bool {
    OWN.contains(&name)
}

/// The event that an entry is for who wants these.
pub(super) fn of(entry: &Entry, wanted: &[String]) -> Option<&'static str> {
    // Whatever the reason, what is gone was deleted.
    let reason = if entry.op == "delete" { "deleted" } else { entry.reason.as_deref()? };
    let fits = |event: &&Event| {
        event.1.as_str() == entry.kind
            && event.2.contains(&reason)
            && wanted.iter().any(|name| name == event.0)
    };
    EVENTS.iter().find(fits).map(|event| event.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(kind: &str, reason: &str) -> Entry {
        Entry {
            position: 1,
            kind: kind.to_owned(),
            id: "x".to_owned(),
            op: "upsert".to_owned(),
            reason: Some(reason.to_owned()),
            version: 1,
            occurred_at: 0,
        }
    }

    #[test]
    fn an_entry_is_the_closest_event_that_is_wanted() {
        let both = ["stock.availability_changed".to_owned(), "stock.back_in_stock".to_owned()];
        let back = entry("stock", "back_in_stock");
        assert_eq!(of(&back, &both), Some("stock.back_in_stock"));
        assert_eq!(of(&back, &both[..1]), Some("stock.availability_changed"));
        assert_eq!(of(&entry("stock", "created"), &both), None);
        let hours = entry("store", "hours_changed");
        let stores = ["store.updated".to_owned(), "store.hours_changed".to_owned()];
        assert_eq!(of(&hours, &stores), Some("store.hours_changed"));
        assert_eq!(of(&hours, &stores[..1]), Some("store.updated"));
        assert_eq!(of(&entry("store", "updated"), &stores[1..]), None);
        let gone = Entry { op: "delete".to_owned(), ..entry("offer", "product_deleted") };
        assert_eq!(of(&gone, &["offer.deleted".to_owned()]), Some("offer.deleted"));
        assert_eq!(of(&entry("offer", "updated"), &["price.changed".to_owned()]), None);
        for (kind, event) in [
            ("offer", "offer.created"),
            ("offer", "offer.updated"),
            ("promotion", "promotion.created"),
            ("promotion", "promotion.updated"),
            ("stock", "stock.availability_changed"),
        ] {
            assert_eq!(of(&entry(kind, IN_PLAN), &[event.to_owned()]), Some(event));
        }
    }
}
