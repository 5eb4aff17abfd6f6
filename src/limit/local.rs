//! Accounts in the memory of this process.

use super::account::{Account, Ask};
use super::decision::Decision;
use super::policy::Per;
use super::terms::Terms;
use crate::kernel::Micros;
use crate::kernel::id::{AppId, KeyId, PartnerId};
use hashbrown::HashMap;
use parking_lot::Mutex;
use std::sync::Arc;

/// Who is held to limits, on one side of the counter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct SubjectId {
    /// The partner.
    pub partner: PartnerId,
    /// Its app.
    pub app: AppId,
    /// The app's key.
    pub key: KeyId,
    /// Whether it is a live key, or a test key.
    pub live: bool,
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

/// An account that all who count on it share.
pub type Shared = Arc<Mutex<Account>>;

/// The accounts of one key at the levels that its plan limits. Keep it beside the key's other facts,
/// and no call looks anything up. They are locked in this order.
#[derive(Debug, Clone, Default)]
pub struct Subject {
    partner: Option<Shared>,
    app: Option<Shared>,
    key: Option<Shared>,
}

impl Subject {
    /// Takes the call from every limit, or from none.
    pub(super) fn take(&self, terms: &Arc<Terms>, ask: &Ask) -> Decision {
        let mut decision = Decision::default();
        if let Self { partner: None, app: Some(app), key: None } = self {
            let (mut account, level) = (app.lock(), terms.level(Per::App));
            account.follow(terms, ask.now);
            account.ask(level, ask, &mut decision);
            account.conclude(level, ask, &mut decision);
            return decision;
        }
        let levels = [(&self.partner, Per::Partner), (&self.app, Per::App), (&self.key, Per::Key)];
        let mut held = levels.map(|(account, per)| (account.as_ref().map(|a| a.lock()), per));
        for (account, per) in &mut held {
            if let Some(account) = account {
                account.follow(terms, ask.now);
                account.ask(terms.level(*per), ask, &mut decision);
            }
        }
        for (account, per) in &mut held {
            if let Some(account) = account {
                account.conclude(terms.level(*per), ask, &mut decision);
            }
        }
        decision
    }
}

/// The accounts that this process has seen.
#[derive(Debug, Default)]
pub struct LocalLimiter {
    accounts: Mutex<HashMap<AccountId, Shared>>,
}

impl LocalLimiter {
    /// The accounts of a key under these terms: the same ones however often they are asked for.
    #[must_use]
    pub fn subject(&self, id: SubjectId, terms: &Terms) -> Subject {
        let mut accounts = self.accounts.lock();
        let mut account = |per: Per| {
            let limited = !terms.level(per).is_empty();
            limited.then(|| {
                Arc::clone(
                    accounts
                        .entry(id.account(per))
                        .or_insert_with(|| Arc::new(Mutex::new(Account::new(per)))),
                )
            })
        };
        Subject { partner: account(Per::Partner), app: account(Per::App), key: account(Per::Key) }
    }

    /// Forgets accounts that nobody holds and that owe nothing; how many are left.
    pub fn retain_recent(&self, now: Micros) -> usize {
        let mut accounts = self.accounts.lock();
        // Handles are given out under this lock only, so a count of one is final.
        accounts.retain(|_, a| Arc::strong_count(a) > 1 || !a.lock().settled(now));
        accounts.len()
    }
}
