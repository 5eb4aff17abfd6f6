//! The calls that a void is about.

use super::asked::Void;
use super::error::AdjustmentError;
use super::model::{Delta, Effect};
use super::{VOIDED, store};
use crate::access::{Environment, operation};
use crate::billing::BillingError;
use crate::billing::lines;
use crate::kernel::id::{AppId, PartnerId};
use crate::kernel::{Micros, hex};
use crate::metering::billability::Rule;
use crate::metering::find::find;
use crate::metering::hours::Group;
use crate::metering::journal::EventId;
use crate::metering::period::Period;
use crate::metering::walk::{ExportSeq, Walk};
use crate::metering::{Event, Sums};
use crate::storage::{StoreError, Tx};
use sha2::{Digest as _, Sha256};
use std::collections::{BTreeMap, BTreeSet};

/// Most calls that one adjustment can take out.
const MOST: usize = 100_000;
/// Microseconds of a minute.
const MINUTE: i64 = 60_000_000;

/// What a void changes, and the calls that it takes out.
pub(super) struct Targets {
    pub(super) partner: PartnerId,
    pub(super) ids: Vec<String>,
    pub(super) effect: Effect,
}

/// A call with its rule.
type Target = (EventId, Event, &'static Rule);

/// The calls that a void of an app is about: all must be charged, of one partner, and not be void.
pub(super) async fn targets(tx: &mut Tx, app: AppId, void: &Void) -> Result<Targets, BillingError> {
    let voided = store::voided(tx, app).await?;
    let found = if void.event_ids.is_empty() {
        let mut found = of_span(tx, app, void).await?;
        found.retain(|(id, ..)| !voided.contains(&id.to_string()));
        found
    } else {
        let found = named(tx, app, void).await?;
        let twice = found.iter().map(|(id, ..)| id.to_string()).find(|id| voided.contains(id));
        if let Some(id) = twice {
            return Err(AdjustmentError::VoidAlready(id).into());
        }
        found
    };
    let Some((_, first, _)) = found.first() else {
        let why = "no call of it is charged and not void";
        return Err(AdjustmentError::fault("/void", "not_found", why).into());
    };
    let partner = first.partner;
    if found.iter().any(|(_, event, _)| event.partner != partner) {
        let why = "these calls were made for several partners: make an adjustment for each";
        return Err(AdjustmentError::fault("/void", "not_allowed", why).into());
    }
    let mut ids: Vec<String> = found.iter().map(|(id, ..)| id.to_string()).collect();
    ids.sort_unstable();
    Ok(Targets { partner, effect: effect(&found, &ids), ids })
}

/// The named calls.
async fn named(tx: &mut Tx, app: AppId, void: &Void) -> Result<Vec<Target>, BillingError> {
    let fault = |code, why: String| AdjustmentError::fault("/void/event_ids", code, why);
    if void.event_ids.len() > 1_000 || void.from.or(void.to).is_some() || void.operation.is_some() {
        let why = "are up to 1,000 calls, in place of a span of time";
        return Err(fault("not_allowed", why.to_owned()).into());
    }
    let mut ids = BTreeSet::new();
    for text in &void.event_ids {
        let id = text.parse::<EventId>();
        ids.insert(id.map_err(|error| fault("malformed", format!("`{text}`: {error}")))?);
    }
    let mut found = find(tx, &ids).await?;
    found.retain(|(_, event, _)| event.app == app && event.environment == Environment::Live);
    let known: BTreeSet<&EventId> = found.iter().map(|(id, ..)| id).collect();
    if let Some(id) = ids.iter().find(|id| !known.contains(id)) {
        let why = format!("the ledger has no live call `{id}` of this app");
        return Err(fault("not_found", why).into());
    }
    if let Some((id, _, rule)) = found.iter().find(|(_, _, rule)| !rule.billable) {
        let why = format!("`{id}` is not charged: {}", rule.because);
        return Err(fault("not_allowed", why).into());
    }
    Ok(found)
}

/// The charged calls of a span.
async fn of_span(tx: &mut Tx, app: AppId, void: &Void) -> Result<Vec<Target>, BillingError> {
    let fault = |pointer, code, why| BillingError::from(AdjustmentError::fault(pointer, code, why));
    let (Some(from), Some(to)) = (void.from, void.to) else {
        return Err(fault(
            "/void",
            "required",
            "names calls by `event_ids`, or has `from` and `to`",
        ));
    };
    if from >= to {
        return Err(fault("/void/to", "out_of_range", "is not after `from`"));
    }
    let of = void.operation.as_deref().map(|id| operation::by_id(id).map(|known| known.code));
    if of == Some(None) {
        return Err(fault("/void/operation", "not_found", "is no operation of the partner API"));
    }
    let wanted = of.flatten();
    let mut walk = Walk { span: Some(Period { from, to }), after: ExportSeq(0), through: i64::MAX };
    let mut found = Vec::new();
    while let Some(fetched) = walk.fetch(tx).await? {
        let opening = tokio::task::spawn_blocking(move || fetched.open());
        let opened = opening.await.map_err(|e| StoreError::corrupt("usage_segments", e))??;
        let charged = opened.events().filter(|placed| {
            let event = placed.event;
            let live = event.environment == Environment::Live && placed.rule.billable;
            live && event.app == app && wanted.is_none_or(|code| code == event.operation)
        });
        found.extend(charged.map(|placed| (placed.id, placed.event.clone(), placed.rule)));
        if found.len() > MOST {
            let why = "are more than 100,000 calls: make several adjustments of shorter spans";
            return Err(fault("/void", "too_long", why));
        }
    }
    Ok(found)
}

/// What changes when these calls are not charged: they are counted, under another rule.
fn effect(found: &[Target], ids: &[String]) -> Effect {
    let mut minutes: BTreeMap<(Micros, Group), Sums> = BTreeMap::new();
    for (_, event, rule) in found {
        let minute = Micros(event.started_at.0 - event.started_at.0.rem_euclid(MINUTE));
        minutes.entry((minute, Group::of(event, rule))).or_default().plus(&Sums::of(event));
    }
    let mut usage = Vec::with_capacity(minutes.len() * 2);
    for ((at, group), sums) in minutes {
        usage.push(Delta { at, usage: lines::counted(&group, &sums.negated()) });
        let free = Group { rule: VOIDED.to_owned(), billable: false, ..group };
        usage.push(Delta { at, usage: lines::counted(&free, &sums) });
    }
    let mut hasher = Sha256::new();
    ids.iter().for_each(|id| hasher.update(format!("{id}\n")));
    let events_digest = Some(hex(hasher.finalize()));
    Effect { owed: None, usage, events: ids.len() as u64, events_digest }
}
