//! What the ledger has of quotas, for who watches them: sums as far as the ledger was followed, without what is
//! on its way there.

use super::account::Account;
use super::period::Bounds;
use super::policy::Per;
use super::subject::Subject;
use super::terms::{Level, Terms};
use crate::kernel::Micros;

/// What the ledger has of a period of a quota.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Counted {
    /// The quota's place in the plan.
    pub place: usize,
    /// Whose calls it counts together.
    pub per: Per,
    /// The period.
    pub period: Bounds,
    /// Thousandths of a unit.
    pub milli: u64,
}

impl Account {
    fn counted(&mut self, level: &Level, now: Micros, all: &mut Vec<Counted>) {
        let (per, since) = (self.per, self.since);
        for quota in &level.quotas {
            // Plans that differ may use the account by turns, so the counter may be at rest.
            let counter = self.all_counters().find(|counter| counter.counts(quota, since));
            let Some(counter) = counter else { continue };
            counter.roll(now);
            let place = quota.place;
            let told = |(period, milli)| Counted { place, per, period, milli };
            all.extend(counter.in_ledger().into_iter().flatten().map(told));
        }
    }
}

impl Subject {
    /// What the ledger has of the present period of each quota of the terms, and of the one before where calls
    /// of it came late. What it was not asked for yet is left out.
    #[must_use]
    pub fn counted(&self, terms: &Terms, now: Micros) -> Vec<Counted> {
        let mut all = Vec::new();
        for (account, per) in self.levels() {
            let level = terms.level(per);
            if let Some(account) = account.filter(|_| !level.quotas.is_empty()) {
                account.lock().counted(level, now, &mut all);
            }
        }
        all
    }
}
