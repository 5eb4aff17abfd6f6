//! What stands in the place of products that are gone.

use super::store::{Entry, rows};
use super::{InPlan, Kind};
use crate::storage::{Db, StoreError};
use serde::Deserialize;
use std::collections::HashMap;

#[derive(Deserialize)]
struct Successor {
    replaced_by: Option<String>,
}

/// Whether an entry tells that a product is gone.
#[must_use]
pub fn is_deleted_product(entry: &Entry) -> bool {
    entry.op == "delete" && entry.kind == "product"
}

/// What replaces some deleted products, by the id of what is gone; what a plan leaves out is not told.
///
/// # Errors
/// Where the database cannot be asked.
pub async fn successors(
    db: &Db,
    deleted: &[String],
    included: Option<&InPlan<'_>>,
) -> Result<HashMap<String, String>, StoreError> {
    if deleted.is_empty() {
        return Ok(HashMap::new());
    }
    let rows = rows::documents(db, Kind::Product, deleted).await?;
    let named = rows.into_iter().filter_map(|row| {
        let successor: Successor = serde_json::from_str(&row.body).ok()?;
        Some((row.id, successor.replaced_by?))
    });
    let is_told = |id: &String| included.is_none_or(|included| included.tells_successor(id));
    Ok(named.filter(|(_, successor)| is_told(successor)).collect())
}
