//! Stores as stored, for the view.

use crate::kernel::Micros;
use crate::kernel::id::StoreId;
use crate::storage::fetch::{by_ids, in_batches};
use crate::storage::{Db, StoreError};
use crate::stores::view::{StoreChange, StoreRecord};
use std::sync::Arc;

const ALL: &str = "SELECT id, body, deleted_at FROM stores";
const SOME: &str = "SELECT id, body, deleted_at FROM stores WHERE id IN (";

type Columns = (String, String, Option<i64>);

fn read((id, body, deleted_at): Columns) -> Result<StoreChange, StoreError> {
    let id: StoreId = id.parse().map_err(|error| StoreError::corrupt("stores", error))?;
    if let Some(at) = deleted_at {
        return Ok(StoreChange::Delete(id, Micros(at)));
    }
    let record =
        StoreRecord::read(id, &body).map_err(|error| StoreError::corrupt("stores", error))?;
    Ok(StoreChange::Upsert(Arc::new(record)))
}

/// Every store, tombstones included.
pub async fn all(db: &Db, take: impl FnMut(Vec<StoreChange>)) -> Result<(), StoreError> {
    in_batches(db, ALL, read, take).await
}

/// What some stores are now.
pub async fn some(db: &Db, ids: &[String]) -> Result<Vec<StoreChange>, StoreError> {
    by_ids(db, SOME, ids).await?.into_iter().map(read).collect()
}
