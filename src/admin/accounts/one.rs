//! Which accounts count as one person where a second person is needed.

use crate::on_tx;
use crate::storage::{StoreError, Tx};
use std::collections::BTreeSet;

/// Accounts of the same address of mail: one that the OpenID provider tells, or that is a login here. An address that
/// nobody has verified is enough, since it only keeps people from approving.
const SAME: &str = "SELECT b.id FROM accounts a JOIN accounts b ON b.id <> a.id \
    AND (b.login = a.email OR b.email = a.login OR b.email = a.email) WHERE a.id = $1";
/// Who was handed the first password of an account.
const HANDED: &str = "SELECT handed_to FROM accounts WHERE id = $1 AND handed_to <> ''";

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
        for next in [Some(SAME), ties.then_some(HANDED)].into_iter().flatten() {
            let found: Vec<String> =
                on_tx!(&mut *tx, c => sqlx::query_scalar(next).bind(&id).fetch_all(c).await)?;
            left.extend(found);
        }
        one.insert(id);
    }
    Ok(one)
}
