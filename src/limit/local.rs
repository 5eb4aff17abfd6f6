//! Accounts in the memory of this process.

use super::account::Account;
use super::counter::Billed;
use super::period::Bounds;
use super::policy::Per;
use super::subject::{Shared, Subject};
use super::terms::Terms;
use crate::kernel::Micros;
use crate::kernel::id::{AppId, KeyId, PartnerId};
use hashbrown::HashMap;
use parking_lot::Mutex;
use std::sync::Arc;

/// Who is held to limits, on one side of the counter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SubjectId {
    /// The partner.
    pub partner: PartnerId,
    /// Its app.
    pub app: AppId,
    /// The app's key.
    pub key: KeyId,
    /// Whether it is a live key, or a test key.
    pub live: bool,
    /// When the partner's contract began.
    pub partner_since: Micros,
    /// When the app's contract began.
    pub app_since: Micros,
}

impl SubjectId {
    /// The name of the account that counts the calls of `per`.
    #[must_use]
    pub fn account(&self, per: Per) -> AccountId {
        let id = match per {
            Per::Partner => self.partner.0,
            Per::App => self.app.0,
            Per::Key => self.key.0,
        };
        AccountId { per, id, live: self.live }
    }

    fn since(&self, per: Per) -> Micros {
        match per {
            Per::Partner => self.partner_since,
            Per::App | Per::Key => self.app_since,
        }
    }
}

/// The name of an account. The counters in it have the names of their limits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct AccountId {
    /// Whose calls are counted together.
    pub per: Per,
    /// The id of that partner, app or key.
    pub id: u64,
    /// Live calls, or those of test keys.
    pub live: bool,
}

/// What the ledger is asked for: what it has of the period of an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wanted {
    /// The account.
    pub account: AccountId,
    /// The period.
    pub bounds: Bounds,
}

/// The accounts that this process has seen.
#[derive(Debug, Default)]
pub struct LocalLimiter {
    accounts: Mutex<HashMap<AccountId, Shared>>,
    /// Those among them that have quotas.
    counting: Mutex<HashMap<AccountId, Shared>>,
}

impl LocalLimiter {
    /// The accounts of a key under these terms: the same ones however often they are asked for. `differ`
    /// says whether other terms use the account of a level, too.
    #[must_use]
    pub fn subject(&self, id: SubjectId, terms: &Terms, differ: impl Fn(Per) -> bool) -> Subject {
        let mut accounts = self.accounts.lock();
        let account = |per: Per| {
            let level = terms.level(per);
            if level.is_empty() {
                return None;
            }
            let (name, since) = (id.account(per), id.since(per));
            let new = || Arc::new(Mutex::new(Account::new(per, since)));
            let account = Arc::clone(accounts.entry(name).or_insert_with(new));
            if !level.quotas.is_empty() || per == Per::Partner {
                account.lock().expect(terms, since, differ(per));
            }
            if !level.quotas.is_empty() {
                self.counting.lock().entry(name).or_insert_with(|| Arc::clone(&account));
            }
            Some(account)
        };
        Subject::new([Per::Partner, Per::App, Per::Key].map(account))
    }

    /// Whether any account has quotas.
    #[must_use]
    pub fn counts(&self) -> bool {
        !self.counting.lock().is_empty()
    }

    /// Does something to each account.
    pub(super) fn each_account(&self, mut act: impl FnMut(&mut Account)) {
        for account in self.accounts.lock().values() {
            act(&mut account.lock());
        }
    }

    fn counting(&self) -> Vec<(AccountId, Shared)> {
        self.counting.lock().iter().map(|(id, account)| (*id, Arc::clone(account))).collect()
    }

    /// Takes in what the ledger has got, by account, and what it has of periods that were wanted, by
    /// operation; `own` is the last segment of this process in it.
    pub fn take_in(
        &self,
        mut billed: HashMap<AccountId, Vec<Billed>>,
        seeds: Vec<(Wanted, Vec<(u16, u64)>)>,
        own: Option<u32>,
        now: Micros,
    ) {
        let mut of: HashMap<AccountId, Vec<_>> = HashMap::new();
        for (Wanted { account, bounds }, sums) in seeds {
            of.entry(account).or_default().push((bounds, sums));
        }
        for (id, account) in self.counting() {
            let billed = billed.remove(&id).unwrap_or_default();
            let mut account = account.lock();
            account.take_in(&billed, own, now);
            for (bounds, sums) in of.remove(&id).unwrap_or_default() {
                account.seed(bounds, &sums);
            }
        }
    }

    /// Counts one event in the quotas of an account, as if it had come from the ledger.
    pub fn bill(&self, id: AccountId, billed: Billed, now: Micros) {
        let account = self.counting.lock().get(&id).map(Arc::clone);
        if let Some(account) = account {
            account.lock().take_in(&[billed], None, now);
        }
    }

    /// Lets every counter begin anew with what the ledger has.
    pub fn unseed(&self) {
        self.counting().iter().for_each(|(_, account)| account.lock().unseed());
    }

    /// What the ledger has to be asked for.
    #[must_use]
    pub fn wanted(&self, now: Micros) -> Vec<Wanted> {
        let mut wanted = Vec::new();
        for (id, account) in self.counting() {
            let periods = account.lock().wants(now);
            wanted.extend(periods.into_iter().map(|bounds| Wanted { account: id, bounds }));
        }
        wanted
    }

    /// Forgets accounts that nobody holds and that owe nothing; how many are left.
    pub fn retain_recent(&self, now: Micros) -> usize {
        let mut accounts = self.accounts.lock();
        let mut counting = self.counting.lock();
        // Handles are given out under these locks only, so what nobody else holds nobody gets.
        accounts.retain(|id, account| {
            let holders = Arc::strong_count(account);
            let is_held = || holders > 1 + usize::from(counting.contains_key(id));
            let keep = holders > 2 || is_held() || !account.lock().settled(now);
            if !keep {
                counting.remove(id);
            }
            keep
        });
        accounts.len()
    }
}
