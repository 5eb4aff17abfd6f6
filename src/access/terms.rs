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
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
use utoipa::ToSchema;

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

/// What is suspended or frozen, and with it a key. Of several that are, the widest is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = StoppedLevel)]
pub enum Level {
    /// The partner, with all its apps.
    Partner,
    /// The app, with all its keys.
    App,
    /// The app's subscription to its plan.
    Subscription,
    /// The key alone.
    Key,
}

impl fmt::Display for Level {
    /// As a sentence begins.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Partner => "The partner",
            Self::App => "The key's app",
            Self::Subscription => "The app's subscription to its plan",
            Self::Key => "The key",
        })
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
    /// Which of key, app and partner is frozen, if any is, and what callers are told of it.
    pub frozen: Option<(Level, Told)>,
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

    /// What of it is suspended at an instant.
    fn suspended_at(&self, at: Micros) -> Option<Level> {
        let is_suspended = |status: Status| status == Status::Suspended;
        [
            (Level::Partner, is_suspended(self.partner_status)),
            (Level::App, is_suspended(self.app_status)),
            (Level::Subscription, self.plan_at(at).suspended),
            (Level::Key, is_suspended(self.key_status.switched())),
        ]
        .into_iter()
        .find_map(|(what, is_it)| is_it.then_some(what))
    }

    /// Whether the key may be used at an instant. What is worst is said.
    #[must_use]
    pub fn standing_at(&self, at: Micros) -> Standing {
        let all = [self.key_status.switched(), self.app_status, self.partner_status];
        let Terms { contract, frozen, .. } = &self.terms;
        if all.contains(&Status::Revoked) {
            Standing::Revoked
        } else if let Some((what, _)) = frozen {
            Standing::Frozen(*what)
        } else if let Some(what) = self.suspended_at(at) {
            Standing::Suspended(what)
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

/// The widest freeze that concerns a key, by the ids of partner, app and key, and what is told of it.
pub(super) fn frozen(
    freezes: &HashMap<String, Freeze>,
    [partner, app, key]: [&str; 3],
) -> Option<(Level, Told)> {
    let ids = [(Level::Partner, partner), (Level::App, app), (Level::Key, key)];
    let (what, freeze) = ids.into_iter().find_map(|(what, id)| Some((what, freezes.get(id)?)))?;
    Some((what, Told(freeze.tell_caller.then(|| freeze.reason.as_str().into()))))
}
