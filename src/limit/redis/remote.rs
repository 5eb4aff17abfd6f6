//! What an account of this process keeps about the counters that nodes share.

use super::super::decision::Verdict;
use super::super::local::{AccountId, SubjectId};
use super::super::name::LimitName;
use super::super::policy::Per;
use super::super::terms::Terms;
use super::lease::LONGEST_SHUT;
use super::share::Reserve;
use super::wire::Line;
use crate::cluster::Slot;
use crate::kernel::Micros;
use crate::kernel::id::PartnerId;
use std::sync::Arc;
use tokio::sync::Mutex;

/// What stands between an account and the counters that nodes share.
#[derive(Debug)]
pub struct Remote {
    /// The key of its rates.
    pub(super) rates: Arc<str>,
    /// What the keys of its quotas begin with.
    pub(super) quotas: Box<str>,
    /// The same of its limits of concurrency.
    pub(super) places: Box<str>,
    /// Held while a lease of the partner is made greater.
    pub(super) gate: Arc<Gate>,
    /// Units that this node may grant without asking.
    pub(super) leases: Vec<Lease>,
    /// Limits that are reached: until then, a call of this weight need not be asked about.
    pub(super) shut: Vec<Shut>,
    /// The terms under which the shared counters were last heard.
    pub(super) terms: Option<Arc<Terms>>,
    /// What is granted, while nobody can be asked, of the share of this node.
    pub(super) reserve: Reserve,
}

/// What all accounts of a partner have in common.
#[derive(Debug)]
pub(super) struct Gate {
    /// Where all its counters lie.
    pub(super) slot: Slot,
    /// Held while a lease is made greater, so that no two calls do so at once.
    pub(super) turn: Mutex<()>,
}

impl Gate {
    /// That of a partner.
    pub(super) fn new(partner: PartnerId) -> Self {
        Self { slot: Slot::of(&tag(partner)), turn: Mutex::default() }
    }
}

/// What the names of all counters of a partner have in common: so they lie in one slot of a Redis Cluster, and
/// one script may touch them. The prefix before it has no braces.
fn tag(partner: PartnerId) -> String {
    format!("{{p:{partner}}}")
}

/// Units of one limit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Lease {
    pub(super) name: LimitName,
    /// The key of a quota in its period.
    pub(super) key: Option<Arc<str>>,
    /// The beginning of a quota's period; 0 for rates.
    pub(super) start: Micros,
    pub(super) milli: u64,
    /// Where less is left, more is asked for, so that no call has to wait for it.
    pub(super) low: u64,
    /// When it was last used or made greater.
    pub(super) at: Micros,
}

/// A limit that is reached.
#[derive(Debug, Clone, Copy)]
pub(super) struct Shut {
    pub(super) name: LimitName,
    pub(super) until: Micros,
    pub(super) milli: u32,
}

impl Remote {
    /// For the account of `per`. Ids and names are all that its keys hold.
    pub(super) fn new(prefix: &str, id: &SubjectId, per: Per, gate: &Arc<Gate>) -> Self {
        let AccountId { live, .. } = id.account(per);
        let whose = match per {
            Per::Partner => id.partner.to_string(),
            Per::App => id.app.to_string(),
            Per::Key => id.key.to_string(),
        };
        let side = if live { "live" } else { "test" };
        let tag = tag(id.partner);
        let name = |kind: &str| format!("{prefix}{tag}:{kind}:{side}:{whose}");
        Self {
            rates: name("g").into(),
            quotas: name("q").into(),
            places: name("c").into(),
            gate: Arc::clone(gate),
            leases: Vec::new(),
            shut: Vec::new(),
            terms: None,
            reserve: Reserve::default(),
        }
    }

    /// Whether nothing lies here that the shared counters do not know, and nothing of theirs.
    pub(in super::super) fn settled(&self, now: Micros) -> bool {
        self.leases.iter().all(|lease| lease.milli == 0) && self.reserve.is_told(now)
    }

    /// The key of a quota in the period that begins at `start`. An edit of the plan makes no second one.
    pub(super) fn quota(&self, name: LimitName, start: Micros) -> Arc<str> {
        let known = self.leases.iter().find(|lease| lease.name == name && lease.start == start);
        let new = || format!("{}:{name}:{}", self.quotas, start.0.div_euclid(1_000_000)).into();
        known.and_then(|lease| lease.key.clone()).unwrap_or_else(new)
    }

    /// The key of a limit of concurrency.
    pub(super) fn place(&self, name: LimitName) -> Arc<str> {
        format!("{}:{name}", self.places).into()
    }

    /// The lease of a limit, empty where there was none. One of an earlier period is over.
    pub(super) fn lease(&mut self, name: LimitName, start: Micros, now: Micros) -> &mut Lease {
        let known = self.leases.iter().position(|lease| lease.name == name);
        if known.is_some_and(|place| self.leases[place].start == start) {
            return &mut self.leases[known.unwrap_or_default()];
        }
        let key = (start != Micros(0)).then(|| self.quota(name, start));
        let lease = Lease { name, key, start, milli: 0, low: 0, at: now };
        let place = known.unwrap_or(self.leases.len());
        match known {
            Some(place) => self.leases[place] = lease,
            None => self.leases.push(lease),
        }
        &mut self.leases[place]
    }

    /// Remembers what a shared counter has granted, or for how long it is reached.
    pub(super) fn learn(
        &mut self,
        line: &Line,
        (granted, admitted): (u64, bool),
        why: Option<Verdict>,
        now: Micros,
        leased: bool,
    ) {
        self.reserve.settled(line.name, now);
        if admitted {
            self.reserve.spend(line, granted);
        }
        if admitted && leased {
            let lease = self.lease(line.name, line.start(), now);
            let rest = granted.saturating_sub(line.amount.need.into());
            (lease.milli, lease.at) = (lease.milli.saturating_add(rest), now);
            lease.low = lease.milli / 4;
        }
        if let Some(Verdict::Wait { micros }) = why {
            let micros = i64::try_from(micros).unwrap_or(i64::MAX).min(LONGEST_SHUT);
            let until = Micros(now.0.saturating_add(micros));
            self.shut.retain(|shut| shut.name != line.name);
            self.shut.push(Shut { name: line.name, until, milli: line.amount.need });
        }
    }

    /// Until when a limit is shut for a call of this weight.
    pub(super) fn shut_until(
        &mut self,
        name: LimitName,
        milli: u32,
        now: Micros,
    ) -> Option<Micros> {
        // One that lies further ahead is of a clock that was put back since.
        self.shut.retain(|shut| (1..=LONGEST_SHUT).contains(&shut.until.0.saturating_sub(now.0)));
        let shut = self.shut.iter().find(|shut| shut.name == name && milli >= shut.milli)?;
        Some(shut.until)
    }
}
