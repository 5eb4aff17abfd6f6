//! What holds for a key beside what it is itself: its app's subscription, its partner's contract, freezes.
//! Much of it turns at a known instant, so a key's record is a short chain of records, each until the next.

use super::directory::Standing;
use super::freezes::Freeze;
use super::keys::model::KeyStatus;
use super::model::{Definition, Status};
use super::service::KeyRow;
use super::subscriptions::store::Ending;
use crate::kernel::Micros;
use crate::kernel::id::PlanId;
use std::collections::HashMap;
use std::sync::Arc;

/// The instants between which a contract holds: from the first, until before the second.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    /// The first instant.
    pub from: Micros,
    /// The first instant after it.
    pub until: Micros,
}

impl Default for Window {
    fn default() -> Self {
        Self { from: Micros(i64::MIN), until: Micros(i64::MAX) }
    }
}

/// What holds for a key beside what it is itself.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Terms {
    /// Whether the subscription of the row's plan is suspended.
    pub suspended: bool,
    /// The subscriptions in force before that of the row's plan, the first to end first.
    pub before: Vec<Ending>,
    /// When the partner's contract holds.
    pub contract: Window,
    /// Whether the key, its app or its partner is frozen, and what callers are told of it.
    pub frozen: Option<Told>,
    /// Whether apps of the partner are on several plans with limits for the partner.
    pub mixed: bool,
}

/// What callers are told of a freeze.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Told(pub Option<Arc<str>>);

/// The plan in force at an instant.
#[derive(Debug, Clone, Copy)]
pub(super) struct PlanAt<'a> {
    pub(super) plan: PlanId,
    pub(super) version: u32,
    pub(super) definition: &'a Definition,
    suspended: bool,
}

impl KeyRow {
    /// The instants after `now` at which something turns for the key, in their order.
    pub(super) fn turns(&self, now: Micros) -> Vec<Micros> {
        let Terms { before, contract, .. } = &self.terms;
        let ends = before.iter().map(|ending| ending.ends_at);
        let mut turns: Vec<Micros> = ends
            .chain([contract.from, contract.until])
            .filter(|at| *at > now && *at < Micros(i64::MAX))
            .collect();
        turns.sort_unstable();
        turns.dedup();
        turns
    }

    /// The plan at an instant.
    pub(super) fn plan_at(&self, at: Micros) -> PlanAt<'_> {
        match self.terms.before.iter().find(|ending| at < ending.ends_at) {
            Some(Ending { plan, plan_version, definition, suspended, .. }) => {
                PlanAt { plan: *plan, version: *plan_version, definition, suspended: *suspended }
            }
            None => PlanAt {
                plan: self.plan,
                version: self.plan_version,
                definition: &self.definition,
                suspended: self.terms.suspended,
            },
        }
    }

    /// Whether the key may be used at an instant. What is worst is said.
    pub(super) fn standing_at(&self, at: Micros) -> Standing {
        let all = [self.key_status.switched(), self.app_status, self.partner_status];
        let Terms { contract, frozen, .. } = &self.terms;
        if all.contains(&Status::Revoked) {
            Standing::Revoked
        } else if frozen.is_some() {
            Standing::Frozen
        } else if all.contains(&Status::Suspended) || self.plan_at(at).suspended {
            Standing::Suspended
        } else if at < contract.from {
            Standing::BeforeContract
        } else if at >= contract.until {
            Standing::AfterContract
        } else if self.key_status == KeyStatus::Quarantined {
            Standing::Quarantined
        } else {
            Standing::Good
        }
    }
}

/// What a key is told of the first freeze that concerns it, by the ids of key, app and partner.
pub(super) fn frozen(freezes: &HashMap<String, Freeze>, ids: [&str; 3]) -> Option<Told> {
    let freeze = ids.into_iter().find_map(|id| freezes.get(id))?;
    Some(Told(freeze.tell_caller.then(|| freeze.reason.as_str().into())))
}
