//! What the limits of one level have against one partner, app or key.

use super::decision::Decision;
use super::gcra::Bucket;
use super::name::LimitName;
use super::policy::{Per, Rate};
use super::terms::{Level, Terms};
use crate::kernel::Micros;
use std::sync::Arc;

/// A call as limits see it.
#[derive(Debug, Clone, Copy)]
pub struct Ask {
    /// The operation's code.
    pub operation: u16,
    /// Its weight in thousandths of a unit.
    pub weight_milli: u32,
    /// When it was judged.
    pub now: Micros,
}

/// The counters of one level for one partner, app or key, with the terms they were last used under.
#[derive(Debug)]
pub struct Account {
    per: Per,
    /// Whether plans that differ use it by turns.
    shared: bool,
    terms: Option<Arc<Terms>>,
    /// In the order of the level's rates.
    buckets: Box<[Bucket]>,
    /// What was counted under names that the terms have no more: an edit may bring them back.
    rest: Vec<(LimitName, Rate, Bucket)>,
}

impl Account {
    /// An account that owes nothing.
    #[must_use]
    pub fn new(per: Per) -> Self {
        Self { per, shared: false, terms: None, buckets: Box::default(), rest: Vec::new() }
    }

    /// Says whether plans that differ use it by turns.
    pub fn share(&mut self, shared: bool) {
        self.shared = shared;
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
        let (old, new) = (old.as_deref().map(|t| t.level(self.per)), terms.level(self.per));
        if old == Some(new) {
            return;
        }
        let old = old.map_or(&[][..], |level| &level.rates);
        let was = old.iter().zip(&self.buckets).map(|(r, bucket)| (r.name, r.grant, *bucket));
        let mut known: Vec<_> = was.chain(self.rest.drain(..)).collect();
        let take = |name| {
            let place = known.iter().position(|(known, ..)| *known == name)?;
            Some(known.swap_remove(place))
        };
        self.buckets = carry_rates(new, take, now, self.shared);
        known.retain(|(_, rate, bucket)| !bucket.settled(rate, now));
        self.rest = known;
    }

    /// Asks every limit of the level, and takes nothing.
    #[inline]
    pub fn ask(&mut self, level: &Level, ask: &Ask, decision: &mut Decision) {
        for (rate, bucket) in level.rates.iter().zip(&mut self.buckets) {
            if rate.operations.cover(ask.operation)
                && let Some(why) = bucket.refuses(&rate.grant, ask.now, ask.weight_milli)
            {
                decision.refuse(rate.place, why);
            }
        }
    }

    /// Takes the call where it is admitted, and says how each limit stands.
    #[inline]
    pub fn conclude(&mut self, level: &Level, ask: &Ask, decision: &mut Decision) {
        let never = decision.verdict() == super::Verdict::Never;
        for (rate, bucket) in level.rates.iter().zip(&mut self.buckets) {
            if !rate.operations.cover(ask.operation) {
                continue;
            }
            if decision.allowed() {
                bucket.take(&rate.grant, ask.weight_milli);
            }
            let waiting = decision.violates(rate.place) && !never;
            let waiting = waiting.then_some(ask.weight_milli);
            decision.stand(rate.place, bucket.standing(&rate.grant, ask.now, waiting));
        }
    }

    /// Whether nothing is owed any more, so that forgetting this account changes nothing.
    #[must_use]
    pub fn settled(&self, now: Micros) -> bool {
        let rates = self.terms.as_ref().map_or(&[][..], |terms| &terms.level(self.per).rates);
        let mut used = rates.iter().zip(&self.buckets);
        used.all(|(rate, bucket)| bucket.settled(&rate.grant, now))
            && self.rest.iter().all(|(_, rate, bucket)| bucket.settled(rate, now))
    }
}

fn carry_rates(
    level: &Level,
    mut take: impl FnMut(LimitName) -> Option<(LimitName, Rate, Bucket)>,
    now: Micros,
    shared: bool,
) -> Box<[Bucket]> {
    let carried =
        |(from, bucket): (Rate, Bucket), to: &Rate| bucket.carried(&from, to, now, shared);
    let buckets = level.rates.iter().map(|rate| {
        let was = take(rate.name).map(|(_, from, bucket)| carried((from, bucket), &rate.grant));
        was.unwrap_or_default()
    });
    buckets.collect()
}
