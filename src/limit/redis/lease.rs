//! Units taken in batches: granted from without asking, given back when they lie idle.

use super::super::account::{Account, Ask};
use super::super::counter::Counter;
use super::super::decision::{Decision, Verdict};
use super::super::name::LimitName;
use super::super::policy::Rate;
use super::super::subject::{Admission, Subject};
use super::super::terms::{Level, Terms};
use super::give::Hold;
use super::limiter::{Mode, Shared, lock};
use super::remote::{Lease, Remote};
use super::wire::Amount;
use crate::kernel::{Micros, clock};
use std::sync::Arc;
use tokio::runtime::Handle;

/// How long units may lie unused before they are given back, in microseconds.
pub const IDLE: i64 = 2 * clock::SECOND;
/// How long a refusal is repeated without asking: units come back to a limit when nodes give back.
pub(super) const LONGEST_SHUT: i64 = clock::SECOND;

/// Seconds after which a call is to come again of whose quota other nodes hold what is left: what lies idle with
/// them is back then.
pub(super) const BACK_S: u32 = (IDLE / clock::SECOND) as u32;

/// Most places that one of `n` nodes gives of a limit of concurrency.
pub(super) fn places_of(most: u32, n: u32) -> u32 {
    (most / n.max(1)).max(1)
}

impl Shared {
    /// What a call needs of a limit beyond what is leased, what is wished for, and what it has from the
    /// lease, out of which that is taken. Where nothing is leased, what the call weighs.
    pub(super) fn amount(
        &self,
        remote: &mut Remote,
        (name, start): (LimitName, Micros),
        ask: &Ask,
        milli: u32,
        granted: u32,
    ) -> Amount {
        let Mode::Leased { most } = self.mode else {
            return Amount { need: milli, wish: milli, hand: 0 };
        };
        let lease = remote.lease(name, start, ask.now);
        let hand = u32::try_from(lease.milli).unwrap_or(u32::MAX).min(milli);
        lease.milli -= u64::from(hand);
        let need = milli - hand;
        let tenth = granted / self.nodes.alive().saturating_mul(10).max(1);
        let batch = tenth.clamp(1, most).saturating_mul(1_000);
        // What lies in the lease is part of the batch.
        let batch = u64::from(batch).saturating_sub(lease.milli);
        // While shares bind, nothing is taken ahead of need.
        let batch = if remote.reserve.binds(ask.now) { 0 } else { batch };
        Amount { need, wish: need.max(u32::try_from(batch).unwrap_or(u32::MAX)), hand }
    }

    /// The decision by what is leased; `None` where that is too little and the limits are not known to be
    /// reached.
    pub(super) fn by_lease(
        self: &Arc<Self>,
        subject: &Subject,
        terms: &Arc<Terms>,
        ask: &Ask,
    ) -> Option<Admission> {
        let (mut decision, mut covered) = (Decision::default(), true);
        let (n, mut accounts) = (self.nodes.alive(), lock(subject, terms, ask));
        accounts.each(|account, level| covered &= covers(account, level, ask, n, &mut decision));
        if decision.allowed() && !covered {
            return None;
        }
        let (mut quotas, mut low) = (Vec::new(), false);
        accounts.each(|account, level| {
            if decision.allowed() {
                low |= spend(account, level, ask, &mut quotas);
            }
            finish(account, level, ask, &mut decision);
        });
        drop(accounts);
        if low {
            self.renew_beside(subject, terms, ask);
        }
        let permit = (terms.ends() && decision.allowed())
            .then(|| subject.permit(terms, ask, Some(Hold::of_quotas(&self.giver, quotas))));
        Some(Admission { decision, permit })
    }

    /// Has leases of which little is left made greater beside the calls: the next ones find it done.
    #[inline(never)]
    fn renew_beside(self: &Arc<Self>, subject: &Subject, terms: &Arc<Terms>, ask: &Ask) {
        // Without a runtime around it, a call asks when it has to.
        if let Ok(runtime) = Handle::try_current()
            && self.redis.leads(subject.slot)
        {
            let (shared, subject, terms) = (Arc::clone(self), subject.clone(), Arc::clone(terms));
            runtime.spawn(shared.renew(subject, terms, *ask));
        }
    }

    /// Gives back what lies idle. Call it on a timer.
    pub fn return_idle(&self, now: Micros) {
        if self.mode == Mode::Strict {
            return;
        }
        self.local.each_account(|account| {
            let rates = account.rates();
            let Account { counters, remote: Some(remote), .. } = account else { return };
            // One that was used later than now was so before the clock was put back.
            let lies = |lease: &Lease| !(0..IDLE).contains(&now.0.saturating_sub(lease.at.0));
            for lease in remote.leases.iter().filter(|lease| lies(lease)) {
                let mut counters = counters.iter_mut();
                if let Some(counter) = counters.find(|counter| counter.name() == lease.name) {
                    counter.return_told(lease.start, lease.milli);
                }
            }
            self.return_leases(remote, &rates, lies);
        });
    }

    /// Gives back the units of those leases that `are_over`.
    pub(super) fn return_leases(
        &self,
        remote: &mut Remote,
        rates: &[(LimitName, Rate)],
        are_over: impl Fn(&Lease) -> bool,
    ) {
        for lease in remote.leases.iter_mut().filter(|lease| lease.milli != 0 && are_over(lease)) {
            let milli = std::mem::take(&mut lease.milli);
            if let Some(key) = &lease.key {
                self.giver.quota(Arc::clone(key), i64::try_from(milli).unwrap_or(i64::MAX));
            } else if let Some((name, rate)) = rates.iter().find(|(n, _)| *n == lease.name) {
                let milli = u32::try_from(milli).unwrap_or(u32::MAX);
                self.giver.rate(Arc::clone(&remote.rates), *name, *rate, milli);
            }
        }
    }
}

/// A limit that counts a call in units.
struct Counted<'a> {
    place: usize,
    name: LimitName,
    /// The beginning of a quota's period; 0 for rates.
    start: Micros,
    /// What the call weighs.
    milli: u32,
    /// Of a quota, what it grants, and its counter.
    quota: Option<(u32, &'a Counter)>,
}

/// The limits of a level that count a call in units.
fn counted<'a>(
    level: &'a Level,
    counters: &'a mut [Counter],
    ask: &'a Ask,
) -> impl Iterator<Item = Counted<'a>> + use<'a> {
    let rates = level.rates.iter().filter(|placed| placed.operations.cover(ask.operation));
    let rates = rates.map(|placed| Counted {
        place: placed.place,
        name: placed.name,
        start: Micros(0),
        milli: ask.weight_milli,
        quota: None,
    });
    let quotas =
        level.quotas.iter().zip(counters).filter(|(p, _)| p.operations.cover(ask.operation));
    rates.chain(quotas.map(|(placed, counter)| {
        counter.roll(ask.now);
        let (start, milli) = (counter.used(ask.now).1.start, ask.quota_milli());
        let quota = Some((placed.grant.quota, &*counter));
        Counted { place: placed.place, name: placed.name, start, milli, quota }
    }))
}

/// Whether what is leased at one level covers a call; where it does not, and the limit is known to be
/// reached, or to have nothing that other nodes do not hold, that is the decision.
fn covers(
    account: &mut Account,
    level: &Level,
    ask: &Ask,
    n: u32,
    decision: &mut Decision,
) -> bool {
    for placed in level.places.iter().filter(|placed| placed.operations.cover(ask.operation)) {
        if account.running(placed.name) >= places_of(placed.grant.most, n) {
            decision.refuse(placed.place, Verdict::Busy);
        }
    }
    let Account { counters, remote: Some(remote), .. } = account else { return false };
    let mut covered = true;
    for Counted { place, name, start, milli, quota } in counted(level, counters, ask) {
        let held = remote.lease(name, start, ask.now).milli;
        if held >= u64::from(milli) {
            continue;
        }
        covered = false;
        let Some(until) = remote.shut_until(name, milli, ask.now) else { continue };
        match quota.map(|(granted, counter)| counter.is_over(granted, ask.now, milli)) {
            Some(Some(why)) => decision.refuse(place, why),
            Some(None) => decision.shut(place, BACK_S),
            None => {
                let micros = (until.0 - ask.now.0).max(1).unsigned_abs();
                decision.refuse(place, Verdict::Wait { micros });
            }
        }
    }
    covered
}

/// Takes a call from the leases of one level, and notes the quotas that it was taken from; whether little has become
/// left of any by that.
fn spend(
    account: &mut Account,
    level: &Level,
    ask: &Ask,
    quotas: &mut Vec<(Arc<str>, u32)>,
) -> bool {
    let Account { counters, remote: Some(remote), .. } = account else { return false };
    let mut low = false;
    for Counted { name, start, milli, .. } in counted(level, counters, ask) {
        let lease = remote.lease(name, start, ask.now);
        let left = lease.milli.saturating_sub(milli.into());
        low |= left < lease.low && lease.low <= lease.milli;
        (lease.milli, lease.at) = (left, ask.now);
        if let Some(key) = &lease.key {
            quotas.push((Arc::clone(key), milli));
        }
    }
    low
}

/// Takes an admitted call from what this process counts by itself, and says how the limits of a level
/// stand: what is leased counts as left.
pub(super) fn finish(account: &mut Account, level: &Level, ask: &Ask, decision: &mut Decision) {
    let (allowed, never) = (decision.allowed(), decision.verdict() == Verdict::Never);
    let told = |decision: &Decision, place| decision.asked(place) && decision.violates(place);
    let Account { buckets, counters, remote: Some(remote), .. } = &mut *account else { return };
    for (placed, bucket) in level.rates.iter().zip(buckets) {
        if !placed.operations.cover(ask.operation) || told(decision, placed.place) {
            continue;
        }
        let held = remote.lease(placed.name, Micros(0), ask.now).milli / 1_000;
        bucket.drain(placed.grant, ask.now);
        let waiting = decision.violates(placed.place) && !never;
        let waiting = waiting.then_some(ask.weight_milli);
        let mut standing = bucket.standing(placed.grant, ask.now, waiting);
        let held = u32::try_from(held).unwrap_or(u32::MAX);
        standing.remaining = standing.remaining.saturating_add(held).min(placed.grant.quota);
        decision.stand(placed.place, standing);
    }
    for (placed, counter) in level.quotas.iter().zip(counters) {
        let counted = placed.operations.cover(ask.operation);
        if counted && allowed {
            counter.take_told(ask.now, ask.quota_milli());
        }
        let standing = counter.standing(placed.grant.quota, ask.now);
        if !counted {
            decision.stand_aside(placed.place, standing);
        } else if !told(decision, placed.place) {
            decision.stand(placed.place, standing);
        }
    }
    account.conclude_places(level, ask, decision);
}
