//! What follows from what the shared counters have said.

use super::super::account::{Account, Ask};
use super::super::decision::{Decision, Standing, Verdict, whole_seconds};
use super::super::gcra::Bucket;
use super::super::period::Bounds;
use super::super::subject::{Admission, Subject};
use super::super::terms::{Level, Terms};
use super::give::Hold;
use super::lease;
use super::limiter::{Mode, Shared, lock};
use super::share::Granted;
use super::wire::{Answer, Line, Stood, What};
use crate::kernel::Micros;
use std::sync::Arc;

/// How a quota stands after a call.
fn stand(used: u64, granted: u32, bounds: Bounds, now: Micros) -> Standing {
    let left = (u64::from(granted) * 1_000).saturating_sub(used) / 1_000;
    let left_us = bounds.end.0.saturating_sub(now.0).max(1).unsigned_abs();
    let remaining = u32::try_from(left).unwrap_or(u32::MAX);
    Standing { remaining, reset_s: whole_seconds(left_us), period_s: bounds.seconds() }
}

impl Shared {
    /// Takes in what the shared counters said, and the call where it is admitted.
    pub(super) fn conclude(
        &self,
        subject: &Subject,
        terms: &Arc<Terms>,
        ask: &Ask,
        (lines, answer, member): (&[Line], &Answer, String),
    ) -> Admission {
        let (mut decision, mut accounts) = (Decision::default(), lock(subject, terms, ask));
        let never = !answer.admitted && lines.iter().any(Line::never_fits);
        accounts.each(|account, level| {
            let per = account.per;
            let asked = lines.iter().filter(|line| line.amount.asks()).zip(&answer.stood);
            for (line, stood) in asked.filter(|(line, _)| line.per == per) {
                let heard = Heard::new((line, stood), answer, never);
                self.take_in(account, level, ask, &heard, &mut decision);
            }
        });
        if !answer.admitted && decision.allowed() {
            // What refused has come free between the answer and now.
            let place = lines.first().map_or(0, |line| line.place);
            decision.refuse(place, Verdict::Wait { micros: 1 });
        }
        let leased = self.mode != Mode::Strict;
        let mut shares = Vec::new();
        accounts.each(|account, level| {
            if answer.admitted {
                shares.extend(granted(account, lines));
            }
            if leased && !answer.admitted {
                put_back(account, lines, ask.now);
            }
            match leased {
                true => lease::finish(account, level, ask, &mut decision),
                false => finish(account, level, ask, &mut decision),
            }
        });
        drop(accounts);
        let permit = (terms.ends() && decision.allowed()).then(|| {
            let hold = Hold::new(&self.giver, lines, &member, shares);
            subject.permit(terms, ask, Some(hold))
        });
        Admission { decision, permit }
    }

    /// Takes in what the shared counters said where no call waits for it.
    pub(super) fn hear(
        &self,
        subject: &Subject,
        terms: &Arc<Terms>,
        ask: &Ask,
        (lines, answer): (&[Line], &Answer),
    ) {
        lock(subject, terms, ask).each(|account, level| {
            let per = account.per;
            let asked = lines.iter().filter(|line| line.amount.asks()).zip(&answer.stood);
            for (line, stood) in asked.filter(|(line, _)| line.per == per) {
                let heard = Heard::new((line, stood), answer, false);
                self.take_in(account, level, ask, &heard, &mut Decision::default());
            }
        });
    }

    /// Takes in what one shared counter said.
    fn take_in(
        &self,
        account: &mut Account,
        level: &Level,
        ask: &Ask,
        heard: &Heard<'_>,
        decision: &mut Decision,
    ) {
        let Heard { line, stood, admitted, .. } = heard;
        let (place, now, leased) = (line.place, ask.now, self.mode != Mode::Strict);
        let (why, standing) = match line.what {
            What::Rate { .. } => take_in_rate(account, level, now, heard),
            What::Quota { .. } => take_in_quota(account, level, now, heard),
            What::Place { most, .. } => place_after(most, heard),
        };
        match why {
            Some(Verdict::Wait { .. }) if leased && is_lent(account, level, line, ask) => {
                decision.shut(place, lease::BACK_S);
            }
            Some(why) => decision.refuse(place, why),
            None => {}
        }
        decision.stand(place, standing);
        if let Some(remote) = &mut account.remote {
            remote.terms = account.terms.clone();
            remote.learn(line, (stood.granted, *admitted), why, now, leased);
        }
    }
}

type After = (Option<Verdict>, Standing);

fn take_in_rate(account: &mut Account, level: &Level, now: Micros, heard: &Heard<'_>) -> After {
    let Heard { line, stood, admitted, never, .. } = heard;
    let What::Rate { rate, .. } = line.what else { return After::default() };
    let mut bucket = Bucket::of_limbs(stood.debt, now, rate);
    let why = bucket.refuses(rate, now, line.amount.need).filter(|_| !admitted);
    bucket.take(rate, u32::try_from(stood.granted).unwrap_or(u32::MAX));
    let waiting = why.filter(|_| !never).map(|_| line.amount.need);
    let standing = bucket.standing(rate, now, waiting);
    let of_level = level.rates.iter().position(|placed| placed.place == line.place);
    if let Some(known) = of_level.and_then(|n| account.buckets.get_mut(n)) {
        *known = bucket;
    }
    (why, standing)
}

fn take_in_quota(account: &mut Account, level: &Level, now: Micros, heard: &Heard<'_>) -> After {
    let Heard { line, stood, admitted, .. } = heard;
    let What::Quota { granted, bounds, .. } = line.what else { return After::default() };
    let (used, need) = (stood.debt.0, u64::from(line.amount.need));
    let after = used + stood.granted;
    let of_level = level.quotas.iter().position(|placed| placed.place == line.place);
    if let Some(counter) = of_level.and_then(|n| account.counters.get_mut(n)) {
        counter.hear(bounds.start, (after, heard.at), now);
    }
    let full = u64::from(granted) * 1_000;
    let why = (!admitted && need > 0 && used + need > full).then(|| {
        let micros = bounds.end.0.saturating_sub(now.0).max(1).unsigned_abs();
        if need > full { Verdict::Never } else { Verdict::Wait { micros } }
    });
    (why, stand(after, granted, bounds, now))
}

fn place_after(most: u32, Heard { stood, admitted, .. }: &Heard<'_>) -> After {
    let running = u32::try_from(stood.debt.0).unwrap_or(u32::MAX);
    let why = (!admitted && running >= most).then_some(Verdict::Busy);
    let after = running.saturating_add(u32::from(*admitted));
    let remaining = most.saturating_sub(after);
    let reset_s = u32::from(why.is_some());
    (why, Standing { remaining, reset_s, period_s: 0 })
}

/// Whether a quota that has nothing more to give is not known to be used up: other nodes may hold the rest.
fn is_lent(account: &Account, level: &Level, line: &Line, ask: &Ask) -> bool {
    let mut quotas = level.quotas.iter().zip(&account.counters);
    let quota = quotas.find(|(placed, _)| placed.place == line.place);
    quota.is_some_and(|(placed, counter)| {
        counter.is_over(placed.grant.quota, ask.now, ask.quota_milli()).is_none()
    })
}

/// What one shared counter has said.
struct Heard<'a> {
    line: &'a Line,
    stood: &'a Stood,
    admitted: bool,
    /// When, by Redis's clock.
    at: Micros,
    /// Whether a limit can never admit the call.
    never: bool,
}

impl<'a> Heard<'a> {
    fn new((line, stood): (&'a Line, &'a Stood), answer: &Answer, never: bool) -> Self {
        Self { line, stood, admitted: answer.admitted, at: answer.at, never }
    }
}

/// Takes an admitted call from what this process counts by itself, where the shared counters have admitted
/// it. Its rates, and what its quotas know of the shared counters, were taken in with the answer.
fn finish(account: &mut Account, level: &Level, ask: &Ask, decision: &mut Decision) {
    for (placed, counter) in level.quotas.iter().zip(&mut account.counters) {
        let counted = placed.operations.cover(ask.operation);
        if counted && decision.allowed() {
            counter.take_told(ask.now, ask.quota_milli());
        } else if !counted {
            let standing = counter.standing(placed.grant.quota, ask.now);
            decision.stand_aside(placed.place, standing);
        }
    }
    let places = level.places.iter().filter(|placed| placed.operations.cover(ask.operation));
    for placed in places.filter(|_| decision.allowed()) {
        account.begin(placed.name);
    }
}

/// What an admitted call is known by to the shares of an account that bind this node.
fn granted(account: &Account, lines: &[Line]) -> Vec<Granted> {
    let Account { per, remote: Some(remote), .. } = account else { return Vec::new() };
    let lines = lines.iter().filter(|line| line.per == *per);
    lines.filter_map(|line| remote.reserve.granted(line)).collect()
}

/// Puts back into the leases of an account what was taken from them for a call.
pub(super) fn put_back(account: &mut Account, lines: &[Line], now: Micros) {
    let Account { per, remote: Some(remote), .. } = account else { return };
    for line in lines.iter().filter(|line| line.per == *per && line.amount.hand > 0) {
        let lease = remote.lease(line.name, line.start(), now);
        lease.milli = lease.milli.saturating_add(line.amount.hand.into());
    }
}
