//! The limiter over shared counters.

use super::super::account::{Account, Ask};
use super::super::decision::{Decision, Standing, Verdict, whole_seconds};
use super::super::gcra::Bucket;
use super::super::local::{LocalLimiter, SubjectId};
use super::super::period::Bounds;
use super::super::policy::Per;
use super::super::subject::{Admission, Subject};
use super::super::terms::{Level, Terms};
use super::give::{Giver, Hold};
use super::lease;
use super::remote::Remote;
use super::wire::{self, Amount, Answer, Line, Stood, What};
use crate::cluster::{Away, Nodes, Redis};
use crate::kernel::Micros;
use crate::kernel::id::PartnerId;
use hashbrown::HashMap;
use parking_lot::{Mutex, MutexGuard};
use redis::Script;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// How nodes share counters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Redis is asked about each call.
    Strict,
    /// Units are taken in batches.
    Leased {
        /// Most units of a batch.
        most: u32,
    },
}

/// What was done since the last time this was asked.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Calls about which Redis was asked.
    pub asked: u64,
    /// Calls that were judged by this node's share.
    pub degraded: u64,
}

/// The limiter of one node over the counters of all.
#[derive(Debug)]
pub struct Shared {
    pub(super) local: LocalLimiter,
    pub(super) mode: Mode,
    pub(super) redis: Arc<Redis>,
    pub(super) nodes: Arc<Nodes>,
    pub(super) giver: Arc<Giver>,
    take: Script,
    /// One for each partner, so that its leases are made greater by one call at a time.
    gates: Mutex<HashMap<PartnerId, Arc<tokio::sync::Mutex<()>>>>,
    /// What the names of this node's calls begin with, and the number of the next.
    run: String,
    next: AtomicU64,
    asked: AtomicU64,
    degraded: AtomicU64,
    /// For tests, which give each question its time.
    pub(super) by_callers_clock: bool,
}

/// How a quota stands after a call.
fn stand(used: u64, granted: u32, bounds: Bounds, now: Micros) -> Standing {
    let left = (u64::from(granted) * 1_000).saturating_sub(used) / 1_000;
    let left_us = bounds.end.0.saturating_sub(now.0).max(1).unsigned_abs();
    let remaining = u32::try_from(left).unwrap_or(u32::MAX);
    Standing { remaining, reset_s: whole_seconds(left_us), period_s: bounds.seconds() }
}

impl Shared {
    /// A limiter for a run of this node, which has a name of its own.
    #[must_use]
    pub fn new(redis: Arc<Redis>, nodes: Arc<Nodes>, mode: Mode, run: String) -> Arc<Self> {
        Arc::new(Self {
            local: LocalLimiter::default(),
            mode,
            giver: Giver::new(Arc::clone(&redis)),
            redis,
            nodes,
            take: Script::new(include_str!("take.lua")),
            gates: Mutex::default(),
            run,
            next: AtomicU64::new(0),
            asked: AtomicU64::new(0),
            degraded: AtomicU64::new(0),
            by_callers_clock: false,
        })
    }

    /// The accounts of this process.
    #[must_use]
    pub fn local(&self) -> &LocalLimiter {
        &self.local
    }

    /// What gives back to Redis; it has to be run.
    #[must_use]
    pub fn giver(&self) -> &Arc<Giver> {
        &self.giver
    }

    /// What was done since the last time this was asked.
    #[must_use]
    pub fn take_counts(&self) -> Counts {
        Counts {
            asked: self.asked.swap(0, Ordering::Relaxed),
            degraded: self.degraded.swap(0, Ordering::Relaxed),
        }
    }

    pub(super) fn count_degraded(&self) {
        self.degraded.fetch_add(1, Ordering::Relaxed);
    }

    /// The accounts of a key, each with the names of its shared counters.
    #[must_use]
    pub fn subject(&self, id: SubjectId, terms: &Terms, differ: impl Fn(Per) -> bool) -> Subject {
        let subject = self.local.subject(id, terms, differ);
        let gate = Arc::clone(self.gates.lock().entry(id.partner).or_default());
        for (account, per) in subject.levels() {
            if let Some(account) = account {
                let new = || Box::new(Remote::new(self.redis.prefix(), &id, per, &gate));
                account.lock().remote.get_or_insert_with(new);
            }
        }
        subject
    }

    /// The decision where it needs nobody else: what is over a limit by all knowledge, what a lease
    /// covers, and all while Redis is away. `None`: [`Shared::ask`].
    pub fn check(&self, subject: &Subject, terms: &Arc<Terms>, ask: &Ask) -> Option<Admission> {
        if terms.limits.list().is_empty() {
            return Some(subject.take(terms, ask));
        }
        if let Mode::Leased { .. } = self.mode
            && let Some(admission) = self.from_lease(subject, terms, ask)
        {
            return Some(admission);
        }
        if !self.redis.is_up() {
            return Some(self.from_reserve(subject, terms, ask));
        }
        match self.mode {
            Mode::Strict => Self::refused(subject, terms, ask),
            Mode::Leased { .. } => None,
        }
    }

    /// The refusal of a call that is repeated: the shared counters have just refused the same or a lighter
    /// one, and this node knows what they said. So one that hammers costs Redis a question a second.
    fn refused(subject: &Subject, terms: &Arc<Terms>, ask: &Ask) -> Option<Admission> {
        let (mut decision, mut accounts) = (Decision::default(), lock(subject, terms, ask));
        let mut shut = false;
        accounts.each(|account, level| shut |= is_shut(account, level, terms, ask));
        if !shut {
            return None;
        }
        accounts.each(|account, level| account.ask(level, ask, &mut decision));
        if decision.allowed() {
            return None;
        }
        accounts.each(|account, level| account.conclude(level, ask, &mut decision));
        Some(Admission { decision, permit: None })
    }

    /// Asks the shared counters about a call, and waits for them no longer than for Redis.
    pub async fn ask(self: Arc<Self>, subject: Subject, terms: Arc<Terms>, ask: Ask) -> Admission {
        let gate = match self.mode {
            Mode::Strict => None,
            Mode::Leased { .. } => gate(&subject),
        };
        let _one_at_a_time = match &gate {
            Some(gate) => Some(gate.lock().await),
            None => None,
        };
        // What came while this call waited may do.
        if gate.is_some()
            && let Some(admission) = self.check(&subject, &terms, &ask)
        {
            return admission;
        }
        let lines = self.lines(&subject, &terms, &ask);
        let member = format!("{}.{}", self.run, self.next.fetch_add(1, Ordering::Relaxed));
        match self.put(&lines, &member, ask.now).await {
            Ok(answer) => self.conclude(&subject, &terms, &ask, (&lines, &answer, member)),
            Err(error) => {
                tracing::debug!(%error, "a call is judged by this node's share");
                lock(&subject, &terms, &ask).each(|account, _| put_back(account, &lines, ask.now));
                self.from_reserve(&subject, &terms, &ask)
            }
        }
    }

    async fn put(&self, lines: &[Line], member: &str, now: Micros) -> Result<Answer, Away> {
        let asked: Vec<&Line> = lines.iter().filter(|line| line.asks()).collect();
        if asked.is_empty() {
            return Ok(Answer { admitted: true, stood: Vec::new() });
        }
        self.asked.fetch_add(1, Ordering::Relaxed);
        let now = self.by_callers_clock.then_some(now);
        let question = wire::question(&self.take, &asked, member, now);
        let said: Vec<i64> =
            self.redis.with(async |mut redis| question.invoke_async(&mut redis).await).await?;
        wire::answer(&said, asked.len()).ok_or(Away::Down)
    }

    /// The limits that count a call, with what this node knows of each. What is leased for the call is taken
    /// from the leases.
    fn lines(&self, subject: &Subject, terms: &Arc<Terms>, ask: &Ask) -> Vec<Line> {
        let mut lines = Vec::with_capacity(terms.limits.list().len());
        lock(subject, terms, ask).each(|account, level| {
            self.rate_lines(account, level, ask, &mut lines);
            self.quota_lines(account, level, ask, &mut lines);
            if self.mode == Mode::Strict {
                place_lines(account, level, ask, &mut lines);
            }
        });
        lines
    }

    fn rate_lines(&self, account: &mut Account, level: &Level, ask: &Ask, lines: &mut Vec<Line>) {
        let longest = level.rates.iter().map(|rate| rate.grant.window_s).max().unwrap_or(0);
        let Account { per, shared, buckets, remote: Some(remote), .. } = account else { return };
        for (placed, bucket) in level.rates.iter().zip(buckets) {
            if !placed.operations.cover(ask.operation) {
                continue;
            }
            let (name, rate) = (placed.name, placed.grant);
            let amount = self.amount(remote, (name, Micros(0)), ask, ask.weight_milli, rate.quota);
            let what = What::Rate {
                rate,
                known: bucket.limbs(&rate, ask.now),
                owed: remote.reserve.owed(name, &rate, ask.now),
                clamp: !*shared,
                ttl_ms: u64::from(longest) * 1_000 + 1_000,
            };
            let key = Arc::clone(&remote.rates);
            lines.push(Line { per: *per, place: placed.place, name, key, amount, what });
        }
    }

    fn quota_lines(&self, account: &mut Account, level: &Level, ask: &Ask, lines: &mut Vec<Line>) {
        let Account { per, counters, remote: Some(remote), .. } = account else { return };
        for (placed, counter) in level.quotas.iter().zip(counters) {
            if !placed.operations.cover(ask.operation) {
                continue;
            }
            counter.roll(ask.now);
            let (known, bounds) = counter.used(ask.now);
            let (name, granted) = (placed.name, placed.grant.quota);
            let amount = self.amount(remote, (name, bounds.start), ask, ask.quota_milli(), granted);
            let key = remote.quota(name, bounds.start);
            let what = What::Quota { granted, known, bounds };
            lines.push(Line { per: *per, place: placed.place, name, key, amount, what });
        }
    }

    /// Takes in what the shared counters said, and the call where it is admitted.
    fn conclude(
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
            let asked = lines.iter().filter(|line| line.asks()).zip(&answer.stood);
            for (line, stood) in asked.filter(|(line, _)| line.per == per) {
                let heard = Heard { line, stood, admitted: answer.admitted, never };
                self.take_in(account, level, ask, &heard, &mut decision);
            }
        });
        if !answer.admitted && decision.allowed() {
            // What refused has come free between the answer and now.
            let place = lines.first().map_or(0, |line| line.place);
            decision.refuse(place, Verdict::Wait { micros: 1 });
        }
        let leased = self.mode != Mode::Strict;
        accounts.each(|account, level| {
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
            let hold = Hold::new(&self.giver, lines, &member);
            subject.permit(terms, ask, Some(hold))
        });
        Admission { decision, permit }
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
        let Heard { line, stood, admitted, never } = heard;
        let (place, now) = (line.place, ask.now);
        let (why, standing) = match &line.what {
            What::Rate { rate, .. } => {
                let mut bucket = Bucket::of_limbs(stood.debt, now, rate);
                let why = bucket.refuses(rate, now, line.amount.need).filter(|_| !admitted);
                bucket.take(rate, u32::try_from(stood.granted).unwrap_or(u32::MAX));
                let waiting = why.filter(|_| !never).map(|_| line.amount.need);
                let standing = bucket.standing(rate, now, waiting);
                let of_level = level.rates.iter().position(|placed| placed.place == place);
                if let Some(known) = of_level.and_then(|n| account.buckets.get_mut(n)) {
                    *known = bucket;
                }
                (why, standing)
            }
            What::Quota { granted, bounds, .. } => {
                let (used, need) = (stood.debt.0, u64::from(line.amount.need));
                let full = u64::from(*granted) * 1_000;
                let why = (!admitted && need > 0 && used + need > full).then(|| {
                    let micros = bounds.end.0.saturating_sub(now.0).max(1).unsigned_abs();
                    if need > full { Verdict::Never } else { Verdict::Wait { micros } }
                });
                (why, stand(used + stood.granted, *granted, *bounds, now))
            }
            What::Place { most } => {
                let running = u32::try_from(stood.debt.0).unwrap_or(u32::MAX);
                let why = (!admitted && running >= *most).then_some(Verdict::Busy);
                let after = running.saturating_add(u32::from(*admitted));
                let remaining = most.saturating_sub(after);
                let reset_s = u32::from(why.is_some());
                (why, Standing { remaining, reset_s, period_s: 0 })
            }
        };
        if let Some(why) = why {
            decision.refuse(place, why);
        }
        decision.stand(place, standing);
        if let Some(remote) = &mut account.remote {
            remote.terms = account.terms.clone();
            remote.learn(line, (stood.granted, *admitted), why, now, self.mode != Mode::Strict);
        }
    }
}

/// What one shared counter has said.
struct Heard<'a> {
    line: &'a Line,
    stood: &'a Stood,
    admitted: bool,
    /// Whether a limit can never admit the call.
    never: bool,
}

/// Takes an admitted call from what this process counts by itself, where the shared counters have admitted
/// it. Its rates were taken in with the answer.
fn finish(account: &mut Account, level: &Level, ask: &Ask, decision: &mut Decision) {
    for (placed, counter) in level.quotas.iter().zip(&mut account.counters) {
        let counted = placed.operations.cover(ask.operation);
        if counted && decision.allowed() {
            counter.take(ask.now, ask.quota_milli());
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

/// Puts back into the leases of an account what was taken from them for a call.
fn put_back(account: &mut Account, lines: &[Line], now: Micros) {
    let Account { per, remote: Some(remote), .. } = account else { return };
    for line in lines.iter().filter(|line| line.per == *per && line.amount.hand > 0) {
        let lease = remote.lease(line.name, line.start(), now);
        lease.milli = lease.milli.saturating_add(line.amount.hand.into());
    }
}

/// The accounts of a subject under these terms, all locked, so that a call is judged and taken at once.
pub(super) struct Locked<'a>([Option<(MutexGuard<'a, Account>, &'a Level)>; 3]);

pub(super) fn lock<'a>(subject: &'a Subject, terms: &'a Arc<Terms>, ask: &Ask) -> Locked<'a> {
    Locked(subject.levels().map(|(account, per)| {
        let mut account = account?.lock();
        account.follow(terms, ask.now);
        Some((account, terms.level(per)))
    }))
}

impl Locked<'_> {
    /// Does something at each level that is limited.
    pub(super) fn each(&mut self, mut act: impl FnMut(&mut Account, &Level)) {
        for (account, level) in self.0.iter_mut().flatten() {
            act(account, level);
        }
    }
}

/// Whether a rate of a level has just been reached under these terms.
fn is_shut(account: &mut Account, level: &Level, terms: &Arc<Terms>, ask: &Ask) -> bool {
    let Some(remote) = &mut account.remote else { return false };
    if !remote.terms.as_ref().is_some_and(|known| Arc::ptr_eq(known, terms)) {
        return false;
    }
    let mut rates = level.rates.iter().filter(|placed| placed.operations.cover(ask.operation));
    rates.any(|placed| remote.shut_until(placed.name, ask.weight_milli, ask.now).is_some())
}

fn gate(subject: &Subject) -> Option<Arc<tokio::sync::Mutex<()>>> {
    let mut accounts = subject.levels().into_iter().filter_map(|(account, _)| account);
    accounts.find_map(|account| Some(Arc::clone(&account.lock().remote.as_ref()?.gate)))
}

fn place_lines(account: &mut Account, level: &Level, ask: &Ask, lines: &mut Vec<Line>) {
    let Some(remote) = &account.remote else { return };
    for placed in level.places.iter().filter(|placed| placed.operations.cover(ask.operation)) {
        let (name, what) = (placed.name, What::Place { most: placed.grant.most });
        let amount = Amount { need: 1, wish: 1, hand: 0 };
        let key = remote.place(name);
        lines.push(Line { per: account.per, place: placed.place, name, key, amount, what });
    }
}
