//! What a node grants while Redis is away: its share of what was left.

use super::super::account::{Account, Ask};
use super::super::decision::{Decision, Verdict};
use super::super::gcra::{Bucket, Limbs};
use super::super::name::LimitName;
use super::super::policy::{Per, Rate};
use super::super::subject::{Admission, Subject};
use super::super::terms::{Level, Terms, WhenDegraded};
use super::lease::places_of;
use super::limiter::{Mode, Shared, lock};
use super::wire::{Line, What};
use crate::kernel::Micros;
use crate::kernel::clock::SECOND;
use std::sync::Arc;

/// Seconds after which a call is to come again that the share refuses: Redis may be there again then.
const AGAIN_S: u32 = 5;

/// How long the share of a quota binds a node when Redis is there again: until the other nodes have found it, too,
/// and the ledger has what they granted meanwhile.
const BINDS_FOR: i64 = 3 * SECOND;
/// How long after it was last asked it binds at most, for who calls seldom: the ledger has caught up by then.
const BINDS_AT_MOST: i64 = 60 * SECOND;

/// The share of a rate that one of `n` nodes grants.
fn share(rate: Rate, n: u32) -> Rate {
    Rate { quota: (rate.quota / n.max(1)).max(1), window_s: rate.window_s }
}

/// Thousandths of a unit that one of `n` nodes grants of a quota of which `used` is used by all that it knows. Of one
/// that has fewer units than there are nodes, each grants one while there is one.
fn room(quota: u32, used: u64, n: u32) -> u64 {
    let (full, n) = (u64::from(quota) * 1_000, u64::from(n.max(1)));
    let left = full.saturating_sub(used);
    let least = if full < n * 1_000 { left.min(1_000) } else { 0 };
    (left / n).max(least)
}

/// What is left of this node's share, and what it has admitted from it.
#[derive(Debug, Default)]
pub(super) struct Reserve {
    rates: Vec<RateShare>,
    quotas: Vec<QuotaShare>,
}

/// The share of a quota.
#[derive(Debug, Clone, Copy)]
struct QuotaShare {
    name: LimitName,
    /// The beginning of the period.
    start: Micros,
    /// What was used of it when the share began, by all that was known.
    base: u64,
    /// What was granted since.
    spent: u64,
    /// When it was last asked.
    at: Micros,
    /// When Redis was found to be there again.
    back_at: Option<Micros>,
}

impl QuotaShare {
    /// Whether it binds this node still, now that Redis is there again.
    fn binds(&mut self, now: Micros) -> bool {
        let back_at = *self.back_at.get_or_insert(now);
        let within = |from: Micros, micros: i64| now.0.abs_diff(from.0) < micros.unsigned_abs();
        within(back_at, BINDS_FOR) && within(self.at, BINDS_AT_MOST)
    }

    /// Whether it has no room for a call, where it is the share of one of `n` nodes.
    fn refuses(&self, quota: u32, n: u32, milli: u32) -> bool {
        milli > 0 && self.spent + u64::from(milli) > room(quota, self.base, n)
    }
}

/// The share of a rate.
#[derive(Debug)]
struct RateShare {
    name: LimitName,
    /// The whole rate.
    rate: Rate,
    /// What is taken from the share; none where the next one begins anew.
    taken: Option<Bucket>,
    /// What the shared counter is to be told, of the whole rate.
    owed: Bucket,
}

impl RateShare {
    /// Goes on under an edited rate.
    fn follow(&mut self, rate: Rate, now: Micros) {
        if self.rate != rate {
            let carried = |bucket: Bucket| bucket.carried(self.rate, rate, now, true);
            (self.taken, self.owed) = (self.taken.map(carried), carried(self.owed));
            self.rate = rate;
        }
    }
}

impl Reserve {
    fn rate(&mut self, name: LimitName, rate: Rate, now: Micros) -> &mut RateShare {
        let place = self.rates.iter().position(|share| share.name == name);
        let place = place.unwrap_or_else(|| {
            self.rates.push(RateShare { name, rate, taken: None, owed: Bucket::default() });
            self.rates.len() - 1
        });
        let share = &mut self.rates[place];
        share.follow(rate, now);
        share
    }

    /// What is taken from the share of a rate. It begins with one part in `n` of the debt that was last known.
    fn taken(
        &mut self,
        name: LimitName,
        rate: Rate,
        (known, now): (Bucket, Micros),
        n: u32,
    ) -> &mut Bucket {
        self.rate(name, rate, now).taken.get_or_insert_with(|| known.part(n))
    }

    /// The share of a quota in a period of which so much is known to be used.
    fn quota(
        &mut self,
        name: LimitName,
        start: Micros,
        (known, now): (u64, Micros),
    ) -> &mut QuotaShare {
        let new = QuotaShare { name, start, base: known, spent: 0, at: now, back_at: None };
        let place = self.quotas.iter().position(|held| held.name == name);
        let place = place.unwrap_or_else(|| {
            self.quotas.push(new);
            self.quotas.len() - 1
        });
        let held = &mut self.quotas[place];
        if held.start != start {
            *held = new;
        }
        (held.at, held.back_at) = (now, None);
        held
    }

    /// Whether the share of a quota binds this node although Redis is there. The next one begins anew once this one
    /// does not.
    pub(super) fn binds(&mut self, now: Micros) -> bool {
        self.quotas.retain_mut(|held| held.binds(now));
        !self.quotas.is_empty()
    }

    /// The shared counter has granted so much of a quota while its share binds this node.
    pub(super) fn spend(&mut self, line: &Line, milli: u64) {
        let mut quotas = self.quotas.iter_mut();
        if let Some(held) = quotas.find(|h| h.name == line.name && h.start == line.start()) {
            held.spent = held.spent.saturating_add(milli);
        }
    }

    /// What of a rate was admitted that the shared counter does not know. One call tells it: others that ask
    /// meanwhile would tell it again.
    pub(super) fn tell(&mut self, name: LimitName, rate: Rate, now: Micros) -> Limbs {
        match self.rates.iter_mut().find(|share| share.name == name) {
            Some(share) => {
                share.follow(rate, now);
                std::mem::take(&mut share.owed).limbs(rate, now)
            }
            None => (0, 0),
        }
    }

    /// Keeps for the next call what one has not been able to tell.
    pub(super) fn untell(&mut self, lines: &[Line], per: Per, now: Micros) {
        for line in lines.iter().filter(|line| line.per == per) {
            if let What::Rate { rate, owed, .. } = line.what
                && owed != (0, 0)
            {
                self.rate(line.name, rate, now).owed.owe(owed, rate, now);
            }
        }
    }

    /// The shared counter has been heard of a rate: the next share of it begins anew.
    pub(super) fn settled(&mut self, name: LimitName, now: Micros) {
        self.rates.retain_mut(|share| {
            if share.name == name {
                share.taken = None;
            }
            share.taken.is_some() || !share.owed.settled(share.rate, now)
        });
    }

    /// Whether the shared counters know all that was admitted.
    pub(super) fn is_told(&self, now: Micros) -> bool {
        self.rates.iter().all(|share| share.owed.settled(share.rate, now))
    }
}

impl Shared {
    /// The decision by this node's share.
    pub(in super::super) fn by_reserve(
        &self,
        subject: &Subject,
        terms: &Arc<Terms>,
        ask: &Ask,
    ) -> Admission {
        self.count_degraded();
        let (n, mut decision) = (self.nodes.alive(), Decision::default());
        decision.degrade();
        let mut accounts = lock(subject, terms, ask);
        // Over a limit by all that is known is over it with Redis or without.
        accounts.each(|account, level| account.ask(level, ask, &mut decision));
        if self.mode == Mode::Strict {
            accounts.each(|account, level| ask_known(account, level, ask, &mut decision));
        }
        if decision.allowed() {
            accounts.each(|account, level| ask_share(account, level, ask, n, &mut decision));
        }
        if decision.allowed() && terms.when_degraded == WhenDegraded::Refuse {
            let limits = terms.limits.list().iter().enumerate();
            for (place, _) in limits.filter(|(_, limit)| limit.operations.cover(ask.operation)) {
                decision.shut(place, AGAIN_S);
            }
        }
        accounts.each(|account, level| {
            account.conclude(level, ask, &mut decision);
            take_share(account, level, ask, n, &mut decision);
        });
        drop(accounts);
        let permit = (terms.ends() && decision.allowed()).then(|| subject.permit(terms, ask, None));
        Admission { decision, permit }
    }
}

/// Asks each quota of a level by what the shared counter has told. Not where that is what nodes have leased: they
/// may not have used it.
fn ask_known(account: &Account, level: &Level, ask: &Ask, decision: &mut Decision) {
    for (placed, counter) in level.quotas.iter().zip(&account.counters) {
        let why = counter.is_known_over(placed.grant.quota, ask.now, ask.quota_milli());
        if let Some(why) = why.filter(|_| placed.operations.cover(ask.operation)) {
            decision.refuse(placed.place, why);
        }
    }
}

/// Asks the shares of quotas that bind this node although Redis is there.
pub(super) fn ask_binding(
    account: &Account,
    level: &Level,
    ask: &Ask,
    n: u32,
    decision: &mut Decision,
) {
    let Account { counters, remote: Some(remote), .. } = account else { return };
    for held in &remote.reserve.quotas {
        let mut quotas = level.quotas.iter().zip(counters);
        let quota = quotas.find(|(placed, counter)| {
            placed.name == held.name && counter.used(ask.now).1.start == held.start
        });
        if let Some((placed, _)) = quota
            && placed.operations.cover(ask.operation)
            && held.refuses(placed.grant.quota, n, ask.quota_milli())
        {
            decision.shut(placed.place, AGAIN_S);
        }
    }
}

/// Asks the share of each limit of a level.
fn ask_share(account: &mut Account, level: &Level, ask: &Ask, n: u32, decision: &mut Decision) {
    for placed in level.places.iter().filter(|placed| placed.operations.cover(ask.operation)) {
        if account.running(placed.name) >= places_of(placed.grant.most, n) {
            decision.reduce(placed.place, Verdict::Busy);
        }
    }
    let Account { buckets, counters, remote: Some(remote), .. } = account else { return };
    for (placed, known) in level.rates.iter().zip(buckets) {
        if placed.operations.cover(ask.operation) {
            let (share, known) = (share(placed.grant, n), (*known, ask.now));
            let taken = remote.reserve.taken(placed.name, placed.grant, known, n);
            if let Some(why) = taken.refuses(share, ask.now, ask.weight_milli) {
                match why {
                    Verdict::Never => decision.shut(placed.place, AGAIN_S),
                    why => decision.reduce(placed.place, why),
                }
            }
        }
    }
    for (placed, counter) in level.quotas.iter().zip(counters) {
        if placed.operations.cover(ask.operation) {
            let (known, bounds) = (counter.known(ask.now), counter.used(ask.now).1);
            let share = remote.reserve.quota(placed.name, bounds.start, (known, ask.now));
            if share.refuses(placed.grant.quota, n, ask.quota_milli()) {
                decision.shut(placed.place, AGAIN_S);
            }
        }
    }
}

/// Takes a call from the shares where it is admitted, and says how they stand where they are the tighter.
fn take_share(account: &mut Account, level: &Level, ask: &Ask, n: u32, decision: &mut Decision) {
    let allowed = decision.allowed();
    let Account { buckets, counters, remote: Some(remote), .. } = account else { return };
    for (placed, known) in level.rates.iter().zip(buckets) {
        if !placed.operations.cover(ask.operation) {
            continue;
        }
        let (name, rate, scaled) = (placed.name, placed.grant, share(placed.grant, n));
        let taken = remote.reserve.taken(name, rate, (*known, ask.now), n);
        if allowed {
            taken.take(scaled, ask.weight_milli);
        }
        let waiting = decision.is_reduced() && decision.violates(placed.place);
        let standing = taken.standing(scaled, ask.now, waiting.then_some(ask.weight_milli));
        if allowed {
            let owed = &mut remote.reserve.rate(name, rate, ask.now).owed;
            owed.owe(rate.cost_limbs(ask.weight_milli), rate, ask.now);
        }
        if waiting || standing.remaining < decision.standing(placed.place).remaining {
            decision.stand(placed.place, standing);
        }
    }
    for (placed, counter) in level.quotas.iter().zip(counters) {
        if !placed.operations.cover(ask.operation) {
            continue;
        }
        let (known, bounds) = (counter.known(ask.now), counter.used(ask.now).1);
        let share = remote.reserve.quota(placed.name, bounds.start, (known, ask.now));
        if allowed {
            share.spent += u64::from(ask.quota_milli());
        }
        let room = room(placed.grant.quota, share.base, n);
        let left = u32::try_from(room.saturating_sub(share.spent) / 1_000).unwrap_or(u32::MAX);
        let mut standing = decision.standing(placed.place);
        standing.remaining = standing.remaining.min(left);
        decision.stand(placed.place, standing);
    }
}
