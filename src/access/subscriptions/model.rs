//! A subscription and its life.

use crate::kernel::Micros;
use crate::kernel::id::{AppId, AppSubscriptionId, PlanId};
use crate::kernel::word::words;

words! {
    /// Where a subscription stands in its life.
    #[schema(as = SubscriptionState)]
    pub enum State {
        /// It waits for a decision.
        Requested = "requested",
        /// It is approved and begins later.
        Scheduled = "scheduled",
        /// It is in force.
        Active = "active",
        /// It is in force, and the app's keys are refused until it is resumed.
        Suspended = "suspended",
        /// Another one took its place.
        Ended = "ended",
        /// It was not approved.
        Rejected = "rejected",
        /// It was taken back before it began.
        Cancelled = "cancelled",
    }
}

/// An app's subscription to a plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subscription {
    /// Its id.
    pub id: AppSubscriptionId,
    /// The app.
    pub app: AppId,
    /// Counts the app's subscriptions from 1.
    pub number: u32,
    /// The plan.
    pub plan: PlanId,
    /// As stored: time alone makes `scheduled` and `ended` of `active`. See [`Subscription::state_at`].
    pub state: State,
    /// Who asked for it.
    pub requested_by: String,
    /// When.
    pub requested_at: Micros,
    /// When it shall begin, or should have; at its approval where it is not said.
    pub wanted_at: Option<Micros>,
    /// Who decided.
    pub decided_by: Option<String>,
    /// When.
    pub decided_at: Option<Micros>,
    /// Why it was rejected, cancelled or suspended.
    pub reason: Option<String>,
    /// From when on it is in force, once approved.
    pub starts_at: Option<Micros>,
    /// Until when: the instant at which the next begins.
    pub ends_at: Option<Micros>,
}

impl Subscription {
    /// Where it stands at an instant.
    #[must_use]
    pub fn state_at(&self, now: Micros) -> State {
        match (self.starts_at, self.ends_at) {
            (Some(start), _) if start > now => State::Scheduled,
            (_, Some(end)) if end <= now => State::Ended,
            _ => self.state,
        }
    }

    /// Whether it still waits for a decision after the time at which it should have begun.
    #[must_use]
    pub fn is_overdue(&self, now: Micros) -> bool {
        self.state == State::Requested && self.wanted_at.is_some_and(|wanted| wanted <= now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_alone_begins_and_ends_it() {
        let subscription = Subscription {
            id: AppSubscriptionId(1),
            app: AppId(1),
            number: 1,
            plan: PlanId(1),
            state: State::Active,
            requested_by: "adm".to_owned(),
            requested_at: Micros(0),
            wanted_at: None,
            decided_by: None,
            decided_at: None,
            reason: None,
            starts_at: Some(Micros(10)),
            ends_at: Some(Micros(20)),
        };
        let states = [9, 10, 19, 20].map(|now| subscription.state_at(Micros(now)));
        let waits = Subscription {
            state: State::Requested,
            wanted_at: Some(Micros(15)),
            starts_at: None,
            ends_at: None,
            ..subscription.clone()
        };
        assert_eq!([14, 15].map(|now| waits.is_overdue(Micros(now))), [false, true]);
        assert!(!subscription.is_overdue(Micros(15)));
        assert_eq!(states, [State::Scheduled, State::Active, State::Active, State::Ended]);
    }
}
