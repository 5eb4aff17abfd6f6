//! What keeps passwords from being guessed: each attempt counts before it is judged, and after some in a row
//! the next one has to wait, twice as long each time.
//!
//! Attempts count for the address and for the account. For an address from which somebody has come in to
//! the account before, they count for both together and not for the account: so guessing from elsewhere keeps
//! nobody out who comes from where they always come, and nobody is out for longer than `LONGEST`. An account
//! that is not there counts like one that is.

use super::store;
use crate::access::Pepper;
use crate::http::{ApiError, Code};
use crate::kernel::Micros;
use crate::kernel::clock::{DAY, SECOND};
use crate::kernel::id::AccountId;
use crate::storage::{Db, StoreError, Tx};
use std::net::IpAddr;

/// Attempts on an account without a wait.
const FREE: i64 = 5;
/// The same from an address: several people may share one.
const FREE_FROM_ADDRESS: i64 = 20;
/// Longest wait, in seconds.
const LONGEST: i64 = 900;
/// How long attempts are remembered.
const MEMORY: i64 = DAY;

/// What an attempt counts for, in an order that all attempts take them in.
#[derive(Debug)]
pub struct Counted {
    /// For the account, or for it and the address together; none where no account is named.
    account: Option<String>,
    /// For the address.
    address: String,
}

/// The address as attempts from it count: of IPv6, the network that one household has.
#[must_use]
pub fn network(address: Option<IpAddr>) -> String {
    match address.map(|address| address.to_canonical()) {
        Some(IpAddr::V6(v6)) => {
            let [a, b, c, d, ..] = v6.segments();
            format!("{a:x}:{b:x}:{c:x}:{d:x}::/64")
        }
        Some(v4) => v4.to_string(),
        None => String::new(),
    }
}

/// Seconds to wait after so many attempts in a row.
fn wait(failures: i64, free: i64) -> i64 {
    if failures < free {
        0
    } else {
        1i64.checked_shl((failures - free) as u32).unwrap_or(LONGEST).clamp(1, LONGEST)
    }
}

impl Counted {
    /// What an attempt on an account from a network counts for.
    pub async fn of(
        db: &Db,
        pepper: &Pepper,
        (login, account): (&str, Option<AccountId>),
        network: &str,
    ) -> Result<Self, StoreError> {
        // Asked in any case, so that it takes as long.
        let id = account.unwrap_or(AccountId(0));
        let known = store::is_known_address(db, id, network).await?;
        let account = match account {
            Some(id) if known => format!("account {id} from {network}"),
            Some(id) => format!("account {id}"),
            // What was typed may be a password in the wrong field.
            None => {
                let hash = blake3::Hash::from_bytes(pepper.derive("comptoir unknown login", login));
                format!("account {hash}")
            }
        };
        Ok(Self { account: Some(account), ..Self::of_address(network) })
    }

    /// What an attempt counts for that names no account: one that the OpenID provider is to judge.
    #[must_use]
    pub fn of_address(network: &str) -> Self {
        Self { account: None, address: format!("address {network}") }
    }

    /// Counts an attempt, or says how long to wait for the next.
    pub async fn begin(&self, db: &Db, now: Micros) -> Result<(), ApiError> {
        let mut tx = db.begin().await?;
        let account = self.account.as_ref().map(|account| (account, FREE));
        for (counted, free) in account.into_iter().chain([(&self.address, FREE_FROM_ADDRESS)]) {
            // The row is ours from here on: attempts at once are judged one after the other.
            let (failures, last_at) = store::take(&mut tx, counted).await?;
            let since = now.0.saturating_sub(last_at.0);
            let failures = if since > MEMORY { 0 } else { failures };
            let left = wait(failures, free) - since.max(0) / SECOND;
            if left > 0 {
                drop(tx);
                if since < 0 {
                    // The clock was put back, or another node's is ahead: nobody waits for that as well.
                    store::bring_back(db, counted, now).await?;
                }
                let detail = format!("Too many attempts; wait {left} s before the next one.");
                let seconds = u64::try_from(left).unwrap_or_default();
                let error = ApiError::new(Code::TooManyAttempts, detail);
                return Err(error.limited(Vec::new(), Some(seconds)));
            }
            store::count(&mut tx, counted, failures + 1, now).await?;
        }
        Ok(tx.commit().await?)
    }

    /// Whether the attempt was right could not be found out: that of the address is taken back.
    pub async fn not_judged(&self, db: &Db) -> Result<(), StoreError> {
        let mut tx = db.begin().await?;
        store::take_back(&mut tx, &self.address).await?;
        tx.commit().await
    }

    /// The attempt was somebody who may come in. That of the address is taken back, no more: who has an
    /// account cannot clear the way for guesses at others.
    pub async fn succeeded(&self, tx: &mut Tx) -> Result<(), StoreError> {
        if let Some(account) = &self.account {
            store::forget(tx, account).await?;
        }
        store::take_back(tx, &self.address).await
    }
}

/// Forgets attempts of long ago. In a transaction of its own: it takes rows of anybody.
pub async fn tidy(db: &Db, now: Micros) -> Result<(), StoreError> {
    let mut tx = db.begin().await?;
    store::forget_old(&mut tx, Micros(now.0.saturating_sub(MEMORY))).await?;
    tx.commit().await
}

/// Forgets the attempts on an account.
pub async fn forgive(tx: &mut Tx, account: AccountId) -> Result<(), StoreError> {
    store::forget_all(tx, &format!("account {account}")).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wait_doubles_up_to_its_longest() {
        let waits: Vec<i64> = (0..20).map(|failures| wait(failures, FREE)).collect();
        assert_eq!(waits[..9], [0, 0, 0, 0, 0, 1, 2, 4, 8]);
        assert_eq!(waits[15..], [900; 5]);
        assert_eq!(wait(i64::MAX, FREE), LONGEST);
    }

    #[test]
    fn a_household_is_one_address() {
        let network = |text: &str| network(text.parse().ok());
        assert_eq!(network("192.0.2.7"), "192.0.2.7");
        assert_eq!(network("::ffff:192.0.2.7"), "192.0.2.7");
        assert_eq!(network("2001:db8:1:2:3::4"), network("2001:db8:1:2:ffff::"));
        assert_ne!(network("2001:db8:1:2::"), network("2001:db8:1:3::"));
    }
}
