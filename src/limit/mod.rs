//! How much a caller may take: the policies of a plan, and the limiter that holds callers to them.
//!
//! A call names its weight; all policies are asked together, and nothing is taken when any refuses.
//! The arithmetic is in [`gcra`], pure and exact; [`local`] keeps the accounts of this process.
//! Fetch a [`Subject`] once per caller and keep it: a check is then one uncontended lock.
//! The local limiter counts per process: two processes admit twice the quota.

#[cfg(test)]
mod conformance;
pub mod decision;
pub mod gcra;
pub mod local;
pub mod policy;

pub use decision::{Decision, Verdict};
pub use local::{LocalLimiter, Subject, SubjectId};
pub use policy::{InvalidLimits, Limits, MOST_POLICIES, Policy, PolicyName};

use crate::kernel::Micros;
use std::sync::Arc;

/// Where accounts are kept.
#[derive(Debug)]
pub enum Limiter {
    /// In the memory of this process.
    Local(LocalLimiter),
}

/// Why a limiter gave no decision. Memory always answers, so there is no such case yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum LimitError {}

impl Limiter {
    /// The account of a subject: the same one however often it is asked for.
    #[must_use]
    pub fn handle(&self, id: SubjectId) -> Arc<Subject> {
        match self {
            Self::Local(local) => local.handle(id),
        }
    }

    /// Takes `weight_milli` thousandths of a unit from every policy, or from none.
    pub fn check(
        &self,
        subject: &Subject,
        limits: &Limits,
        now: Micros,
        weight_milli: u32,
    ) -> Result<Decision, LimitError> {
        match self {
            Self::Local(_) => Ok(subject.take(limits, now, weight_milli)),
        }
    }

    /// Forgets accounts that nobody holds and that owe nothing; how many are left. Call it on a timer.
    pub fn retain_recent(&self, now: Micros) -> usize {
        match self {
            Self::Local(local) => local.retain_recent(now),
        }
    }
}
