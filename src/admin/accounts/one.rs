//! Which accounts count as one person where a second person is needed.

use super::model::{Account, Way};
use super::store;
use crate::access::model::Status;
use crate::admin::approvals::service::ACTIONS;
use crate::admin::rights::{self, Need};
use crate::kernel::id::AccountId;
use crate::storage::{StoreError, Tx};
use std::collections::BTreeSet;

/// A person with all whom they may be: who has the same address of mail and, with `ties`, who was handed the first
/// password of their account, and so on.
pub(in crate::admin) async fn with(
    tx: &mut Tx,
    person: &str,
    ties: bool,
) -> Result<BTreeSet<String>, StoreError> {
    let mut one = BTreeSet::new();
    let mut left = vec![person.to_owned()];
    while let Some(id) = left.pop() {
        if one.contains(&id) {
            continue;
        }
        left.extend(store::same_mail(tx, &id).await?);
        if ties {
            left.extend(store::handed_to(tx, &id).await?);
        }
        one.insert(id);
    }
    Ok(one)
}

/// Accounts of which nothing tells whether they are of the same people.
#[derive(Debug, PartialEq, Eq)]
pub struct Apart {
    /// Those with a password whose login is no address of mail that the provider tells.
    pub local: Vec<AccountId>,
    /// How many the OpenID provider lets in.
    pub provided: usize,
}

/// Active accounts of both kinds whose people may approve something, where there are any of each.
#[must_use]
pub fn apart(accounts: &[Account]) -> Option<Apart> {
    let counts = |account: &&Account| account.status == Status::Active && may_approve(account);
    let (local, provided): (Vec<&Account>, Vec<&Account>) =
        accounts.iter().filter(counts).partition(|it| matches!(it.way, Way::Local { .. }));
    let is_joined = |account: &&Account| provided.iter().any(|it| it.email() == account.login());
    let local: Vec<AccountId> = local.iter().filter(|it| !is_joined(it)).map(|it| it.id).collect();
    let found = !local.is_empty() && !provided.is_empty();
    found.then_some(Apart { local, provided: provided.len() })
}

/// Whether somebody has the right of anything that may wait for a second person.
fn may_approve(account: &Account) -> bool {
    ACTIONS.iter().any(|action| match rights::of(action.operation) {
        Some(Need::Right(right)) => account.roles.have(right),
        _ => false,
    })
}
