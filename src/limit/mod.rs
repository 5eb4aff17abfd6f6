//! How much a caller may take: the limits of a plan, and the limiter that holds callers to them.
//!
//! A call names its operation and weight; all limits that count it are asked together, at the levels of
//! partner, app and key, and nothing is taken when any refuses. A plan's [`Limits`] are made ready once
//! as [`Terms`]; [`gcra`] has the arithmetic of rates and [`period`] that of calendars, both pure;
//! [`account`] counts for one partner, app or key; [`local`] keeps the accounts of this process.
//! Fetch a [`Subject`] once per key and keep it: a check is then one uncontended lock for each level.

pub mod account;
#[cfg(test)]
mod conformance;
pub mod counted;
pub mod counter;
#[cfg(test)]
mod counter_tests;
pub mod decision;
pub mod gcra;
pub mod local;
pub mod name;
pub mod period;
#[cfg(test)]
mod period_tests;
pub mod policy;
pub mod redis;
pub mod subject;
mod tally;
pub mod terms;

pub use account::{Ask, Look};
pub use counted::Counted;
pub use counter::Billed;
pub use decision::{Decision, Standing, Verdict};
pub use local::{AccountId, LocalLimiter, SubjectId, Wanted};
pub use name::LimitName;
pub use period::{Anchor, Bounds, Cycle, Period};
pub use policy::{Concurrency, InvalidLimits, Kind, Limit, Limits, MOST_LIMITS};
pub use policy::{Operations, Per, Quota, Rate};
pub use subject::{Admission, Permit, Subject};
pub use terms::{Level, Terms, Weights, WhenDegraded};

use crate::kernel::Micros;
use std::sync::Arc;

/// Where accounts are kept.
#[derive(Debug)]
pub enum Limiter {
    /// In the memory of this process.
    Local(LocalLimiter),
    /// In a Redis that all nodes share.
    Shared(Arc<redis::Shared>),
}

/// The limiter has to ask the other nodes' counters: await [`Limiter::ask`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the shared counters have to be asked")]
pub struct MustAsk;

impl Limiter {
    /// The accounts of a key under these terms: the same ones however often they are asked for. `differ`
    /// says whether other terms use the account of a level, too.
    #[must_use]
    pub fn subject(&self, id: SubjectId, terms: &Terms, differ: impl Fn(Per) -> bool) -> Subject {
        match self {
            Self::Local(local) => local.subject(id, terms, differ),
            Self::Shared(shared) => shared.subject(id, terms, differ),
        }
    }

    /// How each limit of the terms stands, in the order of the plan.
    #[must_use]
    pub fn look(&self, subject: &Subject, terms: &Arc<Terms>, now: Micros) -> Vec<Look> {
        subject.look(terms, now)
    }

    /// What is known to be used of each quota of the terms, by its place in the plan, in thousandths of a unit. What
    /// nodes have leased they may not have used: then that is what the ledger has and this node has taken.
    #[must_use]
    pub fn known_used(
        &self,
        subject: &Subject,
        terms: &Arc<Terms>,
        now: Micros,
    ) -> Vec<(usize, u64)> {
        let is_exact = match self {
            Self::Local(_) => false,
            Self::Shared(shared) => shared.is_exact(),
        };
        subject.known_used(terms, now, is_exact)
    }

    /// Takes a call from every limit of the terms, or from none.
    pub fn check(
        &self,
        subject: &Subject,
        terms: &Arc<Terms>,
        ask: &Ask,
    ) -> Result<Admission, MustAsk> {
        match self {
            Self::Local(_) => Ok(subject.take(terms, ask)),
            Self::Shared(shared) => shared.check(subject, terms, ask).ok_or(MustAsk),
        }
    }

    /// The same where the counters of all nodes have to be asked. A call that goes away meanwhile gives back
    /// what it was granted.
    pub async fn ask(&self, subject: &Subject, terms: &Arc<Terms>, ask: &Ask) -> Admission {
        let Self::Shared(shared) = self else { return subject.take(terms, ask) };
        let asked = Arc::clone(shared).ask(subject.clone(), Arc::clone(terms), *ask);
        // Beside the call: dropped in the middle, it would leave what it took with nobody to give it back.
        match tokio::spawn(asked).await {
            Ok(admission) => admission,
            Err(_) => shared.by_reserve(subject, terms, ask),
        }
    }

    /// The accounts of this process.
    #[must_use]
    pub fn local(&self) -> &LocalLimiter {
        match self {
            Self::Local(local) => local,
            Self::Shared(shared) => shared.local(),
        }
    }

    /// Forgets accounts that nobody holds and that owe nothing; how many are left. Call it on a timer.
    pub fn retain_recent(&self, now: Micros) -> usize {
        let left = self.local().retain_recent(now);
        if let Self::Shared(shared) = self {
            shared.tidy();
        }
        left
    }
}
