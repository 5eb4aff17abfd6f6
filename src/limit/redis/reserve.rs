//! What a node grants while Redis is away: the decision by its share of what was left.

use super::super::account::{Account, Ask};
use super::super::decision::{Decision, Verdict};
use super::super::subject::{Admission, Subject};
use super::super::terms::{Level, Terms, WhenDegraded};
use super::give::Hold;
use super::lease::places_of;
use super::limiter::{Mode, Shared, lock};
use super::share::{Granted, share};
use std::sync::Arc;

/// Seconds after which a call is to come again that the share refuses: Redis may be there again then.
const AGAIN_S: u32 = 5;

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
        let grants_shares = terms.when_degraded == WhenDegraded::Share;
        if decision.allowed() && grants_shares {
            accounts.each(|account, level| ask_share(account, level, ask, n, &mut decision));
        } else if decision.allowed() {
            let limits = terms.limits.list().iter().enumerate();
            for (place, _) in limits.filter(|(_, limit)| limit.operations.cover(ask.operation)) {
                decision.shut_by_plan(place, AGAIN_S);
            }
        }
        let mut granted = Vec::new();
        accounts.each(|account, level| {
            account.conclude(level, ask, &mut decision);
            if self.mode == Mode::Strict {
                stand_known(account, level, ask, &mut decision);
            }
            // A plan that grants nothing meanwhile begins no share, which would bind when Redis is back.
            if grants_shares {
                take_rates(account, level, ask, n, &mut decision);
                granted.extend(take_quotas(account, level, ask, n, &mut decision));
            }
        });
        drop(accounts);
        let permit = (terms.ends() && decision.allowed())
            .then(|| subject.permit(terms, ask, Some(Hold::of_shares(&self.giver, granted))));
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

/// Asks each quota of a level by what is known of it while its share binds this node: by the ledger, and by what the
/// shared counter has told where that `is_used`.
pub(super) fn ask_quotas(
    account: &mut Account,
    level: &Level,
    ask: &Ask,
    is_used: bool,
    decision: &mut Decision,
) {
    for (placed, counter) in level.quotas.iter().zip(&mut account.counters) {
        let why = counter.refuses(placed.grant.quota, ask.now, ask.quota_milli());
        if let Some(why) = why.filter(|_| placed.operations.cover(ask.operation)) {
            decision.refuse(placed.place, why);
        }
    }
    if is_used {
        ask_known(account, level, ask, decision);
    }
}

/// Says how the quotas of a level stand where the shared counter has told of more than the ledger has.
pub(super) fn stand_known(account: &Account, level: &Level, ask: &Ask, decision: &mut Decision) {
    let quotas = level.quotas.iter().zip(&account.counters);
    for (placed, counter) in quotas.filter(|(placed, _)| placed.operations.cover(ask.operation)) {
        let full = u64::from(placed.grant.quota) * 1_000;
        let left = full.saturating_sub(counter.known(ask.now)) / 1_000;
        let mut standing = decision.standing(placed.place);
        standing.remaining = standing.remaining.min(u32::try_from(left).unwrap_or(u32::MAX));
        decision.stand(placed.place, standing);
    }
}

/// Asks the shares of quotas that bind this node although Redis is there.
pub(super) fn ask_binding(account: &Account, level: &Level, ask: &Ask, decision: &mut Decision) {
    let Account { counters, remote: Some(remote), .. } = account else { return };
    for held in remote.reserve.quotas() {
        let mut quotas = level.quotas.iter().zip(counters);
        let quota = quotas.find(|(placed, counter)| {
            placed.name == held.name && counter.used(ask.now).1.start == held.start
        });
        if let Some((placed, _)) = quota
            && placed.operations.cover(ask.operation)
            && held.refuses(placed.grant.quota, ask.quota_milli())
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
            let (known, start) = (counter.known(ask.now), counter.used(ask.now).1.start);
            let share = remote.reserve.quota(placed.name, start, (known, ask.now), n);
            if share.refuses(placed.grant.quota, ask.quota_milli()) {
                decision.shut(placed.place, AGAIN_S);
            }
        }
    }
}

/// Takes a call from the shares of rates where it is admitted, and says how they stand where they are the tighter.
fn take_rates(account: &mut Account, level: &Level, ask: &Ask, n: u32, decision: &mut Decision) {
    let allowed = decision.allowed();
    let Account { buckets, remote: Some(remote), .. } = account else { return };
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
}

/// The same of quotas; what each has granted. How long a share that is the tighter lasts nobody knows: it says what a
/// refusal by it says.
fn take_quotas(
    account: &mut Account,
    level: &Level,
    ask: &Ask,
    n: u32,
    decision: &mut Decision,
) -> Vec<Granted> {
    let (allowed, mut granted) = (decision.allowed(), Vec::new());
    let Account { per, counters, remote: Some(remote), .. } = account else { return granted };
    for (placed, counter) in level.quotas.iter().zip(counters) {
        if !placed.operations.cover(ask.operation) {
            continue;
        }
        let (known, start) = (counter.known(ask.now), counter.used(ask.now).1.start);
        let share = remote.reserve.quota(placed.name, start, (known, ask.now), n);
        if allowed {
            granted.extend(share.grant(*per, ask.quota_milli()));
        }
        let left = u32::try_from(share.left(placed.grant.quota) / 1_000).unwrap_or(u32::MAX);
        let mut standing = decision.standing(placed.place);
        // Where the share is the tighter, more may be there as soon as nodes count together again, and not only when the
        // period ends. Who is refused by the quota itself has to wait for that all the same.
        if left < standing.remaining {
            standing.remaining = left;
            if !decision.violates(placed.place) {
                standing.reset_s = AGAIN_S;
            }
        }
        decision.stand(placed.place, standing);
    }
    granted
}
