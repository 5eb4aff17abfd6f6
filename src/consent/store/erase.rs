//! Forgetting a customer.

use super::apply::apply;
use super::{NotWritten, VERSIONS, hold, read, subjects};
use crate::consent::change::ConsentActor;
use crate::consent::record::{ConsentRecord, GrantId};
use crate::consent::refused::ChangeRefused;
use crate::kernel::Micros;
use crate::storage::{StoreError, Tx};

/// Forgets a customer: their key and all names that partners know them by are deleted, what holds is ended, and no version
/// of any consent leads to them; the consents that were so. What the ledger says stays as it is, and is told of each.
/// Nothing where nothing was asked of them, or they are forgotten already.
///
/// The row of the customer is taken first. Who asks them for something at the same time is before it, and then that is
/// forgotten as well, or finds them forgotten.
pub async fn forget(
    tx: &mut Tx,
    customer: &str,
    by: ConsentActor,
    now: Micros,
) -> Result<Vec<GrantId>, NotWritten> {
    let Some(reference) = subjects::delete(tx, customer).await? else { return Ok(Vec::new()) };
    hold(tx).await?;
    let mut erased = Vec::new();
    for id in read::ids_of(tx, reference).await? {
        let versions = read::versions(tx, id).await?;
        match ConsentRecord::erase(&versions, by, now) {
            Ok(change) => {
                apply(tx, &change).await?;
                erased.push(id);
            }
            // This one by itself, before.
            Err(ChangeRefused::Erased) => {}
            Err(refused) => return Err(StoreError::corrupt(VERSIONS, refused).into()),
        }
    }
    Ok(erased)
}
