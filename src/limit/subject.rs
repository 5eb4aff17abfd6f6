//! A key's accounts, and what its calls hold until they have ended.

use super::account::{Account, Ask, Look};
use super::decision::Decision;
use super::policy::Per;
use super::redis::Hold;
use super::terms::Terms;
use crate::cluster::Slot;
use crate::kernel::Micros;
use parking_lot::Mutex;
use std::sync::Arc;

/// An account that all who count on it share.
pub(super) type Shared = Arc<Mutex<Account>>;

/// The accounts of one key at the levels that its plan limits. Keep it beside the key's other facts,
/// and no call looks anything up. They are locked in this order.
#[derive(Debug, Clone, Default)]
pub struct Subject {
    partner: Option<Shared>,
    app: Option<Shared>,
    key: Option<Shared>,
    /// Where the counters lie that nodes share, where they do.
    pub(super) slot: Slot,
}

/// What a limiter answers to a call.
#[derive(Debug)]
pub struct Admission {
    /// The decision.
    pub decision: Decision,
    /// What the call holds until it has ended, where it is admitted and holds anything.
    pub permit: Option<Permit>,
}

/// Places and units that a call holds. Keep it until the last byte of the answer has been handed over:
/// dropped, it ends the call, and gives back what was not settled.
#[derive(Debug)]
pub struct Permit(Box<Held>);

#[derive(Debug)]
struct Held {
    subject: Subject,
    terms: Arc<Terms>,
    ask: Ask,
    /// What the call will cost where its answer is handed over in full.
    cost_milli: u32,
    settled: bool,
    /// What it holds of the counters that nodes share.
    shared: Option<Hold>,
}

impl Subject {
    /// The accounts of partner, app and key.
    pub(super) fn new([partner, app, key]: [Option<Shared>; 3]) -> Self {
        Self { partner, app, key, slot: Slot::default() }
    }

    pub(super) fn levels(&self) -> [(Option<&Shared>, Per); 3] {
        let Self { partner, app, key, .. } = self;
        [(partner.as_ref(), Per::Partner), (app.as_ref(), Per::App), (key.as_ref(), Per::Key)]
    }

    /// Takes the call from every limit, or from none.
    pub fn take(&self, terms: &Arc<Terms>, ask: &Ask) -> Admission {
        let mut decision = Decision::default();
        if let Self { partner: None, app: Some(app), key: None, .. } = self {
            let (mut account, level) = (app.lock(), terms.level(Per::App));
            account.follow(terms, ask.now);
            account.ask(level, ask, &mut decision);
            account.conclude(level, ask, &mut decision);
        } else {
            self.take_of_many(terms, ask, &mut decision);
        }
        let permit = (terms.ends() && decision.allowed()).then(|| self.permit(terms, ask, None));
        Admission { decision, permit }
    }

    #[inline(never)]
    fn take_of_many(&self, terms: &Arc<Terms>, ask: &Ask, decision: &mut Decision) {
        let mut held = self.levels().map(|(account, per)| (account.map(|a| a.lock()), per));
        for (account, per) in &mut held {
            if let Some(account) = account {
                account.follow(terms, ask.now);
                account.ask(terms.level(*per), ask, decision);
            }
        }
        for (account, per) in &mut held {
            if let Some(account) = account {
                account.conclude(terms.level(*per), ask, decision);
            }
        }
    }

    #[inline(never)]
    pub(super) fn permit(&self, terms: &Arc<Terms>, ask: &Ask, shared: Option<Hold>) -> Permit {
        let (subject, terms) = (self.clone(), Arc::clone(terms));
        let held = Held { subject, terms, ask: *ask, cost_milli: 0, settled: false, shared };
        Permit(Box::new(held))
    }

    /// How each limit of the terms stands, in the order of the plan.
    pub(super) fn look(&self, terms: &Arc<Terms>, now: Micros) -> Vec<Look> {
        let mut looks = Vec::with_capacity(terms.limits.list().len());
        for (account, per) in self.levels() {
            if let Some(account) = account {
                let mut account = account.lock();
                account.follow(terms, now);
                account.look(terms.level(per), now, &mut looks);
            }
        }
        looks.sort_unstable_by_key(|look| look.place);
        looks
    }

    /// What is known to be used of each quota, by its place; by the shared counters, too, where those are `exact`.
    pub(super) fn known_used(
        &self,
        terms: &Arc<Terms>,
        now: Micros,
        exact: bool,
    ) -> Vec<(usize, u64)> {
        let mut used = Vec::new();
        for (account, per) in self.levels() {
            if let Some(account) = account {
                let mut account = account.lock();
                account.follow(terms, now);
                account.known_used(terms.level(per), (now, exact), &mut used);
            }
        }
        used
    }
}

impl Held {
    /// Does something to each account that the call holds something of.
    fn each(&self, mut act: impl FnMut(&mut Account, &super::Level)) {
        for (account, per) in self.subject.levels() {
            let level = self.terms.level(per);
            if let Some(account) = account.filter(|_| level.ends()) {
                act(&mut account.lock(), level);
            }
        }
    }
}

impl Permit {
    /// Says what the call costs once its answer has been handed over in full, in thousandths of a unit.
    pub fn will_cost(&mut self, milli: u32) {
        self.0.cost_milli = milli;
    }

    /// Settles the quotas to the cost: the answer has been handed over. `segment` is where the call's
    /// event is in the journal of this process; none without a journal. Call it before the event is
    /// completed, and [`Permit::take_back`] where that came too late.
    pub fn settle(&mut self, segment: Option<u32>) {
        let Held { ask, cost_milli, .. } = *self.0;
        self.0.settled = true;
        let shared = self.0.shared.as_ref();
        self.0.each(|account, level| {
            account.settle(level, &ask, segment, cost_milli);
            shared.inspect(|hold| hold.settle_shares(account, &ask, cost_milli));
        });
        shared.inspect(|hold| hold.settle(cost_milli));
    }

    /// Takes the settlement back: the event was closed before, as one that costs nothing.
    pub fn take_back(&mut self, segment: u32) {
        let Held { ask, cost_milli, .. } = *self.0;
        let shared = self.0.shared.as_ref();
        self.0.each(|account, level| {
            account.unsettle(level, &ask, segment, cost_milli);
            shared.inspect(|hold| hold.free_shares(account, &ask, Some(cost_milli)));
        });
        shared.inspect(|hold| hold.give_back(cost_milli));
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        let Held { ask, settled, .. } = *self.0;
        let shared = self.0.shared.as_ref();
        self.0.each(|account, level| {
            account.end(level, &ask, settled);
            if !settled {
                shared.inspect(|hold| hold.free_shares(account, &ask, None));
            }
        });
        shared.inspect(|hold| hold.end(settled));
    }
}
