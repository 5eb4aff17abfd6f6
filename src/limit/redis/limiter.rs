//! The limiter over shared counters.

use super::super::account::{Account, Ask};
use super::super::decision::Decision;
use super::super::local::{LocalLimiter, SubjectId};
use super::super::policy::Per;
use super::super::subject::{Admission, Subject};
use super::super::terms::{Level, Terms};
use super::conclude::put_back;
use super::give::Giver;
use super::remote::{Gate, Remote};
use super::reserve::{ask_binding, ask_quotas, stand_known};
use super::wire::{self, Answer, Line};
use crate::cluster::{Away, Nodes, Redis, Slot};
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
    gates: Mutex<HashMap<PartnerId, Arc<Gate>>>,
    /// What the names of this node's calls begin with, and the number of the next.
    run: String,
    next: AtomicU64,
    asked: AtomicU64,
    degraded: AtomicU64,
    /// For tests, which give each question its time.
    pub(super) by_callers_clock: bool,
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

    /// Whether what the shared counters tell is used, and not leased.
    pub(in super::super) fn is_exact(&self) -> bool {
        self.mode == Mode::Strict
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
        let mut subject = self.local.subject(id, terms, differ);
        let new = || Arc::new(Gate::new(id.partner));
        let gate = Arc::clone(self.gates.lock().entry(id.partner).or_insert_with(new));
        subject.slot = gate.slot;
        for (account, per) in subject.levels() {
            if let Some(account) = account {
                self.attach(&mut account.lock(), (&id, per), &gate);
            }
        }
        subject
    }

    /// Gives an account its names among the shared counters. An app that was transferred has had others, in the
    /// slot of its old partner: what is leased there goes back, and what is not told yet is told to the new ones.
    fn attach(&self, account: &mut Account, (id, per): (&SubjectId, Per), gate: &Arc<Gate>) {
        let old = account.remote.take_if(|remote| !Arc::ptr_eq(&remote.gate, gate));
        if account.remote.is_some() {
            return;
        }
        let mut remote = Remote::new(self.redis.prefix(), id, per, gate);
        if let Some(mut old) = old {
            self.return_leases(&mut old, &account.rates(), |_| true);
            remote.reserve = old.reserve;
        }
        account.remote = Some(Box::new(remote));
    }

    /// Forgets what is kept for partners that have no accounts any more.
    pub(in super::super) fn tidy(&self) {
        self.gates.lock().retain(|_, gate| Arc::strong_count(gate) > 1);
    }

    /// The decision where it needs nobody else: what is over a limit by all knowledge, what a lease
    /// covers, and all while Redis is away. `None`: [`Shared::ask`].
    pub fn check(
        self: &Arc<Self>,
        subject: &Subject,
        terms: &Arc<Terms>,
        ask: &Ask,
    ) -> Option<Admission> {
        if terms.limits.list().is_empty() {
            return Some(subject.take(terms, ask));
        }
        if let Mode::Leased { .. } = self.mode
            && let Some(admission) = self.by_lease(subject, terms, ask)
        {
            return Some(admission);
        }
        if !self.redis.leads(subject.slot) {
            return Some(self.by_reserve(subject, terms, ask));
        }
        self.refused(subject, terms, ask)
    }

    /// The refusal that needs no question: of a call that is repeated, where the shared counters have just refused
    /// the same or a lighter one, and this node knows what they said, so that one that hammers costs Redis a question
    /// a second; and of a call for which there is no room in a share that still binds this node.
    fn refused(&self, subject: &Subject, terms: &Arc<Terms>, ask: &Ask) -> Option<Admission> {
        let (mut decision, mut accounts) = (Decision::default(), lock(subject, terms, ask));
        let (mut shut, mut bound, strict) = (false, false, self.mode == Mode::Strict);
        accounts.each(|account, level| {
            shut |= strict && is_shut(account, level, terms, ask);
            bound |= account.remote.as_mut().is_some_and(|remote| remote.reserve.binds(ask.now));
        });
        if shut {
            accounts.each(|account, level| account.ask(level, ask, &mut decision));
        }
        if bound && decision.allowed() {
            let mut by_share = decision;
            accounts.each(|account, level| ask_binding(account, level, ask, &mut by_share));
            if by_share.allowed() {
                return None;
            }
            // A quota that is known to be used up is refused as one, whatever the share has.
            accounts.each(|account, level| ask_quotas(account, level, ask, strict, &mut decision));
            if decision.allowed() {
                self.count_degraded();
                by_share.degrade();
                decision = by_share;
            }
        }
        if decision.allowed() {
            return None;
        }
        accounts.each(|account, level| {
            account.conclude(level, ask, &mut decision);
            if bound && strict {
                stand_known(account, level, ask, &mut decision);
            }
        });
        Some(Admission { decision, permit: None })
    }

    /// Asks the shared counters about a call, and waits for them no longer than for Redis.
    pub async fn ask(self: Arc<Self>, subject: Subject, terms: Arc<Terms>, ask: Ask) -> Admission {
        let gate = match self.mode {
            Mode::Strict => None,
            Mode::Leased { .. } => gate(&subject),
        };
        let _one_at_a_time = match &gate {
            Some(gate) => Some(gate.turn.lock().await),
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
        match self.put(subject.slot, &lines, &member, ask.now).await {
            Ok(answer) => self.conclude(&subject, &terms, &ask, (&lines, &answer, member)),
            Err(error) => {
                tracing::debug!(%error, "a call is judged by this node's share");
                lock(&subject, &terms, &ask).each(|account, _| unask(account, &lines, ask.now));
                self.by_reserve(&subject, &terms, &ask)
            }
        }
    }

    /// Makes the leases of a call's limits as great as they may be, unless a call is doing so.
    pub(super) async fn renew(self: Arc<Self>, subject: Subject, terms: Arc<Terms>, ask: Ask) {
        let gate = gate(&subject);
        let Some(_one_at_a_time) = gate.as_ref().and_then(|gate| gate.turn.try_lock().ok()) else {
            return;
        };
        // It is asked as for a call that weighs nothing: that needs nothing, and is granted what a batch lacks.
        let ask = Ask { weight_milli: 0, ..ask };
        let lines = self.lines(&subject, &terms, &ask);
        let member = format!("{}.{}", self.run, self.next.fetch_add(1, Ordering::Relaxed));
        match self.put(subject.slot, &lines, &member, ask.now).await {
            Ok(answer) => self.hear(&subject, &terms, &ask, (&lines, &answer)),
            Err(error) => {
                tracing::debug!(%error, "leases were not renewed ahead of need");
                lock(&subject, &terms, &ask).each(|account, _| unask(account, &lines, ask.now));
            }
        }
    }

    async fn put(
        &self,
        slot: Slot,
        lines: &[Line],
        member: &str,
        now: Micros,
    ) -> Result<Answer, Away> {
        let asked: Vec<&Line> = lines.iter().filter(|line| line.amount.asks()).collect();
        if asked.is_empty() {
            return Ok(Answer { admitted: true, at: Micros(0), stood: Vec::new() });
        }
        self.asked.fetch_add(1, Ordering::Relaxed);
        let now = self.by_callers_clock.then_some(now);
        let question = wire::question(&self.take, &asked, member, now);
        let said: Vec<i64> = self.redis.run(slot, &question).await?;
        wire::answer(&said, asked.len()).ok_or(Away::Down)
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

/// Whether a limit of a level is known to be reached under these terms: a rate that has just refused, or a
/// quota that is used up by what the ledger has.
fn is_shut(account: &mut Account, level: &Level, terms: &Arc<Terms>, ask: &Ask) -> bool {
    for (placed, counter) in level.quotas.iter().zip(&mut account.counters) {
        if placed.operations.cover(ask.operation)
            && counter.refuses(placed.grant.quota, ask.now, ask.quota_milli()).is_some()
        {
            return true;
        }
    }
    let Some(remote) = &mut account.remote else { return false };
    if !remote.terms.as_ref().is_some_and(|known| Arc::ptr_eq(known, terms)) {
        return false;
    }
    let mut rates = level.rates.iter().filter(|placed| placed.operations.cover(ask.operation));
    rates.any(|placed| remote.shut_until(placed.name, ask.weight_milli, ask.now).is_some())
}

/// Undoes what the making of a question did to an account, where nothing was heard.
fn unask(account: &mut Account, lines: &[Line], now: Micros) {
    put_back(account, lines, now);
    let Account { per, remote: Some(remote), .. } = account else { return };
    remote.reserve.untell(lines, *per, now);
}

fn gate(subject: &Subject) -> Option<Arc<Gate>> {
    let mut accounts = subject.levels().into_iter().filter_map(|(account, _)| account);
    accounts.find_map(|account| Some(Arc::clone(&account.lock().remote.as_ref()?.gate)))
}
