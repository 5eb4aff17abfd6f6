//! What a node grants while Redis is away: its share of what was left.

use super::super::account::{Account, Ask};
use super::super::decision::{Decision, Verdict};
use super::super::gcra::{Bucket, Limbs};
use super::super::name::LimitName;
use super::super::policy::Rate;
use super::super::subject::{Admission, Subject};
use super::super::terms::{Level, Terms, WhenDegraded};
use super::lease::places_of;
use super::limiter::{Shared, lock};
use super::remote::Reserve;
use crate::kernel::Micros;
use std::sync::Arc;

/// Seconds after which a call is to come again that the share refuses: Redis may be there again then.
const AGAIN_S: u32 = 5;

/// The share of a rate that one of `n` nodes grants.
fn share(rate: Rate, n: u32) -> Rate {
    Rate { quota: (rate.quota / n.max(1)).max(1), window_s: rate.window_s }
}

impl Reserve {
    /// What is taken from the share of a rate, and what the shared counter is to be told. The share begins
    /// with one part in `n` of the debt that was last known.
    fn rate(&mut self, name: LimitName, known: Bucket, n: u32) -> &mut (LimitName, Bucket, Bucket) {
        let place = self.rates.iter().position(|(held, ..)| *held == name);
        let place = place.unwrap_or_else(|| {
            self.rates.push((name, known.part(n), Bucket::default()));
            self.rates.len() - 1
        });
        &mut self.rates[place]
    }

    /// The same of a quota in a period of which so much is used.
    fn quota(
        &mut self,
        name: LimitName,
        start: Micros,
        used: u64,
    ) -> &mut (LimitName, Micros, u64, u64) {
        let place = self.quotas.iter().position(|(held, ..)| *held == name);
        let place = place.unwrap_or_else(|| {
            self.quotas.push((name, start, used, 0));
            self.quotas.len() - 1
        });
        let held = &mut self.quotas[place];
        if held.1 != start {
            *held = (name, start, used, 0);
        }
        held
    }

    /// What of a rate was admitted that the shared counter does not know.
    pub(super) fn owed(&mut self, name: LimitName, rate: Rate, now: Micros) -> Limbs {
        let held = self.rates.iter_mut().find(|(held, ..)| *held == name);
        held.map_or((0, 0), |(_, _, owed)| owed.limbs(rate, now))
    }

    /// The shared counter knows of a limit what there is to know: the next share begins anew.
    pub(super) fn settled(&mut self, name: LimitName) {
        self.rates.retain(|(held, ..)| *held != name);
        self.quotas.retain(|(held, ..)| *held != name);
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
            let share = share(placed.grant, n);
            let (_, bucket, _) = remote.reserve.rate(placed.name, *known, n);
            if let Some(why) = bucket.refuses(share, ask.now, ask.weight_milli) {
                match why {
                    Verdict::Never => decision.shut(placed.place, AGAIN_S),
                    why => decision.reduce(placed.place, why),
                }
            }
        }
    }
    for (placed, counter) in level.quotas.iter().zip(counters) {
        if placed.operations.cover(ask.operation) {
            let (used, bounds) = counter.used(ask.now);
            let full = u64::from(placed.grant.quota) * 1_000;
            let (.., base, spent) = *remote.reserve.quota(placed.name, bounds.start, used);
            let room = full.saturating_sub(base) / u64::from(n.max(1));
            let need = u64::from(ask.quota_milli());
            if need > 0 && spent + need > room.max(1_000) {
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
        let scaled = share(placed.grant, n);
        let (_, bucket, owed) = remote.reserve.rate(placed.name, *known, n);
        if allowed {
            bucket.take(scaled, ask.weight_milli);
            owed.limbs(placed.grant, ask.now);
            owed.take(placed.grant, ask.weight_milli);
        }
        let waiting = decision.is_reduced() && decision.violates(placed.place);
        let standing = bucket.standing(scaled, ask.now, waiting.then_some(ask.weight_milli));
        if waiting || standing.remaining < decision.standing(placed.place).remaining {
            decision.stand(placed.place, standing);
        }
    }
    for (placed, counter) in level.quotas.iter().zip(counters) {
        if !placed.operations.cover(ask.operation) {
            continue;
        }
        let (used, bounds) = counter.used(ask.now);
        let (.., base, spent) = remote.reserve.quota(placed.name, bounds.start, used);
        if allowed {
            *spent += u64::from(ask.quota_milli());
        }
        let room =
            (u64::from(placed.grant.quota) * 1_000).saturating_sub(*base) / u64::from(n.max(1));
        let left = u32::try_from(room.saturating_sub(*spent) / 1_000).unwrap_or(u32::MAX);
        let mut standing = decision.standing(placed.place);
        standing.remaining = standing.remaining.min(left);
        decision.stand(placed.place, standing);
    }
}
