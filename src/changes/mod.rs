//! The change log as partners follow it.

pub mod api;
pub mod in_plan;
pub mod resource;
pub mod store;
mod successors;
mod wait;

pub use crate::access::resource::Kind;
pub use in_plan::InPlan;
pub use successors::{is_deleted_product, successors};
pub use wait::Waits;

use crate::kernel::Micros;
use crate::storage::{Db, StoreError};

/// Takes out what happened before an instant, a batch at a time so that writers need not wait; how
/// many entries those were. Tombstones stay in their tables.
pub async fn prune(db: &Db, before: Micros) -> Result<u64, StoreError> {
    let mut pruned = 0;
    loop {
        match store::prune_batch(db, before).await? {
            0 => return Ok(pruned),
            batch => pruned += batch,
        }
    }
}

#[cfg(test)]
mod tests;
