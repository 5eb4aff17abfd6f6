//! What the limits of one level have against one partner, app or key.

use super::counter::{Billed, Counter};
use super::decision::{Decision, Standing, Verdict};
use super::gcra::Bucket;
use super::name::LimitName;
use super::period::Bounds;
use super::policy::{Per, Rate};
use super::redis::Remote;
use super::terms::{Level, Terms};
use crate::kernel::Micros;
use smallvec::SmallVec;
use std::sync::Arc;

/// Most counters that are kept under names that the terms have no more.
const MOST_REST: usize = 16;

/// A call as limits see it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ask {
    /// The operation's code.
    pub operation: u16,
    /// Its weight in thousandths of a unit.
    pub weight_milli: u32,
    /// Whether such calls are never billed: no quota counts them.
    pub free: bool,
    /// When it was judged.
    pub now: Micros,
}

impl Ask {
    /// What it takes from quotas.
    pub(super) fn quota_milli(&self) -> u32 {
        if self.free { 0 } else { self.weight_milli }
    }
}

/// How one limit stands, for who asks without calling.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Look {
    /// Its place in the plan.
    pub place: usize,
    /// Thousandths of a unit that are used; of calls under way, thousandths of a call.
    pub used_milli: u64,
    /// What is left, and when all is there again.
    pub standing: Standing,
    /// The present period of a quota.
    pub period: Option<Bounds>,
}

/// The counters of one level for one partner, app or key, with the terms they were last used under.
#[derive(Debug)]
pub struct Account {
    pub(super) per: Per,
    /// When the contract began, for periods that are counted from it.
    pub(super) since: Micros,
    /// Whether plans that differ use it by turns.
    pub(super) shared: bool,
    pub(super) terms: Option<Arc<Terms>>,
    /// In the order of the level's rates; beside the rest of the account, so that a call finds them with it.
    pub(super) buckets: SmallVec<[Bucket; 2]>,
    /// In the order of the level's quotas.
    pub(super) counters: Box<[Counter]>,
    /// Calls under way, by limit.
    running: Vec<(LimitName, u32)>,
    /// What was counted under rates that the terms have no more: an edit may bring them back.
    rest: Vec<(LimitName, Rate, Bucket)>,
    /// The same of quotas, and those of terms that come.
    rest_counters: Vec<Counter>,
    /// What is between it and the counters that nodes share, where they do.
    pub(super) remote: Option<Box<Remote>>,
}

impl Account {
    /// An account that owes nothing.
    #[must_use]
    pub fn new(per: Per, since: Micros) -> Self {
        Self {
            per,
            since,
            shared: false,
            terms: None,
            buckets: SmallVec::new(),
            counters: Box::default(),
            running: Vec::new(),
            rest: Vec::new(),
            rest_counters: Vec::new(),
            remote: None,
        }
    }

    /// Makes the counters that these terms need, so that the ledger can be asked before the first call.
    /// Where other terms have used the account that `differ`, plans share it.
    pub fn expect(&mut self, terms: &Terms, since: Micros, differ: bool) {
        self.since = since;
        self.shared = differ;
        for quota in &terms.level(self.per).quotas {
            let mut known = self.counters.iter().chain(&self.rest_counters);
            if !known.any(|counter| counter.counts(quota, since)) {
                self.rest_counters.push(Counter::new(quota, since));
            }
        }
        // The periods of a contract may have moved under the terms in use.
        if let Some(terms) = self.terms.clone() {
            self.carry_counters(terms.level(self.per));
        }
    }

    /// Goes on under these terms: each limit with the use that the limit of its name had.
    #[inline]
    pub fn follow(&mut self, terms: &Arc<Terms>, now: Micros) {
        if !self.terms.as_ref().is_some_and(|known| Arc::ptr_eq(known, terms)) {
            self.carry(terms, now);
        }
    }

    fn carry(&mut self, terms: &Arc<Terms>, now: Micros) {
        let old = self.terms.replace(Arc::clone(terms));
        let new = terms.level(self.per);
        let names = |name: &LimitName| new.places.iter().any(|place| place.name == *name);
        self.running.retain(|(name, calls)| *calls > 0 || names(name));
        self.carry_counters(new);
        let old = old.as_deref().map_or(&[][..], |terms| &terms.level(self.per).rates);
        let was = old.iter().zip(&self.buckets).map(|(r, bucket)| (r.name, r.grant, *bucket));
        let mut known: Vec<_> = was.chain(self.rest.drain(..)).collect();
        let buckets = new.rates.iter().map(|rate| {
            let place = known.iter().position(|(name, ..)| *name == rate.name);
            let was = place.map(|place| known.swap_remove(place));
            let carried = |(_, from, bucket): (_, _, Bucket)| {
                bucket.carried(from, rate.grant, now, self.shared)
            };
            was.map(carried).unwrap_or_default()
        });
        self.buckets = buckets.collect();
        known.retain(|(_, rate, bucket)| !bucket.settled(*rate, now));
        known.truncate(MOST_REST);
        self.rest = known;
    }

    fn carry_counters(&mut self, level: &Level) {
        if level.quotas.is_empty() && self.counters.is_empty() {
            return;
        }
        let mut known = std::mem::take(&mut self.counters).into_vec();
        known.append(&mut self.rest_counters);
        let counters = level.quotas.iter().map(|quota| {
            let same = known.iter().position(|counter| counter.counts(quota, self.since));
            let same = same.map(|place| known.remove(place));
            let mut counter = same.unwrap_or_else(|| Counter::new(quota, self.since));
            if let Some(old) = known.iter().find(|known| known.name() == quota.name) {
                counter.go_on_from(old);
            }
            counter
        });
        self.counters = counters.collect();
        // The newest stand first. The ledger knows what a forgotten one had counted.
        known.truncate(MOST_REST);
        self.rest_counters = known;
    }

    /// Asks every limit of the level, and takes nothing.
    #[inline]
    pub fn ask(&mut self, level: &Level, ask: &Ask, decision: &mut Decision) {
        for (rate, bucket) in level.rates.iter().zip(&mut self.buckets) {
            if rate.operations.cover(ask.operation)
                && let Some(why) = bucket.refuses(rate.grant, ask.now, ask.weight_milli)
            {
                decision.refuse(rate.place, why);
            }
        }
        if level.ends() {
            self.ask_ending(level, ask, decision);
        }
    }

    fn ask_ending(&mut self, level: &Level, ask: &Ask, decision: &mut Decision) {
        for (quota, counter) in level.quotas.iter().zip(&mut self.counters) {
            counter.roll(ask.now);
            if quota.operations.cover(ask.operation)
                && let Some(why) = counter.refuses(quota.grant.quota, ask.now, ask.quota_milli())
            {
                decision.refuse(quota.place, why);
            }
        }
        for place in level.places.iter().filter(|p| p.operations.cover(ask.operation)) {
            if self.running(place.name) >= place.grant.most {
                decision.refuse(place.place, Verdict::Busy);
            }
        }
    }

    /// Takes the call where it is admitted, and says how each limit stands.
    #[inline]
    pub fn conclude(&mut self, level: &Level, ask: &Ask, decision: &mut Decision) {
        let (allowed, never) = (decision.allowed(), decision.verdict() == Verdict::Never);
        for (rate, bucket) in level.rates.iter().zip(&mut self.buckets) {
            if !rate.operations.cover(ask.operation) {
                continue;
            }
            if allowed {
                bucket.take(rate.grant, ask.weight_milli);
            }
            let waiting = decision.violates(rate.place) && !never;
            let waiting = waiting.then_some(ask.weight_milli);
            decision.stand(rate.place, bucket.standing(rate.grant, ask.now, waiting));
        }
        if level.ends() {
            self.conclude_ending(level, ask, decision);
        }
    }

    fn conclude_ending(&mut self, level: &Level, ask: &Ask, decision: &mut Decision) {
        let allowed = decision.allowed();
        for (quota, counter) in level.quotas.iter().zip(&mut self.counters) {
            let counted = quota.operations.cover(ask.operation);
            if counted && allowed {
                counter.take(ask.now, ask.quota_milli());
            }
            let standing = counter.standing(quota.grant.quota, ask.now);
            match counted {
                true => decision.stand(quota.place, standing),
                false => decision.stand_aside(quota.place, standing),
            }
        }
        self.conclude_places(level, ask, decision);
    }

    /// Gives a call its places where it is admitted, and says how limits of concurrency stand.
    pub(super) fn conclude_places(&mut self, level: &Level, ask: &Ask, decision: &mut Decision) {
        let allowed = decision.allowed();
        for place in level.places.iter().filter(|p| p.operations.cover(ask.operation)) {
            if allowed {
                self.begin(place.name);
            }
            let remaining = place.grant.most.saturating_sub(self.running(place.name));
            let reset_s = u32::from(decision.violates(place.place));
            decision.stand(place.place, Standing { remaining, reset_s, period_s: 0 });
        }
    }

    pub(super) fn running(&self, name: LimitName) -> u32 {
        self.running.iter().find(|(known, _)| *known == name).map_or(0, |(_, calls)| *calls)
    }

    pub(super) fn begin(&mut self, name: LimitName) {
        match self.running.iter_mut().find(|(known, _)| *known == name) {
            Some((_, calls)) => *calls += 1,
            None => self.running.push((name, 1)),
        }
    }

    /// Does something to the counter of each quota that counted a call under `level`.
    fn each_counter(&mut self, level: &Level, ask: &Ask, mut act: impl FnMut(&mut Counter)) {
        for quota in level.quotas.iter().filter(|q| q.operations.cover(ask.operation)) {
            let mut all = self.counters.iter_mut().chain(&mut self.rest_counters);
            if let Some(counter) = all.find(|counter| counter.counts(quota, self.since)) {
                act(counter);
            }
        }
    }

    /// Settles a call that was admitted under `level` to what it costs.
    pub(super) fn settle(&mut self, level: &Level, ask: &Ask, segment: Option<u32>, milli: u32) {
        let taken = ask.quota_milli();
        self.each_counter(level, ask, |counter| {
            counter.settle(ask.now, segment, milli);
            counter.give_back(ask.now, taken);
        });
    }

    /// Takes a settlement back: the ledger has closed the event before the call's end.
    pub(super) fn unsettle(&mut self, level: &Level, ask: &Ask, segment: u32, milli: u32) {
        self.each_counter(level, ask, |counter| counter.unsettle(ask.now, segment, milli));
    }

    /// Ends a call that was admitted under `level`; one that was not settled gives back what it took.
    pub(super) fn end(&mut self, level: &Level, ask: &Ask, settled: bool) {
        if !settled {
            let taken = ask.quota_milli();
            self.each_counter(level, ask, |counter| counter.give_back(ask.now, taken));
        }
        for place in level.places.iter().filter(|p| p.operations.cover(ask.operation)) {
            if let Some((_, calls)) = self.running.iter_mut().find(|(n, _)| *n == place.name) {
                *calls = calls.saturating_sub(1);
            }
        }
    }

    /// How the limits of the level stand.
    pub(super) fn look(&mut self, level: &Level, now: Micros, looks: &mut Vec<Look>) {
        for (rate, bucket) in level.rates.iter().zip(&mut self.buckets) {
            let used_milli = bucket.used_milli(rate.grant, now);
            let standing = bucket.standing(rate.grant, now, None);
            looks.push(Look { place: rate.place, used_milli, standing, period: None });
        }
        for (quota, counter) in level.quotas.iter().zip(&mut self.counters) {
            counter.roll(now);
            let (used_milli, period) = counter.used(now);
            let standing = counter.standing(quota.grant.quota, now);
            looks.push(Look { place: quota.place, used_milli, standing, period: Some(period) });
        }
        for place in &level.places {
            let calls = self.running(place.name);
            let remaining = place.grant.most.saturating_sub(calls);
            let standing = Standing { remaining, ..Standing::default() };
            let used_milli = u64::from(calls) * 1_000;
            looks.push(Look { place: place.place, used_milli, standing, period: None });
        }
    }

    /// What is known to be used of the quotas of the level; by the shared counters, too, where those are `exact`.
    pub(super) fn known_used(
        &mut self,
        level: &Level,
        (now, exact): (Micros, bool),
        used: &mut Vec<(usize, u64)>,
    ) {
        for (quota, counter) in level.quotas.iter().zip(&mut self.counters) {
            counter.roll(now);
            let milli = if exact { counter.known(now) } else { counter.used(now).0 };
            used.push((quota.place, milli));
        }
    }

    pub(super) fn all_counters(&mut self) -> impl Iterator<Item = &mut Counter> {
        self.counters.iter_mut().chain(&mut self.rest_counters)
    }

    /// Takes in what the ledger has got; see [`Counter::follow`].
    pub fn take_in(&mut self, billed: &[Billed], own: Option<u32>, now: Micros) {
        self.all_counters().for_each(|counter| counter.follow(billed, own, now));
    }

    /// The periods of which the ledger is to be asked.
    #[must_use]
    pub fn wants(&mut self, now: Micros) -> Vec<Bounds> {
        let mut wanted: Vec<Bounds> = self.all_counters().filter_map(|c| c.wants(now)).collect();
        wanted.sort_unstable();
        wanted.dedup();
        wanted
    }

    /// The periods that are over of which the ledger is to be asked, too.
    #[must_use]
    pub fn wants_ended(&mut self, now: Micros) -> Vec<Bounds> {
        let mut wanted: Vec<Bounds> =
            self.all_counters().filter_map(|c| c.wants_ended(now)).collect();
        wanted.sort_unstable();
        wanted.dedup();
        wanted
    }

    /// Lets every counter begin anew with what the ledger has.
    pub fn unseed(&mut self) {
        self.all_counters().for_each(Counter::unseed);
    }

    /// Begins with what the ledger has of a period, by operation.
    pub fn seed(&mut self, bounds: Bounds, sums: &[(u16, u64)]) {
        self.all_counters().for_each(|counter| counter.seed(bounds, sums));
    }

    /// The rates in use.
    pub(super) fn rates(&self) -> Vec<(LimitName, Rate)> {
        let rates = self.terms.as_ref().map_or(&[][..], |terms| &terms.level(self.per).rates);
        rates.iter().map(|rate| (rate.name, rate.grant)).collect()
    }

    /// Whether nothing is owed any more, so that forgetting this account changes nothing. What quotas have
    /// counted is in the ledger.
    #[must_use]
    pub fn settled(&self, now: Micros) -> bool {
        let rates = self.terms.as_ref().map_or(&[][..], |terms| &terms.level(self.per).rates);
        let mut used = rates.iter().zip(&self.buckets);
        used.all(|(rate, bucket)| bucket.settled(rate.grant, now))
            && self.rest.iter().all(|(_, rate, bucket)| bucket.settled(*rate, now))
            && self.running.iter().all(|(_, calls)| *calls == 0)
            && self.counters.iter().chain(&self.rest_counters).all(Counter::idle)
            && self.remote.as_ref().is_none_or(|remote| remote.settled(now))
    }
}
